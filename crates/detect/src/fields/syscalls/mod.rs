//! What events of system calls say: the fields of the source `syscall`.
//!
//! One file a class, one [`Row`] a field: what it is and how its values are found. Names, types and meaning are those of
//! falcosecurity/libs (`userspace/libsinsp/sinsp_filtercheck_*.cpp`).

mod address;
mod common;
mod container;
mod descriptor;
mod event;
mod fd;
mod fdlist;
mod fspath;
mod lineage;
mod names;
mod param;
mod process;
mod user;

pub(crate) use names::error_name;

use super::argument::longest_param;
use super::{Arg, Catalogue, Facts, Field, FieldError, FieldId, FieldInfo, Limits, Syntax, nearest};
use crate::Value;
use crate::state::{State, Thread};
use core::net::IpAddr;
use plimsoll_model::events::{Event, Format, ParamType, kinds};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::LazyLock;

/// Names of addresses, as a resolver outside of the engine found them.
pub type AddressNames = HashMap<IpAddr, Box<str>>;

/// What is known of a stream of events beside the state that they make.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// When the first event was made.
    pub first: Option<u64>,
    /// When the event before the present one was made.
    pub previous: Option<u64>,
    /// The machine's name.
    pub hostname: String,
    /// Names of addresses; what is not in it has no name: the engine asks nobody.
    pub names: AddressNames,
    /// Whether an event came that tells more than what there was at the start.
    running: bool,
}

impl Stream {
    /// Notes that an event comes, and answers whether rules see it: they do not see what only tells the state something, nor what a
    /// capture says of containers and accounts before its first other event (`consume_initialstate_events` in falcosecurity/libs).
    pub fn enter(&mut self, event: &Event<'_>) -> bool {
        self.first.get_or_insert(event.time);
        self.running |= !matches!(
            event.kind,
            kinds::CONTAINER_JSON_2_E
                | kinds::USER_ADDED_E
                | kinds::USER_DELETED_E
                | kinds::GROUP_ADDED_E
                | kinds::GROUP_DELETED_E
                | kinds::ASYNCEVENT_E
        );
        self.running && !event.is_for_state_only()
    }
}

/// One event, ready to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Context<'e> {
    /// The event.
    pub event: &'e Event<'e>,
    /// The state after it was taken in.
    pub state: &'e State,
    /// What came before it.
    pub stream: &'e Stream,
    /// Where values that are made lie.
    pub arena: &'e bumpalo::Bump,
}

impl<'e> Context<'e> {
    /// The thread that made the event.
    fn thread(&self) -> Option<&'e Thread> {
        self.state.current()
    }

    /// A text that is made for this event.
    fn made(&self, text: fmt::Arguments<'_>) -> Value<'e> {
        Value::Text(self.bytes(text))
    }

    /// The bytes of a text that is made for this event.
    fn bytes(&self, text: fmt::Arguments<'_>) -> &'e [u8] {
        let mut made = bumpalo::collections::String::new_in(self.arena);
        // Writing into memory does not fail.
        let _ = made.write_fmt(text);
        made.into_bump_str().as_bytes()
    }

    /// A number in decimal digits.
    fn decimal(&self, number: i64) -> &'e [u8] {
        match number {
            0 => b"0",
            1 => b"1",
            -1 => b"-1",
            _ => self.bytes(format_args!("{number}")),
        }
    }

    /// The name of a user, as the thread's container knows it.
    fn user_name(&self, uid: u32) -> Option<&'e [u8]> {
        self.state.user(&self.thread()?.container, uid).map(|user| user.name.as_slice())
    }

    /// The name of a group, likewise.
    fn group_name(&self, gid: u32) -> Option<&'e [u8]> {
        self.state.group(&self.thread()?.container, gid).map(|group| group.name.as_slice())
    }
}

