//! What events of system calls say: the fields of the source `syscall`.
//!
//! One file a class, one [`Row`] a field: what it is and how its values are found. Names, types and meaning are those of
//! falcosecurity/libs (`userspace/libsinsp/sinsp_filtercheck_*.cpp`).

mod common;
mod container;
mod event;
mod fd;
mod fdlist;
mod fspath;
mod process;
mod user;

use super::argument::longest_param;
use super::{Arg, Catalogue, Facts, Field, FieldError, FieldId, FieldInfo, Limits, Syntax, nearest};
use crate::Value;
use crate::state::{State, Thread};
use plimsoll_model::events::{Event, Format, ParamType};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::LazyLock;

/// Names of addresses, as a resolver outside of the engine found them.
pub type AddressNames = HashMap<IpAddr, Box<str>>;

/// What is known of a stream of events beside the state that they make.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// When the first event was made.
    pub first: Option<u64>,
    /// When the event before the present one was made.
    pub previous: Option<u64>,
    /// The machine's name.
    pub hostname: String,
    /// Names of addresses; what is not in it has no name: the engine asks nobody.
    pub names: AddressNames,
}

/// One event, ready to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Context<'e> {
    /// The event.
    pub event: &'e Event<'e>,
    /// The state after it was taken in.
    pub state: &'e State,
    /// What came before it.
    pub stream: &'e Stream,
    /// Where values that are made lie.
    pub arena: &'e bumpalo::Bump,
}

impl<'e> Context<'e> {
    /// The thread that made the event.
    fn thread(&self) -> Option<&'e Thread> {
        self.state.current()
    }

    /// A text that is made for this event.
    fn made(&self, text: fmt::Arguments<'_>) -> Value<'e> {
        let mut made = bumpalo::collections::String::new_in(self.arena);
        // Writing into memory does not fail.
        let _ = made.write_fmt(text);
        Value::Text(made.into_bump_str().as_bytes())
    }
}

/// How the values of a field are found.
#[derive(Clone, Copy)]
enum Getter {
    /// At most one, and no argument tells which.
    One(for<'e> fn(&Context<'e>) -> Option<Value<'e>>),
    /// At most one.
    OneOf(for<'e> fn(&Context<'e>, Option<&Arg>) -> Option<Value<'e>>),
    /// Several.
    Many(for<'e> fn(&Context<'e>, Option<&Arg>, &mut Vec<Value<'e>>)),
}

/// A field: what it is and how its values are found.
#[derive(Clone)]
struct Row {
    info: FieldInfo,
    syntax: Syntax,
    get: Getter,
}

impl Row {
    const fn new(name: &'static str, kind: ParamType, format: Format, get: Getter, description: &'static str) -> Self {
        const FREE: Limits = Limits {
            filter_only: false,
            print_only: false,
            no_rhs: false,
            no_transformer: false,
            deprecated: false,
            suggested: false,
            hidden: false,
        };
        let info = FieldInfo { name, kind, format, list: false, arg: Syntax::None.rule(), limits: FREE, description };
        Self { info, syntax: Syntax::None, get }
    }

    /// A text with at most one value.
    const fn text(name: &'static str, get: for<'e> fn(&Context<'e>) -> Option<Value<'e>>, description: &'static str) -> Self {
        Self::new(name, ParamType::CharBuf, Format::Plain, Getter::One(get), description)
    }

    /// Yes or no.
    const fn flag(name: &'static str, get: for<'e> fn(&Context<'e>) -> Option<Value<'e>>, description: &'static str) -> Self {
        Self::new(name, ParamType::Bool, Format::Plain, Getter::One(get), description)
    }

    const fn syntax(mut self, syntax: Syntax) -> Self {
        self.syntax = syntax;
        self.info.arg = syntax.rule();
        self
    }

    const fn limits(mut self, limits: Limits) -> Self {
        self.info.limits = limits;
        self
    }

    /// It can have several values.
    const fn list(mut self) -> Self {
        self.info.list = true;
        self
    }

    /// It should not be used any more.
    const fn deprecated(mut self) -> Self {
        self.info.limits.deprecated = true;
        self
    }

    /// It is not listed.
    const fn hidden(mut self) -> Self {
        self.info.limits.hidden = true;
        self
    }

    /// It only compares with values that a rule writes down, as it is.
    const fn plain_only(mut self) -> Self {
        self.info.limits.no_rhs = true;
        self.info.limits.no_transformer = true;
        self
    }

    /// It is for conditions alone, and only compares with values that a rule writes down.
    const fn filter_only(self) -> Self {
        let mut row = self.plain_only();
        row.info.limits.filter_only = true;
        row
    }

    /// Outputs get it without asking.
    const fn suggested(mut self) -> Self {
        self.info.limits.suggested = true;
        self
    }
}

/// All classes, in the order in which upstream looks through them.
const CLASSES: &[&[Row]] =
    &[common::FIELDS, event::FIELDS, process::FIELDS, user::FIELDS, fd::FIELDS, fspath::FIELDS, fdlist::FIELDS, container::FIELDS];

struct Table {
    infos: Vec<FieldInfo>,
    rows: Vec<(Syntax, Getter)>,
    places: HashMap<&'static str, FieldId>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { infos: Vec::new(), rows: Vec::new(), places: HashMap::new() };
    for (place, row) in CLASSES.iter().copied().flatten().enumerate() {
        table.places.insert(row.info.name, FieldId(u16::try_from(place).unwrap_or(u16::MAX)));
        table.infos.push(row.info.clone());
        table.rows.push((row.syntax, row.get));
    }
    table
});

/// The fields of the source `syscall`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Syscalls;

impl Syscalls {
    /// The fields that every source of events has (`evt.num`, `evt.time`, …).
    pub fn common() -> impl Iterator<Item = &'static FieldInfo> {
        TABLE.infos.iter().take(common::FIELDS.len())
    }
}

impl Catalogue for Syscalls {
    fn all(&self) -> &[FieldInfo] {
        &TABLE.infos
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        let place = TABLE.places.get(name).or_else(|| TABLE.places.get(stem(name)?)).ok_or(FieldError::Unknown)?;
        let at = usize::from(place.0);
        let (info, (syntax, _)) = TABLE.infos.get(at).zip(TABLE.rows.get(at)).ok_or(FieldError::Unknown)?;
        let arg = syntax.read(info.name, name, arg)?;
        let kind = match &arg {
            Some(Arg::Key(param)) if *syntax == Syntax::RawParam => longest_param(param).map_or(info.kind, |param| param.kind),
            _ => info.kind,
        };
        Ok(Field { id: *place, info, arg, kind })
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        let known = TABLE.infos.iter().filter(|info| !info.limits.hidden && !info.limits.deprecated);
        nearest(known.map(|info| info.name), name)
    }
}

/// The field that a name with its argument behind a dot starts with.
fn stem(name: &str) -> Option<&'static str> {
    let stems = TABLE.infos.iter().zip(&TABLE.rows).filter(|(_, (syntax, _))| syntax.dotted());
    stems.map(|(info, _)| info.name).filter(|stem| name.starts_with(stem)).max_by_key(|stem| stem.len())
}

