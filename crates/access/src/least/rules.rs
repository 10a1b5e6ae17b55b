//! The fewest rules that say exactly what was asked.

use plimsoll_model::rbac::{Request, Resource, Rule, Target, url_covers};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One thing that somebody needs, in one place: what a rule breaks down to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The namespace; `None` for the whole cluster, for what has no namespace, and for paths.
    pub namespace: Option<String>,
    /// What.
    pub what: What,
    /// The verb.
    pub verb: String,
}

/// What a [`Need`] is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A path that is no resource.
    Path(String),
    /// Objects: API group, resource with its subresource (`pods/log`), and the name, where one object is enough.
    Objects(String, String, Option<String>),
}

/// A rule in the making; it owns its texts. An empty set of names stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draft {
    /// `apiGroups`
    pub api_groups: BTreeSet<String>,
    /// `resources`
    pub resources: BTreeSet<String>,
    /// `resourceNames`
    pub resource_names: BTreeSet<String>,
    /// `nonResourceURLs`
    pub non_resource_urls: BTreeSet<String>,
    /// `verbs`
    pub verbs: BTreeSet<String>,
}

impl Need {
    /// What has to be granted for a request.
    ///
    /// # Errors
    /// Why no rule can say it without saying more: RBAC reads some texts as patterns.
    pub fn of(request: &Request<'_>) -> Result<Self, &'static str> {
        if request.verb == "*" {
            return Err("a rule with the verb `*` would allow all verbs");
        }
        let verb = request.verb.to_owned();
        match request.target {
            Target::Path(path) if path.ends_with('*') => Err("a rule with this path would allow everything that begins like it"),
            Target::Path(path) => Ok(Self { namespace: None, what: What::Path(path.to_owned()), verb }),
            Target::Resource(of) if of.group == "*" || of.resource == "*" => Err("a rule with `*` would allow all API groups or resources"),
            Target::Resource(Resource { group, resource, subresource, namespace, name }) => {
                let resource = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
                let (namespace, name) = [namespace, name].map(|text| (!text.is_empty()).then(|| text.to_owned())).into();
                Ok(Self { namespace, what: What::Objects(group.to_owned(), resource, name), verb })
            }
        }
    }

    /// As a request that is allowed exactly where the whole need is held.
    pub fn request(&self) -> Request<'_> {
        match &self.what {
            What::Path(path) => Request::path(&self.verb, path),
            What::Objects(group, resource, name) => {
                let namespace = self.namespace.as_deref().unwrap_or_default();
                Request::resource(&self.verb, group, resource, namespace, name.as_deref().unwrap_or_default())
            }
        }
    }

    /// Whether what it grants allows `request`.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        let (mine, namespace) = (self.request(), self.namespace.as_deref());
        let same_place = namespace.is_none() || namespace == Some(request.namespace());
        request.verb == self.verb
            && same_place
            && match (mine.target, request.target) {
                (Target::Path(mine), Target::Path(path)) => mine == path,
                (Target::Resource(mine), Target::Resource(of)) => {
                    (mine.group, mine.resource, mine.subresource) == (of.group, of.resource, of.subresource)
                        && (mine.name.is_empty() || mine.name == of.name)
                }
                _ => false,
            }
    }

    /// The name, if Kubernetes seems to have made it up: the next object of its kind has another one.
    pub fn generated_name(&self) -> Option<&str> {
        match &self.what {
            What::Objects(_, _, Some(name)) if is_generated(name) => Some(name),
            _ => None,
        }
    }

    /// Without the name.
    pub(super) fn unnamed(&self) -> Option<Self> {
        match &self.what {
            What::Objects(group, resource, Some(_)) => {
                Some(Self { what: What::Objects(group.clone(), resource.clone(), None), ..self.clone() })
            }
            _ => None,
        }
    }

    /// Those that would grant this one too, and more.
    fn wider(&self) -> impl Iterator<Item = Self> + use<> {
        let everywhere = self.namespace.is_some().then(|| Self { namespace: None, ..self.clone() });
        let both = everywhere.as_ref().and_then(Self::unnamed);
        [self.unnamed(), both, everywhere].into_iter().flatten()
    }
}

/// Whether a name ends in a suffix as Kubernetes makes them: of pods, replica sets and `generateName` (apimachinery
/// `pkg/util/rand`: five and more letters and digits without vowels, 0, 1 and 3), or of events (the time in hexadecimal digits).
fn is_generated(name: &str) -> bool {
    let is_random = |end: &str| (5..=10).contains(&end.len()) && end.chars().all(|one| "bcdfghjklmnpqrstvwxz2456789".contains(one));
    let is_time = |end: &str| end.len() == 16 && end.chars().all(|one| one.is_ascii_hexdigit());
    let has = |at: char, is_suffix: &dyn Fn(&str) -> bool| name.rsplit_once(at).is_some_and(|(_, end)| is_suffix(end));
    has('-', &is_random) || has('.', &is_time)
}

