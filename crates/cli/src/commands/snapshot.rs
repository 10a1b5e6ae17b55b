//! `plimsoll snapshot`

use crate::{Outcome, input, output};
use std::path::PathBuf;

/// Save what a scan needs of a cluster into one file, to look at it offline.
///
/// `plimsoll scan FILE` reads it as it would read the cluster. Secrets are left out unless asked for.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The file to write, a gzipped tar archive of lists; `-` writes to standard output.
    #[arg(default_value = "plimsoll-snapshot.tgz")]
    file: PathBuf,
    #[command(flatten)]
    cluster: input::ClusterArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    input::snapshot(&args.cluster, &args.file).inspect(|outcome| {
        if *outcome == Outcome::Clean {
            output::complain(&format!("wrote {}", args.file.display()));
        }
    })
}
