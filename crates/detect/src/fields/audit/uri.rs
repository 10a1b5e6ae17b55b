//! Parameters in the query of a URI, as Go's `net/url` reads them.

use bumpalo::Bump;
use bumpalo::collections::Vec;

/// The first value of a parameter. A URI that is wrong anywhere has none.
pub(super) fn parameter<'a>(uri: &'a [u8], name: &[u8], arena: &'a Bump) -> Option<&'a [u8]> {
    let (uri, fragment) = cut(uri, b'#');
    let (path, query) = cut(uri, b'?');
    if uri.iter().any(|byte| *byte < b' ' || *byte == 0x7f) || !is_escaped_well(path) || !is_escaped_well(fragment) {
        return None;
    }
    if !is_escaped_well(query) || query.contains(&b';') {
        return None;
    }
    let mut parameters = query.split(|byte| *byte == b'&').filter(|parameter| !parameter.is_empty()).map(|parameter| cut(parameter, b'='));
    let (_, value) = parameters.find(|(key, _)| unescaped(key, arena) == name)?;
    Some(unescaped(value, arena))
}

/// What stands before and behind the first of a byte.
fn cut(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let end = memchr::memchr(at, text);
    end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?))).unwrap_or((text, &[]))
}

fn is_escaped_well(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).all(|at| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

fn unescaped<'a>(text: &'a [u8], arena: &'a Bump) -> &'a [u8] {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return text;
    }
    let mut out = Vec::with_capacity_in(text.len(), arena);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => bytes.by_ref().take(2).fold(0, |value, digit| value << 4 | hex(*digit)),
            byte => *byte,
        });
    }
    out.into_bump_slice()
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default()
}
