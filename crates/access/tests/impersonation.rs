//! Who may act as whom.

use plimsoll_access::Authorizer;
use plimsoll_access::impersonation::{Mode, may_impersonate};
use plimsoll_model::rbac::{Defaults, Rbac, Request, Resource, Target, User};
use plimsoll_model::{Limits, Origin, Snapshot, Source, parse};

/// Every user may do what one ClusterRole of the same name says, all over the cluster.
const ROLES: &[(&str, &str)] = &[
    ("legacy-user", "{apiGroups: [''], resources: [users], verbs: [impersonate]}"),
    ("legacy-jane", "{apiGroups: [''], resources: [users], resourceNames: [jane], verbs: [impersonate]}"),
    ("legacy-groups", "{apiGroups: [''], resources: [users, groups], resourceNames: [jane, devs, ops], verbs: [impersonate]}"),
    ("legacy-account", "{apiGroups: [''], resources: [serviceaccounts], resourceNames: [robot], verbs: [impersonate]}"),
    ("legacy-all", "{apiGroups: ['', authentication.k8s.io], resources: ['*'], verbs: [impersonate]}"),
    (
        "legacy-details",
        "{apiGroups: [''], resources: [users], verbs: [impersonate]}, {apiGroups: [authentication.k8s.io], resources: [uids], resourceNames: [u1], verbs: [impersonate]}, {apiGroups: [authentication.k8s.io], resources: [userextras/scopes], resourceNames: [view, edit], verbs: [impersonate]}",
    ),
    ("wrong-group", "{apiGroups: [authentication.k8s.io], resources: [users, groups, serviceaccounts], verbs: [impersonate]}"),
    (
        "as-jane-lists-pods",
        "{apiGroups: [authentication.k8s.io], resources: [users], resourceNames: [jane], verbs: ['impersonate:user-info']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:list']}",
    ),
    (
        "as-jane-in-groups",
        "{apiGroups: [authentication.k8s.io], resources: [users, groups], verbs: ['impersonate:user-info']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:list']}",
    ),
    (
        "as-jane-in-some-groups",
        "{apiGroups: [authentication.k8s.io], resources: [users, groups], resourceNames: [jane, a, b, c, d], verbs: ['impersonate:user-info']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:list']}",
    ),
    (
        "as-jane-with-details",
        "{apiGroups: [authentication.k8s.io], resources: [users, uids, userextras/acme.io/scopes], verbs: ['impersonate:user-info']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:list']}",
    ),
    ("identity-only", "{apiGroups: [authentication.k8s.io], resources: [users], verbs: ['impersonate:user-info']}"),
    (
        "as-robot",
        "{apiGroups: [authentication.k8s.io], resources: [serviceaccounts], resourceNames: [robot], verbs: ['impersonate:serviceaccount']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:serviceaccount:list']}",
    ),
    (
        "as-node",
        "{apiGroups: [authentication.k8s.io], resources: [nodes], resourceNames: [n1], verbs: ['impersonate:arbitrary-node']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:arbitrary-node:list']}",
    ),
    (
        "system:serviceaccount:agents:agent",
        "{apiGroups: [authentication.k8s.io], resources: [nodes], verbs: ['impersonate:associated-node']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:associated-node:list']}",
    ),
    (
        "system:serviceaccount:agents:named",
        "{apiGroups: [authentication.k8s.io], resources: [nodes], resourceNames: [n1], verbs: ['impersonate:associated-node']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:associated-node:list']}",
    ),
    ("everything", "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"),
    (
        "probe",
        "{apiGroups: [authentication.k8s.io], resources: [users], verbs: ['impersonate:user-info']}, {nonResourceURLs: [/healthz], verbs: ['impersonate-on:user-info:get']}",
    ),
];

fn cluster() -> Snapshot {
    let mut yaml = String::new();
    for (name, rules) in ROLES {
        yaml += &format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name:?}}}\nrules: [{rules}]\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {name:?}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name:?}}}\n\
             subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {name:?}}}]\n"
        );
    }
    let (documents, problems) = parse(&Source::new("rbac.yaml", Origin::File, yaml), Limits::default());
    Snapshot { documents, problems }
}

const LIST_PODS: Request<'_> = Request {
    verb: "list",
    target: Target::Resource(Resource { group: "", resource: "pods", subresource: "", namespace: "shop", name: "" }),
};

/// The way that is open and the groups that the requester has then; else the message.
fn check(user: &User, target: &User, request: Option<&Request<'_>>) -> Result<(Mode, String), String> {
    let snapshot = cluster();
    let authorizer = Authorizer::of(Rbac::of(snapshot.objects().0.into_iter(), Defaults::Leave));
    match may_impersonate(&authorizer, user, target, request) {
        Ok(how) => Ok((how.mode, how.user.groups.join(" "))),
        Err(refusal) => Err(refusal.message().to_owned()),
    }
}

