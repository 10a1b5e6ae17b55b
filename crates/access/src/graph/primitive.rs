//! The ways in which rights become more rights: one row each.
//!
//! Sources: Kubernetes documentation, *Role Based Access Control Good Practices*; the API server's own checks for `escalate`,
//! `bind`, `impersonate` and `approve`; MITRE ATT&CK for the techniques. A rule's wildcards count as each name that they stand
//! for; `resourceNames` do not restrict what a request does not name (`create`).

use plimsoll_model::rbac::Rule;

/// One way.
#[derive(Debug)]
pub struct Primitive {
    /// A stable name: `create-pods`.
    pub name: &'static str,
    /// What somebody may do who has it, after a subject: `may create pods`.
    pub may: &'static str,
    /// What comes of it, as a sentence.
    pub why: &'static str,
    /// The technique of MITRE ATT&CK.
    pub technique: &'static str,
    /// What has to be granted: all of them, to the same subject, in the same scope.
    pub needs: &'static [Need],
    /// Whether it is about resources without a namespace, so that a RoleBinding cannot grant it.
    pub is_cluster: bool,
    /// What it leads to.
    pub effect: Effect,
}

/// A right: some of the verbs on some of the resources of some of the API groups.
#[derive(Debug)]
pub struct Need {
    /// One of these verbs.
    pub verbs: &'static [&'static str],
    /// In one of these API groups.
    pub groups: &'static [&'static str],
    /// On one of these resources.
    pub resources: &'static [&'static str],
    /// Only objects of these names matter; empty for all.
    pub names: &'static [&'static str],
    /// Only in this namespace; empty for all.
    pub namespace: &'static str,
}

/// What somebody gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Everything in the scope.
    Everything,
    /// The roles that the rule names, or all of them: everything in the scope.
    Roles,
    /// To act as service accounts of the scope: those that the rule names, or all.
    Accounts,
    /// To act as users: those that the rule names, or all.
    Users,
    /// To act as groups: those that the rule names, or `system:masters`.
    Groups,
    /// A client certificate for any user in any group but `system:masters`, which the API server refuses.
    Certificates,
    /// Code in running pods of the scope.
    Code,
    /// New pods in the scope: as any of its service accounts, with any of its Secrets, on the node if nothing refuses them.
    Pods,
    /// The contents of Secrets of the scope.
    Secrets,
    /// Root on a node, whatever Pod Security says.
    Machines,
    /// To act as a node of one's choice.
    Nodes,
    /// The kubelet's API: code in every pod of the nodes that the rule names, or of all.
    Kubelets,
    /// Every object on its way in: pods are changed, Secrets are read.
    Admission,
    /// The administrators' group, through the mapping of cloud identities.
    CloudMapping,
    /// A cloud identity of one's choice, through an annotation.
    CloudIdentity,
    /// What a controller does with what it is told, by its own rights.
    Deputy(&'static Deputy),
    /// Something bad that leads no further here: takes traffic, hides traces, denies service.
    Harm,
}

/// A controller that acts for whoever writes its objects.
#[derive(Debug, PartialEq, Eq)]
pub struct Deputy {
    /// What it is called.
    pub title: &'static str,
    /// The service accounts that it runs as in the project's own manifests.
    pub accounts: &'static [&'static str],
}

/// What rights somebody has by one rule, of those that a primitive needs.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// What is had a part of.
    pub primitive: &'static Primitive,
    /// The place in its needs.
    pub need: u8,
    /// The place of the rule among the role's rules.
    pub rule: u32,
}

impl Primitive {
    /// Whether it is every verb on every resource: who has that needs no other way.
    pub(super) fn is_everything(&self) -> bool {
        self.name == "everything"
    }
}

impl Need {
    /// Whether a rule gives it.
    pub fn is_given_by(&self, rule: &Rule<'_>) -> bool {
        let resource = |resource: &&str| {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            rule.has_resource(resource, subresource)
        };
        self.resources.iter().any(resource)
            && self.groups.iter().any(|group| rule.has_group(group))
            && self.verbs.iter().any(|verb| self.names_verb(rule, verb))
            && (self.names.is_empty() || rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| self.names.contains(name)))
    }

    /// `create` and `deletecollection` name no object: a rule with names does not allow them. `*` asks for everything.
    fn names_verb(&self, rule: &Rule<'_>, verb: &str) -> bool {
        if verb == "*" {
            return rule.verbs.contains(&"*") && rule.resource_names.is_empty();
        }
        let is_subresource = || self.resources.iter().any(|resource| resource.contains('/'));
        rule.has_verb(verb) && (rule.resource_names.is_empty() || !matches!(verb, "create" | "deletecollection") || is_subresource())
    }
}

