//! `container.*` and `k8s.*`: where an event was made. The names are those of Falco's container plugin (falcosecurity/plugins).
//!
//! Which container a thread runs in is told by its control groups; what is known of that container comes from the events of who
//! recorded, or from whoever asks the runtime ([`crate::state::Containers`]). On the host `container.id` and `container.name` are `host`.

use super::{Arg, Context, Getter, Row, Syntax};
use crate::Value;
use crate::fields::ArgRule;
use crate::filter::Glob;
use crate::state::{Container, Mount};
use plimsoll_model::events::{Format, ParamType};
use std::collections::BTreeMap;

/// What containers are not.
const HOST: &[u8] = b"host";

const BY_PLACE_OR_NAME: Syntax = Syntax::Declared(ArgRule { required: true, index: true, key: true });
const BY_NAME: Syntax = Syntax::Declared(ArgRule { required: true, index: false, key: true });

/// A text that is known of the container.
macro_rules! known {
    ($name:literal, |$container:ident| $get:expr, $description:literal) => {
        Row::text(
            $name,
            |cx| {
                let $container = container(cx)?;
                written($get)
            },
            $description,
        )
    };
}

/// A field that nothing fills any more; rules of old name it.
macro_rules! gone {
    ($name:literal) => {
        Row::text($name, |_| None, "Nothing fills this any more.").deprecated()
    };
    ($name:literal, by name) => {
        gone!($name).syntax(BY_NAME)
    };
}

/// A property of mounts.
macro_rules! mount {
    ($name:literal, $by:ident, |$cx:ident, $mount:ident| $get:expr, $description:literal) => {
        Row::new(
            $name,
            ParamType::CharBuf,
            Format::Plain,
            Getter::OneOf(|$cx, arg| {
                let $mount = mount($cx, arg, |mount| &mount.$by)?;
                Some(Value::Text($get))
            }),
            $description,
        )
        .syntax(BY_PLACE_OR_NAME)
    };
}

