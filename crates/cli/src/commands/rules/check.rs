//! `plimsoll rules check`

use super::{Form, json};
use crate::{Outcome, output, rule_files};
use plimsoll_detect::listing::Checked;
use plimsoll_detect::rules::{Diagnostics, lint, load};
use plimsoll_model::{Problem, ProblemKind};
use std::path::PathBuf;

/// Say what is wrong with rules files: what Falco's loader says of them, with its codes, and what else is odd: rules that
/// can never match, rules that an earlier one always answers for, names of lists that stay names.
///
/// Exit status: 0 the rules can be used, 2 they cannot.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Rules files in order, directories (the YAML files in them, by name), or `-`; without, the rules of this program.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Treat warnings as errors.
    #[arg(long)]
    strict: bool,
    /// Also say what the schema of rules files asks for and the loader does not.
    #[arg(long)]
    schema: bool,
    /// The rules are used with `--rule-matching all`: no rule hides another.
    #[arg(long)]
    all: bool,
    /// How the answer is written.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Form,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (files, unreadable) = rule_files::read(&args.paths);
    let loaded = load(&files, rule_files::sources(), Vec::new());
    let odd = if loaded.diagnostics.is_ok() { lint(&loaded.rules, !args.all) } else { Diagnostics::default() };
    let found = || loaded.diagnostics.0.iter().chain(&odd.0);
    let strict = args.strict && found().next().is_some();
    let broken = !loaded.diagnostics.is_ok() || unreadable.iter().any(|problem| problem.kind.is_error());
    let mut problems = unreadable;
    let checked = Checked::of(&loaded.rules, found());
    if args.output == Form::Json {
        output::print(&json(&checked)?)?;
    } else {
        problems.extend(found().map(Problem::from));
        output::print(summary(&checked).as_bytes())?;
    }
    if args.schema {
        let problem = |message: &str| Problem::new(ProblemKind::Note, format!("the schema of rules files: {message}"));
        problems.extend(loaded.schema.iter().map(|found| problem(&found.message).located(found.location.clone())));
    }
    output::show(&problems);
    Ok(if broken || strict { Outcome::Incomplete } else { Outcome::Clean })
}

fn summary(checked: &Checked) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let errors = checked.diagnostics.iter().filter(|diagnostic| diagnostic.error).count();
    let warnings = checked.diagnostics.len() - errors;
    format!(
        "{}, {}, {}: {}, {}\n",
        count(checked.rules, "rule"),
        count(checked.macros, "macro"),
        count(checked.lists, "list"),
        count(errors, "error"),
        count(warnings, "warning")
    )
}
