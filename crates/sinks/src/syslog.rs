//! Syslog: the machine's own over its socket, as the C library writes it; another over UDP or TCP by RFC 5424.

use crate::lines::push_escaped;
use crate::options::SyslogOptions;
use crate::worker::{Deliver, Failure};
use crate::{Format, Message};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The port of syslog over UDP (RFC 5426); over TCP it is the custom (RFC 6587 gives none).
const PORT: u16 = 514;

/// The most bytes of a message in a datagram: a UDP packet holds no more than 65,507, and what is too large is not sent at all.
const MOST_IN_DATAGRAM: usize = 60_000;

/// How long a connection may take to come about, and a receiver to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a syslog daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket of this machine, written as its path.
    Local(PathBuf),
    /// `udp://host:port`.
    Udp(String, u16),
    /// `tcp://host:port`.
    Tcp(String, u16),
}

/// How messages are told apart on a TCP connection (RFC 6587).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The length stands before each message.
    OctetCounting,
    /// A line end stands after each message.
    Newline,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (is_tcp, place) = match text.split_once("://") {
            Some(("udp", place)) => (false, place),
            Some(("tcp", place)) => (true, place),
            None if text.starts_with('/') => return Ok(Self::Local(text.into())),
            _ => return Err(format!("`{text}` is no address of syslog: udp://host:port, tcp://host:port or the path of a socket")),
        };
        let bare = place.trim_start_matches('[').trim_end_matches(']');
        let (host, port) = match place.rsplit_once(':') {
            // `::1` and `[::1]` have colons and no port.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
                (host.trim_start_matches('[').trim_end_matches(']'), port)
            }
            _ => (bare, PORT),
        };
        if host.is_empty() || host.contains('/') {
            return Err(format!("`{text}` names no host"));
        }
        Ok(if is_tcp { Self::Tcp(host.to_owned(), port) } else { Self::Udp(host.to_owned(), port) })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Udp(name, port) => write!(f, "udp://{}:{port}", host(name)),
            Self::Tcp(name, port) => write!(f, "tcp://{}:{port}", host(name)),
        }
    }
}

pub(crate) struct Syslog {
    options: SyslogOptions,
    format: Format,
    hostname: String,
    connection: Option<Connection>,
    shortened: u64,
}

enum Connection {
    Datagrams(UnixDatagram),
    /// As datagrams, each ended by a zero byte.
    Stream(UnixStream),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Syslog {
    /// The connection comes with the first message: daemons start later at times.
    pub(crate) fn open(options: &SyslogOptions, format: Format) -> Self {
        let of_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let hostname = options.hostname.clone().or_else(of_kernel).unwrap_or_default();
        Self { options: options.clone(), format, hostname: name(&hostname, 255), connection: None, shortened: 0 }
    }

    fn connect(&self) -> io::Result<Connection> {
        match &self.options.address {
            Address::Local(path) => {
                let socket = UnixDatagram::unbound()?;
                match socket.connect(path) {
                    Ok(()) => {
                        socket.set_write_timeout(Some(PATIENCE))?;
                        Ok(Connection::Datagrams(socket))
                    }
                    // Some daemons listen for streams on it.
                    Err(error) => {
                        let stream = UnixStream::connect(path).map_err(|_| error)?;
                        stream.set_write_timeout(Some(PATIENCE))?;
                        Ok(Connection::Stream(stream))
                    }
                }
            }
            Address::Udp(host, port) => each(host, *port, |address| {
                let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(local)?;
                socket.connect(address)?;
                Ok(Connection::Udp(socket))
            }),
            Address::Tcp(host, port) => each(host, *port, |address| {
                let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Connection::Tcp(stream))
            }),
        }
    }

