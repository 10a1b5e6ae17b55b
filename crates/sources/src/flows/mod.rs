//! Logs of flows: Hubble, Calico, and what clouds write of virtual networks. Every record is known by its own content, so that files,
//! compressed or not, may hold a mixture.
//!
//! A log may be larger than memory: equal flows are folded into one while it is read.

mod calico;
mod fold;
mod hubble;
mod json;
mod vpc;

use crate::files;
use crate::split::{Batch, Broken, Piece, Splitter};
use crate::streams::{broken_stream, each_stream, unpacked};
use fold::Fold;
use json::Text;
use plimsoll_model::{Flow, FlowKey, Problem, ProblemKind, Seen};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use vpc::Columns;

/// What one thread parses at once.
const SHARE: usize = 2048;
/// The most bytes of one record.
const RECORD: usize = 4 << 20;
/// So many different flows are kept.
const FLOWS: usize = 1 << 20;
/// Of a record that nobody knows.
const UNKNOWN: &str = "no flow of Hubble, Calico or a virtual network";
/// So many of one kind in one file are told one by one.
const SINGLY: u64 = 5;

/// What logs of flows hold.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    /// The flows, each once, in order.
    pub flows: Vec<Flow>,
    /// How many records were replies, which are no flows.
    pub replies: u64,
    /// What could not be read, or is left out.
    pub problems: Vec<Problem>,
}

/// Reads files, directories (every regular file in them, by name) and standard input (`-`). What could not be read stops nothing.
pub fn read(paths: &[PathBuf], stdin: impl Read + Send) -> Flows {
    let mut reader = Reader::default();
    each_stream(paths, stdin, |next| match next {
        Ok((name, input)) => reader.stream(&name, input),
        Err(problem) => reader.problems.push(problem),
    });
    reader.finish()
}

/// Reads one stream, which problems call `name`; see [`read`].
pub fn read_stream(name: &str, input: impl Read + Send) -> Flows {
    let mut reader = Reader::default();
    reader.stream(name, input);
    reader.finish()
}

/// What a record says.
enum Record {
    /// That something was seen, so often.
    Flow(FlowKey, Seen),
    /// That an answer was seen.
    Reply,
    /// Something that is no flow; what.
    Other(&'static str),
    /// Something that cannot be; why.
    Bad(String),
}

#[derive(Default)]
struct Reader {
    fold: Fold,
    replies: u64,
    problems: Vec<Problem>,
}

/// What a share of a batch came to.
#[derive(Default)]
struct Share {
    fold: Fold,
    replies: u64,
    others: BTreeMap<&'static str, u64>,
    bad: Vec<(u64, String, ProblemKind)>,
}

impl Reader {
    fn stream(&mut self, name: &str, input: impl Read + Send) {
        let (input, is_gzip) = match unpacked(input) {
            Ok(input) => input,
            Err(error) => return self.problems.push(files::unreadable(name, &error)),
        };
        let mut splitter = Splitter::new(input, RECORD, false);
        let mut columns = Columns::default();
        let (mut others, mut bad, mut last) = (BTreeMap::new(), 0, 0);
        loop {
            let batch = match splitter.next() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => {
                    self.problems.push(broken_stream(name, splitter.line(), is_gzip, &error));
                    continue;
                }
            };
            for share in shares(&batch, &mut columns) {
                self.replies += share.replies;
                self.fold.merge(share.fold);
                for (what, count) in share.others {
                    *others.entry(what).or_insert(0) += count;
                }
                for (line, why, kind) in share.bad {
                    (bad, last) = (bad + 1, line);
                    if bad <= SINGLY {
                        self.problems.push(Problem::new(kind, why).target(format!("{name}:{line}")));
                    }
                }
            }
        }
        if bad > SINGLY {
            let message = format!("{} more records that are no flows, the last one in line {last}", bad - SINGLY);
            self.problems.push(Problem::new(ProblemKind::Invalid, message).target(name));
        }
        for (what, count) in others {
            self.problems.push(Problem::new(ProblemKind::Note, format!("{count} records are no flows: {what}")).target(name));
        }
    }

