//! The binary: reads the command line, runs one command, turns its outcome into an exit status.

mod appended;
mod benchmark;
mod change;
mod commands;
mod compliance;
mod engine;
mod fix;
mod import;
mod input;
mod output;
mod peers;
mod policy_test;
mod results;
mod rule_files;
mod rule_test;
mod situation;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A scan makes many small things on all cores; glibc's arenas grow page by page, with a system call each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pod and container security for Kubernetes, in one binary.
///
/// Looks at manifests, archives, charts, snapshots and live clusters, says what is wrong where, and what cures it.
///
/// Exit status: 0 nothing at or above --fail-on, 1 findings, 2 bad usage, unreadable input or internal error.
#[derive(Parser)]
#[command(name = "plimsoll", version, propagate_version = false, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Scan(commands::scan::Args),
    Psa(commands::psa::Args),
    Access(commands::access::Args),
    Net(commands::net::Args),
    Detect(Box<commands::detect::Args>),
    Diff(commands::diff::Args),
    Exceptions(commands::exceptions::Args),
    Explain(commands::explain::Args),
    Fix(commands::fix::Args),
    Policy(commands::policy::Args),
    Rules(commands::rules::Args),
    Snapshot(commands::snapshot::Args),
    Completions(commands::completions::Args),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing to object to.
    Clean,
    /// Findings at or above the threshold.
    Findings,
    /// Something could not be read or done.
    Incomplete,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Scan(args) => commands::scan::run(&args),
        Command::Psa(args) => commands::psa::run(&args),
        Command::Access(args) => commands::access::run(&args),
        Command::Net(args) => commands::net::run(&args),
        Command::Detect(args) => commands::detect::run(&args),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Exceptions(args) => commands::exceptions::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Fix(args) => commands::fix::run(&args),
        Command::Policy(args) => commands::policy::run(&args),
        Command::Rules(args) => commands::rules::run(&args),
        Command::Snapshot(args) => commands::snapshot::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(2),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
