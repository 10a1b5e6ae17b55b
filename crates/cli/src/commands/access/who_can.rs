//! `plimsoll access who-can`

use super::text::{Text, named};
use super::{Form, Grants, ScopeArgs, is_complete, load, object_name, unseen_namespace};
use crate::{Outcome, input, output};
use anyhow::anyhow;
use plimsoll_access::{Question, WhoCan};

const EXAMPLES: &str = "Examples:
  plimsoll access who-can get secrets -n shop --in cluster
  plimsoll access who-can create pods/exec --in manifests/";

/// Say who can do something, by which binding and which rule.
///
/// Exits with 2 if more people might: something could not be read, or a role is missing.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The verb: get, list, create, impersonate, …
    #[arg(value_name = "VERB")]
    verb: String,
    /// The resource as kubectl takes it (pods, po, Pod, deployments.apps), with a subresource (pods/exec), or a path
    /// (/healthz).
    #[arg(value_name = "RESOURCE[/SUBRESOURCE]")]
    resource: String,
    /// The object's name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`; may be given several times. Without it, the
    /// current directory.
    #[arg(long = "in", short = 'f', value_name = "TARGET")]
    targets: Vec<String>,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    #[command(flatten)]
    input: input::WideArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    object_name(args.name.as_deref(), &args.targets)?;
    let loaded = load(&args.input, &args.targets)?;
    let grants = Grants::of(&loaded);
    let question = Question::read(&grants.resources, &args.verb, &args.resource, args.name.as_deref(), args.scope.scope());
    let question = question.map_err(|error| anyhow!(error))?;
    let problems = || loaded.snapshot.problems.iter().chain(&grants.problems);
    let mut answer = grants.authorizer.ask_who(question, is_complete(problems()));
    answer.notes.extend(unseen_namespace(&loaded, &args.scope));
    let text = match args.form {
        Form::Text => text(&answer),
        Form::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    output::complain_about(problems());
    output::print(text.as_bytes())?;
    Ok(if answer.complete { Outcome::Clean } else { Outcome::Incomplete })
}

fn text(answer: &WhoCan) -> String {
    let WhoCan { question, holders, in_namespaces, named_only, unknown, complete, defaults_assumed, notes, .. } = answer;
    let mut text = Text::default();
    let is_nobody = holders.is_empty() && in_namespaces.is_empty() && named_only.is_empty();
    match (is_nobody, *complete) {
        (true, true) => text.line(0, &format!("nobody can {question}")),
        (true, false) => text.line(0, &format!("NOT KNOWN who can {question}: nobody by what was read, and not everything was")),
        (false, true) => text.line(0, &format!("who can {question}:")),
        (false, false) => text.line(0, &format!("who can {question}, as far as it was read; MORE ARE POSSIBLE:")),
    }
    text.grants(2, holders.iter().map(|by| (by, String::new())));
    if !in_namespaces.is_empty() {
        text.line(0, "in some namespaces only:");
        let mut last = "";
        for one in in_namespaces.chunk_by(|a, b| a.namespace == b.namespace) {
            let namespace = one.first().map_or("", |one| one.namespace.as_str());
            if namespace != last {
                text.line(2, &format!("in {namespace}"));
            }
            text.grants(4, one.iter().map(|one| (&one.by, String::new())));
            last = namespace;
        }
    }
    if !named_only.is_empty() {
        text.line(0, "objects of these names only:");
        text.grants(2, named_only.iter().map(|one| (&one.by, named(one))));
    }
    text.unknown(unknown);
    text.notes(notes, *defaults_assumed);
    text.finish()
}
