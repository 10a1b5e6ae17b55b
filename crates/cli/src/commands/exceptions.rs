//! `plimsoll exceptions`

use crate::import::{self, Draft};
use crate::{Outcome, output};
use anyhow::{Context, bail};
use plimsoll_model::{Config, Limits, Node, Origin, Source, parse};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Exceptions: what is accepted, why, by whom, until when.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make exceptions of those of other tools: Kubescape's posture exceptions, Kyverno's PolicyExceptions and excluded
    /// resources, namespaces that Gatekeeper excludes, .trivyignore. What cannot be said as exactly is named and left out.
    Import(ImportArgs),
}

#[derive(clap::Args)]
struct ImportArgs {
    /// Files with exceptions; those of Gatekeeper together with the constraints.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Who answers for the exceptions from now on.
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// The configuration that they are added to. Without it, they are printed.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let Command::Import(args) = &args.command;
    let read = |path: &PathBuf| -> anyhow::Result<(String, String)> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    let files = args.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let imported = import::read(&files);
    if !imported.found {
        bail!("there are no exceptions here; `plimsoll exceptions import --help` says which are known");
    }
    for left in &imported.left {
        output::complain(&format!("left out: {left}"));
    }
    match &args.output {
        _ if imported.drafts.is_empty() => {}
        None => write!(io::stdout().lock(), "exceptions:\n{}", import::yaml(&imported.drafts, &args.owner, 2))?,
        Some(path) => add(path, &imported.drafts, &args.owner)?,
    }
    Ok(if imported.left.is_empty() { Outcome::Clean } else { Outcome::Incomplete })
}

/// Adds exceptions to a configuration, whose text otherwise stays as it is.
fn add(path: &Path, drafts: &[Draft], owner: &str) -> anyhow::Result<()> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
    };
    let source = Source::new(name.as_str(), Origin::File, text.as_str());
    let (before, problems) = Config::read(&source);
    if let Some(problem) = problems.first() {
        bail!("{}: {}; nothing was added", problem.place(), problem.message);
    }
    let (documents, _) = parse(&source, Limits::default());
    let list = documents.first().and_then(|document| document.root()?.get("exceptions")).filter(|list| list.items().next().is_some());
    let changed = match list {
        None => {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            format!("{text}{end}exceptions:\n{}", import::yaml(drafts, owner, 2))
        }
        Some(list) => {
            // The items stand below each other: the new ones come after the line of the last.
            let (first, last) = (list.items().next().map(Node::location), list.items().last().map(Node::span));
            let indent = first.map_or(3, |first| first.start().column as usize).saturating_sub(3);
            let end = last.map_or(0, |last| last.end as usize);
            let line = text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end + at + 1);
            let (head, tail) = text.split_at_checked(line).context("the list of exceptions has no end")?;
            let break_line = if head.ends_with('\n') { "" } else { "\n" };
            format!("{head}{break_line}{}{tail}", import::yaml(drafts, owner, indent))
        }
    };
    let (after, problems) = Config::read(&Source::new(name.as_str(), Origin::File, changed.as_str()));
    if !problems.is_empty() || after.exceptions.len() != before.exceptions.len() + drafts.len() {
        bail!("cannot add to the list of exceptions in {name} as it is written; leave out --output, and add what is printed by hand");
    }
    std::fs::write(path, changed).with_context(|| format!("cannot write {name}"))?;
    output::complain(&format!("exceptions added to {name}: {}", drafts.len()));
    Ok(())
}
