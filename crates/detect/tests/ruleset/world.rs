//! Events of system calls from one line of text: `process | what is known of it | events`.
//!
//! - `process` is a command line. Without `exe=` its file lies in /usr/bin.
//! - What is known: `in=IMAGE` (a container), `parent=NAME`, `exe=PATH`, `env=NAME=VALUE`, `uid=N`, `pid1`, `tty`, `upper`, `memfd`.
//! - Events, with `;` between them, are `start` (the process becomes this program), or a call and its parameters by their names in
//!   `events.txt`. `open PATH`, `write PATH` (made or emptied) and `connect END` stand for the calls that a program makes for these.

use plimsoll_detect::detector::Detector;
use plimsoll_detect::state::{Container, State};
use plimsoll_model::events::{EventFlags, OwnedEvent, ParamInfo, ParamType, Process, Start, schema};
use std::net::SocketAddr;

const ID: &str = "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
const TID: i64 = 100;

/// The bits of `file_flags` for reading, and for writing to a file that is made or emptied.
const READ: &str = "1";
const WRITE: &str = "262";

/// The rules that answer to the last event of a line.
pub(crate) fn alerts(detector: &mut Detector, line: &str) -> Vec<String> {
    let [command, known, events] = line.splitn(3, '|').map(str::trim).collect::<Vec<_>>().try_into().unwrap();
    let process = process(command, known);
    *detector.state_mut() = State::default();
    for (tid, comm) in [(7, "filebeat"), (1, said(known, "parent").unwrap_or("systemd"))] {
        let other =
            Process { tid, pid: tid, ptid: 0, comm: comm.into(), exe: comm.into(), cgroups: process.cgroups.clone(), ..Process::default() };
        detector.start(Start::Process(Box::new(other)));
    }
    detector.start(Start::Process(Box::new(process.clone())));
    if let Some(image) = said(known, "in") {
        detector
            .state_mut()
            .containers_mut()
            .insert(&ID.as_bytes()[..12], Container { image: format!("{image}:1"), ..Container::default() });
    }
    let mut found = Vec::new();
    for event in events.split(';').flat_map(|event| calls(event.trim())) {
        found.clear();
        let (name, params) = event.split_once(' ').unwrap_or((&event, ""));
        let event = if name == "start" { start(&process, known) } else { call(name, params) };
        detector.event(&event.view(), |alert| found.push(alert.rule.name.clone()));
    }
    found
}

fn said<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn process(command: &str, known: &str) -> Process {
    let mut words = command.split(' ');
    let exe = words.next().unwrap();
    let number = |flag: &str, number: u32| if known.split(' ').any(|word| word == flag) { number } else { 0 };
    Process {
        tid: TID,
        pid: TID,
        ptid: 1,
        vpid: if number("pid1", 1) == 1 { 1 } else { TID },
        vtid: TID,
        comm: exe.rsplit('/').next().unwrap().bytes().take(15).collect(),
        exe: exe.into(),
        exepath: said(known, "exe").map_or_else(|| format!("/usr/bin/{exe}"), str::to_owned).into(),
        args: words.flat_map(|word| [word.as_bytes(), &[0]].concat()).collect(),
        env: said(known, "env").map(|env| [env.as_bytes(), &[0]].concat()).unwrap_or_default(),
        cgroups: said(known, "in").map(|_| format!("cpu=/docker/{ID}\0").into()).unwrap_or_default(),
        cwd: b"/".into(),
        root: b"/".into(),
        tty: number("tty", 34816),
        uid: said(known, "uid").map_or(0, |uid| uid.parse().unwrap()),
        ..Process::default()
    }
}

fn start(process: &Process, known: &str) -> OwnedEvent {
    let layer: u32 = known.split(' ').map(|word| if word == "upper" { 2 } else { 4 * u32::from(word == "memfd") }).sum();
    made("execve", &|param| {
        let text = |text: &[u8]| [text, &[0]].concat();
        Some(match param.name {
            "res" => 0_i64.to_le_bytes().into(),
            "exe" => text(&process.exe),
            "args" => process.args.clone(),
            "tid" | "pid" => TID.to_le_bytes().into(),
            "ptid" => process.ptid.to_le_bytes().into(),
            "comm" => text(&process.comm),
            "env" => process.env.clone(),
            "tty" => process.tty.to_le_bytes().into(),
            "uid" => process.uid.to_le_bytes().into(),
            "flags" => layer.to_le_bytes().into(),
            "trusted_exepath" => text(&process.exepath),
            _ => return None,
        })
    })
}

/// The calls behind a short form.
fn calls(event: &str) -> Vec<String> {
    let opened = |path: &str, flags: &str| vec![format!("openat fd=3 dirfd=-100 name={path} flags={flags} mode=0 dev=0 ino=0")];
    match event.split_once(' ') {
        Some(("open", path)) => opened(path, READ),
        Some(("write", path)) => opened(path, WRITE),
        Some(("connect", end)) => {
            let domain = if end.starts_with('/') {
                1
            } else if end.starts_with('[') {
                10
            } else {
                2
            };
            vec![format!("socket fd=3 domain={domain} type=1 proto=0 flags=0"), format!("connect res=0 fd=3 tuple={end}")]
        }
        _ => vec![event.to_owned()],
    }
}

fn call(name: &str, params: &str) -> OwnedEvent {
    made(name, &|param| Some(bytes(param.kind, said(params, param.name)?).unwrap_or_else(|| panic!("{name} {params}: {}", param.name))))
}

/// An event of the newest layout of a call, with what `value` says of its parameters.
fn made(name: &str, value: &dyn Fn(&ParamInfo) -> Option<Vec<u8>>) -> OwnedEvent {
    let info = schema().iter().rev().find(|info| info.name == name && !info.kind.is_enter() && !info.flags.has(EventFlags::OLD));
    let info = info.unwrap_or_else(|| panic!("no event is called {name}"));
    let mut event = OwnedEvent::new(info.kind, 1, TID);
    event.number = 1;
    for param in &info.params {
        event.push(&value(param).unwrap_or_default());
    }
    event
}

/// What the kernel writes for a parameter.
fn bytes(kind: ParamType, text: &str) -> Option<Vec<u8>> {
    let number = || text.parse::<i64>().ok();
    let size = match kind {
        ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath | ParamType::ByteBuf => {
            return Some([text.as_bytes(), &[0]].concat());
        }
        ParamType::SockTuple => return tuple(text),
        ParamType::UInt8 | ParamType::SigType | ParamType::Flags8 | ParamType::EnumFlags8 => 1,
        ParamType::UInt16 | ParamType::Flags16 | ParamType::EnumFlags16 | ParamType::SyscallId => 2,
        ParamType::UInt32 | ParamType::Flags32 | ParamType::EnumFlags32 | ParamType::Mode | ParamType::Int32 => 4,
        _ => 8,
    };
    Some(number()?.to_le_bytes()[..size].to_vec())
}

/// From a port of this machine to another end, or to a path.
fn tuple(to: &str) -> Option<Vec<u8>> {
    let end = |family: u8, address: &[u8], port: u16| [&[family], address, &port.to_le_bytes()].concat();
    if to.starts_with('/') {
        return Some([&[1][..], &[1; 8], &[2; 8], to.as_bytes(), &[0]].concat());
    }
    Some(match to.parse().ok()? {
        SocketAddr::V4(to) => [end(2, &[10, 0, 0, 9], 40000), end(2, &to.ip().octets(), to.port()).split_off(1)].concat(),
        SocketAddr::V6(to) => [end(10, &[9; 16], 40000), end(10, &to.ip().octets(), to.port()).split_off(1)].concat(),
    })
}
