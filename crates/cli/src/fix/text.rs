//! Cures made in the text of files: patches of objects, documents that come and go.

use super::standing::{self, of_object};
use plimsoll_model::edit::{self, Editor, Refused, TextEdit};
use plimsoll_model::{Document, Finding, Object, ObjectChange, ObjectId, Origin, PatchOp, Snapshot};
use plimsoll_report::Schema;
use plimsoll_sources::schema;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Files with cures made in them.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) files: Vec<File>,
    /// Findings whose cures could not be made, and why.
    pub(crate) failed: BTreeMap<String, String>,
    /// The new names of objects that moved, with the old ones.
    pub(crate) renamed: Vec<(String, String)>,
    /// Whether the changed objects fit their types.
    pub(crate) schema: BTreeMap<String, Schema>,
}

pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) text: String,
}

/// The identity of a finding, and its patch.
type Patch<'f> = (&'f str, &'f [PatchOp]);

/// What is to be done in one source.
#[derive(Default)]
struct Tasks<'f> {
    /// Patches by the first byte of their object, each with its finding.
    patches: BTreeMap<u32, Vec<Patch<'f>>>,
    /// The first bytes of the objects that go.
    deleted: BTreeMap<u32, &'f str>,
    /// Objects that come, and whose finding asks for them.
    created: Vec<(&'f str, Value)>,
}

/// Whether a patch of an object can be made, or why not.
type Can<'c> = &'c dyn Fn(&Object<'_>, &[PatchOp]) -> Result<(), Refused>;

/// A source by name and origin.
type Key = (String, Origin);

/// Makes the cures of `wanted`, findings with their identities, in the text.
pub(crate) fn draft(snapshot: &Snapshot, wanted: &[(String, &Finding)]) -> Draft {
    let mut draft = Draft::default();
    let mut sources: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
    for document in &snapshot.documents {
        sources.entry(&document.source.name).or_default().push(document);
    }
    let mut objects: BTreeMap<&str, Vec<Object<'_>>> = BTreeMap::new();
    let mut tasks: BTreeMap<&str, Tasks<'_>> = BTreeMap::new();
    let mut new: BTreeMap<Key, Vec<(&str, Value)>> = BTreeMap::new();
    let mut created: BTreeSet<ObjectId> = BTreeSet::new();
    for (identity, finding) in wanted {
        let (Some(cure), Some(place)) = (&finding.remediation, &finding.location) else { continue };
        let name = place.source.name.as_str();
        let at = objects.entry(name).or_insert_with(|| all_objects(&sources, name));
        if !cure.patch.is_empty() {
            match find(at, place.span.start).filter(|object| is_of(finding, object)) {
                Some(object) => {
                    let patches = &mut tasks.entry(name).or_default().patches;
                    patches.entry(object.node.span().start).or_default().push((identity, &cure.patch));
                }
                None => draft.fail(identity, "its object is not in the file any more".to_owned()),
            }
        }
        for change in &cure.changes {
            match change {
                ObjectChange::Create { object } => {
                    let object = object.value();
                    if !created.insert(id_of(&object)) {
                        continue;
                    }
                    let home = home_of(finding, &object);
                    if home == name {
                        tasks.entry(name).or_default().created.push((identity, object));
                    } else if sources.contains_key(home.as_str()) {
                        draft.fail(identity, format!("there is a file {home} already"));
                    } else {
                        new.entry((home, place.source.origin)).or_default().push((identity, object));
                    }
                }
                ObjectChange::Patch { target, patch } => {
                    let tasks = tasks.entry(&target.location.source.name).or_default();
                    tasks.patches.entry(target.location.span.start).or_default().push((identity, patch));
                }
                ObjectChange::Delete { target } => {
                    let tasks = tasks.entry(&target.location.source.name).or_default();
                    tasks.deleted.insert(target.location.span.start, identity);
                }
            }
        }
    }
    for (name, tasks) in tasks {
        let objects = objects.remove(name).unwrap_or_else(|| all_objects(&sources, name));
        draft.make(name, &objects, tasks);
    }
    for ((name, origin), objects) in new {
        let texts =
            objects.iter().filter(|(identity, object)| draft.fits_new(identity, object, &name)).map(|(_, object)| edit::manifest(object));
        let text = texts.collect::<Vec<_>>().join("---\n");
        if !text.is_empty() {
            draft.files.push(File { name, origin, text });
        }
    }
    draft
}

fn all_objects<'d>(sources: &BTreeMap<&str, Vec<&'d Document>>, name: &str) -> Vec<Object<'d>> {
    sources.get(name).into_iter().flatten().flat_map(|document| document.objects().0).collect()
}

/// Of the objects of a source, in order, the one that holds byte `at`.
fn find<'o, 'd>(objects: &'o [Object<'d>], at: u32) -> Option<&'o Object<'d>> {
    let before = objects.partition_point(|object| object.node.span().start <= at);
    objects.get(..before)?.last().filter(|object| object.node.span().contains(at))
}

