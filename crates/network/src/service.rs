//! Services as destinations: which pods are behind one, and at which of their ports.

use crate::selector::Labels;
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, World};
use plimsoll_model::{Node, Object};

/// What a Service leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind<'a> {
    /// Pods, by their places in [`World::endpoints`], each with the ports that it is reached at.
    Pods(Vec<(usize, Traffic)>),
    /// A name outside (`ExternalName`); ports stay what they are.
    Name(&'a str),
}

/// One port of a Service.
#[derive(Debug, Clone, Copy)]
pub struct ServicePort<'a> {
    /// Its name; empty where it has none.
    pub name: &'a str,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// `targetPort`: the port of the pods, by number or name; none where it is the same.
    pub target: Option<Node<'a>>,
}

impl ServicePort<'_> {
    /// The port of a pod behind it; none if the pod declares no port of that name.
    pub fn of_pod(&self, endpoint: &Endpoint<'_>) -> Option<u16> {
        let Some(target) = self.target else { return Some(self.number) };
        if let Some(number) = target.as_int() {
            return u16::try_from(number).ok().filter(|number| *number > 0);
        }
        let declared = endpoint.ports.iter().find(|port| port.name == target.text() && port.protocol == self.protocol);
        declared.map(|port| port.number)
    }
}

/// The ports of a Service. Those of one without an address of its own (headless) are the pods' own: nothing translates them.
pub fn ports<'a>(service: &Object<'a>) -> Vec<ServicePort<'a>> {
    let spec = service.node.get("spec");
    let is_headless = spec.and_then(|spec| spec.get("clusterIP")).is_some_and(|address| address.text() == "None");
    let port = |node: Node<'a>| {
        let number = u16::try_from(node.get("port")?.as_int()?).ok().filter(|number| *number > 0)?;
        let protocol = Protocol::read(node.get("protocol").map_or("TCP", Node::text))?;
        let target = node.get("targetPort").filter(|target| !is_headless && !target.text().is_empty());
        Some(ServicePort { name: node.get("name").map_or("", Node::text), protocol, number, target })
    };
    spec.and_then(|spec| spec.get("ports")).into_iter().flat_map(Node::items).filter_map(port).collect()
}

/// What is behind a Service at one of its ports, or at all.
///
/// # Errors
/// If nothing is; the text says why to the user.
pub fn behind<'a>(world: &World<'a>, service: &Object<'a>, asked: Option<(Protocol, u16)>) -> Result<Behind<'a>, String> {
    let name = format!("Service {}/{}", service.effective_namespace(), service.name);
    let spec = service.node.get("spec");
    if let Some(external) = spec.and_then(|spec| spec.get("externalName")).filter(|external| !external.text().is_empty()) {
        return Ok(Behind::Name(external.text()));
    }
    let all = ports(service);
    let ports: Vec<_> = all.iter().filter(|port| asked.is_none_or(|asked| asked == (port.protocol, port.number))).collect();
    if let (Some((protocol, number)), true) = (asked, ports.is_empty()) {
        let has: Vec<_> = all.iter().map(|port| format!("{} {}", port.protocol.name(), port.number)).collect();
        let has = if has.is_empty() { "no port".to_owned() } else { has.join(", ") };
        return Err(format!("{name} has no port {} {number}; it has {has}", protocol.name()));
    }
    let selector = Labels::read(spec.and_then(|spec| spec.get("selector")));
    if selector.iter().next().is_none() {
        return Err(format!("{name} has no selector, so that its manifest does not say what is behind it; ask about the addresses"));
    }
    let pods = world.namespace(service.effective_namespace()).map_or(0..0, |namespace| world.endpoints_in(namespace));
    let is_selected = |endpoint: &Endpoint<'_>| selector.iter().all(|(key, value)| endpoint.labels.get(key) == Some(value));
    let selected: Vec<_> = pods.filter_map(|at| Some((at, world.endpoints.get(at)?))).filter(|(_, one)| is_selected(one)).collect();
    if selected.is_empty() {
        return Err(format!("{name} selects no pod (`{selector}`): nothing is behind it"));
    }
    let reached = |endpoint: &Endpoint<'_>| {
        let numbers = ports.iter().filter_map(|port| Some(Traffic::port(port.protocol, port.of_pod(endpoint)?)));
        numbers.fold(Traffic::none(), |sum, port| sum.union(&port))
    };
    let reached: Vec<_> = selected.into_iter().map(|(at, one)| (at, reached(one))).filter(|(_, ports)| !ports.is_none()).collect();
    if reached.is_empty() {
        return Err(format!("no pod behind {name} declares the port that its `targetPort` names"));
    }
    Ok(Behind::Pods(reached))
}
