//! The proof: cures are made together, everything is judged again, and who is to blame for what is worse is left out.

use super::standing::{Renamed, Standing, Worse, identity, object_of};
use super::text::{self, Draft};
use super::{Risk, Stage, wants};
use crate::engine::Judge;
use crate::input::Loaded;
use plimsoll_model::{Document, Finding, Limits, ObjectChange, Origin, Snapshot, Source, parse};
use plimsoll_report::Schema;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Rounds until nothing more can be done: a cure may make room for another, not for many.
const ROUNDS: usize = 4;

/// How often everything is judged again at most. Each time at least one cure is accepted, refused or set apart.
const TRIES: usize = 200;

/// Where cures are tried.
pub(crate) struct Bench<'l> {
    loaded: &'l mut Loaded,
    judge: Judge,
    standing: Rc<Standing>,
    renamed: Renamed,
    refused: BTreeMap<String, String>,
    schema: BTreeMap<String, Schema>,
    tries: usize,
}

/// What came of one attempt.
enum Attempt {
    /// What could be made holds, if anything was made. What could not, and why.
    Holds { made: bool, failed: BTreeMap<String, String> },
    /// Nothing was kept: what is worse, and which findings' cures may be to blame.
    Worse(Vec<(String, BTreeSet<String>)>),
}

