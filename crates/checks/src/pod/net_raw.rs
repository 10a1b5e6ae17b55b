//! `POD-net-raw`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-net-raw",
    title: "Container may forge packets",
    severity: Severity::Medium,
    docs: "
## What it detects
A container that does not drop `NET_RAW` (or `ALL`), or adds it back.

## Why it matters
Container runtimes give the capability by default. With it a container forges ARP and DNS answers and reads what its neighbours on the node send.

## How to fix
Drop `ALL`. Programs that ping can use `net.ipv4.ping_group_range`, which is set by default on current runtimes.
",
    references: &[kubescape("C-0211"), mitre("T1557")],
    run: Run::Container(look),
};

/// What shows the raw and packet sockets of a pod, without any tool in the image.
const RAW_SOCKETS: &str = "cat /proc/net/raw /proc/net/raw6 /proc/net/packet";

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    if workload.pod.is_windows() {
        return;
    }
    let has = |list: Option<&Vec<&str>>, name: &str| {
        list.is_some_and(|list| list.iter().any(|one| one.trim_start_matches("CAP_").eq_ignore_ascii_case(name)))
    };
    let capabilities = container.security.capabilities.as_ref();
    let (add, drop) = (capabilities.map(|capabilities| &capabilities.add), capabilities.map(|capabilities| &capabilities.drop));
    if has(add, "NET_RAW") {
        let violation =
            Violation::of_container(&workload.pod, index, "/securityContext/capabilities/add", |name| format!("{name} adds NET_RAW"));
        let list = add.into_iter().flatten().filter(|one| !one.trim_start_matches("CAP_").eq_ignore_ascii_case("NET_RAW"));
        let rest: Vec<&str> = list.copied().collect();
        reporter.report(violation.cured_by("take it away", Some(rest.into())).needs("whether it uses raw sockets").probed_by(RAW_SOCKETS));
    } else if !has(drop, "NET_RAW") && !has(drop, "ALL") {
        let place = "/securityContext/capabilities/drop";
        let violation = Violation::of_container(&workload.pod, index, place, |name| format!("{name} keeps NET_RAW"));
        let list = format!("{}/-", violation.pointer);
        reporter.report(
            violation.cured_at("drop it", list, Some("NET_RAW".into())).needs("whether it uses raw sockets").probed_by(RAW_SOCKETS),
        );
    }
}
