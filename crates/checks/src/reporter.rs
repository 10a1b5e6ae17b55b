//! What a check reports to: violations, what it could not know, and the indexes that it may ask.

use crate::assess::Tally;
use crate::base64;
use crate::exposure::Exposure;
use crate::facts::Facts;
use crate::grants::{self, Grant, Grants};
use crate::host::File;
use crate::parameters::Parameters;
use plimsoll_model::rbac;
use plimsoll_model::{
    Document, Finding, Inventory, Limits, Object, ObjectId, Origin, Pod, Rule, Severity, Source, Unknown, Violation, parse,
};
use std::sync::Arc;

/// The surroundings of one call of a check.
pub(crate) struct Reporter<'r, 'a> {
    /// All that was read, indexed.
    pub(crate) inventory: &'r Inventory<'a>,
    /// Who is granted what.
    pub(crate) grants: &'r Grants<'a>,
    /// What leads to workloads.
    pub(crate) exposure: &'r Exposure<'a>,
    /// What few objects say of the whole cluster.
    pub(crate) facts: &'r Facts,
    /// What the user has chosen.
    pub(crate) parameters: &'r Parameters,
    pub(crate) findings: Vec<Finding>,
    pub(crate) tallies: Vec<Tally>,
    current: Current<'r, 'a>,
    /// The file in the object that is looked at, where it is a file's content that checks see: its pointer and its name.
    inside: Option<(String, String)>,
    /// Documents in base64 in the object that is looked at: many checks ask for the same.
    decoded: Vec<Decoded>,
}

/// A document that stands in another one in base64.
struct Decoded {
    /// Where its text is: address and length.
    place: (usize, usize),
    document: Option<Arc<Document>>,
}

/// What the check that runs looks at.
struct Current<'r, 'a> {
    check: usize,
    rule: Option<&'r Arc<Rule>>,
    object: Option<Object<'a>>,
    id: Option<Arc<ObjectId>>,
    pod: Option<&'r Pod<'a>>,
}

impl<'r, 'a> Reporter<'r, 'a> {
    pub(crate) fn new(
        inventory: &'r Inventory<'a>,
        grants: &'r Grants<'a>,
        exposure: &'r Exposure<'a>,
        facts: &'r Facts,
        parameters: &'r Parameters,
        checks: usize,
    ) -> Self {
        let current = Current { check: 0, rule: None, object: None, id: None, pod: None };
        Self {
            inventory,
            grants,
            exposure,
            facts,
            parameters,
            findings: Vec::new(),
            tallies: vec![Tally::default(); checks],
            current,
            inside: None,
            decoded: Vec::new(),
        }
    }

    /// Says that what follows is about `object`, and `pod` if it is looked at as one.
    pub(crate) fn enter(&mut self, object: Object<'a>, pod: Option<&'r Pod<'a>>) {
        self.current.object = Some(object);
        self.current.id = None;
        self.current.pod = pod;
        self.decoded.clear();
    }

    /// Says that what follows is about the content of a file in what was entered, or no longer.
    pub(crate) fn inside(&mut self, file: Option<&File<'_>>) {
        self.inside = file.map(|file| (format!("{}/content", file.data.pointer), file.name().to_owned()));
    }

    /// Whether a file on a node is looked at, and not one that was given by itself.
    pub(crate) fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    /// The document that `text` of what is looked at holds in base64.
    pub(crate) fn decoded(&mut self, text: &str) -> Option<Arc<Document>> {
        let place = (text.as_ptr().addr(), text.len());
        if let Some(known) = self.decoded.iter().find(|known| known.place == place) {
            return known.document.clone();
        }
        let read = |text: String| parse(&Source::new("content", Origin::Rendered, text), Limits::default()).0.into_iter().next();
        let document = base64::text(text).and_then(read).map(Arc::new);
        self.decoded.push(Decoded { place, document: document.clone() });
        document
    }

