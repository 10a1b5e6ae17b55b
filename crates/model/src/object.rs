//! Kubernetes objects in documents, lists unpacked.

use crate::{Document, Node, Problem, ProblemKind};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// A Kubernetes object: a document, or an item of a `List`.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// `group/version`, or `v1` for the core group.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// `metadata.namespace`; empty where it says none.
    pub namespace: &'a str,
    /// `metadata.name`, or `metadata.generateName`; empty where both are missing.
    pub name: &'a str,
    /// The object's root.
    pub node: Node<'a>,
}

/// The name of an object, owned, for findings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// `metadata.namespace`; empty where it says none.
    pub namespace: String,
    /// The kind.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
}

impl Document {
    /// The Kubernetes objects of the document: one, or the items of a list, or none if it is something else.
    pub fn objects(&self) -> (Vec<Object<'_>>, Vec<Problem>) {
        let mut objects = Vec::new();
        let mut problems = Vec::new();
        if let Some(root) = self.root() {
            collect(root, "", "", &mut objects, &mut problems);
        }
        (objects, problems)
    }
}

/// Lists may hold lists, so this is recursive; the document's depth is limited, so this ends.
fn collect<'a>(node: Node<'a>, api_version: &'a str, kind: &'a str, objects: &mut Vec<Object<'a>>, problems: &mut Vec<Problem>) {
    let word = |key| node.get(key).map_or("", Node::text);
    let api_version = Some(word("apiVersion")).filter(|text| !text.is_empty()).unwrap_or(api_version);
    let kind = Some(word("kind")).filter(|text| !text.is_empty()).unwrap_or(kind);
    if api_version.is_empty() || kind.is_empty() {
        return;
    }
    match (kind.strip_suffix("List"), node.entry("items")) {
        (Some(item_kind), Some((_, items))) if node.get("spec").is_none() => {
            if !items.is_list() && !items.is_null() {
                problems.push(Problem::at(ProblemKind::WrongType, items, format!("`items` must be a list, is {}", items.describe())));
            }
            // The items of a typed list as an API server sends it carry neither kind nor version.
            for item in items.items() {
                collect(item, api_version, item_kind, objects, problems);
            }
        }
        _ => {
            let metadata = node.get("metadata");
            let text = |key| metadata.and_then(|metadata| metadata.get(key)).map(Node::text);
            let name = text("name").or_else(|| text("generateName")).unwrap_or("");
            objects.push(Object { api_version, kind, namespace: text("namespace").unwrap_or(""), name, node });
        }
    }
}

impl<'a> Object<'a> {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &'a str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// The name, owned.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            namespace: self.namespace.to_owned(),
            kind: self.kind.to_owned(),
            name: self.name.to_owned(),
            api_version: self.api_version.to_owned(),
        }
    }

    /// The JSON pointer from the document's root to the object; empty unless it is an item of a list.
    pub fn pointer(&self) -> String {
        self.node.pointer()
    }

    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.node.at(&["metadata", "labels"])?.get(name).map(Node::text)
    }

    /// `metadata.uid`, as a live object has it.
    pub fn uid(&self) -> Option<&'a str> {
        self.node.at(&["metadata", "uid"]).map(Node::text)
    }

    /// The owner reference with `controller: true`.
    pub fn controller(&self) -> Option<Owner<'a>> {
        let owners = self.node.at(&["metadata", "ownerReferences"])?;
        let owner = owners.items().find(|owner| owner.get("controller").and_then(Node::as_bool) == Some(true))?;
        let text = |key| owner.get(key).map_or("", Node::text);
        Some(Owner { kind: text("kind"), name: text("name"), uid: text("uid") })
    }
}

/// The controller that made an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The owner's kind.
    pub kind: &'a str,
    /// The owner's name.
    pub name: &'a str,
    /// The owner's uid; empty where it is not given.
    pub uid: &'a str,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, kind, name, .. } = self;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}
