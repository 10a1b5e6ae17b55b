//! Least privilege: what is generated from grants and a log, and that it is the least.

#![cfg(test)]

use jiff::Timestamp;
use plimsoll_access::least::{Held, Least, Options, Subset, Suggestion, Widen, suggest};
use plimsoll_access::unused::{self, Scope, Status};
use plimsoll_access::usage::{Observation, Usage};
use plimsoll_access::{Authorizer, least};
use plimsoll_model::rbac::{Defaults, Identity, Rbac, Request, User};
use plimsoll_model::{Document, Limits, Object, Origin, Source, manifest, parse};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn read(text: &str) -> Vec<Document> {
    let (documents, problems) = parse(&Source::new("held.yaml", Origin::File, text), Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    documents
}

fn authorizer(documents: &[Document], defaults: Defaults) -> Authorizer<'_> {
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    Authorizer::of(Rbac::of(objects.into_iter(), defaults))
}

/// Grants, one a line: `NAMESPACE|- SUBJECT: VERBS RESOURCES[.GROUP] [NAMES]`; a subject is `u:NAME` or `g:NAME`.
fn grants(lines: &str) -> String {
    let grant = |(at, line): (usize, &str)| {
        let (head, rule) = line.split_once(": ").expect("a colon");
        let (place, subject) = head.split_once(' ').expect("a subject");
        let words: Vec<&str> = rule.split(' ').collect();
        let (resources, group) = words[1].split_once('.').unwrap_or((words[1], ""));
        let names = words.get(2).map_or(String::new(), |names| format!(", resourceNames: ['{}']", names.replace(',', "','")));
        let rule = if resources.starts_with('/') {
            format!("{{verbs: [{}], nonResourceURLs: [{resources}]}}", words[0])
        } else {
            format!(
                "{{verbs: ['{}'], apiGroups: ['{group}'], resources: [{}]{names}}}",
                words[0].replace(',', "','"),
                resources.replace('*', "'*'")
            )
        };
        let kind = if place == "-" { "ClusterRole" } else { "Role" };
        let namespace = if place == "-" { String::new() } else { format!(", namespace: {place}") };
        let (who, name) = subject.split_once(':').expect("a subject");
        let who = if who == "u" { "User" } else { "Group" };
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r{at}{namespace}}}\nrules: [{rule}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\nmetadata: {{name: b{at}{namespace}}}\nroleRef: {{kind: {kind}, name: r{at}}}\nsubjects: [{{kind: {who}, name: '{name}'}}]\n"
        )
    };
    lines.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate().map(grant).collect()
}

/// A log, one event a line: `+|-|? USER[,GROUP] VERB RESOURCE[.GROUP]|PATH NAMESPACE|- NAME|-`, an hour after each other.
fn log(lines: &str) -> Usage {
    let mut usage = Usage::default();
    for (at, line) in lines.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let given = |at: usize| words.get(at).copied().filter(|word| *word != "-").unwrap_or_default();
        let mut groups: Vec<String> = words[1].split(',').map(str::to_owned).collect();
        let user = groups.remove(0);
        groups.push("system:authenticated".to_owned());
        let (resource, group) = words[3].split_once('.').unwrap_or((words[3], ""));
        let request = if resource.starts_with('/') {
            Request::path(words[2], resource)
        } else {
            Request::resource(words[2], group, resource, given(4), given(5))
        };
        let allowed = match words[0] {
            "+" => Some(true),
            "-" => Some(false),
            _ => None,
        };
        let time = Timestamp::from_second(1_700_000_000 + 3600 * at as i64).ok();
        usage.add(&Observation { user: &user, groups: &groups, request, allowed, at: time, place: &format!("log:{}", at + 1) });
    }
    usage
}

fn suggestion(held: Option<&str>, events: &str, subject: Identity<'_>, options: &Options) -> Suggestion {
    let documents = read(&grants(held.unwrap_or_default()));
    let authorizer = authorizer(&documents, Defaults::Assume);
    suggest(&log(events), Held { authorizer: &authorizer, nodes: None, is_known: held.is_some() }, subject, options)
}

/// The rules, one a line: `NAMESPACE|-: RULE`.
fn rules(suggestion: &Suggestion) -> Vec<String> {
    let text = manifest(&suggestion.objects);
    let documents = read(&text);
    let authorizer = authorizer(&documents, Defaults::Leave);
    let rules = authorizer.rbac().roles.iter().flat_map(|role| role.rules.iter().map(move |rule| (role.object.namespace, rule)));
    rules.map(|(namespace, rule)| format!("{}: {rule}", if namespace.is_empty() { "-" } else { namespace })).collect()
}

