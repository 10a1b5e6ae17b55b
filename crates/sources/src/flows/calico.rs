//! Calico's flow logs: of Enterprise and Cloud (snake case, times in seconds), of Whisker, and of Goldmane (projectcalico/calico
//! `goldmane/proto/api.proto`).

use super::Record;
use super::json::{self, Text};
use plimsoll_model::{FlowEnd, FlowEndKind, FlowKey, FlowProtocol, FlowVerdict, Seen};
use serde::Deserialize;
use std::sync::Arc;

/// A record of Enterprise, Cloud or Whisker.
#[derive(Deserialize)]
struct Log<'a> {
    #[serde(borrow, default)]
    start_time: Text<'a>,
    #[serde(borrow, default)]
    end_time: Text<'a>,
    #[serde(borrow, default)]
    action: Text<'a>,
    #[serde(borrow, default, alias = "protocol")]
    proto: Text<'a>,
    #[serde(borrow, default)]
    num_flows: Text<'a>,
    #[serde(borrow, default)]
    source_ip: Text<'a>,
    #[serde(borrow, default)]
    source_name: Text<'a>,
    #[serde(borrow, default)]
    source_name_aggr: Text<'a>,
    #[serde(borrow, default)]
    source_namespace: Text<'a>,
    #[serde(borrow, default)]
    source_type: Text<'a>,
    #[serde(borrow, default)]
    source_labels: Option<Labels<'a>>,
    #[serde(borrow, default)]
    dest_ip: Text<'a>,
    #[serde(borrow, default)]
    dest_name: Text<'a>,
    #[serde(borrow, default)]
    dest_name_aggr: Text<'a>,
    #[serde(borrow, default)]
    dest_namespace: Text<'a>,
    #[serde(borrow, default)]
    dest_type: Text<'a>,
    #[serde(borrow, default)]
    dest_labels: Option<Labels<'a>>,
    #[serde(borrow, default)]
    dest_port: Text<'a>,
    #[serde(borrow, default)]
    dest_domains: Option<Vec<Text<'a>>>,
}

/// Labels: in a list, in an object with one, or in one text with bars between.
#[derive(Deserialize)]
#[serde(untagged)]
enum Labels<'a> {
    List(#[serde(borrow)] Vec<Text<'a>>),
    Object {
        #[serde(borrow)]
        labels: Option<Vec<Text<'a>>>,
    },
    Text(#[serde(borrow)] Text<'a>),
}

/// A flow of Goldmane in the JSON of protocol buffers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Goldmane<'a> {
    #[serde(borrow, rename = "Key", alias = "key")]
    key: Key<'a>,
    #[serde(borrow, default)]
    start_time: Text<'a>,
    #[serde(borrow, default)]
    end_time: Text<'a>,
    #[serde(borrow, default)]
    source_labels: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    dest_labels: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    num_connections_started: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    #[serde(borrow, default)]
    source_name: Text<'a>,
    #[serde(borrow, default)]
    source_namespace: Text<'a>,
    #[serde(borrow, default)]
    source_type: Text<'a>,
    #[serde(borrow, default)]
    dest_name: Text<'a>,
    #[serde(borrow, default)]
    dest_namespace: Text<'a>,
    #[serde(borrow, default)]
    dest_type: Text<'a>,
    #[serde(borrow, default)]
    dest_port: Text<'a>,
    #[serde(borrow, default)]
    proto: Text<'a>,
    #[serde(borrow, default)]
    action: Text<'a>,
}

/// One end, as a record says it.
struct Said<'s> {
    kind: &'s str,
    namespace: &'s str,
    name: &'s str,
    address: &'s str,
    domain: &'s str,
    labels: Vec<(Box<str>, Box<str>)>,
}

/// What was seen, as a record says it.
struct Facts<'s> {
    protocol: &'s str,
    port: &'s str,
    action: &'s str,
    count: &'s str,
    start: &'s str,
    end: &'s str,
}

