//! `plimsoll exceptions`, and exceptions that other tools were given, run as users run it.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// Runs the binary in a directory with these files.
fn plimsoll_in(directory: &Path, files: &[(&str, &str)], arguments: &[&str]) -> Ran {
    for (name, content) in files {
        fs::write(directory.join(name), content).expect("written");
    }
    let ran =
        Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).current_dir(directory).env("NO_COLOR", "1").output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { status: ran.status.code().expect("no signal"), out: text(ran.stdout), err: text(ran.stderr) }
}

/// What is printed for one file, and what is left out.
fn imported(name: &str, text: &str) -> (String, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let ran = plimsoll_in(directory.path(), &[(name, text)], &["exceptions", "import", "--owner", "team", name]);
    let left: Vec<String> = ran.err.lines().map(str::to_owned).collect();
    assert_eq!(ran.status, if left.is_empty() { 0 } else { 2 }, "{}", ran.err);
    let exceptions = ran.out.strip_prefix("exceptions:\n").unwrap_or(&ran.out).replace("    owner: team\n", "");
    (exceptions, left)
}

#[test]
fn exceptions_of_kubescape() {
    let one = |policies: &str, attributes: &str| {
        let text = format!(
            r#"[{{"name": "x", "policyType": "postureExceptionPolicy", "actions": ["alertOnly"], "resources": [{{"designatorType": "Attributes", "attributes": {{{attributes}}}}}], "posturePolicies": [{policies}], "reason": "known", "expirationDate": "2030-05-10T12:00:00Z"}}]"#
        );
        imported("exceptions.json", &text)
    };
    let privileged = r#"{"controlID": "c-0057"}"#;
    let table = [
        (r#""namespace": "kube-system""#, "    namespace: kube-system\n"),
        (r#""namespace": "team-.*", "kind": "Deployment", "name": "web""#, "    namespace: \"team-*\"\n    workload: Deployment/web\n"),
        (r#""kind": "Deployment|StatefulSet""#, "    workload: \"~^Deployment|StatefulSet$/*\"\n"),
        (r#""name": "web-[0-9]+", "containerName": "app""#, "    workload: \"~^web-[0-9]+$\"\n    container: app\n"),
    ];
    for (attributes, wanted) in table {
        let (exceptions, left) = one(privileged, attributes);
        assert_eq!(left, Vec::<String>::new(), "{attributes}");
        assert_eq!(exceptions, format!("  - id: PSS-privileged\n{wanted}    reason: known\n    expires: 2030-05-09\n"));
    }
    // Several controls, by an expression; and all of them.
    let (two, _) = one(r#"{"controlID": "C-00(57|16)"}"#, r#""namespace": "a""#);
    assert!(two.contains("[PSS-allowPrivilegeEscalation, PSS-privileged]"), "{two}");
    let (all, _) = one("", r#""namespace": "a""#);
    assert!(all.matches("PSS-").count() > 10, "{all}");
    let left = [
        (privileged, r#""namespace": "a", "cluster": "one""#, "it holds in one cluster only"),
        (privileged, r#""namespace": "a", "app": "web""#, "it holds for objects with the label `app` only"),
        (privileged, "", "a designator without attributes covers nothing"),
        (privileged, r#""name": "(""#, "`(` is no regular expression"),
        (r#"{"frameworkName": "NSA", "controlID": "C-0057"}"#, r#""namespace": "a""#, "it holds for the framework NSA only"),
        (r#"{"controlName": "Privileged container"}"#, r#""namespace": "a""#, "Kubescape does not look at `controlName`"),
        (r#"{"controlID": "C-9999"}"#, r#""namespace": "a""#, "no check answers for the control C-9999"),
    ];
    for (policies, attributes, wanted) in left {
        let (exceptions, left) = one(policies, attributes);
        assert_eq!(exceptions, "", "{attributes}");
        assert!(left[0].starts_with("left out: exceptions.json:1:2 (x): ") && left[0].contains(wanted), "{left:?}");
    }
}

#[test]
fn exceptions_of_kyverno() {
    let classic = |more: &str, filter: &str| {
        let text = format!(
            "apiVersion: kyverno.io/v2\nkind: PolicyException\nmetadata: {{name: x}}\nspec:\n  exceptions:\n  - {{policyName: disallow-capabilities-strict, ruleNames: [require-drop-all, autogen-require-drop-all]}}\n  match: {{any: [{{{filter}}}]}}\n{more}"
        );
        imported("exception.yaml", &text)
    };
    let (exceptions, left) = classic("", "resources: {kinds: [Pod, apps/v1/Deployment], namespaces: [a]}");
    assert_eq!(exceptions, "");
    assert!(left[0].contains("it holds for apps/v1/Deployment only"), "{left:?}");
    let (exceptions, left) = classic("", "resources: {kinds: [Pod, Deployment], namespaces: ['a*'], names: [web?]}");
    assert_eq!(left, Vec::<String>::new());
    let scope = "    namespace: \"a*\"\n    workload: \"~^(?:Pod|Deployment)$/~^(?:web.)$\"\n";
    let wanted = [
        format!("  - id: POLICY-disallow-capabilities-strict/require-drop-all\n{scope}    reason: the PolicyException x of Kyverno\n"),
        format!("  - id: PSS-capabilities_restricted\n{scope}    path: \"*/drop\"\n    reason: the PolicyException x of Kyverno\n"),
    ];
    assert_eq!(exceptions, wanted.concat());
    for (more, filter, wanted) in [
        ("", "resources: {selector: {matchLabels: {a: b}}}", "`selector` cannot be said"),
        ("", "resources: {kinds: [Pod]}, subjects: [{kind: User, name: a}]", "some senders only (`subjects`)"),
        ("  conditions: {any: []}\n", "resources: {kinds: [Pod]}", "its `conditions` cannot be said"),
    ] {
        let (exceptions, left) = classic(more, filter);
        assert!(exceptions.is_empty() && left[0].contains(wanted), "{left:?}");
    }
    let (exceptions, left) = imported(
        "exception.yaml",
        "apiVersion: policies.kyverno.io/v1alpha1\nkind: PolicyException\nmetadata: {name: x}\nspec: {policyRefs: [{kind: ValidatingPolicy, name: disallow-host-path}]}\n",
    );
    assert!(
        left.is_empty() && exceptions.contains("id: POLICY-disallow-host-path\n") && exceptions.contains("id: PSS-hostPathVolumes\n"),
        "{exceptions}"
    );
    let policy = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: disallow-host-path}\nspec: {rules: [{name: host-path, exclude: {any: [{resources: {namespaces: [kube-system]}}]}, validate: {}}]}\n";
    let (exceptions, _) = imported("policy.yaml", policy);
    assert_eq!(
        exceptions,
        "  - id: PSS-hostPathVolumes\n    namespace: kube-system\n    reason: excluded from the policy disallow-host-path of Kyverno\n"
    );
}

#[test]
fn exceptions_of_gatekeeper_and_trivy() {
    let constraint = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sPSPPrivilegedContainer\nmetadata: {name: no}\nspec: {match: {excludedNamespaces: ['kube-*', ops]}}\n";
    let (exceptions, left) = imported("constraint.yaml", constraint);
    assert_eq!(left, Vec::<String>::new());
    let wanted =
        "  - id: PSS-privileged\n    namespace: \"~^(?:kube-.*|ops)$\"\n    reason: excluded from the constraint no of Gatekeeper\n";
    assert_eq!(exceptions, wanted);
    let config = "apiVersion: config.gatekeeper.sh/v1alpha1\nkind: Config\nmetadata: {name: config}\nspec: {match: [{excludedNamespaces: [a], processes: ['*']}, {excludedNamespaces: [b], processes: [sync]}]}\n";
    let (exceptions, left) = imported("config.yaml", &format!("{config}---\n{}", constraint.replace("excludedNamespaces", "namespaces")));
    assert!(
        exceptions.contains("id: POLICY-no\n    namespace: a\n") && exceptions.contains("id: PSS-privileged\n    namespace: a\n"),
        "{exceptions}"
    );
    assert!(left.len() == 1 && left[0].contains("it holds for sync only"), "{left:?}");
    assert!(imported("config.yaml", config).1[0].contains("none is here: give them too"));
    let (exceptions, left) = imported(".trivyignore", "# until the agent is gone\nAVD-KSV-0017 exp:2030-01-01\n\nKSV999\n");
    assert_eq!(exceptions, "  - id: PSS-privileged\n    reason: until the agent is gone\n    expires: 2030-01-01\n");
    assert!(left[0].contains(".trivyignore:4 (KSV999): no check answers for it"), "{left:?}");
}

#[test]
fn they_are_added_to_a_configuration() {
    let ignore = ("trivy/.trivyignore", "AVD-KSV-0017\n");
    let add = |before: Option<&str>| {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("trivy")).expect("made");
        let files: Vec<_> = [Some(ignore), before.map(|text| ("plimsoll.yaml", text))].into_iter().flatten().collect();
        let ran = plimsoll_in(directory.path(), &files, &["exceptions", "import", "--owner", "o", "-o", "plimsoll.yaml", ignore.0]);
        (ran.status, fs::read_to_string(directory.path().join("plimsoll.yaml")).unwrap_or_default(), ran.err)
    };
    let new = |space: &str| format!("{space}- id: PSS-privileged\n{space}  reason: ignored in trivy/.trivyignore\n{space}  owner: o\n");
    assert_eq!(add(None).1, format!("exceptions:\n{}", new("  ")));
    let other = "exceptions: # ours\n- id: A\n  reason: b # why\n  owner: c\nchecks: {B: off}\n";
    let (_, text, err) = add(Some(other));
    assert_eq!(text, other.replace("checks:", &format!("{}checks:", new(""))), "{err}");
    let flow = "exceptions: [{id: A, reason: b, owner: c}]\n";
    let (status, text, err) = add(Some(flow));
    assert!(status == 2 && text == flow && err.contains("as it is written"), "{err}");
}

#[test]
fn annotations_for_other_tools_are_exceptions() {
    let pod = |annotations: &str, template: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    {annotations}\nspec:\n  selector: {{}}\n  template:\n    metadata: {{annotations: {{{template}}}}}\n    spec:\n      hostPID: true\n      hostIPC: true\n      containers: [{{name: a, image: a:1, securityContext: {{privileged: true}}}}]\n"
        )
    };
    let table = [
        (
            "checkov.io/skip1: CKV_K8S_16=agent",
            "",
            vec!["PSS-privileged /spec/template/spec/containers/0/securityContext/privileged agent"],
        ),
        ("ignore-check.kube-linter.io/host-pid: agent", "", vec!["PSS-hostNamespaces /spec/template/spec/hostPID agent"]),
        (
            "a: b",
            "polaris.fairwinds.com/hostIPCSet-exempt: 'true'",
            vec!["PSS-hostNamespaces /spec/template/spec/hostIPC the annotation `polaris.fairwinds.com/hostIPCSet-exempt`"],
        ),
        (
            "kube-score/ignore: 'pod-probes,container-security-context-privileged'",
            "",
            vec!["PSS-privileged /spec/template/spec/containers/0/securityContext/privileged the annotation `kube-score/ignore`"],
        ),
        (
            "{kubescape.io/skip-controls: 'C-0057, C-0038', kubescape.io/skip-reason: agent, kubescape.io/skip-expiry: '2999-01-01T00:00:00Z'}",
            "",
            vec![
                "PSS-hostNamespaces /spec/template/spec/hostIPC agent",
                "PSS-hostNamespaces /spec/template/spec/hostPID agent",
                "PSS-privileged /spec/template/spec/containers/0/securityContext/privileged agent",
            ],
        ),
        ("{kubescape.io/skip-controls: C-0057, kubescape.io/skip-expiry: '2001-01-01T00:00:00Z'}", "", vec![]),
        ("checkov.io/skip1: CKV_K8S_9999=unknown", "", vec![]),
    ];
    for (annotations, template, wanted) in table {
        let directory = tempfile::tempdir().expect("a directory");
        let text = pod(annotations, template);
        let ran = plimsoll_in(
            directory.path(),
            &[("web.yaml", &text)],
            &["scan", "-o", "json", "--check", "PSS-privileged", "--check", "PSS-hostNamespaces", "web.yaml"],
        );
        let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let mut accepted: Vec<String> = report["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|finding| finding.get("exception").is_some_and(|exception| !exception.is_null()))
            .map(|finding| {
                let text = |pointer: &str| finding.pointer(pointer).and_then(|text| text.as_str()).unwrap_or("").to_owned();
                format!("{} {} {}", text("/id"), text("/subject/pointer"), text("/exception/reason"))
            })
            .collect();
        accepted.sort();
        assert_eq!(accepted, wanted, "{annotations}: {}", ran.out);
    }
}
