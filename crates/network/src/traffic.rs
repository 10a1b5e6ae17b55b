//! What may flow from one end to another: protocols and ports.

use crate::ranges::Ranges;
use serde::{Serialize, Serializer};
use std::fmt;

/// A transport protocol that has ports (core/v1 `Protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// Of a name as the API writes it; letter case does not matter.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }
}

/// A set of protocols and destination ports. Equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    /// Destination ports of TCP, UDP and SCTP.
    ports: [Ranges<u16>; 3],
    /// Everything without ports: ICMP and other protocols of IP. NetworkPolicy v1 leaves open whether it holds for them; they
    /// pass where all ports of all protocols do, as the rules without ports say.
    other: bool,
}

impl Traffic {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything.
    pub fn all() -> Self {
        Self { ports: [ports(), ports(), ports()], other: true }
    }

    /// Some ports of one protocol. Port 0 is none.
    pub fn of(protocol: Protocol, set: &Ranges<u16>) -> Self {
        let mut traffic = Self::default();
        *traffic.slot(protocol) = set.intersection(&ports());
        traffic
    }

    /// One port.
    pub fn port(protocol: Protocol, port: u16) -> Self {
        Self::of(protocol, &Ranges::one(port))
    }

    /// All ports of one protocol.
    pub fn protocol(protocol: Protocol) -> Self {
        Self::of(protocol, &ports())
    }

    fn slot(&mut self, protocol: Protocol) -> &mut Ranges<u16> {
        let [tcp, udp, sctp] = &mut self.ports;
        match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
            Protocol::Sctp => sctp,
        }
    }

    /// The ports of one protocol.
    pub fn ports(&self, protocol: Protocol) -> &Ranges<u16> {
        let [tcp, udp, sctp] = &self.ports;
        match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
            Protocol::Sctp => sctp,
        }
    }

    /// Whether nothing may flow.
    pub fn is_none(&self) -> bool {
        !self.other && self.ports.iter().all(Ranges::is_empty)
    }

    /// Whether everything may flow.
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether all ports of all protocols that have ports may be reached.
    pub fn is_all_ports(&self) -> bool {
        self.ports.iter().all(|set| *set == ports())
    }

    /// Whether traffic without ports (ICMP) may flow.
    pub fn other(&self) -> bool {
        self.other
    }

    /// Whether a port may be reached.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ports(protocol).contains(port)
    }

    fn merged(&self, other: &Self, sets: impl Fn(&Ranges<u16>, &Ranges<u16>) -> Ranges<u16>, rest: bool) -> Self {
        let ([a, b, c], [d, e, f]) = (&self.ports, &other.ports);
        Self { ports: [sets(a, d), sets(b, e), sets(c, f)], other: rest }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.merged(other, Ranges::union, self.other || other.other)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.merged(other, Ranges::intersection, self.other && other.other)
    }

    /// What is in it and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.merged(other, Ranges::difference, self.other && !other.other)
    }

    /// Whether all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_none()
    }
}

/// The ports there are.
fn ports() -> Ranges<u16> {
    Ranges::range(1, u16::MAX)
}

/// `TCP 80, 443, 8000-8080; UDP 53`; `all` for everything and `none` for nothing.
impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        if self.is_all() {
            return f.write_str("all");
        }
        let mut separator = "";
        for protocol in Protocol::ALL {
            let set = self.ports(protocol);
            if set.is_empty() {
                continue;
            }
            write!(f, "{separator}{}", protocol.name())?;
            separator = "; ";
            if *set == ports() {
                continue;
            }
            let mut comma = " ";
            for (first, last) in set.iter() {
                write!(f, "{comma}{first}")?;
                if last > first {
                    write!(f, "-{last}")?;
                }
                comma = ", ";
            }
        }
        if self.other {
            write!(f, "{separator}ICMP and others")?;
        }
        Ok(())
    }
}

impl Serialize for Traffic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Parts::from(self).serialize(serializer)
    }
}

/// How outputs say it.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Parts {
    /// Everything may flow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    /// Ports of TCP, as `80` or `8000-8080`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tcp: Vec<String>,
    /// Ports of UDP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    udp: Vec<String>,
    /// Ports of SCTP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sctp: Vec<String>,
    /// ICMP and other traffic without ports.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other: bool,
}

impl From<&Traffic> for Parts {
    fn from(traffic: &Traffic) -> Self {
        let written = |protocol| {
            let range = |(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
            traffic.ports(protocol).iter().map(range).collect()
        };
        if traffic.is_all() {
            return Self { all: true, tcp: Vec::new(), udp: Vec::new(), sctp: Vec::new(), other: false };
        }
        Self { all: false, tcp: written(Protocol::Tcp), udp: written(Protocol::Udp), sctp: written(Protocol::Sctp), other: traffic.other }
    }
}

impl schemars::JsonSchema for Traffic {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Traffic".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Parts::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_reads_as_people_write_it() {
        let web = Traffic::port(Protocol::Tcp, 80).union(&Traffic::of(Protocol::Tcp, &Ranges::range(8000, 8080)));
        let with_dns = web.union(&Traffic::port(Protocol::Udp, 53));
        for (traffic, written) in [
            (Traffic::none(), "none"),
            (Traffic::all(), "all"),
            (with_dns.clone(), "TCP 80, 8000-8080; UDP 53"),
            (Traffic::protocol(Protocol::Sctp), "SCTP"),
            (Traffic::all().difference(&Traffic::protocol(Protocol::Tcp)), "UDP; SCTP; ICMP and others"),
        ] {
            assert_eq!(traffic.to_string(), written);
        }
        assert!(web.is_subset(&with_dns) && !with_dns.is_subset(&web) && with_dns.contains(Protocol::Udp, 53));
        assert_eq!(with_dns.difference(&web), Traffic::port(Protocol::Udp, 53));
        assert!(Traffic::of(Protocol::Tcp, &Ranges::one(0)).is_none());
    }
}