/// How the values of a field are found.
#[derive(Clone, Copy)]
enum Getter {
    /// At most one, and no argument tells which.
    One(for<'e> fn(&Context<'e>) -> Option<Value<'e>>),
    /// At most one.
    OneOf(for<'e> fn(&Context<'e>, Option<&Arg>) -> Option<Value<'e>>),
    /// Several.
    Many(for<'e> fn(&Context<'e>, Option<&Arg>, &mut Vec<Value<'e>>)),
}

/// A field: what it is and how its values are found.
#[derive(Clone)]
struct Row {
    info: FieldInfo,
    syntax: Syntax,
    get: Getter,
    /// Whether it counts as there whenever there is a descriptor, with or without a value.
    by_descriptor: bool,
}

impl Row {
    const fn new(name: &'static str, kind: ParamType, format: Format, get: Getter, description: &'static str) -> Self {
        let info = FieldInfo { name, kind, format, list: false, arg: Syntax::None.rule(), limits: Limits::NONE, description };
        Self { info, syntax: Syntax::None, get, by_descriptor: false }
    }

    /// A text with at most one value.
    const fn text(name: &'static str, get: for<'e> fn(&Context<'e>) -> Option<Value<'e>>, description: &'static str) -> Self {
        Self::new(name, ParamType::CharBuf, Format::Plain, Getter::One(get), description)
    }

    /// Yes or no.
    const fn flag(name: &'static str, get: for<'e> fn(&Context<'e>) -> Option<Value<'e>>, description: &'static str) -> Self {
        Self::new(name, ParamType::Bool, Format::Plain, Getter::One(get), description)
    }

    const fn syntax(mut self, syntax: Syntax) -> Self {
        self.syntax = syntax;
        self.info.arg = syntax.rule();
        self
    }

    const fn limits(mut self, limits: Limits) -> Self {
        self.info.limits = limits;
        self
    }

    /// It can have several values.
    const fn list(mut self) -> Self {
        self.info.list = true;
        self
    }

    /// It should not be used any more.
    const fn deprecated(mut self) -> Self {
        self.info.limits.deprecated = true;
        self
    }

    /// It is not listed.
    const fn hidden(mut self) -> Self {
        self.info.limits.hidden = true;
        self
    }

    /// It does not compare with other fields.
    const fn no_rhs(mut self) -> Self {
        self.info.limits.no_rhs = true;
        self
    }

    /// It only compares with values that a rule writes down, as it is.
    const fn plain_only(mut self) -> Self {
        self.info.limits.no_rhs = true;
        self.info.limits.no_transformer = true;
        self
    }

    /// It is for conditions alone, and only compares with values that a rule writes down.
    const fn filter_only(self) -> Self {
        let mut row = self.plain_only();
        row.info.limits.filter_only = true;
        row
    }

    /// It says what both ends of a connection are.
    const fn both_ends(self) -> Self {
        let mut row = self.filter_only().by_descriptor();
        row.info.limits.both_ends = true;
        row
    }

    /// It counts as there whenever there is a descriptor: upstream compares these in ways of their own.
    const fn by_descriptor(mut self) -> Self {
        self.by_descriptor = true;
        self
    }

    /// Outputs get it without asking.
    const fn suggested(mut self) -> Self {
        self.info.limits.suggested = true;
        self
    }
}

/// All classes, in the order in which upstream looks through them.
const CLASSES: &[&[Row]] =
    &[common::FIELDS, event::FIELDS, process::FIELDS, user::FIELDS, fd::FIELDS, fspath::FIELDS, fdlist::FIELDS, container::FIELDS];

struct Table {
    infos: Vec<FieldInfo>,
    rows: Vec<&'static Row>,
    places: HashMap<&'static str, FieldId>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { infos: Vec::new(), rows: Vec::new(), places: HashMap::new() };
    for (place, row) in CLASSES.iter().copied().flatten().enumerate() {
        table.places.insert(row.info.name, FieldId(u16::try_from(place).unwrap_or(u16::MAX)));
        table.infos.push(row.info.clone());
        table.rows.push(row);
    }
    table
});

/// The fields of the source `syscall`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Syscalls;

impl Syscalls {
    /// The fields that every source of events has (`evt.num`, `evt.time`, …).
    pub fn common() -> impl Iterator<Item = &'static FieldInfo> {
        TABLE.infos.iter().take(common::FIELDS.len())
    }
}

impl Catalogue for Syscalls {
    fn all(&self) -> &[FieldInfo] {
        &TABLE.infos
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        let place = TABLE.places.get(name).or_else(|| TABLE.places.get(stem(name)?)).ok_or(FieldError::Unknown)?;
        let at = usize::from(place.0);
        let (info, row) = TABLE.infos.get(at).zip(TABLE.rows.get(at)).ok_or(FieldError::Unknown)?;
        let arg = row.syntax.read(info.name, name, arg)?;
        let kind = match &arg {
            Some(Arg::Key(param)) if row.syntax == Syntax::RawParam => longest_param(param).map_or(info.kind, |param| param.kind),
            _ => info.kind,
        };
        Ok(Field { id: *place, info, arg, kind })
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        let known = TABLE.infos.iter().filter(|info| !info.limits.hidden && !info.limits.deprecated);
        nearest(known.map(|info| info.name), name)
    }
}

/// The field that a name with its argument behind a dot starts with.
fn stem(name: &str) -> Option<&'static str> {
    let stems = TABLE.rows.iter().filter(|row| row.syntax.dotted());
    stems.map(|row| row.info.name).filter(|stem| name.starts_with(stem)).max_by_key(|stem| stem.len())
}

