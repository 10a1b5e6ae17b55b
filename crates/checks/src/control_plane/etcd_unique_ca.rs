//! `CTL-etcd-unique-ca`

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Component, Run};
use crate::component::{self, Process};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Violation};

pub(super) static ALL: &[&Check] = &[&CHECK];

static CHECK: Check = Check {
    id: "CTL-etcd-unique-ca",
    title: "etcd trusts the authority of all of the cluster's certificates",
    severity: Severity::Medium,
    docs: "
## What it detects
An etcd whose `--trusted-ca-file` is the file that the API server has as `--client-ca-file`.

## Why it matters
Every client certificate that the cluster has signed, those of kubelets included, opens etcd.

## How to fix
Make an authority for etcd alone, and let it sign the API server's client certificate for etcd.
",
    references: &[cis("2.7"), kubescape("C-0159")],
    run: Run::Process(&[Component::ApiServer, Component::Etcd], look),
};

/// The flag of the process that is looked at, and the same of the other one.
fn look(process: &Process<'_>, reporter: &mut Reporter<'_, '_>) {
    let (mine, other, theirs) = match process.component {
        Component::Etcd => ("trusted-ca-file", Component::ApiServer, "client-ca-file"),
        _ => ("client-ca-file", Component::Etcd, "trusted-ca-file"),
    };
    let Some(file) = process.value(mine) else { return };
    let others = component::beside(reporter.inventory, reporter.namespace(), other);
    if others.is_empty() {
        reporter.unknown(format!("the flags of {}", other.program()));
    } else if others.iter().any(|other| other.value(theirs) == Some(file)) {
        let message = format!("`--{mine}` is the file that {} has as `--{theirs}`", other.program());
        reporter.report(Violation::at(process.pointer(mine), message).advice("make an authority for etcd alone"));
    }
}
