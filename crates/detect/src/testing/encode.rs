//! Events that tests write down, as the bytes that the kernel would have made.

use super::{TestEvent, Texts};
use crate::fields::syscalls::error_name;
use crate::state::{State, Thread};
use core::net::{IpAddr, SocketAddr};
use plimsoll_model::events::{EventFlags, EventInfo, OwnedEvent, ParamInfo, ParamType, kinds, schema, syscall_number};
use serde_json::Value as Json;

/// Families of sockets, as the first byte of an address.
const UNIX: u8 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;

pub(super) fn event(test: &TestEvent, number: u64, time: u64, state: &State) -> Result<OwnedEvent, String> {
    let info = layout(&test.kind).ok_or_else(|| format!("no event is called `{}`", test.kind))?;
    if let Some(unknown) = test.params.keys().find(|name| !info.params.iter().any(|param| param.name == name.as_str())) {
        let known: Vec<&str> = info.params.iter().map(|param| param.name).collect();
        return Err(format!("`{}` has no parameter `{unknown}`; it has {}", test.kind, known.join(", ")));
    }
    let mut event = OwnedEvent::new(info.kind, test.time.unwrap_or(time), test.tid);
    event.number = number;
    for param in &info.params {
        let bytes = match test.params.get(param.name) {
            Some(value) => bytes(param, value).map_err(|problem| format!("parameter `{}` of `{}`: {problem}", param.name, test.kind))?,
            None if info.kind == kinds::GENERIC_X => syscall_number(&test.kind).unwrap_or_default().to_le_bytes().to_vec(),
            None => absent(param, test, info, state),
        };
        event.push(&bytes);
    }
    Ok(event)
}

/// The layout of today: what is made when a call returns, if there is such a thing.
fn layout(name: &str) -> Option<&'static EventInfo> {
    let present = || schema().iter().filter(|info| info.name == name && !info.flags.has(EventFlags::UNUSED | EventFlags::OLD));
    let found = present().rfind(|info| !info.kind.is_enter()).or_else(|| present().next_back());
    // Of processes that end, only the old entry tells.
    let found = found.or_else(|| schema().iter().rfind(|info| info.name == name && !info.flags.has(EventFlags::UNUSED)));
    found.or_else(|| syscall_number(name).map(|_| kinds::GENERIC_X.info()))
}

/// What is not written down: success, the working directory, and of processes what is known of them.
fn absent(param: &ParamInfo, test: &TestEvent, info: &EventInfo, state: &State) -> Vec<u8> {
    let text = |name: &str| test.params.get(name).and_then(Json::as_str);
    match param.name {
        "res" => return number(param.kind, 0),
        "dirfd" | "olddirfd" | "newdirfd" | "linkdirfd" => return number(param.kind, AT_FDCWD),
        _ if !info.params.iter().any(|param| param.name == "exe") => return Vec::new(),
        _ => {}
    }
    // A new process has what its parent has.
    let own = state.thread(test.tid);
    let known = own.or_else(|| state.thread(test.params.get("ptid")?.as_i64()?));
    let is_exec = info.name.starts_with("exec");
    let of = |value: fn(&Thread) -> i64| known.map(|thread| number(param.kind, value(thread))).unwrap_or_default();
    let bytes = |value: fn(&Thread) -> &[u8]| known.map(|thread| value(thread).to_vec()).unwrap_or_default();
    let ended = |value: fn(&Thread) -> &[u8]| known.map(|thread| [value(thread), &[0]].concat()).unwrap_or_default();
    match param.name {
        "tid" | "vtid" => number(param.kind, test.tid),
        "pid" => number(param.kind, own.map_or(test.tid, |thread| thread.pid)),
        "vpid" => number(param.kind, own.map_or(test.tid, |thread| thread.vpid)),
        "ptid" => own.map(|thread| number(param.kind, state.ptid(thread))).unwrap_or_default(),
        "comm" if is_exec => {
            let program = text("trusted_exepath").or_else(|| text("exe")).unwrap_or_default();
            terminated(program.rsplit('/').next().unwrap_or_default())
        }
        "trusted_exepath" => text("exe").filter(|path| path.starts_with('/')).map(terminated).unwrap_or_default(),
        "exe" if !is_exec => ended(|thread| &thread.exe),
        "comm" => ended(|thread| &thread.comm),
        "args" if !is_exec => bytes(|thread| &thread.args),
        "env" => bytes(|thread| &thread.env),
        "cgroups" => bytes(|thread| &thread.cgroups),
        "cwd" => ended(|thread| &thread.cwd),
        "uid" => of(|thread| thread.uid.into()),
        "gid" => of(|thread| thread.gid.into()),
        "loginuid" => of(|thread| thread.loginuid.into()),
        "tty" => of(|thread| thread.tty.into()),
        "vpgid" => of(|thread| thread.vpgid),
        "pgid" => of(|thread| thread.pgid),
        "cap_inheritable" => of(|thread| thread.cap_inheritable.cast_signed()),
        "cap_permitted" => of(|thread| thread.cap_permitted.cast_signed()),
        "cap_effective" => of(|thread| thread.cap_effective.cast_signed()),
        _ => Vec::new(),
    }
}