#[test]
fn what_was_allowed_and_is_held_and_nothing_else() {
    let table: &[(&str, &str, &[&str])] = &[
        (
            "a u:alice: * *",
            "+ alice get pods a x\n+ alice get pods a y\n+ alice list pods a -",
            &["a: list on pods", "a: get on pods named x, y"],
        ),
        ("- u:alice: get,list pods", "+ alice list pods - -\n+ alice list pods a -", &["-: list on pods"]),
        ("- u:alice: get,list pods", "+ alice list pods b -\n+ alice list pods a -", &["a: list on pods", "b: list on pods"]),
        ("- u:alice: get /metrics", "+ alice get /metrics", &["-: get on paths /metrics"]),
        // A group's grants stay, and so do those of everybody.
        ("a g:dev: get pods\na u:alice: get,list pods", "+ alice,dev get pods a x\n+ alice,dev list pods a -", &["a: list on pods"]),
        ("a u:alice: * *", "+ alice get /api\n+ alice create selfsubjectaccessreviews.authorization.k8s.io - -", &[]),
        // Taken away since, and undecided: no evidence.
        ("a u:alice: get pods", "+ alice get pods b x\n? alice get pods a x", &[]),
        // What was denied and not allowed stays out, even if it is held.
        ("a u:alice: get,list pods", "- alice list pods a -\n+ alice get pods a x", &["a: get on pods named x"]),
    ];
    for (held, events, wanted) in table {
        let got = suggestion(Some(held), events, Identity::User("alice"), &Options::default());
        assert_eq!(rules(&got), *wanted, "{held}\n{events}");
        assert_eq!((&got.subset, got.proof.failures.len()), (&Subset::Proved, 0), "{held}\n{events}\n{got:?}");
    }
}

#[test]
fn where_each_request_stands_is_said() {
    let events =
        "+ alice,dev get pods a x\n+ alice,dev get /api\n+ alice,dev get pods b x\n- alice,dev list pods a -\n+ alice,dev list pods a -";
    let held = "a g:dev: get pods\na u:alice: list pods";
    let got = suggestion(Some(held), events, Identity::User("alice"), &Options::default());
    let stays: Vec<_> = got.stays.iter().map(|stays| (stays.by.as_str(), stays.requests)).collect();
    assert_eq!(stays, [("group dev", 1), ("group system:authenticated", 1)]);
    assert_eq!((got.left_out.len(), got.left_out[0].request.as_str()), (1, "get pods `x` in namespace b"));
    let [conflict] = got.conflicts.as_slice() else { panic!("{:?}", got.conflicts) };
    assert_eq!((conflict.place.as_deref(), conflict.first.as_deref()), (Some("log:4"), Some("2023-11-15T01:13:20Z")));
    assert!(conflict.why.contains("was granted after it was denied"), "{}", conflict.why);
    assert_eq!((got.proof.allowed_replayed, got.proof.denied_replayed, got.proof.failures.len()), (3, 0, 0));
}

#[test]
fn a_subject_that_leaves_its_groups_takes_along_what_it_used() {
    let events = "+ alice,dev,system:masters get pods a x\n+ alice,dev,system:masters list nodes - -\n+ alice,dev,system:masters get /api";
    let options = Options { leave_groups: true, ..Options::default() };
    let got = suggestion(Some("a g:dev: * *"), events, Identity::User("alice"), &options);
    assert_eq!(rules(&got), ["-: list on nodes", "a: get on pods named x"]);
    assert!(got.notes.iter().any(|note| note.contains("system:masters")), "{:?}", got.notes);
    assert_eq!((got.subset, got.proof.allowed_replayed), (Subset::Proved, 3));
}

#[test]
fn a_group_gets_what_came_through_it() {
    let held = "a g:dev: * *\na u:alice: get pods";
    let events = "+ alice,dev get pods a x\n+ bob,dev list pods a -\n+ bob,dev list nodes - -\n+ eve get pods a z";
    let got = suggestion(Some(held), events, Identity::Group("dev"), &Options::default());
    assert_eq!(rules(&got), ["a: list on pods", "a: get on pods named x"]);
    assert_eq!((got.left_out.len(), got.subset, got.events), (1, Subset::Proved, 3));
}

