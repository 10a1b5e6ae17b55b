//! What policies may look at beside the object that they judge.

use crate::access::Grants;
use crate::cel::{Access, Host, User};
use crate::request::plural;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::sync::OnceLock;

/// Other objects, images and the time.
#[derive(Debug, Default)]
pub struct World<'a> {
    pub(crate) objects: Vec<&'a Json>,
    images: Vec<(String, Json)>,
    answers: Vec<(String, String, Json)>,
    contexts: Vec<(String, Json)>,
    pub(crate) now: Option<Timestamp>,
    /// Whether there is nothing else than these objects.
    whole: bool,
    grants: OnceLock<Grants>,
    /// The objects as Rego looks them up, made when they are first asked for.
    inventory: OnceLock<regorus::Value>,
}

impl<'a> World<'a> {
    /// A world of these objects, without images and without a clock.
    pub fn new(objects: Vec<&'a Json>) -> Self {
        Self { objects, ..Self::default() }
    }

    /// With what registries say of images, by reference.
    #[must_use]
    pub fn with_images(mut self, images: Vec<(String, Json)>) -> Self {
        self.images = images;
        self
    }

    /// With what calls over HTTP are answered: method, URL, `{"statusCode": …, "body": …}`.
    #[must_use]
    pub fn with_answers(mut self, answers: Vec<(String, String, Json)>) -> Self {
        self.answers = answers;
        self
    }

    /// With entries of Kyverno's global context, by name.
    #[must_use]
    pub fn with_contexts(mut self, contexts: Vec<(String, Json)>) -> Self {
        self.contexts = contexts;
        self
    }

    /// With a clock that stands at `now`.
    #[must_use]
    pub fn at(mut self, now: Option<Timestamp>) -> Self {
        self.now = now;
        self
    }

    /// With nothing else in it: what is not granted here is not granted.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// `{"inventory": …}`: `cluster[apiVersion][kind][name]` and `namespace[namespace][apiVersion][kind][name]`.
    pub(crate) fn inventory(&self) -> &regorus::Value {
        self.inventory.get_or_init(|| {
            let mut inventory = json!({"cluster": {}, "namespace": {}});
            for object in &self.objects {
                let (version, kind, name) = (text(object, "/apiVersion"), text(object, "/kind"), text(object, "/metadata/name"));
                let home = Some(text(object, "/metadata/namespace")).filter(|home| !home.is_empty()).unwrap_or("default");
                let scope: &[&str] = if plimsoll_model::is_cluster_scoped(kind) { &["cluster"] } else { &["namespace", home] };
                insert(&mut inventory, scope.iter().copied().chain([version, kind, name]), (*object).clone());
            }
            regorus::Value::from(json!({"inventory": inventory}))
        })
    }
}

/// Puts a value at a path of keys, with what is missing on the way.
fn insert<'k>(json: &mut Json, path: impl Iterator<Item = &'k str>, value: Json) {
    let mut at = json;
    for key in path {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(key).or_insert(Json::Null);
    }
    *at = value;
}

impl Host for World<'_> {
    fn resources(&self, api_version: &str, resource: &str, namespace: &str) -> Result<Vec<Json>, String> {
        let is_one = |object: &&&Json| {
            let mine = Some(text(object, "/metadata/namespace")).filter(|name| !name.is_empty()).unwrap_or("default");
            text(object, "/apiVersion") == api_version
                && plural(text(object, "/kind")) == resource
                && (namespace.is_empty() || mine == namespace)
        };
        Ok(self.objects.iter().filter(is_one).map(|object| (*object).clone()).collect())
    }

    fn image(&self, reference: &str) -> Result<Json, String> {
        let found = self.images.iter().find(|(known, _)| known == reference);
        found.map(|(_, data)| data.clone()).ok_or_else(|| format!("nothing is known of image `{reference}` here"))
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn http(&self, method: &str, url: &str) -> Result<Json, String> {
        let found = self.answers.iter().find(|(one, place, _)| one.eq_ignore_ascii_case(method) && place == url);
        found.map(|(_, _, answer)| answer.clone()).ok_or_else(|| format!("what {url} answers is not known here"))
    }

    fn context(&self, name: &str, projection: &str) -> Result<Json, String> {
        let found = self.contexts.iter().find(|(known, _)| known == name).map(|(_, data)| data);
        let part = if projection.is_empty() { found } else { found.and_then(|data| data.get(projection)) };
        part.cloned().ok_or_else(|| format!("the global context `{name}` is not known here"))
    }

    fn allows(&self, user: &User, access: &Access) -> Result<bool, String> {
        self.grants.get_or_init(|| Grants::of(&self.objects, self.whole)).allow(user, access)
    }
}

pub(crate) fn text<'j>(object: &'j Json, pointer: &str) -> &'j str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or("")
}
