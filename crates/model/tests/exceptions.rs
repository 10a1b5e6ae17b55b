//! Exceptions in comments: what they cover, and what is wrong with them.

#![cfg(test)]

use plimsoll_model::{Limits, Origin, Source, parse};

/// The covered text of each in-line exception with its ids and reason, and the problems.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let source = Source::new("in.yaml", Origin::File, text);
    let (documents, problems) = parse(&source, Limits::default());
    assert!(problems.is_empty());
    let (exceptions, problems) = documents[0].inline_exceptions();
    let shown = |one: &plimsoll_model::exceptions::InlineException| {
        format!("{}|{}|{}", one.ids.join("+"), one.reason, source.slice(one.covers).replace('\n', "⏎"))
    };
    (exceptions.iter().map(shown).collect(), problems.iter().map(|problem| format!("{} {}", problem.place(), problem.message)).collect())
}

#[test]
fn what_a_comment_covers() {
    let table = [
        ("a: 1 # plimsoll: ignore X because\nb: 2\n", "X|because|a: 1"),
        ("a: 1\n# plimsoll: ignore X,Y because of it\nb:\n  c: 2\n  d: 3\ne: 4\n", "X+Y|because of it|b:⏎  c: 2⏎  d: 3"),
        ("# plimsoll: ignore X all of it\na: 1\nb: 2\n", "X|all of it|a: 1⏎b: 2"),
        ("l:\n- n: 1 # plimsoll: ignore X item\n  m: 2\n- n: 3\n", "X|item|n: 1 # plimsoll: ignore X item⏎  m: 2"),
        ("l:\n# plimsoll: ignore X item\n- n: 1\n  m: 2\n- n: 3\n", "X|item|n: 1⏎  m: 2"),
        ("a:\n  b: # plimsoll: ignore X block\n    c: 1\n  d: 2\n", "X|block|b: # plimsoll: ignore X block⏎    c: 1"),
        ("a: {b: 1} # plimsoll: ignore PSS-* flow\n", "PSS-*|flow|a: {b: 1}"),
    ];
    for (text, wanted) in table {
        assert_eq!(read(text), (vec![wanted.to_owned()], vec![]), "{text}");
    }
    assert_eq!(read("a: 1 # plimsoll is nice\nb: 2 # nothing\n"), (vec![], vec![]));
}

#[test]
fn what_is_wrong_with_a_comment() {
    let table = [
        ("a: 1 # plimsoll: ignore\n", "in.yaml:1:6 an in-line exception without the id of a check"),
        ("a: 1 # plimsoll: ignore X\n", "in.yaml:1:6 an in-line exception without a reason"),
        ("a: 1 # plimsoll: ignored X y\n", "in.yaml:1:6 a comment for plimsoll that is not understood"),
        ("a: 1\n# plimsoll: ignore X y\n", "in.yaml:2:1 an in-line exception with nothing after it"),
    ];
    for (text, wanted) in table {
        assert_eq!(read(text), (vec![], vec![wanted.to_owned()]), "{text}");
    }
}