#[test]
fn without_the_bindings_what_was_last_is_believed() {
    let events = "+ alice get pods a x\n- alice get pods a x\n- alice list pods a -\n+ alice list pods a -";
    let got = suggestion(None, events, Identity::User("alice"), &Options::default());
    assert_eq!((rules(&got), got.subset), (vec!["a: list on pods".to_owned()], Subset::Unknown));
    assert_eq!((got.left_out.len(), got.conflicts.len(), got.proof.failures.len()), (1, 1, 0));
}

#[test]
fn widening_is_asked_for_said_and_stops_at_what_is_held_or_was_denied() {
    let names = Widen { names: Some(1), ..Widen::default() };
    let namespaces = Widen { namespaces: Some(1), ..Widen::default() };
    let verbs = Widen { verbs: true, ..Widen::default() };
    let two = "+ alice get pods a x\n+ alice get pods a y";
    type Row<'t> = (&'t str, &'t str, Widen, &'t [&'t str], usize, usize);
    let table: &[Row<'_>] = &[
        ("a u:alice: get pods", two, Widen::default(), &["a: get on pods named x, y"], 0, 0),
        ("a u:alice: get pods", two, names, &["a: get on pods"], 1, 0),
        ("a u:alice: get pods x,y", two, names, &["a: get on pods named x, y"], 0, 1),
        (
            "a u:alice: get pods",
            "+ alice get pods a x\n+ alice get pods a y\n- alice get pods a z",
            names,
            &["a: get on pods named x, y"],
            0,
            1,
        ),
        ("a u:alice: get pods", "+ alice get pods a web-x7zq2", Widen { generated: true, ..Widen::default() }, &["a: get on pods"], 1, 0),
        ("a u:alice: get pods", two, Widen { names: Some(2), ..names }, &["a: get on pods named x, y"], 0, 0),
        ("- u:alice: list pods", "+ alice list pods a -\n+ alice list pods b -", namespaces, &["-: list on pods"], 1, 0),
        (
            "a u:alice: list pods\nb u:alice: list pods",
            "+ alice list pods a -\n+ alice list pods b -",
            namespaces,
            &["a: list on pods", "b: list on pods"],
            0,
            1,
        ),
        ("a u:alice: get,list,update pods", "+ alice list pods a -", verbs, &["a: get, list on pods"], 1, 1),
    ];
    for (held, events, widen, wanted, widened, refused) in table {
        let options = Options { widen: *widen, ..Options::default() };
        let got = suggestion(Some(held), events, Identity::User("alice"), &options);
        assert_eq!(rules(&got), *wanted, "{held}\n{events}");
        assert_eq!((got.widened.len(), got.not_widened.len()), (*widened, *refused), "{held}\n{events}\n{got:?}");
        assert_eq!((&got.subset, got.proof.failures.len()), (&Subset::Proved, 0), "{held}\n{events}");
    }
}

#[test]
fn what_yaml_could_misread_comes_back_as_it_was() {
    for name in ["yes", "0x10", "a: b", "\"", "~", "ü", "a/b", "100%", "- x", "*", "\u{85}"] {
        let mut usage = Usage::default();
        for (namespace, object) in [("a", "x"), ("null", name)] {
            let request = Request::resource("get", "", "pods", namespace, object);
            usage.add(&Observation { user: name, groups: &[], request, allowed: Some(true), at: None, place: &"" });
        }
        let documents = Vec::new();
        let held = authorizer(&documents, Defaults::Assume);
        let got = suggest(&usage, Held { authorizer: &held, nodes: None, is_known: false }, Identity::User(name), &Options::default());
        assert_eq!((got.proof.allowed_replayed, got.proof.failures.len()), (2, 0), "{name} {got:?}\n{}", manifest(&got.objects));
    }
}

#[test]
fn a_role_that_nobody_can_store_is_pointed_out() {
    let mut usage = Usage::default();
    for at in 0..20 {
        let name = format!("{at}-{}", "x".repeat(100_000));
        let request = Request::resource("get", "", "pods", "a", &name);
        usage.add(&Observation { user: "alice", groups: &[], request, allowed: Some(true), at: None, place: &"" });
    }
    let documents = Vec::new();
    let held = authorizer(&documents, Defaults::Assume);
    let held = Held { authorizer: &held, nodes: None, is_known: false };
    let notes = |options: &Options| suggest(&usage, held, Identity::User("alice"), options).notes.join("\n");
    assert!(notes(&Options::default()).contains("more than the API server stores"));
    assert_eq!(notes(&Options { widen: Widen { names: Some(5), ..Widen::default() }, ..Options::default() }), "");
}

#[test]
fn what_of_a_grant_was_used() {
    let held = "a u:alice: get,list pods,secrets\na u:alice: * *\nb u:alice: get pods x,y\nb u:alice: bind roles.rbac.authorization.k8s.io\nb u:alice: get pods x";
    let documents = read(&grants(held));
    let held = authorizer(&documents, Defaults::Assume);
    let usage = log("+ alice get pods a x\n+ alice list secrets a -\n+ alice get pods b x\n- alice get secrets a x");
    let got = unused::of_subject(&usage, &held, Identity::User("alice"), Scope::Made);
    let rules: Vec<_> = got.grants.iter().flat_map(|grant| &grant.rules).map(|rule| (rule.status, rule.unused.join("; "))).collect();
    let wanted = [
        (Status::Partly, "list on pods; get on secrets".to_owned()),
        (Status::Partly, String::new()),
        (Status::Partly, "get on pods named y".to_owned()),
        (Status::Unseen, String::new()),
        (Status::Used, String::new()),
    ];
    assert_eq!(rules, wanted);
    assert_eq!(got.grants[1].rules[0].used_of_wildcard, ["get on pods", "list on secrets"]);
    assert_eq!(got.grants[2].last_used.as_deref(), Some("2023-11-15T00:13:20Z"));
    let mallory = unused::of_subject(&usage, &held, Identity::User("mallory"), Scope::Made);
    assert!(mallory.grants.is_empty() && mallory.last_seen.is_none());
}

#[test]
fn roles_that_nobody_is_granted() {
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: alone}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: part, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}\nrules: [{verbs: [get], apiGroups: [x], resources: [y]}]\n";
    let documents = read(text);
    let held = authorizer(&documents, Defaults::Assume);
    let roles: Vec<_> =
        unused::unbound(&held, Scope::Made).into_iter().map(|one| (one.role.to_string(), one.role.place.to_string())).collect();
    assert_eq!(roles, [("ClusterRole alone".to_owned(), "held.yaml:1".to_owned())]);
}

