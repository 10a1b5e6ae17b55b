//! What few objects say of the whole cluster, read once.

use crate::version;
use plimsoll_model::{Inventory, Node};
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
}

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
        let off = |map: &plimsoll_model::Object<'_>| {
            map.node.at(&["data", "allow-snippet-annotations"]).is_some_and(|value| value.text() == "false")
        };
        let snippets_off = inventory.of_kind("ConfigMap").filter(off).map(|map| map.effective_namespace().to_owned()).collect();
        Self { policy_webhook, snippets_off, kubelets: kubelets.into_iter().collect(), api_server: info }
    }
}
