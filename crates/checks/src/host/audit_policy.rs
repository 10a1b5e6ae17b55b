//! `HOST-audit-policy-gaps`

use super::data::{Data, File};
use crate::check::reference::{cis, docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::component;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[Check] = &[Check {
    id: "HOST-audit-policy-gaps",
    title: "Audit policy leaves out what an attack shows in, or writes down secrets",
    severity: Severity::Medium,
    docs: "
## What it detects
An audit policy that does not log requests for pods, Deployments, `pods/exec`, `pods/portforward`, `pods/proxy` or `services/proxy`, or that logs Secrets, ConfigMaps or TokenReviews with their content (level `Request` or `RequestResponse`). Of the rules that match a request the first one counts, as for the API server.

## Why it matters
Without these entries nobody can tell afterwards who looked into which container. With the content of Secrets and tokens, the log is one more place to steal them from.

## How to fix
Log Secrets, ConfigMaps and TokenReviews at `Metadata` in one of the first rules, and let a last rule without conditions log the rest at `Metadata`.
",
    references: &[
        cis("3.2.2"),
        kubescape("C-0161"),
        docs("audit", "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"),
        mitre("T1562.001"),
    ],
    run: Run::Object(&["hostdata.kubescape.cloud/ControlPlaneInfo"], look),
}];

/// Group, resource, and whether its content is secret (CIS Kubernetes Benchmark 1.12, 3.2.2).
const WANTED: &[(&str, &str, bool)] = &[
    ("", "secrets", true),
    ("", "configmaps", true),
    ("authentication.k8s.io", "tokenreviews", true),
    ("", "pods", false),
    ("apps", "deployments", false),
    ("", "pods/exec", false),
    ("", "pods/portforward", false),
    ("", "pods/proxy", false),
    ("", "services/proxy", false),
];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(server) = Data::of(object).and_then(|data| data.at(&["APIServerInfo"])) else { return };
    let line = server.text("cmdLine");
    // Whether there is a policy at all is another check's.
    let flags = component::flags(&[(line, String::new())]);
    let Some(flag) = component::given(&flags, "audit-policy-file") else { return };
    let file = server.at(&["auditPolicyFile"]).and_then(File::of);
    let Some((file, policy)) = file.and_then(|file| file.document(reporter).map(|policy| (file, policy))) else {
        reporter.unknown(format!("the text of {}", flag.value));
        return;
    };
    let Some(root) = policy.root() else { return };
    let mut wrong = Vec::new();
    for &(group, resource, is_secret) in WANTED {
        match level(root, group, resource) {
            (_, Some(level)) if is_secret => wrong.push(format!("{resource} are logged with their content (`{level}`)")),
            (true, _) => {}
            (false, _) => wrong.push(format!("{resource} are not logged")),
        }
    }
    if !wrong.is_empty() {
        let violation = Violation::at(format!("{}/content", file.data.pointer), format!("{}: {}", file.name(), wrong.join(", ")));
        let violation = violation.advice(format!(
            "in {}, log Secrets, ConfigMaps and TokenReviews at `Metadata` first, and the rest at `Metadata` last",
            file.name()
        ));
        reporter.report(violation.concealed());
    }
}

/// Whether requests for a resource are logged at all, and the level of a rule that logs their content.
fn level<'a>(policy: Node<'a>, group: &str, resource: &str) -> (bool, Option<&'a str>) {
    let mut content = None;
    for rule in policy.get("rules").into_iter().flat_map(Node::items).filter(|rule| concerns(*rule, group, resource)) {
        let level = rule.get("level").map_or("None", Node::text);
        if matches!(level, "Request" | "RequestResponse") {
            content = content.or(Some(level));
        }
        // A rule for some users, verbs or namespaces leaves the others to the rules after it.
        let narrows = |key: &str| rule.get(key).is_some_and(|list| list.items().next().is_some());
        let named = rule
            .get("resources")
            .into_iter()
            .flat_map(Node::items)
            .any(|one| one.get("resourceNames").is_some_and(|names| names.items().next().is_some()));
        if !named && !["users", "userGroups", "verbs", "namespaces", "resourceNames"].into_iter().any(narrows) {
            return (level != "None", content);
        }
    }
    (false, content)
}

/// Whether a rule looks at a resource: it names it, names all, or has no conditions on what is asked for.
fn concerns(rule: Node<'_>, group: &str, resource: &str) -> bool {
    let has = |node: Option<Node<'_>>| node.is_some_and(|list| list.items().next().is_some());
    if !has(rule.get("resources")) {
        return !has(rule.get("nonResourceURLs"));
    }
    rule.get("resources").into_iter().flat_map(Node::items).any(|entry| {
        let fits = |pattern: &str| {
            pattern == "*"
                || pattern == resource
                || pattern.strip_suffix("/*").is_some_and(|kind| resource.split('/').next() == Some(kind))
                || pattern.strip_prefix("*/").is_some_and(|part| resource.split('/').nth(1) == Some(part))
        };
        entry.get("group").map_or("", Node::text) == group
            && (!has(entry.get("resources")) || entry.get("resources").into_iter().flat_map(Node::items).any(|one| fits(one.text())))
    })
}
