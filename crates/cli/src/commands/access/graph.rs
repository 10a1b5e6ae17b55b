//! `plimsoll access graph`

use super::ends::{EndArgs, is_of_users};
use super::{Reading, TargetArgs, is_complete, load, picture};
use crate::{Outcome, input, output};
use plimsoll_access::graph::{Graph, Sink};
use plimsoll_report::diagram;

const EXAMPLES: &str = "Examples:
  plimsoll access graph cluster > ways.html";

/// Draw who reaches the crown jewels: identities at the left, what they come to at the right.
///
/// Who has the same way is drawn once. Without --from, everybody but the parts of Kubernetes itself. Exits with 2 if
/// something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    ends: EndArgs,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "html")]
    form: output::Drawn,
    #[command(flatten)]
    input: input::WideArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let loaded = load(&args.input, args.targets.all())?;
    let reading = Reading::of(&loaded);
    let graph = Graph::new(&reading.inventory, &reading.authorizer, &reading.situation);
    let sinks = args.ends.sinks(&Sink::ALL)?;
    let sources = args.ends.sources(&graph, is_of_users)?;
    let problems = || reading.problems.iter();
    let is_complete = is_complete(problems());
    let mut drawn = picture::picture(&graph, &sources, &sinks);
    if !is_complete {
        drawn.notes.insert(0, "Something could not be read: there may be more ways.".to_owned());
    }
    let mut out = Vec::new();
    diagram::render(&drawn, args.form.into(), &mut out)?;
    output::complain_about(problems());
    output::print(&out)?;
    Ok(if is_complete { Outcome::Clean } else { Outcome::Incomplete })
}
