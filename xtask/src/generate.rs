//! Generated files: schemas, the pages of the checks, the list of their ids, the command line reference.

use crate::ids;
use crate::peers::Peers;
use anyhow::{Context, bail};
use plimsoll_access::graph::primitive::Effect;
use plimsoll_model::Rule;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

/// Write the generated files, or check that they are fresh.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if a file is not what would be written.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let files = files()?;
    let root = crate::root();
    let mut stale = Vec::new();
    for (path, text) in &files {
        let full = root.join(path);
        if std::fs::read_to_string(&full).ok().as_ref() == Some(text) {
            continue;
        }
        if args.check {
            stale.push(format!("{path} is not fresh"));
        } else {
            std::fs::create_dir_all(full.parent().unwrap_or(&root))?;
            std::fs::write(&full, text).with_context(|| format!("cannot write {path}"))?;
            println!("wrote {path}");
        }
    }
    // A page of a check that is gone.
    for entry in std::fs::read_dir(root.join("docs/checks")).into_iter().flatten().flatten() {
        let path = format!("docs/checks/{}", entry.file_name().to_string_lossy());
        if !files.contains_key(&path) {
            if args.check {
                stale.push(format!("{path} is made by nobody"));
            } else {
                std::fs::remove_file(entry.path())?;
                println!("removed {path}");
            }
        }
    }
    for line in &stale {
        eprintln!("{line}; run `cargo xtask gen`");
    }
    Ok(stale.is_empty())
}

/// Every generated file with its text.
fn files() -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    files.insert(
        "docs/schemas/policy-test.schema.json".to_owned(),
        serde_json::to_string_pretty(&plimsoll_policy::testing::json_schema())? + "\n",
    );
    files.insert("docs/schemas/report.schema.json".to_owned(), serde_json::to_string_pretty(&plimsoll_report::json_schema())? + "\n");
    files.insert(
        "docs/schemas/diagram.schema.json".to_owned(),
        serde_json::to_string_pretty(&plimsoll_report::diagram::json_schema())? + "\n",
    );
    files.insert("docs/schemas/map.schema.json".to_owned(), serde_json::to_string_pretty(&plimsoll_report::map::json_schema())? + "\n");
    files.insert(
        "docs/schemas/certificates.schema.json".to_owned(),
        serde_json::to_string_pretty(&plimsoll_report::certificates_schema())? + "\n",
    );
    for (name, schema) in plimsoll_access::json_schemas() {
        files.insert(format!("docs/schemas/access-{name}.schema.json"), serde_json::to_string_pretty(&schema)? + "\n");
    }
    for (name, schema) in plimsoll_network::json_schemas() {
        files.insert(format!("docs/schemas/net-{name}.schema.json"), serde_json::to_string_pretty(&schema)? + "\n");
    }
    for (name, schema) in plimsoll_detect::listing::json_schemas() {
        files.insert(format!("docs/schemas/rules-{name}.schema.json"), serde_json::to_string_pretty(&schema)? + "\n");
    }
    let test = serde_json::to_string_pretty(&plimsoll_detect::testing::json_schema())? + "\n";
    files.insert("docs/schemas/rule-test.schema.json".to_owned(), test);
    let rules = rules();
    let list = std::fs::read_to_string(crate::root().join(ids::PATH)).unwrap_or_default();
    files.insert(ids::PATH.to_owned(), ids::locked(&list, rules.iter().map(|rule| &*rule.id))?);
    let peers = Peers::read()?;
    let unknown = peers.unknown(&rules);
    if !unknown.is_empty() {
        bail!("peers.toml names checks that are not there: {}", unknown.join(", "));
    }
    for rule in &rules {
        files.insert(format!("docs/checks/{}.md", rule.id), page(rule, &peers));
    }
    files.insert("docs/peers.md".to_owned(), peers.page());
    files.insert("docs/checks/README.md".to_owned(), index(&rules));
    files.insert("docs/frameworks.md".to_owned(), frameworks(&rules));
    files.insert("docs/parameters.md".to_owned(), parameters());
    files.insert("docs/escalation.md".to_owned(), escalation());
    files.insert("docs/cli.md".to_owned(), command_line()?);
    Ok(files)
}

/// The rules of all engines, sorted by id.
pub(crate) fn rules() -> Vec<Arc<Rule>> {
    let mut rules: Vec<Arc<Rule>> = plimsoll_pod_security::rules()
        .iter()
        .chain(plimsoll_checks::rules())
        .chain(plimsoll_access::rules())
        .chain(plimsoll_network::lint::rules())
        .map(Arc::clone)
        .collect();
    rules.push(Arc::clone(&plimsoll_model::exceptions::EXPIRED));
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

fn page(rule: &Rule, peers: &Peers) -> String {
    let mut page = format!("# {}: {}\n\nSeverity: {}\n\n{}\n", rule.id, rule.title, rule.severity, rule.docs.trim());
    if !rule.references.is_empty() {
        page.push_str("\n## References\n\n");
        for one in rule.references.iter() {
            page.push_str(&format!("- {} [{}]({})\n", one.system, one.id, one.url));
        }
    }
    let names = peers.names_of(&rule.id);
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|(peer, check)| format!("{peer} `{check}`")).collect();
        page.push_str(&format!("\n## What [peers](../peers.md) call it\n\n{}\n", names.join(", ")));
    }
    page
}

fn index(rules: &[Arc<Rule>]) -> String {
    let mut index = String::from("# Checks\n\n| check | severity | what |\n| --- | --- | --- |\n");
    for rule in rules {
        index.push_str(&format!("| [{id}]({id}.md) | {} | {} |\n", rule.severity, rule.title, id = rule.id));
    }
    index
}

