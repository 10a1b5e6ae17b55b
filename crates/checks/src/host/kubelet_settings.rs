//! What a kubelet has to be told.

use super::kubelet::{Kubelet, Setting};
use crate::check::reference::{cis, docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::control_plane::CIPHERS;
use crate::reporter::Reporter;
use plimsoll_model::Severity;

/// A table of checks: one row each.
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
                run: Run::Object(&["hostdata.kubescape.cloud/KubeletInfo"], |object, reporter| {
                    if let Some(kubelet) = Kubelet::of(object, reporter) {
                        $look(&kubelet, reporter);
                    }
                }),
            },
        )*];
    };
}

settings! {
    "anonymous-auth", Critical, "Kubelet answers whoever asks", anonymous_auth,
        [cis("4.2.1"), kubescape("C-0069"), kubescape("C-0172"), mitre("T1133")],
        "A kubelet that takes requests without credentials: `authentication.anonymous.enabled` is `true`, or it is started without a configuration file and without `--anonymous-auth=false`.",
        "The kubelet's port runs commands in every pod of the node and shows their logs. With anonymous requests only its authorization stands between the network and that.",
        "Set `authentication.anonymous.enabled: false` in the kubelet's configuration and restart it.";
    "authorization-mode", Critical, "Kubelet allows everything to everybody who is authenticated", authorization_mode,
        [cis("4.2.2"), kubescape("C-0173"), mitre("T1609")],
        "A kubelet whose `authorization.mode` is `AlwaysAllow`, which is also the default of one that is started without a configuration file.",
        "Whoever has any certificate or token of the cluster runs commands in every pod of the node.",
        "Set `authorization.mode: Webhook`, so that the API server's RBAC decides (`nodes/proxy` and its parts).";
    "cipher-suites", Low, "Kubelet takes weak ciphers", cipher_suites,
        [cis("4.2.12")],
        "A kubelet whose `tlsCipherSuites` name one without forward secrecy or with a cipher older than AES.",
        "Who records the traffic reads it later, when a key is lost or a cipher broken.",
        "Name only suites with ECDHE and AES-GCM or ChaCha20, or none: then those of the kubelet's Go hold.";
    "client-ca", High, "Kubelet cannot check certificates of its clients", client_ca,
        [cis("4.2.3"), kubescape("C-0070"), kubescape("C-0174"), mitre("T1133")],
        "A kubelet without `authentication.x509.clientCAFile`.",
        "The API server proves to the kubelet who it is by a certificate. A kubelet that cannot check it has to let it in as somebody unknown, or to turn it away.",
        "Set `authentication.x509.clientCAFile` to the certificate of the cluster's authority.";
    "event-qps", Low, "Kubelet sends events without a limit", event_qps,
        [cis("4.2.8"), kubescape("C-0180"), mitre("T1499")],
        "A kubelet whose `eventRecordQPS` is 0, which lifts the limit.",
        "A pod that fails again and again makes events as fast as it can; without a limit they load the API server and push others out of the event store.",
        "Set `eventRecordQPS` to what the node makes in bad times; 50 is the default.";
    "hostname-override", Low, "Kubelet is called otherwise than its host", hostname_override,
        [cis("4.2.7"), kubescape("C-0179")],
        "A kubelet with `--hostname-override`.",
        "Certificates and logs carry the host's name. A node with another one is harder to tell from an impostor.",
        "Take the flag away, unless the cloud provider asks for it.";
    "iptables-util-chains", Low, "Kubelet does not look after its packet filter rules", iptables,
        [cis("4.2.6"), kubescape("C-0178")],
        "A kubelet whose `makeIPTablesUtilChains` is `false`.",
        "Without the kubelet's chains, rules that keep martian packets out of the node may be missing or contradict those of kube-proxy.",
        "Leave `makeIPTablesUtilChains` out or set it to `true`.";
    "pod-pids-limit", Medium, "Pods may take all process numbers of the node", pod_pids_limit,
        [cis("4.2.13"), kubescape("C-0284"), mitre("T1499")],
        "A kubelet whose `podPidsLimit` is not set, or not above 0.",
        "One pod that forks without end takes the process numbers of the whole node, and the kubelet and other pods stop.",
        "Set `podPidsLimit`, for example to 4096; pods that need more are rare.";
    "protect-kernel-defaults", Low, "Kubelet changes kernel settings that differ from its own", protect_kernel_defaults,
        [kubescape("C-0177")],
        "A kubelet whose `protectKernelDefaults` is not `true`.",
        "Where the kernel's settings differ from what the kubelet expects, it changes them, hardening included, and nobody is told. With the setting it refuses to start.",
        "Set the kernel's `vm.overcommit_memory=1`, `vm.panic_on_oom=0`, `kernel.panic=10`, `kernel.panic_on_oops=1`, `kernel.keys.root_maxkeys=1000000`, `kernel.keys.root_maxbytes=25000000`, then `protectKernelDefaults: true`.";
    "read-only-port", High, "Kubelet serves the state of its pods without asking who wants it", read_only_port,
        [cis("4.2.4"), kubescape("C-0175"), mitre("T1613")],
        "A kubelet whose `readOnlyPort` is not 0. Started without a configuration file it is 10255.",
        "The port needs no credentials and shows every pod of the node with its environment and its volumes.",
        "Set `readOnlyPort: 0`, or leave it out of the configuration file.";
    "rotate-certificates", Medium, "Kubelet does not renew its certificate", rotate_certificates,
        [cis("4.2.10"), kubescape("C-0182")],
        "A kubelet whose `rotateCertificates` is `false`: set so, or left out by one that got its certificate with a bootstrap kubeconfig.",
        "A node whose certificate runs out leaves the cluster. Certificates that live for years, so that this does not happen, are as good for whoever copies them.",
        "Set `rotateCertificates: true`.";
    "rotate-server-certificates", Medium, "Kubelet cannot renew the certificate that it serves", rotate_server_certificates,
        [cis("4.2.11"), kubescape("C-0183")],
        "A kubelet with the feature gate `RotateKubeletServerCertificate=false`, which `serverTLSBootstrap` needs.",
        "Its serving certificate runs out, or is one that nobody has signed, so that the API server cannot tell the kubelet from an impostor.",
        "Take the feature gate away: it is on by default. Set `serverTLSBootstrap: true` and approve the requests.";
    "seccomp-default", Medium, "Kubelet runs containers without system call filter unless they ask for one", seccomp_default,
        [cis("4.2.14"), docs("seccomp", "https://kubernetes.io/docs/tutorials/security/seccomp/"), mitre("T1611")],
        "A kubelet whose `seccompDefault` is not `true`.",
        "Containers that name no profile may call everything that the kernel has, which is what most ways out of a container start with.",
        "Set `seccompDefault: true` on one node, look for what breaks, then on all. Workloads that need more say `Unconfined` themselves.";
    "streaming-idle-timeout", Low, "Kubelet keeps idle streams open for ever", streaming_idle_timeout,
        [cis("4.2.5"), kubescape("C-0176")],
        "A kubelet whose `streamingConnectionIdleTimeout` is 0.",
        "Sessions of exec, attach and port-forward that somebody left behind stay open for whoever finds them, and add up.",
        "Set `streamingConnectionIdleTimeout` to minutes; the default is four hours.";
    "tls-files", Medium, "Kubelet serves a certificate that nobody has signed", tls_files,
        [cis("4.2.9"), kubescape("C-0181")],
        "A kubelet without `tlsCertFile` and `tlsPrivateKeyFile` that does not ask the cluster for a certificate either (`serverTLSBootstrap`).",
        "The kubelet then signs its certificate itself, and the API server, which sends commands and Secrets of pods' environments there, cannot check whom it talks to.",
        "Set `serverTLSBootstrap: true` and approve the requests, or give both files.";
}

