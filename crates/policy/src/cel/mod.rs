//! The Common Expression Language as the Kubernetes API server speaks it.
//!
//! A [`Program`] is compiled once: parsed, macros expanded, names and functions resolved, operand types that are known
//! checked. It is then evaluated as often as there are objects, under a [`Limits`] of cost, over values that are borrowed
//! from the objects and not copied.
//!
//! Sources: the language definition (google/cel-spec `langdef.md`), the libraries of
//! <https://kubernetes.io/docs/reference/using-api/cel/>, the costs of cel-go `interpreter/runtimecost.go`.

mod ast;
mod check;
mod evaluate;
mod lexer;
mod library;
mod parser;
mod value;

pub(crate) use evaluate::Witness;
pub use evaluate::{Environment, Host, Limits, Variable};
pub use library::authorizer::{Access, User};
pub(crate) use library::opaque::Opaque;
pub use value::{Key, List, Map, Value};

use std::fmt;
use std::ops::Range;

/// A compiled expression.
#[derive(Debug)]
pub struct Program {
    text: String,
    root: ast::Expr,
    ty: value::Type,
}

/// Why an expression cannot be compiled, or came to no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The bytes of the expression that it is about.
    pub at: Range<usize>,
}

/// The kinds of [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The text is no expression.
    Syntax,
    /// A name, function or type that cannot be.
    Compile,
    /// The evaluation ended in an error, as it would in the API server.
    Evaluation,
    /// The evaluation cost more than the limit.
    Cost,
    /// It needs something that is not here: a cluster, a registry, a clock.
    Unsupported,
}

impl Program {
    /// Compiles `text`. `roots` are the variables that it may speak of; others are an error.
    pub fn compile(text: &str, roots: &[&str]) -> Result<Self, Failure> {
        let root = parser::parse(text, roots)?;
        let ty = check::check(&root)?;
        Ok(Self { text: text.to_owned(), root, ty })
    }

    /// The text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the type of its value, where that is known without evaluating it.
    pub fn type_name(&self) -> Option<&'static str> {
        (self.ty != value::Type::Dyn).then(|| self.ty.name())
    }

    /// The program of a policy on pods for what makes pods: `object.spec` and `object.metadata` are looked up below `path`,
    /// which leads to the pod template.
    #[must_use]
    pub fn below(&self, path: &[&str]) -> Self {
        Self { text: self.text.clone(), root: self.root.below(path), ty: self.ty }
    }

    /// Its value in `environment`.
    pub fn evaluate<'a>(&'a self, environment: &Environment<'a>) -> Result<Value<'a>, Failure> {
        evaluate::evaluate(&self.root, environment)
    }

    /// Whether it is true, and if it is not, which part of the input decided that.
    pub(crate) fn decide<'a>(&'a self, environment: &Environment<'a>) -> Result<(bool, Option<Witness>), Failure> {
        let (value, witness) = evaluate::evaluate_with_witness(&self.root, environment)?;
        match value {
            Value::Bool(value) => Ok((value, witness)),
            other => Err(Failure {
                kind: FailureKind::Evaluation,
                message: format!("the expression came to {} and not to a boolean", other.type_name()),
                at: 0..self.text.len(),
            }),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
