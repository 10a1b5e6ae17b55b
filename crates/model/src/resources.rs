//! The resources of the API, by the names that people call them: `deploy`, `deployments.apps`, `Deployment`.
//!
//! Source: the aggregated discovery of a kube-apiserver 1.36 (`/api` and `/apis`), in its order, which decides where groups
//! share a name; and the resources that only its authorizer knows (Kubernetes documentation, *User impersonation* and
//! *Certificates and Certificate Signing Requests*).

use crate::{Node, Object};

const CLUSTER: bool = false;
const NAMESPACED: bool = true;

/// Group, name, kind, short names, and whether it has namespaces.
const BUILT_IN: &[(&str, &str, &str, &str, bool)] = &[
    ("", "bindings", "Binding", "", NAMESPACED),
    ("", "componentstatuses", "ComponentStatus", "cs", CLUSTER),
    ("", "configmaps", "ConfigMap", "cm", NAMESPACED),
    ("", "endpoints", "Endpoints", "ep", NAMESPACED),
    ("", "events", "Event", "ev", NAMESPACED),
    ("", "limitranges", "LimitRange", "limits", NAMESPACED),
    ("", "namespaces", "Namespace", "ns", CLUSTER),
    ("", "nodes", "Node", "no", CLUSTER),
    ("", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", NAMESPACED),
    ("", "persistentvolumes", "PersistentVolume", "pv", CLUSTER),
    ("", "pods", "Pod", "po", NAMESPACED),
    ("", "podtemplates", "PodTemplate", "", NAMESPACED),
    ("", "replicationcontrollers", "ReplicationController", "rc", NAMESPACED),
    ("", "resourcequotas", "ResourceQuota", "quota", NAMESPACED),
    ("", "secrets", "Secret", "", NAMESPACED),
    ("", "serviceaccounts", "ServiceAccount", "sa", NAMESPACED),
    ("", "services", "Service", "svc", NAMESPACED),
    ("apiregistration.k8s.io", "apiservices", "APIService", "", CLUSTER),
    ("apps", "controllerrevisions", "ControllerRevision", "", NAMESPACED),
    ("apps", "daemonsets", "DaemonSet", "ds", NAMESPACED),
    ("apps", "deployments", "Deployment", "deploy", NAMESPACED),
    ("apps", "replicasets", "ReplicaSet", "rs", NAMESPACED),
    ("apps", "statefulsets", "StatefulSet", "sts", NAMESPACED),
    ("events.k8s.io", "events", "Event", "ev", NAMESPACED),
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", "", CLUSTER),
    ("authentication.k8s.io", "tokenreviews", "TokenReview", "", CLUSTER),
    ("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", "", NAMESPACED),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", "", CLUSTER),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", "", CLUSTER),
    ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", "", CLUSTER),
    ("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", NAMESPACED),
    ("batch", "cronjobs", "CronJob", "cj", NAMESPACED),
    ("batch", "jobs", "Job", "", NAMESPACED),
    ("certificates.k8s.io", "certificatesigningrequests", "CertificateSigningRequest", "csr", CLUSTER),
    ("networking.k8s.io", "ingressclasses", "IngressClass", "", CLUSTER),
    ("networking.k8s.io", "ingresses", "Ingress", "ing", NAMESPACED),
    ("networking.k8s.io", "ipaddresses", "IPAddress", "ip", CLUSTER),
    ("networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol", NAMESPACED),
    ("networking.k8s.io", "servicecidrs", "ServiceCIDR", "", CLUSTER),
    ("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", NAMESPACED),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", "", CLUSTER),
    ("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", "", CLUSTER),
    ("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", "", NAMESPACED),
    ("rbac.authorization.k8s.io", "roles", "Role", "", NAMESPACED),
    ("storage.k8s.io", "csidrivers", "CSIDriver", "", CLUSTER),
    ("storage.k8s.io", "csinodes", "CSINode", "", CLUSTER),
    ("storage.k8s.io", "csistoragecapacities", "CSIStorageCapacity", "", NAMESPACED),
    ("storage.k8s.io", "storageclasses", "StorageClass", "sc", CLUSTER),
    ("storage.k8s.io", "volumeattachments", "VolumeAttachment", "", CLUSTER),
    ("storage.k8s.io", "volumeattributesclasses", "VolumeAttributesClass", "vac", CLUSTER),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", "", CLUSTER),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", "", CLUSTER),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", CLUSTER),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", "", CLUSTER),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "", CLUSTER),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", CLUSTER),
    ("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "crd crds", CLUSTER),
    ("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", CLUSTER),
    ("coordination.k8s.io", "leases", "Lease", "", NAMESPACED),
    ("node.k8s.io", "runtimeclasses", "RuntimeClass", "", CLUSTER),
    ("discovery.k8s.io", "endpointslices", "EndpointSlice", "", NAMESPACED),
    ("resource.k8s.io", "deviceclasses", "DeviceClass", "", CLUSTER),
    ("resource.k8s.io", "resourceclaims", "ResourceClaim", "", NAMESPACED),
    ("resource.k8s.io", "resourceclaimtemplates", "ResourceClaimTemplate", "", NAMESPACED),
    ("resource.k8s.io", "resourceslices", "ResourceSlice", "", CLUSTER),
    ("flowcontrol.apiserver.k8s.io", "flowschemas", "FlowSchema", "", CLUSTER),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "PriorityLevelConfiguration", "", CLUSTER),
    ("", "users", "", "", CLUSTER),
    ("", "groups", "", "", CLUSTER),
    ("authentication.k8s.io", "uids", "", "", CLUSTER),
    ("authentication.k8s.io", "userextras", "", "", CLUSTER),
    ("certificates.k8s.io", "signers", "", "", CLUSTER),
    ("certificates.k8s.io", "clustertrustbundles", "ClusterTrustBundle", "", CLUSTER),
    ("certificates.k8s.io", "podcertificaterequests", "PodCertificateRequest", "", NAMESPACED),
    ("policy", "podsecuritypolicies", "PodSecurityPolicy", "psp", CLUSTER),
    ("metrics.k8s.io", "nodes", "NodeMetrics", "", CLUSTER),
    ("metrics.k8s.io", "pods", "PodMetrics", "", NAMESPACED),
];

