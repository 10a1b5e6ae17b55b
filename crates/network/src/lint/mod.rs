//! What is wrong with network policies although they can be applied: findings of `plimsoll net lint` and of `plimsoll scan`.
//!
//! A lint is an entry in one of the files beside this one, and a line in [`LINTS`].

mod effect;
mod ports;
mod reach;
mod selectors;
mod shape;

use crate::matrix::Matrix;
use crate::world::World;
use plimsoll_model::{Finding, Inventory, Node, Object, Reference, Rule, Severity, Violation};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// Something that policies are looked at for.
struct Lint {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    detects: &'static str,
    why: &'static str,
    fix: &'static str,
    run: fn(&Look<'_, '_>, &mut Found<'_>),
}

/// All of them.
static LINTS: [&Lint; 18] = [
    &reach::API_SERVER,
    &reach::DEFAULT_DENY,
    &reach::DNS,
    &shape::EGRESS_WITHOUT_TYPE,
    &effect::EQUAL_PRIORITY,
    &shape::EXCEPT,
    &selectors::ANYWHERE,
    &selectors::HOST_NETWORK,
    &reach::IPV6,
    &reach::OUTSIDE,
    &ports::NAMED_PORT,
    &selectors::NOBODY,
    &selectors::NO_PEER,
    &selectors::PASSING_LABEL,
    &shape::PEERS_APART,
    &effect::SHADOWED,
    &shape::UNKNOWN_PEER,
    &reach::WEBHOOK,
];

static RULES: LazyLock<Vec<Arc<Rule>>> = LazyLock::new(|| LINTS.iter().map(|lint| Arc::new(lint.rule())).collect());

const REFERENCES: &[Reference] = &[Reference {
    system: "docs",
    id: "Network Policies",
    url: "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
}];

impl Lint {
    fn rule(&self) -> Rule {
        let docs = format!("## What it detects\n{}\n\n## Why it matters\n{}\n\n## How to fix\n{}", self.detects, self.why, self.fix);
        Rule {
            id: Cow::Borrowed(self.id),
            title: Cow::Borrowed(self.title),
            severity: self.severity,
            docs: Cow::Owned(docs),
            references: Cow::Borrowed(REFERENCES),
        }
    }
}

/// The rules that findings of this room carry.
pub fn rules() -> &'static [Arc<Rule>] {
    &RULES
}

/// What lints look at.
struct Look<'w, 'a> {
    world: &'w World<'a>,
    matrix: &'w Matrix,
    inventory: &'w Inventory<'a>,
}

/// Where lints put what they find.
struct Found<'f> {
    rule: &'f Arc<Rule>,
    findings: &'f mut Vec<Finding>,
}

impl Found<'_> {
    /// Something wrong with an object; the violation's pointer starts at its root.
    fn push(&mut self, object: &Object<'_>, violation: Violation) {
        self.findings.push(violation.into_finding(self.rule, &Arc::new(object.id()), Some(object.node), "", None));
    }

    /// Something wrong at a node of an object.
    fn at(&mut self, object: &Object<'_>, node: Node<'_>, message: String, cure: impl Into<Cow<'static, str>>) {
        self.push(object, Violation::at(below(object, node), message).advice(cure));
    }
}

/// The JSON pointer from an object's root to a node of it.
fn below(object: &Object<'_>, node: Node<'_>) -> String {
    let pointer = node.pointer();
    pointer.strip_prefix(&object.pointer()).map(str::to_owned).unwrap_or(pointer)
}

/// Everything that is wrong with the policies of a world, in the order of lints and of policies.
pub fn findings(world: &World<'_>, matrix: &Matrix, inventory: &Inventory<'_>) -> Vec<Finding> {
    let look = Look { world, matrix, inventory };
    let mut findings = Vec::new();
    for (lint, rule) in LINTS.iter().zip(rules()) {
        (lint.run)(&look, &mut Found { rule, findings: &mut findings });
    }
    findings
}
