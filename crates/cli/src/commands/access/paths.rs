//! `plimsoll access paths`

use super::ends::EndArgs;
use super::text::Text;
use super::usage::no_event;
use super::{Form, Reading, TargetArgs, is_complete, load};
use crate::{Outcome, input, output};
use plimsoll_access::graph::Graph;
use plimsoll_access::{Asked, Opening, Turn, Way, Ways, Write, unknown_before, ways, ways_over_time};
use plimsoll_model::Problem;
use plimsoll_model::rbac::Defaults;
use std::io;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  plimsoll access paths cluster
  plimsoll access paths --from sa:ci/pipeline --to node --audit audit.log cluster";

/// Show how rights lead to what attackers are after: administrators' rights, nodes, Secrets, tokens, cloud identities.
///
/// Without --from, from all whom something was given that Kubernetes does not give by itself; without --to, to the worst that
/// each reaches. Each step is told with what shows it. With an audit log: when each way was open, and who opened and closed it.
/// Exits with 1 if a way is open, with 0 if none is, with 2 if none was found and not everything could be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    ends: EndArgs,
    /// Tell when ways were open, by this audit log (a file, a directory or `-`; may be given several times).
    #[arg(long, value_name = "LOG")]
    audit: Vec<PathBuf>,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    #[command(flatten)]
    input: input::WideArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let sinks = args.ends.sinks(&[])?;
    let loaded = load(&args.input, args.targets.all())?;
    let reading = Reading::of(&loaded);
    let graph = Graph::new(&reading.inventory, &reading.authorizer, &reading.situation);
    // Who is gone by now may have been there in the log.
    let sources = if args.audit.is_empty() { args.ends.known(&graph)? } else { args.ends.named(&graph)? };
    let mut notes = Vec::new();
    let asked = Asked { sources, sinks };
    let mut problems: Vec<Problem> = reading.problems.clone();
    let complete = is_complete(problems.iter());
    let mut answer = ways(&graph, &asked, complete);
    let mut lacks = false;
    if !args.audit.is_empty() {
        let (mut writes, more) = writes(&args.audit)?;
        let unknown = unknown_before(&reading.inventory, &writes);
        // What the log leaves out may have opened a way.
        lacks = !more.is_empty() || unknown.is_some();
        answer.complete &= !lacks;
        problems.extend(more);
        problems.extend(unknown);
        let over_time = ways_over_time(&reading.inventory, &mut writes, &reading.situation, &asked, Defaults::Assume);
        join(&mut answer, over_time);
        notes.push(format!(
            "by {} changes of roles and bindings in the audit log; before it, all else is taken to have been as it is",
            writes.len()
        ));
    }
    answer.notes.extend(notes);
    output::complain_about(problems.iter());
    let text = match args.form {
        Form::Json => serde_json::to_string_pretty(&answer)? + "\n",
        Form::Text => text(&answer),
    };
    output::print(text.as_bytes())?;
    let is_open = |way: &Way| way.open.is_empty() || way.open.iter().any(|opening| opening.closed.is_none());
    Ok(match (answer.paths.iter().any(is_open), complete && !lacks && is_complete(problems.iter())) {
        (true, _) => Outcome::Findings,
        (false, true) => Outcome::Clean,
        (false, false) => Outcome::Incomplete,
    })
}

/// The roles and bindings that the log shows to change.
fn writes(logs: &[PathBuf]) -> anyhow::Result<(Vec<Write>, Vec<Problem>)> {
    let options = plimsoll_sources::audit::Options { objects: true, ..Default::default() };
    let (mut writes, mut left_out, mut is_empty) = (Vec::new(), Vec::new(), true);
    let mut problems = plimsoll_sources::audit::read(logs, &options, io::stdin(), |events| {
        is_empty &= events.is_empty();
        for write in events.iter().filter_map(Write::of) {
            match write {
                Ok(write) => writes.push(write),
                Err(problem) => left_out.push(problem),
            }
        }
    });
    problems.append(&mut left_out);
    if is_empty { Err(no_event(&problems)) } else { Ok((writes, problems)) }
}

/// Tells of each way when it was open, and of those that are closed now.
fn join(answer: &mut Ways, over_time: Vec<Way>) {
    for way in over_time {
        match answer.paths.iter_mut().find(|known| (&known.from, &known.to) == (&way.from, &way.to)) {
            Some(known) => known.open = way.open,
            None => answer.paths.push(way),
        }
    }
}

fn text(answer: &Ways) -> String {
    let mut text = Text::default();
    answer.paths.iter().for_each(|way| tell(&mut text, way));
    for way in &answer.stopped {
        text.line(0, "stopped by what was read:");
        tell(&mut text, way);
    }
    let now = answer.paths.iter().filter(|way| way.open.is_empty() || way.open.iter().any(|opening| opening.closed.is_none())).count();
    let closed = answer.paths.len() - now;
    let tail = if closed == 0 { String::new() } else { format!(", {closed} closed again") };
    let are = if now == 1 { "way is" } else { "ways are" };
    text.line(0, &format!("{now} {are} open{tail}"));
    text.notes(&answer.notes, answer.defaults_assumed);
    text.finish()
}

fn tell(text: &mut Text, way: &Way) {
    let steps = if way.steps.len() == 1 { "1 step".to_owned() } else { format!("{} steps", way.steps.len()) };
    let assumed = if way.assumptions == 0 { String::new() } else { format!(", {} assumed", way.assumptions) };
    text.line(0, &format!("{} -> {}  ({steps}{assumed})", way.from, way.to));
    for (number, step) in way.steps.iter().enumerate() {
        let technique = step.technique.as_ref().map(|technique| format!("  [{technique}]")).unwrap_or_default();
        text.line(2, &format!("{}. {} {}{technique}", number + 1, step.from, step.does));
        text.line(5, &format!("-> {}", step.to.join(" -> ")));
        for because in &step.because {
            let place = because.place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
            text.line(7, &format!("{}{place}", because.text));
        }
        if let Some(assumes) = &step.assumes {
            text.line(7, &format!("if {assumes}"));
        }
        if let Some(stopped_by) = &step.stopped_by {
            text.line(7, &format!("STOPPED: {stopped_by}"));
        }
    }
    way.open.iter().flat_map(told).for_each(|line| text.line(2, &line));
    text.line(0, "");
}

/// When a way was opened and closed, a line for each.
fn told(opening: &Opening) -> [String; 2] {
    let turn = |what: &str, turn: &Turn| format!("{what} {} by {}: {} ({})", turn.at, turn.user, turn.request, turn.place);
    let opened = opening.opened.as_ref().map_or_else(|| "open when the log begins".to_owned(), |one| turn("opened", one));
    let closed = opening.closed.as_ref().map_or_else(|| "open since".to_owned(), |one| turn("closed", one));
    [opened, closed]
}
