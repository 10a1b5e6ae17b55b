//! Words to arguments: variables, outputs of commands and sums are put in, then split at blanks and matched with files.

use super::run::Shell;
use super::syntax::{Change, Part, Word};
use super::{Machine, Reason, Streams};
use crate::benchmark::tools::files::{list, stat_of};

/// Bytes that a word may come to.
const LONGEST: usize = 16 << 20;
/// Files that one pattern may match.
const MATCHES: usize = 4096;

/// Characters, and whether each was quoted.
type Marked = Vec<(char, bool)>;

impl Shell<'_, '_> {
    /// The arguments that words come to.
    pub(super) fn arguments(&mut self, words: &[Word], streams: &mut Streams) -> Result<Vec<String>, Reason> {
        let mut arguments = Vec::new();
        for word in words {
            for field in self.fields(word, streams)? {
                let mut files = files(self.machine, &field)?;
                if files.is_empty() {
                    files.push(plain(&field));
                }
                arguments.append(&mut files);
            }
        }
        Ok(arguments)
    }

    /// A word as one text, neither split nor matched.
    pub(super) fn text(&mut self, word: &Word, streams: &mut Streams) -> Result<String, Reason> {
        let mut text = String::new();
        for part in &word.0 {
            text.push_str(&self.part(part, streams)?.0);
        }
        Ok(text)
    }

    /// A word as a pattern, in which what is quoted stands for itself.
    pub(super) fn pattern(&mut self, word: &Word, streams: &mut Streams) -> Result<Vec<(char, bool)>, Reason> {
        self.marked(word, streams)
    }

    fn marked(&mut self, word: &Word, streams: &mut Streams) -> Result<Marked, Reason> {
        let mut marked = Vec::new();
        for part in &word.0 {
            let (text, quoted) = self.part(part, streams)?;
            marked.extend(text.chars().map(|one| (one, quoted)));
        }
        Ok(marked)
    }

    fn part(&mut self, part: &Part, streams: &mut Streams) -> Result<(String, bool), Reason> {
        let (text, quoted) = self.unbounded(part, streams)?;
        self.machine.wrote(text.len())?;
        if text.len() > LONGEST { Err("a word of the audit is too long".to_owned()) } else { Ok((text, quoted)) }
    }

    fn unbounded(&mut self, part: &Part, streams: &mut Streams) -> Result<(String, bool), Reason> {
        Ok(match part {
            Part::Text { text, quoted } => (text.clone(), *quoted),
            Part::Variable { name, change: None, quoted } => (self.variable(name).unwrap_or_default(), *quoted),
            Part::Variable { name, change: Some((change, word)), quoted } => (self.changed(name, *change, word, streams)?, *quoted),
            Part::Length(name) => (self.variable(name).unwrap_or_default().chars().count().to_string(), false),
            Part::Output { command, quoted } => (self.output(command, streams)?, *quoted),
            Part::Sum { expression, quoted } => (self.sum(expression)?, *quoted),
        })
    }

    fn changed(&mut self, name: &str, change: Change, word: &Word, streams: &mut Streams) -> Result<String, Reason> {
        let value = self.variable(name);
        let counts = |also_empty: bool| value.as_ref().is_some_and(|value| !(also_empty && value.is_empty()));
        match change {
            Change::Default { also_empty } if counts(also_empty) => Ok(value.unwrap_or_default()),
            Change::Alternative { also_empty } if !counts(also_empty) => Ok(String::new()),
            Change::Default { .. } | Change::Alternative { .. } => self.text(word, streams),
            Change::CutEnd { longest } | Change::CutStart { longest } => {
                let value: Vec<char> = value.unwrap_or_default().chars().collect();
                let pattern = self.pattern(word, streams)?;
                self.machine.step(value.len())?;
                let at_end = matches!(change, Change::CutEnd { .. });
                let mut cuts: Vec<usize> = (0..=value.len()).collect();
                if longest {
                    cuts.reverse();
                }
                let cut = cuts.into_iter().find(|cut| {
                    let part = if at_end { value.get(value.len() - cut..) } else { value.get(..*cut) };
                    part.is_some_and(|part| matches(&pattern, part))
                });
                let cut = cut.unwrap_or(0);
                let kept = if at_end { value.get(..value.len() - cut) } else { value.get(cut..) };
                Ok(kept.unwrap_or_default().iter().collect())
            }
        }
    }

    /// `a + b - c * d`, from the left, with the usual precedence.
    fn sum(&self, expression: &str) -> Result<String, Reason> {
        let unknown = || format!("the sum `$(({expression}))` is not understood");
        let mut total: i64 = 0;
        let mut product: i64 = 0;
        let mut operator = '+';
        let mut rest = expression.trim();
        while !rest.is_empty() {
            let end = rest.find(|one: char| !(one.is_ascii_alphanumeric() || one == '_' || one == '$')).unwrap_or(rest.len());
            let (token, after) = rest.split_at_checked(end).ok_or_else(unknown)?;
            let name = token.trim_start_matches('$');
            let value = if name.starts_with(|one: char| one.is_ascii_digit()) {
                name.parse().map_err(|_| unknown())?
            } else if name.is_empty() {
                return Err(unknown());
            } else {
                let value = self.variable(name).unwrap_or_default();
                if value.trim().is_empty() { 0 } else { value.trim().parse::<i64>().map_err(|_| unknown())? }
            };
            (total, product) = match operator {
                '+' => (total.saturating_add(product), value),
                '-' => (total.saturating_add(product), value.saturating_neg()),
                '*' => (total, product.saturating_mul(value)),
                _ => return Err(unknown()),
            };
            let after = after.trim_start();
            operator = after.chars().next().unwrap_or('+');
            rest = after.get(operator.len_utf8().min(after.len())..).unwrap_or("").trim_start();
            if rest.is_empty() && !after.is_empty() {
                return Err(unknown());
            }
        }
        Ok(total.saturating_add(product).to_string())
    }

