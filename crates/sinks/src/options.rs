//! What can be said of each sink, in the words of falco.yaml; the same words on the command line.

use crate::Format;
use crate::http::BatchFormat;
use crate::syslog::{Address, Framing};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A place where alerts go.
#[derive(Debug, Clone, PartialEq)]
pub struct Sink {
    /// The form in which they go there.
    pub format: Format,
    /// Attempts beyond the first, where this sink differs from [`crate::Retry`].
    pub retries: Option<u32>,
    /// The way there.
    pub channel: Channel,
}

/// The ways alerts can go. Shown as problems name it, without what is secret in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// A file.
    File(FileOptions),
    /// A POST to a server.
    Http(HttpOptions),
    /// A syslog daemon.
    Syslog(SyslogOptions),
    /// A program's standard input.
    Program(ProgramOptions),
}

/// A file that alerts are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// Where it is.
    pub filename: PathBuf,
    /// It stays open between alerts. It is found again either way when something moved it.
    pub keep_alive: bool,
    /// The size in bytes at which it is turned over; without, it only grows, as with Falco.
    pub max_size: Option<u64>,
    /// How many older files are kept as `filename.1`, `filename.2` and so on.
    pub max_files: u32,
}

/// A server that takes alerts by POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Where it is.
    pub url: String,
    /// How we introduce ourselves.
    pub user_agent: String,
    /// The server's certificate is not verified.
    pub insecure: bool,
    /// A file with the authorities that vouch for the server; replaces those of the system.
    pub ca_cert: Option<PathBuf>,
    /// The same; `ca_cert` goes first.
    pub ca_bundle: Option<PathBuf>,
    /// A directory of such files; the two above go first.
    pub ca_path: Option<PathBuf>,
    /// Whether we show a certificate; when nothing is said, if both of these are there.
    pub mtls: Option<bool>,
    /// Our certificate.
    pub client_cert: Option<PathBuf>,
    /// The key of our certificate.
    pub client_key: Option<PathBuf>,
    /// Bodies are compressed by gzip.
    pub compress_uploads: bool,
    /// The connection is used again.
    pub keep_alive: bool,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The most alerts in one request.
    pub batch: usize,
    /// How they stand in it, when the most are more than one.
    pub batch_format: BatchFormat,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The environment's proxy is used (`HTTPS_PROXY`, `NO_PROXY`).
    pub proxy: bool,
}

/// A syslog daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogOptions {
    /// Where it listens.
    pub address: Address,
    /// The facility as RFC 5424 counts: 1 is `user`.
    pub facility: u8,
    /// The name under which messages stand.
    pub tag: String,
    /// The host that is named to a remote daemon; this machine's name if nothing is said.
    pub hostname: Option<String>,
    /// How messages are told apart over TCP.
    pub framing: Framing,
}

/// A program that reads alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOptions {
    /// A command of the shell.
    pub program: String,
    /// It is started once and reads on, instead of once for each alert.
    pub keep_alive: bool,
    /// How long a program that is started for each alert may take.
    pub timeout: Duration,
}

/// Facilities by name (RFC 5424, table 1; the names of syslog.conf).
const FACILITIES: &[&str] = &[
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// Where the machine's own daemon listens.
const LOCAL: &str = if cfg!(target_os = "macos") { "/var/run/syslog" } else { "/dev/log" };

impl Channel {
    /// The kinds by the name they have on the command line, `stdout` and so on.
    pub const KINDS: &[&str] = &["stdout", "file", "http", "syslog", "program"];

    /// A channel of a kind as it is when nothing is said of it.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Some(match kind {
            "stdout" => Self::Stdout,
            "file" => Self::File(FileOptions { filename: PathBuf::new(), keep_alive: true, max_size: None, max_files: 5 }),
            "http" => Self::Http(HttpOptions {
                url: String::new(),
                user_agent: concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned(),
                insecure: false,
                ca_cert: None,
                ca_bundle: None,
                ca_path: None,
                mtls: None,
                client_cert: None,
                client_key: None,
                compress_uploads: false,
                keep_alive: true,
                headers: Vec::new(),
                batch: 1,
                batch_format: BatchFormat::Array,
                timeout: Duration::from_secs(10),
                proxy: true,
            }),
            "syslog" => Self::Syslog(SyslogOptions {
                address: Address::Local(LOCAL.into()),
                facility: 1,
                tag: "plimsoll".to_owned(),
                hostname: None,
                framing: Framing::OctetCounting,
            }),
            "program" => Self::Program(ProgramOptions { program: String::new(), keep_alive: true, timeout: Duration::from_secs(30) }),
            _ => return None,
        })
    }

    /// The key that says where alerts go.
    fn target(&self) -> Option<&'static str> {
        match self {
            Self::Stdout => None,
            Self::File(_) => Some("filename"),
            Self::Http(_) => Some("url"),
            Self::Syslog(_) => Some("address"),
            Self::Program(_) => Some("program"),
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        match self {
            Self::Stdout => &[],
            Self::File(_) => &["filename", "keep_alive", "max_size", "max_files"],
            Self::Http(_) => &[
                "url",
                "user_agent",
                "insecure",
                "ca_cert",
                "ca_bundle",
                "ca_path",
                "mtls",
                "client_cert",
                "client_key",
                "compress_uploads",
                "keep_alive",
                "header",
                "batch",
                "batch_format",
                "timeout",
                "proxy",
                "echo",
                "max_consecutive_timeouts",
            ],
            Self::Syslog(_) => &["address", "facility", "tag", "hostname", "framing"],
            Self::Program(_) => &["program", "keep_alive", "timeout"],
        }
    }
}

