//! Roles and bindings: what is wrong with them, and what they come to.

#![cfg(test)]

use plimsoll_model::rbac::{Defaults, Rbac};
use plimsoll_model::{Limits, Origin, Snapshot, Source, parse};

fn snapshot(yaml: &str) -> Snapshot {
    let (documents, problems) = parse(&Source::new("rbac.yaml", Origin::File, yaml), Limits::default());
    assert!(problems.is_empty(), "{yaml}");
    Snapshot { documents, problems }
}

/// The problems, as `kind line: message`.
fn problems(yaml: &str) -> Vec<String> {
    let snapshot = snapshot(yaml);
    let rbac = Rbac::of(snapshot.objects().0.into_iter(), Defaults::Leave);
    let line = |place: String| place.split(':').nth(1).unwrap_or_default().to_owned();
    rbac.problems.iter().map(|problem| format!("{} {}: {}", problem.kind.name(), line(problem.place()), problem.message)).collect()
}

/// The rules of a ClusterRole, as a person would say them.
fn rules(yaml: &str, role: &str, defaults: Defaults) -> Vec<String> {
    let snapshot = snapshot(yaml);
    let rbac = Rbac::of(snapshot.objects().0.into_iter(), defaults);
    rbac.role("ClusterRole", "", role).unwrap().rules.iter().map(ToString::to_string).collect()
}

const HEAD: &str = "apiVersion: rbac.authorization.k8s.io/v1\n";

/// An object on one line, its version aside.
fn object(kind: &str, name: &str, rest: &str) -> String {
    let namespace = if kind.starts_with("Cluster") { "" } else { ", namespace: a" };
    format!("---\n{HEAD}kind: {kind}\nmetadata: {{name: {name:?}{namespace}}}\n{rest}\n")
}

fn check(yaml: &str, wanted: &[&str]) {
    assert_eq!(problems(yaml), wanted, "{yaml}");
}

#[test]
fn rules_that_the_api_refuses() {
    let table: [(&str, &str, &[&str]); 12] = [
        ("ClusterRole", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}, {nonResourceURLs: [/healthz], verbs: [get]}]", &[]),
        ("Role", "rules: null", &[]),
        ("Role", "rules: {}", &["wrong-type 5: `rules` must be a list, is a map"]),
        (
            "Role",
            "rules: [{apiGroups: [''], resources: pods, verbs: [get]}]",
            &[
                "wrong-type 5: `resources` must be a list of strings, is a string",
                "invalid 5: rule 0 of Role a/r has no `resources`: it allows nothing",
            ],
        ),
        (
            "Role",
            "rules: [{apiGroups: [''], resources: [pods], verbs: [get, 1]}]",
            &["wrong-type 5: an item of `verbs` must be a string, is a number"],
        ),
        ("Role", "rules: [{apiGroups: [''], resources: [pods]}]", &["invalid 5: rule 0 of Role a/r has no `verbs`: it allows nothing"]),
        (
            "ClusterRole",
            "rules: [{verbs: [get]}]",
            &["invalid 5: rule 0 of ClusterRole r names neither `resources` nor `nonResourceURLs`: it allows nothing"],
        ),
        (
            "ClusterRole",
            "rules: [{apiGroups: [''], resources: [pods], nonResourceURLs: [/healthz], verbs: [get]}]",
            &["invalid 5: rule 0 of ClusterRole r has both `resources` and `nonResourceURLs`: the API server refuses it"],
        ),
        (
            "Role",
            "rules: [{nonResourceURLs: [/healthz], verbs: [get]}]",
            &["invalid 5: rule 0 of Role a/r has `nonResourceURLs`, which only a ClusterRole can grant"],
        ),
        (
            "Role",
            "rules: [{resources: [pods], verbs: [get]}]",
            &["invalid 5: rule 0 of Role a/r has no `apiGroups`: it allows nothing (the core group is \"\")"],
        ),
        ("Role", "rules: [{apiGroups: [''], verbs: [get]}]", &["invalid 5: rule 0 of Role a/r has no `resources`: it allows nothing"]),
        (
            "Role",
            "rules: [{}]",
            &[
                "invalid 5: rule 0 of Role a/r has no `verbs`: it allows nothing",
                "invalid 5: rule 0 of Role a/r names neither `resources` nor `nonResourceURLs`: it allows nothing",
            ],
        ),
    ];
    for (kind, rest, wanted) in table {
        check(&object(kind, "r", rest), wanted);
    }
}

