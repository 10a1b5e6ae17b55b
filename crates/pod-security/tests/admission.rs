//! Admission beyond what the conformance suite tests: order of decisions, what does not decode, limits, metrics.

#![cfg(test)]

use plimsoll_model::{Document, Limits, Origin, Source, parse};
use plimsoll_pod_security::{Admission, Configuration, Level, Metrics, Policy, State, Version, review};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The cluster and the request; `ask` is the only place that talks to the API.
struct Case {
    configuration: &'static str,
    custom_kinds: bool,
    /// Objects that the cluster holds.
    state: Vec<Value>,
    /// Namespaces whose pods cannot be listed.
    unlisted: Vec<&'static str>,
    /// After how many existing pods the time is up.
    patience: usize,
    request: Value,
}

/// What came back: the response, and what was counted, as lines of the exposition with a count above zero.
struct Answer {
    response: Value,
    counted: Vec<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            configuration: "",
            custom_kinds: false,
            state: vec![namespace("n", &[("enforce", "baseline"), ("audit", "restricted"), ("warn", "restricted")])],
            unlisted: Vec::new(),
            patience: usize::MAX,
            request: Value::Null,
        }
    }
}

impl Case {
    fn ask(&self) -> Answer {
        let configuration = Configuration::read(&Source::new("config.yaml", Origin::File, self.configuration)).expect("a configuration");
        let admission = Admission { configuration, custom_kinds: self.custom_kinds, ..Admission::default() };
        let documents: Vec<Document> = self.state.iter().flat_map(|object| read(&object.to_string())).collect();
        let objects = documents.iter().flat_map(|document| document.objects().0);
        let mut problems = Vec::new();
        let mut state = State::of(objects, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        for name in &self.unlisted {
            state = state.without_pods_of(name);
        }
        let text = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": self.request}).to_string();
        let mut left = self.patience;
        let mut in_time = || {
            left = left.saturating_sub(1);
            left > 0
        };
        let (answer, events) = review(&Source::new("-", Origin::Stdin, text), &admission, &state, &mut in_time).expect("an answer");
        let mut metrics = Metrics::default();
        metrics.record(&events);
        let counted = metrics.render().lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0")).map(str::to_owned).collect();
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!((&answer["apiVersion"], &answer["kind"]), (&"admission.k8s.io/v1".into(), &"AdmissionReview".into()));
        Answer { response: answer["response"].clone(), counted }
    }
}

impl Answer {
    fn allowed(&self) -> bool {
        self.response["allowed"].as_bool().expect("a verdict")
    }

    fn annotation(&self, key: &str) -> &str {
        self.response["auditAnnotations"][key].as_str().unwrap_or("")
    }

    fn message(&self) -> &str {
        self.response["status"]["message"].as_str().unwrap_or("")
    }