    /// `<PRI>` and the header, by the receiver's kind, and the message.
    fn record(&mut self, message: &Message) -> Vec<u8> {
        let priority = u32::from(self.options.facility) * 8 + u32::from(message.severity.min(7));
        let time = Timestamp::from_nanosecond(i128::from(message.time)).unwrap_or_default();
        let (tag, process) = (name(&self.options.tag, 48), std::process::id());
        let is_local = matches!(self.options.address, Address::Local(_));
        let mut record = if is_local {
            let time = time.to_zoned(TimeZone::UTC).strftime("%b %e %H:%M:%S").to_string();
            format!("<{priority}>{time} {tag}[{process}]: ")
        } else {
            // RFC 5424 has room for microseconds.
            format!("<{priority}>1 {time:.6} {} {tag} {process} - - ", self.hostname)
        }
        .into_bytes();
        push_escaped(&mut record, message.body(self.format));
        if !matches!(self.options.address, Address::Tcp(..)) && record.len() > MOST_IN_DATAGRAM {
            record.truncate(MOST_IN_DATAGRAM);
            // Half of a character is none.
            while record.last().is_some_and(|byte| !byte.is_ascii()) {
                record.pop();
            }
            self.shortened += 1;
        }
        record
    }
}

impl Deliver for Syslog {
    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure> {
        for (delivered, message) in messages.iter().enumerate() {
            let record = self.record(message);
            let connection = match self.connection.take() {
                Some(connection) if !connection.is_closed() => Ok(connection),
                _ => self.connect(),
            };
            let sent = connection.and_then(|mut connection| {
                connection.send(&record, self.options.framing)?;
                Ok(connection)
            });
            match sent {
                Ok(connection) => self.connection = Some(connection),
                Err(error) => return Err(Failure { delivered, ..Failure::again(error.to_string()) }),
            }
        }
        Ok(())
    }

    fn reopen(&mut self) {
        self.connection = None;
    }

    fn remark(&mut self) -> Option<String> {
        let shortened = std::mem::take(&mut self.shortened);
        (shortened > 0).then(|| format!("{shortened} shortened to {MOST_IN_DATAGRAM} bytes, the most that is sent in one piece"))
    }
}

impl Connection {
    /// Whether the other side has ended a TCP connection: what is written to it then is lost without an error at first.
    fn is_closed(&self) -> bool {
        let Self::Tcp(stream) = self else { return false };
        let asked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let back = stream.set_nonblocking(false);
        back.is_err() || matches!(asked, Ok(0)) || asked.is_err_and(|error| error.kind() != ErrorKind::WouldBlock)
    }

    fn send(&mut self, record: &[u8], framing: Framing) -> io::Result<()> {
        let framed = |before: &[u8], after: &[u8]| [before, record, after].concat();
        match self {
            Self::Datagrams(socket) => socket.send(record).map(drop),
            Self::Udp(socket) => socket.send(record).map(drop),
            Self::Stream(stream) => stream.write_all(&framed(b"", b"\0")),
            Self::Tcp(stream) => match framing {
                Framing::OctetCounting => stream.write_all(&framed(format!("{} ", record.len()).as_bytes(), b"")),
                Framing::Newline => stream.write_all(&framed(b"", b"\n")),
            },
        }
    }
}

