//! HTTP: a POST for each alert, or for as many as wait.

use crate::options::HttpOptions;
use crate::worker::{Deliver, Failure, Then};
use crate::{Format, Message};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::fmt::rfc2822;
use std::io::Write;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};

/// What of an answer is read, so that the connection can be used again; an answer that goes on costs the connection.
const MOST_OF_ANSWER: u64 = 64 << 10;

/// What of an answer is shown.
const SHOWN_OF_ANSWER: usize = 160;

/// How several alerts stand in one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchFormat {
    /// A JSON array, also when it is only one.
    Array,
    /// An object a line.
    Ndjson,
}

pub(crate) struct Http {
    agent: Agent,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    format: Format,
    batch: usize,
    batch_format: BatchFormat,
    compress: bool,
}

impl Http {
    pub(crate) fn open(options: &HttpOptions, format: Format) -> Result<Self, String> {
        let uri: Uri = options.url.parse().map_err(|error| format!("the URL cannot be read: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err("the URL must be like https://host/path".to_owned());
        }
        let kind = match (format, options.batch > 1, options.batch_format) {
            (Format::Text, ..) => "text/plain",
            (Format::Json, true, BatchFormat::Ndjson) => "application/x-ndjson",
            (Format::Json, ..) => "application/json",
        };
        let mut headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
        if options.compress_uploads {
            headers.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        for (name, value) in &options.headers {
            let parsed = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            let (name, mut value) = parsed.ok_or_else(|| format!("`{name}` is not a header, or its value cannot be sent"))?;
            value.set_sensitive(true);
            // What the user says replaces what we would.
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Whoever could redirect alerts could read them.
            .max_redirects(0)
            .user_agent(&options.user_agent)
            .timeout_global(Some(options.timeout))
            .tls_config(crate::tls::config(options)?)
            .max_idle_connections(usize::from(options.keep_alive))
            .max_idle_connections_per_host(usize::from(options.keep_alive));
        let config = if options.proxy { config } else { config.proxy(None) };
        Ok(Self {
            agent: config.build().new_agent(),
            url: options.url.clone(),
            headers,
            format,
            batch: options.batch.max(1),
            batch_format: options.batch_format,
            compress: options.compress_uploads,
        })
    }

    fn body(&self, messages: &[Message]) -> std::io::Result<Vec<u8>> {
        let array = self.batch > 1 && self.format == Format::Json && self.batch_format == BatchFormat::Array;
        let (open, between, close) = match (array, self.batch > 1) {
            (true, _) => ("[", ",", "]"),
            (false, true) => ("", "\n", "\n"),
            (false, false) => ("", "\n", ""),
        };
        let mut body = open.as_bytes().to_vec();
        for (position, message) in messages.iter().enumerate() {
            if position > 0 {
                body.extend_from_slice(between.as_bytes());
            }
            body.extend_from_slice(message.body(self.format).as_bytes());
        }
        body.extend_from_slice(close.as_bytes());
        if !self.compress {
            return Ok(body);
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&body)?;
        encoder.finish()
    }
}

impl Deliver for Http {
    fn batch(&self) -> usize {
        self.batch
    }

    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure> {
        let body = self.body(messages).map_err(|error| Failure::never(error.to_string()))?;
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(&body).map_err(|error| transport(&error))?;
        let text = answer.body_mut().with_config().limit(MOST_OF_ANSWER).read_to_vec().unwrap_or_default();
        judge(answer.status(), answer.headers(), &text)
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, text: &[u8]) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let mut reason = format!("the server answers {status}");
    if status.is_redirection() {
        reason.push_str(", and redirects are not followed");
    }
    // Control characters of a stranger do not reach the terminal.
    let shown: String = String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = shown.chars().filter(|character| !character.is_control()).take(SHOWN_OF_ANSWER).collect();
    if !shown.is_empty() {
        reason.push_str(": ");
        reason.push_str(&shown);
    }
    let may_change = status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let then = match (may_change, retry_after(headers)) {
        (false, _) => Then::Never,
        (true, None) => Then::Again,
        (true, Some(wait)) => Then::After(wait),
    };
    Err(Failure { delivered: 0, then, reason })
}

/// `Retry-After` in seconds, or as a date, which is compared with the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let asked = text(header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let instant = |date: &str| rfc2822::DateTimeParser::new().parse_timestamp(date).ok();
    instant(asked)?.duration_since(instant(text(header::DATE)?)?).try_into().ok()
}

/// What it means that there is no answer. A certificate that is not trusted will not be at the next attempt.
fn transport(error: &ureq::Error) -> Failure {
    let tls = match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        _ => None,
    };
    match (tls, error) {
        (Some(tls @ (rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))), _) => Failure::never(tls.to_string()),
        (_, ureq::Error::Timeout(_)) => Failure::again("the server does not answer in time"),
        (_, ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_)) => Failure::never(error.to_string()),
        _ => Failure::again(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Reply, Server, message, start};
    use std::io::Read;

