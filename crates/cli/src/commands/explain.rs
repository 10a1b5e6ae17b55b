//! `plimsoll explain`

use crate::{Outcome, engine, output};
use anyhow::bail;
use plimsoll_model::Rule;
use plimsoll_policy::Policies;
use std::fmt::Write;
use std::sync::Arc;

/// Print the page of a check: what it detects, why it matters, how to fix it.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The id, as findings carry it; case and the prefix do not matter. Without one, all checks are listed.
    id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let rules = engine::rules(&Policies::default(), &[]);
    let chosen = match &args.id {
        None => rules,
        Some(id) => vec![find(&rules, id)?],
    };
    let text = match (&args.id, args.json) {
        (_, true) => serde_json::to_string_pretty(&chosen.iter().map(|rule| json(rule)).collect::<Vec<_>>())? + "\n",
        (None, false) => list(&chosen),
        (Some(_), false) => chosen.iter().map(|rule| page(rule)).collect(),
    };
    output::print(text.as_bytes())?;
    Ok(Outcome::Clean)
}

fn find(rules: &[Arc<Rule>], id: &str) -> anyhow::Result<Arc<Rule>> {
    let same = |rule: &&Arc<Rule>| {
        let bare = rule.id.split_once('-').map_or("", |(_, bare)| bare);
        rule.id.eq_ignore_ascii_case(id) || bare.eq_ignore_ascii_case(id)
    };
    if let Some(rule) = rules.iter().find(same) {
        return Ok(Arc::clone(rule));
    }
    let wanted = id.to_ascii_lowercase();
    let near: Vec<_> = rules.iter().map(|rule| &*rule.id).filter(|known| known.to_ascii_lowercase().contains(&wanted)).collect();
    if near.is_empty() {
        bail!("no check is called `{id}`; `plimsoll explain` lists all");
    }
    bail!("no check is called `{id}`; there is {}", near.join(", "));
}

fn list(rules: &[Arc<Rule>]) -> String {
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    rules.iter().map(|rule| format!("{:width$}  {:8}  {}\n", rule.id, rule.severity, rule.title)).collect()
}

fn page(rule: &Rule) -> String {
    let mut page = format!("{}: {}\nSeverity: {}\n\n{}\n", rule.id, rule.title, rule.severity, rule.docs.trim());
    if !rule.references.is_empty() {
        page.push_str("\n## References\n");
        for reference in rule.references.iter() {
            // Writing to a string does not fail.
            let _ = writeln!(page, "- {} {}: {}", reference.system, reference.id, reference.url);
        }
    }
    page
}

fn json(rule: &Rule) -> serde_json::Value {
    let references: Vec<_> =
        rule.references.iter().map(|one| serde_json::json!({"system": one.system, "id": one.id, "url": one.url})).collect();
    serde_json::json!({"id": rule.id, "title": rule.title, "severity": rule.severity, "docs": rule.docs, "references": references})
}
