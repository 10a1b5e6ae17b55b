//! `exposure`: what is open to pods that were not read, beside who may talk to whom.

use super::{Case, Side, cases, differences, list, ports_only, traffic, with_world};
use crate::conformance::Cases;
use anyhow::{Context, bail};
use plimsoll_network::exposure::{Exposure, Protection, Unseen};
use plimsoll_network::listing::Filter;
use plimsoll_network::policy::Direction;
use plimsoll_network::selector::{Requirement, Selector, Test};
use plimsoll_network::{Traffic, World};
use std::collections::BTreeSet;
use std::path::Path;

/// Every case as facts: its connections, what is open, and what no policy is about.
pub(in crate::conformance) fn exposure(path: &Path) -> anyhow::Result<Cases> {
    let mut done = Cases::default();
    for mut case in cases(path, "exposure")? {
        let text = case.expected.find("Exposure Analysis Result").map(|at| case.expected.split_off(at));
        let wanted = text.context("there is no result of an exposure analysis").and_then(|text| expected(&case, &text));
        let (wanted, connections) = match wanted.and_then(|wanted| Ok((wanted, list::expected(&case)?))) {
            Ok(wanted) => wanted,
            Err(why) => {
                done.unreadable(case.name, format!("{why:#}"));
                continue;
            }
        };
        let got = with_world(path, &case.dir, |world| anyhow::Ok((got(&case, world), list::got(&case, world)?)))??;
        let (wanted_open, got_open) = differences(&wanted, &got.0);
        let (wanted_connections, got_connections) = connections.differences(&got.1);
        let both =
            |one: String, two: String| [one, two].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n           ");
        done.case(|| case.name.clone(), &both(wanted_open, wanted_connections), &both(got_open, got_connections));
    }
    Ok(done)
}

/// A fact about one workload.
fn open(workload: &str, direction: Direction, peer: &Unseen, flows: &str) -> String {
    format!("{} of {workload}, {peer}: {flows}", direction.name())
}

fn unprotected(workload: &str, direction: Direction) -> String {
    format!("{} of {workload} is not protected", direction.name())
}

/// The facts of the second part of the text. What it says of addresses outside is in the first part, too.
fn expected(case: &Case, text: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut facts = BTreeSet::new();
    for line in text.lines() {
        if let Some((workload, direction)) = line.split_once(" is not protected on ") {
            let direction = Direction::BOTH.into_iter().find(|one| one.name().eq_ignore_ascii_case(direction.trim()));
            facts.insert(unprotected(workload.trim(), direction.with_context(|| format!("`{line}` says no direction"))?));
            continue;
        }
        let line: String = line.replace('\t', "");
        let (direction, arrow) = if line.contains(" <= ") { (Direction::Ingress, " <= ") } else { (Direction::Egress, " => ") };
        let Some((workload, rest)) = line.split_once(arrow) else { continue };
        // With a port in focus, lines do not say what else flows.
        let (peer, flows) = rest.split_once(" : ").map_or((rest, None), |(peer, flows)| (peer, Some(flows.trim())));
        if matches!(Side::read(peer), Some(Side::Outside(_))) {
            continue;
        }
        let flows = match (flows, case.port()) {
            (Some(flows), _) => match traffic(flows) {
                Some(flows) => flows.to_string(),
                // The name of a port.
                None if flows.split_whitespace().count() == 2 => flows.to_owned(),
                None => bail!("`{line}` says no traffic"),
            },
            (None, Some((protocol, port))) => Traffic::port(protocol, port).to_string(),
            (None, None) => bail!("`{line}` says no traffic"),
        };
        let peer = unseen(peer.trim()).with_context(|| format!("`{line}` names nobody"))?;
        facts.insert(open(workload.trim(), direction, &peer, &flows));
    }
    Ok(facts)
}

/// Reads `entire-cluster`, and `[namespace with {…}]/[pod with {…}]` with `[all namespaces]`, `[all pods]` or a name.
fn unseen(text: &str) -> Option<Unseen> {
    let anyone = Unseen { namespace: None, namespaces: None, pods: None };
    if text == "entire-cluster" {
        return Some(anyone);
    }
    let (namespaces, pods) = text.rsplit_once("/[")?;
    let within = |text: &str, what: &str| selector(text.strip_prefix(what)?.strip_suffix("}]")?);
    let pods = if pods == "all pods]" { None } else { Some(within(pods, "pod with {")?) };
    Some(match namespaces {
        "[all namespaces]" => Unseen { pods, ..anyone },
        name if !name.starts_with('[') => Unseen { namespace: Some(name.to_owned()), pods, ..anyone },
        labels => Unseen { namespaces: Some(within(labels, "[namespace with {")?), pods, ..anyone },
    })
}

/// Reads `a=b,{Key:c,Operator:In,Values:[d e],}`.
fn selector(mut text: &str) -> Option<String> {
    let mut requirements = Vec::new();
    while !text.is_empty() {
        let (key, test);
        if let Some(expression) = text.strip_prefix("{Key:") {
            let (inner, rest) = expression.split_once("],}")?;
            let (name, inner) = inner.split_once(",Operator:")?;
            let (operator, values) = inner.split_once(",Values:[")?;
            let mut values: Vec<_> = values.split_whitespace().collect();
            values.sort_unstable();
            (key, text) = (name, rest.trim_start_matches(','));
            test = match operator {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::DoesNotExist,
                _ => return None,
            };
        } else {
            let (label, rest) = text.split_once(',').unwrap_or((text, ""));
            let (name, value) = label.split_once('=')?;
            (key, text, test) = (name, rest, Test::In(vec![value]));
        }
        requirements.push(Requirement { key, test });
    }
    Some(Selector::of(requirements).to_string())
}

/// The facts that our answer states.
fn got(case: &Case, world: &World<'_>) -> BTreeSet<String> {
    let filter = Filter { focus: Case::find(&case.focus_workloads, world), direction: case.direction(), port: case.port() };
    let exposure = Exposure::new(world, &filter);
    let mut facts = BTreeSet::new();
    for (direction, exposed) in exposure.directions() {
        for (one, at) in exposed.iter().flat_map(|one| one.workloads.iter().map(move |at| (one, at))) {
            let Some(workload) = exposure.workloads.get(*at) else { continue };
            let workload = format!("{}/{}[{}]", workload.namespace, workload.name, workload.kind);
            // Of one port, that tool does not say it.
            if one.protection != Protection::Policies && case.port().is_none() {
                facts.insert(unprotected(&workload, direction));
            }
            for opening in &one.openings {
                let flows = match case.port() {
                    // That tool says nothing of those who are kept from a port that is open to all others.
                    Some((protocol, port)) if !opening.traffic.contains(protocol, port) => continue,
                    Some((protocol, port)) => Traffic::port(protocol, port).to_string(),
                    None if opening.traffic.is_none() && !opening.named_ports.is_empty() => opening.named_ports.join(","),
                    None => ports_only(&opening.traffic).to_string(),
                };
                facts.insert(open(&workload, direction, &opening.peer, &flows));
            }
        }
    }
    facts
}
