//! The comparisons of one field that are worked out together.

use super::tries::Trie;
use crate::Value;
use crate::condition::{Modifier, Operator, Transformer};
use crate::fields::Facts;
use crate::filter::{Constant, Reach, Shape, Source, Test};
use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;
use plimsoll_model::events::ParamType;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// Comparisons of one source, and how they are worked out.
#[derive(Debug)]
pub(super) struct Unit {
    source: usize,
    /// Where the answers stand.
    start: usize,
    /// The tests, one for each bit; for values that the method does not take, and for the only one of `Each`.
    tests: Vec<Test>,
    method: Method,
}

#[derive(Debug)]
enum Method {
    /// `=`, `!=`, `in`: one look into a table. The bits of `!=` are set unless they are found.
    Equal { found: Table, unless: Box<[u64]> },
    /// `startswith`.
    Prefix(Trie),
    /// `endswith`, read backwards.
    Suffix(Trie),
    /// `contains` of one needle.
    Find(Box<Finder<'static>>),
    /// `contains` of several: whether there is any, which mostly there is not, then which. Each needle stands for a bit.
    Contains(Box<Searcher>, Box<AhoCorasick>, Vec<u32>),
    /// One by one.
    Each,
}

type Table = HashMap<Box<[u8]>, Box<[u32]>, BuildHasherDefault<Fnv>>;

/// Where the answer of an atom stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) unit: u32,
    pub(super) word: usize,
    pub(super) mask: u64,
    pub(super) cost: u32,
}

/// Which tests can be worked out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Equal,
    Prefix,
    Suffix,
    Contains,
    Alone(usize),
}

/// Puts atoms into units, and says for each atom where its answer stands.
pub(super) fn group(sources: &[Source], checks: Vec<(usize, Test)>) -> (Vec<Unit>, Vec<Place>) {
    let mut groups: BTreeMap<(usize, Group), Vec<usize>> = BTreeMap::new();
    for (atom, (source, test)) in checks.iter().enumerate() {
        let group = sources.get(*source).map_or(Group::Alone(atom), |source| kind(source, test, atom));
        groups.entry((*source, group)).or_default().push(atom);
    }
    let mut checks: Vec<Option<Test>> = checks.into_iter().map(|(_, test)| Some(test)).collect();
    let nowhere = Place { unit: u32::MAX, word: usize::MAX, mask: 0, cost: 0 };
    let mut places = vec![nowhere; checks.len()];
    let mut units = Vec::new();
    let mut start = 0;
    for ((source, group), atoms) in groups {
        let tests: Vec<Test> = atoms.iter().filter_map(|atom| checks.get_mut(*atom).and_then(Option::take)).collect();
        let method = method(group, &tests);
        let cost = sources.get(source).map_or(1, price) + method_price(&method, &tests);
        for (bit, atom) in atoms.iter().enumerate() {
            if let Some(place) = places.get_mut(*atom) {
                *place =
                    Place { unit: u32::try_from(units.len()).unwrap_or(u32::MAX), word: start + bit / 64, mask: 1 << (bit % 64), cost };
            }
        }
        let unit = Unit { source, start, tests, method };
        start = unit.end();
        units.push(unit);
    }
    (units, places)
}

fn kind(source: &Source, test: &Test, atom: usize) -> Group {
    let alone = Group::Alone(atom);
    let Shape { kind, list } = source.shape();
    let text = matches!(kind, ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath) && !list;
    let Test::Constants { operator, modifier, values } = test else { return alone };
    let whole = values.iter().all(|value| !value.text.is_empty() && !value.text.contains(&0));
    if !text || !whole || matches!(modifier, Some(Modifier::OneOf | Modifier::AllOf)) {
        return alone;
    }
    match operator {
        Operator::Eq | Operator::EqEq | Operator::In | Operator::Intersects => Group::Equal,
        Operator::Ne if modifier.is_none() && source.reach() == Reach::One => Group::Equal,
        Operator::StartsWith => Group::Prefix,
        Operator::EndsWith => Group::Suffix,
        Operator::Contains => Group::Contains,
        _ => alone,
    }
}

