//! A recorded cluster and its audit log: when somebody could do everything.

use crate::conformance::Cases;
use anyhow::{Context, bail};
use plimsoll_access::graph::{Sink, Situation, Vertex};
use plimsoll_access::{Asked, Write, ways_over_time};
use plimsoll_model::rbac::{Defaults, Identity};
use plimsoll_model::{Inventory, WorkloadKinds};
use plimsoll_sources::{Target, audit};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// For each user whom the log shows to be bound to `cluster-admin`: the times at which that was made and taken away, read from
/// the events themselves, against those that the ways over time tell.
pub(crate) fn openings(log: &Path) -> anyhow::Result<Cases> {
    let options = audit::Options { objects: true, text: true, ..audit::Options::default() };
    let (mut writes, mut turns): (Vec<Write>, BTreeMap<String, Vec<String>>) = (Vec::new(), BTreeMap::new());
    let mut bound: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let paths = [log.to_owned()];
    let mut unreadable = Vec::new();
    let problems = audit::read(&paths, &options, io::empty(), |events| {
        for event in &events {
            writes.extend(Write::of(event).and_then(Result::ok));
            match event.text.as_ref().map(|text| serde_json::from_str(text.get())) {
                Some(Ok(raw)) => turn(&raw, &mut bound, &mut turns),
                Some(Err(error)) => unreadable.push(error),
                None => {}
            }
        }
    });
    if let Some(problem) = problems.first() {
        bail!("cannot read {}: {}", log.display(), problem.message);
    }
    let lists = log.with_file_name("../apiserver/lists");
    let snapshot = plimsoll_sources::load(&[Target::new(&lists.to_string_lossy())], &plimsoll_sources::Options::default(), io::empty());
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let mut cases = Cases::default();
    for (user, wanted) in &turns {
        let asked = Asked { sources: vec![Vertex::Identity(Identity::of_user(user))], sinks: vec![Sink::ClusterAdmin] };
        let ways = ways_over_time(&inventory, &mut writes, &Situation::default(), &asked, Defaults::Assume);
        let mut got = Vec::new();
        for opening in ways.iter().flat_map(|way| &way.open) {
            got.extend(opening.opened.as_ref().map(|turn| format!("opened {} by {}", turn.at, turn.user)));
            got.extend(opening.closed.as_ref().map(|turn| format!("closed {} by {}", turn.at, turn.user)));
        }
        cases.case(|| format!("{user} could do everything"), &wanted.join(", "), &got.join(", "));
        cases.notes.push(format!("{user}: {}", got.join(", ")));
    }
    if cases.total == 0 {
        return Err(anyhow::anyhow!("nobody was bound to cluster-admin")).with_context(|| log.display().to_string());
    }
    Ok(cases)
}

/// What an event says of ClusterRoleBindings to `cluster-admin`, as a reader of the log would see it.
fn turn(event: &Json, bound: &mut BTreeMap<String, Vec<String>>, turns: &mut BTreeMap<String, Vec<String>>) {
    let text = |pointer: &str| event.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let is_done = text("/stage") == "ResponseComplete" && event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
    if !is_done || text("/objectRef/resource") != "clusterrolebindings" || text("/requestURI").contains("dryRun") {
        return;
    }
    let name = text("/objectRef/name").to_owned();
    let (at, by) = (text("/stageTimestamp"), text("/user/username"));
    let mut tell = |users: &[String], what: &str| {
        for user in users {
            // Times are compared as such: trailing zeros are left out.
            let at = at.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
            turns.entry(user.clone()).or_default().push(format!("{what} {at}Z by {by}"));
        }
    };
    match text("/verb") {
        "create" if text("/responseObject/roleRef/name") == "cluster-admin" => {
            let subjects = event["responseObject"]["subjects"].as_array().into_iter().flatten();
            let users: Vec<String> =
                subjects.filter(|one| one["kind"] == "User").filter_map(|one| one["name"].as_str()).map(str::to_owned).collect();
            tell(&users, "opened");
            let name = text("/responseObject/metadata/name").to_owned();
            bound.insert(name, users);
        }
        "delete" => {
            let users = bound.remove(&name).unwrap_or_default();
            tell(&users, "closed");
        }
        _ => {}
    }
}