/// The hits of a role's rules, in order of the primitives.
pub fn hits(rules: &[Rule<'_>]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for primitive in PRIMITIVES {
        for (need, wanted) in (0u8..).zip(primitive.needs) {
            let given = (0u32..).zip(rules).filter(|(_, rule)| wanted.is_given_by(rule));
            hits.extend(given.map(|(rule, _)| Hit { primitive, need, rule }));
        }
    }
    hits
}

const ANY: &[&str] = &[];
const CORE: &[&str] = &[""];
const RBAC: &[&str] = &["rbac.authorization.k8s.io"];
const CERTIFICATES: &[&str] = &["certificates.k8s.io"];
const ADMISSION: &[&str] = &["admissionregistration.k8s.io"];
const WRITE: &[&str] = &["create", "update", "patch"];
const CHANGE: &[&str] = &["update", "patch"];
const READ: &[&str] = &["get", "list", "watch"];
const TAKE_AWAY: &[&str] = &["delete", "deletecollection"];
const ALTER: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
/// What makes pods of a template.
const CONTROLLERS: &[&str] = &["deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"];
const CONTROLLER_GROUPS: &[&str] = &["apps", "", "batch"];

const fn need(verbs: &'static [&'static str], groups: &'static [&'static str], resources: &'static [&'static str]) -> Need {
    Need { verbs, groups, resources, names: ANY, namespace: "" }
}

/// A table of primitives: name, whether only the whole cluster counts, effect, technique, needs, what, why.
macro_rules! primitives {
    ($($name:literal $scope:ident $effect:expr, $technique:literal, [$($need:expr),* $(,)?], $may:literal, $why:literal;)*) => {
        /// All of them.
        pub static PRIMITIVES: &[Primitive] = &[$(Primitive {
            name: $name,
            may: $may,
            why: $why,
            technique: $technique,
            needs: &[$($need),*],
            is_cluster: primitives!(@$scope),
            effect: $effect,
        }),*];
    };
    (@cluster) => { true };
    (@any) => { false };
}

