//! What transformers make of values.
//!
//! Upstream: `userspace/libsinsp/sinsp_filter_transformers/`, `sinsp_filtercheck_multivalue_transformer.cpp`.

use super::Source;
use super::compare::{text, type_name};
use crate::Value;
use crate::condition::Transformer;
use crate::fields::Facts;
use crate::format::print;
use bumpalo::Bump;
use plimsoll_model::events::{Format, ParamType};

/// What kind of values there are, and whether several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Their type.
    pub kind: ParamType,
    /// Whether it is a list.
    pub list: bool,
}

impl Shape {
    /// One text.
    pub const TEXT: Self = Self { kind: ParamType::CharBuf, list: false };
    /// Several texts.
    pub const TEXTS: Self = Self { kind: ParamType::CharBuf, list: true };
}

/// Values that a transformer takes.
#[derive(Debug, Clone, Copy)]
pub struct Input<'v, 'e> {
    /// What they are.
    pub shape: Shape,
    /// Themselves.
    pub values: &'v [Value<'e>],
}

/// What a transformer makes of such values; with what is wrong if it does not take them. `arg` is what stands in brackets behind it.
///
/// # Errors
/// It does not take them.
pub fn signature(transformer: Transformer, inputs: &[Shape], arg: Option<&[u8]>) -> Result<Shape, String> {
    use Transformer as T;
    let name = transformer.text();
    let alike = |wanted: &[ParamType]| {
        let [input] = inputs else { return Err("unknown multivalue transformer".to_owned()) };
        if wanted.contains(&input.kind) {
            Ok(*input)
        } else {
            let list = if input.list { "list " } else { "" };
            Err(format!(
                "can't add field transformer: type '{}' is not supported by '{name}' transformer applied on {list}field",
                type_name(input.kind)
            ))
        }
    };
    let result = match transformer {
        T::Val => return inputs.first().copied().ok_or_else(|| "unknown multivalue transformer".to_owned()),
        T::ToLower | T::ToUpper | T::Basename => alike(&[ParamType::CharBuf, ParamType::FsPath, ParamType::FsRelPath])?,
        T::B64 => alike(&[ParamType::CharBuf, ParamType::FsPath, ParamType::FsRelPath, ParamType::ByteBuf])?,
        T::Len => {
            let number = Shape { kind: ParamType::UInt64, list: false };
            match inputs {
                [Shape { list: true, .. }] => number,
                _ => alike(&[ParamType::CharBuf, ParamType::FsPath, ParamType::FsRelPath, ParamType::ByteBuf]).map(|_| number)?,
            }
        }
        T::Join | T::Concat | T::Getopt if inputs.len() < 2 => return Err(format!("unknown field transfomer '{name}'")),
        T::Join => match inputs {
            [separator, _] if separator.list => {
                return Err("join() first argument (separator) must be a single value, not a list".into());
            }
            [_, list] if list.list => Shape::TEXT,
            [_, _] => return Err("join() second argument must be a list".into()),
            _ => return Err("join() requires exactly 2 arguments: separator and list".into()),
        },
        T::Concat if inputs.iter().all(|input| *input == Shape::TEXT) => Shape::TEXT,
        T::Concat => return Err("concat() arguments must be strings".into()),
        T::Getopt => match inputs {
            [list, _] if !list.list => return Err("getopt() first argument must be a list".into()),
            [_, options] if options.list => return Err("getopt() second argument (optstring) must be a single value".into()),
            [list, options] if list.kind == ParamType::CharBuf && options.kind == ParamType::CharBuf => match arg {
                None => return Ok(Shape::TEXTS),
                Some([_]) => return Ok(Shape::TEXT),
                Some(_) => return Err("getopt() field argument must be a single option character".into()),
            },
            [_, _] => return Err("getopt() arguments must be strings".into()),
            _ => return Err("getopt() requires exactly 2 arguments: args list and optstring".into()),
        },
    };
    if arg.is_some() { Err(format!("transformer '{name}' does not support field arguments")) } else { Ok(result) }
}

