//! An event of which only the fields are known: what a case says of it.

use super::bytes;
use anyhow::{Context, bail};
use bumpalo::Bump;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::fields::{Arg, ArgRule, Catalogue, Facts, Field, FieldError, FieldId, FieldInfo, Limits};
use plimsoll_detect::filter::Reach;
use plimsoll_detect::{IpNet, Value};
use plimsoll_model::events::{Format, ParamType};
use serde_json::Value as Json;
use std::net::IpAddr;

/// The fields of system calls, and those that a case makes up.
#[derive(Default)]
pub(super) struct Known {
    made_up: Vec<(FieldInfo, &'static FieldInfo)>,
}

/// What fields say of an event.
pub(super) struct Event<'e> {
    values: Vec<(Field, Vec<Value<'e>>)>,
    arena: &'e Bump,
}

impl Known {
    /// Makes up a field, unless there is one of that name.
    pub(super) fn make(&mut self, name: &str, kind: ParamType, list: bool, limits: Limits) {
        if Syscalls.resolve(name, None).is_ok() || self.made_up.iter().any(|(info, _)| info.name == name) {
            return;
        }
        let number = matches!(kind, ParamType::CharBuf | ParamType::ByteBuf);
        let info = FieldInfo {
            name: String::leak(name.to_owned()),
            kind,
            format: if number { Format::Plain } else { Format::Decimal },
            list,
            arg: ArgRule::NONE,
            limits,
            description: "",
        };
        self.made_up.push((info.clone(), Box::leak(Box::new(info))));
    }

    /// A field by its name with its argument, as cases write it.
    fn field(&self, whole: &str) -> Result<Field, FieldError> {
        match whole.strip_suffix(']').and_then(|whole| whole.split_once('[')) {
            Some((name, arg)) => self.resolve(name, Some(arg)),
            None => self.resolve(whole, None),
        }
    }
}

impl Catalogue for Known {
    fn all(&self) -> &[FieldInfo] {
        Syscalls.all()
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        let whole = arg.map_or_else(|| name.to_owned(), |arg| format!("{name}[{arg}]"));
        let made_up = self.made_up.iter().zip(0_u16..).find(|((info, _), _)| info.name == whole);
        match made_up {
            Some(((_, info), at)) => Ok(Field { id: FieldId(u16::MAX - at), info, arg: None, kind: info.kind }),
            None => Syscalls.resolve(name, arg),
        }
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        Syscalls.nearest(name)
    }
}

impl<'e> Event<'e> {
    /// Reads the context of a case: its fields, and their types where they are not real ones.
    pub(super) fn read(case: &Json, known: &mut Known, arena: &'e Bump) -> anyhow::Result<Self> {
        let mut event = Self { values: Vec::new(), arena };
        let context = case.get("context").unwrap_or(&Json::Null);
        let map = |key| context.get(key).and_then(Json::as_object).into_iter().flatten();
        for (name, kind) in map("field_types") {
            let kind = kind.as_str().and_then(ParamType::named).context("an unknown type")?;
            known.make(name, kind, false, Limits::default());
        }
        for (name, value) in map("fields") {
            if known.field(name).is_err() {
                let (kind, list) = match value {
                    Json::Number(_) => (ParamType::UInt64, false),
                    Json::Array(_) => (ParamType::CharBuf, true),
                    _ => (ParamType::CharBuf, false),
                };
                known.make(name, kind, list, Limits::default());
            }
            event.say(known, name, value)?;
        }
        Ok(event)
    }

    /// Has a field say a value, some, or none.
    pub(super) fn say(&mut self, known: &Known, name: &str, value: &Json) -> anyhow::Result<()> {
        let field = known.field(name).map_err(|error| anyhow::anyhow!("{name}: {error:?}"))?;
        let values = match value {
            Json::Null => Vec::new(),
            Json::Array(values) => values.iter().map(|value| typed(field.kind, value, self.arena)).collect::<anyhow::Result<_>>()?,
            value => vec![typed(field.kind, value, self.arena)?],
        };
        // Alone it is that of the process itself, in an output.
        if Reach::of(&field) == Reach::Ancestors && field.kind != ParamType::CharBuf {
            self.values.push((Field { arg: Some(Arg::Index(0)), ..field.clone() }, values.clone()));
        }
        self.values.push((field, values));
        Ok(())
    }
}

/// A value of a type.
pub(super) fn typed<'e>(kind: ParamType, value: &Json, arena: &'e Bump) -> anyhow::Result<Value<'e>> {
    Ok(match value {
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Value::Uint(number),
            (_, Some(number), _) => Value::Int(number),
            (_, _, Some(number)) => Value::Double(number),
            _ => bail!("an unknown number"),
        },
        value => {
            let bytes = arena.alloc_slice_copy(&bytes(value)?);
            match kind {
                ParamType::IpAddr | ParamType::IpNet | ParamType::Ipv4Addr => match std::str::from_utf8(bytes)?.parse::<IpAddr>()? {
                    address if kind == ParamType::IpNet => Value::Net(IpNet { address, prefix: 128 }),
                    address => Value::Ip(address),
                },
                ParamType::ByteBuf => Value::Bytes(bytes),
                _ => Value::Text(bytes),
            }
        }
    })
}

impl<'e> Facts<'e> for Event<'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        out.extend(self.values.iter().filter(|(known, _)| known == field).flat_map(|(_, values)| values.iter().copied()));
    }

    fn arena(&self) -> &'e Bump {
        self.arena
    }
}
