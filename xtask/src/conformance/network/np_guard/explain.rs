//! `list --explain`: which policies and rules decide about each pair, allowed and denied.

use super::list::{sides, title};
use super::{CONTROLLER, Case, POD_NETWORK, Side, cases, differences, ports_only, traffic, with_world};
use crate::conformance::Cases;
use anyhow::{Context, bail};
use plimsoll_network::derivation::{Derivation, Outcome, PolicyName, Step};
use plimsoll_network::explain::Explanation;
use plimsoll_network::listing::Filter;
use plimsoll_network::policy::{Direction, Tier};
use plimsoll_network::{Addresses, End, Traffic, World};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every case as facts.
pub(in crate::conformance) fn explain(path: &Path) -> anyhow::Result<Cases> {
    let mut done = Cases::default();
    for case in cases(path, "explain")? {
        let wanted = match expected(&case.expected) {
            Ok(wanted) => wanted,
            Err(why) => {
                done.unreadable(case.name, format!("{why:#}"));
                continue;
            }
        };
        let got = with_world(path, &case.dir, |world| got(&case, world))??;
        let (wanted, got) = differences(&wanted.lines(), &got.lines());
        done.case(|| case.name.clone(), &wanted, &got);
    }
    Ok(done)
}

/// Why some traffic passes or not: what the policies of both ends say, and by which rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Why {
    allowed: bool,
    egress: Said,
    ingress: Said,
}

/// What one end says. The reasons have no order.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    allowed: bool,
    reasons: BTreeSet<String>,
}

const DEFAULT: &str = "default";
const APART: &str = "different networks";

impl Said {
    fn default_allow() -> Self {
        Self { allowed: true, reasons: BTreeSet::from([DEFAULT.to_owned()]) }
    }
}

/// Reasons per network and pair; for the outside, the addresses per workload, direction, traffic and reason.
#[derive(Debug, Default)]
struct Facts {
    pairs: BTreeMap<(String, String, String, Why), Traffic>,
    outside: BTreeMap<(String, String, Direction, Traffic, Why), Addresses>,
}

impl Facts {
    fn add(&mut self, network: &str, from: &Side, to: &Side, why: Why, traffic: &Traffic) {
        let network = network.to_owned();
        let (workload, direction, addresses) = match (from, to) {
            (Side::Named(from), Side::Named(to)) => {
                let known = self.pairs.entry((network, from.clone(), to.clone(), why)).or_default();
                *known = known.union(traffic);
                return;
            }
            (Side::Outside(addresses), Side::Named(workload)) => (workload, Direction::Ingress, addresses),
            (Side::Named(workload), Side::Outside(addresses)) => (workload, Direction::Egress, addresses),
            (Side::Outside(_), Side::Outside(_)) => return,
        };
        let addresses = addresses.intersection(&Addresses::all_v4());
        if !addresses.is_empty() {
            let known = self.outside.entry((network, workload.clone(), direction, traffic.clone(), why)).or_default();
            *known = known.union(&addresses);
        }
    }

    fn lines(&self) -> BTreeSet<String> {
        let said = |said: &Said| {
            let reasons: Vec<_> = said.reasons.iter().map(String::as_str).collect();
            format!("{} by [{}]", if said.allowed { "allowed" } else { "denied" }, reasons.join("; "))
        };
        let line = |network: &str, from: &str, to: &str, traffic: &Traffic, why: &Why| {
            let network = if network == POD_NETWORK { String::new() } else { format!("{network}: ") };
            let verdict = if why.allowed { "allowed" } else { "denied" };
            format!("{network}{from} -> {to} {verdict} {traffic}: egress {}, ingress {}", said(&why.egress), said(&why.ingress))
        };
        let pairs = self.pairs.iter().map(|((network, from, to, why), traffic)| line(network, from, to, traffic, why));
        let outside = self.outside.iter().map(|((network, workload, direction, traffic, why), addresses)| match direction {
            Direction::Ingress => line(network, &addresses.to_string(), workload, traffic, why),
            Direction::Egress => line(network, workload, &addresses.to_string(), traffic, why),
        });
        pairs.chain(outside).collect()
    }
}

