//! The state at one moment as a recording would begin with it, so that what follows can be judged without what came before.

use super::descriptor::protocol;
use super::{Descriptor, DescriptorType, Role, State, Thread};
use core::net::{IpAddr, Ipv4Addr};
use plimsoll_model::events::{self, DescriptorKind, Process, Start};

impl State {
    /// All threads, and the descriptors of their processes. Users, groups and interfaces are those of the recording itself.
    pub fn snapshot(&self) -> impl Iterator<Item = Start> {
        let threads = || self.threads.slots().filter_map(|slot| self.threads.get(slot)).filter(|thread| !thread.dead);
        // Leaders first: threads share what is theirs.
        let (leaders, others) = (threads().filter(|thread| thread.is_leader()), threads().filter(|thread| !thread.is_leader()));
        let processes = leaders.chain(others).map(|thread| Start::Process(Box::new(process(thread, self.ptid(thread)))));
        let descriptors = threads()
            .filter(|thread| thread.is_leader())
            .flat_map(|thread| thread.table.iter().map(|found| Start::Descriptor { tid: thread.tid, descriptor: descriptor(found) }));
        processes.chain(descriptors)
    }
}

fn process(thread: &Thread, ptid: i64) -> Process {
    Process {
        tid: thread.tid,
        pid: thread.pid,
        ptid,
        sid: thread.sid,
        vpgid: thread.vpgid,
        pgid: thread.pgid,
        vtid: thread.vtid,
        vpid: thread.vpid,
        comm: thread.comm.to_vec(),
        exe: thread.exe.to_vec(),
        exepath: thread.exepath.to_vec(),
        args: thread.args.to_vec(),
        env: thread.env.to_vec(),
        cgroups: thread.cgroups.to_vec(),
        cwd: thread.cwd.to_vec(),
        root: thread.root.to_vec(),
        fdlimit: thread.fdlimit,
        flags: thread.flags,
        uid: thread.uid,
        gid: thread.gid,
        loginuid: thread.loginuid,
        vmsize_kb: thread.vmsize_kb,
        vmrss_kb: thread.vmrss_kb,
        vmswap_kb: thread.vmswap_kb,
        pfmajor: thread.pfmajor,
        pfminor: thread.pfminor,
        pidns_init_start: thread.pidns_init_start,
        start: thread.clone_time,
        tty: thread.tty,
        cap_inheritable: thread.cap_inheritable,
        cap_permitted: thread.cap_permitted,
        cap_effective: thread.cap_effective,
        exe_writable: thread.exe_writable,
        exe_upper_layer: thread.exe_upper_layer,
        exe_lower_layer: thread.exe_lower_layer,
        exe_from_memfd: thread.exe_from_memfd,
        exe_ino: thread.exe_ino,
        exe_ino_ctime: thread.exe_ino_ctime,
        exe_ino_mtime: thread.exe_ino_mtime,
    }
}

fn descriptor(found: &Descriptor) -> events::Descriptor {
    use DescriptorType as Type;
    let end = |end: Option<super::Endpoint>| end.map_or((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0), |end| (end.address, end.port));
    let l4proto = protocol::to_capture(found.protocol);
    let kind = match found.kind {
        Type::File | Type::Directory => DescriptorKind::File {
            name: found.name.to_vec(),
            flags: found.open_flags,
            dev: found.dev,
            directory: found.kind == Type::Directory,
        },
        Type::Ipv4 | Type::Ipv6 => {
            // A recording has this side first; whoever reads it finds the server by its port.
            let (here, there) = match found.role {
                Role::Server => (found.destination, found.source),
                _ => (found.source, found.destination),
            };
            DescriptorKind::Inet { client: end(here), server: end(there), l4proto }
        }
        Type::Ipv4Server | Type::Ipv6Server => DescriptorKind::Server { address: end(found.destination), l4proto },
        Type::Unix => {
            let (source, destination) = found.unix.unwrap_or_default();
            DescriptorKind::Unix { source, destination, name: found.name.to_vec() }
        }
        other => DescriptorKind::Other { code: other.to_capture(), name: found.name.to_vec() },
    };
    events::Descriptor { fd: found.fd, ino: found.ino, kind }
}
