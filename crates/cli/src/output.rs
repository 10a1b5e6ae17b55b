//! Where results go: formats, files, the terminal.

use crate::Outcome;
use anyhow::{Context, bail};
use clap::ColorChoice;
use plimsoll_model::{Problem, Severity};
use plimsoll_report::diagram::Form;
use plimsoll_report::{Format, Report, Scores, Style};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The options of every command that reports findings.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Output as FORMAT, or FORMAT=FILE to write a file as well; may be given several times. Formats: text, json,
    /// sarif, junit, html, markdown, github.
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]", help_heading = "Output")]
    outputs: Vec<Output>,
    /// Write what would go to standard output into this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output_file: Option<PathBuf>,
    /// Exit with status 1 if there is a finding of this severity or above; `never` for none.
    #[arg(long, value_name = "SEVERITY", default_value = "high", help_heading = "Output")]
    fail_on: FailOn,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorChoice,
    /// Show the evidence and the patch of every finding.
    #[arg(long, short = 'v', help_heading = "Output")]
    verbose: bool,
    /// Show what a score is made of: `plimsoll` for what takes points off the score of this program; `kubescape` for
    /// Kubescape's compliance and risk by its formulas, control by control, of the frameworks that are asked for or of all
    /// its controls.
    #[arg(long, value_name = "WHOSE", help_heading = "Output")]
    pub(crate) score: Option<Scores>,
    /// In text, do not show findings below this severity. They count, and all other formats have them.
    #[arg(long, value_name = "SEVERITY", default_value = "low", help_heading = "Output")]
    min_severity: Severity,
}

/// The forms of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Drawn {
    /// One self-contained page, with search.
    Html,
    /// A picture.
    Svg,
    /// For Graphviz.
    Dot,
    /// For programs.
    Json,
}

impl From<Drawn> for Form {
    fn from(drawn: Drawn) -> Self {
        match drawn {
            Drawn::Html => Self::Html,
            Drawn::Svg => Self::Svg,
            Drawn::Dot => Self::Dot,
            Drawn::Json => Self::Json,
        }
    }
}

#[derive(Debug, Clone)]
struct Output {
    format: Format,
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FailOn(Option<Severity>);

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(PathBuf::from(file))));
        Ok(Self { format: format.parse()?, file })
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" { Ok(Self(None)) } else { Ok(Self(Some(text.parse()?))) }
    }
}

impl FailOn {
    /// Whether a finding of this severity counts for the exit status.
    pub(crate) fn counts(self, severity: Severity) -> bool {
        self.0.is_some_and(|least| severity >= least)
    }
}

impl Args {
    /// Refuses what cannot be, before anything is read.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let to_stdout = self.outputs.iter().filter(|output| output.file.is_none()).count();
        if to_stdout > 1 {
            bail!("more than one output goes to standard output; give all but one a file: `-o sarif=results.sarif`");
        }
        if self.output_file.is_some() && to_stdout == 0 && !self.outputs.is_empty() {
            bail!("--output-file takes the place of standard output, but every -o has a file of its own");
        }
        Ok(())
    }

    /// The formats that are asked for, with the file that each goes to; one without a file goes to standard output.
    pub(crate) fn destinations(&self) -> Vec<(Format, Option<&Path>)> {
        let fallback = self.output_file.as_deref();
        if self.outputs.is_empty() {
            return vec![(Format::Text, fallback)];
        }
        // Files first: they are complete when the terminal shows the result.
        let (named, unnamed): (Vec<&Output>, Vec<&Output>) = self.outputs.iter().partition(|output| output.file.is_some());
        named.into_iter().chain(unnamed).map(|output| (output.format, output.file.as_deref().or(fallback))).collect()
    }

    /// Whether a format was asked for, or a file for what goes to standard output.
    pub(crate) fn is_explicit(&self) -> bool {
        !self.outputs.is_empty() || self.output_file.is_some()
    }

    /// Whether a format was asked for.
    pub(crate) fn has_format(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Writes `report` everywhere it is asked for, and judges it.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<Outcome> {
        self.write_in(report, |_| true)
    }

    /// Writes `report` in some of the formats that are asked for, and judges it.
    pub(crate) fn write_in(&self, report: &Report, wanted: impl Fn(Format) -> bool) -> anyhow::Result<Outcome> {
        let outcome = self.judge(report);
        let style = |color| Style { color, width: 100, verbose: self.verbose, scores: self.score, least: self.min_severity };
        if !report.problems.is_empty() {
            let style = Style { width: width(), ..style(self.wants_color(&io::stderr())) };
            // Nobody to complain to is no reason to stop.
            let _ = plimsoll_report::problems(&report.problems, &style, &mut BufWriter::new(io::stderr().lock()));
        }
        for (format, file) in self.destinations().into_iter().filter(|(format, _)| wanted(*format)) {
            let written = match file {
                Some(path) => to_file(path, |out| plimsoll_report::render(report, format, &style(false), out)),
                None => {
                    let stdout = io::stdout();
                    let style = Style { width: width(), ..style(format == Format::Text && self.wants_color(&stdout)) };
                    let mut out = BufWriter::with_capacity(1 << 16, stdout.lock());
                    plimsoll_report::render(report, format, &style, &mut out).and_then(|()| out.flush()).context("cannot write the output")
                }
            };
            match written {
                // Whoever reads has seen enough; the verdict stays what it is.
                Err(error) if is_broken_pipe(&error) => {}
                other => other?,
            }
        }
        Ok(outcome)
    }

    /// Whether something of this severity counts for the exit status.
    pub(crate) fn counts(&self, severity: Severity) -> bool {
        self.fail_on.counts(severity)
    }

    /// What `report` means for the exit status.
    pub(crate) fn judge(&self, report: &Report) -> Outcome {
        if report.problems.iter().any(|problem| problem.kind.is_error()) {
            Outcome::Incomplete
        } else if report.findings.iter().any(|finding| finding.is_open() && self.fail_on.counts(finding.severity)) {
            Outcome::Findings
        } else {
            Outcome::Clean
        }
    }

    fn wants_color(&self, stream: &impl IsTerminal) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// Writes to standard output; whoever closed it has seen enough.
pub(crate) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the output"),
    }
}

/// Says something beside the data.
pub(crate) fn complain(message: &str) {
    // Nobody to complain to is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Says what could not be read, beside the data; whether the result is incomplete because of it.
pub(crate) fn complain_about<'p>(problems: impl Iterator<Item = &'p Problem>) -> bool {
    let mut incomplete = false;
    for problem in problems {
        incomplete |= problem.kind.is_error();
        let place = match problem.place() {
            place if !place.is_empty() => place,
            _ if problem.kind.is_error() => "problem".to_owned(),
            _ => "note".to_owned(),
        };
        complain(&plimsoll_report::terminal(&format!("{place}: {}", problem.message)));
    }
    incomplete
}

/// Shows what is wrong with its lines, beside the data.
pub(crate) fn show(problems: &[Problem]) {
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let style = Style { color, width: width(), verbose: false, scores: None, least: Severity::Info };
    // Nobody to complain to is no reason to stop.
    let _ = plimsoll_report::problems(problems, &style, &mut BufWriter::new(io::stderr().lock()));
}

/// Whether an error is that nobody reads standard output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe))
}

fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let place = || format!("cannot write {}", path.display());
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path).with_context(place)?);
    write(&mut out).and_then(|()| out.flush()).with_context(place)
}

fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(100)
}