fn anonymous_auth(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting =
        Setting { flag: "anonymous-auth", field: &["authentication", "anonymous", "enabled"], default: "false", flag_default: "true" };
    kubelet.expect(&SETTING, "false", |value| value == "false", reporter);
}

fn authorization_mode(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting =
        Setting { flag: "authorization-mode", field: &["authorization", "mode"], default: "Webhook", flag_default: "AlwaysAllow" };
    kubelet.expect(&SETTING, "Webhook", |value| value != "AlwaysAllow", reporter);
}

fn cipher_suites(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting = Setting { flag: "tls-cipher-suites", field: &["tlsCipherSuites"], default: "", flag_default: "" };
    let is_strong = |value: &str| value.split(',').map(str::trim).all(|suite| suite.is_empty() || CIPHERS.contains(&suite));
    kubelet.expect(&SETTING, "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]", is_strong, reporter);
}

fn client_ca(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting =
        Setting { flag: "client-ca-file", field: &["authentication", "x509", "clientCAFile"], default: "", flag_default: "" };
    kubelet.expect(&SETTING, "/etc/kubernetes/pki/ca.crt", |value| !value.is_empty(), reporter);
}

fn event_qps(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting = Setting { flag: "event-qps", field: &["eventRecordQPS"], default: "50", flag_default: "50" };
    kubelet.expect(&SETTING, "50", |value| value != "0", reporter);
}

