//! Flow logs of virtual networks: the default format of AWS (version 2), and lines below a heading, with spaces, tabs or commas
//! between.

use super::{Record, UNKNOWN, json};
use plimsoll_model::{FlowEnd, FlowEndKind, FlowKey, FlowProtocol, FlowVerdict, Seen};
use std::borrow::Cow;
use std::sync::Arc;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Source(Part),
    Destination(Part),
    Protocol,
    Action,
    Start,
    End,
    Count,
    /// The flags of TCP that were seen, as one number.
    Flags,
    /// Whether the record holds anything.
    Status,
    /// Something else.
    Other,
}

/// What a column says of one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Address,
    /// The address in the packet, where the other one is that of an interface on the way.
    Packet,
    Port,
    Namespace,
    Pod,
    Workload,
    Kind,
}

/// The columns of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    list: Vec<Column>,
    /// What stands between them.
    separator: char,
    /// Whether no heading was seen: then lines have the default format of AWS.
    is_default: bool,
}

impl Default for Columns {
    fn default() -> Self {
        use Column::{Action, Destination, End, Other, Protocol, Source, Start, Status};
        let (address, port) = (Part::Address, Part::Port);
        // version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
        let list = [Other, Other, Other, Source(address), Destination(address), Source(port), Destination(port), Protocol];
        let list = list.into_iter().chain([Other, Other, Start, End, Action, Status]).collect();
        Self { list, separator: ' ', is_default: true }
    }
}

impl Columns {
    /// The columns that a line names, if it is a heading.
    pub(super) fn heading(line: &[u8]) -> Option<Self> {
        let first = line.first()?;
        // Most lines begin with a number or are JSON.
        if !(first.is_ascii_alphabetic() || *first == b'"') || line.len() > 4096 {
            return None;
        }
        let line = std::str::from_utf8(line).ok()?;
        let separator = if line.contains('\t') {
            '\t'
        } else if line.contains(',') {
            ','
        } else {
            ' '
        };
        let list: Vec<Column> = cells(line, separator).map(|cell| Column::named(&cell)).collect();
        let names = |is: fn(&Column) -> bool| list.iter().any(is);
        let is_heading = names(|column| matches!(column, Column::Source(part) if part.is_name()))
            && names(|column| matches!(column, Column::Destination(part) if part.is_name()));
        is_heading.then_some(Self { list, separator, is_default: false })
    }

    /// Reads a line.
    pub(super) fn record(&self, line: &str) -> Record {
        let mut cells: Vec<Cow<'_, str>> = cells(line, self.separator).collect();
        // CloudWatch writes the time of the record in front.
        if self.is_default && cells.len() == self.list.len() + 1 && cells.first().is_some_and(|cell| json::time(cell).is_some()) {
            cells.remove(0);
        }
        if cells.len() != self.list.len() || (self.is_default && cells.first().is_none_or(|cell| cell != "2")) {
            return Record::Bad(match self.is_default {
                true => format!("{UNKNOWN}; a table needs a heading"),
                false => format!("a line of {} columns below a heading of {}", cells.len(), self.list.len()),
            });
        }
        let mut line = Line::default();
        for (column, cell) in self.list.iter().zip(&cells) {
            line.take(*column, if cell == "-" { "" } else { cell });
        }
        line.record()
    }
}

impl Part {
    /// Whether it says who an end is.
    fn is_name(self) -> bool {
        !matches!(self, Self::Port | Self::Namespace | Self::Kind)
    }
}

