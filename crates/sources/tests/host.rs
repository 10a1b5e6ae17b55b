//! Reading a node below a root.

#![cfg(test)]
#![cfg(unix)]

use plimsoll_sources::host::{self, Host};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A node's file system with the files given.
fn node(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let place = root.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    let host = Host::new(root.path());
    (root, host)
}

#[test]
fn files_and_their_owners() {
    let (root, host) = node(&[("etc/kubernetes/admin.conf", "text"), ("etc/kubernetes/pki/ca.crt", "x")]);
    fs::set_permissions(root.path().join("etc/kubernetes/admin.conf"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("/etc/kubernetes/admin.conf", root.path().join("admin")).unwrap();
    let me = host.stat("/admin").unwrap();
    let passwd = format!("root:x:{}:0::/:/bin/sh\nother:x:{}:0::/:/bin/sh\n", me.uid, me.uid.wrapping_add(1));
    fs::write(root.path().join("etc/passwd"), passwd).unwrap();
    fs::write(root.path().join("etc/group"), format!("wheel:x:{}:\n", me.gid)).unwrap();
    let stat = Host::new(root.path()).stat("/admin").unwrap();
    assert_eq!((stat.mode, stat.user.as_deref(), stat.group.as_deref()), (0o640, Some("root"), Some("wheel")));
    assert!(!stat.is_directory && host.stat("/etc").unwrap().is_directory);
    assert_eq!(host.list("/etc/kubernetes").unwrap(), ["admin.conf", "pki"]);
    assert_eq!(host.read_text("/admin").unwrap(), "text");
    assert!(host.exists("/etc/kubernetes/pki/ca.crt") && !host.exists("/etc/kubernetes/pki/ca.key"));
    assert!(host.read("/etc").is_err(), "a directory has no text");
    let error = host.stat("/none").unwrap_err();
    assert_eq!(host.problem("/none", &error).message, "`/none` could not be read: no such file or directory");
}

#[test]
fn processes_and_their_environment() {
    let (root, host) = node(&[
        ("proc/20/cmdline", "/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0"),
        ("proc/20/environ", "NAME=value\0PATH=/bin\0"),
        ("proc/3/cmdline", ""),
        ("proc/9/cmdline", "etcd\0"),
        ("proc/version", "no process"),
    ]);
    let own = root.path().join("proc/20").join("root");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("seen"), "by it").unwrap();
    let (processes, problems) = host.processes();
    assert!(problems.is_empty());
    let found: Vec<_> = processes.iter().map(|process| (process.pid, process.program())).collect();
    assert_eq!(found, [(9, "etcd"), (20, "kubelet")]);
    assert_eq!(host.environment(&processes[1]).unwrap(), [("NAME".into(), "value".into()), ("PATH".into(), "/bin".into())]);
    assert!(host.environment(&processes[0]).is_err());
    assert_eq!(host.seen_by(&processes[1]).read_text("/seen").unwrap(), "by it");
}

#[test]
fn a_root_without_processes_is_a_problem() {
    let (_root, host) = node(&[("proc/version", "")]);
    assert_eq!(host.processes().1.len(), 1);
    assert_eq!(node(&[]).1.processes().1.len(), 1);
}

#[test]
fn microk8s_is_read_by_its_files_of_flags() {
    let (_root, host) = node(&[
        ("etc/hostname", "One\n"),
        (
            "proc/7/cmdline",
            "/snap/microk8s/1/kubelite\0--kubelet-args-file=/var/snap/microk8s/1/args/kubelet\0--apiserver-args-file=/gone\0--start-control-plane=true\0",
        ),
        ("var/snap/microk8s/1/args/kubelet", "# flags\n--client-ca-file=${SNAP_DATA}/certs/ca.crt\n--anonymous-auth=\"false\"\n"),
        ("var/snap/microk8s/1/certs/ca.crt", "x"),
    ]);
    let (sources, problems) = host::read(&host);
    let kubelet = sources.iter().find(|source| source.name == "host:KubeletInfo").unwrap();
    let kubelet: serde_json::Value = serde_json::from_str(&kubelet.text).unwrap();
    assert_eq!(kubelet["data"]["cmdLine"], "kubelet --client-ca-file=/var/snap/microk8s/1/certs/ca.crt --anonymous-auth=false");
    assert_eq!(kubelet["data"]["clientCAFile"]["path"], "/var/snap/microk8s/1/certs/ca.crt");
    assert_eq!(kubelet["metadata"]["name"], "one");
    let said = |text: &str| problems.iter().any(|problem| problem.message.contains(text));
    assert!(said("`/gone` could not be read") && !said("no kubelet"));
}

#[test]
fn what_cannot_be_seen_is_said() {
    let said = |line: &str, text: &str| {
        let (_root, host) = node(&[("proc/7/cmdline", line), ("proc/9/cmdline", line)]);
        host::read(&host).1.iter().any(|problem| problem.message.contains(text))
    };
    assert!(said("/usr/local/bin/k3s server\0\0", "`k3s` runs the kubelet"));
    assert!(said("k3s\0kubectl\0", "no kubelet, control plane or kube-proxy runs here"));
    assert!(said("kubelet\0", "2 processes are called `kubelet`"));
}
