//! `plimsoll detect`

mod alerts;
mod events;
mod save;
mod selection;
mod signals;
mod sinks;
mod why;

use crate::{Outcome, output, rule_files};
use alerts::Alerts;
use anyhow::bail;
use clap::ValueEnum;
use plimsoll_detect::engine::{Engine, Matching};
use plimsoll_detect::fields::Catalogue;
use plimsoll_detect::format::{Format, line};
use plimsoll_detect::rules::{ExtraOutput, Priority, Rules};
use plimsoll_model::{Problem, ProblemKind};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

/// Say which events match rules in Falco's language: system calls that a capture holds, and requests that the audit log
/// of an API server holds.
///
/// Text and JSON (`-o text`, `-o json`) are the lines that Falco writes, one for each alert, as they come. The other
/// formats have each alert as a finding, at the end.
///
/// Exit status: 1 if there is an alert whose severity is at or above --fail-on. Emergency, Alert and Critical are
/// critical, Error is high, Warning is medium, Notice is low, the others are info.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Captures and audit logs, which are told apart by their content; `-` is standard input.
    #[arg(value_name = "EVENTS")]
    targets: Vec<PathBuf>,
    /// A capture (`.scap`, plain or gzip); may be given several times.
    #[arg(long = "capture", value_name = "FILE")]
    captures: Vec<PathBuf>,
    /// An audit log: files and directories (compressed ones too), or `-`; may be given several times. The API server's own
    /// lines, lists of events, and exports of EKS, GKE and AKS.
    #[arg(long = "audit", value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Save what happened so long before and after each alert of a capture as a capture of its own, in this directory; slices
    /// that overlap are one.
    #[arg(long, num_args = 2, value_names = ["TIME", "DIR"], conflicts_with = "follow")]
    save_around: Vec<String>,
    /// Say what the rule that --rule names makes of this event: each part of its condition, true or false, with the value that
    /// the event has. Events are counted from 1 on, as `evt.num` does.
    #[arg(long, value_name = "EVENT", requires = "rule", conflicts_with_all = ["why_not", "follow"])]
    why: Option<u64>,
    /// The same, but only what decides: the first part that is not as the rule wants it.
    #[arg(long, value_name = "EVENT", requires = "rule", conflicts_with = "follow")]
    why_not: Option<u64>,
    /// The rule for --why and --why-not: its name, or the id of its findings.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Go on reading audit logs as they are written, also over their rotation, until a signal ends it.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    rules: rule_files::Args,
    #[command(flatten)]
    steps: selection::Steps,
    /// Leave out rules of a lower priority.
    #[arg(long, value_name = "PRIORITY", value_parser = priority, help_heading = "Rules")]
    min_priority: Option<Priority>,
    /// Which of the rules that match one event make an alert: the first, in the order in which they are defined, or all.
    #[arg(long, value_name = "WHICH", default_value = "first", help_heading = "Rules")]
    rule_matching: Which,
    #[command(flatten)]
    lines: Lines,
    #[command(flatten)]
    sinks: sinks::Args,
    /// Say at the end how many events there were, how many alerts each rule made and how long it took, and what was lost.
    #[arg(long, help_heading = "Output")]
    stats: bool,
    #[command(flatten)]
    output: output::Args,
}

/// What the lines of alerts hold.
#[derive(clap::Args)]
#[group(skip)]
struct Lines {
    /// Add this to the output of every rule, after a blank: a text with fields, as in `pid=%proc.pid`.
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    append_output: Vec<String>,
    /// Add this to the fields of every alert: `NAME=TEXT`, where the text may hold fields, or the name of a field.
    #[arg(long, value_name = "NAME[=TEXT]", help_heading = "Output")]
    append_fields: Vec<String>,
    /// Add a text that never changes to the fields of every alert, as `static.NAME`.
    #[arg(long, value_name = "NAME=TEXT", value_parser = static_field, help_heading = "Output")]
    static_field: Vec<(String, String)>,
    /// Add container, image and pod to the output of every rule, as Falco does with its container plugin.
    #[arg(long, help_heading = "Output")]
    suggested_output: bool,
    /// Whether JSON has the text line.
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, help_heading = "Output")]
    json_include_output: bool,
    /// Whether JSON has the tags of the rule.
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, help_heading = "Output")]
    json_include_tags: bool,
    /// Whether JSON has the text without time and priority.
    #[arg(long, value_name = "BOOL", default_value_t = false, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, help_heading = "Output")]
    json_include_message: bool,
    /// Whether JSON has the fields.
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, help_heading = "Output")]
    json_include_fields: bool,
    /// Write times with their date, as ISO 8601 has them.
    #[arg(long, help_heading = "Output")]
    time_iso8601: bool,
    /// The name of the machine in alerts; without, that which the capture names.
    #[arg(long, value_name = "NAME", env = "FALCO_HOSTNAME", help_heading = "Output")]
    hostname: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    First,
    All,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    args.output.check()?;
    let mut inputs = events::Inputs::default();
    args.captures.iter().for_each(|path| inputs.capture(path));
    args.logs.iter().for_each(|path| inputs.log(path));
    args.targets.iter().for_each(|path| inputs.sniff(path));
    if inputs.is_empty() {
        bail!("there are no events to look at; name a capture with --capture, an audit log with --audit, or `-`");
    }
    let (mut rules, mut problems) = args.load()?;
    if let (Some(event), Some(rule)) = (args.why.or(args.why_not), &args.rule) {
        let rule = rule_files::named(&rules, rule)?;
        return why::run(&inputs, event, rule, args.why.is_none(), problems);
    }
    for step in rules.select(&args.steps.0, args.min_priority) {
        problems.push(Problem::new(ProblemKind::Configuration, selection::described(step)));
    }
    let sinks = args.sinks.start(args.follow, &mut problems)?;
    let mut alerts = Alerts::open(&args.output, sinks, args.lines.options(), args.lines.hostname.clone())?;
    let save = match args.save_around.as_slice() {
        [time, directory] => Some(save::Around::new(time, directory)?),
        _ => None,
    };
    let ready = Ready { rules, matching: args.rule_matching.into(), timed: args.stats, save };
    if args.follow {
        output::show(&std::mem::take(&mut problems));
        events::follow(&inputs, &ready, &mut alerts)?;
    } else {
        events::run(&inputs, &ready, &mut alerts, &mut problems)?;
    }
    alerts.finish(&args.output, inputs.names(), problems, args.stats)
}

