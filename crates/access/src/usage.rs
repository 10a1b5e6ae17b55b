//! What was asked of an API server, by whom, and what came of it: each distinct request once, however often the log has it.
//!
//! Source: the attributes that authorization sees (k8s.io/apiserver, `pkg/authorization/authorizer` and
//! `pkg/endpoints/request/requestinfo.go`).

use jiff::Timestamp;
use plimsoll_model::rbac::{Identity, Request, Resource, SERVICE_ACCOUNT_PREFIX, Target, User};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// One request of the log.
#[derive(Clone, Copy)]
pub struct Observation<'e> {
    /// The name of the user whose rights count.
    pub user: &'e str,
    /// The user's groups; none where the log does not say any, then those that are implied by the name hold.
    pub groups: &'e [String],
    /// What was asked, as authorization saw it.
    pub request: Request<'e>,
    /// What authorization decided; `None` where the log does not tell.
    pub allowed: Option<bool>,
    /// When.
    pub at: Option<Timestamp>,
    /// Where the log says it.
    pub place: &'e dyn fmt::Display,
}

/// How often something was seen, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many events.
    pub count: u64,
    /// The earliest.
    pub first: Option<Timestamp>,
    /// The latest.
    pub last: Option<Timestamp>,
    /// Where the log has the earliest.
    pub place: Option<String>,
}

/// A log in figures.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// Events.
    pub events: u64,
    /// Distinct requests of distinct people.
    pub requests: usize,
    /// Events that do not tell whether authorization allowed them: they are evidence of nothing.
    pub undecided: u64,
    /// The first event.
    pub first: Option<String>,
    /// The last event.
    pub last: Option<String>,
}

/// A request, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'u> {
    /// What was asked.
    pub request: Request<'u>,
    /// When it was allowed.
    pub allowed: &'u Seen,
    /// When it was denied.
    pub denied: &'u Seen,
}

/// Somebody with the groups that somebody had: who was in other groups at other times is several of these.
#[derive(Debug)]
pub struct Person {
    /// Name and groups.
    pub user: User,
    /// All events.
    pub seen: Seen,
    /// The days (UTC, since 1970) on which there were events.
    pub days: BTreeSet<i64>,
    records: Vec<usize>,
}

/// Every distinct request of a log. Memory is bounded by them, not by the events.
#[derive(Debug, Default)]
pub struct Usage {
    texts: Texts,
    people: Vec<Person>,
    by_name: HashMap<u32, Vec<u32>>,
    records: Vec<Record>,
    by_key: HashMap<Key, usize>,
    /// All events.
    seen: Seen,
    undecided: u64,
}

#[derive(Debug)]
struct Record {
    key: Key,
    allowed: Seen,
    denied: Seen,
}

/// A request by the numbers of its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    person: u32,
    verb: u32,
    target: KeyTarget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum KeyTarget {
    Path(u32),
    Resource { group: u32, resource: u32, subresource: u32, namespace: u32, name: u32 },
}

/// Texts, each once.
#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    #[expect(clippy::cast_possible_truncation, reason = "2^32 distinct texts do not fit into memory")]
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let (number, text) = (self.texts.len() as u32, Arc::<str>::from(text));
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

impl Seen {
    fn add(&mut self, at: Option<Timestamp>, place: &dyn fmt::Display) {
        let is_earlier = at.is_some_and(|at| self.first.is_some_and(|first| at < first));
        if self.count == 0 || is_earlier {
            self.place = Some(place.to_string());
        }
        self.add_time(at);
    }

    fn add_time(&mut self, at: Option<Timestamp>) {
        self.count += 1;
        if let Some(at) = at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
    }

