//! `plimsoll rules explain`

use super::write_tree;
use crate::{Outcome, output, rule_files};
use plimsoll_detect::explain::{Part, fields};
use plimsoll_detect::listing::event_types;
use plimsoll_detect::plan::{Plan, PlanRule};
use plimsoll_detect::rules::Rule;
use plimsoll_report::terminal;
use std::fmt::Write;

/// So many event types are named.
const MOST_TYPES: usize = 60;

/// Say what a rule asks: its condition as a tree, with lists and macros put in, the event types that it can match, the
/// fields that it needs, and what it costs.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The rule's name, or the id of its findings.
    #[arg(value_name = "RULE")]
    rule: String,
    #[command(flatten)]
    rules: rule_files::Args,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (loaded, problems) = rule_files::load(&args.rules.paths, rule_files::sources(), Vec::new())?;
    let rule = rule_files::named(&loaded.rules, &args.rule)?;
    output::print(page(rule).as_bytes())?;
    output::show(&problems);
    Ok(if problems.iter().any(|problem| problem.kind.is_error()) { Outcome::Incomplete } else { Outcome::Clean })
}

fn page(rule: &Rule) -> String {
    let mut page = String::new();
    let mut line = |what: &str, text: &str| {
        let text = text.trim().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let _ = writeln!(page, "{}", format!("{what:<14}{}", terminal(&text)).trim_end());
    };
    line("rule:", &rule.name);
    line("stands in:", &rule.context.location().to_string());
    line("what it does:", &rule.description);
    line("source:", &rule.source);
    line("priority:", rule.priority.name());
    if !rule.enabled {
        line("enabled:", "no");
    }
    line("tags:", &rule.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    line("output:", &rule.output);
    if rule.source == rule_files::SYSCALL {
        line("event types:", &types(rule));
    }
    line("fields:", &fields(rule).into_iter().collect::<Vec<_>>().join(", "));
    let size = Plan::new(&[PlanRule { filter: &rule.filter, events: &rule.event_types }]).size();
    let cost = format!("at most {} comparisons of {} fields; {} event types wake it up", size.atoms, size.sources, rule.event_types.len());
    line("cost:", &cost);
    line("condition:", "");
    write_tree(&Part::of(rule), &mut page);
    page
}

fn types(rule: &Rule) -> String {
    let types = event_types(rule);
    match types.get(..MOST_TYPES) {
        Some(some) if types.len() > MOST_TYPES => format!("{} and {} more", some.join(", "), types.len() - MOST_TYPES),
        _ => types.join(", "),
    }
}
