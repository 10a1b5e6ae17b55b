//! The configuration, `plimsoll.yaml`: checks on and off, severities, exceptions, custom workload kinds.

use crate::document::Node;
use crate::{Location, Problem, ProblemKind, Severity, Source, WorkloadKind};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What a user decides for a whole tree or cluster.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Checks that are switched off or weigh differently, by glob over ids in the order of the file; the last match wins.
    pub checks: Vec<(String, CheckSetting)>,
    /// What is accepted.
    pub exceptions: Vec<Exception>,
    /// Custom kinds that carry a pod template.
    pub workloads: Vec<WorkloadKind>,
    /// Lists that checks compare with: name, values, where the entry stands.
    pub parameters: Vec<(String, Vec<String>, Location)>,
    /// Inputs of Kubescape's controls, for policies that are its rules: name and values.
    pub policy_inputs: Vec<(String, Vec<String>)>,
    /// Frameworks of the user's own.
    pub frameworks: Vec<UserFramework>,
}

/// A framework of the user's own: controls, and the checks that answer for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFramework {
    /// As `--framework` names it.
    pub name: String,
    /// Controls in order: id, and globs over check ids.
    pub controls: Vec<(String, Vec<String>)>,
}

/// What the configuration says of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckSetting {
    /// Not run.
    Off,
    /// Run as it is, after a wider glob switched it off.
    On,
    /// Run, with this severity.
    Severity(Severity),
}

/// An accepted finding: which, why, by whom, until when. Every pattern that is given has to match.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Globs over check ids; never empty.
    pub ids: Vec<String>,
    /// The object's namespace; of a Namespace, its name.
    pub namespace: Option<Pattern>,
    /// The object's kind.
    pub kind: Option<Pattern>,
    /// The object's name.
    pub workload: Option<Pattern>,
    /// The container's name.
    pub container: Option<Pattern>,
    /// The container's image reference.
    pub image: Option<Pattern>,
    /// The JSON pointer to what is wrong.
    pub path: Option<Pattern>,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day it holds.
    pub expires: Option<Date>,
    /// `file:line` of the entry.
    pub written_at: String,
    /// Where the entry stands.
    pub place: Place,
}

/// A [`Location`] that compares by what it shows.
#[derive(Debug, Clone)]
pub struct Place(pub Location);

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Config {
    /// Reads a configuration. Strict: what is not known is a problem, because a misspelt exception accepts nothing.
    pub fn read(source: &Arc<Source>) -> (Self, Vec<Problem>) {
        let (documents, mut problems) = crate::parse(source, crate::Limits::default());
        let mut config = Self::default();
        for document in &documents {
            let Some(root) = document.root() else { continue };
            const KNOWN: &[&str] = &["checks", "exceptions", "frameworks", "parameters", "policy", "workloads"];
            let mut reader = Reader { problems: &mut problems };
            for (key, value) in reader.fields(root, "the configuration", KNOWN) {
                match key.text() {
                    "checks" => config.checks.extend(reader.checks(value)),
                    "exceptions" => config.exceptions.extend(reader.list(key, value).into_iter().filter_map(|node| reader.exception(node))),
                    "frameworks" => config.frameworks.extend(reader.frameworks(value)),
                    "parameters" => config.parameters.extend(reader.lists(key, value)),
                    "policy" => {
                        for (key, value) in reader.fields(value, "`policy`", &["inputs"]) {
                            let lists = reader.lists(key, value).into_iter();
                            config.policy_inputs.extend(lists.map(|(name, values, _)| (name, values)));
                        }
                    }
                    _ => config.workloads.extend(reader.list(key, value).into_iter().filter_map(|node| reader.workload(node))),
                }
            }
        }
        (config, problems)
    }

    /// What the configuration says of the check `id`, if anything.
    pub fn setting(&self, id: &str) -> Option<CheckSetting> {
        self.checks.iter().rev().find(|(pattern, _)| glob(pattern, id)).map(|(_, setting)| *setting)
    }
}

/// A pattern over names: a glob, or after `~` a regular expression that is found anywhere.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// `*` stands for any text.
    Glob(String),
    /// As the regex crate reads it.
    Regex(regex::Regex),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with the regular expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('~') {
            Some(expression) => {
                regex::Regex::new(expression).map(Self::Regex).map_err(|_| format!("`{expression}` is no regular expression"))
            }
            None => Ok(Self::Glob(text.to_owned())),
        }
    }

    /// Whether `text` fits.
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Glob(pattern) => glob(pattern, text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(pattern) => f.write_str(pattern),
            Self::Regex(regex) => write!(f, "~{regex}"),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text and everything else for itself.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

struct Reader<'p> {
    problems: &'p mut Vec<Problem>,
}

impl<'a> Reader<'_> {
    fn wrong(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.problems.push(Problem::at(ProblemKind::Configuration, node, message));
    }

