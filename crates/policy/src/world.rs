//! What policies may look at beside the object that they judge.

use crate::cel::Host;
use crate::request::plural;
use jiff::Timestamp;
use serde_json::Value as Json;

/// Other objects, images and the time.
#[derive(Debug, Default)]
pub struct World<'a> {
    /// All objects that are known.
    pub objects: Vec<&'a Json>,
    /// What is known of images: reference, and what the registry says of it.
    pub images: Vec<(String, Json)>,
    /// The time, where there is a clock.
    pub now: Option<Timestamp>,
}

impl World<'_> {
    /// The namespace of a name.
    pub fn namespace(&self, name: &str) -> Option<&Json> {
        let is_it = |object: &&&Json| text(object, "/kind") == "Namespace" && text(object, "/metadata/name") == name;
        self.objects.iter().find(is_it).copied()
    }
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
}

pub(crate) fn text<'j>(object: &'j Json, pointer: &str) -> &'j str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or("")
}
