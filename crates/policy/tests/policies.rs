//! Policies of every kind over the same objects: what is found, and where it stands.

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_policy::{Policies, Policy, Request, Verdict, World};
use serde_json::json;

const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: public}}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: shop}
spec:
  containers:
  - {name: good, image: 'app:1'}
  - {name: bad, image: 'app:latest'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - {name: bad, image: 'web:latest'}
";

/// The findings of a policy over the objects above: object, pointer, message. And the problems with it.
fn found(policy: &str, module: Option<&str>) -> (Vec<String>, Vec<String>) {
    let read = |name: &str, text: &str| parse(&Source::new(name, Origin::File, text), Limits::default()).0;
    let modules: Vec<_> = module.into_iter().map(|text| Source::new("rules/made-up/raw.rego", Origin::File, text)).collect();
    let documents = read("policy.yaml", policy);
    let (policies, problems) = Policies::read(&documents, &modules);
    let snapshot = Snapshot { documents: read("objects.yaml", OBJECTS), problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let (findings, more) = policies.assess(&inventory, &documents, None);
    let mut lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let (object, pointer) = (&finding.subject.object.name, &finding.subject.pointer);
            format!("{} {} {object}{pointer}: {}", finding.rule.id, finding.severity, finding.message)
        })
        .collect();
    lines.sort();
    (lines, problems.iter().chain(&more).map(|problem| problem.message.clone()).collect())
}

const VAP: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-latest}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  variables:
  - {name: suffix, expression: \"':' + params.data.tag\"}
  validations:
  - expression: object.spec.containers.all(c, !c.image.endsWith(variables.suffix))
    messageExpression: \"'no ' + variables.suffix + ' in ' + namespaceObject.metadata.labels.tier\"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tags, namespace: shop}
data: {tag: latest}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-latest}
spec:
  policyName: no-latest
  validationActions: [Warn]
  paramRef: {name: tags, parameterNotFoundAction: Deny}
  matchResources: {namespaceSelector: {matchLabels: {tier: public}}}
";

#[test]
fn a_validating_admission_policy_with_binding_and_parameters() {
    let wanted = "POLICY-no-latest medium bare/spec/containers/1: no :latest in public";
    assert_eq!(found(VAP, None), (vec![wanted.to_owned()], vec![]));
    // Bound twice, it says it once, and as strictly as the stricter binding.
    let binding = VAP.split("---\n").last().unwrap().replace("name: no-latest}", "name: again}").replace("[Warn]", "[Deny]");
    assert_eq!(found(&format!("{VAP}---\n{binding}"), None).0, [wanted.replace("medium", "high")]);
    // Another namespace is not bound, and without its parameters the binding refuses.
    assert_eq!(found(&VAP.replace("tier: public}}}", "tier: none}}}"), None), (vec![], vec![]));
    let without = found(&VAP.replace("name: tags, namespace: shop", "name: other, namespace: shop"), None).0;
    assert_eq!(without, ["POLICY-no-latest medium bare: no ConfigMap was found as parameters of the policy"]);
}

