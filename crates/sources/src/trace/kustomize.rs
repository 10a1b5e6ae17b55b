//! Kustomizations: the resource that an object came from, and a patch for the overlay.

use super::{Place, Renderer, Tracer, file_name};
use crate::kustomize::FILES;
use plimsoll_model::{Document, JsonText, Node, Object, PatchKind, PatchOp, edit, tokens};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How deep kustomizations may build on each other before it is a mistake.
const DEPTH: usize = 16;

/// A new resource.
pub(super) fn creation(tracer: &mut Tracer, directory: &Path, object: &Value) -> Option<Place> {
    let (file, line) = overlay(tracer, directory, "resources")?;
    let suggestion = format!("add to `resources` a file {}:\n{}", file_name(object), edit::manifest(object));
    Some(Place { renderer: Renderer::Kustomize, file, line, key: None, suggestion })
}

/// A patch that takes an object away.
pub(super) fn deletion(tracer: &mut Tracer, directory: &Path, object: &Object<'_>) -> Option<Place> {
    let metadata = find(&tracer.resources(directory), object).map_or_else(|| metadata(object), |base| metadata(&base));
    let (file, line) = overlay(tracer, directory, PATCHES)?;
    let body = json!({"$patch": "delete", "apiVersion": object.api_version, "kind": object.kind, "metadata": metadata});
    let suggestion = format!("add to `patches`:\n{}", patch_entry(&body));
    Some(Place { renderer: Renderer::Kustomize, file, line, key: None, suggestion })
}

const PATCHES: &str = "patches";

fn metadata(object: &Object<'_>) -> Value {
    if object.namespace.is_empty() { json!({"name": object.name}) } else { json!({"name": object.name, "namespace": object.namespace}) }
}

/// An entry of `patches` with a strategic merge patch.
fn patch_entry(body: &Value) -> String {
    let indented: String = edit::manifest(body).lines().map(|line| format!("    {line}\n")).collect();
    format!("- patch: |-\n{indented}")
}

/// A patch for the kustomization in `directory`, and the place in the resource that it builds on.
pub(super) fn places(tracer: &mut Tracer, directory: &Path, object: &Object<'_>, patch: &[PatchOp]) -> Vec<Place> {
    let resources = tracer.resources(directory);
    let base = find(&resources, object);
    // Patches find what they are for by the names that it has before prefixes and namespaces are set.
    let named = base.unwrap_or(*object);
    let mut places = Vec::new();
    if let Some((file, line)) = overlay(tracer, directory, PATCHES) {
        let suggestion = format!("add to `patches`:\n{}", entry(object, &named, patch));
        places.push(Place { renderer: Renderer::Kustomize, file, line, key: None, suggestion });
    }
    if let Some(base) = base {
        for op in patch {
            let (nearest, _) = base.node.nearest(&op.path);
            let place = nearest.location();
            let suggestion = match (&op.value, op.op) {
                (Some(value), PatchKind::Add | PatchKind::Replace) => {
                    format!("or set `{}` to `{}` here, for all that build on it", op.path, value.value())
                }
                _ => format!("or remove `{}` here, for all that build on it", op.path),
            };
            places.push(Place {
                renderer: Renderer::Kustomize,
                file: place.source.name.as_str().into(),
                line: place.start().line,
                key: None,
                suggestion,
            });
        }
    }
    places
}

/// The kustomization file of a directory, and the line of one of its lists; 0 if it has none.
fn overlay(tracer: &mut Tracer, directory: &Path, list: &str) -> Option<(PathBuf, u32)> {
    let file = FILES.iter().map(|name| directory.join(name)).find(|file| file.is_file())?;
    let document = tracer.documents(&file).into_iter().next()?;
    let line = document.root()?.entry(list).map_or(0, |(key, _)| key.location().start().line);
    Some((file, line))
}

impl Tracer {
    fn resources(&mut self, directory: &Path) -> Rc<Vec<Document>> {
        if let Some(known) = self.resources.get(directory) {
            return Rc::clone(known);
        }
        let mut resources = Vec::new();
        collect(self, directory, 0, &mut resources);
        let resources = Rc::new(resources);
        self.resources.insert(directory.to_owned(), Rc::clone(&resources));
        resources
    }
}

/// The documents of the resources that a kustomization builds on.
fn collect(tracer: &mut Tracer, directory: &Path, depth: usize, resources: &mut Vec<Document>) {
    let Some(file) = FILES.iter().map(|name| directory.join(name)).find(|file| file.is_file()).filter(|_| depth < DEPTH) else { return };
    for document in tracer.documents(&file) {
        let Some(root) = document.root() else { continue };
        for list in ["resources", "bases", "components"] {
            for name in root.get(list).into_iter().flat_map(Node::items).filter_map(Node::as_str) {
                let path = plain(&directory.join(name));
                if path.is_dir() {
                    collect(tracer, &path, depth + 1, resources);
                } else {
                    resources.extend(tracer.documents(&path));
                }
            }
        }
    }
}

