//! Writes the seeds that are no text, from the schema of events: `cargo run -p plimsoll-fuzz-bodies --example seeds`.

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_model::events::{Descriptor, DescriptorKind, Event, EventFlags, EventInfo, Group, Interface, Machine, OwnedEvent, ParamType};
use plimsoll_model::events::{Process, Start, User, schema};
use plimsoll_sources::capture::Writer;
use std::fs;
use std::io::Write;
use std::path::Path;

/// The calls that change most of what is known.
const CALLS: [&str; 20] = [
    "clone",
    "clone3",
    "vfork",
    "execve",
    "execveat",
    "setsid",
    "chdir",
    "openat",
    "open_by_handle_at",
    "socket",
    "bind",
    "connect",
    "accept4",
    "dup3",
    "pipe2",
    "memfd_create",
    "write",
    "sendmsg",
    "close",
    "procexit",
];

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    let events: Vec<OwnedEvent> = CALLS.iter().filter_map(|name| event(name, false)).collect();
    let pairs = CALLS.iter().flat_map(|name| [event(name, true), event(name, false)].into_iter().flatten());
    let pairs: Vec<OwnedEvent> = pairs.collect();
    let whole = capture(&starts(), &events);
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&whole).expect("memory takes everything");
    let packed = packed.finish().expect("memory takes everything");
    let bare: Vec<u8> = events.iter().flat_map(|event| bare(&event.view())).collect();
    for (file, bytes) in [
        ("capture/calls.scap", whole),
        ("capture/pairs.scap", capture(&[], &pairs)),
        ("capture/packed.scap.gz", packed),
        ("fields/calls", bare),
    ] {
        let path = seeds.join(file);
        fs::create_dir_all(path.parent().expect("a seed stands in a directory")).expect("seeds can be written");
        fs::write(path, bytes).expect("seeds can be written");
    }
}

/// The newest event of a call; of an old pair, its entry or its exit.
fn event(name: &str, entry: bool) -> Option<OwnedEvent> {
    let is_it = |info: &&EventInfo| info.name == name && info.kind.is_enter() == entry && !info.flags.has(EventFlags::UNUSED);
    let info = schema().iter().rfind(is_it)?;
    let mut event = OwnedEvent::new(info.kind, 1_600_000_000_000_000_000, 1);
    for param in &info.params {
        event.push(&value(param.kind));
    }
    Some(event)
}

/// A value of a type.
fn value(kind: ParamType) -> Vec<u8> {
    use ParamType as P;
    let address = [127, 0, 0, 1, 80, 0];
    match kind {
        P::Int8 | P::UInt8 | P::Flags8 | P::EnumFlags8 | P::SigType => vec![2],
        P::Int16 | P::UInt16 | P::Flags16 | P::EnumFlags16 | P::SyscallId | P::Port => vec![2, 0],
        P::Int64 | P::UInt64 | P::RelTime | P::AbsTime | P::Fd | P::Pid => vec![3, 0, 0, 0, 0, 0, 0, 0],
        P::Errno => vec![0; 8],
        P::SockAddr => [&[2], &address[..]].concat(),
        P::SockTuple => [&[2], &address[..], &address[..]].concat(),
        P::FdList => vec![1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        P::CharBuf | P::FsPath | P::FsRelPath | P::ByteBuf | P::CharBufArray => b"../a\0".to_vec(),
        _ => vec![1, 0, 0, 0],
    }
}

fn capture(starts: &[Start], events: &[OwnedEvent]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).expect("memory takes everything");
    starts.iter().for_each(|start| writer.start(start).expect("memory takes everything"));
    events.iter().for_each(|event| writer.event(&event.view()).expect("the parameters are short"));
    writer.finish().expect("memory takes everything")
}

/// An event as the target `fields` reads it.
fn bare(event: &Event<'_>) -> Vec<u8> {
    let params = event.params.iter().flat_map(|param| [&[param.len() as u8], param].concat());
    event.kind.0.to_le_bytes().into_iter().chain([2]).chain(params).collect()
}

/// Something of everything that can be there at the start.
fn starts() -> Vec<Start> {
    let kinds = [
        DescriptorKind::File { name: b"/a".to_vec(), flags: 3, dev: 9, directory: false },
        DescriptorKind::File { name: b"/".to_vec(), flags: 0, dev: 0, directory: true },
        DescriptorKind::Inet { client: ([10, 0, 0, 1].into(), 1), server: ([10, 0, 0, 2].into(), 2), l4proto: 2 },
        DescriptorKind::Inet { client: ([0, 0, 0, 0, 0, 0, 0, 1].into(), 1), server: ([0; 8].into(), 2), l4proto: 1 },
        DescriptorKind::Server { address: ([0; 4].into(), 80), l4proto: 2 },
        DescriptorKind::Unix { source: 1, destination: 2, name: b"/s".to_vec() },
        DescriptorKind::Other { code: 7, name: b"pipe:[1]".to_vec() },
    ];
    let process = Process {
        tid: 1,
        pid: 1,
        comm: b"c".to_vec(),
        args: b"a\0b\0".to_vec(),
        cgroups: b"cpu=/docker/0\0".to_vec(),
        ..Process::default()
    };
    let mut starts = vec![
        Start::Machine(Machine { cpus: 1, hostname: "node".to_owned(), ..Machine::default() }),
        Start::Interface(Interface {
            name: b"lo".to_vec(),
            address: [127, 0, 0, 1].into(),
            mask: [255, 0, 0, 0].into(),
            broadcast: [0; 4].into(),
            speed: 0,
        }),
        Start::User(User { uid: 1, gid: 1, name: b"u".to_vec(), home: b"/h".to_vec(), shell: Vec::new() }),
        Start::Group(Group { gid: 1, name: b"g".to_vec() }),
        Start::Process(Box::new(process)),
    ];
    starts.extend(kinds.into_iter().zip(0..).map(|(kind, fd)| Start::Descriptor { tid: 1, descriptor: Descriptor { fd, ino: 8, kind } }));
    starts
}