fn user(name: &str) -> User {
    User::named(name, None::<String>)
}

/// Whom a request asks for: a name, groups, nothing else.
fn target(name: &str, groups: &[&str]) -> User {
    User::exactly(name, groups.iter().copied())
}

fn on_node(name: &str, node: &str) -> User {
    let mut user = user(name);
    user.extra.insert("authentication.kubernetes.io/node-name".to_owned(), vec![node.to_owned()]);
    user
}

#[test]
fn ways_that_are_open() {
    use Mode::{ArbitraryNode, AssociatedNode, Legacy, ServiceAccount, UserInfo};
    let robot = "system:serviceaccount:shop:robot";
    let robots = "system:serviceaccounts system:serviceaccounts:shop system:authenticated";
    let agent = "system:serviceaccount:agents:agent";
    let cases = [
        (user("legacy-user"), target("jane", &[]), Legacy, "system:authenticated"),
        (user("legacy-jane"), target("jane", &[]), Legacy, "system:authenticated"),
        (user("legacy-groups"), target("jane", &["devs", "ops"]), Legacy, "devs ops system:authenticated"),
        (user("legacy-all"), target("jane", &["system:masters"]), Legacy, "system:masters system:authenticated"),
        (user("legacy-all"), target("jane", &["system:authenticated"]), Legacy, "system:authenticated"),
        (user("legacy-all"), target("jane", &["system:unauthenticated"]), Legacy, "system:unauthenticated"),
        (user("legacy-user"), target("system:anonymous", &[]), Legacy, "system:unauthenticated"),
        (user("legacy-account"), target(robot, &[]), Legacy, robots),
        // Groups that are asked for take the place of those that are implied.
        (user("legacy-all"), target(robot, &["devs"]), Legacy, "devs system:authenticated"),
        // A node by the old verb is a user like others: it is not in the group of nodes.
        (user("legacy-user"), target("system:node:n1", &[]), Legacy, "system:authenticated"),
        // No service account can be called that, so it is a user.
        (user("legacy-user"), target("system:serviceaccount:shop:Robot", &[]), Legacy, "system:authenticated"),
        (user("as-jane-lists-pods"), target("jane", &[]), UserInfo, "system:authenticated"),
        (user("as-jane-in-groups"), target("jane", &["devs"]), UserInfo, "devs system:authenticated"),
        (user("as-jane-in-groups"), target("jane", &["a", "b", "c", "d"]), UserInfo, "a b c d system:authenticated"),
        (user("as-jane-in-some-groups"), target("jane", &["a", "b", "c", "d"]), UserInfo, "a b c d system:authenticated"),
        (user("as-robot"), target(robot, &[]), ServiceAccount, robots),
        (user("as-node"), target("system:node:n1", &[]), ArbitraryNode, "system:nodes system:authenticated"),
        (on_node(agent, "n7"), target("system:node:n7", &[]), AssociatedNode, "system:nodes system:authenticated"),
        (user("everything"), target("jane", &[]), UserInfo, "system:authenticated"),
        // What constrained impersonation never lets through may still be had by the old verb.
        (user("everything"), target("jane", &["system:masters"]), Legacy, "system:masters system:authenticated"),
        (user("everything"), target(robot, &["devs"]), Legacy, "devs system:authenticated"),
        (on_node("everything", "n1"), target("system:node:n1", &[]), ArbitraryNode, "system:nodes system:authenticated"),
        (User::exactly("root", ["system:masters"]), target("jane", &[]), UserInfo, "system:authenticated"),
    ];
    for (user, target, mode, groups) in cases {
        assert_eq!(check(&user, &target, Some(&LIST_PODS)), Ok((mode, groups.to_owned())), "{user} as {target} {:?}", target.groups);
    }
}

