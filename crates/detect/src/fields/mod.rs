//! What rules can ask an event for.
//!
//! A catalogue knows the fields of one source of events; [`Facts`] answers for one event. What has no value gives none: a comparison
//! with it is false, and it prints as `<NA>`.

mod argument;
pub mod audit;
mod fixed;
pub mod syscalls;
mod time;

pub use argument::Syntax;
pub use fixed::{STATIC, WithStatic, is_static_name};
pub use plimsoll_model::nearest;
pub use time::{Time, TimeStyle};

use crate::Value;
use plimsoll_model::events::{Format, ParamType};

/// A field as its catalogue describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name (`proc.aname`).
    pub name: &'static str,
    /// The type of its values.
    pub kind: ParamType,
    /// How its numbers are printed.
    pub format: Format,
    /// Whether it can have several values; only `in`, `intersects` and `exists` compare those.
    pub list: bool,
    /// Which argument it takes.
    pub arg: ArgRule,
    /// What it can not do.
    pub limits: Limits,
    /// What it says, in a sentence or two.
    pub description: &'static str,
}

/// Which argument a field takes (`proc.aname[2]`, `evt.arg[fd]` or `evt.arg.fd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArgRule {
    /// It has to have one.
    pub required: bool,
    /// A number is taken.
    pub index: bool,
    /// A text is taken.
    pub key: bool,
}

impl ArgRule {
    /// No argument.
    pub const NONE: Self = Self { required: false, index: false, key: false };

    /// Whether it takes one at all.
    #[must_use]
    pub const fn allowed(self) -> bool {
        self.index || self.key
    }
}

/// What a field can not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// It is for conditions, not for outputs.
    pub filter_only: bool,
    /// It is for outputs, not for conditions.
    pub print_only: bool,
    /// It compares with values, not with other fields.
    pub no_rhs: bool,
    /// No transformer takes it.
    pub no_transformer: bool,
    /// It should not be used any more.
    pub deprecated: bool,
    /// Outputs get it without asking (`append_output.suggested_output`).
    pub suggested: bool,
    /// It is not listed: an internal one, or one that upstream keeps for tables.
    pub hidden: bool,
    /// It says what both ends of a connection are, and one of them has to compare (with `!=` both).
    pub both_ends: bool,
}

impl Limits {
    /// It can do all that fields can.
    pub const NONE: Self = Self {
        filter_only: false,
        print_only: false,
        no_rhs: false,
        no_transformer: false,
        deprecated: false,
        suggested: false,
        hidden: false,
        both_ends: false,
    };
}

/// Which field of its catalogue: its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// The argument of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arg {
    /// A number: which ancestor, which parameter.
    Index(u64),
    /// A text: a name, a path, a JSON pointer.
    Key(Box<str>),
}

/// A field as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its place in the catalogue.
    pub id: FieldId,
    /// What it is.
    pub info: &'static FieldInfo,
    /// Its argument.
    pub arg: Option<Arg>,
    /// The type of its values with this argument: `evt.rawarg.res` takes that of the parameter.
    pub kind: ParamType,
}

/// The fields of one source of events.
pub trait Catalogue {
    /// All of them, in the order in which they are listed; a [`FieldId`] is a place in it.
    fn all(&self) -> &[FieldInfo];

    /// The field that a rule names: `name` may hold an argument after its last dots (`evt.arg.flags`), `arg` is that in brackets.
    ///
    /// # Errors
    /// There is no such field, or its argument is missing, is not taken, or is not of the kind that it takes.
    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError>;

    /// What a field says of every event, if its catalogue has one of this name of which that is known before any event.
    fn constant(&self, _name: &str) -> Option<&str> {
        None
    }

    /// The fields whose names are nearest to one that is not known, for messages.
    fn nearest(&self, name: &str) -> Vec<&'static str>;
}

/// Why a rule cannot ask for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// No source of events that the rule may use has it.
    Unknown,
    /// What is wrong with its argument.
    Argument(String),
}

/// What one event says.
pub trait Facts<'e> {
    /// Adds the values that a field has in this event to `out`; none if it has none.
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>);

    /// Whether a field is there (`exists`): it has a value, unless upstream answers otherwise for it (`fd.ip exists` is true of any
    /// descriptor).
    fn has(&self, field: &Field) -> bool {
        let mut values = Vec::new();
        self.extract(field, &mut values);
        !values.is_empty()
    }

    /// Memory for values that are made, not found; it lives as long as the event.
    fn arena(&self) -> &'e bumpalo::Bump;
}