    fn finish(mut self) -> Flows {
        let beyond = self.fold.beyond;
        if beyond > 0 {
            let kept = self.fold.len();
            let message = format!("more than {kept} different flows: {beyond} records of others are left out");
            self.problems.push(Problem::new(ProblemKind::Limit, message).help("give logs of less time, or of fewer namespaces"));
        }
        Flows { flows: self.fold.flows(), replies: self.replies, problems: self.problems }
    }
}

/// Parses a batch. Headings stand for all lines behind them, so that they are looked for first.
fn shares(batch: &Batch, columns: &mut Columns) -> Vec<Share> {
    let text = |piece: &Piece| batch.bytes.get(piece.range.clone()).unwrap_or_default().trim_ascii();
    let mut parts: Vec<(Columns, Vec<&Piece>)> = vec![(columns.clone(), Vec::new())];
    for piece in &batch.pieces {
        if let Some(heading) = Columns::heading(text(piece)) {
            columns.clone_from(&heading);
            parts.push((heading, Vec::new()));
        } else if let Some((_, pieces)) = parts.last_mut() {
            pieces.push(piece);
        }
    }
    let parse = |(columns, pieces): &(Columns, Vec<&Piece>)| {
        let share = |pieces: &[&Piece]| {
            let mut share = Share::default();
            for piece in pieces {
                match piece.broken {
                    None => share.document(text(piece), columns, piece.line, 0),
                    Some(Broken::CutOff) => {
                        share.bad.push((piece.line, "the JSON that begins here is cut off or broken".to_owned(), ProblemKind::Syntax));
                    }
                    Some(Broken::TooLarge) => {
                        let why = format!("more than the {} MiB that one record may have", RECORD >> 20);
                        share.bad.push((piece.line, why, ProblemKind::Limit));
                    }
                }
            }
            share
        };
        pieces.par_chunks(SHARE).map(share).collect::<Vec<_>>()
    };
    parts.iter().flat_map(parse).collect()
}

impl Share {
    fn take(&mut self, record: Record, line: u64) {
        match record {
            Record::Flow(key, seen) => self.fold.add(key, seen),
            Record::Reply => self.replies += 1,
            Record::Other(what) => *self.others.entry(what).or_insert(0) += 1,
            Record::Bad(why) => self.bad.push((line, why, ProblemKind::Invalid)),
        }
    }
}

/// Records stand in texts in items of lists, not deeper.
const DEPTH: u8 = 4;

/// What records are wrapped in: by Hubble and Goldmane, by exports of Elasticsearch and of CloudWatch; and lists of them within a line.
#[derive(Deserialize)]
struct Wrapping<'a> {
    #[serde(borrow, alias = "_source")]
    flow: Option<&'a RawValue>,
    #[serde(borrow, alias = "events", alias = "logEvents", alias = "flows")]
    items: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    message: Text<'a>,
    #[serde(borrow)]
    lost_events: Option<&'a RawValue>,
    #[serde(borrow)]
    node_status: Option<&'a RawValue>,
    #[serde(borrow, alias = "debug_event")]
    agent_event: Option<&'a RawValue>,
}

