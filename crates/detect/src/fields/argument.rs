//! What may stand in a field's brackets, or behind its last dot.

use super::{Arg, ArgRule, FieldError};
use plimsoll_model::events::{ParamInfo, schema};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::LazyLock;

/// How the argument of a field is written. Each way has its own errors, word for word those of falcosecurity/libs
/// (`extract_arg` of `sinsp_filtercheck_*.cpp` and `plugin_filtercheck.cpp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Syntax {
    /// There is none.
    #[default]
    None,
    /// `proc.aname[2]`, or none; with anything else in its brackets it is no field.
    Index,
    /// `proc.env[HOME]`, `proc.env[0]`, or none.
    IndexOrKey,
    /// `fd.types[0]`, or none.
    Descriptor,
    /// `thread.cgroup.memory`.
    Word,
    /// `evt.arg.flags` or `evt.arg[1]`.
    Param,
    /// `evt.rawarg.flags`.
    RawParam,
    /// `evt.around[1404996934793590564]`.
    Around,
    /// `evt.type.is.open` or `evt.type.is.3`.
    EventType,
    /// `evt.abspath`, `evt.abspath.src` or `evt.abspath.dst`.
    Side,
    /// As fields of plugins declare it: `container.mount[/etc]`.
    Declared(ArgRule),
}

/// A field's name and argument as a rule writes them, for messages.
struct Written<'a> {
    name: &'a str,
    arg: Option<&'a str>,
}

impl std::fmt::Display for Written<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.arg {
            Some(arg) => write!(out, "{}[{arg}]", self.name),
            None => out.write_str(self.name),
        }
    }
}

impl Syntax {
    /// What the field's description says of it.
    #[must_use]
    pub const fn rule(self) -> ArgRule {
        let (required, index, key) = match self {
            Self::None => (false, false, false),
            Self::Index | Self::Descriptor => (false, true, false),
            Self::IndexOrKey => (false, true, true),
            Self::Word | Self::RawParam => (true, false, true),
            Self::Param | Self::EventType => (true, true, true),
            Self::Around => (true, true, false),
            Self::Side => (false, false, true),
            Self::Declared(rule) => return rule,
        };
        ArgRule { required, index, key }
    }

    /// Whether the argument may stand behind a dot.
    #[must_use]
    pub const fn dotted(self) -> bool {
        matches!(self, Self::Word | Self::Param | Self::RawParam | Self::Around | Self::EventType | Self::Side)
    }

