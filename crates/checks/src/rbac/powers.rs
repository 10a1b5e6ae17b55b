//! What roles give to whom: one row a power. Of a role that nothing binds, what it would give.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::grants::{Grant, Power};
use crate::reporter::Reporter;
use plimsoll_model::Severity;

/// A table of checks: one row each.
macro_rules! powers {
    ($($name:ident: $id:literal, $severity:ident, $title:literal, $may:literal,
        $verbs:expr, $groups:expr, $resources:expr, $names:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        $(
            static $name: Check = Check {
                id: concat!("RBAC-", $id),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, " A role that gives it and that nothing binds among what was read counts too, as low.\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Grant(|grant, reporter| {
                    look(grant, &Power { verbs: $verbs, groups: $groups, resources: $resources, names: $names }, $may, reporter);
                }),
            };
        )*
        /// One check a power.
        pub(super) static ALL: &[&Check] = &[$(&$name),*];
    };
}

fn look(grant: &Grant<'_>, power: &Power, may: &str, reporter: &mut Reporter<'_, '_>) {
    // The objects that are named are those of kube-system.
    let reaches = power.names.is_empty() || grant.binding.kind != "RoleBinding" || grant.binding.effective_namespace() == "kube-system";
    if let Some(rule) = grant.gives(power).filter(|_| reaches) {
        reporter.report_grant(grant, rule, may);
    }
}

const CORE: &[&str] = &[""];
const RBAC: &[&str] = &["rbac.authorization.k8s.io"];

