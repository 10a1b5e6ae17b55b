//! The real binary: bad input, exit statuses, outputs, fixes. Everything in a directory of its own.

#![cfg(test)]

mod support;

use serde_json::Value;
use std::fs;
use std::process::{Command, Output, Stdio};
use support::{Ran, directory, ids, json, plimsoll_in, scan};

const BAD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  hostPID: true # why not\n  containers:\n  - name: main\n    image: nginx\n";
const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: good\nspec:\n  securityContext:\n    runAsNonRoot: true\n    seccompProfile: {type: RuntimeDefault}\n  containers:\n  - name: main\n    image: nginx\n    securityContext:\n      allowPrivilegeEscalation: false\n      capabilities: {drop: [ALL]}\n";

#[test]
fn exit_statuses() {
    assert_eq!(scan(&[("a.yaml", GOOD.as_bytes())], &[]).status, 0);
    assert_eq!(scan(&[("a.yaml", BAD.as_bytes())], &[]).status, 1);
    assert_eq!(scan(&[("a.yaml", BAD.as_bytes())], &["--fail-on", "critical"]).status, 0);
    assert_eq!(scan(&[("a.yaml", BAD.as_bytes())], &["--fail-on", "never"]).status, 0);
    assert_eq!(scan(&[("a.yaml", b"a: [\n")], &[]).status, 2);
    assert_eq!(scan(&[("a.yaml", BAD.as_bytes()), ("b.yaml", b"a: [\n")], &[]).status, 2);
    assert_eq!(scan(&[], &["--nonsense"]).status, 2);
    assert_eq!(scan(&[], &["-o", "nonsense"]).status, 2);
    assert_eq!(scan(&[], &["-o", "json", "-o", "text"]).status, 2);
    assert_eq!(scan(&[], &[]).status, 0);
}

/// Every kind of bad input: the status, and words of the one problem that is reported.
#[test]
fn bad_input_is_a_clear_problem() {
    let deep_flow = "[".repeat(10_000);
    let deep_block: String = (0..10_000).map(|at| format!("{}a:\n", " ".repeat(at))).collect();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let pod = |spec: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n{spec}");
    let table: &[(&str, Vec<u8>, i32, &str)] = &[
        ("empty file", Vec::new(), 0, ""),
        ("only comments", b"# nothing\n---\n# more\n".to_vec(), 0, ""),
        ("binary file", b"\x7fELF\0\0\xff\xfe\0".to_vec(), 2, "in.yaml: a binary file, not text"),
        ("invalid UTF-8", b"a: \xff\n".to_vec(), 2, "in.yaml: not UTF-8 text: the byte at offset 3 does not fit"),
        ("UTF-16", b"\xff\xfea\0:\0".to_vec(), 2, "in.yaml: UTF-16 text; Kubernetes reads UTF-8"),
        ("deep flow", deep_flow.into_bytes(), 2, "in.yaml:1:251: nested deeper than 250 levels"),
        ("deep block", deep_block.into_bytes(), 2, "nested deeper than 250 levels"),
        ("alias bomb", bomb.as_bytes().to_vec(), 2, "aliases and merge keys expand to more than 100000 nodes"),
        ("CRLF", GOOD.replace('\n', "\r\n").into_bytes(), 0, ""),
        ("byte order mark", format!("\u{feff}{GOOD}").into_bytes(), 0, ""),
        ("tab", b"a:\n\tb: 1\n".to_vec(), 2, "in.yaml:2:2: not valid YAML: a tab in the indentation; use spaces"),
        ("duplicate key", b"a: 1\na: 2\n".to_vec(), 2, "in.yaml:2:1: key `a` stands twice, first in line 1"),
        ("null containers", pod("  containers: null\n").into_bytes(), 2, "in.yaml:5:3: Pod `x` has no containers"),
        ("containers as a map", pod("  containers: {}\n").into_bytes(), 2, "in.yaml:5:15: `containers` must be a list, is a map"),
        ("container as a string", pod("  containers: [a]\n").into_bytes(), 2, "`containers` must be a map, is a string"),
        (
            "boolean in quotes",
            pod("  hostPID: \"true\"\n  containers: [{name: a}]\n").into_bytes(),
            2,
            "in.yaml:5:12: `hostPID` must be a boolean, is a string",
        ),
        ("number for a name", pod("  containers: [{name: 1}]\n").into_bytes(), 2, "`name` must be a string, is a number"),
        ("no spec", b"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n".to_vec(), 2, "Pod `x` has no pod `spec`"),
        (
            "no template",
            b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {}\n".to_vec(),
            2,
            "Deployment `x` has no pod template",
        ),
        ("unknown kind", b"apiVersion: example.com/v1\nkind: Gizmo\nmetadata: {name: x}\n".to_vec(), 0, ""),
        (
            "unknown kind with a pod template",
            b"apiVersion: example.com/v1\nkind: Gizmo\nspec: {template: {spec: {containers: [{image: a}]}}}\n".to_vec(),
            0,
            "kind `Gizmo` of `example.com/v1` carries a pod template that is not looked at",
        ),
        ("no Kubernetes object", b"services:\n  web: {image: nginx}\n".to_vec(), 0, ""),
        ("items that are no list", b"apiVersion: v1\nkind: List\nitems: {}\n".to_vec(), 2, "`items` must be a list, is a map"),
        ("template", b"a: {{ .Values.b }}\n".to_vec(), 2, "this looks like a template that has to be rendered first"),
        ("JSON that ends", b"{\"a\": [1, 2".to_vec(), 2, "not valid JSON: the text ends inside of a value"),
    ];
    for (name, content, status, words) in table {
        let ran = scan(&[("in.yaml", content)], &[]);
        assert_eq!(ran.status, *status, "{name}: {}", ran.err);
        assert!(ran.err.contains(words), "{name}: {}", ran.err);
        assert_eq!(ran.err.is_empty(), words.is_empty(), "{name}: {}", ran.err);
    }
}

