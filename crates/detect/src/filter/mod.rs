//! A condition whose fields are known and whose types agree, and what it says of one event.
//!
//! [`Filter::holds`] goes through the tree as it is written: slow, and right by inspection. The engine's plan has to agree with it.

mod glob;
mod path_prefix;

pub use glob::Glob;
pub use path_prefix::PathPrefixMap;

use crate::condition::{Modifier, Operator, Transformer};
use crate::fields::Field;
use crate::{IpNet, Value};
use plimsoll_model::events::ParamType;
use std::net::IpAddr;

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
    /// Literals among the arguments of a transformer.
    Literal(Vec<Box<[u8]>>),
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
            Literal::Text => Value::Text(&self.text),
            Literal::Bytes(bytes) => Value::Bytes(bytes),
            Literal::Ip(address) => Value::Ip(*address),
            Literal::Net(net) => Value::Net(*net),
        }
    }
}