impl Sink {
    /// A sink as it is when nothing is said of it: JSON for servers, which read it, and lines elsewhere.
    pub fn new(channel: Channel) -> Self {
        let format = if matches!(channel, Channel::Http(_)) { Format::Json } else { Format::Text };
        Self { format, retries: None, channel }
    }

    /// Sets an option to what is written for it.
    ///
    /// # Errors
    /// What is wrong with the key or the value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let known = self.channel.keys();
        let unknown = || Err(format!("unknown option `{key}`; known: {}", [known, &["format", "retries"]].concat().join(", ")));
        match (key, &mut self.channel) {
            ("format", _) => self.format = choice(key, value, &[("text", Format::Text), ("json", Format::Json)])?,
            // Falco repeats a request this often, though after timeouts only.
            ("retries", _) | ("max_consecutive_timeouts", Channel::Http(_)) => self.retries = Some(number(key, value)?),
            (_, Channel::Stdout) => return unknown(),
            (_, Channel::File(file)) => match key {
                "filename" => file.filename = value.into(),
                "keep_alive" => file.keep_alive = switch(key, value)?,
                "max_size" => file.max_size = Some(bytes(key, value)?).filter(|size| *size > 0),
                "max_files" => file.max_files = number(key, value)?,
                _ => return unknown(),
            },
            (_, Channel::Http(http)) => match key {
                "url" => http.url = unquoted(value).to_owned(),
                "user_agent" => http.user_agent = value.to_owned(),
                "insecure" => http.insecure = switch(key, value)?,
                "ca_cert" => http.ca_cert = path(value),
                "ca_bundle" => http.ca_bundle = path(value),
                "ca_path" => http.ca_path = path(value),
                "mtls" => http.mtls = Some(switch(key, value)?),
                "client_cert" => http.client_cert = path(value),
                "client_key" => http.client_key = path(value),
                "compress_uploads" => http.compress_uploads = switch(key, value)?,
                "keep_alive" => http.keep_alive = switch(key, value)?,
                "header" => {
                    let (name, content) = value.split_once(':').ok_or("`header` must be like `Name: value`")?;
                    http.headers.push((name.trim().to_owned(), content.trim().to_owned()));
                }
                "batch" => http.batch = number(key, value)?,
                "batch_format" => {
                    http.batch_format = choice(key, value, &[("array", BatchFormat::Array), ("ndjson", BatchFormat::Ndjson)])?;
                }
                "timeout" => http.timeout = duration(key, value)?,
                "proxy" => http.proxy = switch(key, value)?,
                "echo" if !switch(key, value)? => {}
                "echo" => return Err("`echo` is not supported: standard output holds nothing but alerts".to_owned()),
                _ => return unknown(),
            },
            (_, Channel::Syslog(syslog)) => match key {
                "address" => syslog.address = value.parse()?,
                "facility" => {
                    let known = FACILITIES.iter().position(|name| *name == value);
                    let facility = known.or_else(|| value.parse().ok()).filter(|number| *number < FACILITIES.len());
                    let facility = facility.and_then(|number| u8::try_from(number).ok());
                    syslog.facility = facility.ok_or_else(|| format!("`{value}` is no facility: {}", FACILITIES.join(", ")))?;
                }
                "tag" => syslog.tag = value.to_owned(),
                "hostname" => syslog.hostname = Some(value.to_owned()),
                "framing" => {
                    syslog.framing = choice(key, value, &[("octet-counting", Framing::OctetCounting), ("newline", Framing::Newline)])?;
                }
                _ => return unknown(),
            },
            (_, Channel::Program(program)) => match key {
                "program" => program.program = value.to_owned(),
                "keep_alive" => program.keep_alive = switch(key, value)?,
                "timeout" => program.timeout = duration(key, value)?,
                _ => return unknown(),
            },
        }
        Ok(())
    }

    /// Whether it is known where to.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_empty = match &self.channel {
            Channel::Stdout | Channel::Syslog(_) => false,
            Channel::File(file) => file.filename.as_os_str().is_empty(),
            Channel::Http(http) => http.url.is_empty(),
            Channel::Program(program) => program.program.trim().is_empty(),
        };
        match self.channel.target() {
            Some(key) if is_empty => Err(format!("`{key}` is missing: it says where alerts go")),
            _ => Ok(()),
        }
    }
}

