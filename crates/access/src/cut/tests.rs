//! What a cut is held against: random worlds, and brute force.
use super::*;
use crate::Authorizer;
use crate::graph::Search as Ways;
use crate::graph::primitive::Need;
use plimsoll_model::rbac::Identity;
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, parse};
use proptest::prelude::*;

const NOBODY_USES: &dyn Fn(&Held<'_, '_>) -> bool = &|_| false;

fn snapshot(yaml: &str) -> Snapshot {
    let (documents, problems) = parse(&Source::new("world.yaml", Origin::File, yaml), Limits::default());
    assert!(problems.is_empty(), "{problems:?}\n{yaml}");
    Snapshot { documents, problems }
}

/// The one place that asks for a cut: from service accounts outside kube-system, or those of `from`.
fn with_cut<R>(
    snapshot: &Snapshot,
    from: &[&str],
    sinks: &[Sink<'_>],
    in_use: &dyn Fn(&Held<'_, '_>) -> bool,
    then: impl FnOnce(&Cut, &Graph<'_, '_>, &Goal<'_>) -> R,
) -> R {
    let kinds = WorkloadKinds::with(Vec::new());
    let inventory = Inventory::new(snapshot, &kinds);
    let authorizer = Authorizer::new(&inventory, Defaults::Assume);
    let situation = Situation::default();
    let graph = Graph::new(&inventory, &authorizer, &situation);
    let is_source = |identity: &Identity<'_>| match identity {
        Identity::ServiceAccount("kube-system", _) => false,
        Identity::ServiceAccount(namespace, name) => from.is_empty() || from.contains(&&*format!("{namespace}/{name}")),
        _ => false,
    };
    let sources: Vec<u32> = graph.identities().into_iter().filter(is_source).filter_map(|one| graph.find(&Vertex::Identity(one))).collect();
    let uses = |held: &Held<'_, '_>| in_use(held).then(|| "as the test says".to_owned());
    let goal = Goal {
        sources: &sources,
        sinks,
        situation: &situation,
        kinds: &kinds,
        defaults: Defaults::Assume,
        in_use: &uses,
        acts: &|_| None,
        is_baseline: &|pod| !pod.containers.iter().any(|container| container.security.privileged == Some(true)),
        cost: &|_| 1,
    };
    then(&cut(&graph, &goal), &graph, &goal)
}

fn whats(yaml: &str, in_use: &dyn Fn(&Held<'_, '_>) -> bool) -> (Vec<String>, Cut) {
    with_cut(&snapshot(yaml), &[], &[Sink::ClusterAdmin], in_use, |cut, _, _| {
        assert!(cut.remaining.is_empty(), "{:?}", cut.remaining);
        (cut.changes.iter().map(|change| change.what.clone()).collect(), cut.clone())
    })
}

const ADMIN: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: oops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, namespace: shop, name: web}
- {kind: User, name: alice}
";