/// Reads a record of Enterprise, Cloud or Whisker.
pub(super) fn record(text: &[u8]) -> Record {
    let log: Log<'_> = match serde_json::from_slice(text) {
        Ok(log) => log,
        Err(error) => return Record::Bad(format!("no flow of Calico: {}", json::reason(&error))),
    };
    // A name that stands for many is `-`, and the other one says what they begin with.
    let name = |one: &'_ Text<'_>, many: &'_ Text<'_>| if one.is_empty() || &**one == "-" { many.to_string() } else { one.to_string() };
    let (from, to) = (name(&log.source_name, &log.source_name_aggr), name(&log.dest_name, &log.dest_name_aggr));
    let labels = |labels: Option<&Labels<'_>>| match labels {
        Some(Labels::List(list) | Labels::Object { labels: Some(list) }) => pairs(list.iter().map(|text| &**text)),
        Some(Labels::Text(text)) => pairs(text.split('|')),
        _ => Vec::new(),
    };
    let source = Said {
        kind: &log.source_type,
        namespace: &log.source_namespace,
        name: &from,
        address: &log.source_ip,
        domain: "",
        labels: labels(log.source_labels.as_ref()),
    };
    let destination = Said {
        kind: &log.dest_type,
        namespace: &log.dest_namespace,
        name: &to,
        address: &log.dest_ip,
        domain: log.dest_domains.as_deref().and_then(<[_]>::first).map_or("", |domain| domain),
        labels: labels(log.dest_labels.as_ref()),
    };
    let facts = Facts {
        protocol: &log.proto,
        port: &log.dest_port,
        action: &log.action,
        count: &log.num_flows,
        start: &log.start_time,
        end: &log.end_time,
    };
    flow(source, destination, &facts)
}

/// Reads a flow of Goldmane.
pub(super) fn of_goldmane(text: &[u8]) -> Record {
    let log: Goldmane<'_> = match serde_json::from_slice(text) {
        Ok(log) => log,
        Err(error) => return Record::Bad(format!("no flow of Goldmane: {}", json::reason(&error))),
    };
    let labels = |labels: Option<&[Text<'_>]>| pairs(labels.unwrap_or_default().iter().map(|text| &**text));
    let key = &log.key;
    let source = Said {
        kind: &key.source_type,
        namespace: &key.source_namespace,
        name: &key.source_name,
        address: "",
        domain: "",
        labels: labels(log.source_labels.as_deref()),
    };
    let destination = Said {
        kind: &key.dest_type,
        namespace: &key.dest_namespace,
        name: &key.dest_name,
        address: "",
        domain: "",
        labels: labels(log.dest_labels.as_deref()),
    };
    let facts = Facts {
        protocol: &key.proto,
        port: &key.dest_port,
        action: &key.action,
        count: &log.num_connections_started,
        start: &log.start_time,
        end: &log.end_time,
    };
    flow(source, destination, &facts)
}

fn flow(source: Said<'_>, destination: Said<'_>, facts: &Facts<'_>) -> Record {
    let Some(protocol) = FlowProtocol::read(facts.protocol) else {
        return Record::Bad(format!("a flow of Calico with the protocol `{}`", facts.protocol));
    };
    let port = facts.port.parse().ok().filter(|port| *port > 0);
    let verdict = match facts.action {
        word if word.eq_ignore_ascii_case("allow") => FlowVerdict::Allowed,
        word if word.eq_ignore_ascii_case("deny") => FlowVerdict::Denied,
        _ => FlowVerdict::Unknown,
    };
    let (start, end) = (json::time(facts.start), json::time(facts.end));
    let count = facts.count.parse().unwrap_or(1).max(1);
    let key = FlowKey { source: Arc::new(source.end()), destination: Arc::new(destination.end()), protocol, port, verdict };
    Record::Flow(key, Seen::within(count, [start, end]))
}

impl Said<'_> {
    fn end(self) -> FlowEnd {
        let known = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
        let (namespace, name) = (known(self.namespace), known(self.name));
        let kind = match (self.kind, &*name) {
            ("hep" | "HostEndpoint", _) => FlowEndKind::Node,
            ("wep" | "WorkloadEndpoint", _) => FlowEndKind::Pod,
            (_, "pvt") => FlowEndKind::Unknown,
            ("net" | "ns" | "Network" | "NetworkSet", _) | (_, "pub") => FlowEndKind::Outside,
            _ if !namespace.is_empty() => FlowEndKind::Pod,
            _ => FlowEndKind::Unknown,
        };
        if kind == FlowEndKind::Pod {
            let (namespace, pod) = (namespace.into(), name.into());
            return FlowEnd { kind, namespace, pod, labels: self.labels, ..FlowEnd::default() };
        }
        FlowEnd { kind, address: self.address.parse().ok(), domain: self.domain.into(), ..FlowEnd::default() }
    }
}

/// Labels of texts `key=value`.
fn pairs<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<(Box<str>, Box<str>)> {
    let pair = |text: &str| text.trim().split_once('=').map(|(key, value)| (key.into(), value.into()));
    let mut pairs: Vec<_> = texts.filter_map(pair).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}
