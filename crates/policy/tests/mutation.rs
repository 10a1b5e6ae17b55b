//! Policies that change requests: what they make of an object, and what the API server would refuse.

use plimsoll_model::{Document, Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_policy::{Mutation, Policies, Request, World};
use serde_json::{Value, json};

fn read(text: &str) -> Vec<Document> {
    parse(&Source::new("policy.yaml", Origin::File, text), Limits::default()).0
}

fn policies(text: &str) -> Policies {
    let (policies, problems) = Policies::read(&read(text), &[]);
    assert!(problems.is_empty(), "{problems:?}");
    policies
}

fn policy(name: &str, kind: &str, more: &str, mutation: &str) -> String {
    format!(
        "apiVersion: {kind}\nmetadata: {{name: {name}}}\nspec:\n  matchConstraints:\n    resourceRules:\n    - {{apiGroups: ['', apps], apiVersions: [v1], operations: [CREATE], resources: [pods]}}\n{more}  mutations:\n  - {mutation}\n---\n"
    )
}

const MAP: &str = "admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicy";

fn apply(expression: &str) -> String {
    format!("{{patchType: ApplyConfiguration, applyConfiguration: {{expression: \"{expression}\"}}}}")
}

fn patch(expression: &str) -> String {
    format!("{{patchType: JSONPatch, jsonPatch: {{expression: \"{expression}\"}}}}")
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]}]},
    })
}

/// The object and the patch that come of `text`, and what each step came to.
fn mutated(text: &str, object: &Value, world: &World<'_>) -> (Value, Vec<String>, Vec<Result<usize, Mutation>>) {
    let policies = policies(text);
    let mutated = policies.mutate(&Request::create(object), world);
    let patch = mutated.patch.iter().map(|operation| format!("{:?} {}", operation.op, operation.path)).collect();
    let steps = mutated.steps.into_iter().map(|(_, step)| step.map(|patch| patch.len())).collect();
    (mutated.object, patch, steps)
}

#[test]
fn an_apply_configuration_is_merged() {
    let sidecar = apply(
        "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'app', env: [Object.spec.containers.env{name: 'B', value: variables.b}]}, Object.spec.containers{name: 'log', image: 'log:1'}], ?hostname: optional.none()}}",
    );
    let text = policy("sidecar", MAP, "  variables:\n  - {name: b, expression: object.metadata.name}\n", &sidecar);
    let (object, patch, _) = mutated(&text, &pod(), &World::default());
    assert_eq!(patch, ["Add /spec/containers/0/env/1", "Add /spec/containers/1"]);
    assert_eq!(object["spec"]["containers"][0]["env"][1], json!({"name": "B", "value": "web"}));
    assert_eq!(object["spec"].get("hostname"), None);
    // A second time there is nothing to do.
    let (_, patch, steps) = mutated(&text, &object, &World::default());
    assert_eq!((patch, steps), (vec![], vec![Ok(0)]));
}

#[test]
fn operations_of_a_json_patch_are_made() {
    let text = policy(
        "label",
        MAP,
        "  matchConditions:\n  - {name: unlabelled, expression: '!has(object.metadata.labels)'}\n",
        &patch(
            "[JSONPatch{op: 'test', path: '/spec/containers/0/name', value: 'app'}, JSONPatch{op: 'add', path: '/metadata/labels', value: {}}, JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/tier'), value: 'web'}]",
        ),
    );
    let (object, patch, _) = mutated(&text, &pod(), &World::default());
    assert_eq!((patch, &object["metadata"]["labels"]), (vec!["Add /metadata/labels".to_owned()], &json!({"example.com/tier": "web"})));
    assert_eq!(mutated(&text, &object, &World::default()).2, [Err(Mutation::Skipped)]);
    // Where a test does not hold, nothing is changed.
    let mut other = pod();
    other["spec"]["containers"][0]["name"] = "other".into();
    assert_eq!(mutated(&text, &other, &World::default()).2, [Ok(0)]);
}

#[test]
fn what_cannot_be_made_is_refused_or_left() {
    let table = [
        (
            apply("Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: 'a'}]}}"),
            "may not set lists, maps or structs that are atomic: .spec.tolerations",
        ),
        (patch("[JSONPatch{op: 'remove', path: '/spec/hostname'}]"), "mutation 1: `remove`: there is nothing at `/spec/hostname`"),
        (patch("[JSONPatch{op: 'add', path: '/spec/hostname', value: object.metadata.labels.name}]"), "no such key: labels"),
    ];
    for (mutation, wanted) in table {
        let step = mutated(&policy("a", MAP, "", &mutation), &pod(), &World::default()).2.remove(0);
        assert!(matches!(&step, Err(Mutation::Refused(why)) if why.contains(wanted)), "{step:?}");
        let (object, _, steps) = mutated(&policy("a", MAP, "  failurePolicy: Ignore\n", &mutation), &pod(), &World::default());
        assert_eq!((object, steps), (pod(), vec![Ok(0)]));
    }
}

