//! The format of tests of rules, and events that tests write down.

mod encode;

use crate::state::{Container, Mount, State};
use plimsoll_model::events::{Descriptor, DescriptorKind, OwnedEvent, Process, Start};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The JSON schema of a test.
#[must_use]
pub fn json_schema() -> Json {
    schema_for!(Test).to_value()
}

/// `kind: RuleTest` of plimsoll.dev/v1.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    /// `plimsoll.dev/v1`
    pub api_version: String,
    /// `RuleTest`
    pub kind: String,
    /// Rules files and directories, in order, beside this file; without, the rules of this program.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Which of the rules that match one event make an alert.
    #[serde(default)]
    pub matching: Which,
    /// What is expected of which events.
    pub cases: Vec<Case>,
}

/// See [`crate::engine::Matching`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// All of them: the rule that is tested is not hidden by another.
    #[default]
    All,
    /// The first.
    First,
}

/// Some events, and what is expected of them. They come from a capture, from `events`, or from `audit`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What is tested; in reports.
    #[serde(default)]
    pub name: String,
    /// A capture, beside this file.
    pub capture: Option<String>,
    /// Containers that are known.
    #[serde(default)]
    pub containers: Vec<TestContainer>,
    /// Processes that run when the events begin.
    #[serde(default)]
    pub processes: Vec<TestProcess>,
    /// Events of system calls.
    #[serde(default)]
    pub events: Vec<TestEvent>,
    /// Audit events: a file beside this one, or a list of them.
    pub audit: Option<Audit>,
    /// Alerts that have to come. Those of rules that are not named may come, too.
    #[serde(default)]
    pub expect: Vec<Expected>,
    /// Rules that must not make an alert; `*` in a name stands for anything.
    #[serde(default, alias = "expect_none")]
    pub expect_none: Vec<String>,
}

/// Audit events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Audit {
    /// A file beside the test.
    File(String),
    /// Themselves.
    Events(Vec<Map<String, Json>>),
}

/// Alerts of a rule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// The rule's name.
    pub rule: String,
    /// How many; without, one or more.
    pub count: Option<u64>,
    /// What the output of one of them has to hold: a text or several.
    #[serde(default)]
    pub output: Texts,
}

/// A text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Texts {
    /// One.
    One(String),
    /// Several; for arguments each is one.
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    /// Each with a zero byte behind it, as the kernel keeps them.
    fn bytes(&self) -> Vec<u8> {
        self.all().iter().flat_map(|text| text.bytes().chain([0])).collect()
    }
}

/// A container that is known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestContainer {
    /// Its id; processes name it.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its image with tag.
    #[serde(default)]
    pub image: String,
    /// Whether it is privileged.
    pub privileged: Option<bool>,
    /// Its pod.
    #[serde(default)]
    pub pod: String,
    /// The pod's namespace.
    #[serde(default)]
    pub namespace: String,
    /// What is mounted into it: where it comes from, by where it is seen.
    #[serde(default)]
    pub mounts: BTreeMap<String, String>,
}

/// A process that runs when the events begin.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestProcess {
    /// Its number.
    pub pid: i64,
    /// Its parent's.
    #[serde(default = "init")]
    pub ppid: i64,
    /// What it is called (`proc.name`).
    pub name: String,
    /// The file that it runs (`proc.exepath`).
    #[serde(default)]
    pub exepath: String,
    /// The first argument; without, the name.
    #[serde(default)]
    pub exe: String,
    /// The other arguments.
    #[serde(default)]
    pub args: Texts,
    /// The environment, each as `NAME=value`.
    #[serde(default)]
    pub env: Texts,
    /// The working directory.
    #[serde(default)]
    pub cwd: String,
    /// The user.
    #[serde(default)]
    pub uid: u32,
    /// The group.
    #[serde(default)]
    pub gid: u32,
    /// The user that logged in.
    pub loginuid: Option<u32>,
    /// Its session.
    #[serde(default)]
    pub sid: i64,
    /// Its number in its own pid namespace.
    pub vpid: Option<i64>,
    /// Its process group in its own pid namespace.
    pub vpgid: Option<i64>,
    /// Its terminal; 0 is none.
    #[serde(default)]
    pub tty: u32,
    /// The container that it runs in.
    #[serde(default)]
    pub container: String,
    /// Its effective and permitted capabilities as bits.
    #[serde(default)]
    pub capabilities: u64,
    /// Whether its file was written after the container started.
    #[serde(default)]
    pub exe_upper_layer: bool,
    /// Whether it runs from memory.
    #[serde(default)]
    pub exe_from_memfd: bool,
    /// Files that it has open: paths by number.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

