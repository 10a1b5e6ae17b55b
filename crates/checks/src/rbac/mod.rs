//! What roles grant, and to whom; service accounts and their tokens.

mod cluster_admin;
mod grants_to_everybody;
mod leftovers;
mod powers;
mod roles;
mod service_accounts;
mod workloads;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [leftovers::ALL, cluster_admin::ALL, grants_to_everybody::ALL, powers::ALL, roles::ALL, service_accounts::ALL, workloads::ALL]
        .into_iter()
        .flatten()
        .copied()
}
