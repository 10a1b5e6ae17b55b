//! From grants, pods and nodes to vertices and edges.

use super::holders::{Holder, Rights};
use super::primitive::{Deputy, Effect, Place, Primitive, hits};
use super::vertex::{Condition, Edge, Evidence, Granted, Power, Scope, Setting, Step, Vertex};
use super::{Graph, Situation, pods};
use crate::Authorizer;
use plimsoll_model::rbac::{AUTHENTICATED, Binding, Identity, MASTERS, NODES, Request, Rule, SERVICE_ACCOUNTS, service_account};
use plimsoll_model::{Inventory, Node, Object};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The namespace of the cluster's own pods.
const SYSTEM: &str = "kube-system";

/// The graph while it is made.
pub(super) struct Builder<'s, 'g, 'a> {
    pub(super) graph: Graph<'g, 'a>,
    pub(super) situation: &'s Situation,
    /// The namespaces that anything names, in order.
    pub(super) namespaces: BTreeSet<&'a str>,
    /// The service accounts of each namespace that anything names.
    accounts: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The API groups of which a resource or its definition was read.
    groups: BTreeSet<&'a str>,
    /// The namespaces of service accounts by their name.
    by_account_name: HashMap<&'a str, Vec<&'a str>>,
    /// The Secrets that hold tokens of service accounts, and whose, by namespace.
    tokens: BTreeMap<&'a str, Vec<(Object<'a>, Vertex<'a>)>>,
    /// The namespaces of which Secrets were read.
    with_secrets: BTreeSet<&'a str>,
    /// The workload that speaks for each.
    tops: Vec<u32>,
    /// What each role gives.
    rights: Rights<'g, 'a>,
}

static TOKEN_SECRETS: Setting = Setting { name: "token-secret", what: "is in a Secret that holds a token", technique: "T1552.007" };
static PRIVILEGED_PODS: Setting =
    Setting { name: "privileged-pod", what: "is open to a privileged pod, or one with the node's files", technique: "T1611" };
static SYSTEM_PODS: Setting = Setting { name: "system-pods", what: "is in pods that are root on their node", technique: "T1611" };
static ALL_NODES: Setting = Setting { name: "pods-of-the-node", what: "is root where the pods run", technique: "T1611" };
static CONTROL_PLANE_NODE: Setting =
    Setting { name: "control-plane-node", what: "is a node like others to a pod that tolerates its taint", technique: "T1611" };
static CA_KEY: Setting =
    Setting { name: "certificate-authority", what: "holds the keys that sign client certificates and tokens", technique: "T1552.004" };

/// Those of this part.
pub(super) static SETTINGS: [&Setting; 6] = [&TOKEN_SECRETS, &PRIVILEGED_PODS, &SYSTEM_PODS, &ALL_NODES, &CONTROL_PLANE_NODE, &CA_KEY];

pub(super) fn graph<'g, 'a>(inventory: &'g Inventory<'a>, authorizer: &'g Authorizer<'a>, situation: &Situation) -> Graph<'g, 'a> {
    let graph = Graph {
        authorizer,
        inventory,
        vertices: Vec::new(),
        edges: Vec::new(),
        ids: HashMap::new(),
        into_from: Vec::new(),
        into: Vec::new(),
    };
    let rights = Rights::new(authorizer);
    let (accounts, namespaces, by_account_name) = (BTreeMap::new(), BTreeSet::new(), HashMap::new());
    let mut builder = Builder {
        graph,
        situation,
        namespaces,
        accounts,
        groups: BTreeSet::new(),
        by_account_name,
        tokens: BTreeMap::new(),
        tops: pods::tops(inventory),
        with_secrets: inventory.of_kind("Secret").map(|secret| secret.effective_namespace()).collect(),
        rights,
    };
    for (secret, account) in inventory.of_kind("Secret").filter_map(token) {
        builder.tokens.entry(secret.effective_namespace()).or_default().push((secret, account));
    }
    builder.read_names();
    builder.groups();
    builder.bindings();
    builder.combinations();
    builder.powers();
    pods::add(&mut builder);
    builder.graph
}

