//! What the output of an audit is compared with: `tests` of a check, with the semantics of kube-bench (`check/test.go`).

use super::jsonpath::Template;
use super::shell::Reason;
use plimsoll_model::{Document, Limits, Node, Origin, Problem, ProblemKind, Source, parse};
use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

/// The tests of a check.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    /// Whether one of them is enough.
    any: bool,
    items: Vec<Item>,
}

/// One test: a value is looked for in the outputs, and compared.
#[derive(Debug, Clone)]
struct Item {
    flag: String,
    path: String,
    env: String,
    /// Whether it has to be there.
    set: bool,
    compare: Option<(String, String)>,
}

/// What audits wrote. What a test does not come to look at need not be known.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) command: String,
    pub(super) config: Result<String, Reason>,
    pub(super) env: Result<String, Reason>,
}

/// What tests come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) passed: bool,
    /// What was wanted.
    pub(super) expected: String,
    /// What was there instead.
    pub(super) seen: String,
}

/// Which output a value was looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Command,
    Config,
    Env,
}

/// What one test comes to in one output.
#[derive(Debug, Default)]
struct Found {
    passed: bool,
    there: bool,
    expected: String,
    seen: String,
}

const OPERATORS: [&str; 11] = ["eq", "noteq", "gt", "gte", "lt", "lte", "has", "nothave", "regex", "valid_elements", "bitmask"];

impl Criteria {
    /// Reads the value of `tests`. What cannot be is a problem at its place, and the check is then not evaluated.
    pub(super) fn read(tests: Node<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let text = |node: Node<'_>, key: &str| node.get(key).map(|node| node.text().to_owned()).unwrap_or_default();
        let mut criteria = Self::default();
        match tests.get("bin_op") {
            None => {}
            Some(node) if matches!(node.text(), "and" | "") => {}
            Some(node) if node.text() == "or" => criteria.any = true,
            Some(node) => {
                let message = format!("`bin_op` must be `and` or `or`, is `{}`", node.text());
                problems.push(Problem::at(ProblemKind::Invalid, node, message));
            }
        }
        for item in tests.get("test_items").into_iter().flat_map(Node::items) {
            let path = text(item, "path");
            let compare = item.get("compare").map(|compare| (text(compare, "op"), text(compare, "value")));
            if let Some((operator, _)) = &compare
                && !operator.is_empty()
                && !OPERATORS.contains(&operator.as_str())
            {
                let place = item.get("compare").and_then(|compare| compare.get("op")).unwrap_or(item);
                let message = format!("there is no operator `{operator}`");
                problems.push(Problem::at(ProblemKind::Invalid, place, message).help(format!("there are {}", OPERATORS.join(", "))));
            }
            if let Err(why) = Template::parse(&path) {
                let place = item.get("path").unwrap_or(item);
                problems.push(Problem::at(ProblemKind::Invalid, place, format!("the path `{path}` cannot be read: {why}")));
            }
            let set = item.get("set").and_then(Node::as_bool).unwrap_or(true);
            let compare = compare.filter(|(operator, _)| !operator.is_empty());
            criteria.items.push(Item { flag: text(item, "flag"), path, env: text(item, "env"), set, compare });
        }
        (problems.len() == before).then_some(criteria)
    }

    /// Whether there is nothing to compare.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether one of the tests looks at the environment of a process.
    pub(super) fn asks_environment(&self) -> bool {
        self.items.iter().any(|item| !item.env.is_empty())
    }

    /// The same with the names in it replaced.
    pub(super) fn put(&self, put: impl Fn(&str) -> String) -> Self {
        let item = |item: &Item| Item {
            flag: put(&item.flag),
            path: put(&item.path),
            env: put(&item.env),
            set: item.set,
            compare: item.compare.as_ref().map(|(operator, value)| (operator.clone(), put(value))),
        };
        Self { any: self.any, items: self.items.iter().map(item).collect() }
    }

