//! The kubelet's configuration file: `KubeletConfiguration`, as a table of keys.
//!
//! Defaults: kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go, 1.36. Whoever reads the configuration of a running
//! kubelet asks the same table ([`Setting::objection`]); flags of its command line win over the file ([`Setting::flag`]).

use super::api_server::CIPHERS;
use super::flag::seconds;
use crate::check::reference::{cis, docs};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};
use serde_json::{Value, json};

/// One key of the configuration, and what it has to be.
pub(crate) struct Setting {
    /// The check that asks for it.
    pub(crate) id: &'static str,
    /// Keys from the root of the configuration.
    pub(crate) path: &'static [&'static str],
    /// The flag that says the same, without dashes.
    pub(crate) flag: &'static str,
    /// What it has to be.
    pub(crate) want: Want,
}

/// What a key has to be. Where it is absent, the default of the file holds.
pub(crate) enum Want {
    /// This boolean; the second is the default.
    Bool(bool, bool),
    /// `true`, or this other key set; `false` is the default.
    TrueUnless(&'static str),
    /// Another text than this, which is not the default.
    Not(&'static str),
    /// Something.
    Given,
    /// A number above 0; the default, and what would do.
    Positive(i64, i64),
    /// No other number than 0, which is the default.
    Zero,
    /// A duration other than 0; absent is fine.
    Duration,
    /// A list of nothing; absent is fine.
    Empty,
    /// A list of these alone; absent is all that the program knows.
    Only(&'static [&'static str]),
}

impl Setting {
    /// What is wrong with the key in the configuration `root`; `None` if nothing is.
    pub(crate) fn objection(&self, root: Node<'_>) -> Option<String> {
        let value = root.at(self.path);
        let key = || self.path.join(".");
        let said = |value: Node<'_>| format!("`{}` is `{}`", key(), value.text());
        let absent = || format!("`{}` is not set", key());
        let listed = |bad: &mut dyn Iterator<Item = Node<'_>>| {
            let bad: Vec<String> = bad.map(|item| format!("`{}`", item.text())).collect();
            (!bad.is_empty()).then(|| format!("`{}` has {}", key(), bad.join(", ")))
        };
        match (&self.want, value) {
            (Want::TrueUnless(other), _) if root.get(other).is_some_and(|value| !value.text().is_empty()) => None,
            (Want::TrueUnless(_), Some(value)) => (value.as_bool() != Some(true)).then(|| said(value)),
            (Want::Bool(wanted, _), Some(value)) => (value.as_bool() != Some(*wanted)).then(|| said(value)),
            (Want::Bool(wanted, default), None) => (wanted != default).then(absent),
            (Want::Not(bad), Some(value)) => (value.text() == *bad).then(|| said(value)),
            (Want::Given, value) => value.is_none_or(|value| value.text().is_empty()).then(absent),
            (Want::Positive(..), Some(value)) => value.as_int().is_none_or(|number| number < 1).then(|| said(value)),
            (Want::Positive(default, _), None) => (*default < 1).then(absent),
            (Want::Zero, Some(value)) => (value.as_int() != Some(0)).then(|| said(value)),
            (Want::Duration, Some(value)) => (seconds(value.text()) == Some(0) || value.text() == "0").then(|| said(value)),
            (Want::Empty, Some(value)) => listed(&mut value.items()),
            (Want::Only(good), Some(value)) => listed(&mut value.items().filter(|item| !good.contains(&item.text()))),
            (Want::TrueUnless(_) | Want::Only(_), None) => Some(absent()),
            (Want::Not(_) | Want::Zero | Want::Duration | Want::Empty, None) => None,
        }
    }

    /// A value that would do, where one can be named.
    fn cure(&self) -> Option<Value> {
        match &self.want {
            Want::Bool(wanted, _) => Some(json!(wanted)),
            Want::Not("AlwaysAllow") => Some(json!("Webhook")),
            Want::Positive(_, usual) => Some(json!(usual)),
            Want::Zero => Some(json!(0)),
            Want::Duration => Some(json!("4h")),
            Want::TrueUnless(_) => Some(json!(true)),
            Want::Only(good) => Some(json!(good)),
            Want::Not(_) | Want::Given | Want::Empty => None,
        }
    }