fn is_of(finding: &Finding, object: &Object<'_>) -> bool {
    let within = finding.location.as_ref().is_some_and(|place| object.node.span().contains(place.span.start));
    let id = &finding.subject.object;
    within && id.name == object.name && id.kind == object.kind && id.namespace == object.namespace && id.api_version == object.api_version
}

/// What a new object is called.
pub(crate) fn id_of(object: &Value) -> ObjectId {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = Some(text("/metadata/name")).filter(|name| !name.is_empty()).unwrap_or_else(|| text("/metadata/generateName"));
    ObjectId { namespace: text("/metadata/namespace"), kind: text("/kind"), name, api_version: text("/apiVersion") }
}

/// The file that a new object goes to: that of the finding, or a new one beside it where that is JSON.
pub(crate) fn home_of(finding: &Finding, object: &Value) -> String {
    let Some(place) = &finding.location else { return String::new() };
    if !place.source.text.trim_start().starts_with(['{', '[']) {
        return place.source.name.clone();
    }
    let id = id_of(object);
    let file = format!("{}-{}.yaml", id.kind.to_lowercase(), id.name);
    Path::new(&place.source.name).with_file_name(file).display().to_string()
}

impl Draft {
    fn fail(&mut self, identity: &str, why: String) {
        self.failed.entry(identity.to_owned()).or_insert(why);
    }

