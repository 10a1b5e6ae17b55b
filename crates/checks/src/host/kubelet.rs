//! A kubelet's settings: flags before drop-ins before the configuration file before defaults, as the kubelet itself reads them
//! (kubernetes cmd/kubelet/app/server.go, v1.36).

use super::data::{Data, File};
use crate::component::{self, Flag};
use crate::reporter::Reporter;
use plimsoll_model::{Document, Node, Object, Violation};
use std::sync::Arc;

/// A setting of the kubelet by its two names, and what holds where neither is given.
pub(super) struct Setting {
    /// The flag without its dashes.
    pub(super) flag: &'static str,
    /// The path of its field in a KubeletConfiguration.
    pub(super) field: &'static [&'static str],
    /// The default of a kubelet with a configuration file.
    pub(super) default: &'static str,
    /// The default of a kubelet that is given flags only, which for the sake of old clusters is often laxer.
    pub(super) flag_default: &'static str,
}

/// A kubelet of a node.
pub(super) struct Kubelet<'a> {
    flags: Vec<Flag<'a>>,
    /// JSON pointer to the command line.
    line: String,
    configuration: Configuration<'a>,
}

/// What a kubelet reads beside its flags.
enum Configuration<'a> {
    /// It is given no file.
    None,
    /// It is given a file whose text is not known, or drop-ins that are not.
    Unknown(String),
    /// The drop-ins, the last one first, and the file.
    Files(Vec<(File<'a>, Arc<Document>)>),
}

/// The value of a setting, and where it comes from.
pub(super) struct Value {
    /// As the kubelet would print it; items of a list are divided by commas.
    pub(super) text: String,
    /// JSON pointer to what gives it.
    pointer: String,
    /// Whether that is text in base64.
    encoded: bool,
    /// How the user knows it.
    source: String,
    /// What to do, with `VALUE` where the value goes.
    cure: String,
}

impl<'a> Kubelet<'a> {
    /// The kubelet that `object` shows; without its command line nothing can be said of it.
    pub(super) fn of(object: &Object<'a>, reporter: &mut Reporter<'_, '_>) -> Option<Self> {
        let data = Data::of(object)?;
        let Some(line) = data.at(&["cmdLine"]).filter(|line| !line.node.is_null() && !line.node.text().is_empty()) else {
            reporter.unknown(format!("the command line of the kubelet of `{}`", object.name));
            return None;
        };
        let flags = component::flags(&[(line.node.text(), line.pointer.clone())]);
        let configuration = Configuration::of(&data, &flags, reporter);
        Some(Self { flags, line: line.pointer, configuration })
    }

    /// The value of `setting`; `None` with a word to `reporter` where it cannot be known.
    pub(super) fn value(&self, setting: &Setting, reporter: &mut Reporter<'_, '_>) -> Option<Value> {
        let field = setting.field.join(".");
        if let Some(flag) = self.flag(setting.flag) {
            return Some(Value {
                text: flag.to_owned(),
                pointer: self.line.clone(),
                encoded: false,
                source: format!("`--{}`", setting.flag),
                cure: format!(
                    "start the kubelet with `--{}=VALUE`, or take the flag away and set `{field}: VALUE` in its configuration",
                    setting.flag
                ),
            });
        }
        match &self.configuration {
            Configuration::None => Some(Value {
                text: setting.flag_default.to_owned(),
                pointer: self.line.clone(),
                encoded: false,
                source: format!("the default of `--{}` without a configuration file", setting.flag),
                cure: format!("start the kubelet with `--{}=VALUE`, or with a configuration file", setting.flag),
            }),
            Configuration::Unknown(missing) => {
                reporter.unknown(missing.clone());
                None
            }
            Configuration::Files(files) => {
                let given = files.iter().find_map(|(file, document)| Some((file, text(document.root()?.at(setting.field)?)?)));
                let (file, text, source) = match given {
                    Some((file, text)) => (file, text, format!("`{field}` in {}", file.name())),
                    None => {
                        let (file, _) = files.last()?;
                        (file, setting.default.to_owned(), format!("the default of `{field}`, which {} leaves out", file.name()))
                    }
                };
                let pointer = format!("{}/content", file.data.pointer);
                let cure = format!("set `{field}: VALUE` in {} and restart the kubelet", file.name());
                Some(Value { text, pointer, encoded: true, source, cure })
            }
        }
    }

    /// Reports the setting where `is_good` does not take its value; `wanted` is a value that would do, or what to choose.
    pub(super) fn expect(&self, setting: &Setting, wanted: &str, is_good: impl Fn(&str) -> bool, reporter: &mut Reporter<'_, '_>) {
        let Some(value) = self.value(setting, reporter).filter(|value| !is_good(&value.text)) else { return };
        let what = if value.text.is_empty() { "empty".to_owned() } else { format!("`{}`", value.text) };
        let message = format!("the kubelet's `{}` is {what}", setting.field.join("."));
        reporter.report(value.violation(message, wanted));
    }

    /// The value of a flag.
    pub(super) fn flag(&self, name: &str) -> Option<&'a str> {
        component::given(&self.flags, name).map(|flag| flag.value)
    }

    /// A violation about the command line.
    pub(super) fn on_line(&self, message: impl Into<String>) -> Violation {
        Violation::at(self.line.as_str(), message)
    }
}

