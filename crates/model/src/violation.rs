//! What a check says of one place, and how it becomes a finding.

use crate::document::{Node, Way};
use crate::{
    Applicability, Container, EvidenceCommand, Finding, JsonText, Location, ObjectChange, ObjectId, PatchKind, PatchOp, Pod, Related,
    Remediation, Rule, Severity, Span, Subject, Target, tokens,
};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// One place in a pod or an object that a check objects to, and what cures it.
///
/// Pointers start at what the check looks at: what holds `metadata` and `spec` of a pod, or the object's root.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The index of the container in [`Pod::containers`]; `None` if it is not about one.
    pub container: Option<usize>,
    /// JSON pointer to the value that is wrong or missing.
    pub pointer: String,
    /// What is wrong, with its container named.
    pub message: String,
    /// The severity here, where it differs from the check's.
    pub severity: Option<Severity>,
    /// What to do.
    pub cure: Cow<'static, str>,
    /// The smallest set of changes that cures it.
    pub changes: Vec<Change>,
    /// What else changes: another object, a new one, one that goes.
    pub objects: Vec<ObjectChange>,
    /// Whether the manifest alone shows that the changes are harmless.
    pub applicability: Applicability,
    /// What to run in the container to learn what has to be known.
    pub probe: Option<&'static str>,
    /// What else to run to learn it: a whole command.
    pub command: Option<String>,
    /// The facts that it rests on, one sentence each.
    pub evidence: Vec<String>,
    /// Other objects that take part.
    pub related: Vec<Related>,
    /// Whether the value is a secret, which nothing may print.
    pub concealed: bool,
}

/// A value to set or to remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// JSON pointer; missing parents are to be made, `/-` appends to a list that exists.
    pub pointer: String,
    /// The value, or `None` to remove what is there.
    pub value: Option<Value>,
}