/// The working directory, where a descriptor of a directory is due.
const AT_FDCWD: i64 = -100;

/// Linux numbers its errors up to here.
const LAST_ERROR: i64 = 133;

fn terminated(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

fn bytes(param: &ParamInfo, value: &Json) -> Result<Vec<u8>, String> {
    if let Some(hex) = value.get("hex").and_then(Json::as_str) {
        return unhex(hex).ok_or_else(|| "`hex` must be pairs of hexadecimal digits".to_owned());
    }
    Ok(match (param.kind, value) {
        (_, Json::Null) => Vec::new(),
        (ParamType::SockAddr, Json::String(text)) => match text.strip_prefix("unix:") {
            Some(path) => [&[UNIX], terminated(path).as_slice()].concat(),
            None => {
                let address = socket(text)?;
                [&[family(address)], end(address).as_slice()].concat()
            }
        },
        (ParamType::SockTuple, Json::String(text)) => match text.strip_prefix("unix:") {
            Some(path) => [&[UNIX], [0; 16].as_slice(), &terminated(path)].concat(),
            None => {
                let (from, to) = text.split_once("->").ok_or("a connection is written as `1.2.3.4:5000->5.6.7.8:80`")?;
                let (from, to) = (socket(from)?, socket(to)?);
                [&[family(from)], end(from).as_slice(), &end(to)].concat()
            }
        },
        (ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath, Json::String(text)) => terminated(text),
        (ParamType::ByteBuf | ParamType::CharBufArray, Json::Array(_)) => {
            let texts: Texts = serde_json::from_value(value.clone()).map_err(|_| "a list of texts is wanted")?;
            texts.bytes()
        }
        (ParamType::ByteBuf | ParamType::CharBufArray, Json::String(text)) => text.as_bytes().to_vec(),
        (kind, Json::Bool(yes)) => number(kind, i64::from(*yes)),
        (kind, Json::Number(given)) => {
            let given = given.as_i64().or_else(|| given.as_u64().map(u64::cast_signed)).ok_or("a whole number is wanted")?;
            number(kind, given)
        }
        (kind, Json::String(text)) => number(kind, named(param, text)?),
        _ => return Err(format!("{value} is no {}", param.kind.word())),
    })
}

/// A number by the names of its bits, or an error by its name.
fn named(param: &ParamInfo, text: &str) -> Result<i64, String> {
    let mut sum = 0;
    for word in text.split('|').map(str::trim) {
        let bits = param.names.and_then(|table| table.entries.iter().find(|(name, _)| *name == word)).map(|(_, bits)| i64::from(*bits));
        let parsed = || word.parse().ok().or_else(|| i64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
        let error = || {
            let is_result = matches!(param.kind, ParamType::Errno | ParamType::Fd | ParamType::Pid);
            (1..=LAST_ERROR).find(|number| is_result && error_name(-*number) == Some(word)).map(|number| -number)
        };
        sum |= bits.or_else(parsed).or_else(error).ok_or_else(|| match param.names {
            Some(table) => format!("`{word}` is no name of {}", table.name),
            None => format!("`{word}` is no {}", param.kind.word()),
        })?;
    }
    Ok(sum)
}

/// A number in as many bytes as its type has.
fn number(kind: ParamType, number: i64) -> Vec<u8> {
    use ParamType as T;
    let width = match kind {
        T::Int8 | T::UInt8 | T::SigType | T::L4Proto | T::SockFamily | T::Flags8 | T::EnumFlags8 => 1,
        T::Int16 | T::UInt16 | T::SyscallId | T::Port | T::Flags16 | T::EnumFlags16 => 2,
        T::Int32
        | T::UInt32
        | T::Bool
        | T::Ipv4Addr
        | T::Flags32
        | T::EnumFlags32
        | T::Uid
        | T::Gid
        | T::SigSet
        | T::Mode
        | T::Fd32
        | T::Pid32 => 4,
        _ => 8,
    };
    number.to_le_bytes().into_iter().take(width).collect()
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no address with a port, as in `1.2.3.4:80` or `[::1]:80`"))
}

fn family(address: SocketAddr) -> u8 {
    if address.is_ipv4() { INET } else { INET6 }
}

fn end(socket: SocketAddr) -> Vec<u8> {
    let mut bytes = match socket.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    bytes.extend(socket.port().to_le_bytes());
    bytes
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| u8::try_from(letter.to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made(event: Json) -> Result<OwnedEvent, String> {
        serde_json::from_value::<TestEvent>(event).unwrap().event(7, 5, &State::default())
    }

    #[test]
    fn events_have_todays_layout() {
        let opened =
            made(json!({"type": "openat", "tid": 3, "params": {"fd": 4, "name": "/a", "flags": "O_RDONLY|O_CREAT", "mode": "0x10"}}));
        let opened = opened.unwrap();
        let view = opened.view();
        assert_eq!((view.number, view.time, view.tid, view.kind), (7, 5, 3, kinds::OPENAT_2_X));
        let params: Vec<&[u8]> = view.params.iter().collect();
        assert_eq!(params.len(), view.info().params.len());
        assert_eq!((view.params.int(0), view.params.int(1), view.params.text(2)), (Some(4), Some(-100), Some(&b"/a"[..])));
        assert_eq!((view.params.uint(3), view.params.uint(4), params[5]), (Some(5), Some(16), &b""[..]));
        let exec = made(json!({"type": "execve", "tid": 3, "params": {"exe": "/bin/sh", "args": ["-c", "id"]}})).unwrap();
        let at = |name: &str| exec.view().param(name).unwrap().0;
        let view = exec.view();
        assert_eq!((view.params.get(at("args")), view.params.text(at("comm"))), (Some(&b"-c\0id\0"[..]), Some(&b"sh"[..])));
        assert_eq!(view.params.text(at("trusted_exepath")), Some(&b"/bin/sh"[..]));
        let connected =
            made(json!({"type": "connect", "tid": 3, "params": {"fd": 5, "tuple": "1.2.3.4:80->5.6.7.8:443", "addr": "unix:/s"}}));
        let connected = connected.unwrap();
        let tuple = [2, 1, 2, 3, 4, 80, 0, 5, 6, 7, 8, 187, 1];
        let wanted = [&[0; 8][..], &tuple, &[5, 0, 0, 0, 0, 0, 0, 0], b"\x01/s\0"];
        assert_eq!(connected.view().params.iter().collect::<Vec<_>>(), wanted);
        let failed = made(json!({"type": "dup3", "tid": 3, "params": {"res": "EBADF"}})).unwrap();
        assert_eq!(failed.view().params.int(0), Some(-9));
        assert_eq!(made(json!({"type": "reboot", "tid": 3})).unwrap().kind, kinds::GENERIC_X);
        assert_eq!(made(json!({"type": "procexit", "tid": 3})).unwrap().view().info().name, "procexit");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (event, wanted) in [
            (json!({"type": "openatt", "tid": 3}), "no event is called `openatt`"),
            (json!({"type": "dup3", "tid": 3, "params": {"a": 1}}), "`dup3` has no parameter `a`; it has res, oldfd, newfd, flags"),
            (json!({"type": "dup3", "tid": 3, "params": {"res": "ENOX"}}), "parameter `res` of `dup3`: `ENOX` is no fd"),
            (json!({"type": "dup3", "tid": 3, "params": {"flags": "O_X"}}), "parameter `flags` of `dup3`: `O_X` is no name of file_flags"),
            (json!({"type": "dup3", "tid": 3, "params": {"res": [1]}}), "parameter `res` of `dup3`: [1] is no fd"),
            (
                json!({"type": "dup3", "tid": 3, "params": {"res": {"hex": "0"}}}),
                "parameter `res` of `dup3`: `hex` must be pairs of hexadecimal digits",
            ),
        ] {
            assert_eq!(made(event).unwrap_err(), wanted);
        }
    }
}
