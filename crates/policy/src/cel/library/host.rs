//! What looks beyond the object: other objects and images, as Kyverno's policies ask for them
//! (<https://kyverno.io/docs/policy-types/cel-libraries/>). Nothing here does IO: the host knows, or it does not.

use super::opaque::Opaque;
use super::{Call, Fault, Function, Type, Value, global, method};
use crate::cel::Host;
use std::fmt;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    // Older versions write them with a capital.
    method("Get", 2, 5, Type::Dyn, get),
    method("get", 2, 5, Type::Dyn, get),
    method("List", 3, 4, Type::Map, list),
    method("list", 3, 4, Type::Map, list),
    method("Post", 3, 5, Type::Dyn, post),
    method("post", 3, 5, Type::Dyn, post),
    method("GetMetadata", 2, 2, Type::Dyn, metadata),
    method("getMetadata", 2, 2, Type::Dyn, metadata),
    super::both("parseServiceAccount", 1, 2, Type::Map, service_account),
    global("image", 1, 1, Type::Image, image),
    global("isImage", 1, 1, Type::Bool, |call| Ok(Value::Bool(Image::parse(&call.string(0, "isImage")?).is_some()))),
    method("containsDigest", 1, 1, Type::Bool, |call| Ok(Value::Bool(!of(call, "containsDigest")?.digest.is_empty()))),
    method("digest", 1, 1, Type::String, |call| Ok(Value::text(of(call, "digest")?.digest.clone()))),
    method("identifier", 1, 1, Type::String, |call| Ok(Value::text(of(call, "identifier")?.identifier()))),
    method("registry", 1, 1, Type::String, |call| Ok(Value::text(of(call, "registry")?.registry.clone()))),
    method("repository", 1, 1, Type::String, |call| Ok(Value::text(of(call, "repository")?.repository.clone()))),
    method("tag", 1, 1, Type::String, |call| Ok(Value::text(of(call, "tag")?.tag.clone()))),
];

/// The reference of an image with everything that it leaves out filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    registry: String,
    repository: String,
    tag: String,
    digest: String,
}

impl Image {
    fn parse(text: &str) -> Option<Self> {
        let (rest, digest) = text.split_once('@').map_or((text, ""), |(rest, digest)| (rest, digest));
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest.get(slash..)?.split_once(':') {
            Some((last, tag)) => (rest.get(..slash + last.len())?, tag),
            None => (rest, ""),
        };
        let is_host = |part: &str| part == "localhost" || part.contains(['.', ':']);
        let (registry, repository) = match name.split_once('/') {
            Some((host, repository)) if is_host(host) => (host, repository.to_owned()),
            Some(_) => ("index.docker.io", name.to_owned()),
            None => ("index.docker.io", format!("library/{name}")),
        };
        let part =
            |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c));
        let good = repository.split('/').all(part) && (digest.is_empty() || digest.contains(':'));
        let tag = if tag.is_empty() && digest.is_empty() { "latest" } else { tag };
        good.then(|| Self { registry: registry.to_owned(), repository, tag: tag.to_owned(), digest: digest.to_owned() })
    }

    fn identifier(&self) -> String {
        if self.digest.is_empty() { self.tag.clone() } else { self.digest.clone() }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if self.digest.is_empty() { write!(f, ":{}", self.tag) } else { write!(f, "@{}", self.digest) }
    }
}

fn image<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let text = call.string(0, "image")?;
    match Image::parse(&text) {
        Some(image) => Ok(Value::Opaque(Arc::new(Opaque::Image(Box::new(image))))),
        None => Err(format!("`{text}` is no reference of an image").into()),
    }
}

fn of<'c>(call: &'c Call<'_, '_>, name: &str) -> Result<&'c Image, Fault> {
    match call.opaque(0, name)? {
        Opaque::Image(image) => Ok(image),
        _ => call.mismatch(name),
    }
}

fn host<'a>(call: &Call<'_, 'a>, name: &str) -> Result<&'a dyn Host, Fault> {
    call.environment.host.ok_or_else(|| Fault::Unsupported(format!("`{name}` looks beyond the object, and nothing else is here")))
}

/// `resource.Get(apiVersion, resource, [namespace,] name)`, `http.Get(url[, headers])`, `globalContext.Get(name, projection)`.
fn get<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let host = host(call, "Get")?;
    match call.get(0) {
        Value::Type("http") => return Ok(owned(&host.http("GET", &call.string(1, "Get")?).map_err(Fault::Unsupported)?)),
        Value::Type("globalContext") => {
            let projection = if call.has(2) { call.string(2, "Get")? } else { "".into() };
            return Ok(owned(&host.context(&call.string(1, "Get")?, &projection).map_err(Fault::Unsupported)?));
        }
        _ => {}
    }
    if !call.has(3) {
        return call.mismatch("Get");
    }
    let (version, resource) = (call.string(1, "Get")?, call.string(2, "Get")?);
    let (namespace, name) =
        if call.has(4) { (call.string(3, "Get")?, call.string(4, "Get")?) } else { ("".into(), call.string(3, "Get")?) };
    let found = host.resources(&version, &resource, &namespace).map_err(Fault::Unsupported)?;
    call.environment.spend(found.len())?;
    let is_named = |object: &serde_json::Value| object.pointer("/metadata/name").and_then(serde_json::Value::as_str) == Some(&*name);
    match found.into_iter().find(is_named) {
        Some(object) => Ok(owned(&object)),
        None if host.is_whole() => Err(format!("{resource} `{name}` not found").into()),
        None => Err(Fault::Unsupported(format!("{resource} `{name}` was not read"))),
    }
}

/// `http.Post(url, body[, headers])`; a policy that creates objects is not asked for more than its answer.
fn post<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let host = host(call, "Post")?;
    match call.get(0) {
        Value::Type("http") => Ok(owned(&host.http("POST", &call.string(1, "Post")?).map_err(Fault::Unsupported)?)),
        _ => Err(Fault::Unsupported("nothing is created here".to_owned())),
    }
}

/// `resource.List(apiVersion, resource[, namespace])`.
fn list<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let host = host(call, "List")?;
    let (version, resource) = (call.string(1, "List")?, call.string(2, "List")?);
    let namespace = if call.has(3) { call.string(3, "List")? } else { "".into() };
    let found = host.resources(&version, &resource, &namespace).map_err(Fault::Unsupported)?;
    call.environment.spend(found.len())?;
    Ok(Value::map([("items", Value::list(found.iter().map(owned).collect()))]))
}

fn metadata<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let host = host(call, "GetMetadata")?;
    let reference = call.string(1, "GetMetadata")?;
    Ok(owned(&host.image(&reference).map_err(Fault::Unsupported)?))
}

/// `user.parseServiceAccount(username)`, `parseServiceAccount(username)`: namespace and name of a service account, or both empty.
fn service_account<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let user = call.string(call.arguments.len().saturating_sub(1), "parseServiceAccount")?;
    let (namespace, name) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')).unwrap_or(("", ""));
    Ok(Value::map([("Namespace", Value::text(namespace)), ("Name", Value::text(name))]))
}

/// A copy of JSON that belongs to the value.
fn owned<'a>(json: &serde_json::Value) -> Value<'a> {
    use serde_json::Value as Json;
    match json {
        Json::Array(items) => Value::list(items.iter().map(owned).collect()),
        Json::Object(map) => Value::map(map.iter().map(|(key, value)| (key.as_str(), owned(value)))),
        Json::String(text) => Value::text(text.as_str()),
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or(f64::NAN)), Value::Int),
    }
}