#[test]
fn names_have_to_fit_into_a_path() {
    let wrong = |name: &str| format!("invalid 2: the name `{name}` cannot be in a path of the API: no `/`, no `%`, not `.` or `..`");
    for name in ["a:b", "A B", "system:node-1", "..."] {
        check(&object("ClusterRole", name, "rules: []"), &[]);
    }
    for name in [".", "..", "a/b", "a%b"] {
        check(&object("ClusterRole", name, "rules: []"), &[&wrong(name)]);
    }
}

#[test]
fn subjects_that_the_api_refuses() {
    let group = "apiGroup: rbac.authorization.k8s.io";
    let table: Vec<(&str, String, Vec<&str>)> = vec![
        ("RoleBinding", format!("{{kind: User, name: jane, {group}}}"), vec![]),
        ("RoleBinding", "{kind: User, name: jane}".to_owned(), vec![]),
        ("RoleBinding", "{kind: Group, name: 'Ops & more'}".to_owned(), vec![]),
        ("RoleBinding", "{kind: ServiceAccount, name: robot, namespace: b, apiGroup: ''}".to_owned(), vec![]),
        // It is one of the binding's namespace: an API server stores it like this.
        ("RoleBinding", "{kind: ServiceAccount, name: robot}".to_owned(), vec![]),
        (
            "ClusterRoleBinding",
            "{kind: ServiceAccount, name: robot}".to_owned(),
            vec!["invalid 6: service account `robot` of ClusterRoleBinding b needs a `namespace`: the API server refuses the binding"],
        ),
        ("RoleBinding", "{kind: User}".to_owned(), vec!["invalid 6: a subject of RoleBinding a/b has no name: it stands for nobody"]),
        (
            "RoleBinding",
            "{kind: User, name: ''}".to_owned(),
            vec!["invalid 6: a subject of RoleBinding a/b has no name: it stands for nobody"],
        ),
        (
            "RoleBinding",
            "{kind: Robot, name: x}".to_owned(),
            vec!["invalid 6: a subject's kind must be User, Group or ServiceAccount, is `Robot`: it stands for nobody"],
        ),
        (
            "RoleBinding",
            "{name: x}".to_owned(),
            vec!["invalid 6: a subject's kind must be User, Group or ServiceAccount, is ``: it stands for nobody"],
        ),
        (
            "RoleBinding",
            "{kind: ServiceAccount, name: Robot_1, namespace: b}".to_owned(),
            vec![
                "invalid 6: no service account can be called `Robot_1`, as a subject of RoleBinding a/b is: the API server refuses the binding",
            ],
        ),
        (
            "RoleBinding",
            "{kind: ServiceAccount, name: 'b:robot', namespace: b}".to_owned(),
            vec![
                "invalid 6: no service account can be called `b:robot`, as a subject of RoleBinding a/b is: the API server refuses the binding",
            ],
        ),
        (
            "RoleBinding",
            format!("{{kind: ServiceAccount, name: robot, namespace: b, {group}}}"),
            vec![
                "invalid 6: `apiGroup` of a subject of RoleBinding a/b must be empty for a ServiceAccount, is `rbac.authorization.k8s.io`: the API server refuses the binding",
            ],
        ),
        (
            "RoleBinding",
            "{kind: Group, name: devs, apiGroup: v1}".to_owned(),
            vec![
                "invalid 6: `apiGroup` of a subject of RoleBinding a/b must be rbac.authorization.k8s.io, is `v1`: the API server refuses the binding",
            ],
        ),
    ];
    for (kind, subject, wanted) in table {
        let binding = object(kind, "b", &format!("roleRef: {{{group}, kind: ClusterRole, name: r}}\nsubjects: [{subject}]"));
        check(&(binding + &object("ClusterRole", "r", "rules: []")), &wanted);
    }
}