/// Reads the expected text. What is said of exposure is of another suite.
fn expected(text: &str) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    let mut network = POD_NETWORK.to_owned();
    let mut pair = None;
    let mut part: Option<(Traffic, Why)> = None;
    let mut direction = None;
    let all = ports_only(&Traffic::all());
    for line in text.lines().map(str::trim) {
        let mut close = |part: &mut Option<(Traffic, Why)>, pair: &Option<(Side, Side)>, network: &str| {
            if let (Some((traffic, why)), Some((from, to))) = (part.take(), pair) {
                facts.add(network, from, to, why, &traffic);
            }
        };
        let ends = |text: &str| -> anyhow::Result<(Side, Side)> {
            let (from, to) = text.split_once(" => ").with_context(|| format!("`{text}` is no pair"))?;
            Ok((Side::read(from).context("no end")?, Side::read(to).context("no end")?))
        };
        if line.starts_with("Exposure Analysis Result") || line.starts_with("***") {
            break;
        } else if let Some(head) = line.strip_prefix("# ").map(|head| head.trim_end_matches(" #")) {
            close(&mut part, &pair, &network);
            network = head.split_once(" in ").map_or(POD_NETWORK, |(_, name)| name).to_owned();
            if network == "pod-network" {
                POD_NETWORK.clone_into(&mut network);
            }
        } else if let Some(rest) = line.strip_prefix("Connections between ") {
            close(&mut part, &pair, &network);
            pair = Some(ends(rest.trim_end_matches(':'))?);
        } else if let Some((allowed, rest)) = verdict(line) {
            close(&mut part, &pair, &network);
            let (flows, why) = rest.split_once(" due to ").with_context(|| format!("`{line}` says no reason"))?;
            // A direction of which nothing is said is left to what holds without policies.
            let said = Why { allowed, egress: Said::default_allow(), ingress: Said::default_allow() };
            anyhow::ensure!(why.starts_with("the ") || why.starts_with("existence of "), "`{why}` is no reason");
            part = Some((traffic(flows).with_context(|| format!("`{flows}` is no traffic"))?, said));
        } else if let Some(rest) =
            line.strip_prefix("Egress").or_else(|| line.strip_prefix("Ingress")).filter(|rest| rest.is_empty() || rest.starts_with(" ("))
        {
            direction = Some(if line.starts_with('E') { Direction::Egress } else { Direction::Ingress });
            let said = said_by(&mut part, direction)?;
            *said = Said { allowed: rest.starts_with(" (Allowed)"), reasons: BTreeSet::new() };
            if rest.contains("due to the system default") {
                said.reasons.insert(DEFAULT.to_owned());
            }
        } else if line.contains(" => ") {
            let (from, to) = ends(line)?;
            let why = Why { allowed: true, egress: Said::default_allow(), ingress: Said::default_allow() };
            facts.add(&network, &from, &to, why, &all);
        } else if is_reason(line) {
            said_by(&mut part, direction)?.reasons.insert(reason(line.trim_start_matches("- "))?);
        }
    }
    if let (Some((traffic, why)), Some((from, to))) = (part, &pair) {
        facts.add(&network, from, to, why, &traffic);
    }
    Ok(facts)
}

/// `Allowed TCP:[80] due to …`
fn verdict(line: &str) -> Option<(bool, &str)> {
    let allowed = line.strip_prefix("Allowed ").map(|rest| (true, rest));
    allowed.or_else(|| line.strip_prefix("Denied ").map(|rest| (false, rest))).filter(|(_, rest)| rest.contains(" due to "))
}

fn said_by(part: &mut Option<(Traffic, Why)>, direction: Option<Direction>) -> anyhow::Result<&mut Said> {
    match (part, direction) {
        (Some((_, why)), Some(Direction::Egress)) => Ok(&mut why.egress),
        (Some((_, why)), Some(Direction::Ingress)) => Ok(&mut why.ingress),
        _ => bail!("a reason without a part that it is for"),
    }
}

fn is_reason(line: &str) -> bool {
    line.contains('\'') || line == "the system default (Allow all)"
}