/// A path as a person would write it: without `base/../`.
fn plain(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// The resource that an object was built from: of its kind, and of its name but for a prefix and a suffix.
fn find<'d>(resources: &'d [Document], object: &Object<'_>) -> Option<Object<'d>> {
    let all =
        resources.iter().flat_map(|document| document.objects().0).filter(|one| one.kind == object.kind && one.group() == object.group());
    all.filter(|one| !one.name.is_empty() && object.name.contains(one.name)).max_by_key(|one| one.name.len())
}

/// The entry of `patches` that makes `patch`: a strategic merge patch where lists have keys to merge by, else a JSON patch.
fn entry(object: &Object<'_>, named: &Object<'_>, patch: &[PatchOp]) -> String {
    if let Some(merged) = merge_patch(object, named, patch) {
        return patch_entry(&merged);
    }
    let indented: String = operations(patch).lines().map(|line| format!("    {line}\n")).collect();
    let group = object.group();
    let group = if group.is_empty() { String::new() } else { format!("    group: {group}\n") };
    let namespace = if named.namespace.is_empty() { String::new() } else { format!("    namespace: {}\n", named.namespace) };
    format!("- target:\n{group}    kind: {}\n    name: {}\n{namespace}  patch: |-\n{indented}", object.kind, named.name)
}

/// Operations of a JSON patch, one flow map a line, which is YAML too.
fn operations(patch: &[PatchOp]) -> String {
    patch.iter().map(|op| format!("- {}\n", serde_json::to_string(op).unwrap_or_default())).collect()
}

/// What tells the items of a list apart in a strategic merge patch (`patchMergeKey` in the API's types).
fn merge_key(list: &str, item: Node<'_>) -> Option<&'static str> {
    let key = match list {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => "name",
        "volumeMounts" => "mountPath",
        "ports" if item.get("containerPort").is_some() => "containerPort",
        "ports" => "port",
        _ => return None,
    };
    item.get(key).map(|_| key)
}

/// Kinds that the API server knows merge keys of; all others are merged as plain JSON, in which a list is one value.
fn is_built_in(object: &Object<'_>) -> bool {
    let group = object.group();
    !group.contains('.') || group.ends_with(".k8s.io")
}

fn merge_patch(object: &Object<'_>, named: &Object<'_>, patch: &[PatchOp]) -> Option<Value> {
    if !is_built_in(object) {
        return None;
    }
    let mut body = json!({"apiVersion": object.api_version, "kind": object.kind, "metadata": metadata(named)});
    for op in patch {
        let path: Vec<String> = tokens(&op.path).map(Cow::into_owned).collect();
        let value = match op.op {
            PatchKind::Remove => None,
            PatchKind::Add | PatchKind::Replace => op.value.as_ref().map(JsonText::value),
        };
        set(&mut body, object.node, &path, value.as_ref())?;
    }
    Some(body)
}

/// Sets a value in a merge patch; `node` is the object's part that `body` stands for.
fn set(body: &mut Value, node: Node<'_>, path: &[String], value: Option<&Value>) -> Option<()> {
    let (key, rest) = path.split_first()?;
    let map = body.as_object_mut()?;
    let Some((index, below)) = rest.split_first().filter(|_| node.get(key).is_some_and(Node::is_list)) else {
        return match (rest.is_empty(), node.get(key)) {
            (true, _) => {
                let value = value.cloned().unwrap_or(Value::Null);
                match (map.get_mut(key), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                    (_, value) => {
                        map.insert(key.clone(), value);
                    }
                }
                Some(())
            }
            (false, Some(inner)) => set(map.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())), inner, rest, value),
            (false, None) => None,
        };
    };
    let item = node.get(key)?.items().nth(index.parse().ok()?)?;
    let by = merge_key(key, item)?;
    let own = item.get(by)?.to_json();
    let list = map.entry(key.clone()).or_insert_with(|| json!([])).as_array_mut()?;
    let at = match list.iter().position(|one| one.get(by) == Some(&own)) {
        Some(at) => at,
        None => {
            list.push(json!({ by: own }));
            list.len() - 1
        }
    };
    let entry = list.get_mut(at)?;
    if below.is_empty() {
        return match value {
            Some(_) => None,
            None => entry.as_object_mut()?.insert("$patch".to_owned(), "delete".into()).map_or(Some(()), |_| Some(())),
        };
    }
    set(entry, item, below, value)
}