// The least of anything.

const VERBS: [&str; 4] = ["get", "list", "create", "delete"];
const RESOURCES: [&str; 3] = ["pods", "secrets", "pods/log"];
const GROUPS: [&str; 2] = ["", "apps"];
const NAMESPACES: [&str; 3] = ["", "a", "b"];
const NAMES: [&str; 3] = ["", "x", "y"];

fn universe() -> Vec<Request<'static>> {
    let mut all = Vec::new();
    for verb in VERBS {
        for resource in RESOURCES {
            for group in GROUPS {
                for namespace in NAMESPACES {
                    all.extend(NAMES.map(|name| Request::resource(verb, group, resource, namespace, name)));
                }
            }
        }
        all.extend(["/a", "/a/b", "/metrics"].map(|path| Request::path(verb, path)));
    }
    all
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![4 => proptest::sample::subsequence(of, 1..=of.len()), 1 => Just(vec!["*"])]
}

fn rule() -> impl Strategy<Value = Json> {
    let of_resources = (some(&VERBS), some(&GROUPS), some(&RESOURCES), proptest::sample::subsequence(&NAMES[1..], 0..=2)).prop_map(
        |(verbs, groups, resources, names)| json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names}),
    );
    let of_paths = (some(&VERBS), some(&["/a", "/a/*"])).prop_map(|(verbs, paths)| json!({"verbs": verbs, "nonResourceURLs": paths}));
    prop_oneof![5 => of_resources, 1 => of_paths]
}

/// A role and its binding, in a namespace or in none.
fn grant() -> impl Strategy<Value = (usize, Vec<Json>, Json)> {
    let subject = prop_oneof![Just(json!({"kind": "User", "name": "alice"})), Just(json!({"kind": "Group", "name": "dev"}))];
    (0..NAMESPACES.len(), proptest::collection::vec(rule(), 0..3), subject)
}

fn text(grants: &[(usize, Vec<Json>, Json)]) -> String {
    let objects = grants.iter().enumerate().flat_map(|(at, (place, rules, subject))| {
        let kind = if *place == 0 { "ClusterRole" } else { "Role" };
        let metadata = json!({"name": format!("n{at}"), "namespace": NAMESPACES[*place]});
        let version = "rbac.authorization.k8s.io/v1";
        [
            json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}),
            json!({"apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata, "subjects": [subject], "roleRef": {"kind": kind, "name": format!("n{at}")}}),
        ]
    });
    objects.map(|object| format!("---\n{object}\n")).collect()
}