    const OK: Reply = Reply::Status("200 OK", "");
    const BUSY: Reply = Reply::Status("503 Service Unavailable", "");

    /// What the server did, with how many attempts the alert was delivered, and what the problem says otherwise.
    #[test]
    fn failures_are_repeated_when_that_may_help() {
        let table: &[(&[Reply], &str, u64, &str)] = &[
            (&[OK], "", 0, ""),
            (&[Reply::Status("204 No Content", "")], "", 0, ""),
            (&[BUSY, OK], "", 1, ""),
            (&[Reply::Close, OK], "", 1, ""),
            (&[Reply::Silence, OK], ",timeout=1s", 1, ""),
            (&[Reply::Status("408 Request Timeout", ""), OK], "", 1, ""),
            (&[Reply::Status("429 Too Many Requests", ""), OK], "", 1, ""),
            (&[BUSY, BUSY], ",retries=1", 1, "the server answers 503 Service Unavailable: nope"),
            (&[Reply::Silence], ",timeout=100ms,retries=0", 0, "the server does not answer in time"),
            (&[Reply::Status("400 Bad Request", "")], "", 0, "the server answers 400 Bad Request: nope"),
            (&[Reply::Status("401 Unauthorized", "")], "", 0, "the server answers 401 Unauthorized: nope"),
            (
                &[Reply::Status("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n"), OK],
                "",
                0,
                "the server answers 307 Temporary Redirect, and redirects are not followed: nope",
            ),
        ];
        for (replies, options, retries, problem) in table {
            let server = Server::start(replies);
            let mut run = start(&[&server.sink(options)]);
            run.send([1]);
            let problems = run.finish();
            let tally = run.tally();
            assert_eq!(tally.retries, *retries, "{replies:?}");
            if problem.is_empty() {
                assert_eq!((problems, tally.delivered, tally.failed), (Vec::new(), 1, 0), "{replies:?}");
            } else {
                let message = format!("1 alert could not be delivered to `http://{}`: {problem}", server.address);
                assert_eq!((problems, tally.delivered, tally.failed), (vec![message], 0, 1), "{replies:?}");
            }
            // The server may read a request after we gave it up.
            (0..=*retries).for_each(|_| drop(server.requests.recv().unwrap()));
            assert!(server.requests.try_recv().is_err(), "{replies:?}");
        }
    }

    #[test]
    fn nobody_listens() {
        let mut run = start(&["http,proxy=false,retries=2,url=http://127.0.0.1:1/"]);
        run.send([1, 2]);
        let problems = run.finish();
        assert_eq!((problems.len(), run.tally().failed, run.tally().retries), (1, 2, 4), "{problems:?}");
        assert!(problems[0].starts_with("2 alerts could not be delivered to `http://127.0.0.1:1`: "), "{problems:?}");
    }

    /// Waits double up to a bound, and are as long as the server asks if that is longer.
    #[test]
    fn waits() {
        let asked = |headers| Reply::Status("503 Service Unavailable", headers);
        let far = asked("Date: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:28:07 GMT\r\n");
        let past = asked("Date: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:27:00 GMT\r\n");
        let replies =
            [BUSY, BUSY, asked("Retry-After: 3\r\n"), asked("Retry-After: 99999\r\n"), asked("Retry-After: soon\r\n"), far, past, BUSY, OK];
        let server = Server::start(&replies);
        let mut run = start(&[&server.sink(",retries=8")]);
        run.send([1]);
        assert_eq!(run.finish(), Vec::<String>::new());
        assert_eq!(run.waits(), [250, 500, 3000, 60_000, 4000, 8000, 16_000, 30_000]);
    }

