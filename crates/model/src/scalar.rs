//! Plain scalars as Kubernetes reads them.
//!
//! kubectl and the API server turn YAML into JSON with the YAML 1.1 rules of go-yaml v2 (`sigs.k8s.io/yaml`), not with
//! the YAML 1.2 core schema: `yes` and `y` are booleans, `0644` is octal, `1_000` is a number.

/// What a plain scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites, in three spellings each.
    Bool(bool),
    /// A whole number that fits 64 bits with sign.
    Int(i64),
    /// A whole number above `i64::MAX`.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Everything else.
    Str(&'a str),
}

/// Resolves the text of a plain (unquoted, untagged) scalar.
pub fn resolve(text: &str) -> Scalar<'_> {
    let Some(&first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or(Scalar::Str(text)),
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(text),
        _ => Scalar::Str(text),
    }
}

fn word(text: &str) -> Scalar<'_> {
    match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        _ => Scalar::Str(text),
    }
}

fn number(text: &str) -> Option<Scalar<'_>> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    // The usual case first: a short decimal number.
    if text.len() < 18 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Scalar::Int);
    }
    let plain: std::borrow::Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    whole(&plain).or_else(|| {
        // The last underscore must not hide a word: `1_a` is text.
        is_float(&plain).then(|| plain.parse().ok().map(Scalar::Float)).flatten()
    })
}

/// A whole number as Go's `strconv.ParseInt(text, 0, 64)` reads it: `0x`, `0o`, `0b` and a leading `0` choose the base.
fn whole(text: &str) -> Option<Scalar<'static>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match lower.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(value).map(Scalar::Int);
    }
    Some(i64::try_from(value).map_or(Scalar::Uint(value), Scalar::Int))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = digits(before) && digits(after) && !(before.is_empty() && after.is_empty());
    mantissa_fits
        && exponent.is_none_or(|text| {
            let text = text.strip_prefix(['-', '+']).unwrap_or(text);
            !text.is_empty() && digits(text)
        })
}

#[cfg(test)]
mod tests {
    use super::{Scalar::*, *};

    #[test]
    fn as_go_yaml_resolves() {
        let table = [
            ("", Null),
            ("~", Null),
            ("NULL", Null),
            ("nULL", Str("nULL")),
            ("yes", Bool(true)),
            ("y", Bool(true)),
            ("On", Bool(true)),
            ("No", Bool(false)),
            ("oFF", Str("oFF")),
            ("0", Int(0)),
            ("12", Int(12)),
            ("-12", Int(-12)),
            ("+12", Int(12)),
            ("1_000", Int(1000)),
            ("0644", Int(0o644)),
            ("0o644", Int(0o644)),
            ("0x1F", Int(31)),
            ("0b101", Int(5)),
            ("-0x10", Int(-16)),
            ("089", Float(89.0)),
            ("08", Float(8.0)),
            ("1.5", Float(1.5)),
            (".5", Float(0.5)),
            ("1.", Float(1.0)),
            ("1e3", Float(1000.0)),
            ("-1.5E-3", Float(-0.0015)),
            ("1e", Str("1e")),
            ("-", Str("-")),
            (".", Str(".")),
            ("9223372036854775807", Int(i64::MAX)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("9223372036854775808", Uint(9_223_372_036_854_775_808)),
            ("100m", Str("100m")),
            ("1.2.3", Str("1.2.3")),
            ("0x", Str("0x")),
            ("2024-01-01", Str("2024-01-01")),
            ("--", Str("--")),
            ("+-1", Str("+-1")),
            ("12:30", Str("12:30")),
            ("é", Str("é")),
            ("0é", Str("0é")),
        ];
        for (text, wanted) in table {
            assert_eq!(resolve(text), wanted, "{text}");
        }
    }
}
