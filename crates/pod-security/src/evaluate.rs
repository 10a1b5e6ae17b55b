//! Evaluation of a pod against a level at a version.

use crate::check::{Check, Forbidden};
use crate::checks::ALL;
use crate::{Level, LevelVersion, Version};
use plimsoll_model::Pod;
use std::sync::LazyLock;

/// The checks of each level and minor version, in upstream's order.
static CHECKS: LazyLock<Vec<[Vec<&'static Check>; 2]>> =
    LazyLock::new(|| (0..=Version::NEWEST).map(|minor| [in_force(Level::Baseline, minor), in_force(Level::Restricted, minor)]).collect());

/// What `policy` forbids in `pod`, in upstream's order; empty when the pod is allowed, and then nothing was allocated.
pub fn evaluate(pod: &Pod<'_>, policy: LevelVersion) -> Vec<Forbidden> {
    let minor = policy.version.effective();
    checks_of(policy).iter().filter_map(|check| (check.forbid)(pod, minor)).collect()
}

/// Whether `policy` allows `pod`.
pub fn allows(pod: &Pod<'_>, policy: LevelVersion) -> bool {
    let minor = policy.version.effective();
    checks_of(policy).iter().all(|check| (check.forbid)(pod, minor).is_none())
}

/// The checks that `policy` runs, in upstream's order: baseline first, each by id, without those that a restricted
/// check takes the place of.
pub fn checks_of(policy: LevelVersion) -> &'static [&'static Check] {
    let index = match policy.level {
        Level::Privileged => return &[],
        Level::Baseline => 0,
        Level::Restricted => 1,
    };
    CHECKS.get(policy.version.effective() as usize).and_then(|levels| levels.get(index)).map_or(&[], Vec::as_slice)
}

/// The strictest level whose rules at `version` allow `pod`.
pub fn strictest(pod: &Pod<'_>, version: Version) -> Level {
    let allowed = |level: &Level| allows(pod, level.at(version));
    Level::ALL.into_iter().rev().find(allowed).unwrap_or(Level::Privileged)
}

/// The strictest level of `pod` at every version, as ranges of minor versions with the same answer: first, last, level.
pub fn strictest_by_version(pod: &Pod<'_>) -> Vec<(u32, u32, Level)> {
    let mut ranges: Vec<(u32, u32, Level)> = Vec::new();
    for minor in 0..=Version::NEWEST {
        let level = strictest(pod, Version::Minor(minor.into()));
        match ranges.last_mut() {
            Some((_, last, same)) if *same == level => *last = minor,
            _ => ranges.push((minor, minor, level)),
        }
    }
    ranges
}

/// All reasons in one line, as upstream's `AggregateCheckResult.ForbiddenReason`.
pub fn aggregate_reason(forbidden: &[Forbidden]) -> String {
    forbidden.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>().join(", ")
}

/// All reasons with their details in one line, as upstream's `AggregateCheckResult.ForbiddenDetail`.
pub fn aggregate_detail(forbidden: &[Forbidden]) -> String {
    let one = |one: &Forbidden| if one.detail.is_empty() { one.reason.clone() } else { format!("{} ({})", one.reason, one.detail) };
    forbidden.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn in_force(level: Level, minor: u32) -> Vec<&'static Check> {
    let exists = |check: &&&'static Check| check.level <= level && check.at(minor).is_some();
    let overridden: Vec<&str> = if level == Level::Restricted {
        ALL.iter().filter_map(|check| check.at(minor)).flat_map(|form| form.overrides).copied().collect()
    } else {
        Vec::new()
    };
    ALL.iter().filter(exists).copied().filter(|check| !overridden.contains(&check.id)).collect()
}