    fn warnings(&self) -> Vec<&str> {
        self.response["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn read(text: &str) -> Vec<Document> {
    let (documents, problems) = parse(&Source::new("state.json", Origin::File, text), Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    documents
}

fn namespace(name: &str, labels: &[(&str, &str)]) -> Value {
    let labels: serde_json::Map<_, _> =
        labels.iter().map(|(key, value)| (format!("pod-security.kubernetes.io/{key}"), json!(value))).collect();
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// A pod that meets baseline, but not restricted; `spec` is put over it.
fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    for (key, value) in spec.as_object().expect("a map") {
        pod["spec"][key] = value.clone();
    }
    pod
}

fn deployment(template: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": template}})
}

/// A request for `resource` (`pods`, `apps/v1/deployments`), of what `object` says it is.
fn request(resource: &str, operation: &str, object: &Value) -> Value {
    let (group, version, resource) = match resource.split('/').collect::<Vec<_>>()[..] {
        [group, version, resource] => (group, version, resource),
        _ => ("", "v1", resource),
    };
    let name = object["metadata"]["name"].as_str().unwrap_or("");
    json!({
        "uid": "u", "operation": operation, "name": name, "namespace": if resource == "namespaces" { name } else { "n" },
        "resource": {"group": group, "version": version, "resource": resource},
        "kind": {"group": group, "version": version, "kind": object["kind"]},
        "userInfo": {"username": "me"}, "object": object,
    })
}

fn update(resource: &str, old: &Value, object: &Value) -> Value {
    let mut request = request(resource, "UPDATE", object);
    request["oldObject"] = old.clone();
    request
}

const EXEMPTIONS: &str = "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n\
    exemptions: {usernames: [me], namespaces: ['n'], runtimeClasses: [vm]}\n";

#[test]
fn modes_say_what_each_forbids() {
    let answer = Case { request: request("pods", "CREATE", &pod("p", &json!({}))), ..Case::default() }.ask();
    assert!(answer.allowed());
    assert_eq!(answer.annotation("enforce-policy"), "baseline:latest");
    assert!(answer.annotation("audit-violations").starts_with("would violate PodSecurity \"restricted:latest\": allowPriv"));
    assert_eq!(answer.warnings(), [answer.annotation("audit-violations")]);
    let evaluation = |decision: &str, mode: &str, level: &str| {
        format!(
            "pod_security_evaluations_total{{decision=\"{decision}\",mode=\"{mode}\",policy_level=\"{level}\",policy_version=\"latest\",\
             request_operation=\"create\",resource=\"pod\",subresource=\"\"}} 1"
        )
    };
    let wanted =
        [evaluation("allow", "enforce", "baseline"), evaluation("deny", "audit", "restricted"), evaluation("deny", "warn", "restricted")];
    assert_eq!(answer.counted, wanted);

    // Who is refused is not warned as well.
    let answer = Case { request: request("pods", "CREATE", &pod("p", &json!({"hostPID": true}))), ..Case::default() }.ask();
    assert_eq!(answer.message(), "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostPID=true)");
    assert_eq!(answer.response["status"]["details"], json!({"name": "p", "kind": "pods"}));
    assert_eq!((answer.response["status"]["code"].clone(), answer.warnings().len(), answer.counted.len()), (json!(403), 0, 2));

    // Controllers are told, and never refused.
    let answer =
        Case { request: request("apps/v1/deployments", "CREATE", &deployment(&pod("", &json!({"hostPID": true})))), ..Case::default() }
            .ask();
    assert!(answer.allowed() && answer.annotation("enforce-policy").is_empty());
    assert!(answer.warnings()[0].contains("host namespaces (hostPID=true)"), "{:?}", answer.warnings());
}

#[test]
fn exemptions_come_in_their_order() {
    let create = |spec: Value| request("pods", "CREATE", &pod("p", &spec));
    let vm = json!({"runtimeClassName": "vm", "hostPID": true});
    let exempt = |configuration: &'static str, request: Value| {
        let answer = Case { configuration, request, ..Case::default() }.ask();
        (answer.allowed(), answer.annotation("exempt").to_owned(), answer.counted)
    };
    let counted = vec!["pod_security_exemptions_total{request_operation=\"create\",resource=\"pod\",subresource=\"\"} 1".to_owned()];
    assert_eq!(exempt(EXEMPTIONS, create(vm.clone())), (true, "namespace".to_owned(), counted.clone()));
    let users = "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\nexemptions: {usernames: [me], runtimeClasses: [vm]}\n";
    assert_eq!(exempt(users, create(vm.clone())), (true, "user".to_owned(), counted.clone()));
    let classes =
        "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\nexemptions: {runtimeClasses: [vm]}\n";
    assert_eq!(exempt(classes, create(vm.clone())), (true, "runtimeClass".to_owned(), counted));
    assert!(!exempt("", create(vm)).0);

    // A privileged namespace is asked before the class, an exempt namespace before its existence.
    let state = vec![namespace("n", &[("enforce", "privileged")])];
    let answer = Case { configuration: classes, state, request: create(json!({"runtimeClassName": "vm"})), ..Case::default() }.ask();
    assert_eq!((answer.annotation("exempt"), answer.annotation("enforce-policy")), ("", "privileged:latest"));
    let answer = Case { configuration: EXEMPTIONS, state: Vec::new(), request: create(json!({})), ..Case::default() }.ask();
    assert_eq!((answer.allowed(), answer.annotation("exempt")), (true, "namespace"));

    // A name of the exempted ones is exact.
    let mut other = create(json!({"hostPID": true}));
    other["userInfo"]["username"] = json!("me2");
    assert!(!exempt(users, other).0);
}

#[test]
fn updates_are_judged_when_they_matter() {
    let bad = |spec: Value| {
        let mut spec = spec;
        spec["hostPID"] = json!(true);
        pod("p", &spec)
    };
    let one = |image: &str| json!([{"name": "c", "image": image}]);
    let old = bad(json!({"containers": one("i"), "initContainers": one("a"), "ephemeralContainers": [{"name": "e", "image": "i"}]}));
    let table = [
        ("nothing", json!({}), true),
        ("labels and tolerations", json!({"tolerations": [{"operator": "Exists"}]}), true),
        ("an image", json!({"containers": one("j")}), false),
        ("an init image", json!({"initContainers": one("b")}), false),
        ("init containers gone", json!({"initContainers": []}), false),
        ("a container more", json!({"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}), false),
        ("a name only", json!({"containers": [{"name": "d", "image": "i"}]}), true),
        ("an ephemeral image", json!({"ephemeralContainers": one("j")}), false),
        ("an ephemeral container more", json!({"ephemeralContainers": [{"name": "f", "image": "i"}, {"name": "e", "image": "i"}]}), false),
        ("ephemeral containers gone", json!({"ephemeralContainers": []}), true),
    ];
    for (what, change, allowed) in table {
        let mut new = old.clone();
        for (key, value) in change.as_object().unwrap() {
            new["spec"][key] = value.clone();
        }
        let answer = Case { request: update("pods", &old, &new), ..Case::default() }.ask();
        assert_eq!(answer.allowed(), allowed, "{what}: {}", answer.response);
        // What is not judged is not counted.
        assert_eq!(answer.counted.is_empty(), allowed, "{what}");
    }
}

#[test]
fn subresources() {
    for (resource, subresource, allowed) in [
        ("pods", "", false),
        ("pods", "exec", true),
        ("pods", "status", true),
        ("pods", "ephemeralcontainers", false),
        ("pods", "resize", false),
        ("pods", "from-the-future", false),
    ] {
        let mut request = request(resource, "CREATE", &pod("p", &json!({"hostPID": true})));
        request["requestSubResource"] = json!(subresource);
        let answer = Case { request, ..Case::default() }.ask();
        assert_eq!(answer.allowed(), allowed, "{resource}/{subresource}");
    }
    let mut scale = request("apps/v1/deployments", "UPDATE", &json!({"kind": "Scale", "apiVersion": "autoscaling/v1"}));
    scale["requestSubResource"] = json!("scale");
    let answer = Case { request: scale, ..Case::default() }.ask();
    assert_eq!((answer.response, answer.counted.len()), (json!({"uid": "u", "allowed": true}), 0));
}

#[test]
fn what_does_not_decode() {
    let decode = "failed to decode object";
    let mut other_group = namespace("n", &[]);
    other_group["apiVersion"] = json!("example.com/v1");
    let mut list_of_labels = namespace("n", &[]);
    list_of_labels["metadata"]["labels"] = json!([]);
    let table = [
        ("a pod of no kind", request("pods", "CREATE", &json!({"kind": "Gizmo", "apiVersion": "v1"})), decode),
        ("a service as a pod", request("pods", "CREATE", &json!({"kind": "Service", "apiVersion": "v1"})), "failed to decode pod"),
        ("containers as a map", request("pods", "CREATE", &pod("p", &json!({"containers": {}}))), decode),
        ("a string as an object", request("pods", "CREATE", &json!("p")), decode),
        ("no object", request("pods", "CREATE", &Value::Null), "failed to decode pod"),
        ("no old object", request("pods", "UPDATE", &pod("p", &json!({}))), "failed to decode old pod"),
        ("a namespace of another group", request("namespaces", "CREATE", &other_group), decode),
        ("labels as a list", request("namespaces", "CREATE", &list_of_labels), decode),
        ("a pod as a namespace", request("namespaces", "CREATE", &pod("n", &json!({}))), "failed to decode namespace"),
        (
            "a pod as the old namespace",
            update("namespaces", &pod("n", &json!({})), &namespace("n", &[])),
            "failed to decode  old namespace",
        ),
    ];
    for (what, request, message) in table {
        let answer = Case { request, ..Case::default() }.ask();
        assert_eq!((answer.message(), &answer.response["status"]["code"]), (message, &json!(400)), "{what}: {}", answer.response);
        assert!(answer.annotation("error").starts_with(message), "{what}");
        let of_pods = answer.counted.iter().all(|line| line.starts_with("pod_security_errors_total{fatal=\"true\","));
        assert!(of_pods, "{what}: {:?}", answer.counted);
    }
    let answer = Case { state: Vec::new(), request: request("pods", "CREATE", &pod("p", &json!({}))), ..Case::default() }.ask();
    assert_eq!(answer.message(), "Internal error occurred: failed to lookup namespace \"n\"");
    assert_eq!(answer.annotation("error"), "Internal error occurred: failed to lookup namespace \"n\": namespaces \"n\" not found");
}

/// A controller is never refused, so what cannot be judged is only noted.
#[test]
fn controllers_that_cannot_be_judged() {
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "r"},
        "spec": {"template": pod("", &json!({"hostPID": true}))}});
    let of = |resource: &str, object: &Value| Case { request: request(resource, "CREATE", object), ..Case::default() };
    let table = [
        (of("argoproj.io/v1alpha1/rollouts", &rollout), "failed to decode object: no kind \"Rollout\" is registered"),
        (of("apps/v1/deployments", &deployment(&json!({"spec": {"containers": 1}}))), "failed to decode object: "),
        (
            of("services", &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}})),
            "failed to extract pod template: unexpected object type: /v1, Kind=Service",
        ),
        (
            Case { state: Vec::new(), ..of("apps/v1/deployments", &deployment(&json!({}))) },
            "failed to lookup namespace \"n\": namespaces \"n\" not found",
        ),
    ];
    for (case, error) in table {
        let answer = case.ask();
        assert!(answer.allowed() && answer.warnings().is_empty() && answer.annotation("error").starts_with(error), "{}", answer.response);
        assert!(
            answer.counted[0].starts_with("pod_security_errors_total{fatal=\"true\",request_operation=\"create\",resource=\"controller\"")
        );
    }
    // The template of a replication controller is optional.
    let controller = json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "r"}, "spec": {"replicas": 1}});
    assert_eq!(of("replicationcontrollers", &controller).ask().response, json!({"uid": "u", "allowed": true}));
    // Any of the nine kinds is judged, whatever the resource is called.
    let warned = |case: Case| case.ask().warnings().iter().any(|warning| warning.contains("hostPID=true"));
    assert!(warned(of("example.com/v1/things", &pod("p", &json!({"hostPID": true})))));
    assert!(warned(Case { custom_kinds: true, ..of("argoproj.io/v1alpha1/rollouts", &rollout) }));
}

