//! What manifests declare of who talks to whom: names of Services in the environment, the arguments and the configuration of containers.

use super::needs::{Need, Needs, Party};
use crate::entrances::By;
use crate::services::{PortRef, Service};
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, World};
use plimsoll_model::{Inventory, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Texts longer than this are not looked through: they are data, not configuration.
const LONGEST: usize = 1 << 20;

/// A name of a Service in a text, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// The workload, by its place.
    pub by: usize,
    /// Namespace and name of the Service.
    pub service: (String, String),
    /// Where it stands, in words: `env DATABASE_URL`.
    pub place: String,
}

impl Needs {
    /// What manifests declare: who names a Service has to reach it, whoever names one by its name asks the DNS, and what entrances lead to
    /// is reached from there. `dns` are the endpoints that answer for names.
    pub fn declared(inventory: &Inventory<'_>, world: &World<'_>, dns: &[usize]) -> (Self, Vec<Mention>) {
        let mut needs = Self::default();
        let mut mentions = BTreeSet::new();
        let by_name: BTreeMap<(&str, &str), &Service<'_>> = world.services.iter().map(|service| (service.key(), service)).collect();
        for (at, endpoint) in world.endpoints.iter().enumerate() {
            let namespace = world.namespace_of(endpoint).name;
            let mut asks = false;
            for (place, text) in texts(inventory, namespace, endpoint.template) {
                for host in hosts(text) {
                    let Some((service, port)) = host.service(namespace, &by_name) else { continue };
                    asks = true;
                    let (in_namespace, name) = service.key();
                    mentions.insert(Mention { by: at, service: (in_namespace.to_owned(), name.to_owned()), place: place.clone() });
                    for (to, traffic) in service.leads_to(port).into_iter().filter(|(to, _)| *to != at) {
                        needs.add(Need { from: Party::Workload(at), to: Party::Workload(to), traffic });
                    }
                }
            }
            for server in dns.iter().filter(|server| asks && **server != at) {
                needs.add(Need { from: Party::Workload(at), to: Party::Workload(*server), traffic: dns_traffic(world, *server) });
            }
        }
        for entrance in &world.entrances {
            for (to, traffic) in &entrance.leads_to {
                let mut arrive = |from: Party| needs.add(Need { from, to: Party::Workload(*to), traffic: traffic.clone() });
                match &entrance.by {
                    By::Controller(pods) => pods.iter().for_each(|pod| arrive(Party::Workload(*pod))),
                    By::Clients(addresses) => arrive(Party::Outside(addresses.clone())),
                    // A controller that was not read may be anywhere.
                    By::Unknown => arrive(Party::Anyone),
                }
            }
        }
        (needs, mentions.into_iter().collect())
    }
}

/// The endpoints that answer for names in the cluster: CoreDNS under its usual label, and OpenShift's.
pub fn dns_servers(world: &World<'_>) -> Vec<usize> {
    let is_server = |endpoint: &Endpoint<'_>| {
        let labels = &endpoint.labels;
        let is_labelled = labels.get("k8s-app") == Some("kube-dns") || labels.get("dns.operator.openshift.io/daemonset-dns").is_some();
        is_labelled && matches!(world.namespace_of(endpoint).name, "kube-system" | "openshift-dns")
    };
    world.endpoints.iter().enumerate().filter(|(_, endpoint)| is_server(endpoint)).map(|(at, _)| at).collect()
}

/// The ports on which a server of names listens, as it declares them; 53 otherwise.
pub fn dns_traffic(world: &World<'_>, server: usize) -> Traffic {
    let ports = world.endpoints.get(server).into_iter().flat_map(|server| &server.ports);
    let ports = ports.filter(|port| port.name.contains("dns") || port.number == 53 || port.number == 5353);
    let declared = ports.fold(Traffic::none(), |sum, port| sum.union(&Traffic::port(port.protocol, port.number)));
    if declared.is_none() { Traffic::port(Protocol::Udp, 53).union(&Traffic::port(Protocol::Tcp, 53)) } else { declared }
}

