//! Kyverno's PolicyExceptions, of kyverno.io for rules and of policies.kyverno.io for policies in CEL
//! (<https://kyverno.io/docs/exceptions/>).

use super::filters::Filters;
use super::{ROOTS, roots};
use crate::Verdict;
use crate::binding::decoded;
use crate::request::Request;
use crate::validation::{Parts, Validation};
use crate::world::World;
use plimsoll_model::config::glob;
use plimsoll_model::{AppliedException, Node, Object, Problem, ProblemKind};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What one exception lets through.
#[derive(Debug)]
pub(crate) struct Exemption {
    /// Policies by name, each with globs over its rules; without any, all of it.
    policies: Vec<(String, Vec<String>)>,
    when: When,
    /// Images and values that expressions look for; where there are any, the policy is judged with them.
    images: Vec<String>,
    values: Vec<String>,
    applied: Arc<AppliedException>,
}

#[derive(Debug)]
enum When {
    Filters(Box<Filters>),
    Conditions(Validation),
}

/// Reads a PolicyException.
pub(crate) fn exemption(object: &Object<'_>, problems: &mut Vec<Problem>) -> Option<Exemption> {
    let spec = object.node.get("spec")?;
    let texts = |key: &str| spec.get(key).into_iter().flat_map(Node::items).map(|one| one.text().to_owned()).collect();
    let classic = object.group() == "kyverno.io";
    let unreadable = ["conditions", "podSecurity"].into_iter().find(|key| classic && spec.get(key).is_some());
    if let Some(key) = unreadable {
        let message = format!("the exception `{}` is not applied: its `{key}` are not read here", object.name);
        problems.push(Problem::at(ProblemKind::Note, spec, message));
        return None;
    }
    let (policies, when) = if classic {
        let one = |one: Node<'_>| {
            let rules = one.get("ruleNames").into_iter().flat_map(Node::items).map(|rule| rule.text().to_owned()).collect();
            (one.get("policyName").map_or("", Node::text).rsplit('/').next().unwrap_or("").to_owned(), rules)
        };
        let matching: Filters = decoded(spec.get("match"), object.node, problems)?;
        (spec.get("exceptions").into_iter().flat_map(Node::items).map(one).collect(), When::Filters(Box::new(matching)))
    } else {
        let parts = Parts { conditions: spec.get("matchConditions"), roots: ROOTS, ..Parts::default() };
        let names = spec.get("policyRefs").into_iter().flat_map(Node::items).filter_map(|one| one.get("name"));
        (names.map(|name| (name.text().to_owned(), Vec::new())).collect(), When::Conditions(Validation::compile(&parts, problems)?))
    };
    let note =
        ["policies.kyverno.io/description", "reason"].into_iter().find_map(|key| object.node.at(&["metadata", "annotations"])?.get(key));
    let reason = note.map_or_else(|| format!("the PolicyException `{}`", object.name), |note| note.text().trim().to_owned());
    let place = object.node.location();
    let source = format!("{}:{}", place.source.name, place.start().line);
    let applied = Arc::new(AppliedException { reason, owner: None, expires: None, source });
    Some(Exemption { policies, when, images: texts("images"), values: texts("allowedValues"), applied })
}

impl Exemption {
    /// Whether it speaks of a rule of a policy, and of this request.
    pub(super) fn lets(&self, policy: &str, rule: &str, request: &Request<'_>, images: &Json, world: &World<'_>) -> bool {
        let own = |pattern: &String| {
            let pattern = ["autogen-cronjob-", "autogen-"].iter().find_map(|prefix| pattern.strip_prefix(prefix)).unwrap_or(pattern);
            glob(pattern, rule)
        };
        if !self.policies.iter().any(|(name, rules)| name == policy && (rules.is_empty() || rules.iter().any(own))) {
            return false;
        }
        match &self.when {
            When::Filters(filters) => filters.matches(request, (request.group, request.version, request.kind)),
            When::Conditions(conditions) => {
                let nothing = allowed(&[]);
                conditions.held_back(&conditions.environment(request, roots(images, &nothing), world)).is_none()
            }
        }
    }

    pub(super) fn is_partial(&self) -> bool {
        !self.images.is_empty() || !self.values.is_empty()
    }
}

/// What expressions see of exceptions.
pub(super) fn allowed(held: &[&Exemption]) -> Json {
    let all = |list: fn(&Exemption) -> &Vec<String>| -> Vec<&String> { held.iter().copied().flat_map(list).collect() };
    json!({"allowedImages": all(|one| &one.images), "allowedValues": all(|one| &one.values)})
}

/// A verdict, with what lets the request through nevertheless.
pub(super) fn excepted(verdict: Verdict, held: &[&Exemption]) -> Verdict {
    match (verdict, held.iter().find(|one| !one.is_partial())) {
        (Verdict::Failed(breaches), Some(exemption)) => Verdict::Excepted(breaches, Arc::clone(&exemption.applied)),
        (verdict, _) => verdict,
    }
}