#[test]
fn a_kyverno_policy_on_pods_holds_for_what_makes_pods() {
    let policy = "\
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: no-latest, annotations: {policies.kyverno.io/severity: high}}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
  - {expression: \"object.spec.containers.all(c, !c.image.endsWith(':latest'))\", message: latest}
";
    let wanted =
        ["POLICY-no-latest high bare/spec/containers/1: latest", "POLICY-no-latest high web/spec/template/spec/containers/0: latest"];
    assert_eq!(found(policy, None).0, wanted);
    let classic = "\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: no-latest}
spec:
  validationFailureAction: Enforce
  rules:
  - name: tag
    match: {any: [{resources: {kinds: [Pod]}}]}
    exclude: {any: [{resources: {names: [bare]}}]}
    validate: {cel: {expressions: [{expression: \"object.spec.containers.all(c, !c.image.endsWith(':latest'))\", message: latest}]}}
  - name: pattern
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {pattern: {}}
";
    let (findings, problems) = found(classic, None);
    // Names in the exclusion: nothing is generated for controllers, as Kyverno has it.
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(problems, ["rule `pattern` of Kyverno policy `no-latest` is not written in CEL and was not judged"]);
}

#[test]
fn a_gatekeeper_template_with_its_constraint() {
    let policy = "\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: nolatest}
spec:
  crd: {spec: {names: {kind: NoLatest}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package nolatest
      violation[{\"msg\": msg}] {
        container := input.review.object.spec.containers[_]
        endswith(container.image, input.parameters.suffix)
        msg := sprintf(\"%v\", [container.name])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NoLatest
metadata: {name: tags}
spec:
  enforcementAction: dryrun
  match: {kinds: [{apiGroups: [''], kinds: [Pod]}], namespaces: ['sh*']}
  parameters: {suffix: ':latest'}
";
    assert_eq!(found(policy, None), (vec!["POLICY-tags low bare: bad".to_owned()], vec![]));
    let alone = found(policy.split("---").next().unwrap(), None);
    assert_eq!(alone.1, ["the template of `NoLatest` is fine, and judges nothing until there is a constraint of that kind"]);
    let orphan = found(policy.split("---").last().unwrap(), None);
    assert_eq!(orphan.1, ["no template declares constraints of kind `NoLatest`"]);
}

#[test]
fn modules_of_rego() {
    let plain = "package tags\nimport rego.v1\ndeny contains msg if {\n  some c in input.spec.containers\n  endswith(c.image, \":latest\")\n  msg := c.name\n}\n";
    assert_eq!(found("", Some(plain)).0, ["POLICY-tags.deny high bare: bad"]);
    let kubescape = "package armo_builtins\nimport rego.v1\ndeny contains msga if {\n  pod := input[_]\n  pod.kind == \"Pod\"\n  some i, c in pod.spec.containers\n  endswith(c.image, \":latest\")\n  msga := {\"alertMessage\": c.name, \"failedPaths\": [sprintf(\"spec.containers[%d].image\", [i])], \"alertObject\": {\"k8sApiObjects\": [pod]}}\n}\n";
    assert_eq!(found("", Some(kubescape)).0, ["POLICY-made-up medium bare/spec/containers/1/image: bad"]);
    let (findings, problems) = found("", Some("package tags\ndeny contains msg if {\n  msg := \n}\n"));
    assert_eq!((findings.len(), problems.len()), (0, 1), "{problems:?}");
    // A rule that never ends is stopped.
    let endless = "package tags\nimport rego.v1\ndeny contains msg if {\n  some a in numbers.range(1, 3000)\n  some b in numbers.range(1, 3000)\n  some c in numbers.range(1, 3000)\n  a + b + c < 0\n  msg := \"never\"\n}\n";
    let (findings, problems) = found("", Some(endless));
    assert!(findings.is_empty() && problems.iter().any(|problem| problem.contains("exceeded time limit")), "{problems:?}");
}

#[test]
fn what_is_wrong_with_a_policy_is_said() {
    let table = [
        ("endsWith(variables.suffix)", "endWith('a')", "no method is called `endWith`"),
        (
            "object.spec.containers.all(c, !c.image.endsWith(variables.suffix))",
            "object.spec.containers.size()",
            "the expression gives int, not bool",
        ),
        ("operations: [CREATE]", "operations: CREATE", "the policy cannot be read: invalid type: string \"CREATE\", expected a sequence"),
    ];
    for (from, to, wanted) in table {
        let (findings, problems) = found(&VAP.replace(from, to), None);
        assert!(findings.is_empty() && problems.iter().any(|problem| problem.contains(wanted)), "{to}: {findings:?} {problems:?}");
    }
}

#[test]
fn an_error_refuses_unless_the_policy_ignores_failures() {
    let broken = VAP.replace("variables.suffix))", "params.data.absent))");
    assert_eq!(found(&broken, None).0, ["POLICY-no-latest medium bare: expression 1 failed: no such key: absent"]);
    assert_eq!(found(&broken.replace("spec:\n  paramKind", "spec:\n  failurePolicy: Ignore\n  paramKind"), None).0, Vec::<String>::new());
}

#[test]
fn an_admission_review_is_a_request() {
    let (policies, _) = Policies::read(&parse(&Source::new("p", Origin::File, VAP), Limits::default()).0, &[]);
    let params =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tags", "namespace": "shop"}, "data": {"tag": "latest"}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"tier": "public"}}});
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a:latest"}]}});
    for (operation, failed) in [("CREATE", true), ("UPDATE", false)] {
        let review = json!({"request": {"operation": operation, "namespace": "shop", "object": pod}});
        let request = Request::of_review(&review).unwrap().in_namespace(Some(&namespace));
        let world = World::new(vec![&params]);
        let verdicts: Vec<(&Policy, Verdict)> = policies.judge(&request, &world);
        assert_eq!(matches!(verdicts[0].1, Verdict::Failed(_)), failed, "{operation}");
    }
}
