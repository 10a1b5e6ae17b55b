//! Which event types there are, what each one carries, and how that is written.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The number of an event type, as capture files write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventType(pub u16);

impl EventType {
    /// What is known of it; a type that this schema does not have is described as one without name and parameters.
    #[must_use]
    pub fn info(self) -> &'static EventInfo {
        schema().get(usize::from(self.0)).unwrap_or(&UNKNOWN)
    }

    /// Whether it is an entry of a system call: those have even numbers.
    #[must_use]
    pub fn is_enter(self) -> bool {
        self.0 & 1 == 0
    }
}

/// One event type.
#[derive(Debug)]
pub struct EventInfo {
    /// Its number.
    pub kind: EventType,
    /// Its name in this schema (`OPENAT_2_X`): one name for each layout.
    pub symbol: &'static str,
    /// What rules call it (`openat`): the same for all layouts of a system call.
    pub name: &'static str,
    /// What it is about.
    pub category: Category,
    /// Where it comes from.
    pub origin: Origin,
    /// What follows from it.
    pub flags: EventFlags,
    /// What it carries, in order.
    pub params: Vec<ParamInfo>,
}

static UNKNOWN: EventInfo = EventInfo {
    kind: EventType(u16::MAX),
    symbol: "NA",
    name: "NA",
    category: Category::Unknown,
    origin: Origin::None,
    flags: EventFlags(EventFlags::UNUSED),
    params: Vec::new(),
};

/// One parameter of an event type.
#[derive(Debug)]
pub struct ParamInfo {
    /// Its name: `evt.arg.<name>`.
    pub name: &'static str,
    /// What its bytes are.
    pub kind: ParamType,
    /// How a number is printed.
    pub format: Format,
    /// The names of its bits or values.
    pub names: Option<&'static FlagTable>,
    /// For paths that start in a directory: the parameter that holds that directory's descriptor.
    pub dirfd: Option<usize>,
    /// For values that say their own type in their first byte: which types there are (`sockopt`, `ptrace`, `bpf`, `keyctl`).
    pub dynamic: Option<&'static str>,
}

/// A set of properties of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFlags(pub u16);

impl EventFlags {
    /// It makes a descriptor.
    pub const CREATES_FD: u16 = 1;
    /// It closes one.
    pub const DESTROYS_FD: u16 = 1 << 1;
    /// It works on one.
    pub const USES_FD: u16 = 1 << 2;
    /// It reads from one.
    pub const READS: u16 = 1 << 3;
    /// It writes to one.
    pub const WRITES: u16 = 1 << 4;
    /// State is kept from it.
    pub const STATE: u16 = 1 << 5;
    /// Nobody makes it.
    pub const UNUSED: u16 = 1 << 6;
    /// It waits.
    pub const WAITS: u16 = 1 << 7;
    /// It is no step of its thread.
    pub const SKIP_RESET: u16 = 1 << 8;
    /// Only old captures hold it.
    pub const OLD: u16 = 1 << 9;
    /// Its parameters' lengths are 32 bits wide.
    pub const LARGE: u16 = 1 << 11;
    /// Older layouts of it are brought to the present one while reading.
    pub const CONVERTED: u16 = 1 << 12;

    /// Whether it has one of these properties.
    #[must_use]
    pub fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }

    fn named(word: &str) -> Self {
        Self(match word {
            "creates_fd" => Self::CREATES_FD,
            "destroys_fd" => Self::DESTROYS_FD,
            "uses_fd" => Self::USES_FD,
            "reads" => Self::READS,
            "writes" => Self::WRITES,
            "state" => Self::STATE,
            "unused" => Self::UNUSED,
            "waits" => Self::WAITS,
            "skip_reset" => Self::SKIP_RESET,
            "old" => Self::OLD,
            "large" => Self::LARGE,
            "converted" => Self::CONVERTED,
            _ => 0,
        })
    }
}

/// Makes an enum of words, with the words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$note])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it is written in tables.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one that tables write so.
            #[must_use]
            pub fn named(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What an event is about.
    Category {
        /// Not an event of its own.
        Unknown = "unknown",
        /// Nothing of the below.
        Other = "other",
        /// Files.
        File = "file",
        /// The network.
        Net = "net",
        /// Messages between processes.
        Ipc = "ipc",
        /// Memory.
        Memory = "memory",
        /// Processes and threads.
        Process = "process",
        /// Sleep.
        Sleep = "sleep",
        /// The system as a whole.
        System = "system",
        /// Signals.
        Signal = "signal",
        /// Users and groups.
        User = "user",
        /// Time.
        Time = "time",
        /// Work in user space.
        Processing = "processing",
        /// Reads, of whatever descriptor.
        Read = "read",
        /// Writes.
        Write = "write",
        /// Input and output that is neither.
        Io = "io",
        /// Waits.
        Wait = "wait",
        /// The scheduler.
        Scheduler = "scheduler",
        /// Made by the recorder itself.
        Internal = "internal",
    }
}