#[test]
fn a_huge_file_is_refused_unread() {
    let directory = directory(&[("ok.yaml", GOOD.as_bytes())]);
    // Sparse: 200 MB that cost nothing on disk.
    fs::File::create(directory.path().join("huge.yaml")).unwrap().set_len(200 << 20).unwrap();
    let ran = plimsoll_in(directory.path(), &["scan", "-o", "json"], b"");
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("huge.yaml: 200.0 MiB is more than the limit of 64.0 MiB"), "{}", ran.err);
    assert_eq!(json(&ran)["summary"]["workloads"], 1);
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_or_in_a_circle() {
    let directory = directory(&[("sub/ok.yaml", GOOD.as_bytes())]);
    std::os::unix::fs::symlink("..", directory.path().join("sub/circle")).unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("gone.yaml")).unwrap();
    let ran = plimsoll_in(directory.path(), &["scan", ".", "-o", "json"], b"");
    assert_eq!(ran.status, 2);
    assert_eq!(json(&ran)["summary"]["workloads"], 1);
    assert!(ran.err.contains("a loop of symbolic links"), "{}", ran.err);
    assert!(ran.err.contains("gone.yaml: not read: a symbolic link to nothing"), "{}", ran.err);
}

#[test]
fn what_is_not_there() {
    let ran = scan(&[], &["no/such/file.yaml"]);
    assert_eq!((ran.status, ran.err.contains("no/such/file.yaml: cannot be read: no such file or directory")), (2, true), "{}", ran.err);
    // A file where a directory should be cannot be walked into, whoever asks.
    let ran = scan(&[("file", b"")], &["file/below.yaml"]);
    assert_eq!((ran.status, ran.err.contains("cannot be read")), (2, true), "{}", ran.err);
}

