//! Benchmarks in kube-bench's format, from their files to the report.

#![cfg(test)]
#![cfg(unix)]

use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const CONFIG: &str = "
version_mapping: {'1.30': older, '1.32': own}
node:
  components: [kubelet, proxy]
  kubelet:
    bins: [kubelet]
    confs: [/var/lib/kubelet/config.yaml]
    kubeconfig: [/etc/kubernetes/kubelet.conf]
    defaultkubeconfig: /etc/kubernetes/kubelet.conf
  proxy: {optional: true, bins: [kube-proxy]}
master:
  components: [scheduler]
  scheduler: {bins: [kube-scheduler]}
policies: {components: []}
";

const NODE: &str = r#"
id: 4
type: node
groups:
- id: 4.1
  checks:
  - id: 4.1.1
    text: The kubeconfig of the kubelet is for its owner alone
    audit: /bin/sh -c 'if test -e $kubeletkubeconfig; then stat -c permissions=%a $kubeletkubeconfig; fi'
    tests: {test_items: [{flag: permissions, compare: {op: bitmask, value: "600"}}]}
    remediation: chmod 600 $kubeletkubeconfig
    scored: true
  - id: 4.1.2
    text: Anonymous requests are refused
    audit: /bin/ps -fC $kubeletbin
    audit_config: /bin/cat $kubeletconf
    tests: {test_items: [{flag: --anonymous-auth, path: "{.authentication.anonymous.enabled}", compare: {op: eq, value: false}}]}
    scored: true
  - id: 4.1.3
    text: The proxy listens at home
    audit: /bin/ps -fC $proxybin
    tests: {test_items: [{flag: --bind-address}]}
  - id: 4.1.4
    text: Somebody has read the runbook
    type: manual
    remediation: Ask around.
  - id: 4.1.5
    text: What no file says
    audit: systemctl is-active sshd
    tests: {test_items: [{flag: inactive}]}
"#;

const MASTER: &str = "
id: 1
type: master
groups: [{id: 1.1, checks: [{id: 1.1.1, text: Scheduler, audit: ps -ef | grep $schedulerbin, tests: {test_items: [{flag: a}]}, scored: true}]}]
";

const POLICIES: &str = r#"
id: 5
type: policies
groups:
- id: 5.1
  checks:
  - id: 5.1.1
    text: No pod sees the processes of its node
    audit: |
      kubectl get pods -A -o json | jq -r 'if any(.items[]; .spec.hostPID == true) then "FOUND" else "NONE" end'
    tests: {test_items: [{flag: NONE}]}
    scored: true
"#;

struct Run {
    status: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

fn plimsoll(root: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).current_dir(root).output().expect("it runs");
    Run {
        status: output.status.code().expect("a status"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A node below `node`, and benchmarks in `cfg`.
fn place() -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    let files: [(&str, u32, &str); 14] = [
        ("node/etc/hostname", 0o644, "worker-1\n"),
        ("node/etc/kubernetes/kubelet.conf", 0o644, ""),
        ("node/var/lib/kubelet/config.yaml", 0o600, "authentication: {anonymous: {enabled: false}}\n"),
        ("node/proc/100/cmdline", 0o444, "/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0"),
        ("node/proc/100/status", 0o444, "Name:\tkubelet\nPPid:\t1\nUid:\t0\t0\t0\t0\n"),
        ("node/proc/sys/kernel/kptr_restrict", 0o444, "1\n"),
        ("node/proc/1/net/tcp", 0o444, "sl\n"),
        ("cfg/config.yaml", 0o644, CONFIG),
        ("cfg/own/node.yaml", 0o644, NODE),
        ("cfg/own/master.yaml", 0o644, MASTER),
        ("cfg/own/policies.yaml", 0o644, POLICIES),
        (
            "cfg/older/node.yaml",
            0o644,
            "type: node\ngroups:\n- id: 1\n  checks: [{id: 1.1, text: Old, audit: echo a, tests: {test_items: [{flag: a}]}}]\n",
        ),
        (
            "cluster/node.yaml",
            0o644,
            "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1}\nstatus: {nodeInfo: {kubeletVersion: v1.33.2}}\n",
        ),
        (
            "cluster/pod.yaml",
            0o644,
            "apiVersion: v1\nkind: Pod\nmetadata: {name: spy, namespace: x}\nspec: {hostPID: true, containers: [{name: c, image: i}]}\n",
        ),
    ];
    for (path, mode, content) in files {
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        fs::write(&file, content).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
    }
    let me = fs::metadata(root.path()).expect("read");
    fs::write(root.path().join("node/etc/passwd"), format!("root:x:{}:0::/:\n", me.uid())).expect("written");
    root
}

fn of_benchmark<'r>(report: &'r Value, list: &str, id: &str) -> Vec<&'r Value> {
    let all = report[list].as_array().expect("a list");
    all.iter().filter(|one| one[id].as_str().is_some_and(|id| id.starts_with("BENCH-"))).collect()
}

