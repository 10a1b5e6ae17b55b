//! Who may do what (<https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library>). The host knows
//! the grants, or says what is missing.

use super::opaque::Opaque;
use super::{Call, Fault, Function, Type, Value, method};
use serde_json::Value as Json;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    method("allowed", 1, 1, Type::Bool, |call| decision(call, "allowed", Value::Bool)),
    method("check", 2, 2, Type::Authorizer, check),
    method("error", 1, 1, Type::String, |call| decision(call, "error", |_| Value::text(""))),
    method("errored", 1, 1, Type::Bool, |call| decision(call, "errored", |_| Value::Bool(false))),
    method("fieldSelector", 2, 2, Type::Authorizer, |call| with(call, "fieldSelector", |_, _| ())),
    method("group", 2, 2, Type::Authorizer, |call| with(call, "group", |access, group| access.group = group)),
    method("labelSelector", 2, 2, Type::Authorizer, |call| with(call, "labelSelector", |_, _| ())),
    method("name", 2, 2, Type::Authorizer, |call| with(call, "name", |access, name| access.name = name)),
    method("namespace", 2, 2, Type::Authorizer, |call| with(call, "namespace", |access, namespace| access.namespace = namespace)),
    method("path", 2, 2, Type::Authorizer, |call| with(call, "path", |access, path| access.path = path)),
    method("reason", 1, 1, Type::String, |call| {
        decision(call, "reason", |allowed| Value::text(if allowed { "granted by RBAC" } else { "not granted by RBAC" }))
    }),
    method("resource", 2, 2, Type::Authorizer, |call| with(call, "resource", |access, resource| access.resource = resource)),
    method("serviceAccount", 3, 3, Type::Authorizer, account),
    method("subresource", 2, 2, Type::Authorizer, |call| with(call, "subresource", |access, part| access.subresource = part)),
];

/// Who asks (authentication/v1 `UserInfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The name; empty where nobody is known.
    pub name: String,
    /// The groups that were given.
    pub groups: Vec<String>,
}

/// What is asked for (authorization/v1 `ResourceAttributes`, `NonResourceAttributes`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The verb.
    pub verb: String,
    /// The path that is no resource; empty for resources.
    pub path: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name of the resource.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The name of the object, or empty.
    pub name: String,
}

/// A question that is being put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    user: User,
    access: Access,
    /// What the request at hand asks for.
    own: Access,
}

impl User {
    /// Namespace and name, where it is a service account.
    pub(crate) fn account(&self) -> Option<(&str, &str)> {
        self.name.strip_prefix("system:serviceaccount:")?.split_once(':')
    }

    /// Whether it is in a group: those given, and those that everybody and every service account is in.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        let account = self.account();
        let of_accounts = |(namespace, _): (&str, &str)| {
            group == "system:serviceaccounts" || group.strip_prefix("system:serviceaccounts:").is_some_and(|name| name == namespace)
        };
        self.groups.iter().any(|one| one == group)
            || account.is_some_and(of_accounts)
            || (group == "system:authenticated" && self.name != "system:anonymous")
    }
}

impl Question {
    /// The authorizer of a request (its JSON, without objects).
    pub(crate) fn of(review: &Json) -> Self {
        let text = |pointer: &str| review.pointer(pointer).and_then(Json::as_str).unwrap_or("").to_owned();
        let groups = review.pointer("/userInfo/groups").and_then(Json::as_array).into_iter().flatten();
        let user = User { name: text("/userInfo/username"), groups: groups.filter_map(Json::as_str).map(str::to_owned).collect() };
        let own = Access {
            group: text("/resource/group"),
            resource: text("/resource/resource"),
            subresource: text("/subResource"),
            namespace: text("/namespace"),
            name: text("/name"),
            ..Access::default()
        };
        Self { user, access: Access::default(), own }
    }

    /// `authorizer.requestResource`: what the request itself asks for.
    pub(crate) fn field(&self, name: &str) -> Option<Self> {
        (name == "requestResource").then(|| Self { access: self.own.clone(), ..self.clone() })
    }
}

fn question<'c>(call: &'c Call<'_, '_>, name: &str) -> Result<&'c Question, Fault> {
    match call.opaque(0, name)? {
        Opaque::Question(question) => Ok(question),
        _ => call.mismatch(name),
    }
}

fn with<'a>(call: &Call<'_, 'a>, name: &str, set: fn(&mut Access, String)) -> Result<Value<'a>, Fault> {
    let mut question = question(call, name)?.clone();
    set(&mut question.access, call.string(1, name)?.into_owned());
    Ok(Value::Opaque(Arc::new(Opaque::Question(Box::new(question)))))
}

fn account<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let mut question = question(call, "serviceAccount")?.clone();
    let (namespace, name) = (call.string(1, "serviceAccount")?, call.string(2, "serviceAccount")?);
    question.user = User { name: format!("system:serviceaccount:{namespace}:{name}"), groups: Vec::new() };
    Ok(Value::Opaque(Arc::new(Opaque::Question(Box::new(question)))))
}

fn check<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let question = question(call, "check")?;
    let access = Access { verb: call.string(1, "check")?.into_owned(), ..question.access.clone() };
    let host = call.environment.host.ok_or_else(|| Fault::Unsupported("who may do what is not known here".to_owned()))?;
    let allowed = host.allows(&question.user, &access).map_err(Fault::Unsupported)?;
    Ok(Value::Opaque(Arc::new(Opaque::Decision(allowed))))
}

fn decision<'a>(call: &Call<'_, 'a>, name: &str, say: fn(bool) -> Value<'a>) -> Result<Value<'a>, Fault> {
    match call.opaque(0, name)? {
        Opaque::Decision(allowed) => Ok(say(*allowed)),
        _ => call.mismatch(name),
    }
}