/// A resource of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResource<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The name in paths and rules: `deployments`.
    pub name: &'a str,
    /// The kind of its objects; empty where it has none, as of `users`.
    pub kind: &'a str,
    /// Other names: short ones, and the singular where that is not the kind in lower case.
    pub aliases: Vec<&'a str>,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
}

/// The resources that are known: the built-in ones, and those of the CustomResourceDefinitions that were read.
#[derive(Debug)]
pub struct ApiResources<'a> {
    known: Vec<ApiResource<'a>>,
}

/// Why there is no resource of a name.
#[derive(Debug, PartialEq, Eq)]
pub struct NoSuchResource {
    /// Names that are written alike, the nearest first.
    pub similar: Vec<String>,
}

impl<'a> ApiResources<'a> {
    /// The built-in ones and those that `objects` define.
    pub fn of(objects: impl Iterator<Item = Object<'a>>) -> Self {
        let built_in = BUILT_IN.iter().map(|(group, name, kind, aliases, is_namespaced)| ApiResource {
            group,
            name,
            kind,
            aliases: aliases.split_whitespace().collect(),
            is_namespaced: *is_namespaced,
        });
        let custom = objects.filter(|object| object.kind == "CustomResourceDefinition").filter_map(|object| custom(object.node));
        Self { known: built_in.chain(custom).collect() }
    }

    /// The resource that somebody means who writes `deployments`, `deployment`, `deploy`, `Deployment`, `deployments.apps` or
    /// `deployments.v1.apps`, as kubectl takes it.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn find(&self, text: &str) -> Result<&ApiResource<'a>, NoSuchResource> {
        let (name, group) = split(text);
        let found = self.known.iter().find(|one| one.is_called(name) && group.is_none_or(|group| group == one.group));
        found.ok_or_else(|| self.similar(name))
    }

    /// Whether a resource, with or without a subresource, is one without namespaces: a RoleBinding grants none of it. Namespaces
    /// themselves are none of these, since a request for one of them is one in it (apiserver `pkg/endpoints/request`).
    pub fn is_cluster_scoped(&self, group: &str, resource: &str) -> bool {
        let name = resource.split_once('/').map_or(resource, |(name, _)| name);
        name != "namespaces" && self.known.iter().any(|one| one.group == group && one.name == name && !one.is_namespaced)
    }

    fn similar(&self, name: &str) -> NoSuchResource {
        let name = name.to_lowercase();
        let nearest = |one: &ApiResource<'a>| {
            let distance = one.names().map(|other| distance(&name, &other.to_lowercase())).min()?;
            // Of a name of four letters, one may be wrong; of none more than three.
            (distance <= (name.chars().count() / 4).clamp(1, 3)).then(|| (distance, one.to_string()))
        };
        let mut similar: Vec<(usize, String)> = self.known.iter().filter_map(nearest).collect();
        similar.sort_unstable();
        similar.dedup();
        NoSuchResource { similar: similar.into_iter().map(|(_, name)| name).take(3).collect() }
    }
}