impl Violation {
    /// A violation at `pointer`.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            container: None,
            pointer: pointer.into(),
            message: message.into(),
            severity: None,
            cure: Cow::Borrowed(""),
            changes: Vec::new(),
            objects: Vec::new(),
            applicability: Applicability::Safe,
            probe: None,
            command: None,
            evidence: Vec::new(),
            related: Vec::new(),
            concealed: false,
        }
    }

    /// A violation of container `index` of `pod`; `pointer` is below the container.
    pub fn of_container(pod: &Pod<'_>, index: usize, pointer: &str, message: impl FnOnce(&str) -> String) -> Self {
        let (place, name) = pod.containers.get(index).map_or_else(Default::default, |one| (one.pointer(), one.name));
        Self { container: Some(index), ..Self::at(format!("/spec{place}{pointer}"), message(&format!("container `{name}`"))) }
    }

    /// What cures it: `what` to do, the value that the violation's own pointer gets (`None` removes it).
    #[must_use]
    pub fn cured_by(self, what: impl Into<Cow<'static, str>>, value: Option<Value>) -> Self {
        let pointer = self.pointer.clone();
        self.cured_at(what, pointer, value)
    }

    /// What cures it by a change at another place.
    #[must_use]
    pub fn cured_at(mut self, what: impl Into<Cow<'static, str>>, pointer: impl Into<String>, value: Option<Value>) -> Self {
        self.cure = what.into();
        self.changes.reserve_exact(1);
        self.changes.push(Change { pointer: pointer.into(), value });
        self
    }

    /// What cures it by a new object.
    #[must_use]
    pub fn creating(mut self, what: impl Into<Cow<'static, str>>, object: Value) -> Self {
        self.cure = what.into();
        self.objects.push(ObjectChange::Create { object: object.into() });
        self
    }

    /// What cures it by changes of another object. What is as it should be already is no change.
    #[must_use]
    pub fn changing(mut self, what: impl Into<Cow<'static, str>>, object: &crate::Object<'_>, changes: &[Change]) -> Self {
        self.cure = what.into();
        let patch = patch(object.node, "", changes);
        if !patch.is_empty() {
            self.objects.push(ObjectChange::Patch { target: target(object), patch });
        }
        self
    }

    /// What cures it by taking an object away: the one that is blamed, or another.
    #[must_use]
    pub fn deleting(mut self, what: impl Into<Cow<'static, str>>, object: &crate::Object<'_>) -> Self {
        self.cure = what.into();
        self.objects.push(ObjectChange::Delete { target: target(object) });
        self
    }

    /// What to do where no patch can be given: somebody has to choose.
    #[must_use]
    pub fn advice(mut self, what: impl Into<Cow<'static, str>>) -> Self {
        self.cure = what.into();
        self
    }

    /// What has to be known before the change is made.
    #[must_use]
    pub fn needs(mut self, evidence: impl Into<Cow<'static, str>>) -> Self {
        self.applicability = Applicability::NeedsEvidence(evidence.into());
        self
    }

    /// What to run in the container to learn what has to be known.
    #[must_use]
    pub fn probed_by(mut self, command: &'static str) -> Self {
        self.probe = Some(command);
        self
    }

    /// The command that tells what has to be known.
    #[must_use]
    pub fn asked_by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// The severity here, other than the check's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// That the value is a secret: the place ends before it, and reports leave it out of the text that they show.
    #[must_use]
    pub fn concealed(mut self) -> Self {
        self.concealed = true;
        self
    }

    /// A fact that it rests on.
    #[must_use]
    pub fn because(mut self, fact: impl Into<String>) -> Self {
        // Most findings have one: a list of four would be three too many, a million times.
        self.evidence.reserve_exact(1);
        self.evidence.push(fact.into());
        self
    }

    /// Another object that takes part: its place at `pointer`.
    #[must_use]
    pub fn with(mut self, object: &crate::Object<'_>, pointer: impl Into<String>) -> Self {
        let pointer = pointer.into();
        let location = Some(place(object.node, &pointer));
        self.related.reserve_exact(1);
        self.related.push(Related { object: Arc::new(object.id()), pointer, location });
        self
    }

    /// The finding of `rule` about `object`. `base` is the node that pointers start at, `prefix` the pointer from the
    /// object to it.
    pub fn into_finding(
        mut self,
        rule: &Arc<Rule>,
        object: &Arc<ObjectId>,
        base: Option<Node<'_>>,
        prefix: &str,
        pod: Option<&Pod<'_>>,
    ) -> Finding {
        let container = self.container.zip(pod).and_then(|(index, pod)| pod.containers.get(index));
        let advised = !self.cure.is_empty();
        // Messages are formatted, with room to spare.
        self.message.shrink_to_fit();
        Finding {
            rule: Arc::clone(rule),
            severity: self.severity.unwrap_or(rule.severity),
            subject: Subject {
                object: Arc::clone(object),
                container: container.map(Container::id),
                pointer: joined(prefix, &self.pointer),
            },
            location: base.map(|node| if self.concealed { concealed_place(node, &self.pointer) } else { place(node, &self.pointer) }),
            concealed: self.concealed,
            evidence: self.evidence,
            related: self.related,
            remediation: base.filter(|_| advised).map(|node| {
                Box::new(Remediation {
                    summary: self.cure,
                    patch: patch(node, prefix, &self.changes),
                    changes: self.objects,
                    applicability: self.applicability,
                    evidence: self.command.map(EvidenceCommand::Whole).or(self.probe.map(EvidenceCommand::InContainer)),
                })
            }),
            message: self.message,
            exception: None,
        }
    }
}

fn target(object: &crate::Object<'_>) -> Target {
    Target { object: object.id(), location: object.node.location() }
}

