//! `ka.req.pod.containers.*` and the same of init and ephemeral containers; `ka.req.container.*`.

use super::{AuditContext, Getter, Row, each, text, value};
use crate::Value;
use crate::fields::Arg;
use plimsoll_model::lazy::{Json, Kind};

/// Members of a pod that list containers, and what those are called.
const LISTS: [(&str, &str); 3] = [("containers", "container"), ("initContainers", "init container"), (EPHEMERAL, "ephemeral container")];
const EPHEMERAL: &str = "ephemeralContainers";

/// What is asked of each container.
#[derive(Clone, Copy)]
pub(super) enum Ask {
    /// What a path leads to, where it leads anywhere.
    At(&'static [&'static str]),
    /// A member that every container must have.
    Text(&'static str),
    /// The image without what names its version.
    Repository,
    /// A list of texts, joined.
    Words(&'static str),
    /// The ports of the host.
    Ports,
    /// A member that the pod may have in the container's place.
    Effective(&'static str),
}

/// The last part of a field's name, what is asked, and what comes of it; `{}` stands for the containers.
const FIELDS: [(&str, Ask, &str); 15] = [
    ("args", Ask::Words("args"), "The arguments of each {}, joined by blanks."),
    ("command", Ask::Words("command"), "The command of each {}, joined by blanks."),
    ("name", Ask::Text("name"), "The name of each {}; without value if one has none."),
    ("image", Ask::Text("image"), "The image of each {}; without value if one has none."),
    (
        "image.repository",
        Ask::Repository,
        "The image of each {} up to its first colon or at sign: of a registry with a port, only its host.",
    ),
    ("host_port", Ask::Ports, "For each port of each {} the port of the host; where none is set, that of the container."),
    ("privileged", Ask::At(&["securityContext", "privileged"]), "`privileged` of each {} that sets it."),
    (
        "allow_privilege_escalation",
        Ask::At(&["securityContext", "allowPrivilegeEscalation"]),
        "`allowPrivilegeEscalation` of each {} that sets it.",
    ),
    ("read_only_fs", Ask::At(&["securityContext", "readOnlyRootFilesystem"]), "`readOnlyRootFilesystem` of each {} that sets it."),
    ("run_as_user", Ask::At(&["securityContext", "runAsUser"]), "`runAsUser` of each {} that sets it."),
    (
        "eff_run_as_user",
        Ask::Effective("runAsUser"),
        "`runAsUser` of each {}, else of the pod, else 0; looked for beside the security contexts, where real pods have none.",
    ),
    ("run_as_group", Ask::At(&["securityContext", "runAsGroup"]), "`runAsGroup` of each {} that sets it."),
    (
        "eff_run_as_group",
        Ask::Effective("runAsGroup"),
        "`runAsGroup` of each {}, else of the pod, else 0; looked for beside the security contexts, where real pods have none.",
    ),
    ("proc_mount", Ask::At(&["securityContext", "procMount"]), "`procMount` of each {} that sets it."),
    ("add_capabilities", Ask::At(&["securityContext", "capabilities", "add"]), "The capabilities that each {} adds, as JSON."),
];

/// Fields of the first container, or of any.
const FIRST: &[Row] = &[
    Row::new(
        "ka.req.container.image",
        Getter::Find(|cx, _, out| of_containers(cx, "containers", Ask::Text("image"), Some(0), out)),
        "The image of the first container; use `ka.req.pod.containers.image`.",
    )
    .deprecated(),
    Row::new(
        "ka.req.container.image.repository",
        Getter::Find(|cx, _, out| of_containers(cx, "containers", Ask::Repository, Some(0), out)),
        "That image up to its first colon or at sign; use `ka.req.pod.containers.image.repository`.",
    )
    .deprecated(),
    Row::new(
        "ka.req.container.privileged",
        Getter::Find(any_privileged),
        "`true` if a container is privileged, else `false`; use `ka.req.pod.containers.privileged`.",
    )
    .deprecated(),
];

pub(super) fn rows() -> impl Iterator<Item = Row> {
    let rows = LISTS.iter().flat_map(|(list, who)| {
        // An ephemeral container has no ports.
        let fields = FIELDS.iter().filter(|(_, ask, _)| *list != EPHEMERAL || !matches!(ask, Ask::Ports));
        fields.map(move |(name, ask, description)| {
            // The table of fields is made once.
            let name = format!("ka.req.pod.{list}.{name}").leak();
            Row::new(name, Getter::Containers(list, *ask), description.replace("{}", who).leak()).indexed()
        })
    });
    FIRST.iter().cloned().chain(rows)
}

/// What is asked of the containers in a list, or of the one in a place. If one of them cannot say, none does.
pub(super) fn of_containers<'e>(cx: &AuditContext<'e>, list: &str, ask: Ask, place: Option<usize>, out: &mut Vec<Value<'e>>) {
    let Some(containers) = cx.event.at(&["requestObject", "spec", list]) else { return };
    let before = out.len();
    let mut fails = false;
    let mut take = |path: &[&str], values: &mut dyn FnMut(Option<Json<'e>>) -> Option<()>| {
        each(containers, path, place, &mut |found| fails |= values(found).is_none());
    };
    match ask {
        Ask::At(path) => take(path, &mut |found| {
            out.extend(found.map(value));
            Some(())
        }),
        Ask::Text(key) => take(&[key], &mut |found| {
            out.push(value(found?));
            Some(())
        }),
        Ask::Repository => take(&["image"], &mut |found| {
            let image = text(found?);
            let end = memchr::memchr2(b':', b'@', image).unwrap_or(image.len());
            out.push(Value::Text(image.get(..end).unwrap_or(image)));
            Some(())
        }),
        Ask::Words(key) => take(&[key], &mut |found| {
            if let Some(list) = found {
                out.push(Value::Text(joined(cx, list)?));
            }
            Some(())
        }),
        Ask::Ports => take(&["ports"], &mut |found| {
            let Some(ports) = found else { return Some(()) };
            let port = |port: Json<'e>| port.get(b"hostPort").or_else(|| port.get(b"containerPort"));
            out.extend((ports.kind() == Kind::List).then_some(ports)?.parts().filter_map(port).map(value));
            Some(())
        }),
        Ask::Effective(key) => {
            let of_pod = cx.event.at(&["requestObject", "spec", key]).map_or(b"0".as_slice(), text);
            take(&[key], &mut |found| {
                out.push(Value::Text(found.map_or(of_pod, text)));
                Some(())
            });
        }
    }
    if fails {
        out.truncate(before);
    }
}

/// A list of texts as one, with blanks between them.
fn joined<'e>(cx: &AuditContext<'e>, list: Json<'e>) -> Option<&'e [u8]> {
    let mut words = (list.kind() == Kind::List).then_some(list)?.parts();
    let Some(first) = words.next() else { return Some(&[]) };
    if words.len() == 0 {
        return first.text();
    }
    let mut whole = bumpalo::collections::Vec::with_capacity_in(list.raw().len(), cx.arena);
    whole.extend_from_slice(first.text()?);
    for word in words {
        whole.push(b' ');
        whole.extend_from_slice(word.text()?);
    }
    Some(whole.into_bump_slice())
}

fn any_privileged<'e>(cx: &AuditContext<'e>, _: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    let Some(containers) = cx.event.at(&["requestObject", "spec", "containers"]) else { return };
    let mut privileged = false;
    let any = each(containers, &["securityContext", "privileged"], None, &mut |found| {
        privileged |= found.is_some_and(|found| found.kind() == Kind::True);
    });
    if any {
        out.push(Value::Text(if privileged { b"true" } else { b"false" }));
    }
}