impl<'a> Configuration<'a> {
    fn of(data: &Data<'a>, flags: &[Flag<'a>], reporter: &mut Reporter<'_, '_>) -> Self {
        let path = |flag| component::given(flags, flag).map(|flag| flag.value).filter(|path| !path.is_empty());
        let mut files = Vec::new();
        if let Some(directory) = path("config-dir") {
            let Some(list) = data.at(&["configDirFiles"]) else {
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
            let file = data.at(&["configFile"]).and_then(File::of);
            match file.and_then(|file| file.document(reporter).map(|document| (file, document))) {
                Some(file) => files.push(file),
                None => return Self::Unknown(format!("the text of the kubelet's configuration file {path}")),
            }
        }
        if files.is_empty() { Self::None } else { Self::Files(files) }
    }
}

impl Value {
    /// A violation where the value stands; `wanted` is a value that would do.
    pub(super) fn violation(&self, message: impl Into<String>, wanted: &str) -> Violation {
        let violation = Violation::at(self.pointer.as_str(), message).because(format!("it comes from {}", self.source));
        let violation = violation.advice(self.cure(wanted));
        if self.encoded { violation.concealed() } else { violation }
    }

    /// What to do so that it is `wanted`.
    pub(super) fn cure(&self, wanted: &str) -> String {
        self.cure.replace("VALUE", wanted)
    }
}

/// A scalar as the kubelet prints it, or the items of a list.
fn text(node: Node<'_>) -> Option<String> {
    if node.is_null() || node.is_map() {
        return None;
    }
    if node.is_list() {
        return Some(node.items().map(Node::text).collect::<Vec<_>>().join(","));
    }
    Some(node.as_bool().map_or_else(|| node.text().to_owned(), |flag| flag.to_string()))
}

#[cfg(test)]
mod tests {
    use crate::{Parameters, assess};
    use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

    /// What is said of anonymous requests to a kubelet: findings' evidence, and what is not known.
    fn anonymous(data: &str) -> (Vec<String>, Vec<String>) {
        let text = format!("apiVersion: hostdata.kubescape.cloud/v1beta0\nkind: KubeletInfo\nmetadata: {{name: n}}\ndata: {data}\n");
        let (documents, _) = parse(&Source::new("x", Origin::Stdin, text), Limits::default());
        let snapshot = Snapshot { documents, problems: Vec::new() };
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let assessment = assess(&inventory, &Parameters::default());
        let id = "HOST-kubelet-anonymous-auth";
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
}
