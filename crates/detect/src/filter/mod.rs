//! A condition whose fields are known and whose types agree, and what it says of one event.
//!
//! [`Filter::holds`] goes through the tree as it is written: slow, and right by inspection. The engine's plan has to agree with it.
//!
//! The rules are those of falcosecurity/libs (`userspace/libsinsp/filter.cpp`, `sinsp_filtercheck.cpp`, `filter_compare.cpp`). What has no
//! value compares with nothing: every comparison with it is false, `!=` too, and `not` of one is true. Where upstream answers a question
//! in a way that no rule can have meant, [`Filter::compile`] says so in a warning and writes that answer into the tree; nothing below
//! has to know of it.

mod compare;
mod compile;
mod constant;
mod glob;
mod holds;
mod path_prefix;
mod pattern;
mod transform;

pub use compare::{comparable, compare, compare_constant};
pub(crate) use compile::source;
pub use compile::{CompileError, Warning};
pub use glob::Glob;
pub use path_prefix::PathPrefixMap;
pub use pattern::{Pattern, PatternError};
pub use transform::{Input, Shape, apply, signature};

use crate::condition::{Modifier, Operator, Transformer};
use crate::fields::Field;
use crate::{IpNet, Value};
use core::net::IpAddr;
use plimsoll_model::events::ParamType;

/// A condition that can be asked.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All of them; none is true.
    All(Vec<Filter>),
    /// At least one; none is false.
    Any(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// One comparison.
    Check(Check),
}

/// One comparison.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is compared.
    pub left: Source,
    /// How, and with what.
    pub test: Test,
}

/// How a value is compared, and with what.
#[derive(Debug, Clone)]
pub enum Test {
    /// It is there at all.
    Exists,
    /// With constants.
    Constants {
        /// How.
        operator: Operator,
        /// How many of the constants must compare so.
        modifier: Option<Modifier>,
        /// With what; each stands as text and as a value of the left side's type.
        values: Vec<Constant>,
    },
    /// Whether one of some paths starts it (`pmatch`).
    Paths {
        /// As they are written.
        values: Vec<Constant>,
        /// The same, to be searched.
        prefixes: PathPrefixMap<()>,
    },
    /// With what another field says.
    Source {
        /// How.
        operator: Operator,
        /// With what.
        right: Source,
    },
}

/// Where a value comes from: a field, or what transformers make of fields.
#[derive(Debug, Clone)]
pub enum Source {
    /// A field.
    Field(Field),
    /// What a transformer makes.
    Transform {
        /// Which.
        transformer: Transformer,
        /// Of what.
        inputs: Vec<Source>,
        /// Its argument in brackets.
        arg: Option<Box<[u8]>>,
        /// The type of what comes out.
        kind: ParamType,
        /// Whether several values come out.
        list: bool,
    },
    /// A literal among the arguments of a transformer.
    Literal(Box<[u8]>),
    /// Arguments of a transformer in parentheses: their values one after the other, as texts.
    List(Vec<Source>),
}

/// What becomes of several values of a field that is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It has one.
    One,
    /// One of a process's ancestors has to compare so (`proc.aname` without a number).
    Ancestors,
    /// One end of a connection has to compare so, and both with `!=` (`fd.ip`).
    Ends,
}

impl Reach {
    /// How far a field reaches. Upstream knows these fields by name; in their tables they are those whose comparisons are their own.
    #[must_use]
    pub fn of(field: &Field) -> Self {
        let limits = field.info.limits;
        if field.info.list || !limits.no_rhs || !limits.no_transformer {
            Self::One
        } else if limits.both_ends {
            Self::Ends
        } else if !limits.filter_only && field.info.arg.allowed() && !field.info.arg.required && field.arg.is_none() {
            Self::Ancestors
        } else {
            Self::One
        }
    }
}

/// A value that a rule writes down.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// As it is written, without quotes.
    pub text: Box<[u8]>,
    /// As a value of the type that it is compared with.
    pub value: Literal,
}

/// The value of a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A number that may be negative.
    Int(i64),
    /// A number that may not.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// The text itself.
    Text,
    /// Bytes.
    Bytes(Box<[u8]>),
    /// An address.
    Ip(IpAddr),
    /// A network.
    Net(IpNet),
    /// A regular expression.
    Pattern(Pattern),
    /// A pattern of `*`, `?` and `[]`.
    Glob(Glob),
}

impl Constant {
    /// As a value.
    #[must_use]
    pub fn view(&self) -> Value<'_> {
        match &self.value {
            Literal::Int(number) => Value::Int(*number),
            Literal::Uint(number) => Value::Uint(*number),
            Literal::Double(number) => Value::Double(*number),
            Literal::Bool(yes) => Value::Bool(*yes),
            Literal::Text | Literal::Pattern(_) | Literal::Glob(_) => Value::Text(&self.text),
            Literal::Bytes(bytes) => Value::Bytes(bytes),
            Literal::Ip(address) => Value::Ip(*address),
            Literal::Net(net) => Value::Net(*net),
        }
    }
}
