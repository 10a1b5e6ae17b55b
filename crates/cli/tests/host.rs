//! The real binary on nodes: file systems made for the test, with their `/proc`.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use support::{ids, json, plimsoll_in, scan};
use tempfile::TempDir;

const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: good\nspec:\n  securityContext:\n    runAsNonRoot: true\n    seccompProfile: {type: RuntimeDefault}\n  containers:\n  - name: main\n    image: nginx\n    securityContext:\n      allowPrivilegeEscalation: false\n      capabilities: {drop: [ALL]}\n";

/// A node as kubeadm makes it, with faults: anonymous requests, open files, an encryption that encrypts nothing.
fn node(more: &[(&str, &[u8])]) -> TempDir {
    const FILES: &[(&str, u32, &[u8])] = &[
        ("etc/hostname", 0o644, b"Worker-1\n"),
        ("etc/kubernetes/admin.conf", 0o644, b"users: [{user: {client-key-data: S0VZ}}]"),
        ("etc/kubernetes/kubelet.conf", 0o600, b""),
        ("etc/kubernetes/encryption.yaml", 0o600, b"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{identity: {}}, {aescbc: {keys: [{name: a, secret: c2VjcmV0LWtleQ==}]}}]}]"),
        ("etc/kubernetes/manifests/kube-apiserver.yaml", 0o600, b""),
        ("etc/kubernetes/pki/ca.crt", 0o644, b""),
        ("etc/kubernetes/pki/etcd/ca.key", 0o640, b""),
        ("var/lib/kubelet/config.yaml", 0o600, b"authentication: {anonymous: {enabled: true}}\nreadOnlyPort: 10255\n"),
        ("proc/100/cmdline", 0o444, b"/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0--kubeconfig=/etc/kubernetes/kubelet.conf\0--read-only-port=0\0"),
        ("proc/200/cmdline", 0o444, b"kube-apiserver\0--profiling=false\0--encryption-provider-config=/etc/kubernetes/encryption.yaml\0--audit-policy-file=/etc/gone.yaml\0"),
        ("proc/300/cmdline", 0o444, b"etcd\0--client-cert-auth=true\0"),
        ("proc/300/environ", 0o444, b"ETCD_CERT_FILE=/c\0ETCD_KEY_FILE=/k\0ETCD_ROOT_PASSWORD=hunter2\0"),
        ("proc/sys/kernel/kptr_restrict", 0o644, b"0\n"),
        ("proc/1/net/tcp", 0o444, b"sl\n 0: 00000000:280F 00000000:0000 0A\n"),
    ];
    let root = tempfile::tempdir().expect("a directory");
    let modes = FILES.iter().copied().chain(more.iter().map(|(path, content)| (*path, 0o600, *content)));
    for (path, mode, content) in modes {
        let place = root.path().join(path);
        fs::create_dir_all(place.parent().expect("a parent")).expect("made");
        fs::write(&place, content).expect("written");
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).expect("set");
    }
    // Whoever runs the test is this node's root.
    let me = fs::metadata(root.path()).expect("read");
    fs::write(root.path().join("etc/passwd"), format!("root:x:{}:0::/:\n", me.uid())).expect("written");
    fs::write(root.path().join("etc/group"), format!("root:x:{}:\n", me.gid())).expect("written");
    root
}