const SPREAD: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: deployer}
rules:
- {apiGroups: [''], resources: [pods, limitranges], verbs: [get, create]}
- {apiGroups: [apps], resources: [deployments], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
subjects:
- {kind: ServiceAccount, namespace: a, name: a}
- {kind: ServiceAccount, namespace: b, name: b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: c}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
subjects:
- {kind: ServiceAccount, namespace: c, name: c}
";

#[test]
fn a_subject_goes_where_the_role_belongs_to_kubernetes() {
    let (changes, cut) = whats(ADMIN, NOBODY_USES);
    assert_eq!(changes, ["take ServiceAccount shop/web out of ClusterRoleBinding oops"]);
    assert!(cut.is_smallest && cut.at_least == 1 && cut.pairs == 1 && cut.open.is_empty());
    assert_eq!(cut.changes[0].place, "world.yaml:7");
    let patch = serde_json::to_value(&cut.objects[0].patch).unwrap();
    assert_eq!(patch, serde_json::json!([{"op": "remove", "path": "/subjects/0"}]));
    assert_eq!(cut.objects[0].manifest["subjects"].as_array().map(Vec::len), Some(1));
}

#[test]
fn one_rule_goes_for_many_that_hold_it_and_the_rest_of_it_stays() {
    let (changes, cut) = whats(SPREAD, NOBODY_USES);
    assert_eq!(changes, ["narrow the rule `get, create on pods, limitranges` of ClusterRole deployer"]);
    assert_eq!(cut.changes[0].leaves, ["get on pods", "get, create on limitranges"]);
    assert_eq!((cut.pairs, cut.changes[0].closes), (3, 3));
}

#[test]
fn what_is_used_stays_and_is_named() {
    // Only account a creates pods: the rule stays for it, the others lose it.
    let uses = |held: &Held<'_, '_>| {
        held.subject.identity == Identity::ServiceAccount("a", "a") && held.lost.is_none_or(|need| need_is_about(need, "pods"))
    };
    let (changes, cut) = whats(SPREAD, &uses);
    assert_eq!(
        changes,
        [
            "take ServiceAccount b/b out of ClusterRoleBinding a",
            "take ServiceAccount c/c out of ClusterRoleBinding c: nobody is left in it, delete it",
        ]
    );
    assert_eq!(cut.open.len(), 1);
    assert_eq!((&*cut.open[0].source, &*cut.open[0].sink), ("service account a/a", "cluster-admin"));
    assert!(cut.open[0].in_use.iter().any(|used| used.contains("service account a/a uses it, by ClusterRoleBinding a")), "{:?}", cut.open);
    assert!(cut.objects.iter().any(|object| object.delete && object.object.name == "c"));
}

#[test]
fn reading_pods_is_no_use_of_creating_them() {
    let reads = |held: &Held<'_, '_>| {
        held.lost.is_some_and(|need| need.rights.iter().any(|right| right.verbs.contains(&"get")) && need_is_about(need, "pods"))
    };
    assert_eq!(whats(SPREAD, &reads).0, ["narrow the rule `get, create on pods, limitranges` of ClusterRole deployer"]);
}

#[test]
fn pods_and_namespaces_change_too() {
    let pod = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
      - {name: web, image: web, securityContext: {SEC}, volumeMounts: [MOUNTS]}
      VOLUMES
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: exec, namespace: shop}
rules: [{apiGroups: [''], resources: [pods/exec], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: exec, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: exec}
subjects: [{kind: ServiceAccount, namespace: shop, name: dev}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: exec2, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: exec}
subjects: [{kind: ServiceAccount, namespace: shop, name: dev2}]
";
    let table = [
        ("privileged: true", "", "turn `privileged` off in Deployment shop/web"),
        ("capabilities: {add: [SYS_ADMIN, CHOWN]}", "", "take the capabilities that lead to the node from Deployment shop/web"),
        (
            "privileged: false",
            "volumes: [{name: root, hostPath: {path: /}}]",
            "do not mount a directory of the node in Deployment shop/web: an empty one in its place",
        ),
    ];
    // Rights are in use: what is left is the pod.
    let uses = |_: &Held<'_, '_>| true;
    for (security, volumes, wanted) in table {
        let yaml = pod
            .replace("SEC", security)
            .replace("VOLUMES", volumes)
            .replace("MOUNTS", if volumes.is_empty() { "" } else { "{name: root, mountPath: /host}" });
        let found = with_cut(&snapshot(&yaml), &["shop/dev", "shop/dev2"], &[Sink::Node], &uses, |cut, _, _| {
            assert!(cut.remaining.is_empty() && cut.open.is_empty() && cut.is_smallest, "{cut:?}");
            cut.changes.iter().map(|change| change.what.clone()).collect::<Vec<_>>()
        });
        assert_eq!(found, [wanted]);
    }
    let level = pod.replace("SEC", "").replace("VOLUMES", "").replace("MOUNTS", "").replace("pods/exec", "pods");
    let found = with_cut(&snapshot(&level), &["shop/dev"], &[Sink::Node], &uses, |cut, _, _| cut.clone());
    assert_eq!(found.changes.len(), 1, "{found:?}");
    assert_eq!(found.changes[0].what, "enforce the Pod Security level baseline in Namespace shop");
}

#[test]
fn what_the_api_server_makes_is_not_cut() {
    let yaml = ADMIN.replace("metadata: {name: oops}", "metadata: {name: oops, labels: {kubernetes.io/bootstrapping: rbac-defaults}}");
    let (changes, cut) = whats(&yaml, NOBODY_USES);
    assert!(changes.is_empty());
    assert_eq!(cut.open.len(), 1, "{cut:?}");
}

/// Rules of random worlds: some lead on, some do not.
const RULES: [&str; 9] = [
    "{apiGroups: [''], resources: [secrets], verbs: [get, list]}",
    "{apiGroups: [''], resources: [pods], verbs: [create, get]}",
    "{apiGroups: [''], resources: [pods/exec], verbs: [create, get]}",
    "{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}",
    "{apiGroups: [rbac.authorization.k8s.io], resources: [roles, clusterroles], verbs: [bind]}",
    "{apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings, clusterrolebindings], verbs: [create]}",
    "{apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate], resourceNames: [s1]}",
    "{apiGroups: [''], resources: [configmaps], verbs: [get]}",
    "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}",
];

fn world() -> impl Strategy<Value = String> {
    let role = prop::collection::vec(0usize..RULES.len(), 1..3);
    let roles = prop::collection::vec(role, 1..4);
    let subjects = || prop::collection::vec(0u8..4, 1..3);
    let bindings = prop::collection::vec((0u8..4, 0u8..3, subjects()), 1..4);
    let pods = prop::collection::vec((0u8..4, 0u8..4, any::<bool>()), 0..3);
    (roles, bindings, pods).prop_map(|(roles, bindings, pods)| {
        let mut yaml = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n0}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n1}\n".to_owned();
        for (at, rules) in roles.iter().enumerate() {
            let rules: Vec<&str> = rules.iter().map(|rule| RULES[*rule]).collect();
            yaml += &format!("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r{at}}}\nrules: [{}]\n", rules.join(", "));
        }
        for (at, (role, scope, subjects)) in bindings.iter().enumerate() {
            let subjects: Vec<String> =
                subjects.iter().map(|one| format!("{{kind: ServiceAccount, namespace: n{}, name: s{one}}}", one % 2)).collect();
            let (kind, place) = if *scope == 2 { ("ClusterRoleBinding", String::new()) } else { ("RoleBinding", format!(", namespace: n{scope}")) };
            let role = usize::from(*role) % roles.len();
            yaml += &format!(
                "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: b{at}{place}}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r{role}}}\nsubjects: [{}]\n",
                subjects.join(", ")
            );
        }
        for (at, (account, security, mounts)) in pods.iter().enumerate() {
            let security = ["", "privileged: true", "capabilities: {add: [SYS_PTRACE]}", "capabilities: {add: [SYS_ADMIN]}"][usize::from(*security)];
            yaml += &format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}, namespace: n{}}}\nspec: {{serviceAccountName: s{account}, hostPID: true, automountServiceAccountToken: {mounts}, containers: [{{name: c, image: i, securityContext: {{{security}}}}}]}}\n",
                account % 2
            );
        }
        yaml
    })
}