/// The texts that a pod gets as its configuration, and where each stands.
fn texts<'a>(inventory: &Inventory<'a>, namespace: &str, template: Option<Node<'a>>) -> Vec<(String, &'a str)> {
    let Some(spec) = template.and_then(|template| template.get("spec")) else { return Vec::new() };
    let mut texts = Vec::new();
    let mut whole = |name: &str| {
        let data = inventory.find("ConfigMap", namespace, name).and_then(|map| map.node.get("data"));
        let entries = data.into_iter().flat_map(Node::entries);
        texts.extend(entries.map(|(key, value)| (format!("ConfigMap {name}, {}", key.text()), value.text())));
    };
    for volume in spec.get("volumes").into_iter().flat_map(Node::items) {
        let name = volume.at(&["configMap", "name"]).map(Node::text);
        name.into_iter().for_each(&mut whole);
        for source in volume.at(&["projected", "sources"]).into_iter().flat_map(Node::items) {
            source.at(&["configMap", "name"]).map(Node::text).into_iter().for_each(&mut whole);
        }
    }
    let containers = ["containers", "initContainers"].into_iter().filter_map(|list| spec.get(list)).flat_map(Node::items);
    for container in containers {
        for from in container.get("envFrom").into_iter().flat_map(Node::items) {
            from.at(&["configMapRef", "name"]).map(Node::text).into_iter().for_each(&mut whole);
        }
    }
    let containers = ["containers", "initContainers"].into_iter().filter_map(|list| spec.get(list)).flat_map(Node::items);
    for container in containers {
        for variable in container.get("env").into_iter().flat_map(Node::items) {
            let name = variable.get("name").map_or("", Node::text);
            if let Some(value) = variable.get("value") {
                texts.push((format!("env {name}"), value.text()));
            }
            if let Some(reference) = variable.at(&["valueFrom", "configMapKeyRef"]) {
                let word = |key: &str| reference.get(key).map_or("", Node::text);
                let value = inventory.find("ConfigMap", namespace, word("name")).and_then(|map| map.node.at(&["data", word("key")]));
                texts.extend(value.map(|value| (format!("env {name}"), value.text())));
            }
        }
        for list in ["command", "args"] {
            texts.extend(container.get(list).into_iter().flat_map(Node::items).map(|word| (list.to_owned(), word.text())));
        }
    }
    texts.retain(|(_, text)| text.len() <= LONGEST);
    texts
}

/// A name that may be that of a Service, as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Host<'t> {
    name: &'t str,
    port: Option<u16>,
    /// Whether it stands where only a host can: behind `//` or `@`, or before a port.
    is_sure: bool,
}

/// The names in a text that may be hosts: words of letters, digits, dashes and dots, with the port behind them.
fn hosts(text: &str) -> Vec<Host<'_>> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let bytes = text.as_bytes();
    let mut hosts = Vec::new();
    let mut at = 0;
    while let Some(start) = bytes.iter().skip(at).position(|byte| is_part(*byte)).map(|skipped| at + skipped) {
        let length = bytes.iter().skip(start).take_while(|byte| is_part(**byte)).count();
        let end = start + length;
        at = end + 1;
        let Some(name) = text.get(start..end) else { continue };
        let digits: String = match bytes.get(end) {
            Some(b':') => text.get(end + 1..).unwrap_or_default().chars().take_while(char::is_ascii_digit).take(6).collect(),
            _ => String::new(),
        };
        let port = digits.parse().ok();
        let before = text.get(..start).unwrap_or_default();
        let is_sure =
            port.is_some() || before.ends_with("//") || before.ends_with('@') || before.is_empty() && end == text.trim_end().len();
        // A path is none, nor is the name of a user before a password.
        let is_path = before.ends_with('/') && !before.ends_with("//");
        let is_user = bytes.get(end) == Some(&b'@') || bytes.get(end) == Some(&b':') && digits.is_empty();
        if !is_path && !is_user {
            hosts.push(Host { name: name.trim_matches('.'), port, is_sure });
        }
    }
    hosts
}

impl<'t> Host<'t> {
    /// The Service that it names, seen from a namespace: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`. A single word
    /// counts only where nothing but a host can stand.
    fn service<'w, 'a>(
        self,
        namespace: &str,
        services: &BTreeMap<(&str, &str), &'w Service<'a>>,
    ) -> Option<(&'w Service<'a>, PortRef<'t>)> {
        let mut parts = self.name.split('.');
        let (name, second, third) = (parts.next()?, parts.next(), parts.next());
        let key = match (second, third) {
            (None, _) if self.is_sure => (namespace, name),
            (Some(space), None | Some("svc")) => (space, name),
            _ => return None,
        };
        let service = services.get(&key)?;
        let port = match self.port {
            Some(port) if service.ports.iter().any(|one| one.number == port) => PortRef::Number(port),
            Some(port) if service.ports.iter().any(|one| one.to.iter().any(|(_, number)| *number == port)) => PortRef::Target(port),
            _ => PortRef::Any,
        };
        Some((service, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_where_they_can_stand() {
        let names = |text| hosts(text).into_iter().filter(|host| host.is_sure).map(|host| (host.name, host.port)).collect::<Vec<_>>();
        assert_eq!(names("http://cart:7070/cart"), [("cart", Some(7070))]);
        assert_eq!(names("postgres://user:pw@db.data.svc.cluster.local/x"), [("db.data.svc.cluster.local", None)]);
        assert_eq!(names("redis"), [("redis", None)]);
        assert_eq!(names("--upstream=api.shop:80,web:8080"), [("api.shop", Some(80)), ("web", Some(8080))]);
        assert_eq!(names("a text about a cart and a web"), []);
        assert_eq!(names("é//cart:99999"), [("cart", None)]);
    }
}
