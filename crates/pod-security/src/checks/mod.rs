//! The nineteen checks, a file each.

use crate::check::Check;

mod allow_privilege_escalation;
mod app_armor_profile;
mod capabilities_baseline;
mod capabilities_restricted;
mod host_namespaces;
mod host_path_volumes;
mod host_ports;
mod host_probes_and_host_lifecycle;
mod privileged;
mod proc_mount;
mod proc_mount_restricted;
mod restricted_volumes;
mod run_as_non_root;
mod run_as_user;
mod se_linux_options;
mod seccomp_profile_baseline;
mod seccomp_profile_restricted;
mod sysctls;
mod windows_host_process;

/// All checks in the order that upstream reports them: baseline, then restricted, each sorted bytewise by id.
pub(crate) static ALL: &[&Check] = &[
    &app_armor_profile::CHECK,
    &capabilities_baseline::CHECK,
    &host_namespaces::CHECK,
    &host_path_volumes::CHECK,
    &host_ports::CHECK,
    &host_probes_and_host_lifecycle::CHECK,
    &privileged::CHECK,
    &proc_mount::CHECK,
    &se_linux_options::CHECK,
    &seccomp_profile_baseline::CHECK,
    &sysctls::CHECK,
    &windows_host_process::CHECK,
    &allow_privilege_escalation::CHECK,
    &capabilities_restricted::CHECK,
    &proc_mount_restricted::CHECK,
    &restricted_volumes::CHECK,
    &run_as_non_root::CHECK,
    &run_as_user::CHECK,
    &seccomp_profile_restricted::CHECK,
];

/// A form of a check that takes no other's place.
const fn since(min: u32) -> crate::check::Versioned {
    crate::check::Versioned { min, overrides: &[] }
}

/// The rules of v1.35 and later do not apply to a pod that asks for a user namespace of its own (KEP-127).
fn user_namespace_relaxes(pod: &plimsoll_model::Pod<'_>, minor: u32) -> bool {
    minor >= 35 && pod.host_users == Some(false)
}

/// The rules of v1.25 and later leave Linux-only fields alone where `spec.os.name` is `windows` (KEP-2802).
fn windows_is_left_alone(pod: &plimsoll_model::Pod<'_>, minor: u32) -> bool {
    minor >= 25 && pod.is_windows()
}