impl FromStr for Sink {
    type Err = String;

    /// As `--sink` takes it: `KIND`, `KIND=TARGET`, or `KIND,OPTION=VALUE,…` with the options of falco.yaml, of which the target comes last and may hold
    /// commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find([',', '=']).unwrap_or(text.len());
        let (kind, rest) = text.split_at(end);
        let channel = Channel::of_kind(kind).ok_or_else(|| format!("`{kind}` is no sink: {}", Channel::KINDS.join(", ")))?;
        let mut sink = Self::new(channel);
        let target = sink.channel.target();
        if let Some(place) = rest.strip_prefix('=') {
            let key = target.ok_or_else(|| format!("`{kind}` takes no target"))?;
            sink.set(key, place)?;
        }
        let mut rest = rest.strip_prefix(',');
        while let Some(options) = rest {
            let (key, value) = options.split_once('=').ok_or_else(|| format!("`{options}` is no option: name=value"))?;
            let (value, following) = match value.split_once(',') {
                Some((value, following)) if target != Some(key) => (value, Some(following)),
                _ => (value, None),
            };
            sink.set(key, value)?;
            rest = following;
        }
        sink.check()?;
        Ok(sink)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(file) => write!(f, "the file `{}`", file.filename.display()),
            Self::Http(http) => {
                // The user, the path and the query of a webhook are its password.
                let (scheme, rest) = http.url.split_once("://").unwrap_or(("", &http.url));
                let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let host = authority.rsplit('@').next().unwrap_or_default();
                write!(f, "`{scheme}://{host}`")
            }
            Self::Syslog(syslog) => write!(f, "syslog at `{}`", syslog.address),
            Self::Program(program) => {
                // Arguments may hold secrets.
                let name = program.program.split_whitespace().next().unwrap_or_default();
                write!(f, "the program `{name}`")
            }
        }
    }
}

fn choice<T: Copy>(key: &str, value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
    found.ok_or_else(|| format!("`{key}` must be {}, is `{value}`", names()))
}

pub(crate) fn switch(key: &str, value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "false" | "no" | "off" | "n" => Ok(false),
        _ => Err(format!("`{key}` must be true or false, is `{value}`")),
    }
}

