//! The formats on findings made by hand, hostile text included.

#![cfg(test)]

use plimsoll_model::{
    Applicability, AppliedException, ContainerId, ControlResult, EvidenceCommand, Finding, Framework, Location, ObjectId, Origin, PatchOp,
    Problem, ProblemKind, Reference, Remediation, Rule, Score, ScoreLoss, Severity, Source, Span, Status, Subject, Unknown,
};
use plimsoll_report::{Format, Report, Scores, Style, Totals, problems, render};
use serde_json::Value;
use std::sync::Arc;

const TEXT: &str = "kind: Pod\nspec:\n  hostPID: true\n  containers:\n  - name: a\n    image: x\n";
const HOSTILE: &str = "<script>alert(1)</script> & \"q\" 'a' | `b` \u{1b}[31m ::error:: %0A\nnext";

fn rule(id: &'static str, severity: Severity) -> Arc<Rule> {
    Arc::new(Rule {
        id: id.into(),
        title: "A title".into(),
        severity,
        docs: "## What it detects\nSomething with `code`.".into(),
        references: vec![Reference { system: "CIS", id: "5.2.3", url: "https://example.com/5.2.3" }].into(),
    })
}

fn finding(rule: &Arc<Rule>, source: &Arc<Source>, at: &str, name: &str) -> Finding {
    let start = source.text.find(at).expect("in the text");
    Finding {
        rule: Arc::clone(rule),
        severity: rule.severity,
        message: format!("`{name}` is wrong"),
        subject: Subject {
            object: Arc::new(ObjectId { namespace: "ns".into(), kind: "Pod".into(), name: name.into(), api_version: "v1".into() }),
            container: Some(Arc::new(ContainerId { name: "a".into(), image: String::new() })),
            pointer: "/spec/hostPID".into(),
        },
        location: Some(Location { source: Arc::clone(source), span: Span::new(start, start + at.len()) }),
        related: Vec::new(),
        concealed: false,
        evidence: vec!["a fact".into()],
        remediation: Some(Box::new(Remediation {
            summary: "do not".into(),
            patch: vec![PatchOp::remove("/spec/hostPID")],
            changes: Vec::new(),
            applicability: Applicability::NeedsEvidence("whether it matters".into()),
            evidence: Some(EvidenceCommand::Whole("kubectl exec pod/one -- id".into())),
        })),
        exception: None,
    }
}

/// What the checks came to: one control of each verdict, something unknown, a score.
fn scored() -> Report {
    let control = |id: &str, status: Status, failed: usize| ControlResult {
        id: id.into(),
        checks: vec!["T-high".into()],
        status,
        evaluated: 3,
        failed,
        excepted: 0,
        unknown: 0,
        kubescape_compliance: Some(66.7),
    };
    let statuses = [Status::Failed, Status::Unknown, Status::Passed, Status::NotEvaluated, Status::NotCovered];
    let controls = statuses.iter().zip(["1", "2", "3", "4", "5"]).map(|(status, id)| control(id, *status, 1)).collect();
    let loss = ScoreLoss { check: "T-high".into(), points: 12.5, evaluated: 3, failed: 1, unknown: 0 };
    let object = ObjectId { namespace: "ns".into(), kind: "Pod".into(), name: "one".into(), api_version: "v1".into() };
    Report {
        score: Some(Score { value: 87.5, losses: vec![loss] }),
        frameworks: vec![Framework {
            name: "cis".into(),
            title: "A benchmark".into(),
            covered: 4,
            kubescape_compliance: Some(50.0),
            kubescape_risk: Some(25.0),
            controls,
        }],
        unknown: vec![Unknown { rule: rule("T-high", Severity::High), object, missing: "the ServiceAccount `a`".into() }],
        ..Report::default()
    }
}

