//! The plan against the tree as it is written.

use super::*;
use crate::condition::{EventSet, Modifier, Operator};
use crate::fields::{Arg, ArgRule, Field, FieldId, FieldInfo, Limits};
use crate::filter::{Check, Constant, Literal, PathPrefixMap, Test};
use plimsoll_model::events::{Format, ParamType, kinds};
use proptest::prelude::*;

const fn info(name: &'static str, kind: ParamType, list: bool) -> FieldInfo {
    FieldInfo { name, kind, format: Format::Decimal, list, arg: ArgRule::NONE, limits: Limits::NONE, description: "" }
}

static FIELDS: [FieldInfo; 5] = [
    info("evt.type", ParamType::CharBuf, false),
    info("test.text", ParamType::CharBuf, false),
    info("test.path", ParamType::FsPath, false),
    info("test.texts", ParamType::CharBuf, true),
    info("test.number", ParamType::Int64, false),
];

/// An event of four values.
#[derive(Debug, Clone)]
struct Said {
    kind: EventType,
    text: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    texts: Vec<Vec<u8>>,
    number: Option<i64>,
}

struct Asked<'e>(&'e Said, &'e bumpalo::Bump);

impl<'e> Facts<'e> for Asked<'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        let said = self.0;
        match field.id.0 {
            0 => out.push(Value::Text(said.kind.info().name.as_bytes())),
            1 => out.extend(said.text.as_deref().map(Value::Text)),
            2 => out.extend(said.path.as_deref().map(Value::Text)),
            3 => out.extend(said.texts.iter().map(|text| Value::Text(text))),
            _ => out.extend(said.number.map(Value::Int)),
        }
    }

    fn arena(&self) -> &'e bumpalo::Bump {
        self.1
    }
}

fn field(id: u16) -> Source {
    let info = &FIELDS[usize::from(id)];
    Source::Field(Field { id: FieldId(id), info, arg: None::<Arg>, kind: info.kind })
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ab/".to_vec()), 0..4)
}

fn constants(words: Vec<Vec<u8>>) -> Vec<Constant> {
    words.into_iter().map(|word| Constant { text: word.into(), value: Literal::Text }).collect()
}

fn check() -> impl Strategy<Value = Filter> {
    let text = (
        1_u16..3,
        prop::sample::select(Operator::ALL.to_vec()),
        prop::option::of(prop::sample::select(Modifier::ALL.to_vec())),
        prop::collection::vec(word(), 1..4),
    )
        .prop_map(|(id, operator, modifier, words)| {
            let operator = match operator {
                // Those compare no texts, or patterns that are not made here.
                Operator::Le
                | Operator::Lt
                | Operator::Ge
                | Operator::Gt
                | Operator::BContains
                | Operator::BStartsWith
                | Operator::Regex
                | Operator::Intersects => Operator::In,
                other => other,
            };
            let mut values = constants(words);
            if operator == Operator::PMatch {
                let mut prefixes = PathPrefixMap::default();
                values.iter().for_each(|value| prefixes.insert(&value.text, ()));
                return Filter::Check(Check { left: field(id), test: Test::Paths { values, prefixes } });
            }
            let list = operator == Operator::In;
            if !list && modifier.is_none() {
                values.truncate(1);
            }
            Filter::Check(Check { left: field(id), test: Test::Constants { operator, modifier: modifier.filter(|_| !list), values } })
        });
    let list = (prop::bool::ANY, prop::collection::vec(word(), 1..4)).prop_map(|(all, words)| {
        let operator = if all { Operator::In } else { Operator::Intersects };
        Filter::Check(Check { left: field(3), test: Test::Constants { operator, modifier: None, values: constants(words) } })
    });
    let kind = prop::sample::subsequence(vec!["openat", "close", "execve"], 1..3).prop_map(|names| {
        let values = constants(names.into_iter().map(|name| name.as_bytes().to_vec()).collect());
        Filter::Check(Check { left: field(0), test: Test::Constants { operator: Operator::In, modifier: None, values } })
    });
    let number =
        (prop::sample::select(vec![Operator::Eq, Operator::Ne, Operator::Lt, Operator::Ge]), -1_i64..3).prop_map(|(operator, number)| {
            let values = vec![Constant { text: number.to_string().into_bytes().into(), value: Literal::Int(number) }];
            Filter::Check(Check { left: field(4), test: Test::Constants { operator, modifier: None, values } })
        });
    let exists = (0_u16..5).prop_map(|id| Filter::Check(Check { left: field(id), test: Test::Exists }));
    prop_oneof![4 => text, 2 => list, 2 => kind, 1 => number, 1 => exists]
}

fn filter() -> impl Strategy<Value = Filter> {
    check().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

fn said() -> impl Strategy<Value = Said> {
    (
        prop::sample::select(vec![kinds::OPENAT_2_X, kinds::CLOSE_X, kinds::EXECVE_19_X]),
        prop::option::of(word()),
        prop::option::of(word()),
        prop::collection::vec(word(), 0..3),
        prop::option::of(-1_i64..3),
    )
        .prop_map(|(kind, text, path, texts, number)| Said { kind, text, path, texts, number })
}

proptest! {
    #[test]
    fn a_plan_answers_as_the_tree_does(
        filters in prop::collection::vec(filter(), 1..80),
        events in prop::collection::vec(said(), 1..200),
    ) {
        let all = EventSet::all();
        let rules: Vec<PlanRule<'_>> = filters.iter().map(|filter| PlanRule { filter, events: &all }).collect();
        let mut plan = Plan::new(&rules);
        for event in &events {
            let arena = bumpalo::Bump::new();
            let facts = Asked(event, &arena);
            let wanted: Vec<usize> = filters.iter().enumerate().filter(|(_, filter)| filter.holds(&facts)).map(|(place, _)| place).collect();
            let mut matched = Vec::new();
            plan.matches(event.kind, &facts, false, &mut matched);
            prop_assert_eq!(&matched, &wanted);
            matched.clear();
            plan.matches(event.kind, &facts, true, &mut matched);
            prop_assert_eq!(&matched[..], wanted.get(..1).unwrap_or_default());
        }
    }
}
