//! Patches made in text: what the author wrote stays, what the patch says comes.

#![cfg(test)]

use plimsoll_model::edit::documents as whole;
use plimsoll_model::edit::{Editor, apply, diff, edits, patch_json};
use plimsoll_model::{Document, Limits, Origin, PatchOp, Source, parse};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

/// The only place that calls the editor: `patch` on object `number` of `text`.
fn edited(text: &str, number: usize, patch: &[PatchOp]) -> Result<String, String> {
    let source = Source::new("in.yaml", Origin::File, text);
    let (documents, problems) = parse(&source, Limits::default());
    assert!(problems.is_empty(), "{text}: {problems:?}");
    let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
    let edits = edits(&objects[number], patch).map_err(|refused| refused.message)?;
    Ok(apply(text, &edits).expect("edits fit their own text"))
}

fn check(body: &str, patch: &[PatchOp], wanted: &str) {
    let head = "apiVersion: v1\nkind: X\n";
    let got = edited(&format!("{head}{body}"), 0, patch);
    assert_eq!(got.as_deref().map(|text| text.strip_prefix(head).unwrap()), Ok(wanted), "{body}");
}

fn add(path: &str, value: Value) -> PatchOp {
    PatchOp::add(path, value)
}

#[test]
fn additions() {
    check("a:\n  b: 1\n", &[add("/a/c", json!(true))], "a:\n  b: 1\n  c: true\n");
    check(
        "a:\n  b: 1 # one\n# two\nd: 2\n",
        &[add("/a/c", json!({"x": {"k": "z"}}))],
        "a:\n  b: 1 # one\n  c:\n    x:\n      k: z\n# two\nd: 2\n",
    );
    check("a:\n    b:\n        c: 1\n", &[add("/a/b/d", json!({"e": 1}))], "a:\n    b:\n        c: 1\n        d:\n            e: 1\n");
    check(
        "a:\n- name: x\n  image: y\n- name: z\n",
        &[add("/a/0/s", json!({"p": false}))],
        "a:\n- name: x\n  image: y\n  s:\n    p: false\n- name: z\n",
    );
    check("a:\n  - name: x\n", &[add("/a/0/s", json!({"drop": ["ALL"]}))], "a:\n  - name: x\n    s:\n      drop:\n        - ALL\n");
    check("a:\n- name: x\n", &[add("/a/0/s", json!({"drop": ["ALL"]}))], "a:\n- name: x\n  s:\n    drop:\n    - ALL\n");
    check("l: [a]\na:\n- name: x\n", &[add("/a/0/s", json!({"drop": ["ALL"]}))], "l: [a]\na:\n- name: x\n  s:\n    drop: [ALL]\n");
    check("a:\n  b: |\n    text\n    more\nc: 1\n", &[add("/a/d", json!(1))], "a:\n  b: |\n    text\n    more\n  d: 1\nc: 1\n");
    check("a:\n  b: 1", &[add("/a/c", json!(2))], "a:\n  b: 1\n  c: 2");
    check("a: {b: 1}\n", &[add("/a/c", json!({"d": "e"}))], "a: {b: 1, c: {d: e}}\n");
    check("a: {}\nb: 1\n", &[add("/a/c", json!("d"))], "a:\n  c: d\nb: 1\n");
    check("a: {} # why\nb: 1\n", &[add("/a/c", json!("d"))], "a: # why\n  c: d\nb: 1\n");
    check("a:\n- {name: x}\n", &[add("/a/0/s", json!(1))], "a:\n- {name: x, s: 1}\n");
    check("a: {\n  b: 1,\n  c: 2\n}\n", &[add("/a/d", json!(3))], "a: {\n  b: 1,\n  c: 2,\n  d: 3\n}\n");
    check("a:\n  b: 1\n...\n", &[add("/a/c", json!(2))], "a:\n  b: 1\n  c: 2\n...\n");
}

#[test]
fn additions_of_several_findings_are_one() {
    let patch = [
        add("/a/s", json!({"runAsNonRoot": true})),
        add("/a/s", json!({"seccompProfile": {"type": "RuntimeDefault"}})),
        add("/a/s", json!({"runAsNonRoot": true})),
        add("/a/t", json!(1)),
    ];
    check("a:\n  b: 1\n", &patch, "a:\n  b: 1\n  s:\n    runAsNonRoot: true\n    seccompProfile:\n      type: RuntimeDefault\n  t: 1\n");
    let against = [add("/a/s", json!({"x": 1})), add("/a/s", json!({"x": 2}))];
    assert_eq!(edited("apiVersion: v1\nkind: X\na:\n  b: 1\n", 0, &against), Err("two changes want different values for `x`".to_owned()));
}

