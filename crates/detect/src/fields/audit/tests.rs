//! Fields of audit events.

use super::*;
use proptest::prelude::*;

/// What fields say of an event, values in order and joined by `|`; `-` is none.
fn said(event: &str, field: &str) -> String {
    let arena = Bump::new();
    let stream = Stream::default();
    let cx = AuditContext::new(Json::read(event.as_bytes(), &arena).unwrap(), 7, &stream, &arena);
    let (name, arg) = field.split_once('[').map_or((field, None), |(name, arg)| (name, arg.strip_suffix(']')));
    let mut out = Vec::new();
    cx.extract(&Audit.resolve(name, arg).unwrap(), &mut out);
    let shown = out.iter().map(|value| match value {
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Uint(number) => number.to_string(),
        other => format!("{other:?}"),
    });
    if out.is_empty() { "-".to_owned() } else { shown.collect::<Vec<_>>().join("|") }
}

const POD: &str = r#"{"auditID":"a","stageTimestamp":"2026-11-23T06:04:39.227614Z","verb":"create",
  "requestURI":"/api/v1/pods?command=ls&command=cat&q=a+b%3D&empty=&last",
  "user":{"username":"al\u0069ce\u0000x","groups":["a","b"]},"objectRef":{"resource":"pods","subresource":""},
  "responseObject":{"metadata":{"name":"p"}},
  "requestObject":{"rules":[{"verbs":["get",1]},{"verbs":"all"},{}],"spec":{"hostPID":true,"type":null,
    "volumes":[{"name":"v","hostPath":{"path":"/etc/x"}},{"name":"w","secret":{},"more":1}],
    "containers":[
      {"name":"c","image":"reg:5000/a@sha256:1","command":["sh","-c"],"ports":[{"hostPort":1,"containerPort":2},{"containerPort":3}],
       "securityContext":{"privileged":true,"capabilities":{"add":[ "NET_ADMIN" ]}}},
      {"name":"d","image":"b","runAsUser":5,"args":[]}],
    "initContainers":[{"image":"i"},{"name":"n"}],
    "ephemeralContainers":{"name":"e","image":"x/y:1","command":"sh"}}}}"#;

#[test]
fn fields_say_what_upstream_says() {
    let cases = [
        ("ka.verb", "create"),
        ("ka.user.name", "alice"),
        ("ka.user.groups", "a|b"),
        ("ka.target.pod.name", "p"),
        ("ka.uri.param[command]", "ls"),
        ("ka.uri.param[q]", "a b="),
        ("ka.uri.param[empty]", ""),
        ("ka.uri.param[last]", ""),
        ("ka.uri.param[none]", "-"),
        ("ka.impuser.name", "-"),
        ("ka.req.pod.host_pid", "true"),
        ("ka.req.service.type", "null"),
        ("ka.req.role.rules.verbs", "get|1"),
        ("ka.req.role.rules.verbs[0]", "get|1"),
        ("ka.req.role.rules.verbs[1]", "-"),
        ("ka.req.role.rules", r#"{"verbs":["get",1]}|{"verbs":"all"}|{}"#),
        ("ka.req.pod.volumes.hostpath", "/etc/x"),
        ("ka.req.volume.hostpath[/etc*]", "true"),
        ("ka.req.volume.hostpath[/etc]", "false"),
        ("ka.req.pod.volumes.volume_type", "hostPath|secret|more"),
        ("ka.req.pod.volumes.volume_type[1]", "secret|more"),
        ("ka.req.pod.containers.name", "c|d"),
        ("ka.req.pod.containers.name[1]", "d"),
        ("ka.req.pod.containers.name[2]", "-"),
        ("ka.req.pod.containers.image.repository", "reg|b"),
        ("ka.req.pod.containers.command", "sh -c"),
        ("ka.req.pod.containers.args", ""),
        ("ka.req.pod.containers.host_port", "1|3"),
        ("ka.req.pod.containers.privileged", "true"),
        ("ka.req.pod.containers.add_capabilities", r#"["NET_ADMIN"]"#),
        ("ka.req.pod.containers.eff_run_as_user", "0|5"),
        ("ka.req.pod.containers.eff_run_as_user[0]", "-"),
        ("ka.req.pod.initContainers.name", "-"),
        ("ka.req.pod.initContainers.name[1]", "n"),
        ("ka.req.pod.ephemeralContainers.image.repository", "x/y"),
        ("ka.req.pod.ephemeralContainers.command", "-"),
        ("ka.req.container.privileged", "true"),
        ("ka.req.container.image.repository", "reg"),
        ("ka.req.binding.subject.has_name[x]", "true"),
        ("jevt.value[/user/groups/1]", "b"),
        ("jevt.value[user/groups]", r#"["a","b"]"#),
        ("jevt.value[/user/groups/2]", "-"),
        ("jevt.rawtime", "1795413879227614000"),
        ("evt.rawtime.s", "1795413879"),
        ("evt.num", "7"),
        ("evt.source", "k8s_audit"),
        ("evt.time.iso8601", "2026-11-23T06:04:39.227614000+0000"),
    ];
    for (field, wanted) in cases {
        assert_eq!(said(POD, field), wanted, "{field}");
    }
}

#[test]
fn subjects_are_told_by_their_kind() {
    let event = r#"{"auditID":1,"requestObject":{"subjects":[{"kind":"User","name":"u"},{"kind":"ServiceAccount","name":"s","namespace":"n"},
        {"kind":"ServiceAccount","name":"t"},{"kind":"Group","name":7},{"name":"x"},"y"]}}"#;
    let names = ["user_names", "serviceaccount_names", "serviceaccount_ns_names", "group_names"];
    let said = names.map(|name| said(event, &format!("ka.req.binding.subjects.{name}")));
    assert_eq!(said, ["u", "s|t", "n:s", "7"]);
}

