//! What is known before the first event: the machine, its processes with their descriptors, its interfaces.

use super::address::{self, Display};
use super::descriptor::protocol;
use super::thread::{Slot, set};
use super::{Bytes, Descriptor, DescriptorType, Endpoint, Role, SocketState, State, Thread, flags};
use crate::path;
use plimsoll_model::events::{self, DescriptorKind, Interface, Machine, Process, Start};
use std::io::Write;

/// More addresses of interfaces than a machine has.
const MOST_INTERFACES: usize = 1024;

impl State {
    /// Takes in what was there before the first event.
    pub fn start(&mut self, start: Start) {
        match start {
            Start::Machine(machine) => self.set_machine(machine),
            Start::Interface(interface) => self.add_interface(interface),
            Start::User(user) => self.add_user(&[], user),
            Start::Group(group) => self.add_group(&[], group),
            Start::Process(process) => self.process(&process),
            Start::Descriptor { tid, descriptor } => self.add_descriptor(tid, &descriptor),
        }
    }

    /// Says which machine events come from.
    fn set_machine(&mut self, machine: Machine) {
        self.machine = machine;
    }

    /// Adds an interface of the machine. Messages look at all of them, so that there are not more than a machine has.
    fn add_interface(&mut self, interface: Interface) {
        if self.interfaces.len() < MOST_INTERFACES {
            self.interfaces.push(interface);
        }
    }

    /// Adds a thread that ran already.
    fn process(&mut self, process: &Process) {
        let (args, env, cgroups) = (self.cut(&process.args), self.cut(&process.env), self.cut(&process.cgroups));
        let mut thread = Thread {
            tid: process.tid,
            pid: process.pid,
            ptid: process.ptid,
            sid: process.sid,
            vpgid: process.vpgid,
            pgid: process.pgid,
            vtid: process.vtid,
            vpid: process.vpid,
            comm: Bytes::from(&*process.comm),
            exe: Bytes::from(&*process.exe),
            args: Bytes::from(args),
            root: Bytes::from(&*process.root),
            fdlimit: process.fdlimit,
            uid: process.uid,
            gid: process.gid,
            loginuid: process.loginuid,
            vmsize_kb: process.vmsize_kb,
            vmrss_kb: process.vmrss_kb,
            vmswap_kb: process.vmswap_kb,
            pfmajor: process.pfmajor,
            pfminor: process.pfminor,
            pidns_init_start: process.pidns_init_start,
            clone_time: process.start,
            tty: process.tty,
            cap_permitted: process.cap_permitted,
            cap_effective: process.cap_effective,
            cap_inheritable: process.cap_inheritable,
            exe_writable: process.exe_writable,
            exe_upper_layer: process.exe_upper_layer,
            exe_lower_layer: process.exe_lower_layer,
            exe_from_memfd: process.exe_from_memfd,
            exe_ino: process.exe_ino,
            exe_ino_ctime: process.exe_ino_ctime,
            exe_ino_mtime: process.exe_ino_mtime,
            ..Thread::default()
        };
        thread.set_exepath(&process.exepath);
        thread.set_cgroups(cgroups);
        if thread.is_leader() {
            thread.env = Bytes::from(env);
            path::join(&mut self.path, b"", &process.cwd);
            end_with_slash(&mut self.path);
            set(&mut thread.cwd, &self.path);
        }
        thread.flags |= process.flags | flags::ACTIVE;
        self.contain(&mut thread);
        self.threads.kept = super::thread::NOWHERE;
        let slot = self.threads.add(thread, &mut self.losses);
        if self.started {
            self.threads.relate(slot);
        }
    }

    /// Adds a descriptor that a thread had open already; without the thread there is none.
    fn add_descriptor(&mut self, tid: i64, descriptor: &events::Descriptor) {
        let Some(slot) = self.threads.place(tid) else { return };
        let found = describe(descriptor);
        self.insert_descriptor(slot, found);
    }

