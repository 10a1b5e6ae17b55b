//! Lists in conditions: their names are replaced in the text, before it is parsed.
//!
//! What comes out is, letter by letter, what `rule_loader_compiler.cpp` makes, white space included: positions in messages depend on it.

use super::items::{List, Named};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// More bytes than this no condition is made to by lists; upstream's largest has less than 30 KB.
const MAX_CONDITION: usize = 8 << 20;
/// More bytes than this are not gone through for one condition that names many lists.
const MAX_WORK: usize = 256 << 20;
/// More items than this are not made of lists that name lists.
const MAX_ITEMS: usize = 4 << 20;
/// Longer names with white space or commas in them are not looked for: a search for them would cost as much as they are long.
const MAX_ODD_NAME: usize = 256;

/// A list whose items are known.
pub(super) struct Expanded {
    pub(super) name: String,
    pub(super) items: Vec<Arc<str>>,
    pub(super) used: bool,
    /// Items that name lists which it does not see: they stay as they are.
    pub(super) unseen: bool,
}

/// All lists, ready to be put into conditions.
pub(super) struct Lists {
    pub(super) all: Vec<Expanded>,
    places: HashMap<String, usize>,
    /// Those whose names are no words; they are looked for in each condition.
    odd: Vec<usize>,
}

/// A condition or all lists together would become larger than the limit.
pub(super) struct TooLarge {
    /// The limit.
    pub(super) limit: usize,
    /// At which list.
    pub(super) place: usize,
}

impl Lists {
    /// Puts the items of lists into lists that name them. Only one level deep: what is named there stays a name, which conditions may still resolve.
    pub(super) fn expand(lists: &Named<List>) -> Result<Self, TooLarge> {
        let mut all: Vec<Expanded> = Vec::with_capacity(lists.len());
        let mut used: BTreeSet<usize> = BTreeSet::new();
        let mut total = 0_usize;
        for (place, list) in lists.iter().enumerate() {
            let mut expanded = Expanded { name: list.name.clone(), items: Vec::new(), used: false, unseen: false };
            for item in &list.items {
                let named = lists.place(item).zip(lists.get(item));
                match named {
                    Some((other, named)) if named.order.index < list.order.visibility => {
                        used.insert(other);
                        total += named.items.len();
                        if total <= MAX_ITEMS {
                            expanded.items.extend(named.items.iter().cloned());
                        }
                    }
                    named => {
                        expanded.unseen |= named.is_some();
                        total += 1;
                        expanded.items.push(Arc::clone(item));
                    }
                }
            }
            if total > MAX_ITEMS {
                return Err(TooLarge { limit: MAX_ITEMS, place });
            }
            all.push(expanded);
        }
        for place in used {
            if let Some(list) = all.get_mut(place) {
                list.used = true;
            }
        }
        let places = all.iter().enumerate().map(|(place, list)| (list.name.clone(), place)).collect();
        let is_odd = |list: &Expanded| list.name.bytes().any(is_delimiter) && list.name.len() <= MAX_ODD_NAME;
        let odd = all.iter().enumerate().filter(|(_, list)| is_odd(list)).map(|(place, _)| place).collect();
        Ok(Self { all, places, odd })
    }

    /// Replaces the names of lists in `condition`, one list after the other in their order.
    pub(super) fn put_into(&mut self, condition: &str) -> Result<String, TooLarge> {
        let mut text = condition.to_owned();
        let mut pending: BTreeSet<usize> = self.odd.iter().copied().collect();
        self.named_in(&text, &mut pending);
        let mut work = 0_usize;
        while let Some(place) = pending.pop_first() {
            let Some(list) = self.all.get_mut(place) else { break };
            work += text.len();
            if work > MAX_WORK {
                return Err(TooLarge { limit: MAX_WORK, place });
            }
            let Some(replaced) = replace(&text, &list.name, &list.items).map_err(|limit| TooLarge { limit, place })? else { continue };
            list.used = true;
            text = replaced;
            // Items may name lists whose turn is yet to come.
            let mut named: BTreeSet<usize> = BTreeSet::new();
            for item in &list.items {
                named.extend(words(&quoted(item)).filter_map(|word| self.places.get(word)));
            }
            pending.extend(named.split_off(&(place + 1)));
        }
        Ok(text)
    }

    fn named_in(&self, text: &str, found: &mut BTreeSet<usize>) {
        found.extend(words(text).filter_map(|word| self.places.get(word)));
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_delimiter(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'(' | b')' | b',' | b'=')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| u8::try_from(letter).is_ok_and(is_delimiter)).filter(|word| !word.is_empty())
}

/// Where `name` stands in `text` from byte `from` on.
fn find(text: &str, name: &str, from: usize) -> Option<usize> {
    text.as_bytes().get(from..).and_then(|rest| memchr::memmem::find(rest, name.as_bytes())).map(|at| from + at)
}