/// Makes values of others and adds them to `out`; no, if there are none to be made (as of text that is no base64).
pub fn apply<'e>(
    transformer: Transformer,
    arg: Option<&[u8]>,
    inputs: &[Input<'_, 'e>],
    arena: &'e Bump,
    out: &mut Vec<Value<'e>>,
) -> bool {
    use Transformer as T;
    let Some(first) = inputs.first() else { return false };
    match transformer {
        T::Val => out.extend_from_slice(first.values),
        T::ToLower => each(first, out, |text| Some(arena.alloc_slice_fill_iter(text.iter().map(u8::to_ascii_lowercase)))),
        T::ToUpper => each(first, out, |text| Some(arena.alloc_slice_fill_iter(text.iter().map(u8::to_ascii_uppercase)))),
        T::Basename => each(first, out, |text| text.rsplit(|byte| *byte == b'/').next()),
        T::B64 => return try_each(first, out, |text| decoded(text).map(|bytes| &*arena.alloc_slice_copy(&bytes))),
        T::Len if first.shape.list => out.push(Value::Uint(first.values.len() as u64)),
        T::Len => match first.values.first().and_then(text) {
            Some(text) => out.push(Value::Uint(text.len() as u64)),
            None => return false,
        },
        T::Join => {
            let [separator, list] = inputs else { return false };
            let Some(separator) = separator.values.first() else { return false };
            let mut joined = Vec::new();
            for (index, value) in list.values.iter().enumerate() {
                if index > 0 {
                    write(separator, &mut joined);
                }
                write(value, &mut joined);
            }
            out.push(Value::Text(arena.alloc_slice_copy(&joined)));
        }
        T::Concat => {
            let mut joined = Vec::new();
            for input in inputs {
                let Some(value) = input.values.first() else { return false };
                write(value, &mut joined);
            }
            out.push(Value::Text(arena.alloc_slice_copy(&joined)));
        }
        T::Getopt => {
            let [arguments, options] = inputs else { return false };
            let Some(options) = options.values.first().and_then(text) else { return false };
            return getopt(arguments.values, options, arg.and_then(|arg| arg.first().copied()), out);
        }
    }
    true
}

impl Source {
    /// What kind of values come out, and whether several.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Field(field) => Shape { kind: field.kind, list: field.info.list },
            Self::Transform { kind, list, .. } => Shape { kind: *kind, list: *list },
            Self::Literal(_) => Shape::TEXT,
            Self::List(_) => Shape::TEXTS,
        }
    }

    /// Adds the values of this event to `out`; no, if there are none. A list of arguments without elements is there, and empty.
    pub fn extract<'e>(&self, facts: &impl Facts<'e>, out: &mut Vec<Value<'e>>) -> bool {
        match self {
            Self::Field(field) => {
                let before = out.len();
                facts.extract(field, out);
                out.len() > before
            }
            Self::Literal(text) => {
                out.push(Value::Text(facts.arena().alloc_slice_copy(text)));
                true
            }
            Self::List(elements) => elements.iter().all(|element| {
                let mut values = Vec::new();
                let found = element.extract(facts, &mut values);
                out.extend(values.into_iter().map(|value| match value {
                    Value::Text(_) | Value::Bytes(_) => value,
                    number => {
                        let mut text = Vec::new();
                        element.print(&number, &mut text);
                        Value::Text(facts.arena().alloc_slice_copy(&text))
                    }
                }));
                found
            }),
            Self::Transform { transformer, inputs, arg, .. } => {
                let mut values = Vec::with_capacity(inputs.len());
                for input in inputs {
                    let mut found = Vec::new();
                    if !input.extract(facts, &mut found) {
                        return false;
                    }
                    values.push((input.shape(), found));
                }
                let inputs: Vec<_> = values.iter().map(|(shape, values)| Input { shape: *shape, values }).collect();
                apply(*transformer, arg.as_deref(), &inputs, facts.arena(), out)
            }
        }
    }

    /// Prints one of its values.
    fn print(&self, value: &Value<'_>, out: &mut Vec<u8>) {
        let format = if let Self::Field(field) = self { field.info.format } else { Format::Plain };
        print(self.shape().kind, format, value, out);
    }
}