#[test]
fn references_to_roles() {
    let group = "apiGroup: rbac.authorization.k8s.io";
    let table: [(&str, &str, &[&str]); 8] = [
        ("RoleBinding", "{kind: ClusterRole, name: r}", &[]),
        ("RoleBinding", "{kind: Role, name: mine}", &[]),
        (
            "ClusterRoleBinding",
            "{kind: ClusterRole, name: r, apiGroup: rbac}",
            &[
                "invalid 5: `apiGroup` of roleRef of ClusterRoleBinding b must be rbac.authorization.k8s.io, is `rbac`: the API server refuses the binding",
            ],
        ),
        (
            "ClusterRoleBinding",
            "{kind: Role, name: mine}",
            &["invalid 5: ClusterRoleBinding b refers to a Role: a ClusterRoleBinding takes a ClusterRole"],
        ),
        (
            "RoleBinding",
            "{kind: User, name: r}",
            &["invalid 5: RoleBinding a/b names no role: `roleRef` needs a `kind` (Role or ClusterRole) and a `name`"],
        ),
        (
            "RoleBinding",
            "{kind: Role}",
            &["invalid 5: RoleBinding a/b names no role: `roleRef` needs a `kind` (Role or ClusterRole) and a `name`"],
        ),
        (
            "RoleBinding",
            "{kind: Role, name: r}",
            &["note 5: Role `r` in namespace `a` was not read: what RoleBinding a/b grants is not known"],
        ),
        (
            "RoleBinding",
            "{kind: ClusterRole, name: mine}",
            &["note 5: ClusterRole `mine` was not read: what RoleBinding a/b grants is not known"],
        ),
    ];
    for (kind, reference, wanted) in table {
        let binding = object(kind, "b", &format!("roleRef: {reference}\nsubjects: [{{kind: User, name: jane, {group}}}]"));
        check(&(binding + &object("ClusterRole", "r", "rules: []") + &object("Role", "mine", "rules: []")), wanted);
    }
    check(
        &object("RoleBinding", "b", "subjects: []"),
        &["invalid 2: RoleBinding a/b names no role: `roleRef` needs a `kind` (Role or ClusterRole) and a `name`"],
    );
}

#[test]
fn the_first_of_a_name_counts() {
    let see = "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]";
    let write = "rules: [{apiGroups: [''], resources: [pods], verbs: [create]}]";
    let role = object("ClusterRole", "r", see) + &object("ClusterRole", "r", write);
    check(&role, &["note 7: ClusterRole r was read before: what stands here is not looked at for who may do what"]);
    assert_eq!(rules(&role, "r", Defaults::Leave), ["get on pods"]);
    let binding = |user: &str| {
        object("ClusterRoleBinding", "b", &format!("roleRef: {{kind: ClusterRole, name: r}}\nsubjects: [{{kind: User, name: {user}}}]"))
    };
    let twice = object("ClusterRole", "r", see) + &binding("jane") + &binding("joe");
    check(&twice, &["note 13: ClusterRoleBinding b was read before: what stands here is not looked at for who may do what"]);
    let snapshot = snapshot(&twice);
    assert_eq!(Rbac::of(snapshot.objects().0.into_iter(), Defaults::Leave).bindings.len(), 1);
    // The same name in another namespace, or of another kind, is another role.
    check(
        &(object("ClusterRole", "r", see) + &object("Role", "r", see) + &object("Role", "r", see).replace("namespace: a", "namespace: b")),
        &[],
    );
}