pub(super) const FIELDS: &[Row] = &[
    Row::text(
        "container.id",
        |cx| match (cx.state.container(), cx.thread()) {
            (Some((id, _)), _) => Some(Value::Text(id)),
            (None, thread) => thread.map(|thread| Value::Text(if thread.container.is_empty() { HOST } else { &thread.container })),
        },
        "The first 12 digits of the container's id; `host` outside of containers.",
    )
    .suggested(),
    known!("container.full_id", |container| &container.full_id, "The container's whole id."),
    Row::text(
        "container.name",
        |cx| match container(cx) {
            Some(container) => written(&container.name),
            None => cx.thread()?.container.is_empty().then_some(Value::Text(HOST)),
        },
        "The container's name; `host` outside of containers.",
    )
    .suggested(),
    known!("container.image", |container| &container.image, "The image as it was asked for."),
    known!("container.image.id", |container| &container.image_id, "The image's id."),
    known!("container.type", |container| &container.runtime, "The runtime: docker, containerd, cri-o, podman, lxc."),
    Row::flag("container.privileged", |cx| container(cx)?.privileged.map(Value::Bool), "Whether the container is privileged."),
    Row::text(
        "container.mounts",
        |cx| container(cx).map(|container| Value::Text(mounts(cx, &container.mounts))),
        "All mounts, each as `source:destination:mode:writable:propagation`, with commas between them.",
    ),
    mount!(
        "container.mount",
        source,
        |cx, found| described(cx, found),
        "A mount by its place or by its source, as `source:destination:mode:writable:propagation`."
    ),
    mount!(
        "container.mount.source",
        destination,
        |_cx, found| found.source.as_bytes(),
        "Where a mount comes from, by its place or by its destination."
    ),
    mount!(
        "container.mount.dest",
        source,
        |_cx, found| found.destination.as_bytes(),
        "Where a mount is seen, by its place or by its source."
    ),
    mount!("container.mount.mode", source, |_cx, found| found.mode.as_bytes(), "The mode of a mount, by its place or by its source."),
    mount!(
        "container.mount.rdwr",
        source,
        |_cx, found| if found.writable { b"true" } else { b"false" },
        "Whether a mount may be written, by its place or by its source."
    ),
    mount!(
        "container.mount.propagation",
        source,
        |_cx, found| found.propagation.as_bytes(),
        "How a mount is propagated, by its place or by its source."
    ),
    known!("container.image.repository", |container| repository(&container.image).0, "The image without tag and digest.").suggested(),
    known!("container.image.tag", |container| repository(&container.image).1, "The image's tag.").suggested(),
    known!("container.image.digest", |container| &container.image_digest, "The image's digest."),
    gone!("container.healthcheck"),
    gone!("container.liveness_probe"),
    gone!("container.readiness_probe"),
    Row::new(
        "container.start_ts",
        ParamType::AbsTime,
        Format::Decimal,
        Getter::One(|cx| started(cx).map(Value::Uint)),
        "When the first process of the container started: nanoseconds since 1970.",
    ),
    Row::new(
        "container.duration",
        ParamType::RelTime,
        Format::Decimal,
        Getter::One(|cx| Some(Value::Uint(cx.event.time.wrapping_sub(started(cx)?)))),
        "Nanoseconds since then.",
    ),
    known!("container.ip", |container| &container.ip, "The container's address."),
    known!("container.cni.json", |container| &container.cni, "What the network plugin answered, as JSON."),
    Row::flag(
        "container.host_pid",
        |cx| container(cx)?.host_pid.map(Value::Bool),
        "Whether the container shares the host's pid namespace.",
    ),
    Row::flag("container.host_network", |cx| container(cx)?.host_network.map(Value::Bool), "Whether it shares the host's network."),
    Row::flag("container.host_ipc", |cx| container(cx)?.host_ipc.map(Value::Bool), "Whether it shares the host's IPC namespace."),
    Row::new(
        "container.label",
        ParamType::CharBuf,
        Format::Plain,
        Getter::OneOf(|cx, arg| label(arg, &container(cx)?.labels)),
        "A label of the container.",
    )
    .syntax(BY_NAME),
    Row::text(
        "container.labels",
        |cx| container(cx).map(|container| labels(cx, &container.labels)),
        "All labels of the container, as `name:value`, with commas and blanks between them.",
    ),
    gone!("proc.is_container_healthcheck"),
    gone!("proc.is_container_liveness_probe"),
    gone!("proc.is_container_readiness_probe"),
    known!("k8s.pod.name", |container| &container.pod, "The pod's name.").suggested(),
    known!("k8s.ns.name", |container| &container.namespace, "The pod's namespace.").suggested(),
    known!("k8s.pod.id", |container| &container.pod_uid, "The pod's UID, by its older name."),
    known!("k8s.pod.uid", |container| &container.pod_uid, "The pod's UID."),
    known!("k8s.pod.sandbox_id", |container| short(&container.sandbox), "The first 12 digits of the id of the pod's sandbox."),
    known!("k8s.pod.full_sandbox_id", |container| &container.sandbox, "The whole id of the pod's sandbox."),
    Row::new(
        "k8s.pod.label",
        ParamType::CharBuf,
        Format::Plain,
        Getter::OneOf(|cx, arg| {
            let of_sandbox = sandbox(cx).and_then(|sandbox| label(arg, &sandbox.pod_labels));
            of_sandbox.or_else(|| label(arg, &container(cx)?.pod_labels))
        }),
        "A label of the pod.",
    )
    .syntax(BY_NAME),
    Row::text(
        "k8s.pod.labels",
        |cx| sandbox(cx).or_else(|| container(cx)).map(|container| labels(cx, &container.pod_labels)),
        "All labels of the pod, as `name:value`, with commas and blanks between them.",
    ),
    Row::text("k8s.pod.ip", |cx| written(&network(cx)?.ip), "The pod's address."),
    Row::text("k8s.pod.cni.json", |cx| written(&network(cx)?.cni), "What the network plugin answered for the pod, as JSON."),
    gone!("k8s.rc.name"),
    gone!("k8s.rc.id"),
    gone!("k8s.rc.label", by name),
    gone!("k8s.rc.labels"),
    gone!("k8s.svc.name"),
    gone!("k8s.svc.id"),
    gone!("k8s.svc.label", by name),
    gone!("k8s.svc.labels"),
    gone!("k8s.ns.id"),
    gone!("k8s.ns.label", by name),
    gone!("k8s.ns.labels"),
    gone!("k8s.rs.name"),
    gone!("k8s.rs.id"),
    gone!("k8s.rs.label", by name),
    gone!("k8s.rs.labels"),
    gone!("k8s.deployment.name"),
    gone!("k8s.deployment.id"),
    gone!("k8s.deployment.label", by name),
    gone!("k8s.deployment.labels"),
];

