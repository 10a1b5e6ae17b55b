//! Label selectors, read once (apimachinery meta/v1 `LabelSelector`).

use plimsoll_model::{Node, Problem, ProblemKind};
use std::fmt;

/// Labels of an object, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Labels<'a> {
    /// Of a mapping as `metadata.labels`.
    pub fn read(node: Option<Node<'a>>) -> Self {
        node.into_iter().flat_map(Node::entries).map(|(key, value)| (key.text(), value.text())).collect()
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let at = self.0.binary_search_by(|(mine, _)| (*mine).cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| *value)
    }

    /// Sets a label.
    pub fn set(&mut self, key: &'a str, value: &'a str) {
        match self.0.binary_search_by(|(mine, _)| (*mine).cmp(key)) {
            Ok(at) => {
                if let Some((_, mine)) = self.0.get_mut(at) {
                    *mine = value;
                }
            }
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.0.iter().copied()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_by_key(|(key, _)| *key);
        labels.dedup_by_key(|(key, _)| *key);
        Self(labels)
    }
}

/// `a=b,c=d`
impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(|(key, value)| format!("{key}={value}")).collect();
        f.write_str(&words.join(","))
    }
}

/// What a selector asks of one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement<'a> {
    /// The label's key.
    pub key: &'a str,
    /// What its value has to be.
    pub test: Test<'a>,
}

/// The operators of `matchExpressions`. Values are sorted; `matchLabels` is `In` with one value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test<'a> {
    /// The value is one of these.
    In(Vec<&'a str>),
    /// The value is none of these, or the label is not there.
    NotIn(Vec<&'a str>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// Something that the API refuses: nothing passes.
    Never,
}

impl Requirement<'_> {
    /// Whether labels meet it.
    pub fn holds(&self, labels: &Labels<'_>) -> bool {
        let value = labels.get(self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.binary_search(&value).is_ok()),
            Test::NotIn(values) => value.is_none_or(|value| values.binary_search(&value).is_err()),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::Never => false,
        }
    }
}

/// A label selector: all requirements must hold. Requirements are sorted, so that selectors that say the same are mostly equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector<'a>(Vec<Requirement<'a>>);

impl<'a> Selector<'a> {
    /// Selects everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Selects what carries a label.
    pub fn label(key: &'a str, value: &'a str) -> Self {
        Self(vec![Requirement { key, test: Test::In(vec![value]) }])
    }

    /// Of requirements in any order.
    pub fn of(requirements: impl IntoIterator<Item = Requirement<'a>>) -> Self {
        let mut requirements: Vec<_> = requirements.into_iter().collect();
        requirements.sort();
        requirements.dedup();
        Self(requirements)
    }

