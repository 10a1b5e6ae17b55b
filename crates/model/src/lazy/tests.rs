//! JSON that is read where it is asked for.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// The whole document, by way of every part.
fn whole(json: Json<'_>) -> Value {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match json.kind() {
        Kind::Object => json.parts().map(|part| (text(part.key()), whole(part))).collect(),
        Kind::List => json.parts().map(whole).collect(),
        Kind::Text => text(json.text().unwrap()).into(),
        _ => serde_json::from_slice(json.raw()).unwrap(),
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\/{}\\[\\]:, \n\u{0}é😀]{0,90}".prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(5, 60, 6, |inner| {
        let key = "[a-c\"\\\\{é]{0,4}";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    });
    inner.prop_filter("a document is an object or a list", |value| value.is_object() || value.is_array())
}

proptest! {
    #[test]
    fn every_part_is_what_it_is(value in documents(), pretty in any::<bool>()) {
        let (short, long) = (serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        let written = if pretty { &long } else { &short };
        let arena = Bump::new();
        let json = Json::read(written.as_bytes(), &arena).unwrap();
        prop_assert_eq!(whole(json), value.clone());
        prop_assert_eq!(json.compact(), short.as_bytes());
        prop_assert_eq!(json.indented().unwrap(), long.as_bytes());
        prop_assert_eq!(check(written.as_bytes()), Ok(()));
        // Whatever is cut off is no document.
        for end in 1..written.len() {
            prop_assert!(Json::read(&written.as_bytes()[..end], &arena).is_err());
            prop_assert!(check(&written.as_bytes()[..end]).is_err());
        }
    }

    /// One change anywhere: what is said of it is what serde says. Strings hold nothing that it takes offence at.
    #[test]
    fn documents_are_checked(value in documents(), pretty in any::<bool>(), place in any::<prop::sample::Index>(), byte in prop::sample::select(&b"{}[],:\"0e-.t n"[..]), insert in any::<bool>()) {
        let mut text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        let at = place.index(text.len());
        if insert { text.insert(at, byte) } else { text[at] = byte }
        let spaces = [vec![b' '; at % 70], text.clone()].concat();
        let wanted = match serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
            // A change behind a backslash makes an escape that JSON does not know, which is let be.
            Err(error) if ["escape", "surrogate", "hex"].iter().any(|word| error.to_string().contains(word)) => return Ok(()),
            outcome => outcome.is_ok() && matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')),
        };
        prop_assert_eq!(check(&text).is_ok(), wanted, "{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(check(&spaces).is_ok(), wanted);
    }

    #[test]
    fn anything_can_be_asked(bytes in proptest::collection::vec(prop::sample::select(&b"{}[]\",:\\u12dnt \n\xff"[..]), 0..200)) {
        let arena = Bump::new();
        if let Ok(json) = Json::read(&bytes, &arena) {
            let mut left = vec![json];
            while let Some(json) = left.pop() {
                let _ = (json.kind(), json.text(), json.compact(), json.indented(), json.get(b"0"));
                left.extend(json.parts());
            }
        }
    }
}

#[test]
fn texts_lose_their_escapes() {
    let cases: [(&str, &[u8]); 8] = [
        (r#""a\"\\\/\b\f\n\r\t""#, b"a\"\\/\x08\x0c\n\r\t"),
        (r#""\u00e9\ud83d\ude00""#, "é😀".as_bytes()),
        (r#""\ud83dx""#, br"\ud83dx"),
        (r#""\ud83d\u0041""#, "\u{fffd}".as_bytes()),
        (r#""\x\u12""#, br"\x\u12"),
        (r#""\\u0041""#, br"\u0041"),
        (r#""\u0000""#, b"\0"),
        (r#""""#, b""),
    ];
    for (text, wanted) in cases {
        let arena = Bump::new();
        let document = format!("[{text}]");
        let json = Json::read(document.as_bytes(), &arena).unwrap();
        assert_eq!(json.get(b"0").and_then(Json::text), Some(wanted), "{text}");
    }
}

#[test]
fn documents_are_checked_to_their_depths() {
    let nested = |depth: usize| ["[{\"a\":".repeat(depth), "1".to_owned(), "}]".repeat(depth)].concat();
    for depth in [1, 31, 32, 33, 64, 65, 100, 150] {
        assert_eq!(check(nested(depth).as_bytes()), Ok(()), "{depth}");
        assert!(check(nested(depth).replacen("}]", "]}", 1).as_bytes()).is_err(), "{depth}");
    }
    assert_eq!(check(nested(151).as_bytes()), Err(Broken(900)));
    for (text, wanted) in [
        ("", Err(0)),
        (" [] ", Ok(())),
        ("{}", Ok(())),
        ("1", Err(0)),
        ("[1]2", Err(3)),
        ("[1] []", Err(4)),
        ("[1,]", Err(3)),
        ("{\"a\":1,}", Err(7)),
        ("[-0.5e+3, true,\tnull]", Ok(())),
        ("[01]", Err(1)),
        ("[1.]", Err(1)),
        ("[truee]", Err(1)),
        ("[\"a\"\"b\"]", Err(4)),
        ("[\\\"a\"]", Err(1)),
        ("{1:2}", Err(1)),
        ("[\"a]", Err(4)),
        ("[\"\\x\u{1}\"]", Ok(())),
    ] {
        assert_eq!(check(text.as_bytes()), wanted.map_err(Broken), "{text}");
    }
}

#[test]
fn what_is_broken_is_told_or_has_no_parts() {
    let arena = Bump::new();
    for (text, wanted) in
        [("", 0), ("  1", 2), ("{\"a\":1}x", 7), ("{\"a\" 1}", 5), ("[1 2]", 3), ("[\"a]", 4), ("[[]", 3), ("{,}", 1), ("{\"a\":}", 5)]
    {
        assert_eq!(Json::read(text.as_bytes(), &arena).map(Json::raw), Err(Broken(wanted)), "{text}");
    }
    let json = Json::read(br#" {"a":{"b" 1},"a":2,"c":[1,[2]]} "#, &arena).unwrap();
    assert_eq!(json.at(&["a"]).unwrap().parts().len(), 0);
    assert_eq!(json.at(&["c", "1", "0"]).unwrap().raw(), b"2");
    assert!(json.at(&["c", "2"]).is_none() && json.at(&["c", "x"]).is_none() && json.at(&["a", "b", "c"]).is_none());
}
