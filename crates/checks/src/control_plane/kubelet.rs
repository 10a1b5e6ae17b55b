//! Flags of `kubelet`, where it runs in a pod. What its configuration file says is looked at in `kubelet_configuration`.

use super::api_server::CIPHERS;
use super::flag::{self, Want, flags};
use crate::check::reference::cis;
use crate::check::{Check, Component, Run};
use plimsoll_model::Severity;

const COMPONENT: Component = Component::Kubelet;

flags! {
    ANONYMOUS_AUTH: "kubelet-flag-anonymous-auth", High, "Kubelet answers requests without credentials",
        Want::Is("anonymous-auth", "false", "true"), [cis("4.2.1")],
        "A kubelet whose `--anonymous-auth` is not `false`; as a flag it is on by default.",
        "Whoever reaches port 10250 may be let in as `system:anonymous`: with `AlwaysAllow`, that is a shell in every container of the node.",
        "Set `--anonymous-auth=false`, or `authentication.anonymous.enabled: false` in its configuration.";
    AUTHORIZATION: "kubelet-flag-authorization-always-allow", Critical, "Kubelet allows everything",
        Want::HasNot("authorization-mode", "AlwaysAllow"), [cis("4.2.2")],
        "`AlwaysAllow` in a kubelet's `--authorization-mode`.",
        "Everybody who is let in runs commands in every container of the node.",
        "Set `--authorization-mode=Webhook`, so that the API server decides.";
    CIPHERS_STRONG: "kubelet-flag-tls-cipher-suites", Medium, "Kubelet takes weak ciphers",
        Want::OnlyIfSet("tls-cipher-suites", CIPHERS), [cis("4.2.12")],
        "A kubelet whose `--tls-cipher-suites` has some without forward secrecy or with ciphers older than AES.",
        "What is recorded today can be read the day the key is lost; old block ciphers leak what repeats.",
        "List only suites with ECDHE and AES or ChaCha20.";
    CLIENT_CA: "kubelet-flag-client-ca-file", High, "Kubelet cannot check client certificates",
        Want::Given(&[("client-ca-file", "/etc/kubernetes/pki/ca.crt")]), [cis("4.2.3")],
        "A kubelet without `--client-ca-file`.",
        "It cannot tell the API server from anybody else.",
        "Set `--client-ca-file` to the authority that signs the API server's client certificate.";
    HOSTNAME_OVERRIDE: "kubelet-flag-hostname-override", Low, "Kubelet goes by a name of its own choice",
        Want::Absent("hostname-override"), [cis("4.2.7")],
        "A kubelet with `--hostname-override`.",
        "Certificates and audit logs speak of a name that the machine does not have.",
        "Remove the flag, unless the cloud's integration asks for it.";
    IPTABLES: "kubelet-flag-make-iptables-util-chains", Medium, "Kubelet does not keep its firewall rules",
        Want::Is("make-iptables-util-chains", "true", "true"), [cis("4.2.6")],
        "`--make-iptables-util-chains=false` on a kubelet.",
        "Rules that keep loopback traffic of the node from its neighbours are not made.",
        "Remove the flag; it is on by default.";
    PROTECT_KERNEL: "kubelet-flag-protect-kernel-defaults", Medium, "Kubelet changes kernel settings",
        Want::Is("protect-kernel-defaults", "true", "false"), [],
        "A kubelet without `--protect-kernel-defaults=true`.",
        "It sets kernel parameters to what it wants, over what the node was hardened with.",
        "Set the parameters on the node, then the flag to `true`, so that the kubelet stops where they differ.";
    READ_ONLY_PORT: "kubelet-flag-read-only-port", High, "Kubelet serves a port without authentication",
        Want::Is("read-only-port", "0", "10255"), [cis("4.2.4")],
        "A kubelet whose `--read-only-port` is not 0; as a flag it is 10255 by default.",
        "The port tells everybody which pods run, with their environment and addresses.",
        "Set `--read-only-port=0`.";
    ROTATE: "kubelet-flag-rotate-certificates", Medium, "Kubelet does not renew its client certificate",
        Want::IsNot("rotate-certificates", "false"), [cis("4.2.10")],
        "`--rotate-certificates=false` on a kubelet.",
        "A certificate that is never renewed runs out, or lives for years; a stolen one stays good.",
        "Remove the flag, or set it to `true`.";
    ROTATE_SERVER: "kubelet-flag-rotate-server-certificate", Medium, "Kubelet does not renew its serving certificate",
        Want::HasNot("feature-gates", "RotateKubeletServerCertificate=false"), [cis("4.2.11")],
        "`RotateKubeletServerCertificate=false` in the feature gates of a kubelet.",
        "A certificate that is never renewed runs out, or lives for years; both end with kubelets that are talked to without being checked.",
        "Remove the feature gate; it is on by default.";
    STREAMING_TIMEOUT: "kubelet-flag-streaming-connection-idle-timeout", Medium, "Idle connections to the kubelet stay open",
        Want::IsNot("streaming-connection-idle-timeout", "0"), [cis("4.2.5")],
        "`--streaming-connection-idle-timeout=0` on a kubelet.",
        "A forgotten `exec` stays open for whoever sits down at the terminal, and each one takes memory and a port.",
        "Remove the flag; the default is four hours.";
    TLS_CERT: "kubelet-flag-tls-cert-file", Medium, "Kubelet has no certificate of its own",
        Want::Given(&[("tls-cert-file", "/var/lib/kubelet/pki/kubelet.crt"), ("tls-private-key-file", "/var/lib/kubelet/pki/kubelet.key")]), [cis("4.2.9")],
        "A kubelet without `--tls-cert-file` or `--tls-private-key-file`.",
        "It signs one itself, and the API server cannot check whom it talks to.",
        "Give it a certificate from the cluster's authority in both flags, or let it ask for one (`serverTLSBootstrap`).";
}