#[test]
fn a_node_is_judged_by_its_files_and_processes() {
    let root = node(&[]);
    let ran = plimsoll_in(root.path(), &["scan", "host", "--host-root", ".", "-o", "json"], b"");
    assert_eq!(ran.status, 2, "a file that a flag names is not there: {}", ran.err);
    assert!(ran.err.contains("`/etc/gone.yaml` could not be read: no such file or directory"), "{}", ran.err);
    let report = json(&ran);
    let found = ids(&report);
    for id in [
        "CTL-apiserver-anonymous-auth",
        "CTL-etcd-peer-client-cert-auth",
        "HOST-admin-conf-mode",
        "CTL-encryption-identity-first",
        "HOST-kernel-pointers",
        "HOST-kubelet-anonymous-auth",
        "HOST-no-mandatory-access-control",
        "HOST-pki-key-mode",
        "HOST-port-without-authentication",
    ] {
        assert!(found.contains(&id), "{id}: {found:?}");
    }
    for id in [
        "CTL-apiserver-profiling",
        "CTL-etcd-tls",
        "HOST-admin-conf-owner",
        "HOST-apiserver-manifest-mode",
        "HOST-kubelet-read-only-port",
        "HOST-pki-certificate-mode",
    ] {
        assert!(!found.contains(&id), "{id}: {found:?}");
    }
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["id"] == "HOST-pki-key-mode").expect("found");
    assert_eq!(finding["subject"]["name"], "worker-1");
    assert_eq!(finding["subject"]["kind"], "ControlPlaneInfo");
    assert_eq!(finding["remediation"]["summary"], "`chmod 600 /etc/kubernetes/pki/etcd/ca.key`");
    let text = plimsoll_in(root.path(), &["scan", "host", "--host-root", ".", "-v"], b"");
    assert!(text.out.contains("the Policy in /etc/gone.yaml"), "what is not known is said: {}", text.out);
    for output in [&ran.out, &ran.err, &text.out, &text.err] {
        assert!(!output.contains("c2VjcmV0LWtleQ") && !output.contains("hunter2") && !output.contains("S0VZ"), "{output}");
    }
}

#[test]
fn a_snapshot_of_a_node_is_judged_like_the_node() {
    let root = node(&[]);
    let run = |arguments: &[&str]| plimsoll_in(root.path(), arguments, b"");
    assert_eq!(run(&["snapshot", "--host", "--host-root", ".", "node.tgz"]).status, 2);
    let (live, later) = (run(&["scan", "host", "--host-root", ".", "-o", "json"]), run(&["scan", "node.tgz", "-o", "json"]));
    let (live, later) = (json(&live), json(&later));
    let sorted = |report| {
        let mut ids = ids(report);
        ids.sort_unstable();
        ids.join(" ")
    };
    assert_eq!(sorted(&live), sorted(&later));
    assert_eq!(live["problems"][0]["message"], later["problems"][0]["message"]);
}

#[test]
fn rules_of_kubescape_see_a_node() {
    let rule = b"package armo_builtins\nimport rego.v1\ndeny contains msg if {\n\tsome obj in input\n\tobj.kind == \"KubeletInfo\"\n\tconfig := yaml.unmarshal(base64.decode(obj.data.configFile.content))\n\tconfig.authentication.anonymous.enabled\n\tmsg := {\"alertMessage\": obj.metadata.name, \"alertObject\": {\"externalObjects\": obj}}\n}\n";
    let root = node(&[("rule.rego", rule)]);
    let ran = plimsoll_in(root.path(), &["scan", "host", "--host-root", ".", "--policy", "rule.rego", "-o", "json"], b"");
    let report = json(&ran);
    let messages: Vec<&str> = report["findings"].as_array().expect("findings").iter().filter_map(|one| one["message"].as_str()).collect();
    assert!(messages.contains(&"worker-1"), "{messages:?}\n{}", ran.err);
}

#[test]
fn a_machine_without_kubernetes_says_so() {
    let ran = scan(
        &[("proc/1/cmdline", b"/sbin/init\0"), ("proc/sys/kernel/kptr_restrict", b"0\n")],
        &["host", "--host-root", ".", "-o", "json"],
    );
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no kubelet, control plane or kube-proxy runs here"), "{}", ran.err);
    let other = scan(&[("a.yaml", GOOD.as_bytes())], &["--host-root", "."]);
    assert!(other.status == 2 && other.err.contains("--host-root is for the target `host`"), "{}", other.err);
    assert!(ids(&json(&ran)).contains(&"HOST-kernel-pointers"), "the machine is judged all the same");
}
