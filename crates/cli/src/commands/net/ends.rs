//! The two ends of a question, as users write them.

use super::names;
use anyhow::{anyhow, bail};
use plimsoll_network::can::Asked;
use plimsoll_network::services::{ServiceKind, ServicePort};
use plimsoll_network::{Addresses, Cidr, Protocol, Traffic, World};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What the words for an end mean.
pub(super) struct Ends {
    /// Those that are meant, and what would be sent to each.
    pub(super) list: Vec<(Asked, Traffic)>,
    /// What is worth to know of how the words were taken.
    pub(super) notes: Vec<String>,
}

/// Where ends are looked up.
pub(super) struct Known<'k, 'a> {
    pub(super) world: &'k World<'a>,
    /// The port that is asked about.
    pub(super) port: Option<(Protocol, u16)>,
}

impl Known<'_, '_> {
    /// The ends that `text` means: workloads, a Service, a node, addresses, a host name.
    pub(super) fn find(&self, text: &str) -> anyhow::Result<Ends> {
        let parts: Vec<_> = text.split('/').collect();
        match parts.as_slice() {
            ["internet"] => return Ok(self.outside(text, Addresses::internet())),
            ["outside"] => return Ok(self.outside(text, Addresses::all())),
            ["node", name] => return self.node(name).ok_or_else(|| anyhow!("no node is called `{name}` among what was read")),
            ["service" | "svc", namespace, name] => return self.service(namespace, name),
            [namespace, kind, name] if matches!(kind.to_ascii_lowercase().as_str(), "svc" | "service") => {
                return self.service(namespace, name);
            }
            _ => {}
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(self.address(address));
        }
        if parts.iter().all(|part| !part.is_empty()) && Cidr::read(text).is_ok() {
            let addresses = Cidr::read(text).map(Cidr::addresses).unwrap_or_default();
            return Ok(self.outside("", addresses));
        }
        match names::find(self.world, text) {
            Ok(found) => Ok(self.all(found.into_iter().map(Asked::Endpoint))),
            Err(error) => match parts.as_slice() {
                [name] => {
                    if let Some(node) = self.node(name) {
                        return Ok(node);
                    }
                    // `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`: what the DNS of the cluster makes of it.
                    let labels: Vec<_> = name.trim_end_matches('.').split('.').collect();
                    match labels.as_slice() {
                        [service, namespace] if self.world.service(namespace, service).is_some() => {
                            return self.service(namespace, service);
                        }
                        [service, namespace, "svc", ..] => return self.service(namespace, service),
                        _ => {}
                    }
                    // Names of the outside end in letters: what ends in a number is an address that is none.
                    let is_number = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
                    if name.contains('.') && is_host(name) && !is_number { Ok(self.outside(name, Addresses::all())) } else { Err(error) }
                }
                [address, _] if address.parse::<IpAddr>().is_ok() => {
                    bail!("`{text}` {}", Cidr::read(text).err().unwrap_or("is no block of addresses"))
                }
                _ => Err(error),
            },
        }
    }

    fn traffic(&self) -> Traffic {
        self.port.map_or_else(Traffic::all, |(protocol, port)| Traffic::port(protocol, port))
    }

    fn all(&self, asked: impl Iterator<Item = Asked>) -> Ends {
        Ends { list: asked.map(|asked| (asked, self.traffic())).collect(), notes: Vec::new() }
    }

    fn outside(&self, name: &str, addresses: Addresses) -> Ends {
        self.all(std::iter::once(Asked::Outside(name.to_owned(), addresses)))
    }

    fn node(&self, name: &str) -> Option<Ends> {
        let at = self.world.nodes.iter().position(|node| node.name == name)?;
        Some(self.all(std::iter::once(Asked::Node(at))))
    }

    /// An address that a pod or node is known to have is that pod or node.
    fn address(&self, address: IpAddr) -> Ends {
        let world = self.world;
        let pods: Vec<_> =
            world.endpoints.iter().enumerate().filter(|(_, one)| !one.host_network && one.addresses.contains(&address)).collect();
        if let Some(at) = world.nodes.iter().position(|node| node.addresses.contains(&address)).filter(|_| pods.is_empty()) {
            let mut ends = self.all(std::iter::once(Asked::Node(at)));
            ends.notes.extend(world.nodes.get(at).map(|node| format!("{address} is the address of the node {}", node.name)));
            return ends;
        }
        if pods.is_empty() {
            return self.outside("", Addresses::one(address));
        }
        let mut ends = self.all(pods.iter().map(|(at, _)| Asked::Endpoint(*at)));
        ends.notes.extend(pods.iter().map(|(_, one)| format!("{address} is the address of a pod of {}", world.name(one))));
        ends
    }

    fn service(&self, namespace: &str, name: &str) -> anyhow::Result<Ends> {
        let Some(service) = self.world.service(namespace, name) else {
            bail!("no Service `{namespace}/{name}` is among what was read");
        };
        let name = format!("Service {namespace}/{name}");
        if let ServiceKind::ExternalName(external) = service.kind {
            let mut ends = self.outside(external, Addresses::all());
            ends.notes.push(format!("{name} is another name for {external}"));
            return Ok(ends);
        }
        // Nothing translates the ports of a Service without an address of its own.
        let is_headless = service.kind == ServiceKind::Headless;
        let is_asked = |port: &&ServicePort<'_>| is_headless || self.port.is_none_or(|asked| asked == (port.protocol, port.number));
        let ports: Vec<_> = service.ports.iter().filter(is_asked).collect();
        if let (Some((protocol, number)), true) = (self.port, ports.is_empty()) {
            let has: Vec<_> = service.ports.iter().map(|port| format!("{} {}", port.protocol.name(), port.number)).collect();
            bail!("{name} has no port {} {number}; it has {}", protocol.name(), has.join(", "));
        }
        let mut reached: BTreeMap<usize, Traffic> = BTreeMap::new();
        let mut notes = Vec::new();
        for port in ports {
            let mut numbers = BTreeSet::new();
            for (at, number) in &port.to {
                numbers.insert(*number);
                let traffic = match self.port.filter(|_| is_headless) {
                    Some((protocol, asked)) => Traffic::port(protocol, asked),
                    None => Traffic::port(port.protocol, *number),
                };
                let known = reached.entry(*at).or_default();
                *known = known.union(&traffic);
            }
            if !is_headless && numbers.iter().any(|number| *number != port.number) {
                let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
                let (protocol, number) = (port.protocol.name(), port.number);
                notes.push(format!("{protocol} {number} of {name} is port {} of its pods", numbers.join(" or ")));
            }
        }
        if reached.is_empty() {
            bail!("no pod that was read is behind {name}: its selector selects none, or none declares the port that it names");
        }
        Ok(Ends { list: reached.into_iter().map(|(at, traffic)| (Asked::Endpoint(at), traffic)).collect(), notes })
    }
}

/// Whether it may be a host name (RFC 1123).
fn is_host(text: &str) -> bool {
    let label =
        |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    text.len() <= 253 && text.trim_end_matches('.').split('.').all(label)
}
