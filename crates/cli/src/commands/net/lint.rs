//! `plimsoll net lint`

use super::PluginArgs;
use crate::{Outcome, engine, input, output};

const EXAMPLES: &str = "Examples:
  plimsoll net lint manifests/
  plimsoll net lint cluster -o sarif=netpol.sarif --fail-on medium";

/// Look for what is wrong with network policies although they can be applied: selectors that mean nobody, ports that no container
/// declares, names that cannot be asked for, rules without effect.
///
/// `plimsoll scan` has the same findings beside those of all other engines.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    plugin: PluginArgs,
    #[command(flatten)]
    output: output::Args,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    args.output.check()?;
    let settings = args.plugin.settings()?;
    let loaded = args.input.load()?;
    args.output.write(&engine::of_network(&loaded, settings))
}