    /// Compares. Each value is looked for in what the command wrote, then in the configuration, then in the environment.
    pub(super) fn judge(&self, outputs: &Outputs, by_line: bool) -> Result<Verdict, Reason> {
        let mut found = Vec::new();
        for item in &self.items {
            let mut one = item.look(&outputs.command, Place::Command, by_line)?;
            let configured = outputs.config.as_ref().map_or(true, |config| !config.is_empty());
            if !one.there && configured {
                one = item.look(outputs.config.as_ref().map_err(Clone::clone)?, Place::Config, by_line)?;
            }
            if !one.there && !item.env.is_empty() {
                one = item.look(outputs.env.as_ref().map_err(Clone::clone)?, Place::Env, by_line)?;
            }
            found.push(one);
        }
        let passed = if self.any { found.iter().any(|one| one.passed) } else { found.iter().all(|one| one.passed) };
        let expected: Vec<String> = found.iter().map(|one| one.expected.clone()).filter(|text| !text.is_empty()).collect();
        let seen: Vec<String> = found.into_iter().filter(|one| !one.passed).map(|one| one.seen).collect();
        let mut distinct: Vec<String> = Vec::new();
        for one in seen {
            if !distinct.contains(&one) {
                distinct.push(one);
            }
        }
        Ok(Verdict { passed, expected: expected.join(if self.any { " OR " } else { " AND " }), seen: distinct.join(", ") })
    }
}

impl Item {
    fn name(&self, place: Place) -> &str {
        match place {
            Place::Command => &self.flag,
            Place::Config => &self.path,
            Place::Env => &self.env,
        }
    }

    fn look(&self, output: &str, place: Place, by_line: bool) -> Result<Found, Reason> {
        let output = output.trim_end_matches([' ', '\n']);
        if !by_line {
            return self.evaluate(output, place);
        }
        let mut found = Found::default();
        for line in output.split('\n') {
            found = self.evaluate(line, place)?;
            if !found.passed {
                break;
            }
        }
        Ok(found)
    }

    fn evaluate(&self, output: &str, place: Place) -> Result<Found, Reason> {
        let name = match self.name(place) {
            // A test of the configuration alone has no flag; what is said of it names what it has.
            "" => [&self.flag, &self.path, &self.env].into_iter().find(|name| !name.is_empty()).map_or("", |name| name.as_str()),
            name => name,
        };
        let value = match place {
            Place::Command => flag(output, &self.flag)?,
            Place::Config => match configured(output, &self.path) {
                Ok(value) => value,
                Err(why) => return Ok(Found { expected: format!("'{name}' can be read"), seen: why, ..Found::default() }),
            },
            Place::Env => environment(output, &self.env)?,
        };
        let seen = match &value {
            None if output.trim().is_empty() && place == Place::Command => "the audit wrote nothing".to_owned(),
            Some(value) => format!("'{name}' is '{}'", shortened(value)),
            None => format!("'{name}' is not there"),
        };
        let there = value.is_some();
        let (passed, expected) = match (self.set, &value, &self.compare) {
            (true, Some(value), Some((operator, wanted))) => compare(operator, value, wanted, name)?,
            (true, _, Some((operator, wanted))) => (false, compare(operator, "", wanted, name)?.1),
            (true, ..) => (there, format!("'{name}' is present")),
            (false, ..) => (!there, format!("'{name}' is not present")),
        };
        Ok(Found { passed, there, expected, seen })
    }
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// A pattern that comes from the file, within limits.
fn pattern(text: &str) -> Result<Regex, Reason> {
    RegexBuilder::new(text).size_limit(1 << 20).build().map_err(|_| format!("the pattern `{text}` is not understood"))
}

/// The value of a flag: `--flag=value`, `flag: value`, the flag alone, or the flag with the value behind it.
fn flag(output: &str, name: &str) -> Result<Option<String>, Reason> {
    if name.is_empty() || !output.contains(name) {
        return Ok(None);
    }
    // The name is a pattern too, as upstream has it.
    let found = pattern(&format!(r"({name})(=|: *)*([^\s]*) *"))?;
    let Some(found) = found.captures(output) else { return Ok(None) };
    let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
    // Names with groups of their own move the value.
    let value = part(found.len() - 1);
    Ok(Some(match value {
        "" if name.starts_with("--") => "true".to_owned(),
        "" => part(1).to_owned(),
        value => value.to_owned(),
    }))
}

/// The value at a path of a configuration in YAML or JSON.
fn configured(output: &str, path: &str) -> Result<Option<String>, String> {
    let (documents, problems) = parse(&Source::new("output", Origin::Stdin, output), Limits::default());
    if let Some(problem) = problems.iter().find(|problem| problem.kind.is_error()) {
        return Err(format!("the configuration cannot be read: {}", problem.message));
    }
    let root = documents.iter().find_map(Document::root).map_or(Json::Null, Node::to_json);
    let value = Template::parse(path)?.fill(&root)?;
    Ok(Some(value).filter(|value| !value.is_empty()))
}

fn environment(output: &str, name: &str) -> Result<Option<String>, Reason> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = pattern(&format!("(?:{name})=(.*)"))?;
    Ok(found.captures(output).and_then(|found| found.get(1)).map(|value| value.as_str().to_owned()).filter(|value| !value.is_empty()))
}