#[test]
fn replacements() {
    check("a: true # yes\n", &[PatchOp::replace("/a", false)], "a: false # yes\n");
    check("a: 'x'\nb: 1\n", &[PatchOp::replace("/a", "yes")], "a: \"yes\"\nb: 1\n");
    check("a:\nb: 1\n", &[PatchOp::replace("/a", json!({"c": {"d": 1}}))], "a:\n  c:\n    d: 1\nb: 1\n");
    check("a: # later\nb: 1\n", &[PatchOp::replace("/a", json!({"c": 1}))], "a: # later\n  c: 1\nb: 1\n");
    check("a: ~\n", &[PatchOp::replace("/a", json!({"c": 1}))], "a:\n  c: 1\n");
    check("a:\n- null\n- 1\n", &[PatchOp::replace("/a/0", "x")], "a:\n- x\n- 1\n");
    check("a: |\n  text\nb: 1\n", &[PatchOp::replace("/a", "x")], "a: x\nb: 1\n");
}

#[test]
fn removals() {
    check("a:\n  b: 1\n  c: 2 # two\n  d: 3\n", &[PatchOp::remove("/a/c")], "a:\n  b: 1\n  d: 3\n");
    check("a:\n  b: 1\n  c:\n    d:\n    - e\nf: 1\n", &[PatchOp::remove("/a/c")], "a:\n  b: 1\nf: 1\n");
    check("a:\n  b: 1\nc: 2\n", &[PatchOp::remove("/a/b")], "a: {}\nc: 2\n");
    check("a:\n- x\n- y # why\n- z\n", &[PatchOp::remove("/a/0"), PatchOp::remove("/a/2")], "a:\n- y # why\n");
    check("a:\n- x\nb: 1\n", &[PatchOp::remove("/a/0")], "a: []\nb: 1\n");
    check("a:\n- b: 1\n  c: 2\n", &[PatchOp::remove("/a/0/b")], "a:\n- c: 2\n");
    check("a: [x, y, z]\n", &[PatchOp::remove("/a/0"), PatchOp::remove("/a/2")], "a: [y]\n");
    check("a: [x, y, z]\n", &[PatchOp::remove("/a/0"), PatchOp::remove("/a/1")], "a: [z]\n");
    check("a: [x, y, z]\n", &[PatchOp::remove("/a/1"), PatchOp::remove("/a/2")], "a: [x]\n");
    check("a: [x]\n", &[PatchOp::remove("/a/0")], "a: []\n");
    check("a: {b: 1, c: 2}\n", &[PatchOp::remove("/a/b")], "a: {c: 2}\n");
}

#[test]
fn one_entry_for_another() {
    let patch = [PatchOp::remove("/v/0/hostPath"), add("/v/0/emptyDir", json!({}))];
    check("v:\n- name: x\n  hostPath:\n    path: /\n- name: y\n", &patch, "v:\n- name: x\n  emptyDir: {}\n- name: y\n");
    check("v:\n- hostPath:\n    path: /\n  name: x\n", &patch, "v:\n- emptyDir: {}\n  name: x\n");
    check("v:\n- {name: x, hostPath: {path: /}}\n", &patch, "v:\n- {name: x, emptyDir: {}}\n");
}

#[test]
fn appended_items() {
    check("a:\n- x\nb: 1\n", &[add("/a/-", json!("ALL"))], "a:\n- x\n- ALL\nb: 1\n");
    check("a:\n  - x # first\n", &[add("/a/-", json!("ALL"))], "a:\n  - x # first\n  - ALL\n");
    check("a: [x]\n", &[add("/a/-", json!("ALL"))], "a: [x, ALL]\n");
    check("a: []\n", &[add("/a/-", json!("ALL"))], "a:\n- ALL\n");
}

#[test]
fn other_documents_and_line_ends_stay() {
    let text = "# head\r\napiVersion: v1\r\nkind: A\r\na:\r\n  b: 1\r\n---\r\napiVersion: v1\r\nkind: B\r\na:\r\n  b: 1\r\n";
    let wanted =
        "# head\r\napiVersion: v1\r\nkind: A\r\na:\r\n  b: 1\r\n---\r\napiVersion: v1\r\nkind: B\r\na:\r\n  b: 1\r\n  c:\r\n    d: 1\r\n";
    assert_eq!(edited(text, 1, &[add("/a/c", json!({"d": 1}))]).as_deref(), Ok(wanted));
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  a: 1\n- apiVersion: v1\n  kind: B\n  a: 1\n";
    assert_eq!(edited(list, 0, &[add("/b", json!(2))]).unwrap(), list.replace("kind: A\n  a: 1\n", "kind: A\n  a: 1\n  b: 2\n"));
}

