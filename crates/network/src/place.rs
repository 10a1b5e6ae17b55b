//! Places in what was read, as answers name them.

use plimsoll_model::Node;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// A place in what was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    /// The file, or what the user would call the source.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Place {
    /// Where something begins.
    pub fn of(node: Node<'_>) -> Self {
        let location = node.location();
        let start = location.start();
        Self { file: location.source.name.clone(), line: start.line, column: start.column }
    }
}

/// `shop/policies.yaml:12`, with the column where all stands in one line.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.line == 1 && self.column > 1 { write!(f, ":{}", self.column) } else { Ok(()) }
    }
}
