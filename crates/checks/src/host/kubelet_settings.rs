//! What a kubelet has to be told: the one table of its settings.
//!
//! Defaults: kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go and, without a configuration file,
//! cmd/kubelet/app/options/options.go (`applyLegacyDefaults`), v1.36.

use super::kubelet::{Kubelet, Setting};
use crate::check::reference::{cis, docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::control_plane::CIPHERS;
use crate::reporter::Reporter;
use plimsoll_model::Severity;
use serde_json::{Value, json};

/// What a setting has to be. The last text is a value that would do.
enum Want {
    /// This value.
    Is(&'static str),
    /// No item like this.
    Not(&'static str, &'static str),
    /// Something.
    Given(&'static str),
    /// A number above 0.
    Positive(&'static str),
    /// A list of nothing.
    Empty,
    /// A list of these alone, or none.
    Only(&'static [&'static str]),
}

impl Want {
    /// What is wrong with `value`, and what would do instead; `None` where the setting has to go.
    fn objection(&self, value: &str) -> Option<(String, Option<Value>)> {
        let mut items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        let (is_good, wanted) = match *self {
            Self::Is(wanted) => (value == wanted, Some(wanted)),
            Self::Not(bad, wanted) => (items.all(|item| item != bad), Some(wanted)),
            Self::Given(wanted) => (!value.is_empty(), Some(wanted)),
            Self::Positive(wanted) => (value.parse::<i64>().is_ok_and(|number| number > 0), Some(wanted)),
            Self::Empty => (value.is_empty(), None),
            Self::Only(good) => {
                let (kept, bad): (Vec<&str>, Vec<&str>) = items.partition(|item| good.contains(item));
                let kept = if kept.is_empty() { good } else { &kept };
                return (!bad.is_empty()).then(|| (format!("has `{}`", bad.join("`, `")), Some(json!(kept))));
            }
        };
        let what = || if value.is_empty() { "is empty".to_owned() } else { format!("is `{value}`") };
        let typed = |wanted: &str| serde_json::from_str(wanted).unwrap_or_else(|_| wanted.into());
        (!is_good).then(|| (what(), wanted.map(typed)))
    }
}

/// Reports the setting where it is not what it has to be.
fn expect(setting: &Setting, want: &Want, kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    if let Some(value) = kubelet.value(setting, reporter)
        && let Some((what, wanted)) = want.objection(&value.text)
    {
        let message = format!("the kubelet's `{}` {what}", setting.field.join("."));
        setting.violation(&value, message, wanted).into_iter().for_each(|violation| reporter.report(violation));
    }
}

/// A table of checks: one row each. What no row can say is a function below.
macro_rules! settings {
    ($($name:literal, $severity:ident, $title:literal, $look:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        /// One check a setting.
        pub(super) static ALL: &[Check] = &[$(
            Check {
                id: concat!("HOST-kubelet-", $name),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, "\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Kubelet($look),
            },
        )*];
    };
}

/// A setting by its flag, its field and its default, without a configuration file another one, and what it has to be.
macro_rules! setting {
    ($flag:literal, $field:expr, $default:literal, $want:expr) => {
        setting!($flag, $field, $default or $default, $want)
    };
    ($flag:literal, $field:expr, $default:literal or $flag_default:literal, $want:expr) => {
        |kubelet, reporter| expect(&Setting { flag: $flag, field: $field, default: $default, flag_default: $flag_default }, &$want, kubelet, reporter)
    };
}

settings! {
    "anonymous-auth", Critical, "Kubelet answers whoever asks",
        setting!("anonymous-auth", &["authentication", "anonymous", "enabled"], "false" or "true", Want::Is("false")),
        [cis("4.2.1"), kubescape("C-0069"), kubescape("C-0172"), mitre("T1133")],
        "A kubelet that takes requests without credentials: `authentication.anonymous.enabled` is `true`, or it is started without a configuration file and without `--anonymous-auth=false`.",
        "The kubelet's port runs commands in every pod of the node and shows their logs. With anonymous requests only its authorization stands between the network and that.",
        "Set `authentication.anonymous.enabled: false` in the kubelet's configuration and restart it.";
    "authorization-mode", Critical, "Kubelet allows everything to everybody who is authenticated",
        setting!("authorization-mode", &["authorization", "mode"], "Webhook" or "AlwaysAllow", Want::Not("AlwaysAllow", "Webhook")),
        [cis("4.2.2"), kubescape("C-0173"), mitre("T1609")],
        "A kubelet whose `authorization.mode` is `AlwaysAllow`, which is also the default of one that is started without a configuration file.",
        "Whoever has any certificate or token of the cluster runs commands in every pod of the node.",
        "Set `authorization.mode: Webhook`, so that the API server's RBAC decides (`nodes/proxy` and its parts).";
    "cipher-suites", Low, "Kubelet takes weak ciphers",
        setting!("tls-cipher-suites", &["tlsCipherSuites"], "", Want::Only(CIPHERS)),
        [cis("4.2.12")],
        "A kubelet whose `tlsCipherSuites` name one without forward secrecy or with a cipher older than AES.",
        "Who records the traffic reads it later, when a key is lost or a cipher broken.",
        "Name only suites with ECDHE and AES-GCM or ChaCha20, or none: then those of the kubelet's Go hold.";
    "client-ca", High, "Kubelet cannot check certificates of its clients",
        setting!("client-ca-file", &["authentication", "x509", "clientCAFile"], "", Want::Given("/etc/kubernetes/pki/ca.crt")),
        [cis("4.2.3"), kubescape("C-0070"), kubescape("C-0174"), mitre("T1133")],
        "A kubelet without `authentication.x509.clientCAFile`.",
        "The API server proves to the kubelet who it is by a certificate. A kubelet that cannot check it has to let it in as somebody unknown, or to turn it away.",
        "Set `authentication.x509.clientCAFile` to the certificate of the cluster's authority.";
    "event-qps", Low, "Kubelet sends events without a limit",
        setting!("event-qps", &["eventRecordQPS"], "50", Want::Positive("50")),
        [cis("4.2.8"), kubescape("C-0180"), mitre("T1499")],
        "A kubelet whose `eventRecordQPS` is 0, which lifts the limit.",
        "A pod that fails again and again makes events as fast as it can; without a limit they load the API server and push others out of the event store.",
        "Set `eventRecordQPS` to what the node makes in bad times; 50 is the default.";
    "hostname-override", Low, "Kubelet is called otherwise than its host", hostname_override,
        [cis("4.2.7"), kubescape("C-0179")],
        "A kubelet with `--hostname-override`.",
        "Certificates and logs carry the host's name. A node with another one is harder to tell from an impostor.",
        "Take the flag away, unless the cloud provider asks for it.";
    "iptables-util-chains", Low, "Kubelet does not look after its packet filter rules",
        setting!("make-iptables-util-chains", &["makeIPTablesUtilChains"], "true", Want::Is("true")),
        [cis("4.2.6"), kubescape("C-0178")],
        "A kubelet whose `makeIPTablesUtilChains` is `false`.",
        "Without the kubelet's chains, rules that keep martian packets out of the node may be missing or contradict those of kube-proxy.",
        "Leave `makeIPTablesUtilChains` out or set it to `true`.";
    "pod-pids-limit", Medium, "Pods may take all process numbers of the node",
        setting!("pod-max-pids", &["podPidsLimit"], "-1", Want::Positive("4096")),
        [cis("4.2.13"), kubescape("C-0284"), mitre("T1499")],
        "A kubelet whose `podPidsLimit` is not set, or not above 0.",
        "One pod that forks without end takes the process numbers of the whole node, and the kubelet and other pods stop.",
        "Set `podPidsLimit`, for example to 4096; pods that need more are rare.";
    "protect-kernel-defaults", Low, "Kubelet changes kernel settings that differ from its own",
        setting!("protect-kernel-defaults", &["protectKernelDefaults"], "false", Want::Is("true")),
        [kubescape("C-0177")],
        "A kubelet whose `protectKernelDefaults` is not `true`.",
        "Where the kernel's settings differ from what the kubelet expects, it changes them, hardening included, and nobody is told. With the setting it refuses to start.",
        "Set the kernel's `vm.overcommit_memory=1`, `vm.panic_on_oom=0`, `kernel.panic=10`, `kernel.panic_on_oops=1`, `kernel.keys.root_maxkeys=1000000`, `kernel.keys.root_maxbytes=25000000`, then `protectKernelDefaults: true`.";
    "read-only-port", High, "Kubelet serves the state of its pods without asking who wants it",
        setting!("read-only-port", &["readOnlyPort"], "0" or "10255", Want::Is("0")),
        [cis("4.2.4"), kubescape("C-0175"), mitre("T1613")],
        "A kubelet whose `readOnlyPort` is not 0. Started without a configuration file it is 10255.",
        "The port needs no credentials and shows every pod of the node with its environment and its volumes.",
        "Set `readOnlyPort: 0`, or leave it out of the configuration file.";
    "rotate-certificates", Medium, "Kubelet does not renew its certificate", rotate_certificates,
        [cis("4.2.10"), kubescape("C-0182")],
        "A kubelet whose `rotateCertificates` is `false`: set so, or left out by one that got its certificate with a bootstrap kubeconfig.",
        "A node whose certificate runs out leaves the cluster. Certificates that live for years, so that this does not happen, are as good for whoever copies them.",
        "Set `rotateCertificates: true`.";
    "rotate-server-certificates", Medium, "Kubelet cannot renew the certificate that it serves",
        setting!("feature-gates", &["featureGates", "RotateKubeletServerCertificate"], "true", Want::Is("true")),
        [cis("4.2.11"), kubescape("C-0183")],
        "A kubelet with the feature gate `RotateKubeletServerCertificate=false`, which `serverTLSBootstrap` needs.",
        "Its serving certificate runs out, or is one that nobody has signed, so that the API server cannot tell the kubelet from an impostor.",
        "Take the feature gate away: it is on by default. Set `serverTLSBootstrap: true` and approve the requests.";
    "seccomp-default", Medium, "Kubelet runs containers without system call filter unless they ask for one",
        setting!("seccomp-default", &["seccompDefault"], "false", Want::Is("true")),
        [cis("4.2.14"), docs("seccomp", "https://kubernetes.io/docs/tutorials/security/seccomp/"), mitre("T1611")],
        "A kubelet whose `seccompDefault` is not `true`.",
        "Containers that name no profile may call everything that the kernel has, which is what most ways out of a container start with.",
        "Set `seccompDefault: true` on one node, look for what breaks, then on all. Workloads that need more say `Unconfined` themselves.";
    "streaming-idle-timeout", Low, "Kubelet keeps idle streams open for ever", streaming_idle_timeout,
        [cis("4.2.5"), kubescape("C-0176")],
        "A kubelet whose `streamingConnectionIdleTimeout` is 0. In a file that is read as the default of four hours, and so a note only: it is not what is written.",
        "Sessions of exec, attach and port-forward that somebody left behind stay open for whoever finds them, and add up.",
        "Set `streamingConnectionIdleTimeout` to minutes; the default is four hours.";
    "tls-files", Medium, "Kubelet serves a certificate that nobody has signed", tls_files,
        [cis("4.2.9"), kubescape("C-0181")],
        "A kubelet without `tlsCertFile` and `tlsPrivateKeyFile` that does not ask the cluster for a certificate either (`serverTLSBootstrap`).",
        "The kubelet then signs its certificate itself, and the API server, which sends commands and Secrets of pods' environments there, cannot check whom it talks to.",
        "Set `serverTLSBootstrap: true` and approve the requests, or give both files.";
    "unsafe-sysctls", Low, "Kubelet lets pods set unsafe kernel parameters",
        setting!("allowed-unsafe-sysctls", &["allowedUnsafeSysctls"], "", Want::Empty),
        [docs("sysctls", "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/")],
        "A kubelet with `allowedUnsafeSysctls`.",
        "A pod that sets one may disturb others on the node or take memory that no limit counts.",
        "Keep such nodes apart with a taint, and list single parameters and not `*`.";
    "webhook-authentication", Medium, "Kubelet does not know tokens",
        setting!("authentication-token-webhook", &["authentication", "webhook", "enabled"], "true" or "false", Want::Is("true")),
        [docs("Kubelet authentication", "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/")],
        "A kubelet whose `authentication.webhook.enabled` is `false`, which is also the default of one that is started without a configuration file.",
        "Collectors of metrics come with tokens. Where the kubelet cannot check them, anonymous requests or the read-only port get turned on.",
        "Set `authentication.webhook.enabled: true`, or leave it out of the configuration file.";
}

fn hostname_override(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    if let Some(process) = kubelet.process(reporter)
        && let Some(name) = process.value("hostname-override")
        && let Some(violation) = process.rejects("hostname-override", format!("the kubelet is called `{name}`"))
    {
        reporter.report(violation.because("it comes from `--hostname-override`"));
    }
}

fn rotate_certificates(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting =
        Setting { flag: "rotate-certificates", field: &["rotateCertificates"], default: "false", flag_default: "false" };
    let Some(value) = kubelet.value(&SETTING, reporter).filter(|value| value.text == "false") else { return };
    // A kubelet with a certificate of its own, made by hand, has nothing to renew.
    if value.is_given || kubelet.process(reporter).is_some_and(|process| process.is_given("bootstrap-kubeconfig")) {
        let message = "the kubelet's `rotateCertificates` is `false`".to_owned();
        SETTING.violation(&value, message, Some(json!(true))).into_iter().for_each(|violation| reporter.report(violation));
    }
}

fn streaming_idle_timeout(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting = Setting {
        flag: "streaming-connection-idle-timeout",
        field: &["streamingConnectionIdleTimeout"],
        default: "4h0m0s",
        flag_default: "4h0m0s",
    };
    // `0`, `0s`, `0h0m0s`: no digit but 0.
    let is_zero = |value: &str| !value.contains(|one: char| ('1'..='9').contains(&one));
    let Some(value) = kubelet.value(&SETTING, reporter).filter(|value| is_zero(&value.text)) else { return };
    let message = format!("the kubelet's `streamingConnectionIdleTimeout` is `{}`", value.text);
    let Some(violation) = SETTING.violation(&value, message, Some(json!("4h0m0s"))) else { return };
    reporter.report(if value.is_of_flags() {
        violation
    } else {
        violation.severity(Severity::Info).because("in a file, 0 is read as the default of four hours")
    });
}

fn tls_files(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const CERTIFICATE: Setting = Setting { flag: "tls-cert-file", field: &["tlsCertFile"], default: "", flag_default: "" };
    const KEY: Setting = Setting { flag: "tls-private-key-file", field: &["tlsPrivateKeyFile"], default: "", flag_default: "" };
    const BOOTSTRAP: Setting =
        Setting { flag: "rotate-server-certificates", field: &["serverTLSBootstrap"], default: "false", flag_default: "false" };
    let (Some(certificate), Some(key)) = (kubelet.value(&CERTIFICATE, reporter), kubelet.value(&KEY, reporter)) else { return };
    let missing = match (certificate.text.is_empty(), key.text.is_empty()) {
        (false, false) => return,
        (true, true) => "has neither `tlsCertFile` nor `tlsPrivateKeyFile`",
        (true, false) => "has no `tlsCertFile`",
        (false, true) => "has no `tlsPrivateKeyFile`",
    };
    let Some(bootstrap) = kubelet.value(&BOOTSTRAP, reporter).filter(|value| value.text != "true") else { return };
    let message = format!("the kubelet {missing}, and `serverTLSBootstrap` is `{}`", bootstrap.text);
    BOOTSTRAP.violation(&bootstrap, message, Some(json!(true))).into_iter().for_each(|violation| reporter.report(violation));
}