#[test]
fn refusals_are_those_of_the_first_way_that_was_tried() {
    let get = Request::resource("get", "", "pods", "shop", "web");
    let robot = "system:serviceaccount:shop:robot";
    let agent = "system:serviceaccount:agents:agent";
    let cases = [
        (
            user("nobody"),
            target("jane", &[]),
            LIST_PODS,
            r#"pods is forbidden: User "nobody" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "shop""#,
        ),
        (
            user("as-jane-lists-pods"),
            target("jane", &[]),
            get,
            r#"pods "web" is forbidden: User "as-jane-lists-pods" cannot impersonate-on:user-info:get resource "pods" in API group "" in the namespace "shop""#,
        ),
        (
            user("as-jane-lists-pods"),
            target("joe", &[]),
            LIST_PODS,
            r#"users.authentication.k8s.io "joe" is forbidden: User "as-jane-lists-pods" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope"#,
        ),
        (
            user("as-jane-in-groups"),
            target("jane", &["system:masters"]),
            LIST_PODS,
            r#"groups.authentication.k8s.io "system:masters" is forbidden: User "as-jane-in-groups" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters group is not allowed"#,
        ),
        (
            user("as-jane-in-groups"),
            target("jane", &[""]),
            LIST_PODS,
            r#"groups.authentication.k8s.io is forbidden: User "as-jane-in-groups" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the empty string group is not allowed"#,
        ),
        (
            user("as-jane-in-some-groups"),
            target("jane", &["a", "b", "c", "e"]),
            LIST_PODS,
            r#"groups.authentication.k8s.io "e" is forbidden: User "as-jane-in-some-groups" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope"#,
        ),
        (
            user("as-robot"),
            target("system:serviceaccount:shop:other", &[]),
            LIST_PODS,
            r#"serviceaccounts.authentication.k8s.io "other" is forbidden: User "as-robot" cannot impersonate:serviceaccount resource "serviceaccounts" in API group "authentication.k8s.io" in the namespace "shop""#,
        ),
        // Constrained impersonation of a service account takes its name alone, so that only the old verb is tried.
        (
            user("as-robot"),
            target(robot, &["devs"]),
            LIST_PODS,
            r#"serviceaccounts "robot" is forbidden: User "as-robot" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "shop""#,
        ),
        (
            user("as-node"),
            target("system:node:n2", &[]),
            LIST_PODS,
            r#"nodes.authentication.k8s.io "n2" is forbidden: User "as-node" cannot impersonate:arbitrary-node resource "nodes" in API group "authentication.k8s.io" at the cluster scope"#,
        ),
        // Another node than the own one is an arbitrary one.
        (
            on_node(agent, "n7"),
            target("system:node:n8", &[]),
            LIST_PODS,
            r#"pods is forbidden: User "system:serviceaccount:agents:agent" cannot impersonate-on:arbitrary-node:list resource "pods" in API group "" in the namespace "shop""#,
        ),
        (
            user(agent),
            target("system:node:n7", &[]),
            LIST_PODS,
            r#"pods is forbidden: User "system:serviceaccount:agents:agent" cannot impersonate-on:arbitrary-node:list resource "pods" in API group "" in the namespace "shop""#,
        ),
        // Names of nodes do not help: the permission has to hold for all of them.
        (
            on_node("system:serviceaccount:agents:named", "n1"),
            target("system:node:n1", &[]),
            LIST_PODS,
            r#"nodes.authentication.k8s.io "*" is forbidden: User "system:serviceaccount:agents:named" cannot impersonate:associated-node resource "nodes" in API group "authentication.k8s.io" at the cluster scope"#,
        ),
        (
            user("probe"),
            target("jane", &[]),
            Request::path("get", "/livez"),
            r#"forbidden: User "probe" cannot impersonate-on:user-info:get path "/livez""#,
        ),
        (
            user("<i>&"),
            target("jane", &[]),
            LIST_PODS,
            r#"pods is forbidden: User "&lt;i&gt;&amp;" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "shop""#,
        ),
        (user("everything"), target("", &["devs"]), LIST_PODS, "a request that acts as somebody has to name a user"),
    ];
    for (user, target, request, message) in cases {
        assert_eq!(check(&user, &target, Some(&request)), Err(message.to_owned()), "{user} as {target} {:?}", target.groups);
    }
}

