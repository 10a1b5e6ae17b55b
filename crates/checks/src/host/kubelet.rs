//! Kubelets and their settings: flags before drop-ins before the configuration file before defaults, as the kubelet itself reads
//! them (kubernetes cmd/kubelet/app/server.go, v1.36).

use super::data::{self, Data, File};
use crate::check::Component;
use crate::component::{self, Process};
use crate::reporter::Reporter;
use plimsoll_model::{Document, Node, Object, Violation};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;

/// A setting of the kubelet by its two names, and what holds where neither is given.
pub(super) struct Setting {
    /// The flag without its dashes; of a feature gate, the flag that lists them.
    pub(super) flag: &'static str,
    /// The path of its field in a KubeletConfiguration.
    pub(super) field: &'static [&'static str],
    /// The default of a kubelet with a configuration file.
    pub(super) default: &'static str,
    /// The default of a kubelet that is given flags only, which for the sake of old clusters is often laxer.
    pub(super) flag_default: &'static str,
}

/// A kubelet: of a node, in a pod, or what a KubeletConfiguration by itself says of the one that will read it.
pub(crate) struct Kubelet<'a> {
    /// How it is started; `None` where that is not seen.
    process: Option<Process<'a>>,
    configuration: Configuration<'a>,
}

/// What a kubelet reads beside its flags.
enum Configuration<'a> {
    /// It is given no file.
    None,
    /// What would have to be read: its command line, its file, its drop-ins.
    Unknown(String),
    /// The drop-ins, the last one first, and the file.
    Files(Vec<(File<'a>, Arc<Document>)>),
    /// A KubeletConfiguration by itself.
    Object(Node<'a>),
}

/// The value of a setting, and where it comes from.
pub(super) struct Value<'k, 'a> {
    /// As the kubelet would print it; items of a list are divided by commas.
    pub(super) text: Cow<'k, str>,
    source: Source<'k, 'a>,
    /// Whether it is written there, and not the default.
    pub(super) is_given: bool,
}

/// What decides about a setting.
#[derive(Clone, Copy)]
enum Source<'k, 'a> {
    Flags(&'k Process<'a>),
    File(&'k File<'a>),
    Object,
}

impl<'a> Kubelet<'a> {
    /// Whether `object` is about a kubelet.
    pub(crate) fn is_of(object: &Object<'_>) -> bool {
        match object.kind {
            "KubeletConfiguration" => object.group() == "kubelet.config.k8s.io",
            "KubeletInfo" => data::is_host_data(object),
            _ => false,
        }
    }

    /// The kubelet that `object` is about, if it is one of a node or a configuration.
    pub(crate) fn of(object: &Object<'a>, reporter: &mut Reporter<'_, '_>) -> Option<Self> {
        if !Self::is_of(object) {
            return None;
        }
        if object.kind == "KubeletConfiguration" {
            return Some(Self { process: None, configuration: Configuration::Object(object.node) });
        }
        let process = component::on_node(object, Component::Kubelet, &[]);
        let configuration = match &process {
            Some(process) => Configuration::of(process, Data::of(object).as_ref(), reporter),
            None => Configuration::Unknown(format!("the command line of the kubelet of `{}`", object.name)),
        };
        Some(Self { process, configuration })
    }

    /// The kubelet that a pod runs. Its files are on the node.
    pub(crate) fn in_pod(process: Process<'a>, reporter: &mut Reporter<'_, '_>) -> Self {
        Self { configuration: Configuration::of(&process, None, reporter), process: Some(process) }
    }

    /// How it is started; `None` with a word to `reporter` where that is not seen.
    pub(super) fn process(&self, reporter: &mut Reporter<'_, '_>) -> Option<&Process<'a>> {
        if self.process.is_none() {
            reporter.unknown(match &self.configuration {
                Configuration::Unknown(missing) => missing.clone(),
                _ => "the flags of the kubelet that reads the configuration".to_owned(),
            });
        }
        self.process.as_ref()
    }

    /// The value of `setting`; `None` with a word to `reporter` where it cannot be known.
    pub(super) fn value(&self, setting: &Setting, reporter: &mut Reporter<'_, '_>) -> Option<Value<'_, 'a>> {
        if let Some(process) = &self.process
            && let Some(text) = setting.in_flags(process)
        {
            return Some(Value::of(Source::Flags(process), Some(Cow::Borrowed(text)), ""));
        }
        match &self.configuration {
            Configuration::None => Some(Value::of(Source::Flags(self.process.as_ref()?), None, setting.flag_default)),
            Configuration::Unknown(missing) => {
                reporter.unknown(missing.clone());
                None
            }
            Configuration::Files(files) => {
                let given = files.iter().find_map(|(file, document)| Some((file, text(document.root()?.at(setting.field)?)?)));
                let (file, given) = match given {
                    Some((file, text)) => (file, Some(text)),
                    None => (&files.last()?.0, None),
                };
                Some(Value::of(Source::File(file), given, setting.default))
            }
            Configuration::Object(root) => Some(Value::of(Source::Object, root.at(setting.field).and_then(text), setting.default)),
        }
    }
}

impl Setting {
    /// What the flags of `process` say of it.
    fn in_flags<'p>(&self, process: &'p Process<'_>) -> Option<&'p str> {
        let value = process.value(self.flag)?;
        let Some(gate) = self.gate() else { return Some(value) };
        value.split(',').filter_map(|one| one.split_once('=')).rfind(|(name, _)| *name == gate).map(|(_, value)| value)
    }

    /// The name of the feature gate that it is.
    fn gate(&self) -> Option<&'static str> {
        if let ["featureGates", gate] = self.field { Some(gate) } else { None }
    }

    /// A violation where the value stands; `wanted`, as the field has it, would do. Without it, the setting has to go.
    pub(super) fn violation(&self, value: &Value<'_, '_>, message: String, wanted: Option<Json>) -> Option<Violation> {
        let field = self.field.join(".");
        let flag = self.flag;
        let needs_file = wanted.as_ref().and_then(Json::as_str).is_some_and(|path| path.starts_with('/'));
        let text = wanted.as_ref().map(plain);
        let violation = match value.source {
            Source::Flags(process) => {
                let violation = match &wanted {
                    Some(wanted) => process.wants(flag, Some(&self.as_flag(process, value, wanted)), message),
                    None => process.rejects(flag, message)?,
                };
                violation.because(match value.is_given {
                    true => format!("it comes from `--{flag}`"),
                    false => format!("it comes from the default of `--{flag}` without a configuration file"),
                })
            }
            Source::File(file) => {
                let name = file.name();
                let violation = Violation::at(format!("{}/content", file.data.pointer), message).concealed();
                let violation = violation.because(match value.is_given {
                    true => format!("it comes from `{field}` in {name}"),
                    false => format!("it comes from the default of `{field}`, which {name} leaves out"),
                });
                violation.advice(match text {
                    Some(text) => format!("set `{field}: {text}` in {name} and restart the kubelet"),
                    None => format!("take `{field}` out of {name} and restart the kubelet"),
                })
            }
            Source::Object => {
                let violation = Violation::at(format!("/{}", self.field.join("/")), message);
                let violation = violation.because(format!("a flag `--{flag}` of the kubelet would win over the file"));
                let summary = match text {
                    Some(text) => format!("set `{field}: {text}`"),
                    None => format!("take `{field}` away"),
                };
                violation.cured_by(summary, wanted).needs("what on the node relies on the present behaviour")
            }
        };
        Some(if needs_file && !violation.changes.is_empty() { violation.needs("whether the file is there") } else { violation })
    }

    /// `wanted` as the flag takes it: lists divided by commas, and of feature gates all others as they are.
    fn as_flag(&self, process: &Process<'_>, value: &Value<'_, '_>, wanted: &Json) -> String {
        let text = match wanted {
            Json::Array(items) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
            other => plain(other),
        };
        match self.gate().zip(process.value(self.flag)) {
            Some((gate, all)) => all.replace(&format!("{gate}={}", value.text), &format!("{gate}={text}")),
            None => text,
        }
    }
}

