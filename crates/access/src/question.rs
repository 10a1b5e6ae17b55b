//! Questions as people write them: `get deploy web`, `create pods/exec`, `get /healthz`.

use plimsoll_model::rbac::{Request, Target};
use plimsoll_model::resources::split;
use plimsoll_model::{ApiResources, NoSuchResource};
use schemars::JsonSchema;
use serde::Serialize;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The verb.
    pub verb: String,
    /// The path; absent for a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The API group; empty for the core group, `*` for all.
    pub group: String,
    /// The resource in the plural; empty for a path.
    pub resource: String,
    /// The subresource; empty for none.
    pub subresource: String,
    /// The object's name; empty where none is asked about.
    pub name: String,
    /// Where.
    pub scope: Scope,
    /// What the one who asks should know about the question.
    pub notes: Vec<String>,
}

/// Where something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// In the whole cluster: a path, or a resource that has no namespaces.
    Cluster,
    /// In all namespaces at once, as `kubectl get --all-namespaces` does it.
    AllNamespaces,
    /// In all namespaces, or else in some: which ones, is the question.
    AnyNamespace,
    /// In one.
    Namespace(String),
}

/// The verbs of requests for resources, and those that are for authorization only.
const VERBS: &[&str] = &[
    "*",
    "approve",
    "attest",
    "bind",
    "create",
    "delete",
    "deletecollection",
    "escalate",
    "get",
    "impersonate",
    "list",
    "patch",
    "sign",
    "update",
    "use",
    "watch",
];

/// Subresources of Kubernetes itself; what else stands after a `/` is rather a name, as `kubectl auth can-i` takes it.
const SUBRESOURCES: &[&str] = &[
    "approval",
    "attach",
    "binding",
    "checkpoint",
    "configz",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "healthz",
    "log",
    "metrics",
    "pods",
    "portforward",
    "proxy",
    "resize",
    "rollback",
    "scale",
    "spec",
    "stats",
    "status",
    "token",
];

/// What HTTP has.
const METHODS: &[&str] = &["*", "delete", "get", "head", "options", "patch", "post", "put"];

impl Question {
    /// Reads a question; `scope` is where it is asked about, if the resource has namespaces at all.
    ///
    /// # Errors
    /// What is asked has no meaning; the text says why.
    pub fn read(resources: &ApiResources<'_>, verb: &str, what: &str, name: Option<&str>, scope: Scope) -> Result<Self, String> {
        let mut question = Self {
            verb: verb.to_owned(),
            path: None,
            group: String::new(),
            resource: String::new(),
            subresource: String::new(),
            name: name.unwrap_or_default().to_owned(),
            scope,
            notes: Vec::new(),
        };
        if verb.is_empty() {
            return Err("a verb is needed: get, list, create, …".to_owned());
        }
        if what.starts_with('/') {
            return question.of_path(what, name);
        }
        let (resource, subresource) = what.split_once('/').map_or((what, None), |(resource, sub)| (resource, Some(sub)));
        question.set_resource(resources, resource)?;
        match subresource {
            None => {}
            Some("") => return Err(format!("`{what}` names no subresource: leave the `/` out, or write `{resource}/log`")),
            Some("*") => {
                return Err(format!(
                    "`{what}` has no meaning in RBAC: `*` in it is no pattern and allows nothing; a rule takes `{resource}/log` by its name, \
                     `*/log` for all resources, or `*` for everything; ask for the subresource that you mean"
                ));
            }
            Some(subresource) => {
                if !SUBRESOURCES.contains(&subresource) {
                    question.notes.push(format!(
                        "`{subresource}` is no usual subresource; an object of that name is asked about as `{resource} {subresource}`"
                    ));
                }
                subresource.clone_into(&mut question.subresource);
            }
        }
        question.check_verb(VERBS);
        if matches!(question.verb.as_str(), "create" | "deletecollection") && question.subresource.is_empty() && !question.name.is_empty() {
            question.notes.push(format!("a request to {} says no name to the authorizer: the name is left aside", question.verb));
            question.name.clear();
        }
        Ok(question)
    }

    fn of_path(mut self, path: &str, name: Option<&str>) -> Result<Self, String> {
        if name.is_some() {
            return Err(format!("`{path}` is a path: it takes no name"));
        }
        if matches!(self.scope, Scope::Namespace(_)) {
            self.notes.push("paths have no namespaces: the namespace is left aside".to_owned());
        }
        self.path = Some(path.to_owned());
        self.scope = Scope::Cluster;
        self.check_verb(METHODS);
        Ok(self)
    }