    /// Falcosidekick takes one object a request, uncompressed, with these fields of these types.
    #[test]
    fn a_request_is_as_falcosidekick_takes_it() {
        let server = Server::start(&[OK, OK]);
        let mut run = start(&[&server.sink(",header=X-Team: blue,header=Authorization: Bearer t")]);
        run.send([1, 2]);
        assert_eq!(run.finish(), Vec::<String>::new());
        let requests: Vec<_> = server.requests.try_iter().collect();
        assert_eq!(requests.iter().map(|(_, _, connection)| *connection).collect::<Vec<_>>(), [1, 1], "the connection is used again");
        let (head, body, _) = &requests[0];
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /hook?token=hidden http/1.1\r\n"), "{head}");
        let agent = concat!("user-agent: plimsoll/", env!("CARGO_PKG_VERSION"));
        for header in [agent, "content-type: application/json", "x-team: blue", "authorization: bearer t"] {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{header} in {head}");
        }
        assert!(!head.contains("content-encoding"), "{head}");
        let alert: serde_json::Value = serde_json::from_slice(body).unwrap();
        for field in ["output", "priority", "rule", "time", "source", "hostname"] {
            assert!(alert[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
        }
        assert!(alert["output_fields"].is_object() && alert["tags"].as_array().unwrap().iter().all(serde_json::Value::is_string));
        assert!(alert["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn connections_end_when_asked_to() {
        let server = Server::start(&[OK, OK]);
        let mut run = start(&[&server.sink(",keep_alive=false,format=text,user_agent=falcosecurity/falco")]);
        run.send([1, 2]);
        assert_eq!(run.finish(), Vec::<String>::new());
        let requests: Vec<_> = server.requests.try_iter().collect();
        assert_eq!(requests.iter().map(|(_, _, connection)| *connection).collect::<Vec<_>>(), [1, 2]);
        let head = requests[0].0.to_ascii_lowercase();
        assert!(head.contains("content-type: text/plain\r\n") && head.contains("user-agent: falcosecurity/falco\r\n"), "{head}");
        assert_eq!(requests[0].1, b"alert 1");
    }

    #[test]
    fn batches() {
        let bodies = |options: &str, counts: &[u32]| {
            let sink: crate::Sink = format!("http{options},url=http://localhost").parse().unwrap();
            let crate::Channel::Http(http) = &sink.channel else { panic!("{sink:?}") };
            let http = Http::open(http, sink.format).unwrap();
            let body = |count: &u32| http.body(&(1..=*count).map(message).collect::<Vec<_>>()).unwrap();
            counts.iter().map(body).collect::<Vec<_>>()
        };
        let [one, two] = [1, 2].map(|number| message(number).json.to_string());
        let table = [
            ("", vec![one.clone()]),
            (",batch=9", vec![format!("[{one}]"), format!("[{one},{two}]")]),
            (",batch=9,batch_format=ndjson", vec![format!("{one}\n"), format!("{one}\n{two}\n")]),
            (",batch=9,format=text", vec!["alert 1\n".to_owned(), "alert 1\nalert 2\n".to_owned()]),
        ];
        for (options, wanted) in table {
            let counts: Vec<u32> = (1..=wanted.len() as u32).collect();
            assert_eq!(bodies(options, &counts), wanted.iter().map(|body| body.as_bytes().to_vec()).collect::<Vec<_>>(), "{options}");
            let zipped = bodies(&format!("{options},compress_uploads=true"), &counts);
            for (zipped, wanted) in zipped.iter().zip(wanted) {
                let mut text = String::new();
                flate2::read::GzDecoder::new(zipped.as_slice()).read_to_string(&mut text).unwrap();
                assert_eq!(text, wanted, "{options}");
            }
        }
    }

    /// What waits while a request is under way goes with the next one.
    #[test]
    fn what_waits_goes_together() {
        let server = Server::start(&[BUSY, BUSY, OK, OK, OK, OK, OK]);
        let mut run = start(&[&server.sink(",batch=3,compress_uploads=true")]);
        run.send(1..=5);
        assert_eq!(run.finish(), Vec::<String>::new());
        let mut alerts = Vec::new();
        for (head, body, _) in server.requests.try_iter().skip(2) {
            assert!(head.to_ascii_lowercase().contains("content-encoding: gzip\r\n"), "{head}");
            let list: Vec<serde_json::Value> = serde_json::from_reader(flate2::read::GzDecoder::new(body.as_slice())).unwrap();
            assert!(list.len() <= 3);
            alerts.extend(list.iter().map(|alert| alert["output"].as_str().unwrap().to_owned()));
        }
        assert_eq!(alerts, ["alert 1", "alert 2", "alert 3", "alert 4", "alert 5"]);
    }

    #[test]
    fn urls_that_lead_nowhere() {
        for url in ["ftp://host/", "http://", "host:80", "http://a b/"] {
            let run = start(&[&format!("http={url}")]);
            assert!(run.problems.len() == 1 && run.problems[0].contains("the URL "), "{url}: {:?}", run.problems);
        }
        let run = start(&["http,header=a b: c,url=http://host"]);
        assert_eq!(run.problems, ["alerts cannot be sent to `http://host`: `a b` is not a header, or its value cannot be sent"]);
    }
}
