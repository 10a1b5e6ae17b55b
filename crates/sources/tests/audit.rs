//! Audit logs of every format, whole and damaged.

#![cfg(test)]

use plimsoll_model::audit::{Decision, Event, Level, Requests, Resource, Stage, Target, Window};
use plimsoll_model::{Problem, ProblemKind};
use plimsoll_sources::audit::{Options, read, read_stream};
use proptest::prelude::*;
use std::io::{self, Read, Write};
use std::path::PathBuf;

fn read_bytes(bytes: &[u8], options: &Options) -> (Vec<Event>, Vec<Problem>) {
    let mut events = Vec::new();
    let problems = read_stream("log", bytes, options, |batch| events.extend(batch));
    (events, problems)
}

fn events(text: &str) -> Vec<Event> {
    let (events, problems) = read_bytes(text.as_bytes(), &Options::default());
    assert!(problems.is_empty(), "{problems:?}");
    events
}

/// `place message` of each problem.
fn problems(text: &str) -> (usize, Vec<String>) {
    let (events, problems) = read_bytes(text.as_bytes(), &Options::default());
    (events.len(), problems.iter().map(told).collect())
}

fn told(problem: &Problem) -> String {
    format!("{} {}", problem.place(), problem.message)
}

/// An event by `bob` in one line.
fn line(number: usize) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a{number}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods/p{number}","verb":"get","user":{{"username":"bob","groups":["system:authenticated"]}},"objectRef":{{"resource":"pods","namespace":"shop","name":"p{number}","apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":200}},"annotations":{{"authorization.k8s.io/decision":"allow"}}}}"#
    )
}

fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", event.id, event.place)).collect()
}