/// Whether a way is left when the units are taken away whole, by the search that lists ways.
fn leads(graph: &Graph<'_, '_>, goal: &Goal<'_>, units: &mut Units<'_>, taken: &BTreeSet<u32>, open: &BTreeSet<(String, String)>) -> bool {
    let changed = apply::changes(graph, units, &Removal::whole(taken.clone()));
    let sources: Vec<_> = goal.sources.iter().filter_map(|at| graph.vertex(*at)).collect();
    apply::rebuilt(graph, goal, units, &changed, |graph, _, _| {
        goal.sinks.iter().any(|sink| {
            let ways = Ways::new(graph, *sink, |_, _| false);
            sources.iter().any(|source| {
                let is_way = graph.find(source).is_some_and(|at| ways.path(graph, at).is_some()) && !sink.is(source);
                is_way && !open.contains(&(graph.name(source), sink.name().into_owned()))
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_cut_is_one_and_no_smaller_one_is(yaml in world()) {
        with_cut(&snapshot(&yaml), &[], &[Sink::ClusterAdmin, Sink::Node], NOBODY_USES, |cut, graph, goal| {
            prop_assert!(cut.remaining.is_empty(), "{:?}\n{yaml}", cut.remaining);
            prop_assert!(cut.is_smallest);
            let mut units = Units::new(goal);
            for (place, object) in (0u32..).zip(&graph.inventory.objects) {
                units.locate(place, object);
            }
            let mut all = BTreeSet::new();
            for edge in &graph.edges {
                all.extend(units.of_edge(graph, &Origins::new(), edge).into_iter().map(|(unit, _)| unit));
            }
            let open: BTreeSet<_> = cut.open.iter().map(|open| (open.source.clone(), open.sink.clone())).collect();
            prop_assert!(!leads(graph, goal, &mut units, &all, &open) , "what is said to be open is all that cannot be closed\n{yaml}");
            for one in &cut.open {
                let is_new: BTreeSet<_> = open.iter().filter(|pair| pair.0 != one.source || pair.1 != one.sink).cloned().collect();
                prop_assert!(leads(graph, goal, &mut units, &all, &is_new), "{one:?} can be closed\n{yaml}");
            }
            // No set of fewer units is a cut.
            let all: Vec<u32> = all.into_iter().collect();
            let smaller = cut.changes.len().saturating_sub(1);
            if !cut.changes.is_empty() && smaller <= 2 {
                let mut sets: Vec<BTreeSet<u32>> = vec![BTreeSet::new()];
                for _ in 0..smaller {
                    let more: Vec<_> = sets.iter().flat_map(|set| all.iter().map(move |one| set.iter().copied().chain([*one]).collect())).collect();
                    sets.extend(more);
                    sets.sort_unstable();
                    sets.dedup();
                }
                for set in sets {
                    prop_assert!(leads(graph, goal, &mut units, &set, &open), "{set:?} is smaller than {:?}\n{yaml}", cut.changes);
                }
            }
            for change in &cut.changes {
                prop_assert!(cut.changes.len() > 1 || change.closes > 0, "{change:?}");
            }
            Ok(())
        })?;
    }
}

fn need_is_about(need: &Need, resource: &str) -> bool {
    need.rights.iter().flat_map(|right| right.on).any(|(_, resources)| resources.contains(&resource))
}
