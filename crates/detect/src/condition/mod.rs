//! The text of a condition to a tree and back. What its fields mean is not known here.
//!
//! The grammar is that of falcosecurity/libs, `userspace/libsinsp/filter/parser.h`.

mod ast;

pub use ast::{Expr, Modifier, Node, Operand, Operator, Position, Right, Transformer};
