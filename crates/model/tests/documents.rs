//! Documents as Kubernetes reads them: what is accepted, what is reported and where.

#![cfg(test)]

use plimsoll_model::{Limits, Origin, Problem, Source, parse};
use serde_json::{Value, json};

/// The only place that calls the reader.
fn read(text: &str) -> (Vec<Value>, Vec<String>) {
    let source = Source::new("in", Origin::File, text);
    let (documents, problems) = parse(&source, Limits::default());
    (documents.iter().filter_map(|document| Some(document.root()?.to_json())).collect(), problems.iter().map(line).collect())
}

fn line(problem: &Problem) -> String {
    format!("{} {}: {}", problem.place(), problem.kind.name(), problem.message)
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
fn check(text: &str, wanted: Value) {
    let (documents, problems) = read(text);
    assert_eq!(problems, Vec::<String>::new(), "{text}");
    assert_eq!(Value::Array(documents), wanted, "{text}");
}

#[test]
fn values() {
    check("", json!([]));
    check("# only a comment\n", json!([]));
    check("---\n---\n", json!([]));
    check("a: 1\n---\nb: 2\n---\n# nothing\n", json!([{"a": 1}, {"b": 2}]));
    check("a: 0644\nb: yes\nc: \"yes\"\nd: ~\ne:\n", json!([{"a": 420, "b": true, "c": "yes", "d": null, "e": null}]));
    check("a: !!str 12\nb: !!int \"12\"\nc: |\n  x\n  y\nd: >-\n  x\n  y\n", json!([{"a": "12", "b": 12, "c": "x\ny\n", "d": "x y"}]));
    check("%YAML 1.2\n---\na: 1\n", json!([{"a": 1}]));
    check("a: {b: [1, 2,], c: {}}\n", json!([{"a": {"b": [1, 2], "c": {}}}]));
    check("a: \"\\u00e9\\n\"\n", json!([{"a": "é\n"}]));
    check("\u{feff}a: 1\r\nb:\r\n- 2\r\n", json!([{"a": 1, "b": [2]}]));
    check("a:\n- b: 1\n  c: 2\n-\n  d: 3\n- - 4\n", json!([{"a": [{"b": 1, "c": 2}, {"d": 3}, [4]]}]));
    check("text: |\n  ---\n  inside\nb: 1\n", json!([{"text": "---\ninside\n", "b": 1}]));
}

#[test]
fn json_values() {
    check(r#" {"a": [1, -2.5, true, null, "x\né\ud83d\ude00"], "b": {}} "#, json!([{"a": [1, -2.5, true, null, "x\né😀"], "b": {}}]));
    check("{\"a\":\t1}\n{\"b\":2}\n", json!([{"a": 1}, {"b": 2}]));
    check("{a: 1, b: [x]}", json!([{"a": 1, "b": ["x"]}]));
    check("[1]", json!([[1]]));
    check(r#"{"a": "yes", "b": "0644"}"#, json!([{"a": "yes", "b": "0644"}]));
}

#[test]
fn anchors_and_merge_keys() {
    check("a: &x {b: 1}\nc: *x\n", json!([{"a": {"b": 1}, "c": {"b": 1}}]));
    check(
        "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\none:\n  <<: *base\n  b: 9\ntwo:\n  <<: [*base, *more]\n  d: 5\n",
        json!([{"base": {"a": 1, "b": 2}, "more": {"b": 3, "c": 4}, "one": {"b": 9, "a": 1}, "two": {"d": 5, "a": 1, "b": 2, "c": 4}}]),
    );
    check("a: &x 1\nb: &x 2\nc: *x\n", json!([{"a": 1, "b": 2, "c": 2}]));
}

/// As kubectl reads it, though YAML 1.2 refuses it.
#[test]
fn tabs_within_brackets_are_space() {
    check("a:\n  b: [\n\t  1,\n \t\"x\",\n\n\tz\n  ]\nc: {d:\n\t1}\n", json!([{"a": {"b": [1, "x", "z"]}, "c": {"d": 1}}]));
    let many = format!("a:\n  b: [\n{}1]\n", "\t1,\n\n".repeat(100));
    assert!(read(&many).1[0].contains("a tab in the indentation"));
    assert!(read("a: [1,\n\t2]\nb:\n\tc: 1\n").1[0].contains("in:4:2 syntax: not valid YAML: a tab in the indentation"));
}

#[test]
fn trouble_has_a_place_and_hides_nothing_else() {
    let table: &[(&str, usize, &str)] = &[
        ("a: 1\n---\nb: [\n---\nc: 3\n", 2, "in:3:4 syntax: not valid YAML: unclosed bracket"),
        ("a: 1\na: 2\n", 1, "in:2:1 duplicate-key: key `a` stands twice, first in line 1; Kubernetes takes the last one"),
        ("a:\n\tb: 1\n", 0, "in:2:2 syntax: not valid YAML: a tab in the indentation; use spaces"),
        ("a: *nope\n", 0, "in:1:4 syntax: not valid YAML: "),
        ("a: &x [*x]\n", 0, "in:1:8 syntax: the alias stands inside of its own anchor"),
        ("? {a: 1}\n: b\n", 0, "in:1:3 syntax: a key must be a scalar, not a map or list"),
        ("{\"a\": }", 1, ""),
        ("{\"a\": \"x", 0, "in:1:7 syntax: not valid JSON: the string has no end"),
        ("a: {{ .Values.x }}\n", 0, "in:1:4 syntax: not valid YAML: this looks like a template that has to be rendered first"),
    ];
    for (text, documents, wanted) in table {
        let (got, problems) = read(text);
        assert_eq!(got.len(), *documents, "{text}: {problems:?}");
        let first = problems.first().map_or("", String::as_str);
        assert!(first.starts_with(wanted), "{text}: {first}");
        assert_eq!(problems.len(), usize::from(!wanted.is_empty()), "{text}: {problems:?}");
    }
}

#[test]
fn duplicate_keys_take_the_last() {
    let (documents, _) = read("a: 1\nb: 0\na: 2\n");
    assert_eq!(documents, [json!({"b": 0, "a": 2})]);
    let many: String = (0..40).map(|at| format!("k{at}: {at}\n")).chain(["k7: x\n".to_owned()]).collect();
    let (documents, problems) = read(&many);
    assert_eq!(documents[0]["k7"], json!("x"));
    assert_eq!(problems.len(), 1);
}

#[test]
fn limits() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert_eq!(read(&deep).1, ["in:1:251 limit: nested deeper than 250 levels"]);
    let deep: String = (0..10_000).map(|at| " ".repeat(at) + "a:\n").collect();
    assert!(read(&deep).1[0].contains("limit: nested deeper than 250 levels"), "{:?}", read(&deep).1);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &('b'..='i')
            .zip('a'..='h')
            .map(|(to, from)| format!("{to}: &{to} [{}]\n", vec![format!("*{from}"); 9].join(",")))
            .collect::<String>();
    let (documents, problems) = read(&bomb);
    assert_eq!((documents.len(), problems.len()), (0, 1));
    assert!(problems[0].contains("limit: aliases and merge keys expand to more than 100000 nodes"), "{problems:?}");
    let source = Source::new("big", Origin::File, "a: 12345678\n");
    let (_, problems) = parse(&source, Limits { bytes: 8, ..Limits::default() });
    assert_eq!(line(&problems[0]), "big limit: 12 bytes is more than the limit of 8 bytes");
}

#[test]
fn every_node_knows_its_bytes() {
    let text = "a:\n  b: # why\n    - name: \"x\"\n      on: {c: 1}\n  # end\nd: e\n";
    let source = Source::new("in", Origin::File, text);
    let (documents, _) = parse(&source, Limits::default());
    let document = &documents[0];
    let slice = |pointer: &str| source.slice(document.resolve(pointer).unwrap().span());
    assert_eq!(slice("/a/b/0/name"), "\"x\"");
    assert_eq!(slice("/a/b/0"), "name: \"x\"\n      on: {c: 1}");
    assert_eq!(slice("/a/b/0/on"), "{c: 1}");
    assert_eq!(slice("/d"), "e");
    assert_eq!(document.resolve("/a/b/0/on/c").unwrap().pointer(), "/a/b/0/on/c");
    let comments: Vec<_> = document.comments.iter().map(|span| source.slice(*span)).collect();
    assert_eq!(comments, ["# why", "# end"]);
    assert_eq!(document.resolve("/a/b/1"), None);
    let (nearest, reached) = document.root().unwrap().nearest("/a/b/0/on/x/y");
    assert_eq!((nearest.pointer().as_str(), reached), ("/a/b/0/on", false));
}
