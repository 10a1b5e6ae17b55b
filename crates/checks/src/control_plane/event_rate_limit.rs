//! `CTL-admission-event-rate-limit`

use crate::check::reference::cis;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&EVENT_RATE_LIMIT];

static EVENT_RATE_LIMIT: Check = Check {
    id: "CTL-admission-event-rate-limit",
    title: "Configuration of admission does not limit events",
    severity: Severity::Low,
    docs: "
## What it detects
An AdmissionConfiguration without an entry for the plugin `EventRateLimit`.

## Why it matters
One misbehaving workload can fill etcd with events and slow down the API server for all. The plugin does nothing without its configuration.

## How to fix
Add the plugin with a limit for each namespace, and enable it with `--enable-admission-plugins`.
",
    references: &[cis("1.2.8")],
    run: Run::Object(&["apiserver.config.k8s.io/AdmissionConfiguration"], |configuration, reporter| {
        let mut plugins = configuration.node.get("plugins").into_iter().flat_map(Node::items);
        if !plugins.any(|plugin| plugin.get("name").is_some_and(|name| name.text() == "EventRateLimit")) {
            let violation = Violation::at("/plugins", "nothing limits events");
            reporter.report(violation.advice("add the plugin `EventRateLimit` with its configuration"));
        }
    }),
};
