//! `diff`: which connections differ between two directories.

use super::list::addresses;
use super::{CONTROLLER, Case, Side, cases, differences, load, ports_only, settings, traffic};
use crate::conformance::Cases;
use anyhow::Context;
use plimsoll_model::{Inventory, WorkloadKinds};
use plimsoll_network::diff::{Diff, State};
use plimsoll_network::listing::{Entrance, Filter, Listing};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::{Addresses, Traffic, World, listing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every case as facts.
pub(in crate::conformance) fn diff(path: &Path) -> anyhow::Result<Cases> {
    let mut done = Cases::default();
    for case in cases(path, "diff")? {
        match expected(&case) {
            Ok(wanted) => {
                let (wanted, got) = differences(&wanted.lines(), &got(path, &case)?.lines());
                done.case(|| case.name.clone(), &wanted, &got);
            }
            Err(why) => done.unreadable(case.name, why),
        }
    }
    Ok(done)
}

/// What differs: of each pair what flowed, what flows, and which ends are new or gone; addresses outside by all of that.
#[derive(Default)]
struct Differences {
    pairs: BTreeSet<String>,
    outside: BTreeMap<String, Addresses>,
}

impl Differences {
    /// Adds one. `others` says which ends are new or gone.
    fn add(&mut self, (from, to): (&Side, &Side), (before, after): (&Traffic, &Traffic), others: &str) {
        let (before, after) = (ports_only(before), ports_only(after));
        let what = format!("{before} => {after}{others}");
        let (text, set) = match (from, to) {
            _ if before == after => return,
            (Side::Named(from), Side::Named(to)) if from != to => {
                self.pairs.insert(format!("{from} -> {to}: {what}"));
                return;
            }
            (Side::Outside(set), Side::Named(to)) => (format!("-> {to}: {what}"), set),
            (Side::Named(from), Side::Outside(set)) => (format!("{from} ->: {what}"), set),
            _ => return,
        };
        let known = self.outside.entry(text).or_default();
        *known = known.union(&set.intersection(&Addresses::all_v4()));
    }

    fn lines(self) -> BTreeSet<String> {
        let outside = self.outside.into_iter().filter(|(_, set)| !set.is_empty()).map(|(text, set)| format!("{set} {text}"));
        self.pairs.into_iter().chain(outside).collect()
    }
}

fn expected(case: &Case) -> anyhow::Result<Differences> {
    let mut wanted = Differences::default();
    for line in case.expected.lines().filter(|line| line.starts_with("diff-type: ")) {
        let member = |name: &str, next: &str| -> anyhow::Result<&str> {
            let (_, rest) = line.split_once(name).with_context(|| format!("`{line}` has no `{name}`"))?;
            Ok(if next.is_empty() { rest } else { rest.split_once(next).map_or(rest, |(text, _)| text) })
        };
        let side = |text: &str| Side::read(text).with_context(|| format!("`{text}` is no end"));
        let flows = |text: &str| traffic(text).with_context(|| format!("`{text}` is no traffic"));
        let (from, to) = (side(member("source: ", ", destination: ")?)?, side(member("destination: ", ", ref1: ")?)?);
        let before = flows(member("ref1: ", ", ref2: ")?)?;
        let after = flows(member("ref2: ", ", workloads-diff-info: ")?)?;
        let kind = match (before.is_none(), after.is_none()) {
            (true, _) => "added",
            (_, true) => "removed",
            _ => "changed",
        };
        anyhow::ensure!(member("diff-type: ", ",")? == kind, "`{line}` says what it does not show");
        wanted.add((&from, &to), (&before, &after), &others(member("workloads-diff-info: ", "").unwrap_or_default()));
    }
    Ok(wanted)
}

/// `workload A and B added` in the words of these facts, in any order.
fn others(info: &str) -> String {
    let Some((names, what)) = info.trim_start_matches("workload ").rsplit_once(' ') else { return String::new() };
    let names: BTreeSet<&str> = names.split(" and ").map(str::trim).collect();
    format!(" ({} {what})", names.into_iter().collect::<Vec<_>>().join(", "))
}

fn got(path: &Path, case: &Case) -> anyhow::Result<Differences> {
    let [before, after] = [load(path, &case.dir)?, load(path, &case.dir2)?];
    let [before, after] = [&before, &after].map(|snapshot| Inventory::new(snapshot, &WorkloadKinds::default()));
    let (before, after) = World::pair(&before, &after, &settings());
    let [old, new] = [&before, &after].map(Matrix::new);
    let diff = Diff::new(State { world: &before, matrix: &old }, State { world: &after, matrix: &new });
    let forwarded = [(&before, &old), (&after, &new)].map(|(world, matrix)| forwarded(world, matrix));
    let mut got = Differences::default();
    let sides = |side: &listing::Side| -> anyhow::Result<Vec<(Side, Option<usize>)>> {
        Ok(match side {
            listing::Side::Workloads(places) => {
                let workloads = places.iter().filter_map(|at| Some((*at, diff.workloads.get(*at)?)));
                workloads.map(|(at, one)| (Side::workload(&one.namespace, &one.name, &one.kind), Some(at))).collect()
            }
            listing::Side::Outside(ranges) => {
                let ranges: Vec<_> = ranges.iter().map(|text| addresses(text)).collect::<anyhow::Result<_>>()?;
                vec![(Side::Outside(Addresses::union_of(&ranges)), None)]
            }
            // All controllers are one there, so that what each forwards does not tell what it loses.
            listing::Side::Entrance(at) => {
                let entrance = diff.entrances.get(*at).filter(|entrance| is_controller(entrance));
                entrance.map(|_| (Side::Named(CONTROLLER.to_owned()), None)).into_iter().collect()
            }
        })
    };
    for change in &diff.changes {
        for (from, from_place) in sides(&change.from)? {
            for (to, to_place) in sides(&change.to)? {
                let mut info = String::new();
                for (list, word) in [(&diff.new, "added"), (&diff.gone, "removed")] {
                    let is_one = |place: Option<usize>| place.is_some_and(|place| list.contains(&place));
                    let ends = [(&from, from_place), (&to, to_place)].into_iter().filter(|(_, place)| is_one(*place));
                    let names: BTreeSet<&str> =
                        ends.filter_map(|(side, _)| if let Side::Named(name) = side { Some(&**name) } else { None }).collect();
                    if !names.is_empty() {
                        info = format!(" ({} {word})", names.into_iter().collect::<Vec<_>>().join(", "));
                    }
                }
                match &to {
                    Side::Named(name) if matches!(change.from, listing::Side::Entrance(_)) => {
                        let [was, is] = [&forwarded[0], &forwarded[1]].map(|all| all.get(name).cloned().unwrap_or_default());
                        got.add((&from, &to), (&was, &is), &info);
                    }
                    _ => got.add((&from, &to), (&change.before, &change.after), &info),
                }
            }
        }
    }
    Ok(got)
}

/// What all controllers together forward, by workload.
fn forwarded(world: &World<'_>, matrix: &Matrix) -> BTreeMap<String, Traffic> {
    let listing = Listing::new(world, matrix, &Filter::default());
    let mut forwarded: BTreeMap<String, Traffic> = BTreeMap::new();
    for connection in &listing.connections {
        let (listing::Side::Entrance(at), listing::Side::Workloads(places)) = (&connection.from, &connection.to) else { continue };
        if !listing.entrances.get(*at).is_some_and(is_controller) {
            continue;
        }
        for one in places.iter().filter_map(|at| listing.workloads.get(*at)) {
            if let Side::Named(name) = Side::workload(&one.namespace, &one.name, &one.kind) {
                let known = forwarded.entry(name).or_default();
                *known = known.union(&connection.traffic);
            }
        }
    }
    forwarded
}

/// Whether a way in is one to that tool: Services that are open to the outside are none.
fn is_controller(entrance: &Entrance) -> bool {
    matches!(entrance.kind.as_str(), "Ingress" | "Route")
}