/// Rules that are ready for a source of events.
struct Ready {
    rules: Rules,
    matching: Matching,
    /// Whether the time of each rule is measured.
    timed: bool,
    save: Option<save::Around>,
}

impl Ready {
    fn engine(&self, source: &str, catalogue: &dyn Catalogue) -> anyhow::Result<Engine> {
        let mut engine =
            Engine::new(&self.rules, source, catalogue, self.matching).map_err(|error| anyhow::anyhow!("{}", error.message))?;
        if self.timed {
            engine.measure(nanoseconds);
        }
        if engine.is_empty() {
            output::complain(&format!("note: no rule that is switched on is about events of the source `{source}`"));
        }
        Ok(engine)
    }
}

/// Nanoseconds since the first question.
fn nanoseconds() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Args {
    fn load(&self) -> anyhow::Result<(Rules, Vec<Problem>)> {
        let (loaded, problems) = rule_files::load(&self.rules.paths, self.lines.extras()?)?;
        Ok((loaded.rules, problems))
    }
}

impl Lines {
    fn options(&self) -> line::Options {
        line::Options {
            output: self.json_include_output,
            tags: self.json_include_tags,
            message: self.json_include_message,
            fields: self.json_include_fields,
            iso_8601: self.time_iso8601,
        }
    }

    /// What is added to outputs, in the order in which Falco adds it; to rules of each source that has the fields in it.
    fn extras(&self) -> anyhow::Result<Vec<ExtraOutput>> {
        let mut extras = Vec::new();
        for text in &self.append_output {
            let made = |source| ExtraOutput { source: Some(source), format: Some(text.clone()), ..ExtraOutput::default() };
            extras.extend(fitting(text, text)?.into_iter().map(made));
        }
        let sources = rule_files::sources();
        for source in sources.names().filter(|_| self.suggested_output) {
            let fields = sources.get(source).into_iter().flat_map(Catalogue::all).filter(|field| field.limits.suggested);
            extras.extend(fields.map(|field| ExtraOutput {
                source: Some(source.to_owned()),
                format: Some(format!("{}=%{}", field.name.replace('.', "_"), field.name)),
                ..ExtraOutput::default()
            }));
        }
        for field in &self.append_fields {
            let (name, format) = field.split_once('=').map_or((field.as_str(), None), |(name, format)| (name, Some(format)));
            if name.is_empty() || format == Some("") {
                bail!("--append-fields takes `NAME=TEXT` or the name of a field, not `{field}`");
            }
            let whole = format.map_or_else(|| format!("%{name}"), str::to_owned);
            let added = (name.to_owned(), format.map(str::to_owned));
            let made = |source| ExtraOutput { source: Some(source), fields: vec![added.clone()], ..ExtraOutput::default() };
            extras.extend(fitting(field, &whole)?.into_iter().map(made));
        }
        let fields: Vec<_> = self.static_field.iter().map(|(name, text)| (format!("static.{name}"), Some(text.clone()))).collect();
        if !fields.is_empty() {
            extras.push(ExtraOutput { fields, ..ExtraOutput::default() });
        }
        Ok(extras)
    }
}

/// The sources that have all fields of a text; an error if none has, which quotes `written`.
fn fitting(written: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let sources = rule_files::sources();
    let mut wrong = None;
    let mut fits = Vec::new();
    for (source, catalogue) in sources.names().filter_map(|source| Some((source, sources.get(source)?))) {
        match Format::compile(text, catalogue) {
            Ok(_) => fits.push(source.to_owned()),
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    match wrong {
        Some(error) if fits.is_empty() => bail!("`{written}` cannot be added to outputs: {}", error.message),
        _ => Ok(fits),
    }
}

impl From<Which> for Matching {
    fn from(which: Which) -> Self {
        match which {
            Which::First => Self::First,
            Which::All => Self::All,
        }
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    let names = || Priority::ALL.map(|priority| priority.name().to_lowercase()).join(", ");
    Priority::parse(text).ok_or_else(|| format!("no priority is called `{text}`: one of {}", names()))
}

fn static_field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() && !value.contains('%') => Ok((name.to_owned(), value.to_owned())),
        _ => Err("`NAME=TEXT` is wanted, with a text without `%`".to_owned()),
    }
}
