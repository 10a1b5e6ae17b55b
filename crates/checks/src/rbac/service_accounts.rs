//! Service accounts: the default one, and what they are bound to.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::grants::Grant;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&BOUND, &DEFAULT_AUTOMOUNT, &DEFAULT_BOUND, &NONE_OF_ITS_OWN];

static BOUND: Check = Check {
    id: "RBAC-service-account-bound",
    title: "Service account is granted a role",
    severity: Severity::Info,
    docs: "
## What it detects
Each service account that a binding gives a role. It is an inventory, not a fault.

## Why it matters
Whoever gets into a container of such an account has the role. These are the accounts to look at.

## How to fix
See that the role holds what the workload uses, and that workloads that use nothing mount no token.
",
    references: &[kubescape("C-0053"), mitre("T1528")],
    run: Run::Grant(bound),
};

fn bound(grant: &Grant<'_>, reporter: &mut Reporter<'_, '_>) {
    if grant.kind == "ServiceAccount" {
        let message = format!("{} is granted {} `{}`", grant.subject(), grant.role.kind, grant.role.name);
        let violation = Violation::at(grant.pointer(), message).with(&grant.role, "/metadata/name");
        reporter.report(
            violation
                .cured_by("take the account out of the binding", None)
                .needs(format!("whether {} makes use of it", grant.subject()))
                .asked_by(grant.audit_query()),
        );
    }
}

static DEFAULT_AUTOMOUNT: Check = Check {
    id: "RBAC-default-account-automount",
    title: "Default service account's token is mounted",
    severity: Severity::Medium,
    docs: "
## What it detects
A service account called `default` without `automountServiceAccountToken: false`.

## Why it matters
Every pod that names no account runs as this one and finds its token. Whatever anybody binds to it, all of them have.

## How to fix
Set `automountServiceAccountToken: false` on it. Give workloads that talk to the API server an account of their own.
",
    references: &[cis("5.1.5"), kubescape("C-0189"), kubescape("C-0225")],
    run: Run::Object(&["ServiceAccount"], |account, reporter| {
        if account.name == "default" && account.node.get("automountServiceAccountToken").and_then(Node::as_bool) != Some(false) {
            let message = format!("pods of namespace `{}` get the default account's token", account.effective_namespace());
            let violation = Violation::at("/automountServiceAccountToken", message).cured_by("do not mount it", Some(false.into()));
            reporter.report(violation.needs("whether a pod that names no account talks to the API server"));
        }
    }),
};

static DEFAULT_BOUND: Check = Check {
    id: "RBAC-default-account-bound",
    title: "Default service account is granted a role",
    severity: Severity::High,
    docs: "
## What it detects
A binding, other than the API server's own, whose subject is a service account called `default`.

## Why it matters
Every pod of the namespace that names no account has the role, also those that come later.

## How to fix
Make an account for the workload that needs the role, and bind that.
",
    references: &[cis("5.1.5"), kubescape("C-0225"), kubescape("C-0239")],
    run: Run::Object(&["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"], default_bound),
};

fn default_bound(binding: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if binding.label("kubernetes.io/bootstrapping") == Some("rbac-defaults") {
        return;
    }
    for (at, subject) in binding.node.get("subjects").into_iter().flat_map(Node::items).enumerate() {
        let text = |key| subject.get(key).map_or("", Node::text);
        if text("kind") == "ServiceAccount" && text("name") == "default" {
            let message = format!("the default account of namespace `{}` is granted a role", text("namespace"));
            let violation = Violation::at(format!("/subjects/{at}"), message).cured_by("take it out of the binding", None);
            reporter.report(violation.needs("which pods without an account of their own make use of it"));
        }
    }
}

static NONE_OF_ITS_OWN: Check = Check {
    id: "RBAC-namespace-without-account",
    title: "Namespace has no service account but the default one",
    severity: Severity::Low,
    docs: "
## What it detects
A Namespace among what was read without a service account other than `default`.

## Why it matters
Its workloads share one identity: none can be given less than another.

## How to fix
Make an account for each workload that talks to the API server.
",
    references: &[cis("5.1.5"), kubescape("C-0189")],
    run: Run::Object(&["Namespace"], |namespace, reporter| {
        let own = reporter.inventory.accounts_of(namespace.name);
        if own.is_empty() && reporter.inventory.of_kind("ServiceAccount").len() == 0 {
            reporter.unknown("ServiceAccounts: none was read");
        } else if !own.iter().any(|name| *name != "default") {
            let message = format!("namespace `{}` has no service account of its own", namespace.name);
            reporter
                .report(Violation::at("/metadata/name", message).advice("make an account for each workload that talks to the API server"));
        }
    }),
};
