//! Patterns of `*`, `?` and `[]`, as `fnmatch` of the C library reads them without flags: a slash is a character like any other.

/// A pattern. Matching takes at most as many steps as text and pattern have bytes, multiplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    steps: Vec<Step>,
    ignore_case: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// This byte.
    Byte(u8),
    /// Any byte.
    Any,
    /// Any bytes.
    Many,
    /// A byte that is among these.
    Among(Box<[bool; 256]>),
    /// Nothing matches from here on.
    Never,
}

impl Glob {
    /// Reads a pattern; any text is one.
    #[must_use]
    pub fn new(pattern: &[u8], ignore_case: bool) -> Self {
        let mut steps = Vec::new();
        let mut rest = pattern;
        // Where there is no further `]`, no `[` has to look for one.
        let mut closed = true;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            steps.push(match first {
                b'?' => Step::Any,
                // Two in a row say no more than one.
                b'*' if matches!(steps.last(), Some(Step::Many)) => continue,
                b'*' => Step::Many,
                b'\\' => match rest.split_first() {
                    Some((&escaped, after)) => {
                        rest = after;
                        Step::Byte(fold(escaped, ignore_case))
                    }
                    None => Step::Never,
                },
                b'[' if closed => match bracket(rest, ignore_case) {
                    Some((step, after)) => {
                        rest = after;
                        step
                    }
                    None => {
                        closed = false;
                        Step::Byte(b'[')
                    }
                },
                other => Step::Byte(fold(other, ignore_case)),
            });
        }
        Self { steps, ignore_case }
    }

    /// Whether a pattern holds anything that is not taken as it is written.
    #[must_use]
    pub fn is_pattern(text: &[u8]) -> bool {
        text.iter().any(|byte| matches!(byte, b'?' | b'*' | b'['))
    }

    /// Whether it matches a whole text.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut steps, mut text) = (self.steps.as_slice(), text);
        // Behind the last `*`: if what follows does not match, it takes one byte more. Those before it need not be looked at again.
        let mut retry: Option<(&[Step], &[u8])> = None;
        loop {
            let stepped = match (steps, text) {
                ([], []) => return true,
                ([Step::Many, after @ ..], _) => {
                    retry = Some((after, text));
                    steps = after;
                    continue;
                }
                ([step, after @ ..], [byte, more @ ..]) if self.takes(step, *byte) => Some((after, more)),
                _ => None,
            };
            (steps, text) = match (stepped, retry) {
                (Some(next), _) => next,
                (None, Some((after, [_, more @ ..]))) => {
                    retry = Some((after, more));
                    (after, more)
                }
                _ => return false,
            };
        }
    }

    fn takes(&self, step: &Step, byte: u8) -> bool {
        match step {
            Step::Byte(wanted) => fold(byte, self.ignore_case) == *wanted,
            Step::Any => true,
            Step::Among(set) => set.get(usize::from(byte)).copied().unwrap_or(false),
            Step::Many | Step::Never => false,
        }
    }
}

/// One part of what stands in brackets.
enum Part {
    Range(u8, u8),
    Class(fn(&u8) -> bool),
}

/// What follows `[`, up to its `]` and with what is left behind that; nothing if there is none.
fn bracket(text: &[u8], ignore_case: bool) -> Option<(Step, &[u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut parts = Vec::new();
    let mut known = true;
    let mut first = true;
    loop {
        let (&byte, mut after) = rest.split_first()?;
        if byte == b']' && !first {
            rest = after;
            break;
        }
        first = false;
        let mut start = byte;
        match (byte, after) {
            (b'\\', [escaped, more @ ..]) => (start, after) = (*escaped, more),
            (b'\\', []) => return None,
            (b'[', [b':', more @ ..]) => {
                let length = more.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
                if let Some((name, [b':', b']', more @ ..])) = more.split_at_checked(length) {
                    match class(name) {
                        Some(class) => parts.push(Part::Class(class)),
                        None => known = false,
                    }
                    rest = more;
                    continue;
                }
            }
            (b'[', [mark @ (b'=' | b'.'), only, end, b']', more @ ..]) if mark == end => (start, after) = (*only, more),
            _ => {}
        }
        let mut end = start;
        (end, rest) = match after {
            [b'-', b'\\', escaped, more @ ..] => (*escaped, more),
            [b'-', last, more @ ..] if *last != b']' => (*last, more),
            _ => (end, after),
        };
        parts.push(Part::Range(fold(start, ignore_case), fold(end, ignore_case)));
    }
    if !known {
        return Some((Step::Never, rest));
    }
    let mut set = Box::new([false; 256]);
    for (byte, member) in (0..=u8::MAX).zip(set.iter_mut()) {
        let folded = fold(byte, ignore_case);
        let found = parts.iter().any(|part| match part {
            Part::Range(start, end) => (*start..=*end).contains(&folded),
            Part::Class(is) => is(&byte),
        });
        *member = found != negated;
    }
    Some((Step::Among(set), rest))
}

fn class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

fn fold(byte: u8, ignore_case: bool) -> u8 {
    if ignore_case { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, yes, no) in [
            ("", vec![""], vec!["a"]),
            ("a*c", vec!["ac", "abc", "a/b/c", "acc"], vec!["a", "ab", "xac"]),
            ("*a*b*", vec!["ab", "xaybz"], vec!["ba"]),
            ("?", vec!["a", "/"], vec!["", "ab"]),
            ("[a-c]x", vec!["ax", "cx"], vec!["dx", "x"]),
            ("[!a-c]", vec!["d", "-"], vec!["b", ""]),
            ("[]a]", vec!["]", "a"], vec!["b"]),
            ("[a-]", vec!["a", "-"], vec!["b"]),
            ("[\\]x]", vec!["]", "x"], vec!["\\"]),
            ("[[:digit:]_]", vec!["0", "_"], vec!["a", ":"]),
            ("[[:nothing:]a]", vec![], vec!["a", ":"]),
            ("[[.a.]-c]", vec!["a", "b"], vec!["d", "."]),
            ("[a", vec!["[a"], vec!["a"]),
            ("\\*", vec!["*"], vec!["a", "\\*"]),
            ("a\\", vec![], vec!["a", "a\\"]),
        ] {
            let glob = Glob::new(pattern.as_bytes(), false);
            yes.iter().for_each(|text| assert!(glob.matches(text.as_bytes()), "{pattern} {text}"));
            no.iter().for_each(|text| assert!(!glob.matches(text.as_bytes()), "{pattern} {text}"));
        }
        let folded = Glob::new(b"A[b-D]*", true);
        assert!(folded.matches(b"aCx") && !Glob::new(b"A[b-D]*", false).matches(b"aCx"));
    }

    #[test]
    fn long_patterns_take_no_time() {
        assert!(!Glob::new(&b"*a".repeat(2000), false).matches(&[b'a'; 1999]));
        assert!(Glob::new(&[b'['; 1_000_000], false).matches(&[b'['; 1_000_000]));
        assert!(Glob::new(&[b'*'; 1_000_000], false).matches(b""));
    }

    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            ([b'?', rest @ ..], [_, more @ ..]) => naive(rest, more),
            ([byte, rest @ ..], [first, more @ ..]) => byte == first && naive(rest, more),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn stars_try_every_place(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(Glob::new(pattern.as_bytes(), false).matches(text.as_bytes()), naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_a_pattern(pattern in prop::collection::vec(any::<u8>(), 0..40), text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Glob::new(&pattern, true).matches(&text);
        }
    }
}
