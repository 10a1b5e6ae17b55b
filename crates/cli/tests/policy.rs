//! `plimsoll policy`, run as users run it.

#![cfg(test)]

use std::fs;
use std::process::Command;

struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// Runs the binary in a directory with these files.
fn plimsoll(files: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(directory.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { status: ran.status.code().expect("no signal"), out: text(ran.stdout), err: text(ran.stderr) }
}

#[test]
fn policies_are_tested_in_the_formats_of_their_projects() {
    let template = "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {name: nolatest}\nspec:\n  crd: {spec: {names: {kind: NoLatest}}}\n  targets:\n  - target: admission.k8s.gatekeeper.sh\n    rego: |\n      package nolatest\n      violation[{\"msg\": msg}] {\n        c := input.review.object.spec.containers[_]\n        endswith(c.image, \":latest\")\n        msg := c.name\n      }\n";
    let constraint = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: NoLatest\nmetadata: {name: tags}\n";
    let suite = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n- name: tags\n  template: template.yaml\n  constraint: constraint.yaml\n  cases:\n  - {name: bad, object: bad.yaml, assertions: [{violations: 1, message: ^bad$}]}\n  - {name: good, object: good.yaml, assertions: [{violations: no}]}\n";
    let pod = |name: &str, tag: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: {name}, image: 'app:{tag}'}}]}}\n")
    };
    let policy = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: no-latest}\nspec:\n  rules:\n  - name: tag\n    match: {any: [{resources: {kinds: [Pod]}}]}\n    validate: {cel: {expressions: [{expression: \"object.spec.containers.all(c, !c.image.endsWith(':latest'))\"}]}}\n";
    let test = "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\npolicies: [policy.yaml]\nresources: [good.yaml, bad.yaml]\nresults:\n- {policy: no-latest, rule: tag, kind: Pod, resources: [good], result: pass}\n- {policy: no-latest, rule: tag, kind: Pod, resources: [bad], result: fail}\n";
    let (good, bad) = (pod("good", "1"), pod("bad", "latest"));
    let run = |suite: &str, test: &str| {
        let files = [
            ("template.yaml", template),
            ("constraint.yaml", constraint),
            ("good.yaml", &good),
            ("bad.yaml", &bad),
            ("policy.yaml", policy),
            ("suite.yaml", suite),
            ("kyverno-test.yaml", test),
        ];
        plimsoll(&files, &["policy", "test", "."])
    };
    let passed = run(suite, test);
    assert_eq!((passed.status, passed.out.as_str()), (0, "4 of 4 passed\n"), "{}", passed.err);
    let failed = run(&suite.replace("violations: no", "violations: yes"), &test.replace("result: pass", "result: skip"));
    assert_eq!(failed.status, 1, "{}", failed.err);
    for wanted in [
        "FAILED suite.yaml: tags/good\n  wanted a violation, got none",
        "FAILED kyverno-test.yaml: no-latest/tag on Pod good\n  wanted skip, got pass",
        "2 of 4 passed",
    ] {
        assert!(failed.out.contains(wanted), "{}", failed.out);
    }
    let missing = run(&suite.replace("good.yaml", "gone.yaml"), test);
    assert!(missing.status == 1 && missing.out.contains("gone.yaml: no such file"), "{}", missing.out);
    let none = plimsoll(&[("pod.yaml", &good)], &["policy", "test", "."]);
    assert!(none.status == 2 && none.err.contains("there is no test in ."), "{}", none.err);
}

const POLICIES: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-latest}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}
  matchConditions:
  - {name: changed, expression: \"oldObject == null || oldObject.spec != object.spec\"}
  validations:
  - {expression: \"object.spec.containers.all(c, !c.image.endsWith(':latest'))\", message: images need a version}
  - {expression: \"namespaceObject.metadata.?labels[?'tier'].orValue('') != 'quiet' || authorizer.requestResource.check('approve').allowed()\", message: nobody comes in here}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: no-token}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  mutations:
  - {patchType: ApplyConfiguration, applyConfiguration: {expression: \"Object{spec: Object.spec{automountServiceAccountToken: false}}\"}}
";
const OTHERS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: quiet, labels: {tier: quiet}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: approver}
rules: [{apiGroups: [''], resources: [pods], verbs: [approve]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: approvers}
roleRef: {kind: ClusterRole, name: approver}
subjects: [{kind: Group, name: approvers}]
";
const TESTS: &str = "\
apiVersion: plimsoll.dev/v1
kind: PolicyTest
policies: [policies]
resources: [pods.yaml]
others: [others.yaml]
tests:
- {resource: Pod/good, policy: no-latest, expect: pass}
- {name: latest, resource: Pod/bad, policy: no-latest, expect: fail, message: version$, at: /spec/containers/0}
- {resource: Pod/bad, expect: fail}
- {resource: Pod/bad, policy: no-latest, expect: skip, operation: UPDATE, oldObject: bad.yaml}
- {resource: Pod/bad, policy: no-latest, expect: skip, operation: DELETE}
- {name: nobody, resource: Pod/quiet/in, policy: no-latest, expect: fail, message: nobody, userInfo: {username: ann}}
- {name: approver, resource: Pod/quiet/in, policy: no-latest, expect: pass, userInfo: {username: ann, groups: [approvers]}}
- {name: unknown, resource: Pod/quiet/in, policy: no-latest, expect: unknown}
- {name: token, resource: Pod/good, policy: no-token, expect: change, changed: changed.yaml}
- {name: same, resource: Pod/bad, expect: same}
";

#[test]
fn policies_are_tested_in_a_format_for_all_of_them() {
    let pod = |name: &str, image: &str, more: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{{more}containers: [{{name: a, image: '{image}'}}]}}\n---\n")
    };
    let off = "automountServiceAccountToken: false, ";
    let inside = pod("in", "a:1", "").replace("name: in", "name: in, namespace: quiet");
    let pods = format!("{}{}{inside}", pod("good", "a:1", ""), pod("bad", "a:latest", off));
    let run = |tests: &str| {
        let (bad, changed) = (pod("bad", "a:latest", off), pod("good", "a:1", off));
        let files = [
            ("policies/all.yaml", POLICIES),
            ("others.yaml", OTHERS),
            ("pods.yaml", &pods),
            ("bad.yaml", &bad),
            ("changed.yaml", &changed),
            ("tests.yaml", tests),
        ];
        plimsoll(&files, &["policy", "test", "."])
    };
    let passed = run(TESTS);
    assert_eq!((passed.status, passed.out.as_str()), (0, "10 of 10 passed\n"), "{}{}", passed.out, passed.err);
    let table = [
        ("expect: pass}", "expect: fail}", "FAILED tests.yaml: fail pod/good\n  wanted fail, got pass"),
        (
            "message: version$",
            "message: ^version",
            "latest\n  wanted a message like `^version` and a place `/spec/containers/0`, got images need a version at `/spec/containers/0`",
        ),
        ("expect: change", "expect: same", "token\n  wanted nothing at `/spec/automountServiceAccountToken`, got false"),
        ("changed.yaml", "bad.yaml", "token\n  wanted \"bad\" at `/metadata/name`, got \"good\""),
        ("Pod/bad, expect: fail", "Pod/gone, expect: fail", "there is no Pod/gone in the resources"),
        ("others: [others.yaml]", "others: [gone.yaml]", "FAILED tests.yaml\n  gone.yaml: no such file or directory"),
        ("others: [others.yaml]", "other: [others.yaml]", "unknown field `other`"),
        ("policy: no-token", "policy: none", "there is no policy `none` that changes objects"),
    ];
    for (from, to, wanted) in table {
        let failed = run(&TESTS.replace(from, to));
        assert!(failed.status == 1 && failed.out.contains(wanted), "{to}: {}", failed.out);
    }
}

#[test]
fn a_test_of_kyverno_reads_its_values_contexts_and_users() {
    let policies = "\
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: allowed}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {tier: web}}
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations:
  - {expression: \"request.userInfo.username == 'ann' && resource.Get('v1', 'configmaps', 'default', 'names').data.names.contains(object.metadata.name)\"}
---
apiVersion: policies.kyverno.io/v1
kind: MutatingPolicy
metadata: {name: label}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  mutations:
  - {patchType: ApplyConfiguration, applyConfiguration: {expression: \"Object{metadata: Object.metadata{labels: {'a': 'b'}}}\"}}
---
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: pattern}
spec: {rules: [{name: one, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {pattern: {}}}]}
";
    let pod = |name: &str, labels: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop{labels}}}\n---\n");
    let pods = format!("{}{}", pod("good", ""), pod("bad", ""));
    let files = [
        ("policies.yaml", policies),
        ("pods.yaml", &pods),
        ("patched.yaml", &pod("good", ", labels: {a: b}")),
        (
            "values.yaml",
            "apiVersion: cli.kyverno.io/v1alpha1\nkind: Values\nnamespaceSelector: [{name: shop, labels: {tier: web}}]\npolicies: [{name: label, resources: [{name: bad, values: {request.operation: DELETE}}]}]\n",
        ),
        ("user.yaml", "apiVersion: cli.kyverno.io/v1alpha1\nkind: UserInfo\nuserInfo: {username: ann}\n"),
        (
            "context.yaml",
            "apiVersion: cli.kyverno.io/v1alpha1\nkind: Context\nspec: {resources: [{apiVersion: v1, kind: ConfigMap, metadata: {name: names, namespace: default}, data: {names: good}}]}\n",
        ),
        (
            "kyverno-test.yaml",
            "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\npolicies: [policies.yaml]\nresources: [pods.yaml]\nvariables: values.yaml\nuserinfo: user.yaml\ncontext: context.yaml\nresults:\n- {policy: allowed, kind: Pod, resources: [good], result: pass}\n- {policy: allowed, kind: Pod, resources: [bad], result: fail}\n- {policy: label, kind: Pod, resources: [good], patchedResources: patched.yaml, result: pass}\n- {policy: label, kind: Pod, resources: [bad], result: skip}\n- {policy: pattern, rule: one, kind: Pod, resources: [bad], result: pass}\n",
        ),
    ];
    let ran = plimsoll(&files, &["policy", "test", "."]);
    assert_eq!(ran.status, 2, "{}{}", ran.out, ran.err);
    let not_run = "NOT RUN kyverno-test.yaml: pattern/one on Pod bad\n  policy `pattern` is of a kind, or its rule `one` in a form, that is not run\n4 of 5 passed, 1 not run\n";
    assert_eq!(ran.out, not_run);
}

#[test]
fn a_test_of_kyverno_gives_exceptions_operations_and_answers() {
    let policy = |name: &str, operation: &str, expression: &str| {
        format!(
            "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: {name}}}\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [{operation}], resources: [pods]}}]\n  validations: [{{expression: \"{expression}\"}}]\n---\n"
        )
    };
    let policies = [
        policy("kept", "DELETE", "object != null || oldObject.metadata.name != 'web'"),
        policy("excepted", "CREATE", "false"),
        policy(
            "answered",
            "CREATE",
            "http.Get('https://example.com/a').body.ok && http.Post('https://example.com/b', {'a': 'b'}).statusCode == 200",
        ),
        policy(
            "counted",
            "CREATE",
            "globalContext.Get('pods', 'all').size() == 2 && resource.get('v1', 'configmaps', 'shop', 'names').data.a == 'b'",
        ),
        policy("unanswered", "CREATE", "http.Get('https://example.com/c').body.ok"),
    ]
    .concat();
    let exception = "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: x}\nspec: {policyRefs: [{kind: ValidatingPolicy, name: excepted}]}\n";
    let cluster = "apiVersion: cli.kyverno.io/v1alpha1\nkind: ClusterResource\nspec: {resources: [{apiVersion: v1, kind: ConfigMap, metadata: {name: names, namespace: shop}, data: {a: b}}]}\n";
    let test = "\
apiVersion: cli.kyverno.io/v1alpha1
kind: Test
policies: [policies.yaml]
resources: [pod.yaml]
exceptions: [exception.yaml]
clusterResources: [cluster.yaml]
globalContextEntries: [{name: pods, data: {items: [1, 2]}, projections: [{name: all, path: items}]}]
apiCallResponses:
- {method: GET, url: 'https://example.com/a', response: {statusCode: 200, body: {ok: true}}}
- {method: POST, url: 'https://example.com/b', response: {statusCode: 200}}
results:
- {policy: kept, kind: Pod, resources: [web], operation: DELETE, result: fail}
- {policy: kept, kind: Pod, resources: [web], result: skip}
- {policy: excepted, kind: Pod, resources: [web], result: skip}
- {policy: answered, kind: Pod, resources: [web], result: pass}
- {policy: counted, kind: Pod, resources: [web], result: pass}
- {policy: unanswered, kind: Pod, resources: [web], result: pass}
";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n";
    let files = [
        ("policies.yaml", policies.as_str()),
        ("pod.yaml", pod),
        ("exception.yaml", exception),
        ("cluster.yaml", cluster),
        ("kyverno-test.yaml", test),
    ];
    let ran = plimsoll(&files, &["policy", "test", "."]);
    let wanted = "NOT RUN kyverno-test.yaml: unanswered/ on Pod web\n  expression 1 failed: what https://example.com/c answers is not known here\n5 of 6 passed, 1 not run\n";
    assert_eq!((ran.status, ran.out.as_str()), (2, wanted), "{}", ran.err);
}