fn write(value: &Value<'_>, out: &mut Vec<u8>) {
    match text(value) {
        Some(text) => out.extend_from_slice(text),
        None => print(ParamType::None, Format::Decimal, value, out),
    }
}

/// Makes a text of each text; bytes stay bytes.
fn each<'e>(input: &Input<'_, 'e>, out: &mut Vec<Value<'e>>, make: impl Fn(&'e [u8]) -> Option<&'e [u8]>) {
    try_each(input, out, make);
}

fn try_each<'e>(input: &Input<'_, 'e>, out: &mut Vec<Value<'e>>, make: impl Fn(&'e [u8]) -> Option<&'e [u8]>) -> bool {
    let before = out.len();
    for value in input.values {
        let made = match value {
            Value::Text(text) => make(text).map(Value::Text),
            Value::Bytes(bytes) => make(bytes).map(Value::Bytes),
            _ => None,
        };
        let Some(made) = made else {
            out.truncate(before);
            return false;
        };
        out.push(made);
    }
    true
}

/// Decodes base64, with its padding or without, in which no bit may be lost.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let bare = text.strip_suffix(b"=").map_or(text, |text| text.strip_suffix(b"=").unwrap_or(text));
    let mut bytes = Vec::with_capacity(bare.len() / 4 * 3 + 2);
    for group in bare.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            bits = bits << 6 | u32::from(sextet(*byte)?);
        }
        let [_, first, second, third] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        match (group.len(), second, third) {
            (4, ..) => bytes.extend([first, second, third]),
            (3, _, 0) => bytes.extend([first, second]),
            (2, 0, 0) => bytes.push(first),
            _ => return None,
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Reads a command line as `getopt(3)` does, without long options, which are passed over.
///
/// Without `selected`: each option, followed by its value if it takes one; `?` for an option that `options` does not name; nothing but an
/// empty text for one whose value is missing. With it: only the last value of that option, or its own letter if it takes none.
fn getopt<'e>(arguments: &[Value<'e>], options: &[u8], selected: Option<u8>, out: &mut Vec<Value<'e>>) -> bool {
    let known = |option: u8| {
        let at = options.iter().skip(usize::from(options.first() == Some(&b':'))).position(|byte| *byte == option)?;
        let at = at + usize::from(options.first() == Some(&b':'));
        Some(options.get(at + 1) == Some(&b':'))
    };
    let mut last = None;
    let mut found = |option: &'e [u8], value: Option<&'e [u8]>, letter: u8| match selected {
        Some(wanted) if wanted == letter => last = Some(value.unwrap_or(option)),
        Some(_) => {}
        None => out.extend(std::iter::once(option).chain(value).map(Value::Text)),
    };
    let mut arguments = arguments.iter().filter_map(text);
    while let Some(argument) = arguments.next() {
        let cluster = match argument {
            [b'-', b'-'] => break,
            [b'-', b'-', ..] => continue,
            [b'-', cluster @ ..] if !cluster.is_empty() => cluster,
            _ => break,
        };
        for (at, option) in cluster.iter().enumerate() {
            let rest = cluster.get(at + 1..).unwrap_or_default();
            let name = std::slice::from_ref(option);
            match known(*option).filter(|_| *option != b':') {
                None if selected.is_none() => found(b"?", None, *option),
                None => {}
                Some(false) => found(name, None, *option),
                Some(true) => {
                    match if rest.is_empty() { arguments.next() } else { Some(rest) } {
                        Some(value) => found(name, Some(value), *option),
                        None => found(b"", None, *option),
                    }
                    break;
                }
            }
        }
    }
    match (selected, last) {
        (None, _) => true,
        (Some(_), Some(value)) => {
            out.push(Value::Text(value));
            true
        }
        (Some(_), None) => false,
    }
}