    /// Reads a LabelSelector. What the API refuses of it selects nothing, and is a problem.
    pub fn read(node: Node<'a>, problems: &mut Vec<Problem>) -> Self {
        let mut requirements = Vec::new();
        let mut refuse = |node: Node<'a>, message: String, help: Option<&str>| {
            let problem = Problem::at(ProblemKind::Invalid, node, message);
            problems.push(match help {
                Some(help) => problem.help(help),
                None => problem,
            });
        };
        if !node.is_map() && !node.is_null() {
            refuse(node, format!("a label selector must be a mapping, is {}", node.describe()), None);
            requirements.push(Requirement { key: "", test: Test::Never });
        }
        for (key, value) in node.entries() {
            if !matches!(key.text(), "matchLabels" | "matchExpressions") {
                let help = "labels go below `matchLabels`, conditions below `matchExpressions`";
                refuse(key, format!("`{}` is no field of a label selector: it selects nothing", key.text()), Some(help));
                requirements.push(Requirement { key: "", test: Test::Never });
            } else if key.text() == "matchExpressions" && !value.is_list() && !value.is_null() {
                refuse(value, format!("`matchExpressions` must be a list, is {}: it selects nothing", value.describe()), None);
                requirements.push(Requirement { key: "", test: Test::Never });
            } else if key.text() == "matchLabels" && !value.is_map() && !value.is_null() {
                refuse(value, format!("`matchLabels` must be a mapping, is {}", value.describe()), None);
                requirements.push(Requirement { key: "", test: Test::Never });
            }
        }
        let exact = node.get("matchLabels").into_iter().flat_map(Node::entries);
        requirements.extend(exact.map(|(key, value)| Requirement { key: key.text(), test: Test::In(vec![value.text()]) }));
        for expression in node.get("matchExpressions").into_iter().flat_map(Node::items) {
            let key = expression.get("key").map_or("", Node::text);
            let operator = expression.get("operator").map_or("", Node::text);
            let mut values: Vec<_> = expression.get("values").into_iter().flat_map(Node::items).map(Node::text).collect();
            values.sort_unstable();
            values.dedup();
            let place = expression.get("operator").or_else(|| expression.get("key")).unwrap_or(expression);
            let test = match operator {
                _ if key.is_empty() => Err("has no `key`".to_owned()),
                "In" | "NotIn" if values.is_empty() => Err(format!("needs `values` for `{operator}`")),
                "Exists" | "DoesNotExist" if !values.is_empty() => Err(format!("can have no `values` with `{operator}`")),
                "In" => Ok(Test::In(values)),
                "NotIn" => Ok(Test::NotIn(values)),
                "Exists" => Ok(Test::Exists),
                "DoesNotExist" => Ok(Test::DoesNotExist),
                _ => Err(format!("has the operator `{operator}`, which is none of In, NotIn, Exists, DoesNotExist")),
            };
            let test = test.unwrap_or_else(|why| {
                refuse(place, format!("an expression of a label selector {why}: it selects nothing"), None);
                Test::Never
            });
            requirements.push(Requirement { key, test });
        }
        Self::of(requirements)
    }

    /// Whether labels are selected.
    pub fn selects(&self, labels: &Labels<'_>) -> bool {
        self.0.iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether the API refuses it, so that nothing is selected.
    pub fn is_refused(&self) -> bool {
        self.0.iter().any(|requirement| requirement.test == Test::Never)
    }

    /// Whether everything is selected.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether whatever it selects is selected by another one, too. What selects nothing implies nothing.
    pub fn implies(&self, other: &Self) -> bool {
        let is_implied = |wanted: &Requirement<'_>| self.0.contains(wanted) || self.known_of(wanted.key).implies(&wanted.test);
        other.0.iter().all(is_implied) && self.is_possible()
    }

    /// Whether there can be labels that it selects.
    pub fn is_possible(&self) -> bool {
        self.0.chunk_by(|one, two| one.key == two.key).all(|of_key| Known::of(of_key).is_possible())
    }

    /// The labels that it asks for with one value.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.0.iter().filter_map(|requirement| match &requirement.test {
            Test::In(values) => match values.as_slice() {
                [value] => Some((requirement.key, *value)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether it asks for labels with one value each, and for nothing else.
    pub fn is_labels(&self) -> bool {
        self.labels().count() == self.0.len()
    }

    /// The only value that it allows for a label.
    pub fn exactly_of(&self, key: &str) -> Option<&'a str> {
        let known = self.known_of(key);
        match known.only.as_deref() {
            Some([value]) if !known.may_miss => Some(*value),
            _ => None,
        }
    }

    /// What it says of one label. Requirements are sorted by key.
    fn known_of(&self, key: &str) -> Known<'a> {
        let from = self.0.partition_point(|requirement| requirement.key < key);
        let until = self.0.partition_point(|requirement| requirement.key <= key);
        Known::of(self.0.get(from..until).unwrap_or_default())
    }

    /// What it asks for, in order.
    pub fn requirements(&self) -> &[Requirement<'a>] {
        &self.0
    }

    /// The keys that it looks at.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.iter().map(|requirement| requirement.key)
    }
}

/// What is known of a label of something that a selector selects.
struct Known<'a> {
    /// Whether the label may be missing.
    may_miss: bool,
    /// The values that it may have; any where there are none.
    only: Option<Vec<&'a str>>,
    /// The values that it has not.
    without: Vec<&'a str>,
}

