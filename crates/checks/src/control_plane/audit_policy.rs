//! The file behind `--audit-policy-file`: `Policy`.
//!
//! The first rule that matches a request says how much of it is logged; a request that none matches is not logged
//! (apiserver audit/policy/checker.go).

use crate::check::reference::{cis, docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&EMPTY, &LEAKS, &SILENT, &STAGES];

const KINDS: &[&str] = &["audit.k8s.io/Policy"];
const AUDITING: Reference = docs("Auditing", "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/");

/// How much of a request is logged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    None,
    Metadata,
    Request,
    RequestResponse,
}

/// A rule of the policy.
struct Rule<'a> {
    index: usize,
    level: Level,
    node: Node<'a>,
}

/// The rules whose level is one of the API's; it refuses a policy with others.
fn rules<'a>(policy: &Object<'a>) -> Vec<Rule<'a>> {
    let rules = policy.node.get("rules").into_iter().flat_map(Node::items).enumerate();
    let read = rules.filter_map(|(index, node)| {
        let level = match node.get("level")?.text() {
            "None" => Level::None,
            "Metadata" => Level::Metadata,
            "Request" => Level::Request,
            "RequestResponse" => Level::RequestResponse,
            _ => return None,
        };
        Some(Rule { index, level, node })
    });
    read.collect()
}

impl<'a> Rule<'a> {
    fn has(&self, field: &str) -> bool {
        self.list(field).next().is_some()
    }

    fn list(&self, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.node.get(field).into_iter().flat_map(Node::items).map(Node::text)
    }

    /// Whether requests for `resource` of `group` can match.
    fn is_about(&self, group: &str, resource: &str) -> bool {
        if !self.has("resources") {
            return self.has("namespaces") || !self.has("nonResourceURLs");
        }
        let (base, sub) = resource.split_once('/').map_or((resource, None), |(base, sub)| (base, Some(sub)));
        let names = |name: &str| {
            name == "*" || name == resource || name.strip_suffix("/*") == Some(base) || (sub.is_some() && name.strip_prefix("*/") == sub)
        };
        self.node.get("resources").into_iter().flat_map(Node::items).any(|entry| {
            let mut listed = entry.get("resources").into_iter().flat_map(Node::items).map(Node::text).peekable();
            entry.get("group").map_or("", Node::text) == group && (listed.peek().is_none() || listed.any(names))
        })
    }

    /// Whether it matches whoever asks, whatever for, in every namespace.
    fn is_unconditional(&self) -> bool {
        let everybody = self.list("userGroups").any(|group| group == "system:authenticated");
        let of_names = self
            .node
            .get("resources")
            .into_iter()
            .flat_map(Node::items)
            .any(|entry| entry.get("resourceNames").is_some_and(|names| names.items().next().is_some()));
        !self.has("users") && (!self.has("userGroups") || everybody) && !self.has("verbs") && !self.has("namespaces") && !of_names
    }

    /// Whether it is about reading alone.
    fn only_reads(&self) -> bool {
        self.has("verbs") && self.list("verbs").all(|verb| matches!(verb, "get" | "list" | "watch"))
    }

    fn pointer(&self) -> String {
        format!("/rules/{}/level", self.index)
    }
}

static EMPTY: Check = Check {
    id: "CTL-audit-policy-empty",
    title: "Audit policy logs nothing",
    severity: Severity::High,
    docs: "
## What it detects
An audit policy without rules, or whose rules all have the level `None`.

## Why it matters
Nobody can say who did what. An API server does not start with a policy that has no rules.

## How to fix
End the policy with a rule of the level `Metadata` that matches everything.
",
    references: &[cis("3.2.1"), AUDITING],
    run: Run::Object(KINDS, |policy, reporter| {
        let rules = rules(policy);
        if rules.iter().all(|rule| rule.level == Level::None) {
            let message = if rules.is_empty() { "the policy has no rules" } else { "all rules have the level `None`" };
            let violation = Violation::at("/rules", message);
            let rule = serde_json::json!({"level": "Metadata"});
            let violation = violation.cured_at("end with a rule of the level `Metadata`", "/rules/-", Some(rule));
            reporter.report(violation.needs("where the log goes, and how much that holds"));
        }
    }),
};

