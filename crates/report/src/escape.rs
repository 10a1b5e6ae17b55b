//! Text from manifests is hostile: each format escapes it in its own way.

use std::borrow::Cow;

/// For HTML and XML text and attribute values. Control characters, which XML 1.0 cannot carry, become `\u{fffd}`.
pub(crate) fn markup(text: &str) -> Cow<'_, str> {
    let special = |letter: char| matches!(letter, '&' | '<' | '>' | '"' | '\'') || (letter.is_control() && !matches!(letter, '\n' | '\t'));
    if !text.contains(|letter| special(letter) || matches!(letter, '\u{fffe}' | '\u{ffff}')) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// For a terminal: control characters, which could move the cursor or change colours, are shown as their escapes.
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars().map(|letter| if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }).collect(),
    )
}

/// A name that means harm in every format.
#[cfg(test)]
pub(crate) const HOSTILE: &str =
    "</title></style></script><script>alert(1)</script>\"'\\ \u{1b}]0;x\u{7} &amp; <img src=x onerror=alert(1)>";