/// `text` with the items in place of the name, or `None` if it does not stand there between delimiters.
///
/// In one pass: what is before a place that was replaced is not looked at again, but for white space and a comma at its end.
fn replace(text: &str, name: &str, items: &[Arc<str>]) -> Result<Option<String>, usize> {
    let bytes = text.as_bytes();
    let joined = joined(items);
    let mut out = String::new();
    // What is not in `out` yet, and where the search goes on.
    let (mut rest, mut from) = (0, 0);
    let mut used = false;
    while let Some(found) = find(text, name, from) {
        let after = found + name.len();
        let before = if found > rest { bytes.get(found - 1) } else { out.as_bytes().last() };
        if !before.copied().is_none_or(is_delimiter) || !bytes.get(after).copied().is_none_or(is_delimiter) {
            from = found + 1;
            continue;
        }
        used = true;
        out.push_str(text.get(rest..found).unwrap_or(""));
        out.truncate(out.trim_end_matches(|letter: char| u8::try_from(letter).is_ok_and(is_blank)).len());
        rest = after + bytes.get(after..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte)).count();
        if joined.is_empty() {
            // A list of nothing takes one comma with it.
            if out.ends_with(',') {
                out.pop();
            } else if bytes.get(rest) == Some(&b',') {
                rest += 1;
            }
        }
        let first = out.is_empty();
        if !first {
            out.push(' ');
        }
        out.push_str(&joined);
        out.push(' ');
        if out.len() + bytes.len().saturating_sub(rest) > MAX_CONDITION {
            return Err(MAX_CONDITION);
        }
        // At the very start of the text, upstream goes on one letter later.
        from = rest + usize::from(first);
    }
    out.push_str(text.get(rest..).unwrap_or(""));
    Ok(used.then_some(out))
}

/// The items as a condition holds them.
fn joined(items: &[Arc<str>]) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&quoted(item));
    }
    text
}

/// Quotes what has a blank and no quotes yet. Quotes inside are not escaped, which upstream knows of.
pub(super) fn quoted(item: &str) -> std::borrow::Cow<'_, str> {
    if item.contains(' ') && !item.starts_with(['"', '\'']) { format!("\"{item}\"").into() } else { item.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(items: &[&str]) -> Vec<Arc<str>> {
        items.iter().map(|item| Arc::from(*item)).collect()
    }

    fn put(text: &str, name: &str, list: &[&str]) -> Option<String> {
        replace(text, name, &items(list)).ok().flatten()
    }

    #[test]
    fn names_are_replaced_between_delimiters() {
        let table: [(&str, &[&str], &str); 12] = [
            ("proc.name in (a)", &["cat", "dog"], "proc.name in ( cat, dog )"),
            ("proc.name in (a, b)", &["cat"], "proc.name in ( cat , b)"),
            ("proc.name in (b, a)", &["cat"], "proc.name in (b, cat )"),
            ("proc.name in (  a  )", &["cat"], "proc.name in ( cat )"),
            ("proc.name in (b, a, c)", &[], "proc.name in (b  , c)"),
            ("proc.name in (a, c)", &[], "proc.name in (   c)"),
            ("proc.name in (a)", &[], "proc.name in (  )"),
            ("proc.name = a", &["an item"], "proc.name = \"an item\" "),
            ("proc.name = a", &["'an item'"], "proc.name = 'an item' "),
            ("a, a, a", &["x"], "x , x , x "),
            ("a a", &["x"], "x a"),
            ("(a a)", &["x"], "( x x )"),
        ];
        for (text, list, wanted) in table {
            assert_eq!(put(text, "a", list).as_deref(), Some(wanted), "{text}");
        }
        for text in ["proc.name in (ab)", "a.b = 1", "x.a", "", "\"a\""] {
            assert_eq!(put(text, "a", &["x"]), None, "{text}");
        }
    }

    /// The same, written as a search and a replacement at a time.
    fn slow(text: &str, name: &str, list: &[Arc<str>]) -> Option<String> {
        let (mut text, sub, mut used) = (text.to_owned(), joined(list), false);
        let mut next = text.find(name);
        while let Some(mut start) = next {
            let mut end = start + name.len();
            let delimited = |at: Option<&u8>| at.copied().is_none_or(is_delimiter);
            if delimited(start.checked_sub(1).and_then(|at| text.as_bytes().get(at))) && delimited(text.as_bytes().get(end)) {
                while start > 0 && is_blank(text.as_bytes()[start - 1]) {
                    start -= 1;
                }
                while end < text.len() && is_blank(text.as_bytes()[end]) {
                    end += 1;
                }
                if sub.is_empty() {
                    if start > 0 && text.as_bytes()[start - 1] == b',' {
                        start -= 1;
                    } else if text.as_bytes().get(end) == Some(&b',') {
                        end += 1;
                    }
                }
                let head = if start > 0 { format!("{} ", text.get(..start).unwrap()) } else { String::new() };
                text = format!("{head}{sub} {}", text.get(end..).unwrap());
                start += sub.len() + 1;
                used = true;
            }
            next = find(&text, name, start + 1);
        }
        used.then_some(text)
    }

    proptest! {
        #[test]
        fn one_pass_is_as_many(
            text in "[ab,( )=\n]{0,40}",
            name in "[ab]{1,2}|a b|a,b",
            list in proptest::collection::vec("[ab c,]{1,3}", 0..3),
        ) {
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            prop_assert_eq!(put(&text, &name, &list), slow(&text, &name, &items(&list)));
        }
    }

    #[test]
    fn a_list_of_many_in_many_places_is_refused() {
        let text = "x, ".repeat(400_000);
        let many = items(&["a-rather-long-item"; 10_000]);
        assert!(replace(&text, "x", &many).is_err());
        let once = replace(&text, "x", &items(&["y"])).ok().flatten();
        assert_eq!(once.map(|text| text.len()), Some(1_600_000));
    }
}
