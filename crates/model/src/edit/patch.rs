//! JSON Patch (RFC 6902) on JSON values, as cures use it.

use crate::document::tokens;
use crate::{JsonText, PatchKind, PatchOp};
use serde_json::Value;

/// Makes `patch` on `value`. All paths refer to the value as it is given, so that operations of several findings can
/// be given together: additions of maps at one place are merged, removals come last.
///
/// # Errors
/// The path that is not there.
pub fn patch_json(value: &mut Value, patch: &[PatchOp]) -> Result<(), String> {
    let original = value.clone();
    let mut added: Vec<&str> = Vec::new();
    for op in patch {
        let new = op.value.as_ref().map(JsonText::value).unwrap_or_default();
        match op.op {
            PatchKind::Add => {
                add(value, &op.path, new, original.pointer(&op.path).is_some() && !added.contains(&op.path.as_str()))?;
                added.push(&op.path);
            }
            PatchKind::Replace => *value.pointer_mut(&op.path).ok_or_else(|| op.path.clone())? = new,
            PatchKind::Remove => {}
        }
    }
    let mut removed: Vec<&str> = patch.iter().filter(|op| op.op == PatchKind::Remove).map(|op| op.path.as_str()).collect();
    // Later items of a list first, so that the indices of earlier ones still hold.
    removed.sort_by_key(|path| std::cmp::Reverse(order(path)));
    removed.dedup();
    removed.into_iter().try_for_each(|path| remove(value, path).ok_or_else(|| path.to_owned()))
}

fn order(path: &str) -> Vec<(usize, String)> {
    tokens(path).map(|token| (token.parse().unwrap_or(usize::MAX), token.into_owned())).collect()
}

fn add(value: &mut Value, path: &str, new: Value, replaces: bool) -> Result<(), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| path.to_owned())?;
    let last = tokens(&format!("/{last}")).next().unwrap_or_default().into_owned();
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            match (map.get_mut(&last), new) {
                (Some(known), new) if !replaces => merge(known, new),
                (_, new) => {
                    map.insert(last, new);
                }
            }
            Ok(())
        }
        Some(Value::Array(items)) if last == "-" => {
            // The same cure of two findings is one cure.
            if items.last() != Some(&new) {
                items.push(new);
            }
            Ok(())
        }
        _ => Err(path.to_owned()),
    }
}

fn merge(known: &mut Value, new: Value) {
    match (known, new) {
        (Value::Object(known), Value::Object(new)) => {
            for (key, value) in new {
                match known.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => {
                        known.insert(key, value);
                    }
                }
            }
        }
        (known, new) => *known = new,
    }
}

fn remove(value: &mut Value, path: &str) -> Option<()> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = tokens(&format!("/{last}")).next().unwrap_or_default().into_owned();
    match value.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last).map(|_| ()),
        Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| {
                items.remove(at);
            })
        }
        _ => None,
    }
}