/// What a cure touches, so that what is worse can be laid at its door.
struct Touched {
    identity: String,
    objects: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl<'l> Bench<'l> {
    pub(crate) fn new(loaded: &'l mut Loaded, judge: Judge) -> Self {
        let standing = Rc::new(Standing::new(loaded, judge, &Renamed::new()));
        Self { loaded, judge, standing, renamed: Renamed::new(), refused: BTreeMap::new(), schema: BTreeMap::new(), tries: 0 }
    }

    pub(crate) fn standing(&self) -> Rc<Standing> {
        Rc::clone(&self.standing)
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.loaded.snapshot
    }

    /// How things stand against `before`.
    pub(crate) fn stage(&self, before: &Standing) -> Stage {
        Stage { gone: self.standing.gone(before), standing: self.standing(), refused: self.refused.clone(), schema: self.schema.clone() }
    }

    /// Makes the cures of what `may` be cured, and keeps those that prove themselves.
    pub(crate) fn cure(&mut self, may: &dyn Fn(&Finding) -> bool) {
        self.tries = 0;
        for _ in 0..ROUNDS {
            let open = self.standing.report.findings.iter().filter(|finding| wants(finding, Risk::Deleting) && may(finding));
            let open: BTreeSet<String> =
                open.map(|finding| identity(finding, &self.renamed)).filter(|one| !self.refused.contains_key(one)).collect();
            if open.is_empty() || !self.cure_all(open.into_iter().collect(), may) {
                return;
            }
        }
    }

    /// Tries cures, all at once where that holds; whether anything was made.
    fn cure_all(&mut self, all: Vec<String>, may: &dyn Fn(&Finding) -> bool) -> bool {
        let mut made = false;
        let mut queue = VecDeque::from([all]);
        while self.tries < TRIES {
            let Some(batch) = queue.pop_front() else { break };
            match self.attempt(&batch, may) {
                Attempt::Holds { made: now, failed } => {
                    made |= now;
                    let alone = !now || failed.len() >= batch.len();
                    let mut again = Vec::new();
                    for (identity, why) in failed {
                        // What two cures cannot do to one place together, they may one after the other.
                        if alone { self.refuse(identity, why) } else { again.push(identity) }
                    }
                    queue.extend(Some(again).filter(|again| !again.is_empty()));
                }
                Attempt::Worse(worse) => {
                    let mut suspects: BTreeMap<String, String> = BTreeMap::new();
                    for (why, blamed) in worse {
                        if let (1, Some(one)) = (blamed.len(), blamed.first()) {
                            self.refuse(one.clone(), why);
                        } else {
                            suspects.extend(blamed.into_iter().map(|one| (one, why.clone())));
                        }
                    }
                    let open = |one: &&String| !self.refused.contains_key(*one);
                    let rest: Vec<String> = batch.iter().filter(|one| open(one) && !suspects.contains_key(*one)).cloned().collect();
                    let mut suspects: Vec<String> = suspects.into_keys().filter(|one| open(&one)).collect();
                    if !rest.is_empty() {
                        queue.push_front(rest);
                    }
                    // Some of each object, so that all objects are looked into side by side. An identity is a rule, then an object.
                    suspects
                        .sort_by(|a, b| a.split_once('\0').map(|(_, object)| object).cmp(&b.split_once('\0').map(|(_, object)| object)));
                    let (first, second): (Vec<_>, Vec<_>) = suspects.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
                    for half in [first, second].into_iter().filter(|half| !half.is_empty()) {
                        queue.push_back(half.into_iter().map(|(_, one)| one).collect());
                    }
                }
            }
        }
        for identity in queue.into_iter().flatten() {
            self.refuse(identity, "too much else did not prove itself; cure that first".to_owned());
        }
        made
    }

    fn refuse(&mut self, identity: String, why: String) {
        self.refused.insert(identity, why);
    }

    /// Makes the cures of these findings together and judges everything again.
    fn attempt(&mut self, batch: &[String], may: &dyn Fn(&Finding) -> bool) -> Attempt {
        self.tries += 1;
        let before = self.standing();
        let batch: BTreeSet<&String> = batch.iter().collect();
        let mut wanted: Vec<(String, &Finding)> = Vec::new();
        for finding in before.report.findings.iter().filter(|finding| wants(finding, Risk::Deleting) && may(finding)) {
            let identity = identity(finding, &self.renamed);
            if batch.contains(&identity) {
                wanted.push((identity, finding));
            }
        }
        let Draft { files, failed, renamed, schema } = text::draft(&self.loaded.snapshot, &wanted);
        wanted.retain(|(identity, _)| !failed.contains_key(identity));
        if files.is_empty() {
            return Attempt::Holds { made: false, failed };
        }
        let names = self.renamed.clone();
        for (new, old) in renamed {
            let old = self.renamed.get(&old).cloned().unwrap_or(old);
            self.renamed.insert(new, old);
        }
        let originals: Vec<_> =
            files.iter().map(|file| (file.name.clone(), file.origin, self.replace(&file.name, file.origin, &file.text))).collect();
        let after = Standing::new(self.loaded, self.judge, &self.renamed);
        let worse = self.blame(&before, &after, &wanted);
        if worse.is_empty() {
            self.standing = Rc::new(after);
            self.schema.extend(schema);
            return Attempt::Holds { made: true, failed };
        }
        self.renamed = names;
        for (name, origin, documents) in originals {
            self.put_back(&name, origin, documents);
        }
        Attempt::Worse(worse)
    }

    /// What is worse or no better, each with the cures that may be to blame.
    fn blame(&self, before: &Standing, after: &Standing, made: &[(String, &Finding)]) -> Vec<(String, BTreeSet<String>)> {
        let mut worse: Vec<(String, BTreeSet<String>)> = Vec::new();
        let found = after.worse_than(before, &self.renamed);
        if !found.is_empty() {
            let touched: Vec<Touched> = made.iter().map(|(identity, finding)| self.touched(identity, finding)).collect();
            worse.extend(found.into_iter().map(|one| suspects(one, &touched)));
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (identity, _) in made {
            *counts.entry(identity).or_default() += 1;
        }
        for (identity, count) in counts {
            if after.count(identity) > before.count(identity).saturating_sub(count) {
                worse.push(("the change would not cure it".to_owned(), BTreeSet::from([identity.to_owned()])));
            }
        }
        worse
    }

    fn touched(&self, identity: &str, finding: &Finding) -> Touched {
        let mut touched = Touched {
            identity: identity.to_owned(),
            objects: BTreeSet::from([object_of(finding, &self.renamed)]),
            files: finding.location.iter().map(|place| place.source.name.clone()).collect(),
        };
        for change in finding.remediation.iter().flat_map(|cure| &cure.changes) {
            match change {
                ObjectChange::Create { object } => {
                    let object = object.value();
                    let place = text::home_of(finding, &object);
                    touched.objects.insert(super::standing::who(&place, &text::id_of(&object)));
                    touched.files.insert(place);
                }
                ObjectChange::Patch { target, .. } | ObjectChange::Delete { target } => {
                    let name = &target.location.source.name;
                    let who = super::standing::who(name, &target.object);
                    touched.objects.insert(super::standing::known(&self.renamed, &who).to_owned());
                    touched.files.insert(name.clone());
                }
            }
        }
        touched
    }

    /// Puts `text` in the place of a source's documents, and gives these back.
    fn replace(&mut self, name: &str, origin: Origin, text: &str) -> Vec<Document> {
        self.put_back(name, origin, parse(&Source::new(name, origin, text), Limits::default()).0)
    }

    /// Puts `new` in the place of a source's documents, and gives these back.
    fn put_back(&mut self, name: &str, origin: Origin, new: Vec<Document>) -> Vec<Document> {
        let documents = &mut self.loaded.snapshot.documents;
        let is_it = |document: &Document| document.source.name == name && document.source.origin == origin;
        let start = documents.iter().position(is_it).unwrap_or(documents.len());
        let count = documents.iter().skip(start).take_while(|document| is_it(document)).count();
        documents.splice(start..start + count, new).collect()
    }
}

/// The cures that touch the object that is worse, else its file, else all.
fn suspects(worse: Worse, touched: &[Touched]) -> (String, BTreeSet<String>) {
    let names = |touches: &dyn Fn(&Touched) -> bool| -> BTreeSet<String> {
        touched.iter().filter(|one| touches(one)).map(|one| one.identity.clone()).collect()
    };
    let mut blamed = worse.object.as_ref().map(|object| names(&|one| one.objects.contains(object))).unwrap_or_default();
    if blamed.is_empty() {
        blamed = worse.file.as_ref().map(|file| names(&|one| one.files.contains(file))).unwrap_or_default();
    }
    if blamed.is_empty() {
        blamed = names(&|_| true);
    }
    (worse.why, blamed)
}
