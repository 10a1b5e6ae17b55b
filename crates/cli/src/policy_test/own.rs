//! Tests in our own format, for every kind of policy (`docs/policies.md`).

use super::{Outcome, Result, Suite, compare_changed, named, namespace};
use anyhow::Context;
use plimsoll_policy::{Breach, Mutation, Policies, Request, Verdict, World};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value as Json;

/// `kind: PolicyTest` of plimsoll.dev/v1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Test {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    /// Files and directories with policies, bindings, templates, constraints, modules.
    policies: Vec<String>,
    /// Files with the objects that are judged.
    resources: Vec<String>,
    /// Files with what else is there: namespaces, parameters, RBAC. There is nothing else then.
    #[serde(default)]
    others: Vec<String>,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    /// What is tested; in reports.
    #[serde(default)]
    name: String,
    /// `Kind/name` or `Kind/namespace/name`.
    resource: String,
    /// The policy; without it, all of them together.
    #[serde(default)]
    policy: String,
    /// One of its rules.
    #[serde(default)]
    rule: String,
    expect: Expect,
    /// A regular expression that one of the messages fulfils.
    message: Option<String>,
    /// The JSON pointer of one of the breaches.
    at: Option<String>,
    /// A file with the object as a mutating policy makes it.
    changed: Option<String>,
    #[serde(default = "create")]
    operation: String,
    /// A file with the object before.
    old_object: Option<String>,
    /// Who sends it: `username`, `groups`.
    #[serde(default)]
    user_info: Json,
}

fn create() -> String {
    "CREATE".to_owned()
}

#[derive(Deserialize, PartialEq, Clone, Copy, Debug)]
#[serde(rename_all = "lowercase")]
enum Expect {
    /// It keeps to the policy.
    Pass,
    /// It breaks it.
    Fail,
    /// The policy is not about it.
    Skip,
    /// A mutating policy changes it.
    Change,
    /// A mutating policy leaves it as it is.
    Same,
    /// It cannot be said.
    Unknown,
}

pub(super) fn run(test: &Test, suite: &Suite<'_>, results: &mut Vec<Result>) -> anyhow::Result<()> {
    let policies = suite.read(&test.policies)?;
    let objects = suite.read(&test.resources)?.objects;
    let mut others = suite.read(&test.others)?.objects;
    // Policies may bring their own parameters.
    others.extend(policies.objects);
    for case in &test.tests {
        let outcome = case.run(&policies.policies, &objects, &others, suite);
        let name = if case.name.is_empty() { format!("{:?} {}", case.expect, case.resource).to_lowercase() } else { case.name.clone() };
        results.push(Result { name: suite.name(&name), outcome: outcome.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}"))) });
    }
    Ok(())
}

impl Case {
    fn run(&self, policies: &Policies, objects: &[Json], others: &[Json], suite: &Suite<'_>) -> anyhow::Result<Outcome> {
        let (kind, name) = self.resource.split_once('/').context("`resource` is `Kind/name` or `Kind/namespace/name`")?;
        let object = named(objects, kind, name).with_context(|| format!("there is no {} in the resources", self.resource))?;
        let one = |file: &Option<String>| -> anyhow::Result<Option<Json>> {
            let Some(file) = file else { return Ok(None) };
            let first = suite.read([file])?.objects.into_iter().next();
            Ok(Some(first.with_context(|| format!("{file} holds no object"))?))
        };
        let (old, changed) = (one(&self.old_object)?, one(&self.changed)?);
        let mut request = Request::new(object, &self.operation, &self.user_info);
        request.old_object = old.as_ref();
        let namespace = namespace(others, request.namespace);
        let request = request.in_namespace(Some(&namespace));
        let world = World::new(others.iter().chain(objects).collect()).whole().at(Some(jiff::Timestamp::now()));
        if matches!(self.expect, Expect::Change | Expect::Same) {
            return self.mutate(policies, &request, &world, changed.as_ref());
        }
        let asked: Vec<Verdict> = policies
            .judge(&request, &world)
            .into_iter()
            .filter(|(one, _)| (self.policy.is_empty() || one.name == self.policy) && (self.rule.is_empty() || one.part == self.rule))
            .map(|(_, verdict)| verdict)
            .collect();
        if asked.is_empty() {
            let rule = if self.rule.is_empty() { String::new() } else { format!(" with rule `{}`", self.rule) };
            return Ok(Outcome::Failed(format!("there is no policy `{}`{rule} that judges", self.policy)));
        }
        let mut breaches: Vec<Breach> = Vec::new();
        let mut got = Expect::Skip;
        let mut why = String::new();
        for verdict in asked {
            match verdict {
                Verdict::Failed(more) => {
                    got = Expect::Fail;
                    breaches.extend(more);
                }
                Verdict::Unknown(reason) if got != Expect::Fail => {
                    got = Expect::Unknown;
                    why = format!(": {reason}");
                }
                Verdict::Passed if got == Expect::Skip => got = Expect::Pass,
                _ => {}
            }
        }
        let said: Vec<String> = breaches.iter().map(|breach| format!("{} at `{}`", breach.message, breach.pointer)).collect();
        if got != self.expect {
            let said = if said.is_empty() { why } else { format!(": {}", said.join("; ")) };
            return Ok(Outcome::Failed(format!("wanted {}, got {}{said}", name_of(self.expect), name_of(got))));
        }
        let pattern =
            self.message.as_ref().map(|pattern| Regex::new(pattern).with_context(|| format!("`{pattern}` is no regular expression")));
        let pattern = pattern.transpose()?;
        let fits = |breach: &Breach| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(&breach.message))
                && self.at.as_ref().is_none_or(|at| *at == breach.pointer)
        };
        let wants = pattern.is_some() || self.at.is_some();
        Ok(Outcome::of((wants && !breaches.iter().any(fits)).then(|| {
            let wanted = [
                self.message.as_ref().map(|message| format!("a message like `{message}`")),
                self.at.as_ref().map(|at| format!("a place `{at}`")),
            ];
            format!("wanted {}, got {}", wanted.into_iter().flatten().collect::<Vec<_>>().join(" and "), said.join("; "))
        })))
    }

    fn mutate(&self, policies: &Policies, request: &Request<'_>, world: &World<'_>, changed: Option<&Json>) -> anyhow::Result<Outcome> {
        let mutation = if self.policy.is_empty() {
            let mutated = policies.mutate(request, world);
            let failed = mutated.steps.into_iter().find_map(|(_, step)| step.err().filter(|step| !step.is_harmless()));
            failed.unwrap_or(Mutation::Made(mutated.object))
        } else {
            let mutator = policies.mutators().find(|mutator| mutator.name == self.policy);
            mutator.with_context(|| format!("there is no policy `{}` that changes objects", self.policy))?.mutate(request, world)
        };
        let is_same = match &mutation {
            Mutation::Made(object) => object == request.object,
            Mutation::Skipped | Mutation::NotMatched => true,
            Mutation::Refused(_) | Mutation::Unknown(_) => false,
        };
        Ok(match (self.expect, is_same) {
            (Expect::Same, true) => Outcome::Passed,
            (Expect::Change, true) => Outcome::Failed("wanted a change, got none".to_owned()),
            (Expect::Same, false) => compare_changed(mutation, Some(request.object)),
            _ => compare_changed(mutation, changed),
        })
    }
}

fn name_of(expect: Expect) -> String {
    format!("{expect:?}").to_lowercase()
}