#[test]
fn policies_are_asked_in_order_and_again_if_needed() {
    let count = |again: &str| {
        let first = policy(
            "a",
            MAP,
            again,
            &patch("[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'containers': string(object.spec.containers.size())}}]"),
        );
        let second = policy("b", MAP, "", &apply("Object{spec: Object.spec{containers: [Object.spec.containers{name: 'more'}]}}"));
        let (object, _, steps) = mutated(&format!("{second}{first}"), &pod(), &World::default());
        (object["metadata"]["annotations"]["containers"].clone(), steps.len())
    };
    assert_eq!(count(""), (json!("1"), 2));
    assert_eq!(count("  reinvocationPolicy: IfNeeded\n"), (json!("2"), 3));
}

#[test]
fn a_binding_gives_parameters() {
    let text = policy(
        "tier",
        MAP,
        "  paramKind: {apiVersion: v1, kind: ConfigMap}\n",
        &apply("Object{metadata: Object.metadata{labels: {'tier': params.data.tier}}}"),
    );
    let binding = "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicyBinding\nmetadata: {name: tier}\nspec:\n  policyName: tier\n  paramRef: {name: tiers, parameterNotFoundAction: Deny}\n";
    let params =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tiers", "namespace": "shop"}, "data": {"tier": "web"}});
    let text = format!("{text}{binding}");
    assert_eq!(mutated(&text, &pod(), &World::new(vec![&params])).0["metadata"]["labels"]["tier"], "web");
    let without = mutated(&text, &pod(), &World::default()).2;
    assert_eq!(without, [Err(Mutation::Refused("no ConfigMap was found as parameters of the policy".to_owned()))]);
}

#[test]
fn a_kyverno_policy_on_pods_changes_templates_where_it_says_so() {
    let kind = "policies.kyverno.io/v1\nkind: MutatingPolicy";
    let autogen = "  autogen: {podControllers: {controllers: [deployments]}}\n";
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "app"}]}}},
    });
    let mutations = [
        apply("Object{spec: Object.spec{hostNetwork: !has(object.spec.hostNetwork)}}"),
        patch("[JSONPatch{op: 'add', path: '/spec/hostNetwork', value: !has(object.spec.hostNetwork)}]"),
    ];
    for mutation in mutations {
        let made = mutated(&policy("net", kind, autogen, &mutation), &deployment, &World::default()).1;
        assert_eq!(made, ["Add /spec/template/spec/hostNetwork"]);
        let not_asked = mutated(&policy("net", kind, "", &mutation), &deployment, &World::default()).2;
        assert_eq!(not_asked, [Err(Mutation::NotMatched)]);
    }
}

#[test]
fn a_scan_says_what_would_be_changed_and_judges_what_comes_of_it() {
    let change = policy("net", MAP, "", &apply("Object{spec: Object.spec{automountServiceAccountToken: false}}"));
    let judge = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: token}\nspec:\n  matchConstraints:\n    resourceRules:\n    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}\n  validations:\n  - {expression: object.spec.automountServiceAccountToken == false}\n";
    let objects = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {automountServiceAccountToken: true, containers: []}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: quiet}\nspec: {automountServiceAccountToken: false, containers: []}\n";
    let snapshot = Snapshot { documents: read(objects), problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let assessed = policies(&format!("{change}{judge}")).assess(&inventory, &[], None);
    let found: Vec<String> = assessed
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {} {}{}: {}",
                finding.rule.id, finding.severity, finding.subject.object.name, finding.subject.pointer, finding.message
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "POLICY-net info web/spec/automountServiceAccountToken: the API server would change this: /spec/automountServiceAccountToken = false"
        ]
    );
    assert_eq!(assessed.tallies["POLICY-token"], (2, 0));
}

#[test]
fn what_is_wrong_with_a_mutation_is_said() {
    let table = [
        (patch("Object{}"), "the expression gives map, not list"),
        (apply("Object{spec: Object.metadata{}}"), "`Object.metadata` stands where `Object.spec` belongs"),
        ("{patchType: Merge}".to_owned(), "`patchType` must be `ApplyConfiguration` or `JSONPatch`"),
    ];
    for (mutation, wanted) in table {
        let (policies, problems) = Policies::read(&read(&policy("a", MAP, "", &mutation)), &[]);
        assert!(policies.is_empty() && problems.iter().any(|problem| problem.message.contains(wanted)), "{problems:?}");
    }
}
