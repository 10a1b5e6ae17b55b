//! Everything that was read in one go, and the objects in it.

use crate::{Document, Object, Problem};

/// The documents of a run and what could not be read. Engines are functions of it.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The documents, in order of their source's name and place.
    pub documents: Vec<Document>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Snapshot {
    /// The Kubernetes objects of all documents in order, and what is wrong with their lists.
    pub fn objects(&self) -> (Vec<Object<'_>>, Vec<Problem>) {
        let mut objects = Vec::new();
        let mut problems = Vec::new();
        for document in &self.documents {
            let (found, trouble) = document.objects();
            objects.extend(found);
            problems.extend(trouble);
        }
        (objects, problems)
    }
}
