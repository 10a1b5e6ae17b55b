//! The table of primitives. What stands for wildcards, names and places is explained where it is read (`primitive`).

use super::primitive::{Deputy, Effect, Need, PATHS, Place, Primitive, Right};

type Verbs = &'static [&'static str];
type On = &'static [(&'static str, &'static [&'static str])];

const ALL: Verbs = &["*"];
const CREATE: Verbs = &["create"];
const WRITE: Verbs = &["create", "update", "patch"];
const CHANGE: Verbs = &["update", "patch"];
const READ: Verbs = &["get", "list", "watch"];
const SEE: Verbs = &["get", "list", "watch", "patch"];
const GET: Verbs = &["get"];
const DELETE: Verbs = &["delete", "deletecollection"];
const ALTER: Verbs = &["create", "update", "patch", "delete", "deletecollection"];
const ESCALATE: Verbs = &["escalate"];
const BIND: Verbs = &["bind"];
const IMPERSONATE: Verbs = &["impersonate"];
const IMPERSONATE_SOME: Verbs =
    &["impersonate:user-info", "impersonate:serviceaccount", "impersonate:arbitrary-node", "impersonate:associated-node"];
const IMPERSONATE_ON: Verbs = &["impersonate-on:*"];
const APPROVE: Verbs = &["approve"];
const SIGN: Verbs = &["sign"];
const USE: Verbs = &["use"];
/// `get` is enough where a WebSocket is opened by it.
const CONNECT: Verbs = &["get", "create"];

const RBAC: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

const EVERYTHING: On = &[("*", &["*"])];
const EVERY_PATH: On = &[(PATHS, &["*"])];
const ROLES: On = &[(RBAC, &["roles"])];
const CLUSTER_ROLES: On = &[(RBAC, &["clusterroles"])];
const ANY_ROLES: On = &[(RBAC, &["roles", "clusterroles"])];
const ROLE_BINDINGS: On = &[(RBAC, &["rolebindings"])];
const CLUSTER_ROLE_BINDINGS: On = &[(RBAC, &["clusterrolebindings"])];
const USERS: On = &[("", &["users"])];
const GROUPS: On = &[("", &["groups"])];
const USERS_OR_ACCOUNTS: On = &[("", &["users", "serviceaccounts"])];
const ACCOUNTS: On = &[("", &["serviceaccounts"])];
const EXTRAS: On = &[("authentication.k8s.io", &["uids", "userextras/*"])];
const CONSTRAINED: On = &[("authentication.k8s.io", &["users", "groups", "serviceaccounts", "nodes"])];
const ANYTHING: On = &[("*", &[])];
const SECRETS: On = &[("", &["secrets"])];
const TOKENS: On = &[("", &["serviceaccounts/token"])];
const PODS: On = &[("", &["pods"])];
/// What makes pods of a template. A pod template and a scale make none by themselves.
const CONTROLLERS: On = &[
    ("apps", &["deployments", "daemonsets", "statefulsets", "replicasets"]),
    ("", &["replicationcontrollers"]),
    ("batch", &["jobs", "cronjobs"]),
];
const PODS_OR_CONTROLLERS: On = &[
    ("apps", &["deployments", "daemonsets", "statefulsets", "replicasets"]),
    ("", &["pods", "replicationcontrollers"]),
    ("batch", &["jobs", "cronjobs"]),
];
/// Resources of other projects whose objects hold a pod template.
const CUSTOM_CONTROLLERS: On = &[
    ("apps.openshift.io", &["deploymentconfigs"]),
    ("argoproj.io", &["rollouts"]),
    ("serving.knative.dev", &["services", "configurations"]),
    ("apps.kruise.io", &["clonesets", "statefulsets", "daemonsets", "advancedcronjobs"]),
    ("batch.volcano.sh", &["jobs"]),
    ("jobset.x-k8s.io", &["jobsets"]),
    ("leaderworkerset.x-k8s.io", &["leaderworkersets"]),
    ("kubeflow.org", &["pytorchjobs", "tfjobs", "mpijobs", "notebooks"]),
    ("ray.io", &["rayclusters", "rayjobs", "rayservices"]),
    ("sparkoperator.k8s.io", &["sparkapplications", "scheduledsparkapplications"]),
];
const EXEC: On = &[("", &["pods/exec", "pods/attach"])];
const EPHEMERAL: On = &[("", &["pods/ephemeralcontainers"])];
const RESIZE: On = &[("", &["pods/resize"])];
const EVICTION: On = &[("", &["pods/eviction"])];
const BINDING: On = &[("", &["pods/binding", "bindings"])];
const POD_STATUS: On = &[("", &["pods/status"])];
const NODES: On = &[("", &["nodes"])];
const NODE_STATUS: On = &[("", &["nodes/status"])];
const NODE_PROXY: On = &[("", &["nodes/proxy"])];
const NODE_DATA: On =
    &[("", &["nodes/pods", "nodes/configz", "nodes/metrics", "nodes/stats", "nodes/log", "nodes/checkpoint", "nodes/healthz"])];
