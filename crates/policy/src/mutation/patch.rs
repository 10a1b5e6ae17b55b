//! JSON Patch (RFC 6902) as the API server applies it, one operation after the other, and the patch between two objects.

use plimsoll_model::{PatchOp, escape};
use serde_json::Value as Json;

/// Makes `operations` on `object`; `false` where a `test` does not hold, and then nothing is to be changed.
///
/// # Errors
/// The operation that cannot be made.
pub(super) fn apply(object: &mut Json, operations: &[Json]) -> Result<bool, String> {
    for operation in operations {
        let text = |key: &str| operation.get(key).and_then(Json::as_str).unwrap_or("");
        let (op, path, from) = (text("op"), text("path"), text("from"));
        let value = || operation.get("value").cloned().unwrap_or_default();
        let there =
            |path: &str, object: &Json| object.pointer(path).cloned().ok_or_else(|| format!("`{op}`: there is nothing at `{path}`"));
        match op {
            "add" => add(object, path, value())?,
            "remove" => {
                remove(object, path)?;
            }
            "replace" => {
                there(path, object)?;
                *object.pointer_mut(path).ok_or_else(|| path.to_owned())? = value();
            }
            "move" => {
                let moved = remove(object, from)?;
                add(object, path, moved)?;
            }
            "copy" => {
                let copied = there(from, object)?;
                add(object, path, copied)?;
            }
            "test" => {
                if object.pointer(path).unwrap_or(&Json::Null) != &value() {
                    return Ok(false);
                }
            }
            other => return Err(format!("`{other}` is no operation of a JSON Patch")),
        }
    }
    Ok(true)
}

/// The parent of a path and the last token of it.
fn parent<'j, 'p>(object: &'j mut Json, op: &str, path: &'p str) -> Result<(&'j mut Json, String), String> {
    let split: Option<(&'p str, &'p str)> = path.rsplit_once('/');
    let (above, last) = split.ok_or_else(|| format!("`{op}`: `{path}` is no JSON pointer"))?;
    let found = object.pointer_mut(above).ok_or_else(|| format!("`{op}`: there is nothing at `{above}`"))?;
    Ok((found, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Json, path: &str, value: Json) -> Result<(), String> {
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    let (parent, last) = parent(object, "add", path)?;
    match parent {
        Json::Object(map) => {
            map.insert(last, value);
        }
        Json::Array(items) if last == "-" => items.push(value),
        Json::Array(items) => match last.parse::<usize>().ok().filter(|at| *at <= items.len()) {
            Some(at) => items.insert(at, value),
            None => return Err(format!("`add`: `{path}` is no place in a list of {}", items.len())),
        },
        _ => return Err(format!("`add`: nothing can stand at `{path}`")),
    }
    Ok(())
}

fn remove(object: &mut Json, path: &str) -> Result<Json, String> {
    let (parent, last) = parent(object, "remove", path)?;
    let removed = match parent {
        Json::Object(map) => map.remove(&last),
        Json::Array(items) => last.parse::<usize>().ok().filter(|at| *at < items.len()).map(|at| items.remove(at)),
        _ => None,
    };
    removed.ok_or_else(|| format!("`remove`: there is nothing at `{path}`"))
}

/// The operations that make `after` of `before`, one after the other.
pub(super) fn difference(before: &Json, after: &Json) -> Vec<PatchOp> {
    let mut operations = Vec::new();
    collect(before, after, &mut String::new(), &mut operations);
    operations
}

fn collect(before: &Json, after: &Json, path: &mut String, operations: &mut Vec<PatchOp>) {
    let height = path.len();
    match (before, after) {
        _ if before == after => {}
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in old {
                path.push('/');
                path.push_str(&escape(key));
                match new.get(key) {
                    Some(changed) => collect(value, changed, path, operations),
                    None => operations.push(PatchOp::remove(path.as_str())),
                }
                path.truncate(height);
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                operations.push(PatchOp::add(format!("{path}/{}", escape(key)), value.clone()));
            }
        }
        (Json::Array(old), Json::Array(new)) => {
            let ends = |at: usize| old.iter().rev().nth(at).zip(new.iter().rev().nth(at)).is_some_and(|(a, b)| a == b);
            let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
            let shorter = old.len().min(new.len());
            let end = (0..shorter - start).take_while(|at| ends(*at)).count();
            let (gone, come) = (old.len() - start - end, new.len() - start - end);
            let kept = gone.min(come);
            for at in start..start + kept {
                path.push_str(&format!("/{at}"));
                if let (Some(old), Some(new)) = (old.get(at), new.get(at)) {
                    collect(old, new, path, operations);
                }
                path.truncate(height);
            }
            // The last one first, so that the others stay where they are.
            for at in (start + kept..start + gone).rev() {
                operations.push(PatchOp::remove(format!("{path}/{at}")));
            }
            for at in start + kept..start + come {
                operations.extend(new.get(at).map(|item| PatchOp::add(format!("{path}/{at}"), item.clone())));
            }
        }
        _ => operations.push(PatchOp::replace(path.as_str(), after.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_are_made_in_order() {
        let mut object = json!({"a": {"b/c": [1, 2]}});
        let operations = [
            json!({"op": "test", "path": "/a/b~1c/1", "value": 2}),
            json!({"op": "add", "path": "/a/b~1c/0", "value": 0}),
            json!({"op": "add", "path": "/a/b~1c/-", "value": 3}),
            json!({"op": "remove", "path": "/a/b~1c/1"}),
            json!({"op": "copy", "from": "/a/b~1c/0", "path": "/d"}),
            json!({"op": "move", "from": "/d", "path": "/e"}),
            json!({"op": "replace", "path": "/e", "value": true}),
        ];
        assert_eq!(apply(&mut object, &operations), Ok(true));
        assert_eq!(object, json!({"a": {"b/c": [0, 2, 3]}, "e": true}));
        assert_eq!(apply(&mut object, &[json!({"op": "test", "path": "/e", "value": false})]), Ok(false));
        for wrong in
            [json!({"op": "remove", "path": "/x"}), json!({"op": "add", "path": "/x/y", "value": 1}), json!({"op": "turn", "path": "/e"})]
        {
            assert!(apply(&mut object, std::slice::from_ref(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_difference_makes_one_of_the_other() {
        let table = [
            (json!({"a": 1}), json!({"a": 1}), 0),
            (json!({"a": 1, "b": 2}), json!({"a": 2, "c/d": 3}), 3),
            (json!({"l": [1, 2, 3]}), json!({"l": [0, 1, 2, 3]}), 1),
            (json!({"l": [1, 2, 3]}), json!({"l": [1, 3]}), 1),
            (json!({"l": [{"n": 1}, {"n": 2}]}), json!({"l": [{"n": 1, "x": 1}, {"n": 2}, {"n": 3}]}), 2),
            (json!({"l": [1, 2, 3, 4]}), json!({"l": [9]}), 4),
        ];
        for (before, after, count) in table {
            let operations = difference(&before, &after);
            assert_eq!(operations.len(), count, "{operations:?}");
            let mut made = before.clone();
            let operations: Vec<Json> = operations.iter().map(|operation| serde_json::to_value(operation).unwrap()).collect();
            assert_eq!(apply(&mut made, &operations), Ok(true), "{operations:?}");
            assert_eq!(made, after);
        }
    }
}