/// Root may read everything, so root runs it as somebody else.
#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let directory = directory(&[("ok.yaml", GOOD.as_bytes()), ("closed/a.yaml", BAD.as_bytes()), ("secret.yaml", BAD.as_bytes())]);
    let mode = |name: &str, mode| fs::set_permissions(directory.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    // Somebody else may not reach the place where it was built.
    fs::copy(env!("CARGO_BIN_EXE_plimsoll"), directory.path().join("plimsoll")).unwrap();
    for (name, bits) in [("", 0o755), ("plimsoll", 0o755), ("ok.yaml", 0o644), ("closed", 0), ("secret.yaml", 0)] {
        mode(name, bits);
    }
    let mut command = Command::new(directory.path().join("plimsoll"));
    command.args(["scan", "-o", "json"]).current_dir(directory.path());
    if fs::metadata(directory.path()).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    mode("closed", 0o755);
    let ran = Ran { status: status.code().unwrap(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() };
    assert_eq!((ran.status, json(&ran)["summary"]["workloads"].clone()), (2, 1.into()), "{}", ran.err);
    for name in ["closed", "secret.yaml"] {
        let line = ran.err.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {}", ran.err));
        assert!(line.contains("permission denied"), "{line}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let directory = directory(&[]);
    let many: String = (0..2000).map(|_| format!("---\n{BAD}")).collect();
    fs::write(directory.path().join("many.yaml"), many).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["scan", "many.yaml"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn directories_respect_ignore_files_and_globs() {
    let files: &[(&str, &[u8])] = &[
        (".gitignore", b"ignored/\n"),
        ("ignored/a.yaml", BAD.as_bytes()),
        (".hidden/a.yaml", BAD.as_bytes()),
        ("app/a.yml", BAD.as_bytes()),
        ("app/b.json", br#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "j"}, "spec": {"containers": [{"name": "a"}]}}"#),
        ("app/notes.txt", b"kind: Pod"),
    ];
    let workloads = |arguments: &[&str]| json(&scan(files, &[arguments, &["-o", "json"]].concat()))["summary"]["workloads"].clone();
    assert_eq!(workloads(&[]), 2);
    assert_eq!(workloads(&["--no-ignore"]), 4);
    assert_eq!(workloads(&["--include", "**/*.json"]), 1);
    assert_eq!(workloads(&["--exclude", "app/*.json"]), 1);
    assert_eq!(workloads(&["ignored/a.yaml"]), 1);
}

#[test]
fn standard_input_and_archives() {
    let directory = directory(&[("a.yaml", BAD.as_bytes())]);
    let ran = plimsoll_in(directory.path(), &["scan", "-", "-o", "json"], BAD.as_bytes());
    assert_eq!(json(&ran)["findings"][0]["location"]["file"], "-");
    let packed = Command::new("tar").args(["czf", "app.tgz", "a.yaml"]).current_dir(directory.path()).status().unwrap();
    assert!(packed.success());
    let ran = plimsoll_in(directory.path(), &["scan", "app.tgz", "-o", "json"], b"");
    assert_eq!(json(&ran)["findings"][0]["location"]["file"], "app.tgz:a.yaml");
    let archive = fs::read(directory.path().join("app.tgz")).unwrap();
    let ran = plimsoll_in(directory.path(), &["scan", "-", "-o", "json"], &archive);
    assert_eq!(json(&ran)["findings"][0]["location"]["file"], "-:a.yaml");
    let ran = plimsoll_in(directory.path(), &["scan", "-"], &archive[..archive.len() / 2]);
    assert_eq!((ran.status, ran.err.contains("the archive is broken here")), (2, true), "{}", ran.err);
}

#[test]
fn every_output_at_once() {
    let directory = directory(&[("a.yaml", BAD.as_bytes())]);
    let outputs = ["json", "sarif", "junit", "html", "markdown", "github"];
    let mut arguments = vec!["scan".to_owned(), "-o".to_owned(), "text".to_owned()];
    outputs.iter().for_each(|format| arguments.extend(["-o".to_owned(), format!("{format}=out.{format}")]));
    let ran = plimsoll_in(directory.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>(), b"");
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("PSS-hostNamespaces"), "{}", ran.out);
    for format in outputs {
        let text = fs::read_to_string(directory.path().join(format!("out.{format}"))).unwrap();
        assert!(text.contains("PSS-hostNamespaces"), "{format}: {text}");
        // The same input gives the same bytes.
        let again = plimsoll_in(directory.path(), &["scan", "a.yaml", "-o", format], b"").out;
        let first = plimsoll_in(directory.path(), &["scan", "a.yaml", "-o", format], b"").out;
        assert_eq!(first, again);
    }
    let ran = plimsoll_in(directory.path(), &["scan", "-o", "json", "--output-file", "no/such/place.json"], b"");
    assert_eq!((ran.status, ran.err.contains("cannot write no/such/place.json")), (2, true), "{}", ran.err);
}

#[test]
fn exceptions_and_settings() {
    let config = "checks:\n  PSS-runAsNonRoot: off\n  PSS-hostNamespaces: low\nexceptions:\n- id: PSS-seccomp*\n  workload: Pod/bad\n  reason: soon\n  owner: us\n- id: PSS-sysctls\n  reason: never\n  owner: us\n";
    let inline = BAD.replace("  - name: main", "  # plimsoll: ignore PSS-capabilities_restricted it is a demo\n  - name: main");
    let files: &[(&str, &[u8])] = &[("a.yaml", inline.as_bytes()), ("plimsoll.yaml", config.as_bytes())];
    let ran = scan(files, &["-o", "json"]);
    let report = json(&ran);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(!ids(&report).contains(&"PSS-runAsNonRoot"));
    let finding = |id: &str| report["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == id).unwrap().clone();
    assert_eq!(finding("PSS-hostNamespaces")["severity"], "low");
    assert_eq!(finding("PSS-seccompProfile_restricted")["exception"]["source"], "plimsoll.yaml:5");
    assert_eq!(finding("PSS-capabilities_restricted")["exception"]["reason"], "it is a demo");
    assert!(ran.err.contains("the exception for PSS-sysctls covers nothing"), "{}", ran.err);
    let ran = scan(&[("a.yaml", GOOD.as_bytes()), ("plimsoll.yaml", b"exception: []\n")], &[]);
    assert_eq!((ran.status, ran.err.contains("plimsoll.yaml:1:1: unknown key `exception`")), (2, true), "{}", ran.err);
}

#[test]
fn fixes_keep_comments_and_prove_themselves() {
    let directory = directory(&[("a.yaml", BAD.as_bytes())]);
    let ran = plimsoll_in(directory.path(), &["scan", "--diff"], b"");
    assert!(ran.out.starts_with("--- a/a.yaml\n+++ b/a.yaml\n"), "{}", ran.out);
    assert_eq!(fs::read_to_string(directory.path().join("a.yaml")).unwrap(), BAD);
    let ran = plimsoll_in(directory.path(), &["scan", "--fix", "-o", "json"], b"");
    assert!(ran.err.contains("cured 5 findings in 1 files"), "{}", ran.err);
    let wanted = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  hostPID: true # why not\n  containers:\n  - name: main\n    image: nginx\n    securityContext:\n      allowPrivilegeEscalation: false\n  securityContext:\n    seccompProfile:\n      type: RuntimeDefault\n";
    assert_eq!(fs::read_to_string(directory.path().join("a.yaml")).unwrap(), wanted);
    assert!(!ids(&json(&ran)).contains(&"PSS-allowPrivilegeEscalation"));
    let ran = plimsoll_in(directory.path(), &["scan", "--fix", "--unsafe-fixes", "--check", "PSS-*"], b"");
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("no findings"), "{}", ran.out);
}

/// What is not a file on disk is not promised to be fixed, and said when it is asked for.
#[test]
fn only_files_are_fixed() {
    let directory = directory(&[]);
    let ran = plimsoll_in(directory.path(), &["scan", "-"], BAD.as_bytes());
    assert!(ran.out.contains("fix: forbid privilege escalation") && !ran.out.contains("can be fixed with --fix"), "{}", ran.out);
    let ran = plimsoll_in(directory.path(), &["scan", "-", "--diff"], BAD.as_bytes());
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("not fixed: -: 2 of its findings: standard input cannot be written to; scan the file itself"), "{}", ran.err);
}

#[test]
fn pod_security_commands() {
    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: default\n  labels:\n    pod-security.kubernetes.io/enforce: baseline\n---\n";
    let probe = GOOD.replace("    image: nginx\n", "    image: nginx\n    livenessProbe: {tcpSocket: {host: h, port: 1}}\n");
    let directory = directory(&[("ns.yaml", format!("{namespace}{BAD}").as_bytes()), ("probe.yaml", probe.as_bytes())]);
    let run = |arguments: &[&str]| plimsoll_in(directory.path(), &[&["psa"], arguments].concat(), b"");

    let ran = run(&["check", "--level", "baseline", "--version", "v1.33", "-o", "json"]);
    assert_eq!((ran.status, ids(&json(&ran))), (1, vec!["PSS-hostNamespaces"]));
    assert_eq!(run(&["check", "--level", "privileged"]).status, 0);
    assert_eq!(run(&["check", "--level", "strict"]).status, 2);

    let ran = run(&["plan", "-o", "json"]);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    let default = &plan["namespaces"][0];
    assert_eq!(
        (&default["namespace"], &default["strictest"], &default["next"]),
        (&"default".into(), &"privileged".into(), &"baseline".into())
    );
    assert_eq!(default["today"]["enforce"], "baseline:latest");
    assert_eq!(default["refusedToday"], serde_json::json!(["Pod bad", "Pod good"]));
    let levels = serde_json::json!([{"from": "v1.0", "to": "v1.33", "level": "restricted"}, {"from": "v1.34", "to": "v1.37", "level": "privileged"}]);
    assert_eq!(default["levels"][1], serde_json::json!({"workload": "Pod good", "versions": levels}));
    assert!(default["steps"][0]["command"].as_str().unwrap().starts_with("kubectl label --overwrite namespace default "));

    let ran = run(&["diff", "--from", "v1.33", "--to", "v1.34", "--level", "restricted", "-o", "json"]);
    let diff: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, diff["changes"].as_array().unwrap().len()), (1, 1), "{}", ran.out);
    assert_eq!((&diff["changes"][0]["workload"], &diff["changes"][0]["breaks"]), (&"Pod good".into(), &true.into()));
}

#[test]
fn reviews() {
    let state = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {pod-security.kubernetes.io/enforce: restricted}}\n";
    let directory = directory(&[("state.yaml", state.as_bytes())]);
    let review = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u1","kind":{"group":"","version":"v1","kind":"Pod"},
        "resource":{"group":"","version":"v1","resource":"pods"},"name":"p","namespace":"n","operation":"CREATE","userInfo":{"username":"me"},
        "object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#;
    let ran = plimsoll_in(directory.path(), &["psa", "review", "--state", "state.yaml"], review.as_bytes());
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, &answer["response"]["uid"], &answer["response"]["allowed"]), (0, &"u1".into(), &false.into()));
    assert_eq!(answer["response"]["status"]["code"], 403);
    for (text, words) in
        [("", "0 documents instead of one AdmissionReview"), ("{}", "not an AdmissionReview"), ("[", "the review cannot be answered")]
    {
        let ran = plimsoll_in(directory.path(), &["psa", "review"], text.as_bytes());
        assert_eq!((ran.status, ran.err.contains(words)), (2, true), "{text}: {}", ran.err);
    }
}