/// A reason in our words: `NetworkPolicy a/b allows #1`.
fn reason(line: &str) -> anyhow::Result<String> {
    if line == "the system default (Allow all)" {
        return Ok(DEFAULT.to_owned());
    }
    let mut parts = line.splitn(3, '\'');
    let (Some(kind), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { bail!("`{line}` names nothing") };
    let kind = kind.trim();
    let rule = |text: &str| {
        let after = text.split_once("gress rule ").map_or(text, |(_, after)| after);
        after.split(" selects ").next().unwrap_or(after).trim().to_owned()
    };
    let said = match rest {
        _ if rest.contains("but the protocols and ports do not match") && kind.ends_with("Policy") => format!("other ports {}", rule(rest)),
        _ if rest.contains("but named ports of the rule") => format!("no such port {}", rule(rest)),
        _ if rest.contains("(no rules defined)") => "no rules".to_owned(),
        _ if rest.contains("is not allowed by any") => "other peers".to_owned(),
        _ if rest.contains("allows connections by") => format!("allows {}", rule(rest)),
        _ if rest.contains("denies connections by") => format!("denies {}", rule(rest)),
        _ if rest.contains("passes connections by") => format!("passes {}", rule(rest)),
        // Of ways in, without the Service that they go through.
        _ if rest.contains("allows ingress connections through") => "allows".to_owned(),
        _ if rest.contains("allows ingress to service") => "other ports".to_owned(),
        // Of networks: that ends are in different ones, whatever these are called.
        _ if rest.contains(" isolates ") => return Ok(APART.to_owned()),
        _ => rest.trim().to_owned(),
    };
    Ok(format!("{kind} {name} {said}"))
}

/// The facts that our explanation states, of those that the case asks for.
fn got(case: &Case, world: &World<'_>) -> anyhow::Result<Facts> {
    let filter = Filter { focus: Case::find(&case.focus_workloads, world), direction: case.direction(), port: case.port() };
    let explanation = Explanation::new(world, &filter, None).map_err(|why| anyhow::anyhow!(why))?;
    let peers = Case::find(&case.focus_peers, world);
    let mut facts = Facts::default();
    let attached = explanation.attached.iter().flat_map(|network| network.pairs.iter().map(|pair| (pair, Some(network.name.as_str()))));
    for (pair, over) in explanation.pairs.iter().map(|pair| (pair, None)).chain(attached) {
        // Of pairs of which one part is allowed, all parts are told.
        let is_allowed = !ports_only(&pair.allowed).is_none();
        if case.explain_only == "deny" && is_allowed || case.explain_only == "allow" && !is_allowed {
            continue;
        }
        let derivation = |at: usize| explanation.derivations.get(at).context("a pair without derivation");
        let (egress, ingress) = (derivation(pair.egress)?, derivation(pair.ingress)?);
        // Pairs of different networks are told of where a port is in focus.
        if egress.steps.iter().any(|step| step.outcome == Outcome::Apart) && (case.focus_conn.is_empty() || !case.multiple_networks) {
            continue;
        }
        let parts = parts(egress, ingress);
        for (from_place, from) in sides(&pair.from, &explanation.workloads, &[])? {
            for (to_place, to) in sides(&pair.to, &explanation.workloads, &[])? {
                let is = |set: &Option<BTreeSet<usize>>, place: Option<usize>| {
                    set.as_ref().is_none_or(|set| place.is_some_and(|at| set.contains(&at)))
                };
                let outward = case.direction() != Some(Direction::Ingress) && is(&filter.focus, from_place) && is(&peers, to_place);
                let inward = case.direction() != Some(Direction::Egress) && is(&filter.focus, to_place) && is(&peers, from_place);
                // Names that differ in what parts pods of one workload are one there.
                if !(outward || inward) || from == to {
                    continue;
                }
                let network = over.map_or_else(|| first_network(world, [from_place, to_place]), title);
                for (why, traffic) in &parts {
                    facts.add(&network, &from, &to, why.clone(), traffic);
                }
            }
        }
    }
    controller(case, world, &mut facts)?;
    Ok(facts)
}

/// Adds what becomes of what the ingress controller sends: to that tool all ways in are one pod that nothing is known of. What no way
/// in sends to a workload is denied, by all that lead to it; of workloads that nothing arrives at it says nothing.
fn controller(case: &Case, world: &World<'_>, facts: &mut Facts) -> anyhow::Result<()> {
    let asked = case.port().map_or_else(Traffic::all, |(protocol, port)| Traffic::port(protocol, port));
    let mut by_workload: BTreeMap<usize, Vec<(String, &Traffic)>> = BTreeMap::new();
    for entrance in world.entrances.iter().filter(|entrance| matches!(entrance.object.kind, "Ingress" | "Route")) {
        for (to, sent) in &entrance.leads_to {
            let name = format!("{} {}/{}", entrance.object.kind, entrance.object.effective_namespace(), entrance.object.name);
            by_workload.entry(*to).or_default().push((name, sent));
        }
    }
    let is = |set: Option<BTreeSet<usize>>, at: usize| set.is_none_or(|set| set.contains(&at));
    for (to, ways) in by_workload {
        let endpoint = world.endpoints.get(to).context("a way to nobody")?;
        let to_side = Side::workload(world.namespace_of(endpoint).name, endpoint.name, endpoint.kind);
        let is_asked = is(Case::find(&case.focus_workloads, world), to) && case.focus_peers.is_empty();
        if !is_asked || case.direction() == Some(Direction::Egress) {
            continue;
        }
        let decision = world.decide_about(&Traffic::all(), End::Unknown, End::Endpoint(endpoint), Direction::Ingress);
        let derivation = Derivation::new(world, &decision, Direction::Ingress, &Traffic::all());
        let sent = ways.iter().fold(Traffic::none(), |all, (_, sent)| all.union(sent));
        if sent.intersection(&derivation.allowed).is_none() {
            continue;
        }
        let mut found: BTreeMap<Why, Traffic> = BTreeMap::new();
        for (piece, mut said) in pieces(&derivation) {
            let mut parts = vec![piece.intersection(&asked)];
            for (_, sent) in &ways {
                parts = parts.iter().flat_map(|part| [part.intersection(sent), part.difference(sent)]).collect();
            }
            said.reasons.remove(DEFAULT);
            for part in parts.iter().map(ports_only).filter(|part| !part.is_none()) {
                let is_sent = part.is_subset(&sent);
                let mut ingress = Said { allowed: said.allowed && is_sent, ..said.clone() };
                let named = ways.iter().filter(|(_, sent)| !is_sent || part.is_subset(sent));
                ingress.reasons.extend(named.map(|(name, _)| format!("{name} {}", if is_sent { "allows" } else { "other ports" })));
                let why = Why { allowed: ingress.allowed, egress: Said::default_allow(), ingress };
                let known = found.entry(why).or_default();
                *known = known.union(&part);
            }
        }
        for (why, traffic) in found {
            let is_wanted = case.explain_only.is_empty() || why.allowed == (case.explain_only == "allow");
            if is_wanted {
                facts.add(POD_NETWORK, &Side::Named(CONTROLLER.to_owned()), &to_side, why, &traffic);
            }
        }
    }
    Ok(())
}

/// The network that a pair is told of in: that of the source, if it is not the cluster's.
fn first_network(world: &World<'_>, places: [Option<usize>; 2]) -> String {
    let numbers = places.into_iter().flatten().filter_map(|at| world.endpoints.get(at)).map(|endpoint| endpoint.network);
    let network = numbers.filter(|number| *number > 0).find_map(|number| world.networks.get(number));
    network.map_or_else(|| POD_NETWORK.to_owned(), |network| title(&network.title()))
}

/// What becomes of a pair by parts of the traffic that have the same reasons.
fn parts(egress: &Derivation, ingress: &Derivation) -> BTreeMap<Why, Traffic> {
    let mut parts: BTreeMap<Why, Traffic> = BTreeMap::new();
    for (out, egress) in pieces(egress) {
        for (into, ingress) in pieces(ingress) {
            let both = ports_only(&out.intersection(&into));
            if !both.is_none() {
                let why = Why { allowed: egress.allowed && ingress.allowed, egress: egress.clone(), ingress: ingress.clone() };
                let known = parts.entry(why).or_default();
                *known = known.union(&both);
            }
        }
    }
    parts
}

/// What one end says of parts of the traffic.
fn pieces(derivation: &Derivation) -> Vec<(Traffic, Said)> {
    let mut pieces = vec![derivation.allowed.union(&derivation.denied)];
    for step in &derivation.steps {
        pieces = pieces.iter().flat_map(|piece| [piece.intersection(&step.traffic), piece.difference(&step.traffic)]).collect();
        pieces.retain(|piece| !piece.is_none());
    }
    let said = |piece: &Traffic| Said { allowed: piece.is_subset(&derivation.allowed), reasons: reasons(&derivation.steps, piece) };
    pieces.iter().map(|piece| (piece.clone(), said(piece))).collect()
}

/// The reasons for one part: of each policy the first rule that says so, as that tool has it.
fn reasons(steps: &[Step], piece: &Traffic) -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    let mut told: BTreeSet<&PolicyName> = BTreeSet::new();
    let isolated = steps.iter().any(|step| step.outcome == Outcome::Isolated && piece.is_subset(&step.traffic));
    for step in steps {
        let is_v1 = step.tier == Some(Tier::NetworkPolicy);
        let is_here = !step.traffic.is_none() && piece.is_subset(&step.traffic);
        let said = match step.outcome {
            Outcome::Allows if is_here => "allows",
            Outcome::Denies if is_here => "denies",
            Outcome::PassesOn if is_here => "passes",
            Outcome::Allows | Outcome::OtherPorts if is_v1 && isolated => "other ports",
            Outcome::NoSuchPort if is_v1 && isolated => "no such port",
            Outcome::OtherPeers if is_v1 && isolated => "other peers",
            Outcome::NoRules if is_v1 && isolated => "no rules",
            Outcome::Default | Outcome::Inside if is_here => DEFAULT,
            Outcome::Apart => {
                reasons.insert(APART.to_owned());
                continue;
            }
            _ => continue,
        };
        // That tool does not tell what a baseline rule allows from what is allowed without policies.
        if said == DEFAULT || said == "allows" && step.tier == Some(Tier::Baseline) {
            reasons.insert(DEFAULT.to_owned());
            continue;
        }
        let Some(policy) = &step.policy else { continue };
        if is_v1 && !told.insert(policy) {
            continue;
        }
        let rule = step.rule.as_ref().map_or_else(String::new, |rule| match rule.name.as_str() {
            _ if is_v1 => format!(" #{}", rule.number),
            name => format!(" {name}"),
        });
        let name = if policy.namespace.is_empty() { policy.name.clone() } else { format!("{}/{}", policy.namespace, policy.name) };
        reasons.insert(format!("{} {name} {said}{rule}", policy.kind));
    }
    reasons
}
