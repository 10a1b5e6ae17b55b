//! The Node authorizer: what a kubelet may do, which is to read what the pods on its node use, and little else.
//!
//! Source: kubernetes `plugin/pkg/auth/authorizer/node` and `pkg/auth/nodeidentifier`, 1.36. It allows or has no opinion; what
//! it leaves open may still be allowed by RBAC ([`Authorizers`]). Much of what it allows is held to the kubelet's own node by
//! the admission plugin NodeRestriction, which is another question.

mod reach;

pub use reach::Related;

use crate::{Authorizer, Decision};
use plimsoll_model::rbac::{MASTERS, Request, Resource, Rule, Target, User, defaults};
use plimsoll_model::{Inventory, Object};
use reach::Reach;

/// The namespace of the leases by which kubelets say that they live.
const LEASES: &str = "kube-node-lease";

/// Answers for kubelets, from the pods and other objects of a cluster.
#[derive(Debug)]
pub struct NodeAuthorizer<'a> {
    reach: Reach<'a>,
    rules: Vec<Rule<'static>>,
    features: Features,
}

/// The feature gates of the API server that matter here; by default as of Kubernetes 1.36.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// `AuthorizeNodeWithSelectors`: a kubelet reads only its own Node, pods and ResourceSlices. On since 1.32; before, it
    /// reads those of all nodes.
    pub selectors: bool,
    /// `KubeletServiceAccountTokenForCredentialProviders`: a kubelet reads the service accounts of its pods. On since 1.34.
    pub credential_providers: bool,
    /// `PodCertificateRequest`: a kubelet asks for certificates for its pods. Off.
    pub pod_certificates: bool,
}

/// What the authorizer is asked.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'r> {
    /// The request. A list or watch of one object, by its name in a field selector, carries that name.
    pub request: Request<'r>,
    /// What the field selector says must be equal: field, value.
    pub fields: &'r [(&'r str, &'r str)],
}

/// What the authorizer says.
#[derive(Debug, Clone)]
pub enum Opinion<'r, 'a> {
    /// The request is allowed.
    Allowed(Basis<'r, 'a>),
    /// Nothing, and why, in the words of the API server; they are empty for those who are no kubelets and for what no rule
    /// is about.
    None(String),
}

/// Why a request is allowed.
#[derive(Debug, Clone)]
pub enum Basis<'r, 'a> {
    /// The node has to do with the object: this pod on it uses it, or it is this one and names the node.
    Related(Object<'a>),
    /// Every kubelet may do this: to what is its own, or to what NodeRestriction limits to that.
    Kubelet,
    /// This rule of the ClusterRole `system:node`.
    Rule(&'r Rule<'static>),
}

impl Default for Features {
    fn default() -> Self {
        Self { selectors: true, credential_providers: true, pod_certificates: false }
    }
}

impl<'r> From<Request<'r>> for Attributes<'r> {
    fn from(request: Request<'r>) -> Self {
        Self { request, fields: &[] }
    }
}

impl Opinion<'_, '_> {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// Why, in the words of the API server, which has none for what is allowed.
    pub fn reason(&self) -> &str {
        match self {
            Self::Allowed(_) => "",
            Self::None(reason) => reason,
        }
    }
}

impl<'a> NodeAuthorizer<'a> {
    /// Reads the pods, volumes and other objects of `inventory`.
    pub fn new(inventory: &Inventory<'a>, features: Features) -> Self {
        let role = defaults().iter().find(|object| object.kind == "ClusterRole" && object.name == "system:node");
        let rules = role.map(|role| Rule::of_role(*role, &mut Vec::new())).unwrap_or_default();
        Self { reach: Reach::new(inventory), rules, features }
    }

