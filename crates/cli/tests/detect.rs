//! `plimsoll detect` and `plimsoll rules`, run as users run them.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use plimsoll_model::events::{Machine, OwnedEvent, Process, Start, kinds};
use plimsoll_sources::capture::Writer;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Ran, directory, json, plimsoll_in};

const RULES: &str = "\
- list: secret_files
  items: [/etc/shadow, /etc/sudoers]
- macro: opened
  condition: evt.type in (open, openat) and fd.num >= 0
- rule: Secret read
  desc: A file with secrets was read.
  condition: opened and fd.name in (secret_files) and not proc.name = sshd
  output: secret %fd.name read by %proc.name
  priority: ERROR
  tags: [files, T1552.001]
- rule: Anything opened
  desc: A file was opened.
  condition: opened
  output: opened %fd.name
  priority: NOTICE
  tags: [noise]
- rule: Secret asked for
  desc: Somebody read a Secret through the API.
  source: k8s_audit
  condition: ka.verb = get and ka.target.resource = secrets
  output: secret %ka.target.name read by %ka.user.name in %ka.target.namespace resource=%ka.target.resource
  priority: WARNING
";

/// What is added to the output of an event outside of containers.
const HOST: &str = " container_id=host container_name=host container_image_repository=<NA> container_image_tag=<NA> \
                    k8s_pod_name=<NA> k8s_ns_name=<NA>";

/// 2026-11-23T06:14:09Z
const BEGIN: u64 = 1_795_414_449_000_000_000;

fn opened(pid: i64, path: &str, millisecond: u64) -> OwnedEvent {
    let mut event = OwnedEvent::new(kinds::OPENAT_2_X, BEGIN + millisecond * 1_000_000, pid);
    let (fd, dirfd, path) = (3_i64.to_le_bytes(), (-100_i64).to_le_bytes(), [path.as_bytes(), b"\0"].concat());
    let params: [&[u8]; 7] = [&fd, &dirfd, &path, &[1, 0, 0, 0], &[0; 4], &[0; 4], &[0; 8]];
    for param in params {
        event.push(param);
    }
    event
}

/// A recording of `cat` (10) and `sshd` (20), who open these files, a millisecond after each other.
fn capture(opens: &[(i64, &str)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).expect("begun");
    writer.start(&Start::Machine(Machine { hostname: "node-1".to_owned(), ..Machine::default() })).expect("written");
    for (pid, name) in [(1, "init"), (10, "cat"), (20, "sshd")] {
        let process = Process { pid, tid: pid, ptid: 1, comm: name.into(), exe: name.into(), cwd: b"/".to_vec(), ..Process::default() };
        writer.start(&Start::Process(Box::new(process))).expect("written");
    }
    for (at, (pid, path)) in (0..).zip(opens) {
        writer.event(&opened(*pid, path, at).view()).expect("written");
    }
    writer.finish().expect("ended")
}

fn asked(name: &str) -> String {
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": name, "stage": "ResponseComplete", "verb": "get",
        "requestURI": format!("/api/v1/namespaces/shop/secrets/{name}"), "user": {"username": "eve"},
        "objectRef": {"resource": "secrets", "namespace": "shop", "name": name, "apiVersion": "v1"},
        "requestReceivedTimestamp": "2026-11-23T06:14:09.000000Z", "stageTimestamp": "2026-11-23T06:14:09.500000Z",
    });
    format!("{event}\n")
}

/// Runs the binary beside the rules, a capture and an audit log.
fn run(arguments: &[&str]) -> Ran {
    run_with(arguments, b"", |_| {})
}

fn run_with(arguments: &[&str], input: &[u8], look: impl Fn(&Path)) -> Ran {
    let capture = capture(&[(10, "/etc/shadow"), (20, "/etc/shadow"), (10, "/tmp/x")]);
    let log = asked("token");
    let directory = directory(&[("r.yaml", RULES.as_bytes()), ("c.scap", &capture), ("a.jsonl", log.as_bytes())]);
    let ran = plimsoll_in(directory.path(), arguments, input);
    look(directory.path());
    ran
}