primitives! {
    "everything" any Effect::Everything, "T1078", [need(&["*"], &["*"], &["*"])],
        "may do everything", "Every verb on every resource is the role of an administrator.";
    "escalate-roles" any Effect::Everything, "T1098.006", [need(&["escalate"], RBAC, &["roles"]), need(WRITE, RBAC, &["roles"])],
        "may write rules into Roles that it does not hold", "`escalate` takes the check away that nobody grants more than they hold.";
    "escalate-cluster-roles" cluster Effect::Everything, "T1098.006", [need(&["escalate"], RBAC, &["clusterroles"]), need(WRITE, RBAC, &["clusterroles"])],
        "may write rules into ClusterRoles that it does not hold", "`escalate` takes the check away that nobody grants more than they hold.";
    "bind-in-namespace" any Effect::Roles, "T1098.006", [need(&["bind"], RBAC, &["roles", "clusterroles"]), need(WRITE, RBAC, &["rolebindings"])],
        "may bind roles that it does not hold", "`bind` takes the check away that nobody grants more than they hold: bound to oneself, a role is one's own.";
    "bind-in-cluster" cluster Effect::Roles, "T1098.006", [need(&["bind"], RBAC, &["clusterroles"]), need(WRITE, RBAC, &["clusterrolebindings"])],
        "may bind ClusterRoles that it does not hold in the whole cluster", "`bind` takes the check away that nobody grants more than they hold: bound to oneself, a role is one's own.";
    "impersonate-users" cluster Effect::Users, "T1078", [need(&["impersonate"], CORE, &["users"])],
        "may act as other users", "An impersonated request has the rights of whom it names.";
    "impersonate-groups" cluster Effect::Groups, "T1078", [need(&["impersonate"], CORE, &["groups"]), need(&["impersonate"], CORE, &["users", "serviceaccounts"])],
        "may act as a member of other groups", "An impersonated request has the rights of the groups that it names, `system:masters` among them.";
    "impersonate-service-accounts" any Effect::Accounts, "T1078", [need(&["impersonate"], CORE, &["serviceaccounts"])],
        "may act as service accounts", "An impersonated request has the rights of whom it names.";
    "read-secrets" any Effect::Secrets, "T1552.007", [need(READ, CORE, &["secrets"])],
        "may read Secrets", "Secrets hold tokens of service accounts and what opens other systems; `list` and `watch` show the values too.";
    "mint-token-secrets" any Effect::Accounts, "T1528", [need(WRITE, CORE, &["secrets"]), need(READ, CORE, &["secrets"])],
        "may have tokens of service accounts written into Secrets", "A Secret of the type kubernetes.io/service-account-token is filled with the token of the account that it names.";
    "create-tokens" any Effect::Accounts, "T1528", [need(&["create"], CORE, &["serviceaccounts/token"])],
        "may make tokens of service accounts", "A token is the account.";
    "create-pods" any Effect::Pods, "T1610", [need(&["create"], CORE, &["pods"])],
        "may create pods", "Whoever creates a pod chooses its service account, its Secrets and, where nothing refuses it, the node's own files.";
    "create-workloads" any Effect::Pods, "T1610", [need(WRITE, CONTROLLER_GROUPS, CONTROLLERS)],
        "may create or change what makes pods", "Whoever writes a pod template chooses its service account, its Secrets and, where nothing refuses it, the node's own files.";
    "exec" any Effect::Code, "T1609", [need(&["create"], CORE, &["pods/exec", "pods/attach"])],
        "may run commands in containers", "It is a shell in every container, with the container's service account.";
    "exec-by-get" any Effect::Code, "T1609", [need(&["get"], CORE, &["pods/exec", "pods/attach"])],
        "may run commands in containers over WebSockets", "Until Kubernetes 1.35 `get` was enough for a WebSocket.";
    "ephemeral-containers" any Effect::Code, "T1609", [need(CHANGE, CORE, &["pods/ephemeralcontainers"])],
        "may add containers to running pods", "An ephemeral container runs beside the others, with the pod's service account at hand.";
    "change-pods" any Effect::Code, "T1609", [need(CHANGE, CORE, &["pods"])],
        "may change running pods", "Another image in a running pod runs with the pod's service account.";
    "steal-pods" cluster Effect::Code, "T1610", [
            Need { verbs: &["delete", "deletecollection", "create"], groups: CORE, resources: &["pods", "pods/eviction"], names: ANY, namespace: "" },
            need(CHANGE, CORE, &["nodes", "nodes/status"]),
        ],
        "may move pods to another node", "With the other nodes made unschedulable, pods that are deleted come back on a node of the attacker's choice.";
    "kubelet-api" cluster Effect::Kubelets, "T1609", [need(&["get", "create"], CORE, &["nodes/proxy"])],
        "may talk to kubelets through the API server", "The kubelet's API runs commands in every pod of the node; neither admission nor the audit log sees them.";
    "approve-certificates" cluster Effect::Certificates, "T1649", [
            need(&["create"], CERTIFICATES, &["certificatesigningrequests"]),
            need(CHANGE, CERTIFICATES, &["certificatesigningrequests/approval"]),
            Need { verbs: &["approve"], groups: CERTIFICATES, resources: &["signers"], names: &["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"], namespace: "" },
        ],
        "may have a client certificate made for anybody", "A client certificate is the user and the groups that it names; it cannot be revoked.";
    "approve-kubelet-certificates" cluster Effect::Nodes, "T1649", [
            need(&["create"], CERTIFICATES, &["certificatesigningrequests"]),
            need(CHANGE, CERTIFICATES, &["certificatesigningrequests/approval"]),
            Need { verbs: &["approve"], groups: CERTIFICATES, resources: &["signers"], names: &["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/*"], namespace: "" },
        ],
        "may have a certificate made for any node", "As a node one reads the Secrets of its pods and makes tokens of their service accounts.";
    "sign-certificates" cluster Effect::Certificates, "T1649", [
            Need { verbs: &["sign"], groups: CERTIFICATES, resources: &["signers"], names: &["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"], namespace: "" },
            need(CHANGE, CERTIFICATES, &["certificatesigningrequests/status"]),
        ],
        "may sign client certificates", "Who stands in for the signer writes any certificate that its key signs.";
    "bootstrap-tokens" any Effect::Nodes, "T1098", [Need { verbs: &["create"], groups: CORE, resources: &["secrets"], names: ANY, namespace: "kube-system" }],
        "may make bootstrap tokens", "A bootstrap token lets a machine join as a node, and a node reads the Secrets of its pods.";
    "mutate-on-admission" cluster Effect::Admission, "T1546", [need(ALTER, ADMISSION, &["mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"])],
        "may change objects on their way in", "A mutating webhook or policy changes every pod that is made, and sees the Secrets that are written.";
    "weaken-admission" cluster Effect::Harm, "T1562.001", [need(ALTER, ADMISSION, &["validatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings"])],
        "may take admission policies away", "What refuses bad pods is gone, and a webhook sees what is written.";
    "serve-api" cluster Effect::Harm, "T1557", [need(WRITE, &["apiregistration.k8s.io", "apiextensions.k8s.io"], &["apiservices", "customresourcedefinitions"])],
        "may answer for an API group", "Whoever serves a group, or converts its objects, reads and makes what its clients see.";
    "volumes-of-the-node" cluster Effect::Machines, "T1611", [
            need(&["create"], CORE, &["persistentvolumes"]),
            need(&["create"], CORE, &["persistentvolumeclaims"]),
            Need { verbs: WRITE, groups: CONTROLLER_GROUPS, resources: &["pods", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs"], names: ANY, namespace: "" },
        ],
        "may make volumes of the node's directories and mount them", "A hostPath volume behind a claim is no hostPath to Pod Security.";
    "relax-pod-security" any Effect::Machines, "T1562.001", [need(CHANGE, CORE, &["namespaces"]), need(WRITE, CONTROLLER_GROUPS, &["pods", "deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"])],
        "may loosen the Pod Security level and create pods", "Labels of the namespace say what its pods may be.";
    "map-cloud-identities" any Effect::CloudMapping, "T1098.006", [Need { verbs: WRITE, groups: CORE, resources: &["configmaps"], names: &["aws-auth"], namespace: "kube-system" }],
        "may map cloud identities to groups", "An entry with `system:masters` in aws-auth makes an administrator.";
    "change-system-configuration" any Effect::Harm, "T1557", [Need { verbs: WRITE, groups: CORE, resources: &["configmaps"], names: &["coredns", "kubeadm-config", "kubelet-config", "kube-proxy", "extension-apiserver-authentication"], namespace: "kube-system" }],
        "may change how the cluster resolves names, or whom it trusts", "CoreDNS answers for every name; the others say what nodes run and whom servers believe.";
    "change-service-accounts" any Effect::CloudIdentity, "T1098.006", [need(CHANGE, CORE, &["serviceaccounts"])],
        "may annotate service accounts with cloud identities", "The cloud gives its role to whatever account names it, if the role trusts the cluster's accounts.";
    "take-traffic" any Effect::Harm, "T1557", [need(WRITE, &["", "discovery.k8s.io", "networking.k8s.io", "gateway.networking.k8s.io"], &["endpoints", "endpointslices", "services", "services/status", "ingresses", "gateways", "httproutes", "referencegrants", "pods/status"])],
        "may lead traffic elsewhere", "Who answers for a Service receives what its clients send.";
    "open-network" any Effect::Harm, "T1562.007", [need(TAKE_AWAY, &["networking.k8s.io"], &["networkpolicies"])],
        "may delete network policies", "What a policy closed is open.";
    "tunnel" any Effect::Harm, "T1572", [need(&["create", "get"], CORE, &["pods/portforward", "pods/proxy", "services/proxy"])],
        "may open tunnels to pods", "A tunnel passes network policies and reaches what no Service exposes.";
    "kubelet-data" cluster Effect::Harm, "T1613", [need(READ, CORE, &["nodes/pods", "nodes/configz", "nodes/metrics", "nodes/stats", "nodes/log", "nodes/checkpoint"])],
        "may read what kubelets know", "Logs and memory of containers can hold secrets.";
    "change-nodes" cluster Effect::Harm, "T1489", [need(&["update", "patch", "delete"], CORE, &["nodes", "nodes/status"])],
        "may change nodes", "Labels, taints and deletion move pods.";
    "aggregate" cluster Effect::Harm, "T1098.006", [need(WRITE, RBAC, &["clusterroles"])],
        "may add to aggregated roles", "A label merges a ClusterRole into roles that others hold.";
    "delete-events" any Effect::Harm, "T1070", [need(TAKE_AWAY, &["", "events.k8s.io"], &["events"])],
        "may delete events", "Events tell what happened.";
    "argo-cd" any Effect::Deputy(&Deputy { title: "Argo CD", accounts: &["argocd-application-controller"] }), "T1072",
        [need(WRITE, &["argoproj.io"], &["applications", "applicationsets", "appprojects"])],
        "may have Argo CD deploy anything", "The controller applies what an Application names, with its own rights.";
    "flux" any Effect::Deputy(&Deputy { title: "Flux", accounts: &["kustomize-controller", "helm-controller"] }), "T1072",
        [need(WRITE, &["kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"], &["kustomizations", "helmreleases"])],
        "may have Flux deploy anything", "The controllers apply what a Kustomization or HelmRelease names, with their own rights unless it names an account.";
    "argo-workflows" any Effect::Pods, "T1610", [need(WRITE, &["argoproj.io"], &["workflows", "cronworkflows", "workflowtemplates"])],
        "may run Argo Workflows", "A workflow is pods with a service account of one's choice.";
    "tekton" any Effect::Pods, "T1610", [need(WRITE, &["tekton.dev"], &["pipelineruns", "taskruns", "pipelines", "tasks"])],
        "may run Tekton pipelines", "A run is pods with a service account of one's choice.";
    "cert-manager" any Effect::Deputy(&Deputy { title: "cert-manager", accounts: &["cert-manager"] }), "T1649",
        [need(WRITE, &["cert-manager.io"], &["certificates", "certificaterequests", "issuers", "clusterissuers"])],
        "may have cert-manager make certificates", "An issuer with a CA that something trusts makes its identities.";
    "external-secrets" any Effect::Deputy(&Deputy { title: "External Secrets", accounts: &["external-secrets"] }), "T1555",
        [need(WRITE, &["external-secrets.io"], &["externalsecrets", "clusterexternalsecrets", "pushsecrets"])],
        "may have External Secrets read secret stores", "The controller reads what an ExternalSecret names, with its own rights.";
    "velero" any Effect::Deputy(&Deputy { title: "Velero", accounts: &["velero", "velero-server"] }), "T1072",
        [need(WRITE, &["velero.io"], &["restores", "backups", "schedules"])],
        "may have Velero restore anything", "The controller writes what a backup holds, with its own rights.";
    "crossplane" any Effect::Deputy(&Deputy { title: "Crossplane", accounts: &["crossplane", "rbac-manager"] }), "T1072",
        [need(WRITE, &["apiextensions.crossplane.io", "pkg.crossplane.io", "kubernetes.crossplane.io"], &["compositions", "providers", "configurations", "functions", "objects"])],
        "may have Crossplane make objects", "Providers apply what they are given, with their own rights.";
    "operators" any Effect::Deputy(&Deputy { title: "OLM", accounts: &["olm-operator-serviceaccount"] }), "T1072",
        [need(WRITE, &["operators.coreos.com"], &["subscriptions", "clusterserviceversions", "catalogsources"])],
        "may have operators installed", "OLM gives an operator the roles that its bundle asks for.";
    "virtual-machines" any Effect::Pods, "T1610", [need(WRITE, &["kubevirt.io"], &["virtualmachines", "virtualmachineinstances"])],
        "may run virtual machines", "A virtual machine runs in a pod, with the Secrets and accounts that it names.";
    "generate-by-kyverno" any Effect::Deputy(&Deputy { title: "Kyverno", accounts: &["kyverno-background-controller", "kyverno-admission-controller"] }), "T1546",
        [need(WRITE, &["kyverno.io", "policies.kyverno.io"], &["clusterpolicies", "policies", "generatingpolicies", "mutatingpolicies", "policyexceptions"])],
        "may write Kyverno policies", "A policy changes and makes objects with the controller's rights, an exception takes protection away.";
    "rancher" cluster Effect::Everything, "T1098.006", [need(WRITE, &["management.cattle.io"], &["globalrolebindings", "clusterroletemplatebindings"])],
        "may bind roles of Rancher", "Rancher makes ClusterRoleBindings of them, with its own rights.";
}
