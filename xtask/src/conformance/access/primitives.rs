//! The list of primitives: each has rows of our table that answer for it, and each row of our table answers for one.

use crate::conformance::Cases;
use anyhow::Context;
use plimsoll_access::graph::primitive::{PRIMITIVES, Primitive};
use plimsoll_access::graph::settings;
use std::collections::BTreeMap;
use std::path::Path;

/// Each row of the list.
pub(crate) fn primitives(path: &Path) -> anyhow::Result<Cases> {
    let answers: BTreeMap<String, Vec<String>> = toml::from_str(include_str!("primitives.toml")).context("primitives.toml")?;
    let list = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let ids = list.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut cases = Cases::default();
    for id in ids.filter(|id| id.starts_with(['P', 'D', 'X']) && id.chars().nth(1).is_some_and(|second| second.is_ascii_digit())) {
        let names = answers.get(id).map(Vec::as_slice).unwrap_or_default();
        let is_there = |name: &String| Primitive::named(name).is_some() || settings().iter().any(|setting| setting.name == name);
        let found: Vec<&str> = names.iter().filter(|name| is_there(name)).map(String::as_str).collect();
        let wanted = if names.is_empty() { "an answer".to_owned() } else { names.join(", ") };
        cases.case(|| id.to_owned(), &wanted, &found.join(", "));
    }
    let all: Vec<&String> = answers.values().flatten().collect();
    let more: Vec<&str> = PRIMITIVES.iter().map(|one| one.name).filter(|name| !all.iter().any(|one| one == name)).collect();
    cases.notes.push(format!("{} rows of ours", PRIMITIVES.len()));
    cases.case(|| "rows that answer for nothing".to_owned(), "", &more.join(", "));
    Ok(cases)
}
