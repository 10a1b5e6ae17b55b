//! From grants, pods and nodes to vertices and edges.

use super::primitive::{Deputy, Effect, Hit, Primitive, hits};
use super::vertex::{Condition, Edge, Evidence, Granted, Power, Scope, Setting, Step, Vertex};
use super::{Graph, Situation, pods};
use crate::Authorizer;
use plimsoll_model::rbac::{AUTHENTICATED, Binding, Identity, MASTERS, NODES, Rule, SERVICE_ACCOUNTS};
use plimsoll_model::{Inventory, Node, Object};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The graph while it is made.
pub(super) struct Builder<'s, 'g, 'a> {
    pub(super) graph: Graph<'g, 'a>,
    pub(super) situation: &'s Situation,
    /// The namespaces that anything names, in order.
    pub(super) namespaces: BTreeSet<&'a str>,
    /// The service accounts of each namespace that anything names.
    accounts: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The namespaces of service accounts by their name.
    by_account_name: HashMap<&'a str, Vec<&'a str>>,
    /// The hits of each role.
    hits: Vec<Vec<Hit>>,
}

/// What somebody has of a primitive: the place of the need, and what gives it.
type Parts = (&'static Primitive, Vec<(u8, Granted)>);

static MOUNTED_SECRETS: Setting = Setting { name: "token-secret", what: "is in a Secret that holds a token", technique: "T1552.007" };
static PRIVILEGED_PODS: Setting =
    Setting { name: "privileged-pod", what: "is open to a privileged pod, or one with the node's files", technique: "T1611" };
static ALL_NODES: Setting = Setting { name: "pods-of-the-node", what: "is root where the pods run", technique: "T1611" };
static CONTROL_PLANE_NODE: Setting =
    Setting { name: "control-plane-node", what: "is a node like others to a pod that tolerates its taint", technique: "T1611" };
static CA_KEY: Setting =
    Setting { name: "certificate-authority", what: "holds the keys that sign client certificates and tokens", technique: "T1552.004" };

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
    let hits = authorizer.rbac().roles.iter().map(|role| hits(&role.rules)).collect();
    let (accounts, namespaces, by_account_name) = (BTreeMap::new(), BTreeSet::new(), HashMap::new());
    let mut builder = Builder { graph, situation, namespaces, accounts, by_account_name, hits };
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
        self.namespaces.extend(self.accounts.keys());
        self.namespaces.extend(inventory.of_kind("Namespace").map(|object| object.name));
        self.namespaces.extend(self.graph.authorizer.rbac().bindings.iter().filter_map(Binding::namespace));
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
        for identity in named.into_iter().filter(|identity| matches!(identity, Identity::User(_))) {
            self.implied(Vertex::Identity(identity), everybody);
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
        let hits = std::mem::take(self.hits.get_mut(role as usize).unwrap_or(&mut Vec::new()));
        let rules: &'g [Rule<'a>] = self.graph.authorizer.rbac().roles.get(role as usize).map_or(&[], |role| &role.rules);
        for Hit { primitive, rule: place, .. } in single(&hits) {
            if !primitive.is_cluster || scope == Scope::Cluster {
                let evidence = Evidence::Rule(role, *place);
                if let Some(rule) = rules.get(*place as usize) {
                    self.effect(vertex, primitive, scope, rule, &evidence);
                }
            }
        }
        if let Some(place) = self.hits.get_mut(role as usize) {
            *place = hits;
        }
        vertex
    }

    /// What a right leads to. `rule` names what it is about.
    fn effect(&mut self, from: Vertex<'a>, primitive: &'static Primitive, scope: Scope<'a>, rule: &'g Rule<'a>, evidence: &Evidence<'a>) {
        let names = &rule.resource_names;
        // Namespaces that a need names are the only ones that matter.
        let only = primitive.needs.iter().map(|need| need.namespace).find(|namespace| !namespace.is_empty());
        if let (Some(only), Scope::Namespace(namespace)) = (only, scope)
            && only != namespace
        {
            return;
        }
        let mut targets: Vec<(Vertex<'a>, Option<Box<Condition>>)> = Vec::new();
        let mut to = |vertex| targets.push((vertex, None));
        match primitive.effect {
            Effect::Harm => {}
            Effect::Everything => to(Vertex::Power(Power::Everything, scope)),
            Effect::Roles if names.is_empty() => to(Vertex::Power(Power::Everything, scope)),
            Effect::Roles => {
                for role in self.roles_named(names, scope) {
                    targets.push((self.role(role, scope), None));
                }
            }
            Effect::Accounts if names.is_empty() => to(Vertex::Power(Power::Accounts, scope)),
            Effect::Accounts => names.iter().flat_map(|name| self.accounts_named(name, scope)).for_each(to),
            Effect::Users if names.is_empty() => to(Vertex::Power(Power::Users, Scope::Cluster)),
            Effect::Users => names.iter().map(|name| Vertex::Identity(Identity::of_user(name))).for_each(to),
            Effect::Groups if names.is_empty() => to(Vertex::Identity(Identity::Group(MASTERS))),
            Effect::Groups => names.iter().map(|name| Vertex::Identity(Identity::Group(name))).for_each(to),
            Effect::Certificates => {
                to(Vertex::Power(Power::Users, Scope::Cluster));
                to(Vertex::Power(Power::Groups, Scope::Cluster));
            }
            Effect::Code if names.is_empty() => to(Vertex::Power(Power::Code, scope)),
            Effect::Code => self.workloads_named(names, scope).into_iter().for_each(to),
            Effect::Pods => {
                for power in [Power::Accounts, Power::HostPods, Power::Secrets] {
                    to(Vertex::Power(power, scope));
                }
            }
            Effect::Secrets if names.is_empty() => to(Vertex::Power(Power::Secrets, scope)),
            Effect::Secrets => self.tokens_in(Some(names), scope).into_iter().map(|(_, account)| account).for_each(to),
            Effect::Machines => to(Vertex::Power(Power::Machines, Scope::Cluster)),
            Effect::Nodes => to(Vertex::Power(Power::Nodes, Scope::Cluster)),
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
            Effect::Deputy(deputy) => self.deputies(deputy).into_iter().for_each(to),
        }
        for (target, condition) in targets {
            self.edge(from, target, Step::Primitive(primitive), evidence.clone(), condition);
        }
    }

    /// What needs several rights: of the same subject, by whatever bindings, in one scope.
    fn combinations(&mut self) {
        let rbac = self.graph.authorizer.rbac();
        // Who may do everything by one rule needs no other way.
        let has_part = |role: usize| {
            let hits = self.hits.get(role).map(Vec::as_slice).unwrap_or_default();
            hits.iter().all(|hit| !hit.primitive.is_everything()) && hits.iter().any(|hit| hit.primitive.needs.len() > 1)
        };
        let with_parts: Vec<bool> = (0..rbac.roles.len()).map(has_part).collect();
        let everybody = [Identity::Group(SERVICE_ACCOUNTS), Identity::Group(AUTHENTICATED)];
        for identity in self.graph.authorizer.identities() {
            let own = self.graph.authorizer.places_of(identity);
            let own: Vec<_> =
                own.iter().filter(|at| self.role_of(**at).is_some_and(|role| with_parts.get(role) == Some(&true))).copied().collect();
            if own.is_empty() {
                continue;
            }
            let groups: &[Identity<'_>] = match identity {
                Identity::ServiceAccount(..) => &everybody,
                Identity::User(_) => everybody.get(1..).unwrap_or_default(),
                Identity::Group(_) => &[],
            };
            let of_groups = groups.iter().flat_map(|group| self.graph.authorizer.places_of(*group)).copied();
            let places: Vec<(u32, u32)> = own.into_iter().chain(of_groups).collect();
            self.combine(identity, &places);
        }
    }

    fn role_of(&self, (binding, _): (u32, u32)) -> Option<usize> {
        self.graph.authorizer.rbac().bindings.get(binding as usize)?.role
    }

    fn combine(&mut self, identity: Identity<'a>, places: &[(u32, u32)]) {
        // What is given of each primitive, by scope.
        let mut given: BTreeMap<(&str, Scope<'a>), Parts> = BTreeMap::new();
        for at in places {
            let Some(binding) = self.graph.authorizer.rbac().bindings.get(at.0 as usize) else { continue };
            let Some(role) = binding.role else { continue };
            let scope = binding.namespace().map_or(Scope::Cluster, Scope::Namespace);
            let hits = self.hits.get(role).map(Vec::as_slice).unwrap_or_default();
            if hits.iter().any(|hit| hit.primitive.is_everything()) {
                continue;
            }
            for hit in hits.iter().filter(|hit| hit.primitive.needs.len() > 1) {
                #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
                let granted = Granted { binding: at.0, subject: at.1, role: role as u32, rule: hit.rule };
                given.entry((hit.primitive.name, scope)).or_insert((hit.primitive, Vec::new())).1.push((hit.need, granted));
            }
        }
        for ((name, scope), (primitive, here)) in &given {
            let (scope, primitive) = (*scope, *primitive);
            if primitive.is_cluster && scope != Scope::Cluster {
                continue;
            }
            // A right in the whole cluster is one in the namespace too.
            let of_cluster = if scope == Scope::Cluster { None } else { given.get(&(*name, Scope::Cluster)) };
            let held: Vec<(u8, Granted)> = here.iter().chain(of_cluster.into_iter().flat_map(|(_, held)| held)).copied().collect();
            let needs = 0..u8::try_from(primitive.needs.len()).unwrap_or(u8::MAX);
            let Some(granted) = needs.map(|need| best(&held, need, self)).collect::<Option<Vec<Granted>>>() else { continue };
            // Where all of it is given in the whole cluster, the namespace adds nothing.
            let is_of_cluster = |granted: &Granted| {
                self.graph.authorizer.rbac().bindings.get(granted.binding as usize).is_some_and(|binding| binding.namespace().is_none())
            };
            if scope != Scope::Cluster && granted.iter().all(is_of_cluster) {
                continue;
            }
            let rules = &self.graph.authorizer.rbac().roles;
            let decisive = granted.first().and_then(|first| rules.get(first.role as usize)?.rules.get(first.rule as usize));
            if let Some(rule) = decisive {
                let evidence = Evidence::Rules(granted.into_boxed_slice());
                self.effect(Vertex::Identity(identity), primitive, scope, rule, &evidence);
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
            for power in [Accounts, Code, HostPods, Secrets] {
                self.implied(here(Everything), here(power));
            }
            for account in self.accounts.get(namespace).cloned().unwrap_or_default() {
                self.implied(here(Accounts), Vertex::Identity(Identity::ServiceAccount(namespace, account)));
            }
            for (object, account) in self.tokens_in(None, Scope::Namespace(namespace)) {
                let evidence = Evidence::Object(Box::new((object, "/metadata/annotations".to_owned())));
                self.edge(here(Secrets), account, Step::Setting(&MOUNTED_SECRETS), evidence, None);
            }
            let condition = self.host_pods(namespace);
            self.edge(here(HostPods), of_cluster(Machines), Step::Setting(&PRIVILEGED_PODS), Evidence::Nothing, condition);
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
            _ => None,
        }
    }

    fn roles_named(&self, names: &[&str], scope: Scope<'a>) -> Vec<u32> {
        let fits = |role: &plimsoll_model::rbac::Role<'_>| {
            let here = role.is_cluster() || matches!(scope, Scope::Namespace(namespace) if namespace == role.object.effective_namespace());
            here && names.contains(&role.object.name)
        };
        (0u32..).zip(&self.graph.authorizer.rbac().roles).filter(|(_, role)| fits(role)).map(|(at, _)| at).collect()
    }

    fn accounts_named(&self, name: &'a str, scope: Scope<'a>) -> Vec<Vertex<'a>> {
        let namespaces: Vec<&'a str> = match scope {
            Scope::Namespace(namespace) => vec![namespace],
            Scope::Cluster => self.by_account_name.get(name).cloned().unwrap_or_default(),
        };
        namespaces.into_iter().map(|namespace| Vertex::Identity(Identity::ServiceAccount(namespace, name))).collect()
    }

    fn workloads_named(&self, names: &[&str], scope: Scope<'_>) -> Vec<Vertex<'a>> {
        let is_here = |object: &Object<'_>| matches!(scope, Scope::Cluster) || scope == Scope::Namespace(object.effective_namespace());
        let named = |object: &Object<'_>| names.contains(&object.name) && is_here(object);
        pods::own(self.graph.inventory).filter(|(_, workload)| named(&workload.object)).map(|(at, _)| Vertex::Workload(at)).collect()
    }

    fn workloads_on(&self, nodes: &[&str]) -> Vec<Vertex<'a>> {
        let on_node = |name: &str| nodes.contains(&name);
        pods::placed(self.graph.inventory).into_iter().filter(|(node, _)| on_node(node)).map(|(_, at)| Vertex::Workload(at)).collect()
    }

    /// The Secrets with tokens in a scope, and whose they are.
    fn tokens_in(&self, names: Option<&[&str]>, scope: Scope<'a>) -> Vec<(Object<'a>, Vertex<'a>)> {
        let token = |object: Object<'a>| {
            let is_token = object.node.get("type").is_some_and(|kind| kind.text() == "kubernetes.io/service-account-token");
            let is_named = names.is_none_or(|names| names.contains(&object.name));
            let is_here = matches!(scope, Scope::Cluster) || scope == Scope::Namespace(object.effective_namespace());
            let account = object.node.at(&["metadata", "annotations", "kubernetes.io/service-account.name"]).map(Node::text)?;
            let account = Vertex::Identity(Identity::ServiceAccount(object.effective_namespace(), account));
            (is_token && is_named && is_here).then_some((object, account))
        };
        self.graph.inventory.of_kind("Secret").filter_map(token).collect()
    }

    /// The accounts that a controller runs as, where it is there.
    fn deputies(&self, deputy: &Deputy) -> Vec<Vertex<'a>> {
        let named = deputy.accounts.iter().filter_map(|name| self.by_account_name.get_key_value(name));
        named
            .flat_map(|(name, namespaces)| namespaces.iter().map(|namespace| Vertex::Identity(Identity::ServiceAccount(namespace, name))))
            .collect()
    }
}

/// The hits of primitives that need one right only. Who may do everything needs no other way.
fn single(hits: &[Hit]) -> impl Iterator<Item = &Hit> {
    let has_all = hits.iter().any(|hit| hit.primitive.is_everything());
    hits.iter().filter(move |hit| hit.primitive.needs.len() == 1 && (!has_all || hit.primitive.is_everything()))
}

/// What gives a need: rather a rule without names.
fn best(held: &[(u8, Granted)], need: u8, builder: &Builder<'_, '_, '_>) -> Option<Granted> {
    let names = |granted: &Granted| {
        let rule = builder.graph.authorizer.rbac().roles.get(granted.role as usize).and_then(|role| role.rules.get(granted.rule as usize));
        rule.map_or(usize::MAX, |rule| rule.resource_names.len())
    };
    held.iter().filter(|(one, _)| *one == need).map(|(_, granted)| *granted).min_by_key(names)
}
