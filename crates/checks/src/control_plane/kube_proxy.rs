//! The configuration of `kube-proxy`.

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use crate::component;
use crate::host::{Data, File};
use crate::reporter::Reporter;
use plimsoll_model::{Limits, Node, Object, Origin, Severity, Source, Violation, parse};

pub(super) static ALL: &[&Check] = &[&METRICS];

static METRICS: Check = Check {
    id: "CTL-kube-proxy-metrics",
    title: "Metrics of kube-proxy are served beyond the node",
    severity: Severity::Medium,
    docs: "
## What it detects
A KubeProxyConfiguration, the ConfigMap `kube-proxy` in `kube-system`, or the configuration of a kube-proxy on a node, that names a `metricsBindAddress` other than the loopback one, or none. Without a configuration, `--metrics-bind-address`.

## Why it matters
The metrics tell which Services there are and how they are used, to whoever reaches the node.

## How to fix
Set `metricsBindAddress: 127.0.0.1:10249`, which is also the default, so that it is said.
",
    references: &[cis("4.3.1"), kubescape("C-0291")],
    run: Run::Object(&["ConfigMap", "kubeproxy.config.k8s.io/KubeProxyConfiguration", "hostdata.kubescape.cloud/KubeProxyInfo"], look),
};

const LINE: &str = "metricsBindAddress: 127.0.0.1:10249";

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.kind == "KubeProxyConfiguration" {
        if let Some(message) = objection(object.node) {
            let violation = Violation::at("/metricsBindAddress", message);
            let violation = violation.cured_by(format!("set `{LINE}`"), Some("127.0.0.1:10249".into()));
            reporter.report(violation.needs("who collects the metrics"));
        }
    } else if object.kind == "KubeProxyInfo" {
        on_node(object, reporter);
    } else if (object.namespace, object.name) == ("kube-system", "kube-proxy") {
        in_config_map(object, reporter);
    }
}

/// A node's kube-proxy. Its flags are passed over if it is given a configuration file.
fn on_node(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(data) = Data::of(object) else { return };
    let Some(line) = data.at(&["cmdLine"]) else {
        reporter.unknown(format!("the command line of kube-proxy on `{}`", object.name));
        return;
    };
    let flags = component::flags(&[(line.node.text(), line.pointer.clone())]);
    let flag = |name| component::given(&flags, name).map(|flag| flag.value);
    let Some(path) = flag("config") else {
        // The flag's default is the loopback address.
        if let Some(address) = flag("metrics-bind-address").filter(|address| !is_local(address)) {
            let violation = Violation::at(line.pointer.as_str(), format!("`--metrics-bind-address` is {address}"));
            reporter.report(violation.advice("start kube-proxy with `--metrics-bind-address=127.0.0.1:10249`"));
        }
        return;
    };
    let file = data.at(&["configFile"]).and_then(File::of);
    let Some((file, document)) = file.and_then(|file| file.document(reporter).map(|document| (file, document))) else {
        reporter.unknown(format!("the text of kube-proxy's configuration file {path}"));
        return;
    };
    if let Some(message) = document.root().and_then(objection) {
        let violation = Violation::at(format!("{}/content", file.data.pointer), format!("{message} in {path}"));
        reporter.report(violation.concealed().advice(format!("set `{LINE}` in {path} and restart kube-proxy")));
    }
}

fn in_config_map(map: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(text) = map.node.at(&["data", "config.conf"]).map(Node::text) else {
        reporter.unknown("the key config.conf of ConfigMap kube-system/kube-proxy");
        return;
    };
    // The configuration is a document in a document; its text is short.
    let (documents, _) = parse(&Source::new("config.conf", Origin::Rendered, text), Limits::default());
    let Some(root) = documents.first().and_then(plimsoll_model::Document::root) else {
        reporter.unknown("a readable config.conf in ConfigMap kube-system/kube-proxy");
        return;
    };
    if let Some(message) = objection(root) {
        let changed: Vec<&str> = text.lines().filter(|line| !line.starts_with("metricsBindAddress:")).chain([LINE]).collect();
        let violation = Violation::at("/data/config.conf", message);
        let violation = violation.cured_by(format!("set `{LINE}`"), Some((changed.join("\n") + "\n").into()));
        reporter.report(violation.needs("who collects the metrics"));
    }
}

/// What is wrong with the address that the configuration names.
fn objection(configuration: Node<'_>) -> Option<String> {
    let address = configuration.get("metricsBindAddress").map_or("", Node::text);
    if is_local(address) {
        return None;
    }
    Some(if address.is_empty() { "no `metricsBindAddress` is said".to_owned() } else { format!("`metricsBindAddress` is {address}") })
}

fn is_local(address: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| address.starts_with(local))
}
