//! What checks make of what else is known: versions, names that a role is limited to, roles that nothing binds.

use plimsoll_checks::{Parameters, assess};
use plimsoll_model::{Finding, Inventory, Limits, Origin, Severity, Snapshot, Source, WorkloadKinds, parse};

fn findings(id: &str, text: &str, parameters: &Parameters) -> Vec<Finding> {
    let (documents, _) = parse(&Source::new("case", Origin::File, text), Limits::default());
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let findings = assess(&Inventory::new(&snapshot, &WorkloadKinds::default()), parameters).findings;
    findings.into_iter().filter(|finding| finding.rule.id == id).collect()
}

#[test]
fn an_api_version_is_judged_for_the_version_of_kubernetes() {
    const OLD: &str = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n";
    const NODE: &str = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {kubeletVersion: v1.24.3}}\n";
    let severities = |text: &str, parameters: &Parameters| {
        findings("CLU-deprecated-api", text, parameters).iter().map(|finding| finding.severity).collect::<Vec<_>>()
    };
    let at = |minor| severities(OLD, &Parameters::default().for_kubernetes(minor));
    assert_eq!(at(20), [], "nothing takes its place yet");
    assert_eq!(at(24), [Severity::Low], "it is still served");
    assert_eq!(at(25), [Severity::Medium]);
    assert_eq!(severities(OLD, &Parameters::default()), [Severity::Medium], "without a version, the newest");
    assert_eq!(severities(&format!("{OLD}{NODE}"), &Parameters::default()), [Severity::Low], "the one that runs");
}

#[test]
fn a_power_over_certain_names_or_of_a_role_that_nothing_binds_is_low() {
    let role = |names: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: reader}}\nrules:\n- {{apiGroups: [''], resources: [secrets], verbs: [get]{names}}}\n"
        )
    };
    const BINDING: &str = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: readers}\nroleRef: {kind: ClusterRole, name: reader}\nsubjects: [{kind: User, name: jane}]\n";
    let finding = |text: &str| findings("RBAC-read-secrets", text, &Parameters::default()).remove(0);
    let bound = finding(&format!("{}{BINDING}", role("")));
    assert_eq!((bound.severity, &*bound.message), (Severity::High, "user `jane` may read Secrets"));
    let limited = finding(&format!("{}{BINDING}", role(", resourceNames: [tls]")));
    assert_eq!((limited.severity, &*limited.evidence[1]), (Severity::Low, "only of the names tls"));
    let unbound = finding(&role(""));
    assert_eq!((unbound.severity, &*unbound.message), (Severity::Low, "whoever is bound to ClusterRole `reader` may read Secrets"));
    assert_eq!(unbound.subject.pointer, "/rules/0");
}

#[test]
fn cluster_admin_is_everything_whatever_a_manifest_says() {
    const TEXT: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: cluster-admin}\nrules: []\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: a}\nroleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: User, name: jane}]\n";
    assert_eq!(findings("RBAC-cluster-admin", TEXT, &Parameters::default()).len(), 1);
}

#[test]
fn a_component_is_known_by_its_program_its_line_or_its_image() {
    let pod =
        |container: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: c, {container}}}]}}\n");
    let table = [
        ("image: x, command: [/usr/local/bin/kube-scheduler]", 1),
        ("image: x, command: [hyperkube, kube-scheduler]", 1),
        ("image: x, command: [sh, -c, 'exec kube-scheduler --v=2']", 1),
        ("image: 'registry.example.com/kube-scheduler:v1.36.0', args: [--v=2]", 1),
        ("image: 'registry.example.com/kube-scheduler:v1.36.0'", 0),
        ("image: x, command: [wait-for, --port, kube-scheduler]", 0),
        ("image: x, command: [kube-scheduler, --profiling=false]", 0),
    ];
    for (container, wanted) in table {
        assert_eq!(findings("CTL-scheduler-profiling", &pod(container), &Parameters::default()).len(), wanted, "{container}");
    }
}