    /// A word split at blanks that were put in without quotes.
    fn fields(&mut self, word: &Word, streams: &mut Streams) -> Result<Vec<Marked>, Reason> {
        let mut fields: Vec<Marked> = Vec::new();
        // The field that is open, even if it has no characters: `""` is an argument.
        let mut open: Option<Marked> = None;
        for part in &word.0 {
            let (text, quoted) = self.part(part, streams)?;
            if quoted || matches!(part, Part::Text { .. }) {
                open.get_or_insert_default().extend(text.chars().map(|one| (one, quoted)));
                continue;
            }
            for one in text.chars() {
                if one.is_whitespace() {
                    fields.extend(open.take());
                } else {
                    open.get_or_insert_default().push((one, false));
                }
            }
        }
        fields.extend(open);
        Ok(fields)
    }
}

fn plain(marked: &[(char, bool)]) -> String {
    marked.iter().map(|(one, _)| one).collect()
}

/// The files that an absolute pattern matches; none where it is no pattern or matches nothing, and stands for itself.
fn files(machine: &Machine<'_>, pattern: &[(char, bool)]) -> Result<Vec<String>, Reason> {
    let is_wild = |part: &[(char, bool)]| part.iter().any(|(one, quoted)| !quoted && "*?[".contains(*one));
    if pattern.first().is_none_or(|(one, _)| *one != '/') || !is_wild(pattern) {
        return Ok(Vec::new());
    }
    let mut found = vec![String::new()];
    for part in pattern.split(|(one, _)| *one == '/').skip(1) {
        let mut next = Vec::new();
        for directory in found {
            if is_wild(part) {
                let listed = list(machine, if directory.is_empty() { "/" } else { &directory })?.unwrap_or_default();
                let hidden = part.first().is_some_and(|(one, _)| *one == '.');
                let names = listed
                    .into_iter()
                    .filter(|name| (hidden || !name.starts_with('.')) && matches(part, &name.chars().collect::<Vec<char>>()));
                next.extend(names.map(|name| format!("{directory}/{name}")));
            } else {
                let path = format!("{directory}/{}", plain(part));
                if stat_of(machine, &path, false)?.is_ok() {
                    next.push(path);
                }
            }
        }
        if next.len() > MATCHES {
            return Err(format!("a pattern of the audit matches more than {MATCHES} files"));
        }
        found = next;
    }
    found.sort();
    Ok(found)
}

/// Whether a text matches a pattern of the shell as a whole.
pub(crate) fn matches(pattern: &[(char, bool)], text: &[char]) -> bool {
    // Where to go back to: after the last star, and what it has taken.
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        let here = text.get(t).copied().unwrap_or_default();
        let step = match pattern.get(p).copied() {
            Some(('*', false)) => {
                back = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(('?', false)) => Some(1),
            Some(('[', false)) => match class(pattern.get(p..).unwrap_or_default(), here) {
                Some((true, length)) => Some(length),
                Some((false, _)) => None,
                None => (here == '[').then_some(1),
            },
            Some((wanted, _)) => (wanted == here).then_some(1),
            None => None,
        };
        match (step, back) {
            (Some(step), _) => {
                p += step;
                t += 1;
            }
            (None, Some((after, taken))) => {
                p = after;
                t = taken + 1;
                back = Some((after, taken + 1));
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|one| *one == ('*', false))
}

/// Whether `[…]` at the start of a pattern holds a character, and how long it is; `None` where it is not closed.
fn class(pattern: &[(char, bool)], here: char) -> Option<(bool, usize)> {
    let close = pattern.iter().skip(2).position(|(one, _)| *one == ']')? + 2;
    let inside: Vec<char> = pattern.get(1..close)?.iter().map(|(one, _)| *one).collect();
    let (negated, inside) = match inside.split_first() {
        Some(('!' | '^', rest)) => (true, rest),
        _ => (false, inside.as_slice()),
    };
    let mut held = false;
    let mut rest = inside;
    while let Some((first, after)) = rest.split_first() {
        if let ['-', last, more @ ..] = after {
            held |= (*first..=*last).contains(&here);
            rest = more;
        } else {
            held |= *first == here;
            rest = after;
        }
    }
    Some((held != negated, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_the_shell() {
        let table = [
            ("*.crt", "ca.crt", true),
            ("*.crt", "ca.key", false),
            ("a*b*c", "axxbyybc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[x", "[x", true),
            ("*", "", true),
        ];
        for (pattern, text, wanted) in table {
            let marked: Marked = pattern.chars().map(|one| (one, false)).collect();
            assert_eq!(matches(&marked, &text.chars().collect::<Vec<_>>()), wanted, "{pattern} {text}");
        }
        assert!(!matches(&[('*', true)], &['a']));
    }
}
