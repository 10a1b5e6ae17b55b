//! What could not be read: never dropped in silence, in every output and in the exit status.

use crate::{Location, Node, Source};
use std::sync::Arc;

/// Something that could not be read or done, so that the result does not speak of it.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// What to do about it, where there is something.
    pub help: Option<String>,
    /// The place, where it has one.
    pub location: Option<Location>,
    /// The source's name where there is no place in a text (a directory, an unreadable file, a resource of a cluster).
    pub target: Option<String>,
}

/// The kinds of [`Problem`], by what the user has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// A file, directory, archive or list could not be read.
    Unreadable,
    /// Text that is not YAML or JSON.
    Syntax,
    /// A mapping key that stands twice; Kubernetes refuses it under strict validation and takes the last one otherwise.
    DuplicateKey,
    /// A limit on size, depth or alias expansion was reached.
    Limit,
    /// A value whose type the Kubernetes API does not accept at this place.
    WrongType,
    /// An object that the Kubernetes API refuses although its types are right: a pod without containers.
    Invalid,
    /// A chart or kustomization that could not be rendered.
    NotRendered,
    /// The configuration asks for something that cannot be.
    Configuration,
    /// An alert did not get to where it should go.
    NotDelivered,
    /// Worth knowing, does not change the exit status: an unused exception, a pod template in an unknown kind.
    Note,
}

impl ProblemKind {
    /// The stable name used in machine-readable outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Syntax => "syntax",
            Self::DuplicateKey => "duplicate-key",
            Self::Limit => "limit",
            Self::WrongType => "wrong-type",
            Self::Invalid => "invalid",
            Self::NotRendered => "not-rendered",
            Self::Configuration => "configuration",
            Self::NotDelivered => "not-delivered",
            Self::Note => "note",
        }
    }

    /// Whether the result is incomplete because of it, which the exit status says.
    pub fn is_error(self) -> bool {
        self != Self::Note
    }
}

impl Problem {
    /// A problem without a place yet.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, location: None, target: None }
    }

    /// A problem with the value at `node`.
    pub fn at(kind: ProblemKind, node: Node<'_>, message: impl Into<String>) -> Self {
        Self::new(kind, message).located(node.location())
    }

    /// Adds the place.
    #[must_use]
    pub fn located(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Names what could not be read where no text is at hand.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The source of the place, where it has one.
    pub fn source(&self) -> Option<&Arc<Source>> {
        self.location.as_ref().map(|location| &location.source)
    }

    /// Where it is, for sorting and for one-line outputs: `file:line:column`, the target, or nothing.
    pub fn place(&self) -> String {
        match (&self.location, &self.target) {
            (Some(location), _) => location.to_string(),
            (None, Some(target)) => target.clone(),
            (None, None) => String::new(),
        }
    }
}