#[test]
fn malformed_labels_fail_safe() {
    let state = vec![namespace("n", &[("enforce", "high"), ("warn", "low"), ("audit-version", "1.22")])];
    let answer = Case { state, request: request("pods", "CREATE", &pod("p", &json!({}))), ..Case::default() }.ask();
    assert!(answer.message().contains("violates PodSecurity \"restricted:latest\""), "{}", answer.message());
    assert!(answer.annotation("error").starts_with("Failed to parse policy: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"high\": must be one of privileged, baseline, restricted, "));
    assert!(answer.counted.iter().any(|line| line.starts_with("pod_security_errors_total{fatal=\"false\"")));

    // A namespace with them cannot be made, but one that has them can be changed.
    let wrong = namespace("m", &[("enforce", "high")]);
    let create = Case { request: request("namespaces", "CREATE", &wrong), ..Case::default() }.ask();
    assert_eq!((&create.response["status"]["code"], &create.response["status"]["reason"]), (&json!(422), &json!("Invalid")));
    assert_eq!(create.response["status"]["details"]["causes"][0]["field"], "metadata.labels[pod-security.kubernetes.io/enforce]");
    assert!(Case { request: update("namespaces", &wrong, &wrong), ..Case::default() }.ask().allowed());
    let other = namespace("m", &[("enforce", "higher")]);
    assert!(!Case { request: update("namespaces", &wrong, &other), ..Case::default() }.ask().allowed());
}