impl<'a> Known<'a> {
    fn of(requirements: &[Requirement<'a>]) -> Self {
        let mut known = Self { may_miss: true, only: None, without: Vec::new() };
        for requirement in requirements {
            match &requirement.test {
                Test::In(values) => {
                    known.may_miss = false;
                    known.narrow(values);
                }
                Test::NotIn(values) => known.without.extend(values),
                Test::Exists => known.may_miss = false,
                Test::DoesNotExist => known.narrow(&[]),
                Test::Never => {
                    known.may_miss = false;
                    known.narrow(&[]);
                }
            }
        }
        known.without.sort_unstable();
        if let Some(only) = &mut known.only {
            only.retain(|value| known.without.binary_search(value).is_err());
        }
        known
    }

    fn narrow(&mut self, values: &[&'a str]) {
        match &mut self.only {
            Some(only) => only.retain(|value| values.binary_search(value).is_ok()),
            None => self.only = Some(values.to_vec()),
        }
    }

    fn is_possible(&self) -> bool {
        self.may_miss || self.only.as_ref().is_none_or(|only| !only.is_empty())
    }

    /// Whether the label passes a test, whatever it is of all that it may be.
    fn implies(&self, test: &Test<'_>) -> bool {
        match (test, &self.only) {
            (Test::In(values), Some(only)) => !self.may_miss && only.iter().all(|value| values.binary_search(value).is_ok()),
            (Test::NotIn(values), Some(only)) => only.iter().all(|value| values.binary_search(value).is_err()),
            (Test::NotIn(values), None) => values.iter().all(|value| self.without.binary_search(value).is_ok()),
            (Test::Exists, _) => !self.may_miss,
            (Test::DoesNotExist, Some(only)) => only.is_empty(),
            (Test::In(_) | Test::DoesNotExist, None) | (Test::Never, _) => false,
        }
    }
}

/// As `kubectl` writes selectors: `app=web,tier in (a,b),!old`; `everything` for an empty one.
impl fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("everything");
        }
        let words: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join(","))
    }
}

impl fmt::Display for Requirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key;
        match &self.test {
            Test::In(values) => match values.as_slice() {
                [value] => write!(f, "{key}={value}"),
                _ => write!(f, "{key} in ({})", values.join(",")),
            },
            Test::NotIn(values) => match values.as_slice() {
                [value] => write!(f, "{key}!={value}"),
                _ => write!(f, "{key} notin ({})", values.join(",")),
            },
            Test::Exists => f.write_str(key),
            Test::DoesNotExist => write!(f, "!{key}"),
            Test::Never => f.write_str("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VALUES: [&str; 4] = ["a", "b", "c", "d"];

    fn selector() -> impl Strategy<Value = Selector<'static>> {
        let values = prop::sample::subsequence(VALUES.to_vec(), 1..4);
        let test = prop_oneof![
            3 => values.clone().prop_map(Test::In),
            3 => values.prop_map(Test::NotIn),
            1 => Just(Test::Exists),
            1 => Just(Test::DoesNotExist),
            1 => Just(Test::Never),
        ];
        let requirement = (prop::sample::select(vec!["k", "l"]), test).prop_map(|(key, test)| Requirement { key, test });
        prop::collection::vec(requirement, 0..4).prop_map(Selector::of)
    }

    /// All that labels can be, as far as selectors above tell it apart: `z` stands for values that none of them names.
    fn all_labels() -> Vec<Labels<'static>> {
        let values = || VALUES.into_iter().chain(["z"]).map(Some).chain([None]);
        let labels = |one: Option<&'static str>, two: Option<&'static str>| {
            one.map(|value| ("k", value)).into_iter().chain(two.map(|value| ("l", value))).collect()
        };
        values().flat_map(|one| values().map(move |two| labels(one, two))).collect()
    }

    proptest! {
        #[test]
        fn one_selector_implies_another_if_it_selects_no_more(one in selector(), two in selector()) {
            let labels = all_labels();
            let selected: Vec<_> = labels.iter().filter(|labels| one.selects(labels)).collect();
            prop_assert_eq!(one.is_possible(), !selected.is_empty(), "{}", &one);
            let is_within = !selected.is_empty() && selected.iter().all(|labels| two.selects(labels));
            prop_assert_eq!(one.implies(&two), is_within, "{} implies {}", &one, &two);
        }
    }
}
