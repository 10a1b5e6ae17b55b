//! The rules files that Falco ships: each loads without an error, with all of its items.

use super::super::{Cases, json_lines};
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::rules::{self, Priority, Rules, Sources};
use plimsoll_model::{Origin, Source};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    name: String,
    file: String,
    expect: Map<String, Json>,
}

pub(crate) fn rules(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    let root = file.parent().and_then(Path::parent).unwrap_or(file);
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let text = match std::fs::read_to_string(root.join(&case.file)) {
            Ok(text) => text,
            Err(error) => {
                cases.unreadable(case.name, error);
                continue;
            }
        };
        let sources = Sources::new().with(rules::SYSCALL, &Syscalls).with("k8s_audit", &Audit).with_plugins(&rules::PLUGINS);
        let loaded = rules::load(&[Source::new(&case.file, Origin::File, text)], sources, Vec::new());
        let errors: Vec<String> = loaded.diagnostics.errors().map(|one| format!("{:?}: {}", one.context, one.message)).collect();
        let wanted = Json::Object(case.expect);
        let got = came(&loaded.rules, errors.len(), &wanted);
        cases.case(|| case.name, &wanted.to_string(), &if wanted == got { got.to_string() } else { format!("{got} {errors:?}") });
    }
    Ok(cases)
}

/// What is asked for, as it came.
fn came(rules: &Rules, errors: usize, wanted: &Json) -> Json {
    let mut disabled: Vec<&str> = rules.rules.iter().filter(|rule| !rule.enabled).map(|rule| rule.name.as_str()).collect();
    disabled.sort_unstable();
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    let mut priorities: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in &rules.rules {
        *sources.entry(&rule.source).or_default() += 1;
        // Under the name that the file has for it.
        let named = |(name, _): &(&String, &Json)| Priority::parse(name) == Some(rule.priority);
        let name = wanted["priorities"].as_object().into_iter().flatten().find(named).map_or(rule.priority.name(), |(name, _)| name);
        *priorities.entry(name).or_default() += 1;
    }
    let version = rules.required_engine_version;
    // A number stands for the version between.
    let version = if wanted["required_engine_version"].is_number() { json!(version.minor) } else { json!(version.to_string()) };
    let plugins = rules.required_plugins.iter().map(|alternatives| {
        let plain = |at: usize| alternatives.get(at).map(|plugin| json!({"name": plugin.name, "version": plugin.version}));
        let mut plugin = plain(0).unwrap_or(Json::Null);
        if alternatives.len() > 1 {
            plugin["alternatives"] = (1..alternatives.len()).filter_map(plain).collect();
        }
        plugin
    });
    json!({
        "errors": errors,
        "rules": rules.rules.len(),
        "macros": rules.macros.len(),
        "lists": rules.lists.len(),
        "disabled_rules": disabled,
        "sources": sources,
        "priorities": priorities,
        "required_engine_version": version,
        "required_plugin_versions": plugins.collect::<Vec<_>>(),
    })
}
