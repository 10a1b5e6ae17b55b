//! How pods are confined, beyond the Pod Security Standards.

mod app_armor;
mod capabilities;
mod claim_mounted;
mod cloud_credentials;
mod fs_group;
mod fs_group_change_policy;
mod git_sync;
mod host_aliases;
mod host_path_sensitive;
mod host_path_writable;
mod low_ids;
mod naked;
mod net_raw;
mod privileged_port;
mod root_group;
mod run_as_group;
mod runtime_socket;
mod sandbox_runtime_class;
mod security_context;
mod selinux_options;
mod sudo;
mod unconfined;
mod windows_gmsa;
mod windows_user;
mod writable_root_filesystem;

use crate::check::Check;

/// Sorted by file.
pub(crate) static ALL: &[&Check] = &[
    &app_armor::CHECK,
    &capabilities::ADDED,
    &capabilities::KEPT,
    &claim_mounted::CHECK,
    &cloud_credentials::CHECK,
    &fs_group::CHECK,
    &fs_group_change_policy::CHECK,
    &git_sync::CHECK,
    &host_aliases::CHECK,
    &host_path_sensitive::CHECK,
    &host_path_writable::CHECK,
    &low_ids::GROUP,
    &low_ids::USER,
    &naked::CHECK,
    &net_raw::CHECK,
    &privileged_port::CHECK,
    &root_group::CHECK,
    &run_as_group::CHECK,
    &runtime_socket::CHECK,
    &sandbox_runtime_class::CHECK,
    &security_context::OF_CONTAINER,
    &security_context::OF_POD,
    &selinux_options::CHECK,
    &sudo::CHECK,
    &unconfined::CHECK,
    &windows_gmsa::CHECK,
    &windows_user::CHECK,
    &writable_root_filesystem::CHECK,
];
