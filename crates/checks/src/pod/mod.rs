//! How pods are confined, beyond the Pod Security Standards.

mod claim_mounted;
mod cloud_credentials;
mod fs_group;
mod fs_group_change_policy;
mod host_path_writable;
mod naked;
mod net_raw;
mod root_group;
mod run_as_group;
mod runtime_socket;
mod sandbox_runtime_class;
mod selinux_options;
mod sudo;
mod unconfined;
mod windows_gmsa;
mod windows_user;
mod writable_root_filesystem;

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[
    &claim_mounted::CHECK,
    &cloud_credentials::CHECK,
    &fs_group::CHECK,
    &fs_group_change_policy::CHECK,
    &host_path_writable::CHECK,
    &naked::CHECK,
    &net_raw::CHECK,
    &root_group::CHECK,
    &run_as_group::CHECK,
    &runtime_socket::CHECK,
    &sandbox_runtime_class::CHECK,
    &selinux_options::CHECK,
    &sudo::CHECK,
    &unconfined::CHECK,
    &windows_gmsa::CHECK,
    &windows_user::CHECK,
    &writable_root_filesystem::CHECK,
];