    /// Relates the processes of the start to each other and their sockets to those that listen, once all are known.
    pub(super) fn begin(&mut self) {
        if self.started {
            return;
        }
        self.started = true;
        let all: Vec<Slot> = self.threads.slots().collect();
        let mut ports: Vec<u16> = Vec::new();
        for slot in &all {
            self.threads.relate(*slot);
            let listening = self.threads.get(*slot).into_iter().flat_map(|thread| thread.table.iter());
            let listening = listening.filter(|found| matches!(found.kind, DescriptorType::Ipv4Server | DescriptorType::Ipv6Server));
            ports.extend(listening.filter_map(|found| found.destination).map(|end| end.port));
        }
        ports.sort_unstable();
        for slot in all {
            let is_served = |socket: &Descriptor| socket.source.is_some_and(|source| ports.binary_search(&source.port).is_ok());
            let turn = |socket: &mut Descriptor| {
                if is_served(socket) {
                    socket.swap_ends();
                    socket.role = Role::Server;
                    socket.name = named(|out| address::write_tuple(out, socket));
                } else {
                    socket.role = Role::Client;
                }
            };
            self.threads.change_table(slot, |table| table.change(|found| found.kind == DescriptorType::Ipv4, turn));
        }
    }
}

/// A path of a directory as it is kept: with a slash at its end.
pub(super) fn end_with_slash(path: &mut Vec<u8>) {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
}

/// A name that is written piece by piece.
fn named(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    write(&mut out);
    Bytes::from(out)
}

/// A descriptor as the list at the start tells of it.
fn describe(descriptor: &events::Descriptor) -> Descriptor {
    let mut found = Descriptor { fd: descriptor.fd, ino: descriptor.ino, from_start: true, ..Descriptor::default() };
    match &descriptor.kind {
        DescriptorKind::File { name, flags, dev, directory } => {
            found.kind = if *directory { DescriptorType::Directory } else { DescriptorType::File };
            found.open_flags = *flags;
            found.dev = *dev;
            found.name = Bytes::from(&**name);
        }
        DescriptorKind::Inet { client, server, l4proto } => {
            let (client, server) = match (address::unmapped(client.0), address::unmapped(server.0)) {
                (Some(source), Some(destination)) => ((source, client.1), (destination, server.1)),
                _ => (*client, *server),
            };
            found.kind = if client.0.is_ipv4() { DescriptorType::Ipv4 } else { DescriptorType::Ipv6 };
            found.protocol = protocol::of_capture(*l4proto);
            found.source = Some(Endpoint { address: client.0, port: client.1 });
            found.destination = Some(Endpoint { address: server.0, port: server.1 });
            if found.protocol == protocol::TCP {
                found.socket = SocketState::Connected;
            }
            found.name = named(|out| address::write_tuple(out, &found));
        }
        DescriptorKind::Server { address: (address, port), l4proto } => {
            found.kind = if address.is_ipv4() { DescriptorType::Ipv4Server } else { DescriptorType::Ipv6Server };
            found.protocol = protocol::of_capture(*l4proto);
            found.destination = Some(Endpoint { address: *address, port: *port });
            found.name = named(|out| {
                // Writing into memory does not fail.
                let _ = write!(out, "{}:{port}", Display(*address));
            });
        }
        DescriptorKind::Unix { source, destination, name } => {
            found.kind = DescriptorType::Unix;
            found.unix = Some((*source, *destination));
            found.role = if name.is_empty() { Role::Client } else { Role::Server };
            found.name = Bytes::from(&**name);
        }
        DescriptorKind::Other { code, name } => {
            found.kind = of_capture(*code);
            found.name = Bytes::from(&**name);
        }
    }
    found
}

impl DescriptorType {
    /// Its number in `scap_fd_type`.
    pub(super) fn to_capture(self) -> u8 {
        (1..=LAST_TYPE).find(|code| of_capture(*code) == self).unwrap_or(0)
    }
}

/// The last number of `scap_fd_type`.
const LAST_TYPE: u8 = 21;

/// From `scap_fd_type`.
fn of_capture(code: u8) -> DescriptorType {
    use DescriptorType as Type;
    match code {
        1 | 16 => Type::File,
        2 => Type::Directory,
        3 => Type::Ipv4,
        4 => Type::Ipv6,
        5 => Type::Ipv4Server,
        6 => Type::Ipv6Server,
        7 => Type::Fifo,
        8 => Type::Unix,
        9 => Type::Event,
        10 => Type::Unsupported,
        11 => Type::Signal,
        12 => Type::EventPoll,
        13 => Type::Inotify,
        14 => Type::Timer,
        15 => Type::Netlink,
        17 => Type::Bpf,
        18 => Type::UserFault,
        19 => Type::IoUring,
        20 => Type::Memory,
        21 => Type::Pid,
        _ => Type::Unknown,
    }
}
