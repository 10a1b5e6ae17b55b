//! Regular expressions as RE2 reads them in its POSIX mode, which has to match a whole text.
//!
//! They are written anew in the syntax of the `regex` crate, which is RE2's of the other mode: what only that has (`\d`, `(?i)`, `*?` that
//! takes little) means something else or nothing here. Matching takes linear time in both.

use regex::{Regex, RegexBuilder};
use std::fmt;

/// How often something may be repeated, all counts above each other multiplied.
const MOST_REPEATS: u32 = 1000;

/// How large a compiled expression may be, in bytes: as in RE2.
const SIZE_LIMIT: usize = 8 << 20;

/// A regular expression that was read.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// Why a text is no regular expression, in RE2's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    what: &'static str,
    part: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, part } = self;
        if part.is_empty() { f.write_str(what) } else { write!(f, "{what}: {part}") }
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is none, or it would take too much memory.
    pub fn new(text: &[u8]) -> Result<Self, PatternError> {
        let text = std::str::from_utf8(text).map_err(|_| PatternError { what: "invalid UTF-8", part: String::new() })?;
        let translated = Translation::of(text)?;
        RegexBuilder::new(&format!("\\A(?:{translated})\\z"))
            .multi_line(true)
            .size_limit(SIZE_LIMIT)
            .nest_limit(1000)
            .build()
            .map(Self)
            .map_err(|_| PatternError { what: "pattern too large - compile failed", part: String::new() })
    }

    /// Whether it matches a whole text. What is no UTF-8 in that is read as replacement characters.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.0.is_match(&String::from_utf8_lossy(text))
    }
}

/// An expression while it is written anew.
struct Translation<'a> {
    whole: &'a str,
    rest: &'a str,
    out: String,
    /// For each parenthesis that is open: where it stands in `out`.
    open: Vec<usize>,
    /// Where the last thing stands in `out` that can be repeated, and how often it is already.
    last: Option<(usize, u32)>,
    /// The operator that `out` ends with, if that is `*`, `+` or `?`.
    free: Option<char>,
    /// There is no further `:]`, so that no `[:` has to look for one.
    no_class: bool,
    /// The most repeats within each open parenthesis, the outermost first.
    repeats: Vec<u32>,
}

