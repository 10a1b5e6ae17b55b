//! `plimsoll psa plan`

use crate::{Outcome, input, output};
use plimsoll_model::{Inventory, Node, Workload};
use plimsoll_pod_security::{Level, LevelVersion, Policy, Version, aggregate_detail, evaluate, findings, strictest, strictest_by_version};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Plan the rollout of Pod Security levels, namespace by namespace.
///
/// For each namespace: the strictest level that everything in it meets today (templates and workloads scaled to zero
/// included), what blocks the next one, and the commands and labels for warn and audit first, enforce second.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    input: input::Args,
    /// The version whose rules hold; the labels pin it.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    version: Version,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: PlanForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PlanForm {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For pull requests and job summaries.
    Markdown,
    /// Namespace objects with the labels of the first step.
    Yaml,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    version: String,
    namespaces: Vec<NamespacePlan>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NamespacePlan {
    namespace: String,
    /// What its labels ask for today; absent where it has none or is not among what was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    today: Option<Today>,
    workloads: usize,
    /// The strictest level that all of them meet.
    strictest: &'static str,
    /// The next level; absent at restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
    /// What keeps the namespace from the next level.
    blockers: Vec<Blocker>,
    /// What today's enforce level refuses already.
    refused_today: Vec<String>,
    /// The strictest level of each workload at every version.
    levels: Vec<Levels>,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Levels {
    workload: String,
    /// Versions with the same answer together, `v1.0` to the newest.
    versions: Vec<Range>,
}

#[derive(Serialize)]
struct Range {
    from: String,
    to: String,
    level: &'static str,
}

#[derive(Serialize)]
struct Today {
    enforce: String,
    audit: String,
    warn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blocker {
    workload: String,
    location: String,
    /// As admission would say it.
    reason: String,
    /// Whether it has no pods now, so that relabelling the namespace would not warn of it.
    scaled_to_zero: bool,
    /// Whether it is a live pod; else it is a template.
    live_pod: bool,
    /// Whether every violation has a cure that may be applied as it is.
    safe_to_fix: bool,
}

#[derive(Serialize)]
struct Step {
    what: String,
    command: String,
    labels: BTreeMap<String, String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let loaded = args.input.load()?;
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let mut by_namespace: BTreeMap<&str, Vec<&Workload<'_>>> =
        inventory.of_kind("Namespace").map(|namespace| (namespace.name, Vec::new())).collect();
    for workload in &inventory.workloads {
        let name = workload.object.namespace;
        by_namespace.entry(if name.is_empty() { "default" } else { name }).or_default().push(workload);
    }
    let plan = Plan {
        version: args.version.to_string(),
        namespaces: by_namespace.into_iter().map(|(name, workloads)| namespace(name, &workloads, &inventory, args.version)).collect(),
    };
    let text = match args.form {
        PlanForm::Text => text(&plan),
        PlanForm::Json => serde_json::to_string_pretty(&plan)? + "\n",
        PlanForm::Markdown => markdown(&plan),
        PlanForm::Yaml => yaml(&plan),
    };
    output::print(text.as_bytes())?;
    let problems = output::complain_about(loaded.snapshot.problems.iter().chain(&inventory.problems));
    Ok(if problems { Outcome::Incomplete } else { Outcome::Clean })
}

fn namespace(name: &str, workloads: &[&Workload<'_>], inventory: &Inventory<'_>, version: Version) -> NamespacePlan {
    let level = workloads.iter().map(|workload| strictest(&workload.pod, version)).min().unwrap_or(Level::Restricted);
    let next = Level::ALL.into_iter().find(|next| *next > level);
    let today = crate::engine::namespace_policy(inventory, name);
    let blockers = next.map(|next| blockers(workloads, next.at(version))).unwrap_or_default();
    let refused_today = today.map(|policy| refused(workloads, policy.enforce)).unwrap_or_default();
    NamespacePlan {
        namespace: name.to_owned(),
        today: today.map(|policy| Today {
            enforce: policy.enforce.to_string(),
            audit: policy.audit.to_string(),
            warn: policy.warn.to_string(),
        }),
        workloads: workloads.len(),
        strictest: level.name(),
        next: next.map(Level::name),
        steps: steps(name, level, next, version, today, !refused_today.is_empty()),
        blockers,
        refused_today,
        levels: workloads.iter().map(|workload| levels(workload)).collect(),
    }
}

fn levels(workload: &Workload<'_>) -> Levels {
    let range = |(from, to, level): (u32, u32, Level)| Range {
        from: Version::Minor(from.into()).to_string(),
        to: Version::Minor(to.into()).to_string(),
        level: level.name(),
    };
    Levels { workload: workload.object.id().to_string(), versions: strictest_by_version(&workload.pod).into_iter().map(range).collect() }
}

fn blockers(workloads: &[&Workload<'_>], policy: LevelVersion) -> Vec<Blocker> {
    let blocker = |workload: &&Workload<'_>| {
        let forbidden = evaluate(&workload.pod, policy);
        (!forbidden.is_empty()).then(|| Blocker {
            workload: workload.object.id().to_string(),
            location: workload.object.node.location().to_string(),
            reason: aggregate_detail(&forbidden),
            scaled_to_zero: workload.object.node.at(&["spec", "replicas"]).and_then(Node::as_int) == Some(0),
            live_pod: workload.object.kind == "Pod" && workload.object.uid().is_some(),
            safe_to_fix: findings(workload, policy)
                .iter()
                .all(|finding| finding.remediation.as_ref().is_some_and(|cure| cure.applicability == plimsoll_model::Applicability::Safe)),
        })
    };
    workloads.iter().filter_map(blocker).collect()
}

fn refused(workloads: &[&Workload<'_>], enforce: LevelVersion) -> Vec<String> {
    let is_refused = |workload: &&&Workload<'_>| !evaluate(&workload.pod, enforce).is_empty();
    workloads.iter().filter(is_refused).map(|workload| workload.object.id().to_string()).collect()
}

/// Warn and audit at the next level show what is left to do; enforce holds what is reached.
///
/// The version is pinned: what was judged here is what the labels ask for, whatever the cluster is upgraded to. An
/// older cluster takes a version that it does not know yet as its own newest.
fn steps(namespace: &str, level: Level, next: Option<Level>, version: Version, today: Option<Policy>, refuses: bool) -> Vec<Step> {
    let version = Version::Minor(version.effective().into());
    let step = |what: String, modes: &[(&str, Level)]| {
        let labels: BTreeMap<String, String> = modes
            .iter()
            .flat_map(|(mode, level)| [((*mode).to_owned(), level.to_string()), (format!("{mode}-version"), version.to_string())])
            .map(|(key, value)| (format!("pod-security.kubernetes.io/{key}"), value))
            .collect();
        let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Step { what, command: format!("kubectl label --overwrite namespace {namespace} {}", pairs.join(" ")), labels }
    };
    let target = next.unwrap_or(level);
    let watch = [("audit", target), ("warn", target)];
    let hold = [("enforce", level), ("audit", target), ("warn", target)];
    let enforced = today.map_or(Level::Privileged.at(version), |policy| policy.enforce);
    let first = match enforced.level > level {
        true if refuses => step(
            format!("{enforced} is enforced and refuses pods of what is here: cure the workloads, or go back to {level} until they are"),
            &hold,
        ),
        true => step(format!("keep {enforced}, which everything here meets; warn and audit at {target}:{version}"), &watch),
        false => step(format!("warn and audit at {target}; enforce {level}, which everything here meets"), &hold),
    };
    let then = next.map(|next| {
        step(format!("when nothing blocks it any more: enforce {next}"), &[("enforce", next), ("audit", next), ("warn", next)])
    });
    std::iter::once(first).chain(then).collect()
}

fn text(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for namespace in &plan.namespaces {
        let today = namespace.today.as_ref().map_or("no labels".to_owned(), |today| format!("enforces {}", today.enforce));
        let _ = writeln!(text, "{}: {} workloads, {today}", namespace.namespace, namespace.workloads);
        let _ = writeln!(text, "  meets {} at {}", namespace.strictest, plan.version);
        for workload in &namespace.refused_today {
            let _ = writeln!(text, "  refused today: {workload}");
        }
        if let Some(next) = namespace.next {
            let _ = writeln!(text, "  blocked from {next} by");
        }
        for blocker in &namespace.blockers {
            let _ = writeln!(text, "    {}{}  {}", blocker.workload, remarks(blocker), blocker.location);
            let _ = writeln!(text, "      {}", blocker.reason);
        }
        for (number, step) in namespace.steps.iter().enumerate() {
            let _ = writeln!(text, "  {}. {}\n     {}", number + 1, step.what, step.command);
        }
        text.push('\n');
    }
    text
}

fn remarks(blocker: &Blocker) -> String {
    let said = [(blocker.scaled_to_zero, "scaled to zero"), (blocker.live_pod, "live pod"), (blocker.safe_to_fix, "--fix cures it")];
    let said: Vec<_> = said.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what).collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
}

fn markdown(plan: &Plan) -> String {
    let mut text = format!(
        "## Pod Security plan ({})\n\n| namespace | workloads | today | meets | next | blockers |\n| --- | --- | --- | --- | --- | --- |\n",
        plan.version
    );
    for namespace in &plan.namespaces {
        let today = namespace.today.as_ref().map_or("", |today| &today.enforce);
        let row =
            (&namespace.namespace, namespace.workloads, today, namespace.strictest, namespace.next.unwrap_or(""), namespace.blockers.len());
        let _ = writeln!(text, "| {} | {} | {} | {} | {} | {} |", row.0, row.1, row.2, row.3, row.4, row.5);
    }
    for namespace in &plan.namespaces {
        let _ = writeln!(text, "\n### {}\n", namespace.namespace);
        for blocker in &namespace.blockers {
            let _ = writeln!(text, "- {}{}: {}", blocker.workload, remarks(blocker), blocker.reason.replace('|', "\\|"));
        }
        for step in &namespace.steps {
            let _ = writeln!(text, "\n{}\n\n```sh\n{}\n```", step.what, step.command);
        }
    }
    text
}

fn yaml(plan: &Plan) -> String {
    let mut text = String::new();
    for namespace in &plan.namespaces {
        let Some(step) = namespace.steps.first() else { continue };
        let _ =
            writeln!(text, "---\n# {}\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n  labels:", step.what, namespace.namespace);
        for (key, value) in &step.labels {
            let _ = writeln!(text, "    {key}: {value}");
        }
    }
    text
}