    /// The violation in a configuration whose root is `root`, with pointers from there.
    fn violation(&self, root: Node<'_>) -> Option<Violation> {
        let message = self.objection(root)?;
        let violation = Violation::at(format!("/{}", self.path.join("/")), message);
        let violation = violation.because(format!("a flag `--{}` of the kubelet would win over the file", self.flag));
        Some(match self.cure() {
            Some(value) => {
                let what = match &value {
                    Value::Array(_) => format!("list only good values in `{}`", self.path.join(".")),
                    Value::String(text) => format!("set `{}: {text}`", self.path.join(".")),
                    other => format!("set `{}: {other}`", self.path.join(".")),
                };
                violation.cured_by(what, Some(value)).needs("what on the node relies on the present behaviour")
            }
            None => violation.advice(format!("set `{}` to what fits the node", self.path.join("."))),
        })
    }
}

macro_rules! settings {
    ($($name:ident: $id:literal, $severity:ident, $title:literal, $path:expr, $flag:literal, $want:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        /// All keys that are looked at, sorted by the id of their check.
        pub(crate) static SETTINGS: &[Setting] = &[$(Setting { id: concat!("CTL-", $id), path: $path, flag: $flag, want: $want }),*];
        $(
            static $name: Check = Check {
                id: concat!("CTL-", $id),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, "\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Object(KINDS, |object, reporter| look(concat!("CTL-", $id), object, reporter)),
            };
        )*
        /// One check a key.
        pub(super) static ALL: &[&Check] = &[$(&$name),*];
    };
}

const KINDS: &[&str] = &["kubelet.config.k8s.io/KubeletConfiguration"];

fn look(id: &str, object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let setting = SETTINGS.iter().find(|setting| setting.id == id);
    setting.and_then(|setting| setting.violation(object.node)).into_iter().for_each(|violation| reporter.report(violation));
}

const CONFIGURATION: &str = "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/";

settings! {
    ANONYMOUS: "kubelet-anonymous-auth", High, "Kubelet answers requests without credentials",
        &["authentication", "anonymous", "enabled"], "anonymous-auth", Want::Bool(false, false), [cis("4.2.1")],
        "A KubeletConfiguration with `authentication.anonymous.enabled: true`.",
        "Whoever reaches port 10250 is let in as `system:anonymous`, and with the wrong authorization runs commands in every container of the node.",
        "Remove the key or set it to `false`.";
    AUTHORIZATION: "kubelet-authorization-mode", Critical, "Kubelet allows everything",
        &["authorization", "mode"], "authorization-mode", Want::Not("AlwaysAllow"), [cis("4.2.2")],
        "A KubeletConfiguration with `authorization.mode: AlwaysAllow`.",
        "Everybody whom the kubelet knows may run commands in every container of the node.",
        "Set `authorization.mode: Webhook`.";
    CLIENT_CA: "kubelet-client-ca-file", High, "Kubelet cannot check client certificates",
        &["authentication", "x509", "clientCAFile"], "client-ca-file", Want::Given, [cis("4.2.3")],
        "A KubeletConfiguration without `authentication.x509.clientCAFile`.",
        "The API server cannot show the kubelet who it is, so that something weaker has to be allowed.",
        "Set the key to the file of the cluster's authority.";
    EVENT_QPS: "kubelet-event-record-qps", Low, "Kubelet may flood the API server with events",
        &["eventRecordQPS"], "event-qps", Want::Positive(50, 50), [cis("4.2.8")],
        "A KubeletConfiguration with `eventRecordQPS: 0`.",
        "Without a limit, a pod that fails again and again fills etcd with events.",
        "Remove the key; the default is 50 a second.";
    IPTABLES: "kubelet-iptables-util-chains", Low, "Kubelet leaves the firewall of the node alone",
        &["makeIPTablesUtilChains"], "make-iptables-util-chains", Want::Bool(true, true), [cis("4.2.6")],
        "A KubeletConfiguration with `makeIPTablesUtilChains: false`.",
        "Rules that keep packets from outside away from the loopback address of the node are missing (CVE-2020-8558).",
        "Remove the key; it is on by default.";
    PID_LIMIT: "kubelet-pod-pids-limit", Medium, "A pod may take all processes of its node",
        &["podPidsLimit"], "pod-max-pids", Want::Positive(-1, 4096), [cis("4.2.13")],
        "A KubeletConfiguration without `podPidsLimit`, or with one below 1.",
        "A loop that forks takes the node down with all that runs there.",
        "Set `podPidsLimit` to what the largest pod needs, 4096 for example.";
    PROTECT_KERNEL: "kubelet-protect-kernel-defaults", Low, "Kubelet changes settings of the kernel",
        &["protectKernelDefaults"], "protect-kernel-defaults", Want::Bool(true, false), [docs("KubeletConfiguration", CONFIGURATION)],
        "A KubeletConfiguration without `protectKernelDefaults: true`.",
        "The kubelet changes settings of the kernel that differ from what it expects, hardened ones included, and nobody notices.",
        "Set `protectKernelDefaults: true`, and make the settings part of the node's image.";
    READ_ONLY_PORT: "kubelet-read-only-port", High, "Kubelet serves a port without authentication",
        &["readOnlyPort"], "read-only-port", Want::Zero, [cis("4.2.4")],
        "A KubeletConfiguration with a `readOnlyPort` other than 0.",
        "Whoever reaches the port reads the specification of all pods of the node, environment variables included.",
        "Remove the key or set it to 0.";
    ROTATE: "kubelet-rotate-certificates", Medium, "Kubelet does not renew its client certificate",
        &["rotateCertificates"], "rotate-certificates", Want::Bool(true, false), [cis("4.2.10")],
        "A KubeletConfiguration without `rotateCertificates: true`.",
        "The certificate runs out and the node with it, or it was made to live for years.",
        "Set `rotateCertificates: true`.";
    SECCOMP_DEFAULT: "kubelet-seccomp-default", Low, "Containers without a seccomp profile run without one",
        &["seccompDefault"], "seccomp-default", Want::Bool(true, false), [docs("KubeletConfiguration", CONFIGURATION)],
        "A KubeletConfiguration without `seccompDefault: true`.",
        "Containers whose manifest names no profile use all system calls of the node's kernel.",
        "Set `seccompDefault: true`, node by node.";
    SERVER_BOOTSTRAP: "kubelet-server-tls-bootstrap", Medium, "Kubelet signs its own serving certificate",
        &["serverTLSBootstrap"], "rotate-server-certificates", Want::TrueUnless("tlsCertFile"), [cis("4.2.9"), cis("4.2.11")],
        "A KubeletConfiguration without `serverTLSBootstrap: true` and without a `tlsCertFile` of its own.",
        "The API server cannot tell the kubelet from whoever stands in between: logs and `exec` can be read and changed.",
        "Set `serverTLSBootstrap: true`, and approve the certificate requests of kubelets.";
    STREAMING: "kubelet-streaming-timeout", Info, "Connections into containers are meant never to end",
        &["streamingConnectionIdleTimeout"], "streaming-connection-idle-timeout", Want::Duration, [cis("4.2.5")],
        "A KubeletConfiguration with `streamingConnectionIdleTimeout: 0`.",
        "In the file, 0 is read as the default of four hours; given to the flag, a forgotten `exec` stays open for ever, and enough of them take all ports of the node. Either way it is not what is written.",
        "Remove the key; the default is four hours.";
    CIPHERS_STRONG: "kubelet-tls-cipher-suites", Low, "Kubelet takes weak ciphers",
        &["tlsCipherSuites"], "tls-cipher-suites", Want::Only(CIPHERS), [cis("4.2.12")],
        "A KubeletConfiguration that names no cipher suites, or some without forward secrecy or with ciphers older than AES.",
        "What is recorded today can be read the day the key is lost; old block ciphers leak what repeats.",
        "List only suites with ECDHE and AES or ChaCha20 in `tlsCipherSuites`.";
    UNSAFE_SYSCTLS: "kubelet-unsafe-sysctls", Low, "Pods may set unsafe kernel parameters",
        &["allowedUnsafeSysctls"], "allowed-unsafe-sysctls", Want::Empty, [docs("sysctls", "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/")],
        "A KubeletConfiguration with `allowedUnsafeSysctls`.",
        "A pod that sets one may disturb others on the node or take memory that no limit counts.",
        "Keep such nodes apart with a taint, and list single parameters and not `*`.";
    WEBHOOK: "kubelet-webhook-authentication", Medium, "Kubelet does not know tokens",
        &["authentication", "webhook", "enabled"], "authentication-token-webhook", Want::Bool(true, true), [docs("Kubelet authentication", "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/")],
        "A KubeletConfiguration with `authentication.webhook.enabled: false`.",
        "Collectors of metrics come with tokens. Where the kubelet cannot check them, anonymous requests or the read-only port get turned on.",
        "Remove the key or set it to `true`.";
}

#[cfg(test)]
mod tests {
    use super::{ALL, SETTINGS};

    #[test]
    fn the_table_and_the_checks_are_the_same() {
        let checks: Vec<&str> = ALL.iter().map(|check| check.id).collect();
        assert_eq!(SETTINGS.iter().map(|setting| setting.id).collect::<Vec<_>>(), checks);
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.id));
        assert!(SETTINGS.iter().all(|setting| !setting.flag.starts_with('-')));
    }
}
