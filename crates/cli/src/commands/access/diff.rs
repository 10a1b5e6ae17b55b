//! `plimsoll access diff`

use super::text::{Text, origin, place, who};
use super::{Grants, can, is_complete};
use crate::{Outcome, input, output};
use plimsoll_access::Authorizer;
use plimsoll_access::diff::{Change, ChangeKind, Diff, ObjectChange, Part, diff};
use plimsoll_model::rbac::{Defaults, GROUP, Rbac};
use plimsoll_model::{ApiResources, Object};
use std::collections::HashSet;

/// Say what a change of roles and bindings changes: who gains or loses what, and whether the API server would take it.
///
/// Exits with 1 if anybody gains anything, or the API server would refuse the change; with 2 if that is not known.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The state before: a file, directory, archive, snapshot, or `cluster`.
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The state afterwards.
    #[arg(value_name = "AFTER")]
    after: String,
    /// Take AFTER as what is applied to BEFORE, as `kubectl apply` would: what it does not name stays.
    #[arg(long)]
    apply: bool,
    /// Who makes the change, with groups: whether the API server would refuse it. Without it, what has to be held is said.
    #[arg(long = "as", value_name = "USER[,GROUP…]")]
    applier: Option<String>,
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
    /// For programs.
    Json,
    /// For pull requests and job summaries.
    Markdown,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let applier = args.applier.as_deref().map(can::applier).transpose()?;
    let before = args.input.load(std::slice::from_ref(&args.before))?;
    let after = args.input.load(std::slice::from_ref(&args.after))?;
    let mut old = Grants::of(&before);
    let mut new = if args.apply { applied(&old, &after.snapshot.objects().0) } else { Grants::of(&after) };
    let mut problems = before.snapshot.problems.clone();
    problems.append(&mut old.problems);
    problems.extend(after.snapshot.problems.iter().cloned());
    // What is wrong on both sides with the same object is said once.
    new.problems.retain(|problem| !problems.iter().any(|known| known.place() == problem.place() && known.message == problem.message));
    problems.append(&mut new.problems);
    let objects: Vec<Object<'_>> = after.snapshot.objects().0.into_iter().chain(before.snapshot.objects().0).collect();
    let resources = ApiResources::of(objects.iter().copied());
    let diff = diff(&old.authorizer, &new.authorizer, &resources, applier.as_ref(), is_complete(problems.iter()));
    let text = match args.form {
        Form::Text => text(&diff),
        Form::Json => serde_json::to_string_pretty(&diff)? + "\n",
        Form::Markdown => markdown(&diff),
    };
    output::complain_about(problems.iter());
    output::print(text.as_bytes())?;
    Ok(match (diff.complete, diff.gains() || diff.is_refused()) {
        (false, _) => Outcome::Incomplete,
        (true, true) => Outcome::Findings,
        (true, false) => Outcome::Clean,
    })
}

/// What there is once `objects` have been applied to `before`.
fn applied<'l>(before: &Grants<'l>, objects: &[Object<'l>]) -> Grants<'l> {
    let key = |object: &Object<'l>| (object.kind, object.effective_namespace(), object.name);
    let objects: Vec<_> = objects.iter().filter(|object| object.group() == GROUP).copied().collect();
    let named: HashSet<_> = objects.iter().map(key).collect();
    let rbac = before.authorizer.rbac();
    let roles = rbac.roles.iter().filter(|role| !role.is_default).map(|role| role.object);
    let bindings = rbac.bindings.iter().filter(|binding| !binding.is_default).map(|binding| binding.object);
    let stays: Vec<_> = roles.chain(bindings).filter(|object| !named.contains(&key(object))).collect();
    let authorizer = Authorizer::of(Rbac::of(objects.into_iter().chain(stays), Defaults::Assume));
    let problems = authorizer.rbac().problems.clone();
    Grants { authorizer, resources: ApiResources::of(std::iter::empty()), problems }
}

fn where_(change: &Change) -> String {
    change.namespace.as_ref().map_or_else(|| "in the whole cluster".to_owned(), |namespace| format!("in namespace {namespace}"))
}

fn verb(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Added => "new",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed => "gone",
    }
}

fn text(diff: &Diff) -> String {
    let mut text = Text::default();
    for change in &diff.changes {
        text.line(0, &format!("{}, {}", who(&change.subject), where_(change)));
        for (sign, parts) in [("+", &change.gained), ("-", &change.lost)] {
            for Part { text: part, by, .. } in parts {
                text.line(2, &format!("{sign} {part}"));
                text.line(6, &origin(by));
            }
        }
    }
    if diff.changes.is_empty() {
        text.line(
            0,
            if diff.complete { "nobody gains or loses anything" } else { "NOT KNOWN: by what was read, nobody gains or loses anything" },
        );
    }
    if !diff.objects.is_empty() {
        text.line(0, "");
    }
    for ObjectChange { change, object, refused, needs } in &diff.objects {
        let verdict = match (&diff.applier, refused.is_empty()) {
            (_, false) => ": REFUSED".to_owned(),
            (Some(applier), true) => format!(": the API server takes it from {applier}"),
            (None, true) => String::new(),
        };
        text.line(0, &format!("{} {object} {}{verdict}", verb(*change), place(object)));
        refused.iter().flat_map(|reason| reason.lines()).for_each(|line| text.line(4, line));
        if !needs.is_empty() {
            text.line(2, "whoever makes the change needs");
            needs.iter().for_each(|need| text.line(4, need));
        }
    }
    text.unknown(&diff.unknown);
    let count = |parts: fn(&Change) -> usize| diff.changes.iter().filter(|change| parts(change) > 0).count();
    let (gain, lose) = (count(|change| change.gained.len()), count(|change| change.lost.len()));
    let refused = diff.objects.iter().filter(|object| !object.refused.is_empty()).count();
    text.line(0, &format!("{gain} gain, {lose} lose; roles and bindings: {} differ, {refused} refused", diff.objects.len()));
    text.finish()
}

fn markdown(diff: &Diff) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace(char::is_control, " ");
    let mut text = String::from("## Who gains or loses what\n\n");
    if !diff.complete {
        text.push_str("**Not everything is known:** something could not be read, or a role is missing.\n\n");
    }
    if diff.changes.is_empty() {
        text.push_str("Nobody gains or loses anything.\n");
    } else {
        text.push_str("| who | where | | what | by |\n| --- | --- | --- | --- | --- |\n");
    }
    for change in &diff.changes {
        let parts = change.gained.iter().map(|part| ("gains", part)).chain(change.lost.iter().map(|part| ("loses", part)));
        for (word, Part { text: part, by, .. }) in parts {
            let row = [&*who(&change.subject), &where_(change), word, part, &origin(by)].map(cell).join(" | ");
            text.push_str(&format!("| {row} |\n"));
        }
    }
    if !diff.objects.is_empty() {
        text.push_str("\n## Objects\n\n| | object | refused | needs |\n| --- | --- | --- | --- |\n");
    }
    for ObjectChange { change, object, refused, needs } in &diff.objects {
        let row = [verb(*change), &object.to_string(), &refused.join("; "), &needs.join("; ")].map(cell).join(" | ");
        text.push_str(&format!("| {row} |\n"));
    }
    text
}
