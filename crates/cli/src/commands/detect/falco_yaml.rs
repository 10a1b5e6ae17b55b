//! What a falco.yaml says: outputs, rules, what alerts hold. Options on the command line win.

use crate::appended::Appended;
use anyhow::{Context, bail};
use plimsoll_detect::engine::Matching;
use plimsoll_detect::fields::{is_static_name, nearest};
use plimsoll_detect::format::line;
use plimsoll_detect::rules::{Pick, Priority, Selection};
use plimsoll_model::{Limits, Node, Origin, Problem, Source, parse};
use plimsoll_sinks::{Config, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a falco.yaml says, or what holds where there is none.
pub(super) struct FalcoYaml {
    /// Where alerts go.
    pub(super) sinks: Config,
    /// The rules files that are there, in order; none, if none are named.
    pub(super) rules: Option<Vec<PathBuf>>,
    /// Which rules are switched on, in order.
    pub(super) steps: Vec<Selection>,
    /// Rules of a lower priority are left out.
    pub(super) least: Option<Priority>,
    /// How many rules answer an event.
    pub(super) matching: Matching,
    /// What is added to outputs.
    pub(super) appended: Vec<Appended>,
    /// Fields that are the same for every event.
    pub(super) static_fields: BTreeMap<String, String>,
    /// What lines hold.
    pub(super) lines: line::Options,
    /// Whether buffers are printed in base64.
    pub(super) base64: bool,
}

impl Default for FalcoYaml {
    /// As Falco has it with the file that comes with it.
    fn default() -> Self {
        Self {
            sinks: Config::default(),
            rules: None,
            steps: Vec::new(),
            least: None,
            matching: Matching::First,
            appended: vec![Appended::suggested()],
            static_fields: BTreeMap::new(),
            lines: line::Options::default(),
            base64: false,
        }
    }
}

/// The keys that are read here.
const KEYS: [&str; 14] = [
    "append_output",
    "buffer_format_base64",
    "json_include_message_property",
    "json_include_output_fields_property",
    "json_include_output_property",
    "json_include_tags_property",
    "priority",
    "rule_matching",
    "rules",
    "rules_file",
    "rules_files",
    "static_fields",
    "time_format_iso_8601",
    // Alerts are written as they come.
    "buffered_outputs",
];

/// Keys of Falco that say nothing to us: about its drivers, its plugins, its own log and servers.
const WITHOUT_MEANING: [&str; 18] = [
    "base_syscalls",
    "capture",
    "config_files",
    "engine",
    "falco_libs",
    "libs_logger",
    "load_plugins",
    "log_level",
    "log_stderr",
    "log_syslog",
    "metrics",
    "plugins",
    "plugins_hostinfo",
    "rule_files",
    "syscall_event_drops",
    "syscall_event_timeouts",
    "watch_config_files",
    "webserver",
];

/// Reads a falco.yaml. What is wrong with it is a problem; the rest counts.
pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> anyhow::Result<FalcoYaml> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let (documents, found) = parse(&Source::new(name.as_str(), Origin::File, text), Limits::default());
    problems.extend(found);
    let Some(root) = documents.first().and_then(plimsoll_model::Document::root) else { bail!("{name} is empty") };
    let variable = |name: &str| std::env::var(name).ok();
    let mut reader = Reader::new(&variable);
    let read = FalcoYaml::read(root, &mut reader);
    problems.extend(reader.finish());
    Ok(read)
}

impl FalcoYaml {
    fn read(root: Node<'_>, reader: &mut Reader<'_>) -> Self {
        let (sinks, others) = Config::read(root, reader);
        let mut read = Self { sinks, appended: Vec::new(), ..Self::default() };
        let mut idle = Vec::new();
        for (key, value) in others {
            let mut switch = |place: &mut bool| *place = reader.switch(key, value).unwrap_or(*place);
            match key.text() {
                "json_include_output_property" => switch(&mut read.lines.output),
                "json_include_tags_property" => switch(&mut read.lines.tags),
                "json_include_message_property" => switch(&mut read.lines.message),
                "json_include_output_fields_property" => switch(&mut read.lines.fields),
                "time_format_iso_8601" => switch(&mut read.lines.iso_8601),
                "buffer_format_base64" => switch(&mut read.base64),
                "buffered_outputs" => {}
                "priority" => read.least = reader.value(key, value, |_, text| super::priority(text)),
                "rule_matching" => read.matching = reader.value(key, value, matching).unwrap_or(read.matching),
                "rules_files" | "rules_file" => read.rules.get_or_insert_default().extend(rules_files(key, value, reader)),
                "rules" => read.steps = reader.list(key, value).into_iter().flat_map(|item| step(item, reader)).collect(),
                "append_output" => {
                    read.appended = reader.list(key, value).into_iter().filter_map(|item| appended(item, reader)).collect();
                }
                "static_fields" => {
                    for (name, value) in reader.map(key, value) {
                        if is_static_name(name.text()) {
                            read.static_fields.extend(reader.text(name, value).map(|text| (name.text().to_owned(), text)));
                        } else {
                            reader.wrong(name, format!("no rule can name a field `static.{}`: letters, digits and `_`", name.text()));
                        }
                    }
                }
                name if WITHOUT_MEANING.contains(&name) => idle.push(name),
                _ => {
                    let outputs: Vec<String> = Config::keys().collect();
                    let known: Vec<&str> = outputs.iter().map(String::as_str).chain(KEYS).collect();
                    unknown(key, "this configuration", &known, reader);
                }
            }
        }
        if !idle.is_empty() {
            reader.note(root, format!("without effect here: {}", idle.join(", ")));
        }
        read
    }
}