/// A ClusterRole that is labelled `part-of: LABEL` and made of those labelled `part-of: SELECTED`.
fn aggregate(name: &str, label: &str, selected: &str) -> String {
    object("ClusterRole", name, &format!("aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{part-of: {selected}}}}}]}}"))
        .replace(&format!("{{name: {name:?}}}"), &format!("{{name: {name:?}, labels: {{part-of: {label}}}}}"))
}

fn part(name: &str, label: &str, verb: &str) -> String {
    object("ClusterRole", name, &format!("rules: [{{apiGroups: [''], resources: [pods], verbs: [{verb}]}}]"))
        .replace(&format!("{{name: {name:?}}}"), &format!("{{name: {name:?}, labels: {{part-of: {label}}}}}"))
}

#[test]
fn roles_that_are_made_of_others() {
    // Its own rules are overwritten, those of its parts are taken by name, each once.
    let all = aggregate("all", "none", "all")
        .replace("aggregationRule", "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]\naggregationRule")
        + &part("b", "all", "list")
        + &part("a", "all", "get")
        + &part("c", "all", "get")
        + &part("d", "other", "delete");
    check(&all, &[]);
    assert_eq!(rules(&all, "all", Defaults::Leave), ["get on pods", "list on pods"]);
    // Parts may be made of parts.
    let nested = aggregate("outer", "none", "outer") + &aggregate("inner", "outer", "inner") + &part("a", "inner", "get");
    check(&nested, &[]);
    assert_eq!(rules(&nested, "outer", Defaults::Leave), ["get on pods"]);
    // What selects itself too is not made of itself.
    let own = aggregate("self", "self", "self") + &part("a", "self", "get");
    check(&own, &[]);
    assert_eq!(rules(&own, "self", Defaults::Leave), ["get on pods"]);
    // A Role is no part, whatever its labels.
    let role = aggregate("all", "none", "all") + &part("a", "all", "get").replace("kind: ClusterRole", "kind: Role");
    assert_eq!(rules(&role, "all", Defaults::Leave), [""; 0]);
    // An empty selector selects all.
    let empty = object("ClusterRole", "all", "aggregationRule: {clusterRoleSelectors: [{}]}") + &part("a", "any", "get");
    assert_eq!(rules(&empty, "all", Defaults::Leave), ["get on pods"]);
}

#[test]
fn a_circle_of_roles_shares_its_rules() {
    let circle = aggregate("one", "two", "one") + &aggregate("two", "one", "two") + &part("a", "one", "get") + &part("b", "two", "list");
    check(
        &circle,
        &[
            "invalid 5: ClusterRole one is made of roles that are made of it: all of them share their rules",
            "invalid 10: ClusterRole two is made of roles that are made of it: all of them share their rules",
        ],
    );
    for role in ["one", "two"] {
        let mut rules = rules(&circle, role, Defaults::Leave);
        rules.sort();
        assert_eq!(rules, ["get on pods", "list on pods"], "{role}");
    }
}

#[test]
fn selectors_that_the_api_refuses() {
    let none = "invalid 5: `aggregationRule` of ClusterRole r has no `clusterRoleSelectors`: the API server refuses the role";
    let table: [(&str, &[&str]); 9] = [
        ("{}", &[none]),
        ("{clusterRoleSelectors: []}", &[none]),
        ("{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}", &[]),
        ("{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}]}", &[]),
        ("{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Exists}, {key: b, operator: DoesNotExist}]}]}", &[]),
        (
            "{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: In}]}]}",
            &["invalid 5: in a selector of ClusterRole r, `In` needs `values`: the API server refuses the role"],
        ),
        (
            "{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]}",
            &["invalid 5: in a selector of ClusterRole r, `Exists` takes no `values`: the API server refuses the role"],
        ),
        (
            "{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Is, values: [b]}]}]}",
            &[
                "invalid 5: in a selector of ClusterRole r, the operator must be In, NotIn, Exists or DoesNotExist, is `Is`: the API server refuses the role",
            ],
        ),
        (
            "{clusterRoleSelectors: [{matchExpressions: [{key: a}]}]}",
            &[
                "invalid 5: in a selector of ClusterRole r, the operator must be In, NotIn, Exists or DoesNotExist, is ``: the API server refuses the role",
            ],
        ),
    ];
    for (rule, wanted) in table {
        let mut found = problems(&object("ClusterRole", "r", &format!("aggregationRule: {rule}")));
        // That they select nothing here is another matter.
        let nothing = "note 5: no role that was read is selected by ClusterRole r: what it grants is not known";
        found.retain(|problem| problem != nothing);
        assert_eq!(found, wanted, "{rule}");
    }
    // Only of a ClusterRole it says something.
    check(&object("Role", "r", "aggregationRule: {}"), &[]);
}

