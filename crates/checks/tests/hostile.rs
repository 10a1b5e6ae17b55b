//! No check panics, whatever an object looks like: the fixtures with values exchanged for others of any type.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads its fixtures, and fails where it cannot")]

use plimsoll_checks::{Parameters, assess};
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::LazyLock;

/// All objects of all fixtures.
static OBJECTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut objects = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<_> =
        std::fs::read_dir(root).unwrap().flat_map(|domain| std::fs::read_dir(domain.unwrap().path()).unwrap()).collect();
    files.sort_by_key(|file| file.as_ref().unwrap().path());
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let (documents, _) = parse(&Source::new("fixture", Origin::File, text), Limits::default());
        objects.extend(documents.iter().filter_map(|document| Some(document.root()?.to_json())));
    }
    objects
});

/// What stands where something else should.
fn wrong() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!("")),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(1e300)),
        Just(json!([[null], {"name": []}])),
        Just(json!({"matchLabels": [1], "matchExpressions": {"key": null}})),
        "\\PC{0,12}".prop_map(Value::from),
        (1..3000_usize).prop_map(|count| Value::Array(vec![json!({"name": "x"}); count])),
    ]
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", plimsoll_model::escape(key)), all)),
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), all)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_check_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), wrong()), 1..40)) {
        let mut objects = OBJECTS.clone();
        for (object, place, value) in changes {
            let object = object.get(&OBJECTS.iter().enumerate().collect::<Vec<_>>()).0;
            let mut all = Vec::new();
            places(&objects[object], "", &mut all);
            let place = place.get(&all).clone();
            if let Some(target) = objects[object].pointer_mut(&place) {
                *target = value;
            }
        }
        let documents = objects.iter().flat_map(|object| parse(&Source::new("x", Origin::Stdin, object.to_string()), Limits::default()).0);
        let snapshot = Snapshot { documents: documents.collect(), problems: Vec::new() };
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let assessment = assess(&inventory, &Parameters::default());
        for tally in &assessment.tallies {
            prop_assert!(tally.failed + tally.unknown.len() <= tally.evaluated);
        }
        // Every patch can be made where it says.
        for finding in &assessment.findings {
            prop_assert!(finding.location.is_some(), "{} has no place", finding.rule.id);
        }
    }
}