    /// Says whether `user`, if it is a kubelet, may do what is asked.
    pub fn authorize(&self, user: &User, attributes: &Attributes<'_>) -> Opinion<'_, 'a> {
        let Some(node) = user.node() else { return none("") };
        if node.is_empty() {
            return none(format!("unknown node for user {:?}", user.name));
        }
        let Attributes { request, fields } = attributes;
        let verb = request.verb;
        if let Target::Resource(resource) = &request.target {
            let asked = Asked { node, verb, resource, is_selected: fields.contains(&("spec.nodeName", node)) };
            match (resource.group, resource.resource) {
                ("", "secrets" | "configmaps") => return self.read(&asked),
                ("", "persistentvolumeclaims") if resource.subresource == "status" => return self.update_status(&asked),
                ("", "persistentvolumeclaims" | "persistentvolumes")
                | ("resource.k8s.io", "resourceclaims")
                | ("storage.k8s.io", "volumeattachments") => return self.get(&asked),
                ("", "serviceaccounts") => return self.service_account(&asked),
                ("coordination.k8s.io", "leases") => return lease(&asked),
                ("storage.k8s.io", "csinodes") => return csi_node(&asked),
                ("resource.k8s.io", "resourceslices") => return self.resource_slice(&asked),
                ("certificates.k8s.io", "podcertificaterequests") if self.features.pod_certificates => {
                    return self.pod_certificate(&asked);
                }
                ("certificates.k8s.io", "podcertificaterequests") => return none(""),
                ("", "nodes") if self.features.selectors => return own_node(&asked),
                ("", "pods") if self.features.selectors => return self.pod(&asked),
                _ => {}
            }
        }
        match self.rules.iter().find(|rule| rule.allows(request)) {
            Some(rule) => Opinion::Allowed(Basis::Rule(rule)),
            None => none(""),
        }
    }

    /// What the kubelet of a node can get at: Secrets, ConfigMaps, claims, volumes; service accounts, of which it can make
    /// tokens; and its pods. In order, each with the pod or other object that gives it to the node.
    pub fn reachable(&self, node: &str) -> impl Iterator<Item = (&Related<'a>, Object<'a>)> {
        self.reach.of(node)
    }

    fn related(&self, Asked { node, resource, .. }: &Asked<'_>) -> Opinion<'_, 'a> {
        match self.reach.source(node, resource) {
            _ if resource.name.is_empty() => none("No Object name found"),
            Some(source) => Opinion::Allowed(Basis::Related(source)),
            None => none(format!("no relationship found between node '{node}' and this object")),
        }
    }

    fn read(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        if !matches!(asked.verb, "get" | "list" | "watch") {
            return none("can only read resources of this type");
        }
        if !asked.resource.subresource.is_empty() {
            return none("cannot read subresource");
        }
        if asked.resource.namespace.is_empty() {
            return none("can only read namespaced object of this type");
        }
        self.related(asked)
    }

    fn get(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        if asked.verb != "get" {
            return none("can only get individual resources of this type");
        }
        if !asked.resource.subresource.is_empty() {
            return none("cannot get subresource");
        }
        self.related(asked)
    }

    fn update_status(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        match asked.verb {
            "update" | "patch" => self.related(asked),
            _ => none("can only get/update/patch this type"),
        }
    }

    fn service_account(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        if asked.verb == "get" && asked.resource.subresource.is_empty() {
            let can_read = self.features.credential_providers || self.features.pod_certificates;
            return if can_read { self.read(asked) } else { none("not allowed to get service accounts") };
        }
        if asked.verb != "create" || asked.resource.name.is_empty() {
            return none("can only create tokens for individual service accounts");
        }
        if asked.resource.subresource != "token" {
            return none("can only create token subresource of serviceaccount");
        }
        self.related(asked)
    }

    fn resource_slice(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        if !asked.resource.subresource.is_empty() {
            return none("cannot authorize ResourceSlice subresources");
        }
        match asked.verb {
            "create" => KUBELET,
            "get" | "update" | "patch" | "delete" => self.related(asked),
            "watch" | "list" | "deletecollection" if asked.is_selected || !self.features.selectors => KUBELET,
            "watch" | "list" | "deletecollection" => {
                none("can only list/watch/deletecollection resourceslices with nodeName field selector")
            }
            _ => none(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
            ),
        }
    }

    fn pod_certificate(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        if !asked.resource.subresource.is_empty() {
            return none("nodes may not access the status subresource of PodCertificateRequests");
        }
        match asked.verb {
            "create" => KUBELET,
            "get" => self.related(asked),
            "list" | "watch" if asked.is_selected => KUBELET,
            "list" | "watch" => none("can only list/watch podcertificaterequests with nodeName field selector"),
            verb => none(format!("nodes may not {verb} podcertificaterequests")),
        }
    }

