//! Sockets: how they are made, named, connected and used.

use super::address::{self, Address, Tuple, unmapped};
use super::descriptor::protocol;
use super::thread::Bytes;
use super::{Descriptor, DescriptorType, Endpoint, Role, SocketState, State, flags, result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use plimsoll_model::events::{Event, Interface, kinds};

/// Families, types and protocols as system calls number them.
const AF_UNIX: u64 = 1;
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const AF_NETLINK: u64 = 16;
const SOCK_STREAM: u64 = 1;
const SOCK_DGRAM: u64 = 2;
const SOCK_RAW: u64 = 3;

/// `SOL_SOCKET` and `SO_ERROR` as events number them.
const SOCKET_LEVEL: u64 = 1;
const SOCKET_ERROR: u64 = 4;

/// A connection is on its way.
const EINPROGRESS: i64 = 115;

/// A socket of a family, type and protocol.
fn made(family: u64, kind: u64, number: u64, open_flags: u32) -> Descriptor {
    let protocol = match (number, kind) {
        (6 | 17 | 1, SOCK_RAW) | (255, _) => protocol::RAW,
        (6, _) => protocol::TCP,
        (17, _) => protocol::UDP,
        (1, _) => protocol::ICMP,
        // The type comes with flags in its upper bits.
        (0, kind) if kind & 0xff == SOCK_STREAM => protocol::TCP,
        (0, kind) if kind & 0xff == SOCK_DGRAM => protocol::UDP,
        _ => 0,
    };
    let inet = |kind, address| {
        let end = Some(Endpoint { address, port: 0 });
        Descriptor { protocol, source: end, destination: end, ..Descriptor::new(kind) }
    };
    let socket = match family {
        AF_UNIX => Descriptor { unix: Some((0, 0)), ..Descriptor::new(DescriptorType::Unix) },
        AF_INET => inet(DescriptorType::Ipv4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        AF_INET6 => inet(DescriptorType::Ipv6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        AF_NETLINK => Descriptor::new(DescriptorType::Netlink),
        _ => Descriptor::new(DescriptorType::Unknown),
    };
    Descriptor { open_flags, ..socket }
}

/// A socket was made.
pub(super) fn socket(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    if fd >= 0 {
        let uint = |at| event.params.uint(at).unwrap_or(0);
        state.open_descriptor(fd, made(uint(1), uint(2), uint(3), uint(4) as u32));
    }
}

/// Two sockets were made that are connected to each other; the event is about the first.
pub(super) fn pair(state: &mut State, event: &Event<'_>) {
    if result(event) < 0 {
        return;
    }
    let fd = |at| event.params.int(at).unwrap_or(0);
    let (first, second) = (fd(1), fd(2));
    if first == second {
        state.present.descriptor = None;
        return;
    }
    let address = |at| event.params.uint(at).unwrap_or(0);
    let end = Descriptor { unix: Some((address(3), address(4))), ..Descriptor::new(DescriptorType::Unix) };
    state.open_descriptor(first, end.clone());
    state.add_descriptor_of(second, end);
}

/// A socket got an address. With a port it is taken for one that listens.
pub(super) fn bind(state: &mut State, event: &Event<'_>) {
    if result(event) < 0 {
        return;
    }
    let Some(address) = event.params.get(1).and_then(Address::read) else { return };
    let Some(socket) = state.mine() else { return };
    if let Address::Inet(end) = address
        && end.port > 0
    {
        let plain = unmapped(end.address).unwrap_or(end.address);
        socket.kind = if plain.is_ipv4() { DescriptorType::Ipv4Server } else { DescriptorType::Ipv6Server };
        socket.source = None;
        socket.destination = Some(Endpoint { address: plain, port: end.port });
        socket.role = Role::Server;
    }
    state.rename_as(|out| address.write(out));
}

/// A connection was asked for.
pub(super) fn connect(state: &mut State, event: &Event<'_>) {
    let returned = result(event);
    let Some(socket) = state.mine() else { return };
    if returned < 0 && returned != -EINPROGRESS && !TRACK_CONNECTIONS {
        return;
    }
    socket.socket = match returned {
        0.. => SocketState::Connected,
        failed if failed == -EINPROGRESS => SocketState::Pending,
        _ => SocketState::Failed,
    };
    if !TRACK_CONNECTIONS {
        socket.socket = SocketState::Connected;
    }
    let entry = state.take_entry(event.kind);
    let asked = entry.as_ref().and_then(|entry| entry.view().params.get(1)).and_then(Address::read);
    let Some(tuple) = event.params.get(1).filter(|bytes| !bytes.is_empty()) else {
        // Sent along with the first data (TCP_FASTOPEN): there is no connection that could be looked at yet.
        if let Some(asked) = asked {
            state.aim(asked);
        }
        return;
    };
    let Some(tuple) = Tuple::read(tuple) else { return };
    let seen = event.params.get(3).and_then(Address::read);
    state.connected(tuple, seen, asked);
}

/// Whether a connection that failed or is on its way is told from one that is there. Upstream can, but Falco does not ask it to.
const TRACK_CONNECTIONS: bool = false;

/// A connection came in.
pub(super) fn accept(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    if fd < 0 {
        return;
    }
    let Some(thread) = state.me() else { return };
    thread.last_fd = fd;
    let Some(tuple) = event.params.get(1).and_then(Tuple::read) else { return };
    let mut socket = match tuple {
        Tuple::Inet(from, to) => {
            let (from, to) = plain_ends(from, to);
            let kind = if from.address.is_ipv4() { DescriptorType::Ipv4 } else { DescriptorType::Ipv6 };
            Descriptor { protocol: protocol::TCP, source: Some(from), destination: Some(to), ..Descriptor::new(kind) }
        }
        Tuple::Unix(from, to, _) => Descriptor { unix: Some((from, to)), ..Descriptor::new(DescriptorType::Unix) },
        Tuple::Other(_) => return,
    };
    state.path.clear();
    tuple.write(&mut state.path);
    socket.name = Bytes::from(&*state.path);
    if event.kind == kinds::ACCEPT4_6_X {
        socket.open_flags = event.params.uint(5).unwrap_or(0) as u32 & flags::O_CLOEXEC;
    }
    socket.role = Role::Server;
    socket.socket = SocketState::Connected;
    state.open_descriptor(fd, socket);
}

/// The result of a connection was asked for.
pub(super) fn getsockopt(state: &mut State, event: &Event<'_>) {
    let uint = |at| event.params.uint(at).unwrap_or(0);
    if !TRACK_CONNECTIONS || result(event) < 0 || uint(2) != SOCKET_LEVEL || uint(3) != SOCKET_ERROR {
        return;
    }
    // A value that says its own type in its first byte.
    let Some(error) = event.params.get(4).and_then(|value| value.get(1..9)).and_then(|value| value.try_into().ok()).map(i64::from_le_bytes)
    else {
        return;
    };
    let Some(socket) = state.mine() else { return };
    socket.socket = if error < 0 { SocketState::Failed } else { SocketState::Connected };
    state.present.error = Some(error);
}

/// Something was received: a socket that does not know its ends may learn them.
pub(super) fn receive(state: &mut State, event: &Event<'_>) {
    let at = match event.kind {
        kinds::RECVFROM_X => Some(2),
        kinds::RECVMSG_X => Some(3),
        kinds::RECVMMSG_X | kinds::RECV_X => Some(4),
        _ => None,
    };
    transfer(state, event, at, true);
}

/// Something was sent, likewise.
pub(super) fn send(state: &mut State, event: &Event<'_>) {
    let at = match event.kind {
        kinds::SEND_X | kinds::SENDTO_X | kinds::SENDMSG_X | kinds::SENDMMSG_X => Some(4),
        _ => None,
    };
    if at.is_some() && event.kind != kinds::SENDMMSG_X && state.present.descriptor.is_none() {
        infer(state, event);
    }
    transfer(state, event, at, false);
}

/// Makes up a socket whose start was missed: one that sends to an address is taken for UDP.
fn infer(state: &mut State, event: &Event<'_>) {
    if result(event) < 0 || state.present.thread.is_none() {
        return;
    }
    let family = event.params.get(4).and_then(|tuple| tuple.first()).map_or(0, |family| u64::from(*family));
    if family == AF_INET || family == AF_INET6 {
        state.open_descriptor(event.params.int(2).unwrap_or(-1), made(family, SOCK_DGRAM, 17, 0));
    }
}

fn transfer(state: &mut State, event: &Event<'_>, tuple_at: Option<usize>, incoming: bool) {
    let Some(socket) = state.current_descriptor() else { return };
    if event.params.get(0).is_none_or(<[u8]>::is_empty) && matches!(event.kind, kinds::RECVMMSG_X | kinds::SENDMMSG_X) {
        return;
    }
    let returned = result(event);
    let told = returned < 0 || (!socket.name.is_empty() && socket.is_tcp());
    let now = match returned {
        0.. => SocketState::Connected,
        _ if TRACK_CONNECTIONS => SocketState::Failed,
        _ => socket.socket,
    };
    if socket.is_connection()
        && socket.socket != now
        && let Some(socket) = state.mine()
    {
        socket.socket = now;
    }
    if told {
        return;
    }
    let Some(tuple) = tuple_at.and_then(|at| event.params.get(at)).and_then(Tuple::read) else { return };
    if !state.learn(tuple) {
        return;
    }
    let Some(socket) = state.mine() else { return };
    if !socket.is_connection() {
        state.rename_as(|out| tuple.write(out));
        return;
    }
    if socket.role == Role::None {
        // Servers begin with a read. Upstream also asks whether the process uses the ports, which the socket itself does; those of an IPv6
        // socket it reads from the middle of the address, where mostly zeros are, and takes it for a client.
        socket.role = if incoming && socket.kind == DescriptorType::Ipv4 { Role::Server } else { Role::Client };
    }
    // Names show the client first: what comes in is seen from the other side.
    if (incoming && socket.role == Role::Client) || (!incoming && socket.role == Role::Server) {
        socket.swap_ends();
    }
    state.rename_as_tuple();
}

/// Both ends as IPv4 where both stand for IPv4.
fn plain_ends(from: Endpoint, to: Endpoint) -> (Endpoint, Endpoint) {
    match (unmapped(from.address), unmapped(to.address)) {
        (Some(source), Some(destination)) => (Endpoint { address: source, ..from }, Endpoint { address: destination, ..to }),
        _ => (from, to),
    }
}

impl Descriptor {
    /// Makes a socket one of IPv4. What protocol a socket of IPv6 has is not known of its IPv4 side.
    fn become_ipv4(&mut self) {
        match self.kind {
            DescriptorType::Ipv6 | DescriptorType::Ipv6Server => self.protocol = 0,
            _ => {}
        }
        self.kind = DescriptorType::Ipv4;
    }

    /// Sets both ends; false if it has them already, in this order or the other.
    fn set_ends(&mut self, before: DescriptorType, from: Endpoint, to: Endpoint) -> bool {
        let ends = (Some(from), Some(to));
        let same = ends == (self.source, self.destination);
        if same || (before == self.kind && ends == (self.destination, self.source)) {
            return false;
        }
        (self.source, self.destination) = ends;
        true
    }
}

impl State {
    /// Takes over what a message says of its ends; false if that is nothing new.
    fn learn(&mut self, tuple: Tuple<'_>) -> bool {
        let Some(socket) = self.mine() else { return false };
        match tuple {
            Tuple::Inet(from, to) => {
                let (plain_from, plain_to) = plain_ends(from, to);
                if plain_from.address.is_ipv4() {
                    if from.address.is_ipv6() {
                        socket.become_ipv4();
                    }
                    socket.kind = DescriptorType::Ipv4;
                } else if socket.kind == DescriptorType::Ipv6Server {
                    // Upstream leaves its kind as it is.
                    return true;
                }
                if !socket.set_ends(socket.kind, plain_from, plain_to) {
                    return false;
                }
            }
            Tuple::Unix(from, to, _) => {
                socket.kind = DescriptorType::Unix;
                socket.unix = Some((from, to));
                return true;
            }
            Tuple::Other(_) => {}
        }
        // With TCP, ends do not change.
        if socket.is_connection() && socket.protocol == 0 {
            socket.protocol = protocol::UDP;
        }
        let mut ends = (socket.source, socket.destination);
        complete(&self.interfaces, &mut ends);
        if let Some(socket) = self.mine() {
            (socket.source, socket.destination) = ends;
        }
        true
    }

    /// Sets where a connection goes that has not started yet.
    fn aim(&mut self, to: Address<'_>) {
        let Address::Inet(end) = to else {
            self.rename_as(|out| to.write(out));
            return;
        };
        let Some(socket) = self.mine() else { return };
        let plain = unmapped(end.address).unwrap_or(end.address);
        if plain.is_ipv4() && end.address.is_ipv6() {
            socket.become_ipv4();
        }
        socket.kind = if plain.is_ipv4() { DescriptorType::Ipv4 } else { DescriptorType::Ipv6 };
        socket.destination = Some(Endpoint { address: plain, port: end.port });
    }

    /// Sets both ends of a connection. `seen` is the address as it was read at the exit, `asked` at the entry: if the kernel connected to
    /// what was seen at the exit, another thread may have changed it since, and the entry is right.
    fn connected(&mut self, tuple: Tuple<'_>, seen: Option<Address<'_>>, asked: Option<Address<'_>>) {
        let Some(socket) = self.mine() else { return };
        match tuple {
            Tuple::Inet(from, to) => {
                let to = match (seen, asked) {
                    (Some(Address::Inet(seen)), Some(Address::Inet(asked))) if seen == to => asked,
                    _ => to,
                };
                let (plain_from, plain_to) = plain_ends(from, to);
                let before = socket.kind;
                if from.address.is_ipv6() && plain_from.address.is_ipv4() {
                    socket.become_ipv4();
                }
                socket.kind = if plain_from.address.is_ipv4() { DescriptorType::Ipv4 } else { DescriptorType::Ipv6 };
                let changed = socket.set_ends(before, plain_from, plain_to);
                if changed && socket.role == Role::Server && socket.is_udp() {
                    socket.swap_ends();
                }
                self.rename_as_tuple();
            }
            Tuple::Unix(from, to, path) => {
                if socket.kind != DescriptorType::Unix {
                    return;
                }
                socket.unix = Some((from, to));
                let path = match (seen, asked) {
                    (Some(Address::Unix(seen)), Some(Address::Unix(asked))) if seen == path => asked,
                    _ => path,
                };
                self.rename_as(|out| Tuple::Unix(from, to, path).write(out));
            }
            Tuple::Other(_) => return,
        }
        if let Some(socket) = self.mine()
            && socket.role == Role::None
        {
            socket.role = Role::Client;
        }
    }

    fn rename_as(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut name = std::mem::take(&mut self.path);
        name.clear();
        write(&mut name);
        self.rename(&name);
        self.path = name;
    }

    /// Names a connection after its ends.
    fn rename_as_tuple(&mut self) {
        let mut name = std::mem::take(&mut self.path);
        name.clear();
        if let Some(socket) = self.mine() {
            // What comes later is not what the list at the start said.
            socket.from_start = false;
            address::write_tuple(&mut name, socket);
        }
        self.rename(&name);
        self.path = name;
    }
}

/// Fills an end in that any address of the machine may be, from the interfaces: the one that has the other end's address, that is in its
/// network, or the first that is no loopback.
fn complete(interfaces: &[Interface], ends: &mut (Option<Endpoint>, Option<Endpoint>)) {
    let (Some(from), Some(to)) = (&mut ends.0, &mut ends.1) else { return };
    let (open, other) = if from.address.is_unspecified() {
        (from, to)
    } else if to.address.is_unspecified() {
        (to, from)
    } else {
        return;
    };
    let family = || interfaces.iter().filter(|interface| interface.address.is_ipv4() == other.address.is_ipv4());
    let found = family()
        .find(|interface| interface.address == other.address)
        .or_else(|| family().find(|interface| in_network(interface, other.address)))
        .or_else(|| family().find(|interface| !is_loopback(interface.address)))
        .map(|interface| interface.address);
    let unspecified = if other.address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let found = found.unwrap_or(unspecified);
    if found != other.address || open.port != other.port {
        open.address = found;
    }
}

/// `127.0.0.1` or `::1`.
fn is_loopback(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// Whether an address is in the network of an interface. IPv6 networks are taken to have 64 bits.
fn in_network(interface: &Interface, address: IpAddr) -> bool {
    match (interface.address, interface.mask, address) {
        (IpAddr::V4(own), IpAddr::V4(mask), IpAddr::V4(address)) => own.to_bits() & mask.to_bits() == address.to_bits() & mask.to_bits(),
        (IpAddr::V6(own), _, IpAddr::V6(address)) => own.to_bits() >> 64 == address.to_bits() >> 64,
        _ => false,
    }
}
