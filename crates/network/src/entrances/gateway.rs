//! Routes of the Gateway API (gateway.networking.k8s.io): from listeners of Gateways to Services.

use super::controllers::Controllers;
use super::{Backend, By, Entrance, together};
use crate::selector::Selector;
use crate::services::{PortRef, number};
use crate::world::World;
use plimsoll_model::{Inventory, Node, Object};
use std::collections::{BTreeMap, BTreeSet};

const GROUP: &str = "gateway.networking.k8s.io";

/// The kinds of routes, with the protocols of listeners that they can attach to.
const ROUTES: [(&str, &[&str]); 5] = [
    ("HTTPRoute", &["HTTP", "HTTPS"]),
    ("GRPCRoute", &["HTTP", "HTTPS"]),
    ("TLSRoute", &["TLS"]),
    ("TCPRoute", &["TCP", "TLS"]),
    ("UDPRoute", &["UDP"]),
];

/// All routes that some Gateway takes, or might take as it was not read.
pub(super) fn read_all<'a>(inventory: &Inventory<'a>, world: &World<'a>, controllers: &Controllers<'a>) -> Vec<Entrance<'a>> {
    let grants = Grants::new(inventory);
    let mut entrances = Vec::new();
    for (kind, protocols) in ROUTES {
        for object in inventory.of_kind(kind).filter(|object| object.group() == GROUP) {
            let Some(by) = by(object, protocols, inventory, world, controllers) else { continue };
            entrances.push(Entrance { object, by, leads_to: together(backends(object, &grants), world) });
        }
    }
    entrances
}

/// Whoever forwards what a route says; none if no Gateway takes it.
fn by(route: Object<'_>, protocols: &[&str], inventory: &Inventory<'_>, world: &World<'_>, controllers: &Controllers<'_>) -> Option<By> {
    let mut pods = BTreeSet::new();
    let mut is_unknown = false;
    for parent in route.node.at(&["spec", "parentRefs"]).into_iter().flat_map(Node::items) {
        // Other parents are Services (of a mesh), which are no entrances.
        if parent.get("kind").is_some_and(|kind| kind.text() != "Gateway") || parent.get("group").is_some_and(|group| group.text() != GROUP)
        {
            continue;
        }
        let namespace = parent.get("namespace").map_or(route.effective_namespace(), Node::text);
        let name = parent.get("name").map_or("", Node::text);
        let Some(gateway) = inventory.find("Gateway", namespace, name).filter(|object| object.group() == GROUP) else {
            is_unknown = true;
            continue;
        };
        if !takes(gateway, route, parent, protocols, world) {
            continue;
        }
        let class = gateway.node.at(&["spec", "gatewayClassName"]).map_or("", Node::text);
        match controllers.of_gateway(namespace, name, class) {
            By::Controller(some) => pods.extend(some),
            _ => is_unknown = true,
        }
    }
    match (pods.is_empty(), is_unknown) {
        (true, false) => None,
        (true, true) => Some(By::Unknown),
        (false, _) => Some(By::Controller(pods.into_iter().collect())),
    }
}