#[test]
fn what_a_default_role_lacks_is_given_back_unless_it_says_no() {
    let kept = |annotation: &str| {
        object("ClusterRole", "system:basic-user", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]").replace(
            "basic-user\"}",
            &format!("basic-user\", annotations: {{rbac.authorization.kubernetes.io/autoupdate: {annotation}}}}}"),
        )
    };
    assert_eq!(rules(&kept("'true'"), "system:basic-user", Defaults::Assume).len(), 3);
    assert_eq!(rules(&kept("'false'"), "system:basic-user", Defaults::Assume), ["get on pods"]);
    assert_eq!(rules(&kept("'true'"), "system:basic-user", Defaults::Leave), ["get on pods"]);
}

#[test]
fn a_default_role_that_is_made_of_others_is_so_again() {
    let own = object("ClusterRole", "view", "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]");
    let added = own.clone()
        + &object("ClusterRole", "more", "rules: [{apiGroups: [shop], resources: [orders], verbs: [get]}]")
            .replace("\"more\"", "more, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}");
    let rules = rules(&added, "view", Defaults::Assume);
    assert!(rules.contains(&"get on orders of shop".to_owned()) && !rules.contains(&"get on secrets".to_owned()), "{rules:?}");
}

#[test]
fn what_a_default_binding_lacks_is_given_back_unless_it_says_no() {
    let group = |name: &str| format!("{{kind: Group, name: {name:?}}}");
    let binding = |annotation: &str, role: &str, subjects: &str| {
        object(
            "ClusterRoleBinding",
            "system:public-info-viewer",
            &format!("roleRef: {{kind: ClusterRole, name: {role:?}}}\nsubjects: [{subjects}]"),
        )
        .replace("viewer\"}", &format!("viewer\", annotations: {{rbac.authorization.kubernetes.io/autoupdate: {annotation}}}}}"))
    };
    let role = "system:public-info-viewer";
    let (everybody, anonymous) = (group("system:authenticated"), "group system:unauthenticated");
    let table: [(String, Defaults, &[&str]); 5] = [
        (binding("'true'", role, &everybody), Defaults::Assume, &["group system:authenticated", anonymous]),
        (binding("'false'", role, &everybody), Defaults::Assume, &["group system:authenticated"]),
        (binding("'true'", role, &everybody), Defaults::Leave, &["group system:authenticated"]),
        // More than the default's subjects stay, and another role goes.
        (binding("'true'", role, &group("devs")), Defaults::Assume, &["group devs", "group system:authenticated", anonymous]),
        (binding("'true'", "cluster-admin", &group("devs")), Defaults::Assume, &["group system:authenticated", anonymous]),
    ];
    for (yaml, defaults, wanted) in table {
        let snapshot = snapshot(&yaml);
        let rbac = Rbac::of(snapshot.objects().0.into_iter(), defaults);
        let bindings = rbac.bindings.iter().filter(|binding| binding.object.name == role);
        let mut subjects: Vec<String> =
            bindings.flat_map(|binding| &binding.subjects).map(|subject| subject.identity.to_string()).collect();
        subjects.sort();
        assert_eq!(subjects, wanted, "{yaml}");
    }
}
