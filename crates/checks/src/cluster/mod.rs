//! What namespaces, webhooks, storage and versions say of the whole cluster.

mod default_namespace;
mod deprecated_api;
mod known_cves;
mod namespace_limits;
mod node_os;
mod outdated_kubelet;
mod persistent_volume_unencrypted;
mod pod_security_labels;
mod pod_security_policy;
mod scc_privileged;
mod system_namespace;
mod webhook_review;
mod wrong_api_version;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [known_cves::ALL, namespace_limits::ALL, pod_security_labels::ALL, ALL].into_iter().flatten().copied()
}

/// Those with a file of their own.
static ALL: &[&Check] = &[
    &default_namespace::CHECK,
    &deprecated_api::CHECK,
    &node_os::CHECK,
    &outdated_kubelet::CHECK,
    &persistent_volume_unencrypted::CHECK,
    &pod_security_policy::CHECK,
    &scc_privileged::CHECK,
    &system_namespace::CHECK,
    &webhook_review::CHECK,
    &wrong_api_version::CHECK,
];