fn hostname_override(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    if let Some(name) = kubelet.flag("hostname-override") {
        let violation = kubelet.on_line(format!("the kubelet is called `{name}`"));
        reporter.report(violation.because("it comes from `--hostname-override`").advice("take `--hostname-override` away"));
    }
}

fn iptables(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting =
        Setting { flag: "make-iptables-util-chains", field: &["makeIPTablesUtilChains"], default: "true", flag_default: "true" };
    kubelet.expect(&SETTING, "true", |value| value == "true", reporter);
}

fn pod_pids_limit(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting = Setting { flag: "pod-max-pids", field: &["podPidsLimit"], default: "-1", flag_default: "-1" };
    kubelet.expect(&SETTING, "4096", |value| value.parse::<i64>().is_ok_and(|limit| limit > 0), reporter);
}

fn protect_kernel_defaults(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting =
        Setting { flag: "protect-kernel-defaults", field: &["protectKernelDefaults"], default: "false", flag_default: "false" };
    kubelet.expect(&SETTING, "true", |value| value == "true", reporter);
}

fn read_only_port(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting = Setting { flag: "read-only-port", field: &["readOnlyPort"], default: "0", flag_default: "10255" };
    kubelet.expect(&SETTING, "0", |value| value == "0", reporter);
}

fn rotate_certificates(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    // A kubelet with a certificate of its own, made by hand, has nothing to renew.
    let bootstraps = kubelet.flag("bootstrap-kubeconfig").is_some();
    let setting = |default| Setting { flag: "rotate-certificates", field: &["rotateCertificates"], default, flag_default: default };
    kubelet.expect(&setting(if bootstraps { "false" } else { "" }), "true", |value| value != "false", reporter);
}

fn rotate_server_certificates(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const GATE: Setting =
        Setting { flag: "", field: &["featureGates", "RotateKubeletServerCertificate"], default: "true", flag_default: "true" };
    let gates = kubelet.flag("feature-gates").unwrap_or_default();
    let gate = gates.split(',').filter_map(|gate| gate.split_once('=')).rfind(|(name, _)| *name == "RotateKubeletServerCertificate");
    match gate {
        Some((_, "false")) => {
            let violation = kubelet.on_line("the kubelet's feature gate `RotateKubeletServerCertificate` is `false`");
            reporter.report(violation.because("it comes from `--feature-gates`").advice("take the gate out of `--feature-gates`"));
        }
        Some(_) => {}
        None => kubelet.expect(&GATE, "true", |value| value == "true", reporter),
    }
}

fn seccomp_default(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const SETTING: Setting = Setting { flag: "seccomp-default", field: &["seccompDefault"], default: "false", flag_default: "false" };
    kubelet.expect(&SETTING, "true", |value| value == "true", reporter);
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
    kubelet.expect(&SETTING, "5m", |value| !is_zero(value), reporter);
}

fn tls_files(kubelet: &Kubelet<'_>, reporter: &mut Reporter<'_, '_>) {
    const CERTIFICATE: Setting = Setting { flag: "tls-cert-file", field: &["tlsCertFile"], default: "", flag_default: "" };
    const KEY: Setting = Setting { flag: "tls-private-key-file", field: &["tlsPrivateKeyFile"], default: "", flag_default: "" };
    const BOOTSTRAP: Setting =
        Setting { flag: "rotate-server-certificates", field: &["serverTLSBootstrap"], default: "false", flag_default: "false" };
    let (Some(certificate), Some(key)) = (kubelet.value(&CERTIFICATE, reporter), kubelet.value(&KEY, reporter)) else { return };
    let missing = match (certificate.text.is_empty(), key.text.is_empty()) {
        (false, false) => return,
        (true, true) => (certificate, "has neither `tlsCertFile` nor `tlsPrivateKeyFile`"),
        (true, false) => (certificate, "has no `tlsCertFile`"),
        (false, true) => (key, "has no `tlsPrivateKeyFile`"),
    };
    let Some(bootstrap) = kubelet.value(&BOOTSTRAP, reporter).filter(|value| value.text != "true") else { return };
    let (value, message) = missing;
    let violation = value.violation(format!("the kubelet {message}, and `serverTLSBootstrap` is `{}`", bootstrap.text), "");
    reporter.report(violation.advice(bootstrap.cure("true")));
}
