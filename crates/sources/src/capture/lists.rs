//! What was there at the start: machine, interfaces, users, processes, descriptors.

use super::bytes::Bytes;
use core::net::IpAddr;
use plimsoll_model::events::{Descriptor, DescriptorKind, Group, Interface, Machine, Process, User};

/// Text of a fixed length, up to its first zero byte.
fn fixed(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

pub(super) fn machine(body: &[u8]) -> Option<Machine> {
    let mut bytes = Bytes(body);
    Some(Machine {
        cpus: bytes.u32()?,
        memory: bytes.u64()?,
        max_pid: bytes.u64()?,
        hostname: fixed(bytes.take(128)?),
        // Older writers end here.
        boot_time: bytes.u64().unwrap_or(0),
        flags: bytes.u64().unwrap_or(0),
    })
}

/// An entry that says its own length holds what a newer writer adds behind what is known here.
fn entry<'a>(bytes: &mut Bytes<'a>, sized: bool) -> Option<Bytes<'a>> {
    if !sized {
        return Some(*bytes);
    }
    let length = bytes.u32()?;
    // The length of users and processes counts its own four bytes.
    bytes.take((length as usize).checked_sub(4)?).map(Bytes)
}

/// After an entry without a length: what it did not read is the next one.
fn advance<'a>(bytes: &mut Bytes<'a>, read: Bytes<'a>, sized: bool) {
    if !sized {
        *bytes = read;
    }
}

/// A process; `version` is that of its list, 1 to 9.
pub(super) fn process(bytes: &mut Bytes<'_>, version: u8) -> Option<Process> {
    let sized = version >= 9;
    let mut at = entry(bytes, sized)?;
    let b = &mut at;
    let mut process = Process { tid: b.i64()?, pid: b.i64()?, ptid: b.i64()?, ..Process::default() };
    if version >= 6 {
        process.sid = b.i64()?;
    }
    if version >= 8 {
        process.vpgid = b.i64()?;
    }
    process.comm = b.text()?;
    process.exe = b.text()?;
    if version >= 7 {
        process.exepath = b.text()?;
    }
    process.args = b.short()?.to_vec();
    process.cwd = b.text()?;
    process.fdlimit = b.i64()?;
    (process.flags, process.uid, process.gid) = (b.u32()?, b.u32()?, b.u32()?);
    if version >= 2 {
        (process.vmsize_kb, process.vmrss_kb, process.vmswap_kb) = (b.u32()?, b.u32()?, b.u32()?);
        (process.pfmajor, process.pfminor) = (b.u64()?, b.u64()?);
    }
    if version >= 3 {
        process.env = b.short()?.to_vec();
    }
    if version >= 4 {
        (process.vtid, process.vpid) = (b.i64()?, b.i64()?);
        process.cgroups = b.short()?.to_vec();
    }
    if version >= 5 {
        process.root = b.text()?;
    }
    if sized {
        later_fields(&mut process, b);
    }
    advance(bytes, at, sized);
    Some(process)
}

/// What writers added one after the other to entries that say their length; where one ends, the rest is not known.
fn later_fields(process: &mut Process, b: &mut Bytes<'_>) -> Option<()> {
    // Writers of two lines of development added different fields first; upstream tells them apart by what is left.
    if b.len() > 29 {
        process.pidns_init_start = b.u64()?;
        process.tty = b.u32()?;
    }
    process.loginuid = b.u32()?;
    process.exe_writable = b.u8()? != 0;
    process.cap_inheritable = b.u64()?;
    process.cap_permitted = b.u64()?;
    process.cap_effective = b.u64()?;
    process.exe_upper_layer = b.u8()? != 0;
    process.exe_ino = b.u64()?;
    process.exe_ino_ctime = b.u64()?;
    process.exe_ino_mtime = b.u64()?;
    process.exe_from_memfd = b.u8()? != 0;
    process.exe_lower_layer = b.u8()? != 0;
    process.pgid = b.i64()?;
    Some(())
}

/// A descriptor of the list of one thread.
pub(super) fn descriptor(bytes: &mut Bytes<'_>, sized: bool) -> Option<Descriptor> {
    let mut at = entry(bytes, sized)?;
    let b = &mut at;
    let (fd, ino, code) = (b.i64()?, b.u64()?, b.u8()?);
    let kind = match code {
        3 => {
            let (source, destination) = (b.ipv4()?, b.ipv4()?);
            DescriptorKind::Inet { client: (source, b.u16()?), server: (destination, b.u16()?), l4proto: b.u8()? }
        }
        4 => {
            let (source, destination) = (b.ipv6()?, b.ipv6()?);
            DescriptorKind::Inet { client: (source, b.u16()?), server: (destination, b.u16()?), l4proto: b.u8()? }
        }
        5 => DescriptorKind::Server { address: (b.ipv4()?, b.u16()?), l4proto: b.u8()? },
        6 => DescriptorKind::Server { address: (b.ipv6()?, b.u16()?), l4proto: b.u8()? },
        8 => DescriptorKind::Unix { source: b.u64()?, destination: b.u64()?, name: b.text()? },
        16 => {
            let (flags, name) = (b.u32()?, b.text()?);
            let dev = if sized { b.u32().unwrap_or(0) } else { 0 };
            DescriptorKind::File { name, flags, dev, directory: false }
        }
        1 | 2 => DescriptorKind::File { name: b.text()?, flags: 0, dev: 0, directory: code == 2 },
        7 | 9..=15 | 17..=21 => DescriptorKind::Other { code, name: b.text()? },
        // Newer than this reader; without a length nobody knows where it ends.
        _ => DescriptorKind::Other { code: 10, name: format!("unknown-type:[{code}]").into_bytes() },
    };
    advance(bytes, at, sized);
    Some(Descriptor { fd, ino, kind })
}

/// A user or a group.
pub(super) enum Account {
    User(User),
    Group(Group),
}

pub(super) fn account(bytes: &mut Bytes<'_>, sized: bool) -> Option<Account> {
    let mut at = entry(bytes, sized)?;
    let b = &mut at;
    let account = match b.u8()? {
        0 => Account::User(User { uid: b.u32()?, gid: b.u32()?, name: b.text()?, home: b.text()?, shell: b.text()? }),
        1 => Account::Group(Group { gid: b.u32()?, name: b.text()? }),
        _ => return None,
    };
    advance(bytes, at, sized);
    Some(account)
}

pub(super) fn interface(bytes: &mut Bytes<'_>, sized: bool) -> Option<Interface> {
    let mut at = *bytes;
    if sized {
        // Here the length does not count its own four bytes.
        let length = bytes.u32()?;
        at = Bytes(bytes.take(length as usize)?);
    }
    let b = &mut at;
    let (kind, length) = (b.u16()?, usize::from(b.u16()?));
    let (address, mask, broadcast): (IpAddr, IpAddr, IpAddr) = match kind {
        1 | 3 => (b.ipv4()?, b.ipv4()?, b.ipv4()?),
        2 | 4 => (b.ipv6()?, b.ipv6()?, b.ipv6()?),
        _ => return None,
    };
    let speed = if matches!(kind, 1 | 2) { b.u64()? } else { 0 };
    let name = b.take(length)?;
    let name = name.iter().copied().take_while(|byte| *byte != 0).collect();
    advance(bytes, at, sized);
    Some(Interface { name, address, mask, broadcast, speed })
}
