//! Which admission plugins the API server runs.
//!
//! Names and defaults: kubernetes pkg/kubeapiserver/options/plugins.go, 1.36.

use super::flag::{CONFIGURATION_FILE, CONFIGURED_PLUGINS};
use crate::check::reference::docs;
use crate::check::{Check, Component, Run};
use crate::component::Process;
use crate::reporter::Reporter;
use plimsoll_model::{Reference, Severity};

pub(super) static ALL: &[&Check] = &[&CONFIGURATION, &DISABLED, &REMOVED, &UNWANTED];

const PLUGINS: Reference = docs("Admission control", "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/");

/// The items of a flag that is a list.
fn items<'p>(process: &'p Process<'_>, name: &str) -> impl Iterator<Item = &'p str> {
    process.value(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Takes `plugin` out of the list `flag`.
fn reject(process: &Process<'_>, flag: &str, plugin: &str, severity: Severity, message: String, reporter: &mut Reporter<'_, '_>) {
    let rest: Vec<&str> = items(process, flag).filter(|item| *item != plugin).collect();
    let violation =
        if rest.is_empty() { process.rejects(flag, message) } else { Some(process.wants(flag, Some(&rest.join(",")), message)) };
    violation.into_iter().for_each(|violation| reporter.report(violation.severity(severity)));
}

static DISABLED: Check = Check {
    id: "CTL-apiserver-admission-disabled",
    title: "Admission plugin that is on by default is turned off",
    severity: Severity::High,
    docs: "
## What it detects
A plugin in `--disable-admission-plugins` that protects the cluster: PodSecurity, the webhooks and the policies, those for certificates, RuntimeClass, quotas. NamespaceLifecycle and ServiceAccount have checks of their own.

## Why it matters
What these plugins enforce goes on to stand in labels, webhook configurations, policies and quotas, and nothing looks at it.

## How to fix
Remove the plugin from `--disable-admission-plugins`.
",
    references: &[PLUGINS],
    run: Run::Process(&[Component::ApiServer], |process, reporter| {
        for (plugin, severity, what) in PROTECTING {
            if items(process, "disable-admission-plugins").any(|item| item == *plugin) {
                reject(process, "disable-admission-plugins", plugin, *severity, format!("`{plugin}` is turned off: {what}"), reporter);
            }
        }
    }),
};

/// Plugins that are on by default and protect something: name, how bad it is without, what is without effect then.
const PROTECTING: &[(&str, Severity, &str)] = &[
    ("CertificateApproval", Severity::High, "whoever may update requests may approve certificates of any signer"),
    ("CertificateSigning", Severity::High, "whoever may update requests may sign certificates for any signer"),
    ("CertificateSubjectRestriction", Severity::High, "certificates for the group `system:masters` can be asked for"),
    ("ClusterTrustBundleAttest", Severity::Medium, "trust bundles of a signer can be changed without its permission"),
    ("LimitRanger", Severity::Low, "LimitRanges have no effect"),
    ("MutatingAdmissionPolicy", Severity::Medium, "MutatingAdmissionPolicies have no effect"),
    ("MutatingAdmissionWebhook", Severity::High, "policy engines that work by webhooks change nothing"),
    ("PodSecurity", Severity::High, "the Pod Security labels of namespaces have no effect"),
    ("ResourceQuota", Severity::Medium, "quotas have no effect"),
    ("RuntimeClass", Severity::Medium, "overhead and node selectors of RuntimeClasses have no effect"),
    ("TaintNodesByCondition", Severity::Low, "pods come to nodes that are not ready"),
    ("ValidatingAdmissionPolicy", Severity::High, "ValidatingAdmissionPolicies have no effect"),
    ("ValidatingAdmissionWebhook", Severity::High, "policy engines that work by webhooks refuse nothing"),
];

static REMOVED: Check = Check {
    id: "CTL-apiserver-admission-removed",
    title: "Admission plugin is no longer there",
    severity: Severity::Medium,
    docs: "
## What it detects
A plugin in `--enable-admission-plugins` that Kubernetes has removed: PodSecurityPolicy (1.25), SecurityContextDeny (1.30), DenyEscalatingExec and DenyExecOnPrivileged (1.21), Initializers (1.14).

## Why it matters
The API server does not start with a plugin that it does not know. Before that version, the plugin is deprecated, and what relies on it ends with the next update.

## How to fix
Remove it, and use Pod Security admission or a ValidatingAdmissionPolicy in its place.
",
    references: &[PLUGINS],
    run: Run::Process(&[Component::ApiServer], |process, reporter| {
        for (plugin, minor) in GONE {
            if items(process, "enable-admission-plugins").any(|item| item == *plugin) {
                let (severity, message) = match process.version {
                    Some((1, version, _)) if version < *minor => {
                        (Severity::Low, format!("`{plugin}` is removed in Kubernetes 1.{minor}; this is 1.{version}"))
                    }
                    _ => (Severity::Medium, format!("`{plugin}` was removed in Kubernetes 1.{minor}: the API server does not start with it")),
                };
                reject(process, "enable-admission-plugins", plugin, severity, message, reporter);
            }
        }
    }),
};

/// Plugins that were removed: name, minor version without it.
const GONE: &[(&str, u32)] = &[
    ("DenyEscalatingExec", 21),
    ("DenyExecOnPrivileged", 21),
    ("Initializers", 14),
    ("PodSecurityPolicy", 25),
    ("SecurityContextDeny", 30),
];

static UNWANTED: Check = Check {
    id: "CTL-apiserver-admission-unwanted",
    title: "Admission plugin does harm",
    severity: Severity::Medium,
    docs: "
## What it detects
`NamespaceAutoProvision` or `AlwaysDeny` among the enabled admission plugins. `AlwaysAdmit` has a check of its own.

## Why it matters
NamespaceAutoProvision makes every namespace that a request names: without Pod Security labels, quotas and network policies. AlwaysDeny refuses every request; it is for tests.

## How to fix
Remove it from `--enable-admission-plugins`.
",
    references: &[PLUGINS],
    run: Run::Process(&[Component::ApiServer], |process, reporter| {
        for (plugin, what) in [
            ("AlwaysDeny", "refuses every request"),
            ("NamespaceAutoProvision", "makes namespaces without labels, quotas and policies"),
        ] {
            if items(process, "enable-admission-plugins").any(|item| item == plugin) {
                reject(process, "enable-admission-plugins", plugin, Severity::Medium, format!("`{plugin}` {what}"), reporter);
            }
        }
    }),
};

static CONFIGURATION: Check = Check {
    id: "CTL-apiserver-admission-configuration",
    title: "Admission plugin has no configuration",
    severity: Severity::Medium,
    docs: "
## What it detects
`EventRateLimit` or `ImagePolicyWebhook` among the enabled admission plugins of an API server without `--admission-control-config-file`.

## Why it matters
The API server does not start: EventRateLimit has to have limits, ImagePolicyWebhook a service to ask.

## How to fix
Write an AdmissionConfiguration with a part for the plugin, and name it in `--admission-control-config-file`.
",
    references: &[PLUGINS],
    run: Run::Process(&[Component::ApiServer], |process, reporter| {
        if process.value(CONFIGURATION_FILE).is_some() {
            return;
        }
        for plugin in items(process, "enable-admission-plugins").filter(|item| CONFIGURED_PLUGINS.contains(item)) {
            let message = format!("`{plugin}` has no configuration: the API server does not start");
            let mut violation = process.wants(CONFIGURATION_FILE, None, message);
            process.pointer("enable-admission-plugins").clone_into(&mut violation.pointer);
            reporter.report(violation);
        }
    }),
};
