//! Flags of the control plane's components.

mod api_server;
mod controller_manager;
mod etcd;
mod etcd_unique_ca;
mod flag;
mod kube_proxy;
mod scheduler;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    let tables = [api_server::ALL, controller_manager::ALL, etcd::ALL, kube_proxy::ALL, scheduler::ALL, etcd_unique_ca::ALL];
    tables.into_iter().flatten().copied()
}
