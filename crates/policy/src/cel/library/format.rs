//! Formats with names (apiserver `cel/library/format.go`).

use super::opaque::Opaque;
use super::url;
use super::{Call, Fault, Function, Type, Value, global, method, regexes, strings_list};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    global("format.named", 1, 1, Type::Optional, named),
    global("format.dns1123Label", 0, 0, Type::Format, |_| Ok(made("dns1123Label"))),
    global("format.dns1123Subdomain", 0, 0, Type::Format, |_| Ok(made("dns1123Subdomain"))),
    global("format.dns1123LabelPrefix", 0, 0, Type::Format, |_| Ok(made("dns1123LabelPrefix"))),
    global("format.dns1123SubdomainPrefix", 0, 0, Type::Format, |_| Ok(made("dns1123SubdomainPrefix"))),
    global("format.dns1035LabelPrefix", 0, 0, Type::Format, |_| Ok(made("dns1035LabelPrefix"))),
    global("format.uri", 0, 0, Type::Format, |_| Ok(made("uri"))),
    global("format.dns1035Label", 0, 0, Type::Format, |_| Ok(made("dns1035Label"))),
    global("format.qualifiedName", 0, 0, Type::Format, |_| Ok(made("qualifiedName"))),
    global("format.labelValue", 0, 0, Type::Format, |_| Ok(made("labelValue"))),
    global("format.uuid", 0, 0, Type::Format, |_| Ok(made("uuid"))),
    global("format.byte", 0, 0, Type::Format, |_| Ok(made("byte"))),
    global("format.date", 0, 0, Type::Format, |_| Ok(made("date"))),
    global("format.datetime", 0, 0, Type::Format, |_| Ok(made("datetime"))),
    method("validate", 2, 2, Type::Optional, validate),
];

/// The formats: name, the most characters, expression.
const FORMATS: [(&str, usize, &str); 13] = [
    ("dns1123Label", 63, LABEL),
    ("dns1123LabelPrefix", 63, LABEL),
    ("dns1123Subdomain", 253, SUBDOMAIN),
    ("dns1123SubdomainPrefix", 253, SUBDOMAIN),
    ("dns1035Label", 63, NAME),
    ("dns1035LabelPrefix", 63, NAME),
    ("uri", usize::MAX, ""),
    (
        "qualifiedName",
        317,
        r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    ),
    ("labelValue", 63, "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"),
    ("uuid", 36, "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$"),
    ("byte", usize::MAX, "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
    ("date", 10, r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"),
    ("datetime", 64, r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$"),
];

const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const NAME: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";

/// What a generated name starts with may end in a dash: more comes after it (apimachinery `validation/generate.go`).
fn masked(name: &str, text: &str) -> String {
    let start = text.strip_suffix('-').filter(|start| name.ends_with("Prefix") && !start.is_empty());
    start.map_or_else(|| text.to_owned(), |start| start.chars().take(start.chars().count() - 1).chain(['a']).collect())
}

fn made<'a>(name: &'static str) -> Value<'a> {
    Value::Opaque(Arc::new(Opaque::Format(name)))
}

fn named<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let name = call.string(0, "format.named")?;
    Ok(Value::optional(FORMATS.iter().find(|(known, ..)| *known == name).map(|(known, ..)| made(known))))
}

fn validate<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let Opaque::Format(name) = call.opaque(0, "validate")? else { return call.mismatch("validate") };
    let text = call.string(1, "validate")?;
    call.environment.spend(text.len().div_ceil(10))?;
    let Some((_, most, pattern)) = FORMATS.iter().find(|(known, ..)| known == name) else { return call.mismatch("validate") };
    let mut wrong = Vec::new();
    if text.chars().count() > *most {
        wrong.push(format!("must be no more than {most} characters"));
    }
    let is_one = if *name == "uri" { url::parse(&text).is_some() } else { regexes::compile(pattern)?.is_match(&masked(name, &text)) };
    if !is_one {
        wrong.push(format!("must be a valid {name}"));
    }
    Ok(Value::optional((!wrong.is_empty()).then(|| strings_list(wrong))))
}
