//! The text of a condition to a tree and back. What its fields mean is not known here.
//!
//! The grammar is that of falcosecurity/libs, `userspace/libsinsp/filter/parser.h`.

mod ast;
mod escape;
mod event_types;
mod lexer;
mod macros;
mod parse;
mod print;

pub use ast::{Expr, Modifier, Node, Operand, Operator, Position, Right, Transformer};
pub use escape::{EscapeError, escape, unescape};
pub use event_types::{EventSet, EventTypesError, event_types};
pub use macros::{Reference, Resolved, resolve_macros};
pub use parse::{Options, ParseError, left_transformers, list_operators, operators, parse, parse_operand, parse_with};
pub use print::{print, print_operand};
