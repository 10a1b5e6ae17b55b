//! Tests in our own format, for every kind of policy (`docs/policies.md`).

use super::{Outcome, Result, Suite, compare_changed, named, namespace};
use anyhow::Context;
use plimsoll_policy::testing::{Case, Expect, Test};
use plimsoll_policy::{Breach, Mutation, Policies, Request, Verdict, World};
use regex::Regex;
use serde_json::Value as Json;

pub(super) fn run(test: &Test, suite: &Suite<'_>, results: &mut Vec<Result>) -> anyhow::Result<()> {
    let policies = suite.read(&test.policies)?;
    let objects = suite.read(&test.resources)?.objects;
    let mut others = suite.read(&test.others)?.objects;
    // Policies may bring their own parameters.
    others.extend(policies.objects);
    for case in &test.tests {
        let outcome = Given { policies: &policies.policies, objects: &objects, others: &others, suite }.outcome(case);
        let name = if case.name.is_empty() { format!("{:?} {}", case.expect, case.resource).to_lowercase() } else { case.name.clone() };
        results.push(Result { name: suite.name(&name), outcome: outcome.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}"))) });
    }
    Ok(())
}

/// What a test is run with.
struct Given<'t> {
    policies: &'t Policies,
    objects: &'t [Json],
    others: &'t [Json],
    suite: &'t Suite<'t>,
}

impl Given<'_> {
    fn outcome(&self, case: &Case) -> anyhow::Result<Outcome> {
        let Self { policies, objects, others, suite } = *self;
        let (kind, name) = case.resource.split_once('/').context("`resource` is `Kind/name` or `Kind/namespace/name`")?;
        let object = named(objects, kind, name).with_context(|| format!("there is no {} in the resources", case.resource))?;
        let one = |file: &Option<String>| -> anyhow::Result<Option<Json>> {
            let Some(file) = file else { return Ok(None) };
            let first = suite.read([file])?.objects.into_iter().next();
            Ok(Some(first.with_context(|| format!("{file} holds no object"))?))
        };
        let (old, changed) = (one(&case.old_object)?, one(&case.changed)?);
        let mut request = Request::new(object, &case.operation, &case.user_info);
        request.old_object = old.as_ref();
        let namespace = namespace(others, request.namespace);
        let request = request.in_namespace(Some(&namespace));
        let world = World::new(others.iter().chain(objects).collect()).whole().at(Some(jiff::Timestamp::now()));
        if matches!(case.expect, Expect::Change | Expect::Same) {
            return self.mutate(case, &request, &world, changed.as_ref());
        }
        let asked: Vec<Verdict> = policies
            .judge(&request, &world)
            .into_iter()
            .filter(|(one, _)| (case.policy.is_empty() || one.name == case.policy) && (case.rule.is_empty() || one.part == case.rule))
            .map(|(_, verdict)| verdict)
            .collect();
        if asked.is_empty() {
            let rule = if case.rule.is_empty() { String::new() } else { format!(" with rule `{}`", case.rule) };
            return Ok(Outcome::Failed(format!("there is no policy `{}`{rule} that judges", case.policy)));
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
        if got != case.expect {
            let said = if said.is_empty() { why } else { format!(": {}", said.join("; ")) };
            return Ok(Outcome::Failed(format!("wanted {}, got {}{said}", name_of(case.expect), name_of(got))));
        }
        let pattern =
            case.message.as_ref().map(|pattern| Regex::new(pattern).with_context(|| format!("`{pattern}` is no regular expression")));
        let pattern = pattern.transpose()?;
        let fits = |breach: &Breach| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(&breach.message))
                && case.at.as_ref().is_none_or(|at| *at == breach.pointer)
        };
        let wants = pattern.is_some() || case.at.is_some();
        Ok(Outcome::of((wants && !breaches.iter().any(fits)).then(|| {
            let wanted = [
                case.message.as_ref().map(|message| format!("a message like `{message}`")),
                case.at.as_ref().map(|at| format!("a place `{at}`")),
            ];
            format!("wanted {}, got {}", wanted.into_iter().flatten().collect::<Vec<_>>().join(" and "), said.join("; "))
        })))
    }

    fn mutate(&self, case: &Case, request: &Request<'_>, world: &World<'_>, changed: Option<&Json>) -> anyhow::Result<Outcome> {
        let mutation = if case.policy.is_empty() {
            let mutated = self.policies.mutate(request, world);
            let failed = mutated.steps.into_iter().find_map(|(_, step)| step.err().filter(|step| !step.is_harmless()));
            failed.unwrap_or(Mutation::Made(mutated.object))
        } else {
            let mutator = self.policies.mutators().find(|mutator| mutator.name == case.policy);
            mutator.with_context(|| format!("there is no policy `{}` that changes objects", case.policy))?.mutate(request, world)
        };
        let is_same = match &mutation {
            Mutation::Made(object) => object == request.object,
            Mutation::Skipped | Mutation::NotMatched => true,
            Mutation::Refused(_) | Mutation::Unknown(_) => false,
        };
        Ok(match (case.expect, is_same) {
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
