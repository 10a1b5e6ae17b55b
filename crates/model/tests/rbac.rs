//! RBAC that is not as it should be: each time a problem that says what and where, and what is left holds.

#![cfg(test)]

use plimsoll_model::rbac::{Defaults, Identity, Rbac};
use plimsoll_model::{Document, Limits, Origin, ProblemKind, Source, parse};

fn documents(text: &str) -> Vec<Document> {
    let (documents, problems) = parse(&Source::new("in.yaml", Origin::File, text), Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    documents
}

fn rbac(documents: &[Document]) -> Rbac<'_> {
    Rbac::of(documents.iter().flat_map(|document| document.objects().0), Defaults::Leave)
}

fn role(rest: &str) -> String {
    format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: a}}\n{rest}\n")
}

fn cluster_role(name: &str, rest: &str) -> String {
    format!("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\n{rest}\n")
}

fn binding(kind: &str, rest: &str) -> String {
    let role = role("rules: []");
    format!("{role}---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: b, namespace: a}}\n{rest}\n")
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let long = "n".repeat(300);
    let to = "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}";
    let circle = cluster_role("one", "  labels: {of: two}\naggregationRule:\n  clusterRoleSelectors:\n  - matchLabels: {of: one}")
        + &cluster_role("two", "  labels: {of: one}\naggregationRule:\n  clusterRoleSelectors:\n  - matchLabels: {of: two}");
    let aggregated = |rule: &str| cluster_role("sum", &format!("aggregationRule: {rule}"));
    let cluster_binding = |rest: &str| binding("ClusterRoleBinding", rest);
    let binding = |rest: &str| binding("RoleBinding", rest);
    #[rustfmt::skip]
    let table: &[(&str, String, &[(ProblemKind, &str)])] = &[
        ("fine", role("rules:\n- {apiGroups: [\"\"], resources: [pods], verbs: [get]}"), &[]),
        ("no rules", role(""), &[]),
        ("null rules", role("rules: null"), &[]),
        ("rules as a map", role("rules: {}"), &[(ProblemKind::WrongType, "in.yaml:4:8: `rules` must be a list, is a map")]),
        ("empty rule", role("rules:\n- {}"), &[
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has no `verbs`: it allows nothing"),
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r names neither `resources` nor `nonResourceURLs`: it allows nothing"),
        ]),
        ("rule as a string", role("rules: [get]"), &[
            (ProblemKind::Invalid, "in.yaml:4:9: rule 0 of Role a/r has no `verbs`: it allows nothing"),
            (ProblemKind::Invalid, "in.yaml:4:9: rule 0 of Role a/r names neither `resources` nor `nonResourceURLs`: it allows nothing"),
        ]),
        ("verbs as a string", role("rules:\n- {apiGroups: [\"\"], resources: [pods], verbs: get}"), &[
            (ProblemKind::WrongType, "in.yaml:5:47: `verbs` must be a list of strings, is a string"),
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has no `verbs`: it allows nothing"),
        ]),
        ("verb as a number", role("rules:\n- {apiGroups: [\"\"], resources: [pods], verbs: [1]}"), &[
            (ProblemKind::WrongType, "in.yaml:5:48: an item of `verbs` must be a string, is a number"),
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has no `verbs`: it allows nothing"),
        ]),
        ("no group", role("rules:\n- {resources: [pods], verbs: [get]}"), &[
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has no `apiGroups`: it allows nothing (the core group is \"\")"),
        ]),
        ("no resource", role("rules:\n- {apiGroups: [\"\"], verbs: [get]}"), &[
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has no `resources`: it allows nothing"),
        ]),
        ("paths in a Role", role("rules:\n- {nonResourceURLs: [/healthz], verbs: [get]}"), &[
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has `nonResourceURLs`, which only a ClusterRole can grant"),
        ]),
        ("paths and resources", role("rules:\n- {apiGroups: [\"\"], resources: [pods], nonResourceURLs: [/x], verbs: [get]}"), &[
            (ProblemKind::Invalid, "in.yaml:5:3: rule 0 of Role a/r has both `resources` and `nonResourceURLs`: the API server refuses it"),
        ]),
        ("the same name twice", role("") + "---\n" + &role(""), &[
            (ProblemKind::Note, "in.yaml:6:1: Role a/r was read before: what stands here is not looked at for who may do what"),
        ]),
        ("a name with a slash", cluster_role("a/b", "").trim_start_matches("---\n").to_owned(), &[
            (ProblemKind::Invalid, "in.yaml:1:1: the name `a/b` cannot be in a path of the API: no `/`, no `%`, not `.` or `..`"),
        ]),
        ("a name with a colon, of another script, with quotes, long", cluster_role("\"system:\u{8239}'\\\"\"", "") + &cluster_role(&long, ""), &[]),
        ("a name with a newline", cluster_role("\"a\\nb/\"", "").trim_start_matches("---\n").to_owned(), &[
            (ProblemKind::Invalid, "in.yaml:1:1: the name `a\\nb/` cannot be in a path of the API: no `/`, no `%`, not `.` or `..`"),
        ]),
        ("a circle", circle, &[
            (ProblemKind::Invalid, "in.yaml:8:3: ClusterRole one is made of roles that are made of it: all of them share their rules"),
            (ProblemKind::Invalid, "in.yaml:17:3: ClusterRole two is made of roles that are made of it: all of them share their rules"),
        ]),
        ("selectors as a map", aggregated("{clusterRoleSelectors: {matchLabels: {a: b}}}"), &[
            (ProblemKind::WrongType, "in.yaml:6:41: `clusterRoleSelectors` must be a list, is a map: ClusterRole sum grants nothing"),
        ]),
        ("an unknown operator", aggregated("{clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Equals}]}]}"), &[
            (ProblemKind::Invalid, "in.yaml:6:81: the operator must be In, NotIn, Exists or DoesNotExist, is `Equals`: it selects nothing"),
            (ProblemKind::Note, "in.yaml:6:41: no role that was read is selected by ClusterRole sum: what it grants is not known"),
        ]),
        ("nothing selected", aggregated("{clusterRoleSelectors: [{matchLabels: {a: b}}]}"), &[
            (ProblemKind::Note, "in.yaml:6:41: no role that was read is selected by ClusterRole sum: what it grants is not known"),
        ]),
        ("a role that is missing", binding("roleRef: {kind: ClusterRole, name: gone}"), &[
            (ProblemKind::Note, "in.yaml:9:10: ClusterRole `gone` was not read: what RoleBinding a/b grants is not known"),
        ]),
        ("a Role of another namespace", binding("roleRef: {kind: Role, name: other}"), &[
            (ProblemKind::Note, "in.yaml:9:10: Role `other` in namespace `a` was not read: what RoleBinding a/b grants is not known"),
        ]),
        ("no role", binding("subjects: []"), &[
            (ProblemKind::Invalid, "in.yaml:6:1: RoleBinding a/b names no role: `roleRef` needs a `kind` (Role or ClusterRole) and a `name`"),
        ]),
        ("a Role for the cluster", cluster_binding(to), &[
            (ProblemKind::Invalid, "in.yaml:9:10: ClusterRoleBinding a/b refers to a Role: a ClusterRoleBinding takes a ClusterRole"),
        ]),
        ("subjects as a map", binding(&format!("{to}\nsubjects: {{kind: User, name: ann}}")), &[
            (ProblemKind::WrongType, "in.yaml:10:11: `subjects` must be a list, is a map: RoleBinding a/b grants nobody anything"),
        ]),
        ("a subject without a name", binding(&format!("{to}\nsubjects: [{{kind: User}}]")), &[
            (ProblemKind::Invalid, "in.yaml:10:12: a subject of RoleBinding a/b has no name: it stands for nobody"),
        ]),
        ("a subject of another kind", binding(&format!("{to}\nsubjects: [{{kind: Robot, name: x}}]")), &[
            (ProblemKind::Invalid, "in.yaml:10:12: a subject's kind must be User, Group or ServiceAccount, is `Robot`: it stands for nobody"),
        ]),
        ("an account without a namespace in one", binding(&format!("{to}\nsubjects: [{{kind: ServiceAccount, name: x}}]")), &[]),
        ("an account without a namespace in the cluster", cluster_binding("roleRef: {kind: ClusterRole, name: gone}\nsubjects: [{kind: ServiceAccount, name: x}]"), &[
            (ProblemKind::Note, "in.yaml:9:10: ClusterRole `gone` was not read: what ClusterRoleBinding a/b grants is not known"),
            (ProblemKind::Invalid, "in.yaml:10:12: service account `x` of ClusterRoleBinding a/b needs a `namespace`: the API server refuses the binding"),
        ]),
    ];
    for (name, text, wanted) in table {
        let documents = documents(text);
        let rbac = rbac(&documents);
        let found: Vec<(ProblemKind, String)> =
            rbac.problems.iter().map(|problem| (problem.kind, format!("{}: {}", problem.place(), problem.message))).collect();
        let found: Vec<(ProblemKind, &str)> = found.iter().map(|(kind, message)| (*kind, message.as_str())).collect();
        assert_eq!(&found, wanted, "{name}");
    }
}

#[test]
fn a_circle_has_the_rules_of_all_its_roles() {
    let part = "  labels: {of: one}\nrules:\n- {apiGroups: [\"\"], resources: [pods], verbs: [get]}";
    let sum = |label: &str, of: &str| {
        format!("  labels: {{of: {label}}}\naggregationRule:\n  clusterRoleSelectors:\n  - matchLabels: {{of: {of}}}")
    };
    let text = cluster_role("part", part) + &cluster_role("one", &sum("two", "one")) + &cluster_role("two", &sum("one", "two"));
    let documents = documents(&text);
    let rbac = rbac(&documents);
    for name in ["one", "two"] {
        let rules: Vec<String> =
            rbac.role("ClusterRole", "", name).expect("the role").rules.iter().map(|rule| format!("{} {rule}", rule.role.name)).collect();
        assert_eq!(rules, ["part get on pods"], "{name}");
    }
}

#[test]
fn an_account_is_one_of_the_namespace_of_its_binding() {
    let text = binding("RoleBinding", "roleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: x}]");
    let documents = documents(&text);
    assert_eq!(rbac(&documents).bindings[0].subjects[0].identity, Identity::ServiceAccount("a", "x"));
}