impl Column {
    /// By name; letter case and what is neither letter nor digit do not matter.
    fn named(name: &str) -> Self {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
        let (packet, rest) = plain.strip_prefix("pkt").map_or((false, &*plain), |rest| (true, rest));
        let end = |words: &[&str]| words.iter().find_map(|word| rest.strip_prefix(word));
        let part = |rest: &str| match rest {
            "addr" | "address" | "ip" | "ipaddr" | "ipaddress" | "" => Some(if packet { Part::Packet } else { Part::Address }),
            "port" => Some(Part::Port),
            "namespace" | "ns" | "podnamespace" => Some(Part::Namespace),
            "pod" | "podname" | "name" => Some(Part::Pod),
            "workload" | "workloadname" => Some(Part::Workload),
            "kind" | "workloadkind" => Some(Part::Kind),
            _ => None,
        };
        let source = end(&["source", "src", "from"]).and_then(part).map(Self::Source);
        let destination = end(&["destination", "dest", "dst", "to"]).and_then(part).map(Self::Destination);
        source.or(destination).unwrap_or(match &*plain {
            "port" => Self::Destination(Part::Port),
            "protocol" | "proto" | "ipprotocol" => Self::Protocol,
            "action" | "verdict" | "disposition" | "decision" => Self::Action,
            "start" | "starttime" | "first" | "firstseen" => Self::Start,
            "end" | "endtime" | "time" | "timestamp" | "last" | "lastseen" => Self::End,
            "count" | "flows" | "numflows" | "connections" => Self::Count,
            "tcpflags" => Self::Flags,
            "logstatus" => Self::Status,
            _ => Self::Other,
        })
    }
}

/// What a line says.
#[derive(Default)]
struct Line<'l> {
    source: Side<'l>,
    destination: Side<'l>,
    protocol: &'l str,
    action: &'l str,
    start: &'l str,
    end: &'l str,
    count: &'l str,
    flags: &'l str,
    status: &'l str,
}

#[derive(Default)]
struct Side<'l> {
    address: &'l str,
    packet: &'l str,
    port: &'l str,
    namespace: &'l str,
    pod: &'l str,
    workload: &'l str,
    kind: &'l str,
}

impl<'l> Line<'l> {
    fn take(&mut self, column: Column, cell: &'l str) {
        match column {
            Column::Source(part) => self.source.take(part, cell),
            Column::Destination(part) => self.destination.take(part, cell),
            Column::Protocol => self.protocol = cell,
            Column::Action => self.action = cell,
            Column::Start => self.start = cell,
            Column::End => self.end = cell,
            Column::Count => self.count = cell,
            Column::Flags => self.flags = cell,
            Column::Status => self.status = cell,
            Column::Other => {}
        }
    }

    fn record(self) -> Record {
        match self.status {
            "NODATA" => return Record::Other("intervals without traffic"),
            "SKIPDATA" => return Record::Other("the log itself skipped records"),
            _ => {}
        }
        let Some(protocol) = FlowProtocol::read(self.protocol).or(self.protocol.is_empty().then_some(FlowProtocol::Tcp)) else {
            return Record::Bad(format!("`{}` is no protocol", self.protocol));
        };
        let has_ports = matches!(protocol, FlowProtocol::Tcp | FlowProtocol::Udp | FlowProtocol::Sctp);
        let mut ports = [None, None];
        for (port, side) in ports.iter_mut().zip([&self.source, &self.destination]) {
            *port = match side.port.parse::<u16>() {
                _ if side.port.is_empty() => None,
                Ok(number) => Some(number).filter(|number| *number > 0 && has_ports),
                Err(_) => return Record::Bad(format!("`{}` is no port", side.port)),
            };
        }
        let [source_port, port] = ports;
        let is_reply = match self.flags.parse::<u16>() {
            // Those of a whole interval: who answered sent SYN and ACK together.
            Ok(flags) if protocol == FlowProtocol::Tcp && flags & 2 != 0 => flags & 16 != 0,
            _ => is_answer(source_port, port),
        };
        if is_reply {
            return Record::Reply;
        }
        let verdict = match self.action.to_ascii_lowercase().as_str() {
            "accept" | "accepted" | "allow" | "allowed" | "forwarded" | "pass" | "a" => FlowVerdict::Allowed,
            "reject" | "rejected" | "deny" | "denied" | "drop" | "dropped" | "block" | "blocked" | "d" => FlowVerdict::Denied,
            "audit" => FlowVerdict::Audited,
            _ => FlowVerdict::Unknown,
        };
        let (source, destination) = match (self.source.end(), self.destination.end()) {
            (Ok(source), Ok(destination)) => (Arc::new(source), Arc::new(destination)),
            (Err(why), _) | (_, Err(why)) => return Record::Bad(why),
        };
        let (start, end) = (json::time(self.start), json::time(self.end));
        let count = self.count.parse().unwrap_or(1).max(1);
        let key = FlowKey { source, destination, protocol, port, verdict };
        Record::Flow(key, Seen::within(count, [start, end]))
    }
}