/// What is known of the container that the event tells of, or that the thread runs in.
fn container<'e>(cx: &Context<'e>) -> Option<&'e Container> {
    cx.state.container().map(|(_, container)| container)
}

/// What is known of the sandbox of its pod, where that is told apart: runtimes that say what the network plugin answered say all of the pod
/// with each container.
fn sandbox<'e>(cx: &Context<'e>) -> Option<&'e Container> {
    let container = container(cx).filter(|container| container.cni.is_empty())?;
    cx.state.containers().get(short(&container.sandbox).as_bytes())
}

/// What is known of the network of its pod.
fn network<'e>(cx: &Context<'e>) -> Option<&'e Container> {
    container(cx).filter(|container| !container.cni.is_empty()).or_else(|| sandbox(cx))
}

/// The first 12 digits of an id.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// What nobody told is no value.
fn written(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then_some(Value::Text(text.as_bytes()))
}

fn started(cx: &Context<'_>) -> Option<u64> {
    let start = cx.thread()?.pidns_init_start;
    (start != 0).then_some(start)
}

/// An image's repository and its tag.
fn repository(image: &str) -> (&str, &str) {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        // The colon of a registry's port has a slash behind it.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}

/// A mount by its place, or by one of its paths, for which a pattern may stand.
fn mount<'e>(cx: &Context<'e>, arg: Option<&Arg>, by: fn(&Mount) -> &String) -> Option<&'e Mount> {
    let mounts = &container(cx)?.mounts;
    match arg? {
        Arg::Index(place) => mounts.get(usize::try_from(*place).ok()?),
        Arg::Key(pattern) => {
            let pattern = Glob::new(pattern.as_bytes(), false);
            mounts.iter().find(|mount| pattern.matches(by(mount).as_bytes()))
        }
    }
}

fn described<'e>(cx: &Context<'e>, mount: &Mount) -> &'e [u8] {
    let Mount { source, destination, mode, writable, propagation } = mount;
    cx.bytes(format_args!("{source}:{destination}:{mode}:{writable}:{propagation}"))
}

fn mounts<'e>(cx: &Context<'e>, mounts: &[Mount]) -> &'e [u8] {
    let mut all = bumpalo::collections::Vec::new_in(cx.arena);
    for mount in mounts {
        if !all.is_empty() {
            all.push(b',');
        }
        all.extend_from_slice_copy(described(cx, mount));
    }
    all.into_bump_slice()
}

fn label<'e>(arg: Option<&Arg>, labels: &'e BTreeMap<String, String>) -> Option<Value<'e>> {
    let Some(Arg::Key(name)) = arg else { return None };
    labels.get(&**name).map(|value| Value::Text(value.as_bytes()))
}

fn labels<'e>(cx: &Context<'e>, labels: &BTreeMap<String, String>) -> Value<'e> {
    let mut all = bumpalo::collections::String::new_in(cx.arena);
    // Annotations, and what kubelets note for themselves, are left out.
    for (name, value) in labels.iter().filter(|(name, _)| !name.starts_with("annotation.") && !name.starts_with("io.kubernetes.")) {
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(name);
        if !value.is_empty() {
            all.push(':');
            all.push_str(value);
        }
    }
    Value::Text(all.into_bump_str().as_bytes())
}
