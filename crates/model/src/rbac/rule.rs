//! A rule of a role, what it is asked, and whether it allows it.
//!
//! Source: kubernetes `pkg/apis/rbac/v1/evaluation_helpers.go` and `plugin/pkg/auth/authorizer/rbac/rbac.go`.

use crate::{Node, Object, Problem, ProblemKind};
use std::fmt;

/// What an authorizer is asked: the `spec` of a SubjectAccessReview (authorization.k8s.io/v1) without its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request<'r> {
    /// The verb: `get`, `list`, `create`, also `impersonate`, `bind`, `use`. For paths an HTTP method in lower case.
    pub verb: &'r str,
    /// What it is done to.
    pub target: Target<'r>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target<'r> {
    /// Objects of the API.
    Resource(Resource<'r>),
    /// A path that is none of the API's resources: `/healthz`.
    Path(&'r str),
}

/// Objects of the API that a request is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource<'r> {
    /// The API group; empty for the core group.
    pub group: &'r str,
    /// The resource: `pods`.
    pub resource: &'r str,
    /// The subresource; empty for none.
    pub subresource: &'r str,
    /// The namespace; empty for resources that have none, and for all namespaces.
    pub namespace: &'r str,
    /// The object's name; empty where the request names none.
    pub name: &'r str,
}

impl<'r> Request<'r> {
    /// A request for a resource, which may be written with its subresource: `pods/log`.
    pub fn resource(verb: &'r str, group: &'r str, resource: &'r str, namespace: &'r str, name: &'r str) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Self { verb, target: Target::Resource(Resource { group, resource, subresource, namespace, name }) }
    }

    /// A request for a path.
    pub fn path(verb: &'r str, path: &'r str) -> Self {
        Self { verb, target: Target::Path(path) }
    }

    /// The namespace that it is about; empty for what has none.
    pub fn namespace(&self) -> &'r str {
        match self.target {
            Target::Resource(resource) => resource.namespace,
            Target::Path(_) => "",
        }
    }
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target {
            Target::Path(path) => write!(f, "{} {path}", self.verb),
            Target::Resource(Resource { group, resource, subresource, namespace, name }) => {
                write!(f, "{} {resource}", self.verb)?;
                if !group.is_empty() {
                    write!(f, ".{group}")?;
                }
                if !subresource.is_empty() {
                    write!(f, "/{subresource}")?;
                }
                if !name.is_empty() {
                    write!(f, " `{name}`")?;
                }
                if namespace.is_empty() { Ok(()) } else { write!(f, " in namespace {namespace}") }
            }
        }
    }
}

/// A rule of a Role or ClusterRole (rbac.authorization.k8s.io/v1 PolicyRule).
#[derive(Debug, Clone)]
pub struct Rule<'a> {
    /// The role that it stands in: of an aggregated rule, the role that it comes from.
    pub role: Object<'a>,
    /// Its place in that role's `rules`.
    pub index: usize,
    /// `verbs`; `*` for all.
    pub verbs: Vec<&'a str>,
    /// `apiGroups`; `*` for all.
    pub api_groups: Vec<&'a str>,
    /// `resources`, with their subresources: `pods/log`; `*` for all, `*/scale` for that subresource of all.
    pub resources: Vec<&'a str>,
    /// `resourceNames`; empty for all names.
    pub resource_names: Vec<&'a str>,
    /// `nonResourceURLs`; a `*` at the end stands for any rest.
    pub non_resource_urls: Vec<&'a str>,
}

impl<'a> Rule<'a> {
    /// The rules of a role as they stand there; what the API would not accept is a problem.
    pub fn of_role(role: Object<'a>, problems: &mut Vec<Problem>) -> Vec<Self> {
        let Some(rules) = role.node.get("rules") else { return Vec::new() };
        if !rules.is_list() && !rules.is_null() {
            problems.push(Problem::at(ProblemKind::WrongType, rules, format!("`rules` must be a list, is {}", rules.describe())));
        }
        rules.items().enumerate().map(|(index, node)| Self::read(role, index, node, problems)).collect()
    }

    /// A rule of `role` that allows nothing, to be filled.
    pub fn empty(role: Object<'a>) -> Self {
        let none = Vec::new;
        Self { role, index: 0, verbs: none(), api_groups: none(), resources: none(), resource_names: none(), non_resource_urls: none() }
    }

