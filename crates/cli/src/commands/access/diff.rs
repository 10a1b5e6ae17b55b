//! `plimsoll access diff`

use super::text::{Text, origin, place, who};
use super::{Reading, can, is_complete, nothing_in};
use crate::input::Loaded;
use crate::{Outcome, change, input, output};
use plimsoll_access::diff::{Change, ChangeKind, Diff, ObjectChange, Part, diff};
use plimsoll_access::{Authorizer, TurnKind, Way, WayChange};
use plimsoll_model::Inventory;
use plimsoll_model::rbac::Defaults;

const EXAMPLES: &str = "Examples:
  plimsoll access diff cluster changed/ --apply --as lena,developers
  plimsoll access diff before.tgz after.tgz -o markdown";

/// Say what a change of roles and bindings changes: who gains or loses what, which ways to more rights open or close, and whether
/// the API server would take it.
///
/// Ways are those that `access paths` lists: from everybody whom something was given to, to the worst that is reached.
/// Exits with 1 if anybody gains anything, a way opens, or the API server would refuse the change; with 2 if that is not known.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
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
    // A side may be empty, but not because it cannot be read.
    if let Some(side) =
        [&before, &after].into_iter().find(|side| side.snapshot.objects().0.is_empty() && !side.snapshot.problems.is_empty())
    {
        return Err(nothing_in(side));
    }
    let mut old = Reading::of(&before);
    let mut new = if args.apply { applied(&old, &before, &after) } else { Reading::of(&after) };
    let mut problems = std::mem::take(&mut old.problems);
    // What is wrong on both sides with the same object is said once.
    new.problems.retain(|problem| !problems.iter().any(|known| known.place() == problem.place() && known.message == problem.message));
    problems.append(&mut new.problems);
    let diff = diff(&old.graph(), &new.graph(), applier.as_ref(), is_complete(problems.iter()));
    let text = match args.form {
        Form::Text => text(&diff),
        Form::Json => serde_json::to_string_pretty(&diff)? + "\n",
        Form::Markdown => markdown(&diff),
    };
    output::complain_about(problems.iter());
    output::print(text.as_bytes())?;
    Ok(match (diff.complete, diff.gains() || diff.opens() || diff.is_refused()) {
        (false, _) => Outcome::Incomplete,
        (true, true) => Outcome::Findings,
        (true, false) => Outcome::Clean,
    })
}

/// What there is once what `after` has been applied to what `before` has. Admission policies are those before.
fn applied<'l>(old: &Reading<'l>, before: &'l Loaded, after: &'l Loaded) -> Reading<'l> {
    let (objects, mut problems) = after.snapshot.objects();
    problems.extend(after.snapshot.problems.iter().cloned());
    let inventory = Inventory::of(change::applied(&old.inventory.objects, &objects), &before.kinds);
    let authorizer = Authorizer::new(&inventory, Defaults::Assume);
    problems.extend(inventory.problems.iter().chain(&authorizer.rbac().problems).cloned());
    Reading { inventory, authorizer, situation: old.situation.clone(), problems }
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

fn turn(change: TurnKind) -> &'static str {
    match change {
        TurnKind::Opened => "opens",
        TurnKind::Changed => "changes",
        TurnKind::Closed => "closes",
    }
}

/// The end of a way and its steps, each in its words.
fn steps(way: &Way) -> String {
    let steps: Vec<&str> = way.steps.iter().map(|step| step.does.as_str()).collect();
    format!("{}: {}", way.to, steps.join("; "))
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
    if !diff.ways.is_empty() {
        text.line(0, "");
    }
    for WayChange { change, from, before, after } in &diff.ways {
        text.line(0, &format!("a way {}: {from}", turn(*change)));
        for (sign, way) in [("-", before), ("+", after)] {
            way.iter().for_each(|way| text.line(2, &format!("{sign} {}", steps(way))));
        }
    }
    text.unknown(&diff.unknown);
    let count = |parts: fn(&Change) -> usize| diff.changes.iter().filter(|change| parts(change) > 0).count();
    let (gain, lose) = (count(|change| change.gained.len()), count(|change| change.lost.len()));
    let refused = diff.objects.iter().filter(|object| !object.refused.is_empty()).count();
    let ways = |kind: TurnKind| diff.ways.iter().filter(|way| way.change == kind).count();
    let (open, close, differ) = (ways(TurnKind::Opened), ways(TurnKind::Closed), diff.objects.len());
    text.line(
        0,
        &format!("{gain} gain, {lose} lose; ways: {open} open, {close} close; roles and bindings: {differ} differ, {refused} refused"),
    );
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
    if !diff.ways.is_empty() {
        text.push_str("\n## Ways to more rights\n\n| | from | before | afterwards |\n| --- | --- | --- | --- |\n");
    }
    for WayChange { change, from, before, after } in &diff.ways {
        let [before, after] = [before, after].map(|way| way.as_ref().map(steps).unwrap_or_default());
        let row = [turn(*change), from, &before, &after].map(cell).join(" | ");
        text.push_str(&format!("| {row} |\n"));
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
