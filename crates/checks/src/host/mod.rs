//! What nodes show: files and their owners, kubelets, the control plane's configuration, the kernel.

mod cni;
mod cni_files;
mod control_plane_files;
mod data;
mod file;
mod hardening;
mod kernel;
mod kernel_variables;
mod kube_proxy_files;
mod kubelet;
mod kubelet_files;
mod kubelet_settings;
mod metadata_api;
mod open_ports;

pub(crate) use data::{Configuration, Data, File, configurations, is_host_data};
pub(crate) use kubelet::Kubelet;

use crate::check::{Check, Component};

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    let tables = [
        cni::ALL,
        cni_files::ALL,
        control_plane_files::ALL,
        hardening::ALL,
        kernel::ALL,
        kernel_variables::ALL,
        kube_proxy_files::ALL,
        kubelet_files::ALL,
        kubelet_settings::ALL,
        metadata_api::ALL,
        open_ports::ALL,
    ];
    tables.into_iter().flatten()
}

/// The kind of host object that shows a component's command line, and the path to its holder there.
pub(crate) fn process(component: Component) -> Option<(&'static str, &'static [&'static str])> {
    Some(match component {
        Component::ApiServer => ("ControlPlaneInfo", &["APIServerInfo"]),
        Component::ControllerManager => ("ControlPlaneInfo", &["controllerManagerInfo"]),
        Component::Scheduler => ("ControlPlaneInfo", &["schedulerInfo"]),
        Component::Etcd => ("ControlPlaneInfo", &["etcdInfo"]),
        Component::KubeProxy => ("KubeProxyInfo", &[]),
        // Its flags and its file are looked at together, by checks of kubelets.
        Component::Kubelet => return None,
    })
}
