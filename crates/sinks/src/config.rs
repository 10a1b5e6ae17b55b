//! Where alerts go, as falco.yaml says it.

use crate::options::{Channel, Sink, duration, number};
use crate::queue::Overflow;
use crate::yaml::Reader;
use plimsoll_model::Node;
use std::time::Duration;

/// Every sink, and what they have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where alerts go.
    pub sinks: Vec<Sink>,
    /// What messages are where nothing else is said (`json_output`).
    pub format: crate::Format,
    /// How many messages wait for each sink at most.
    pub capacity: usize,
    /// What happens to a message when that many wait.
    pub overflow: Overflow,
    /// How often and how soon a failed attempt is repeated.
    pub retry: Retry,
    /// How long the end waits for what is not delivered yet.
    pub deadline: Duration,
}

/// How failed attempts are repeated: after `first`, then after twice that, and so on to `longest`; each time between half of it and all of it, so that
/// many senders do not come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts beyond the first.
    pub attempts: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sinks: Vec::new(),
            format: crate::Format::Text,
            capacity: 8192,
            overflow: Overflow::Drop,
            retry: Retry { attempts: 5, first: Duration::from_millis(250), longest: Duration::from_secs(30) },
            deadline: Duration::from_secs(10),
        }
    }
}

impl Retry {
    /// The wait before the attempt after `attempt` (0 is the first); `jitter` is from 0 to 1.
    pub(crate) fn wait(self, attempt: u32, jitter: f64) -> Duration {
        let whole = self.first.saturating_mul(2_u32.saturating_pow(attempt)).min(self.longest);
        whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

impl Config {
    /// Reads the outputs of a falco.yaml, and gives back what is about something else. What is not known is a problem: alerts that go nowhere are missed
    /// too late.
    pub fn read<'n>(root: Node<'n>, reader: &mut Reader<'_>) -> (Self, Vec<(Node<'n>, Node<'n>)>) {
        let mut config = Self::default();
        let mut format = crate::Format::Text;
        let mut elsewhere = Vec::new();
        let known = || Channel::KINDS.iter().map(|kind| format!("{kind}_output")).collect::<Vec<_>>().join(", ");
        if !root.is_map() {
            reader.wrong(root, format!("the configuration must be a map, is {}", root.describe()));
        }
        for (key, value) in root.entries().filter(|(_, value)| !value.is_null()) {
            match key.text() {
                "json_output" => {
                    if reader.switch(key, value) == Some(true) {
                        format = crate::Format::Json;
                    }
                }
                "output_timeout" => config.deadline = reader.value(key, value, duration).unwrap_or(config.deadline),
                "outputs_queue" => {
                    for (key, value) in value.entries() {
                        match key.text() {
                            // Without a bound to Falco; to us, nothing is.
                            "capacity" => match reader.value(key, value, number::<usize>) {
                                Some(0) | None => {}
                                Some(capacity) => config.capacity = capacity,
                            },
                            other => reader.wrong(key, format!("unknown key `{other}` in `outputs_queue`; known: capacity")),
                        }
                    }
                }
                name => match name.strip_suffix("_output").and_then(Channel::of_kind) {
                    Some(channel) => config.sinks.extend(reader.sink(key, value, channel)),
                    None if name.ends_with("_output") && name != "append_output" => {
                        reader.wrong(key, format!("`{name}` is no output; known: {}", known()));
                    }
                    None => elsewhere.push((key, value)),
                },
            }
        }
        config.format = format;
        config.sinks.iter_mut().for_each(|sink| sink.format = format);
        (config, elsewhere)
    }

    /// The keys of a falco.yaml that are read here.
    pub fn keys() -> impl Iterator<Item = String> {
        let outputs = Channel::KINDS.iter().map(|kind| format!("{kind}_output"));
        ["json_output", "output_timeout", "outputs_queue"].map(str::to_owned).into_iter().chain(outputs)
    }
}

impl Reader<'_> {
    /// `http_output: {enabled: …, …}`
    fn sink(&mut self, name: Node<'_>, node: Node<'_>, channel: Channel) -> Option<Sink> {
        if !node.is_map() {
            self.wrong(node, format!("`{}` must be a map, is {}", name.text(), node.describe()));
            return None;
        }
        let mut sink = Sink::new(channel);
        let mut enabled = false;
        // What Falco does when nothing is said, where we do otherwise: the paths of certificates stand there all the time.
        match &mut sink.channel {
            Channel::Http(http) => http.mtls = Some(false),
            Channel::Program(program) => program.keep_alive = false,
            _ => {}
        }
        let before = self.problems().len();
        for (key, value) in node.entries().filter(|(_, value)| !value.is_null()) {
            match key.text() {
                "enabled" => enabled = self.switch(key, value).unwrap_or(false),
                "headers" if value.is_map() => {
                    for (key, value) in value.entries() {
                        self.value(key, value, |name, text| sink.set("header", &format!("{name}: {text}")));
                    }
                }
                // An empty text is how falco.yaml says nothing.
                _ if value.as_str() == Some("") => {}
                _ => {
                    self.value(key, value, |key, text| sink.set(key, text).map_err(|message| format!("{message} (in `{}`)", name.text())));
                }
            }
        }
        if !enabled {
            return None;
        }
        if let Err(message) = sink.check() {
            self.wrong(name, message);
        }
        (self.problems().len() == before).then_some(sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, HttpOptions};
    use plimsoll_model::{Limits, Origin, Problem, Source, parse};

    fn read(text: &str) -> (Config, Vec<String>) {
        let source = Source::new("falco.yaml", Origin::File, text);
        let (documents, problems) = parse(&source, Limits::default());
        assert!(problems.is_empty(), "{problems:?}");
        let variable = |name: &str| (name == "TOKEN").then(|| "t0k".to_owned());
        let mut reader = Reader::new(&variable);
        let (config, elsewhere) = Config::read(documents[0].root().unwrap(), &mut reader);
        elsewhere.into_iter().for_each(|(key, _)| reader.wrong(key, format!("`{}` is left", key.text())));
        let shown = |problem: Problem| format!("{}: {}", problem.location.unwrap(), problem.message);
        (config, reader.finish().into_iter().map(shown).collect())
    }

    /// What Falco's own file has under these keys, switched on.
    #[test]
    fn outputs_of_falco() {
        let (config, problems) = read(
            r#"
json_output: true
output_timeout: 2000
outputs_queue: {capacity: 100}
stdout_output: {enabled: true}
syslog_output: {enabled: yes}
file_output:
  enabled: true
  keep_alive: false
  filename: ./events.txt
http_output:
  enabled: true
  url: "https://host/${TOKEN}/$${TOKEN}/${NONE}"
  user_agent: "falcosecurity/falco"
  insecure: false
  ca_cert: ""
  ca_bundle: ""
  ca_path: "/etc/ssl/certs"
  mtls: false
  client_cert: "/etc/ssl/certs/client.crt"
  client_key: "/etc/ssl/certs/client.key"
  echo: false
  compress_uploads: true
  keep_alive: false
  max_consecutive_timeouts: 7
  headers: {Authorization: "Bearer ${TOKEN}"}
program_output:
  enabled: true
  program: "jq '{text: .output}' | cat"
"#,
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((config.capacity, config.deadline), (100, Duration::from_secs(2)));
        assert!(config.sinks.iter().all(|sink| sink.format == Format::Json));
        let kinds: Vec<_> = config.sinks.iter().map(|sink| sink.channel.to_string()).collect();
        let local = Channel::of_kind("syslog").unwrap().to_string();
        assert_eq!(kinds, ["standard output", &local, "the file `./events.txt`", "`https://host`", "the program `jq`"]);
        let Some(Channel::Http(default)) = Channel::of_kind("http") else { panic!() };
        let wanted = HttpOptions {
            url: "https://host/t0k/${TOKEN}/".to_owned(),
            user_agent: "falcosecurity/falco".to_owned(),
            ca_path: Some("/etc/ssl/certs".into()),
            mtls: Some(false),
            client_cert: Some("/etc/ssl/certs/client.crt".into()),
            client_key: Some("/etc/ssl/certs/client.key".into()),
            compress_uploads: true,
            keep_alive: false,
            headers: vec![("Authorization".to_owned(), "Bearer t0k".to_owned())],
            ..default
        };
        assert_eq!((&config.sinks[3].channel, config.sinks[3].retries), (&Channel::Http(wanted), Some(7)));
        let Channel::Program(program) = &config.sinks[4].channel else { panic!() };
        assert!(!program.keep_alive);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let table: &[(&str, &[&str])] = &[
            ("file_output: {enabled: false, filename: x}", &[]),
            ("file_output: {filename: x}", &[]),
            ("http_output: {enabled: true}", &["falco.yaml:1:1: `url` is missing: it says where alerts go"]),
            ("http_output: {enabled: true, url: ''}", &["falco.yaml:1:1: `url` is missing: it says where alerts go"]),
            ("stdout_output: [a]", &["falco.yaml:1:16: `stdout_output` must be a map, is a list"]),
            ("stdout_output: {enabled: 5}", &["falco.yaml:1:26: `enabled` must be true or false, is `5`"]),
            ("stdout_output: {enabled: {}}", &["falco.yaml:1:26: `enabled` must be a single value, is a map"]),
            (
                "stdout_output: {enabled: true, colour: red}",
                &["falco.yaml:1:40: unknown option `colour`; known: format, retries (in `stdout_output`)"],
            ),
            (
                "grpc_output: {enabled: true}",
                &[
                    "falco.yaml:1:1: `grpc_output` is no output; known: stdout_output, file_output, http_output, syslog_output, program_output",
                ],
            ),
            ("outputs_queue: {size: 5}", &["falco.yaml:1:17: unknown key `size` in `outputs_queue`; known: capacity"]),
            ("output_timeout: soon", &["falco.yaml:1:17: `output_timeout` must be a time like 500ms or 10s, is `soon`"]),
            (
                "rules_files: [a]\nstdout_output: {}\nappend_output: []",
                &["falco.yaml:1:1: `rules_files` is left", "falco.yaml:3:1: `append_output` is left"],
            ),
            ("[a]", &["falco.yaml:1:1: the configuration must be a map, is a list"]),
        ];
        for (text, wanted) in table {
            let (config, problems) = read(text);
            assert_eq!(problems, *wanted, "{text}");
            assert!(config.sinks.is_empty(), "{text}");
        }
        assert_eq!(read("outputs_queue: {capacity: 0}").0.capacity, Config::default().capacity, "no bound is none of ours");
    }
}
