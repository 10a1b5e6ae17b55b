//! How things stand: what is found, counted so that two runs can be compared although places and names change.

use crate::engine::{self, Judge};
use crate::input::Loaded;
use plimsoll_model::{Finding, Inventory, Object, ObjectId};
use plimsoll_pod_security::{Level, Version, strictest};
use plimsoll_report::Report;
use std::collections::{BTreeMap, HashMap};

/// One run of everything.
pub(crate) struct Standing {
    pub(crate) report: Report,
    /// Findings by rule and object.
    counts: HashMap<String, usize>,
    /// Findings by rule, object, container and message.
    identities: HashMap<String, usize>,
    /// The lowest level of the workloads that are called the same in one file.
    levels: BTreeMap<String, Level>,
    /// Errors by file.
    errors: BTreeMap<String, usize>,
}

/// The names that moved objects had, by those that they have.
pub(crate) type Renamed = BTreeMap<String, String>;

/// Something that is worse than before, and what it is about: an object, a file, or nothing that can be told.
pub(crate) struct Worse {
    pub(crate) why: String,
    pub(crate) object: Option<String>,
    pub(crate) file: Option<String>,
}

/// What an object is called among all files.
pub(crate) fn who(file: &str, id: &ObjectId) -> String {
    let ObjectId { namespace, kind, name, api_version } = id;
    format!("{file}\0{api_version}\0{kind}\0{namespace}\0{name}")
}

/// What an object was called before it was moved.
pub(crate) fn known<'r>(renamed: &'r Renamed, who: &'r str) -> &'r str {
    renamed.get(who).map_or(who, String::as_str)
}

/// The object that a finding is about.
pub(crate) fn object_of(finding: &Finding, renamed: &Renamed) -> String {
    let file = finding.location.as_ref().map_or("", |place| &place.source.name);
    let who = who(file, &finding.subject.object);
    renamed.get(&who).cloned().unwrap_or(who)
}

/// What a finding is about, apart from places, which move when text changes.
pub(crate) fn count_key(finding: &Finding, renamed: &Renamed) -> String {
    format!("{}\0{}", finding.rule.id, object_of(finding, renamed))
}

/// What tells a finding from all others, as far as it stays when text changes.
pub(crate) fn identity(finding: &Finding, renamed: &Renamed) -> String {
    let container = finding.subject.container().unwrap_or("");
    format!("{}\0{container}\0{}", count_key(finding, renamed), finding.message)
}

impl Standing {
    pub(crate) fn new(loaded: &Loaded, judge: Judge, renamed: &Renamed) -> Self {
        let report = engine::run(loaded, judge);
        let version = match judge {
            Judge::Everything(version) => version,
            Judge::PodSecurity(_) => Version::Latest,
        };
        let mut levels = BTreeMap::new();
        let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
        for workload in inventory.own_workloads() {
            let level = strictest(&workload.pod, version);
            let name = of_object(&workload.object);
            levels.entry(known(renamed, &name).to_owned()).and_modify(|lowest: &mut Level| *lowest = level.min(*lowest)).or_insert(level);
        }
        let mut counts = HashMap::new();
        let mut identities = HashMap::new();
        for finding in report.findings.iter().filter(|finding| finding.is_open()) {
            *counts.entry(count_key(finding, renamed)).or_default() += 1;
            *identities.entry(identity(finding, renamed)).or_default() += 1;
        }
        let mut errors = BTreeMap::new();
        for problem in report.problems.iter().filter(|problem| problem.kind.is_error()) {
            let file = problem.location.as_ref().map(|place| place.source.name.clone());
            *errors.entry(file.unwrap_or_default()).or_default() += 1;
        }
        Self { report, counts, identities, levels, errors }
    }

    /// The strictest level of the Pod Security Standards that a workload meets.
    pub(crate) fn level(&self, who: &str) -> Option<Level> {
        self.levels.get(who).copied()
    }

    /// How many findings of an identity there are.
    pub(crate) fn count(&self, identity: &str) -> usize {
        self.identities.get(identity).copied().unwrap_or(0)
    }

    /// What is worse than `before`.
    pub(crate) fn worse_than(&self, before: &Self, renamed: &Renamed) -> Vec<Worse> {
        let mut worse = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for finding in self.report.findings.iter().filter(|finding| finding.is_open()) {
            let key = count_key(finding, renamed);
            let known = before.counts.get(&key).copied().unwrap_or(0);
            let more = self.counts.get(&key).is_some_and(|count| *count > known);
            // Of several alike, one that was not there before says it best.
            if more && before.count(&identity(finding, renamed)) == 0 && *seen.entry(key).and_modify(|count| *count += 1).or_insert(1) == 1
            {
                let why = format!(
                    "the change would lead to another finding, {} of {}: {}",
                    finding.rule.id, finding.subject.object, finding.message
                );
                let file = finding.location.as_ref().map(|place| place.source.name.clone());
                worse.push(Worse { why, object: Some(object_of(finding, renamed)), file });
            }
        }
        let unsaid =
            self.counts.iter().filter(|(key, count)| **count > before.counts.get(*key).copied().unwrap_or(0) && !seen.contains_key(*key));
        let mut unsaid: Vec<_> = unsaid.map(|(key, _)| key).collect();
        unsaid.sort();
        for key in unsaid {
            let (rule, object) = key.split_once('\0').unwrap_or((key, ""));
            let file = object.split('\0').next().map(str::to_owned);
            worse.push(Worse { why: format!("the change would lead to another finding of {rule}"), object: Some(object.to_owned()), file });
        }
        for (object, level) in &self.levels {
            if let Some(before) = before.levels.get(object).filter(|before| *before > level) {
                let why = format!("the workload would come down from Pod Security level {} to {}", before.name(), level.name());
                worse.push(Worse { why, object: Some(object.clone()), file: None });
            }
        }
        for (file, count) in &self.errors {
            if *count > before.errors.get(file).copied().unwrap_or(0) {
                worse.push(Worse { why: "the changed text would not be valid".to_owned(), object: None, file: Some(file.clone()) });
            }
        }
        worse
    }

    /// For each finding of `before` in order, whether it is gone. One whose words alone are different is not.
    pub(crate) fn gone(&self, before: &Self) -> Vec<bool> {
        let none = Renamed::new();
        let mut left = self.identities.clone();
        let mut taken: HashMap<String, usize> = HashMap::new();
        let mut gone = Vec::with_capacity(before.report.findings.len());
        for finding in &before.report.findings {
            let stays = left.get_mut(&identity(finding, &none)).filter(|count| **count > 0);
            if let Some(count) = stays {
                *count -= 1;
                *taken.entry(count_key(finding, &none)).or_default() += 1;
                gone.push(false);
            } else {
                gone.push(true);
            }
        }
        for (finding, gone) in before.report.findings.iter().zip(&mut gone).filter(|(_, gone)| **gone) {
            let key = count_key(finding, &none);
            let taken = taken.entry(key.clone()).or_default();
            if self.counts.get(&key).is_some_and(|count| *count > *taken) {
                *taken += 1;
                *gone = false;
            }
        }
        gone
    }
}

/// What an object of the snapshot is called.
pub(crate) fn of_object(object: &Object<'_>) -> String {
    who(&object.node.document().source.name, &object.id())
}
