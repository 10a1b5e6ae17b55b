//! The control plane's components: their flags, and the files that flags name.

mod admission_configuration;
mod admission_plugins;
mod api_server;
mod audit_policy;
mod authentication_configuration;
mod controller_manager;
mod encryption_configuration;
mod etcd;
mod etcd_unique_ca;
mod event_rate_limit;
mod flag;
mod kube_proxy;
mod scheduler;
mod scheduler_configuration;

pub(crate) use api_server::CIPHERS;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    let flags = [api_server::ALL, admission_plugins::ALL, controller_manager::ALL, etcd::ALL, etcd_unique_ca::ALL, scheduler::ALL];
    let files = [
        admission_configuration::ALL,
        audit_policy::ALL,
        authentication_configuration::ALL,
        encryption_configuration::ALL,
        event_rate_limit::ALL,
        kube_proxy::ALL,
        scheduler_configuration::ALL,
    ];
    flags.into_iter().chain(files).flatten().copied()
}