    /// Reads the argument of the field `base`: what follows that in `name`, or what stood in brackets behind it.
    ///
    /// # Errors
    /// The argument is missing, is not taken, or is not of the kind that is taken.
    pub fn read(self, base: &str, name: &str, arg: Option<&str>) -> Result<Option<Arg>, FieldError> {
        let wrong = || Err(FieldError::Argument(format!("filter syntax error: {}", Written { name, arg })));
        let rest = name.strip_prefix(base).unwrap_or_default();
        let dotted = rest.strip_prefix('.');
        if !rest.is_empty() && (dotted.is_none() || !self.dotted()) {
            return if matches!(self, Self::Word | Self::Param | Self::RawParam | Self::Around | Self::EventType) {
                wrong()
            } else {
                Err(FieldError::Unknown)
            };
        }
        // A word behind a dot takes no brackets in addition.
        if dotted.is_some() && arg.is_some() {
            return Err(FieldError::Unknown);
        }
        match self {
            Self::None => arg.map_or(Ok(None), |_| Err(FieldError::Unknown)),
            Self::Index => arg.map(|arg| index(arg).ok_or(FieldError::Unknown)).transpose().map(Option::flatten),
            Self::IndexOrKey => Ok(match arg {
                Some(arg) if !arg.is_empty() && arg.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Some(Arg::Index(arg.parse().map_err(|_| FieldError::Unknown)?))
                }
                arg => arg.map(|arg| Arg::Key(arg.into())),
            }),
            Self::Descriptor => arg.map(|arg| index(arg).ok_or_else(|| not_a_number(arg))).transpose().map(Option::flatten),
            Self::Word => match dotted {
                Some(word) if word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') => Ok(Some(Arg::Key(word.into()))),
                Some(_) => Err(FieldError::Unknown),
                None => wrong(),
            },
            Self::Param | Self::RawParam => match (dotted, arg) {
                (Some(word), _) => {
                    let known = longest_param(word).ok_or_else(|| FieldError::Argument(format!("unknown event argument {word}")))?;
                    if known.name == word { Ok(Some(Arg::Key(word.into()))) } else { Err(FieldError::Unknown) }
                }
                (None, Some(_)) if self == Self::RawParam => {
                    Err(FieldError::Argument("evt.arg fields must be expressed explicitly".to_owned()))
                }
                // A negative place is a place, but no event has it.
                (None, Some(arg)) => Ok(Some(index(arg).ok_or_else(|| not_a_number(arg))?.unwrap_or(Arg::Index(u64::MAX)))),
                (None, None) => wrong(),
            },
            Self::Around => match (dotted, arg) {
                (Some(_), _) => Err(FieldError::Argument("wrong syntax for evt.around".to_owned())),
                (None, Some(arg)) => arg.trim_start().parse().map(|time| Some(Arg::Index(time))).map_err(|_| not_a_number(arg)),
                (None, None) => wrong(),
            },
            Self::EventType => match dotted {
                Some(word) => match word.parse::<u32>() {
                    Ok(number) => Ok(Some(Arg::Index(number.into()))),
                    Err(_) if schema().iter().any(|info| info.name == word) => Ok(Some(Arg::Key(word.into()))),
                    Err(_) => Err(FieldError::Unknown),
                },
                None => wrong(),
            },
            Self::Side => match (dotted, arg) {
                (Some(side @ ("src" | "dst")), _) => Ok(Some(Arg::Key(side.into()))),
                (None, None) => Ok(None),
                _ => Err(FieldError::Unknown),
            },
            Self::Declared(rule) => declared(rule, name, arg),
        }
    }
}

/// A number in brackets; a negative one is as good as none.
fn index(text: &str) -> Option<Option<Arg>> {
    let number: i64 = text.trim_start().parse().ok()?;
    Some(u64::try_from(number).ok().map(Arg::Index))
}

fn not_a_number(text: &str) -> FieldError {
    FieldError::Argument(format!("{text} is not a valid number"))
}

/// The parameter of any event whose name is the longest with which the text starts.
pub(super) fn longest_param(text: &str) -> Option<&'static ParamInfo> {
    // The first parameter of each name, the longest names first.
    static PARAMS: LazyLock<Vec<&'static ParamInfo>> = LazyLock::new(|| {
        let mut names = HashSet::new();
        let mut params: Vec<_> = schema().iter().flat_map(|info| &info.params).filter(|param| names.insert(param.name)).collect();
        params.sort_by_key(|param| Reverse(param.name.len()));
        params
    });
    PARAMS.iter().copied().find(|param| text.starts_with(param.name))
}

/// The argument of a plugin's field: an index is digits without a leading zero; where a key is taken too, anything else is one.
fn declared(rule: ArgRule, name: &str, arg: Option<&str>) -> Result<Option<Arg>, FieldError> {
    let wrong = |text: String| Err(FieldError::Argument(text));
    let written = Written { name, arg };
    let Some(arg) = arg else {
        return if rule.required { wrong(format!("filter '{written}': {name} requires an argument but none provided")) } else { Ok(None) };
    };
    if !rule.allowed() {
        return wrong(format!("filter '{written}': {name} does not allow nor require an argument but one is provided: {arg}"));
    }
    if rule.index {
        let digits = arg.bytes().all(|byte| byte.is_ascii_digit());
        let zeros = arg.is_empty() || (arg.len() > 1 && arg.starts_with('0'));
        let why = if !digits {
            "has an invalid index argument not composed only by digits"
        } else if zeros {
            "has an invalid index argument starting with 0"
        } else if let Ok(number) = arg.parse() {
            return Ok(Some(Arg::Index(number)));
        } else {
            "has an invalid index argument not representable on 64 bit"
        };
        if !rule.key {
            return wrong(format!("filter {written} {name} {why}: {arg}"));
        }
    }
    Ok(Some(Arg::Key(arg.into())))
}
