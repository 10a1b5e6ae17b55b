//! The search for the paths that start a path.

use super::{Pairs, get, text, texts};
use anyhow::Context;
use plimsoll_detect::filter::PathPrefixMap;
use serde_json::Value;

pub(super) fn covers(case: &Value) -> anyhow::Result<Pairs> {
    let covered = paths(case)?.get(text(case, "path")?.as_bytes()).is_some();
    Ok(vec![(get(case, "expect")?.to_string(), covered.to_string())])
}

pub(super) fn finds(case: &Value) -> anyhow::Result<Pairs> {
    let mut map = PathPrefixMap::default();
    for entry in get(case, "entries")?.as_array().context("not a list")? {
        map.insert(text(entry, "path")?.as_bytes(), get(entry, "value")?.clone());
    }
    let found = map.get(text(case, "path")?.as_bytes()).cloned().unwrap_or_default();
    Ok(vec![(get(case, "expect")?.to_string(), found.to_string())])
}

pub(super) fn prints(case: &Value) -> anyhow::Result<Pairs> {
    let tree = paths(case)?.to_string();
    let expect = get(case, "expect")?.as_object().context("no map")?;
    let mut pairs = Vec::new();
    for (key, wanted) in expect {
        match key.as_str() {
            "tree" => pairs.push((wanted.to_string(), Value::from(tree.as_str()).to_string())),
            "tree_contains" | "tree_lacks" => {
                let contains = key == "tree_contains";
                pairs.extend(
                    texts(wanted)?.into_iter().map(|part| (format!("{part} {contains}"), format!("{part} {}", tree.contains(part)))),
                );
            }
            other => anyhow::bail!("unknown expectation {other}"),
        }
    }
    Ok(pairs)
}

fn paths(case: &Value) -> anyhow::Result<PathPrefixMap<()>> {
    let mut map = PathPrefixMap::default();
    texts(get(case, "search_paths")?)?.into_iter().for_each(|path| map.insert(path.as_bytes(), ()));
    Ok(map)
}