/// Without what others grant too.
pub(super) fn without_covered(needs: &BTreeSet<Need>) -> BTreeSet<Need> {
    needs.iter().filter(|need| !need.wider().any(|wider| needs.contains(&wider))).cloned().collect()
}

/// The rules of each namespace, and of the whole cluster (`None`), that grant exactly `needs`.
pub(super) fn rules(needs: &BTreeSet<Need>) -> BTreeMap<Option<String>, Vec<Draft>> {
    let mut places: BTreeMap<Option<String>, Vec<Draft>> = BTreeMap::new();
    for need in needs {
        places.entry(need.namespace.clone()).or_default().push(Draft::of(need));
    }
    places.into_iter().map(|(place, drafts)| (place, merge(drafts))).collect()
}

type Dimension = fn(&mut Draft) -> &mut BTreeSet<String>;

/// What rules may differ in to become one: in nothing else, so that together they say exactly what each said. Verbs first, as
/// people write rules.
const DIMENSIONS: [Dimension; 5] = [
    |rule| &mut rule.verbs,
    |rule| &mut rule.resource_names,
    |rule| &mut rule.resources,
    |rule| &mut rule.api_groups,
    |rule| &mut rule.non_resource_urls,
];

/// The fewest rules, found by putting two together that differ in one thing, in a fixed order, until there are none.
pub(crate) fn merge(mut rules: Vec<Draft>) -> Vec<Draft> {
    loop {
        let before = rules.len();
        for dimension in DIMENSIONS {
            // A rule without names means all of them, and one without paths is about resources: neither is a part of the others.
            let mut merged: BTreeMap<(Draft, bool), BTreeSet<String>> = BTreeMap::new();
            for mut rule in rules {
                let values = std::mem::take(dimension(&mut rule));
                let is_all = values.is_empty();
                merged.entry((rule, is_all)).or_default().extend(values);
            }
            let filled = |((mut rule, _), values)| {
                *dimension(&mut rule) = values;
                rule
            };
            rules = merged.into_iter().map(filled).collect();
        }
        if rules.len() == before {
            rules.sort();
            return rules;
        }
    }
}

impl Draft {
    /// The rule that grants one need, wherever it is bound.
    pub fn of(need: &Need) -> Self {
        let one = |text: &str| BTreeSet::from([text.to_owned()]);
        let verbs = one(&need.verb);
        match &need.what {
            What::Path(path) => Self { non_resource_urls: one(path), verbs, ..Self::default() },
            What::Objects(group, resource, name) => Self {
                api_groups: one(group),
                resources: one(resource),
                resource_names: name.iter().cloned().collect(),
                verbs,
                ..Self::default()
            },
        }
    }

    /// A rule of an object that was made.
    pub(super) fn from_json(rule: &Json) -> Self {
        let list =
            |key: &str| rule.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
        Self {
            api_groups: list("apiGroups"),
            resources: list("resources"),
            resource_names: list("resourceNames"),
            non_resource_urls: list("nonResourceURLs"),
            verbs: list("verbs"),
        }
    }

    /// A rule that was read.
    pub fn from_rule(rule: &Rule<'_>) -> Self {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            api_groups: owned(&rule.api_groups),
            resources: owned(&rule.resources),
            resource_names: owned(&rule.resource_names),
            non_resource_urls: owned(&rule.non_resource_urls),
            verbs: owned(&rule.verbs),
        }
    }

    /// Whether it allows `request`, wherever it is bound.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        self.verbs.contains(request.verb)
            && match request.target {
                Target::Path(path) => self.non_resource_urls.iter().any(|url| url_covers(url, path)),
                Target::Resource(of) => {
                    let resource = |one: &String| match one.split_once('/') {
                        None => of.subresource.is_empty() && one == of.resource,
                        Some((resource, part)) => resource == of.resource && part == of.subresource,
                    };
                    self.api_groups.contains(of.group)
                        && self.resources.iter().any(resource)
                        && (self.resource_names.is_empty() || self.resource_names.contains(of.name))
                }
            }
    }

    /// Its lists by the keys of the API, in the order in which rules are written; empty ones left out.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &BTreeSet<String>)> {
        let fields = [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.non_resource_urls),
            ("verbs", &self.verbs),
        ];
        fields.into_iter().filter(|(_, list)| !list.is_empty())
    }
}

/// As a person would say it: `get, list on pods, secrets`.
impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |list: &BTreeSet<String>| list.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if !self.non_resource_urls.is_empty() {
            return write!(f, "{} on {}", list(&self.verbs), list(&self.non_resource_urls));
        }
        write!(f, "{} on {}", list(&self.verbs), list(&self.resources))?;
        if self.api_groups.iter().any(|group| !group.is_empty()) {
            let groups: Vec<&str> = self.api_groups.iter().map(|group| if group.is_empty() { "core" } else { group }).collect();
            write!(f, " of {}", groups.join(", "))?;
        }
        if self.resource_names.is_empty() { Ok(()) } else { write!(f, " named {}", list(&self.resource_names)) }
    }
}