impl ApiResource<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        [self.name, self.kind].into_iter().chain(self.aliases.iter().copied()).filter(|name| !name.is_empty())
    }

    fn is_called(&self, name: &str) -> bool {
        self.names().any(|one| one.eq_ignore_ascii_case(name))
    }
}

/// With its group, where it has one: `deployments.apps`.
impl std::fmt::Display for ApiResource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// The name and the group of `deployments.apps` or `deployments.v1.apps`; `deployments.` is one of the core group.
pub fn split(text: &str) -> (&str, Option<&str>) {
    let Some((name, group)) = text.split_once('.') else { return (text, None) };
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    match group.split_once('.') {
        Some((version, rest)) if is_version(version) => (name, Some(rest)),
        None if is_version(group) => (name, Some("")),
        _ => (name, Some(group)),
    }
}

fn custom(node: Node<'_>) -> Option<ApiResource<'_>> {
    let text = |path: &[&str]| node.at(path).map_or("", Node::text);
    let (name, kind, singular) =
        (text(&["spec", "names", "plural"]), text(&["spec", "names", "kind"]), text(&["spec", "names", "singular"]));
    let short = node.at(&["spec", "names", "shortNames"]).into_iter().flat_map(Node::items).map(Node::text);
    (!name.is_empty()).then(|| ApiResource {
        group: text(&["spec", "group"]),
        name,
        kind,
        aliases: short.chain([singular]).filter(|name| !name.is_empty()).collect(),
        is_namespaced: text(&["spec", "scope"]) != "Cluster",
    })
}

/// How many letters have to be put in, taken out or changed to make one word of the other (Levenshtein).
pub fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (at, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), at + 1);
        let mut left = at + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (diagonal + usize::from(letter != other)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Origin, Source, parse};

    const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.harbour.example}
spec:
  group: harbour.example
  scope: Cluster
  names: {plural: boats, singular: ship, kind: Boat, shortNames: [bt]}
";

    #[test]
    fn resources_are_found_by_all_of_their_names() {
        let (documents, _) = parse(&Source::new("crd.yaml", Origin::File, CRD), Limits::default());
        let objects = documents.iter().flat_map(|document| document.objects().0);
        let resources = ApiResources::of(objects);
        for (asked, wanted, is_namespaced) in [
            ("pods", "pods", true),
            ("pod", "pods", true),
            ("po", "pods", true),
            ("Pod", "pods", true),
            ("PODS", "pods", true),
            ("pods.metrics.k8s.io", "pods.metrics.k8s.io", true),
            ("pods.v1", "pods", true),
            ("deploy", "deployments.apps", true),
            ("deployment.apps", "deployments.apps", true),
            ("deployments.v1.apps", "deployments.apps", true),
            ("netpol", "networkpolicies.networking.k8s.io", true),
            ("sa", "serviceaccounts", true),
            ("cm", "configmaps", true),
            ("ns", "namespaces", false),
            ("events", "events", true),
            ("events.events.k8s.io", "events.events.k8s.io", true),
            ("users", "users", false),
            ("signers.certificates.k8s.io", "signers.certificates.k8s.io", false),
            ("boats", "boats.harbour.example", false),
            ("ship", "boats.harbour.example", false),
            ("bt.harbour.example", "boats.harbour.example", false),
        ] {
            let found = resources.find(asked).unwrap_or_else(|error| panic!("{asked}: {error:?}"));
            assert_eq!((found.to_string().as_str(), found.is_namespaced), (wanted, is_namespaced), "{asked}");
        }
    }

    #[test]
    fn what_is_not_there_has_neighbours() {
        let resources = ApiResources::of(std::iter::empty());
        for (asked, wanted) in [
            ("deploymets", &["deployments.apps"] as &[&str]),
            ("scret", &["secrets"]),
            ("pods.apps", &["pods", "pods.metrics.k8s.io"]),
            ("boats", &[]),
            ("", &[]),
            ("\u{1f6a2}", &[]),
        ] {
            let NoSuchResource { similar } = resources.find(asked).expect_err(asked);
            assert_eq!(similar, wanted, "{asked}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