/// Whether a value is as wanted, and what is wanted in words.
fn compare(operator: &str, value: &str, wanted: &str, name: &str) -> Result<(bool, String), Reason> {
    // Booleans are the same in any case.
    let plain = match value.to_lowercase() {
        lower if lower == "true" || lower == "false" => lower,
        _ => value.to_owned(),
    };
    let numbers = || -> Option<(i64, i64)> { value.trim().parse().ok().zip(wanted.trim().parse().ok()) };
    let ordered = |test: fn(i64, i64) -> bool| numbers().is_some_and(|(one, other)| test(one, other));
    Ok(match operator {
        "eq" => (plain == wanted, format!("'{name}' is equal to '{wanted}'")),
        "noteq" => (plain != wanted, format!("'{name}' is not equal to '{wanted}'")),
        "gt" => (ordered(|one, other| one > other), format!("'{name}' is greater than {wanted}")),
        "gte" => (ordered(|one, other| one >= other), format!("'{name}' is greater or equal to {wanted}")),
        "lt" => (ordered(|one, other| one < other), format!("'{name}' is lower than {wanted}")),
        "lte" => (ordered(|one, other| one <= other), format!("'{name}' is lower or equal to {wanted}")),
        "has" => (value.contains(wanted), format!("'{name}' has '{wanted}'")),
        "nothave" => (!value.contains(wanted), format!("'{name}' does not have '{wanted}'")),
        "regex" => (pattern(wanted)?.is_match(value), format!("'{name}' matched by regex expression '{wanted}'")),
        "valid_elements" => {
            let (have, may) = (elements(value), elements(wanted));
            let valid = have.is_empty() == may.is_empty() && have.iter().all(|one| may.contains(one));
            (valid, format!("'{name}' contains valid elements from '{wanted}'"))
        }
        "bitmask" => {
            let octal = |text: &str| i64::from_str_radix(text, 8).ok();
            let within = octal(value).zip(octal(wanted)).is_some_and(|(have, most)| most & have == have);
            (within, format!("'{name}' is {wanted} or more restrictive"))
        }
        other => return Err(format!("there is no operator `{other}`")),
    })
}