#[test]
fn relabelling_looks_at_the_pods_that_are_there() {
    let owned = |name: &str, owner: &str| {
        let mut pod = pod(name, &json!({"hostPID": true}));
        pod["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true}]);
        pod
    };
    let relabelled = |labels: &[(&str, &str)], pods: Vec<Value>| {
        let old = namespace("n", &[]);
        Case { request: update("namespaces", &old, &namespace("n", labels)), state: [vec![old], pods].concat(), ..Case::default() }
    };
    let baseline = [("enforce", "baseline"), ("enforce-version", "v1.30")];
    let pods = vec![
        owned("b", "x"),
        owned("a", "x"),
        pod("fine", &json!({})),
        pod("alone", &json!({"hostPID": true, "hostIPC": true})),
        pod("in-a-vm", &json!({"hostPID": true, "runtimeClassName": "vm"})),
    ];
    let head = "existing pods in namespace \"n\" violate the new PodSecurity enforce level \"baseline:v1.30\"";
    assert_eq!(relabelled(&baseline, pods.clone()).ask().warnings(), [head, "a (and 3 other pods): host namespaces"]);
    let exempt =
        "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\nexemptions: {runtimeClasses: [vm]}\n";
    assert_eq!(
        Case { configuration: exempt, ..relabelled(&baseline, pods.clone()) }.ask().warnings(),
        [head, "a (and 2 other pods): host namespaces"]
    );

    // The time is up after two: the first of the controller, and the one without.
    let hurried = Case { patience: 2, ..relabelled(&baseline, pods.clone()) }.ask();
    assert_eq!(
        hurried.warnings(),
        ["new PodSecurity enforce level only checked against the first 2 of 5 existing pods", head, "b: host namespaces"]
    );
    // The last pod's end of time takes nothing away.
    assert_eq!(Case { patience: 5, ..relabelled(&baseline, pods.clone()) }.ask().warnings().len(), 2);

    let unlisted = Case { unlisted: vec!["n"], ..relabelled(&baseline, pods.clone()) }.ask();
    assert_eq!((unlisted.allowed(), unlisted.warnings()), (true, vec!["failed to list pods while checking new PodSecurity enforce level"]));

    // A namespace that holds nothing bad, one that is not made stricter, and other labels say nothing.
    assert!(relabelled(&baseline, vec![pod("fine", &json!({}))]).ask().warnings().is_empty());
    assert!(relabelled(&[("warn", "restricted"), ("audit", "restricted")], pods.clone()).ask().warnings().is_empty());
    let (strict, lax) = (namespace("n", &[("enforce", "restricted")]), namespace("n", &[("enforce", "baseline")]));
    let state = [vec![strict.clone()], pods].concat();
    assert!(Case { request: update("namespaces", &strict, &lax), state, ..Case::default() }.ask().warnings().is_empty());
}

#[test]
fn relabelling_stops_after_three_thousand_pods() {
    let pods = (0..3001).map(|at| pod(&format!("p{at:04}"), &json!({"hostPID": true})));
    let old = namespace("n", &[]);
    let state = std::iter::once(old.clone()).chain(pods).collect();
    let answer = Case { request: update("namespaces", &old, &namespace("n", &[("enforce", "baseline")])), state, ..Case::default() }.ask();
    let wanted = [
        "new PodSecurity enforce level only checked against the first 3000 of 3001 existing pods",
        "existing pods in namespace \"n\" violate the new PodSecurity enforce level \"baseline:latest\"",
        "p0000 (and 2999 other pods): host namespaces",
    ];
    assert_eq!(answer.warnings(), wanted);
}

#[test]
fn exempt_namespaces_are_told_that_labels_do_nothing() {
    let labels = [("enforce", "baseline"), ("warn", "privileged"), ("audit-version", "v1.30"), ("audit", "restricted")];
    let told =
        "namespace \"n\" is exempt from Pod Security, and the policy (enforce=baseline:latest, audit=restricted:v1.30) will be ignored";
    let ask = |request: Value| Case { configuration: EXEMPTIONS, request, ..Case::default() }.ask();
    assert_eq!(ask(request("namespaces", "CREATE", &namespace("n", &labels))).warnings(), [told]);
    assert_eq!(ask(update("namespaces", &namespace("n", &[]), &namespace("n", &labels))).warnings(), [told]);
    assert!(ask(request("namespaces", "CREATE", &namespace("n", &[("enforce", "privileged")]))).warnings().is_empty());
    assert!(ask(request("namespaces", "CREATE", &namespace("m", &labels))).warnings().is_empty());
}

#[test]
fn metrics_show_every_series_from_the_start() {
    let text = Metrics::default().render();
    assert_eq!(text.lines().filter(|line| line.ends_with(" 0")).count(), 6, "{text}");
    assert!(!text.contains("errors_total"), "{text}");
    let state = vec![namespace("n", &[("enforce", "restricted"), ("enforce-version", "v1.4294967296"), ("warn", "privileged")])];
    let mut future = request("pods", "CREATE", &pod("p", &json!({})));
    future["requestSubResource"] = json!("a\"b");
    let answer = Case { state, request: future, ..Case::default() }.ask();
    assert_eq!(answer.annotation("enforce-policy"), "restricted:v1.4294967296");
    assert_eq!(
        answer.counted,
        [
            "pod_security_evaluations_total{decision=\"deny\",mode=\"enforce\",policy_level=\"restricted\",policy_version=\"future\",request_operation=\"create\",resource=\"pod\",subresource=\"a\\\"b\"} 1"
        ]
    );
}

/// The policy of a namespace with these labels.
fn policy(labels: &[(&str, &str)]) -> (Policy, usize) {
    let documents = read(&namespace("n", labels).to_string());
    let (policy, errors) = Policy::of_namespace(&documents[0].objects().0[0], &Policy::default());
    (policy, errors.len())
}

proptest! {
    /// Enforce is never laxer than what was meant, audit and warn never stop anyone, and each wrong label is told once.
    #[test]
    fn any_labels_give_a_policy(
        enforce in "privileged|baseline|restricted|Baseline|[a-z]{0,3}",
        version in "latest|v1\\.[0-9]{1,20}|v[0-9.]{0,6}",
        warn in proptest::option::of("privileged|baseline|restricted|x"),
    ) {
        let mut labels = vec![("enforce", enforce.as_str()), ("enforce-version", version.as_str())];
        labels.extend(warn.as_deref().map(|warn| ("warn", warn)));
        let (policy, errors) = policy(&labels);
        let level = enforce.parse::<Level>();
        prop_assert_eq!(policy.enforce.level, level.clone().unwrap_or(Level::Restricted));
        prop_assert_eq!(policy.enforce.version, version.parse().unwrap_or(Version::Latest));
        prop_assert_eq!(policy.audit, Level::Privileged.at(Version::Latest));
        match warn.as_deref().map(str::parse::<Level>) {
            Some(warn) => prop_assert_eq!(policy.warn, warn.unwrap_or(Level::Privileged).at(Version::Latest)),
            // Only an enforce level that can be read is followed.
            None if level.as_ref().is_ok_and(|level| *level > Level::Privileged) => prop_assert_eq!(policy.warn, policy.enforce),
            None => prop_assert_eq!(policy.warn, Level::Privileged.at(Version::Latest)),
        }
        let wrong = usize::from(level.is_err())
            + usize::from(version.parse::<Version>().is_err())
            + usize::from(warn.is_some_and(|warn| warn.parse::<Level>().is_err()));
        prop_assert_eq!(errors, wrong);
    }
}