const CSR: On = &[(CERTIFICATES, &["certificatesigningrequests"])];
const CSR_APPROVAL: On = &[(CERTIFICATES, &["certificatesigningrequests/approval"])];
const CSR_STATUS: On = &[(CERTIFICATES, &["certificatesigningrequests/status"])];
const SIGNERS: On = &[(CERTIFICATES, &["signers"])];
const CLIENT_SIGNER: Verbs = &["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"];
const KUBELET_SIGNER: Verbs = &["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/*"];
const TRUST_BUNDLES: On = &[(CERTIFICATES, &["clustertrustbundles"])];
const POD_CERTIFICATES: On = &[(CERTIFICATES, &["podcertificaterequests", "podcertificaterequests/status"])];
const MUTATING: On = &[(ADMISSION, &["mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"])];
const VALIDATING: On =
    &[(ADMISSION, &["validatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings"])];
const API_SERVICES: On = &[("apiregistration.k8s.io", &["apiservices"])];
const DEFINITIONS: On = &[("apiextensions.k8s.io", &["customresourcedefinitions"])];
const VOLUMES: On = &[("", &["persistentvolumes"])];
const CLAIMS: On = &[("", &["persistentvolumeclaims"])];
const STORAGE: On = &[
    ("storage.k8s.io", &["storageclasses", "csidrivers", "volumeattachments"]),
    ("snapshot.storage.k8s.io", &["volumesnapshotcontents", "volumesnapshotclasses"]),
];
const NAMESPACES: On = &[("", &["namespaces"])];
const FINALIZE: On = &[("", &["namespaces/finalize"])];
const LIMITS: On = &[("", &["resourcequotas", "limitranges"])];
const CONFIG_MAPS: On = &[("", &["configmaps"])];
const AWS_AUTH: Verbs = &["aws-auth"];
const SYSTEM_MAPS: Verbs = &["coredns", "kubeadm-config", "kubelet-config", "kube-proxy", "extension-apiserver-authentication"];
const CLUSTER_INFO: Verbs = &["cluster-info"];
const ENDPOINTS: On = &[("", &["endpoints"]), ("discovery.k8s.io", &["endpointslices"])];
const SERVICES: On = &[("", &["services"])];
const SERVICE_STATUS: On = &[("", &["services/status"])];
const ROUTES: On = &[
    ("networking.k8s.io", &["ingresses", "ingressclasses"]),
    ("gateway.networking.k8s.io", &["gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "referencegrants"]),
    ("route.openshift.io", &["routes"]),
];
const POLICIES: On = &[
    ("networking.k8s.io", &["networkpolicies"]),
    ("policy.networking.k8s.io", &["adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"]),
];
const TUNNELS: On = &[("", &["pods/portforward", "pods/proxy", "services/proxy"])];
const LOGS: On = &[("", &["pods/log"])];
const LEASES: On = &[("coordination.k8s.io", &["leases"])];
const PRIORITIES: On = &[("scheduling.k8s.io", &["priorityclasses"])];
const RUNTIME_CLASSES: On = &[("node.k8s.io", &["runtimeclasses"])];
const FLOWS: On = &[("flowcontrol.apiserver.k8s.io", &["flowschemas", "prioritylevelconfigurations"])];
const EVENTS: On = &[("", &["events"]), ("events.k8s.io", &["events"])];
const DEVICES: On = &[("resource.k8s.io", &["resourceclaims", "resourceclaimtemplates", "deviceclasses"])];
const CONSTRAINTS: On = &[
    ("security.openshift.io", &["securitycontextconstraints"]),
    ("policy", &["podsecuritypolicies"]),
    ("extensions", &["podsecuritypolicies"]),
];
const IMAGE_TRUST: On = &[
    ("policy.sigstore.dev", &["clusterimagepolicies", "trustroots"]),
    ("config.openshift.io", &["images", "imagepolicies", "clusterimagepolicies", "imagedigestmirrorsets", "imagetagmirrorsets"]),
    ("operator.openshift.io", &["imagecontentsourcepolicies"]),
];

/// A table of primitives: name, effect, technique, needs with their place and rights, what, why.
macro_rules! primitives {
    ($($name:literal $effect:expr, $technique:literal,
       $([$place:tt: $(($verbs:ident $on:ident $(= $names:ident)?))+])+,
       $may:literal, $why:literal;)*) => {
        /// All of them.
        pub static PRIMITIVES: &[Primitive] = &[$(Primitive {
            name: $name,
            may: $may,
            why: $why,
            technique: $technique,
            needs: &[$(Need {
                rights: &[$(Right { verbs: $verbs, on: $on, names: primitives!(@names $($names)?) }),+],
                place: primitives!(@place $place),
            }),+],
            effect: $effect,
        }),*];
    };
    (@names) => { &[] };
    (@names $names:ident) => { $names };
    (@place any) => { Place::Anywhere };
    (@place cluster) => { Place::Cluster };
    (@place $namespace:literal) => { Place::Namespace($namespace) };
}

/// A controller as a row names it.
macro_rules! deputy {
    ($title:literal: $($account:literal),+) => { Effect::Deputy(&Deputy { title: $title, accounts: &[$($account),+], only_if: None }) };
    ($title:literal: $account:literal if $condition:literal) => {
        Effect::Deputy(&Deputy { title: $title, accounts: &[$account], only_if: Some($condition) })
    };
}

const ARGO_CD: On = &[("argoproj.io", &["applications", "applicationsets", "appprojects"])];
const FLUX: On = &[("kustomize.toolkit.fluxcd.io", &["kustomizations"]), ("helm.toolkit.fluxcd.io", &["helmreleases"])];
const ARGO_WORKFLOWS: On = &[("argoproj.io", &["workflows", "cronworkflows", "workflowtemplates", "clusterworkflowtemplates"])];
const TEKTON: On = &[("tekton.dev", &["pipelineruns", "taskruns", "pipelines", "tasks"])];
const CERT_MANAGER: On = &[("cert-manager.io", &["certificates", "certificaterequests", "issuers", "clusterissuers"])];
const EXTERNAL_SECRETS: On =
    &[("external-secrets.io", &["externalsecrets", "clusterexternalsecrets", "pushsecrets", "secretstores", "clustersecretstores"])];
const SEALED_SECRETS: On = &[("bitnami.com", &["sealedsecrets"])];
const KYVERNO: On = &[
    ("kyverno.io", &["clusterpolicies", "policies", "policyexceptions"]),
    ("policies.kyverno.io", &["generatingpolicies", "mutatingpolicies", "policyexceptions"]),
];
const GATEKEEPER: On = &[
    ("constraints.gatekeeper.sh", &[]),
    ("templates.gatekeeper.sh", &[]),
    ("mutations.gatekeeper.sh", &[]),
    ("config.gatekeeper.sh", &["configs"]),
];
const VELERO: On = &[("velero.io", &["restores", "backups", "schedules", "backupstoragelocations"])];
const CROSSPLANE: On = &[
    ("apiextensions.crossplane.io", &["compositions", "compositeresourcedefinitions"]),
    ("pkg.crossplane.io", &["providers", "configurations", "functions", "deploymentruntimeconfigs"]),
    ("kubernetes.crossplane.io", &["objects"]),
];
const CLUSTER_API: On = &[
    ("cluster.x-k8s.io", &["machines", "machinesets", "machinedeployments", "machinepools", "clusters"]),
    ("machine.openshift.io", &["machines", "machinesets"]),
    ("bootstrap.cluster.x-k8s.io", &["kubeadmconfigs", "kubeadmconfigtemplates"]),
];
const OPERATORS: On = &[
    ("operators.coreos.com", &["subscriptions", "clusterserviceversions", "catalogsources"]),
    ("olm.operatorframework.io", &["clusterextensions", "clustercatalogs"]),
];
const VIRTUAL_MACHINES: On = &[("kubevirt.io", &["virtualmachines", "virtualmachineinstances"])];
const KARPENTER: On = &[
    ("karpenter.sh", &["nodepools", "nodeclaims"]),
    ("karpenter.k8s.aws", &["ec2nodeclasses"]),
    ("karpenter.azure.com", &["aksnodeclasses"]),
];
const RANCHER: On = &[("management.cattle.io", &["globalrolebindings", "clusterroletemplatebindings"])];

primitives! {
    "everything" Effect::Everything, "T1078", [any: (ALL EVERYTHING)],
        "may do everything", "Every verb on every resource is the role of an administrator.";
    "every-path" Effect::Harm, "T1613", [cluster: (GET EVERY_PATH)],
        "may read every path of the API server", "Beside the resources there are the server's logs, profiles and metrics.";
    "escalate-roles" Effect::Everything, "T1098.006", [any: (ESCALATE ROLES)] [any: (WRITE ROLES)],
        "may write rules into Roles that it does not hold", "`escalate` takes the check away that nobody grants more than they hold.";
    "escalate-cluster-roles" Effect::Everything, "T1098.006", [cluster: (ESCALATE CLUSTER_ROLES)] [cluster: (WRITE CLUSTER_ROLES)],
        "may write rules into ClusterRoles that it does not hold", "`escalate` takes the check away that nobody grants more than they hold.";
    "escalate" Effect::Harm, "T1098.006", [any: (ESCALATE ANY_ROLES)],
        "is not checked for what it writes into roles", "Any right to write roles, given later and by whomever, is then one to everything.";
    "bind-in-namespace" Effect::Roles, "T1098.006", [any: (BIND ANY_ROLES)] [any: (WRITE ROLE_BINDINGS)],
        "may bind roles that it does not hold", "`bind` takes the check away that nobody grants more than they hold: bound to oneself, a role is one's own.";
    "bind-in-cluster" Effect::Roles, "T1098.006", [cluster: (BIND CLUSTER_ROLES)] [cluster: (WRITE CLUSTER_ROLE_BINDINGS)],
        "may bind ClusterRoles that it does not hold in the whole cluster", "`bind` takes the check away that nobody grants more than they hold: bound to oneself, a role is one's own.";
    "bind" Effect::Harm, "T1098.006", [any: (BIND ANY_ROLES)],
        "is not checked for which roles it binds", "Any right to write bindings, given later and by whomever, is then one to these roles.";
    "write-bindings" Effect::Harm, "T1098.006", [any: (WRITE ROLE_BINDINGS) (WRITE CLUSTER_ROLE_BINDINGS)],
        "may write bindings of roles that it holds", "Without `bind` the API server refuses to grant what one does not hold; what one holds can be handed on.";
    "impersonate-users" Effect::Users, "T1078", [cluster: (IMPERSONATE USERS)],
        "may act as other users", "An impersonated request has the rights of whom it names.";
    "impersonate-groups" Effect::Groups, "T1078", [cluster: (IMPERSONATE GROUPS)] [any: (IMPERSONATE USERS_OR_ACCOUNTS)],
        "may act as a member of other groups", "An impersonated request has the rights of the groups that it names, `system:masters` among them.";
    "impersonate-service-accounts" Effect::Accounts, "T1078", [any: (IMPERSONATE ACCOUNTS)],
        "may act as service accounts", "An impersonated request has the rights of whom it names.";
    "impersonate-attributes" Effect::Harm, "T1078", [cluster: (IMPERSONATE EXTRAS) (IMPERSONATE GROUPS)],
        "may add groups, uids or other attributes to whom it acts as", "Admission and other authorizers go by them; with a user to act as, groups are those of an administrator.";
    "impersonate-constrained" Effect::AsOthers, "T1078", [any: (IMPERSONATE_SOME CONSTRAINED)] [any: (IMPERSONATE_ON ANYTHING)],
        "may act as others in what it is allowed to do as them", "An impersonated request has the rights of whom it names, for the verbs of `impersonate-on`.";
    "read-secrets" Effect::Secrets, "T1552.007", [any: (READ SECRETS)],
        "may read Secrets", "Secrets hold tokens of service accounts and what opens other systems; `list` and `watch` show the values too.";
    "mint-token-secrets" Effect::Accounts, "T1528", [any: (CREATE SECRETS)] [any: (SEE SECRETS)],
        "may have tokens of service accounts written into Secrets", "A Secret of the type kubernetes.io/service-account-token is filled with the token of the account that it names.";
    "redirect-token-secrets" Effect::TokenSecrets, "T1528", [any: (CHANGE SECRETS)] [any: (SEE SECRETS)],
        "may have tokens of other service accounts written into Secrets that are there", "A Secret of the type kubernetes.io/service-account-token is filled with the token of the account that it names, whoever made it.";
    "overwrite-secrets" Effect::Harm, "T1565.001", [any: (CHANGE SECRETS)],
        "may change Secrets", "Who reads them trusts what stands there.";
    "create-tokens" Effect::Accounts, "T1528", [any: (CREATE TOKENS)],
        "may make tokens of service accounts", "A token is the account.";
    "create-pods" Effect::Pods, "T1610", [any: (CREATE PODS)],
        "may create pods", "Whoever creates a pod chooses its service account, its Secrets and, where nothing refuses it, the node's own files.";
    "create-workloads" Effect::Pods, "T1610", [any: (WRITE CONTROLLERS)],
        "may create or change what makes pods", "Whoever writes a pod template chooses its service account, its Secrets and, where nothing refuses it, the node's own files.";
    "create-custom-workloads" Effect::Pods, "T1610", [any: (WRITE CUSTOM_CONTROLLERS)],
        "may create or change custom resources that make pods", "Whoever writes a pod template chooses its service account, its Secrets and, where nothing refuses it, the node's own files.";
    "exec" Effect::Code, "T1609", [any: (CREATE EXEC)],
        "may run commands in containers", "It is a shell in every container, with the container's service account.";
    "exec-by-get" Effect::CodeByGet, "T1609", [any: (GET EXEC)],
        "may run commands in containers over WebSockets", "Until Kubernetes 1.35 `get` was enough for a WebSocket.";
    "ephemeral-containers" Effect::AddedCode, "T1609", [any: (CHANGE EPHEMERAL)],
        "may add containers to running pods", "An ephemeral container runs beside the others, with the pod's service account at hand, and privileged where nothing refuses it.";
    "change-pods" Effect::Code, "T1609", [any: (CHANGE PODS)],
        "may change running pods", "Another image in a running pod runs with the pod's service account.";
    "resize-pods" Effect::Harm, "T1499", [any: (CHANGE RESIZE)],
        "may change what running pods may use", "A pod without memory is ended, one with all of a node's starves the others.";
    "steal-pods" Effect::StolenPods, "T1610", [any: (DELETE PODS) (CHANGE PODS) (CREATE EVICTION)] [cluster: (CHANGE NODES) (CHANGE NODE_STATUS) (DELETE NODES)],
        "may move pods to another node", "With the other nodes made unschedulable, pods that are deleted come back on a node of the attacker's choice.";
    "place-pods" Effect::Harm, "T1610", [any: (CREATE BINDING)],
        "may place pods on nodes of its choice", "Whoever binds a pod to a node passes the scheduler with its taints, those of the control plane too.";
    "change-pod-status" Effect::Harm, "T1557", [any: (CHANGE POD_STATUS)],
        "may say where pods are", "With the address and the labels of its choice, a pod takes the traffic of a Service.";
    "kubelet-api" Effect::Kubelets, "T1609", [cluster: (CONNECT NODE_PROXY)],
        "may talk to kubelets through the API server", "The kubelet's API runs commands in every pod of the node; neither admission nor the audit log sees them.";
    "kubelet-data" Effect::Harm, "T1613", [cluster: (CONNECT NODE_DATA)],
        "may read what kubelets know", "Logs, files of the log directory and memory of containers can hold secrets.";
    "change-nodes" Effect::Harm, "T1578", [cluster: (CHANGE NODES)],
        "may label and taint nodes", "Labels and taints say which pods come to a node, and which are sent away.";
    "change-node-status" Effect::Harm, "T1489", [cluster: (CHANGE NODE_STATUS)],
        "may say how nodes are", "A node that seems full or unready loses its pods to others.";
    "delete-nodes" Effect::Harm, "T1489", [cluster: (DELETE NODES)],
        "may delete nodes", "The pods of a node that is gone are made anew on others.";
    "approve-certificates" Effect::Certificates, "T1649", [cluster: (APPROVE SIGNERS = CLIENT_SIGNER)] [cluster: (CHANGE CSR_APPROVAL)] [cluster: (CREATE CSR)],
        "may have a client certificate made for anybody", "A client certificate is the user and the groups that it names; it cannot be revoked.";
    "approve-kubelet-certificates" Effect::Nodes, "T1649", [cluster: (APPROVE SIGNERS = KUBELET_SIGNER)] [cluster: (CHANGE CSR_APPROVAL)] [cluster: (CREATE CSR)],
        "may have a certificate made for any node", "As a node one reads the Secrets of its pods and makes tokens of their service accounts.";
    "sign-certificates" Effect::SignedCertificates, "T1649", [cluster: (SIGN SIGNERS = CLIENT_SIGNER)] [cluster: (CHANGE CSR_STATUS)],
        "may answer requests for client certificates", "Whoever asked takes what is written there for a certificate. Without the signer's key it is none that the API server accepts.";
    "bootstrap-tokens" Effect::JoiningNodes, "T1098", ["kube-system": (CREATE SECRETS)],
        "may make bootstrap tokens", "A bootstrap token lets a machine join as a node, and a node reads the Secrets of its pods.";
    "change-trust-bundles" Effect::Harm, "T1553.004", [cluster: (WRITE TRUST_BUNDLES)],
        "may say whom pods trust", "Pods that mount a ClusterTrustBundle believe every certificate that it signs.";
    "pod-certificates" Effect::Harm, "T1649", [any: (WRITE POD_CERTIFICATES)],
        "may ask for or issue certificates of pods", "A pod certificate is the pod to whoever trusts its signer.";
    "mutate-on-admission" Effect::Admission, "T1546", [cluster: (WRITE MUTATING)],
        "may change objects on their way in", "A mutating webhook or policy changes every pod that is made, and sees the Secrets that are written.";
    "weaken-admission" Effect::Harm, "T1562.001", [cluster: (ALTER VALIDATING) (DELETE MUTATING)],
        "may take admission policies away", "What refuses bad pods is gone, and a webhook sees what is written.";
    "serve-api" Effect::Harm, "T1557", [cluster: (WRITE API_SERVICES)],
        "may answer for an API group", "Whoever serves a group reads and makes what its clients see, and is sent whatever they say.";
    "convert-objects" Effect::Harm, "T1557", [cluster: (WRITE DEFINITIONS)],
        "may convert objects of custom resources", "A conversion webhook reads and changes every object of the resource.";
    "volumes-of-the-node" Effect::Machines, "T1611", [cluster: (CREATE VOLUMES)] [any: (CREATE CLAIMS)] [any: (WRITE PODS_OR_CONTROLLERS)],
        "may make volumes of the node's directories and mount them", "A hostPath volume behind a claim is no hostPath to Pod Security.";
    "make-volumes" Effect::Harm, "T1611", [cluster: (CREATE VOLUMES)],
        "may make volumes of the node's directories", "Claims of others bind to the volume: their pods then write into a directory of the node, or of the attacker.";
    "change-storage" Effect::Harm, "T1565.001", [cluster: (WRITE STORAGE)],
        "may say how volumes are made and attached", "A storage class or a snapshot names what is mounted; a driver mounts on the node.";
    "relax-pod-security" Effect::Machines, "T1562.001", [any: (CHANGE NAMESPACES)] [any: (WRITE PODS_OR_CONTROLLERS)],
        "may loosen the Pod Security level and create pods", "Labels of the namespace say what its pods may be.";
    "fresh-namespace" Effect::Machines, "T1562.001", [cluster: (CREATE NAMESPACES)] [cluster: (CREATE PODS_OR_CONTROLLERS)],
        "may create a namespace without a Pod Security level and pods in it", "A namespace that nobody labelled enforces nothing, unless the API server's configuration says so.";
    "change-namespaces" Effect::Harm, "T1562.001", [any: (CHANGE NAMESPACES) (CHANGE FINALIZE)],
        "may change namespaces", "Labels of a namespace say what its pods may be and which network policies let them through.";
    "delete-quotas" Effect::Harm, "T1496", [any: (DELETE LIMITS)],
        "may take limits away", "Without quotas a namespace takes what others need.";
    "map-cloud-identities" Effect::CloudMapping, "T1098.006", ["kube-system": (WRITE CONFIG_MAPS = AWS_AUTH)],
        "may map cloud identities to groups", "An entry with `system:masters` in aws-auth makes an administrator.";
    "change-system-configuration" Effect::Harm, "T1557", ["kube-system": (WRITE CONFIG_MAPS = SYSTEM_MAPS)],
        "may change how the cluster resolves names, or whom it trusts", "CoreDNS answers for every name; the others say what nodes run and whom servers believe.";
    "change-cluster-info" Effect::Harm, "T1557", ["kube-public": (WRITE CONFIG_MAPS = CLUSTER_INFO)],
        "may change which cluster new nodes join", "A node that joins believes the address and the authority that cluster-info names.";
    "change-service-accounts" Effect::CloudIdentity, "T1098.006", [any: (CHANGE ACCOUNTS)],
        "may annotate service accounts with cloud identities", "The cloud gives its role to whatever account names it, if the role trusts the cluster's accounts.";
    "take-traffic" Effect::Harm, "T1557", [any: (WRITE ENDPOINTS)],
        "may lead traffic elsewhere", "Who answers for a Service receives what its clients send.";
    "change-services" Effect::Harm, "T1557", [any: (WRITE SERVICES)],
        "may say who answers for Services", "A selector, an external name or an external IP leads traffic to the attacker (CVE-2020-8554).";
    "change-service-status" Effect::Harm, "T1557", [any: (CHANGE SERVICE_STATUS)],
        "may give Services addresses of others", "Traffic to the address of a load balancer that a status names goes to the Service (CVE-2020-8554).";
    "change-routes" Effect::Harm, "T1557", [any: (WRITE ROUTES)],
        "may route what comes from outside", "A route takes the traffic of a host name, and a reference grant opens another namespace to it.";
    "open-network" Effect::Harm, "T1562.007", [any: (DELETE POLICIES) (CHANGE POLICIES)],
        "may take network policies away", "What a policy closed is open.";
    "tunnel" Effect::Harm, "T1572", [any: (CONNECT TUNNELS)],
        "may open tunnels to pods", "A tunnel passes network policies and reaches what no Service exposes.";
    "read-logs" Effect::Harm, "T1552.001", [any: (GET LOGS)],
        "may read logs of pods", "Logs can hold tokens and passwords.";
    "aggregate" Effect::Harm, "T1098.006", [cluster: (WRITE CLUSTER_ROLES)],
        "may add to aggregated roles", "A label merges a ClusterRole into roles that others hold: only what the writer holds is checked.";
    "change-leases" Effect::Harm, "T1489", [any: (WRITE LEASES)],
        "may take the lead from controllers", "Who holds a lease keeps the others from working, and stale nodes look alive.";
    "change-priorities" Effect::Harm, "T1499", [cluster: (WRITE PRIORITIES)],
        "may say whose pods go first", "Pods of a higher priority push others from their nodes.";
    "change-runtime-classes" Effect::Harm, "T1562.001", [cluster: (WRITE RUNTIME_CLASSES)],
        "may say what containers run in", "A sandbox is one by its RuntimeClass only.";
    "change-request-flow" Effect::Harm, "T1499", [cluster: (WRITE FLOWS)],
        "may say whose requests go first", "Requests that the API server does not get to are not answered.";
    "delete-events" Effect::Harm, "T1070", [any: (DELETE EVENTS)],
        "may delete events", "Events tell what happened.";
    "take-devices" Effect::Harm, "T1611", [any: (WRITE DEVICES)],
        "may claim devices", "A claim with administrator access opens devices that others use.";
    "use-weaker-constraints" Effect::Harm, "T1562.001", [any: (USE CONSTRAINTS)],
        "may use other security context constraints", "Constraints that one may use are what pods may be.";
    "change-image-trust" Effect::Harm, "T1525", [any: (WRITE IMAGE_TRUST)],
        "may say which images are trusted", "An image that nobody signed, or from another registry, then runs.";
    "argo-cd" deputy!("Argo CD": "argocd-application-controller"), "T1072", [any: (WRITE ARGO_CD)],
        "may have Argo CD deploy anything", "The controller applies what an Application names, with its own rights.";
    "flux" deputy!("Flux": "kustomize-controller", "helm-controller"), "T1072", [any: (WRITE FLUX)],
        "may have Flux deploy anything", "The controllers apply what a Kustomization or HelmRelease names, with their own rights unless it names an account.";
    "argo-workflows" Effect::Pods, "T1610", [any: (WRITE ARGO_WORKFLOWS)],
        "may run Argo Workflows", "A workflow is pods with a service account of one's choice.";
    "tekton" Effect::Pods, "T1610", [any: (WRITE TEKTON)],
        "may run Tekton pipelines", "A run is pods with a service account of one's choice.";
    "cert-manager" deputy!("cert-manager": "cert-manager" if "an issuer is there that is trusted for as much as cert-manager may do"), "T1649", [any: (WRITE CERT_MANAGER)],
        "may have cert-manager make certificates", "An issuer with a CA that something trusts makes its identities.";
    "external-secrets" deputy!("External Secrets": "external-secrets" if "a secret store holds what opens as much as External Secrets may do"), "T1555", [any: (WRITE EXTERNAL_SECRETS)],
        "may have External Secrets read secret stores", "The controller reads what an ExternalSecret names, with its own rights.";
    "sealed-secrets" Effect::Harm, "T1565.001", [any: (WRITE SEALED_SECRETS)],
        "may have Sealed Secrets write Secrets", "Whatever is sealed for the cluster becomes a Secret, over one that is there.";
    "velero" deputy!("Velero": "velero", "velero-server"), "T1072", [any: (WRITE VELERO)],
        "may have Velero restore anything", "The controller writes what a backup holds, with its own rights.";
    "crossplane" deputy!("Crossplane": "crossplane", "rbac-manager"), "T1072", [any: (WRITE CROSSPLANE)],
        "may have Crossplane make objects", "Providers apply what they are given, with their own rights.";
    "cluster-api" deputy!("Cluster API": "capi-manager", "capi-kubeadm-bootstrap-manager"), "T1578.002", [any: (WRITE CLUSTER_API)],
        "may have Cluster API make machines", "Whoever writes a machine says what it starts with, and the machine joins as a node.";
    "karpenter" deputy!("Karpenter": "karpenter"), "T1578.002", [cluster: (WRITE KARPENTER)],
        "may have Karpenter make nodes", "A node class names the node's cloud role and what it starts with.";
    "operators" deputy!("OLM": "olm-operator-serviceaccount", "operator-controller-controller-manager"), "T1072", [any: (WRITE OPERATORS)],
        "may have operators installed", "OLM gives an operator the roles that its bundle asks for.";
    "virtual-machines" Effect::Pods, "T1610", [any: (WRITE VIRTUAL_MACHINES)],
        "may run virtual machines", "A virtual machine runs in a pod, with the Secrets and accounts that it names.";
    "generate-by-kyverno" deputy!("Kyverno": "kyverno-background-controller", "kyverno-admission-controller"), "T1546", [any: (WRITE KYVERNO)],
        "may write Kyverno policies", "A policy changes and makes objects with the controller's rights, an exception takes protection away.";
    "change-gatekeeper" Effect::Harm, "T1562.001", [cluster: (ALTER GATEKEEPER)],
        "may write Gatekeeper's constraints", "What a constraint refused is let in, and a mutation changes what comes in.";
    "rancher" deputy!("Rancher": "rancher"), "T1098.006", [cluster: (WRITE RANCHER)],
        "may bind roles of Rancher", "Rancher makes ClusterRoleBindings of them, with its own rights.";
}
