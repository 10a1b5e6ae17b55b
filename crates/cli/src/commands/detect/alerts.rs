//! Where alerts go: lines as they come, findings at the end.

use super::sinks::Running;
use crate::{Outcome, output};
use anyhow::Context;
use plimsoll_detect::engine::{Alert, Engine};
use plimsoll_detect::findings::{self, Findings};
use plimsoll_detect::format::line;
use plimsoll_model::{Finding, Problem, ProblemKind, Severity};
use plimsoll_report::{Format, Report, Totals};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// How many alerts are kept for the end.
const MOST_FINDINGS: usize = 200_000;

/// What becomes of alerts.
pub(super) struct Alerts {
    lines: Vec<(Format, Box<dyn Write>)>,
    sinks: Option<Running>,
    options: line::Options,
    given: Option<String>,
    hostname: String,
    /// Whether findings are asked for.
    keeps: bool,
    makes: Findings,
    findings: Vec<Finding>,
    left_out: u64,
    worst: Option<Severity>,
    /// Why nothing more can be written.
    broken: Option<io::Error>,
    events: u64,
    /// Alerts of each rule.
    /// Of each rule its alerts, and the nanoseconds that it took.
    counts: BTreeMap<String, (u64, u64)>,
}

impl Alerts {
    /// Opens what lines go to; they are JSON where no format is asked for, if `is_json`.
    pub(super) fn open(
        output: &output::Args,
        sinks: Option<Running>,
        options: line::Options,
        is_json: bool,
        hostname: Option<String>,
    ) -> anyhow::Result<Self> {
        // What a sink writes to standard output is not written there twice, unless that was asked for.
        let is_taken = sinks.as_ref().is_some_and(|sinks| sinks.on_stdout) && !output.is_explicit();
        let mut lines: Vec<(Format, Box<dyn Write>)> = Vec::new();
        let mut keeps = false;
        for (format, file) in output.destinations() {
            if !is_lines(format) {
                keeps = true;
                continue;
            }
            if is_taken {
                continue;
            }
            let format = if is_json && !output.has_format() { Format::Json } else { format };
            lines.push(match file {
                Some(path) => {
                    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                    (format, Box::new(BufWriter::with_capacity(1 << 16, file)))
                }
                None => (format, Box::new(BufWriter::with_capacity(1 << 16, io::stdout()))),
            });
        }
        let hostname_now = hostname.clone().unwrap_or_default();
        Ok(Self {
            lines,
            sinks,
            options,
            given: hostname,
            hostname: hostname_now,
            keeps,
            makes: Findings::default(),
            findings: Vec::new(),
            left_out: 0,
            worst: None,
            broken: None,
            events: 0,
            counts: BTreeMap::new(),
        })
    }

    /// The machine's name that the user gave.
    pub(super) fn given_hostname(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// Alerts from now on come from this machine.
    pub(super) fn on(&mut self, hostname: &str) {
        if self.hostname != hostname {
            hostname.clone_into(&mut self.hostname);
        }
    }

    /// Whether nobody wants more.
    pub(super) fn is_closed(&self) -> bool {
        self.broken.is_some()
    }

    /// Takes an alert.
    pub(super) fn take(&mut self, alert: &Alert) {
        self.worst = self.worst.max(Some(findings::severity(alert.rule.priority)));
        for (format, out) in &mut self.lines {
            let line = match format {
                Format::Json => alert.json(&self.hostname, self.options).to_string(),
                _ => alert.text(&self.hostname, self.options),
            };
            if let Err(error) = writeln!(out, "{line}") {
                self.broken = Some(error);
            }
        }
        if let Some(sinks) = &self.sinks {
            sinks.send(alert, &self.hostname, self.options);
        }
        if self.keeps && self.findings.len() < MOST_FINDINGS {
            self.findings.push(self.makes.finding(alert));
        } else if self.keeps {
            self.left_out += 1;
        }
    }

    /// Hands over what was written so far.
    pub(super) fn flush(&mut self) {
        for (_, out) in &mut self.lines {
            if let Err(error) = out.flush() {
                self.broken = Some(error);
            }
        }
    }

    /// What went wrong with sinks since the last time.
    pub(super) fn problems(&mut self) -> Vec<Problem> {
        self.sinks.as_mut().map(Running::problems).unwrap_or_default()
    }

    /// Opens what sinks hold open again.
    pub(super) fn reopen(&mut self) {
        if let Some(sinks) = &self.sinks {
            sinks.reopen();
        }
    }

    /// Counts what a source came to.
    pub(super) fn looked_at(&mut self, events: u64, engine: &Engine) {
        self.events += events;
        for (rule, alerts, spent) in engine.counts() {
            let (counted, took) = self.counts.entry(rule.name.clone()).or_default();
            (*counted, *took) = (*counted + alerts, *took + spent);
        }
    }

    /// Writes what is left, and judges.
    pub(super) fn finish(
        mut self,
        output: &output::Args,
        targets: Vec<String>,
        mut problems: Vec<Problem>,
        stats: bool,
    ) -> anyhow::Result<Outcome> {
        self.flush();
        match self.broken.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error).context("cannot write the output"),
            _ => {}
        }
        problems.extend(self.sinks.as_mut().map(Running::finish).unwrap_or_default());
        if self.left_out > 0 {
            let message =
                format!("{} alerts are left out of all formats but text and JSON: there are more than {MOST_FINDINGS}", self.left_out);
            problems.push(Problem::new(ProblemKind::Limit, message));
        }
        if stats {
            self.stats();
        }
        // Whom alerts are not about is not counted: events name too many.
        let objects: BTreeSet<_> = self.findings.iter().map(|finding| &finding.subject.object).collect();
        let documents = usize::try_from(self.events).unwrap_or(usize::MAX);
        let totals = Totals { sources: targets.len(), documents, objects: objects.len(), ..Totals::default() };
        let rules = self.makes.rules();
        let report = Report { targets, findings: self.findings, problems, rules, totals, ..Report::default() };
        let outcome = output.write_in(&report, |format| !is_lines(format))?;
        let found = self.worst.is_some_and(|worst| output.counts(worst));
        Ok(if outcome == Outcome::Clean && found { Outcome::Findings } else { outcome })
    }

    fn stats(&self) {
        let alerts: u64 = self.counts.values().map(|(alerts, _)| alerts).sum();
        output::complain(&format!("{} events, {alerts} alerts; of each rule its alerts and its time in milliseconds:", self.events));
        let mut rules: Vec<_> = self.counts.iter().filter(|(_, (alerts, spent))| alerts + spent > 0).collect();
        rules.sort_by_key(|(_, (_, spent))| std::cmp::Reverse(*spent));
        for (rule, (alerts, spent)) in rules {
            output::complain(&format!("{alerts:>8} {:>10.3}  {rule}", *spent as f64 / 1e6));
        }
    }
}

/// Whether a format is written line by line as alerts come.
fn is_lines(format: Format) -> bool {
    matches!(format, Format::Text | Format::Json)
}
