//! The networks that pods are in, where there is more than the cluster's.
//!
//! A namespace may have a network of its own (k8s.ovn.org `UserDefinedNetwork` and `ClusterUserDefinedNetwork` of role `Primary`): its
//! pods reach those of the same network only, and NetworkPolicies hold within it. Beside it, pods may be attached to others (those of role
//! `Secondary`, k8s.cni.cncf.io `NetworkAttachmentDefinition`): each is a world by itself, in which MultiNetworkPolicies hold.

mod attached;

pub use attached::Attachment;
pub(crate) use attached::{of_machine, of_pod};

use crate::addresses::{Addresses, Cidr};
use crate::policy::Policy;
use crate::selector::Selector;
use crate::world::{Namespace, PodAddresses, Settings, World};
use core::net::IpAddr;
use plimsoll_model::{Inventory, Node, Object, Problem, ProblemKind};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// A network.
#[derive(Debug, Clone, Copy)]
pub struct Network<'a> {
    /// What defines it; none for the cluster's.
    pub object: Option<Object<'a>>,
}

impl Network<'_> {
    /// The cluster's.
    pub(crate) const CLUSTER: Self = Self { object: None };

    /// What outputs call it: `UserDefinedNetwork shop/own`; nothing for the cluster's.
    pub fn title(&self) -> String {
        let title = |object: Object<'_>| match object.is_cluster_scoped() {
            true => format!("{} {}", object.kind, object.name),
            false => format!("{} {}/{}", object.kind, object.effective_namespace(), object.name),
        };
        self.object.map_or_else(String::new, title)
    }
}

/// A network beside the first one of pods.
#[derive(Debug, Clone)]
pub struct Secondary<'a> {
    /// What defines it; of several the first by namespace.
    pub network: Network<'a>,
    /// The pods that are attached, and the policies for it. What is outside of the network is not known.
    pub world: World<'a>,
    /// The places of its endpoints in the world that it belongs to.
    pub members: Vec<usize>,
}

/// The label that a namespace must carry to have a network of its own.
const PRIMARY_LABEL: &str = "k8s.ovn.org/primary-user-defined-network";

/// The role of a network of OVN-Kubernetes: `Primary` or `Secondary`.
fn role<'a>(object: &Object<'a>) -> &'a str {
    let spec = object.node.get("spec");
    let spec = if object.kind == "UserDefinedNetwork" { spec } else { spec.and_then(|spec| spec.get("network")) };
    let layers = ["layer2", "layer3", "localnet"].iter().filter_map(|layer| spec?.get(layer));
    layers.filter_map(|layer| layer.get("role")).map(Node::text).next().unwrap_or_default()
}

fn user_defined<'a>(inventory: &Inventory<'a>, kind: &str, wanted: &str) -> Vec<Object<'a>> {
    let objects = inventory.of_kind(kind).filter(|object| object.group() == "k8s.ovn.org" && role(object) == wanted);
    let mut objects: Vec<_> = objects.collect();
    objects.sort_by_key(|object| (object.effective_namespace(), object.name));
    objects
}

/// The namespaces that a network of the cluster selects, by their places.
fn selected<'n>(object: &Object<'n>, namespaces: &[Namespace<'n>], problems: &mut Vec<Problem>) -> Vec<usize> {
    let selector = object.node.at(&["spec", "namespaceSelector"]).map(|node| Selector::read(node, problems));
    let is_selected = |namespace: &Namespace<'n>| selector.as_ref().is_some_and(|selector| selector.selects(&namespace.labels));
    namespaces.iter().enumerate().filter(|(_, namespace)| is_selected(namespace)).map(|(at, _)| at).collect()
}

/// The networks that are the first of pods, the cluster's in front, and which of them each namespace has.
pub(crate) fn primary<'a>(
    inventory: &Inventory<'a>,
    namespaces: &[Namespace<'a>],
    problems: &mut Vec<Problem>,
) -> (Vec<Network<'a>>, Vec<usize>) {
    let mut networks = vec![Network::CLUSTER];
    let mut of: Vec<usize> = vec![0; namespaces.len()];
    let own = user_defined(inventory, "UserDefinedNetwork", "Primary").into_iter().map(|object| {
        let namespace = namespaces.binary_search_by(|namespace| namespace.name.cmp(object.effective_namespace()));
        (object, Vec::from_iter(namespace))
    });
    let own: Vec<_> = own.collect();
    let of_cluster = user_defined(inventory, "ClusterUserDefinedNetwork", "Primary").into_iter().map(|object| {
        let selected = selected(&object, namespaces, problems);
        (object, selected)
    });
    let all: Vec<_> = own.into_iter().chain(of_cluster.collect::<Vec<_>>()).collect();
    for (object, members) in all {
        let number = networks.len();
        for at in members {
            let (Some(namespace), Some(of)) = (namespaces.get(at), of.get_mut(at)) else { continue };
            // OVN-Kubernetes leaves these to the cluster's network.
            if namespace.labels.get(PRIMARY_LABEL).is_none() || namespace.name == "default" || namespace.name.starts_with("openshift-") {
                continue;
            }
            if *of == 0 {
                *of = number;
            } else {
                let message = format!("the namespace `{}` has a network of its own already: this one is left out", namespace.name);
                problems.push(Problem::at(ProblemKind::Invalid, object.node, message));
            }
        }
        networks.push(Network { object: Some(object) });
    }
    (networks, of)
}

/// A network that pods are attached to by name.
struct Attachable<'a> {
    object: Object<'a>,
    /// Where its pods have their addresses, as far as that is said.
    subnets: Addresses,
    /// Namespace and name of what attaches to it.
    names: BTreeSet<(String, String)>,
}

