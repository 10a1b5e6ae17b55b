//! Flows: who was seen to talk to whom, whichever log it comes from.

use core::net::IpAddr;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Connections between two ends that were seen, those alike together. Replies are none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// What was seen.
    pub key: FlowKey,
    /// How often and when.
    pub seen: Seen,
}

/// What makes flows one: everything but how often and when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// Who opened the connection.
    pub source: Arc<FlowEnd>,
    /// To whom.
    pub destination: Arc<FlowEnd>,
    /// By what.
    pub protocol: FlowProtocol,
    /// The port of the destination; none where the protocol knows none, or the log does not say.
    pub port: Option<u16>,
    /// What became of it.
    pub verdict: FlowVerdict,
}

/// How often and when something was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// How often it was recorded: by packet, connection or interval, as the log counts.
    pub count: u64,
    /// The first time.
    pub first: Option<Timestamp>,
    /// The last time.
    pub last: Option<Timestamp>,
}

/// One end of a flow, as far as its log tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowEnd {
    /// What it is.
    pub kind: FlowEndKind,
    /// The namespace; empty where there is none.
    pub namespace: Box<str>,
    /// The kind of the workload; empty if unknown.
    pub workload_kind: Box<str>,
    /// The name of the workload; empty if unknown.
    pub workload: Box<str>,
    /// The name of the pod; empty if unknown, or if the workload is known. One that ends in `*` is what pods of a set begin with.
    pub pod: Box<str>,
    /// Labels of the pods, by key.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// The address; none where a name says who it is.
    pub address: Option<IpAddr>,
    /// A name outside of the cluster that the address was known by; empty if unknown.
    pub domain: Box<str>,
}

/// What an end of a flow is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowEndKind {
    /// The log does not say: only an address is known.
    #[default]
    Unknown,
    /// A pod.
    Pod,
    /// A node, or something on its network.
    Node,
    /// The node that the other end runs on.
    OwnNode,
    /// Something outside of the cluster.
    Outside,
}

/// The protocol of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP of either family.
    Icmp,
    /// Another one, by its number in the header of IP.
    Other(u8),
}

/// What became of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowVerdict {
    /// It passed.
    Allowed,
    /// It did not pass.
    Denied,
    /// It passed, and policies in audit mode would have it denied.
    Audited,
    /// The log does not say.
    Unknown,
}

impl Seen {
    /// Seen so often within an interval, as far as it is known; logs may have its ends the wrong way round.
    pub fn within(count: u64, interval: [Option<Timestamp>; 2]) -> Self {
        let known = interval.into_iter().flatten();
        Self { count, first: known.clone().min(), last: known.max() }
    }

    /// Takes in more of the same.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.into_iter().chain(other.last).max();
    }
}

impl FlowProtocol {
    /// By its number in the header of IP.
    pub fn of_number(number: u8) -> Self {
        match number {
            6 => Self::Tcp,
            17 => Self::Udp,
            132 => Self::Sctp,
            1 | 58 => Self::Icmp,
            other => Self::Other(other),
        }
    }

    /// By its name in any case, or its number.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("tcp") => Some(Self::Tcp),
            _ if text.eq_ignore_ascii_case("udp") => Some(Self::Udp),
            _ if text.eq_ignore_ascii_case("sctp") => Some(Self::Sctp),
            _ if ["icmp", "icmpv4", "icmp6", "icmpv6", "ipv6-icmp"].iter().any(|name| text.eq_ignore_ascii_case(name)) => Some(Self::Icmp),
            _ => text.parse().ok().map(Self::of_number),
        }
    }
}

/// `TCP`; `protocol 47` for one without a name here.
impl fmt::Display for FlowProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("TCP"),
            Self::Udp => f.write_str("UDP"),
            Self::Sctp => f.write_str("SCTP"),
            Self::Icmp => f.write_str("ICMP"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

/// `shop/web`, `shop/web-7d4b*`, `203.0.113.9`, `example.org (203.0.113.9)`.
impl fmt::Display for FlowEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.workload.is_empty() { &self.pod } else { &self.workload };
        let word = match self.kind {
            FlowEndKind::Node => "node",
            FlowEndKind::OwnNode => "its own node",
            FlowEndKind::Outside => "outside",
            FlowEndKind::Pod | FlowEndKind::Unknown => "unknown",
        };
        match (self.namespace.is_empty(), name.is_empty(), self.domain.is_empty(), self.address) {
            (false, false, ..) => write!(f, "{}/{name}", self.namespace),
            (true, false, ..) => f.write_str(name),
            (_, _, false, Some(address)) => write!(f, "{} ({address})", self.domain),
            (_, _, false, None) => f.write_str(&self.domain),
            (_, _, true, Some(address)) => write!(f, "{address}"),
            (false, true, true, None) => {
                let labels: Vec<_> = self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "{}/{{{}}}", self.namespace, labels.join(","))
            }
            (true, true, true, None) => f.write_str(word),
        }
    }
}
