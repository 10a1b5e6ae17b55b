//! `sysctls`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "sysctls",
    level: Level::Baseline,
    versions: &[since(0), since(27), since(29), since(32), since(37)],
    title: "Kernel parameter beyond the safe set",
    severity: Severity::Medium,
    docs: "
## What it detects
A name in `spec.securityContext.sysctls` that is not in the safe set of its version: `kernel.shm_rmid_forced`, `net.ipv4.ip_local_port_range`, `net.ipv4.ip_unprivileged_port_start`, `net.ipv4.ping_group_range`, `net.ipv4.tcp_syncookies`; from v1.27 on `net.ipv4.ip_local_reserved_ports`; from v1.29 on `net.ipv4.tcp_keepalive_time`, `net.ipv4.tcp_keepalive_intvl`, `net.ipv4.tcp_keepalive_probes`, `net.ipv4.tcp_fin_timeout`; from v1.32 on `net.ipv4.tcp_rmem`, `net.ipv4.tcp_wmem`; from v1.37 on `net.ipv4.tcp_slow_start_after_idle`, `net.ipv4.tcp_notsent_lowat`.

## Why it matters
The safe set is what a namespace isolates. Other parameters change the node for everyone on it, or let one pod use up what all share.

## How to fix
Remove the sysctl, or set it on the nodes that need it and keep these workloads there.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0211", url: "https://hub.armosec.io/docs/controls" },Reference { system: "docs", id: "sysctls", url: "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/" }],
    forbid,
    violations,
};

/// The minor version since which a name is safe; `None` for a name that never is.
fn safe_since(name: &str) -> Option<u32> {
    Some(match name {
        "kernel.shm_rmid_forced"
        | "net.ipv4.ip_local_port_range"
        | "net.ipv4.ip_unprivileged_port_start"
        | "net.ipv4.ping_group_range"
        | "net.ipv4.tcp_syncookies" => 0,
        "net.ipv4.ip_local_reserved_ports" => 27,
        "net.ipv4.tcp_fin_timeout" | "net.ipv4.tcp_keepalive_intvl" | "net.ipv4.tcp_keepalive_probes" | "net.ipv4.tcp_keepalive_time" => 29,
        "net.ipv4.tcp_rmem" | "net.ipv4.tcp_wmem" => 32,
        "net.ipv4.tcp_notsent_lowat" | "net.ipv4.tcp_slow_start_after_idle" => 37,
        _ => return None,
    })
}

fn bad<'p, 'a>(pod: &'p Pod<'a>, minor: u32) -> impl Iterator<Item = (usize, &'a str)> + use<'p, 'a> {
    pod.sysctls.iter().copied().enumerate().filter(move |(_, name)| safe_since(name).is_none_or(|since| minor < since))
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    let names: Vec<&str> = bad(pod, minor).map(|(_, name)| name).collect();
    (!names.is_empty()).then(|| Forbidden::new("forbidden sysctls", names.join(", ")))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    let one = |(at, name)| {
        let violation = Violation::at(format!("/spec/securityContext/sysctls/{at}"), format!("the pod sets sysctl `{name}`"));
        violation.cured_by("do not set the sysctl", None).needs(format!("whether it works with the node's own `{name}`"))
    };
    bad(pod, minor).map(one).collect()
}