powers! {
    ADMISSION_WEBHOOKS: "admission-webhooks", High, "Subject may change admission webhooks", "may change admission webhooks",
        &["create", "update", "patch", "delete", "deletecollection"], &["admissionregistration.k8s.io"],
        &["validatingwebhookconfigurations", "mutatingwebhookconfigurations"], &[], [cis("5.1.12"), kubescape("C-0281")],
        "A subject that may create, change or delete webhook configurations.",
        "A webhook sees every object that is written, Secrets included, and may change pods on their way in. Whoever deletes one turns off the policy that it enforces.",
        "Leave webhook configurations to the operators that own them, by `resourceNames`.";
    APPROVE_CERTIFICATES: "approve-certificates", High, "Subject may approve certificates", "may approve certificate signing requests",
        &["update", "patch"], &["certificates.k8s.io"], &["certificatesigningrequests/approval"], &[], [cis("5.1.11"), kubescape("C-0280")],
        "A subject that may update `certificatesigningrequests/approval`.",
        "An approved client certificate is a new identity, with any group in it that the signer allows, and cannot be revoked.",
        "Leave approval to people and to the controller of kubelet certificates, limited by `approve` on named signers.";
    BIND_ESCALATE: "bind-escalate", High, "Subject may give itself any role", "may bind or escalate roles",
        &["bind", "escalate"], RBAC, &["roles", "clusterroles"], &[], [cis("5.1.8"), kubescape("C-0191"), mitre("T1098.006")],
        "A subject with the verbs `bind` or `escalate` on roles.",
        "The API server lets nobody grant more than they have. These two verbs are the exception: with them a subject makes itself administrator.",
        "Give `bind` on named roles only, and `escalate` to nobody but controllers that write roles.";
    CHANGE_NETWORK: "change-network", Medium, "Subject may redirect traffic", "may change Services, endpoints, ingresses or network policies",
        &["create", "update", "patch", "delete", "deletecollection"], &["", "networking.k8s.io", "discovery.k8s.io"],
        &["services", "endpoints", "endpointslices", "ingresses", "networkpolicies"], &[], [mitre("T1557")],
        "A subject that may change Services, endpoints, ingresses or network policies.",
        "Whoever changes where a Service leads receives what its clients send; whoever deletes a network policy opens what it closed.",
        "Leave them to deployment pipelines, limited to their namespaces.";
    CHANGE_SERVICE_STATUS: "change-service-status", Medium, "Subject may give Services addresses", "may change the status of Services",
        &["update", "patch"], CORE, &["services/status"], &[], [mitre("T1557")],
        "A subject that may change `services/status`.",
        "An address in the status of a Service is received by the node's rules, whoever it belongs to (CVE-2020-8554).",
        "Leave the status to the controller of load balancers.";
    CREATE_PERSISTENT_VOLUMES: "create-persistent-volumes", Medium, "Subject may create PersistentVolumes", "may create PersistentVolumes",
        &["create"], CORE, &["persistentvolumes"], &[], [cis("5.1.9"), kubescape("C-0278"), mitre("T1611")],
        "A subject that may create PersistentVolumes.",
        "A PersistentVolume may be a directory of the node. A pod that claims it reads and writes the node's files, also where Pod Security forbids `hostPath` in pods.",
        "Leave volumes to the provisioner of a StorageClass.";
    CREATE_PODS: "create-pods", Medium, "Subject may create pods", "may create pods",
        &["create"], CORE, &["pods"], &[], [cis("5.1.4"), kubescape("C-0188"), mitre("T1610")],
        "A subject whose role allows `create` on pods.",
        "Whoever creates a pod chooses its service account, its volumes and its node: all Secrets and accounts of the namespace are theirs, and without an enforced Pod Security level the nodes too.",
        "Leave the creation of pods to controllers and deployment pipelines. Enforce at least the `baseline` level where it cannot be taken away.";
    CREATE_TOKENS: "create-tokens", High, "Subject may make tokens of service accounts", "may make tokens of service accounts",
        &["create"], CORE, &["serviceaccounts/token"], &[], [cis("5.1.13"), kubescape("C-0282"), mitre("T1528")],
        "A subject that may create `serviceaccounts/token`.",
        "A token is the account: the subject becomes any service account of the namespace, or of the cluster.",
        "Allow it for named accounts only, by `resourceNames`.";
    DELETE_EVENTS: "delete-events", Low, "Subject may delete events", "may delete events",
        &["delete", "deletecollection"], CORE, &["events"], &[], [kubescape("C-0031"), mitre("T1070")],
        "A subject that may delete events.",
        "Events tell what happened to workloads; who deletes them hides it.",
        "Take the verb away; events run out by themselves.";
    DELETE_WORKLOADS: "delete-workloads", Medium, "Subject may delete workloads or their data", "may delete workloads or what they need",
        &["delete", "deletecollection"], &["", "apps", "batch"],
        &["secrets", "pods", "services", "deployments", "replicasets", "daemonsets", "statefulsets", "jobs", "cronjobs"], &[],
        [kubescape("C-0007"), mitre("T1485")],
        "A subject that may delete pods, controllers, Services or Secrets.",
        "One stolen credential ends what runs in the namespace, or in the cluster.",
        "Leave deletion to deployment pipelines, limited to their namespaces.";
    EXEC: "exec", High, "Subject may run commands in containers", "may run commands in containers",
        &["create", "get"], CORE, &["pods/exec", "pods/attach"], &[], [kubescape("C-0002"), mitre("T1609")],
        "A subject that may use `pods/exec` or `pods/attach`. (`get` is enough for clients that use websockets.)",
        "It is a shell in every container, with the container's service account, Secrets and network.",
        "Give it to people for a limited time, in the namespace that they look after.";
    IMPERSONATE: "impersonate", High, "Subject may act as others", "may impersonate users, groups or service accounts",
        &["impersonate"], &["", "authentication.k8s.io"], &["users", "groups", "serviceaccounts", "uids"], &[], [cis("5.1.8"), kubescape("C-0065"), kubescape("C-0191"), mitre("T1078")],
        "A subject with the verb `impersonate`.",
        "It may act as anybody, `system:masters` included.",
        "Limit it with `resourceNames` to the users that a gateway has to act as.";
    MANAGE_ROLES: "manage-roles", High, "Subject may change roles and bindings", "may change roles or bindings",
        &["create", "update", "patch", "delete", "deletecollection"], RBAC,
        &["roles", "rolebindings", "clusterroles", "clusterrolebindings"], &[], [mitre("T1098.006")],
        "A subject that may create, change or delete roles or bindings.",
        "It hands on all that it has to whomever it likes, and with `bind`, `escalate` or `impersonate` more than that. A stolen credential so outlives its replacement.",
        "Leave roles and bindings to administrators and to the pipeline that deploys them.";
    NODE_PROXY: "node-proxy", High, "Subject may talk to kubelets", "may talk to kubelets through the API server",
        &["get", "create", "connect"], CORE, &["nodes/proxy"], &[], [cis("5.1.10"), kubescape("C-0279")],
        "A subject that may use `nodes/proxy`.",
        "The kubelet's API runs commands in every pod of the node, and neither admission nor the audit log sees it. `get` is enough.",
        "Monitoring needs `nodes/metrics` and `nodes/stats`, not `nodes/proxy`.";
    PORT_FORWARD: "port-forward", Medium, "Subject may open tunnels to pods", "may open tunnels to pods",
        &["create", "get"], CORE, &["pods/portforward"], &[], [kubescape("C-0063"), mitre("T1133")],
        "A subject that may use `pods/portforward`.",
        "A tunnel reaches ports that no Service exposes and no NetworkPolicy for ingress protects: debug endpoints, databases.",
        "Give it to people for a limited time, in the namespace that they look after.";
    READ_SECRETS: "read-secrets", High, "Subject may read Secrets", "may read Secrets",
        &["get", "list", "watch"], CORE, &["secrets"], &[], [cis("5.1.2"), kubescape("C-0015"), kubescape("C-0186"), mitre("T1552.007")],
        "A subject that may get, list or watch Secrets. `list` and `watch` show the values too.",
        "Secrets hold what opens other systems, and tokens of other service accounts.",
        "Allow `get` on named Secrets only, or mount what a workload needs.";
    UPDATE_COREDNS: "update-coredns", Medium, "Subject may change the cluster's DNS", "may change the configuration of CoreDNS",
        &["update", "patch"], CORE, &["configmaps"], &["coredns"], [kubescape("C-0037"), mitre("T1557")],
        "A subject that may change ConfigMaps of all names, or the one called `coredns`.",
        "Whoever answers the cluster's names receives the traffic of its pods.",
        "Limit changes of ConfigMaps to those of the workload, by `resourceNames` or to its namespace.";
}