impl<'g, 'a> Builder<'_, 'g, 'a> {
    /// The place of a vertex, which is made if there is none.
    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    pub(super) fn vertex(&mut self, vertex: Vertex<'a>) -> u32 {
        *self.graph.ids.entry(vertex).or_insert_with(|| {
            self.graph.vertices.push(vertex);
            (self.graph.vertices.len() - 1) as u32
        })
    }

    pub(super) fn edge(&mut self, from: Vertex<'a>, to: Vertex<'a>, step: Step, evidence: Evidence<'a>, condition: Option<Box<Condition>>) {
        let (from, to) = (self.vertex(from), self.vertex(to));
        self.graph.edges.push(Edge { from, to, step, evidence, condition });
    }

    fn implied(&mut self, from: Vertex<'a>, to: Vertex<'a>) {
        self.edge(from, to, Step::Implied, Evidence::Nothing, None);
    }

    /// Who and what there is.
    fn read_names(&mut self) {
        let inventory = self.graph.inventory;
        let defined = inventory.of_kind("CustomResourceDefinition").filter_map(|object| object.node.at(&["spec", "group"]).map(Node::text));
        self.groups = inventory.objects.iter().map(Object::group).chain(defined).collect();
        let mut account = |namespace: &'a str, name: &'a str| {
            self.accounts.entry(namespace).or_default().insert(name);
        };
        for object in inventory.of_kind("ServiceAccount") {
            account(object.effective_namespace(), object.name);
        }
        for workload in &inventory.workloads {
            account(workload.object.effective_namespace(), pods::account(&workload.pod));
        }
        for identity in self.graph.authorizer.identities() {
            if let Identity::ServiceAccount(namespace, name) = identity {
                account(namespace, name);
            }
        }
        // Every cluster has it.
        self.namespaces.insert(SYSTEM);
        self.namespaces.extend(self.accounts.keys());
        self.namespaces.extend(inventory.of_kind("Namespace").map(|object| object.name));
        self.namespaces.extend(self.graph.authorizer.rbac().bindings.iter().filter_map(Binding::namespace));
        // Every namespace has this account, and whoever acts as one of it is in the namespace's groups.
        for namespace in &self.namespaces {
            self.accounts.entry(namespace).or_default().insert("default");
        }
        for (namespace, names) in &self.accounts {
            for name in names {
                self.by_account_name.entry(name).or_default().push(namespace);
            }
        }
    }

    /// What everybody is without a binding that says so.
    fn groups(&mut self) {
        let everybody = Vertex::Identity(Identity::Group(AUTHENTICATED));
        let accounts: Vec<(&str, &str)> =
            self.accounts.iter().flat_map(|(namespace, names)| names.iter().map(move |name| (*namespace, *name))).collect();
        let named = self.graph.authorizer.identities();
        let of_namespace: HashMap<&str, Identity<'a>> = named
            .iter()
            .filter_map(|identity| match identity {
                Identity::Group(name) => Some((name.strip_prefix("system:serviceaccounts:")?, *identity)),
                _ => None,
            })
            .collect();
        for (namespace, name) in accounts {
            let account = Vertex::Identity(Identity::ServiceAccount(namespace, name));
            self.implied(account, Vertex::Identity(Identity::Group(SERVICE_ACCOUNTS)));
            if let Some(group) = of_namespace.get(namespace) {
                self.implied(account, Vertex::Identity(*group));
            }
        }
        self.implied(Vertex::Identity(Identity::Group(SERVICE_ACCOUNTS)), everybody);
        for identity in named {
            for group in identity.groups().iter().filter(|_| !matches!(identity, Identity::ServiceAccount(..))) {
                self.implied(Vertex::Identity(identity), Vertex::Identity(Identity::Group(group)));
            }
        }
    }

    /// Who holds which role where, and what the role's rules lead to there.
    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    fn bindings(&mut self) {
        let rbac = self.graph.authorizer.rbac();
        for (at, binding) in rbac.bindings.iter().enumerate() {
            let Some(role) = binding.role else { continue };
            let scope = binding.namespace().map_or(Scope::Cluster, Scope::Namespace);
            let held = self.role(role as u32, scope);
            for (place, subject) in binding.subjects.iter().enumerate() {
                self.edge(Vertex::Identity(subject.identity), held, Step::Bound, Evidence::Binding(at as u32, place as u32), None);
            }
        }
    }

    /// A role in a scope, with what its rules lead to.
    fn role(&mut self, role: u32, scope: Scope<'a>) -> Vertex<'a> {
        let vertex = Vertex::Role(role, scope);
        if self.graph.ids.contains_key(&vertex) {
            return vertex;
        }
        self.vertex(vertex);
        let rules: &'g [Rule<'a>] = self.graph.authorizer.rbac().roles.get(role as usize).map_or(&[], |role| &role.rules);
        // Who may do everything needs no other way.
        let has_all = self.rights.is_everything(role);
        let counts = |primitive: &Primitive| primitive.needs.len() == 1 && (!has_all || primitive.is_everything());
        let hits: Vec<_> = self.rights.of_role(role).iter().filter(|hit| counts(hit.primitive)).copied().collect();
        let namespace = if let Scope::Namespace(namespace) = scope { Some(namespace) } else { None };
        for hit in hits.iter().filter(|hit| hit.primitive.needs.iter().all(|need| need.counts_in(namespace))) {
            if let Some(rule) = rules.get(hit.rule as usize) {
                self.effect(vertex, hit.primitive, scope, rule, &Evidence::Rule(role, hit.rule));
            }
        }
        vertex
    }

    /// What a right leads to. `rule` names what it is about.
    fn effect(&mut self, from: Vertex<'a>, primitive: &'static Primitive, scope: Scope<'a>, rule: &Rule<'a>, evidence: &Evidence<'a>) {
        let names = &rule.resource_names;
        // A namespace that a need names is the only one that matters.
        let only =
            |need: &super::primitive::Need| if let Place::Namespace(only) = need.place { Some(Scope::Namespace(only)) } else { None };
        let scope = primitive.needs.iter().find_map(only).unwrap_or(scope);
        let mut targets: Vec<(Vertex<'a>, Option<Box<Condition>>)> = Vec::new();
        let mut to = |vertex| targets.push((vertex, None));
        match primitive.effect {
            // Acting as others is followed for each of the rights that it is limited to.
            Effect::Harm | Effect::AsOthers => {}
            Effect::Everything => to(Vertex::Power(Power::Everything, scope)),
            // Among the ClusterRoles is that of the administrator.
            Effect::Roles if names.is_empty() && rule.has_resource("clusterroles", "") => to(Vertex::Power(Power::Everything, scope)),
            Effect::Roles => {
                for (role, scope) in self.roles_bindable(rule, scope) {
                    targets.push((self.role(role, scope), None));
                }
            }
            Effect::Accounts if names.is_empty() => to(Vertex::Power(Power::Accounts, scope)),
            Effect::Accounts => names.iter().flat_map(|name| self.accounts_named(name, scope)).for_each(to),
            Effect::Users if names.is_empty() => to(Vertex::Power(Power::Users, Scope::Cluster)),
            // A service account is none of the users that one may act as.
            Effect::Users => {
                let users = names.iter().filter(|name| service_account(name).is_none());
                users.map(|name| Vertex::Identity(Identity::User(name))).for_each(to);
            }
            Effect::Groups if names.is_empty() => to(Vertex::Identity(Identity::Group(MASTERS))),
            Effect::Groups => names.iter().map(|name| Vertex::Identity(Identity::Group(name))).for_each(to),
            Effect::Certificates | Effect::SignedCertificates => {
                let condition = match primitive.effect {
                    Effect::SignedCertificates => Condition::assumed("it holds a key by which the API server knows its clients"),
                    _ => None,
                };
                for power in [Power::Users, Power::Groups, Power::Nodes] {
                    targets.push((Vertex::Power(power, Scope::Cluster), condition.clone()));
                }
            }
            Effect::Code | Effect::AddedCode | Effect::CodeByGet | Effect::StolenPods => {
                let condition = match primitive.effect {
                    Effect::CodeByGet => self.before_1_35(),
                    Effect::StolenPods => Condition::assumed("whoever does it is root on a node that the pods then come to"),
                    _ => None,
                };
                let power = vec![Vertex::Power(Power::Code, scope)];
                let reached = if names.is_empty() { power } else { self.workloads_named(names, scope) };
                if primitive.effect == Effect::AddedCode {
                    targets.extend(self.places_of_pods(&reached));
                }
                targets.extend(reached.into_iter().map(|vertex| (vertex, condition.clone())));
            }
            Effect::Pods => {
                let served = self.served(primitive);
                for (scope, condition) in self.templates_named(names, scope) {
                    let condition = condition.or_else(|| served.clone());
                    for power in [Power::Accounts, Power::HostPods, Power::Secrets] {
                        targets.push((Vertex::Power(power, scope), condition.clone()));
                    }
                }
            }
            Effect::Secrets if names.is_empty() => to(Vertex::Power(Power::Secrets, scope)),
            Effect::Secrets => self.tokens_in(Some(names), scope).into_iter().map(|(_, account)| account).for_each(to),
            Effect::TokenSecrets => {
                let names = (!names.is_empty()).then_some(names.as_slice());
                let is_there = !self.tokens_in(names, scope).is_empty();
                let condition = if is_there { None } else { Condition::assumed("a Secret with a token of a service account is there") };
                targets.push((Vertex::Power(Power::Accounts, scope), condition));
            }
            Effect::Machines => to(Vertex::Power(Power::Machines, Scope::Cluster)),
            Effect::Nodes => to(Vertex::Power(Power::Nodes, Scope::Cluster)),
            Effect::JoiningNodes => {
                let condition = if self.nodes_join_by_token() {
                    None
                } else {
                    Condition::assumed("machines that join by a token are given the certificate of a node")
                };
                targets.push((Vertex::Power(Power::Nodes, Scope::Cluster), condition));
            }
            Effect::Kubelets if names.is_empty() => to(Vertex::Power(Power::Code, Scope::Cluster)),
            Effect::Kubelets => self.workloads_on(names).into_iter().for_each(to),
            Effect::Admission => {
                for power in [Power::Accounts, Power::Code, Power::Secrets, Power::HostPods] {
                    to(Vertex::Power(power, Scope::Cluster));
                }
            }
            Effect::CloudMapping => {
                let is_there = self.graph.inventory.find("ConfigMap", "kube-system", "aws-auth").is_some();
                let condition =
                    if is_there { None } else { Condition::assumed("the cluster is one of EKS that maps identities by aws-auth") };
                targets.push((Vertex::Identity(Identity::Group(MASTERS)), condition));
            }
            Effect::CloudIdentity => {
                targets.push((Vertex::Cloud("*"), Condition::assumed("a role of the cloud trusts every service account of the cluster")));
            }
            Effect::Deputy(deputy) => {
                let condition = deputy.only_if.and_then(Condition::assumed);
                targets.extend(self.deputies(deputy).into_iter().map(|vertex| (vertex, condition.clone())));
            }
        }
        for (target, condition) in targets {
            self.edge(from, target, Step::Primitive(primitive), evidence.clone(), condition);
        }
    }

    /// What needs several rights: of the same subject, by whatever bindings, in one scope.
    fn combinations(&mut self) {
        for identity in self.graph.authorizer.identities() {
            let held = self.rights.combined(identity, |role| !self.rights.is_everything(role));
            for Holder { primitive, scope, granted, .. } in held {
                let rules = &self.graph.authorizer.rbac().roles;
                // The first need says what it is done to.
                let decisive = granted.first().and_then(|first| rules.get(first.role as usize)?.rules.get(first.rule as usize));
                if primitive.effect == Effect::AsOthers {
                    self.as_others(identity, &granted);
                } else if let Some(rule) = decisive {
                    let condition = if primitive.name == "mint-token-secrets" { self.free_name(&granted, scope) } else { None };
                    let evidence = Evidence::Rules(granted.into_boxed_slice());
                    let before = self.graph.edges.len();
                    self.effect(Vertex::Identity(identity), primitive, scope, rule, &evidence);
                    for edge in self.graph.edges.iter_mut().skip(before).filter(|edge| edge.condition.is_none()) {
                        edge.condition.clone_from(&condition);
                    }
                }
            }
        }
    }

    /// A Secret that is made to hold a token has to be read afterwards: who may read some only by their names needs one of these
    /// names to be free, since the type of a Secret that is there cannot be changed.
    fn free_name(&self, granted: &[Granted], scope: Scope<'a>) -> Option<Box<Condition>> {
        let see = granted.last()?;
        let names = &self.graph.authorizer.rbac().roles.get(see.role as usize)?.rules.get(see.rule as usize)?.resource_names;
        let inventory = self.graph.inventory;
        let namespaces: Vec<&str> = match scope {
            Scope::Namespace(namespace) => vec![namespace],
            Scope::Cluster => self.namespaces.iter().copied().collect(),
        };
        // Where Secrets of the namespace were read, those that were not are not there.
        let is_free = |namespace: &&str| {
            self.with_secrets.contains(*namespace) && names.iter().any(|name| inventory.find("Secret", namespace, name).is_none())
        };
        if names.is_empty() || namespaces.iter().any(is_free) {
            return None;
        }
        Condition::assumed(format!("there is no Secret under the name {}, or it is deleted first", names.join(" or ")))
    }

    /// What constrained impersonation leads to (KEP-5284): the rights of others, for the verbs that `impersonate-on:MODE:VERB`
    /// names on the resources of its rule. `granted` begins with what lets the identity act as somebody.
    fn as_others(&mut self, identity: Identity<'a>, granted: &[Granted]) {
        let Some(as_whom) = granted.first().copied() else { return };
        let rbac = self.graph.authorizer.rbac();
        for (binding, subject) in self.graph.authorizer.places_of(identity).to_vec() {
            let Some(bound) = rbac.bindings.get(binding as usize) else { continue };
            let Some((at, role)) = bound.role.and_then(|at| Some((u32::try_from(at).ok()?, rbac.roles.get(at)?))) else { continue };
            let scope = bound.namespace().map_or(Scope::Cluster, Scope::Namespace);
            for (place, rule) in (0u32..).zip(&role.rules) {
                let verbs: Vec<&'a str> =
                    rule.verbs.iter().filter_map(|verb| Some(verb.strip_prefix("impersonate-on:")?.split_once(':')?.1)).collect();
                if verbs.is_empty() {
                    continue;
                }
                let here = Granted { binding, subject, role: at, rule: place };
                let evidence = Evidence::Rules(Box::new([as_whom, here]));
                let limited = Rule { verbs, ..rule.clone() };
                let before = self.graph.edges.len();
                let namespace = if let Scope::Namespace(namespace) = scope { Some(namespace) } else { None };
                for hit in hits(std::slice::from_ref(&limited)) {
                    if hit.primitive.needs.len() == 1 && hit.primitive.needs.iter().all(|need| need.counts_in(namespace)) {
                        self.effect(Vertex::Identity(identity), hit.primitive, scope, &limited, &evidence);
                    }
                }
                for edge in self.graph.edges.iter_mut().skip(before).filter(|edge| edge.condition.is_none()) {
                    edge.condition = Condition::assumed("somebody whom it may act as may do that");
                }
            }
        }
    }

    /// What powers come to.
    fn powers(&mut self) {
        use Power::{Accounts, Code, ControlPlane, Everything, Groups, HostPods, Machines, Nodes, Secrets, Users};
        let of_cluster = |power| Vertex::Power(power, Scope::Cluster);
        let namespaces: Vec<&'a str> = self.namespaces.iter().copied().collect();
        for power in [Accounts, Code, HostPods, Secrets] {
            self.implied(of_cluster(Everything), of_cluster(power));
            for namespace in &namespaces {
                self.implied(of_cluster(power), Vertex::Power(power, Scope::Namespace(namespace)));
            }
        }
        self.implied(of_cluster(Everything), Vertex::Identity(Identity::Group(MASTERS)));
        self.implied(Vertex::Identity(Identity::Group(MASTERS)), of_cluster(Everything));
        for namespace in namespaces {
            let here = |power| Vertex::Power(power, Scope::Namespace(namespace));
            self.implied(of_cluster(Everything), here(Everything));
            for power in [Accounts, Code, HostPods, Secrets] {
                self.implied(here(Everything), here(power));
            }
            for account in self.accounts.get(namespace).cloned().unwrap_or_default() {
                self.implied(here(Accounts), Vertex::Identity(Identity::ServiceAccount(namespace, account)));
            }
            for (object, account) in self.tokens_in(None, Scope::Namespace(namespace)) {
                let evidence = Evidence::Object(Box::new((object, "/metadata/annotations".to_owned())));
                self.edge(here(Secrets), account, Step::Setting(&TOKEN_SECRETS), evidence, None);
            }
            let condition = self.host_pods(namespace);
            self.edge(here(HostPods), of_cluster(Machines), Step::Setting(&PRIVILEGED_PODS), Evidence::Nothing, condition);
        }
        // That no pod was read there does not mean that there is none.
        if !self.graph.inventory.workloads.iter().any(|workload| workload.object.effective_namespace() == SYSTEM) {
            let condition =
                Condition::assumed("pods of kube-system, none of which was read, run privileged on the nodes, as kube-proxy does");
            let code = Vertex::Power(Code, Scope::Namespace(SYSTEM));
            self.edge(code, of_cluster(Machines), Step::Setting(&SYSTEM_PODS), Evidence::Nothing, condition);
        }
        for identity in self.graph.authorizer.identities() {
            match identity {
                Identity::User(_) => self.implied(of_cluster(Users), Vertex::Identity(identity)),
                Identity::Group(name) if name != MASTERS => self.implied(of_cluster(Groups), Vertex::Identity(identity)),
                _ => {}
            }
        }
        self.edge(of_cluster(Machines), of_cluster(Code), Step::Setting(&ALL_NODES), Evidence::Nothing, None);
        self.implied(of_cluster(Machines), of_cluster(Nodes));
        self.implied(of_cluster(Nodes), Vertex::Identity(Identity::Group(NODES)));
        let condition = pods::control_plane(self.graph.inventory);
        self.edge(of_cluster(Machines), of_cluster(ControlPlane), Step::Setting(&CONTROL_PLANE_NODE), Evidence::Nothing, condition);
        let masters = Vertex::Identity(Identity::Group(MASTERS));
        self.edge(of_cluster(ControlPlane), masters, Step::Setting(&CA_KEY), Evidence::Nothing, None);
    }

    /// Whether a pod that is root on its node may be made in a namespace.
    fn host_pods(&self, namespace: &str) -> Option<Box<Condition>> {
        if let Some(refusal) = self.situation.refusals.get(namespace) {
            return Condition::blocked(refusal.clone());
        }
        let Some(object) = self.graph.inventory.find("Namespace", "", namespace) else {
            return Condition::assumed(format!("namespace {namespace}, which was not read, enforces no Pod Security level"));
        };
        match object.label("pod-security.kubernetes.io/enforce") {
            Some(level @ ("baseline" | "restricted")) => {
                Condition::blocked(format!("namespace {namespace} enforces the Pod Security level {level}"))
            }
            None | Some("privileged") => None,
            // What is no level is taken for the strictest (pod-security-admission `api/helpers.go`).
            Some(other) => Condition::blocked(format!("namespace {namespace} enforces restricted, for `{other}` is no Pod Security level")),
        }
    }

    /// Whether the API server is one that lets a `get` open a WebSocket: it is never older than its kubelets.
    fn before_1_35(&self) -> Option<Box<Condition>> {
        let minor = |node: Object<'_>| {
            let version = node.node.at(&["status", "nodeInfo", "kubeletVersion"])?.text().strip_prefix("v1.")?.to_owned();
            version.split('.').next()?.parse::<u32>().ok()
        };
        if self.graph.inventory.of_kind("Node").filter_map(minor).any(|minor| minor >= 35) {
            return Condition::blocked("API servers from 1.35 on ask for `create`, and there are kubelets of 1.35 or later");
        }
        Condition::assumed("the API server is older than 1.35")
    }

    /// Whether a group of bootstrap tokens has its requests for the certificates of nodes approved.
    fn nodes_join_by_token(&self) -> bool {
        let rbac = self.graph.authorizer.rbac();
        let request = Request::resource("create", "certificates.k8s.io", "certificatesigningrequests/nodeclient", "", "");
        rbac.bindings.iter().filter(|binding| binding.reaches(&request)).any(|binding| {
            let is_of_tokens = |identity| matches!(identity, Identity::Group(name) if name.starts_with("system:bootstrappers"));
            binding.subjects.iter().any(|subject| is_of_tokens(subject.identity))
                && rbac.granted(binding).is_some_and(|role| role.allows(&request).is_some())
        })
    }

    /// The roles that a rule with `bind` is about, each where it can be bound.
    fn roles_bindable(&self, rule: &Rule<'_>, scope: Scope<'a>) -> Vec<(u32, Scope<'a>)> {
        let bound_in = scope;
        let bindable = |(at, role): (u32, &plimsoll_model::rbac::Role<'a>)| {
            let kind = if role.is_cluster() { "clusterroles" } else { "roles" };
            let own = Scope::Namespace(role.object.effective_namespace());
            let scope = if role.is_cluster() { bound_in } else { own };
            let is_here = role.is_cluster() || scope_holds(bound_in, own);
            (is_here && rule.has_resource(kind, "") && rule.has_name(role.object.name)).then_some((at, scope))
        };
        (0u32..).zip(&self.graph.authorizer.rbac().roles).filter_map(bindable).collect()
    }

    /// Where pods can be made through a rule that names what makes them: where such a one is; anywhere without names.
    fn templates_named(&self, names: &[&str], scope: Scope<'a>) -> Vec<(Scope<'a>, Option<Box<Condition>>)> {
        if names.is_empty() {
            return vec![(scope, None)];
        }
        let named = self.graph.inventory.workloads.iter().filter(|workload| names.contains(&workload.object.name));
        let mut places: Vec<Scope<'a>> = named.map(|workload| Scope::Namespace(workload.object.effective_namespace())).collect();
        places.retain(|place| scope_holds(scope, *place));
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return vec![(scope, Condition::assumed(format!("what makes pods is there under the name {}", names.join(" or "))))];
        }
        places.into_iter().map(|place| (place, None)).collect()
    }

    fn accounts_named(&self, name: &'a str, scope: Scope<'a>) -> Vec<Vertex<'a>> {
        let namespaces: Vec<&'a str> = match scope {
            Scope::Namespace(namespace) => vec![namespace],
            Scope::Cluster => self.by_account_name.get(name).cloned().unwrap_or_default(),
        };
        namespaces.into_iter().map(|namespace| Vertex::Identity(Identity::ServiceAccount(namespace, name))).collect()
    }

    /// The workloads of pods of these names: of pods that were read, and of those that a controller calls so (its own name, a
    /// hyphen, and what makes it unique).
    fn workloads_named(&self, names: &[&str], scope: Scope<'_>) -> Vec<Vertex<'a>> {
        let inventory = self.graph.inventory;
        let is_here = |object: &Object<'_>| matches!(scope, Scope::Cluster) || scope == Scope::Namespace(object.effective_namespace());
        let is_named = |object: &Object<'_>| {
            let is_of = |name: &&str| name.strip_prefix(object.name).is_some_and(|rest| rest.starts_with('-'));
            if object.kind == "Pod" { names.contains(&object.name) } else { names.iter().any(is_of) }
        };
        let named = (0u32..).zip(&inventory.workloads).filter(|(_, workload)| is_here(&workload.object) && is_named(&workload.object));
        let mut places: Vec<u32> = named.map(|(at, _)| self.tops.get(at as usize).copied().unwrap_or(at)).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(Vertex::Workload).collect()
    }

    /// Where containers that are added to these pods may be privileged.
    fn places_of_pods(&self, pods: &[Vertex<'a>]) -> Vec<(Vertex<'a>, Option<Box<Condition>>)> {
        let is_running = |scope: Scope<'_>| {
            let mut of_pods = self.graph.inventory.workloads.iter().map(|workload| workload.object.effective_namespace());
            of_pods.any(|namespace| scope_holds(scope, Scope::Namespace(namespace)))
        };
        let mut places: Vec<Scope<'a>> = Vec::new();
        for pod in pods {
            match pod {
                Vertex::Power(_, scope) => places.push(*scope),
                Vertex::Workload(at) => {
                    let workload = self.graph.inventory.workloads.get(*at as usize);
                    places.extend(workload.map(|workload| Scope::Namespace(workload.object.effective_namespace())));
                }
                _ => {}
            }
        }
        places.sort_unstable();
        places.dedup();
        let condition = |scope| if is_running(scope) { None } else { Condition::assumed(format!("a pod runs in {scope}")) };
        places.into_iter().map(|scope| (Vertex::Power(Power::HostPods, scope), condition(scope))).collect()
    }

    pub(super) fn workloads_on(&self, nodes: &[&str]) -> Vec<Vertex<'a>> {
        let on_node = |name: &str| nodes.contains(&name);
        pods::placed(self.graph.inventory).into_iter().filter(|(node, _)| on_node(node)).map(|(_, at)| Vertex::Workload(at)).collect()
    }

    /// The Secrets with tokens in a scope, and whose they are.
    pub(super) fn tokens_in(&self, names: Option<&[&str]>, scope: Scope<'a>) -> Vec<(Object<'a>, Vertex<'a>)> {
        let here = |namespace| self.tokens.get(namespace).map(Vec::as_slice).unwrap_or_default();
        let there: Vec<&[_]> = match scope {
            Scope::Namespace(namespace) => vec![here(namespace)],
            Scope::Cluster => self.tokens.values().map(Vec::as_slice).collect(),
        };
        let is_it = |object: &Object<'_>| names.is_none_or(|names| names.contains(&object.name));
        there.into_iter().flatten().filter(|(object, _)| is_it(object)).copied().collect()
    }

    /// What has to hold for custom resources to be there.
    fn served(&self, primitive: &Primitive) -> Option<Box<Condition>> {
        let groups = primitive.custom_groups();
        let is_served = groups.is_empty() || groups.iter().any(|group| self.groups.contains(group));
        if is_served { None } else { Condition::assumed(format!("{} is installed, of which nothing was read", groups.join(" or "))) }
    }

    /// The accounts that a controller runs as, where it is there.
    fn deputies(&self, deputy: &Deputy) -> Vec<Vertex<'a>> {
        let named = deputy.accounts.iter().filter_map(|name| self.by_account_name.get_key_value(name));
        named
            .flat_map(|(name, namespaces)| namespaces.iter().map(|namespace| Vertex::Identity(Identity::ServiceAccount(namespace, name))))
            .collect()
    }
}

/// Whether what is in one scope is in the other.
fn scope_holds(scope: Scope<'_>, other: Scope<'_>) -> bool {
    scope == Scope::Cluster || scope == other
}

/// Whose token a Secret holds.
fn token<'a>(secret: Object<'a>) -> Option<(Object<'a>, Vertex<'a>)> {
    secret.node.get("type").filter(|kind| kind.text() == "kubernetes.io/service-account-token")?;
    let account = secret.node.at(&["metadata", "annotations", "kubernetes.io/service-account.name"]).map(Node::text)?;
    Some((secret, Vertex::Identity(Identity::ServiceAccount(secret.effective_namespace(), account))))
}