/// Whether a listener of a Gateway lets a route attach.
fn takes(gateway: Object<'_>, route: Object<'_>, parent: Node<'_>, protocols: &[&str], world: &World<'_>) -> bool {
    let mut listeners = gateway.node.at(&["spec", "listeners"]).into_iter().flat_map(Node::items);
    listeners.any(|listener| {
        let is_same =
            |key: &str, of: &str| parent.get(key).is_none_or(|word| listener.get(of).is_some_and(|mine| mine.text() == word.text()));
        let protocol = listener.get("protocol").map_or("", Node::text);
        // Protocols with a slash are an implementation's own.
        if !is_same("sectionName", "name") || !is_same("port", "port") || !(protocols.contains(&protocol) || protocol.contains('/')) {
            return false;
        }
        let allowed = listener.get("allowedRoutes");
        let mut kinds = allowed.and_then(|allowed| allowed.get("kinds")).into_iter().flat_map(Node::items).peekable();
        if kinds.peek().is_some() && !kinds.any(|kind| kind.get("kind").is_some_and(|kind| kind.text() == route.kind)) {
            return false;
        }
        let namespaces = allowed.and_then(|allowed| allowed.get("namespaces"));
        match namespaces.and_then(|namespaces| namespaces.get("from")).map_or("Same", Node::text) {
            "All" => true,
            "Selector" => {
                let selector =
                    namespaces.and_then(|namespaces| namespaces.get("selector")).map(|node| Selector::read(node, &mut Vec::new()));
                let namespace = world.namespace(route.effective_namespace()).and_then(|at| world.namespaces.get(at));
                selector.zip(namespace).is_some_and(|(selector, namespace)| selector.selects(&namespace.labels))
            }
            _ => gateway.effective_namespace() == route.effective_namespace(),
        }
    })
}

/// The Services that a route leads to, and those that its requests are mirrored to.
fn backends<'a>(route: Object<'a>, grants: &Grants<'a>) -> Vec<Backend<'a>> {
    let mut refs = Vec::new();
    for rule in route.node.at(&["spec", "rules"]).into_iter().flat_map(Node::items) {
        let own: Vec<_> = rule.get("backendRefs").into_iter().flat_map(Node::items).collect();
        let filters = |node: Node<'a>| node.get("filters").into_iter().flat_map(Node::items);
        let mirrors = own
            .iter()
            .flat_map(|node| filters(*node))
            .chain(filters(rule))
            .filter_map(|filter| filter.at(&["requestMirror", "backendRef"]));
        // A weight of 0 is sent nothing.
        let weighed = own.iter().copied().filter(|one| one.get("weight").and_then(Node::as_int) != Some(0));
        refs.extend(weighed.chain(mirrors));
    }
    let backend = |node: Node<'a>| {
        let is_service =
            node.get("kind").is_none_or(|kind| kind.text() == "Service") && node.get("group").is_none_or(|group| group.text().is_empty());
        let namespace = node.get("namespace").map_or(route.effective_namespace(), Node::text);
        let name = node.get("name")?.text();
        let port = node.get("port").and_then(number)?;
        let is_granted = namespace == route.effective_namespace() || grants.allow(route, namespace, name);
        (is_service && is_granted).then_some((namespace, name, PortRef::Number(port)))
    };
    refs.into_iter().filter_map(backend).collect()
}

/// ReferenceGrants by their namespace: who may lead to its Services from others.
struct Grants<'a>(BTreeMap<&'a str, Vec<Object<'a>>>);

impl<'a> Grants<'a> {
    fn new(inventory: &Inventory<'a>) -> Self {
        let mut grants = Self(BTreeMap::new());
        for object in inventory.of_kind("ReferenceGrant").filter(|object| object.group() == GROUP) {
            grants.0.entry(object.effective_namespace()).or_default().push(object);
        }
        grants
    }

    fn allow(&self, route: Object<'a>, namespace: &str, name: &str) -> bool {
        let items = |grant: &Object<'a>, key: &str| grant.node.at(&["spec", key]).into_iter().flat_map(Node::items);
        let is = |node: Node<'a>, key: &str, wanted: &str| node.get(key).map_or("", Node::text) == wanted;
        self.0.get(namespace).into_iter().flatten().any(|grant| {
            let from = |node: Node<'a>| {
                is(node, "group", GROUP) && is(node, "kind", route.kind) && is(node, "namespace", route.effective_namespace())
            };
            let to = |node: Node<'a>| {
                is(node, "group", "") && is(node, "kind", "Service") && node.get("name").is_none_or(|one| one.text() == name)
            };
            items(grant, "from").any(from) && items(grant, "to").any(to)
        })
    }
}