/// The networks that pods may be attached to.
fn attachable<'a>(inventory: &Inventory<'a>, namespaces: &[Namespace<'a>], problems: &mut Vec<Problem>) -> Vec<Attachable<'a>> {
    // Definitions that give a network the same name are of the same network.
    let mut by_name: BTreeMap<String, Attachable<'a>> = BTreeMap::new();
    let mut definitions: Vec<_> = inventory.of_kind("NetworkAttachmentDefinition").filter(is_of_cni).collect();
    definitions.sort_by_key(|object| (object.effective_namespace(), object.name));
    for object in definitions {
        let text = object.node.at(&["spec", "config"]).map_or("", Node::text);
        let config: Json = serde_json::from_str(text).unwrap_or_default();
        let name = config.get("name").and_then(Json::as_str).filter(|name| !name.is_empty()).unwrap_or(object.name);
        let network =
            by_name.entry(name.to_owned()).or_insert_with(|| Attachable { object, subnets: subnets(&config), names: BTreeSet::new() });
        network.names.insert((object.effective_namespace().to_owned(), object.name.to_owned()));
    }
    let mut all: Vec<_> = by_name.into_values().collect();
    for kind in ["UserDefinedNetwork", "ClusterUserDefinedNetwork"] {
        for object in user_defined(inventory, kind, "Secondary") {
            let within: Vec<_> = match kind {
                "UserDefinedNetwork" => vec![object.effective_namespace()],
                _ => selected(&object, namespaces, problems).into_iter().filter_map(|at| Some(namespaces.get(at)?.name)).collect(),
            };
            let names = within.into_iter().map(|namespace| (namespace.to_owned(), object.name.to_owned())).collect();
            all.push(Attachable { object, subnets: Addresses::none(), names });
        }
    }
    all
}

fn is_of_cni(object: &Object<'_>) -> bool {
    object.group() == "k8s.cni.cncf.io"
}

/// The subnets that a CNI configuration names: those of OVN-Kubernetes (`subnets`), and of address management (`ipam`).
fn subnets(config: &Json) -> Addresses {
    let plugins = config.get("plugins").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let mut texts: Vec<&str> = Vec::new();
    for plugin in plugins.iter().chain([config]) {
        texts.extend(plugin.get("subnets").and_then(Json::as_str).into_iter().flat_map(|text| text.split(',')));
        texts.extend(plugin.get("ipam").and_then(|ipam| ipam.get("subnet")).and_then(Json::as_str));
    }
    // OVN-Kubernetes writes the length of a node's part behind: 10.128.0.0/14/23.
    let cidr = |text: &str| Cidr::read(&text.trim().split('/').take(2).collect::<Vec<_>>().join("/")).ok();
    Addresses::union_of(&texts.into_iter().filter_map(cidr).map(Cidr::addresses).collect::<Vec<_>>())
}

/// The networks that pods of a world are attached to, each as a world by itself, by what defines it.
pub(crate) fn secondary<'a>(inventory: &Inventory<'a>, world: &World<'a>, problems: &mut Vec<Problem>) -> Vec<Secondary<'a>> {
    let policies = Policy::read_multi(inventory, problems);
    let networks = attachable(inventory, &world.namespaces, problems);
    if networks.is_empty() || world.endpoints.iter().all(|endpoint| endpoint.attachments.is_empty()) {
        return Vec::new();
    }
    let mut attached: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, endpoint) in world.endpoints.iter().enumerate() {
        for one in &endpoint.attachments {
            attached.entry((&one.namespace, &one.name)).or_default().push(at);
        }
    }
    let mut wanted: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, (names, _)) in policies.iter().enumerate() {
        for (namespace, name) in names {
            wanted.entry((namespace, name)).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for Attachable { object, subnets, names } in networks {
        let is_of = |attachment: &&Attachment| names.contains(&(attachment.namespace.clone(), attachment.name.clone()));
        let of = |by_name: &BTreeMap<(&str, &str), Vec<usize>>| -> Vec<usize> {
            let lists = names.iter().filter_map(|(namespace, name)| by_name.get(&(namespace.as_str(), name.as_str())));
            lists.flatten().copied().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let members = of(&attached);
        if members.is_empty() {
            continue;
        }
        // Only the namespaces of those who are in it.
        let within = members.iter().filter_map(|at| world.endpoints.get(*at)).map(|endpoint| endpoint.namespace);
        let within: Vec<usize> = within.collect::<BTreeSet<_>>().into_iter().collect();
        let member = |at: &usize| {
            let mut endpoint = world.endpoints.get(*at)?.clone();
            let own = endpoint.attachments.iter().filter(is_of).flat_map(|attachment| &attachment.addresses);
            endpoint.addresses = own.copied().collect::<BTreeSet<IpAddr>>().into_iter().collect();
            endpoint.namespace = within.binary_search(&endpoint.namespace).ok()?;
            endpoint.network = 0;
            Some(endpoint)
        };
        let network = Network { object: Some(object) };
        let inner = World {
            namespaces: within.iter().filter_map(|at| world.namespaces.get(*at)).cloned().collect(),
            endpoints: members.iter().filter_map(member).collect(),
            nodes: Vec::new(),
            policies: of(&wanted).into_iter().filter_map(|at| Some(policies.get(at)?.1.clone())).collect(),
            services: Vec::new(),
            entrances: Vec::new(),
            networks: vec![network],
            secondary: Vec::new(),
            // Addresses there are those of pods, and mostly written down.
            settings: Settings {
                pod_addresses: PodAddresses::Matched,
                pod_networks: if subnets.is_empty() { Addresses::all_v4() } else { subnets },
                ..world.settings.clone()
            },
            problems: Vec::new(),
        };
        found.push(Secondary { network, world: inner, members });
    }
    found.sort_by_key(|one| one.network.title());
    found
}