    /// Runs one check over what was entered, and counts what came of it.
    pub(crate) fn run(&mut self, check: usize, rule: &'r Arc<Rule>, call: impl FnOnce(&mut Self)) {
        self.current.check = check;
        self.current.rule = Some(rule);
        let before = self.findings.len();
        let unknown = self.tallies.get(check).map_or(0, |tally| tally.unknown.len());
        call(self);
        let failed = self.findings.len() > before;
        if let Some(tally) = self.tallies.get_mut(check) {
            tally.evaluated += 1;
            tally.failed += usize::from(failed);
            // What has failed is known.
            if failed {
                tally.unknown.truncate(unknown);
            }
            // One input is one unknown, whatever is missing for it.
            if tally.unknown.len() > unknown + 1 {
                let mut more: Vec<String> = tally.unknown.drain(unknown + 1..).map(|more| more.missing).collect();
                if let Some(first) = tally.unknown.last_mut() {
                    more.retain(|one| *one != first.missing);
                    more.dedup();
                    more.insert(0, std::mem::take(&mut first.missing));
                    first.missing = more.join(", ");
                }
            }
        }
    }

    /// A violation in what is looked at.
    pub(crate) fn report(&mut self, mut violation: Violation) {
        let (Some(rule), Some(object)) = (self.current.rule, self.current.object) else { return };
        if let Some((pointer, name)) = &self.inside {
            // The text is base64 of what may hold keys, and nothing can patch it from here.
            let place = std::mem::replace(&mut violation.pointer, pointer.clone());
            violation.changes.clear();
            violation = violation.concealed().because(format!("it stands in {name} at `{place}`"));
        }
        let id = self.current.id.get_or_insert_with(|| Arc::new(object.id()));
        let finding = match self.current.pod {
            Some(pod) => violation.into_finding(rule, id, pod.node, &pod.pointer, Some(pod)),
            None => violation.into_finding(rule, id, Some(object.node), "", None),
        };
        self.findings.push(finding);
    }

    /// A violation in the object that the workload is: its pointer starts at the object's root.
    pub(crate) fn report_object(&mut self, violation: Violation) {
        let pod = self.current.pod.take();
        self.report(violation);
        self.current.pod = pod;
    }

    /// That the subject of a grant `may do something` by `rule`. Of a role that nothing binds, that whoever is bound to it may.
    pub(crate) fn report_grant(&mut self, grant: &Grant<'_>, rule: &rbac::Rule<'_>, may: &str) {
        let what = format!("{} {may}", grant.subject());
        if grant.is_unbound() {
            let place = if rule.role.node == grant.role.node { grants::pointer(rule) } else { "/metadata/name".to_owned() };
            let violation = Violation::at(place, what).because("nothing that was read binds the role").severity(Severity::Low);
            self.report(violation.advice("take the rule out of the role, or see that few are bound to it"));
            return;
        }
        let reason = if grants::is_of_own_role(rule) {
            "ClusterRole `cluster-admin`, which every API server has, grants it".to_owned()
        } else {
            format!("rule {} of {} `{}` grants it", rule.index, rule.role.kind, rule.role.name)
        };
        let mut violation = Violation::at(grant.pointer(), what).because(reason).with(&rule.role, grants::pointer(rule));
        if !rule.resource_names.is_empty() {
            violation = violation.because(format!("only of the names {}", rule.resource_names.join(", "))).severity(Severity::Low);
        }
        let violation = violation.cured_by("take the subject out of the binding, or the rule out of the role", None);
        let violation = violation.needs(format!("whether {} makes use of it; the audit log shows it", grant.subject()));
        self.report(violation.asked_by(grant.audit_query()));
    }

    /// What would have to be read to decide about what is looked at. It does not count as passed.
    pub(crate) fn unknown(&mut self, missing: impl Into<String>) {
        let (Some(rule), Some(object)) = (self.current.rule, self.current.object) else { return };
        let unknown = Unknown { rule: Arc::clone(rule), object: object.id(), missing: missing.into() };
        if let Some(tally) = self.tallies.get_mut(self.current.check) {
            tally.unknown.push(unknown);
        }
    }

    /// The namespace of what is looked at.
    pub(crate) fn namespace(&self) -> &'a str {
        self.current.object.map_or("", |object| object.effective_namespace())
    }

    /// The object of a kind and name beside the one that is looked at.
    pub(crate) fn beside(&self, kind: &str, name: &str) -> Option<Object<'a>> {
        self.inventory.find(kind, self.namespace(), name)
    }
}