#[test]
fn alerts_are_the_lines_of_falco() {
    let ran = run(&["detect", "-r", "r.yaml", "c.scap", "a.jsonl"]);
    let wanted = "\
06:14:09.000000000: Error secret /etc/shadow read by catHOST
06:14:09.001000000: Notice opened /etc/shadowHOST
06:14:09.002000000: Notice opened /tmp/xHOST
06:14:09.500000000: Warning secret token read by eve in shop resource=secrets
";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.status), (wanted.replace("HOST", HOST).as_str(), "", 1));
    let plain = run(&["detect", "-r", "r.yaml", "c.scap", "a.jsonl", "--suggested-output=false"]);
    assert_eq!(plain.out, wanted.replace("HOST", ""));
    let all =
        run(&["detect", "-r", "r.yaml", "--capture", "c.scap", "--rule-matching", "all", "--disable-tag", "noise", "--enable", "Any*"]);
    assert_eq!(all.out.lines().count(), 4, "{}", all.out);
    let quiet = run(&["detect", "-r", "r.yaml", "c.scap", "--min-priority", "error", "--fail-on", "never", "--time-iso8601"]);
    let wanted = format!("2026-11-23T06:14:09.000000000+0000: Error secret /etc/shadow read by cat{HOST}\n");
    assert_eq!((quiet.out, quiet.status), (wanted, 0));
}

#[test]
fn json_has_what_is_added() {
    let ran = run(&[
        "detect",
        "-r",
        "r.yaml",
        "c.scap",
        "-o",
        "json",
        "--disable",
        "Anything*",
        "--append-output",
        "pid=%proc.pid in %static.cluster",
        "--append-fields",
        "proc.pid",
        "--append-fields",
        "who=%proc.name!",
        "--static-field",
        "cluster=test",
        "--suggested-output=false",
        "--json-include-output=false",
        "--json-include-message",
    ]);
    let wanted = json!({
        "hostname": "node-1", "message": "secret /etc/shadow read by cat pid=10 in test", "priority": "Error", "rule": "Secret read",
        "source": "syscall", "tags": ["T1552.001", "files"], "time": "2026-11-23T06:14:09.000000000Z",
        "output_fields": {
            "evt.time": BEGIN, "fd.name": "/etc/shadow", "proc.name": "cat", "proc.pid": 10, "static.cluster": "test", "who": "cat!",
        },
    });
    assert_eq!((json(&ran), ran.status), (wanted, 1), "{}", ran.err);
    let named = run(&["detect", "-r", "r.yaml", "-o", "json", "--hostname", "h", "--audit", "a.jsonl"]);
    assert_eq!(json(&named)["hostname"], "h");
}

#[test]
fn alerts_are_findings_too() {
    let ran = run(&["detect", "-r", "r.yaml", "c.scap", "a.jsonl", "-o", "sarif", "-o", "json=lines.jsonl", "--disable-tag", "noise"]);
    let sarif: Value = json(&ran);
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let told: Vec<_> = results.iter().map(|result| (result["ruleId"].as_str(), result["level"].as_str())).collect();
    assert_eq!(told, [(Some("secret-read"), Some("error")), (Some("secret-asked-for"), Some("warning"))]);
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][1]["helpUri"], "https://attack.mitre.org/techniques/T1552/001/");
    let name = &results[1]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(name, "Secret/shop/token");
    let evidence = results[0]["properties"]["evidence"].as_array().expect("evidence");
    assert!(evidence.contains(&json!("event 1 at 2026-11-23T06:14:09.000000000Z")), "{evidence:?}");
    assert_eq!(ran.status, 1);
}

