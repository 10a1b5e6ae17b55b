//! `plimsoll access paths`

use super::text::Text;
use super::{Form, Reading, is_complete};
use crate::{Outcome, input, output};
use anyhow::anyhow;
use plimsoll_access::graph::{Graph, Sink, Vertex};
use plimsoll_access::{Asked, Opening, Turn, Way, Ways, Write, ways, ways_over_time};
use plimsoll_model::Problem;
use plimsoll_model::rbac::Defaults;
use std::io;
use std::path::PathBuf;

/// Show how rights lead to what attackers are after: administrators' rights, nodes, Secrets, tokens, cloud identities.
///
/// Each step is told with what shows it. With an audit log: when each way was open, and who opened and closed it.
/// Exits with 1 if a way is open, with 0 if none is, with 2 if none was found and not everything could be read.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Start from here only; may be given several times: sa:NAMESPACE/NAME, user:NAME, group:NAME, a workload as
    /// KIND:NAMESPACE/NAME, node:NAME, or outside. Without it, from all whom something was given that Kubernetes does not
    /// give by itself.
    #[arg(long, value_name = "SUBJECT")]
    from: Vec<String>,
    /// To this only; may be given several times: system:masters, cluster-admin, control-plane, token-minting, every-secret,
    /// node, kube-system-secrets, cloud-identity, namespace:NAME. Without it, to the worst that each reaches.
    #[arg(long, value_name = "GOAL")]
    to: Vec<String>,
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
    let sinks: Vec<Sink<'_>> = args.to.iter().map(|text| Sink::parse(text)).collect::<Result<_, _>>().map_err(|error| anyhow!(error))?;
    let loaded = args.input.load(&args.targets)?;
    let reading = Reading::of(&loaded);
    let graph = Graph::new(&reading.inventory, &reading.authorizer, &reading.situation);
    let (sources, mut notes) = sources(&graph, &args.from)?;
    let asked = Asked { sources, sinks };
    let mut problems: Vec<Problem> = reading.problems.clone();
    let complete = is_complete(problems.iter());
    let mut answer = ways(&graph, &asked, complete);
    if !args.audit.is_empty() {
        let (mut writes, more) = writes(&args.audit);
        problems.extend(more);
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
    Ok(match (answer.paths.iter().any(is_open), complete && is_complete(problems.iter())) {
        (true, _) => Outcome::Findings,
        (false, true) => Outcome::Clean,
        (false, false) => Outcome::Incomplete,
    })
}

/// Where to start; who is not among what was read is told.
pub(super) fn sources<'a>(graph: &Graph<'_, 'a>, from: &'a [String]) -> anyhow::Result<(Vec<Vertex<'a>>, Vec<String>)> {
    let mut notes = Vec::new();
    let mut sources = Vec::new();
    for text in from {
        let source = match graph.workload_called(text) {
            Some(workload) => workload,
            None => Vertex::parse(text).map_err(|error| anyhow!(error))?,
        };
        if graph.find(&source).is_none() {
            notes.push(format!("{}: nothing that was read names it", graph.name(&source)));
        }
        sources.push(source);
    }
    Ok((sources, notes))
}

/// The roles and bindings that the log shows to change.
fn writes(logs: &[PathBuf]) -> (Vec<Write>, Vec<Problem>) {
    let options = plimsoll_sources::audit::Options { objects: true, ..Default::default() };
    let (mut writes, mut left_out) = (Vec::new(), Vec::new());
    let mut problems = plimsoll_sources::audit::read(logs, &options, io::stdin(), |events| {
        for write in events.iter().filter_map(Write::of) {
            match write {
                Ok(write) => writes.push(write),
                Err(problem) => left_out.push(problem),
            }
        }
    });
    problems.append(&mut left_out);
    (writes, problems)
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
    for way in &answer.paths {
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
        }
        way.open.iter().for_each(|opening| text.line(2, &told(opening)));
        text.line(0, "");
    }
    let now = answer.paths.iter().filter(|way| way.open.is_empty() || way.open.iter().any(|opening| opening.closed.is_none())).count();
    let closed = answer.paths.len() - now;
    let tail = if closed == 0 { String::new() } else { format!(", {closed} closed again") };
    text.line(0, &format!("{now} ways are open{tail}"));
    text.notes(&answer.notes, answer.defaults_assumed);
    text.finish()
}

fn told(opening: &Opening) -> String {
    let turn = |turn: &Turn| format!("{} ({}: {}, {})", turn.at, turn.user, turn.request, turn.place);
    let opened = opening.opened.as_ref().map_or_else(|| "open when the log begins".to_owned(), |one| format!("opened {}", turn(one)));
    let closed = opening.closed.as_ref().map_or_else(|| "open since".to_owned(), |one| format!("closed {}", turn(one)));
    format!("{opened}, {closed}")
}