/// The constants that count: a plain operator takes only the first one.
fn constants(test: &Test) -> &[Constant] {
    match test {
        Test::Constants { operator: Operator::In | Operator::Intersects, values, .. }
        | Test::Constants { modifier: Some(_), values, .. } => values,
        Test::Constants { values, .. } => values.get(..1).unwrap_or_default(),
        _ => &[],
    }
}

fn method(group: Group, tests: &[Test]) -> Method {
    let texts = |backwards: bool| -> Vec<(Vec<u8>, u32)> {
        let mut texts = Vec::new();
        for (test, bit) in tests.iter().zip(0_u32..) {
            for constant in constants(test) {
                let mut text = constant.text.to_vec();
                if backwards {
                    text.reverse();
                }
                texts.push((text, bit));
            }
        }
        texts
    };
    match group {
        Group::Equal => {
            let mut found: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
            for (text, bit) in texts(false) {
                let bits = found.entry(text).or_default();
                if !bits.contains(&bit) {
                    bits.push(bit);
                }
            }
            let mut unless = vec![0; tests.len().div_ceil(64)].into_boxed_slice();
            for (bit, test) in tests.iter().enumerate() {
                if matches!(test, Test::Constants { operator: Operator::Ne, .. })
                    && let Some(word) = unless.get_mut(bit / 64)
                {
                    *word |= 1 << (bit % 64);
                }
            }
            Method::Equal {
                found: found.into_iter().map(|(text, bits)| (text.into_boxed_slice(), bits.into_boxed_slice())).collect(),
                unless,
            }
        }
        Group::Prefix => Method::Prefix(Trie::new(&mut texts(false))),
        Group::Suffix => Method::Suffix(Trie::new(&mut texts(true))),
        Group::Contains => {
            let texts = texts(false);
            if let [(only, _)] = texts.as_slice() {
                return Method::Find(Box::new(Finder::new(only).into_owned()));
            }
            let needles = || texts.iter().map(|(text, _)| text);
            let any = Searcher::new(needles());
            let all = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::ContiguousNFA)).build(needles());
            match (any, all) {
                (Some(any), Ok(all)) => Method::Contains(Box::new(any), Box::new(all), texts.iter().map(|(_, bit)| *bit).collect()),
                // Too many, or too large.
                _ => Method::Each,
            }
        }
        Group::Alone(_) => Method::Each,
    }
}

impl Unit {
    /// Which source it asks.
    pub(super) fn source(&self) -> usize {
        self.source
    }

    /// Where the answers of the next unit start.
    pub(super) fn end(&self) -> usize {
        self.start + self.tests.len().div_ceil(64).max(1)
    }

