//! Granting more than was used, on request: each time said, never beyond what is held, never what was denied.

use super::rules::{Need, What, without_covered};
use plimsoll_model::rbac::Request;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What to widen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widen {
    /// More distinct names of a resource than this: all names.
    pub names: Option<usize>,
    /// The same in more namespaces than this: all namespaces.
    pub namespaces: Option<usize>,
    /// A name that Kubernetes made up: all names.
    pub generated: bool,
    /// Who reads in one way may read in all (get, list, watch); who changes may change in both (update, patch).
    pub verbs: bool,
}

/// One grant beyond what was used.
#[derive(Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Widening {
    /// `generated`, `names`, `namespaces` or `verbs`.
    pub kind: &'static str,
    /// What is granted.
    pub grants: String,
    /// What asked for it; of what was not widened, why not.
    pub why: String,
}

const TOGETHER: [&[&str]; 2] = [&["get", "list", "watch"], &["update", "patch"]];

/// Adds to `needs`; gives what was widened, and what was not.
pub(super) fn widen(
    needs: &mut BTreeSet<Need>,
    widen: Widen,
    denied: &[Request<'_>],
    holds: &dyn Fn(&Need) -> bool,
) -> (Vec<Widening>, Vec<Widening>) {
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let mut add = |needs: &mut BTreeSet<Need>, kind: &'static str, need: Need, why: String| {
        if needs.contains(&need) {
            return;
        }
        let grants = shown(&need);
        if let Some(request) = denied.iter().find(|request| need.allows(request)) {
            refused.push(Widening { kind, grants, why: format!("`{request}` was denied") });
        } else if !holds(&need) {
            refused.push(Widening { kind, grants, why: "it is not held today".to_owned() });
        } else {
            done.push(Widening { kind, grants, why });
            needs.insert(need);
        }
    };
    if widen.verbs {
        for need in needs.clone() {
            let is_of_objects = matches!(need.what, What::Objects(..));
            let others = TOGETHER.iter().filter(|verbs| is_of_objects && verbs.contains(&need.verb.as_str())).copied().flatten();
            for verb in others {
                add(needs, "verbs", Need { verb: (*verb).to_owned(), ..need.clone() }, format!("`{}` was used", need.verb));
            }
        }
    }
    if widen.generated {
        for need in needs.clone() {
            if let (Some(name), Some(wide)) = (need.generated_name(), need.unnamed()) {
                add(needs, "generated", wide, format!("the name `{name}` is made up"));
            }
        }
    }
    if let Some(most) = widen.names {
        let mut names: BTreeMap<Need, usize> = BTreeMap::new();
        for need in needs.iter().filter_map(Need::unnamed) {
            *names.entry(need).or_default() += 1;
        }
        for (need, count) in names.into_iter().filter(|(_, count)| *count > most) {
            add(needs, "names", need, format!("{count} names were used"));
        }
    }
    if let Some(most) = widen.namespaces {
        let mut namespaces: BTreeMap<Need, usize> = BTreeMap::new();
        for need in without_covered(needs) {
            if need.namespace.is_some() {
                *namespaces.entry(Need { namespace: None, ..need }).or_default() += 1;
            }
        }
        for (need, count) in namespaces.into_iter().filter(|(_, count)| *count > most) {
            add(needs, "namespaces", need, format!("used in {count} namespaces"));
        }
    }
    (done, refused)
}

fn shown(need: &Need) -> String {
    let place = match (&need.what, &need.namespace) {
        (What::Objects(..), None) => " in all namespaces",
        _ => "",
    };
    let names = if matches!(need.what, What::Objects(_, _, None)) { ", whatever its name" } else { "" };
    format!("{}{place}{names}", need.request())
}
