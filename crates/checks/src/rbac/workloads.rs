//! What workloads may do with the token that they find.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::cures::{in_namespace, service_account};
use crate::grants::{self, Grant, Power};
use crate::reporter::Reporter;
use plimsoll_model::rbac::Rule;
use plimsoll_model::{Node, Pod, Severity, Violation, Workload, shell_word};

pub(super) static ALL: &[&Check] =
    &[&ACCOUNT_MISSING, &ADMINISTRATIVE, &AUTOMOUNT, &AUTOMOUNT_BOUND, &DASHBOARD, &DEFAULT, &DEPRECATED_FIELD, &TAKEOVER];

const FIELD: &str = "/spec/automountServiceAccountToken";

/// The account that a pod runs as.
fn account<'a>(pod: &Pod<'a>) -> &'a str {
    let name = |field| pod.at(&[field]).map(Node::text).filter(|name| !name.is_empty());
    name("serviceAccountName").or_else(|| name("serviceAccount")).unwrap_or("default")
}

/// Whether the pod finds a token: its own word counts, else its account's, else yes.
fn finds_token(workload: &Workload<'_>, reporter: &Reporter<'_, '_>) -> bool {
    let own = workload.pod.at(&["automountServiceAccountToken"]).and_then(Node::as_bool);
    let of_account = || {
        let account = reporter.beside("ServiceAccount", account(&workload.pod))?;
        account.node.get("automountServiceAccountToken").and_then(Node::as_bool)
    };
    own.or_else(of_account).unwrap_or(true)
}

fn do_not_mount(message: impl Into<String>) -> Violation {
    let violation = Violation::at(FIELD, message).cured_by("do not mount the token", Some(false.into()));
    violation.needs("whether it talks to the API server").probed_by("ls /var/run/secrets/kubernetes.io/serviceaccount")
}

static AUTOMOUNT: Check = Check {
    id: "RBAC-automount-token",
    title: "Token of the service account is mounted",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod that mounts the token of its service account: neither the pod nor its account says `automountServiceAccountToken: false`. The pod's own word counts before its account's.

## Why it matters
Most programs never talk to the API server. The token is there for whoever gets into the container.

## How to fix
Set `automountServiceAccountToken: false` in the pod. Programs that need a token can mount one with a short life and their own audience from a `projected` volume.
",
    references: &[cis("5.1.6"), kubescape("C-0034"), kubescape("C-0190"), mitre("T1528")],
    run: Run::Workload(|workload, reporter| {
        if finds_token(workload, reporter) {
            reporter.report(do_not_mount(format!("the token of service account `{}` is mounted", account(&workload.pod))));
        }
    }),
};

static AUTOMOUNT_BOUND: Check = Check {
    id: "RBAC-automount-bound-token",
    title: "Token with rights is mounted",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod that mounts the token of a service account that a binding gives a role.

## Why it matters
Whoever gets into the container has the role.

## How to fix
If the program does not talk to the API server, do not mount the token and take the account out of the binding.
",
    references: &[kubescape("C-0261"), mitre("T1528")],
    run: Run::Workload(|workload, reporter| {
        let name = account(&workload.pod);
        let bound = reporter.inventory.is_bound(workload.object.effective_namespace(), name);
        if bound && reporter.beside("ServiceAccount", name).is_some() && finds_token(workload, reporter) {
            reporter.report(do_not_mount(format!("the token of service account `{name}`, which has a role, is mounted")));
        }
    }),
};

static ACCOUNT_MISSING: Check = Check {
    id: "RBAC-account-missing",
    title: "Service account does not exist",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod that names a service account that is not among what was read, although other accounts are.

## Why it matters
The API server refuses the pods: the controller makes none, and says so in events only.

## How to fix
Create the account, or correct the name.
",
    references: &[kubescape("C-0307")],
    run: Run::Workload(|workload, reporter| {
        let named = account(&workload.pod);
        if named == "default" || reporter.beside("ServiceAccount", named).is_some() {
            return;
        }
        let message = format!("service account `{named}` is not there");
        let namespace = workload.object.namespace;
        let violation = Violation::at("/spec/serviceAccountName", message);
        let violation = violation.creating("create the account, or correct the name", service_account(named, namespace));
        let violation = violation.needs("whether the cluster has the account, and what the workload asks of the API server");
        reporter.report(violation.asked_by(format!("kubectl get serviceaccount{} {}", in_namespace(namespace), shell_word(named))));
    }),
};

static ADMINISTRATIVE: Check = Check {
    id: "RBAC-workload-administrator",
    title: "Workload may do everything",
    severity: Severity::High,
    docs: "
## What it detects
A pod whose service account has a role with all verbs on all resources, and that mounts its token.

## Why it matters
Whoever gets into the container has the namespace or the cluster.

## How to fix
Give the account a role with what the program does, which the audit log tells.
",
    references: &[kubescape("C-0272"), mitre("T1078")],
    run: Run::Workload(|workload, reporter| {
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is of one lifetime only")]
        granted(workload, reporter, "may do everything", grants::is_everything);
    }),
};