impl<'k, 'a> Value<'k, 'a> {
    fn of(source: Source<'k, 'a>, given: Option<Cow<'k, str>>, default: &'static str) -> Self {
        Self { is_given: given.is_some(), text: given.unwrap_or(Cow::Borrowed(default)), source }
    }

    /// Whether the flags decide, and no file.
    pub(super) fn is_of_flags(&self) -> bool {
        matches!(self.source, Source::Flags(_))
    }
}

impl<'a> Configuration<'a> {
    /// What `process` is told to read; `data` is what its node shows.
    fn of(process: &Process<'a>, data: Option<&Data<'a>>, reporter: &mut Reporter<'_, '_>) -> Self {
        let path = |flag| process.value(flag).filter(|path| !path.is_empty());
        let at = |field| data.and_then(|data| data.at(&[field]));
        let mut files = Vec::new();
        if let Some(directory) = path("config-dir") {
            let Some(list) = at("configDirFiles") else {
                return Self::Unknown(format!("the kubelet's drop-ins in {directory}"));
            };
            for file in list.items().filter_map(File::of) {
                match file.document(reporter) {
                    Some(document) => files.push((file, document)),
                    None => return Self::Unknown(format!("the text of {}", file.name())),
                }
            }
            files.reverse();
        }
        if let Some(path) = path("config") {
            match at("configFile").and_then(File::of).and_then(|file| file.document(reporter).map(|document| (file, document))) {
                Some(file) => files.push(file),
                None => return Self::Unknown(format!("the text of the kubelet's configuration file {path}")),
            }
        }
        if files.is_empty() { Self::None } else { Self::Files(files) }
    }
}

