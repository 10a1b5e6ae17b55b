//! `plimsoll access cut`

use super::ends::{EndArgs, is_machine_or_everybody};
use super::text::Text;
use super::usage::usage;
use super::{Reading, TargetArgs, is_complete, load};
use crate::{Outcome, input, output};
use plimsoll_access::cut::{Change, Cut, Goal, InUse, Kept, Open, cut};
use plimsoll_access::graph::Sink;
use plimsoll_model::edit::manifest;
use plimsoll_model::rbac::Defaults;
use plimsoll_pod_security::{Level, Version, strictest};
use serde_json::Value;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  plimsoll access cut cluster
  plimsoll access cut --from namespace:ci --to every-secret -o yaml cluster";

/// Find the fewest changes after which no way leads from some to others: of bindings, rules, pods, namespaces.
///
/// The changes are made and everything is judged again before they are shown. Without --from, all service accounts outside
/// kube-system, and everybody; without --to, cluster-admin. Exits with 0 if no way leads there, 1 if changes are needed, or
/// none can close a way; 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    ends: EndArgs,
    /// Change nothing that this audit log shows in use (a file, a directory or `-`; may be given several times). Ways that only
    /// such a change would close stay open, and are listed with who uses what.
    #[arg(long, value_name = "LOG")]
    audit: Vec<PathBuf>,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    #[command(flatten)]
    input: input::WideArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For a terminal.
    Text,
    /// For programs, with JSON Patches.
    Json,
    /// The changed objects, to be applied.
    Yaml,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (usage, log_problems) = usage(&args.audit, args.targets.all())?;
    let loaded = load(&args.input, args.targets.all())?;
    let mut reading = Reading::of(&loaded);
    reading.problems.extend(log_problems);
    let log = InUse::new(&usage, &reading.authorizer);
    let graph = reading.graph();
    let sinks = args.ends.sinks(&[Sink::ClusterAdmin])?;
    let sources = args.ends.sources(&graph, is_machine_or_everybody)?;
    let goal = Goal {
        sources: &sources,
        sinks: &sinks,
        situation: &reading.situation,
        kinds: &loaded.kinds,
        defaults: Defaults::Assume,
        in_use: &|held| log.right(held),
        acts: &|identity| log.account(identity),
        is_baseline: &|pod| strictest(pod, Version::Latest) >= Level::Baseline,
        cost: &|_| 1,
    };
    let is_complete = is_complete(reading.problems.iter());
    let cut = cut(&graph, &goal);
    let text = match args.form {
        Form::Text => text(&cut, !args.audit.is_empty(), is_complete),
        Form::Json => serde_json::to_string_pretty(&cut)? + "\n",
        Form::Yaml => yaml(&cut),
    };
    output::complain_about(reading.problems.iter());
    output::print(text.as_bytes())?;
    Ok(match (is_complete && cut.remaining.is_empty(), cut.changes.is_empty() && cut.open.is_empty()) {
        (false, _) => Outcome::Incomplete,
        (true, false) => Outcome::Findings,
        (true, true) => Outcome::Clean,
    })
}

fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn text(cut: &Cut, has_log: bool, is_complete: bool) -> String {
    let mut text = Text::default();
    for (at, Change { what, place, leaves, unseen, closes, .. }) in cut.changes.iter().enumerate() {
        text.line(0, &format!("{}. {what} ({place})", at + 1));
        if !leaves.is_empty() {
            text.line(3, &format!("leaves: {}", leaves.join("; ")));
        }
        if has_log && !unseen.is_empty() {
            text.line(3, &format!("not known to be unused, as no audit log shows it: {}", unseen.join(", ")));
        }
        text.line(3, &format!("without this, {} open", count(*closes, "way stays").replace("way stayss", "ways stay")));
    }
    let shown = |text: &mut Text, open: &Open| {
        text.line(2, &format!("{} reaches {}", open.source, open.sink));
        open.way.iter().for_each(|step| text.line(4, step));
        open.in_use.iter().for_each(|used| text.line(4, &format!("in use: {used}")));
    };
    if !cut.kept.is_empty() {
        text.line(0, "kept, as the audit log shows it in use:");
    }
    for Kept { what, place, in_use, .. } in &cut.kept {
        text.line(2, &format!("{what} ({place})"));
        in_use.iter().for_each(|used| text.line(4, used));
    }
    if !cut.open.is_empty() {
        text.line(0, "nothing that may be changed closes these:");
        cut.open.iter().for_each(|open| shown(&mut text, open));
    }
    if !cut.remaining.is_empty() {
        text.line(0, "STILL OPEN once the changes are made:");
        cut.remaining.iter().for_each(|open| shown(&mut text, open));
    }
    let pairs = count(cut.pairs, "pair");
    let least = match (cut.is_smallest, cut.changes.len()) {
        (true, _) => "no smaller set of changes does".to_owned(),
        (false, _) => format!("none of them is needless, and at least {} are needed", cut.at_least),
    };
    match (cut.changes.len(), cut.pairs) {
        (0, 0) if cut.open.is_empty() && is_complete => text.line(0, "no way leads there"),
        (0, 0) if cut.open.is_empty() => text.line(0, "NOT KNOWN: by what was read, no way leads there"),
        (0, _) => {}
        (changes, _) => text.line(
            0,
            &format!(
                "{} {} {pairs} of who starts and what is reached; {least}",
                count(changes, "change"),
                if changes == 1 { "closes" } else { "close" }
            ),
        ),
    }
    if !cut.changes.is_empty() && cut.remaining.is_empty() {
        text.line(0, "checked: with the changes made, no way is left");
    }
    text.finish()
}

/// What is to be applied, and as comments what is to be deleted.
fn yaml(cut: &Cut) -> String {
    let mut text = String::new();
    for object in &cut.objects {
        let whats = cut.changes.iter().filter(|change| change.object == object.object);
        let comments: String = whats.map(|change| format!("# {}\n", plimsoll_report::terminal(&change.what))).collect();
        if object.delete {
            text.push_str(&format!("---\n{comments}# delete {}\n", plimsoll_report::terminal(&object.object.to_string())));
            continue;
        }
        text.push_str(&format!("---\n{comments}{}", manifest(&to_apply(&object.manifest))));
    }
    text
}

/// An object without what only the API server writes.
fn to_apply(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"] {
                metadata.remove(field);
            }
        }
    }
    object
}
