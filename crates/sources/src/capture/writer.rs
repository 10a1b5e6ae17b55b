//! Writes recordings in the present layout, so that a part of one can be kept and read again, here and by Falco.

use super::event::STATE_ONLY;
use core::net::IpAddr;
use plimsoll_model::events::{Descriptor, DescriptorKind, Event, EventFlags, Interface, Machine, Process, Start};
use std::io::{self, Write};

/// Writes a recording: what was there at the start, then events.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    /// The list that is being gathered, and whose descriptors it has.
    list: Option<(u32, i64)>,
    body: Vec<u8>,
}

const SECTION: u32 = 0x0a0d_0d0a;
const MACHINE: u32 = 0x201;
const PROCESSES: u32 = 0x215;
const EVENT: u32 = 0x216;
const EVENT_FLAGS: u32 = 0x217;
const DESCRIPTORS: u32 = 0x218;
const INTERFACES: u32 = 0x219;
const ACCOUNTS: u32 = 0x220;
const EVENT_LARGE: u32 = 0x221;
const EVENT_FLAGS_LARGE: u32 = 0x222;

/// Upstream reads no longer event in an ordinary block.
const ORDINARY: usize = 1 << 16;
/// Upstream reads no longer texts of processes and descriptors; what is longer is cut.
const LONGEST_TEXT: usize = 1024;
const LONGEST_LIST: usize = 4096;
/// A list of processes or descriptors goes on in another block.
const LONGEST_BLOCK: usize = 16 << 20;