    /// Makes what is to be done in one source.
    fn make(&mut self, name: &str, objects: &[Object<'_>], tasks: Tasks<'_>) {
        let Some(first) = objects.first() else { return };
        let source = &first.node.document().source;
        let mut edits: Vec<TextEdit> = Vec::new();
        let mut patches: Vec<(Object<'_>, Vec<Patch<'_>>)> = Vec::new();
        let mut taken_out: Vec<(Object<'_>, Vec<PatchOp>, &str)> = Vec::new();
        let last = objects.last().map_or(first, |last| last).node.document();
        let mut gone: Vec<(Object<'_>, &str)> = Vec::new();
        for (start, identity) in &tasks.deleted {
            let Some(object) = find(objects, *start) else { continue };
            let pointer = object.pointer();
            match object.node.document().root().filter(|_| !pointer.is_empty()) {
                Some(root) => taken_out.push((Object { node: root, ..*object }, vec![PatchOp::remove(pointer)], identity)),
                None => gone.push((*object, identity)),
            }
        }
        let created: Vec<_> = tasks.created.into_iter().filter(|(identity, object)| self.fits_new(identity, object, name)).collect();
        edits.extend(self.documents(last, gone, created));
        for (start, ops) in tasks.patches {
            let Some(object) = find(objects, start).filter(|_| !tasks.deleted.contains_key(&start)) else { continue };
            let fitting = if self.fits(object, &ops) { ops } else { self.sift(object, &ops, &plans(&Editor::of(object.node.document()))) };
            if !fitting.is_empty() {
                patches.push((*object, fitting));
            }
        }
        patches.extend(taken_out.iter().map(|(object, ops, identity)| (*object, vec![(*identity, ops.as_slice())])));
        // Each document is proved on its own; what is taken out of a list was put last.
        patches.sort_by_key(|(object, _)| object.node.document().root().map(|root| root.span().start));
        for patches in patches.chunk_by(|(a, _), (b, _)| std::ptr::eq(a.node.document(), b.node.document())) {
            let Some((object, _)) = patches.first() else { continue };
            edits.extend(self.edits(&Editor::of(object.node.document()), patches));
        }
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        if edits.is_empty() {
            return;
        }
        match edit::apply(&source.text, &edits) {
            Some(text) => self.files.push(File { name: name.to_owned(), origin: source.origin, text }),
            None => {
                let all = patches.iter().flat_map(|(_, ops)| ops).map(|(identity, _)| *identity).chain(tasks.deleted.into_values());
                let all: BTreeSet<&str> = all.collect();
                all.into_iter().for_each(|identity| self.fail(identity, format!("{name}: the changes touch the same lines")));
            }
        }
    }

    /// The edits that let documents go and come. What cannot be done with all others is done alone, the first come first.
    fn documents(&mut self, last: &Document, gone: Vec<(Object<'_>, &str)>, created: Vec<(&str, Value)>) -> Vec<TextEdit> {
        if gone.is_empty() && created.is_empty() {
            return Vec::new();
        }
        let objects: Vec<Object<'_>> = gone.iter().map(|(object, _)| *object).collect();
        let new: Vec<Value> = created.iter().map(|(_, object)| object.clone()).collect();
        let mut kept = match edit::documents(last, &objects, &new) {
            Ok(edits) => return edits,
            Err(_) => (Vec::new(), Vec::new()),
        };
        let mut edits = Vec::new();
        let mut attempt = |gone: &[Object<'_>], new: &[Value]| match edit::documents(last, gone, new) {
            Ok(made) => {
                edits = made;
                None
            }
            Err(why) => Some(format!("{}: {}", why.location, why.message)),
        };
        for (object, identity) in gone {
            kept.0.push(object);
            if let Some(why) = attempt(&kept.0, &kept.1) {
                kept.0.pop();
                self.fail(identity, why);
            }
        }
        for (identity, object) in created {
            kept.1.push(object);
            if let Some(why) = attempt(&kept.0, &kept.1) {
                kept.1.pop();
                self.fail(identity, why);
            }
        }
        edits
    }

    /// The edits that make patches of one document; what cannot be made is set apart.
    fn edits(&mut self, editor: &Editor<'_>, patches: &[(Object<'_>, Vec<Patch<'_>>)]) -> Vec<TextEdit> {
        let mut planned = Vec::with_capacity(patches.len());
        for (object, ops) in patches {
            // What cannot even be planned is found without the whole document being read for each patch.
            let can_be_made = editor.plan(object, &joined(ops)).is_ok();
            planned.push((*object, if can_be_made { ops.clone() } else { self.sift(object, ops, &plans(editor)) }));
        }
        self.proved(editor, &planned)
    }

    /// The edits of those patches that prove themselves.
    fn proved(&mut self, editor: &Editor<'_>, patches: &[(Object<'_>, Vec<Patch<'_>>)]) -> Vec<TextEdit> {
        let whole: Vec<_> = patches.iter().map(|(object, ops)| (*object, joined(ops))).collect();
        match (editor.edits(&whole), patches) {
            (Ok(edits), _) => edits,
            (Err(_), [(object, ops)]) => {
                let proves = |object: &Object<'_>, ops: &[PatchOp]| editor.edits(&[(*object, ops.to_vec())]).map(drop);
                let kept = self.sift(object, ops, &proves);
                editor.edits(&[(*object, joined(&kept))]).unwrap_or_default()
            }
            (Err(_), _) => {
                let (first, second) = patches.split_at(patches.len() / 2);
                let mut edits = self.proved(editor, first);
                edits.extend(self.proved(editor, second));
                edits
            }
        }
    }

    /// Those patches of an object that can be made together, the first come first.
    fn sift<'f>(&mut self, object: &Object<'_>, ops: &[Patch<'f>], can: Can<'_>) -> Vec<Patch<'f>> {
        let mut kept: Vec<Patch<'_>> = Vec::new();
        for one in ops {
            kept.push(*one);
            let problem = match can(object, &joined(&kept)) {
                Ok(()) if self.fits(object, &kept) => continue,
                Ok(()) => format!("{}: the object would not fit the type of its kind", object.node.location()),
                Err(why) => format!("{}: {}", why.location, why.message),
            };
            kept.pop();
            self.fail(one.0, problem);
        }
        kept
    }

    /// Whether patches leave an object as valid as it was. Notes the verdict, and the new name if they give it one.
    fn fits(&mut self, object: &Object<'_>, ops: &[Patch<'_>]) -> bool {
        let old = object.node.to_json();
        let mut new = old.clone();
        if edit::patch_json(&mut new, &joined(ops)).is_err() {
            return false;
        }
        let verdict = match (schema::problems(&old), schema::problems(&new)) {
            (_, None) => Schema::NoSchemaKnown,
            (_, Some(problems)) if problems.is_empty() => Schema::Valid,
            (Some(before), Some(problems)) if problems.iter().all(|problem| before.contains(problem)) => Schema::NotValidAsBefore,
            _ => return false,
        };
        let who = of_object(object);
        let renamed = standing::who(&object.node.document().source.name, &id_of(&new));
        if id_of(&new).namespace != object.namespace {
            self.renamed.push((renamed, who.clone()));
        }
        self.schema.insert(who, verdict);
        true
    }

    /// Whether a new object fits its type.
    fn fits_new(&mut self, identity: &str, object: &Value, file: &str) -> bool {
        let verdict = match schema::problems(object) {
            None => Schema::NoSchemaKnown,
            Some(problems) if problems.is_empty() => Schema::Valid,
            Some(problems) => {
                self.fail(identity, format!("the new object would not fit its type: {}", problems.join("; ")));
                return false;
            }
        };
        self.schema.insert(standing::who(file, &id_of(object)), verdict);
        true
    }
}

fn plans(editor: &Editor<'_>) -> impl Fn(&Object<'_>, &[PatchOp]) -> Result<(), Refused> {
    |object, ops| editor.plan(object, ops).map(drop)
}

fn joined(ops: &[Patch<'_>]) -> Vec<PatchOp> {
    ops.iter().flat_map(|(_, ops)| ops.iter().cloned()).collect()
}
