//! `plimsoll rules list`

use super::{Form, json};
use crate::{Outcome, output, rule_files};
use plimsoll_detect::listing::RuleList;
use std::fmt::Write;
use std::path::PathBuf;

/// List rules with their source, priority and tags.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Rules files in order, directories (the YAML files in them, by name), or `-`; without, the rules of this program.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How the answer is written.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Form,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (loaded, problems) = rule_files::load(&args.paths, rule_files::sources(), Vec::new())?;
    let list = RuleList::of(&loaded.rules);
    if args.output == Form::Json {
        output::print(&json(&list)?)?;
    } else {
        let mut text = String::new();
        for rule in &list.rules {
            let off = if rule.enabled { "" } else { " (disabled)" };
            let tags = if rule.tags.is_empty() { String::new() } else { format!("  [{}]", rule.tags.join(", ")) };
            // Writing into memory does not fail.
            let _ = writeln!(text, "{:<13} {:<9} {}{off}{tags}", rule.priority, rule.source, rule.name);
        }
        output::print(text.as_bytes())?;
    }
    output::show(&problems);
    Ok(if problems.iter().any(|problem| problem.kind.is_error()) { Outcome::Incomplete } else { Outcome::Clean })
}
