//! What is exposed, and to whom.

mod entrances;
mod ingress;
mod load_balancer_tls;
mod policies;
mod sandbox_egress;
mod services;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [entrances::ALL, ingress::ALL, policies::ALL, services::ALL, ALL].into_iter().flatten().copied()
}

/// Those with a file of their own.
static ALL: &[&Check] = &[&load_balancer_tls::CHECK, &sandbox_egress::CHECK];
