//! Ingresses, and what serves them.

use crate::check::reference::{cve, kubescape};
use crate::check::{Check, Run};
use crate::cures::in_namespace;
use crate::reporter::Reporter;
use crate::version;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&SNIPPETS, &TLS];

static TLS: Check = Check {
    id: "NET-ingress-without-tls",
    title: "Ingress serves in the clear",
    severity: Severity::Medium,
    docs: "
## What it detects
An Ingress without `spec.tls`.

## Why it matters
Passwords and sessions cross the network as they are, and can be changed on the way.

## How to fix
Name a Secret with a certificate under `tls`; cert-manager makes and renews them.
",
    references: &[kubescape("C-0263")],
    run: Run::Object(&["networking.k8s.io/Ingress", "extensions/Ingress"], |ingress, reporter| {
        if ingress.node.at(&["spec", "tls"]).is_none_or(|tls| tls.items().next().is_none()) {
            let host = ingress
                .node
                .at(&["spec", "rules"])
                .and_then(|rules| rules.items().next())
                .and_then(|rule| rule.get("host"))
                .map(Node::text);
            let violation = Violation::at("/spec/tls", format!("ingress `{}` has no TLS", ingress.name));
            reporter.report(match host.filter(|host| !host.is_empty()) {
                Some(host) => {
                    let tls = serde_json::json!([{"hosts": [host], "secretName": format!("{}-tls", ingress.name)}]);
                    violation
                        .cured_by("serve a certificate", Some(tls))
                        .needs("which Secret holds the certificate for its hosts")
                        .asked_by(format!("kubectl get secrets{} --field-selector type=kubernetes.io/tls", in_namespace(ingress.namespace)))
                }
                None => violation.advice("name a Secret with a certificate under `tls`"),
            });
        }
    }),
};

static SNIPPETS: Check = Check {
    id: "NET-ingress-nginx-snippets",
    title: "Whoever writes an Ingress reads the controller's Secrets",
    severity: Severity::High,
    docs: "
## What it detects
An ingress-nginx controller 0.49.0, 1.0.0 or older in a namespace without a ConfigMap that says `allow-snippet-annotations: \"false\"`.

## Why it matters
An annotation of an Ingress can put configuration into the server that prints the controller's token, which reads all Secrets (CVE-2021-25742).

## How to fix
Update the controller, and set `allow-snippet-annotations: \"false\"` in its ConfigMap.
",
    references: &[cve("CVE-2021-25742", "https://github.com/kubernetes/ingress-nginx/issues/7837"), kubescape("C-0059")],
    run: Run::Container(snippets),
};

fn snippets(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let is_controller = ["nginx-controller", "ingress-controller", "ingress-nginx"].iter().any(|name| container.image.contains(name));
    let tag = container
        .image
        .rsplit('/')
        .next()
        .and_then(|name| name.split('@').next())
        .and_then(|name| name.split_once(':'))
        .map(|(_, tag)| tag);
    let Some(version) = tag.filter(|_| is_controller).and_then(version::parse) else { return };
    if version > (1, 0, 0) || (version.0 == 0 && version > (0, 49, 0)) {
        return;
    }
    if !reporter.facts.snippets_off.contains(workload.object.effective_namespace()) {
        let message = |name: &str| format!("{name} is an ingress-nginx that takes configuration from annotations");
        reporter.report(Violation::of_container(&workload.pod, index, "/image", message).advice("update the controller"));
    }
}