/// Everything that grants less than these objects by one verb, name, resource, group, path or rule.
fn smaller(objects: &[Json]) -> Vec<Vec<Json>> {
    let mut smaller = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        for (index, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
            for (key, list) in rule.as_object().expect("a rule") {
                for item in 0..list.as_array().expect("a list").len() {
                    let mut fewer = objects.to_vec();
                    let list = fewer[at]["rules"][index][key].as_array_mut().expect("a list");
                    list.remove(item);
                    // Without its last name a rule would be about all of them.
                    if list.is_empty() {
                        fewer[at]["rules"].as_array_mut().expect("rules").remove(index);
                    }
                    smaller.push(fewer);
                }
            }
        }
    }
    smaller
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_is_needed(
        grants in proptest::collection::vec(grant(), 0..5),
        asked in proptest::collection::vec(0_usize..500, 0..30),
        in_group: bool,
    ) {
        let (documents, universe) = (read(&text(&grants)), universe());
        let held = authorizer(&documents, Defaults::Leave);
        let groups: &[&str] = if in_group { &["dev"] } else { &["other"] };
        let alice = User::exactly("alice", groups.to_vec());
        let mut usage = Usage::default();
        let asked: Vec<Request<'_>> = asked.iter().map(|at| universe[at % universe.len()]).collect();
        for request in &asked {
            let allowed = Some(held.allows(&alice, request));
            usage.add(&Observation { user: "alice", groups: &alice.groups, request: *request, allowed, at: None, place: &"" });
        }
        let got = suggest(&usage, Held { authorizer: &held, nodes: None, is_known: true }, Identity::User("alice"), &Options::default());
        prop_assert!(got.proof.failures.is_empty(), "{:?}", got.proof.failures);
        prop_assert_eq!(&got.subset, &Subset::Proved);
        let only_group = User::exactly("nobody", groups.to_vec());
        let allowed: Vec<&Request<'_>> =
            asked.iter().filter(|request| held.allows(&alice, request) && !held.allows(&only_group, request)).collect();
        let is_enough = |objects: &[Json]| {
            let documents = read(&manifest(objects));
            let roles = authorizer(&documents, Defaults::Leave);
            allowed.iter().all(|request| roles.allows(&alice, request))
        };
        prop_assert!(is_enough(&got.objects));
        let written = read(&manifest(&got.objects));
        let roles = authorizer(&written, Defaults::Leave);
        for request in universe.iter().filter(|request| roles.allows(&alice, request)) {
            let asks_for_it = |one: &&Request<'_>| least::Need::of(one).is_ok_and(|need| need.allows(request));
            prop_assert!(allowed.iter().copied().any(|one| asks_for_it(&one)), "nobody asked for {}", request);
        }
        for fewer in smaller(&got.objects) {
            prop_assert!(!is_enough(&fewer), "this would do: {fewer:?}");
        }
    }

    #[test]
    fn all_subjects_at_once(
        grants in proptest::collection::vec(grant(), 0..5),
        asked in proptest::collection::vec((any::<bool>(), 0_usize..500), 0..30),
        names in 0_usize..3,
        verbs: bool,
    ) {
        let (documents, universe) = (read(&text(&grants)), universe());
        let held = authorizer(&documents, Defaults::Leave);
        let people = ["alice", "bob"].map(|name| User::exactly(name, ["dev"]));
        let asked: Vec<(&User, Request<'_>)> =
            asked.iter().map(|(who, at)| (&people[usize::from(*who)], universe[at % universe.len()])).collect();
        let mut usage = Usage::default();
        for (user, request) in &asked {
            let allowed = Some(held.allows(user, request));
            usage.add(&Observation { user: &user.name, groups: &user.groups, request: *request, allowed, at: None, place: &"" });
        }
        let options = Options { widen: Widen { names: Some(names), namespaces: Some(1), verbs, generated: true }, leave_groups: false };
        let subjects = [Identity::User("alice"), Identity::User("bob"), Identity::Group("dev")];
        let made = Least::of(&usage, Held { authorizer: &held, nodes: None, is_known: true }, &subjects, &options, true);
        prop_assert!(made.is_proved());
        let objects: String = made.subjects.iter().map(|one| manifest(&one.objects)).collect();
        let objects = read(&objects);
        let roles = authorizer(&objects, Defaults::Leave);
        for (user, request) in &asked {
            prop_assert_eq!(roles.allows(user, request), held.allows(user, request), "{} by {}", request, user.name);
        }
        for request in &universe {
            for user in &people {
                prop_assert!(!roles.allows(user, request) || held.allows(user, request), "{} by {} is more than what is held", request, user.name);
            }
        }
    }
}
