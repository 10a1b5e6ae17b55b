//! Roles as audit2rbac makes them, for those who have such roles and want the same again.
//!
//! Source: the behaviour of github.com/liggitt/audit2rbac (2023-02). It is no least privilege: what was denied is granted, too, and
//! names, namespaces and verbs are widened by themselves. [`crate::least`] makes the roles that are needed.

use crate::Authorizer;
use crate::cover::fields_in_server_words;
use crate::least::{Draft, Need, binding, role};
use plimsoll_model::rbac::{Identity, Request, Resource, Target, User};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// How to widen.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of all objects.
    pub name: String,
    /// Several names of a resource: all names.
    pub names: bool,
    /// Several namespaces: all of them.
    pub namespaces: bool,
    /// What else somebody may do who may use a verb.
    pub verbs: BTreeMap<String, Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        let verbs = [("watch", ["get", "list"]), ("list", ["get", "watch"]), ("update", ["get", "patch"]), ("patch", ["get", "update"])];
        let verbs = verbs.map(|(verb, others)| (verb.to_owned(), others.map(str::to_owned).to_vec()));
        Self { name: "audit2rbac".to_owned(), names: true, namespaces: true, verbs: verbs.into() }
    }
}

/// The request that an event counts as: the name of what is created does not count.
pub fn counted<'r>(request: Request<'r>) -> Request<'r> {
    match request.target {
        Target::Resource(resource) if request.verb == "create" => {
            Request { target: Target::Resource(Resource { name: "", ..resource }), ..request }
        }
        _ => request,
    }
}

/// The roles that allow all `requests` of one user, and their bindings. What `existing` allows is not generated.
pub fn generate(existing: &Authorizer<'_>, requests: &[(&User, Request<'_>)], options: &Options) -> Vec<Json> {
    let mut sorted: Vec<(&User, Request<'_>)> = requests.to_vec();
    sorted.sort_by_key(|(_, request)| order(request));
    let mut places: BTreeMap<Option<String>, Vec<Draft>> = BTreeMap::new();
    let allows = |rules: Option<&Vec<Draft>>, request: &Request<'_>| rules.into_iter().flatten().any(|rule| rule.allows(request));
    for (user, request) in &sorted {
        let here = Some(request.namespace().to_owned()).filter(|namespace| !namespace.is_empty());
        let is_generated = allows(places.get(&None), request) || here.is_some() && allows(places.get(&here), request);
        if is_generated || existing.allows(user, request) {
            continue;
        }
        // What RBAC would read as a pattern is left out: upstream grants the pattern.
        let Ok(need) = Need::of(&widened(user, request, &sorted, options)) else { continue };
        let mut rule = Draft::of(&need);
        if rule.non_resource_urls.is_empty() {
            rule.verbs.extend(options.verbs.get(request.verb).into_iter().flatten().cloned());
        }
        places.entry(need.namespace).or_default().push(rule);
    }
    let Some((user, _)) = sorted.first() else { return Vec::new() };
    let subject = Identity::of_user(&user.name);
    let objects = |(place, rules): (Option<String>, Vec<Draft>)| {
        let place = place.as_deref();
        [role(&options.name, place, &compacted(rules)), binding(&options.name, place, subject)]
    };
    places.into_iter().flat_map(objects).collect()
}

/// Broad requests come before narrow ones, so that these need no rule of their own.
fn order<'r>(request: &Request<'r>) -> impl Ord + use<'r> {
    let Resource { group, resource, subresource, namespace, name } = match request.target {
        Target::Resource(resource) => resource,
        Target::Path(path) => return ((false, false, false, false), [request.verb, path, "", "", "", ""]),
    };
    let rank = (true, !namespace.is_empty(), !name.is_empty(), request.verb != "list");
    (rank, [group, resource, subresource, namespace, name, request.verb])
}

/// A request without its name or namespace, where the same was asked with another one.
fn widened<'r>(user: &User, request: &Request<'r>, all: &[(&User, Request<'_>)], options: &Options) -> Request<'r> {
    let Target::Resource(of) = request.target else { return *request };
    let mut wide = of;
    for (other_user, other) in all {
        let Target::Resource(one) = other.target else { continue };
        let is_same = *other_user == user
            && other.verb == request.verb
            && (one.group, one.resource, one.subresource) == (of.group, of.resource, of.subresource)
            && (options.names || one.name == of.name)
            && (options.namespaces || one.namespace == of.namespace);
        if is_same && options.namespaces && !one.namespace.is_empty() && one.namespace != of.namespace {
            wide.namespace = "";
        }
        if is_same && options.names && !one.name.is_empty() && one.name != of.name {
            wide.name = "";
        }
    }
    Request { target: Target::Resource(wide), ..*request }
}

/// Verbs of the same resource and name are put together; then rules that differ in names, or in resources, only.
fn compacted(rules: Vec<Draft>) -> Vec<Draft> {
    let mut by_target: BTreeMap<Draft, BTreeSet<String>> = BTreeMap::new();
    let (paths, resources): (Vec<Draft>, Vec<Draft>) = rules.into_iter().partition(|rule| rule.resources.is_empty());
    for mut rule in resources {
        let verbs = std::mem::take(&mut rule.verbs);
        by_target.entry(rule).or_default().extend(verbs);
    }
    let mut compact: Vec<Draft> = paths;
    for rule in by_target.into_iter().map(|(target, verbs)| Draft { verbs, ..target }) {
        let is_same = |known: &Draft| (&known.api_groups, &known.verbs) == (&rule.api_groups, &rule.verbs);
        let fits = |known: &Draft| is_same(known) && (known.resources == rule.resources || known.resource_names == rule.resource_names);
        match compact.iter_mut().find(|known| fits(known)) {
            Some(known) if known.resources == rule.resources => known.resource_names.extend(rule.resource_names),
            Some(known) => known.resources.extend(rule.resources),
            None => compact.push(rule),
        }
    }
    let joined = |list: &BTreeSet<String>| list.iter().cloned().collect::<Vec<_>>().join(",");
    compact.sort_by_key(|rule| (joined(&rule.api_groups), in_server_words(rule)));
    compact
}

/// As the API server writes rules, by which upstream orders them.
fn in_server_words(rule: &Draft) -> String {
    let texts = [&rule.api_groups, &rule.non_resource_urls, &rule.resources, &rule.resource_names, &rule.verbs]
        .map(|list| list.iter().map(String::as_str).collect::<Vec<&str>>());
    fields_in_server_words(texts.each_ref().map(Vec::as_slice))
}
