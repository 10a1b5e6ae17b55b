//! `PodSecurityConfiguration`: cluster-wide defaults and exemptions.
//!
//! Source of the rules: kubernetes/pod-security-admission `admission/api/{load,v1,validation}`. Strict, as upstream: what
//! is not known is refused. Unlike upstream, everything that is wrong is said at once and with its place.

use crate::{Level, Policy, Version};
use plimsoll_model::{Limits, Node, Problem, ProblemKind, Source, parse};
use std::sync::Arc;

/// What a cluster's administrator decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// For namespaces without labels.
    pub defaults: Policy,
    /// User names whose requests are not judged; exact.
    pub usernames: Vec<String>,
    /// Namespaces in which nothing is judged; exact.
    pub namespaces: Vec<String>,
    /// Runtime classes whose pods are not judged; exact.
    pub runtime_classes: Vec<String>,
}

const GROUP: &str = "pod-security.admission.config.k8s.io";

impl Configuration {
    /// Reads a `PodSecurityConfiguration`, alone or inside of an `AdmissionConfiguration`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(source: &Arc<Source>) -> Result<Self, Vec<Problem>> {
        let (documents, problems) = parse(source, Limits::default());
        let mut reader = Reader { problems };
        let mut configuration = Self::default();
        match documents.as_slice() {
            // Upstream takes an empty file as the defaults, and no other one without a configuration in it.
            [] if source.text.is_empty() || !reader.problems.is_empty() => {}
            [] => reader.missing(source),
            [document] => {
                if document.root().is_none() {
                    reader.missing(source);
                } else if let Some(root) = document.root().and_then(|root| reader.unwrap(root)) {
                    configuration = reader.configuration(root);
                }
            }
            [_, second, ..] => {
                if let Some(root) = second.root() {
                    reader.wrong(root, "one configuration is expected, here starts another document");
                }
            }
        }
        if reader.problems.is_empty() { Ok(configuration) } else { Err(reader.problems) }
    }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn wrong(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.problems.push(Problem::at(ProblemKind::Configuration, node, message));
    }

    fn missing(&mut self, source: &Source) {
        let problem = Problem::new(ProblemKind::Configuration, "no configuration in this file").target(&source.name);
        self.problems.push(problem.help(format!("`apiVersion: {GROUP}/v1` and `kind: PodSecurityConfiguration` are expected")));
    }

    /// The configuration itself, out of an `AdmissionConfiguration` if it is in one.
    fn unwrap<'a>(&mut self, root: Node<'a>) -> Option<Node<'a>> {
        if root.get("kind").map(Node::text) != Some("AdmissionConfiguration") {
            return Some(root);
        }
        let version = root.get("apiVersion");
        let known = ["apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1"];
        if !version.is_some_and(|version| known.contains(&version.text())) {
            self.wrong(version.unwrap_or(root), "`apiVersion` of an AdmissionConfiguration must be `apiserver.config.k8s.io/v1`");
            return None;
        }
        let plugins = root.get("plugins").into_iter().flat_map(Node::items);
        let Some(plugin) = plugins.into_iter().find(|plugin| plugin.get("name").map(Node::text) == Some("PodSecurity")) else {
            self.wrong(root, "no plugin `PodSecurity` in this AdmissionConfiguration");
            return None;
        };
        match (plugin.get("configuration"), plugin.get("path")) {
            (Some(configuration), _) => Some(configuration),
            (None, Some(path)) => {
                self.wrong(path, format!("the configuration of PodSecurity is in the file `{}`; give that file", path.text()));
                None
            }
            (None, None) => {
                self.wrong(plugin, "the plugin `PodSecurity` has no `configuration`");
                None
            }
        }
    }

    fn configuration(&mut self, root: Node<'_>) -> Configuration {
        let mut configuration = Configuration::default();
        let kind = root.get("kind").map_or("", Node::text);
        let version = root.get("apiVersion").map_or("", Node::text);
        let known = version.strip_prefix(GROUP).is_some_and(|version| matches!(version, "/v1" | "/v1beta1" | "/v1alpha1"));
        if kind != "PodSecurityConfiguration" || !known {
            self.wrong(
                root,
                format!("`apiVersion: {GROUP}/v1` and `kind: PodSecurityConfiguration` are expected, not `{version}` and `{kind}`"),
            );
            return configuration;
        }
        for (key, value) in self.fields(root, "the configuration", &["apiVersion", "kind", "defaults", "exemptions"]) {
            match key.text() {
                "defaults" => configuration.defaults = self.defaults(value),
                "exemptions" => {
                    for (key, value) in self.fields(value, "`exemptions`", &["usernames", "namespaces", "runtimeClasses"]) {
                        match key.text() {
                            "usernames" => configuration.usernames = self.names(key, value, username_error),
                            "namespaces" => configuration.namespaces = self.names(key, value, label_error),
                            _ => configuration.runtime_classes = self.names(key, value, subdomain_error),
                        }
                    }
                }
                _ => {}
            }
        }
        configuration
    }

    fn fields<'a>(&mut self, node: Node<'a>, what: &str, known: &[&str]) -> Vec<(Node<'a>, Node<'a>)> {
        if !node.is_map() {
            self.wrong(node, format!("{what} must be a map, is {}", node.describe()));
        }
        let mut fields = Vec::new();
        for (key, value) in node.entries() {
            if !known.contains(&key.text()) {
                let problem = Problem::at(ProblemKind::Configuration, key, format!("unknown field `{}` in {what}", key.text()));
                self.problems.push(problem.help(format!("known fields: {}", known.join(", "))));
            } else if !value.is_null() {
                fields.push((key, value));
            }
        }
        fields
    }

    fn defaults(&mut self, node: Node<'_>) -> Policy {
        const KNOWN: &[&str] = &["enforce", "enforce-version", "audit", "audit-version", "warn", "warn-version"];
        let mut policy = Policy::default();
        for (key, value) in self.fields(node, "`defaults`", KNOWN) {
            let (mode, is_version) = key.text().strip_suffix("-version").map_or((key.text(), false), |mode| (mode, true));
            let target = match mode {
                "enforce" => &mut policy.enforce,
                "audit" => &mut policy.audit,
                _ => &mut policy.warn,
            };
            let text = value.as_str().unwrap_or("");
            // Upstream fills in empty values (admission/api/v1/defaults.go).
            let outcome = match (value.as_str(), is_version) {
                (None, _) => Err(format!("must be a string, is {}", value.describe())),
                (Some(""), _) => Ok(()),
                (Some(_), true) => text.parse::<Version>().map(|version| target.version = version),
                (Some(_), false) => text.parse::<Level>().map(|level| target.level = level),
            };
            if let Err(rule) = outcome {
                self.wrong(value, format!("`defaults.{}` {rule}", key.text()));
            }
        }
        policy
    }

    fn names(&mut self, key: Node<'_>, value: Node<'_>, error: fn(&str) -> Option<&'static str>) -> Vec<String> {
        if !value.is_list() {
            self.wrong(value, format!("`exemptions.{}` must be a list, is {}", key.text(), value.describe()));
        }
        let mut names: Vec<String> = Vec::new();
        for (at, item) in value.items().enumerate() {
            let place = format!("`exemptions.{}[{at}]`", key.text());
            match item.as_str() {
                None => self.wrong(item, format!("{place} must be a string, is {}", item.describe())),
                Some(name) => match error(name) {
                    Some(rule) => self.wrong(item, format!("{place} {rule}")),
                    None if names.iter().any(|known| known == name) => self.wrong(item, format!("{place} stands twice: `{name}`")),
                    None => names.push(name.to_owned()),
                },
            }
        }
        names
    }
}

fn username_error(name: &str) -> Option<&'static str> {
    name.is_empty().then_some("must not be empty")
}

/// RFC 1123 label, as names of namespaces are.
fn label_error(name: &str) -> Option<&'static str> {
    (!is_label(name) || name.len() > 63)
        .then_some("must be a DNS label: lower-case letters, digits and `-`, at most 63, not starting or ending with `-`")
}

/// RFC 1123 subdomain, as names of runtime classes are.
fn subdomain_error(name: &str) -> Option<&'static str> {
    let fits = !name.is_empty() && name.len() <= 253 && name.split('.').all(is_label);
    (!fits).then_some("must be a DNS subdomain: labels of lower-case letters, digits and `-`, joined by dots, at most 253")
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}
