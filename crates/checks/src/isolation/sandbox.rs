//! Which pods run under a kernel of their own, and which one.

use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Violation, Workload};

/// What stands between a pod and the node's kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A kernel in user space: `runsc`.
    GVisor,
    /// A virtual machine.
    Kata,
}

/// The sandbox that a pod's RuntimeClass asks for.
pub(crate) struct Sandbox<'w, 'a> {
    pub(super) kind: Kind,
    /// The name of the RuntimeClass.
    name: &'w str,
    /// The RuntimeClass, where it was read.
    class: Option<Object<'a>>,
}

/// The sandbox that `workload` runs in: what the handler of its RuntimeClass says, or the name of a class that was not read.
pub(crate) fn of<'w, 'a>(workload: &Workload<'w>, reporter: &Reporter<'_, 'a>) -> Option<Sandbox<'w, 'a>> {
    let name = workload.pod.runtime_class?;
    let class = reporter.inventory.find("RuntimeClass", "", name);
    let kind = kind(class.map_or(name, |class| class.node.get("handler").map_or("", Node::text)))?;
    Some(Sandbox { kind, name, class })
}

/// Handlers are names in the configuration of the container runtime; the projects' own documentation uses these.
fn kind(handler: &str) -> Option<Kind> {
    let handler = handler.strip_prefix("io.containerd.").unwrap_or(handler);
    let is = |name: &str| handler.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']));
    match () {
        () if is("runsc") || is("gvisor") => Some(Kind::GVisor),
        () if is("kata") => Some(Kind::Kata),
        () => None,
    }
}

impl Kind {
    /// As its project writes it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::GVisor => "gVisor",
            Self::Kata => "Kata Containers",
        }
    }
}

impl Sandbox<'_, '_> {
    /// The violation with what makes the pod a sandboxed one.
    pub(super) fn explain(&self, violation: Violation) -> Violation {
        match &self.class {
            Some(class) => {
                let handler = class.node.get("handler").map_or("", Node::text);
                violation.because(format!("RuntimeClass `{}` has the handler `{handler}`", self.name)).with(class, "/handler")
            }
            None => violation.because(format!("RuntimeClass `{}` was not read; its name says {}", self.name, self.kind.title())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn handlers() {
        let table = [
            ("runsc", Some(Kind::GVisor)),
            ("gvisor", Some(Kind::GVisor)),
            ("runsc-kvm", Some(Kind::GVisor)),
            ("io.containerd.runsc.v1", Some(Kind::GVisor)),
            ("kata", Some(Kind::Kata)),
            ("kata-qemu", Some(Kind::Kata)),
            ("io.containerd.kata-clh.v2", Some(Kind::Kata)),
            ("io.containerd.kata.v2", Some(Kind::Kata)),
            ("runc", None),
            ("katana", None),
            ("", None),
        ];
        for (handler, wanted) in table {
            assert_eq!(kind(handler), wanted, "{handler}");
        }
    }
}
