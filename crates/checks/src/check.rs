//! What a check is.

use crate::component::Process;
use crate::grants::Grant;
use crate::host::Kubelet;
use crate::reporter::Reporter;
use plimsoll_model::{Container, Object, Reference, Severity, Workload};

/// One built-in check.
#[derive(Debug)]
pub struct Check {
    /// The prefix of its domain and the name of its file: `POD-host-path-writable`. Never used again for something else.
    pub id: &'static str,
    /// A few words, without a full stop.
    pub title: &'static str,
    /// How bad a finding is unless it says otherwise.
    pub severity: Severity,
    /// The page: Markdown with the sections *What it detects*, *Why it matters*, *How to fix*.
    pub docs: &'static str,
    /// Where the field asks for it.
    pub references: &'static [Reference],
    /// What it looks at, and how.
    pub(crate) run: Run,
}

/// What a check looks at. Pointers of its violations start at the pod for the first two, at the object otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// Each workload that speaks for itself.
    Workload(fn(&Workload<'_>, &mut Reporter<'_, '_>)),
    /// Each container of these workloads; the number is its place in [`plimsoll_model::Pod::containers`].
    Container(fn(&Workload<'_>, usize, &Container<'_>, &mut Reporter<'_, '_>)),
    /// Each object of these kinds, as `group/Kind` (`Kind` for the core group, `*` for all objects).
    Object(&'static [&'static str], fn(&Object<'_>, &mut Reporter<'_, '_>)),
    /// Each subject of each binding whose role is known.
    Grant(fn(&Grant<'_>, &mut Reporter<'_, '_>)),
    /// Each control plane component of these kinds.
    Process(&'static [Component], fn(&Process<'_>, &mut Reporter<'_, '_>)),
    /// Each kubelet: of a node, in a pod, or its configuration by itself.
    Kubelet(fn(&Kubelet<'_>, &mut Reporter<'_, '_>)),
}

/// The programs of a control plane whose flags are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Component {
    /// `kube-apiserver`
    ApiServer,
    /// `kube-controller-manager`
    ControllerManager,
    /// `kube-scheduler`
    Scheduler,
    /// `etcd`
    Etcd,
    /// `kube-proxy`
    KubeProxy,
    /// `kubelet`
    Kubelet,
}

impl Component {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Etcd, Self::KubeProxy, Self::Kubelet];

    /// The component whose program is called `name`.
    pub(crate) fn of_program(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.program() == name)
    }

    /// The name of its program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Etcd => "etcd",
            Self::KubeProxy => "kube-proxy",
            Self::Kubelet => "kubelet",
        }
    }
}

/// References to the places that many checks share.
pub(crate) mod reference {
    use super::Reference;

    /// A section of the CIS Kubernetes Benchmark 1.12.
    pub(crate) const fn cis(id: &'static str) -> Reference {
        Reference { system: "CIS", id, url: "https://www.cisecurity.org/benchmark/kubernetes" }
    }

    /// A control of Kubescape.
    pub(crate) const fn kubescape(id: &'static str) -> Reference {
        Reference { system: "KUBESCAPE", id, url: "https://hub.armosec.io/docs/controls" }
    }

    /// A technique of MITRE ATT&CK for Containers.
    pub(crate) const fn mitre(id: &'static str) -> Reference {
        Reference { system: "MITRE", id, url: "https://attack.mitre.org/matrices/enterprise/containers/" }
    }

    /// A page of the Kubernetes documentation.
    pub(crate) const fn docs(id: &'static str, url: &'static str) -> Reference {
        Reference { system: "docs", id, url }
    }

    /// An entry of the CVE list.
    pub(crate) const fn cve(id: &'static str, url: &'static str) -> Reference {
        Reference { system: "CVE", id, url }
    }
}