/// The steps that ways are made of.
fn escalation() -> String {
    let technique = |id: &str| format!("[{id}](https://attack.mitre.org/techniques/{}/)", id.replace('.', "/"));
    let mut text = String::from(
        "# Steps of escalation\n\nWhat [`plimsoll access paths`](access-paths.md) puts together to ways; who may do what at all: [access.md](access.md). A step that leads no further is told by the \
         posture checks, and stands here so that nothing is left out.\n\n## By rights\n\n| step | who has it | why | MITRE ATT&CK |\n| --- | --- | --- | --- |\n",
    );
    for primitive in plimsoll_access::graph::primitive::PRIMITIVES {
        let ends = if primitive.effect == Effect::Harm { " (leads no further)" } else { "" };
        let row = (primitive.name, primitive.may, primitive.why, technique(primitive.technique));
        text.push_str(&format!("| `{}` | {}{ends} | {} | {} |\n", row.0, row.1, row.2, row.3));
    }
    text.push_str("\n## By pods, nodes and clouds\n\n| step | what it is | MITRE ATT&CK |\n| --- | --- | --- |\n");
    for setting in plimsoll_access::graph::settings() {
        text.push_str(&format!("| `{}` | {} | {} |\n", setting.name, setting.what, technique(setting.technique)));
    }
    text
}

/// Which checks answer for which entry of each framework, and what nothing looks at.
fn frameworks(rules: &[Arc<Rule>]) -> String {
    let mut text = String::from(
        "# Frameworks\n\nWhat `--framework NAME` selects: the entries of each framework and the checks that answer for them. An entry without a check is not looked at, and reports say so.\n\n| framework | what | entries | with a check |\n| --- | --- | ---: | ---: |\n",
    );
    let mut tables = String::new();
    for framework in plimsoll_checks::FRAMEWORKS {
        let answers = framework.answers(rules);
        let covered = answers.iter().filter(|(_, rules)| !rules.is_empty()).count();
        text.push_str(&format!("| [{name}](#{name}) | {} | {} | {covered} |\n", framework.title, answers.len(), name = framework.name));
        tables.push_str(&format!("\n## {}\n\n{}\n\n| entry | checks |\n| --- | --- |\n", framework.name, framework.title));
        for (control, rules) in answers {
            let ids: Vec<String> = rules.iter().map(|rule| format!("[{id}](checks/{id}.md)", id = rule.id)).collect();
            tables.push_str(&format!("| {control} | {} |\n", if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }));
        }
    }
    text + SCORES + &tables
}

const SCORES: &str = "
## Scores

A control counts objects: each once, however many checks, containers or findings there are. It has looked at the objects of the kinds that
its checks are about (of workloads, those that speak for themselves; of RBAC, the bindings); *failed* are those with an open finding,
*accepted* those whose findings are all accepted, *unknown* those that could not be decided.

`--score kubescape` adds Kubescape's two figures by its formulas, of each framework that is asked for, or of all its controls:

- compliance of a control: 100 % if nothing failed and nothing is unknown, else the part of the objects that is known to be good or
  accepted; of a framework: the plain mean of its controls.
- risk of a framework: the weight of what failed, of the weight of all that was looked at, each control times its base score (1 where
  Kubescape gives none). An object weighs 1; with more than one replica 1.1 for each; a DaemonSet as much as its status says there are
  nodes to run on.

A control with nothing to look at counts 100 %, as it does there, and the line below the table says how many there are. Where
nothing at all was looked at there is no figure. Controls without a check are left out.

The formulas are the same; what they are fed is not always: Kubescape counts the subjects of bindings where a binding is counted
here, and leaves out controls of clusters and nodes when it reads files.

`--score plimsoll` shows what takes points off the score of this program.
";

/// The lists that users choose.
fn parameters() -> String {
    let mut text = String::from(
        "# Parameters\n\nLists that checks compare with. They stand under `parameters` in `plimsoll.yaml`.\n\n| parameter | what | default |\n| --- | --- | --- |\n",
    );
    for parameter in plimsoll_checks::PARAMETERS {
        let default: Vec<String> = parameter.default.iter().map(|value| format!("`{value}`")).collect();
        let default = if default.is_empty() { "none".to_owned() } else { default.join(" ") };
        text.push_str(&format!("| `{}` | {} | {} |\n", parameter.name, parameter.docs, default.replace('|', "\\|")));
    }
    text
}

/// The help of every command, asked of the binary itself.
fn command_line() -> anyhow::Result<String> {
    let mut text = String::from("# Command line\n\nThe help of every command, as the program prints it.\n");
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(command) = open.pop() {
        let help = help(&command)?;
        text.push_str(&format!(
            "\n## `{}`\n\n```text\n{}\n```\n",
            [vec!["plimsoll".to_owned()], command.clone()].concat().join(" "),
            help.trim()
        ));
        let mut children: Vec<Vec<String>> = subcommands(&help).map(|child| [command.clone(), vec![child]].concat()).collect();
        children.reverse();
        open.extend(children);
    }
    Ok(text)
}

fn help(command: &[String]) -> anyhow::Result<String> {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--package", "plimsoll", "--"])
        .args(command)
        .arg("--help")
        .current_dir(crate::root())
        .env("COLUMNS", "100")
        .output()?;
    if !output.status.success() {
        bail!("`plimsoll {} --help` failed: {}", command.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

fn subcommands(help: &str) -> impl Iterator<Item = String> + '_ {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let names = listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned)
}