/// A value as a configuration file has it: a text without quotes, all else as JSON.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A scalar as the kubelet prints it, or the items of a list.
fn text(node: Node<'_>) -> Option<Cow<'_, str>> {
    if node.is_null() || node.is_map() {
        return None;
    }
    if node.is_list() {
        return Some(Cow::Owned(node.items().map(Node::text).collect::<Vec<_>>().join(",")));
    }
    Some(Cow::Borrowed(match node.as_bool() {
        Some(true) => "true",
        Some(false) => "false",
        None => node.text(),
    }))
}

#[cfg(test)]
mod tests {
    use crate::{Parameters, assess};
    use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

    /// What is said of anonymous requests to a node's kubelet.
    fn anonymous(data: &str) -> (Vec<String>, Vec<String>) {
        let text = format!("apiVersion: hostdata.kubescape.cloud/v1beta0\nkind: KubeletInfo\nmetadata: {{name: n}}\ndata: {data}\n");
        said("HOST-kubelet-anonymous-auth", text)
    }

    /// What a check says: findings' evidence, and what is not known.
    fn said(id: &str, text: String) -> (Vec<String>, Vec<String>) {
        let (documents, _) = parse(&Source::new("x", Origin::Stdin, text), Limits::default());
        let snapshot = Snapshot { documents, problems: Vec::new() };
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let assessment = assess(&inventory, &Parameters::default());
        let findings = assessment.findings.iter().filter(|finding| finding.rule.id == id).flat_map(|finding| finding.evidence.clone());
        let unknown = assessment.tallies.iter().flat_map(|tally| &tally.unknown).filter(|unknown| unknown.rule.id == id);
        (findings.collect(), unknown.map(|unknown| unknown.missing.clone()).collect())
    }

    #[test]
    fn flags_win_over_drop_ins_over_the_file_over_defaults() {
        // `authentication: {anonymous: {enabled: true}}`, the same with `false`, and `kind: x`.
        const ON: &str = "{path: /on, content: YXV0aGVudGljYXRpb246IHthbm9ueW1vdXM6IHtlbmFibGVkOiB0cnVlfX0=}";
        const OFF: &str = "{path: /off, content: YXV0aGVudGljYXRpb246IHthbm9ueW1vdXM6IHtlbmFibGVkOiBmYWxzZX19}";
        const NONE: &str = "{path: /none, content: a2luZDogeA==}";
        let table = [
            (
                format!("{{cmdLine: kubelet --config=/on, configFile: {ON}}}"),
                Some("it comes from `authentication.anonymous.enabled` in /on"),
            ),
            (format!("{{cmdLine: kubelet --config=/on --anonymous-auth=false, configFile: {ON}}}"), None),
            (format!("{{cmdLine: kubelet --config=/off --anonymous-auth, configFile: {OFF}}}"), Some("it comes from `--anonymous-auth`")),
            (format!("{{cmdLine: kubelet --config /on --anonymous_auth=false, configFile: {ON}}}"), None),
            (format!("{{cmdLine: kubelet --config=/none, configFile: {NONE}}}"), None),
            (
                format!("{{cmdLine: kubelet, configFile: {OFF}}}"),
                Some("it comes from the default of `--anonymous-auth` without a configuration file"),
            ),
            (format!("{{cmdLine: kubelet --config=/on --config-dir=/d, configFile: {ON}, configDirFiles: [{ON}, {OFF}, {NONE}]}}"), None),
            (
                format!("{{cmdLine: kubelet --config=/off --config-dir=/d, configFile: {OFF}, configDirFiles: [{OFF}, {ON}]}}"),
                Some("it comes from `authentication.anonymous.enabled` in /on"),
            ),
        ];
        for (data, wanted) in table {
            assert_eq!(anonymous(&data), (wanted.into_iter().map(str::to_owned).collect(), vec![]), "{data}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let table = [
            ("{cmdLine: kubelet --config=/x, configFile: {path: /x}}", "the text of the kubelet's configuration file /x"),
            ("{cmdLine: kubelet --config=/x}", "the text of the kubelet's configuration file /x"),
            ("{cmdLine: kubelet --config-dir=/d}", "the kubelet's drop-ins in /d"),
            ("{nodeName: n}", "the command line of the kubelet of `n`"),
        ];
        for (data, wanted) in table {
            assert_eq!(anonymous(data), (vec![], vec![wanted.to_owned()]), "{data}");
        }
    }

    #[test]
    fn a_configuration_by_itself_does_not_tell_the_flags() {
        const FILE: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        let flags = vec!["the flags of the kubelet that reads the configuration".to_owned()];
        for id in ["HOST-kubelet-hostname-override", "HOST-kubelet-rotate-certificates"] {
            assert_eq!(said(id, FILE.to_owned()), (vec![], flags.clone()), "{id}");
        }
        let set = said("HOST-kubelet-rotate-certificates", format!("{FILE}rotateCertificates: false\n"));
        assert_eq!(set, (vec!["a flag `--rotate-certificates` of the kubelet would win over the file".to_owned()], vec![]));
    }

    #[test]
    fn what_the_flags_of_a_pod_leave_to_a_file_is_unknown() {
        let pod = |flags: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: n}}\nspec: {{containers: [{{name: k, image: k, command: [kubelet, {flags}]}}]}}\n"
            );
            said("HOST-kubelet-anonymous-auth", text)
        };
        assert_eq!(pod("--config=/x"), (vec![], vec!["the text of the kubelet's configuration file /x".to_owned()]));
        assert_eq!(pod("--config=/x, --anonymous-auth"), (vec!["it comes from `--anonymous-auth`".to_owned()], vec![]));
    }
}
