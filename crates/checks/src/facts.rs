//! What few objects say of the whole cluster, read once.

use crate::version;
use plimsoll_model::{Inventory, Node, Object};
use std::collections::{BTreeMap, BTreeSet};

/// Versions, as nodes and the API server report them.
pub(crate) struct Facts {
    /// Each version of a kubelet, the oldest first, with one node that runs it.
    pub(crate) kubelets: Vec<((u32, u32, u32), String)>,
    /// The version of the API server.
    pub(crate) api_server: Option<(u32, u32, u32)>,
    /// Whether an admission webhook looks at namespaced objects: a policy engine may be at work.
    pub(crate) policy_webhook: bool,
    /// Namespaces with a ConfigMap that turns off snippets in annotations for ingress-nginx.
    pub(crate) snippets_off: BTreeSet<String>,
    /// The nodes by their labels.
    pub(crate) nodes: NodeLabels,
    /// What the Security Profiles Operator makes.
    pub(crate) profiles: Profiles,
    /// The namespaces that have an object of a kind, for the kinds of [`COUNTED`].
    namespaces: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Nodes by label, in the order in which they were read.
#[derive(Default)]
pub(crate) struct NodeLabels {
    by_label: BTreeMap<(String, String), Vec<usize>>,
}

/// Profiles that objects of the Security Profiles Operator make, as pods name them.
#[derive(Default)]
pub(crate) struct Profiles {
    /// Paths below the kubelet's directory for seccomp profiles.
    pub(crate) seccomp: BTreeSet<String>,
    /// Names of AppArmor profiles.
    pub(crate) app_armor: BTreeSet<String>,
    /// SELinux types.
    pub(crate) selinux: BTreeSet<String>,
}

/// Kinds for which it is known whether a namespace has any.
const COUNTED: [&str; 4] = ["ConfigMap", "LimitRange", "ResourceQuota", "Secret"];

impl Facts {
    pub(crate) fn new(inventory: &Inventory<'_>) -> Self {
        let mut kubelets = BTreeMap::new();
        for node in inventory.of_kind("Node") {
            let version = node.node.at(&["status", "nodeInfo", "kubeletVersion"]).and_then(|text| version::parse(text.text()));
            if let Some(version) = version {
                kubelets.entry(version).or_insert_with(|| node.name.to_owned());
            }
        }
        let info = inventory
            .of_kind("APIServerInfo")
            .find_map(|info| version::parse(info.node.at(&["data", "gitVersion"]).map_or("", Node::text)));
        let mut webhooks = inventory.of_kind("ValidatingWebhookConfiguration").chain(inventory.of_kind("MutatingWebhookConfiguration"));
        let policy_webhook = webhooks.any(|configuration| {
            let webhooks = configuration.node.get("webhooks").into_iter().flat_map(Node::items);
            let mut rules = webhooks.flat_map(|webhook| webhook.get("rules").into_iter().flat_map(Node::items));
            rules.any(|rule| rule.get("scope").map_or("*", Node::text) != "Cluster")
        });
        let off = |map: &Object<'_>| map.node.at(&["data", "allow-snippet-annotations"]).is_some_and(|value| value.text() == "false");
        let snippets_off = inventory.of_kind("ConfigMap").filter(off).map(|map| map.effective_namespace().to_owned()).collect();
        let of_kind = |kind| inventory.of_kind(kind).map(|object| object.effective_namespace().to_owned()).collect();
        let namespaces = COUNTED.into_iter().map(|kind| (kind, of_kind(kind))).collect();
        Self {
            namespaces,
            policy_webhook,
            snippets_off,
            kubelets: kubelets.into_iter().collect(),
            api_server: info,
            nodes: NodeLabels::new(inventory),
            profiles: Profiles::new(inventory),
        }
    }

    /// Whether a namespace has an object of a kind, one of [`COUNTED`].
    pub(crate) fn has_any(&self, kind: &str, namespace: &str) -> bool {
        self.namespaces.get(kind).is_some_and(|namespaces| namespaces.contains(namespace))
    }

    /// The minor version of Kubernetes 1 that is known to run: the API server's, else that of the oldest kubelet.
    pub(crate) fn minor(&self) -> Option<u32> {
        self.api_server.or_else(|| self.kubelets.first().map(|(version, _)| *version)).map(|(_, minor, _)| minor)
    }
}

impl NodeLabels {
    fn new(inventory: &Inventory<'_>) -> Self {
        let mut nodes = Self::default();
        // Only RuntimeClasses ask.
        if inventory.of_kind("RuntimeClass").len() > 0 {
            for (at, node) in inventory.of_kind("Node").enumerate() {
                for (key, value) in node.node.at(&["metadata", "labels"]).into_iter().flat_map(Node::entries) {
                    nodes.by_label.entry((key.text().to_owned(), value.text().to_owned())).or_default().push(at);
                }
            }
        }
        nodes
    }

    /// Whether a node carries all of `labels`, a map that is not empty.
    pub(crate) fn any_with(&self, labels: Node<'_>) -> bool {
        let list = |(key, value): (Node<'_>, Node<'_>)| {
            self.by_label.get(&(key.text().to_owned(), value.text().to_owned())).map(Vec::as_slice).unwrap_or_default()
        };
        let lists: Vec<&[usize]> = labels.entries().map(list).collect();
        let fewest = lists.iter().min_by_key(|list| list.len());
        fewest.is_some_and(|fewest| fewest.iter().any(|node| lists.iter().all(|list| list.binary_search(node).is_ok())))
    }
}

impl Profiles {
    fn new(inventory: &Inventory<'_>) -> Self {
        let all = |kind| inventory.of_kind(kind).filter(|object| object.group() == "security-profiles-operator.x-k8s.io");
        let status = |object: &Object<'_>, field| object.node.at(&["status", field]).map(|text| text.text().to_owned());
        let mut profiles = Self::default();
        for profile in all("SeccompProfile") {
            profiles.seccomp.extend(status(&profile, "localhostProfile"));
            // What the operator will say: with the namespace, or without one where the kind has none.
            profiles.seccomp.insert(match profile.namespace {
                "" => format!("operator/{}.json", profile.name),
                namespace => format!("operator/{namespace}/{}.json", profile.name),
            });
        }
        profiles.app_armor.extend(all("AppArmorProfile").map(|profile| profile.name.to_owned()));
        for profile in all("SelinuxProfile").chain(all("RawSelinuxProfile")) {
            profiles.selinux.extend(status(&profile, "usage"));
            profiles.selinux.insert(match profile.namespace {
                "" => format!("{}.process", profile.name),
                namespace => format!("{}_{namespace}.process", profile.name),
            });
        }
        profiles
    }
}