impl<'e> Facts<'e> for Context<'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        match TABLE.rows.get(usize::from(field.id.0)).map(|row| row.get) {
            Some(Getter::One(get)) => out.extend(get(self)),
            Some(Getter::OneOf(get)) => out.extend(get(self, field.arg.as_ref())),
            Some(Getter::Many(get)) => get(self, field.arg.as_ref(), out),
            None => {}
        }
    }

    fn has(&self, field: &Field) -> bool {
        match TABLE.rows.get(usize::from(field.id.0)) {
            Some(row) if row.by_descriptor => self.descriptor().is_some(),
            Some(Row { get: Getter::One(get), .. }) => get(self).is_some(),
            Some(Row { get: Getter::OneOf(get), .. }) => get(self, field.arg.as_ref()).is_some(),
            _ => {
                let mut values = Vec::new();
                self.extract(field, &mut values);
                !values.is_empty()
            }
        }
    }

    fn arena(&self) -> &'e bumpalo::Bump {
        self.arena
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::events::{EventType, OwnedEvent};

    /// A field as it was understood, or what is wrong with it.
    fn resolved(name: &str, arg: Option<&str>) -> String {
        match Syscalls.resolve(name, arg) {
            Ok(Field { info, arg: Some(Arg::Index(index)), .. }) => format!("{} {index}", info.name),
            Ok(Field { info, arg: Some(Arg::Key(key)), .. }) => format!("{} '{key}'", info.name),
            Ok(Field { info, arg: None, .. }) => info.name.to_owned(),
            Err(FieldError::Unknown) => "unknown".to_owned(),
            Err(FieldError::Argument(message)) => message,
        }
    }

    #[test]
    fn arguments_are_read_as_upstream_reads_them() {
        let cases = [
            ("evt.num", None, "evt.num"),
            ("evt.num", Some("1"), "unknown"),
            ("evt.nosuch", None, "unknown"),
            ("evt.arg.flags", None, "evt.arg 'flags'"),
            ("evt.arg", Some("1"), "evt.arg 1"),
            ("evt.arg", Some("a"), "a is not a valid number"),
            ("evt.arg", None, "filter syntax error: evt.arg"),
            ("evt.arg.flagsy", None, "unknown"),
            ("evt.arg.nosucharg", None, "unknown event argument nosucharg"),
            ("evt.rawarg.res", None, "evt.rawarg 'res'"),
            ("evt.rawarg", Some("0"), "evt.arg fields must be expressed explicitly"),
            ("evt.rawarg", None, "filter syntax error: evt.rawarg"),
            ("evt.type.is.openat", None, "evt.type.is 'openat'"),
            ("evt.type.is.307", None, "evt.type.is 307"),
            ("evt.type.is.nosuch", None, "unknown"),
            ("evt.type.is", Some("openat"), "filter syntax error: evt.type.is[openat]"),
            ("evt.around", Some("1404996934793590564"), "evt.around 1404996934793590564"),
            ("evt.around.x", None, "wrong syntax for evt.around"),
            ("evt.abspath", None, "evt.abspath"),
            ("evt.abspath.dst", None, "evt.abspath 'dst'"),
            ("evt.abspath.both", None, "unknown"),
        ];
        for (name, arg, wanted) in cases {
            assert_eq!(resolved(name, arg), wanted, "{name} {arg:?}");
        }
        assert_eq!(Syscalls.resolve("evt.rawarg.res", None).map(|field| field.kind), Ok(ParamType::Errno));
    }

    /// What a field says of an event, with commas between several values.
    fn said(kind: EventType, params: &[&[u8]], name: &str) -> String {
        let mut event = OwnedEvent::new(kind, 1_795_414_449_071_763_988, 7);
        for param in params {
            event.push(param);
        }
        asked(&State::default(), &event, name)
    }

    /// What a field says of an event that a state took in.
    fn asked(state: &State, event: &OwnedEvent, name: &str) -> String {
        let (event, stream, arena) = (event.view(), Stream::default(), bumpalo::Bump::new());
        let context = Context { event: &event, state, stream: &stream, arena: &arena };
        let (name, arg) =
            name.strip_suffix(']').and_then(|name| name.split_once('[')).map_or((name, None), |(name, arg)| (name, Some(arg)));
        let field = Syscalls.resolve(name, arg).unwrap();
        let mut values = Vec::new();
        context.extract(&field, &mut values);
        let texts = values.iter().map(|value| match value {
            Value::Text(text) | Value::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
            Value::Int(number) => number.to_string(),
            Value::Uint(number) => number.to_string(),
            other => format!("{other:?}"),
        });
        texts.collect::<Vec<_>>().join(",")
    }

    #[test]
    fn containers_are_described_as_the_plugin_does() {
        let told = |state: &mut State, container: &str| {
            let mut event = OwnedEvent::new(kinds::CONTAINER_JSON_2_E, 1, 0);
            event.push(format!("{{\"container\": {container}}}\0").as_bytes());
            state.apply(&event.view());
            event
        };
        let mut state = State::default();
        let pod = r#"{"id": "c0ffee000001", "ip": "10.0.0.9", "pod_sandbox_labels": {"app": "web", "io.kubernetes.pod.uid": "7"}}"#;
        told(&mut state, pod);
        let event = told(
            &mut state,
            r#"{"id": "32a1026ccb88", "name": "web", "ip": "10.0.0.1", "labels": {"annotation.x": "1", "io.kubernetes.pod.name": "web-1", "plain": "",
                "tier": "front"}, "pod_sandbox_id": "c0ffee000001aaaa", "privileged": true}"#,
        );
        let cases = [
            ("container.id", "32a1026ccb88"),
            ("container.name", "web"),
            ("container.ip", "10.0.0.1"),
            ("container.labels", "plain, tier:front"),
            ("k8s.pod.name", "web-1"),
            ("k8s.pod.labels", "app:web"),
            ("k8s.pod.label[app]", "web"),
            ("k8s.pod.ip", "10.0.0.9"),
            ("k8s.pod.sandbox_id", "c0ffee000001"),
        ];
        for (name, wanted) in cases {
            assert_eq!(asked(&state, &event, name), wanted, "{name}");
        }
        // One that says what the network plugin answered says all of its pod.
        let whole = r#"{"id": "32a1026ccb88", "ip": "10.0.0.1", "cni_json": "{}", "pod_sandbox_id": "c0ffee000001aaaa", "pod_sandbox_labels": {"app": "own"}}"#;
        let event = told(&mut state, whole);
        assert_eq!(["k8s.pod.ip", "k8s.pod.labels", "k8s.pod.name"].map(|name| asked(&state, &event, name)), ["10.0.0.1", "app:own", ""]);
    }

    #[test]
    fn rules_do_not_see_what_is_for_the_state() {
        let event = |kind| OwnedEvent::new(kind, 5, 7);
        let mut stream = Stream::default();
        let cases = [
            (kinds::CONTAINER_JSON_2_E, false),
            (kinds::USER_ADDED_E, false),
            (kinds::OPEN_E, false),
            (kinds::CONTAINER_JSON_2_E, true),
            (kinds::OPEN_X, true),
            (kinds::CONNECT_E, false),
        ];
        for (kind, wanted) in cases {
            assert_eq!(stream.enter(&event(kind).view()), wanted, "{kind:?}");
        }
        let mut kept = event(kinds::OPEN_X);
        kept.state_only = true;
        assert!(!stream.enter(&kept.view()));
    }

    #[test]
    fn parameters_are_printed_as_upstream_prints_them() {
        let (three, cwd, denied) = (3_i64.to_le_bytes(), (-100_i64).to_le_bytes(), (-13_i64).to_le_bytes());
        let openat: &[&[u8]] =
            &[&three, &cwd, b"a/b\0", &4097_u32.to_le_bytes(), &0o644_u32.to_le_bytes(), &0xfe00_u32.to_le_bytes(), &7_u64.to_le_bytes()];
        let tuple = [&[2, 127, 0, 0, 1, 0xa0, 0x0f, 10, 0, 0, 1, 80, 0][..]].concat();
        let unix = [&[1][..], &0xffff_8881_u64.to_le_bytes(), &[0; 8], b"/run/s\0"].concat();
        let six = [&[10][..], &[0; 10], &[0xff, 0xff, 1, 2, 3, 4], &[1, 0], &[0; 16], &[2, 0]].concat();
        let cases: &[(EventType, &[&[u8]], &str, &str)] = &[
            (
                kinds::OPENAT_2_X,
                openat,
                "evt.args",
                "fd=3 dirfd=-100(AT_FDCWD) name=a/b flags=4097(O_RDONLY|O_CLOEXEC) mode=0644 dev=FE00 ino=7",
            ),
            (kinds::OPENAT_2_X, openat, "evt.arg.flags", "O_RDONLY|O_CLOEXEC"),
            (kinds::OPENAT_2_X, openat, "evt.arg[0]", "3"),
            (kinds::OPENAT_2_X, openat, "evt.arg[7]", ""),
            (kinds::OPENAT_2_X, openat, "evt.rawarg.flags", "4097"),
            (kinds::OPENAT_2_X, openat, "evt.is_open_read", "Bool(true)"),
            (kinds::OPENAT_2_X, openat, "evt.is_open_write", "Bool(false)"),
            (kinds::OPENAT_2_X, openat, "evt.res", "SUCCESS"),
            (kinds::OPENAT_2_X, openat, "fs.path.nameraw", "a/b"),
            (kinds::OPENAT_2_X, openat, "fd.name", ""),
            (kinds::OPENAT_2_X, openat, "evt.datetime", "2026-11-23 06:14:09.071763988"),
            (kinds::OPENAT_2_X, &[&denied, &cwd, b""], "evt.args", "fd=-13(EACCES) dirfd=-100(AT_FDCWD) name=<NA>"),
            (kinds::OPENAT_2_X, &[&denied], "evt.res", "EACCES"),
            (kinds::OPENAT_2_X, &[&denied], "evt.failed", "Bool(true)"),
            (kinds::OPENAT_2_X, &[b"ab"], "evt.args", "fd=<NA>"),
            (kinds::CONNECT_X, &[&denied, &tuple], "evt.arg.tuple", "127.0.0.1:4000->10.0.0.1:80"),
            (kinds::CONNECT_X, &[&denied, &unix], "evt.arg.tuple", "ffff8881->0 /run/s"),
            (kinds::CONNECT_X, &[&denied, &six], "evt.arg.tuple", "1.2.3.4:1->0.0.0.0:2"),
            (kinds::CONNECT_X, &[&denied, b"\x02ab", &three, b"\x01/s\0"], "evt.args", "res=-13(EACCES) tuple=INVALID IPv4 fd=3 addr=/s"),
            (kinds::CONNECT_X, &[&denied, b"", &three, b"\x05x"], "evt.args", "res=-13(EACCES) tuple=NULL fd=3 addr=family 5"),
            (kinds::SOCKET_X, &[&three, &1_u32.to_le_bytes()], "evt.arg.domain", "AF_LOCAL|AF_UNIX"),
            (kinds::READ_X, &[&three, b"a\x01b\n"], "evt.arg.data", "a.b."),
            (kinds::READ_X, &[&three, b""], "evt.arg.data", "NULL"),
            (kinds::READ_X, &[&three], "evt.io_dir", "read"),
            (kinds::KILL_X, &[&denied, &three, &[9]], "evt.args", "res=-13(EACCES) pid=3 sig=9(SIGKILL)"),
            (
                kinds::CHMOD_X,
                &[&[0; 8], b"/a\0", &0o4755_u32.to_le_bytes()],
                "evt.arg.mode",
                "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID",
            ),
            (kinds::NANOSLEEP_X, &[&[0; 8], &1_500_000_000_u64.to_le_bytes()], "evt.args", "res=0 interval=1500000000(1.5s)"),
            (kinds::SETUID_X, &[&[0; 8], &[0xff; 4]], "evt.args", "res=0 uid=-1(<NONE>)"),
            (kinds::CHOWN_X, &[&[0; 8], b"/a\0", &[0xff; 4], &[0; 4]], "evt.args", "res=0 path=/a uid=-1 gid=0"),
            (
                kinds::GETSOCKOPT_X,
                &[&[0; 8], &three, &[1], &[8], &[2, 1, 0, 0, 0], &[4, 0, 0, 0]],
                "evt.args",
                "res=0 fd=3 level=1(SOL_SOCKET) optname=8(SO_RCVBUF) val=1 optlen=4",
            ),
            (kinds::GENERIC_X, &[&0_u16.to_le_bytes(), &0_u16.to_le_bytes()], "evt.type", "unknown"),
            (kinds::GENERIC_X, &[&0_u16.to_le_bytes(), &0_u16.to_le_bytes()], "evt.args", ""),
            (kinds::GENERIC_X, &[&0_u16.to_le_bytes()], "evt.rawres", ""),
            (kinds::RENAMEAT2_X, &[&[0; 8], &cwd, b"/a/../b\0", &three, b"/c//d\0"], "fs.path.source", ""),
            (kinds::RENAMEAT2_X, &[&[0; 8], &cwd, b"/a/../b\0", &three, b"/c//d\0"], "fs.path.targetraw", "/c//d"),
        ];
        for (kind, params, name, wanted) in cases {
            assert_eq!(said(*kind, params, name), *wanted, "{name} of {}", kind.info().symbol);
        }
    }

    #[test]
    fn every_field_is_told_apart_and_described() {
        assert_eq!(TABLE.places.len(), TABLE.infos.len(), "no name stands twice");
        for info in Syscalls.all() {
            assert!(info.description.ends_with('.') && info.description.len() > 10, "{}", info.name);
        }
    }
}