#[test]
fn insertions_at_one_place_go_to_their_own_levels() {
    let patch = [add("/s", json!(1)), add("/a/0/s", json!(2)), add("/a/0/m/s", json!(3))];
    check("a:\n- name: x\n  m:\n    k: v\n", &patch, "a:\n- name: x\n  m:\n    k: v\n    s: 3\n  s: 2\ns: 1\n");
}

#[test]
fn additions_of_several_findings_to_a_null_are_one() {
    let patch = [add("/a/s", json!({"x": 1})), add("/a/s", json!({"z": 2}))];
    check("a:\n  s:\nb: 1\n", &patch, "a:\n  s:\n    x: 1\n    z: 2\nb: 1\n");
    check("a:\n  s: null # later\n", &patch, "a:\n  s: # later\n    x: 1\n    z: 2\n");
}

#[test]
fn comments_stay_with_their_entries() {
    let entry = [add("/a/d", json!(3))];
    check("a: {\n  b: 1, # one\n  c: 2 # two\n}\n", &entry, "a: {\n  b: 1, # one\n  c: 2, # two\n  d: 3\n}\n");
    check("a: {\n  b: 1,\n  c: 2, # two\n}\n", &entry, "a: {\n  b: 1,\n  c: 2, # two\n  d: 3,\n}\n");
    check("a: [\n  x, # one\n  y, # two\n]\n", &[PatchOp::remove("/a/1")], "a: [\n  x, # one\n]\n");
    check("a: [\n  x, # one\n  y # two\n]\n", &[PatchOp::remove("/a/1")], "a: [\n  x # one\n]\n");
    check("a: [\n  x, # one\n  y # two\n]\n", &[PatchOp::remove("/a/0")], "a: [\n  y # two\n]\n");
    check("a: # why\n- x\nb: 1\n", &[PatchOp::remove("/a/0")], "a: [] # why\nb: 1\n");
    check(
        "a:\n  # about b\n  b: 1\n  # about c\n  c: 2\n# about d\nd: 1\n",
        &entry,
        "a:\n  # about b\n  b: 1\n  # about c\n  c: 2\n  d: 3\n# about d\nd: 1\n",
    );
}

#[test]
fn additions_after_scalars_of_several_lines() {
    let entry = [add("/a/d", json!(1))];
    check("a:\n  b: |+\n    text\n\nc: 1\n", &entry, "a:\n  b: |+\n    text\n\n  d: 1\nc: 1\n");
    check("a:\n  b: >-\n    text\n    more\n\nc: 1\n", &entry, "a:\n  b: >-\n    text\n    more\n  d: 1\n\nc: 1\n");
    check("a:\n  b: one\n    two\nc: 1\n", &entry, "a:\n  b: one\n    two\n  d: 1\nc: 1\n");
    check("a:\n  b: \"one\n    two\" # note\nc: 1\n", &entry, "a:\n  b: \"one\n    two\" # note\n  d: 1\nc: 1\n");
    check("a:\n  b: # empty\nc: 1\n", &entry, "a:\n  b: # empty\n  d: 1\nc: 1\n");
}

