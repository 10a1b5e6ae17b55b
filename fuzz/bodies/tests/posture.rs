//! The fixtures of the posture checks with values exchanged, taken out, doubled, nested and blown up, through every check
//! and through pod security; and whether each check was asked about what was changed.
#![expect(clippy::unwrap_used, reason = "a test reads its fixtures, and fails where it cannot")]

use plimsoll_checks::{DOMAINS, Parameters, checks};
use plimsoll_fuzz_bodies::judge;
use plimsoll_model::{Document, Limits, Node, Origin, Source, escape, parse};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// A fixture: the objects, and what the user chose for them (`# parameter: name=a,b`).
struct Fixture {
    objects: Vec<Value>,
    parameters: Parameters,
}

/// Each check's fixture, in the order of the checks.
static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/checks/fixtures");
    let read = |id: &str| {
        let (prefix, name) = id.split_once('-').unwrap();
        let (_, domain) = DOMAINS.iter().find(|(known, _)| *known == prefix).unwrap();
        let text = std::fs::read_to_string(root.join(domain).join(format!("{}.yaml", name.replace('-', "_")))).unwrap();
        let mut parameters = Parameters::default();
        for (name, values) in text.lines().filter_map(|line| line.strip_prefix("# parameter: ")?.split_once('=')) {
            parameters.set(name, values.split(',').map(str::to_owned).collect()).unwrap();
        }
        let (documents, _) = parse(&Source::new("fixture", Origin::File, text), Limits::default());
        Fixture { objects: documents.iter().filter_map(Document::root).map(Node::to_json).collect(), parameters }
    };
    checks().iter().map(|check| read(check.id)).collect()
});

/// Stands before a key that is written a second time; JSON escapes it, which is how it is found again.
const TWICE: &str = "\u{0}twice ";
/// Stands for a number that no type holds.
const HUGE: &str = "\u{0}huge";

/// What is done to a value.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    /// A key of the map, once more, with another value.
    Twice(Value),
    /// The value inside of so many lists and maps.
    Nest(usize),
    /// A list of so many of it.
    Repeat(usize),
}

fn wrong() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!("")),
        Just(json!(" ")),
        Just(json!(true)),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(i64::MIN)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        Just(json!(HUGE)),
        Just(json!("9".repeat(400))),
        Just(json!("/".repeat(300))),
        Just(json!("~0~1//-/../\u{202e}\u{feff}e\u{301}\u{1f3f4}\u{e0067}\u{e007f}\r\n\t\\\"")),
        Just(json!([[null], {"name": []}, "x", 7])),
        Just(json!({"": {"": ""}, "name": null, "matchLabels": [1], "matchExpressions": {"key": null}})),
        "\\PC{0,12}".prop_map(Value::from),
        "[a-z0-9./:@=,*{}$-]{0,40}".prop_map(Value::from),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => wrong().prop_map(Change::Replace),
        3 => Just(Change::Remove),
        2 => wrong().prop_map(Change::Twice),
        1 => (1..80_usize).prop_map(Change::Nest),
        1 => (2..400_usize).prop_map(Change::Repeat),
    ]
}

/// Places, as numbers that are brought into range, and what is done there.
fn changes(most: usize) -> impl Strategy<Value = Vec<(Index, Index, Change)>> {
    prop::collection::vec((any::<Index>(), any::<Index>(), change()), 1..=most)
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", escape(key)), all)),
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), all)),
        _ => {}
    }
}

fn make(object: &mut Value, place: &str, change: &Change) {
    match change {
        Change::Remove => {
            let (holder, key) = place.rsplit_once('/').unwrap_or(("", ""));
            match object.pointer_mut(holder) {
                Some(Value::Object(map)) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
                Some(Value::Array(list)) if key.parse().is_ok_and(|index: usize| index < list.len()) => {
                    drop(list.remove(key.parse().unwrap()))
                }
                _ => {}
            }
        }
        Change::Twice(other) => {
            if let Some(Value::Object(map)) = object.pointer_mut(place)
                && let Some(key) = map.keys().next().cloned()
            {
                map.insert(format!("{TWICE}{key}"), other.clone());
            }
        }
        Change::Replace(value) => object.pointer_mut(place).into_iter().for_each(|target| *target = value.clone()),
        Change::Nest(depth) => object.pointer_mut(place).into_iter().for_each(|target| {
            *target =
                (0..*depth).fold(target.take(), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "spec": inner }) });
        }),
        Change::Repeat(count) => object.pointer_mut(place).into_iter().for_each(|target| *target = vec![target.clone(); *count].into()),
    }
}

/// `objects` changed, as documents: YAML of the flow style, so that keys may stand twice and numbers be of any length.
fn changed(objects: &[Value], changes: &[(Index, Index, Change)]) -> String {
    let mut objects = objects.to_vec();
    for (object, place, change) in changes {
        let object = object.get_mut(&mut objects);
        let mut all = Vec::new();
        places(object, "", &mut all);
        make(object, place.get::<String>(&all), change);
    }
    let text: Vec<String> = objects.iter().map(Value::to_string).collect();
    text.join("\n---\n").replace("\"\\u0000twice ", "\"").replace("\"\\u0000huge\"", "123456789012345678901234567890e999")
}

/// Each check is asked about its own fixture, changed, and still finds something in some of them.
#[test]
fn every_check_copes_with_every_change() {
    /// Changed fixtures of a round, and rounds until the check has found something.
    const CASES: u32 = 8;
    const ROUNDS: u8 = 20;
    let mut idle = BTreeMap::new();
    for (at, (check, fixture)) in checks().iter().zip(&*FIXTURES).enumerate() {
        let (evaluated, failed) = (Cell::new(0), Cell::new(0));
        for round in 0..ROUNDS {
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[round; 32]);
            let mut runner = TestRunner::new_with_rng(Config { cases: CASES, failure_persistence: None, ..Config::default() }, rng);
            let ran = runner.run(&changes(2), |changes| {
                let tally = judge(&changed(&fixture.objects, &changes), &fixture.parameters).tallies.swap_remove(at);
                evaluated.set(evaluated.get() + tally.evaluated);
                failed.set(failed.get() + tally.failed);
                Ok(())
            });
            ran.unwrap_or_else(|error| panic!("{}: {error}", check.id));
            if failed.get() > 0 {
                break;
            }
        }
        if evaluated.get() == 0 || failed.get() == 0 {
            idle.insert(check.id, (evaluated.get(), failed.get()));
        }
    }
    assert!(idle.is_empty(), "looked at nothing, or found nothing, in changed fixtures: {idle:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// All fixtures at once: what is changed in one object is looked at from others.
    #[test]
    fn all_objects_together(changes in changes(40)) {
        let objects: Vec<Value> = FIXTURES.iter().flat_map(|fixture| fixture.objects.clone()).collect();
        judge(&changed(&objects, &changes), &Parameters::default());
    }
}