fn report() -> Report {
    let source = Source::new("dir/a b.yaml", Origin::File, TEXT);
    let (high, low) = (rule("T-high", Severity::High), rule("T-low", Severity::Low));
    let mut safe = finding(&low, &source, "name: a", "one");
    safe.remediation.as_mut().unwrap().applicability = Applicability::Safe;
    let mut accepted = finding(&low, &source, "image: x", "two");
    accepted.exception = Some(Arc::new(AppliedException {
        reason: "known".into(),
        owner: Some("team".into()),
        expires: Some("2027-01-01".into()),
        source: "plimsoll.yaml:3".into(),
    }));
    let location = Location { source: Arc::clone(&source), span: Span::new(0, 4) };
    Report {
        targets: vec!["dir".into()],
        findings: vec![safe, finding(&high, &source, "hostPID: true", "one"), accepted],
        problems: vec![
            Problem::new(ProblemKind::Syntax, "broken here").located(location).help("mend it"),
            Problem::new(ProblemKind::Note, "a note").target("cluster"),
        ],
        rules: vec![high, low],
        totals: Totals { sources: 1, documents: 1, objects: 2, workloads: 2, represented: 0 },
        ..scored()
    }
}

/// A report whose every text is hostile.
fn hostile() -> Report {
    let source = Source::new(HOSTILE.replace('\n', ""), Origin::File, TEXT);
    let mut finding = finding(&rule("T-high", Severity::High), &source, "hostPID: true", HOSTILE);
    finding.message = HOSTILE.into();
    finding.evidence = vec![HOSTILE.into()];
    finding.subject.pointer = HOSTILE.into();
    let problem = Problem::new(ProblemKind::Syntax, HOSTILE).target(HOSTILE);
    let rules = vec![Arc::clone(&finding.rule)];
    Report { targets: vec![HOSTILE.into()], findings: vec![finding], problems: vec![problem], rules, ..Report::default() }
}

