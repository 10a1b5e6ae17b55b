//! Patterns of `*`, `?` and `[]`, as `fnmatch` of the C library reads them without flags: a slash is a character like any other.

/// How many steps are taken for each byte of a text, before another way is taken that is slow to begin with.
const PATIENCE: usize = 64;

/// A pattern. Matching takes some steps for each byte of the text, and of a pattern of more than 64 bytes a 64th of those at most.
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
        let mut parts = self.steps.split(|step| *step == Step::Many);
        let first = parts.next().unwrap_or_default();
        let Some(last) = parts.next_back() else { return self.fits(first, text) };
        let Some((start, rest)) = text.split_at_checked(first.len()) else { return false };
        let Some((mut rest, end)) = rest.len().checked_sub(last.len()).and_then(|at| rest.split_at_checked(at)) else { return false };
        // What stands between two stars may as well be where it is found first.
        let mut found = |part| self.find(part, rest).and_then(|end| rest.get(end..)).map(|after| rest = after).is_some();
        self.fits(first, start) && self.fits(last, end) && parts.all(&mut found)
    }

    fn fits(&self, steps: &[Step], text: &[u8]) -> bool {
        steps.len() == text.len() && steps.iter().zip(text).all(|(step, byte)| self.takes(step, *byte))
    }

    /// Where steps end that are found first in a text: tried at each place, unless that takes too long.
    fn find(&self, steps: &[Step], text: &[u8]) -> Option<usize> {
        let mut left = PATIENCE * text.len();
        for (start, window) in text.windows(steps.len().max(1)).enumerate() {
            let same = steps.iter().zip(window).take_while(|(step, byte)| self.takes(step, **byte)).count();
            if same == steps.len() {
                return Some(start + same);
            }
            match left.checked_sub(same) {
                Some(less) => left = less,
                None => return self.find_at_once(steps, text.get(start..)?).map(|end| start + end),
            }
        }
        None
    }

    /// The same, tried at 64 places at once: each bit says of a step whether all up to it fit the bytes up to the present one.
    fn find_at_once(&self, steps: &[Step], text: &[u8]) -> Option<usize> {
        let words = steps.len().div_ceil(64);
        // For each byte, which steps take it.
        let mut takers = vec![0_u64; 256 * words];
        for (byte, takers) in (0..=u8::MAX).zip(takers.chunks_exact_mut(words.max(1))) {
            for (steps, word) in steps.chunks(64).zip(takers) {
                *word = steps.iter().rev().fold(0, |bits, step| bits << 1 | u64::from(self.takes(step, byte)));
            }
        }
        let mut fits = vec![0_u64; words];
        let last = 1 << (steps.len().checked_sub(1)? % 64);
        for (at, byte) in text.iter().enumerate() {
            let takers = takers.get(usize::from(*byte) * words..)?;
            let mut carry = 1;
            for (word, takers) in fits.iter_mut().zip(takers) {
                let next = *word >> 63;
                *word = (*word << 1 | carry) & takers;
                carry = next;
            }
            if fits.last()? & last != 0 {
                return Some(at + 1);
            }
        }
        None
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
        let text = [&[b'a'; 8000][..], b"b", &[b'a'; 2000]].concat();
        for (unit, end, found) in [("a", "b", true), ("a", "?a", true), ("a", "bb", false), ("?", "c", false), ("[!b]", "B", true)] {
            let pattern = format!("*{}{end}*", unit.repeat(4000));
            assert_eq!(Glob::new(pattern.as_bytes(), true).matches(&text), found, "{unit} {end}");
        }
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
        fn both_ways_find_the_same(pattern in "[ab?]{1,200}", text in "[ab]{0,400}") {
            let glob = Glob::new(pattern.as_bytes(), false);
            let tried = text.as_bytes().windows(pattern.len()).position(|window| glob.fits(&glob.steps, window));
            prop_assert_eq!(glob.find_at_once(&glob.steps, text.as_bytes()), tried.map(|start| start + pattern.len()));
        }

        #[test]
        fn any_bytes_are_a_pattern(pattern in prop::collection::vec(any::<u8>(), 0..40), text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Glob::new(&pattern, true).matches(&text);
        }
    }
}