/// What holds credentials: group, resource, the least level that writes them into the log, how bad that is.
const CREDENTIALS: &[(&str, &str, Level, Severity)] = &[
    ("", "secrets", Level::Request, Severity::High),
    ("", "configmaps", Level::Request, Severity::Low),
    ("authentication.k8s.io", "tokenreviews", Level::Request, Severity::High),
    ("", "serviceaccounts/token", Level::RequestResponse, Severity::High),
];

static LEAKS: Check = Check {
    id: "CTL-audit-policy-leaks",
    title: "Audit log holds credentials",
    severity: Severity::High,
    docs: "
## What it detects
A rule of an audit policy with the level `Request` or `RequestResponse` that is the first to match requests for Secrets, TokenReviews, tokens of service accounts, or ConfigMaps (low: they hold credentials by mistake).

## Why it matters
The log is shipped to places where more people read than may read Secrets, and kept for longer than tokens live.

## How to fix
Put a rule of the level `Metadata` for these resources before the one that logs more.
",
    references: &[cis("3.2.2"), kubescape("C-0161"), AUDITING],
    run: Run::Object(KINDS, leaks),
};

fn leaks(policy: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let rules = rules(policy);
    for (group, resource, least, severity) in CREDENTIALS {
        for rule in rules.iter().filter(|rule| rule.is_about(group, resource)) {
            // The body of a request that reads is empty.
            let leaks = rule.level >= *least && !(rule.level == Level::Request && rule.only_reads());
            if leaks {
                let violation =
                    Violation::at(rule.pointer(), format!("rule {} logs the content of `{resource}`", rule.index)).severity(*severity);
                reporter.report(violation.advice(format!("put a rule of the level `Metadata` for `{resource}` before it")));
            }
            if leaks || rule.is_unconditional() {
                break;
            }
        }
    }
}

/// What an intrusion goes through: group, resource, what it is to the reader.
const TELLING: &[(&str, &str, &str)] = &[
    ("", "secrets", "who reads Secrets"),
    ("", "pods", "who makes pods"),
    ("", "pods/exec", "who runs commands in containers"),
    ("", "pods/portforward", "who connects to pods"),
    ("", "serviceaccounts/token", "who makes tokens"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "who grants what"),
    ("rbac.authorization.k8s.io", "rolebindings", "who grants what"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "who changes admission"),
];

static SILENT: Check = Check {
    id: "CTL-audit-policy-silent",
    title: "Audit log keeps quiet about what matters",
    severity: Severity::Medium,
    docs: "
## What it detects
An audit policy that logs nothing of requests for Secrets, pods, `pods/exec`, `pods/portforward`, tokens, bindings of RBAC or webhook configurations: the first rule that matches all of them has the level `None`, or there is none. Also rules of the level `None` for `system:masters`.

## Why it matters
These are the requests that an intrusion is made of.

## How to fix
Log them with the level `Metadata` at least, before any rule of the level `None`.
",
    references: &[cis("3.2.2"), kubescape("C-0161"), AUDITING],
    run: Run::Object(KINDS, silent),
};

