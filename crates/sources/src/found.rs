//! What the targets turned out to hold: inputs in order, read and parsed side by side at the end.

use crate::files::File;
use crate::filter::Filter;
use crate::render::Rendering;
use crate::{Options, files};
use plimsoll_model::{Limits, Parsed, Problem, ProblemKind, Snapshot, Source, parse};
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was found so far, and how to look for more.
pub(crate) struct Found<'o> {
    pub(crate) options: &'o Options,
    pub(crate) filter: Filter,
    /// What could not be found or read.
    pub(crate) problems: Vec<Problem>,
    inputs: Vec<Input>,
    /// Real paths of what is among the inputs.
    seen: HashSet<PathBuf>,
}

enum Input {
    File(File),
    Text(Arc<Source>),
    Rendering(Rendering),
}

impl<'o> Found<'o> {
    pub(crate) fn new(options: &'o Options, filter: Filter) -> Self {
        Self { options, filter, problems: Vec::new(), inputs: Vec::new(), seen: HashSet::new() }
    }

    /// The number of inputs and problems so far.
    pub(crate) fn len(&self) -> usize {
        self.inputs.len() + self.problems.len()
    }

    /// Text that is there already.
    pub(crate) fn text(&mut self, source: Arc<Source>) {
        self.inputs.push(Input::Text(source));
    }

    /// A file to read; `real` is its path without symbolic links.
    pub(crate) fn file(&mut self, file: File, real: PathBuf) {
        if self.seen.insert(real) {
            self.inputs.push(Input::File(file));
        }
    }

    /// The output of a program over `path`, or why there is none.
    pub(crate) fn rendering(&mut self, path: &Path, rendering: Result<Rendering, Problem>) {
        if self.seen.insert(files::real(path)) {
            match rendering {
                Ok(rendering) => self.inputs.push(Input::Rendering(rendering)),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    /// Reads and parses everything; the order does not depend on what is ready first.
    pub(crate) fn parse(self) -> Snapshot {
        let Self { options, inputs, mut problems, .. } = self;
        let parts: Vec<Parsed> = inputs.into_par_iter().map(|input| input.parse(options)).collect();
        let mut documents = Vec::with_capacity(parts.iter().map(|(documents, _)| documents.len()).sum());
        for (more, trouble) in parts {
            documents.extend(more);
            problems.extend(trouble);
        }
        Snapshot { documents, problems }
    }
}

impl Input {
    fn parse(self, options: &Options) -> Parsed {
        let source = match &self {
            Self::File(file) => file.read(options.limits),
            Self::Text(source) => Ok(Arc::clone(source)),
            Self::Rendering(rendering) => rendering.run(options),
        };
        match (source, &self) {
            (Ok(source), Self::File(file)) if !file.named => parse_met(&source, options.limits),
            (Ok(source), _) => parse(&source, options.limits),
            (Err(problem), _) => (Vec::new(), vec![problem]),
        }
    }
}

/// Parses a file that nobody named. JSON with comments (`tsconfig.json`) is everywhere and no manifest; as long as the
/// text does not speak of `apiVersion`, nothing is lost with it.
fn parse_met(source: &Arc<Source>, limits: Limits) -> Parsed {
    let (documents, mut problems) = parse(source, limits);
    if source.name.ends_with(".json") && !source.text.contains("\"apiVersion\"") {
        for problem in problems.iter_mut().filter(|problem| problem.kind == ProblemKind::Syntax) {
            problem.kind = ProblemKind::Note;
        }
    }
    (documents, problems)
}
