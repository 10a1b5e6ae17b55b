//! What is left of roles and bindings that nobody needs any more.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::grants::Grant;
use crate::reporter::Reporter;
use plimsoll_model::rbac::is_bootstrapped;
use plimsoll_model::{Node, Object, Severity, Violation, selects, shell_word};

pub(super) static ALL: &[&Check] = &[&NO_SUBJECTS, &SUBJECT_MISSING, &UNBOUND];

const BINDINGS: &[&str] = &["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"];

static NO_SUBJECTS: Check = Check {
    id: "RBAC-binding-without-subjects",
    title: "Binding grants a role to nobody",
    severity: Severity::Info,
    docs: "
## What it detects
A RoleBinding or ClusterRoleBinding that has no `subjects`, other than the API server's own. An empty list says itself that nobody is meant; the API server leaves it out, so that of a cluster both are found.

## Why it matters
It grants nothing, and is easily taken for something that does. Whoever may change it decides who gets the role, and its role stays because it looks used.

## How to fix
Remove the binding.
",
    references: &[docs("RBAC good practices", "https://kubernetes.io/docs/concepts/security/rbac-good-practices/")],
    run: Run::Object(BINDINGS, |binding, reporter| {
        // An empty list is written on purpose, as by whoever takes the last one out.
        if !is_bootstrapped(binding) && binding.node.get("subjects").is_none_or(Node::is_null) {
            let message = format!("{} `{}` has no subjects", binding.kind, binding.name);
            reporter.report(Violation::at("/metadata/name", message).advice("remove the binding"));
        }
    }),
};

static SUBJECT_MISSING: Check = Check {
    id: "RBAC-subject-missing",
    title: "Binding names a service account that is not there",
    severity: Severity::Low,
    docs: "
## What it detects
A subject of a binding that is a service account which is not among what was read, although others of its namespace are. The account `default`, which every namespace has, is left alone, and so are bindings of the API server.

## Why it matters
Whoever may create service accounts there, or pods that name one, makes an account of that name and has the role. Otherwise the name is misspelt, and somebody lacks the role.

## How to fix
Take the subject out of the binding, or correct the name.
",
    references: &[docs("RBAC good practices", "https://kubernetes.io/docs/concepts/security/rbac-good-practices/")],
    run: Run::Object(BINDINGS, subject_missing),
};

fn subject_missing(binding: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if is_bootstrapped(binding) {
        return;
    }
    for (at, subject) in binding.node.get("subjects").into_iter().flat_map(Node::items).enumerate() {
        let text = |key| subject.get(key).map_or("", Node::text);
        let (name, namespace) = (text("name"), text("namespace"));
        let namespace = if namespace.is_empty() { binding.effective_namespace() } else { namespace };
        let is_there = |accounts: &[&str]| name == "default" || accounts.contains(&name);
        if text("kind") != "ServiceAccount" || name.is_empty() || namespace.is_empty() {
            continue;
        }
        match reporter.inventory.accounts_of(namespace) {
            accounts if is_there(accounts) => {}
            [] => reporter.unknown(format!("ServiceAccount `{namespace}/{name}`: none of the namespace was read")),
            _ => {
                let message = format!("service account `{namespace}/{name}` is not there");
                let violation = Violation::at(format!("/subjects/{at}"), message).cured_by("take it out of the binding", None);
                let violation = violation.needs("whether something makes the account later");
                reporter.report(violation.asked_by(format!(
                    "kubectl get serviceaccount -n {} {}",
                    shell_word(namespace),
                    shell_word(name)
                )));
            }
        }
    }
}

static UNBOUND: Check = Check {
    id: "RBAC-role-unbound",
    title: "Role is granted to nobody",
    severity: Severity::Info,
    docs: "
## What it detects
A Role or ClusterRole that no binding among what was read names, and that no other role is made of, although bindings were read. What the API server makes itself is left alone.

## Why it matters
It is ready for whoever may bind roles. `plimsoll access unused --audit LOG` says of the others how much of them is used.

## How to fix
Remove the role, if nothing binds it in the cluster either.
",
    references: &[docs("RBAC good practices", "https://kubernetes.io/docs/concepts/security/rbac-good-practices/")],
    run: Run::Grant(unbound),
};

fn unbound(grant: &Grant<'_>, reporter: &mut Reporter<'_, '_>) {
    let (role, inventory) = (&grant.role, reporter.inventory);
    if !grant.is_unbound() || is_part(role, reporter) {
        return;
    }
    if inventory.of_kind("RoleBinding").len() + inventory.of_kind("ClusterRoleBinding").len() == 0 {
        reporter.unknown(format!("what binds {} `{}`: no binding was read", role.kind, role.name));
    } else {
        let message = format!("nothing binds {} `{}`", role.kind, role.name);
        reporter.report(Violation::at("/metadata/name", message).advice("remove the role, if nothing binds it in the cluster either"));
    }
}

/// Whether other roles are made of this one: those of every API server (`admin`, `edit`, `view`), or one that was read.
fn is_part(role: &Object<'_>, reporter: &Reporter<'_, '_>) -> bool {
    let is_of_default =
        |name: &&str| role.label(&format!("rbac.authorization.k8s.io/aggregate-to-{name}")).is_some_and(|value| value == "true");
    let selectors = |other: Object<'_>| {
        let selectors = other.node.at(&["aggregationRule", "clusterRoleSelectors"]);
        selectors.is_some_and(|list| list.items().any(|selector| selects(selector, role.node.at(&["metadata", "labels"]))))
    };
    role.kind == "ClusterRole"
        && (["admin", "edit", "view"].iter().any(is_of_default) || reporter.inventory.of_kind("ClusterRole").any(selectors))
}
