//! Host data objects: what a node shows, as Kubescape's host sensor writes it down.
//!
//! Group `hostdata.kubescape.cloud`; the rules of Kubescape see the content as `data`, its node agent stores it as `spec`.
//! A field that is `null` was looked for and is not on the node; a field that is missing is not known.

use crate::component;
use crate::reporter::Reporter;
use plimsoll_model::{Document, Node, Object};
use std::sync::Arc;

/// The API group.
pub(crate) const GROUP: &str = "hostdata.kubescape.cloud";

/// Whether `object` is one.
pub(crate) fn is_host_data(object: &Object<'_>) -> bool {
    object.group() == GROUP
}

/// A value in a host data object, and its JSON pointer from the object's root.
#[derive(Debug, Clone)]
pub(crate) struct Data<'a> {
    pub(crate) node: Node<'a>,
    pub(crate) pointer: String,
}

impl<'a> Data<'a> {
    /// The content of `object`.
    pub(crate) fn of(object: &Object<'a>) -> Option<Self> {
        let content = |key: &str| Some(Self { node: object.node.get(key)?, pointer: format!("/{key}") });
        content("data").or_else(|| content("spec"))
    }

    /// The value at `path`; `Some` for a value that is `null`.
    pub(crate) fn at(&self, path: &[&str]) -> Option<Self> {
        let node = path.iter().try_fold(self.node, |node, key| node.entry(key).map(|(_, value)| value))?;
        let pointer = path.iter().fold(self.pointer.clone(), |pointer, key| pointer + "/" + key);
        Some(Self { node, pointer })
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> {
        self.node.items().enumerate().map(|(at, node)| Self { node, pointer: format!("{}/{at}", self.pointer) })
    }

    /// The text at `key`; empty where there is none.
    pub(crate) fn text(&self, key: &str) -> &'a str {
        self.node.get(key).map_or("", Node::text)
    }
}

/// A file that a component of the control plane is told to read: what kind of object it holds, and what is known of it.
pub(crate) struct Configuration<'a> {
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    /// Where it is on the node.
    pub(crate) path: &'a str,
    pub(crate) file: Option<File<'a>>,
}

/// The files that the flags of a ControlPlaneInfo name. Those of kubelet and kube-proxy do not speak for themselves: flags win over
/// them.
pub(crate) fn configurations<'a>(object: &Object<'a>) -> Vec<Configuration<'a>> {
    /// The component, its flag, the field with the file, the group and kind of what it holds.
    const FILES: &[(&str, &str, &str, &str, &str)] = &[
        (
            "APIServerInfo",
            "admission-control-config-file",
            "admissionControlConfigFile",
            "apiserver.config.k8s.io",
            "AdmissionConfiguration",
        ),
        ("APIServerInfo", "audit-policy-file", "auditPolicyFile", "audit.k8s.io", "Policy"),
        ("APIServerInfo", "authentication-config", "authenticationConfigFile", "apiserver.config.k8s.io", "AuthenticationConfiguration"),
        ("APIServerInfo", "authorization-config", "authorizationConfigFile", "apiserver.config.k8s.io", "AuthorizationConfiguration"),
        (
            "APIServerInfo",
            "encryption-provider-config",
            "encryptionProviderConfigFile",
            "apiserver.config.k8s.io",
            "EncryptionConfiguration",
        ),
        ("schedulerInfo", "config", "componentConfigFile", "kubescheduler.config.k8s.io", "KubeSchedulerConfiguration"),
    ];
    let Some(data) = Data::of(object).filter(|_| object.kind == "ControlPlaneInfo" && is_host_data(object)) else { return Vec::new() };
    let read = |&(component, flag, field, group, kind): &(&str, &str, &str, &'static str, &'static str)| {
        let component = data.at(&[component])?;
        let file = component.at(&[field]).and_then(File::of);
        let flags = component::flags(&[(component.text("cmdLine"), String::new())]);
        let path = component::given(&flags, flag).map(|flag| flag.value).or(file.as_ref().map(|file| file.path))?;
        Some(Configuration { group, kind, path, file })
    };
    FILES.iter().filter_map(read).collect()
}

/// A file or directory of the node.
pub(crate) struct File<'a> {
    pub(crate) data: Data<'a>,
    /// Where it is on the node.
    pub(crate) path: &'a str,
}

impl<'a> File<'a> {
    /// The file that `data` describes; `None` where that is `null`.
    pub(crate) fn of(data: Data<'a>) -> Option<Self> {
        if data.node.is_null() {
            return None;
        }
        let path = data.text("path");
        Some(Self { data, path })
    }

    /// What the user calls it.
    pub(crate) fn name(&self) -> &'a str {
        if self.path.is_empty() { "the file" } else { self.path }
    }

    /// Permission bits. They stand as a number: 0o600 as 384.
    pub(crate) fn mode(&self) -> Option<u32> {
        u32::try_from(self.data.node.get("permissions")?.as_int()?).ok()
    }

    /// Names of owner and group, or their numbers where they have no name.
    pub(crate) fn owner(&self) -> Option<Owner<'a>> {
        let ownership = self.data.node.get("ownership")?;
        let failed = ["err", "error"].iter().any(|key| ownership.get(key).is_some_and(|text| !text.text().is_empty()));
        let text = |name: &str, id: &str| {
            let name = ownership.get(name).map_or("", Node::text);
            if name.is_empty() { ownership.get(id).map_or("", Node::text) } else { name }
        };
        let owner = Owner { user: text("username", "uid"), group: text("groupname", "gid") };
        (!failed && !owner.user.is_empty() && !owner.group.is_empty()).then_some(owner)
    }

    /// Its text, which stands in base64, as a document.
    pub(crate) fn document(&self, reporter: &mut Reporter<'_, '_>) -> Option<Arc<Document>> {
        reporter.decoded(self.data.text("content"))
    }
}

/// Who a file belongs to.
pub(crate) struct Owner<'a> {
    pub(crate) user: &'a str,
    pub(crate) group: &'a str,
}

impl Owner<'_> {
    /// Whether it is the user and the group of this name; `root` is also number 0.
    pub(crate) fn is(&self, name: &str) -> bool {
        let is = |one: &str| one == name || (name == "root" && one == "0");
        is(self.user) && is(self.group)
    }
}
