//! gator's suites (<https://open-policy-agent.github.io/gatekeeper/website/docs/gator/>).

use super::{Outcome, Result, Suite, named};
use anyhow::Context;
use plimsoll_policy::{Policies, Request, Verdict, World};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value as Json;

/// `kind: Suite` of test.gatekeeper.sh.
#[derive(Deserialize)]
pub(super) struct Tests {
    #[serde(default)]
    tests: Vec<Test>,
    #[serde(default)]
    skip: bool,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    template: String,
    constraint: Option<String>,
    #[serde(default)]
    expansion: Option<String>,
    #[serde(default)]
    cases: Vec<Case>,
    #[serde(default)]
    skip: bool,
    /// Whether the template or the constraint is meant to be broken.
    #[serde(default)]
    invalid: bool,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    object: String,
    #[serde(default)]
    inventory: Vec<String>,
    #[serde(default)]
    assertions: Vec<Assertion>,
    #[serde(default)]
    skip: bool,
}

#[derive(Deserialize)]
struct Assertion {
    violations: Option<Json>,
    message: Option<String>,
}

pub(super) fn run(tests: &Tests, suite: &Suite<'_>, results: &mut Vec<Result>) {
    for test in &tests.tests {
        if tests.skip || test.skip {
            results.push(Result { name: suite.name(&test.name), outcome: Outcome::NotRun("the suite says `skip`".to_owned()) });
            continue;
        }
        let files = [Some(&test.template), test.constraint.as_ref(), test.expansion.as_ref()];
        let policies = match (suite.read(files.into_iter().flatten()), test.invalid) {
            (Ok(read), false) => read.policies,
            (Ok(_), true) => {
                let outcome = Outcome::Failed("wanted something invalid, and it is valid".to_owned());
                results.push(Result { name: suite.name(&test.name), outcome });
                continue;
            }
            (Err(error), invalid) => {
                let outcome = if invalid { Outcome::Passed } else { Outcome::Failed(format!("{error:#}")) };
                results.push(Result { name: suite.name(&test.name), outcome });
                continue;
            }
        };
        for case in &test.cases {
            let outcome = match case.skip {
                true => Outcome::NotRun("the suite says `skip`".to_owned()),
                false => case.run(&policies, suite).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}"))),
            };
            results.push(Result { name: suite.name(&format!("{}/{}", test.name, case.name)), outcome });
        }
    }
}

impl Case {
    fn run(&self, policies: &Policies, suite: &Suite<'_>) -> anyhow::Result<Outcome> {
        let objects = suite.read([&self.object])?.objects;
        let inventory = suite.read(&self.inventory)?.objects;
        let object = objects.first().with_context(|| format!("{} holds no object", self.object))?;
        let is_review = object.get("kind").is_some_and(|kind| kind == "AdmissionReview");
        let request =
            if is_review { Request::of_review(object).context("the review carries no request")? } else { Request::create(object) };
        let namespace = named(&inventory, "Namespace", request.namespace);
        let request = request.in_namespace(namespace);
        let world = World::new(inventory.iter().collect()).whole();
        let mut messages = Vec::new();
        for (_, verdict) in policies.judge(&request, &world) {
            match verdict {
                Verdict::Failed(breaches) => messages.extend(breaches.into_iter().map(|breach| breach.message)),
                Verdict::Unknown(why) => return Ok(Outcome::Failed(why)),
                Verdict::NotMatched | Verdict::Skipped | Verdict::Passed | Verdict::Excepted(..) => {}
            }
        }
        for assertion in &self.assertions {
            if let Some(complaint) = assertion.complaint(&messages)? {
                return Ok(Outcome::Failed(complaint));
            }
        }
        Ok(Outcome::Passed)
    }
}

impl Assertion {
    /// What it has against the messages of the violations.
    fn complaint(&self, messages: &[String]) -> anyhow::Result<Option<String>> {
        let pattern = self.message.as_deref().unwrap_or("");
        let regex = Regex::new(pattern).with_context(|| format!("`{pattern}` is no regular expression"))?;
        let count = messages.iter().filter(|message| regex.is_match(message)).count();
        let (holds, wanted) = match &self.violations {
            // `no` without quotes is a boolean of YAML 1.1.
            Some(Json::Bool(false)) => (count == 0, "no violation".to_owned()),
            Some(Json::String(word)) if word == "no" => (count == 0, "no violation".to_owned()),
            Some(Json::Number(number)) => (number.as_u64() == u64::try_from(count).ok(), format!("{number} violations")),
            _ => (count > 0, "a violation".to_owned()),
        };
        let like = if pattern.is_empty() { String::new() } else { format!(" like `{pattern}`") };
        Ok((!holds)
            .then(|| format!("wanted {wanted}{like}, got {}", if messages.is_empty() { "none".to_owned() } else { messages.join("; ") })))
    }
}