words! {
    /// Where an event comes from.
    Origin {
        /// Nowhere.
        None = "-",
        /// A system call.
        Syscall = "syscall",
        /// A tracepoint of the kernel.
        Tracepoint = "tracepoint",
        /// A source beside the kernel.
        Plugin = "plugin",
        /// The recorder.
        Meta = "meta",
        /// A walk over what the kernel holds.
        Iter = "iter",
    }
}

words! {
    /// How a number is printed.
    Format {
        /// As its type asks for.
        Plain = "na",
        /// Decimal.
        Decimal = "dec",
        /// Hexadecimal, lower case, without a prefix.
        Hex = "hex",
        /// Decimal with zeros up to ten digits.
        Padded = "pad",
        /// As an identifier.
        Id = "id",
        /// As a direction.
        Direction = "dir",
        /// Octal.
        Octal = "oct",
    }
}

words! {
    /// The type of a parameter or of a field (`ppm_param_type`).
    ParamType {
        /// Nothing.
        None = "none",
        /// Number of 8 bits with a sign.
        Int8 = "int8",
        /// Of 16 bits.
        Int16 = "int16",
        /// Of 32 bits.
        Int32 = "int32",
        /// Of 64 bits.
        Int64 = "int64",
        /// Number of 8 bits without a sign.
        UInt8 = "uint8",
        /// Of 16 bits.
        UInt16 = "uint16",
        /// Of 32 bits.
        UInt32 = "uint32",
        /// Of 64 bits.
        UInt64 = "uint64",
        /// Text.
        CharBuf = "charbuf",
        /// Bytes.
        ByteBuf = "bytebuf",
        /// The result of a system call: a negative one is an error's number.
        Errno = "errno",
        /// One address of a socket.
        SockAddr = "sockaddr",
        /// Both addresses of a socket.
        SockTuple = "socktuple",
        /// A descriptor.
        Fd = "fd",
        /// A process or thread.
        Pid = "pid",
        /// Descriptors with flags.
        FdList = "fdlist",
        /// A path.
        FsPath = "fspath",
        /// A system call.
        SyscallId = "syscallid",
        /// A signal.
        SigType = "sigtype",
        /// A duration in nanoseconds.
        RelTime = "reltime",
        /// A time in nanoseconds since 1970.
        AbsTime = "abstime",
        /// A port.
        Port = "port",
        /// A protocol above IP.
        L4Proto = "l4proto",
        /// A family of sockets.
        SockFamily = "sockfamily",
        /// Yes or no.
        Bool = "bool",
        /// An IPv4 address.
        Ipv4Addr = "ipv4addr",
        /// What its first byte says.
        Dyn = "dyn",
        /// Bits with names.
        Flags8 = "flags8",
        /// Of 16 bits.
        Flags16 = "flags16",
        /// Of 32 bits.
        Flags32 = "flags32",
        /// A user; all ones are nobody.
        Uid = "uid",
        /// A group; all ones are none.
        Gid = "gid",
        /// A floating point number.
        Double = "double",
        /// Signals as bits.
        SigSet = "sigset",
        /// Texts.
        CharBufArray = "charbufarray",
        /// Pairs of texts.
        CharBufPairArray = "charbuf_pair_array",
        /// An IPv4 network.
        Ipv4Net = "ipv4net",
        /// An IPv6 address.
        Ipv6Addr = "ipv6addr",
        /// An IPv6 network.
        Ipv6Net = "ipv6net",
        /// An address of either family.
        IpAddr = "ipaddr",
        /// A network of either family.
        IpNet = "ipnet",
        /// Permissions of a file.
        Mode = "mode",
        /// A path that starts in a directory named by a descriptor.
        FsRelPath = "fsrelpath",
        /// One of some values with names.
        EnumFlags8 = "enumflags8",
        /// Of 16 bits.
        EnumFlags16 = "enumflags16",
        /// Of 32 bits.
        EnumFlags32 = "enumflags32",
        /// A descriptor of 32 bits.
        Fd32 = "fd32",
        /// A process of 32 bits.
        Pid32 = "pid32",
    }
}

