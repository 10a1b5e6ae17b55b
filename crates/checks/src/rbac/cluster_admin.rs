//! Everything on everything.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::grants::{self, Grant};
use crate::reporter::Reporter;
use plimsoll_model::Severity;

pub(super) static ALL: &[&Check] = &[&CLUSTER_ADMIN, &DASHBOARD_ROLE];

static CLUSTER_ADMIN: Check = Check {
    id: "RBAC-cluster-admin",
    title: "Subject may do everything",
    severity: Severity::High,
    docs: "
## What it detects
A subject whose role allows all verbs, by `*` or by naming each, on all resources, of the core group or of all; or such a role that nothing binds among what was read.

## Why it matters
Bound for the cluster, it is the cluster: every Secret, every node, every role. Bound in a namespace, it is all that the namespace holds.

## How to fix
Find out what the subject does (the audit log tells) and give it a role with that. Keep `cluster-admin` for people in an emergency.
",
    references: &[cis("5.1.1"), cis("5.1.3"), kubescape("C-0035"), kubescape("C-0185"), kubescape("C-0187"), mitre("T1078")],
    run: Run::Grant(look),
};

fn look(grant: &Grant<'_>, reporter: &mut Reporter<'_, '_>) {
    if let Some(rule) = grant.rules.iter().find(|rule| grants::is_everything(rule)) {
        let may = match grant.binding.kind {
            "ClusterRoleBinding" => "may do everything in the cluster",
            "ClusterRole" => "may do everything",
            _ => "may do everything in the namespace",
        };
        reporter.report_grant(grant, rule, may);
    }
}

static DASHBOARD_ROLE: Check = Check {
    id: "RBAC-dashboard-role",
    title: "Subject has the role of the dashboard",
    severity: Severity::Low,
    docs: "
## What it detects
A binding of a role called `kubernetes-dashboard`.

## Why it matters
The dashboard's role reads what the dashboard shows, some of it in Secrets. It is made for one program.

## How to fix
Give the subject a role of its own.
",
    references: &[kubescape("C-0014")],
    run: Run::Grant(|grant, reporter| {
        if grant.role.name == "kubernetes-dashboard"
            && !grant.is_unbound()
            && let Some(rule) = grant.rules.first()
        {
            reporter.report_grant(grant, rule, "has the role of the dashboard");
        }
    }),
};