    fn pod(&self, asked: &Asked<'_>) -> Opinion<'_, 'a> {
        match (asked.resource.subresource, asked.verb) {
            ("", "get") => self.related(asked),
            ("", "list" | "watch") if asked.is_selected => KUBELET,
            ("", "list" | "watch") if !asked.resource.name.is_empty() => self.related(asked),
            ("", "list" | "watch") => none("can only list/watch pods with spec.nodeName field selector"),
            ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => KUBELET,
            _ => none(""),
        }
    }
}

/// A request of the kubelet of a node.
struct Asked<'r> {
    node: &'r str,
    verb: &'r str,
    resource: &'r Resource<'r>,
    /// Whether the field selector holds it to the node.
    is_selected: bool,
}

/// What a kubelet does with its own Lease and CSINode.
const OWN_VERBS: [&str; 5] = ["get", "create", "update", "patch", "delete"];

const KUBELET: Opinion<'static, 'static> = Opinion::Allowed(Basis::Kubelet);

fn none(reason: impl Into<String>) -> Opinion<'static, 'static> {
    Opinion::None(reason.into())
}

fn lease(Asked { node, verb, resource, .. }: &Asked<'_>) -> Opinion<'static, 'static> {
    if !OWN_VERBS.contains(verb) {
        return none("can only get, create, update, patch, or delete a node lease");
    }
    if resource.namespace != LEASES {
        return none(format!("can only access leases in the {LEASES:?} system namespace"));
    }
    // What is created has no name yet.
    if *verb != "create" && resource.name != *node {
        return none("can only access node lease with the same name as the requesting node");
    }
    KUBELET
}

fn csi_node(Asked { node, verb, resource, .. }: &Asked<'_>) -> Opinion<'static, 'static> {
    if !OWN_VERBS.contains(verb) {
        return none("can only get, create, update, patch, or delete a CSINode");
    }
    if !resource.subresource.is_empty() {
        return none("cannot authorize CSINode subresources");
    }
    if *verb != "create" && resource.name != *node {
        return none("can only access CSINode with the same name as the requesting node");
    }
    KUBELET
}

/// By name, not by what is there: a kubelet looks for its Node before there is one.
fn own_node(Asked { node, verb, resource, .. }: &Asked<'_>) -> Opinion<'static, 'static> {
    match (resource.subresource, *verb) {
        ("", "create" | "update" | "patch") | ("status", "update" | "patch") => KUBELET,
        ("", "get" | "list" | "watch") if resource.name == *node => KUBELET,
        ("", "get" | "list" | "watch") if resource.name.is_empty() => {
            none(format!("node '{node}' cannot read all nodes, only its own Node object"))
        }
        ("", "get" | "list" | "watch") => none(format!("node '{node}' cannot read '{}', only its own Node object", resource.name)),
        _ => none(""),
    }
}

/// Both authorizers, one after the other: `--authorization-mode=Node,RBAC`, as kubeadm and most others set it.
#[derive(Debug, Clone, Copy)]
pub struct Authorizers<'s, 'a> {
    /// The one that answers for kubelets.
    pub node: &'s NodeAuthorizer<'a>,
    /// The one that answers for everybody.
    pub rbac: &'s Authorizer<'a>,
}

/// What both say.
#[derive(Debug)]
pub struct Answer<'s, 'a> {
    /// The Node authorizer's opinion.
    pub node: Opinion<'s, 'a>,
    /// What RBAC says, unless the other one allowed the request before.
    pub rbac: Option<Decision<'s, 'a>>,
}

impl<'s, 'a> Authorizers<'s, 'a> {
    /// Asks one, then the other (apiserver `pkg/authorization/union`). `system:masters` is let through before either.
    pub fn authorize(&self, user: &User, attributes: &Attributes<'_>) -> Answer<'s, 'a> {
        let node = if user.is_in(MASTERS) { none("") } else { self.node.authorize(user, attributes) };
        let rbac = (!node.is_allowed()).then(|| self.rbac.authorize(user, &attributes.request));
        Answer { node, rbac }
    }
}

impl Answer<'_, '_> {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        self.node.is_allowed() || self.rbac.as_ref().is_some_and(Decision::is_allowed)
    }

    /// Why, in the words of the API server: of who allows it, or of both.
    pub fn reason(&self) -> String {
        let rbac = self.rbac.as_ref().map(Decision::reason).unwrap_or_default();
        match self.node.reason() {
            "" => rbac,
            _ if self.is_allowed() => rbac,
            node if rbac.is_empty() => node.to_owned(),
            node => format!("{node}\n{rbac}"),
        }
    }
}
