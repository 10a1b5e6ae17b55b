//! The configuration of `kube-proxy`.

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Limits, Node, Object, Origin, Severity, Source, Violation, parse};

pub(super) static ALL: &[&Check] = &[&METRICS];

static METRICS: Check = Check {
    id: "CTL-kube-proxy-metrics",
    title: "Metrics of kube-proxy are served beyond the node",
    severity: Severity::Medium,
    docs: "
## What it detects
The ConfigMap `kube-proxy` in `kube-system` whose configuration names a `metricsBindAddress` other than the loopback one, or none.

## Why it matters
The metrics tell which Services there are and how they are used, to whoever reaches the node.

## How to fix
Set `metricsBindAddress: 127.0.0.1:10249`, which is also the default, so that it is said.
",
    references: &[cis("4.3.1"), kubescape("C-0291")],
    run: Run::Object(&["ConfigMap"], look),
};

fn look(map: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if (map.namespace, map.name) != ("kube-system", "kube-proxy") {
        return;
    }
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
    let address = root.get("metricsBindAddress").map_or("", Node::text);
    if !["127.0.0.1", "localhost", "[::1]"].iter().any(|local| address.starts_with(local)) {
        let message =
            if address.is_empty() { "no `metricsBindAddress` is said".to_owned() } else { format!("`metricsBindAddress` is {address}") };
        let violation = Violation::at("/data/config.conf", message);
        let line = "metricsBindAddress: 127.0.0.1:10249";
        let changed: Vec<&str> = text.lines().filter(|line| !line.starts_with("metricsBindAddress:")).chain([line]).collect();
        let violation = violation.cured_by(format!("set `{line}`"), Some((changed.join("\n") + "\n").into()));
        reporter.report(violation.needs("who collects the metrics"));
    }
}
