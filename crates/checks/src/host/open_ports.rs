//! `HOST-port-without-authentication`

use super::data::Data;
use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[Check] = &[Check {
    id: "HOST-port-without-authentication",
    title: "Port of Kubernetes that asks for no credentials is open to the network",
    severity: Severity::High,
    docs: "
## What it detects
A node that listens beyond its loopback address on a port that old or badly configured components serve without credentials: 10255 (the kubelet's read-only port), 4194 (cAdvisor), 10251 and 10252 (scheduler and controller manager in the clear).

## Why it matters
They show all pods of the node with their environment, or metrics and profiles of the control plane, to whoever reaches the node.

## How to fix
Set `readOnlyPort: 0` for the kubelet, and bind the others to `127.0.0.1`. If something else listens there, give it another port.
",
    references: &[cis("4.2.4"), kubescape("C-0175"), mitre("T1613")],
    run: Run::Object(&["hostdata.kubescape.cloud/OpenPortsList", "hostdata.kubescape.cloud/OpenPorts"], look),
}];

/// Ports and what serves them.
const PORTS: &[(i64, &str)] = &[
    (4194, "cAdvisor"),
    (10251, "the scheduler, in the clear"),
    (10252, "the controller manager, in the clear"),
    (10255, "the kubelet's read-only port"),
];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(list) = Data::of(object).and_then(|data| data.at(&["tcpPorts"])).filter(|list| list.node.is_list()) else {
        reporter.unknown(format!("the open ports of `{}`", object.name));
        return;
    };
    for port in list.items() {
        let number = port.node.get("localPort").and_then(Node::as_int).unwrap_or(0);
        let address = port.text("localAddress");
        let is_local = address.starts_with("127.") || address == "::1";
        if let Some((_, what)) = PORTS.iter().find(|(known, _)| *known == number).filter(|_| !is_local) {
            let violation = Violation::at(format!("{}/localPort", port.pointer), format!("port {number} ({what}) is open on {address}"));
            reporter.report(violation.advice("close it, or bind it to 127.0.0.1"));
        }
    }
}