    /// One rule; `node` is where it stands.
    pub fn read(role: Object<'a>, index: usize, node: Node<'a>, problems: &mut Vec<Problem>) -> Self {
        let mut texts = |key: &str| texts(node, key, problems);
        let (verbs, api_groups, resources) = (texts("verbs"), texts("apiGroups"), texts("resources"));
        let (resource_names, non_resource_urls) = (texts("resourceNames"), texts("nonResourceURLs"));
        Self { role, index, verbs, api_groups, resources, resource_names, non_resource_urls }
    }

    /// Whether it allows `request`, wherever the role is bound.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        self.has_verb(request.verb)
            && match request.target {
                Target::Path(path) => self.non_resource_urls.iter().any(|url| url_covers(url, path)),
                Target::Resource(resource) => {
                    self.has_group(resource.group)
                        && self.has_resource(resource.resource, resource.subresource)
                        && self.has_name(resource.name)
                }
            }
    }

    /// Whether `verb` is among its verbs, or all are.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|one| *one == "*" || *one == verb)
    }

    /// Whether `group` is among its API groups, or all are.
    pub fn has_group(&self, group: &str) -> bool {
        self.api_groups.iter().any(|one| *one == "*" || *one == group)
    }

    /// Whether a resource or subresource is among its resources.
    pub fn has_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|one| match one.split_once('/') {
            None => *one == "*" || (subresource.is_empty() && *one == resource),
            Some((of, part)) => !subresource.is_empty() && part == subresource && (of == "*" || of == resource),
        })
    }

    /// Whether an object's name is among its names. A request without a name (`create`, a list) is allowed by no rule with names.
    pub fn has_name(&self, name: &str) -> bool {
        self.resource_names.is_empty() || self.resource_names.contains(&name)
    }

    /// Whether it says something of resources; else it is about paths, or about nothing.
    pub fn is_of_resources(&self) -> bool {
        !self.resources.is_empty()
    }

    /// JSON pointer from its role to the rule.
    pub fn pointer(&self) -> String {
        format!("/rules/{}", self.index)
    }

    /// Where it stands; the role, should the rule not be found there.
    pub fn node(&self) -> Node<'a> {
        self.role.node.nearest(&self.pointer()).0
    }

    /// Whether both say the same, whatever roles they stand in.
    pub fn is_same(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }

    fn fields(&self) -> [&[&'a str]; 5] {
        [&self.verbs, &self.api_groups, &self.resources, &self.resource_names, &self.non_resource_urls]
    }
}

/// Shown as a person would say it: `get, list on pods, pods/log named x`.
impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_all = |list: &[&str]| if list.contains(&"*") { "everything".to_owned() } else { list.join(", ") };
        let verbs = if self.verbs.contains(&"*") { "all verbs".to_owned() } else { self.verbs.join(", ") };
        if !self.is_of_resources() {
            return write!(f, "{verbs} on paths {}", self.non_resource_urls.join(", "));
        }
        write!(f, "{verbs} on {}", or_all(&self.resources))?;
        match self.api_groups.as_slice() {
            [""] => {}
            groups if groups.contains(&"*") => f.write_str(" of all API groups")?,
            groups => {
                let shown: Vec<&str> = groups.iter().map(|group| if group.is_empty() { "core" } else { group }).collect();
                write!(f, " of {}", shown.join(", "))?;
            }
        }
        if self.resource_names.is_empty() { Ok(()) } else { write!(f, " named {}", self.resource_names.join(", ")) }
    }
}

/// Whether a `nonResourceURLs` entry covers a path, or another entry: `*`, the same, or the same start before a `*` at the end.
pub fn url_covers(owner: &str, path: &str) -> bool {
    owner == "*" || owner == path || owner.ends_with('*') && path.starts_with(owner.trim_end_matches('*'))
}

/// The texts of a list; what is none is a problem.
fn texts<'a>(rule: Node<'a>, key: &str, problems: &mut Vec<Problem>) -> Vec<&'a str> {
    let Some(list) = rule.get(key).filter(|list| !list.is_null()) else { return Vec::new() };
    if !list.is_list() {
        problems.push(Problem::at(ProblemKind::WrongType, list, format!("`{key}` must be a list of strings, is {}", list.describe())));
    }
    let mut found = Vec::new();
    for item in list.items() {
        match item.as_str() {
            Some(text) => found.push(text),
            None => {
                let message = format!("an item of `{key}` must be a string, is {}", item.describe());
                problems.push(Problem::at(ProblemKind::WrongType, item, message));
            }
        }
    }
    found
}