/// A list with commas between, and maybe behind.
fn elements(text: &str) -> Vec<&str> {
    let text = text.trim().trim_end_matches(',');
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criteria(yaml: &str) -> Criteria {
        let (documents, _) = parse(&Source::new("tests", Origin::File, yaml), Limits::default());
        let mut problems = Vec::new();
        let read = Criteria::read(documents[0].root().unwrap(), &mut problems);
        read.unwrap_or_else(|| panic!("{problems:?}"))
    }

    fn passes(yaml: &str, outputs: &Outputs, by_line: bool) -> bool {
        criteria(yaml).judge(outputs, by_line).unwrap().passed
    }

    fn command(text: &str) -> Outputs {
        Outputs { command: text.to_owned(), config: Ok(String::new()), env: Ok(String::new()) }
    }

    #[test]
    fn flags_are_found_in_every_form() {
        let table = [
            ("--flag", "kubelet --flag=a --other", Some("a")),
            // A value behind a blank is not seen, as upstream.
            ("--flag", "kubelet --flag a", Some("true")),
            ("--flag", "kubelet --flag", Some("true")),
            ("--flag", "kubelet --flag=", Some("true")),
            ("--flag", "kubelet --other", None),
            ("flag", "flag: a", Some("a")),
            ("flag", "flag:a", Some("a")),
            ("flag", "flag", Some("flag")),
            ("permissions", "permissions=644", Some("644")),
            ("root:root", "root:root", Some("root:root")),
            ("--flag", "--flag==a,b", Some("a,b")),
            ("", "anything", None),
            // Only the first is seen.
            ("--f", "--f=1 --f=2", Some("1")),
            ("a.c", "xa.c=1", Some("1")),
        ];
        for (name, output, wanted) in table {
            assert_eq!(flag(output, name).unwrap().as_deref(), wanted, "{name} in {output}");
        }
        assert!(flag("(", "(").is_err());
    }

    #[test]
    fn values_are_compared() {
        let table = [
            ("eq", "true", "true", true),
            ("eq", "True", "true", true),
            ("eq", "FALSE", "false", true),
            ("eq", "true", "True", false),
            ("eq", "Abc", "abc", false),
            ("noteq", "True", "true", false),
            ("noteq", "a", "b", true),
            ("gt", "5", "4", true),
            ("gt", "4", "4", false),
            ("gt", "4h", "4", false),
            ("gte", " 4 ", "4", true),
            ("gte", "3", "4", false),
            ("lt", "3", "4", true),
            ("lt", "-1", "0", true),
            ("lte", "4", "4", true),
            ("lte", "5", "4", false),
            ("has", "Node,RBAC", "RBAC", true),
            ("has", "Node", "RBAC", false),
            ("has", "", "", true),
            ("nothave", "Node", "AlwaysAllow", true),
            ("nothave", "AlwaysAllow", "AlwaysAllow", false),
            ("regex", "v1.2", r"^v\d", true),
            ("regex", "1.2", r"^v\d", false),
            ("valid_elements", "A,B", "A,B,C", true),
            ("valid_elements", "A, B,", "A,B,C", true),
            ("valid_elements", "A,D", "A,B,C", false),
            ("valid_elements", "", "A", false),
            ("valid_elements", "", "", true),
            ("bitmask", "600", "644", true),
            ("bitmask", "644", "644", true),
            ("bitmask", "640", "600", false),
            ("bitmask", "755", "644", false),
            ("bitmask", "0", "644", true),
            ("bitmask", "rw", "644", false),
            ("bitmask", "600", "9", false),
        ];
        for (operator, value, wanted, passed) in table {
            assert_eq!(compare(operator, value, wanted, "x").unwrap().0, passed, "{value} {operator} {wanted}");
        }
    }

    #[test]
    fn what_has_to_be_there_and_what_not() {
        let table = [
            ("test_items: [{flag: --a}]", "x --a=1", true),
            ("test_items: [{flag: --a}]", "x", false),
            ("test_items: [{flag: --a, set: true}]", "x --a", true),
            ("test_items: [{flag: --a, set: false}]", "x --a", false),
            ("test_items: [{flag: --a, set: false}]", "", true),
            ("test_items: [{flag: --a, compare: {op: eq, value: 1}}]", "x --a=1", true),
            ("test_items: [{flag: --a, compare: {op: eq, value: true}}]", "x --a", true),
            ("test_items: [{flag: --a, compare: {op: nothave, value: y}}]", "x", false),
            ("test_items: [{flag: --a}, {flag: --b}]", "--a", false),
            ("bin_op: and\ntest_items: [{flag: --a}, {flag: --b}]", "--a --b", true),
            ("bin_op: or\ntest_items: [{flag: --a, set: false}, {flag: --a, compare: {op: gte, value: 5}}]", "--a=7", true),
            ("bin_op: or\ntest_items: [{flag: --a}, {flag: --b}]", "--c", false),
        ];
        for (tests, output, wanted) in table {
            assert_eq!(passes(tests, &command(output), false), wanted, "{tests} on {output}");
        }
    }

    #[test]
    fn every_line_has_to_pass() {
        let tests = "test_items: [{flag: permissions, compare: {op: bitmask, value: '600'}}]";
        let table = [
            ("permissions=600\npermissions=400\n", true),
            ("permissions=600\npermissions=644", false),
            ("permissions=600 \n \n", true),
            ("permissions=600\n\npermissions=600", false),
            ("", false),
        ];
        for (output, wanted) in table {
            assert_eq!(passes(tests, &command(output), true), wanted, "{output:?}");
        }
        // By lines the last one decides what was found; as a whole only the first is seen.
        assert!(passes(tests, &command("permissions=600\npermissions=644"), false));
    }

    #[test]
    fn configuration_and_environment_come_after_the_command_line() {
        let tests = "test_items: [{flag: --auth, path: '{.auth.enabled}', env: AUTH, compare: {op: eq, value: false}}]";
        let outputs =
            |command: &str, config: &str, env: &str| Outputs { command: command.into(), config: Ok(config.into()), env: Ok(env.into()) };
        let table = [
            (outputs("kubelet --auth=false", "auth: {enabled: true}", ""), true),
            (outputs("kubelet --auth=true", "auth: {enabled: false}", ""), false),
            (outputs("kubelet", "auth: {enabled: false}", "AUTH=true"), true),
            (outputs("kubelet", "{\"auth\": {\"enabled\": false}}", ""), true),
            (outputs("kubelet", "other: 1", "A=1\nAUTH=false\n"), true),
            (outputs("kubelet", "", "AUTH=False"), true),
            (outputs("kubelet", "", "AUTH="), false),
            (outputs("kubelet", "a: [", ""), false),
        ];
        for (outputs, wanted) in table {
            assert_eq!(passes(tests, &outputs, false), wanted, "{outputs:?}");
        }
        let list = "test_items: [{path: \"{range .suites[:]}{}{','}{end}\", compare: {op: valid_elements, value: 'A,B'}}]";
        assert!(passes(list, &outputs("", "suites: [A, B]", ""), false));
        assert!(!passes(list, &outputs("", "suites: [A, X]", ""), false));
        let closed = Outputs { config: Err("closed".to_owned()), ..outputs("kubelet --auth=false", "", "") };
        assert!(passes(tests, &closed, false), "what is on the command line needs no file");
        let closed = Outputs { config: Err("closed".to_owned()), ..outputs("kubelet", "", "AUTH=false") };
        assert_eq!(criteria(tests).judge(&closed, false), Err("closed".to_owned()));
        // A path without braces is text, which is always there.
        assert!(passes("test_items: [{path: .a}]", &outputs("", "b: 1", ""), false));
    }

    #[test]
    fn a_verdict_says_what_was_wanted_and_what_was_seen() {
        let tests = criteria("bin_op: or\ntest_items: [{flag: --a, compare: {op: eq, value: b}}, {flag: --c, set: false}]");
        let verdict = tests.judge(&command("x --a=d --c=e"), false).unwrap();
        assert_eq!(verdict.expected, "'--a' is equal to 'b' OR '--c' is not present");
        assert_eq!(verdict.seen, "'--a' is 'd', '--c' is 'e'");
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_at_its_place() {
        for (tests, wanted) in [
            ("bin_op: xor\ntest_items: []", "`bin_op` must be `and` or `or`, is `xor`"),
            ("test_items: [{flag: a, compare: {op: like, value: b}}]", "there is no operator `like`"),
            ("test_items: [{path: '{.a'}]", "the path `{.a` cannot be read: a brace is not closed"),
        ] {
            let (documents, _) = parse(&Source::new("tests", Origin::File, tests), Limits::default());
            let mut problems = Vec::new();
            assert!(Criteria::read(documents[0].root().unwrap(), &mut problems).is_none());
            assert_eq!(problems[0].message, wanted);
            assert!(problems[0].location.is_some());
        }
    }
}