#[test]
fn the_old_verb_needs_each_part() {
    let cannot = |what: &str| format!(r#"{what} at the cluster scope"#);
    let cases = [
        ("legacy-jane", target("joe", &[]), cannot(r#"users "joe" is forbidden: User "legacy-jane" cannot impersonate resource "users" in API group """#)),
        (
            "legacy-groups",
            target("jane", &["devs", "admins"]),
            cannot(r#"groups "admins" is forbidden: User "legacy-groups" cannot impersonate resource "groups" in API group """#),
        ),
        // The old verb is asked for in the core group.
        ("wrong-group", target("jane", &[]), cannot(r#"users "jane" is forbidden: User "wrong-group" cannot impersonate resource "users" in API group """#)),
        (
            "legacy-user",
            target("system:serviceaccount:shop:robot", &[]),
            r#"serviceaccounts "robot" is forbidden: User "legacy-user" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "shop""#.to_owned(),
        ),
    ];
    let snapshot = cluster();
    let authorizer = Authorizer::of(Rbac::of(snapshot.objects().0.into_iter(), Defaults::Leave));
    for (name, target, message) in cases {
        let refusal = may_impersonate(&authorizer, &user(name), &target, Some(&LIST_PODS)).map(|how| how.mode).unwrap_err();
        let legacy: Vec<_> = refusal.tried.iter().filter(|(mode, _)| *mode == Mode::Legacy).map(|(_, text)| text.as_str()).collect();
        assert_eq!(legacy, [message], "{name}");
    }
}

#[test]
fn uids_and_extra_fields_are_permissions_of_their_own() {
    let jane = |uid: &str, extra: &[(&str, &[&str])]| {
        let mut jane = target("jane", &[]);
        jane.uid = uid.to_owned();
        jane.extra = extra.iter().map(|(key, values)| ((*key).to_owned(), values.iter().map(|one| (*one).to_owned()).collect())).collect();
        jane
    };
    let open = |name: &str, target: &User| check(&user(name), target, Some(&LIST_PODS)).map(|(mode, _)| mode).ok();
    assert_eq!(open("legacy-details", &jane("u1", &[("scopes", &["view", "edit"])])), Some(Mode::Legacy));
    assert_eq!(open("legacy-details", &jane("u2", &[])), None);
    assert_eq!(open("legacy-details", &jane("", &[("scopes", &["view", "admin"])])), None);
    assert_eq!(open("legacy-details", &jane("", &[("other", &["view"])])), None);
    assert_eq!(open("as-jane-with-details", &jane("u9", &[("acme.io/scopes", &["a", "b"])])), Some(Mode::UserInfo));
    assert_eq!(open("as-jane-with-details", &jane("", &[("acme.io/scopes", &["a", "b", "c", "d"])])), Some(Mode::UserInfo));
    assert_eq!(open("as-jane-with-details", &jane("", &[("acme.io/other", &["a"])])), None);
    // What the old verb takes and constrained impersonation does not.
    let wrong: [&[(&str, &[&str])]; 6] = [
        &[("scopes", &["a"])],
        &[("acme.io/Scopes", &["a"])],
        &[("acme_io/s", &["a"])],
        &[("acme.io/a b", &["a"])],
        &[("acme.io/s", &[])],
        &[("acme.io/s", &[""])],
    ];
    for extra in wrong {
        assert_eq!(open("everything", &jane("", extra)), Some(Mode::Legacy), "{extra:?}");
    }
    let message = check(&user("as-jane-with-details"), &jane("", &[("scopes", &["a"])]), Some(&LIST_PODS)).unwrap_err();
    let wanted = r#"userextras.authentication.k8s.io is forbidden: User "as-jane-with-details" cannot impersonate:user-info resource "userextras" in API group "authentication.k8s.io" at the cluster scope: impersonating an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-prefixed path (such as "acme.io/foo")"#;
    assert_eq!(message, wanted);
}

#[test]
fn without_a_request_the_way_that_lets_most_be_done_is_first() {
    let mode = |name: &str| check(&user(name), &target("jane", &[]), None).map(|(mode, _)| mode).ok();
    assert_eq!(mode("everything"), Some(Mode::Legacy));
    assert_eq!(mode("identity-only"), Some(Mode::UserInfo));
    assert_eq!(check(&user("identity-only"), &target("jane", &[]), Some(&LIST_PODS)).ok(), None);
    assert_eq!(mode("as-robot"), None);
}

#[test]
fn what_allows_it_is_named() {
    let snapshot = cluster();
    let authorizer = Authorizer::of(Rbac::of(snapshot.objects().0.into_iter(), Defaults::Leave));
    let shown = |name: &str, target: &User, request: Request<'_>| {
        let how = may_impersonate(&authorizer, &user(name), target, Some(&request)).unwrap();
        how.allowed_by.iter().map(|(grant, rule)| format!("{}{}", grant.binding.object.name, rule.pointer())).collect::<Vec<_>>()
    };
    assert_eq!(shown("as-jane-lists-pods", &target("jane", &[]), LIST_PODS), ["as-jane-lists-pods/rules/1", "as-jane-lists-pods/rules/0"]);
    assert_eq!(shown("probe", &target("jane", &[]), Request::path("get", "/healthz")), ["probe/rules/1", "probe/rules/0"]);
    assert_eq!(shown("legacy-groups", &target("jane", &["devs"]), LIST_PODS).len(), 2);
    let by_nobody = may_impersonate(&authorizer, &User::exactly("root", ["system:masters"]), &target("jane", &[]), None).unwrap();
    assert!(by_nobody.allowed_by.is_empty());
}
