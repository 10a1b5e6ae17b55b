//! Loading of rules files: what is wrong with them, and what comes of them.

use super::super::{Cases, json_lines};
use plimsoll_detect::condition;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::rules::{Diagnostic, FileResult, Loader, Rules, Sources};
use plimsoll_model::{Origin, Source};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    name: String,
    files: Vec<File>,
    engine: Engine,
    expect: Map<String, Json>,
}

#[derive(Deserialize)]
struct File {
    name: String,
    content: String,
}

#[derive(Deserialize)]
struct Engine {
    sources: Vec<String>,
}

/// What came of the files of a case.
struct Came {
    /// Of each file, up to its first error: there upstream stops.
    files: Vec<Vec<Diagnostic>>,
    schema_ok: bool,
    rules: Rules,
}

/// Rules files, one after the other into one loader.
pub(crate) fn validate(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let came = load(&case);
        let wrong: Vec<(String, String)> =
            case.expect.iter().filter_map(|(key, wanted)| Some((format!("{key}: {wanted}"), came.differs(key, wanted)?))).collect();
        let joined = |part: fn(&(String, String)) -> &str| wrong.iter().map(part).collect::<Vec<_>>().join("; ");
        if wrong.is_empty() {
            cases.passed();
        } else {
            cases.case(|| case.name, &joined(|(wanted, _)| wanted), &joined(|(_, got)| got));
        }
    }
    Ok(cases)
}

fn load(case: &Case) -> Came {
    let sources = case.engine.sources.iter().fold(Sources::new(), |sources, name| sources.with(name, &Syscalls));
    let mut loader = Loader::new(sources);
    let mut came = Came { files: Vec::new(), schema_ok: true, rules: Rules::default() };
    for file in &case.files {
        let FileResult { diagnostics, schema } = loader.load(&Source::new(&file.name, Origin::File, &*file.content));
        came.schema_ok &= schema.is_empty();
        let (is_ok, mut found) = (diagnostics.is_ok(), diagnostics.0);
        if is_ok {
            let (rules, more) = loader.compile();
            found.extend(more.0);
            came.rules = rules;
        }
        let end = found.iter().position(|diagnostic| diagnostic.code.is_error()).map_or(found.len(), |first| first + 1);
        found.truncate(end);
        came.files.push(found);
    }
    came
}

impl Came {
    /// What came instead of what is wanted.
    fn differs(&self, key: &str, wanted: &Json) -> Option<String> {
        let errors = || self.all().filter(|diagnostic| diagnostic.code.is_error());
        let warnings = || self.all().filter(|diagnostic| !diagnostic.code.is_error());
        let files_ok: Vec<bool> = self.files.iter().map(|found| !found.iter().any(|diagnostic| diagnostic.code.is_error())).collect();
        let ok = files_ok.iter().all(|ok| *ok);
        let told =
            || format!("{:?}", self.all().map(|one| format!("{} {:?}: {}", one.code.text(), one.context, one.message)).collect::<Vec<_>>());
        let same = |got: Json| (got != *wanted).then(|| format!("{got} {}", told()));
        let every = |found: bool| (!found).then(told);
        match key {
            "ok" => same(json!(ok)),
            "files_ok" => same(json!(files_ok)),
            "exit_status" => same(json!(i32::from(!ok))),
            "errors" => every(list(wanted).all(|wanted| errors().any(|one| matches(one, wanted)))),
            "warnings" => every(list(wanted).all(|wanted| warnings().any(|one| matches(one, wanted)))),
            "warnings_absent" => every(!list(wanted).any(|wanted| warnings().any(|one| matches(one, wanted)))),
            "any_warning" => same(json!(warnings().next().is_some())),
            "error_count" => same(json!(errors().count())),
            "warning_count" => same(json!(warnings().count())),
            "schema_validation" => same(json!(if self.schema_ok { "ok" } else { "failed" })),
            "enabled_rules" => same(json!(self.rules.rules.iter().filter(|rule| rule.enabled).count())),
            "conditions" | "rules" | "describe" => same(self.only(key, wanted)),
            _ => Some("a key that is not checked".to_owned()),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Diagnostic> {
        self.files.iter().flatten()
    }

    /// What there is of what is asked for.
    fn only(&self, key: &str, wanted: &Json) -> Json {
        let Json::Object(wanted) = wanted else { return Json::Null };
        let rule = |name: &str| self.rules.rules.iter().find(|rule| rule.name == name);
        let list = |name: &str| self.rules.lists.iter().find(|list| list.name == name);
        let got = wanted.iter().map(|(name, wanted)| {
            let got = match key {
                "conditions" => rule(name).map(|rule| String::from_utf8_lossy(&condition::print(&rule.expr)).into()),
                "rules" => rule(name).map(|rule| {
                    let all = json!({
                        "condition": rule.condition,
                        "output": rule.output,
                        "description": rule.description,
                        "priority": rule.priority.name(),
                        "capture": rule.capture,
                        "capture_duration": rule.capture_duration,
                    });
                    wanted.as_object().into_iter().flatten().map(|(key, _)| (key.clone(), all[key].clone())).collect()
                }),
                _ => match name.as_str() {
                    "rules" => Some(json!(self.rules.rules.len())),
                    "macros" => Some(json!(self.rules.macros.len())),
                    _ => {
                        let names = wanted.as_object().into_iter().flatten();
                        Some(names.map(|(name, _)| (name.clone(), json!(list(name).map(|list| &list.expanded)))).collect())
                    }
                },
            };
            (name.clone(), got.unwrap_or(Json::Null))
        });
        Json::Object(got.collect())
    }
}

fn list(wanted: &Json) -> impl Iterator<Item = &Json> {
    wanted.as_array().into_iter().flatten()
}

/// Whether a diagnostic has all that is wanted of it.
fn matches(found: &Diagnostic, wanted: &Json) -> bool {
    let is = |step_kind: &str, step_name: &str| {
        let named = |key: &str, got: &str| wanted[key].as_str().is_none_or(|wanted| wanted.eq_ignore_ascii_case(got));
        named("item_type", step_kind) && wanted["item_name"].as_str().is_none_or(|wanted| wanted == step_name)
    };
    wanted.as_object().into_iter().flatten().all(|(key, value)| {
        let value = value.as_str().unwrap_or("");
        match key.as_str() {
            "code" => found.code.text() == value,
            "message" => found.message == value,
            "message_contains" => found.message.contains(value),
            "snippet_contains" => found.quote().contains(value),
            "snippet_lacks" => !found.quote().contains(value),
            "item_type" | "item_name" => found.context.steps().iter().any(|step| is(step.kind.text(), &step.name)),
            _ => false,
        }
    })
}