fn init() -> i64 {
    1
}

/// An event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestEvent {
    /// What rules call it (`openat`).
    #[serde(rename = "type")]
    pub kind: String,
    /// The thread that makes it.
    pub tid: i64,
    /// When: nanoseconds since 1970; without, a millisecond after the one before.
    pub time: Option<u64>,
    /// What it says, by the names that `evt.arg` has. Flags stand by their names, addresses as `1.2.3.4:80`, connections as
    /// `1.2.3.4:5000->5.6.7.8:80`, paths of sockets as `unix:/path`, lists of arguments as lists, any bytes as `{hex: 00ff}`. A result
    /// that is not named is a success.
    #[serde(default)]
    pub params: Map<String, Json>,
}

impl TestContainer {
    /// What a runtime would tell of it, and the short id that threads have.
    #[must_use]
    pub fn known(&self) -> (Vec<u8>, Container) {
        let mounts = self.mounts.iter().map(|(destination, source)| Mount {
            source: source.clone(),
            destination: destination.clone(),
            writable: true,
            ..Mount::default()
        });
        let container = Container {
            full_id: self.id.clone(),
            name: self.name.clone(),
            image: self.image.clone(),
            privileged: self.privileged,
            pod: self.pod.clone(),
            namespace: self.namespace.clone(),
            mounts: mounts.collect(),
            ..Container::default()
        };
        (self.id.bytes().take(SHORT_ID).collect(), container)
    }
}

/// Threads know their container by so many letters of its id.
const SHORT_ID: usize = 12;
/// So many an id has in the name of a control group.
const FULL_ID: usize = 64;

impl TestProcess {
    /// What a capture would say of it at its start.
    #[must_use]
    pub fn start(&self) -> Vec<Start> {
        let or = |text: &str, other: &str| if text.is_empty() { other.as_bytes().to_vec() } else { text.as_bytes().to_vec() };
        // Control groups name the container by its whole id.
        let cgroups = match self.container.as_str() {
            "" => Vec::new(),
            id => {
                let padded: String = id.chars().chain(std::iter::repeat('0')).take(FULL_ID).collect();
                format!("cgroups=/kubepods.slice/cri-containerd-{padded}.scope\0").into_bytes()
            }
        };
        let process = Process {
            tid: self.pid,
            pid: self.pid,
            ptid: self.ppid,
            sid: self.sid,
            vpgid: self.vpgid.or(self.vpid).unwrap_or(self.pid),
            pgid: self.pid,
            vtid: self.vpid.unwrap_or(self.pid),
            vpid: self.vpid.unwrap_or(self.pid),
            comm: self.name.as_bytes().to_vec(),
            exe: or(&self.exe, &self.name),
            exepath: self.exepath.as_bytes().to_vec(),
            args: self.args.bytes(),
            env: self.env.bytes(),
            cgroups,
            cwd: or(&self.cwd, "/"),
            root: b"/".to_vec(),
            uid: self.uid,
            gid: self.gid,
            loginuid: self.loginuid.unwrap_or(u32::MAX),
            tty: self.tty,
            cap_permitted: self.capabilities,
            cap_effective: self.capabilities,
            exe_upper_layer: self.exe_upper_layer,
            exe_from_memfd: self.exe_from_memfd,
            ..Process::default()
        };
        let files = self.files.iter().filter_map(|(number, path)| {
            let kind = DescriptorKind::File { name: path.as_bytes().to_vec(), flags: 0, dev: 0, directory: false };
            Some(Start::Descriptor { tid: self.pid, descriptor: Descriptor { fd: number.parse().ok()?, ino: 0, kind } })
        });
        std::iter::once(Start::Process(Box::new(process))).chain(files).collect()
    }
}

impl TestEvent {
    /// The event with this number, at this time unless it says one. Of processes, what it does not say is what `state` knows.
    ///
    /// # Errors
    /// What of it is not understood.
    pub fn event(&self, number: u64, time: u64, state: &State) -> Result<OwnedEvent, String> {
        encode::event(self, number, time, state)
    }
}