impl<W: Write> Writer<W> {
    /// A recording of nothing yet.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer = Self { output, list: None, body: Vec::new() };
        let header = &mut writer.body;
        header.extend(0x1a2b_3c4d_u32.to_le_bytes());
        header.extend([1, 0, 2, 0]);
        header.extend(u64::MAX.to_le_bytes());
        writer.block(SECTION)?;
        Ok(writer)
    }

    /// Something that was there at the start; best in the order in which readers give it: a list is one block as long as its entries
    /// follow one another.
    ///
    /// # Errors
    /// What the output says.
    pub fn start(&mut self, start: &Start) -> io::Result<()> {
        let list = match start {
            Start::Machine(machine) => {
                self.end_list()?;
                self.machine(machine);
                return self.block(MACHINE);
            }
            Start::Interface(_) => (INTERFACES, 0),
            Start::User(_) | Start::Group(_) => (ACCOUNTS, 0),
            Start::Process(_) => (PROCESSES, 0),
            Start::Descriptor { tid, .. } => (DESCRIPTORS, *tid),
        };
        let full = self.body.len() > LONGEST_BLOCK && matches!(list.0, PROCESSES | DESCRIPTORS);
        if self.list != Some(list) || full {
            self.end_list()?;
            self.list = Some(list);
            if list.0 == DESCRIPTORS {
                self.body.extend(list.1.to_le_bytes());
            }
        }
        // The length of an entry counts itself, but for interfaces.
        let at = self.body.len();
        self.body.extend([0; 4]);
        match start {
            Start::Machine(_) => {}
            Start::Interface(interface) => self.interface(interface),
            Start::User(user) => {
                self.body.push(0);
                self.body.extend(user.uid.to_le_bytes());
                self.body.extend(user.gid.to_le_bytes());
                [&user.name, &user.home, &user.shell].into_iter().for_each(|text| self.text(text, LONGEST_TEXT));
            }
            Start::Group(group) => {
                self.body.push(1);
                self.body.extend(group.gid.to_le_bytes());
                self.text(&group.name, LONGEST_TEXT);
            }
            Start::Process(process) => self.process(process),
            Start::Descriptor { descriptor, .. } => self.descriptor(descriptor),
        }
        let length = self.body.len() - at - if list.0 == INTERFACES { 4 } else { 0 };
        if let Some(place) = self.body.get_mut(at..at + 4) {
            place.copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        Ok(())
    }

    /// An event.
    ///
    /// # Errors
    /// What the output says, and if a parameter is longer than its type can say.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.end_list()?;
        let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "a parameter is too long for its event");
        let wide = event.info().flags.has(EventFlags::LARGE);
        let length = 26 + event.params.len() * if wide { 4 } else { 2 } + event.params.bytes().len();
        let (length, count) = (u32::try_from(length), u32::try_from(event.params.len()));
        let body = &mut self.body;
        body.extend(event.cpu.to_le_bytes());
        if event.state_only {
            body.extend(STATE_ONLY.to_le_bytes());
        }
        body.extend(event.time.to_le_bytes());
        body.extend(event.tid.to_le_bytes());
        body.extend(length.map_err(|_| too_long())?.to_le_bytes());
        body.extend(event.kind.0.to_le_bytes());
        body.extend(count.map_err(|_| too_long())?.to_le_bytes());
        for bytes in event.params.iter() {
            if wide {
                body.extend(u32::try_from(bytes.len()).map_err(|_| too_long())?.to_le_bytes());
            } else if let Ok(length) = u16::try_from(bytes.len()) {
                body.extend(length.to_le_bytes());
            } else {
                body.clear();
                return Err(too_long());
            }
        }
        body.extend(event.params.bytes());
        let large = wide || body.len() + 16 > ORDINARY;
        self.block(match (event.state_only, large) {
            (false, false) => EVENT,
            (false, true) => EVENT_LARGE,
            (true, false) => EVENT_FLAGS,
            (true, true) => EVENT_FLAGS_LARGE,
        })
    }

    /// Ends the recording and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_list()?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn end_list(&mut self) -> io::Result<()> {
        match self.list.take() {
            Some((kind, _)) => self.block(kind),
            None => Ok(()),
        }
    }

    /// Writes the body as a block: filled up to whole words, its length before and behind.
    fn block(&mut self, kind: u32) -> io::Result<()> {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        let length = u32::try_from(self.body.len() + 12);
        let length = length.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a block is too long"))?.to_le_bytes();
        self.output.write_all(&kind.to_le_bytes())?;
        self.output.write_all(&length)?;
        self.output.write_all(&self.body)?;
        self.output.write_all(&length)?;
        self.body.clear();
        Ok(())
    }

    /// Bytes with their length before them.
    fn text(&mut self, bytes: &[u8], limit: usize) {
        let bytes = bytes.get(..limit).unwrap_or(bytes);
        self.body.extend(u16::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
        self.body.extend(bytes);
    }

    fn machine(&mut self, machine: &Machine) {
        let body = &mut self.body;
        body.extend(machine.cpus.to_le_bytes());
        body.extend(machine.memory.to_le_bytes());
        body.extend(machine.max_pid.to_le_bytes());
        let end = body.len() + 128;
        body.extend(machine.hostname.bytes().take(127));
        body.resize(end, 0);
        body.extend(machine.boot_time.to_le_bytes());
        body.extend(machine.flags.to_le_bytes());
        // Reserved.
        body.extend([0; 16]);
    }

    fn interface(&mut self, interface: &Interface) {
        let name = interface.name.get(..LONGEST_TEXT).unwrap_or(&interface.name);
        let v4 = interface.address.is_ipv4();
        self.body.extend(if v4 { 1_u16 } else { 2 }.to_le_bytes());
        self.body.extend(u16::try_from(name.len()).unwrap_or(0).to_le_bytes());
        for address in [interface.address, interface.mask, interface.broadcast] {
            // All addresses of an entry are of one kind.
            let fits = address.is_ipv4() == v4;
            let none = if v4 { IpAddr::from([0; 4]) } else { IpAddr::from([0_u8; 16]) };
            self.address(if fits { address } else { none });
        }
        self.body.extend(interface.speed.to_le_bytes());
        self.body.extend(name);
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.body.extend(address.octets()),
            IpAddr::V6(address) => self.body.extend(address.octets()),
        }
    }

    fn process(&mut self, process: &Process) {
        for number in [process.tid, process.pid, process.ptid, process.sid, process.vpgid] {
            self.body.extend(number.to_le_bytes());
        }
        [&process.comm, &process.exe, &process.exepath].into_iter().for_each(|text| self.text(text, LONGEST_TEXT));
        self.text(&process.args, LONGEST_LIST);
        self.text(&process.cwd, LONGEST_TEXT);
        self.body.extend(process.fdlimit.to_le_bytes());
        for number in [process.flags, process.uid, process.gid, process.vmsize_kb, process.vmrss_kb, process.vmswap_kb] {
            self.body.extend(number.to_le_bytes());
        }
        self.body.extend(process.pfmajor.to_le_bytes());
        self.body.extend(process.pfminor.to_le_bytes());
        self.text(&process.env, LONGEST_LIST);
        self.body.extend(process.vtid.to_le_bytes());
        self.body.extend(process.vpid.to_le_bytes());
        self.text(&process.cgroups, LONGEST_LIST);
        self.text(&process.root, LONGEST_TEXT);
        let body = &mut self.body;
        body.extend(process.pidns_init_start.to_le_bytes());
        body.extend(process.tty.to_le_bytes());
        body.extend(process.loginuid.to_le_bytes());
        body.push(u8::from(process.exe_writable));
        for set in [process.cap_inheritable, process.cap_permitted, process.cap_effective] {
            body.extend(set.to_le_bytes());
        }
        body.push(u8::from(process.exe_upper_layer));
        for number in [process.exe_ino, process.exe_ino_ctime, process.exe_ino_mtime] {
            body.extend(number.to_le_bytes());
        }
        body.extend([u8::from(process.exe_from_memfd), u8::from(process.exe_lower_layer)]);
        body.extend(process.pgid.to_le_bytes());
    }

    fn descriptor(&mut self, descriptor: &Descriptor) {
        self.body.extend(descriptor.fd.to_le_bytes());
        self.body.extend(descriptor.ino.to_le_bytes());
        match &descriptor.kind {
            DescriptorKind::File { name, directory: true, .. } => {
                self.body.push(2);
                self.text(name, LONGEST_TEXT);
            }
            DescriptorKind::File { name, flags, dev, directory: false } => {
                self.body.push(16);
                self.body.extend(flags.to_le_bytes());
                self.text(name, LONGEST_TEXT);
                self.body.extend(dev.to_le_bytes());
            }
            DescriptorKind::Inet { client, server, l4proto } => {
                self.body.push(if client.0.is_ipv4() { 3 } else { 4 });
                self.address(client.0);
                self.address(server.0);
                self.body.extend(client.1.to_le_bytes());
                self.body.extend(server.1.to_le_bytes());
                self.body.push(*l4proto);
            }
            DescriptorKind::Server { address, l4proto } => {
                self.body.push(if address.0.is_ipv4() { 5 } else { 6 });
                self.address(address.0);
                self.body.extend(address.1.to_le_bytes());
                self.body.push(*l4proto);
            }
            DescriptorKind::Unix { source, destination, name } => {
                self.body.push(8);
                self.body.extend(source.to_le_bytes());
                self.body.extend(destination.to_le_bytes());
                self.text(name, LONGEST_TEXT);
            }
            DescriptorKind::Other { code, name } => {
                self.body.push(*code);
                self.text(name, LONGEST_TEXT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Item, Options, Reader};
    use plimsoll_model::events::{Group, OwnedEvent, User, kinds};

    fn items() -> (Vec<Start>, Vec<OwnedEvent>) {
        let v4 = |last| IpAddr::from([10, 0, 0, last]);
        let v6 = |last| IpAddr::from([1, 2, 3, 4, 5, 6, 7, last]);
        let kinds_of = [
            DescriptorKind::File { name: b"/a".to_vec(), flags: 3, dev: 9, directory: false },
            DescriptorKind::File { name: b"/".to_vec(), flags: 0, dev: 0, directory: true },
            DescriptorKind::Inet { client: (v4(1), 1), server: (v4(2), 2), l4proto: 2 },
            DescriptorKind::Inet { client: (v6(1), 1), server: (v6(2), 2), l4proto: 1 },
            DescriptorKind::Server { address: (v4(1), 80), l4proto: 2 },
            DescriptorKind::Server { address: (v6(1), 80), l4proto: 2 },
            DescriptorKind::Unix { source: 1, destination: 2, name: b"/s".to_vec() },
            DescriptorKind::Other { code: 7, name: b"pipe:[1]".to_vec() },
        ];
        let mut starts = vec![
            Start::Machine(Machine { cpus: 2, memory: 3, max_pid: 4, hostname: "h".to_owned(), boot_time: 5, flags: 6 }),
            Start::Interface(Interface { name: b"lo".to_vec(), address: v4(1), mask: v4(255), broadcast: v4(9), speed: 7 }),
            Start::Interface(Interface { name: b"e".to_vec(), address: v6(1), mask: v6(0), broadcast: v6(9), speed: 8 }),
            Start::User(User { uid: 1, gid: 2, name: b"u".to_vec(), home: b"/h".to_vec(), shell: Vec::new() }),
            Start::Group(Group { gid: 2, name: b"g".to_vec() }),
        ];
        for tid in 1..4 {
            starts.push(Start::Process(Box::new(Process {
                tid,
                comm: b"c".to_vec(),
                args: b"a\0b\0".to_vec(),
                cap_effective: 8,
                exe_lower_layer: true,
                pgid: 5,
                exe_ino: 77,
                tty: 4,
                ..Process::default()
            })));
        }
        for tid in 1..3 {
            starts.extend(
                kinds_of
                    .iter()
                    .zip(0..)
                    .map(|(kind, fd)| Start::Descriptor { tid, descriptor: Descriptor { fd, ino: 8, kind: kind.clone() } }),
            );
        }
        let mut events = vec![
            OwnedEvent::new(kinds::CLOSE_X, 5, 6),
            OwnedEvent::new(kinds::PLUGINEVENT_E, 6, -1),
            OwnedEvent::new(kinds::WRITE_X, 7, 8),
            OwnedEvent::new(kinds::CLOSE_X, 9, 6),
            OwnedEvent::new(kinds::PLUGINEVENT_E, 10, -1),
        ];
        let (close, plugin): (&[&[u8]], &[&[u8]]) = (&[&[0; 8], &[1; 8]], &[&[1; 4], &[7; 100_000]]);
        let params = [close, plugin, &[&[0; 8], &[b'a'; 65_535], &[], &[2; 4]], close, plugin];
        for ((event, params), number) in events.iter_mut().zip(params).zip(1..) {
            event.number = number;
            event.state_only = number > 3;
            params.iter().for_each(|bytes| {
                event.push(bytes);
            });
        }
        (starts, events)
    }

    fn written() -> Vec<u8> {
        let (starts, events) = items();
        let mut writer = Writer::new(Vec::new()).unwrap();
        starts.iter().for_each(|start| writer.start(start).unwrap());
        events.iter().for_each(|event| writer.event(&event.view()).unwrap());
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = written();
        let (mut starts, mut events) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(&bytes[..], Options::default());
        while let Some(item) = reader.next() {
            match item {
                Item::Start(start) => starts.push(start),
                Item::Event(event) => events.push(OwnedEvent::from(&event)),
                Item::Damage { offset, what } => panic!("{offset}: {what}"),
            }
        }
        assert_eq!((starts, events), items());
        let contents = reader.contents();
        assert_eq!((contents.packed, contents.version, contents.header, contents.bytes), (false, (1, 2), 28, bytes.len() as u64));
        let mut blocks = contents.blocks;
        blocks.sort_unstable();
        let wanted = [SECTION, MACHINE, PROCESSES, EVENT, EVENT_FLAGS, DESCRIPTORS, INTERFACES, ACCOUNTS, EVENT_LARGE, EVENT_FLAGS_LARGE];
        let counts = [1, 1, 1, 1, 1, 2, 1, 1, 2, 1];
        assert_eq!(blocks, {
            let mut wanted: Vec<_> = wanted.into_iter().zip(counts).collect();
            wanted.sort_unstable();
            wanted
        });
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let mut event = OwnedEvent::new(kinds::WRITE_X, 1, 1);
        event.push(&[0; 70_000]);
        let mut writer = Writer::new(Vec::new()).unwrap();
        assert!(writer.event(&event.view()).is_err());
        event.clear();
        writer.event(&event.view()).unwrap();
        assert_eq!(writer.finish().unwrap().len(), 28 + 40);
    }

    /// Cut off anywhere, or with any byte changed: reading ends, and gives no more than was there.
    #[test]
    fn damage_is_survived() {
        let (bytes, (starts, events)) = (written(), items());
        let most = starts.len() + events.len();
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes, Options::default());
            let (mut good, mut steps) = (0, 0);
            while let Some(item) = reader.next() {
                good += usize::from(!matches!(item, Item::Damage { .. }));
                steps += 1;
                assert!(steps < 10 * most + 100);
            }
            good
        };
        let places = (0..2500).step_by(3).chain((2500..bytes.len()).step_by(19_937));
        for at in places {
            assert!(read(&bytes[..at]) <= most, "cut off at {at}");
            for flip in [1_u8, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                read(&bytes);
            }
        }
    }
}