#[test]
fn a_benchmark_is_carried_out_on_a_node() {
    let root = place();
    let arguments = ["scan", "host", "--host-root", "node", "--benchmark", "cfg/own", "--fail-on", "medium", "-o", "json"];
    let ran = plimsoll(root.path(), &arguments);
    let report = ran.json();
    let findings = of_benchmark(&report, "findings", "id");
    assert_eq!(findings.len(), 1, "{findings:?}\n{}", ran.err);
    let finding = findings[0];
    assert_eq!(finding["id"], "BENCH-own-4.1.1");
    assert_eq!(finding["severity"], "medium");
    assert_eq!(finding["message"], "'permissions' is '644'; wanted: 'permissions' is 600 or more restrictive");
    assert_eq!(finding["subject"]["name"], "worker-1");
    assert_eq!(finding["remediation"]["summary"], "chmod 600 /etc/kubernetes/kubelet.conf");
    assert_eq!(finding["location"]["file"], "cfg/own/node.yaml");
    let unknown: Vec<(&str, &str)> = of_benchmark(&report, "unknown", "id")
        .into_iter()
        .map(|one| (one["id"].as_str().expect("an id"), one["missing"].as_str().expect("a reason")))
        .collect();
    assert_eq!(
        unknown,
        [
            ("BENCH-own-1.1.1", "scheduler does not run here"),
            ("BENCH-own-4.1.3", "proxy does not run here"),
            ("BENCH-own-4.1.4", "a person has to decide: Ask around."),
            ("BENCH-own-4.1.5", "the command `systemctl` is not understood"),
            ("BENCH-own-5.1.1", "it asks the cluster: give `cluster` or a snapshot of it as a target too"),
        ]
    );
    let framework = &report["frameworks"][0];
    assert_eq!(framework["name"], "own");
    let statuses: Vec<&str> = framework["controls"].as_array().expect("controls").iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(statuses, ["unknown", "failed", "passed", "unknown", "unknown", "unknown", "unknown"]);
}

#[test]
fn the_version_of_kubernetes_chooses() {
    let root = place();
    let ran = plimsoll(root.path(), &["scan", "host", "cluster", "--host-root", "node", "--benchmark", "cfg", "-o", "json"]);
    let report = ran.json();
    assert_eq!(report["frameworks"][0]["name"], "own", "{}", ran.err);
    let failed: Vec<&str> = of_benchmark(&report, "findings", "id").into_iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(failed, ["BENCH-own-4.1.1", "BENCH-own-5.1.1"], "pods are looked at where there are some");

    let ran = plimsoll(root.path(), &["scan", "host", "--host-root", "node", "--benchmark", "cfg"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no object tells the version of Kubernetes; name one of cfg/older, cfg/own"), "{}", ran.err);
}

#[test]
fn exceptions_and_mistakes() {
    let root = place();
    fs::write(root.path().join("plimsoll.yaml"), "exceptions:\n- {id: BENCH-own-4.1.1, reason: replaced next week, owner: ops}\n")
        .expect("written");
    let arguments = ["scan", "host", "--host-root", "node", "--benchmark", "cfg/own", "--check", "BENCH-*", "-o", "json"];
    let report = plimsoll(root.path(), &arguments).json();
    assert_eq!(of_benchmark(&report, "findings", "id")[0]["exception"]["owner"], "ops");
    assert_eq!(report["frameworks"][0]["controls"][1]["excepted"], 1);

    for (arguments, wanted) in [
        (&["scan", "cluster", "--benchmark", "cfg/own"][..], "a benchmark is for a node: give `host` as a target too"),
        (&["scan", "host", "--host-root", "node", "--benchmark", "cluster"], "there is no benchmark in cluster"),
        (&["scan", "host", "--host-root", "node", "--benchmark", "none"], "cannot read the benchmark none"),
    ] {
        let ran = plimsoll(root.path(), arguments);
        assert_eq!((ran.status, ran.err.contains(wanted)), (2, true), "{}", ran.err);
    }
}

#[test]
fn what_is_understood_is_counted() {
    let root = place();
    let ran = plimsoll(root.path(), &["policy", "check", "--benchmark", "cfg"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("6 of 7 automated checks are understood (85.7 %)"), "{}", ran.out);
    assert!(ran.out.contains("own 4.1.5: the command `systemctl` is not understood"), "{}", ran.out);

    fs::write(root.path().join("cfg/older/node.yaml"), "groups:\n- id: 1\n  checks: [{id: 1.1, audit: a, tests: {bin_op: nor}}]\n")
        .expect("written");
    let ran = plimsoll(root.path(), &["policy", "check", "--benchmark", "cfg/older"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("cfg/older/node.yaml:3:48: `bin_op` must be `and` or `or`, is `nor`"), "{}", ran.err);
}