fn silent(policy: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let rules = rules(policy);
    // A policy that logs nothing at all is another check's.
    if rules.iter().all(|rule| rule.level == Level::None) {
        return;
    }
    for (group, resource, what) in TELLING {
        let mut about = rules.iter().filter(|rule| rule.is_about(group, resource)).peekable();
        if about.peek().is_none() {
            let violation = Violation::at("/rules", format!("no rule is about `{resource}`: the log does not say {what}"));
            reporter.report(violation.advice(format!("log `{resource}` with the level `Metadata`")));
        } else if let Some(rule) =
            about.find(|rule| rule.level != Level::None || rule.is_unconditional()).filter(|rule| rule.level == Level::None)
        {
            let violation =
                Violation::at(rule.pointer(), format!("rule {} logs nothing of `{resource}`: the log does not say {what}", rule.index));
            reporter.report(violation.advice(format!("log `{resource}` with the level `Metadata` before it")));
        }
    }
    for rule in rules.iter().filter(|rule| rule.level == Level::None && rule.list("userGroups").any(|group| group == "system:masters")) {
        let violation = Violation::at(rule.pointer(), format!("rule {} logs nothing of what administrators do", rule.index));
        reporter.report(violation.advice("log what members of `system:masters` do"));
    }
}

static STAGES: Check = Check {
    id: "CTL-audit-policy-stages",
    title: "Audit log does not say how requests ended",
    severity: Severity::Medium,
    docs: "
## What it detects
`ResponseComplete` in `omitStages` of an audit policy or of one of its rules whose level is not `None`.

## Why it matters
The stage carries the status. Without it the log does not tell what was allowed from what was refused.

## How to fix
Omit `RequestReceived` alone.
",
    references: &[AUDITING],
    run: Run::Object(KINDS, |policy, reporter| {
        let omits = |node: Node<'_>, base: &str| {
            let stages = node.get("omitStages").into_iter().flat_map(Node::items);
            stages.enumerate().find(|(_, stage)| stage.text() == "ResponseComplete").map(|(at, _)| format!("{base}/omitStages/{at}"))
        };
        let of_rules = rules(policy).into_iter().filter(|rule| rule.level != Level::None);
        let of_rules = of_rules.filter_map(|rule| omits(rule.node, &format!("/rules/{}", rule.index)));
        for place in omits(policy.node, "").into_iter().chain(of_rules) {
            let violation =
                Violation::at(place, "the log does not say how requests ended").cured_by("do not omit `ResponseComplete`", None);
            reporter.report(violation.needs("whether there is room for the events"));
        }
    }),
};

#[cfg(test)]
mod tests {
    use super::rules;
    use plimsoll_model::{Limits, Origin, Source, parse};

    /// Which rules a request for a resource can match.
    #[test]
    fn rules_and_resources() {
        let table = [
            ("{}", "", "pods/exec", true),
            ("{nonResourceURLs: [/healthz]}", "", "pods", false),
            ("{namespaces: [shop], nonResourceURLs: [/healthz]}", "", "pods", true),
            ("{resources: [{group: ''}]}", "", "pods/exec", true),
            ("{resources: [{group: apps}]}", "", "pods", false),
            ("{resources: [{resources: ['*']}]}", "", "pods/exec", true),
            ("{resources: [{resources: [pods]}]}", "", "pods/exec", false),
            ("{resources: [{resources: ['pods/*']}]}", "", "pods/exec", true),
            ("{resources: [{resources: ['pods/*']}]}", "", "pods", true),
            ("{resources: [{resources: ['*/exec']}]}", "", "pods/exec", true),
            ("{resources: [{resources: ['*/exec']}]}", "", "pods", false),
            ("{resources: [{resources: ['*/*']}]}", "", "pods/exec", false),
        ];
        for (rule, group, resource, wanted) in table {
            let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{{level: Metadata, {}]", rule.trim_start_matches('{'));
            let (documents, _) = parse(&Source::new("policy", Origin::File, text), Limits::default());
            let about: Vec<bool> = documents
                .iter()
                .flat_map(|document| document.objects().0)
                .flat_map(|policy| rules(&policy).into_iter().map(|rule| rule.is_about(group, resource)).collect::<Vec<_>>())
                .collect();
            assert_eq!(about, [wanted], "{rule} {resource}");
        }
    }
}