/// Names of bits and values, in the order in which they are looked for.
#[derive(Debug)]
pub struct FlagTable {
    /// What the schema calls it.
    pub name: &'static str,
    /// Name and value.
    pub entries: Vec<(&'static str, u32)>,
}

static FLAGS: LazyLock<HashMap<&'static str, FlagTable>> = LazyLock::new(|| {
    lines(include_str!("flags.txt"))
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let entries =
                words.filter_map(|word| word.split_once('=')).filter_map(|(name, value)| Some((name, value.parse().ok()?))).collect();
            Some((name, FlagTable { name, entries }))
        })
        .collect()
});

static EVENTS: LazyLock<Vec<EventInfo>> = LazyLock::new(|| lines(include_str!("events.txt")).filter_map(event).collect());

static SYSCALLS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| lines(include_str!("syscalls.txt")).filter_map(|line| Some(line.split_once(' ')?.1)).collect());

/// All event types; each stands at the place of its number.
#[must_use]
pub fn schema() -> &'static [EventInfo] {
    &EVENTS
}

/// The table of names that the schema calls so (`file_flags`).
#[must_use]
pub(super) fn flag_table(name: &str) -> Option<&'static FlagTable> {
    FLAGS.get(name)
}

/// The name of a system call by the number that captures use.
#[must_use]
pub fn syscall_name(number: u16) -> Option<&'static str> {
    SYSCALLS.get(usize::from(number)).copied()
}

/// The names of all system calls; each stands at the place of its number.
#[must_use]
pub fn syscalls() -> &'static [&'static str] {
    &SYSCALLS
}

/// The number that captures use for a system call.
#[must_use]
pub fn syscall_number(name: &str) -> Option<u16> {
    u16::try_from(SYSCALLS.iter().position(|known| *known == name)?).ok()
}

impl FlagTable {
    /// The table that the schema calls so (`file_flags`, `socket_families`).
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        flag_table(name)
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn event(line: &'static str) -> Option<EventInfo> {
    let mut words = line.split(' ');
    let kind = EventType(words.next()?.parse().ok()?);
    let symbol = words.next()?;
    let name = words.next()?;
    let category = Category::named(words.next()?)?;
    let origin = Origin::named(words.next()?)?;
    let flags = EventFlags(words.next()?.split(',').fold(0, |flags, word| flags | EventFlags::named(word).0));
    let params = words.filter_map(param).collect();
    Some(EventInfo { kind, symbol, name, category, origin, flags, params })
}

/// `name:type[:format][(what)]`.
fn param(word: &'static str) -> Option<ParamInfo> {
    let (word, what) = match word.strip_suffix(')').and_then(|word| word.split_once('(')) {
        Some((word, what)) => (word, Some(what)),
        None => (word, None),
    };
    let mut parts = word.split(':');
    let name = parts.next()?;
    let kind = ParamType::named(parts.next()?)?;
    let format = parts.next().map_or(Some(Format::Plain), Format::named)?;
    let dirfd = what.filter(|_| kind == ParamType::FsRelPath).and_then(|what| what.parse().ok());
    let dynamic = what.filter(|_| kind == ParamType::Dyn);
    Some(ParamInfo { name, kind, format, names: what.and_then(flag_table), dirfd, dynamic })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::kinds;

    #[test]
    fn the_tables_are_whole() {
        assert_eq!(schema().len(), 454);
        for (index, info) in schema().iter().enumerate() {
            assert_eq!(usize::from(info.kind.0), index, "{}", info.symbol);
        }
        let written: usize = lines(include_str!("events.txt")).map(|line| line.split(' ').count() - 6).sum();
        assert_eq!(schema().iter().map(|info| info.params.len()).sum::<usize>(), written, "every parameter was understood");
        assert_eq!(FLAGS.len(), 55);
        assert_eq!(syscall_number("openat2").and_then(syscall_name), Some("openat2"));
        for (index, line) in lines(include_str!("syscalls.txt")).enumerate() {
            assert!(line.starts_with(&format!("{index} ")), "{line}");
        }
    }

    #[test]
    fn parameters_know_their_names_and_directories() {
        let info = kinds::OPENAT_2_X.info();
        assert_eq!(info.name, "openat");
        assert!(info.flags.has(EventFlags::CREATES_FD) && info.flags.has(EventFlags::STATE));
        let name = info.params.iter().find(|param| param.name == "name").unwrap();
        assert_eq!((name.kind, name.dirfd), (ParamType::FsRelPath, Some(1)));
        let flags = info.params.iter().find(|param| param.name == "flags").unwrap();
        assert!(flags.names.unwrap().entries.contains(&("O_CREAT", 4)));
    }
}
