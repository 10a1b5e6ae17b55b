//! Events as they stand in a log, and logs that grow.

#![cfg(test)]

use plimsoll_model::Problem;
use plimsoll_sources::audit::{Follow, Options, RawEvent, raw, raw_stream, read_stream};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Id, verb and place of an event.
fn told(event: &RawEvent<'_>) -> String {
    let text = |key: &str| {
        event.json.get(key.as_bytes()).and_then(plimsoll_model::lazy::Json::text).map_or("", |text| std::str::from_utf8(text).unwrap())
    };
    format!("{} {} {}", text("auditID"), text("verb"), event.place)
}

fn events(log: &[u8]) -> (Vec<String>, Vec<Problem>) {
    let mut events = Vec::new();
    let problems = raw_stream("log", log, &Options::default(), |event| events.push(told(&event)));
    (events, problems)
}

fn event(id: &str) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"{id}","stage":"ResponseComplete","verb":"get","user":{{"username":"u"}}}}"#
    )
}

/// As an item of a list, without its kind.
fn item(id: &str) -> String {
    event(id).replace(r#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, r#""level":"Metadata","#)
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[test]
fn every_form_of_a_log_gives_its_events() {
    let (a, b) = (event("a"), event("b"));
    let gke = r#"{"insertId":"g","protoPayload":{"serviceName":"k8s.io","methodName":"io.k8s.core.v1.pods.get","resourceName":"core/v1/namespaces/n/pods/p","authenticationInfo":{"principalEmail":"u"},"status":{"code":7}},"timestamp":"2026-11-23T06:04:39Z"}"#;
    let logs = [
        format!("{a}\n\n{b}"),
        format!("{{\"kind\":\"EventList\",\"items\":[{},{}]}}\n{a}\n", item("x"), item("y")),
        format!("{{\n  \"kind\": \"EventList\",\n  \"items\": [\n    {},\n    {}\n  ]\n}}\n", item("x"), item("y")),
        format!("[{a},{b}]\n[{a}]\n"),
        format!("{a}{b}\n"),
        format!(r#"{{"events":[{{"logStreamName":"kube-apiserver-audit-1","message":{}}}]}}"#, text(&a)),
        format!(r#"{{"category":"kube-audit","properties":{{"log":{}}}}}"#, text(&a)),
        format!("2026-11-23T06:04:39Z stderr F {a}\n"),
        gke.to_owned(),
        String::new(),
    ];
    for log in logs {
        let mut wanted = Vec::new();
        read_stream("log", log.as_bytes(), &Options::default(), |batch| {
            wanted.extend(batch.iter().map(|event| format!("{} {} {}", event.id, event.verb, event.place)));
        });
        let (got, problems) = events(log.as_bytes());
        assert_eq!((got, problems.len()), (wanted.clone(), 0), "{log}");
        assert!(!wanted.is_empty() || log.is_empty(), "{log}");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(log.as_bytes()).unwrap();
        assert_eq!(events(&packed.finish().unwrap()).0, wanted);
    }
    raw_stream("log", gke.as_bytes(), &Options::default(), |event| {
        let at = |path: &[&str]| event.json.at(path).map(|value| String::from_utf8_lossy(value.raw()).into_owned());
        let wanted = ["\"pods\"", "403", "\"2026-11-23T06:04:39Z\""].map(|text| Some(text.to_owned()));
        assert_eq!([at(&["objectRef", "resource"]), at(&["responseStatus", "code"]), at(&["stageTimestamp"])], wanted);
    });
}

#[test]
fn what_is_no_event_is_told() {
    let log =
        format!("{}\n{{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}}\n{}\nnothing\n{}\n", event("a"), event("b").get(..40).unwrap(), event("c"));
    let (events, problems) = events(log.as_bytes());
    assert_eq!(events, ["a get log:1", "c get log:5"]);
    assert_eq!(problems.iter().map(Problem::place).collect::<Vec<_>>(), ["log:2", "log:3", "log:4"]);
    let problems = raw(&["/nowhere".into()], &Options::default(), io::empty(), |_| panic!("an event"));
    assert_eq!(problems.len(), 1);
}

/// Also where no rule would ask.
#[test]
fn what_is_no_json_anywhere_is_told() {
    let with = |body: &str| event("b").replacen("\"verb\"", &format!("\"requestObject\":{body},\"verb\""), 1);
    for body in ["{\"a\":tru}", "{\"a\":[1 2]}", "{\"a\":{\"b\" 1}}", "[{]", "{\"a\":01}"] {
        let (events, problems) = events(format!("{}\n{}\n{}\n", event("a"), with(body), event("c")).as_bytes());
        assert_eq!(events, ["a get log:1", "c get log:3"], "{body}");
        assert_eq!(problems.iter().map(Problem::place).collect::<Vec<_>>(), ["log:2"], "{body}");
    }
    // What upstream lets be is let be.
    for body in ["{\"a\":\"\\x\u{1}\"}", &format!("{}{}", "[".repeat(400), "]".repeat(400))] {
        assert_eq!(events(with(body).as_bytes()).0, ["b get log:1"], "{body}");
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn poll(follow: &mut Follow) -> Vec<String> {
    let mut events = Vec::new();
    follow.poll(|event| events.push(told(&event).split(' ').next().unwrap().to_owned())).unwrap();
    events
}

#[test]
fn a_log_is_followed_as_it_grows_and_is_rotated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    append(&path, &format!("{}\n", event("before")));
    let mut follow = Follow::open(&path, false, &Options::default()).unwrap();
    assert_eq!(poll(&mut follow), ["before"]);
    assert!(poll(&mut follow).is_empty());
    // A line waits for its end.
    let (start, end) = event("half").split_at_checked(50).map(|(start, end)| (start.to_owned(), end.to_owned())).unwrap();
    append(&path, &start);
    assert!(poll(&mut follow).is_empty());
    append(&path, &format!("{end}\n{}\n", event("next")));
    assert_eq!(poll(&mut follow), ["half", "next"]);
    // What is written before the rotation is read, also while there is no file.
    append(&path, &format!("{}\n", event("last")));
    fs::rename(&path, directory.path().join("audit.log.1")).unwrap();
    assert_eq!(poll(&mut follow), ["last"]);
    append(&directory.path().join("audit.log.1"), &format!("{}\n", event("late")));
    append(&path, &format!("{}\n", event("new")));
    assert_eq!(poll(&mut follow), ["late", "new"]);
    // Copied away and cut short.
    fs::write(&path, "").unwrap();
    append(&path, &format!("{}\n", item("o")));
    assert_eq!(poll(&mut follow), ["o"]);
    assert!(follow.problems().is_empty());
    // What was begun in the old file never ends.
    append(&path, &start);
    assert!(poll(&mut follow).is_empty());
    fs::remove_file(&path).unwrap();
    append(&path, &event("unended"));
    assert!(poll(&mut follow).is_empty());
    assert_eq!(follow.problems().len(), 1);
    let mut rest = 0;
    follow.finish(|_| rest += 1);
    assert_eq!(rest, 1);
    let mut follow = Follow::open(&path, true, &Options::default()).unwrap();
    assert!(poll(&mut follow).is_empty());
}
