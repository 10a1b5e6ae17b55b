//! Which ways a change opens and closes.

use crate::answer::Who;
use crate::graph::Graph;
use crate::ways::{Asked, Way, rank, ways};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What becomes of the way from one source to the worst that it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TurnKind {
    /// There was none, or it led to something less bad, or rested on more that was not read.
    Opened,
    /// It leads to the same as before in another way, or to something less bad.
    Changed,
    /// There is none any more.
    Closed,
}

/// A way that differs between two states.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayChange {
    /// What becomes of it.
    pub change: TurnKind,
    /// Where it starts, in words.
    pub from: String,
    /// The way before; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Way>,
    /// The way afterwards; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Way>,
}

/// The ways that differ: of everybody whom something was given to, the shortest to the worst that is reached.
pub fn turns(before: &Graph<'_, '_>, after: &Graph<'_, '_>) -> Vec<WayChange> {
    let by_source = |graph: &Graph<'_, '_>| {
        let all = ways(graph, &Asked::default(), true).paths;
        all.into_iter().map(|way| ((way.subject.clone(), way.from.clone()), way)).collect::<BTreeMap<(Option<Who>, String), Way>>()
    };
    let (mut old, new) = (by_source(before), by_source(after));
    let mut changes = Vec::new();
    for (source, way) in new {
        let was = old.remove(&source);
        if let Some(change) = turn(was.as_ref(), &way) {
            changes.push(WayChange { change, from: source.1, before: was, after: Some(way) });
        }
    }
    changes.extend(old.into_iter().map(|((_, from), way)| WayChange { change: TurnKind::Closed, from, before: Some(way), after: None }));
    let worst = |change: &WayChange| change.after.as_ref().or(change.before.as_ref()).map_or(usize::MAX, |way| rank(&way.to));
    changes.sort_by_cached_key(|change| (change.change, worst(change), change.from.clone()));
    changes
}

/// What became of a way; nothing where its steps are the same, whatever shows them.
fn turn(was: Option<&Way>, way: &Way) -> Option<TurnKind> {
    let Some(was) = was else { return Some(TurnKind::Opened) };
    let danger = |way: &Way| (rank(&way.to), way.assumptions);
    if danger(way) < danger(was) {
        return Some(TurnKind::Opened);
    }
    let steps = |way: &Way| way.steps.iter().map(|step| (step.name.clone(), step.from.clone(), step.to.clone())).collect::<Vec<_>>();
    (was.to != way.to || steps(was) != steps(way)).then_some(TurnKind::Changed)
}