#[test]
fn standard_input_is_what_it_is() {
    let capture = capture(&[(10, "/etc/shadow")]);
    let ran = run_with(&["detect", "-r", "r.yaml", "-", "--stats"], &capture, |_| {});
    assert_eq!(ran.out, format!("06:14:09.000000000: Error secret /etc/shadow read by cat{HOST}\n"));
    assert!(ran.err.starts_with("1 events, 1 alerts;"), "{}", ran.err);
    assert!(ran.err.lines().any(|line| line.starts_with("       1 ") && line.ends_with("  Secret read")), "{}", ran.err);
    let log = [asked("a"), asked("b")].concat();
    let ran = run_with(&["detect", "-r", "r.yaml", "-"], log.as_bytes(), |_| {});
    assert_eq!((ran.out.lines().count(), ran.status), (2, 0), "{}", ran.err);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_judged() {
    let whole = capture(&[(10, "/etc/shadow"), (10, "/etc/sudoers")]);
    let ran = run_with(&["detect", "-r", "r.yaml", "-", "gone.scap", "--disable", "Nothing"], &whole[..whole.len() - 9], |_| {});
    assert_eq!((ran.out.lines().count(), ran.status), (1, 2), "{}", ran.out);
    for wanted in ["-: at byte ", "the last block is cut off", "gone.scap: cannot be read", "--disable `Nothing` means no rule"] {
        assert!(ran.err.contains(wanted), "{wanted}: {}", ran.err);
    }
    for (arguments, wanted) in [
        (&["detect", "-r", "r.yaml"][..], "there are no events to look at"),
        (&["detect", "-r", "gone.yaml", "c.scap"], "gone.yaml: cannot be read: no such file or directory"),
        (&["detect", "-r", "r.yaml", "c.scap", "--static-field", "a"], "`NAME=TEXT` is wanted"),
        (&["detect", "-r", "r.yaml", "c.scap", "--why", "9", "--rule", "Secret read"], "there is no event 9"),
        (&["detect", "-r", "r.yaml", "a.jsonl", "--why", "1", "--rule", "Secret read"], "is about events of the source `syscall`"),
        (&["detect", "-r", "r.yaml", "c.scap", "--why", "1", "--rule", "Secret reed"], "did you mean `Secret read`?"),
    ] {
        let ran = run(arguments);
        assert!(ran.status == 2 && ran.err.contains(wanted), "{arguments:?}: {} {}", ran.status, ran.err);
    }
}

#[test]
fn alerts_go_to_sinks() {
    let config = "json_output: true\nfile_output: {enabled: true, filename: falco.jsonl}\n";
    let arguments = ["detect", "-r", "r.yaml", "c.scap", "--config", "falco.yaml", "--sink", "stdout", "--sink", "file=own.txt"];
    let directory =
        directory(&[("r.yaml", RULES.as_bytes()), ("c.scap", &capture(&[(10, "/etc/shadow")])), ("falco.yaml", config.as_bytes())]);
    let ran = plimsoll_in(directory.path(), &arguments, b"");
    let line = "06:14:09.000000000: Error secret /etc/shadow read by cat\n";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.status), (line, "", 1));
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).expect(name);
    assert_eq!(read("own.txt"), line);
    assert_eq!(serde_json::from_str::<Value>(&read("falco.jsonl")).expect("JSON")["rule"], "Secret read");
}

#[test]
fn configurations_of_falco_are_followed() {
    let config = "\
json_output: true
json_include_output_property: false
json_include_message_property: true
priority: notice
rule_matching: all
rules_files: [here.yaml, gone.yaml, here.d]
rules: [{disable: {rule: '*'}}, {enable: {rule: Secret*}}, {enable: {tag: noise}}]
static_fields: {zone: eu}
append_output:
- match: {source: syscall, tags: [files]}
  extra_output: pid=%proc.pid
  extra_fields: [evt.num, {who: '%proc.name of %static.zone'}]
- match: {rule: Anything opened}
  suggested_output: true
engine: {kind: modern_ebpf}
";
    let more = "- rule: In the zone\n  desc: d\n  condition: static.zone = eu and evt.num = 2\n  output: o\n  priority: INFO\n";
    let capture = capture(&[(10, "/etc/shadow"), (20, "/tmp/x")]);
    let files = [("here.yaml", RULES), ("here.d/more.yaml", more), ("falco.yaml", config)].map(|(name, text)| (name, text.as_bytes()));
    let directory = directory(&[&files[..], &[("c.scap", &capture)]].concat());
    let run =
        |arguments: &[&str]| plimsoll_in(directory.path(), &[&["detect", "c.scap", "--config", "falco.yaml"], arguments].concat(), b"");
    let told = |ran: &Ran| -> Vec<(String, Value)> {
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lines.map(|line| (text(&line["message"]), line["output_fields"].clone())).collect()
    };
    let ran = run(&[]);
    let first = json!({"evt.num": 1, "evt.time": BEGIN, "fd.name": "/etc/shadow", "proc.name": "cat", "proc.pid": 10, "who": "cat of eu"});
    let got = told(&ran);
    assert_eq!((got.len(), &got[0]), (3, &("secret /etc/shadow read by cat pid=10".to_owned(), first)), "{}", ran.err);
    assert_eq!(got[1].0, format!("opened /etc/shadow static_zone=eu{HOST}"));
    for wanted in ["falco.yaml:6:26: there is no `gone.yaml`: passed over", "falco.yaml:1:1: without effect here: engine"] {
        assert!(ran.err.contains(wanted), "{}", ran.err);
    }
    assert_eq!(ran.status, 1);
    // Options win.
    let all = ["--min-priority", "debug", "--rule-matching", "first", "--enable", "In the zone", "--static-field", "zone=eu"];
    let ran = run(&[&all[..], &["--disable-tag", "noise", "--suggested-output", "--json-include-fields=false"]].concat());
    let got: Vec<String> = told(&ran).into_iter().map(|(message, fields)| format!("{message}{}", fields.is_null())).collect();
    let suggested = format!(" static_zone=eu{HOST}");
    assert_eq!(got, [format!("secret /etc/shadow read by cat{suggested} pid=10true"), format!("o{suggested}true")], "{}", ran.err);
    assert_eq!(run(&["-r", "here.yaml", "-o", "text"]).out.lines().count(), 3);
    let broken = "rules_files: [gone.yaml]\n";
    fs::write(directory.path().join("falco.yaml"), broken).expect("written");
    let ran = run(&[]);
    assert!(ran.status == 2 && ran.err.contains("none of the rules files is there"), "{}", ran.err);
    fs::write(directory.path().join("falco.yaml"), "append_output: [{extra_output: '%ka.verb', match: {source: syscall}}]")
        .expect("written");
    let ran = run(&["-r", "here.yaml"]);
    assert!(ran.status == 2 && ran.err.contains("falco.yaml:1:17: `%ka.verb` cannot be added to outputs"), "{}", ran.err);
}

