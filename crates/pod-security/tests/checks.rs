//! The checks beyond what upstream tests: places, cures, levels by version, no allocation.

#![cfg(test)]

use plimsoll_model::edit::patch_json;
use plimsoll_model::{Document, Finding, Limits, Origin, Source, Workload, WorkloadKinds, parse};
use plimsoll_pod_security::{Level, LevelVersion, Version, assess, checks, evaluate, findings, strictest, strictest_by_version};
use serde_json::{Value, json};

const LATEST: LevelVersion = LevelVersion { level: Level::Restricted, version: Version::Latest };

fn documents(text: &str) -> Vec<Document> {
    let (documents, problems) = parse(&Source::new("in.yaml", Origin::File, text), Limits::default());
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    documents
}

/// The only place that reads a workload.
fn with<T>(text: &str, run: impl FnOnce(&Workload<'_>) -> T) -> T {
    let documents = documents(text);
    let workload = WorkloadKinds::default().read(documents[0].objects().0[0], &mut Vec::new()).expect("a workload");
    run(&workload.with_defaults())
}

fn pod(spec: &Value) -> String {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}).to_string()
}

/// What a pod looks like that meets restricted.
fn good() -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [{"name": "i", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        "containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    })
}

/// Bad specs: each a change of the good one, by JSON pointer.
fn bad() -> Vec<(&'static str, Value)> {
    let table: &[(&'static str, &[(&str, Value)])] = &[
        ("privileged", &[("/containers/0/securityContext/privileged", json!(true))]),
        ("hostNamespaces", &[("/hostNetwork", json!(true)), ("/hostPID", json!(true)), ("/hostIPC", json!(true))]),
        ("hostPathVolumes", &[("/volumes/0", json!({"name": "v", "hostPath": {"path": "/var/log"}}))]),
        ("restrictedVolumes", &[("/volumes/0", json!({"nfs": {"server": "s"}, "name": "v"}))]),
        ("hostPorts", &[("/containers/0/ports", json!([{"containerPort": 1}, {"containerPort": 80, "hostPort": 80}]))]),
        ("hostPorts", &[("/hostNetwork", json!(true)), ("/containers/0/ports", json!([{"containerPort": 80}]))]),
        ("hostProbesAndHostLifecycle", &[("/containers/0/lifecycle", json!({"preStop": {"httpGet": {"host": "h", "port": 1}}}))]),
        ("capabilities_baseline", &[("/containers/0/securityContext/capabilities/add", json!(["NET_RAW", "CHOWN", "chown"]))]),
        ("capabilities_restricted", &[("/containers/0/securityContext/capabilities", json!({"drop": ["NET_RAW"], "add": ["CHOWN"]}))]),
        ("capabilities_restricted", &[("/containers/0/securityContext/capabilities", Value::Null)]),
        ("allowPrivilegeEscalation", &[("/initContainers/0/securityContext", Value::Null)]),
        ("allowPrivilegeEscalation", &[("/containers/0/securityContext", json!({"privileged": true}))]),
        ("procMount_restricted", &[("/containers/0/securityContext/procMount", json!("Unmasked"))]),
        ("seLinuxOptions", &[("/securityContext/seLinuxOptions", json!({"type": "spc_t", "user": "u", "role": "r"}))]),
        ("appArmorProfile", &[("/containers/0/securityContext/appArmorProfile", json!({"type": "Unconfined"}))]),
        ("seccompProfile_restricted", &[("/securityContext/seccompProfile", json!({"type": "Unconfined"}))]),
        ("seccompProfile_restricted", &[("/securityContext", Value::Null)]),
        (
            "sysctls",
            &[("/securityContext/sysctls", json!([{"name": "kernel.msgmax", "value": "1"}, {"name": "net.ipv4.tcp_rmem", "value": "1"}]))],
        ),
        ("windowsHostProcess", &[("/securityContext/windowsOptions", json!({"hostProcess": true}))]),
        ("runAsNonRoot", &[("/securityContext/runAsNonRoot", json!(false)), ("/containers/0/securityContext/runAsNonRoot", json!(false))]),
        ("runAsNonRoot", &[("/securityContext/runAsNonRoot", Value::Null), ("/containers/0/securityContext/runAsNonRoot", json!(true))]),
        ("runAsUser", &[("/securityContext/runAsUser", json!(0)), ("/containers/0/securityContext/runAsUser", json!(0))]),
    ];
    let make = |(check, changes): &(&'static str, &[(&str, Value)])| {
        let mut spec = good();
        for (pointer, value) in *changes {
            let (holder, key) = pointer.rsplit_once('/').unwrap();
            match spec.pointer_mut(holder).unwrap() {
                Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
                holder => holder[key] = value.clone(),
            }
        }
        (*check, spec)
    };
    table.iter().map(make).collect()
}

fn apply(object: &mut Value, findings: &[Finding]) {
    let patch: Vec<_> = findings.iter().filter_map(|finding| finding.remediation.clone()).flat_map(|cure| cure.patch).collect();
    patch_json(object, &patch).unwrap_or_else(|path| panic!("{path} is not in {object}"));
}

#[test]
fn the_good_pod_is_good() {
    with(&pod(&good()), |workload| assert_eq!(evaluate(&workload.pod, LATEST), []));
}

#[test]
fn every_bad_pod_fails_its_check_and_its_cures_cure_it() {
    let mut seen = std::collections::BTreeSet::new();
    for (check, spec) in bad() {
        let text = pod(&spec);
        let mut object: Value = serde_json::from_str(&text).unwrap();
        // A cure may make room for what an explicit value hid before, so cures are made until nothing is left.
        for round in 0..3 {
            let left = with(&object.to_string(), |workload| {
                let found = findings(workload, LATEST);
                if round == 0 {
                    // Where a restricted check takes a baseline check's place, the assessment still names the latter.
                    let all = found.iter().cloned().chain(assess(workload, Version::Latest, None));
                    assert!(all.into_iter().any(|finding| finding.rule.id == format!("PSS-{check}")), "{check}: {found:?}");
                }
                for finding in &found {
                    let cure = finding.remediation.as_ref().expect("every violation has a cure");
                    assert!(!cure.patch.is_empty() && !cure.summary.is_empty(), "{finding:?}");
                    assert!(finding.location.is_some());
                    assert!(finding.message.contains("the pod") || finding.message.contains('`'), "{}", finding.message);
                }
                found
            });
            apply(&mut object, &left);
        }
        with(&object.to_string(), |workload| assert_eq!(evaluate(&workload.pod, LATEST), [], "{check}: {object}"));
        seen.insert(check);
    }
    // procMount, hostPathVolumes, seccompProfile_baseline and capabilities_baseline give way to restricted checks.
    let restricted: Vec<_> =
        plimsoll_pod_security::checks_of(LATEST).iter().map(|check| check.id).filter(|id| !seen.contains(id)).collect();
    assert_eq!(restricted, Vec::<&str>::new());
}

/// One patch alone clears the place that it is for.
#[test]
fn a_cure_clears_its_own_place() {
    for (check, spec) in bad() {
        let text = pod(&spec);
        with(&text, |workload| {
            for finding in assess(workload, Version::Latest, None) {
                let mut object: Value = serde_json::from_str(&text).unwrap();
                apply(&mut object, std::slice::from_ref(&finding));
                let key = |finding: &Finding| (finding.rule.id.to_string(), finding.subject.pointer.clone(), finding.message.clone());
                let after: Vec<_> = with(&object.to_string(), |workload| assess(workload, Version::Latest, None).iter().map(key).collect());
                // Items of a list move up when one is taken out, so the message decides, which names the item.
                assert!(!after.contains(&key(&finding)), "{check}: {finding:?}\n{object}");
            }
        });
    }
}

#[test]
fn places_are_where_a_reader_looks() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    spec:\n      hostPID: true\n      containers:\n      - image: x\n        name: one\n      - name: two\n        securityContext:\n          privileged: true\n          capabilities:\n            add: [SYS_ADMIN]\n      volumes:\n      - name: v\n        hostPath:\n          path: /etc\n";
    with(text, |workload| {
        let found = assess(workload, Version::Latest, None);
        let place = |id: &str, container: Option<&str>| {
            let finding = found.iter().find(|one| one.rule.id == id && one.subject.container() == container).expect(id);
            let location = finding.location.as_ref().unwrap();
            (location.source.slice(location.span).to_owned(), finding.subject.pointer.clone())
        };
        let at = |path: &str| format!("/spec/template/spec/{path}");
        assert_eq!(place("PSS-hostNamespaces", None), ("hostPID: true".to_owned(), at("hostPID")));
        assert_eq!(place("PSS-privileged", Some("two")), ("privileged: true".to_owned(), at("containers/1/securityContext/privileged")));
        assert_eq!(place("PSS-allowPrivilegeEscalation", Some("one")).0, "name: one");
        assert_eq!(place("PSS-allowPrivilegeEscalation", Some("two")).0, "securityContext:".trim_end_matches(':'));
        assert_eq!(
            place("PSS-capabilities_baseline", Some("two")),
            ("SYS_ADMIN".to_owned(), at("containers/1/securityContext/capabilities/add/0"))
        );
        assert_eq!(place("PSS-hostPathVolumes", None), ("hostPath".to_owned(), at("volumes/0/hostPath")));
        assert!(!found.iter().any(|finding| finding.rule.id == "PSS-restrictedVolumes"), "one place, one finding");
        let severity = |id: &str| found.iter().find(|finding| finding.rule.id == id).unwrap().severity.name();
        assert_eq!((severity("PSS-hostPathVolumes"), severity("PSS-capabilities_baseline")), ("critical", "critical"));
    });
}

#[test]
fn what_a_namespace_enforces_weighs_in() {
    let enforced = Some(Level::Restricted.at(Version::Minor(24)));
    let text = pod(&json!({"containers": [{"name": "c"}]}));
    with(&text, |workload| {
        let found = assess(workload, Version::Latest, enforced);
        assert!(found.iter().all(|finding| finding.severity.name() == "high"));
        assert!(found[0].evidence[0].ends_with("enforces restricted:v1.24: the API server refuses these pods"), "{:?}", found[0].evidence);
    });
    // What only an older version forbids is said as well.
    let mut spec = good();
    spec["hostUsers"] = json!(false);
    spec["securityContext"]["runAsUser"] = json!(0);
    with(&pod(&spec), |workload| {
        assert_eq!(assess(workload, Version::Latest, None).len(), 0);
        let found = assess(workload, Version::Latest, enforced);
        assert_eq!(found.iter().map(|finding| &*finding.rule.id).collect::<Vec<_>>(), ["PSS-runAsUser"]);
    });
}

#[test]
fn levels_by_version() {
    let mut spec = good();
    spec["containers"][0]["livenessProbe"] = json!({"httpGet": {"host": "127.0.0.1", "port": 1}});
    with(&pod(&spec), |workload| {
        assert_eq!(strictest(&workload.pod, Version::Minor(33)), Level::Restricted);
        assert_eq!(strictest_by_version(&workload.pod), [(0, 33, Level::Restricted), (34, 37, Level::Privileged)]);
    });
}

#[test]
fn only_cures_that_the_manifest_supports_are_safe() {
    let safe = |spec: Value, id: &str| {
        with(&pod(&spec), |workload| {
            let found = findings(workload, LATEST);
            let cure = found.iter().find(|finding| finding.rule.id == id).expect(id).remediation.clone().unwrap();
            cure.applicability == plimsoll_model::Applicability::Safe
        })
    };
    let container = |context: Value| json!({"containers": [{"name": "c", "securityContext": context}]});
    assert!(safe(container(json!({})), "PSS-allowPrivilegeEscalation"));
    assert!(!safe(container(json!({"privileged": true})), "PSS-allowPrivilegeEscalation"));
    assert!(!safe(container(json!({"allowPrivilegeEscalation": true})), "PSS-allowPrivilegeEscalation"));
    assert!(!safe(container(json!({})), "PSS-capabilities_restricted"));
    assert!(safe(container(json!({"runAsNonRoot": true})), "PSS-capabilities_restricted"));
    assert!(!safe(container(json!({})), "PSS-runAsNonRoot"));
    assert!(safe(container(json!({"runAsUser": 1000})), "PSS-runAsNonRoot"));
    assert!(!safe(container(json!({"runAsUser": 0})), "PSS-runAsNonRoot"));
    assert!(safe(container(json!({})), "PSS-seccompProfile_restricted"));
}

#[test]
fn a_pod_that_passes_costs_no_allocation() {
    with(&pod(&good()), |workload| {
        // The table of checks is made once.
        evaluate(&workload.pod, LATEST);
        let counted = allocation_counter::measure(|| {
            for version in Version::all() {
                assert!(evaluate(&workload.pod, Level::Restricted.at(version)).is_empty());
                assert!(evaluate(&workload.pod, Level::Baseline.at(version)).is_empty());
            }
        });
        assert_eq!(counted.count_total, 0);
    });
}

#[test]
fn the_registry() {
    let ids: Vec<_> = checks().iter().map(|check| (check.level, check.id)).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted, "baseline first, each sorted bytewise, no id twice");
    for check in checks() {
        for section in ["## What it detects", "## Why it matters", "## How to fix"] {
            assert!(check.docs.contains(section), "{} has no section `{section}`", check.id);
        }
        assert!(check.versions.windows(2).all(|pair| pair[0].min < pair[1].min), "{}", check.id);
        let overridden = check.versions.iter().flat_map(|form| form.overrides);
        assert!(overridden.into_iter().all(|id| checks().iter().any(|other| other.id == *id && other.level == Level::Baseline)));
    }
}
