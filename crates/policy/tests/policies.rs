//! Policies of every kind over the same objects: what is found, and where it stands.

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_policy::{Assessed, Policies, Policy, Request, Verdict, World};
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
    let Assessed { findings, problems: more, .. } = policies.assess(&inventory, &documents, None);
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
    // Functions that the engine has otherwise, or not at all.
    let functions = "package tags\ndeny[msg] {\n  re_match(\"^b\", input.metadata.name)\n  any([false, true])\n  not all([false, true])\n  found := regex.find_all_string_submatch_n(\"(b)(x)?a\", \"babab\", 1)\n  msg := sprintf(\"%v %d %o %v\", [found, 7, 8])\n}\n";
    assert_eq!(found("", Some(functions)).0, ["POLICY-tags.deny high bare: [[\"ba\", \"b\", \"\"]] 7 10 %!v(MISSING)"]);
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

#[test]
fn what_is_written_down_is_evidence() {
    let text = VAP.replace(
        "  validations:\n",
        "  auditAnnotations:\n  - {key: images, valueExpression: \"object.spec.containers.map(c, c.image).join(' ')\"}\n  - {key: none, valueExpression: 'null'}\n  validations:\n",
    );
    let documents = parse(&Source::new("policy.yaml", Origin::File, text), Limits::default()).0;
    let (policies, problems) = Policies::read(&documents, &[]);
    assert!(problems.is_empty(), "{problems:?}");
    let snapshot = Snapshot { documents: parse(&Source::new("o.yaml", Origin::File, OBJECTS), Limits::default()).0, problems: Vec::new() };
    let findings = policies.assess(&Inventory::new(&snapshot, &WorkloadKinds::default()), &documents, None).findings;
    assert_eq!(findings[0].evidence, ["images: app:1 app:latest"]);
}

#[test]
fn what_the_api_server_would_not_take_is_said() {
    let table = [
        ("validationActions: [Warn]", "validationActions: [Warn, Deny]", "is bound with Deny and Warn together"),
        ("validationActions: [Warn]", "validationActions: [Refuse]", "with the action `Refuse`"),
        ("validationActions: [Warn]", "x: y", "is bound without `validationActions`"),
        ("parameterNotFoundAction: Deny", "x: y", "`parameterNotFoundAction` must be `Allow` or `Deny`"),
        ("name: tags, parameterNotFoundAction", "parameterNotFoundAction", "`paramRef` needs either `name` or `selector`"),
    ];
    for (from, to, wanted) in table {
        let problems = found(&VAP.replace(from, to), None).1;
        assert!(problems.iter().any(|problem| problem.contains(wanted)), "{to}: {problems:?}");
    }
}

/// What a policy that asks `authorizer` says of a request of a user, in a world of RBAC objects.
fn authorized(expression: &str, user: &serde_json::Value, rbac: &[serde_json::Value], whole: bool) -> Verdict {
    let policy = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: may}}\nspec:\n  matchConstraints:\n    resourceRules:\n    - {{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [pods]}}\n  validations:\n  - {{expression: \"{expression}\"}}\n"
    );
    let (policies, problems) = Policies::read(&parse(&Source::new("p", Origin::File, policy), Limits::default()).0, &[]);
    assert!(problems.is_empty(), "{problems:?}");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}});
    let world = World::new(rbac.iter().collect());
    let world = if whole { world.whole() } else { world };
    let request = Request::new(&pod, "CREATE", user);
    let mut verdicts = policies.judge(&request, &world);
    verdicts.remove(0).1
}