static TAKEOVER: Check = Check {
    id: "RBAC-workload-takeover",
    title: "Workload may take over others",
    severity: Severity::High,
    docs: "
## What it detects
A pod whose service account may read Secrets or create and change pods, and that mounts its token.

## Why it matters
Whoever gets into the container has every account whose Secret or pod is in reach: in the end the cluster.

## How to fix
Limit Secrets by `resourceNames`, leave pods to controllers, and keep such programs on nodes of their own.
",
    references: &[kubescape("C-0267"), mitre("T1552.007")],
    run: Run::Workload(|workload, reporter| {
        const PODS: Power = Power { verbs: &["create", "update", "patch"], groups: &[""], resources: &["pods"], names: &[] };
        const SECRETS: Power = Power { verbs: &["get", "list", "watch"], groups: &[""], resources: &["secrets"], names: &[] };
        granted(workload, reporter, "may read Secrets or make pods", |rule| PODS.is_given_by(rule) || SECRETS.is_given_by(rule));
    }),
};

/// Reports that the account of a workload has a rule of a kind, if its pods find the token.
fn granted(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>, may: &str, is_it: impl Fn(&Rule<'_>) -> bool) {
    let name = account(&workload.pod);
    let grants = reporter.grants.of_service_account(workload.object.effective_namespace(), name);
    let found = |grant: &&Grant<'_>| grant.rules.iter().any(&is_it);
    let Some(grant) = grants.into_iter().find(found) else { return };
    if !finds_token(workload, reporter) {
        return;
    }
    let Some(rule) = grant.rules.iter().find(|rule| is_it(rule)) else { return };
    let violation = do_not_mount(format!("service account `{name}` {may}"))
        .because(format!("{} `{}` grants it through {} `{}`", rule.role.kind, rule.role.name, grant.binding.kind, grant.binding.name))
        .with(&grant.binding, grant.pointer())
        .with(&rule.role, grants::pointer(rule));
    reporter.report(violation);
}

static DASHBOARD: Check = Check {
    id: "RBAC-dashboard-account",
    title: "Workload runs as the dashboard",
    severity: Severity::Low,
    docs: "
## What it detects
A workload other than the dashboard with the service account `kubernetes-dashboard`.

## Why it matters
The account reads what the dashboard shows. It is made for one program.

## How to fix
Give the workload an account of its own.
",
    references: &[kubescape("C-0014")],
    run: Run::Workload(|workload, reporter| {
        if account(&workload.pod) == "kubernetes-dashboard" && !workload.object.name.starts_with("kubernetes-dashboard") {
            let violation = Violation::at("/spec/serviceAccountName", "it runs with the account of the dashboard");
            let cure = "use another account, and mount no token";
            let violation = violation.cured_by(cure, None).cured_at(cure, FIELD, Some(false.into()));
            reporter.report(violation.needs("which rights of the account it uses"));
        }
    }),
};

static DEFAULT: Check = Check {
    id: "RBAC-default-account",
    title: "Workload has no account of its own",
    severity: Severity::Info,
    docs: "
## What it detects
A pod that names no service account, or `default`, and mounts its token.

## Why it matters
It shares one identity with every such pod of the namespace. What one of them is granted, all of them have, and the audit log cannot tell them apart.

## How to fix
Give the workload an account of its own, or do not mount the token if it does not talk to the API server.
",
    references: &[cis("5.1.5"), mitre("T1528")],
    run: Run::Workload(|workload, reporter| {
        if account(&workload.pod) == "default" && finds_token(workload, reporter) {
            let violation = Violation::at("/spec/serviceAccountName", "it runs as the default service account of its namespace");
            reporter.report(violation.advice("give it an account of its own"));
        }
    }),
};

static DEPRECATED_FIELD: Check = Check {
    id: "RBAC-deprecated-account-field",
    title: "Service account is named in a deprecated field",
    severity: Severity::Low,
    docs: "
## What it detects
`serviceAccount` in a pod, where `serviceAccountName` is missing or says something else.

## Why it matters
The field is an alias that is only kept for old clients. Tools that read `serviceAccountName` see another account than the one that the pod gets.

## How to fix
Name the account in `serviceAccountName` and remove `serviceAccount`.
",
    references: &[kubescape("C-0294")],
    run: Run::Workload(|workload, reporter| {
        let text = |field| workload.pod.at(&[field]).map(Node::text).filter(|name| !name.is_empty());
        let (Some(old), new) = (text("serviceAccount"), text("serviceAccountName")) else { return };
        if new == Some(old) {
            return;
        }
        let violation = Violation::at("/spec/serviceAccount", format!("`serviceAccount` says `{old}`"));
        let violation = violation.cured_by("use `serviceAccountName`", None);
        reporter.report(match new {
            None => violation.cured_at("use `serviceAccountName`", "/spec/serviceAccountName", Some(old.into())),
            // The API server prefers the new field.
            Some(_) => violation,
        });
    }),
};