/// A key that nobody knows.
fn unknown(key: Node<'_>, whose: &str, known: &[&str], reader: &mut Reader<'_>) {
    let near = nearest(known.iter().copied(), key.text());
    let help = match near.first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    };
    reader.wrong(key, format!("unknown key `{}` in {whose}; {help}", key.text()));
}

fn matching(key: &str, text: &str) -> Result<Matching, String> {
    match text {
        "first" => Ok(Matching::First),
        "all" => Ok(Matching::All),
        _ => Err(format!("`{key}` must be first or all, is `{text}`")),
    }
}

/// Paths are relative to where the program runs, and what is not there is passed over, as with Falco.
fn rules_files(key: Node<'_>, value: Node<'_>, reader: &mut Reader<'_>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for item in reader.list(key, value) {
        let Some(path) = reader.text(key, item).map(PathBuf::from) else { continue };
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if !path.exists() {
            reader.note(item, format!("there is no `{}`: passed over", path.display()));
        } else if path.is_dir() || is_yaml {
            paths.push(path);
        } else {
            reader.note(item, format!("`{}` does not end in .yaml or .yml: passed over", path.display()));
        }
    }
    paths
}

/// `enable: {rule: …}`, `disable: {tag: …}`; the name counts before the tag where both are there.
fn step(item: Node<'_>, reader: &mut Reader<'_>) -> Vec<Selection> {
    let mut steps = Vec::new();
    for (verb, what) in item.entries() {
        let enable = match verb.text() {
            "enable" => true,
            "disable" => false,
            _ => {
                unknown(verb, "`rules`", &["enable", "disable"], reader);
                continue;
            }
        };
        let (mut names, mut tags) = (None, None);
        for (key, value) in reader.map(verb, what) {
            match key.text() {
                "rule" => names = reader.text(key, value).map(Pick::Name),
                "tag" => tags = reader.text(key, value).map(Pick::Tag),
                _ => unknown(key, "`rules`", &["rule", "tag"], reader),
            }
        }
        steps.extend(names.into_iter().chain(tags).map(|pick| Selection { enable, pick }));
    }
    if steps.is_empty() {
        reader.wrong(item, "an entry of `rules` must be like `enable: {rule: NAME}` or `disable: {tag: TAG}`");
    }
    steps
}

fn appended(item: Node<'_>, reader: &mut Reader<'_>) -> Option<Appended> {
    if !item.is_map() {
        reader.wrong(item, format!("an entry of `append_output` must be a map, is {}", item.describe()));
        return None;
    }
    let mut read = Appended { place: Some(item.location()), ..Appended::default() };
    for (key, value) in item.entries().filter(|(_, value)| !value.is_null()) {
        match key.text() {
            "match" => {
                for (key, value) in reader.map(key, value) {
                    match key.text() {
                        "source" => read.source = reader.text(key, value),
                        "rule" => read.rule = reader.text(key, value),
                        "tags" => read.tags = reader.list(key, value).into_iter().filter_map(|tag| reader.text(key, tag)).collect(),
                        _ => unknown(key, "`match`", &["source", "rule", "tags"], reader),
                    }
                }
            }
            "extra_output" => read.output = reader.text(key, value),
            "suggested_output" => read.suggested = reader.switch(key, value).unwrap_or(false),
            "extra_fields" => read.fields = extra_fields(key, value, reader),
            _ => unknown(key, "`append_output`", &["match", "extra_output", "extra_fields", "suggested_output"], reader),
        }
    }
    if let (Some(rule), false) = (&read.rule, read.tags.is_empty()) {
        reader.note(item, format!("this is for the rule `{rule}` only, and only if it has all of the tags"));
    }
    Some(read)
}