#[test]
fn json_stays_json() {
    let compact = r#"{"apiVersion":"v1","kind":"A","a":{"b":1}}"#;
    assert_eq!(
        edited(compact, 0, &[add("/a/c", json!({"d": "yes"}))]).unwrap(),
        r#"{"apiVersion":"v1","kind":"A","a":{"b":1,"c":{"d":"yes"}}}"#
    );
    let pretty = "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"A\",\n  \"a\": {\n    \"b\": 1\n  }\n}\n";
    let wanted = pretty.replace("1\n", "1,\n    \"c\": {\n      \"d\": [\n        \"ALL\"\n      ]\n    }\n");
    assert_eq!(edited(pretty, 0, &[add("/a/c", json!({"d": ["ALL"]}))]).unwrap(), wanted);
    let bare = pretty.replace("{\n    \"b\": 1\n  }", "{}");
    let wanted = pretty.replace("\"b\": 1", "\"c\": {\n      \"d\": true\n    }");
    assert_eq!(edited(&bare, 0, &[add("/a/c", json!({"d": true}))]).unwrap(), wanted);
    let emptied = compact.replace(r#"{"b":1}"#, "{}");
    assert_eq!(
        edited(&emptied, 0, &[add("/a/x", json!(1)), add("/a/y", json!(2))]).unwrap(),
        compact.replace(r#"{"b":1}"#, r#"{"x":1,"y":2}"#)
    );
    assert_eq!(edited(pretty, 0, &[PatchOp::replace("/a/b", false)]).unwrap(), pretty.replace("1\n", "false\n"));
}

#[test]
fn what_is_shared_is_refused() {
    let anchored = "apiVersion: v1\nkind: X\na: &a\n  b: 1\nc: *a\n";
    assert!(edited(anchored, 0, &[add("/c/d", json!(1))]).unwrap_err().contains("anchor"));
    assert!(edited(anchored, 0, &[add("/a/d", json!(1))]).unwrap_err().contains("anchor"));
    let merged = "apiVersion: v1\nkind: X\na: &a\n  b: {x: 1}\nc:\n  <<: *a\n  d: 1\n";
    assert!(edited(merged, 0, &[add("/c/b/y", json!(1))]).is_err());
    assert_eq!(edited(merged, 0, &[add("/c/e", json!(1))]).unwrap(), format!("{merged}  e: 1\n"));
    assert!(edited(merged, 0, &[add("/nope/e", json!(1))]).unwrap_err().contains("is not there"));
}

#[test]
fn patches_of_several_items_of_a_list_are_proved_together() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: X\n  a: 1 # one\n- apiVersion: v1\n  kind: Y\n  a: 1\n";
    let (documents, _) = parse(&Source::new("in.yaml", Origin::File, text), Limits::default());
    let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
    let patch = |at: usize, value: i32| (objects[at], vec![PatchOp::replace("/a", value)]);
    let editor = Editor::of(&documents[0]);
    let edits = editor.edits(&[patch(1, 3), patch(0, 2)]).unwrap();
    assert_eq!(apply(text, &edits), Some(text.replace("a: 1 #", "a: 2 #").replace("a: 1\n", "a: 3\n")));
    assert!(editor.edits(&[patch(0, 2), (objects[1], vec![PatchOp::replace("/b", 1)])]).is_err());
}

/// The work of an edit is that of its document, however many others stand in the file: they are not even read. One that
/// cannot be read, or that reads differently next to an edit, would tell.
#[test]
fn an_edit_looks_at_no_other_document() {
    let broken = "a: [\n";
    let object = "apiVersion: v1\nkind: X\na: 1";
    for (text, wanted) in [
        (format!("{broken}---\n{object}\n---\n{broken}"), format!("{broken}---\n{object}\nb: 2\n---\n{broken}")),
        (format!("# head\n---\n{object} # one\n"), format!("# head\n---\n{object} # one\nb: 2\n")),
        (format!("%YAML 1.2\n---\n{object}\n---\n{broken}"), format!("%YAML 1.2\n---\n{object}\nb: 2\n---\n{broken}")),
        (format!("{broken}---\n{object}"), format!("{broken}---\n{object}\nb: 2")),
    ] {
        let (documents, _) = parse(&Source::new("in.yaml", Origin::File, text.as_str()), Limits::default());
        let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
        let edits = edits(&objects[0], &[add("/b", json!(2))]).unwrap();
        assert_eq!(apply(&text, &edits), Some(wanted));
    }
    let two = format!("{object}\n---\n{object}\n");
    let (documents, _) = parse(&Source::new("in.yaml", Origin::File, two.as_str()), Limits::default());
    let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
    let both: Vec<_> = objects.iter().map(|object| (*object, vec![add("/b", json!(2))])).collect();
    assert!(Editor::of(&documents[0]).edits(&both).is_err(), "two documents are two proofs");
}

/// What is left of `text` without its object `number`.
fn without(text: &str, number: usize) -> Result<String, String> {
    let (documents, _) = parse(&Source::new("in.yaml", Origin::File, text), Limits::default());
    let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
    let edits = whole(documents.last().unwrap(), &[objects[number]], &[]).map_err(|refused| refused.message)?;
    Ok(apply(text, &edits).expect("edits fit their own text"))
}

#[test]
fn objects_go_with_their_documents() {
    let (a, b) = ("# of a\napiVersion: v1\nkind: A\nt: |\n  ---\n", "apiVersion: v1\nkind: B # b\n");
    for (text, number, wanted) in [
        (format!("{a}---\n{b}"), 0, b.to_owned()),
        (format!("{a}---\n{b}"), 1, a.to_owned()),
        (format!("---\n{a}---\n{b}---\n{a}"), 1, format!("---\n{a}---\n{a}")),
        (format!("---\n{a}--- # the other\n{b}"), 0, format!("--- # the other\n{b}")),
        (a.to_owned(), 0, String::new()),
    ] {
        assert_eq!(without(&text, number), Ok(wanted), "{text}");
    }
    let text = format!("{a}---\n{b}---\n{a}");
    let (documents, _) = parse(&Source::new("in.yaml", Origin::File, text.as_str()), Limits::default());
    let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
    let edits = whole(&documents[2], &objects[1..], &[json!({"kind": "New"})]).unwrap();
    assert_eq!(apply(&text, &edits), Some(format!("{a}---\nkind: New\n")));
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n";
    assert_eq!(without(list, 0), Err("it is an item of a list".to_owned()));
}

#[test]
fn objects_come_at_the_end() {
    let appended = |text: &str| {
        let (documents, _) = parse(&Source::new("in.yaml", Origin::File, text), Limits::default());
        let object = json!({"apiVersion": "v1", "kind": "B", "spec": {"all": {}, "types": ["In", "Out"]}});
        whole(documents.last().unwrap(), &[], &[object]).map(|edits| apply(text, &edits).unwrap()).map_err(|refused| refused.message)
    };
    let wanted = "kind: A\na:\n  - b\n---\napiVersion: v1\nkind: B\nspec:\n  all: {}\n  types:\n    - In\n    - Out\n";
    assert_eq!(appended("kind: A\na:\n  - b\n").as_deref(), Ok(wanted));
    assert_eq!(appended("kind: A\na:\n  - b").as_deref(), Ok(wanted));
    assert!(
        appended("kind: A\r\n")
            .unwrap()
            .ends_with("---\r\napiVersion: v1\r\nkind: B\r\nspec:\r\n  all: {}\r\n  types:\r\n  - In\r\n  - Out\r\n")
    );
    assert_eq!(appended("{\"kind\": \"A\"}\n"), Err("a JSON file holds one object".to_owned()));
}

#[test]
fn diffs() {
    assert_eq!(diff("x", "a\nb\n", "a\nb\n"), "");
    assert_eq!(diff("x", "a\nb\nc\n", "a\nB\nc\n"), "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    assert_eq!(
        diff("x", "a", "a\nb"),
        "--- a/x\n+++ b/x\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n"
    );
    let long: String = (0..40).map(|n| format!("{n}\n")).collect();
    let changed = long.replace("\n5\n", "\n5\nnew\n").replace("\n30\n", "\n");
    assert_eq!(diff("x", &long, &changed).matches("@@ -").count(), 2);
}

/// A JSON value whose maps and lists are small and whose words are those of manifests.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-5i64..2000).prop_map(Value::from),
        prop_oneof![
            "[a-z]{1,8}",
            Just("yes".to_owned()),
            Just("0644".to_owned()),
            Just("a: b".to_owned()),
            Just("x # y".to_owned()),
            Just(String::new())
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-e]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// How a value is written.
#[derive(Debug, Clone, Copy)]
struct Hand {
    step: usize,
    list_step: usize,
    flow: bool,
    comments: bool,
    crlf: bool,
}

fn hand() -> impl Strategy<Value = Hand> {
    (prop_oneof![Just(2usize), Just(4)], prop_oneof![Just(0usize), Just(2)], any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(step, list_step, flow, comments, crlf)| Hand { step, list_step, flow, comments, crlf })
}

fn write(value: &Value, indent: usize, hand: Hand, out: &mut String) {
    let note = |out: &mut String| out.push_str(if hand.comments { " # note\n" } else { "\n" });
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                out.push_str(&format!("{pad}{key}:"));
                entry(value, indent, hand, out, note);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for item in list {
                out.push_str(&format!("{pad}-"));
                match item {
                    Value::Object(map) if !map.is_empty() => {
                        let mut body = String::new();
                        write(item, indent + 2, hand, &mut body);
                        out.push_str(&format!(" {}", body.trim_start()));
                    }
                    Value::Array(list) if !list.is_empty() => out.push_str(&format!(" {item}\n")),
                    other => {
                        out.push_str(&format!(" {other}"));
                        note(out);
                    }
                }
            }
        }
        other => out.push_str(&format!("{pad}{other}\n")),
    }
}