    fn set_resource(&mut self, resources: &ApiResources<'_>, text: &str) -> Result<(), String> {
        let (name, group) = split(text);
        let mut is_namespaced = true;
        if name == "*" {
            group.unwrap_or("*").clone_into(&mut self.group);
            name.clone_into(&mut self.resource);
        } else {
            match (resources.find(text), group) {
                (Ok(found), _) => {
                    found.group.clone_into(&mut self.group);
                    found.name.clone_into(&mut self.resource);
                    is_namespaced = found.is_namespaced;
                }
                (Err(NoSuchResource { similar }), Some(group)) if !name.is_empty() => {
                    group.clone_into(&mut self.group);
                    name.clone_into(&mut self.resource);
                    let like = if similar.is_empty() { String::new() } else { format!(" (known and alike: {})", similar.join(", ")) };
                    self.notes.push(format!(
                        "the resource `{text}` is not known{like}: it is asked about as it is written, as one that has namespaces"
                    ));
                }
                (Err(NoSuchResource { similar }), _) => {
                    let like = match similar.as_slice() {
                        [] => String::new(),
                        [one] => format!("; did you mean {one}?"),
                        many => format!("; did you mean one of {}?", many.join(", ")),
                    };
                    return Err(format!(
                        "there is no resource `{text}`{like} One of a definition that was not read is asked about with its group: `{text}.GROUP`"
                    ));
                }
            }
        }
        let is_namespace = self.resource == "namespaces" && self.group.is_empty();
        if is_namespace && !self.name.is_empty() {
            // What is asked of one namespace is asked within it (apiserver `pkg/endpoints/request/requestinfo.go`).
            self.scope = Scope::Namespace(self.name.clone());
        } else if !is_namespaced {
            if matches!(self.scope, Scope::Namespace(_)) {
                self.notes.push(format!("{} have no namespaces: the namespace is left aside", self.resource));
            }
            self.scope = Scope::Cluster;
        }
        Ok(())
    }

    fn check_verb(&mut self, known: &[&str]) {
        if !known.contains(&self.verb.as_str()) && !self.verb.starts_with("impersonate") {
            self.notes.push(format!(
                "`{}` is none of the usual verbs ({}): it is asked about as it is written",
                self.verb,
                known.join(", ")
            ));
        }
    }

    /// The request to be authorized; for [`Scope::AnyNamespace`] that for all of them.
    pub fn request(&self) -> Request<'_> {
        let namespace = match &self.scope {
            Scope::Namespace(namespace) => namespace,
            _ => "",
        };
        match &self.path {
            Some(path) => Request::path(&self.verb, path),
            None => Request {
                verb: &self.verb,
                target: Target::Resource(plimsoll_model::rbac::Resource {
                    group: &self.group,
                    resource: &self.resource,
                    subresource: &self.subresource,
                    namespace,
                    name: &self.name,
                }),
            },
        }
    }

    /// The request for an object of this name, where the question has none and such a request can have one: rules with names may
    /// allow it.
    pub(crate) fn request_for<'q>(&'q self, name: &'q str) -> Option<Request<'q>> {
        // A list or watch carries a name as a field selector; what is made or swept away has none.
        let is_nameless = self.subresource.is_empty() && matches!(self.verb.as_str(), "create" | "deletecollection");
        match self.request() {
            Request { verb, target: Target::Resource(resource) } if resource.name.is_empty() && !is_nameless => {
                Some(Request { verb, target: Target::Resource(plimsoll_model::rbac::Resource { name, ..resource }) })
            }
            _ => None,
        }
    }
}

/// `get pods/log in namespace shop`
impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let request = self.request();
        if self.resource == "*" {
            write!(f, "{} everything", self.verb)?;
            if self.group != "*" {
                write!(f, " of {}", self.group)?;
            }
        } else {
            write!(f, "{request}")?;
        }
        match &self.scope {
            Scope::Namespace(namespace) if self.resource == "*" => write!(f, " in namespace {namespace}"),
            Scope::Cluster | Scope::Namespace(_) => Ok(()),
            Scope::AllNamespaces | Scope::AnyNamespace => f.write_str(" in all namespaces"),
        }
    }
}
