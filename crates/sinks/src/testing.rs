//! What the tests of all sinks share: messages, time that does not pass, a server that answers by a script.

use crate::queue::Queue;
use crate::worker::Pace;
use crate::{Config, Message, Sink, Sinks, Tally};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) fn message(number: u32) -> Message {
    Message {
        time: 1_785_499_200_123_456_789,
        severity: 4,
        text: format!("alert {number}").into(),
        json: format!(
            r#"{{"hostname":"node","output":"alert {number}","output_fields":{{"proc.name":"sh"}},"priority":"Warning","rule":"Shell","source":"syscall","tags":["a"],"time":"2026-07-31T12:00:00.123456789Z"}}"#
        )
        .into(),
    }
}

/// Notes what it should wait, and does not.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<Duration>>>);

impl Pace for Noted {
    fn pause(&mut self, queue: &Queue, wait: Duration) -> bool {
        self.0.lock().unwrap().push(wait);
        queue.pause(Duration::ZERO)
    }

    fn jitter(&mut self) -> f64 {
        1.0
    }
}

/// A writer that keeps what it gets.
#[derive(Clone, Default)]
pub(crate) struct Kept(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Run {
    pub(crate) sinks: Sinks,
    /// What could not start.
    pub(crate) problems: Vec<String>,
    waits: Noted,
}

pub(crate) fn config(sinks: &[&str]) -> Config {
    Config { sinks: sinks.iter().map(|sink| sink.parse::<Sink>().unwrap()).collect(), ..Config::default() }
}

pub(crate) fn start(sinks: &[&str]) -> Run {
    start_with(&config(sinks), Box::new(std::io::sink()))
}

pub(crate) fn start_with(config: &Config, stdout: Box<dyn Write + Send>) -> Run {
    let waits = Noted::default();
    let theirs = waits.clone();
    let (sinks, problems) = Sinks::start_with(config, stdout, move || Box::new(theirs.clone()));
    Run { sinks, problems: problems.into_iter().map(|problem| problem.message).collect(), waits }
}

impl Run {
    pub(crate) fn send(&self, numbers: impl IntoIterator<Item = u32>) {
        numbers.into_iter().for_each(|number| self.sinks.send(&message(number)));
    }

    /// Waits for everything; what went wrong.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        self.finish_within(Duration::MAX)
    }

    pub(crate) fn finish_within(&mut self, deadline: Duration) -> Vec<String> {
        self.sinks.finish(deadline).into_iter().map(|problem| problem.message).collect()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.sinks.tallies().next().unwrap().1
    }

    pub(crate) fn waits(&self) -> Vec<u64> {
        self.waits.0.lock().unwrap().iter().map(|wait| wait.as_millis() as u64).collect()
    }
}

/// What the server does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// Status and further headers, each with its line end.
    Status(&'static str, &'static str),
    /// Closes the connection without an answer.
    Close,
    /// Says nothing, and keeps the connection.
    Silence,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Head and body of each request, and the number of its connection.
    pub(crate) requests: Receiver<(String, Vec<u8>, usize)>,
}

impl Server {
    pub(crate) fn start(replies: &[Reply]) -> Self {
        Self::start_tls(replies, None)
    }

    pub(crate) fn start_tls(replies: &[Reply], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let replies = replies.to_vec();
        std::thread::spawn(move || serve(&listener, &replies, tls.as_ref(), &sender));
        Self { address, requests }
    }

    /// A sink that posts to it.
    pub(crate) fn sink(&self, options: &str) -> String {
        format!("http,proxy=false{options},url=http://{}/hook?token=hidden", self.address)
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.requests.try_iter().map(|(_, body, _)| String::from_utf8(body).unwrap()).collect()
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn serve(listener: &TcpListener, replies: &[Reply], tls: Option<&Arc<ServerConfig>>, requests: &Sender<(String, Vec<u8>, usize)>) {
    let mut open: Option<BufReader<Box<dyn Stream>>> = None;
    let mut silent = Vec::new();
    let mut connections = 0;
    let mut replies = replies.iter();
    let Some(mut reply) = replies.next() else { return };
    loop {
        let stream = open.get_or_insert_with(|| {
            connections += 1;
            let stream = listener.accept().unwrap().0;
            BufReader::new(match tls {
                None => Box::new(stream),
                Some(tls) => Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(tls)).unwrap(), stream)),
            })
        });
        let Some((head, body)) = request(stream) else {
            open = None;
            continue;
        };
        requests.send((head, body, connections)).unwrap();
        match reply {
            Reply::Status(status, headers) => {
                let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 4\r\n\r\nnope");
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
                stream.get_mut().flush().unwrap();
            }
            Reply::Close => open = None,
            Reply::Silence => silent.extend(open.take()),
        }
        match replies.next() {
            Some(next) => reply = next,
            // Open connections stay open until the test ends.
            None => loop {
                std::thread::park();
            },
        }
    }
}

fn request(stream: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// An authority and what it vouches for.
pub(crate) struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

/// A certificate and its key as PEM.
pub(crate) struct Pair(pub(crate) String, pub(crate) String);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, name: &str) -> Pair {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        Pair(certificate.pem(), key.serialize_pem())
    }

    /// A server of this authority; `clients` is the one of the clients it takes, all if there is none.
    pub(crate) fn server(&self, name: &str, clients: Option<&Self>) -> Arc<ServerConfig> {
        use rustls::pki_types::pem::PemObject;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.0.der().clone()).unwrap();
                builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap())
            }
        };
        let Pair(certificate, key) = self.issue(name);
        let chain = vec![rustls::pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }
}

/// The next connection's lines.
pub(crate) fn accept(listener: &TcpListener) -> BufReader<TcpStream> {
    BufReader::new(listener.accept().unwrap().0)
}