#[test]
fn explain_completions_version() {
    let directory = directory(&[]);
    let run = |arguments: &[&str]| plimsoll_in(directory.path(), arguments, b"");
    assert!(run(&["explain", "pss-PRIVILEGED"]).out.starts_with("PSS-privileged: Privileged container\nSeverity: critical\n"));
    assert!(run(&["explain", "hostports"]).out.contains("## Why it matters"));
    let listed = run(&["explain"]).out;
    assert!(["PSS-privileged ", "POD-host-path-writable ", "RBAC-create-pods "].iter().all(|id| listed.contains(id)), "{listed}");
    let ran = run(&["explain", "seccompprofile"]);
    assert_eq!((ran.status, ran.err.contains("there is PSS-seccompProfile_baseline")), (2, true), "{}", ran.err);
    assert!(run(&["completions", "bash"]).out.contains("_plimsoll"));
    assert_eq!(run(&["--version"]).out, format!("plimsoll {}\n", env!("CARGO_PKG_VERSION")));
    let ran = run(&["scan", "cluster", "--kubeconfig", "none"]);
    assert_eq!((ran.status, ran.err.contains("no cluster to talk to")), (2, true), "{}", ran.err);
}

#[test]
fn baselines_and_differences() {
    let directory = directory(&[("a.yaml", BAD.as_bytes())]);
    let run = |arguments: &[&str]| plimsoll_in(directory.path(), arguments, b"");
    assert_eq!(run(&["scan", "a.yaml", "-o", "json=before.json"]).status, 1);
    let ran = run(&["scan", "a.yaml", "--baseline", "before.json", "--new-only"]);
    assert_eq!((ran.status, ran.out.contains("no findings")), (0, true), "{}{}", ran.out, ran.err);
    // What is not shown is counted all the same: as accepted.
    let control = |more: &[&str]| {
        let report = json(&run(&[&["scan", "a.yaml", "--baseline", "before.json", "--framework", "pss", "-o", "json"], more].concat()));
        let controls = report["frameworks"][0]["controls"].as_array().expect("controls").clone();
        controls.iter().map(|control| control["excepted"].as_u64().expect("a count")).sum::<u64>()
    };
    assert!(control(&["--new-only"]) > 0);
    assert_eq!(control(&["--new-only"]), control(&[]));
    let ran = run(&["scan", "a.yaml", "--baseline", "before.json"]);
    assert_eq!((ran.status, ran.out.contains("accepted in before.json")), (0, true), "{}{}", ran.out, ran.err);
    std::fs::write(directory.path().join("a.yaml"), BAD.replace("hostPID: true", "hostPID: false")).unwrap();
    let ran = run(&["scan", "a.yaml", "--baseline", "before.json", "-o", "json=after.json"]);
    assert!(ran.err.contains("of the baseline are gone"), "{}", ran.err);
    let ran = run(&["diff", "before.json", "after.json"]);
    assert!(ran.out.contains("PSS-hostNamespaces  Pod bad"), "{}", ran.out);
    let ran = run(&["diff", "after.json", "before.json", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, json["added"][0]["id"].as_str()), (1, Some("PSS-hostNamespaces")), "{}", ran.out);
    let ran = run(&["diff", "a.yaml", "before.json"]);
    assert_eq!((ran.status, ran.err.contains("a.yaml is not a result")), (2, true), "{}", ran.err);
    let ran = run(&["scan", "a.yaml", "--framework", "nis"]);
    assert_eq!((ran.status, ran.err.contains("no framework is called `nis`; there are pss, cis")), (2, true), "{}", ran.err);
}

