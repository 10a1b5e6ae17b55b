//! URLs (apiserver `cel/library/urls.go`): absolute ones, and absolute paths.

use super::opaque::Opaque;
use super::{Call, Fault, Function, Key, Map, Type, Value, global, method, strings_list};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    global("isURL", 1, 1, Type::Bool, |call| Ok(Value::Bool(parse(&call.string(0, "isURL")?).is_some()))),
    global("url", 1, 1, Type::Url, url),
    method("getEscapedPath", 1, 1, Type::String, |call| text(call, "getEscapedPath", |url| url.path.replace(' ', "%20"))),
    method("getHost", 1, 1, Type::String, |call| text(call, "getHost", |url| url.host.clone())),
    method("getHostname", 1, 1, Type::String, |call| text(call, "getHostname", |url| split_port(&url.host).0)),
    method("getPort", 1, 1, Type::String, |call| text(call, "getPort", |url| split_port(&url.host).1)),
    method("getScheme", 1, 1, Type::String, |call| text(call, "getScheme", |url| url.scheme.clone())),
    method("getQuery", 1, 1, Type::Map, query),
];

/// A URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub(super) text: String,
    scheme: String,
    host: String,
    path: String,
    query: String,
}

pub(super) fn parse(text: &str) -> Option<Url> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    let (rest, _) = text.split_once('#').unwrap_or((text, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) if !scheme.is_empty() => rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?,
        _ if rest.starts_with('/') => ("", rest),
        // What comes after a scheme without a slash is opaque.
        _ if !scheme.is_empty() => ("", ""),
        _ => return None,
    };
    if authority.contains(' ') {
        return None;
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = split_port(host).1;
    let good = port.bytes().all(|byte| byte.is_ascii_digit()) && (!host.starts_with('[') || host.contains(']'));
    good.then(|| Url { text: text.into(), scheme: scheme.to_lowercase(), host: host.into(), path: path.into(), query: query.into() })
}

/// A host and its port; an address of IPv6 without its brackets.
fn split_port(host: &str) -> (String, String) {
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address.to_owned(), rest.trim_start_matches(':').to_owned());
    }
    host.rsplit_once(':').map_or((host.to_owned(), String::new()), |(host, port)| (host.to_owned(), port.to_owned()))
}

fn url<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let text = call.string(0, "url")?;
    match parse(&text) {
        Some(url) => Ok(Value::Opaque(Arc::new(Opaque::Url(url)))),
        None => Err(format!("`{text}` is no URL").into()),
    }
}

fn of<'c>(call: &'c Call<'_, '_>, name: &str) -> Result<&'c Url, Fault> {
    match call.opaque(0, name)? {
        Opaque::Url(url) => Ok(url),
        _ => call.mismatch(name),
    }
}

fn text<'a>(call: &Call<'_, 'a>, name: &str, read: fn(&Url) -> String) -> Result<Value<'a>, Fault> {
    Ok(Value::text(read(of(call, name)?)))
}

fn query<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let mut values: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for pair in of(call, "getQuery")?.query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        values.entry(Key::String(decode(key).into())).or_default().push(decode(value));
    }
    Ok(Value::Map(Map::Made(Arc::new(values.into_iter().map(|(key, values)| (key, strings_list(values))).collect()))))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digits: &[u8]| std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, rest.clone().next(), rest.clone().nth(1)) {
            (b'%', Some(a), Some(b)) => match hex(&[a, b]) {
                Some(decoded) => {
                    bytes.push(decoded);
                    rest.nth(1);
                }
                None => bytes.push(byte),
            },
            (b'+', _, _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