#[test]
fn an_authorizer_says_yes_no_or_what_is_missing() {
    let role = |kind: &str, name: &str, rules: serde_json::Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "rules": rules});
    let binding = |kind: &str, role: &str, subject: serde_json::Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"), "metadata": {"name": "b", "namespace": "shop"}, "roleRef": {"kind": kind, "name": role}, "subjects": [subject]});
    let rbac = [
        role(
            "Role",
            "exec",
            json!([{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}, {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get"]}]),
        ),
        binding("Role", "exec", json!({"kind": "User", "name": "ann"})),
        role("ClusterRole", "health", json!([{"nonResourceURLs": ["/health*"], "verbs": ["get"]}])),
        binding("ClusterRole", "health", json!({"kind": "Group", "name": "system:serviceaccounts:shop"})),
    ];
    let ann = json!({"username": "ann", "groups": ["people"]});
    let may = |expression: &str| authorized(expression, &ann, &rbac, true);
    let (yes, no) = (Verdict::Passed, |verdict: &Verdict| matches!(verdict, Verdict::Failed(_)));
    assert_eq!(may("authorizer.group('').resource('pods').subresource('exec').namespace('shop').check('create').allowed()"), yes);
    assert_eq!(may("authorizer.group('').resource('secrets').namespace('shop').name('one').check('get').allowed()"), yes);
    assert!(no(&may("authorizer.group('').resource('secrets').namespace('shop').check('get').allowed()")));
    assert!(no(&may("authorizer.requestResource.check('delete').allowed()")));
    assert!(no(&may("authorizer.path('/healthz').check('get').allowed()")));
    assert_eq!(may("authorizer.serviceAccount('shop', 'web').path('/healthz').check('get').allowed()"), yes);
    // Another namespace, and nothing that says that this was all.
    let part = |user: &serde_json::Value| authorized("authorizer.requestResource.check('delete').allowed()", user, &rbac, false);
    let Verdict::Unknown(why) = part(&ann) else { panic!("it is said") };
    assert!(why.contains("no binding that was read lets `ann` do it"), "{why}");
    let Verdict::Unknown(why) = part(&json!(null)) else { panic!("it is said") };
    assert!(why.contains("who sends the request is not known"), "{why}");
    let orphan = [binding("ClusterRole", "gone", json!({"kind": "User", "name": "ann"}))];
    let Verdict::Unknown(why) = authorized("authorizer.requestResource.check('get').allowed()", &ann, &orphan, true) else {
        panic!("it is said")
    };
    assert!(why.contains("ClusterRole `gone`, which is bound to `ann`, was not read"), "{why}");
    assert_eq!(part(&json!({"username": "root", "groups": ["system:masters"]})), yes);
}

#[test]
fn a_constraint_on_pods_holds_for_what_an_expansion_makes() {
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
        endswith(container.image, \":latest\")
        msg := sprintf(\"%v of %v\", [container.name, input.review.object.metadata.name])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NoLatest
metadata: {name: tags}
spec: {match: {source: Generated, kinds: [{apiGroups: [''], kinds: [Pod]}]}}
---
apiVersion: expansion.gatekeeper.sh/v1
kind: ExpansionTemplate
metadata: {name: deployments}
spec:
  applyTo: [{groups: [apps], kinds: [Deployment], versions: [v1]}]
  templateSource: spec.template
  generatedGVK: {kind: Pod, group: '', version: v1}
";
    assert_eq!(found(policy, None), (vec!["POLICY-tags high web: [Implied by deployments] bad of web-pod".to_owned()], vec![]));
    let both = found(&policy.replace("source: Generated, ", ""), None).0;
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn a_rule_of_kubescape_takes_inputs_blames_every_path_and_counts_what_it_is_about() {
    let rule = "package armo_builtins
import rego.v1
deny contains msga if {
  pod := input[_]
  pod.kind == \"Pod\"
  paths := [sprintf(\"spec.containers[%d].image\", [i]) | some i, c in pod.spec.containers; some part in data.postureControlInputs.parts; contains(c.image, part)]
  count(paths) > 0
  msga := {\"alertMessage\": \"part\", \"reviewPaths\": paths, \"failedPaths\": paths, \"alertObject\": {\"k8sApiObjects\": [pod]}}
}
deny contains msga if {
  subject := {\"kind\": \"User\", \"name\": \"ann\", \"relatedObjects\": [o | o := input[_]; o.kind == \"Deployment\"]}
  msga := {\"alertMessage\": \"who\", \"failedPaths\": [\"relatedObjects[0].spec.template\"], \"alertObject\": {\"externalObjects\": subject}}
}
";
    let filter = "package armo_builtins\nimport rego.v1\ndeny contains msga if {\n  pod := input[_]\n  pod.kind == \"Pod\"\n  msga := {\"alertObject\": {\"k8sApiObjects\": [pod]}}\n}\n";
    let modules =
        [("rules/part/raw.rego", rule), ("rules/part/filter.rego", filter)].map(|(name, text)| Source::new(name, Origin::File, text));
    let inputs = parse(
        &Source::new("inputs.json", Origin::File, r#"{"settings": {"postureControlInputs": {"parts": ["latest"]}}}"#),
        Limits::default(),
    )
    .0;
    let snapshot = Snapshot { documents: parse(&Source::new("o.yaml", Origin::File, OBJECTS), Limits::default()).0, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let assessed = |given: Option<&str>| {
        let (policies, problems) = Policies::read(&inputs, &modules);
        assert!(problems.is_empty(), "{problems:?}");
        let policies = policies.with_inputs(given.map(|part| ("parts".to_owned(), vec![part.to_owned()])));
        let assessed = policies.assess(&inventory, &[], None);
        assert!(assessed.problems.is_empty(), "{:?}", assessed.problems);
        assert_eq!(assessed.tallies["POLICY-part"], (1, 0));
        let mut lines: Vec<String> =
            assessed.findings.iter().map(|one| format!("{}{}", one.subject.object.name, one.subject.pointer)).collect();
        lines.sort();
        lines
    };
    assert_eq!(assessed(None), ["bare/spec/containers/1/image", "web/spec/template"]);
    assert_eq!(assessed(Some("app")), ["bare/spec/containers/0/image", "bare/spec/containers/1/image", "web/spec/template"]);
}

#[test]
fn an_exception_of_kyverno_is_applied_and_stays_visible() {
    let classic = "\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: no-latest}
spec:
  rules:
  - name: tag
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {cel: {expressions: [{expression: \"object.spec.containers.all(c, !c.image.endsWith(':latest'))\"}]}}
---
apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: known, annotations: {policies.kyverno.io/description: until the rebuild}}
spec:
  exceptions: [{policyName: no-latest, ruleNames: [autogen-tag]}]
  match: {any: [{resources: {kinds: [Deployment], names: ['w*']}}]}
";
    let in_cel = "\
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: no-latest}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations: [{expression: \"object.spec.containers.all(c, !c.image.endsWith(':latest') || c.image in exceptions.allowedImages)\"}]
---
apiVersion: policies.kyverno.io/v1
kind: PolicyException
metadata: {name: known}
spec:
  policyRefs: [{kind: ValidatingPolicy, name: no-latest}]
  matchConditions: [{name: web, expression: object.metadata.name == 'web'}]
";
    let accepted = |text: &str| {
        let documents = parse(&Source::new("policy.yaml", Origin::File, text), Limits::default()).0;
        let (policies, problems) = Policies::read(&documents, &[]);
        assert!(problems.is_empty(), "{problems:?}");
        let snapshot =
            Snapshot { documents: parse(&Source::new("o.yaml", Origin::File, OBJECTS), Limits::default()).0, problems: Vec::new() };
        let findings = policies.assess(&Inventory::new(&snapshot, &WorkloadKinds::default()), &[], None).findings;
        let shown = |one: &plimsoll_model::Finding| {
            let by = one.exception.as_ref().map_or_else(String::new, |by| format!(" {} ({})", by.reason, by.source));
            format!("{}{by}", one.subject.object.name)
        };
        findings.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(accepted(classic), ["bare", "web until the rebuild (policy.yaml:10)"]);
    assert_eq!(accepted(in_cel), ["bare", "web the PolicyException `known` (policy.yaml:9)"]);
    // Images that are allowed are for the policy to look at.
    let images = in_cel.replace("  policyRefs", "  images: ['web:latest']\n  policyRefs");
    assert_eq!(accepted(&images), ["bare"]);
    let unread = found(
        &classic.replace(
            "  match: {any: [{resources: {kinds: [Deployment]",
            "  conditions: {}\n  match: {any: [{resources: {kinds: [Deployment]",
        ),
        None,
    )
    .1;
    assert_eq!(unread, ["the exception `known` is not applied: its `conditions` are not read here"]);
}