/// A Deployment of three replicas with two privileged containers, and a Pod with none.
const SCORED: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 3\n  template:\n    spec:\n      \
     containers: [{name: a, image: b, securityContext: {privileged: true}}, {name: c, image: d, securityContext: {privileged: true}}]\n\
     ---\napiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec:\n  containers: [{name: a, image: b}]\n";

#[test]
fn scores_of_kubescape() {
    let directory = directory(&[("a.yaml", SCORED.as_bytes()), ("plimsoll.yaml", b"frameworks:\n  house: {H-1: [PSS-privileged]}\n")]);
    let run = |arguments: &[&str]| plimsoll_in(directory.path(), arguments, b"");
    // Two containers of one object; of its weight 3.3 and the pod's 1 it is 3.3 / 4.3.
    let ran = run(&["scan", "a.yaml", "--framework", "house", "--score", "kubescape"]);
    assert!(ran.out.contains("failed        H-1        1 of 2          50.0 %  PSS-privileged\n"), "{}", ran.out);
    assert!(ran.out.contains("by Kubescape's formulas: compliance 50.0 %, risk 76.7 %\n"), "{}", ran.out);
    let report = json(&run(&["scan", "a.yaml", "--framework", "house", "-o", "json"]));
    let control = &report["frameworks"][0]["controls"][0];
    assert_eq!((&control["evaluated"], &control["failed"], &control["kubescapeCompliance"]), (&2.into(), &1.into(), &50.0.into()));
    // Without a framework it is all of Kubescape's controls, and nothing is left out.
    let ran = run(&["scan", "a.yaml", "--score", "kubescape"]);
    assert!(ran.out.contains("kubescape  Kubescape: all controls") && ran.out.contains("REL-"), "{}", ran.out);
    // A check that is off answers for nothing.
    std::fs::write(
        directory.path().join("plimsoll.yaml"),
        "checks: {PSS-privileged: off}\nframeworks:\n  house: {H-1: [PSS-privileged]}\n",
    )
    .unwrap();
    let report = json(&run(&["scan", "a.yaml", "--framework", "house", "-o", "json"]));
    let house = &report["frameworks"][0];
    assert_eq!((&house["controls"][0]["status"], &house["covered"]), (&"not-covered".into(), &0.into()), "{house}");
    assert!(house.get("kubescapeCompliance").is_none(), "{house}");
}

