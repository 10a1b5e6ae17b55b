//! `ka.req.*`: the object that a request sent.

use super::{AuditContext, Getter, Row, each, text, value};
use crate::Value;
use crate::fields::Arg;
use plimsoll_model::lazy::{Json, Kind};

pub(super) const FIELDS: &[Row] = &[
    Row::new("ka.req.binding.subjects", Getter::Items(&["requestObject", "subjects"]), "The subjects of a binding, each as JSON.").list(),
    Row::new(
        "ka.req.binding.subjects.user_names",
        Getter::Find(|cx, _, out| subjects(cx, b"User", out)),
        "The users among the subjects of a binding.",
    )
    .list(),
    Row::new(
        "ka.req.binding.subjects.serviceaccount_names",
        Getter::Find(|cx, _, out| subjects(cx, b"ServiceAccount", out)),
        "The service accounts among the subjects of a binding, without their namespaces.",
    )
    .list(),
    Row::new(
        "ka.req.binding.subjects.serviceaccount_ns_names",
        Getter::Find(service_accounts),
        "The service accounts among the subjects of a binding, as `NAMESPACE:NAME`.",
    )
    .list(),
    Row::new(
        "ka.req.binding.subjects.group_names",
        Getter::Find(|cx, _, out| subjects(cx, b"Group", out)),
        "The groups among the subjects of a binding.",
    )
    .list(),
    Row::new("ka.req.binding.role", Getter::At(&["requestObject", "roleRef", "name"]), "The role that a binding grants."),
    Row::new(
        "ka.req.binding.subject.has_name",
        Getter::Find(|_, _, out| out.push(Value::Text(b"true"))),
        "Always `true`; use `ka.req.binding.subjects`.",
    )
    .keyed()
    .deprecated(),
    Row::new("ka.req.configmap.name", Getter::At(&["objectRef", "name"]), "The name of the object, which should be a config map."),
    Row::new("ka.req.configmap.obj", Getter::At(&["requestObject", "data"]), "The data of a config map, as JSON."),
    Row::new("ka.req.pod.host_ipc", Getter::At(&["requestObject", "spec", "hostIPC"]), "`hostIPC` of a pod."),
    Row::new("ka.req.pod.host_network", Getter::At(&["requestObject", "spec", "hostNetwork"]), "`hostNetwork` of a pod."),
    Row::new(
        "ka.req.container.host_network",
        Getter::At(&["requestObject", "spec", "hostNetwork"]),
        "`hostNetwork` of a pod; use `ka.req.pod.host_network`.",
    )
    .deprecated(),
    Row::new("ka.req.pod.host_pid", Getter::At(&["requestObject", "spec", "hostPID"]), "`hostPID` of a pod."),
    Row::new(
        "ka.req.pod.run_as_user",
        Getter::At(&["requestObject", "spec", "securityContext", "runAsUser"]),
        "`runAsUser` of a pod, without what its containers say.",
    ),
    Row::new(
        "ka.req.pod.run_as_group",
        Getter::At(&["requestObject", "spec", "securityContext", "runAsGroup"]),
        "`runAsGroup` of a pod, without what its containers say.",
    ),
    Row::new("ka.req.pod.fs_group", Getter::At(&["requestObject", "spec", "securityContext", "fsGroup"]), "`fsGroup` of a pod."),
    Row::new(
        "ka.req.pod.supplemental_groups",
        Getter::Items(&["requestObject", "spec", "securityContext", "supplementalGroups"]),
        "`supplementalGroups` of a pod.",
    )
    .list(),
    Row::new("ka.req.role.rules", Getter::Items(&["requestObject", "rules"]), "The rules of a role, each as JSON.").list(),
    Row::new(
        "ka.req.role.rules.apiGroups",
        Getter::EachItem(&["requestObject", "rules", "apiGroups"]),
        "The API groups in the rules of a role.",
    )
    .indexed(),
    Row::new(
        "ka.req.role.rules.nonResourceURLs",
        Getter::EachItem(&["requestObject", "rules", "nonResourceURLs"]),
        "The paths that are no resources in the rules of a role.",
    )
    .indexed(),
    Row::new("ka.req.role.rules.verbs", Getter::EachItem(&["requestObject", "rules", "verbs"]), "The verbs in the rules of a role.")
        .indexed(),
    Row::new(
        "ka.req.role.rules.resources",
        Getter::EachItem(&["requestObject", "rules", "resources"]),
        "The resources in the rules of a role.",
    )
    .indexed(),
    Row::new("ka.req.service.type", Getter::At(&["requestObject", "spec", "type"]), "The type of a service (`NodePort`)."),
    Row::new("ka.req.service.ports", Getter::Each(&["requestObject", "spec", "ports"]), "The ports of a service, as one JSON list.")
        .indexed(),
    Row::new(
        "ka.req.pod.volumes.hostpath",
        Getter::Each(&["requestObject", "spec", "volumes", "hostPath", "path"]),
        "The paths of the host that are volumes of a pod.",
    )
    .indexed(),
    Row::new(
        "ka.req.volume.hostpath",
        Getter::Find(has_host_path),
        "`true` if a volume of a pod is this path of the host, or one that starts so: `[/etc*]`; use `ka.req.pod.volumes.hostpath`.",
    )
    .keyed()
    .deprecated(),
    Row::new(
        "ka.req.pod.volumes.flexvolume_driver",
        Getter::Each(&["requestObject", "spec", "volumes", "flexVolume", "driver"]),
        "The drivers of the FlexVolumes of a pod.",
    )
    .indexed(),
    Row::new("ka.req.pod.volumes.volume_type", Getter::Find(volume_types), "What the volumes of a pod are (`hostPath`, `secret`).")
        .indexed(),
];

