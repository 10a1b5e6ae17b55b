//! The files of a benchmark: sections with groups of checks.

use super::criteria::Criteria;
use plimsoll_model::{Document, Limits, Location, Node, Problem, ProblemKind, Reference, Rule, Severity, Source, parse};
use std::borrow::Cow;
use std::sync::Arc;

/// One file: the checks of one kind of node, or of the cluster.
#[derive(Debug)]
pub(super) struct Section {
    /// `master`, `node`, `etcd`, `controlplane`, `policies`, `managedservices`.
    pub(super) kind: String,
    /// The number of the section, which is that of its checks up to the dot.
    pub(super) order: u32,
    pub(super) checks: Vec<Check>,
}

/// One check.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) rule: Arc<Rule>,
    pub(super) id: String,
    pub(super) mode: Mode,
    pub(super) audit: String,
    pub(super) audit_env: String,
    pub(super) audit_config: String,
    /// `None` where they could not be read.
    pub(super) criteria: Option<Criteria>,
    /// Whether every line of the output has to pass.
    pub(super) by_line: bool,
    pub(super) remediation: String,
    pub(super) location: Location,
}

/// Who decides a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Automated,
    /// A person, says the benchmark.
    Manual,
    /// Nobody: the benchmark leaves it out.
    Skipped,
}

/// Reads a file. A check without id, or with tests that cannot be, is a problem; the others still hold. A file that says
/// nothing of groups is none.
pub(super) fn read(benchmark: &str, source: &Arc<Source>, problems: &mut Vec<Problem>) -> Vec<Section> {
    let (documents, more) = parse(source, Limits::default());
    problems.extend(more);
    let mut sections = Vec::new();
    for root in documents.iter().filter_map(Document::root) {
        let Some(groups) = root.get("groups") else { continue };
        if !groups.is_list() {
            problems.push(Problem::at(ProblemKind::WrongType, groups, format!("`groups` must be a list, is {}", groups.describe())));
            continue;
        }
        let kind = root.get("type").map_or("", Node::text).to_owned();
        let mut checks = Vec::new();
        for group in groups.items() {
            let skipped = group.get("type").is_some_and(|mode| mode.text() == "skip");
            for check in group.get("checks").into_iter().flat_map(Node::items) {
                checks.extend(one(benchmark, &kind, check, skipped, problems));
            }
        }
        let order = root.get("id").and_then(|id| id.text().parse().ok()).unwrap_or(u32::MAX);
        sections.push(Section { kind, order, checks });
    }
    sections
}

fn one(benchmark: &str, section: &str, check: Node<'_>, skipped: bool, problems: &mut Vec<Problem>) -> Option<Check> {
    let text = |key: &str| check.get(key).map(|node| node.text().trim().to_owned()).unwrap_or_default();
    let Some(id) = check.get("id") else {
        problems.push(Problem::at(ProblemKind::Invalid, check, "a check of the benchmark has no `id`"));
        return None;
    };
    let mode = match text("type").as_str() {
        _ if skipped => Mode::Skipped,
        "skip" => Mode::Skipped,
        "manual" => Mode::Manual,
        _ => Mode::Automated,
    };
    let criteria = match check.get("tests") {
        Some(tests) => Criteria::read(tests, problems),
        None => Some(Criteria::default()),
    };
    let scored = check.get("scored").and_then(Node::as_bool).unwrap_or(false);
    let location = id.location();
    let id = id.text().split_whitespace().collect::<Vec<_>>().join("-");
    let (title, remediation, audit) = (text("text"), text("remediation"), text("audit"));
    let rule = rule(benchmark, section, &id, &title, &audit, &remediation, scored);
    Some(Check {
        rule,
        id,
        mode,
        audit,
        audit_env: text("audit_env"),
        audit_config: text("audit_config"),
        criteria,
        by_line: check.get("use_multiple_values").and_then(Node::as_bool).unwrap_or(false),
        remediation,
        location,
    })
}

fn rule(benchmark: &str, section: &str, id: &str, title: &str, audit: &str, remediation: &str, scored: bool) -> Arc<Rule> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let asked = if audit.is_empty() { String::new() } else { format!("\n\nIt looks at what this shows:\n\n```sh\n{audit}\n```") };
    let fix = if remediation.is_empty() { "The benchmark says nothing of it." } else { remediation };
    let docs = format!(
        "## What it detects\nCheck {id} of benchmark {benchmark}, section {section}: {title}{asked}\n\n## Why it matters\nThe benchmark asks for it.\n\n## How to fix\n{fix}"
    );
    Arc::new(Rule {
        id: Cow::Owned(format!("BENCH-{benchmark}-{id}")),
        title: Cow::Owned(title.trim_end_matches('.').to_owned()),
        severity: if scored { Severity::Medium } else { Severity::Low },
        docs: Cow::Owned(docs),
        references: Cow::Borrowed(&[] as &[Reference]),
    })
}

impl Check {
    /// Gives it another id, where one of the benchmark has it already.
    pub(super) fn rename(&mut self, more: &str) {
        self.id = format!("{}-{more}", self.id);
        let mut rule = Rule::clone(&self.rule);
        rule.id = Cow::Owned(format!("{}-{more}", rule.id));
        self.rule = Arc::new(rule);
    }
}
