//! Tasks of the project: generated files, invariants, conformance, corpora and benches. Run as `cargo xtask TASK`.

mod bench;
mod clusters;
mod conformance;
mod corpus;
mod generate;
mod grants;
mod ids;
mod new_check;
mod peers;
mod tidy;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Tasks of the project.
#[derive(Parser)]
#[command(name = "xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Tidy,
    Gen(generate::Args),
    NewCheck(new_check::Args),
    Conformance(conformance::Args),
    GenerateWorkloads(corpus::Args),
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Tidy => tidy::run(),
        Task::Gen(args) => generate::run(&args),
        Task::NewCheck(args) => new_check::run(&args).map(|()| true),
        Task::Conformance(args) => conformance::run(&args),
        Task::GenerateWorkloads(args) => corpus::run(&args).map(|()| true),
        Task::Bench(args) => bench::run(&args).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