fn entry(value: &Value, indent: usize, hand: Hand, out: &mut String, note: impl Fn(&mut String)) {
    let small = value.to_string().len() < 20;
    match value {
        Value::Object(map) if !(map.is_empty() || hand.flow && small) => {
            note(out);
            write(value, indent + hand.step, hand, out);
        }
        Value::Array(list) if !(list.is_empty() || hand.flow && small) => {
            note(out);
            write(value, indent + hand.list_step, hand, out);
        }
        other => {
            out.push_str(&format!(" {other}"));
            note(out);
        }
    }
}

/// Pointers to everything in a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut below = |token: String, value: &Value| {
        let pointer = format!("{at}/{token}");
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| below(key.clone(), value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| below(at.to_string(), value)),
        _ => {}
    }
}

/// A patch of one to three operations chosen by `dice`, each on another branch.
fn patch_for(object: &Value, dice: &[usize]) -> Vec<PatchOp> {
    let mut all = Vec::new();
    pointers(object, "", &mut all);
    all.retain(|pointer| !matches!(pointer.as_str(), "/apiVersion" | "/kind"));
    let mut patch: Vec<PatchOp> = Vec::new();
    for pair in dice.chunks(2) {
        let [which, what] = pair else { continue };
        let Some(pointer) = all.get(which % all.len().max(1)).cloned() else { continue };
        let entangled = |op: &PatchOp| {
            let holder = op.path.rsplit_once('/').map_or("", |(holder, _)| holder);
            pointer.starts_with(&op.path)
                || op.path.starts_with(&pointer)
                || pointer.starts_with(holder) && !holder.is_empty()
                || holder.is_empty()
        };
        if patch.iter().any(entangled) {
            continue;
        }
        patch.push(match (what % 4, object.pointer(&pointer)) {
            (0, _) => PatchOp::remove(pointer),
            (1, Some(Value::Object(_))) => PatchOp::add(format!("{pointer}/new"), json!({"deep": {"x": ["ALL"]}})),
            (1, Some(Value::Array(_))) => PatchOp::add(format!("{pointer}/-"), json!("ALL")),
            (_, Some(value)) if value.is_object() || value.is_array() => PatchOp::remove(pointer),
            _ => PatchOp::replace(pointer, json!("changed")),
        });
    }
    patch
}