/// Names of fields, and maps of a name to a text.
fn extra_fields(key: Node<'_>, value: Node<'_>, reader: &mut Reader<'_>) -> Vec<(String, Option<String>)> {
    let mut fields = Vec::new();
    let mut names = BTreeSet::new();
    for item in reader.list(key, value) {
        let mut entries = item.entries();
        let read = match (entries.next(), entries.next()) {
            (Some((name, text)), None) => reader.text(name, text).map(|text| (name.text().to_owned(), Some(text))),
            (None, None) if !item.is_map() => reader.text(key, item).map(|name| (name, None)),
            _ => {
                reader.wrong(item, "an entry of `extra_fields` must be the name of a field, or `NAME: TEXT`");
                continue;
            }
        };
        let Some((name, text)) = read else { continue };
        if names.insert(name.clone()) {
            fields.push((name, text));
        } else {
            reader.wrong(item, format!("`{name}` stands twice in `extra_fields`"));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (FalcoYaml, Vec<String>) {
        let (documents, problems) = parse(&Source::new("falco.yaml", Origin::File, text), Limits::default());
        assert!(problems.is_empty(), "{problems:?}");
        let variable = |name: &str| (name == "ZONE").then(|| "eu".to_owned());
        let mut reader = Reader::new(&variable);
        let read = FalcoYaml::read(documents[0].root().unwrap(), &mut reader);
        let shown = |problem: Problem| format!("{}: {}", problem.location.unwrap(), problem.message);
        (read, reader.finish().into_iter().map(shown).collect())
    }

    #[test]
    fn all_that_rules_and_alerts_are_told() {
        let (read, problems) = read_text(
            "
priority: Warning
rule_matching: all
json_include_output_property: false
json_include_message_property: true
json_include_tags_property: no
json_include_output_fields_property: false
time_format_iso_8601: true
buffer_format_base64: true
buffered_outputs: false
rules:
  - disable: {rule: '*'}
  - enable: {tag: T1611}
  - enable: {rule: A, tag: b}
append_output:
  - match: {source: syscall, tags: [b, a], rule: }
    extra_output: in ${ZONE}
    extra_fields: [evt.hostname, {zone: '${ZONE}!'}]
  - suggested_output: true
static_fields: {zone: '${ZONE}', more.zone: 5}
",
        );
        assert_eq!(problems, Vec::<String>::new());
        let step = |enable, pick| Selection { enable, pick };
        let (name, tag) = (|name: &str| Pick::Name(name.to_owned()), |tag: &str| Pick::Tag(tag.to_owned()));
        assert_eq!(read.steps, [step(false, name("*")), step(true, tag("T1611")), step(true, name("A")), step(true, tag("b"))]);
        assert_eq!((read.least, read.matching, read.base64, read.rules), (Some(Priority::Warning), Matching::All, true, None));
        assert_eq!(read.lines, line::Options { output: false, tags: false, message: true, fields: false, iso_8601: true });
        let first = Appended {
            source: Some("syscall".to_owned()),
            tags: ["a", "b"].map(str::to_owned).into(),
            output: Some("in eu".to_owned()),
            fields: vec![("evt.hostname".to_owned(), None), ("zone".to_owned(), Some("eu!".to_owned()))],
            ..Appended::default()
        };
        let added: Vec<Appended> = read.appended.into_iter().map(|added| Appended { place: None, ..added }).collect();
        assert_eq!(added, [first, Appended::suggested()]);
        assert_eq!(read.static_fields, [("zone", "eu"), ("more.zone", "5")].map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let table: &[(&str, &[&str])] = &[
            ("engine: {kind: kmod}\nplugins: []", &["1:1: without effect here: engine, plugins"]),
            ("rule_file: [a]", &["1:1: unknown key `rule_file` in this configuration; did you mean `rules_file`?"]),
            (
                "priority: high",
                &["1:11: no priority is called `high`: one of emergency, alert, critical, error, warning, notice, informational, debug"],
            ),
            ("rule_matching: last", &["1:16: `rule_matching` must be first or all, is `last`"]),
            ("rules_files: x", &["1:14: `rules_files` must be a list, is a string"]),
            ("rules_files: [not/there]", &["1:15: there is no `not/there`: passed over"]),
            (
                "rules: [{enable: {rules: a}}]",
                &[
                    "1:19: unknown key `rules` in `rules`; did you mean `rule`?",
                    "1:9: an entry of `rules` must be like `enable: {rule: NAME}` or `disable: {tag: TAG}`",
                ],
            ),
            ("rules: [{enabel: {rule: a}, disable: {tag: a}}]", &["1:10: unknown key `enabel` in `rules`; did you mean `enable`?"]),
            ("append_output: [a]", &["1:17: an entry of `append_output` must be a map, is a string"]),
            (
                "append_output: [{extra_outputs: a}]",
                &["1:18: unknown key `extra_outputs` in `append_output`; did you mean `extra_output`?"],
            ),
            ("append_output: [{match: {tag: a}}]", &["1:26: unknown key `tag` in `match`; did you mean `tags`?"]),
            (
                "append_output: [{match: {rule: a, tags: [b]}}]",
                &["1:17: this is for the rule `a` only, and only if it has all of the tags"],
            ),
            (
                "append_output: [{extra_fields: [a, {a: b}, {c: d, e: f}]}]",
                &[
                    "1:36: `a` stands twice in `extra_fields`",
                    "1:44: an entry of `extra_fields` must be the name of a field, or `NAME: TEXT`",
                ],
            ),
            ("static_fields: {a-b: c}", &["1:17: no rule can name a field `static.a-b`: letters, digits and `_`"]),
            ("static_fields: {a: [c]}", &["1:20: `a` must be a single value, is a list"]),
        ];
        for (text, wanted) in table {
            let told: Vec<String> = wanted.iter().map(|wanted| format!("falco.yaml:{wanted}")).collect();
            assert_eq!(read_text(text).1, told, "{text}");
        }
        assert!(read_text("priority: debug").0.appended.is_empty(), "a file that does not say adds nothing");
    }
}
