//! GKE, whose audit log goes to Cloud Logging as entries with an AuditLog in `protoPayload`.
//!
//! The method names verb, resource and subresource (`io.k8s.core.v1.pods.exec.create`), the resource name group, version, namespace
//! and name (`core/v1/namespaces/shop/pods/web/exec`). Groups of the user, the URI and its query are not there; the status is a code of
//! google.rpc. Annotations are the labels of the entry. Only requests that have been answered are logged.

use super::document::{Context, Form, Members, string};
use super::native::time;
use super::problems::Trouble;
use plimsoll_model::audit::{Decision, Event, Place, Resource, Stage, Target};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// google.cloud.audit.AuditLog, as far as the API server fills it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuditLog<'a> {
    service_name: Option<String>,
    method_name: Option<String>,
    resource_name: Option<String>,
    authentication_info: Option<AuthenticationInfo>,
    authorization_info: Option<Vec<AuthorizationInfo>>,
    request_metadata: Option<RequestMetadata>,
    status: Option<Status>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationInfo {
    principal_email: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizationInfo {
    /// JSON of protocol buffers leaves `false` out.
    granted: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestMetadata {
    caller_ip: Option<String>,
    caller_supplied_user_agent: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    code: Option<i64>,
    message: Option<String>,
}

/// The body of an answer, if it is a Status.
#[derive(Deserialize)]
struct Answer {
    kind: Option<String>,
    #[serde(rename = "@type")]
    type_name: Option<String>,
    code: Option<u16>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Operation {
    first: Option<bool>,
    last: Option<bool>,
}

pub(super) fn read<'a>(members: &Members<'a>, context: &mut Context<'_>, place: &Place) -> Option<Form<'a>> {
    let payload = members.get("protoPayload")?;
    let log: AuditLog<'a> = match serde_json::from_str(payload.get()) {
        Ok(log) => log,
        Err(error) => return Some(Form::Event(Err((Trouble::Invalid, error.to_string())))),
    };
    match log.service_name.as_deref() {
        Some("k8s.io") => Some(Form::Event(event(log, members, context, place))),
        service => Some(Form::OtherLog(format!("`{}`", service.unwrap_or("an unnamed service").escape_debug()))),
    }
}

fn event(log: AuditLog<'_>, members: &Members<'_>, context: &mut Context<'_>, place: &Place) -> Result<Box<Event>, (Trouble, String)> {
    let missing = |what: &str| (Trouble::Missing, format!("protoPayload.{what}"));
    let method = log.method_name.ok_or_else(|| missing("methodName"))?;
    let principal = log.authentication_info.and_then(|info| info.principal_email).ok_or_else(|| missing("authenticationInfo"))?;
    let (verb, target) = request(&method, &log.resource_name.unwrap_or_default());
    // Users are known by the text of their JSON.
    let user = serde_json::json!({ "username": principal }).to_string();
    let user = context.user(&user).map_err(|error| (Trouble::Invalid, error.to_string()))?;
    let member = |name: &str| members.get(name).map_or("null", |value| value.get());
    let annotations: BTreeMap<String, String> = serde_json::from_str(member("labels")).unwrap_or_default();
    let checks = log.authorization_info.unwrap_or_default();
    let granted = (!checks.is_empty()).then(|| checks.iter().all(|check| check.granted == Some(true)));
    let decided = granted.map(|granted| if granted { Decision::Allow } else { Decision::Forbid });
    let answer = log.response.and_then(|response| serde_json::from_str::<Answer>(response.get()).ok()).filter(Answer::is_status);
    let status = log.status.unwrap_or(Status { code: None, message: None });
    // A status without a code is OK; protocol buffers leave 0 out.
    let code = answer.as_ref().and_then(|answer| answer.code).or_else(|| http_code(status.code.unwrap_or(0)));
    let forbidden = (status.code == Some(PERMISSION_DENIED)).then(|| "Forbidden".to_owned());
    let operation: Option<Operation> = serde_json::from_str(member("operation")).unwrap_or_default();
    let runs = operation.is_some_and(|operation| operation.first == Some(true) && operation.last != Some(true));
    let received = string(members, "timestamp").map(|text| time(&text).map_err(|text| format!("`{}` is no time", text.escape_debug())));
    let received = received.transpose().map_err(|error| (Trouble::Invalid, error))?;
    let requests = log.request_metadata;
    let (ip, agent) = requests.map_or((None, None), |metadata| (metadata.caller_ip, metadata.caller_supplied_user_agent));
    Ok(Box::new(Event {
        id: string(members, "insertId").unwrap_or_default(),
        level: None,
        stage: if runs { Stage::ResponseStarted } else { Stage::ResponseComplete },
        verb,
        user,
        impersonator: None,
        impersonation_constraint: None,
        uri: String::new(),
        source_ips: ip.into_iter().collect(),
        user_agent: agent.unwrap_or_default(),
        target,
        code,
        reason: answer.and_then(|answer| answer.reason).or(forbidden),
        message: status.message,
        decision: annotations.get(Event::DECISION).and_then(|decision| Decision::new(decision)).or(decided),
        received,
        reached: None,
        annotations,
        request: context.object(log.request),
        response: context.object(log.response),
        field_selector: None,
        label_selector: None,
        text: None,
        place: place.clone(),
    }))
}

impl Answer {
    fn is_status(&self) -> bool {
        self.kind.as_deref() == Some("Status") || self.type_name.as_deref().is_some_and(|name| name.ends_with(".Status"))
    }
}

const PERMISSION_DENIED: i64 = 7;

/// The HTTP status of a code of google.rpc (`google/rpc/code.proto`).
fn http_code(code: i64) -> Option<u16> {
    let statuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
    statuses.get(usize::try_from(code).ok()?).copied()
}

/// Verb and target of a method and the name of its resource.
fn request(method: &str, name: &str) -> (String, Target) {
    let parts: Vec<&str> = method.split('.').collect();
    let (verb, before) = parts.split_last().map_or((method, [].as_slice()), |(verb, before)| (*verb, before));
    let Some(version) = before.iter().position(|part| is_version(part)) else {
        return (verb.to_owned(), Target::Path(format!("/{}", name.trim_start_matches('/'))));
    };
    let mut of_method = before.iter().skip(version + 1).copied();
    let resource = of_method.next();
    let mut path = name.split('/').filter(|part| !part.is_empty());
    let group = path.next().filter(|group| *group != "core").unwrap_or_default();
    let version = path.next().unwrap_or_default();
    let rest: Vec<&str> = path.collect();
    let (namespace, rest) = match rest.as_slice() {
        ["namespaces", namespace, rest @ ..] if resource != Some("namespaces") && !rest.is_empty() => (*namespace, rest),
        // The namespace of a Namespace is itself, as authorization has it.
        ["namespaces", name, ..] => (*name, rest.as_slice()),
        rest => ("", rest),
    };
    let part = |index: usize| rest.get(index).copied();
    let resource = Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: part(0).or(resource).unwrap_or_default().to_owned(),
        subresource: part(2).or(of_method.next()).unwrap_or_default().to_owned(),
        namespace: namespace.to_owned(),
        name: part(1).unwrap_or_default().to_owned(),
    };
    (verb.to_owned(), Target::Resource(resource))
}

/// `v1`, `v1beta2`.
fn is_version(part: &str) -> bool {
    let mut rest = part.strip_prefix('v').unwrap_or_default().chars();
    rest.next().is_some_and(|first| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_names_are_requests() {
        let table = [
            ("io.k8s.core.v1.pods.list", "core/v1/namespaces/shop/pods", "list /v1 shop pods//"),
            ("io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/shop/pods/web/exec", "create /v1 shop pods/exec/web"),
            ("io.k8s.core.v1.nodes.get", "core/v1/nodes/n1", "get /v1  nodes//n1"),
            ("io.k8s.core.v1.namespaces.get", "core/v1/namespaces/shop", "get /v1 shop namespaces//shop"),
            ("io.k8s.core.v1.namespaces.finalize.update", "core/v1/namespaces/shop/finalize", "update /v1 shop namespaces/finalize/shop"),
            ("io.k8s.core.v1.namespaces.list", "core/v1/namespaces", "list /v1  namespaces//"),
            ("io.k8s.apps.v1.deployments.scale.update", "apps/v1/namespaces/a/deployments/b/scale", "update apps/v1 a deployments/scale/b"),
            (
                "io.k8s.authorization.rbac.v1.clusterroles.patch",
                "rbac.authorization.k8s.io/v1/clusterroles/system:x",
                "patch rbac.authorization.k8s.io/v1  clusterroles//system:x",
            ),
            ("io.k8s.get", "healthz", "get path /healthz"),
            ("", "", " path /"),
        ];
        for (method, name, wanted) in table {
            let (verb, target) = request(method, name);
            let shown = match target {
                Target::Path(path) => format!("{verb} path {path}"),
                Target::Resource(it) => {
                    format!("{verb} {}/{} {} {}/{}/{}", it.group, it.version, it.namespace, it.resource, it.subresource, it.name)
                }
            };
            assert_eq!(shown, wanted, "{method} {name}");
        }
    }

    #[test]
    fn codes_are_http_statuses() {
        for (code, wanted) in [(0, Some(200)), (5, Some(404)), (7, Some(403)), (16, Some(401)), (17, None), (-1, None)] {
            assert_eq!(http_code(code), wanted);
        }
    }
}