fn comments(documents: &[Document]) -> usize {
    documents.iter().map(|document| document.comments.len()).sum()
}

/// Whether the patch was made; panics if it was made wrongly.
fn made(body: &Value, hand: Hand, dice: &[usize]) -> bool {
    let Value::Object(map) = body else { return true };
    let mut object = serde_json::Map::from_iter([("apiVersion".to_owned(), json!("v1")), ("kind".to_owned(), json!("X"))]);
    object.extend(map.clone());
    let object = Value::Object(object);
    let mut text = String::new();
    write(&object, 0, hand, &mut text);
    if hand.crlf {
        text = text.replace('\n', "\r\n");
    }
    let patch = patch_for(&object, dice);
    let Ok(changed) = edited(&text, 0, &patch) else { return false };
    let mut wanted = object;
    patch_json(&mut wanted, &patch).unwrap();
    let (before, _) = parse(&Source::new("a", Origin::File, text.as_str()), Limits::default());
    let (after, problems) = parse(&Source::new("b", Origin::File, changed.as_str()), Limits::default());
    assert!(problems.is_empty(), "{text}\n{changed}\n{problems:?}");
    assert_eq!(after[0].root().unwrap().to_json(), wanted, "{text}\n{changed}");
    assert!(patch.iter().any(|op| op.value.is_none()) || comments(&before) == comments(&after));
    assert_eq!(changed.matches('\n').count(), changed.matches(if hand.crlf { "\r\n" } else { "\n" }).count());
    true
}

#[test]
fn random_documents_are_patched_or_left_alone() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut done, mut refused) = (0, 0);
    let input = (prop::collection::btree_map("[a-e]", value(), 1..5), hand(), prop::collection::vec(0usize..1000, 2..6));
    for _ in 0..3000 {
        let (map, hand, dice) = input.new_tree(&mut runner).unwrap().current();
        let body = Value::Object(map.into_iter().collect());
        if made(&body, hand, &dice) { done += 1 } else { refused += 1 }
    }
    assert!(refused * 100 < done, "{refused} refused, {done} done");
}
