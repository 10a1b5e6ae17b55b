//! Which known names a name may have meant.

/// How many names are offered at most.
const OFFERED: usize = 3;

/// The names nearest to one that is not known: the fewest changed letters first, and no more of them than a third of the name.
/// Names that start as it does count as near.
#[must_use]
pub fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Vec<&'a str> {
    // A name that is much longer than any that is known is none that was mistyped.
    if wanted.len() > 64 {
        return Vec::new();
    }
    let most = (wanted.len() / 3).max(1);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let starts = name.starts_with(wanted) || name.rsplit('.').next() == wanted.rsplit('.').next();
            // Each byte that one has more is a change.
            if !starts && name.len().abs_diff(wanted.len()) > most {
                return None;
            }
            let changes = distance(name, wanted);
            (changes <= most || starts).then_some((changes, name))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().map(|(_, name)| name).take(OFFERED).collect()
}

/// Levenshtein's distance: how many bytes have to be added, left out or changed.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, byte) in left.bytes().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(right.bytes()) {
            let changed = diagonal + usize::from(byte != other);
            diagonal = *cell;
            before = changed.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_comes_first() {
        let names = ["proc.name", "proc.pname", "proc.aname", "fd.name", "fd.num", "evt.type"];
        for (wanted, first) in [("proc.nmae", "proc.name"), ("fd.nam", "fd.name"), ("evt.typ", "evt.type"), ("process.name", "proc.name")] {
            assert_eq!(nearest(names.iter().copied(), wanted).first(), Some(&first), "{wanted}");
        }
        assert!(nearest(names.iter().copied(), "jevt.value").is_empty());
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("abc", "")), (3, 3, 3));
    }
}
