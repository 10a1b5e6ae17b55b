//! The lines of a source around a place.

use plimsoll_model::{Location, Span};

/// A line of a source with the part of it that is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'s> {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) text: &'s str,
    /// The bytes of `text` that are meant.
    pub(crate) mark: std::ops::Range<usize>,
}

/// The lines of `location`, at most `most`; and whether there are more.
pub(crate) fn lines(location: &Location, most: usize) -> (Vec<Line<'_>>, bool) {
    let mut lines = Vec::new();
    let Span { start, end } = location.span;
    let first = location.start().line;
    for number in first.. {
        let Some((offset, text)) = location.source.line(number) else { break };
        if number > first && offset >= end {
            break;
        }
        if lines.len() == most {
            return (lines, true);
        }
        let within = |at: u32| (at.saturating_sub(offset) as usize).min(text.len());
        // Of further lines, the indentation is not part of what is meant.
        let from = if number == first { within(start) } else { text.len() - text.trim_start().len() };
        lines.push(Line { number, text, mark: from..within(end).max(from) });
    }
    (lines, false)
}

/// `line` cut to `width` characters around what is meant, tabs as spaces: the text, and where the mark starts and how
/// many characters it has.
pub(crate) fn fit(line: &Line<'_>, width: usize) -> (String, usize, usize) {
    const TAB: &str = "    ";
    let shown = |part: &str| part.replace('\t', TAB).chars().filter(|letter| !letter.is_control()).collect::<String>();
    let part = |range: std::ops::Range<usize>| shown(line.text.get(range).unwrap_or(""));
    let (before, marked, after) = (part(0..line.mark.start), part(line.mark.clone()), part(line.mark.end..line.text.len()));
    let count = |text: &str| text.chars().count();
    let (column, length) = (count(&before), count(&marked));
    if column + length + count(&after) <= width {
        return (format!("{before}{marked}{after}"), column, length.max(1));
    }
    let budget = width.max(20);
    let skipped = if column + length <= budget { 0 } else { column.saturating_sub(budget / 4) };
    let head = if skipped > 0 { "…" } else { "" };
    let kept: String = format!("{before}{marked}{after}").chars().skip(skipped).take(budget.saturating_sub(2)).collect();
    let column = column - skipped + count(head);
    let length = length.min((count(&kept) + count(head)).saturating_sub(column)).max(1);
    (format!("{head}{kept}…"), column, length)
}

/// `text` of a line without what may be a secret: what is meant stays, and blanks and dashes before it.
pub(crate) fn conceal(line: &Line<'_>) -> (String, std::ops::Range<usize>) {
    let part = |range: std::ops::Range<usize>| line.text.get(range).unwrap_or("");
    let (before, marked, after) = (part(0..line.mark.start), part(line.mark.clone()), part(line.mark.end..line.text.len()));
    let plain = before.bytes().all(|byte| byte == b' ' || byte == b'-');
    let before = if plain { before } else { "…" };
    let after = if after.trim().is_empty() { "" } else { "…" };
    (format!("{before}{marked}{after}"), before.len()..before.len() + marked.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::{Origin, Source};

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{}wanted{}", "a".repeat(300), "b".repeat(300));
        let source = Source::new("x", Origin::File, text);
        let location = Location { source, span: Span::new(300, 306) };
        let (lines, more) = lines(&location, 4);
        assert!(!more);
        let (text, column, length) = fit(&lines[0], 60);
        assert_eq!(text.chars().skip(column).take(length).collect::<String>(), "wanted");
        assert!(text.chars().count() <= 60, "{text}");
    }

    #[test]
    fn secrets_are_left_out() {
        let table = [
            ("  password: hunter2", 2..10, "  password…"),
            ("    - --password=hunter2", 6..6, "    - …"),
            (r#"{"token": "abc", "password": "hunter2"}"#, 17..27, "…\"password\"…"),
        ];
        for (text, mark, wanted) in table {
            let line = Line { number: 1, text, mark };
            let (text, mark) = conceal(&line);
            assert_eq!(text, wanted);
            assert_eq!(text.get(mark), line.text.get(line.mark));
        }
    }

    #[test]
    fn several_lines() {
        let source = Source::new("x", Origin::File, "a:\n\tb: é\n  c: 1\nd: 2\n");
        let location = Location { source, span: Span::new(0, 17) };
        let (found, more) = lines(&location, 2);
        assert!(more);
        assert_eq!(
            found.iter().map(|line| (line.number, fit(line, 80))).collect::<Vec<_>>(),
            [(1, ("a:".to_owned(), 0, 2)), (2, ("    b: é".to_owned(), 4, 4)),]
        );
    }
}