#[test]
fn logs_are_followed_until_a_signal() {
    let directory = directory(&[("r.yaml", RULES.as_bytes()), ("a.jsonl", asked("first").as_bytes())]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["detect", "-r", "r.yaml", "--follow", "--audit", "a.jsonl", "--sink", "file=sink.txt", "--fail-on", "medium"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("output")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert!(next().contains("secret first read"));
    let log = fs::OpenOptions::new().append(true).open(directory.path().join("a.jsonl"));
    log.expect("opened").write_all(asked("second").as_bytes()).expect("written");
    assert!(next().contains("secret second read"));
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    assert_eq!(child.wait().expect("ended").code(), Some(1));
    let sent = fs::read_to_string(directory.path().join("sink.txt")).expect("sink");
    assert_eq!(sent.lines().count(), 2, "{sent}");
}

#[test]
fn why_a_rule_matches_or_not() {
    let ran = run(&["detect", "-r", "r.yaml", "c.scap", "--why", "1", "--rule", "Secret read"]);
    let wanted = "\
rule `Secret read` matches event 1 (openat, 2026-11-23T06:14:09.000000000Z)
true     all of
true       all of
true         evt.type in (open, openat)   # it is `openat`
true         fd.num >= 0   # it is `3`
true       fd.name in (/etc/shadow, /etc/sudoers)   # it is `/etc/shadow`
true       not
false        proc.name = sshd   # it is `cat`
";
    assert_eq!((ran.out.as_str(), ran.status), (wanted, 0), "{}", ran.err);
    let ran = run(&["detect", "-r", "r.yaml", "c.scap", "--why-not", "2", "--rule", "secret-read"]);
    let wanted = "\
rule `Secret read` does not match event 2 (openat, 2026-11-23T06:14:09.001000000Z)
decided by: proc.name = sshd; the event has `sshd`
false    all of
false      not
true         proc.name = sshd   # it is `sshd`
";
    assert_eq!((ran.out.as_str(), ran.status), (wanted, 0), "{}", ran.err);
    let ran = run(&["detect", "-r", "r.yaml", "a.jsonl", "--why", "1", "--rule", "Secret asked for"]);
    assert!(ran.out.contains("true       ka.target.resource = secrets   # it is `secrets`"), "{}{}", ran.out, ran.err);
}

#[test]
fn what_happened_around_an_alert_is_saved() {
    let capture = capture(&[(10, "/tmp/a"), (10, "/tmp/b"), (10, "/etc/shadow"), (10, "/tmp/c"), (10, "/tmp/d"), (10, "/etc/shadow")]);
    let directory = directory(&[("r.yaml", RULES.as_bytes()), ("c.scap", &capture)]);
    let run = |arguments: &[&str]| plimsoll_in(directory.path(), &[&["detect", "-r", "r.yaml"], arguments].concat(), b"");
    let saved = run(&["c.scap", "--disable-tag", "noise", "--save-around", "1ms", "slices"]);
    assert_eq!((saved.out.lines().count(), saved.err.as_str(), saved.status), (2, "", 1));
    let replayed = run(&["slices/c-3.scap", "-o", "json"]);
    let paths: Vec<Value> = replayed.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect();
    let told: Vec<_> = paths.iter().map(|line| (&line["hostname"], &line["output_fields"]["fd.name"])).collect();
    assert_eq!(
        told,
        ["/tmp/b", "/etc/shadow", "/tmp/c"].map(|path| (json!("node-1"), json!(path))).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
    );
    assert_eq!(run(&["slices/c-6.scap"]).out.lines().count(), 2, "{}", replayed.err);
    let whole = run(&["c.scap", "--disable-tag", "noise", "--save-around", "1s", "whole"]);
    assert_eq!((whole.status, run(&["whole/c-3.scap"]).out.lines().count()), (1, 6));
    let wrong = run(&["c.scap", "--save-around", "soon", "x"]);
    assert!(wrong.status == 2 && wrong.err.contains("not `soon`"), "{}", wrong.err);
}

#[test]
fn rules_are_checked() {
    let clean = run(&["rules", "check", "r.yaml"]);
    assert_eq!((clean.out.as_str(), clean.status), ("3 rules, 1 macro, 1 list: 0 errors, 0 warnings\n", 0), "{}", clean.err);
    let bad = "- macro: unused\n  condition: evt.num = 1\n- rule: A\n  desc: d\n  condition: evt.type = open and proc.nam = x\n  output: o\n  priority: ERROR\n";
    let plugins =
        "- required_plugin_versions: [{name: json, version: 0.7.0}, {name: container, version: 1.0.0}, {name: okta, version: 0.1.0}]\n";
    let directory = directory(&[("bad.yaml", bad.as_bytes()), ("plugins.yaml", plugins.as_bytes())]);
    let ran = plimsoll_in(directory.path(), &["rules", "check", "plugins.yaml"], b"");
    for wanted in [
        "plugins.yaml:1:60: required plugin versions entry `container`: LOAD_ERR_VALIDATE: Plugin 'container' version '0.7.1' is not compatible with required plugin version '1.0.0'",
        "plugins.yaml:1:95: required plugin versions entry `okta`: LOAD_ERR_VALIDATE: Plugin requirement not satisfied, must load one of: okta (>= 0.1.0)",
    ] {
        assert!(ran.err.contains(wanted) && ran.status == 2, "{wanted}: {}", ran.err);
    }
    let ran = plimsoll_in(directory.path(), &["rules", "check", "bad.yaml"], b"");
    assert_eq!((ran.out.as_str(), ran.status), ("0 rules, 1 macro, 0 lists: 1 error, 0 warnings\n", 2), "{}", ran.err);
    for wanted in ["bad.yaml:5:", "LOAD_ERR_COMPILE_CONDITION", "proc.nam", "^^^", "proc.name"] {
        assert!(ran.err.contains(wanted), "{wanted}: {}", ran.err);
    }
    let ran = plimsoll_in(directory.path(), &["rules", "check", "-o", "json", "bad.yaml"], b"");
    let answer = json(&ran);
    let first = &answer["diagnostics"][0];
    assert_eq!((&answer["successful"], &first["itemName"], &first["location"]["line"]), (&json!(false), &json!("A"), &json!(5)));
}

#[test]
fn rules_of_this_program_load() {
    let ran = run(&["rules", "check", "--strict"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let added = json(&run(&["rules", "list", "-o", "json", "default", "r.yaml"]));
    let names: Vec<&str> = added["rules"].as_array().expect("rules").iter().filter_map(|rule| rule["name"].as_str()).collect();
    assert!(names.len() > 50 && names.ends_with(&["Secret read", "Anything opened", "Secret asked for"]), "{names:?}");
}

#[test]
fn rules_of_this_program_pass_their_tests() {
    let ran = run(&["rules", "test", concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/tests")]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn rules_and_fields_are_listed_and_explained() {
    let listed = run(&["rules", "list", "r.yaml"]);
    assert!(listed.out.starts_with("Error         syscall   Secret read  [T1552.001, files]\n"), "{}", listed.out);
    let listed = json(&run(&["rules", "list", "r.yaml", "-o", "json"]));
    let first = &listed["rules"][0];
    assert_eq!(first["fields"], json!(["evt.type", "fd.name", "fd.num", "proc.name"]));
    assert_eq!((&first["eventTypes"], &first["comparisons"]), (&json!(["open", "openat"]), &json!(4)));
    let fields = run(&["rules", "fields", "--source", "k8s_audit", "ka.verb"]);
    assert!(fields.out.starts_with("k8s_audit:\n  ka.verb "), "{}", fields.out);
    let fields = json(&run(&["rules", "fields", "-o", "json", "proc.aname"]));
    assert_eq!(fields["fields"][0]["argument"], json!({"required": false, "index": true, "key": false}));
    let explained = run(&["rules", "explain", "Secret read", "-r", "r.yaml"]);
    for wanted in [
        "stands in:    r.yaml:5:3\n",
        "event types:  open, openat\n",
        "cost:         at most 4 comparisons of 4 fields",
        "    not\n      proc.name = sshd\n",
    ] {
        assert!(explained.out.contains(wanted), "{wanted}: {}", explained.out);
    }
}

#[test]
fn rules_are_tested() {
    let test = "\
apiVersion: plimsoll.dev/v1
kind: RuleTest
rules: [r.yaml]
cases:
- name: a shell in a container
  containers: [{id: 0123456789ab, name: web, image: 'nginx:1', pod: web-1, namespace: shop}]
  processes: [{pid: 100, name: nginx, container: 0123456789ab}]
  events:
  - {type: clone, tid: 100, params: {res: 101}}
  - {type: clone, tid: 101, params: {res: 0, ptid: 100}}
  - {type: execve, tid: 101, params: {exe: /bin/sh, args: [-c, id]}}
  - {type: openat, tid: 101, params: {fd: 3, name: ../etc/shadow, flags: O_RDONLY}}
  - {type: openat, tid: 101, params: {fd: EACCES, name: /etc/shadow, flags: O_RDONLY}}
  expect: [{rule: Secret read, count: 1, output: [/etc/shadow, by sh]}, {rule: Anything opened}]
  expectNone: ['Secret asked*']
- name: a capture
  capture: c.scap
  expect: [{rule: Secret read, count: 1}]
- name: a log
  audit: a.jsonl
  expect: [{rule: Secret asked for, output: token}]
- name: requests
  audit: [{kind: Event, auditID: x, stage: ResponseComplete, verb: get, objectRef: {resource: secrets, name: mine}}]
  expect: [{rule: Secret asked for, output: mine}]
";
    let capture = capture(&[(10, "/etc/shadow")]);
    let run = |test: &str| {
        let log = asked("token");
        let files = [("r.yaml", RULES.as_bytes()), ("c.scap", &capture), ("a.jsonl", log.as_bytes()), ("t.yaml", test.as_bytes())];
        plimsoll_in(directory(&files).path(), &["rules", "test", "t.yaml"], b"")
    };
    let passed = run(test);
    assert_eq!((passed.out.as_str(), passed.status), ("4 of 4 passed\n", 0), "{}", passed.err);
    let changed = test
        .replace("output: token", "output: other")
        .replace("count: 1}]\n- name: a log", "count: 3}]\n- name: a log")
        .replace("['Secret asked*']", "['Any*']")
        .replace("audit: [{", "audit: [{}], events: [{");
    let failed = run(&changed.replace(
        "audit: [{}], events: [{kind: Event, auditID: x, stage: ResponseComplete, verb: get, objectRef: {resource: secrets, name: mine}}]",
        "events: [{type: opened, tid: 1}]",
    ));
    for wanted in [
        "FAILED t.yaml: a shell in a container\n  wanted no alert of `Anything opened`, got event 4: opened /etc/shadow container_id=0123456789ab container_name=web ",
        "FAILED t.yaml: a capture\n  wanted 3 alerts of `Secret read`, got 1\n",
        "FAILED t.yaml: a log\n  wanted an output of `Secret asked for` with `other`, got event 1: secret token",
        "FAILED t.yaml: requests\n  event 1: no event is called `opened`\n",
        "0 of 4 passed\n",
    ] {
        assert!(failed.out.contains(wanted), "{wanted}: {}", failed.out);
    }
    assert_eq!(failed.status, 1);
}