/// Verbs whose use no audit log shows: the API server asks for them on its own while it handles another request.
///
/// Source: Kubernetes documentation, *Using RBAC Authorization* (bind, escalate), *Certificates and Certificate Signing Requests*
/// (approve, sign, attest), *Authorization* (use).
pub const UNSEEN_VERBS: [&str; 6] = ["approve", "attest", "bind", "escalate", "sign", "use"];

/// The verbs of a rule whose use cannot be seen.
pub(super) fn unseen_verbs<'a>(rule: &Rule<'a>) -> Vec<&'a str> {
    rule.verbs.iter().copied().filter(|verb| UNSEEN_VERBS.contains(verb)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: namespace, verb, `resource` or `resource.group`, name.
    fn needs(lines: &[&str]) -> BTreeSet<Need> {
        let need = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [namespace, verb, resource, name] = words[..] else { panic!("four words: {line}") };
            let given = |word: &str| if word == "-" { String::new() } else { word.to_owned() };
            let (namespace, name) = (given(namespace), given(name));
            if resource.starts_with('/') {
                return Need::of(&Request::path(verb, resource)).unwrap();
            }
            let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
            Need::of(&Request::resource(verb, group, resource, &namespace, &name)).unwrap()
        };
        lines.iter().map(need).collect()
    }

    fn shown(needs: &BTreeSet<Need>) -> Vec<String> {
        let rule = |place: &Option<String>, rule: &Draft| {
            let lists: Vec<String> = rule.fields().map(|(_, list)| list.iter().cloned().collect::<Vec<_>>().join(",")).collect();
            format!("{}: {}", place.as_deref().unwrap_or("*"), lists.join(" "))
        };
        rules(needs).iter().flat_map(|(place, rules)| rules.iter().map(move |one| rule(place, one))).collect()
    }

    #[test]
    fn rules_that_differ_in_one_thing_become_one() {
        let table: &[(&[&str], &[&str])] = &[
            (&["a get pods -", "a list pods -"], &["a:  pods get,list"]),
            (&["a get pods x", "a get pods y"], &["a:  pods x,y get"]),
            (&["a get pods -", "a get secrets -", "a list secrets -", "a list pods -"], &["a:  pods,secrets get,list"]),
            (&["a get pods -", "a list secrets -"], &["a:  pods get", "a:  secrets list"]),
            (&["a get pods x", "a list pods -"], &["a:  pods list", "a:  pods x get"]),
            (&["a create events -", "a create events.events.k8s.io -"], &["a: ,events.k8s.io events create"]),
            (&["- get /a -", "- get /b -", "- post /b -"], &["*: /b get,post", "*: /a get"]),
            (&["- get /a -", "- get nodes x"], &["*: /a get", "*:  nodes x get"]),
            (&["a get pods x", "b get pods x"], &["a:  pods x get", "b:  pods x get"]),
        ];
        for (lines, wanted) in table {
            let mut got = shown(&needs(lines));
            got.sort();
            let mut wanted = wanted.to_vec();
            wanted.sort_unstable();
            assert_eq!(got, wanted, "{lines:?}");
        }
    }

    #[test]
    fn what_wider_needs_grant_is_not_said_again() {
        let table: &[(&[&str], &[&str])] = &[
            (&["a get pods x", "a get pods -"], &["a get pods -"]),
            (&["a list pods -", "- list pods -"], &["- list pods -"]),
            (&["a get pods x", "- get pods -"], &["- get pods -"]),
            (&["a get pods x", "- get pods x"], &["- get pods x"]),
            (&["a get pods -", "- get pods x"], &["a get pods -", "- get pods x"]),
            (&["a get pods/log x", "a get pods -"], &["a get pods/log x", "a get pods -"]),
        ];
        for (lines, wanted) in table {
            assert_eq!(without_covered(&needs(lines)), needs(wanted), "{lines:?}");
        }
    }

    #[test]
    fn names_that_kubernetes_makes_up() {
        for name in ["web-5b644474f5-8ht8z", "web-5b644474f5", "web.18ea97795075c359", "job-x7zq2"] {
            assert!(is_generated(name), "{name}");
        }
        for name in ["web", "web-0", "redis-cart", "kube-root-ca.crt", "58ac56fa.example.org", "node-10"] {
            assert!(!is_generated(name), "{name}");
        }
    }

    #[test]
    fn what_rbac_reads_as_a_pattern_is_refused() {
        for request in [
            Request::path("get", "/metrics*"),
            Request::resource("*", "", "pods", "", ""),
            Request::resource("get", "", "*", "", ""),
            Request::resource("get", "*", "pods", "", ""),
        ] {
            assert!(Need::of(&request).is_err(), "{request}");
        }
    }
}
