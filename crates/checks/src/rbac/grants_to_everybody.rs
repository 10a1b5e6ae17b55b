//! Roles for those who need not even show who they are, or only that they are somebody.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::grants::{Grant, Power};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&ANONYMOUS, &AUTHENTICATED];

/// The roles that upstream binds for discovery and health checks (Kubernetes documentation, *Default roles*).
const DISCOVERY: [&str; 3] = ["system:public-info-viewer", "system:discovery", "system:basic-user"];

static ANONYMOUS: Check = Check {
    id: "RBAC-anonymous",
    title: "Role is granted without authentication",
    severity: Severity::High,
    docs: "
## What it detects
A binding whose subject is `system:anonymous` or `system:unauthenticated`.

## Why it matters
Whoever reaches the API server has the role, without showing who they are.

## How to fix
Take the subject out of the binding. Only `system:public-info-viewer`, which shows health and version, is meant for everybody.
",
    references: &[cis("5.1.1"), kubescape("C-0262"), mitre("T1190")],
    run: Run::Object(&["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"], anonymous),
};

fn anonymous(binding: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if binding.node.at(&["roleRef", "name"]).is_some_and(|role| DISCOVERY.contains(&role.text())) {
        return;
    }
    for (at, subject) in binding.node.get("subjects").into_iter().flat_map(Node::items).enumerate() {
        let name = subject.get("name").map_or("", Node::text);
        if matches!(name, "system:anonymous" | "system:unauthenticated") {
            let violation = Violation::at(format!("/subjects/{at}"), format!("`{name}` is granted a role"));
            reporter.report(violation.cured_by("take it out of the binding", None).needs("whether clients without credentials rely on it"));
        }
    }
}

static AUTHENTICATED: Check = Check {
    id: "RBAC-authenticated-group",
    title: "Everybody who is let in may reach workloads",
    severity: Severity::High,
    docs: "
## What it detects
A binding that gives the group `system:authenticated` access to pods, controllers, nodes or Secrets.

## Why it matters
Every service account and every user of the cluster's identity provider is in that group. With some providers that is everybody with an account there.

## How to fix
Bind the role to the group or account that needs it.
",
    references: &[kubescape("C-0265"), mitre("T1078")],
    run: Run::Grant(authenticated),
};

fn authenticated(grant: &Grant<'_>, reporter: &mut Reporter<'_, '_>) {
    const POWER: Power = Power {
        verbs: &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
        groups: &["", "apps", "batch"],
        resources: &[
            "pods",
            "pods/exec",
            "pods/attach",
            "pods/portforward",
            "deployments",
            "statefulsets",
            "daemonsets",
            "jobs",
            "cronjobs",
            "nodes",
            "secrets",
        ],
        names: &[],
    };
    if grant.kind == "Group"
        && grant.name == "system:authenticated"
        && let Some(rule) = grant.gives(&POWER)
    {
        reporter.report_grant(grant, rule, "may reach workloads, nodes or Secrets");
    }
}
