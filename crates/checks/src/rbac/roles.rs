//! What roles and bindings say by themselves.

use crate::check::reference::{cis, docs, mitre};
use crate::check::{Check, Run};
use crate::grants::{Grant, Power};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&AWS_AUTH, &MASTERS, &ROLE_MISSING, &WILDCARD];

static AWS_AUTH: Check = Check {
    id: "RBAC-update-aws-auth",
    title: "Subject may let in whom it likes on EKS",
    severity: Severity::High,
    docs: "
## What it detects
A subject that may change the ConfigMap `aws-auth`, which maps AWS identities to users and groups on EKS: where that ConfigMap is among what was read, or where the role names it. A role that gives it and that nothing binds among what was read counts too, as low.

## Why it matters
An entry with `system:masters` makes an administrator.

## How to fix
Use access entries of EKS instead, and limit changes of ConfigMaps by `resourceNames` or to a namespace.
",
    references: &[mitre("T1098.006")],
    run: Run::Grant(aws_auth),
};

fn aws_auth(grant: &Grant<'_>, reporter: &mut Reporter<'_, '_>) {
    const POWER: Power = Power {
        verbs: &["create", "update", "patch", "delete", "deletecollection"],
        groups: &[""],
        resources: &["configmaps"],
        names: &["aws-auth"],
    };
    let is_eks = reporter.inventory.find("ConfigMap", "kube-system", "aws-auth").is_some();
    let reaches = grant.binding.kind != "RoleBinding" || grant.binding.effective_namespace() == "kube-system";
    if let Some(rule) = grant.gives(&POWER).filter(|rule| reaches && (is_eks || rule.resource_names.contains(&"aws-auth"))) {
        reporter.report_grant(grant, rule, "may change who is let in on EKS");
    }
}

static MASTERS: Check = Check {
    id: "RBAC-masters-group",
    title: "Binding names the group that may do everything anyway",
    severity: Severity::Medium,
    docs: "
## What it detects
A binding, other than the API server's own, whose subject is the group `system:masters`.

## Why it matters
The API server lets that group do everything and asks no authorizer. A binding to it changes nothing today; it shows that somebody hands out certificates with the group, which cannot be taken back.

## How to fix
Make a group of your own for administrators and bind `cluster-admin` to that.
",
    references: &[cis("5.1.7"), mitre("T1078")],
    run: Run::Object(BINDINGS, masters),
};

const BINDINGS: &[&str] = &["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"];

fn masters(binding: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if binding.label("kubernetes.io/bootstrapping") == Some("rbac-defaults") {
        return;
    }
    for (at, subject) in binding.node.get("subjects").into_iter().flat_map(Node::items).enumerate() {
        if subject.get("name").is_some_and(|name| name.text() == "system:masters") {
            let violation = Violation::at(format!("/subjects/{at}"), "`system:masters` is bound to a role");
            let violation = violation.cured_by("bind a group of your own", None);
            reporter.report(violation.needs("who holds certificates with the group"));
        }
    }
}

static ROLE_MISSING: Check = Check {
    id: "RBAC-role-missing",
    title: "Binding names a role that is not there",
    severity: Severity::Low,
    docs: "
## What it detects
A binding whose Role or ClusterRole is not among what was read, although others are, other than the roles that every API server makes itself.

## Why it matters
It grants nothing. Whoever may create a role of that name later decides what its subjects get.

## How to fix
Correct the name, or remove the binding.
",
    references: &[docs("RBAC", "https://kubernetes.io/docs/reference/access-authn-authz/rbac/")],
    run: Run::Object(BINDINGS, |binding, reporter| {
        let text = |key| binding.node.at(&["roleRef", key]).map_or("", Node::text);
        let (kind, name) = (text("kind"), text("name"));
        let is_own = kind == "ClusterRole" && (name.starts_with("system:") || matches!(name, "admin" | "cluster-admin" | "edit" | "view"));
        let namespace = if kind == "ClusterRole" { "" } else { binding.effective_namespace() };
        if is_own || name.is_empty() || reporter.inventory.find(kind, namespace, name).is_some() {
            return;
        }
        if reporter.inventory.of_kind(kind).len() == 0 {
            reporter.unknown(format!("{kind} `{name}`: no {kind} was read"));
        } else {
            let violation = Violation::at("/roleRef", format!("{kind} `{name}` is not there"));
            reporter.report(violation.advice("correct the name, or remove the binding"));
        }
    }),
};

static WILDCARD: Check = Check {
    id: "RBAC-wildcard",
    title: "Role allows what is not there yet",
    severity: Severity::Low,
    docs: "
## What it detects
A rule of a Role or ClusterRole with `*` among its verbs, resources or API groups. What the API server makes itself is left alone.

## Why it matters
The wildcard covers every resource, subresource and verb that comes later: of the next operator, the next Kubernetes version.

## How to fix
Name what the subject uses; the audit log tells.
",
    references: &[cis("5.1.3"), mitre("T1078")],
    run: Run::Object(&["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"], |role, reporter| {
        let is_own = role.label("kubernetes.io/bootstrapping") == Some("rbac-defaults") || role.name.starts_with("system:");
        for (at, rule) in role.node.get("rules").into_iter().flat_map(Node::items).enumerate().filter(|_| !is_own) {
            let is_wild = |field: &&str| rule.get(field).into_iter().flat_map(Node::items).any(|one| one.text() == "*");
            if let Some(field) = ["verbs", "resources", "apiGroups"].iter().find(|field| is_wild(field)) {
                let message = format!("rule {at} of {} `{}` has `*` for its `{field}`", role.kind, role.name);
                reporter.report(Violation::at(format!("/rules/{at}/{field}"), message).advice("name what its subjects use"));
            }
        }
    }),
};