/// The only place that renders.
fn text(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    render(report, format, &Style { color: false, width: 80, verbose: false, scores: None, least: Severity::Info }, &mut out)
        .expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn terminal() {
    let wanted = "\
Pod ns/one  dir/a b.yaml
  high     T-high  A title
     3 │   hostPID: true
       │   ^^^^^^^^^^^^^ `one` is wrong
      note: a fact
      fix? do not; first find out whether it matters
  low      T-low  A title
     5 │   - name: a
       │     ^^^^^^^ `one` is wrong
      note: a fact
      fix: do not

Pod ns/two  dir/a b.yaml
  low      T-low  A title
      accepted in plimsoll.yaml:3: known (team, until 2027-01-01)

cis  A benchmark
  failed        1          1 of 3         T-high
  unknown       2          1 of 3         T-high
  5 controls: 1 failed, 1 unknown, 1 passed, 1 not evaluated, 1 not covered

2 workloads in 2 objects from 1 source: 1 object with findings
1 high, 1 low; 1 accepted by exceptions; 1 thing that could not be read
1 verdict undecided; -v says which
score 87 of 100
1 can be fixed with --fix; see the changes first with --diff
plimsoll explain ID says what a finding means
";
    assert_eq!(text(&report(), Format::Text), wanted);
    let shown = |scores: Scores| {
        let mut out = Vec::new();
        let style = Style { color: false, width: 80, verbose: false, scores: Some(scores), least: Severity::Critical };
        render(&scored(), Format::Text, &style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let wanted = "\
cis  A benchmark
  failed        1          1 of 3          66.7 %  T-high
  unknown       2          1 of 3          66.7 %  T-high
  5 controls: 1 failed, 1 unknown, 1 passed, 1 not evaluated, 1 not covered
  by Kubescape's formulas: compliance 50.0 %, risk 25.0 %; 1 control with nothing to look at counted as 100 %
";
    let kubescape = shown(Scores::Kubescape);
    assert!(kubescape.starts_with(wanted) && !kubescape.contains("-12.5"), "{kubescape}");
    let own = shown(Scores::Plimsoll);
    assert!(own.contains("score 87 of 100\n  -12.5  T-high  1 of 3 fail\n") && !own.contains('%'), "{own}");
    let mut out = Vec::new();
    problems(&report().problems, &Style { color: false, width: 80, verbose: false, scores: None, least: Severity::Info }, &mut out)
        .unwrap();
    let wanted = "\
problem dir/a b.yaml:1:1: broken here
     1 │ kind: Pod
       │ ^^^^
      help: mend it
note cluster: a note
";
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
}

#[test]
fn json() {
    let report: Value = serde_json::from_str(&text(&report(), Format::Json)).unwrap();
    assert_eq!(report["summary"]["open"], serde_json::json!({"critical": 0, "high": 1, "medium": 0, "low": 1, "info": 0}));
    assert_eq!(
        (&report["summary"]["excepted"], &report["summary"]["safeFixes"], &report["summary"]["problems"]),
        (&1.into(), &1.into(), &1.into())
    );
    let first = &report["findings"][0];
    assert_eq!((&first["id"], &first["location"]["line"], &first["location"]["byteStart"]), (&"T-high".into(), &3.into(), &18.into()));
    assert_eq!(
        (&first["remediation"]["applicability"], &first["remediation"]["patch"][0]["op"]),
        (&"needs-evidence".into(), &"remove".into())
    );
    assert_eq!(report["findings"][2]["exception"]["owner"], "team");
    assert_eq!(report["problems"][0]["error"], true);
    // What is written is what the schema says: all that it requires, and nothing that it does not know.
    let schema = plimsoll_report::json_schema();
    let known = schema["properties"].as_object().unwrap();
    let written = report.as_object().unwrap();
    assert!(written.keys().all(|key| known.contains_key(key)));
    assert!(schema["required"].as_array().unwrap().iter().all(|key| written.contains_key(key.as_str().unwrap())));
}

#[test]
fn sarif() {
    let log: Value = serde_json::from_str(&text(&report(), Format::Sarif)).unwrap();
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["ruleIndex"], &result["level"]), (&"T-high".into(), &0.into(), &"error".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "dir/a%20b.yaml");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    assert_eq!(run["results"][2]["suppressions"][0]["kind"], "external");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    // The fingerprint does not move with the lines.
    let mut moved = report();
    let source = Source::new("dir/a b.yaml", Origin::File, format!("# more\n{TEXT}"));
    moved.findings = vec![finding(&rule("T-high", Severity::High), &source, "hostPID: true", "one")];
    let again: Value = serde_json::from_str(&text(&moved, Format::Sarif)).unwrap();
    assert_eq!(again["runs"][0]["results"][0]["partialFingerprints"], result["partialFingerprints"]);
}

#[test]
fn junit_and_html_are_well_formed_whatever_they_hold() {
    for report in [report(), hostile()] {
        let xml = text(&report, Format::Junit);
        assert!(!xml.contains("<script") && !xml.contains('\u{1b}'), "{xml}");
        assert_eq!(xml.matches("<testcase").count(), xml.matches("</testcase>").count());
        let html = text(&report, Format::Html);
        assert_eq!(html.matches("<script").count(), 1, "only our own");
        assert!(!html.contains("alert(1)<"), "{html}");
        for tag in ["details", "section", "figure", "ul", "main"] {
            let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let report = hostile();
    assert!(!text(&report, Format::Text).contains('\u{1b}'));
    let markdown = text(&report, Format::Markdown);
    // Between backticks everything is shown as it is.
    assert!(markdown.split('`').step_by(2).all(|outside| !outside.contains("<script")), "{markdown}");
    assert!(!markdown.contains('\u{1b}'), "{markdown}");
    assert_eq!(markdown.lines().filter(|line| line.starts_with("| high")).count(), 1, "{markdown}");
    let github = text(&report, Format::Github);
    assert_eq!(github.lines().count(), 2, "{github}");
    assert!(github.lines().all(|line| line.starts_with("::error ")), "{github}");
}

#[test]
fn github_annotations() {
    let first = text(&report(), Format::Github).lines().next().unwrap().to_owned();
    assert_eq!(first, "::error file=dir/a b.yaml,line=3,endLine=3,col=3,title=T-high A title::Pod ns/one: `one` is wrong%0AFix: do not");
}

#[test]
fn markdown_says_what_it_leaves_out() {
    let mut many = report();
    let source = Source::new("a.yaml", Origin::File, TEXT);
    let rule = rule("T-high", Severity::High);
    many.findings = (0..2000).map(|number| finding(&rule, &source, "hostPID: true", &format!("pod-{number:04}"))).collect();
    let text = text(&many, Format::Markdown);
    assert!(text.len() < 65_536);
    let shown = text.matches("| high |").count();
    assert!(text.contains(&format!("**{} more findings are left out here", 2000 - (shown - 1))), "{shown}");
}

#[test]
fn an_empty_report_is_said_to_be_one() {
    let empty = Report::default();
    assert!(text(&empty, Format::Text).contains("no findings"));
    assert!(text(&empty, Format::Html).contains("No findings"));
    for format in Format::ALL {
        text(&empty, format);
    }
}
