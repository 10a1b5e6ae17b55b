//! Upstream's way to put lists into words (`policy/helpers.go`).

use plimsoll_model::{Container, Pod};

/// `"a", "b"`: quoted without escapes.
pub(crate) fn quoted<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<_> = items.into_iter().collect();
    if items.is_empty() { String::new() } else { format!("\"{}\"", items.join("\", \"")) }
}

/// `one` for exactly one, else `many`.
pub(crate) fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// `container "a"` or `containers "a", "b"`.
pub(crate) fn containers(names: &[&str]) -> String {
    format!("{} {}", plural(names.len(), "container", "containers"), quoted(names.iter().copied()))
}

/// `pod and containers "a", "b"`; empty when nobody set anything.
pub(crate) fn setters(pod: bool, names: &[&str]) -> String {
    match (pod, names.is_empty()) {
        (false, true) => String::new(),
        (true, true) => "pod".to_owned(),
        (false, false) => containers(names),
        (true, false) => format!("pod and {}", containers(names)),
    }
}

/// Sorted bytewise, each once.
pub(crate) fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

/// The names of the containers that `is_bad`, in order of visit. Does not allocate when there are none.
pub(crate) fn names_where<'a>(pod: &Pod<'a>, is_bad: impl Fn(&Container<'a>) -> bool) -> Vec<&'a str> {
    pod.containers.iter().filter(|container| is_bad(container)).map(|container| container.name).collect()
}

/// The indices of the containers that `is_bad`.
pub(crate) fn indices_where<'a>(pod: &Pod<'a>, is_bad: impl Fn(&Container<'a>) -> bool) -> Vec<usize> {
    pod.containers.iter().enumerate().filter(|(_, container)| is_bad(container)).map(|(index, _)| index).collect()
}

/// A string as Go's `%q` writes it (`strconv.Quote`), for the values of annotations.
pub(crate) fn go_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0b' => quoted.push_str("\\v"),
            '\x0c' => quoted.push_str("\\f"),
            other if u32::from(other) < 0x20 || other == '\x7f' => quoted.push_str(&format!("\\x{:02x}", u32::from(other))),
            other if is_printable(other) => quoted.push(other),
            other if u32::from(other) > 0xffff => quoted.push_str(&format!("\\U{:08x}", u32::from(other))),
            other => quoted.push_str(&format!("\\u{:04x}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether Go prints the letter as it is: graphic, and no blank but the space. The standard library draws the same line
/// for its debug form, except for the first letter and for quotes.
fn is_printable(letter: char) -> bool {
    letter.is_ascii_graphic() || letter == ' ' || format!("x{letter}").escape_debug().nth(1).is_none_or(|first| first != '\\')
}

#[cfg(test)]
mod tests {
    use super::go_quoted;

    #[test]
    fn quoted_as_go_does() {
        let table = [
            ("", r#""""#),
            ("plain 'text'", r#""plain 'text'""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
            ("\0\u{1b}\u{7f}", r#""\x00\x1b\x7f""#),
            ("\u{80}\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}", r#""\u0080\u00a0\u00ad\u200b\u2028\ufeff""#),
            ("\u{e0001}\u{10ffff}", r#""\U000e0001\U0010ffff""#),
            ("héllo 日本 \u{301} 🚢 \u{fffd}", "\"héllo 日本 \u{301} 🚢 \u{fffd}\""),
        ];
        for (text, wanted) in table {
            assert_eq!(go_quoted(text), wanted);
        }
    }
}