impl<'a> Translation<'a> {
    fn of(text: &'a str) -> Result<String, PatternError> {
        let mut this = Self {
            whole: text,
            rest: text,
            out: String::new(),
            open: Vec::new(),
            last: None,
            free: None,
            no_class: false,
            repeats: vec![1],
        };
        while let Some(character) = this.next() {
            this.one(character)?;
        }
        if this.open.is_empty() { Ok(this.out) } else { this.fail("missing )", this.whole) }
    }

    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = self.rest.get(character.len_utf8()..)?;
        Some(character)
    }

    fn take(&mut self, wanted: char) -> bool {
        self.rest.strip_prefix(wanted).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn fail<T>(&self, what: &'static str, part: &str) -> Result<T, PatternError> {
        Err(PatternError { what, part: part.to_owned() })
    }

    /// What was read since a place.
    fn since(&self, rest: &'a str) -> &'a str {
        rest.get(..rest.len() - self.rest.len()).unwrap_or(rest)
    }

    fn one(&mut self, character: char) -> Result<(), PatternError> {
        match character {
            '(' => {
                self.open.push(self.out.len());
                self.repeats.push(1);
                self.out.push_str("(?:");
                (self.last, self.free) = (None, None);
            }
            ')' => {
                let (Some(start), Some(inner)) = (self.open.pop(), self.repeats.pop()) else {
                    return self.fail("unexpected )", self.whole);
                };
                self.out.push(')');
                self.finish(start, inner);
            }
            '|' => {
                self.out.push('|');
                (self.last, self.free) = (None, None);
            }
            '*' | '+' | '?' => self.repeat_freely(character)?,
            '{' => {
                let rest = self.rest;
                match self.counts() {
                    Some((least, most)) => {
                        let part = format!("{{{}", self.since(rest));
                        let highest = most.unwrap_or(least);
                        if highest > MOST_REPEATS || most.is_some_and(|most| most < least) {
                            return self.fail("invalid repetition size", &part);
                        }
                        self.repeat(highest, &part)?;
                    }
                    None => self.literal('{'),
                }
            }
            '[' => self.class()?,
            '^' | '$' | '.' => {
                let start = self.out.len();
                self.out.push(character);
                self.finish(start, 1);
            }
            '\\' => {
                let character = self.escape()?;
                self.literal(character);
            }
            character => self.literal(character),
        }
        Ok(())
    }

    /// Notes that something that can be repeated stands in `out` from `start` on.
    fn finish(&mut self, start: usize, repeats: u32) {
        self.free = None;
        self.last = Some((start, repeats));
        if let Some(most) = self.repeats.last_mut() {
            *most = (*most).max(repeats);
        }
    }

    fn literal(&mut self, character: char) {
        let start = self.out.len();
        self.out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
        self.finish(start, 1);
    }

    /// Repeats the last thing by `*`, `+` or `?`. Several of them say no more than one.
    fn repeat_freely(&mut self, operator: char) -> Result<(), PatternError> {
        match self.free {
            None => self.repeat(1, operator.encode_utf8(&mut [0; 4]))?,
            Some(before) if before == operator => {}
            Some(_) => {
                self.out.pop();
                self.out.push('*');
            }
        }
        self.free = self.out.chars().next_back();
        Ok(())
    }

    /// Repeats the last thing: an operator behind another one repeats what that makes.
    fn repeat(&mut self, times: u32, operator: &str) -> Result<(), PatternError> {
        let Some((start, repeats)) = self.last else { return self.fail("no argument for repetition operator", operator) };
        let repeats = repeats.saturating_mul(times.max(1));
        if repeats > MOST_REPEATS {
            return self.fail("invalid repetition size", operator);
        }
        self.out.insert_str(start, "(?:");
        self.out.push(')');
        self.out.push_str(operator);
        self.finish(start, repeats);
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`, behind the brace; anything else is text.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let inside = self.rest.split(|character: char| !character.is_ascii_digit() && character != ',').next()?;
        let rest = self.rest.strip_prefix(inside)?.strip_prefix('}')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u32::MAX))
        };
        let counts = match inside.split_once(',') {
            None => number(inside).map(|count| (count, Some(count))),
            Some((least, "")) => number(least).map(|least| (least, None)),
            Some((least, most)) => number(least).zip(number(most)).map(|(least, most)| (least, Some(most))),
        }?;
        self.rest = rest;
        Some(counts)
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, PatternError> {
        let rest = self.rest;
        let Some(character) = self.next() else { return self.fail("trailing \\", "") };
        let found = match character {
            '0' | '1'..='7' if character == '0' || self.rest.starts_with(|next| matches!(next, '0'..='7')) => {
                let mut code = character.to_digit(8);
                for _ in 0..2 {
                    if let Some(digit) = self.rest.chars().next().and_then(|next| next.to_digit(8)) {
                        self.next();
                        code = code.map(|code| code * 8 + digit);
                    }
                }
                code.and_then(char::from_u32)
            }
            'x' if self.take('{') => self.rest.split_once('}').and_then(|(digits, rest)| {
                self.rest = rest;
                let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                u32::from_str_radix(digits, 16).ok().filter(|_| plain).and_then(char::from_u32)
            }),
            'x' => self.rest.split_at_checked(2).and_then(|(digits, rest)| {
                self.rest = rest;
                let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                u32::from_str_radix(digits, 16).ok().filter(|_| plain).and_then(char::from_u32)
            }),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'v' => Some('\x0b'),
            character if character.is_ascii_punctuation() && character != '_' => Some(character),
            _ => None,
        };
        found.map_or_else(|| self.fail("invalid escape sequence", &format!("\\{}", self.since(rest))), Ok)
    }

    /// What stands in brackets, behind the first one.
    fn class(&mut self) -> Result<(), PatternError> {
        let start = self.out.len();
        let whole = self.rest;
        self.out.push('[');
        if self.take('^') {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let rest = self.rest;
            let Some(character) = self.next() else { return self.fail("missing ]", &format!("[{whole}")) };
            if character == ']' && !first {
                break;
            }
            // A dash stands at one of the ends, or in a range.
            if character == '-' && !first && !self.rest.starts_with(']') {
                self.next();
                return self.fail("invalid character class range", self.since(rest));
            }
            first = false;
            let name = self.rest.strip_prefix(':').filter(|_| character == '[' && !self.no_class);
            self.no_class |= name.is_some_and(|name| !name.contains(":]"));
            if let Some((name, after)) = name.and_then(|rest| rest.split_once(":]")) {
                let word = name.strip_prefix('^').unwrap_or(name);
                if !CLASSES.contains(&word) {
                    return self.fail("invalid character class range", &format!("[:{name}:]"));
                }
                self.out.push_str(&format!("[:{name}:]"));
                self.rest = after;
                continue;
            }
            let low = if character == '\\' { self.escape()? } else { character };
            let range = self.rest.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(']'));
            let high = if range && self.take('-') {
                match self.next() {
                    Some('\\') => self.escape()?,
                    Some(character) => character,
                    None => return self.fail("missing ]", &format!("[{whole}")),
                }
            } else {
                low
            };
            if high < low {
                return self.fail("invalid character class range", self.since(rest));
            }
            self.out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
        }
        self.out.push(']');
        self.finish(start, 1);
        Ok(())
    }
}

/// The classes that have names.
const CLASSES: [&str; 14] =
    ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn expressions_match_whole_texts() {
        for (pattern, yes, no) in [
            ("", vec![""], vec!["a"]),
            ("p.*", vec!["perl", "p"], vec!["sp", "p\nq"]),
            ("a+?", vec!["", "aa"], vec!["b"]),
            ("a*b**", vec!["", "aab"], vec!["ba"]),
            ("a++b??(c+){1}*", vec!["a", "aabcc"], vec!["", "abb"]),
            ("p{1}erl|sh", vec!["perl", "sh"], vec!["perlsh"]),
            ("a{,2}", vec!["a{,2}"], vec!["aa"]),
            ("a{2,}", vec!["aa", "aaa"], vec!["a"]),
            ("[[:alpha:]]+", vec!["aZ"], vec!["a1", ""]),
            ("[]a-]", vec!["]", "a", "-"], vec!["b"]),
            ("[^[&&~]", vec!["a"], vec!["[", "&", "~"]),
            ("^a$", vec!["a"], vec!["ab"]),
            ("a\n^b", vec!["a\nb"], vec![]),
            ("\\.\\x41\\101", vec![".AA"], vec!["xAA"]),
            ("é.", vec!["éé", "é\u{fffd}"], vec!["é"]),
            ("()|x", vec!["", "x"], vec!["y"]),
        ] {
            let compiled = Pattern::new(pattern.as_bytes()).unwrap();
            yes.iter().for_each(|text| assert!(compiled.matches(text.as_bytes()), "{pattern:?} {text:?}"));
            no.iter().for_each(|text| assert!(!compiled.matches(text.as_bytes()), "{pattern:?} {text:?}"));
        }
        assert!(Pattern::new(b"bad.").unwrap().matches(b"bad\xff"));
    }

    #[test]
    fn what_is_no_expression_is_told_in_the_words_of_re2() {
        for (pattern, message) in [
            ("(", "missing ): ("),
            ("a)", "unexpected ): a)"),
            ("(?i)PERL", "no argument for repetition operator: ?"),
            ("*a", "no argument for repetition operator: *"),
            ("[a", "missing ]: [a"),
            ("[z-a]", "invalid character class range: z-a"),
            ("[[:nope:]]", "invalid character class range: [:nope:]"),
            ("\\d", "invalid escape sequence: \\d"),
            ("\\", "trailing \\"),
            ("a{1001}", "invalid repetition size: {1001}"),
            ("(a{500}){3}", "invalid repetition size: {3}"),
        ] {
            assert_eq!(Pattern::new(pattern.as_bytes()).unwrap_err().to_string(), message, "{pattern}");
        }
    }

    #[test]
    fn long_expressions_take_no_time() {
        assert!(Pattern::new(&[b"a", &[b'*'; 500_000][..]].concat()).unwrap().matches(b"aa"));
        assert!(Pattern::new(&b"{1".repeat(20_000)).is_ok());
        for (unit, times) in [("[[:", 300_000), ("{1}", 10_000), ("(", 300_000), ("[a-", 300_000)] {
            let _ = Pattern::new(format!("a{}", unit.repeat(times)).as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_not(pattern in "[a-c(|)*+?{}0-9,\\[\\]^$.\\\\-]{0,30}", text in "[a-c]{0,10}") {
            if let Ok(pattern) = Pattern::new(pattern.as_bytes()) {
                let _ = pattern.matches(text.as_bytes());
            }
        }
    }
}
