//! Containers: which one a thread runs in, and what is known of it.

use super::thread::{Bytes, Slot, items};
use super::{State, Thread};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of one container, as a runtime tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Its whole id.
    pub full_id: String,
    /// Its name.
    pub name: String,
    /// Its image with tag, as it was asked for.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// The image's digest.
    pub image_digest: String,
    /// The kind of runtime: `docker`, `containerd`, `cri-o`, `podman`, `lxc`.
    pub runtime: String,
    /// Whether it is privileged.
    pub privileged: Option<bool>,
    /// When it was made: nanoseconds since 1970; 0 where that is not known.
    pub created: u64,
    /// Its address.
    pub ip: String,
    /// What the network plugin answered, as JSON.
    pub cni: String,
    /// Whether it shares the host's pid namespace.
    pub host_pid: Option<bool>,
    /// Whether it shares the host's network.
    pub host_network: Option<bool>,
    /// Whether it shares the host's IPC namespace.
    pub host_ipc: Option<bool>,
    /// The id of its pod's sandbox.
    pub sandbox: String,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// Its pod.
    pub pod: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's id.
    pub pod_uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The pod's labels.
    pub pod_labels: BTreeMap<String, String>,
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// Where it comes from.
    pub source: String,
    /// Where it is seen.
    pub destination: String,
    /// Its mode.
    pub mode: String,
    /// Whether it may be written.
    pub writable: bool,
    /// How it is propagated.
    pub propagation: String,
}

/// What is known of containers, by the short id that threads have.
#[derive(Debug, Default)]
pub struct Containers {
    known: BTreeMap<Box<[u8]>, Known>,
    /// How many bytes events told of all of them.
    bytes: usize,
    /// The one that the present event tells of.
    told: Option<(Box<[u8]>, Arc<Container>)>,
    /// Whether control groups say nothing.
    ignored: bool,
}

/// A container, and how many bytes an event told of it.
#[derive(Debug)]
struct Known {
    container: Arc<Container>,
    bytes: usize,
}

impl Containers {
    /// Says what is known of a container.
    pub fn insert(&mut self, id: &[u8], container: Container) {
        self.replace(id, Known { container: Arc::new(container), bytes: 0 });
    }

    /// Forgets a container.
    pub fn remove(&mut self, id: &[u8]) {
        let former = self.known.remove(id).map_or(0, |former| former.bytes);
        self.bytes = self.bytes.saturating_sub(former);
    }

    fn replace(&mut self, id: &[u8], known: Known) {
        self.remove(id);
        self.bytes += known.bytes;
        self.known.insert(Box::from(id), known);
    }

    /// Notes what the present event tells of a container; false if it is too much to be kept for longer than that.
    pub(super) fn tell(&mut self, id: &[u8], container: Container, bytes: usize, limit: usize) -> bool {
        if self.ignored {
            return true;
        }
        let container = Arc::new(container);
        self.told = Some((Box::from(id), Arc::clone(&container)));
        let former = self.known.get(id).map_or(0, |former| former.bytes);
        let fits = self.bytes - former + bytes <= limit;
        if fits {
            self.replace(id, Known { container, bytes });
        }
        fits
    }

    /// The next event comes.
    pub(super) fn forget_told(&mut self) {
        self.told = None;
    }

    /// The container that the present event tells of, with its id.
    pub(super) fn told(&self) -> Option<(&[u8], &Container)> {
        self.told.as_ref().map(|(id, container)| (&**id, &**container))
    }

    /// From now on every thread counts as one of the host, whatever its control groups are called.
    pub fn ignore(&mut self) {
        self.ignored = true;
    }

    fn attribute(&self, thread: &mut Thread) {
        let found = if self.ignored { None } else { items(&thread.cgroups).find_map(container_of) };
        let id = found.unwrap_or_default();
        if *thread.container != *id {
            thread.container = Bytes::from(id);
        }
    }

    /// What is known of a container.
    #[must_use]
    pub fn get(&self, id: &[u8]) -> Option<&Container> {
        self.known.get(id).map(|known| &*known.container)
    }
}

/// How many digits of an id are shown.
const SHORT: usize = 12;

/// How many digits an id has.
const LONG: usize = 64;

impl State {
    /// Sets the container of a thread from its control groups.
    pub(super) fn contain(&mut self, thread: &mut Thread) {
        self.containers.attribute(thread);
    }

    /// The same for a thread in the table.
    pub(super) fn contain_slot(&mut self, slot: Slot) {
        if let Some(thread) = self.threads.get_mut(slot) {
            self.containers.attribute(thread);
        }
    }
}

/// How LXC's control groups of a container start; its name follows.
const LXC: [&[u8]; 4] = [b"/lxc/", b"/lxc.payload/", b"/lxc.payload.", b"/libvirt/lxc/"];

/// The id of the container that a control group belongs to: of 64 digits the first 12, of LXC's containers the name. Podman and init
/// systems make groups of their own below the container's. The monitor of a container stands beside it and is no part of it.
fn container_of(group: &[u8]) -> Option<&[u8]> {
    let at = memchr::memchr(b'=', group)?;
    let path = group.get(at + 1..)?;
    path.rsplit(|byte| *byte == b'/').find_map(digits).or_else(|| {
        let behind = |start: &&[u8]| path.get(memchr::memmem::find(path, start)? + start.len()..)?.split(|byte| *byte == b'/').next();
        LXC.iter().find_map(behind).filter(|name| !name.is_empty())
    })
}

/// The start of the id that a part of a path ends with: `docker-….scope`, `cri-containerd-…`, or nothing but the id.
fn digits(part: &[u8]) -> Option<&[u8]> {
    let name = part.strip_suffix(b".scope").unwrap_or(part);
    let start = name.len().checked_sub(LONG)?;
    let (before, id) = name.split_at_checked(start)?;
    let own = matches!(before.last(), None | Some(b'-' | b':')) && memchr::memmem::find(before, b"conmon").is_none();
    if own && id.iter().all(u8::is_ascii_hexdigit) { id.get(..SHORT) } else { None }
}

#[cfg(test)]
mod tests {
    use super::container_of;

    #[test]
    fn containers_are_known_by_their_control_groups() {
        let id = "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
        let table = [
            ("memory=/docker/ID", "3ad7b26ded6d"),
            ("memory=/system.slice/docker-ID.scope/init.scope", "3ad7b26ded6d"),
            ("cpu=/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope", "3ad7b26ded6d"),
            ("cpu=/kubepods/besteffort/pod1/ID", "3ad7b26ded6d"),
            ("cpu=/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID", "3ad7b26ded6d"),
            ("cpu=/kubepods.slice/crio-ID.scope", "3ad7b26ded6d"),
            ("cpu=/kubepods.slice/crio-conmon-ID.scope", ""),
            ("cpu=/machine.slice/libpod-ID.scope/container", "3ad7b26ded6d"),
            ("cpu=/lxc.payload.web/system.slice", "web"),
            ("cpu=/lxc/web/x", "web"),
            ("cpu=/user.slice/user-1000.slice/session-2.scope", ""),
            ("cpu=/", ""),
            ("nothing", ""),
        ];
        for (group, wanted) in table {
            let group = group.replace("ID", id);
            assert_eq!(String::from_utf8_lossy(container_of(group.as_bytes()).unwrap_or_default()), wanted, "{group}");
        }
    }
}
