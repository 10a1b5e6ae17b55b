//! Semantic versions (semver.org 2.0.0; apiserver `cel/library/semverlib.go`).

use super::opaque::Opaque;
use super::{Call, Fault, Function, Type, Value, global, method};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    global("isSemver", 1, 2, Type::Bool, |call| Ok(Value::Bool(read(call, "isSemver")?.is_some()))),
    global("semver", 1, 2, Type::Semver, semver),
    method("major", 1, 1, Type::Int, |call| number(call, "major", 0)),
    method("minor", 1, 1, Type::Int, |call| number(call, "minor", 1)),
    method("patch", 1, 1, Type::Int, |call| number(call, "patch", 2)),
];

/// A semantic version. What follows `+` says nothing about the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semver {
    numbers: [i64; 3],
    pre: Vec<String>,
    build: String,
}

fn parse(text: &str, normalise: bool) -> Option<Semver> {
    let text = if normalise { text.trim_start_matches('v') } else { text };
    let (rest, build) = text.split_once('+').unwrap_or((text, ""));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let parts: Vec<&str> = core.split('.').collect();
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = |part: &str| part.len() > 1 && part.starts_with('0');
    if parts.len() > 3 || (parts.len() < 3 && !normalise) || parts.iter().any(|part| !plain(part) || (!normalise && leading_zero(part))) {
        return None;
    }
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let pre: Vec<String> = pre.into_iter().flat_map(|pre| pre.split('.')).map(str::to_owned).collect();
    let good = pre.iter().all(|part| word(part)) && (build.is_empty() || build.split('.').all(word));
    good.then(|| Semver { numbers, pre, build: build.to_owned() })
}

/// The order of two versions: what is before a release is lower than it.
pub(super) fn compare(a: &Semver, b: &Semver) -> Ordering {
    let part = |(a, b): (&String, &String)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    };
    let pre = || match (a.pre.is_empty(), b.pre.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let parts = a.pre.iter().zip(&b.pre).map(part).find(|order| order.is_ne());
            parts.unwrap_or_else(|| a.pre.len().cmp(&b.pre.len()))
        }
    };
    a.numbers.cmp(&b.numbers).then_with(pre)
}

fn read(call: &Call<'_, '_>, name: &str) -> Result<Option<Semver>, Fault> {
    let normalise = matches!(call.get(1), Value::Bool(true));
    Ok(parse(&call.string(0, name)?, normalise))
}

fn semver<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match read(call, "semver")? {
        Some(version) => Ok(Value::Opaque(Arc::new(Opaque::Semver(version)))),
        None => Err(format!("`{}` is no semantic version", call.get(0).display()).into()),
    }
}

fn number<'a>(call: &Call<'_, 'a>, name: &str, at: usize) -> Result<Value<'a>, Fault> {
    match call.opaque(0, name)? {
        Opaque::Semver(version) => Ok(Value::Int(version.numbers.get(at).copied().unwrap_or(0))),
        _ => call.mismatch(name),
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre.join("."))?;
        }
        if self.build.is_empty() { Ok(()) } else { write!(f, "+{}", self.build) }
    }
}