/// Kind and subject of each subject that has a kind and a name.
fn named<'e>(cx: &AuditContext<'e>) -> impl Iterator<Item = (&'e [u8], Json<'e>, Json<'e>)> {
    let subjects = cx.event.at(&["requestObject", "subjects"]).filter(|list| list.kind() == Kind::List);
    subjects.into_iter().flat_map(Json::parts).filter_map(|subject| Some((text(subject.get(b"kind")?), subject, subject.get(b"name")?)))
}

fn subjects<'e>(cx: &AuditContext<'e>, kind: &[u8], out: &mut Vec<Value<'e>>) {
    out.extend(named(cx).filter(|(is, ..)| *is == kind).map(|(.., name)| value(name)));
}

fn service_accounts<'e>(cx: &AuditContext<'e>, _: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    for (_, subject, name) in named(cx).filter(|(kind, ..)| *kind == b"ServiceAccount") {
        if let Some(namespace) = subject.get(b"namespace") {
            let parts = [text(namespace), b":", text(name)];
            let mut whole = bumpalo::collections::Vec::with_capacity_in(parts.iter().map(|part| part.len()).sum(), cx.arena);
            parts.iter().for_each(|part| whole.extend_from_slice(part));
            out.push(Value::Text(whole.into_bump_slice()));
        }
    }
}

fn has_host_path<'e>(cx: &AuditContext<'e>, arg: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    let Some(Arg::Key(wanted)) = arg else { return };
    let start = wanted.strip_suffix('*').map(str::as_bytes);
    let mut found = false;
    let any = each(cx.event, &["requestObject", "spec", "volumes", "hostPath", "path"], None, &mut |path| {
        let path = path.map(text);
        found |= path.is_some_and(|path| path == wanted.as_bytes() || start.is_some_and(|start| path.starts_with(start)));
    });
    if any {
        out.push(Value::Text(if found { b"true" } else { b"false" }));
    }
}

/// Each key of a volume but its name.
fn volume_types<'e>(cx: &AuditContext<'e>, arg: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    each(cx.event, &["requestObject", "spec", "volumes", ""], super::place(arg), &mut |volume| {
        let members = volume.filter(|volume| volume.kind() == Kind::Object).into_iter().flat_map(Json::parts);
        out.extend(members.map(Json::key).filter(|key| *key != b"name").map(Value::Text));
    });
}
