//! Patterns of `grep` and `sed` as those of the `regex` crate, which take time linear in the text.

use super::super::shell::Reason;
use regex::{Regex, RegexBuilder};

/// The languages that patterns are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// POSIX basic: `\(`, `\|`, `\+` are operators.
    Basic,
    /// POSIX extended, and Perl's as far as the crate has it.
    Extended,
    /// No operators at all.
    Fixed,
}

/// Compiles a pattern.
pub(super) fn compile(pattern: &str, syntax: Syntax, fold: bool) -> Result<Regex, Reason> {
    let text = match syntax {
        Syntax::Basic => basic(pattern),
        Syntax::Extended => extended(pattern),
        Syntax::Fixed => regex::escape(pattern),
    };
    let built = RegexBuilder::new(&text).case_insensitive(fold).size_limit(1 << 18).build();
    built.map_err(|_| format!("the pattern `{pattern}` is not understood"))
}

/// Basic to the crate's: operators lose their backslash, and what looks like one gains it.
fn basic(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars().peekable();
    // Whether nothing stands before: a star there is a star.
    let mut start = true;
    while let Some(one) = chars.next() {
        let was_start = std::mem::take(&mut start);
        match one {
            '\\' => match chars.next() {
                Some(operator @ ('(' | ')' | '|' | '{' | '}' | '+' | '?')) => {
                    text.push(operator);
                    start = matches!(operator, '(' | '|');
                }
                Some(letter) => escaped(letter, &mut text),
                None => text.push_str("\\\\"),
            },
            '(' | ')' | '|' | '{' | '}' | '+' | '?' => {
                text.push('\\');
                text.push(one);
            }
            '*' if was_start => text.push_str("\\*"),
            '^' if was_start => {
                text.push('^');
                start = true;
            }
            '^' => text.push_str("\\^"),
            '$' if chars.peek().is_none() => text.push('$'),
            '$' => {
                let mut ahead = chars.clone();
                let closes = ahead.next() == Some('\\') && matches!(ahead.next(), Some(')' | '|'));
                text.push_str(if closes { "$" } else { "\\$" });
            }
            '[' => class(&mut chars, &mut text),
            other => text.push(other),
        }
    }
    text
}

fn extended(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(one) = chars.next() {
        match one {
            '\\' => match chars.next() {
                Some(letter) => escaped(letter, &mut text),
                None => text.push_str("\\\\"),
            },
            '[' => class(&mut chars, &mut text),
            other => text.push(other),
        }
    }
    text
}

/// `\x` outside of brackets.
fn escaped(letter: char, text: &mut String) {
    // The crate has the classes, bounds and escapes; any other escaped letter is itself.
    if !letter.is_alphanumeric() || "wWsSbBdDntr".contains(letter) {
        text.push('\\');
    }
    text.push(letter);
}

/// A bracket expression, in which a backslash is a character and `[:alpha:]` a class.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, text: &mut String) {
    text.push('[');
    if chars.next_if_eq(&'^').is_some() {
        text.push('^');
    }
    if chars.next_if_eq(&']').is_some() {
        text.push_str("\\]");
    }
    while let Some(one) = chars.next() {
        match one {
            ']' => {
                text.push(']');
                return;
            }
            '[' if chars.peek() == Some(&':') => {
                text.push('[');
                while let Some(inner) = chars.next() {
                    text.push(inner);
                    if inner == ':' && chars.next_if_eq(&']').is_some() {
                        text.push(']');
                        break;
                    }
                }
            }
            '[' | '\\' | '&' | '~' => {
                text.push('\\');
                text.push(one);
            }
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_grep() {
        use Syntax::{Basic, Extended, Fixed};
        let table = [
            (Basic, "a\\(b\\|c\\)d", "acd", true),
            (Basic, "a(b)", "a(b)", true),
            (Basic, "a+", "a+", true),
            (Basic, "a+", "aa", false),
            (Basic, "\\(\\w\\+\\|,\\)*Node", "--mode=RBAC,Node", true),
            (Basic, "\\[\"\\*\"\\]", "x[\"*\"]", true),
            (Basic, "*a", "*a", true),
            (Basic, "^0$", "0", true),
            (Basic, "a^b$c", "a^b$c", true),
            (Basic, "[= ]\\([^ ]*\\)", "=/x", true),
            (Basic, "[]x]", "]", true),
            (Basic, "client\\-cert", "client-cert", true),
            (Extended, "cert-file|key-file", "key-file", true),
            (Extended, "(^|[[:space:]])x:[[:space:]]*true", " x: true", true),
            (Extended, "tls\\.crt", "tlsxcrt", false),
            (Fixed, "a.b", "axb", false),
        ];
        for (syntax, pattern, text, wanted) in table {
            assert_eq!(compile(pattern, syntax, false).unwrap().is_match(text), wanted, "{pattern} {text}");
        }
        assert!(compile("\\(a\\)\\1\\(", Basic, false).is_err());
    }
}
