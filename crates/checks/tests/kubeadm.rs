//! The flags that kubeadm's `ClusterConfiguration` gives are looked at like those of the static pods that it writes.
#![expect(clippy::unwrap_used, reason = "a test fails where its input cannot be read")]

use plimsoll_checks::{Parameters, assess};
use plimsoll_model::{Finding, Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use std::collections::BTreeSet;

fn findings(text: &str) -> Vec<Finding> {
    let (documents, problems) = parse(&Source::new("kubeadm", Origin::File, text), Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    let snapshot = Snapshot { documents, problems: Vec::new() };
    assess(&Inventory::new(&snapshot, &WorkloadKinds::default()), &Parameters::default()).findings
}

/// Pointers and lines of the findings of a check.
fn places(findings: &[Finding], id: &str) -> Vec<(String, u32)> {
    let found = findings.iter().filter(|finding| finding.rule.id == id);
    found.map(|finding| (finding.subject.pointer.clone(), finding.location.as_ref().unwrap().start().line)).collect()
}

/// The changes that cure a check's findings, as `op path value`.
fn cures(findings: &[Finding], id: &str) -> Vec<String> {
    let found = findings.iter().filter(|finding| finding.rule.id == id).filter_map(|finding| finding.remediation.as_ref());
    found.flat_map(|cure| &cure.patch).map(|operation| serde_json::to_string(operation).unwrap()).collect()
}

const AS_MAP: &str = "apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v1.30.2
apiServer:
  extraArgs:
    anonymous-auth: \"true\"
    enable-admission-plugins: NodeRestriction,SecurityContextDeny
    token-auth-file: /etc/kubernetes/tokens.csv
controllerManager:
  extraArgs:
    bind-address: 0.0.0.0
etcd:
  local:
    extraArgs:
      auto-tls: \"true\"
";

#[test]
fn flags_of_a_map() {
    let found = findings(AS_MAP);
    let table = [
        ("CTL-apiserver-anonymous-auth", "/apiServer/extraArgs/anonymous-auth", 6),
        ("CTL-apiserver-admission-removed", "/apiServer/extraArgs/enable-admission-plugins", 7),
        ("CTL-apiserver-token-auth-file", "/apiServer/extraArgs/token-auth-file", 8),
        ("CTL-controller-manager-bind-address", "/controllerManager/extraArgs/bind-address", 11),
        ("CTL-etcd-auto-tls", "/etcd/local/extraArgs/auto-tls", 15),
    ];
    for (id, pointer, line) in table {
        assert_eq!(places(&found, id), [(pointer.to_owned(), line)], "{id}");
    }
    assert_eq!(
        cures(&found, "CTL-apiserver-anonymous-auth"),
        [r#"{"op":"replace","path":"/apiServer/extraArgs/anonymous-auth","value":"false"}"#]
    );
    assert_eq!(cures(&found, "CTL-apiserver-token-auth-file"), [r#"{"op":"remove","path":"/apiServer/extraArgs/token-auth-file"}"#]);
    assert_eq!(cures(&found, "CTL-apiserver-profiling"), [r#"{"op":"add","path":"/apiServer/extraArgs/profiling","value":"false"}"#]);
    assert_eq!(
        cures(&found, "CTL-scheduler-profiling"),
        [r#"{"op":"add","path":"/scheduler","value":{"extraArgs":{"profiling":"false"}}}"#]
    );
}

const AS_LIST: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs:
  - name: authorization-mode
    value: AlwaysAllow
  - name: token-auth-file
    value: /etc/kubernetes/tokens.csv
";

#[test]
fn flags_of_a_list() {
    let found = findings(AS_LIST);
    assert_eq!(places(&found, "CTL-apiserver-authorization-always-allow"), [("/apiServer/extraArgs/0/value".to_owned(), 6)]);
    assert_eq!(cures(&found, "CTL-apiserver-token-auth-file"), [r#"{"op":"remove","path":"/apiServer/extraArgs/1"}"#]);
    assert_eq!(
        cures(&found, "CTL-apiserver-profiling"),
        [r#"{"op":"add","path":"/apiServer/extraArgs/-","value":{"name":"profiling","value":"false"}}"#]
    );
    let nothing = findings("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n");
    assert_eq!(
        cures(&nothing, "CTL-scheduler-profiling"),
        [r#"{"op":"add","path":"/scheduler","value":{"extraArgs":[{"name":"profiling","value":"false"}]}}"#]
    );
}

/// What kubeadm sets by itself is not missing, what it leaves to the programs is.
#[test]
fn what_kubeadm_adds_counts() {
    let found = findings("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n");
    let ids: BTreeSet<&str> = found.iter().map(|finding| &*finding.rule.id).filter(|id| id.starts_with("CTL-")).collect();
    for kept in [
        "CTL-apiserver-authorization-rbac",
        "CTL-apiserver-client-ca-file",
        "CTL-apiserver-etcd-cafile",
        "CTL-apiserver-node-restriction",
        "CTL-apiserver-tls-cert-file",
        "CTL-controller-manager-bind-address",
        "CTL-etcd-peer-tls",
        "CTL-etcd-unique-ca",
        "CTL-scheduler-bind-address",
    ] {
        assert!(!ids.contains(kept), "{kept}");
    }
    for missing in [
        "CTL-apiserver-anonymous-auth",
        "CTL-apiserver-audit-log-path",
        "CTL-apiserver-profiling",
        "CTL-apiserver-kubelet-certificate-authority",
    ] {
        assert!(ids.contains(missing), "{missing}");
    }
}

#[test]
fn an_etcd_of_its_own_is_not_kubeadms() {
    let external = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\netcd:\n  external:\n    endpoints: [https://etcd.example.com:2379]\n    caFile: /etc/etcd/ca.crt\n";
    let found = findings(external);
    assert!(!found.iter().any(|finding| finding.rule.id.starts_with("CTL-etcd-")));
    assert_eq!(places(&found, "CTL-apiserver-etcd-cafile"), []);
    assert_eq!(places(&found, "CTL-apiserver-etcd-certfile").len(), 2);
}

#[test]
fn flags_that_a_file_speaks_for_are_not_judged() {
    let found = findings(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n  - {name: authorization-config, value: /etc/kubernetes/authorization.yaml}\n  - {name: authentication-config, value: /etc/kubernetes/authentication.yaml}\n",
    );
    for id in ["CTL-apiserver-authorization-rbac", "CTL-apiserver-authorization-node", "CTL-apiserver-anonymous-auth"] {
        assert_eq!(places(&found, id), [], "{id}");
    }
}

/// A plugin that the API server does not start without configuring comes with the file that configures it.
#[test]
fn a_plugin_and_its_configuration_go_together() {
    let found = findings(AS_LIST);
    assert_eq!(
        cures(&found, "CTL-apiserver-event-rate-limit"),
        [
            r#"{"op":"add","path":"/apiServer/extraArgs/-","value":{"name":"enable-admission-plugins","value":"NodeRestriction,EventRateLimit"}}"#,
            r#"{"op":"add","path":"/apiServer/extraArgs/-","value":{"name":"admission-control-config-file","value":"/etc/kubernetes/admission.yaml"}}"#,
        ]
    );
    // Where there is no list yet, two patches would each make one.
    let nothing = findings("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n");
    assert_eq!(cures(&nothing, "CTL-apiserver-event-rate-limit"), Vec::<String>::new());
}
