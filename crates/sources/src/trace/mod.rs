//! From a rendered object back to what it was rendered from: the place in a chart or kustomization that a change belongs to.
//!
//! A template is a program, so this is a reading of its text, not a proof: places are where a person looks first.

mod helm;
mod kustomize;

use plimsoll_model::{Document, Limits, Object, Origin, PatchKind, PatchOp, Source, parse, tokens};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// What renders objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// A chart.
    Helm,
    /// A kustomization.
    Kustomize,
}

/// A place to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What renders it.
    pub renderer: Renderer,
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1; 0 where the file or the place has to be made.
    pub line: u32,
    /// The key in the values that is read there, as `a.b.c`.
    pub key: Option<String>,
    /// What to write.
    pub suggestion: String,
}

/// What rendered a source, and the directory of the chart or kustomization.
pub fn rendered_from(source: &Source) -> Option<(Renderer, PathBuf)> {
    if source.origin != Origin::Rendered {
        return None;
    }
    let (directory, renderer) = source.name.rsplit_once(" (")?;
    match renderer {
        "helm)" => Some((Renderer::Helm, directory.into())),
        "kustomize)" => Some((Renderer::Kustomize, directory.into())),
        _ => None,
    }
}

/// Charts and kustomizations as far as they were read.
#[derive(Default)]
pub struct Tracer {
    texts: HashMap<PathBuf, Option<Arc<Source>>>,
    /// The documents that a kustomization builds on, by its directory.
    resources: HashMap<PathBuf, Rc<Vec<Document>>>,
}

impl Tracer {
    /// Where a new object for the chart or kustomization that rendered `source` goes.
    pub fn creation(&mut self, source: &Source, object: &Value) -> Option<Place> {
        let (renderer, directory) = rendered_from(source)?;
        match renderer {
            Renderer::Helm => Some(helm::creation(&directory, object)),
            Renderer::Kustomize => kustomize::creation(self, &directory, object),
        }
    }

    /// Where a rendered object is taken away.
    pub fn deletion(&mut self, object: &Object<'_>) -> Option<Place> {
        let (renderer, directory) = rendered_from(&object.node.document().source)?;
        match renderer {
            Renderer::Helm => helm::deletion(&directory, object),
            Renderer::Kustomize => kustomize::deletion(self, &directory, object),
        }
    }

    /// The places that `patch` of a rendered object belongs to, the likeliest first.
    pub fn places(&mut self, object: &Object<'_>, patch: &[PatchOp]) -> Vec<Place> {
        let Some((renderer, directory)) = rendered_from(&object.node.document().source) else { return Vec::new() };
        let mut places = match renderer {
            Renderer::Helm => helm::places(self, &directory, object, &leaves(patch)),
            Renderer::Kustomize => kustomize::places(self, &directory, object, patch),
        };
        let mut seen = Vec::new();
        places.retain(|place| {
            let is_new = !seen.contains(place);
            seen.push(place.clone());
            is_new
        });
        places
    }

    /// A file, if it can be read and is not larger than a manifest is.
    fn read(&mut self, path: &Path) -> Option<Arc<Source>> {
        if let Some(known) = self.texts.get(path) {
            return known.clone();
        }
        let is_fine = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= Limits::default().bytes);
        let text = Some(path).filter(|_| is_fine).and_then(|path| std::fs::read_to_string(path).ok());
        let source = text.map(|text| Source::new(path.display().to_string(), Origin::File, text));
        self.texts.insert(path.to_owned(), source.clone());
        source
    }

    /// The documents of a file.
    fn documents(&mut self, path: &Path) -> Vec<Document> {
        self.read(path).map(|source| parse(&source, Limits::default()).0).unwrap_or_default()
    }
}

/// The name of a file for a new object.
fn file_name(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or("new");
    format!("{}-{}.yaml", text("/kind").to_lowercase(), text("/metadata/name"))
}

/// One value to set, or to remove.
struct Leaf {
    tokens: Vec<String>,
    value: Option<Value>,
}

/// A patch as single values: a map that is added is each of its entries.
fn leaves(patch: &[PatchOp]) -> Vec<Leaf> {
    fn collect(path: Vec<String>, value: &Value, leaves: &mut Vec<Leaf>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                map.iter().for_each(|(key, value)| collect([path.clone(), vec![key.clone()]].concat(), value, leaves));
            }
            _ => leaves.push(Leaf { tokens: path, value: Some(value.clone()) }),
        }
    }
    let mut all = Vec::new();
    for op in patch {
        let path: Vec<String> = tokens(&op.path).map(Cow::into_owned).collect();
        match (&op.value, op.op) {
            (Some(value), PatchKind::Add | PatchKind::Replace) => collect(path, &value.value(), &mut all),
            _ => all.push(Leaf { tokens: path, value: None }),
        }
    }
    all
}