/// The first of the host's addresses that works.
fn each<T>(host: &str, port: u16, connect: impl Fn(std::net::SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match connect(address) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A name of RFC 5424: printable ASCII without blanks, `-` for none.
fn name(text: &str, most: usize) -> String {
    let name: String = text.trim().chars().filter(char::is_ascii_graphic).take(most).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{accept, message, start};
    use std::io::{BufRead, Read};
    use std::net::TcpListener;

    fn local_record(text: &str) -> String {
        format!("<12>Jul 31 12:00:00 plimsoll[{}]: {text}", std::process::id())
    }

    fn remote_record(host: &str, tag: &str, priority: u32, text: &str) -> String {
        format!("<{priority}>1 2026-07-31T12:00:00.123456Z {host} {tag} {} - - {text}", std::process::id())
    }

    #[test]
    fn the_machines_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut run = start(&[&format!("syslog={}", path.display())]);
        run.send([1]);
        run.sinks.send(&Message { text: "é\n".repeat(MOST_IN_DATAGRAM).into(), ..message(2) });
        let mut buffer = vec![0; 100_000];
        let mut next = || {
            let length = daemon.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        assert_eq!(next(), local_record("alert 1"));
        let long = next();
        assert!(long.starts_with(&local_record("é\\né\\n")) && (MOST_IN_DATAGRAM - 1..=MOST_IN_DATAGRAM).contains(&long.len()));
        assert_eq!(
            run.finish(),
            [format!("syslog at `{}`: 1 shortened to 60000 bytes, the most that is sent in one piece", path.display())]
        );
    }

    #[test]
    fn a_daemon_that_takes_streams() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut run = start(&[&format!("syslog={}", path.display())]);
        run.send([1, 2]);
        assert_eq!(run.finish(), Vec::<String>::new());
        let mut text = String::new();
        drop(run);
        daemon.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, [local_record("alert 1"), local_record("alert 2"), String::new()].join("\0"));
    }

    #[test]
    fn over_udp() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = daemon.local_addr().unwrap();
        let mut run = start(&[&format!("syslog,facility=local3,tag=falco x,hostname=node 1,format=json,address=udp://{address}")]);
        run.send([1]);
        assert_eq!(run.finish(), Vec::<String>::new());
        let mut buffer = vec![0; 2000];
        let length = daemon.recv(&mut buffer).unwrap();
        assert_eq!(std::str::from_utf8(&buffer[..length]).unwrap(), remote_record("node1", "falcox", 19 * 8 + 4, &message(1).json));
    }

    #[test]
    fn over_tcp() {
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = daemon.local_addr().unwrap();
        let record = |text| remote_record("node", "plimsoll", 12, text);
        let counted = |text| format!("{} {}", record(text).len(), record(text));
        for (framing, wanted) in [
            ("octet-counting", [counted("alert 1"), counted("a\\nb")].concat()),
            ("newline", format!("{}\n{}\n", record("alert 1"), record("a\\nb"))),
        ] {
            let mut run = start(&[&format!("syslog,framing={framing},hostname=node,address=tcp://{address}")]);
            run.send([1]);
            run.sinks.send(&Message { text: "a\nb".into(), ..message(2) });
            assert_eq!(run.finish(), Vec::<String>::new());
            let mut text = String::new();
            accept(&daemon).read_to_string(&mut text).unwrap();
            assert_eq!(text, wanted);
        }
    }

    /// A daemon that ended the connection is found again, and nothing is lost.
    #[test]
    fn a_daemon_comes_back() {
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let sink: crate::Sink = format!("syslog,framing=newline,address=tcp://{}", daemon.local_addr().unwrap()).parse().unwrap();
        let crate::Channel::Syslog(options) = &sink.channel else { panic!("{sink:?}") };
        let mut syslog = Syslog::open(options, sink.format);
        for number in 1..4 {
            syslog.deliver(&[message(number)]).unwrap();
            let mut line = String::new();
            let mut connection = accept(&daemon);
            connection.read_line(&mut line).unwrap();
            assert!(line.ends_with(&format!("alert {number}\n")), "{line}");
            drop(connection);
            // The end of the connection has come through when a read says so.
            let Some(Connection::Tcp(stream)) = &syslog.connection else { panic!() };
            assert_eq!(stream.peek(&mut [0]).unwrap(), 0);
        }
    }

    #[test]
    fn nobody_listens() {
        let mut run = start(&["syslog,retries=1,address=/nowhere", "syslog,retries=0,address=tcp://127.0.0.1:1"]);
        run.send([1]);
        assert_eq!(
            run.finish(),
            [
                "1 alert could not be delivered to syslog at `/nowhere`: No such file or directory (os error 2)",
                "1 alert could not be delivered to syslog at `tcp://127.0.0.1:1`: Connection refused (os error 111)",
            ]
        );
    }

    #[test]
    fn addresses() {
        let table = [
            ("/dev/log", "/dev/log"),
            ("udp://host", "udp://host:514"),
            ("tcp://host:601", "tcp://host:601"),
            ("udp://[::1]:5514", "udp://[::1]:5514"),
            ("udp://[::1]", "udp://[::1]:514"),
            ("tcp://::1", "tcp://[::1]:514"),
        ];
        for (text, wanted) in table {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), wanted);
        }
        for text in ["", "host", "host:514", "tls://host", "udp://", "udp://:514", "udp://host:x", "udp://host:70000", "tcp://host/path"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
