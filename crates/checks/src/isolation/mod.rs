//! How pods make use of what confines them: RuntimeClasses, seccomp, AppArmor, SELinux, user namespaces.
//!
//! Whether a pod is confined at all is for the Pod Security Standards. Here is what a manifest says and the node does not do.

mod annotations;
mod contradictions;
mod profiles;
mod runtime_class;
pub(crate) mod sandbox;
mod sandbox_settings;
mod user_namespace;

use crate::check::Check;
use plimsoll_model::{Pod, SecurityContext, Violation};

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    let tables = [annotations::ALL, contradictions::ALL, profiles::ALL, runtime_class::ALL, sandbox_settings::ALL, user_namespace::ALL];
    tables.into_iter().flatten().copied()
}

/// The security contexts of a pod: its own, then those of its containers with their index.
fn contexts<'p, 'a>(pod: &'p Pod<'a>) -> impl Iterator<Item = (Option<usize>, &'p SecurityContext<'a>)> {
    let containers = pod.containers.iter().enumerate().map(|(index, container)| (Some(index), &container.security));
    std::iter::once((None, &pod.security)).chain(containers)
}

/// A violation at `field` of a security context; the message is given what the context is of.
fn in_context(pod: &Pod<'_>, index: Option<usize>, field: &str, message: impl FnOnce(&str) -> String) -> Violation {
    match index {
        Some(index) => Violation::of_container(pod, index, &format!("/securityContext/{field}"), message),
        None => Violation::at(format!("/spec/securityContext/{field}"), message("the pod")),
    }
}