impl<'e> Facts<'e> for Context<'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        match TABLE.rows.get(usize::from(field.id.0)).map(|(_, get)| get) {
            Some(Getter::One(get)) => out.extend(get(self)),
            Some(Getter::OneOf(get)) => out.extend(get(self, field.arg.as_ref())),
            Some(Getter::Many(get)) => get(self, field.arg.as_ref(), out),
            None => {}
        }
    }

    fn arena(&self) -> &'e bumpalo::Bump {
        self.arena
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field as it was understood, or what is wrong with it.
    fn resolved(name: &str, arg: Option<&str>) -> String {
        match Syscalls.resolve(name, arg) {
            Ok(Field { info, arg: Some(Arg::Index(index)), .. }) => format!("{} {index}", info.name),
            Ok(Field { info, arg: Some(Arg::Key(key)), .. }) => format!("{} '{key}'", info.name),
            Ok(Field { info, arg: None, .. }) => info.name.to_owned(),
            Err(FieldError::Unknown) => "unknown".to_owned(),
            Err(FieldError::Argument(message)) => message,
        }
    }

    #[test]
    fn arguments_are_read_as_upstream_reads_them() {
        let cases = [
            ("evt.num", None, "evt.num"),
            ("evt.num", Some("1"), "unknown"),
            ("evt.nosuch", None, "unknown"),
            ("evt.arg.flags", None, "evt.arg 'flags'"),
            ("evt.arg", Some("1"), "evt.arg 1"),
            ("evt.arg", Some("a"), "a is not a valid number"),
            ("evt.arg", None, "filter syntax error: evt.arg"),
            ("evt.arg.flagsy", None, "unknown"),
            ("evt.arg.nosucharg", None, "unknown event argument nosucharg"),
            ("evt.rawarg.res", None, "evt.rawarg 'res'"),
            ("evt.rawarg", Some("0"), "evt.arg fields must be expressed explicitly"),
            ("evt.rawarg", None, "filter syntax error: evt.rawarg"),
            ("evt.type.is.openat", None, "evt.type.is 'openat'"),
            ("evt.type.is.307", None, "evt.type.is 307"),
            ("evt.type.is.nosuch", None, "unknown"),
            ("evt.type.is", Some("openat"), "filter syntax error: evt.type.is[openat]"),
            ("evt.around", Some("1404996934793590564"), "evt.around 1404996934793590564"),
            ("evt.around.x", None, "wrong syntax for evt.around"),
            ("evt.abspath", None, "evt.abspath"),
            ("evt.abspath.dst", None, "evt.abspath 'dst'"),
            ("evt.abspath.both", None, "unknown"),
        ];
        for (name, arg, wanted) in cases {
            assert_eq!(resolved(name, arg), wanted, "{name} {arg:?}");
        }
        assert_eq!(Syscalls.resolve("evt.rawarg.res", None).map(|field| field.kind), Ok(ParamType::Errno));
    }

    #[test]
    fn every_field_is_told_apart_and_described() {
        assert_eq!(TABLE.places.len(), TABLE.infos.len(), "no name stands twice");
        for info in Syscalls.all() {
            assert!(info.description.ends_with('.') && info.description.len() > 10, "{}", info.name);
        }
    }
}
