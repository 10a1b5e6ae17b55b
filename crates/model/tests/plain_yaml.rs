//! The reader of plain YAML and the parser of all YAML read the same, whatever becomes of a document.

use plimsoll_model::compare_readers;
use proptest::prelude::*;

/// What tears documents apart, or nearly.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    "\t",
    "- ",
    ": ",
    ":",
    "#",
    " # c",
    "'",
    "\"",
    "\\",
    "\\n",
    "''",
    "|",
    "|-",
    "|+",
    ">",
    "[",
    "]",
    "{",
    "}",
    ",",
    "-",
    "?",
    "---",
    "\n\n",
    "\n  ",
    "\n      - ",
    "\n   \n",
    "\n# c\n",
    "k: v\n",
    "é",
    "\u{85}",
    "\u{2028}",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "~",
    "@",
    "{{",
];

const FILES: &[&str] = &[
    include_str!("../../../examples/shop/api.yaml"),
    include_str!("../../../examples/shop/cart.yaml"),
    include_str!("../../../examples/shop/checkout.yaml"),
    include_str!("../../../examples/shop/db-backup.yaml"),
    include_str!("../../../examples/shop/debug-toolbox.yaml"),
    include_str!("../../../examples/shop/image-resizer.yaml"),
    include_str!("../../../examples/shop/ingress.yaml"),
    include_str!("../../../examples/shop/invoice-printer.yaml"),
    include_str!("../../../examples/shop/log-collector.yaml"),
    include_str!("../../../examples/shop/namespaces.yaml"),
];

fn documents() -> Vec<&'static str> {
    FILES.iter().flat_map(|text| text.split("\n---\n")).collect()
}

#[test]
fn most_documents_are_plain() {
    let documents = documents();
    let plain = documents.iter().filter(|text| compare_readers(text).is_some()).count();
    assert!(plain * 10 > documents.len() * 8, "{plain} of {}", documents.len());
}

#[test]
fn forms() {
    for (text, is_plain) in [
        ("a: b # c\nd:\n- e\n-   f: 1\n    g: h\n", true),
        ("a: |\n  one\n   two\n\nb: |-\n  x\n", true),
        ("a: 'it''s\n  folded'\nb: \"x\\n\n\n  y\"\nc: plain\n  goes on\n\n  here\n", true),
        ("a: [b, \"c\", [d], {e: f}]\ng: []\nh: {}\n", true),
        ("a:\n  b:\nc: ~\n", true),
        ("a: >\n  folded\n", false),
        ("a: &x b\nc: *x\n", false),
        ("a: b: c\n", false),
        ("a:\n\tb: c\n", false),
        ("? a\n: b\n", false),
    ] {
        assert_eq!(compare_readers(text), is_plain.then_some(Ok(())), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn both_readers_agree(
        which in any::<prop::sample::Index>(),
        lines in (any::<prop::sample::Index>(), 1..30usize),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..6usize, prop::sample::select(PIECES)), 0..4),
    ) {
        let documents = documents();
        let whole: Vec<&str> = which.get(&documents).split_inclusive('\n').collect();
        let start = lines.0.index(whole.len());
        let mut text = whole[start..(start + lines.1).min(whole.len())].concat();
        for (at, removed, piece) in changes {
            let letters: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let at = at.index(letters.len());
            let end = (at + removed).min(letters.len() - 1);
            text.replace_range(letters[at]..letters[end], piece);
        }
        if let Some(Err(difference)) = compare_readers(&text) {
            prop_assert!(false, "{text}\n{difference}");
        }
    }
}
