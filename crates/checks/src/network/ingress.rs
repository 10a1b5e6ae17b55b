//! Ingresses, and what serves them.

use crate::check::reference::{cve, kubescape};
use crate::check::{Check, Run};
use crate::cures::in_namespace;
use crate::reporter::Reporter;
use crate::version;
use plimsoll_model::{Container, Node, Object, Severity, Violation, Workload, escape};

pub(super) static ALL: &[&Check] = &[&ANNOTATION_SNIPPETS, &INJECTION, &SNIPPETS, &TLS];

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
    run: Run::Object(INGRESS, |ingress, reporter| {
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

static ANNOTATION_SNIPPETS: Check = Check {
    id: "NET-ingress-snippet-annotation",
    title: "Ingress puts configuration into its controller",
    severity: Severity::Medium,
    docs: "
## What it detects
An annotation of an Ingress that ends in `-snippet`, which ingress-nginx puts into its configuration as it is.

## Why it matters
Whoever may write the Ingress configures the server that serves everybody's, reads its files and, through them, the controller's Secrets (CVE-2021-25742).

## How to fix
Use the annotation that is made for the purpose, or the controller's ConfigMap, and turn snippets off.
",
    references: &[cve("CVE-2021-25742", "https://github.com/kubernetes/ingress-nginx/issues/7837")],
    run: Run::Object(INGRESS, |ingress, reporter| {
        for (name, _) in annotations(ingress).filter(|(name, _)| is_snippet(name)) {
            let message = format!("ingress `{}` puts configuration into its controller", ingress.name);
            let violation = Violation::at(format!("/metadata/annotations/{}", escape(name)), message);
            reporter.report(violation.cured_by("take the snippet out", None).needs("what it does, and which annotation does the same"));
        }
    }),
};

static INJECTION: Check = Check {
    id: "NET-ingress-injection",
    title: "Ingress makes its controller run code or read files",
    severity: Severity::High,
    docs: "
## What it detects
A snippet annotation of an Ingress with a directive that runs code or serves files (`lua`, `alias`, `root`, `load_module`, `proxy_pass` to the API server, or the path of the controller's token), or one of the annotations that older versions of ingress-nginx put into their configuration unchecked (`auth-url`, `auth-tls-match-cn`, `mirror-target`, `mirror-host`) with a line break, a quote, or another character that ends a directive.

## Why it matters
It is how the vulnerabilities CVE-2021-25742, CVE-2025-1097, CVE-2025-1098 and CVE-2025-24514 are made use of: the controller's account reads all Secrets.

## How to fix
Take the annotation out, find out who wrote it, and update the controller.
",
    references: &[
        cve("CVE-2021-25742", "https://github.com/kubernetes/ingress-nginx/issues/7837"),
        cve("CVE-2025-1097", "https://github.com/kubernetes/kubernetes/issues/131007"),
        cve("CVE-2025-1098", "https://github.com/kubernetes/kubernetes/issues/131008"),
        cve("CVE-2025-24514", "https://github.com/kubernetes/kubernetes/issues/131006"),
    ],
    run: Run::Object(INGRESS, |ingress, reporter| {
        /// Directives of nginx that run code or serve files, and where the controller's token is.
        const DIRECTIVES: [&str; 9] = [
            "_by_lua", "lua_", "content_by", "alias", "root ", "load_module", "kubernetes.default", "serviceaccount", "/proc/",
        ];
        const UNCHECKED: [&str; 4] = ["auth-tls-match-cn", "auth-url", "mirror-host", "mirror-target"];
        for (name, value) in annotations(ingress) {
            let in_snippet = is_snippet(name) && DIRECTIVES.iter().any(|directive| value.contains(directive));
            let ends_directive = |value: &str| value.contains(['\r', '\n', '<', '>', '"', '{', '}', '|', '^', '`', '\\', ';', '#']);
            let is_unchecked = || name.rsplit_once('/').is_some_and(|(_, name)| UNCHECKED.contains(&name));
            if in_snippet || (is_unchecked() && ends_directive(value)) {
                let message = format!("annotation `{name}` of ingress `{}` is written like an attack", ingress.name);
                let violation = Violation::at(format!("/metadata/annotations/{}", escape(name)), message);
                reporter.report(violation.cured_by("take it out", None).needs("who wrote it, and what for"));
            }
        }
    }),
};

const INGRESS: &[&str] = &["networking.k8s.io/Ingress", "extensions/Ingress"];

fn annotations<'a>(ingress: &Object<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let annotations = ingress.node.at(&["metadata", "annotations"]).into_iter().flat_map(Node::entries);
    annotations.map(|(name, value)| (name.text(), value.text()))
}

fn is_snippet(name: &str) -> bool {
    name.ends_with("-snippet") || name.ends_with("-snippets")
}

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