/// A word as a POSIX shell takes it for one: commands are pasted, and names in manifests are anybody's.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_-./:@=,+%".contains(one);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// The bytes of the value at `pointer` with its key; of a value that is missing, the key of the nearest parent, which
/// for a container is its name.
fn place(top: Node<'_>, pointer: &str) -> Location {
    let Way { node, key, reached } = top.follow(pointer);
    let mut location = node.location();
    if reached {
        if let Some(key) = key {
            let scalar = !node.is_map() && !node.is_list() && !node.is_alias();
            location.span = if scalar { Span { start: key.span().start, ..node.span() } } else { key.span() };
        }
        return location;
    }
    if let Some((key, name)) = node.entry("name").filter(|(_, name)| !name.is_map()) {
        location.span = Span { start: key.span().start, end: name.span().end.max(key.span().end) };
    } else if node == top
        // Of an object as a whole, its name is enough to show; of a map with content, its key.
        && let Some(name) = top.at(&["metadata", "name"]).or_else(|| top.get("kind"))
    {
        location.span = name.span();
    } else if let Some(key) = key {
        location.span = key.span();
    }
    location
}

/// The place of a value that must not be shown: its key, or where it starts.
fn concealed_place(top: Node<'_>, pointer: &str) -> Location {
    let Way { node, key, reached: true } = top.follow(pointer) else { return place(top, pointer) };
    let start = node.span().start;
    Location { span: key.map_or(Span { start, end: start }, Node::span), ..node.location() }
}

/// `changes` as a JSON Patch of the object: parents that are missing are part of the value that is added. Nothing where
/// one of them cannot be made, because something else than a map stands where a parent should.
fn patch(top: Node<'_>, base: &str, changes: &[Change]) -> Vec<PatchOp> {
    let mut patch = Vec::with_capacity(changes.len());
    for change in changes {
        match operation(top, base, change) {
            Some(op) => patch.extend(op),
            None => return Vec::new(),
        }
    }
    patch
}

/// A text of exactly the room that it takes.
fn joined(first: &str, second: &str) -> String {
    let mut whole = String::with_capacity(first.len() + second.len());
    whole.push_str(first);
    whole.push_str(second);
    whole
}

/// `None` if the change cannot be made, nothing inside if there is nothing to do.
#[expect(clippy::option_option, reason = "that nothing has to be done is not that nothing can be done")]
fn operation(top: Node<'_>, base: &str, change: &Change) -> Option<Option<PatchOp>> {
    let at = |pointer: &str| joined(base, pointer);
    let Some(value) = &change.value else {
        return Some(top.resolve(&change.pointer).map(|_| PatchOp::remove(at(&change.pointer))));
    };
    if let Some(list) = change.pointer.strip_suffix("/-") {
        if top.resolve(list).is_some_and(Node::is_list) {
            return Some(Some(PatchOp::add(at(&change.pointer), value.clone())));
        }
        let whole = Change { pointer: list.to_owned(), value: Some(Value::Array(vec![value.clone()])) };
        return operation(top, base, &whole);
    }
    let mut node = top;
    let mut reached = 0;
    for (token, end) in tokens(&change.pointer).zip(ends(&change.pointer)) {
        match node.child(&token) {
            // A `securityContext:` without a value is replaced as a whole.
            Some(child) if !child.is_null() => (node, reached) = (child, end),
            None if !node.is_map() => return None,
            found => {
                let missing = tokens(change.pointer.get(end..).unwrap_or(""));
                let op = if found.is_some() { PatchKind::Replace } else { PatchKind::Add };
                let path = at(change.pointer.get(..end).unwrap_or(""));
                return Some(Some(PatchOp { op, path, value: Some(JsonText::below(missing, value)) }));
            }
        }
    }
    Some((node.to_json() != *value).then(|| PatchOp::replace(at(change.pointer.get(..reached).unwrap_or("")), Value::clone(value))))
}

/// Where each token of a JSON pointer ends.
fn ends(pointer: &str) -> impl Iterator<Item = usize> {
    pointer.match_indices('/').skip(1).map(|(at, _)| at).chain(std::iter::once(pointer.len()))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell_word("deployment/web"), "deployment/web");
        assert_eq!(shell_word("a; reboot"), "'a; reboot'");
        assert_eq!(shell_word("$(x)'y"), r"'$(x)'\''y'");
        assert_eq!(shell_word(""), "''");
    }
}
