//! What the commands share that look at use: the log, and whom they are about.

use super::subject::identity;
use crate::output;
use anyhow::{anyhow, bail};
use plimsoll_access::usage::Usage;
use plimsoll_model::Problem;
use plimsoll_model::audit::Requests;
use plimsoll_model::rbac::Identity;
use plimsoll_sources::audit;
use std::io;
use std::path::PathBuf;

/// Where use is seen, and of whom.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct LogArgs {
    /// The audit log: files and directories (compressed ones too), or `-`; may be given several times. The API server's own
    /// lines, lists of events, and exports of EKS, GKE and AKS.
    #[arg(long = "audit", value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// Only this subject: sa:NAMESPACE/NAME, user:NAME, group:NAME, or a user name; may be given several times.
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub(super) subjects: Vec<String>,
}

impl LogArgs {
    /// Reads the log.
    pub(super) fn read(&self, targets: &[String]) -> anyhow::Result<(Usage, Vec<Problem>)> {
        usage(&self.logs, targets)
    }

    /// Those who are asked about, of all that there are.
    pub(super) fn chosen<'s>(&'s self, all: Vec<Identity<'s>>) -> anyhow::Result<Vec<Identity<'s>>> {
        if self.subjects.is_empty() {
            return Ok(all);
        }
        self.subjects.iter().map(|subject| identity(subject)).collect()
    }
}

/// What was used, by a log that is read beside `targets`.
pub(super) fn usage(logs: &[PathBuf], targets: &[String]) -> anyhow::Result<(Usage, Vec<Problem>)> {
    if logs.iter().any(|log| log.as_os_str() == "-") && targets.iter().any(|target| target == "-") {
        bail!("standard input is either the audit log or a target, not both");
    }
    let (mut usage, mut requests) = (Usage::default(), Requests::default());
    let problems = audit::read(logs, &audit::Options::default(), io::stdin(), |events| {
        events.into_iter().filter_map(|event| requests.push(event)).for_each(|event| usage.observe(&event));
    });
    requests.finish().iter().for_each(|event| usage.observe(event));
    // Without an event, everything would be unused, and nothing needed.
    if !logs.is_empty() && usage.log().events == 0 {
        return Err(no_event(&problems));
    }
    Ok((usage, problems))
}

/// Why a log that has no event answers nothing.
pub(super) fn no_event(problems: &[Problem]) -> anyhow::Error {
    output::complain_about(problems.iter());
    anyhow!("there is no event in the audit log; give the log of the API server, a list of events, or an export of EKS, GKE or AKS")
}