    /// The entries of a map whose keys are `known`; another key is a problem.
    fn fields(&mut self, node: Node<'a>, what: &str, known: &[&str]) -> Vec<(Node<'a>, Node<'a>)> {
        if !node.is_map() {
            self.wrong(node, format!("{what} must be a map, is {}", node.describe()));
        }
        let (fields, unknown): (Vec<_>, Vec<_>) =
            node.entries().filter(|(_, value)| !value.is_null()).partition(|(key, _)| known.contains(&key.text()));
        for (key, _) in unknown {
            let problem = Problem::at(ProblemKind::Configuration, key, format!("unknown key `{}` in {what}", key.text()));
            self.problems.push(problem.help(format!("known keys: {}", known.join(", "))));
        }
        fields
    }

    fn list(&mut self, key: Node<'a>, value: Node<'a>) -> Vec<Node<'a>> {
        if !value.is_list() {
            self.wrong(value, format!("`{}` must be a list, is {}", key.text(), value.describe()));
        }
        value.items().collect()
    }

    fn text(&mut self, key: Node<'a>, value: Node<'a>) -> Option<String> {
        if value.is_map() || value.is_list() || value.text().trim().is_empty() {
            self.wrong(value, format!("`{}` must be text", key.text()));
            return None;
        }
        Some(value.text().trim().to_owned())
    }

    fn checks(&mut self, node: Node<'a>) -> Vec<(String, CheckSetting)> {
        if !node.is_map() {
            self.wrong(node, format!("`checks` must be a map of check ids, is {}", node.describe()));
        }
        let mut settings = Vec::new();
        for (key, value) in node.entries() {
            // `off` and `on` are booleans to YAML 1.1; the text is what the user wrote.
            let setting = match value.text() {
                "off" | "Off" | "OFF" | "false" => CheckSetting::Off,
                "on" | "On" | "ON" | "true" => CheckSetting::On,
                text => match text.parse() {
                    Ok(severity) => CheckSetting::Severity(severity),
                    Err(_) => {
                        self.wrong(
                            value,
                            format!("`{}` must be `on`, `off` or a severity (info, low, medium, high, critical)", key.text()),
                        );
                        continue;
                    }
                },
            };
            settings.push((key.text().to_owned(), setting));
        }
        settings
    }

    fn lists(&mut self, holder: Node<'a>, node: Node<'a>) -> Vec<(String, Vec<String>, Location)> {
        if !node.is_map() {
            self.wrong(node, format!("`{}` must be a map of lists, is {}", holder.text(), node.describe()));
        }
        // One value need not be written as a list.
        let is_list = |value: Node<'_>| value.is_list() || value.is_map() || value.is_null();
        let lists = node.entries().map(|(key, value)| (key, if is_list(value) { self.list(key, value) } else { vec![value] }));
        lists
            .map(|(key, list)| (key.text().to_owned(), list.into_iter().map(|one| one.text().to_owned()).collect(), key.location()))
            .collect()
    }

    /// `name: {control: [check, …]}`
    fn frameworks(&mut self, node: Node<'a>) -> Vec<UserFramework> {
        if !node.is_map() {
            self.wrong(node, format!("`frameworks` must be a map of frameworks, is {}", node.describe()));
        }
        let mut frameworks = Vec::new();
        for (name, controls) in node.entries() {
            if !controls.is_map() {
                self.wrong(controls, format!("`{}` must be a map of controls, is {}", name.text(), controls.describe()));
            }
            let read = |(control, checks): (Node<'a>, Node<'a>)| {
                let checks = self.list(control, checks).into_iter().map(|check| check.text().to_owned()).collect();
                (control.text().to_owned(), checks)
            };
            let controls = controls.entries().map(read).collect();
            frameworks.push(UserFramework { name: name.text().to_owned(), controls });
        }
        frameworks
    }

    fn exception(&mut self, node: Node<'a>) -> Option<Exception> {
        const KNOWN: &[&str] = &["id", "namespace", "workload", "container", "image", "path", "reason", "owner", "expires"];
        let problems_before = self.problems.len();
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        let mut ids = Vec::new();
        let mut expires = None;
        for (key, value) in self.fields(node, "an exception", KNOWN) {
            match key.text() {
                "id" if value.is_list() => ids.extend(value.items().map(|id| id.text().to_owned())),
                "id" => ids.extend(self.text(key, value)),
                "expires" => match value.text().parse::<Date>() {
                    Ok(date) => expires = Some(date),
                    Err(_) => self.wrong(value, "`expires` must be a day like 2027-06-30"),
                },
                name => {
                    if let Some(text) = self.text(key, value) {
                        texts.insert(name, text);
                    }
                }
            }
        }
        if ids.is_empty() {
            self.wrong(node, "an exception needs `id`: the check, or a list of checks");
        }
        for needed in ["reason", "owner"] {
            if node.get(needed).is_none() {
                self.wrong(node, format!("an exception needs `{needed}`"));
            }
        }
        let location = node.location();
        let mut pattern = |text: Option<&str>| match text.map(Pattern::parse)? {
            Ok(pattern) => Some(pattern),
            Err(message) => {
                self.wrong(node, message);
                None
            }
        };
        // `Kind/name`, either of which may be an expression; a slash within one is written `[/]`.
        let workload =
            texts.get("workload").map(|text| text.split_once('/').map_or((None, text.as_str()), |(kind, name)| (Some(kind), name)));
        let kind = pattern(workload.and_then(|(kind, _)| kind));
        let workload = pattern(workload.map(|(_, name)| name));
        let [namespace, container, image, path] =
            ["namespace", "container", "image", "path"].map(|key| pattern(texts.get(key).map(String::as_str)));
        (self.problems.len() == problems_before).then(|| Exception {
            ids,
            namespace,
            kind,
            workload,
            container,
            image,
            path,
            reason: texts.remove("reason").unwrap_or_default(),
            owner: texts.remove("owner"),
            expires,
            written_at: format!("{}:{}", location.source.name, location.start().line),
            place: Place(location),
        })
    }

    fn workload(&mut self, node: Node<'a>) -> Option<WorkloadKind> {
        let problems_before = self.problems.len();
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        for (key, value) in self.fields(node, "a workload kind", &["group", "kind", "podTemplate"]) {
            // The core group is the empty text.
            if key.text() == "group" {
                texts.insert("group", value.text().to_owned());
            } else if let Some(text) = self.text(key, value) {
                texts.insert(key.text(), text);
            }
        }
        let (Some(kind), Some(template)) = (texts.remove("kind"), texts.remove("podTemplate")) else {
            self.wrong(node, "a workload kind needs `kind` and `podTemplate`, a JSON pointer like /spec/template");
            return None;
        };
        if !template.is_empty() && !template.starts_with('/') {
            self.wrong(node, "`podTemplate` must be a JSON pointer like /spec/template");
        }
        let group = texts.remove("group").unwrap_or_default();
        (self.problems.len() == problems_before).then_some(WorkloadKind { group, kind, template })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn read(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = Config::read(&Source::new("plimsoll.yaml", Origin::File, text));
        (config, problems.iter().map(|problem| format!("{} {}", problem.place(), problem.message)).collect())
    }

    #[test]
    fn globs() {
        let table = [
            ("*", "", true),
            ("*", "x", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("", "", true),
            ("", "x", false),
            ("a*a", "a", false),
            ("PSS-*", "PSS-privileged", true),
        ];
        for (pattern, text, wanted) in table {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_whole_configuration() {
        let (config, problems) = read(
            "checks:\n  PSS-*: off\n  PSS-hostPorts: low\n  PSS-privileged: on\nexceptions:\n- id: [PSS-hostNamespaces, PSS-hostPorts]\n  namespace: ops-*\n  workload: DaemonSet/node-*\n  reason: reads the node\n  owner: platform\n  expires: 2027-06-30\nworkloads:\n- {group: example.com, kind: Gizmo, podTemplate: /spec/pod}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(config.setting("PSS-sysctls"), Some(CheckSetting::Off));
        assert_eq!(config.setting("PSS-hostPorts"), Some(CheckSetting::Severity(Severity::Low)));
        assert_eq!(config.setting("PSS-privileged"), Some(CheckSetting::On));
        assert_eq!(config.setting("POD-001"), None);
        let exception = &config.exceptions[0];
        assert_eq!([&exception.kind, &exception.workload].map(|pattern| pattern.as_ref().unwrap().to_string()), ["DaemonSet", "node-*"]);
        assert_eq!(exception.written_at, "plimsoll.yaml:6");
        assert_eq!(exception.expires, Some(jiff::civil::date(2027, 6, 30)));
        assert_eq!(config.workloads[0].template, "/spec/pod");
    }

    #[test]
    fn mistakes_are_named() {
        let table = [
            ("check: {}\n", "plimsoll.yaml:1:1 unknown key `check` in the configuration"),
            ("checks: [a]\n", "plimsoll.yaml:1:9 `checks` must be a map of check ids, is a list"),
            ("checks: {a: loud}\n", "plimsoll.yaml:1:13 `a` must be `on`, `off` or a severity (info, low, medium, high, critical)"),
            ("exceptions:\n- id: a\n  owner: b\n", "plimsoll.yaml:2:3 an exception needs `reason`"),
            ("exceptions:\n- id: a\n  reason: b\n", "plimsoll.yaml:2:3 an exception needs `owner`"),
            ("exceptions:\n- {reason: a, owner: b}\n", "plimsoll.yaml:2:3 an exception needs `id`: the check, or a list of checks"),
            ("exceptions:\n- {id: a, reason: a, owner: b, expires: soon}\n", "plimsoll.yaml:2:41 `expires` must be a day like 2027-06-30"),
            ("exceptions:\n- {id: a, reason: a, owner: b, namespace: '~('}\n", "plimsoll.yaml:2:3 `(` is no regular expression"),
            ("exceptions: {}\n", "plimsoll.yaml:1:13 `exceptions` must be a list, is a map"),
            (
                "workloads:\n- kind: A\n",
                "plimsoll.yaml:2:3 a workload kind needs `kind` and `podTemplate`, a JSON pointer like /spec/template",
            ),
            ("- a\n", "plimsoll.yaml:1:1 the configuration must be a map, is a list"),
        ];
        for (text, wanted) in table {
            let (config, problems) = read(text);
            assert_eq!(problems, [wanted], "{text}");
            assert!(config.exceptions.is_empty());
        }
    }
}
