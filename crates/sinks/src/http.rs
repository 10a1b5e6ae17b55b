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