#[test]
fn whose_score() {
    let run = |arguments: &[&str]| scan(&[("a.yaml", SCORED.as_bytes())], arguments);
    for name in ["plimsoll", "own"] {
        let ran = run(&["--score", name]);
        assert!(ran.out.contains("PSS-privileged  1 of 2 fail") && !ran.out.contains("Kubescape"), "{}", ran.out);
    }
    let ran = run(&["--score", "ours"]);
    assert_eq!((ran.status, ran.err.contains("nobody's score is called `ours`: one of plimsoll, kubescape")), (2, true), "{}", ran.err);
}

#[test]
fn no_output_prints_a_credential() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {a: \"postgres://app:hunter2@db/x\"}\nspec:\n  containers:\n  - name: c\n    image: nginx\n    args: [--password=hunter2]\n    env:\n    - {name: TOKEN, value: hunter2}\n    - name: KEY\n      value: |\n        -----BEGIN PRIVATE KEY-----\n        hunter2\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {password: hunter2}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"a\":\"hunter2\"}}'}}\nstringData:\n  a: hunter2\n";
    for format in ["text", "json", "sarif", "junit", "html", "markdown", "github"] {
        let ran = scan(&[("a.yaml", manifest.as_bytes())], &["-o", format, "-v"]);
        for id in ["in-annotation", "in-command", "in-config-map", "in-env"] {
            assert!(ran.out.contains(&format!("SEC-credential-{id}")), "{format}: {}", ran.out);
        }
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{format}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn fixes_come_with_certificates() {
    let directory = directory(&[("a.yaml", BAD.as_bytes())]);
    let run = |arguments: &[&str]| plimsoll_in(directory.path(), arguments, b"");
    let ran = run(&["fix", "-o", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert_eq!(fs::read_to_string(directory.path().join("a.yaml")).unwrap(), BAD);
    let report = json(&ran);
    let certificate = |id: &str| report["certificates"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let proved = certificate("PSS-allowPrivilegeEscalation");
    assert_eq!((proved["status"].as_str(), &proved["proof"]["cleared"]), (Some("proved"), &serde_json::json!(true)), "{proved}");
    assert_eq!(proved["proof"]["newFindings"], 0);
    assert_eq!(proved["proof"]["podSecurity"], serde_json::json!({"before": "privileged", "after": "privileged"}));
    let asked = certificate("PSS-runAsNonRoot");
    assert_eq!(
        (asked["status"].as_str(), asked["evidenceCommand"].as_str()),
        (Some("needs-evidence"), Some("kubectl exec pod/bad -c main -- id -u"))
    );
    assert_eq!(certificate("POD-naked")["status"], "no-patch");
    assert!(run(&["fix", "--diff"]).out.contains("+      allowPrivilegeEscalation: false"));
    let ran = run(&["fix", "--apply"]);
    assert!(ran.out.contains("cured 5 findings in 1 files"), "{}{}", ran.out, ran.err);
    assert!(fs::read_to_string(directory.path().join("a.yaml")).unwrap().contains("hostPID: true # why not"));
    let ran = run(&["fix", "--apply", "--unsafe", "--check", "PSS-*"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn policies_that_users_bring() {
    let policy = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: no-latest\nspec:\n  matchConstraints:\n    resourceRules:\n    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}\n  validations:\n  - expression: object.spec.containers.all(c, !c.image.endsWith(':latest'))\n    message: images need a version\n";
    let module =
        "package tags\nimport rego.v1\nwarn contains c.name if {\n  some c in input.spec.containers\n  endswith(c.image, \":latest\")\n}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: good\n    image: app:1\n  - name: bad\n    image: app:latest\n";
    let files = [("policies/vap.yaml", policy.as_bytes()), ("policies/tags.rego", module.as_bytes()), ("pod.yaml", pod.as_bytes())];
    let ran = scan(&files, &["--policy", "policies", "--check", "POLICY-*", "-o", "json", "pod.yaml"]);
    let report = json(&ran);
    assert_eq!((ran.status, ids(&report)), (1, vec!["POLICY-no-latest", "POLICY-tags.warn"]));
    assert_eq!(report["findings"][0]["subject"]["pointer"], "/spec/containers/1");
    assert_eq!(report["findings"][0]["message"], "images need a version");
    // Without them their ids are nobody's, and a place without policies is a mistake.
    assert_eq!(scan(&files, &["--check", "POLICY-*", "pod.yaml"]).status, 2);
    let nothing = scan(&files, &["--policy", "pod.yaml", "pod.yaml"]);
    assert!(nothing.status == 2 && nothing.err.contains("there is no policy in pod.yaml"), "{}", nothing.err);

    let directory = directory(&files);
    let checked = plimsoll_in(directory.path(), &["policy", "check", "policies"], b"");
    assert_eq!((checked.status, checked.out.lines().count()), (0, 2), "{}{}", checked.out, checked.err);
    let broken = plimsoll_in(directory.path(), &["policy", "check", "-"], policy.replace("endsWith", "endWith").as_bytes());
    assert_eq!(broken.status, 2);
    assert!(broken.err.contains("-:10:17: no method is called `endWith`") && broken.err.contains(">>>endWith<<<"), "{}", broken.err);
}

#[test]
fn api_versions_are_judged_for_the_version_that_is_asked_for() {
    const OLD: &[u8] =
        b"apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a, namespace: shop}\nspec: {maxUnavailable: 1}\n";
    let directory = directory(&[]);
    let found = |version: &str| {
        let ran = plimsoll_in(directory.path(), &["scan", "-", "--kubernetes-version", version, "-o", "json"], OLD);
        ids(&json(&ran)).contains(&"CLU-deprecated-api")
    };
    assert!(!found("v1.20"));
    assert!(found("v1.25"));
    assert!(found("latest"));
}
