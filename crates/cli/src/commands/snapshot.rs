//! `plimsoll snapshot`

use crate::{Outcome, input, output};
use std::path::PathBuf;

/// Save what a scan needs of a cluster or a node into one file, to look at it offline.
///
/// `plimsoll scan FILE` reads it as it would read the cluster or the node. Secrets are left out unless asked for.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The file to write, a gzipped tar archive of lists; `-` writes to standard output.
    #[arg(default_value = "plimsoll-snapshot.tgz")]
    file: PathBuf,
    /// Save the node that this runs on instead of a cluster.
    #[arg(long, help_heading = "Host")]
    host: bool,
    /// For a host: the directory where the root of the node's file system is mounted, its /proc included.
    #[arg(long, value_name = "DIR", requires = "host", help_heading = "Host")]
    host_root: Option<PathBuf>,
    #[command(flatten)]
    cluster: input::ClusterArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let lists = if args.host { input::host_lists(args.host_root.as_deref()) } else { args.cluster.lists()? };
    input::snapshot(&lists, &args.file).inspect(|outcome| {
        if *outcome == Outcome::Clean {
            output::complain(&format!("wrote {}", args.file.display()));
        }
    })
}