    /// Writes the answers of all its atoms. `values` are those of its source; `found` tells whether there are any, which an empty list
    /// may be.
    pub(super) fn answer<'e>(&self, source: &Source, found: bool, values: &[Value<'e>], facts: &impl Facts<'e>, bits: &mut [u64]) {
        let Some(bits) = bits.get_mut(self.start..self.end()) else { return };
        bits.fill(0);
        if let Method::Each = self.method {
            return self.each(source, found, values, facts, bits);
        }
        if !found {
            return;
        }
        let values = if source.reach() == Reach::One { values.get(..1).unwrap_or_default() } else { values };
        if values.iter().any(|value| !matches!(value, Value::Text(_))) {
            return self.each(source, found, values, facts, bits);
        }
        for value in values {
            if let Value::Text(text) = value {
                self.text(text, bits);
            }
        }
    }

    /// Adds what one text answers.
    fn text(&self, text: &[u8], bits: &mut [u64]) {
        let mut set = |bit: u32| set(bits, bit);
        match &self.method {
            Method::Equal { found, unless } => {
                let hits = found.get(text).into_iter().flatten();
                if unless.iter().all(|word| *word == 0) {
                    hits.copied().for_each(set);
                } else {
                    // Then there is one value only.
                    bits.copy_from_slice(unless);
                    for bit in hits {
                        if let Some(word) = bits.get_mut(*bit as usize / 64) {
                            *word ^= 1 << (bit % 64);
                        }
                    }
                }
            }
            Method::Prefix(trie) => trie.walk(text.iter().copied(), set),
            Method::Suffix(trie) => trie.walk(text.iter().rev().copied(), set),
            Method::Find(finder) => {
                if finder.find(text).is_some() {
                    set(0);
                }
            }
            Method::Contains(any, all, needles) => {
                if any.find(text).is_some() {
                    all.find_overlapping_iter(text).filter_map(|found| needles.get(found.pattern().as_usize())).copied().for_each(set);
                }
            }
            Method::Each => {}
        }
    }

    /// Asks each test by itself.
    fn each<'e>(&self, source: &Source, found: bool, values: &[Value<'e>], facts: &impl Facts<'e>, bits: &mut [u64]) {
        for (test, bit) in self.tests.iter().zip(0_u32..) {
            let holds = match (test, source) {
                (Test::Exists, Source::Field(field)) => facts.has(field),
                (Test::Exists, _) => found,
                (Test::Constants { .. } | Test::Paths { .. }, _) => found && test.holds(source.shape(), source.reach(), values, &[]),
                (Test::Source { right, .. }, _) => {
                    let mut others = Vec::new();
                    found && right.extract(facts, &mut others) && test.holds(source.shape(), source.reach(), values, &others)
                }
            };
            if holds {
                set(bits, bit);
            }
        }
    }
}

fn set(bits: &mut [u64], bit: u32) {
    if let Some(word) = bits.get_mut(bit as usize / 64) {
        *word |= 1 << (bit % 64);
    }
}

/// What it costs to get a value, in about nanoseconds.
fn price(source: &Source) -> u32 {
    match source {
        Source::Literal(_) | Source::List(_) => 1,
        Source::Transform { transformer: Transformer::Val, inputs, .. } => inputs.iter().map(price).sum(),
        Source::Transform { inputs, .. } => 40 + inputs.iter().map(price).sum::<u32>(),
        Source::Field(field) => match field.info.name {
            "evt.num" | "fd.num" | "fd.typechar" | "fd.type" | "evt.type" => 4,
            // These walk through ancestors or write texts.
            name if name.starts_with("proc.a") => 60,
            "proc.cmdline" | "proc.pcmdline" | "proc.args" | "proc.env" | "evt.args" | "ka.req.pod.containers.image" => 80,
            name if name.starts_with("fs.path") || name.starts_with("evt.arg") => 40,
            _ => 10,
        },
    }
}

fn method_price(method: &Method, tests: &[Test]) -> u32 {
    match method {
        Method::Equal { .. } => 12,
        Method::Prefix(_) | Method::Suffix(_) | Method::Find(_) => 15,
        Method::Contains(..) => 30,
        Method::Each => tests.iter().map(test_price).sum(),
    }
}

fn test_price(test: &Test) -> u32 {
    match test {
        Test::Exists => 1,
        Test::Paths { .. } => 60,
        Test::Source { right, .. } => 10 + price(right),
        Test::Constants { operator, values, .. } => {
            let each = match operator {
                Operator::Regex => 200,
                Operator::Glob | Operator::IGlob => 60,
                Operator::IContains | Operator::BContains => 40,
                _ => 3,
            };
            u32::try_from(values.len()).unwrap_or(u32::MAX).min(100) * each
        }
    }
}

/// A quick hash for looks into tables of rules' own words; what events hold is never put in.
#[derive(Debug, Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.0 = (self.0 ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        for byte in rest {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
