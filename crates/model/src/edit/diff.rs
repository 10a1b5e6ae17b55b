//! Unified diffs, for showing what an edit would do.

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// A unified diff of two texts that differ in few places; empty if they do not differ.
///
/// Lines are matched greedily from one change to the next: minimal for edits, which insert, replace or remove runs of
/// lines, and still right for any two texts.
pub fn diff(name: &str, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let changes = changes(&old, &new);
    if changes.is_empty() {
        return String::new();
    }
    let mut text = format!("--- a/{name}\n+++ b/{name}\n");
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        // Changes whose context meets are one hunk.
        let apart = |pair: &[Change]| matches!(pair, [a, b] if b.old - (a.old + a.removed) > 2 * CONTEXT);
        let count = rest.windows(2).position(apart).map_or(rest.len(), |at| at + 1);
        let (hunk, others) = rest.split_at(count);
        hunk_text(&mut text, hunk, *first, &old, &new);
        rest = others;
    }
    text
}

/// Lines that go from `old` and lines that come at `new`.
#[derive(Debug, Clone, Copy)]
struct Change {
    old: usize,
    removed: usize,
    new: usize,
    added: usize,
}

fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && old.get(i) == new.get(j) {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let (removed, added) = gap(old.get(i..).unwrap_or_default(), new.get(j..).unwrap_or_default());
        changes.push(Change { old: i, removed, new: j, added });
        (i, j) = (i + removed, j + added);
    }
    changes
}

/// The fewest lines to skip on both sides until the texts agree again for a few lines.
fn gap(old: &[&str], new: &[&str]) -> (usize, usize) {
    let agree = |i: usize, j: usize| {
        let (a, b) = (old.get(i..).unwrap_or_default(), new.get(j..).unwrap_or_default());
        (a.is_empty() && b.is_empty()) || (!a.is_empty() && !b.is_empty() && a.iter().zip(b).take(CONTEXT).all(|(a, b)| a == b))
    };
    let most = old.len() + new.len();
    for total in 1..=most {
        for removed in 0..=total.min(old.len()) {
            let added = total - removed;
            if added <= new.len() && agree(removed, added) {
                return (removed, added);
            }
        }
    }
    (old.len(), new.len())
}

fn hunk_text(text: &mut String, hunk: &[Change], first: Change, old: &[&str], new: &[&str]) {
    let Some(last) = hunk.last() else { return };
    let before = first.old.min(CONTEXT);
    let start = first.old - before;
    let end = (last.old + last.removed + CONTEXT).min(old.len());
    let new_start = first.new - before;
    let grown: usize = hunk.iter().map(|change| change.added).sum();
    let shrunk: usize = hunk.iter().map(|change| change.removed).sum();
    let new_length = end - start + grown - shrunk;
    let number = |start: usize, length: usize| if length == 0 { start } else { start + 1 };
    text.push_str(&format!("@@ -{},{} +{},{} @@\n", number(start, end - start), end - start, number(new_start, new_length), new_length));
    let mut line = |sign: char, content: Option<&&str>| {
        if let Some(content) = content {
            text.push(sign);
            text.push_str(content);
            if !content.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    let mut at = start;
    for change in hunk {
        (at..change.old).for_each(|at| line(' ', old.get(at)));
        (change.old..change.old + change.removed).for_each(|at| line('-', old.get(at)));
        (change.new..change.new + change.added).for_each(|at| line('+', new.get(at)));
        at = change.old + change.removed;
    }
    (at..end).for_each(|at| line(' ', old.get(at)));
}