    /// Takes in what was seen elsewhere.
    pub fn join(&mut self, other: &Self) {
        if self.count == 0 || other.count > 0 && other.first < self.first {
            self.place.clone_from(&other.place);
        }
        self.count += other.count;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

impl Usage {
    /// Takes in one request.
    pub fn add(&mut self, observation: &Observation<'_>) {
        let Observation { request, allowed, at, place, .. } = *observation;
        self.seen.add_time(at);
        let person = self.person(observation.user, observation.groups);
        if let Some(person) = self.people.get_mut(person as usize) {
            person.seen.add_time(at);
            person.days.extend(at.map(|at| at.as_second().div_euclid(SECONDS_OF_A_DAY)));
        }
        let Some(allowed) = allowed else {
            self.undecided += 1;
            return;
        };
        let mut number = |text| self.texts.number(text);
        let target = match request.target {
            Target::Path(path) => KeyTarget::Path(number(path)),
            Target::Resource(Resource { group, resource, subresource, namespace, name }) => KeyTarget::Resource {
                group: number(group),
                resource: number(resource),
                subresource: number(subresource),
                namespace: number(namespace),
                name: number(name),
            },
        };
        let key = Key { person, verb: number(request.verb), target };
        let index = *self.by_key.entry(key).or_insert_with(|| {
            self.records.push(Record { key, allowed: Seen::default(), denied: Seen::default() });
            if let Some(person) = self.people.get_mut(person as usize) {
                person.records.push(self.records.len() - 1);
            }
            self.records.len() - 1
        });
        if let Some(record) = self.records.get_mut(index) {
            if allowed { &mut record.allowed } else { &mut record.denied }.add(at, place);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "2^32 people do not fit into memory")]
    fn person(&mut self, name: &str, groups: &[String]) -> u32 {
        let known = self.by_name.entry(self.texts.number(name)).or_default();
        let implied: User;
        let groups = if groups.is_empty() {
            implied = User::named(name, None::<String>);
            &implied.groups
        } else {
            groups
        };
        let is_it = |at: &&u32| self.people.get(**at as usize).is_some_and(|person| person.user.groups == groups);
        if let Some(person) = known.iter().find(is_it) {
            return *person;
        }
        let user = User::exactly(name, groups);
        self.people.push(Person { user, seen: Seen::default(), days: BTreeSet::new(), records: Vec::new() });
        known.push(self.people.len() as u32 - 1);
        self.people.len() as u32 - 1
    }

    /// Everybody who asked, by name and groups.
    pub fn people(&self) -> Vec<&Person> {
        let mut people: Vec<&Person> = self.people.iter().collect();
        people.sort_by(|one, other| one.user.cmp(&other.user));
        people
    }

    /// The people that an identity means: those of the user's name, or the members of the group.
    pub fn people_of(&self, identity: Identity<'_>) -> Vec<&Person> {
        let by_name = |name: &str| {
            let known = self.texts.numbers.get(name).and_then(|number| self.by_name.get(number));
            known.into_iter().flatten().filter_map(|at| self.people.get(*at as usize)).collect()
        };
        let mut people: Vec<&Person> = match identity {
            Identity::Group(group) => self.people.iter().filter(|person| person.user.is_in(group)).collect(),
            Identity::User(name) => by_name(name),
            Identity::ServiceAccount(namespace, name) => by_name(&format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")),
        };
        people.sort_by(|one, other| one.user.cmp(&other.user));
        people
    }

    /// What somebody asked, in order.
    pub fn requests_of<'u>(&'u self, person: &Person) -> Vec<Observed<'u>> {
        let records = person.records.iter().filter_map(|at| self.records.get(*at));
        let mut requests: Vec<Observed<'u>> = records.map(|record| self.observed(record)).collect();
        requests.sort_by_key(|observed| observed.request);
        requests
    }

    fn observed<'u>(&'u self, record: &'u Record) -> Observed<'u> {
        let text = |number| self.texts.text(number);
        let target = match record.key.target {
            KeyTarget::Path(path) => Target::Path(text(path)),
            KeyTarget::Resource { group, resource, subresource, namespace, name } => Target::Resource(Resource {
                group: text(group),
                resource: text(resource),
                subresource: text(subresource),
                namespace: text(namespace),
                name: text(name),
            }),
        };
        Observed { request: Request { verb: text(record.key.verb), target }, allowed: &record.allowed, denied: &record.denied }
    }

    /// The events, and the time that they cover.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The log in figures.
    pub fn log(&self) -> Log {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let (requests, first, last) = (self.records.len(), time(self.seen.first), time(self.seen.last));
        Log { events: self.seen.count, requests, undecided: self.undecided, first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_second(seconds).ok()
    }

    #[test]
    fn each_request_stands_once_with_its_times() {
        let mut usage = Usage::default();
        let groups = ["dev".to_owned()];
        let pods = Request::resource("list", "", "pods", "shop", "");
        for (request, allowed, time, place) in [
            (pods, Some(true), at(100), "log:1"),
            (pods, Some(true), at(200_000), "log:2"),
            (pods, Some(false), at(50), "log:3"),
            (pods, Some(true), at(10), "log:4"),
            (pods, None, at(300), "log:5"),
            (Request::path("get", "/healthz"), Some(true), None, "log:6"),
        ] {
            usage.add(&Observation { user: "alice", groups: &groups, request, allowed, at: time, place: &place });
        }
        let people = usage.people();
        let [alice] = people.as_slice() else { panic!("one person, not {people:?}") };
        assert_eq!((usage.log().events, usage.log().undecided, alice.days.len(), usage.log().requests), (6, 1, 2, 2));
        let requests = usage.requests_of(alice);
        let [first, second] = requests.as_slice() else { panic!("two requests, not {requests:?}") };
        assert_eq!((first.request, second.request), (Request::path("get", "/healthz"), pods));
        let wanted = Seen { count: 3, first: at(10), last: at(200_000), place: Some("log:4".to_owned()) };
        assert_eq!((second.allowed, second.denied.place.as_deref()), (&wanted, Some("log:3")));
    }

    #[test]
    fn other_groups_are_another_person() {
        let mut usage = Usage::default();
        let request = Request::resource("get", "", "pods", "a", "b");
        for groups in [&["x".to_owned()][..], &[], &["x".to_owned()]] {
            usage.add(&Observation { user: "system:serviceaccount:a:b", groups, request, allowed: Some(true), at: None, place: &"" });
        }
        let groups: Vec<_> = usage.people().iter().map(|person| (person.user.groups.join(" "), person.seen.count)).collect();
        let implied = "system:serviceaccounts system:serviceaccounts:a system:authenticated";
        assert_eq!(groups, [(implied.to_owned(), 1), ("x".to_owned(), 2)]);
    }
}
