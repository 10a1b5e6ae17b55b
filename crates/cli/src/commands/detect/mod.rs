//! `plimsoll detect`

mod alerts;
mod events;
mod falco_yaml;
mod save;
mod selection;
mod signals;
mod sinks;
mod why;

use crate::appended::Appended;
use crate::{Outcome, output, rule_files};
use alerts::Alerts;
use anyhow::bail;
use clap::ValueEnum;
use falco_yaml::FalcoYaml;
use plimsoll_detect::engine::{Engine, Matching};
use plimsoll_detect::fields::is_static_name;
use plimsoll_detect::format::line;
use plimsoll_detect::rules::{Priority, Rules};
use plimsoll_model::{Problem, ProblemKind};
use rule_files::Catalogues;
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
    /// Without it, the first.
    #[arg(long, value_name = "WHICH", help_heading = "Rules")]
    rule_matching: Option<Which>,
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
    /// A field `static.NAME` that says this of every event: for conditions and outputs, and added to those like container and
    /// pod.
    #[arg(long, value_name = "NAME=TEXT", value_parser = static_field, help_heading = "Output")]
    static_field: Vec<(String, String)>,
    /// Whether container, image, pod and static fields are added to the output of every rule, as Falco does with its container
    /// plugin; yes, unless --config says otherwise.
    #[arg(long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true, help_heading = "Output")]
    suggested_output: Option<bool>,
    /// Whether JSON has the text line; yes, if nothing is said.
    #[arg(long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true, help_heading = "Output")]
    json_include_output: Option<bool>,
    /// Whether JSON has the tags of the rule; yes, if nothing is said.
    #[arg(long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true, help_heading = "Output")]
    json_include_tags: Option<bool>,
    /// Whether JSON has the text without time and priority; no, if nothing is said.
    #[arg(long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true, help_heading = "Output")]
    json_include_message: Option<bool>,
    /// Whether JSON has the fields; yes, if nothing is said.
    #[arg(long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true, help_heading = "Output")]
    json_include_fields: Option<bool>,
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
    let mut problems = Vec::new();
    let mut file = match args.sinks.config() {
        Some(path) => falco_yaml::read(path, &mut problems)?,
        None => FalcoYaml::default(),
    };
    file.static_fields.extend(args.lines.static_field.iter().cloned());
    let (mut rules, catalogues) = args.load(&file, &mut problems)?;
    if let (Some(event), Some(rule)) = (args.why.or(args.why_not), &args.rule) {
        let rule = rule_files::named(&rules, rule)?;
        return why::run(&inputs, event, rule, args.why.is_none(), problems);
    }
    for step in rules.select(&file.steps, None) {
        problems
            .push(Problem::new(ProblemKind::Note, format!("`rules` in the configuration: no rule fits {}", selection::described(step))));
    }
    for step in rules.select(&args.steps.0, args.min_priority.or(file.least)) {
        problems.push(Problem::new(ProblemKind::Configuration, format!("{} means no rule", selection::described(step))));
    }
    let is_json = file.sinks.format == plimsoll_sinks::Format::Json;
    let matching = args.rule_matching.map_or(file.matching, Matching::from);
    let (lines, base64) = (args.lines.options(file.lines), file.base64);
    let sinks = args.sinks.start(file.sinks, args.follow, &mut problems);
    let mut alerts = Alerts::open(&args.output, sinks, lines, is_json, args.lines.hostname.clone())?;
    let save = match args.save_around.as_slice() {
        [time, directory] => Some(save::Around::new(time, directory)?),
        _ => None,
    };
    let ready = Ready { rules, catalogues, matching, base64, timed: args.stats, save };
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
    catalogues: Catalogues,
    matching: Matching,
    /// Whether buffers are printed in base64.
    base64: bool,
    /// Whether the time of each rule is measured.
    timed: bool,
    save: Option<save::Around>,
}

impl Ready {
    fn engine(&self, source: &str) -> anyhow::Result<Engine> {
        let sources = self.catalogues.sources();
        let Some(catalogue) = sources.get(source) else { bail!("there is no source of events `{source}`") };
        let engine = Engine::new(&self.rules, source, catalogue, self.matching).map_err(|error| anyhow::anyhow!("{}", error.message))?;
        let mut engine = if self.base64 { engine.base64() } else { engine };
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
    /// The rules that options name, or the file, or ours.
    fn load(&self, file: &FalcoYaml, problems: &mut Vec<Problem>) -> anyhow::Result<(Rules, Catalogues)> {
        let paths = match &file.rules {
            Some(paths) if self.rules.paths.is_empty() => paths,
            _ => &self.rules.paths,
        };
        if paths.is_empty() && file.rules.is_some() {
            output::show(problems);
            bail!("none of the rules files is there; name others with --rules");
        }
        let catalogues = Catalogues::new(file.static_fields.clone());
        let sources = catalogues.sources();
        let mut extras = Vec::new();
        for added in self.lines.appended(&file.appended)? {
            match (added.extras(&sources, &file.static_fields), added.place) {
                (Ok(more), _) => extras.extend(more),
                (Err(message), Some(place)) => problems.push(Problem::new(ProblemKind::Configuration, message).located(place)),
                (Err(message), None) => bail!(message),
            }
        }
        let (loaded, found) = rule_files::load(paths, sources, extras)?;
        problems.extend(found);
        Ok((loaded.rules, catalogues))
    }
}

impl Lines {
    fn options(&self, file: line::Options) -> line::Options {
        line::Options {
            output: self.json_include_output.unwrap_or(file.output),
            tags: self.json_include_tags.unwrap_or(file.tags),
            message: self.json_include_message.unwrap_or(file.message),
            fields: self.json_include_fields.unwrap_or(file.fields),
            iso_8601: self.time_iso8601 || file.iso_8601,
        }
    }

    /// What is added to outputs: what a falco.yaml adds, then what options add.
    fn appended(&self, file: &[Appended]) -> anyhow::Result<Vec<Appended>> {
        let mut all = file.to_vec();
        if let Some(suggested) = self.suggested_output {
            all.iter_mut().for_each(|added| added.suggested = false);
            all.splice(0..0, suggested.then(Appended::suggested));
        }
        all.extend(self.append_output.iter().map(|text| Appended { output: Some(text.clone()), ..Appended::default() }));
        for field in &self.append_fields {
            let (name, format) = field.split_once('=').map_or((field.as_str(), None), |(name, format)| (name, Some(format)));
            if name.is_empty() || format == Some("") {
                bail!("--append-fields takes `NAME=TEXT` or the name of a field, not `{field}`");
            }
            all.push(Appended { fields: vec![(name.to_owned(), format.map(str::to_owned))], ..Appended::default() });
        }
        Ok(all)
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
        Some((name, value)) if is_static_name(name) => Ok((name.to_owned(), value.to_owned())),
        _ => Err("`NAME=TEXT` is wanted, with a name of letters, digits and `_`".to_owned()),
    }
}