#[test]
fn what_is_no_audit_event_has_only_its_json() {
    assert_eq!(said(r#"{"verb":"get"}"#, "ka.verb"), "-");
    assert_eq!(said(r#"[{"a~/b":"get"}]"#, "json.value[0/a~0~1b]"), "get");
    assert_eq!(said(r#"{"a":{}}"#, "jevt.obj"), "{\n  \"a\": {}\n}");
    assert_eq!(said("[]", "jevt.rawtime"), "0");
}

#[test]
fn a_wrong_uri_has_no_parameters() {
    for (uri, wanted) in [
        ("/a?b=1#c%", "-"),
        ("/a?b=1#c", "1"),
        ("/a%zz?b=1", "-"),
        ("/a?b=%", "-"),
        ("/a?b=1;c", "-"),
        ("/a?x&b=1", "1"),
        ("/a?%62=1", "1"),
    ] {
        assert_eq!(said(&format!(r#"{{"auditID":1,"requestURI":"{uri}"}}"#), "ka.uri.param[b]"), wanted, "{uri}");
    }
}

#[test]
fn every_field_is_told_apart_and_described() {
    assert_eq!(TABLE.places.len(), TABLE.infos.len(), "no name stands twice");
    for info in Audit.all() {
        assert!(info.description.ends_with('.') && info.description.len() > 10, "{}", info.name);
    }
    assert_eq!(Audit.nearest("ka.user.nmae").first(), Some(&"ka.user.name"));
    assert_eq!(
        Audit.resolve("ka.verb", Some("1")).unwrap_err(),
        FieldError::Argument("filter 'ka.verb[1]': ka.verb does not allow nor require an argument but one is provided: 1".to_owned())
    );
    assert_eq!(Audit.resolve("proc.name", None).unwrap_err(), FieldError::Unknown);
}

proptest! {
    #[test]
    fn any_event_can_be_asked(text in r#"[\{\}\[\]",:a1 ]{0,40}"#) {
        let event = format!(r#"{{"auditID":1,"requestObject":{{"spec":{{"containers":[{{"command":[{text}]}},{{{text}}}]}}}},"user":{{{text}}}}}"#);
        let arena = Bump::new();
        let stream = Stream::default();
        if let Ok(json) = Json::read(event.as_bytes(), &arena) {
            let cx = AuditContext::new(json, 1, &stream, &arena);
            for info in Audit.all() {
                let arg = info.arg.required.then_some("/user/a");
                cx.extract(&Audit.resolve(info.name, arg).unwrap(), &mut Vec::new());
            }
        }
    }
}
