//! `ka.verb`, `ka.user.name` and the like: who asked for what, and how it ended.

use super::{AuditContext, Getter, Row, uri};
use crate::Value;
use crate::fields::Arg;
use plimsoll_model::lazy::Json;

pub(super) const FIELDS: &[Row] = &[
    Row::new("ka.auditid", Getter::At(&["auditID"]), "The id of the request; each stage of it is an event with this id."),
    Row::new("ka.stage", Getter::At(&["stage"]), "How far the request had come (`ResponseComplete`)."),
    Row::new(
        "ka.auth.decision",
        Getter::At(&["annotations", "authorization.k8s.io/decision"]),
        "What authorization decided: `allow` or `forbid`.",
    ),
    Row::new("ka.auth.reason", Getter::At(&["annotations", "authorization.k8s.io/reason"]), "Why authorization decided so."),
    Row::new(
        "ka.auth.openshift.decision",
        Getter::At(&["annotations", "authentication.openshift.io/decision"]),
        "What OpenShift's authentication decided.",
    ),
    Row::new(
        "ka.validations.admission.policy.failure",
        Getter::At(&["annotations", "validation.policy.admission.k8s.io/validation_failure"]),
        "Which validations of ValidatingAdmissionPolicies failed, as JSON.",
    ),
    Row::new(
        "ka.security.pod.violations",
        Getter::At(&["annotations", "pod-security.kubernetes.io/audit-violations"]),
        "What Pod Security Admission, in audit mode, has against the pod.",
    ),
    Row::new(
        "ka.auth.openshift.username",
        Getter::At(&["annotations", "authentication.openshift.io/username"]),
        "The user whom OpenShift's authentication saw.",
    ),
    Row::new("ka.user.name", Getter::At(&["user", "username"]), "The user who asked."),
    Row::new("ka.user.groups", Getter::Items(&["user", "groups"]), "The groups of that user.").list(),
    Row::new("ka.impuser.name", Getter::At(&["impersonatedUser", "username"]), "The user as whom it was asked (impersonation)."),
    Row::new("ka.verb", Getter::At(&["verb"]), "What was asked for (`create`, `list`)."),
    Row::new("ka.uri", Getter::At(&["requestURI"]), "Path and query of the request."),
    Row::new("ka.uri.param", Getter::Find(uri_param), "The first value of a parameter in the query: `ka.uri.param[command]`.").keyed(),
    Row::new("ka.target.name", Getter::At(&["objectRef", "name"]), "The name of the object that was asked for."),
    Row::new("ka.target.namespace", Getter::At(&["objectRef", "namespace"]), "The namespace that was asked for."),
    Row::new("ka.target.resource", Getter::At(&["objectRef", "resource"]), "The resource that was asked for (`pods`)."),
    Row::new("ka.target.subresource", Getter::At(&["objectRef", "subresource"]), "The subresource that was asked for (`exec`)."),
    Row::new(
        "ka.target.pod.name",
        Getter::Find(pod_name),
        "The name of the pod in the response, if pods themselves and no subresource of theirs were asked for.",
    ),
    Row::new("ka.resp.name", Getter::At(&["responseObject", "metadata", "name"]), "The name of the object in the response."),
    Row::new("ka.response.code", Getter::At(&["responseStatus", "code"]), "The HTTP status of the response."),
    Row::new("ka.response.reason", Getter::At(&["responseStatus", "reason"]), "Why the request failed, in a word (`Forbidden`)."),
    Row::new("ka.useragent", Getter::At(&["userAgent"]), "What the client calls itself."),
    Row::new(
        "ka.sourceips",
        Getter::EachItem(&["requestObject", "rules", "sourceIPs"]),
        "Members `sourceIPs` of the rules of the role in the request, which has none: in practice without value. \
         `jevt.value[/sourceIPs/0]` is the address of the client.",
    )
    .indexed(),
    Row::new("ka.cluster.name", Getter::At(&["annotations", "cluster_name"]), "The cluster, where an export says which."),
];

fn uri_param<'e>(cx: &AuditContext<'e>, arg: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    if let (Some(Arg::Key(key)), Some(uri)) = (arg, cx.event.get(b"requestURI")) {
        out.extend(uri::parameter(super::text(uri), key.as_bytes(), cx.arena).map(Value::Text));
    }
}

fn pod_name<'e>(cx: &AuditContext<'e>, _: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    let target = |key| cx.event.at(&["objectRef", key]).and_then(Json::text);
    if target("resource") == Some(b"pods") && target("subresource").is_none_or(<[u8]>::is_empty) {
        out.extend(cx.event.at(&["responseObject", "metadata", "name"]).map(super::value));
    }
}