impl Share {
    /// Records of any format.
    fn document(&mut self, text: &[u8], columns: &Columns, line: u64, depth: u8) {
        if text.first() != Some(&b'{') {
            let record = match std::str::from_utf8(text) {
                Ok(text) => columns.record(text),
                Err(_) => Record::Bad("no text in UTF-8".to_owned()),
            };
            return self.take(record, line);
        }
        let wrapping: Wrapping<'_> = match serde_json::from_slice(text) {
            Ok(wrapping) => wrapping,
            Err(error) => return self.take(Record::Bad(format!("no JSON of a flow: {}", json::reason(&error))), line),
        };
        match wrapping {
            Wrapping { flow: Some(flow), .. } if self.known(flow.get().as_bytes(), line) => {}
            Wrapping { items: Some(items), .. } => items.iter().for_each(|item| self.inner(item.get().as_bytes(), columns, line, depth)),
            Wrapping { lost_events: Some(_), .. } => self.take(Record::Other("Hubble says that events were lost before it saw them"), line),
            Wrapping { node_status: Some(_), .. } => self.take(Record::Other("the state of nodes"), line),
            Wrapping { agent_event: Some(_), .. } => self.take(Record::Other("events of Cilium itself"), line),
            _ if self.known(text, line) => {}
            Wrapping { message, .. } if !message.is_empty() => self.inner(message.trim().as_bytes(), columns, line, depth),
            _ => self.take(Record::Bad(UNKNOWN.to_owned()), line),
        }
    }

    /// A document within another one.
    fn inner(&mut self, text: &[u8], columns: &Columns, line: u64, depth: u8) {
        match depth < DEPTH {
            true => self.document(text, columns, line, depth + 1),
            false => self.take(Record::Bad("records within records, too deep".to_owned()), line),
        }
    }

    /// Takes an object that is of a format; `false` if it is of none.
    fn known(&mut self, text: &[u8], line: u64) -> bool {
        let has = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
        let record = if text.first() != Some(&b'{') {
            return false;
        } else if has("\"verdict\"") {
            hubble::record(text)
        } else if has("\"destName\"") {
            calico::of_goldmane(text)
        } else if has("\"dest_name\"") || has("\"dest_name_aggr\"") || has("\"dest_ip\"") {
            calico::record(text)
        } else {
            return false;
        };
        self.take(record, line);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    /// The flows as `from -> to protocol port verdict xcount`, and the problems.
    fn told(text: &str) -> (Vec<String>, u64, Vec<String>) {
        let Flows { flows, replies, problems } = read_stream("log", text.as_bytes());
        let flow = |Flow { key: FlowKey { source, destination, protocol, port, verdict }, seen }: &Flow| {
            let port = port.map_or(String::new(), |port| format!(" {port}"));
            format!("{source} -> {destination} {protocol}{port} {verdict:?} x{}", seen.count)
        };
        let problem = |problem: &Problem| format!("{} {}", problem.place(), problem.message);
        (flows.iter().map(flow).collect(), replies, problems.iter().map(problem).collect())
    }

    fn check(text: &str, flows: &[&str], replies: u64, problems: &[&str]) {
        let (got, got_replies, got_problems) = told(text);
        assert_eq!((got, got_replies), (flows.iter().map(ToString::to_string).collect(), replies), "{text}");
        assert_eq!(got_problems.len(), problems.len(), "{got_problems:?}");
        for (got, wanted) in got_problems.iter().zip(problems) {
            assert!(got.contains(wanted), "{got} is not {wanted}");
        }
    }

    const WEB: &str = r#""source":{"ID":7,"identity":900,"namespace":"shop","labels":["k8s:app=web","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"web-5d9c-x1","workloads":[{"name":"web","kind":"Deployment"}]}"#;
    const DB: &str = r#""destination":{"ID":8,"identity":901,"namespace":"shop","labels":["k8s:app=db"],"pod_name":"db-0"}"#;

    fn hubble(rest: &str) -> String {
        format!(
            r#"{{"time":"2026-03-01T10:00:00.5Z","verdict":"FORWARDED","IP":{{"source":"10.0.0.7","destination":"10.0.0.8","ipVersion":"IPv4"}},{rest}}}"#
        )
    }

    #[test]
    fn hubble_tells_flows_of_any_age() {
        let to_db = hubble(&format!(
            r#""l4":{{"TCP":{{"source_port":40000,"destination_port":5432,"flags":{{"SYN":true}}}}}},{WEB},{DB},"Type":"L3_L4","is_reply":false"#
        ));
        let plain = "shop/web -> shop/db-0 TCP 5432 Allowed";
        let wrapped = format!(r#"{{"flow":{to_db},"node_name":"n1","time":"2026-03-01T10:00:00.5Z"}}"#);
        check(&format!("{to_db}\n{wrapped}\n"), &[&format!("{plain} x2")], 0, &[]);
        check(&format!("[{to_db},\n{to_db}]"), &[&format!("{plain} x2")], 0, &[]);
        let without_word = to_db.replace(r#","is_reply":false"#, "");
        check(&without_word, &[&format!("{plain} x1")], 0, &[]);
        check(&without_word.replace(r#""SYN":true"#, r#""SYN":true,"ACK":true"#), &[], 1, &[]);
        check(&to_db.replace(r#""is_reply":false"#, r#""is_reply":true"#), &[], 1, &[]);
        check(&to_db.replace(r#""is_reply":false"#, r#""reply":true"#), &[], 1, &[]);
        check(&to_db.replace("FORWARDED", "DROPPED"), &["shop/web -> shop/db-0 TCP 5432 Denied x1"], 0, &[]);
        check(&to_db.replace("L3_L4", "SOCK"), &[], 0, &["1 records are no flows: translations"]);
        let out = r#""l4":{"UDP":{"source_port":40000,"destination_port":53}},"destination":{"identity":2,"labels":["reserved:world"]},"destination_names":["dns.example."]"#;
        check(&hubble(&format!("{out},{WEB}")), &["shop/web -> dns.example (10.0.0.8) UDP 53 Allowed x1"], 0, &[]);
        let ping = hubble(&format!(r#""l4":{{"ICMPv4":{{"type":8}}}},{WEB},{DB}"#));
        check(&ping, &["shop/web -> shop/db-0 ICMP Allowed x1"], 0, &[]);
        check(&ping.replace(r#""type":8"#, r#""code":0"#), &[], 1, &[]);
        check(r#"{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"9"}}"#, &[], 0, &["events were lost"]);
    }

    #[test]
    fn calico_tells_flows_of_any_product() {
        let enterprise = r#"{"start_time":1772359200,"end_time":1772359215,"source_ip":null,"source_name":"-","source_name_aggr":"web-5d9c-*","source_namespace":"shop","source_port":null,"source_type":"wep","source_labels":{"labels":["app=web"]},"dest_ip":"10.0.0.8","dest_name":"db-0","dest_name_aggr":"db-*","dest_namespace":"shop","dest_port":5432,"dest_type":"wep","proto":"tcp","action":"allow","reporter":"src","num_flows":3}"#;
        check(enterprise, &["shop/web-5d9c-* -> shop/db-0 TCP 5432 Allowed x3"], 0, &[]);
        check(&format!(r#"{{"_index":"flows","_source":{enterprise}}}"#), &["shop/web-5d9c-* -> shop/db-0 TCP 5432 Allowed x3"], 0, &[]);
        let whisker = r#"{"items":[{"start_time":"2026-03-01T10:00:00Z","end_time":"2026-03-01T10:00:15Z","action":"Deny","source_name":"web-5d9c-*","source_namespace":"shop","source_labels":"app=web | tier=front","dest_name":"pub","dest_namespace":"-","dest_labels":"","protocol":"tcp","dest_port":443,"reporter":"Src"}]}"#;
        check(whisker, &["shop/web-5d9c-* -> outside TCP 443 Denied x1"], 0, &[]);
        let goldmane = r#"{"id":"4","flow":{"Key":{"sourceName":"web-5d9c-*","sourceNamespace":"shop","sourceType":"WorkloadEndpoint","destName":"db-*","destNamespace":"shop","destType":"WorkloadEndpoint","destPort":"5432","proto":"tcp","reporter":"Dst","action":"Allow"},"startTime":"1772359200","endTime":"1772359215","sourceLabels":["app=web"],"numConnectionsStarted":"2"}}"#;
        check(goldmane, &["shop/web-5d9c-* -> shop/db-* TCP 5432 Allowed x2"], 0, &[]);
        check(&enterprise.replace("\"tcp\"", "\"warp\""), &[], 0, &["log:1 a flow of Calico with the protocol `warp`"]);
    }

    #[test]
    fn virtual_networks_tell_flows_with_or_without_a_heading() {
        let aws = "2 123456789010 eni-1 10.0.0.7 203.0.113.9 40000 443 6 20 4249 1772359200 1772359260 ACCEPT OK";
        let flow = "10.0.0.7 -> 203.0.113.9 TCP 443 Allowed x1";
        check(aws, &[flow], 0, &[]);
        check(&format!("2026-03-01T10:01:00.000Z {aws}"), &[flow], 0, &[]);
        check(&format!(r#"{{"events":[{{"timestamp":1772359260000,"message":"{aws}"}}]}}"#), &[flow], 0, &[]);
        check("2 123456789010 eni-1 203.0.113.9 10.0.0.7 443 40000 6 20 4249 1 2 ACCEPT OK", &[], 1, &[]);
        check("2 123456789010 eni-1 - - - - - - - 1 2 - NODATA", &[], 0, &["intervals without traffic"]);
        let custom = "version srcaddr dstaddr srcport dstport protocol tcp-flags action\n5 10.0.0.7 10.0.0.8 40000 40001 6 2 REJECT\n5 10.0.0.8 10.0.0.7 40001 40000 6 19 ACCEPT\n";
        check(custom, &["10.0.0.7 -> 10.0.0.8 TCP 40001 Denied x1"], 1, &[]);
        let csv = "\u{feff}from,to,protocol,port,count\n\"shop/web\",shop/db,tcp,5432,7\nshop/web,8.8.8.8,udp,53,1\nshop/web,8.8.8.8,udp,53,2\nbad,8.8.8.8,udp,53,2\nshop/web,8.8.8.8\n";
        let csv = csv.trim_start_matches('\u{feff}');
        check(
            csv,
            &["shop/web -> 8.8.8.8 UDP 53 Unknown x3", "shop/web -> shop/db TCP 5432 Unknown x7"],
            0,
            &["log:5 `bad` is neither", "log:6 a line of 2 columns below a heading of 5"],
        );
        let tabs = "Source Namespace\tSource Pod\tDestination IP\tDestination Port\tProtocol\nshop\tweb-1\t10.0.0.8\t53\tUDP\n";
        check(tabs, &["shop/web-1 -> 10.0.0.8 UDP 53 Unknown x1"], 0, &[]);
    }

    #[test]
    fn what_is_no_flow_is_told() {
        let problems: Vec<_> = (1..=5).map(|line| format!("log:{line} no flow of Hubble")).collect();
        let problems: Vec<&str> =
            problems.iter().map(String::as_str).chain(["7 more records that are no flows, the last one in line 12"]).collect();
        check(&"hello\n".repeat(12), &[], 0, &problems);
        check("{\"verdict\":\"FORWARDED\",\n", &[], 0, &["log:1 the JSON that begins here is cut off"]);
        check(r#"{"a":1}"#, &[], 0, &["log:1 no flow of Hubble, Calico or a virtual network"]);
    }

    #[test]
    fn logs_may_be_packed() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"2 1 eni-1 10.0.0.7 203.0.113.9 40000 443 6 20 4249 1 2 ACCEPT OK\n").unwrap();
        let mut packed = packed.finish().unwrap();
        assert_eq!(read_stream("log.gz", &*packed).flows.len(), 1);
        packed.truncate(packed.len() - 6);
        let cut = read_stream("log.gz", &*packed);
        assert!(cut.problems.iter().any(|problem| problem.message.contains("gzip")), "{:?}", cut.problems);
    }

    proptest! {
        #[test]
        fn the_order_of_records_does_not_matter(mut lines in prop::collection::vec((0u8..3, 0u8..3, 0u16..3, 1u32..50), 1..40)) {
            let text = |lines: &[(u8, u8, u16, u32)]| {
                let line = |(from, to, port, time): &(u8, u8, u16, u32)| format!("10.0.0.{from},10.0.1.{to},{},{time}\n", port + 80);
                "src,dst,port,time\n".to_owned() + &lines.iter().map(line).collect::<String>()
            };
            let one = read_stream("log", text(&lines).as_bytes()).flows;
            prop_assert_eq!(one.iter().map(|flow| flow.seen.count).sum::<u64>(), lines.len() as u64);
            lines.reverse();
            prop_assert_eq!(one, read_stream("log", text(&lines).as_bytes()).flows);
        }
    }
}