#[test]
fn every_member_of_a_native_event() {
    let log = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"1","stage":"ResponseStarted","requestURI":"/apis/apps/v1/namespaces/shop/deployments?fieldSelector=metadata.name%3Dweb&labelSelector=a%3Db","verb":"watch","user":{"username":"alice","uid":"7","groups":["dev"],"extra":{"scopes":["x","y"]}},"impersonatedUser":{"username":"bob"},"authenticationMetadata":{"impersonationConstraint":"impersonate:user-info"},"sourceIPs":["192.0.2.1","10.0.0.1"],"userAgent":"kubectl","objectRef":{"resource":"deployments","namespace":"shop","name":"web","uid":"u","apiGroup":"apps","apiVersion":"v1","resourceVersion":"5","subresource":"status"},"responseStatus":{"metadata":{},"status":"Failure","message":"no","reason":"Forbidden","details":{},"code":403},"requestObject":{"a":[1, 2]},"responseObject":{"b":"\u003c"},"requestReceivedTimestamp":"2026-11-23T06:03:43.255790Z","stageTimestamp":"2026-11-23T06:03:44.000000Z","annotations":{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":"because"}}"#;
    let (found, problems) = read_bytes(log.as_bytes(), &Options { objects: true, text: true, ..Options::default() });
    assert!(problems.is_empty());
    let [event] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((event.id.as_str(), event.level, event.stage), ("1", Some(Level::RequestResponse), Stage::ResponseStarted));
    assert_eq!((event.verb.as_str(), event.user.name.as_str(), event.name()), ("watch", "bob", "web"));
    let alice = event.impersonator.as_ref().unwrap();
    assert_eq!((alice.name.as_str(), alice.uid.as_str(), alice.groups.as_slice()), ("alice", "7", ["dev".to_owned()].as_slice()));
    assert_eq!(alice.extra["scopes"], ["x", "y"]);
    assert_eq!(event.impersonation_constraint.as_deref(), Some("impersonate:user-info"));
    assert_eq!(event.source_ips, ["192.0.2.1", "10.0.0.1"]);
    assert_eq!(event.user_agent, "kubectl");
    assert_eq!(event.request(), plimsoll_model::rbac::Request::resource("watch", "apps", "deployments/status", "shop", "web"));
    let text = |text: &str| text.to_owned();
    let target = Resource {
        group: text("apps"),
        version: text("v1"),
        resource: text("deployments"),
        subresource: text("status"),
        namespace: text("shop"),
        name: text("web"),
    };
    assert_eq!(event.target, Target::Resource(target));
    assert_eq!((event.code, event.reason.as_deref(), event.message.as_deref()), (Some(403), Some("Forbidden"), Some("no")));
    assert_eq!((event.decision, event.decision_reason(), event.was_allowed()), (Some(Decision::Forbid), Some("because"), Some(false)));
    assert_eq!(event.received.unwrap().to_string(), "2026-11-23T06:03:43.25579Z");
    assert_eq!(event.reached.unwrap().to_string(), "2026-11-23T06:03:44Z");
    assert_eq!(event.request.as_ref().unwrap().get(), r#"{"a":[1, 2]}"#);
    assert_eq!(event.response.as_ref().unwrap().value(), serde_json::json!({"b": "<"}));
    assert_eq!(event.field_selector.as_deref(), Some("metadata.name=web"));
    assert_eq!(event.label_selector.as_deref(), Some("a=b"));
    assert_eq!(event.text.as_ref().unwrap().get(), log);
    // Bodies and texts are kept only where they are asked for.
    let event = &events(log)[0];
    assert_eq!((&event.request, &event.response, &event.text), (&None, &None, &None));
}

#[test]
fn old_versions_and_odd_events() {
    // Before v1 there is one time, and v1alpha1 has the group in the version.
    let old = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1alpha1","metadata":{"creationTimestamp":"2017-09-11T19:55:05Z"},"timestamp":"2017-09-11T19:55:06Z","auditID":"1","stage":"ResponseComplete","requestURI":"/x","verb":"list","user":{"username":"a","groups":null},"objectRef":{"resource":"deployments","apiVersion":"apps/v1beta1"}}"#;
    let event = &events(old)[0];
    assert_eq!(event.time().unwrap().to_string(), "2017-09-11T19:55:06Z");
    let Target::Resource(target) = &event.target else { panic!() };
    assert_eq!((target.group.as_str(), target.version.as_str()), ("apps", "v1beta1"));
    // A path is what no object is named for; failed authentication leaves no name.
    let anonymous =
        r#"{"auditID":"2","stage":"ResponseComplete","requestURI":"/metrics?a=b","verb":"get","user":{},"responseStatus":{"code":401}}"#;
    let event = &events(anonymous)[0];
    assert_eq!((&event.target, event.user.name.as_str(), event.was_allowed()), (&Target::Path("/metrics".to_owned()), "", None));
}

#[test]
fn users_are_shared() {
    let log = [line(1), line(2)].join("\n");
    let events = events(&log);
    assert!(std::sync::Arc::ptr_eq(&events[0].user, &events[1].user));
}

/// The same events in each format in which they may come.
#[test]
fn formats() {
    let (one, two) = (line(1), line(2));
    let (first, second) = (text(&one), text(&two));
    let pretty = |json: &str| serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(json).unwrap()).unwrap();
    let list = format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{one},{two}]}}"#);
    let bare = list.replace(r#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, "");
    let filter = format!(
        r#"{{"events":[{{"logStreamName":"kube-apiserver-audit-1","timestamp":1,"message":{first},"ingestionTime":1,"eventId":"1"}},{{"logStreamName":"kube-apiserver-audit-1","message":{second}}}],"searchedLogStreams":[]}}"#
    );
    let subscription = |message: &str| {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/eks/c/cluster","logStream":"kube-apiserver-audit-1","subscriptionFilters":["f"],"logEvents":[{{"id":"1","timestamp":1,"message":{message}}}]}}"#
        )
    };
    let insights =
        |message: &str| format!(r#"[{{"field":"@timestamp","value":"2026-01-01 00:00:00.000"}},{{"field":"@message","value":{message}}}]"#);
    let results = format!(r#"{{"results":[{},{}],"statistics":{{}},"status":"Complete"}}"#, insights(&first), insights(&second));
    let azure = |log: &str| {
        format!(
            r#"{{"time":"2026-01-01T00:00:00Z","resourceId":"/SUBSCRIPTIONS/1","operationName":"Microsoft.ContainerService/managedClusters/diagnosticLogs/Read","category":"kube-audit","level":4,"properties":{{"pod":"kube-apiserver-1","stream":"stdout","log":{log}}}}}"#
        )
    };
    let analytics = |log: &str| format!(r#"{{"TimeGenerated":"2026-01-01T00:00:00Z","Category":"kube-audit-admin","log_s":{log}}}"#);
    let with_end = text(&format!("{one}\n"));
    let table = [
        ("lines", format!("{one}\n{two}\n")),
        ("lines of Windows without an end, after a mark and an empty line", format!("\u{feff}{one}\r\n\r\n{two}")),
        ("one line", format!("{one}{two}")),
        ("lines over several lines", format!("{}\n{}\n", pretty(&one), pretty(&two))),
        ("an array", format!("[{one},{two}]")),
        ("an array over several lines", pretty(&format!("[{one},{two}]"))),
        ("an array with an event a line", format!("[\n{one},\n{two}\n]\n")),
        ("EventList", list.clone()),
        ("EventList over several lines", pretty(&list)),
        ("EventList whose items do not repeat their kind", bare),
        ("filter-log-events", filter.clone()),
        ("filter-log-events over several lines", pretty(&filter)),
        ("subscriptions without line ends", subscription(&first) + &subscription(&second)),
        ("get-query-results", results.clone()),
        ("get-query-results over several lines", pretty(&results)),
        ("results of Logs Insights", format!(r#"[{{"@timestamp":"t","@message":{one}}},{{"@message":{second}}}]"#)),
        ("exports to S3", format!("2026-01-01T00:00:00.000Z {one}\n2026-01-01T00:00:00.000Z {two}\n")),
        ("aws logs tail", format!("2026-01-01T00:00:00.000000+00:00 kube-apiserver-audit-1 {one}\n{two}\n")),
        ("a time in brackets", format!("[2026-01-01 00:00:00] {one}\n<13>Jan  1 00:00:00 host audit: {two}\n")),
        ("diagnostic settings", format!("{}\n{}\n", azure(&with_end), azure(&second))),
        ("records", format!(r#"{{"records":[{},{}]}}"#, azure(&first), azure(&second))),
        ("Log Analytics", pretty(&format!("[{},{}]", analytics(&first), analytics(&second)))),
        ("a container runtime", format!("2026-01-01T00:00:00Z stdout F {one}\n{{\"log\":{second},\"stream\":\"stdout\"}}\n")),
    ];
    let wanted = events(&format!("{one}\n{two}\n"));
    assert_eq!(wanted.len(), 2);
    for (name, log) in table {
        let (mut found, problems) = read_bytes(log.as_bytes(), &Options::default());
        assert!(problems.is_empty(), "{name}: {problems:?}");
        for (event, wanted) in found.iter_mut().zip(&wanted) {
            event.place = wanted.place.clone();
        }
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn places_are_lines_and_items() {
    let (one, two) = (line(1), line(2));
    let list = format!(r#"{{"kind":"EventList","items":[{one},{two}]}}"#);
    assert_eq!(ids(&events(&format!("\n{one}\n{list}\n"))), ["a1 log:2", "a1 log:3 (item 0)", "a2 log:3 (item 1)"]);
    assert_eq!(ids(&events(&format!("[\n{one},\n\n{two}]\n{one}"))), ["a1 log:2 (item 0)", "a2 log:4 (item 1)", "a1 log:5"]);
}

#[test]
fn columns_of_log_analytics() {
    let row = r#"{"AuditId":"1","Level":"Metadata","Stage":"ResponseComplete","RequestUri":"/api/v1/namespaces/shop/configmaps?limit=500","Verb":"list","User":"{\"username\":\"masterclient\",\"groups\":[\"system:masters\"]}","SourceIps":["192.0.2.1"],"UserAgent":"kubectl","ObjectRef":{"resource":"configmaps","apiVersion":"v1","namespace":"shop"},"ResponseStatus":"{\"metadata\":{},\"code\":200}","RequestObject":"skipped-too-big-size-object","ResponseObject":"","RequestReceivedTime":"2025-05-30T18:02:52.425513Z","StageReceivedTime":"2025-05-30T18:02:52.429672Z","Annotations":"{\"authorization.k8s.io/decision\":\"allow\"}","PodName":"kube-apiserver-1","Type":"AKSAudit"}"#;
    let (found, problems) = read_bytes(row.as_bytes(), &Options { objects: true, ..Options::default() });
    assert!(problems.is_empty(), "{problems:?}");
    let event = &found[0];
    assert_eq!((event.user.name.as_str(), event.verb.as_str(), event.code), ("masterclient", "list", Some(200)));
    assert_eq!((event.was_allowed(), &event.request, event.source_ips.len()), (Some(true), &None, 1));
    assert_eq!(event.reached.unwrap().to_string(), "2025-05-30T18:02:52.429672Z");
}

#[test]
fn entries_of_cloud_logging() {
    let entry = |status: &str, labels: &str, more: &str| {
        format!(
            r#"{{"insertId":"i","logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-02-11T07:49:14.814568Z","receiveTimestamp":"2026-02-11T07:49:17Z","resource":{{"type":"k8s_cluster"}},"labels":{labels},"operation":{{"first":true,"last":true,"producer":"k8s.io","id":"i"}},"protoPayload":{{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"k8s.io","methodName":"io.k8s.core.v1.secrets.get","resourceName":"core/v1/namespaces/shop/secrets/db","authenticationInfo":{{"principalEmail":"eve@example.com"}},"requestMetadata":{{"callerIp":"192.0.2.7","callerSuppliedUserAgent":"kubectl"}},"status":{status}{more}}}}}"#
        )
    };
    let allowed = r#"{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"access granted by IAM permissions."}"#;
    let answer = r#","response":{"@type":"core.k8s.io/v1.Status","code":409,"reason":"Conflict","status":"Failure"}"#;
    let refused = r#","authorizationInfo":[{"permission":"io.k8s.core.v1.secrets.get","resource":"core/v1/namespaces/shop/secrets/db"}]"#;
    let granted = r#","authorizationInfo":[{"permission":"io.k8s.core.v1.secrets.get","granted":true}]"#;
    let table = [
        ("{}", allowed, "", Some(200), None, Some(true)),
        (r#"{"code":7,"message":"PERMISSION_DENIED"}"#, "{}", refused, Some(403), Some("Forbidden"), Some(false)),
        (r#"{"code":7}"#, "{}", "", Some(403), Some("Forbidden"), Some(false)),
        // An objection of admission, after the request was allowed.
        (r#"{"code":7}"#, "{}", granted, Some(403), Some("Forbidden"), Some(true)),
        (r#"{"code":10}"#, allowed, answer, Some(409), Some("Conflict"), Some(true)),
    ];
    for (status, labels, more, code, reason, was_allowed) in table {
        let entry = entry(status, labels, more);
        for log in [entry.clone(), format!("[\n  {entry}\n]")] {
            let event = &events(&log)[0];
            let target = Resource {
                version: "v1".to_owned(),
                resource: "secrets".to_owned(),
                namespace: "shop".to_owned(),
                name: "db".to_owned(),
                ..Resource::default()
            };
            assert_eq!(
                (event.verb.as_str(), event.user.name.as_str(), &event.target),
                ("get", "eve@example.com", &Target::Resource(target))
            );
            assert_eq!((event.code, event.reason.as_deref(), event.was_allowed()), (code, reason, was_allowed), "{entry}");
            assert_eq!((event.source_ips.as_slice(), event.stage), (["192.0.2.7".to_owned()].as_slice(), Stage::ResponseComplete));
            assert_eq!(event.received.unwrap().to_string(), "2026-02-11T07:49:14.814568Z");
        }
    }
    let missing = entry("{}", "{}", "").replace("methodName", "x");
    assert_eq!(problems(&missing).1, ["log:1 an audit event without `protoPayload.methodName`"]);
}

#[test]
fn records_of_other_logs_are_counted() {
    let log = [
        r#"{"category":"kube-scheduler","operationName":"x","properties":{"log":"I1125 text"}}"#.to_owned(),
        r#"{"category":"guard","operationName":"x","properties":{"log":"text"}}"#.to_owned(),
        r#"{"events":[{"logStreamName":"authenticator-1","message":"text"}]}"#.to_owned(),
        r#"{"protoPayload":{"serviceName":"container.googleapis.com"}}"#.to_owned(),
        line(1),
    ]
    .join("\n");
    let (events, problems) = read_bytes(log.as_bytes(), &Options::default());
    assert_eq!(events.len(), 1);
    assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Note));
    let told: Vec<String> = problems.iter().map(told).collect();
    assert_eq!(
        told,
        ["log:1 a record of another log, `kube-scheduler`, is left out", "log 3 more records of other logs, the last one in line 4"]
    );
}

#[test]
fn damage_is_told_with_its_place() {
    let (one, two) = (line(1), line(2));
    let (cut, _) = one.split_at(one.len() / 2);
    let (in_array, _) = one.split_once("\"system:authenticated\"").unwrap();
    let without = |member: &str| one.replacen(&format!("\"{member}\":"), "\"other\":", 1);
    let table = [
        (format!("{cut}\n{two}\n"), 1, vec!["log:1 the JSON that begins here is cut off or broken"]),
        (format!("{one}\n{cut}"), 1, vec!["log:2 the JSON that begins here is cut off or broken"]),
        // Cut off where a value may follow: the next line is not taken for it.
        (format!("{in_array}\n{two}\n{one}\n"), 2, vec!["log:1 the JSON that begins here is cut off or broken"]),
        (format!("{in_array}\n{two}"), 1, vec!["log:1 the JSON that begins here is cut off or broken"]),
        (format!("{cut}{one}\n{two}"), 1, vec!["log:1 the JSON that begins here is cut off or broken"]),
        // What a client sent looks like an event where the beginning of the line is lost.
        (format!("{one},\"responseObject\":{{}}}}\n{two}"), 1, vec!["log:1 the JSON that begins here is cut off or broken"]),
        (format!("{one},\"responseObject\":{{\"a\n{two}"), 1, vec!["log:1 the JSON that begins here is cut off or broken"]),
        (format!("\"requestObject\":{one}\n{two}"), 1, vec!["log:1 a line without JSON"]),
        (format!("hello\n{one}"), 1, vec!["log:1 a line without JSON"]),
        (format!("{one}\n}}\n"), 1, vec!["log:2 a line without JSON"]),
        (without("verb"), 0, vec!["log:1 an audit event without `verb`"]),
        (without("user"), 0, vec!["log:1 an audit event without `user`"]),
        (without("stage"), 0, vec!["log:1 an audit event without `stage`"]),
        (one.replace("ResponseComplete", "Done"), 0, vec!["log:1 an audit event with a wrong value: `Done` is no stage"]),
        (
            one.replace("{\"username\"", "{\"groups\":1,\"username\""),
            0,
            vec!["log:1 an audit event with a wrong value: invalid type: integer `1`, expected a sequence"],
        ),
        (
            one.replace("\"verb\":\"get\"", "\"verb\":\"get\",\"verb\":\"list\""),
            0,
            vec!["log:1 an audit event with a wrong value: duplicate field `verb`"],
        ),
        (
            r#"[{"auditID":1}]"#.to_owned(),
            0,
            vec!["log:1 (item 0) an audit event with a wrong value: invalid type: integer `1`, expected a string"],
        ),
        (
            one.replace("\"verb\":\"get\"", "\"verb\":\"get\",\"stageTimestamp\":\"noon\""),
            1,
            vec!["log:1 an audit event with a wrong value: `noon` is no time; the event counts without it"],
        ),
        (
            r#"{"apiVersion":"v1","kind":"Event","message":"{}"}"#.to_owned(),
            0,
            vec!["log:1 no audit event: an object of kind `Event` of `v1`"],
        ),
        (r#"{"b":1,"a":2}"#.to_owned(), 0, vec!["log:1 no audit event: an object with `a`, `b`"]),
        (r#"["x",{}]"#.to_owned(), 0, vec!["log:1 (item 0) a line without JSON", "log:1 (item 1) no audit event: an empty object"]),
        (format!("[\n{one},\n{cut}\n{two}"), 2, vec!["log:3 the JSON that begins here is cut off or broken"]),
    ];
    for (log, count, wanted) in table {
        let (events, told) = problems(&log);
        assert_eq!((events, told), (count, wanted.into_iter().map(str::to_owned).collect()), "{log}");
    }
}

#[test]
fn many_problems_are_counted() {
    let log = format!("{}{}\n{}", "garbage\n".repeat(1000), line(1), "{\"verb\":\n".repeat(7));
    let (events, told) = problems(&log);
    assert_eq!(events, 1);
    assert_eq!(told.len(), 12, "{told:?}");
    assert_eq!(told[10], "log 2 more records that are cut off, broken or without JSON, the last one in line 1008");
    assert_eq!(told[11], "log 995 more records that are cut off, broken or without JSON, the last one in line 1000");
}

#[test]
fn what_is_too_large_is_passed_over() {
    let options = Options { limit: 1 << 20, ..Options::default() };
    let filler = "x".repeat(9 << 20);
    let logs = [
        format!("{}\n{filler}\n{}\n", line(1), line(2)),
        format!("{}\n{{\"a\":\"{filler}\"}}\n{}\n", line(1), line(2)),
        format!("{}\n[[\"{filler}\"]]\n{}\n", line(1), line(2)),
    ];
    for log in logs {
        let (events, problems) = read_bytes(log.as_bytes(), &options);
        assert_eq!(ids(&events), ["a1 log:1", "a2 log:3"]);
        let told: Vec<String> = problems.iter().map(told).collect();
        assert_eq!(told, ["log:2 more than the 1 MiB that one event may have"]);
    }
    // A list may be larger than any of its items.
    let many: Vec<String> = (0..40_000).map(line).collect();
    let (events, problems) = read_bytes(format!("{{\"kind\":\"EventList\",\"items\":[{}]}}", many.join(",")).as_bytes(), &options);
    assert_eq!((events.len(), problems.len()), (40_000, 0));
    assert_eq!(events[39_999].place.to_string(), "log:1 (item 39999)");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_directories_and_compression() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let [one, two, three] = [1, 2, 3].map(line);
    put("audit-2026.log.gz", &[gzip(one.as_bytes()), gzip(format!("\n{two}").as_bytes())].concat());
    put("audit.log", three.as_bytes());
    put("more/x", line(4).as_bytes());
    let many: String = (0..5000).map(|number| line(number) + "\n").collect();
    let broken = gzip(many.as_bytes());
    put("z.gz", &broken[..broken.len() / 2]);
    let mut events = Vec::new();
    let paths = [directory.path().to_owned(), PathBuf::from("-"), PathBuf::from("/no/such/log")];
    let problems = read(&paths, &Options::default(), line(5).as_bytes(), |batch| events.extend(batch));
    let first: Vec<&str> = events.iter().take(4).map(|event| event.id.as_str()).collect();
    assert_eq!(first, ["a1", "a2", "a3", "a4"]);
    assert_eq!(events.last().unwrap().place.to_string(), "-:1");
    // What was there before the stream broke is read.
    let of_broken = events.iter().filter(|event| event.place.source.ends_with("z.gz")).count();
    assert!((1000..5000).contains(&of_broken), "{of_broken}");
    let told: Vec<String> = problems.iter().map(told).collect();
    let is_told = |what: &str| told.iter().any(|problem| problem.contains(what));
    assert!(is_told("the gzip stream is broken here"), "{told:?}");
    assert!(is_told("/no/such/log cannot be read: no such file or directory"), "{told:?}");
}

/// Input that goes on: what came is handed over before more comes.
#[test]
fn input_that_goes_on_is_handed_over_at_once() {
    struct Slow {
        parts: Vec<Vec<u8>>,
        seen: std::sync::mpsc::Receiver<()>,
    }
    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some(part) = self.parts.first_mut() else { return Ok(0) };
            let length = part.len().min(out.len());
            out[..length].copy_from_slice(&part[..length]);
            part.drain(..length);
            if part.is_empty() {
                self.parts.remove(0);
                if !self.parts.is_empty() {
                    return Ok(length);
                }
            }
            // The second part comes only after the first was seen.
            if self.parts.len() == 1 && length > 2 {
                self.seen.recv().unwrap();
            }
            Ok(length)
        }
    }
    let (see, seen) = std::sync::mpsc::channel();
    let input = Slow { parts: vec![format!("{}\n", line(1)).into_bytes(), format!("{}\n", line(2)).into_bytes()], seen };
    let mut events = Vec::new();
    let problems = read_stream("log", input, &Options { prompt: true, ..Options::default() }, |batch| {
        events.extend(batch);
        let _ = see.send(());
    });
    assert!(problems.is_empty());
    assert_eq!(ids(&events), ["a1 log:1", "a2 log:2"]);
}

/// The log that a real API server wrote, where it is at hand.
#[test]
fn the_recorded_log() {
    let log = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/audit/kube-apiserver-1.36.jsonl.gz");
    if !log.exists() {
        return;
    }
    let (mut events, mut window) = (Vec::new(), Window::default());
    let problems = read(&[log], &Options::default(), io::empty(), |batch| events.extend(batch));
    assert!(problems.is_empty(), "{problems:?}");
    let count = |stage| events.iter().filter(|event| event.stage == stage).count();
    assert_eq!(Stage::ALL.map(count), [2976, 191, 2888, 0]);
    let outcome = |allowed| events.iter().filter(|event| event.is_final() && event.was_allowed() == allowed).count();
    assert_eq!([Some(true), Some(false), None].map(outcome), [2772, 116, 0]);
    assert_eq!(events.iter().filter(|event| event.impersonator.is_some()).count(), 2);
    events.iter().for_each(|event| window.add(event));
    assert_eq!(window.first.unwrap().to_string(), "2026-11-23T06:03:43.25579Z");
    let mut requests = Requests::default();
    let told: usize = events.into_iter().filter_map(|event| requests.push(event)).count();
    assert_eq!((told, requests.finish().len()), (2888, 88));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is cut out or put between, each line that is whole is read, and each line is an event or a problem.
    #[test]
    fn each_line_is_an_event_or_a_problem(
        parts in prop::collection::vec((0usize..6, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..12)
    ) {
        let mut log = Vec::new();
        let mut whole = 0;
        for (number, (kind, from, to)) in parts.iter().enumerate() {
            let line = line(number);
            let (from, to) = (from.index(line.len()), to.index(line.len()));
            match kind {
                // With an end that breaks any JSON, because the next line may happen to be the rest.
                0 => log.push(format!("{}\"x", line.split_at(to.max(1)).0)),
                1 => log.push(line.split_at(from.max(1)).1.to_owned()),
                2 => log.push(format!("{}{}", line.split_at(from.min(to).max(1)).0, line.split_at(from.max(to).max(1)).1)),
                _ => {
                    log.push(line);
                    whole += 1;
                }
            }
        }
        let (events, problems) = read_bytes(log.join("\n").as_bytes(), &Options::default());
        prop_assert!(events.len() >= whole, "{} {whole} {problems:?}", events.len());
        // Counted problems name how many they are.
        let counted = |problem: &Problem| problem.message.split_once(" more records").map_or(Some(1), |(count, _)| count.parse().ok());
        let told: usize = problems.iter().filter_map(counted).sum();
        prop_assert!(events.len() + told >= log.len(), "{} + {told} < {}: {problems:?}", events.len(), log.len());
    }
}
