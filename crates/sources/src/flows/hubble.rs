//! Hubble's flows, as `hubble observe -o json` and Cilium's exporter write them (cilium `api/v1/flow/flow.proto`), with the names of
//! members that older versions have.

use super::Record;
use super::json::{self, Text};
use plimsoll_model::{FlowEnd, FlowEndKind, FlowKey, FlowProtocol, FlowVerdict, Seen};
use serde::Deserialize;
use std::sync::Arc;

/// A flow's members, as far as they are of interest.
#[derive(Deserialize)]
struct Flow<'a> {
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    verdict: Text<'a>,
    #[serde(borrow, rename = "IP")]
    ip: Option<Ip<'a>>,
    l4: Option<Layer4>,
    #[serde(borrow)]
    source: Option<End<'a>>,
    #[serde(borrow)]
    destination: Option<End<'a>>,
    #[serde(borrow, default)]
    source_names: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    destination_names: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "Type", default)]
    kind: Text<'a>,
    is_reply: Option<bool>,
    reply: Option<bool>,
}

#[derive(Deserialize)]
struct Ip<'a> {
    #[serde(borrow, default)]
    source: Text<'a>,
    #[serde(borrow, default)]
    destination: Text<'a>,
}

#[derive(Deserialize)]
struct Layer4 {
    #[serde(rename = "TCP")]
    tcp: Option<Ports>,
    #[serde(rename = "UDP")]
    udp: Option<Ports>,
    #[serde(rename = "SCTP")]
    sctp: Option<Ports>,
    #[serde(rename = "ICMPv4")]
    icmp4: Option<Icmp>,
    #[serde(rename = "ICMPv6")]
    icmp6: Option<Icmp>,
}

#[derive(Deserialize)]
struct Ports {
    source_port: Option<u16>,
    destination_port: Option<u16>,
    flags: Option<Flags>,
}

#[derive(Deserialize)]
struct Flags {
    #[serde(rename = "SYN", default)]
    syn: bool,
    #[serde(rename = "ACK", default)]
    ack: bool,
}

#[derive(Deserialize)]
struct Icmp {
    #[serde(rename = "type", default)]
    kind: u16,
}

#[derive(Deserialize)]
struct End<'a> {
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow)]
    labels: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    pod_name: Text<'a>,
    #[serde(borrow)]
    workloads: Option<Vec<Workload<'a>>>,
}

#[derive(Deserialize)]
struct Workload<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    kind: Text<'a>,
}

/// Reads a flow.
pub(super) fn record(text: &[u8]) -> Record {
    let flow: Flow<'_> = match serde_json::from_slice(text) {
        Ok(flow) => flow,
        Err(error) => return Record::Bad(format!("no flow of Hubble: {}", json::reason(&error))),
    };
    if &*flow.kind == "SOCK" {
        return Record::Other("translations of addresses in sockets");
    }
    let Some(Layer4 { tcp, udp, sctp, icmp4, icmp6 }) = &flow.l4 else {
        return Record::Other("packets without a protocol that policies know");
    };
    let ported = [(FlowProtocol::Tcp, tcp), (FlowProtocol::Udp, udp), (FlowProtocol::Sctp, sctp)];
    let ported = ported.into_iter().find_map(|(protocol, ports)| ports.as_ref().map(|ports| (protocol, ports)));
    let (protocol, port, is_answer) = match (ported, icmp4, icmp6) {
        (Some((protocol, ports)), ..) => (protocol, ports.destination_port, ports.is_answer()),
        // Only a request for an echo is of its own.
        (None, Some(icmp), _) => (FlowProtocol::Icmp, None, icmp.kind != 8),
        (None, None, Some(icmp)) => (FlowProtocol::Icmp, None, icmp.kind != 128),
        (None, None, None) => return Record::Other("packets without a protocol that policies know"),
    };
    if flow.is_reply.or(flow.reply.filter(|is| *is)).unwrap_or(is_answer) {
        return Record::Reply;
    }
    let verdict = match &*flow.verdict {
        "FORWARDED" | "REDIRECTED" => FlowVerdict::Allowed,
        "DROPPED" | "ERROR" => FlowVerdict::Denied,
        "AUDIT" => FlowVerdict::Audited,
        _ => FlowVerdict::Unknown,
    };
    let (from, to) = flow.ip.as_ref().map_or(("", ""), |ip| (&ip.source, &ip.destination));
    let source = end(flow.source.as_ref(), from, flow.source_names.as_deref());
    let destination = end(flow.destination.as_ref(), to, flow.destination_names.as_deref());
    let (Some(source), Some(destination)) = (source, destination) else {
        return Record::Bad("a flow of Hubble that does not say who talks to whom".to_owned());
    };
    let time = json::time(&flow.time);
    let key = FlowKey { source: Arc::new(source), destination: Arc::new(destination), protocol, port, verdict };
    Record::Flow(key, Seen { count: 1, first: time, last: time })
}

impl Ports {
    /// Whether it looks like an answer: by the flags of TCP if they tell, or else by the ports.
    fn is_answer(&self) -> bool {
        match &self.flags {
            Some(Flags { syn: true, ack }) => *ack,
            _ => super::vpc::is_answer(self.source_port, self.destination_port),
        }
    }
}

/// One end; none if nothing is known of it.
fn end(end: Option<&End<'_>>, address: &str, names: Option<&[Text<'_>]>) -> Option<FlowEnd> {
    let address = address.parse().ok();
    let labels = end.and_then(|end| end.labels.as_deref()).unwrap_or_default();
    let reserved = |names: &[&str]| labels.iter().any(|label| label.strip_prefix("reserved:").is_some_and(|name| names.contains(&name)));
    if let Some(end) = end.filter(|end| !end.namespace.is_empty()) {
        let workload = end.workloads.as_deref().unwrap_or_default().iter().find(|workload| !workload.name.is_empty());
        let mut kept: Vec<(Box<str>, Box<str>)> = labels.iter().filter_map(|label| own_label(label)).collect();
        kept.sort_unstable();
        kept.dedup();
        return Some(FlowEnd {
            kind: FlowEndKind::Pod,
            namespace: (*end.namespace).into(),
            workload_kind: workload.map_or("", |workload| &workload.kind).into(),
            workload: workload.map_or("", |workload| &workload.name).into(),
            pod: if workload.is_some() { "" } else { &end.pod_name }.into(),
            labels: kept,
            address: None,
            domain: Box::default(),
        });
    }
    let kind = if reserved(&["world", "world-ipv4", "world-ipv6"]) {
        FlowEndKind::Outside
    } else if reserved(&["host"]) {
        FlowEndKind::OwnNode
    } else if reserved(&["remote-node", "kube-apiserver", "health"]) {
        FlowEndKind::Node
    } else {
        FlowEndKind::Unknown
    };
    let domain = names.and_then(<[_]>::first).map_or("", |name| name.trim_end_matches('.'));
    (address.is_some() || kind != FlowEndKind::Unknown).then(|| FlowEnd { kind, address, domain: domain.into(), ..FlowEnd::default() })
}

/// A label that the pod itself has: `k8s:app=web`. Those that Cilium makes are not.
fn own_label(label: &str) -> Option<(Box<str>, Box<str>)> {
    let (key, value) = label.split_once('=')?;
    let key = match key.split_once(':') {
        Some(("k8s", key)) => key,
        Some(_) => return None,
        None => key,
    };
    let is_made = key.starts_with("io.cilium.k8s.") || key == "io.kubernetes.pod.namespace";
    (!is_made).then(|| (key.into(), value.into()))
}