impl<'l> Side<'l> {
    fn take(&mut self, part: Part, cell: &'l str) {
        match part {
            Part::Address => self.address = cell,
            Part::Packet => self.packet = cell,
            Part::Port => self.port = cell,
            Part::Namespace => self.namespace = cell,
            Part::Pod => self.pod = cell,
            Part::Workload => self.workload = cell,
            Part::Kind => self.kind = cell,
        }
    }

    fn end(self) -> Result<FlowEnd, String> {
        let is_named = !self.pod.is_empty() || !self.workload.is_empty();
        if is_named && !self.namespace.is_empty() {
            return Ok(FlowEnd {
                kind: FlowEndKind::Pod,
                namespace: self.namespace.into(),
                workload_kind: self.kind.into(),
                workload: self.workload.into(),
                pod: if self.workload.is_empty() { self.pod } else { "" }.into(),
                ..FlowEnd::default()
            });
        }
        let text = if self.packet.is_empty() { self.address } else { self.packet };
        match (text.parse(), text.split_once('/')) {
            (Ok(address), _) => Ok(FlowEnd { address: Some(address), ..FlowEnd::default() }),
            // A workload, as answers about the network write it.
            (Err(_), Some((namespace, workload))) if !namespace.is_empty() && !workload.is_empty() => {
                let (namespace, workload) = (namespace.into(), workload.into());
                Ok(FlowEnd { kind: FlowEndKind::Pod, namespace, workload, ..FlowEnd::default() })
            }
            (Err(_), _) => Err(format!("`{text}` is neither an address nor `namespace/workload`")),
        }
    }
}

/// Whether ports look like those of an answer: from one that servers have to one that clients are given (from 32768 on, as Linux does).
pub(super) fn is_answer(source: Option<u16>, destination: Option<u16>) -> bool {
    matches!((source, destination), (Some(source), Some(destination)) if source < 32768 && destination >= 32768)
}

/// The cells of a line; in CSV they may be quoted.
fn cells(line: &str, separator: char) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(line.trim_end_matches(['\r', '\n']));
    std::iter::from_fn(move || {
        let text = rest?;
        if separator == ' ' {
            let text = text.trim_start_matches(' ');
            let (cell, after) = text.split_once(' ').map_or((text, None), |(cell, after)| (cell, Some(after)));
            rest = after.filter(|after| !after.trim().is_empty());
            return Some(Cow::Borrowed(cell));
        }
        let Some(quoted) = text.strip_prefix('"') else {
            let (cell, after) = text.split_once(separator).map_or((text, None), |(cell, after)| (cell, Some(after)));
            rest = after;
            return Some(Cow::Borrowed(cell.trim()));
        };
        // Two quotes within are one.
        let mut cell = String::new();
        let mut inner = quoted;
        loop {
            let Some((part, after)) = inner.split_once('"') else {
                cell.push_str(inner);
                rest = None;
                break;
            };
            cell.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    cell.push('"');
                    inner = more;
                }
                None => {
                    rest = after.split_once(separator).map(|(_, after)| after);
                    break;
                }
            }
        }
        Some(Cow::Owned(cell))
    })
}
