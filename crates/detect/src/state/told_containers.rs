//! What captures tell of containers: whoever recorded them asked the runtime.

use super::containers::{Container, Mount};
use super::{State, text};
use plimsoll_model::events::Event;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A container as JSON of falcosecurity/libs, and of Falco's container plugin after it.
#[derive(Debug, Deserialize)]
struct Report {
    container: Told,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    id: String,
    full_id: String,
    #[serde(rename = "type")]
    kind: Option<u32>,
    name: String,
    image: String,
    imageid: String,
    imagedigest: String,
    privileged: bool,
    created_time: i64,
    ip: String,
    cni_json: String,
    host_pid: bool,
    host_network: bool,
    host_ipc: bool,
    pod_sandbox_id: String,
    #[serde(rename = "Mounts")]
    mounts: Option<Vec<ToldMount>>,
    labels: Option<BTreeMap<String, String>>,
    pod_sandbox_labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ToldMount {
    source: String,
    destination: String,
    mode: String,
    #[serde(rename = "RW")]
    writable: bool,
    propagation: String,
}

impl From<Told> for Container {
    fn from(told: Told) -> Self {
        let labels = told.labels.unwrap_or_default();
        // Kubelets label what they start.
        let of_pod = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let mounts = told.mounts.unwrap_or_default().into_iter().map(|mount| Mount {
            source: mount.source,
            destination: mount.destination,
            mode: mount.mode,
            writable: mount.writable,
            propagation: mount.propagation,
        });
        Self {
            full_id: told.full_id,
            name: told.name,
            image: told.image,
            image_id: told.imageid,
            image_digest: told.imagedigest,
            runtime: told.kind.map_or("", runtime).to_owned(),
            privileged: Some(told.privileged),
            created: u64::try_from(told.created_time).unwrap_or(0).saturating_mul(1_000_000_000),
            ip: told.ip,
            cni: told.cni_json,
            host_pid: Some(told.host_pid),
            host_network: Some(told.host_network),
            host_ipc: Some(told.host_ipc),
            sandbox: told.pod_sandbox_id,
            mounts: mounts.collect(),
            pod: of_pod("io.kubernetes.pod.name"),
            namespace: of_pod("io.kubernetes.pod.namespace"),
            pod_uid: of_pod("io.kubernetes.pod.uid"),
            pod_labels: told.pod_sandbox_labels.unwrap_or_default(),
            labels,
        }
    }
}

/// A runtime by its number.
fn runtime(kind: u32) -> &'static str {
    match kind {
        0 => "docker",
        1 => "lxc",
        2 => "libvirt-lxc",
        3 => "mesos",
        4 => "rkt",
        6 => "cri",
        7 => "containerd",
        8 => "cri-o",
        9 => "bpm",
        11 => "podman",
        _ => "",
    }
}

/// A container came, as older captures tell it.
pub(super) fn container(state: &mut State, event: &Event<'_>) {
    state.note_container(event.params.text(0).unwrap_or_default(), false);
}

/// A container came or went, as the container plugin tells it.
pub(super) fn report(state: &mut State, event: &Event<'_>) {
    let gone = match text(&event.params, 1) {
        b"container" => false,
        b"container_removed" => true,
        _ => return,
    };
    let json = event.params.get(2).unwrap_or_default();
    state.note_container(json.strip_suffix(b"\0").unwrap_or(json), gone);
}

/// A container came, as the oldest captures tell it.
pub(super) fn plain(state: &mut State, event: &Event<'_>) {
    let params = event.params;
    let part = |at| String::from_utf8_lossy(params.text(at).unwrap_or_default()).into_owned();
    let kind = params.uint(1).and_then(|kind| u32::try_from(kind).ok());
    let told = Told { id: part(0), kind, name: part(2), image: part(3), ..Told::default() };
    let id = told.id.clone().into_bytes();
    state.tell(&id, told.into(), params.bytes().len());
}

impl State {
    /// Notes a container, of which so many bytes were told.
    fn tell(&mut self, id: &[u8], container: Container, bytes: usize) {
        if !self.containers.tell(id, container, bytes, self.limits.containers) {
            self.losses.containers += 1;
        }
    }

    /// Takes in what is told of a container. What is no such JSON says nothing.
    fn note_container(&mut self, json: &[u8], gone: bool) {
        let Ok(Report { container }) = serde_json::from_slice::<Report>(json) else { return };
        let id = container.id.clone().into_bytes();
        self.tell(&id, container.into(), json.len());
        if gone {
            self.containers.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;
    use crate::state::Limits;
    use plimsoll_model::events::{EventType, kinds};

    const JSON: &str = r#"{"container": {"Mounts": [{"Destination": "/in", "Mode": "", "Propagation": "rprivate", "RW": true, "Source": "/out"}],
        "created_time": 17, "full_id": "32a1026ccb88ffff", "id": "32a1026ccb88", "image": "fedora:38", "ip": "172.17.0.2",
        "labels": {"io.kubernetes.pod.name": "web", "x": ""}, "pod_sandbox_labels": null, "host_pid": true, "type": 7, "env": []}}"#;

    #[test]
    fn containers_come_and_go_as_captures_tell() {
        let told = |state: &mut State, kind: EventType, name: &[u8], json: &str| {
            let json = [json.as_bytes(), b"\0"].concat();
            let event = event(kind, 1, 0, &[("name", name), ("data", &json), ("json", &json)]);
            state.apply(&event.view());
            state.container().map(|(id, container)| (String::from_utf8_lossy(id).into_owned(), container.clone()))
        };
        let mut state = State::default();
        let (id, found) = told(&mut state, kinds::CONTAINER_JSON_2_E, b"", JSON).unwrap();
        assert_eq!(
            (id.as_str(), found.runtime.as_str(), found.created, found.pod.as_str()),
            ("32a1026ccb88", "containerd", 17_000_000_000, "web")
        );
        assert_eq!((found.host_pid, found.host_ipc, found.mounts.len()), (Some(true), Some(false), 1));
        assert!(state.containers().get(b"32a1026ccb88").is_some());
        assert!(told(&mut state, kinds::ASYNCEVENT_E, b"container_removed\0", JSON).is_some(), "its event still knows it");
        assert!(state.containers().get(b"32a1026ccb88").is_none());
        for (name, json) in [(&b"other\0"[..], JSON), (b"container\0", "{}"), (b"container\0", r#"{"container": {"name": null}}"#)] {
            assert!(told(&mut state, kinds::ASYNCEVENT_E, name, json).is_none(), "{json}");
        }
        assert!(told(&mut state, kinds::ASYNCEVENT_E, b"container\0", JSON).is_some());
        let mut state = State::new(Limits { containers: 10, ..Limits::default() });
        told(&mut state, kinds::ASYNCEVENT_E, b"container\0", JSON);
        assert_eq!((state.containers().get(b"32a1026ccb88").is_some(), state.losses().containers), (false, 1));
    }
}