pub(crate) fn number<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{key}` must be a number, is `{value}`"))
}

/// Bytes, `K`, `M` or `G`: powers of 1024.
fn bytes(key: &str, value: &str) -> Result<u64, String> {
    let digits = value.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = value.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let shift = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => Some(0),
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        _ => None,
    };
    let size = digits.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    size.ok_or_else(|| format!("`{key}` must be a size like 10M, is `{value}`"))
}

/// Milliseconds as in falco.yaml, or with a unit.
pub(crate) fn duration(key: &str, value: &str) -> Result<Duration, String> {
    let digits = value.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let millis = match value.get(digits.len()..).unwrap_or_default() {
        "" | "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        _ => None,
    };
    let length = digits.parse::<u64>().ok().zip(millis).and_then(|(number, unit)| number.checked_mul(unit));
    length.map(Duration::from_millis).ok_or_else(|| format!("`{key}` must be a time like 500ms or 10s, is `{value}`"))
}

fn path(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| value.into())
}

/// Quotes within quotes, which Falco takes off.
fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Sink {
        text.parse().unwrap_or_else(|message| panic!("{text}: {message}"))
    }

    #[test]
    fn flags() {
        let http = |text: &str| match parse(text).channel {
            Channel::Http(http) => http,
            other => panic!("{other:?}"),
        };
        assert_eq!(parse("stdout"), Sink { format: Format::Text, retries: None, channel: Channel::Stdout });
        assert_eq!(parse("stdout,format=json,retries=0"), Sink { format: Format::Json, retries: Some(0), channel: Channel::Stdout });
        // The target may hold what divides options.
        assert_eq!(http("http=https://host/a,b?c=d,e=f").url, "https://host/a,b?c=d,e=f");
        let long = http("http,batch=10,timeout=3s,insecure=yes,header=A: b=c,url=https://host/?a=b,c=d");
        assert_eq!((long.batch, long.timeout, long.insecure), (10, Duration::from_secs(3), true));
        assert_eq!((long.url.as_str(), long.headers), ("https://host/?a=b,c=d", vec![("A".to_owned(), "b=c".to_owned())]));
        assert_eq!(http("http='https://host'").url, "https://host");
        let Channel::File(file) = parse("file,max_size=10M,filename=a,b=c").channel else { panic!() };
        assert_eq!((file.max_size, file.filename), (Some(10 << 20), "a,b=c".into()));
        let Channel::Program(program) = parse("program=jq '{a: .b, c: .d}' | x --y=z").channel else { panic!() };
        assert_eq!(program.program, "jq '{a: .b, c: .d}' | x --y=z");
        let Channel::Syslog(syslog) = parse("syslog").channel else { panic!() };
        assert_eq!((syslog.facility, syslog.address), (1, Address::Local(LOCAL.into())));
        let Channel::Syslog(syslog) = parse("syslog,facility=local7,address=tcp://h").channel else { panic!() };
        assert_eq!((syslog.facility, syslog.address), (23, Address::Tcp("h".to_owned(), 514)));
    }

    #[test]
    fn flags_that_say_nothing() {
        let table = [
            ("", "`` is no sink: stdout, file, http, syslog, program"),
            ("kafka=x", "`kafka` is no sink: stdout, file, http, syslog, program"),
            ("stdout=x", "`stdout` takes no target"),
            ("file", "`filename` is missing: it says where alerts go"),
            ("http=", "`url` is missing: it says where alerts go"),
            ("program= ", "`program` is missing: it says where alerts go"),
            ("file,keep_alive", "`keep_alive` is no option: name=value"),
            ("file,path=x", "unknown option `path`; known: filename, keep_alive, max_size, max_files, format, retries"),
            ("file,keep_alive=maybe,filename=x", "`keep_alive` must be true or false, is `maybe`"),
            ("file,max_size=10X,filename=x", "`max_size` must be a size like 10M, is `10X`"),
            ("file,max_size=99999999999999999G,filename=x", "`max_size` must be a size like 10M, is `99999999999999999G`"),
            ("http,timeout=soon,url=x", "`timeout` must be a time like 500ms or 10s, is `soon`"),
            ("http,batch=-1,url=x", "`batch` must be a number, is `-1`"),
            ("http,batch_format=xml,url=x", "`batch_format` must be array or ndjson, is `xml`"),
            ("http,header=x,url=x", "`header` must be like `Name: value`"),
            ("http,echo=true,url=x", "`echo` is not supported: standard output holds nothing but alerts"),
            ("stdout,format=xml", "`format` must be text or json, is `xml`"),
            ("syslog,framing=none", "`framing` must be octet-counting or newline, is `none`"),
        ];
        for (text, wanted) in table {
            assert_eq!(text.parse::<Sink>().unwrap_err(), wanted, "{text}");
        }
        assert!("syslog,facility=local8".parse::<Sink>().unwrap_err().starts_with("`local8` is no facility: kern, user, "));
        assert!("syslog,facility=24".parse::<Sink>().is_err());
    }

    /// Problems are shown to many; webhooks and programs are called with secrets.
    #[test]
    fn secrets_are_not_shown() {
        for text in ["http=https://user:secret@host:1/secret?secret#secret", "program=curl secret", "http=https://host:1?secret"] {
            let shown = parse(text).channel.to_string();
            assert!(!shown.contains("secret") && (shown.contains("host:1") || shown.contains("curl")), "{shown}");
        }
    }

    #[test]
    fn sizes_and_times() {
        for (text, wanted) in [("0", 0), ("7", 7), ("1k", 1 << 10), ("1KB", 1 << 10), ("2MiB", 2 << 20), ("3G", 3 << 30)] {
            assert_eq!(bytes("x", text), Ok(wanted), "{text}");
        }
        for (text, wanted) in [("2000", 2000), ("5ms", 5), ("2s", 2000), ("1m", 60_000)] {
            assert_eq!(duration("x", text), Ok(Duration::from_millis(wanted)), "{text}");
        }
    }
}
