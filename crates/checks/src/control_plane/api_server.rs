//! Flags of `kube-apiserver`.

use super::flag::{self, Want, flags};
use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Component, Run};
use plimsoll_model::Severity;

const COMPONENT: Component = Component::ApiServer;

/// Forward secrecy, and no block cipher older than AES (CIS Kubernetes Benchmark 1.12, 1.2.29).
pub(crate) const CIPHERS: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

flags! {
    ALWAYS_ADMIT: "apiserver-always-admit", High, "API server admits everything",
        Want::HasNot("enable-admission-plugins", "AlwaysAdmit"), [cis("1.2.10"), kubescape("C-0122")],
        "`AlwaysAdmit` among the enabled admission plugins.",
        "It says yes without looking. It is deprecated, and its name in the list hides that nothing is decided by it.",
        "Remove it from `--enable-admission-plugins`.";
    ALWAYS_PULL: "apiserver-always-pull-images", Medium, "API server lets pods use images that others have pulled",
        Want::Has("enable-admission-plugins", "AlwaysPullImages"), [cis("1.2.11"), kubescape("C-0123")],
        "An API server without the admission plugin `AlwaysPullImages`.",
        "An image that is on a node already can be started by every pod that knows its name, credentials for its registry or not.",
        "Enable the plugin in clusters that several parties share, and expect more load on registries.";
    ANONYMOUS_AUTH: "apiserver-anonymous-auth", High, "API server answers requests without credentials",
        Want::Is("anonymous-auth", "false", "true"), [cis("1.2.1"), kubescape("C-0113"), kubescape("C-0262")],
        "An API server whose `--anonymous-auth` is not `false`; it is on without the flag.",
        "Requests without credentials are let in as `system:anonymous`. One binding to that user or its group opens the cluster to the network.",
        "Set `--anonymous-auth=false`. Health checks of load balancers need a client certificate then, or an authentication configuration (KEP-4633) that lets anonymous requests reach health endpoints only.";
    AUDIT_LOG_MAXAGE: "apiserver-audit-log-maxage", Medium, "Audit log is kept for too short a time",
        Want::AtLeast("audit-log-maxage", 30), [cis("1.2.17"), kubescape("C-0131")],
        "An API server whose `--audit-log-maxage` is not set or less than 30 days.",
        "Intrusions are found weeks later. What was logged has to be there still.",
        "Set `--audit-log-maxage=30` or more, or ship the log elsewhere and keep it there.";
    AUDIT_LOG_MAXBACKUP: "apiserver-audit-log-maxbackup", Medium, "Too few old audit logs are kept",
        Want::AtLeast("audit-log-maxbackup", 10), [cis("1.2.18"), kubescape("C-0132")],
        "An API server whose `--audit-log-maxbackup` is not set or less than 10.",
        "Whoever can make noise can push what they did out of the log.",
        "Set `--audit-log-maxbackup=10` or more.";
    AUDIT_LOG_MAXSIZE: "apiserver-audit-log-maxsize", Medium, "Audit log files are rotated too early",
        Want::AtLeast("audit-log-maxsize", 100), [cis("1.2.19"), kubescape("C-0133")],
        "An API server whose `--audit-log-maxsize` is not set or less than 100 MB.",
        "Together with the number of files kept, the size decides how far back the log reaches.",
        "Set `--audit-log-maxsize=100` or more.";
    AUDIT_LOG_PATH: "apiserver-audit-log-path", High, "API server writes no audit log",
        Want::Set("audit-log-path", "/var/log/apiserver/audit.log"), [cis("1.2.16"), kubescape("C-0130")],
        "An API server without `--audit-log-path`.",
        "Without the log nobody can say who did what.",
        "Set `--audit-log-path` to a file on a volume of its own, and give a policy in `--audit-policy-file`.";
    AUDIT_POLICY: "apiserver-audit-policy-file", Medium, "API server has no audit policy",
        Want::Given(&[("audit-policy-file", "/etc/kubernetes/audit-policy.yaml")]), [cis("3.2.1"), kubescape("C-0160"), kubescape("C-0067")],
        "An API server without `--audit-policy-file`.",
        "Without a policy nothing is logged, wherever the log is.",
        "Write a policy that logs at least the metadata of all requests and the bodies of changes to RBAC, and give it in `--audit-policy-file`.";
    AUTHORIZATION_ALWAYS_ALLOW: "apiserver-authorization-always-allow", Critical, "API server allows everything",
        Want::HasNot("authorization-mode", "AlwaysAllow"), [cis("1.2.6"), kubescape("C-0118")],
        "`AlwaysAllow` in `--authorization-mode`.",
        "Everybody who is let in may do everything.",
        "Set `--authorization-mode=Node,RBAC`.";
    AUTHORIZATION_NODE: "apiserver-authorization-node", Medium, "Kubelets are not limited to their own node",
        Want::Has("authorization-mode", "Node"), [cis("1.2.7"), kubescape("C-0119")],
        "An API server whose `--authorization-mode` lacks `Node`.",
        "Without the node authorizer a kubelet reads the Secrets of all pods, not only of its own.",
        "Set `--authorization-mode=Node,RBAC`.";
    AUTHORIZATION_RBAC: "apiserver-authorization-rbac", High, "RBAC is not used",
        Want::Has("authorization-mode", "RBAC"), [cis("1.2.8"), kubescape("C-0120"), kubescape("C-0088")],
        "An API server whose `--authorization-mode` lacks `RBAC`.",
        "Roles and bindings are objects without effect then.",
        "Set `--authorization-mode=Node,RBAC`.";
    BASIC_AUTH_FILE: "apiserver-basic-auth-file", High, "API server takes passwords from a file",
        Want::Absent("basic-auth-file"), [],
        "An API server (before 1.19) with `--basic-auth-file`.",
        "The passwords stand in the clear on the disk, never run out, and change only with a restart.",
        "Use client certificates, OIDC or service account tokens, remove the flag, and update the API server.";
    CIPHERS_STRONG: "apiserver-tls-cipher-suites", Medium, "API server takes weak ciphers",
        Want::Only("tls-cipher-suites", CIPHERS), [cis("1.2.29"), kubescape("C-0277"), kubescape("C-0143")],
        "An API server that names no cipher suites, or some without forward secrecy or with ciphers older than AES.",
        "What is recorded today can be read the day the key is lost; old block ciphers leak what repeats.",
        "List only suites with ECDHE and AES or ChaCha20 in `--tls-cipher-suites`.";
    CLIENT_CA: "apiserver-client-ca-file", High, "API server cannot check client certificates",
        Want::Given(&[("client-ca-file", "/etc/kubernetes/pki/ca.crt")]), [cis("1.2.25"), kubescape("C-0139")],
        "An API server without `--client-ca-file`.",
        "Kubelets and administrators who come with certificates cannot be told apart from others.",
        "Set `--client-ca-file` to the authority that signs client certificates.";
    DENY_EXTERNAL_IPS: "apiserver-deny-service-external-ips", Medium, "Services may take any address",
        Want::Has("enable-admission-plugins", "DenyServiceExternalIPs"), [cis("1.2.3"), kubescape("C-0283")],
        "An API server without the admission plugin `DenyServiceExternalIPs`.",
        "Whoever can create a Service can name any address in `externalIPs` and receive what the cluster's pods send there (CVE-2020-8554).",
        "Enable the plugin; it does not touch Services that have such addresses already.";
    ENCRYPTION_PROVIDER: "apiserver-encryption-provider-config", Medium, "Secrets are stored in the clear",
        Want::Given(&[("encryption-provider-config", "/etc/kubernetes/encryption-config.yaml")]), [cis("1.2.27"), kubescape("C-0066"), kubescape("C-0141")],
        "An API server without `--encryption-provider-config`.",
        "Whoever reads etcd, its disk or its backup reads all Secrets.",
        "Write an EncryptionConfiguration with a KMS v2 provider, or `secretbox` where there is none, and rewrite the Secrets once.";
    ETCD_CA: "apiserver-etcd-cafile", High, "API server does not check etcd's certificate",
        Want::Given(&[("etcd-cafile", "/etc/kubernetes/pki/etcd/ca.crt")]), [cis("1.2.26"), kubescape("C-0140")],
        "An API server without `--etcd-cafile`.",
        "Whoever can place themselves in between reads and writes every object.",
        "Set `--etcd-cafile` to the authority that signed etcd's certificate.";
    ETCD_CERT: "apiserver-etcd-certfile", High, "API server does not show etcd a certificate",
        Want::Given(&[("etcd-certfile", "/etc/kubernetes/pki/apiserver-etcd-client.crt"), ("etcd-keyfile", "/etc/kubernetes/pki/apiserver-etcd-client.key")]), [cis("1.2.23"), kubescape("C-0137")],
        "An API server without `--etcd-certfile` or `--etcd-keyfile`.",
        "An etcd that accepts this accepts everybody.",
        "Give the API server a client certificate for etcd in both flags, and let etcd ask for it.";
    EVENT_RATE_LIMIT: "apiserver-event-rate-limit", Low, "Events are not limited",
        Want::Has("enable-admission-plugins", "EventRateLimit"), [cis("1.2.9"), kubescape("C-0121")],
        "An API server without the admission plugin `EventRateLimit`.",
        "One misbehaving workload can fill etcd with events and slow down the API server for all.",
        "Enable the plugin with a configuration that fits the cluster.";
    IMAGE_POLICY: "apiserver-image-policy-webhook", Info, "Nobody is asked about images",
        Want::Has("enable-admission-plugins", "ImagePolicyWebhook"), [cis("5.5.1")],
        "An API server without the admission plugin `ImagePolicyWebhook`.",
        "The plugin asks a service about every image before it runs. Where a policy engine does that by a webhook of its own, the plugin is not needed.",
        "Enable the plugin with `defaultAllow: false`, or verify signatures in a policy engine.";
    INSECURE_BIND_ADDRESS: "apiserver-insecure-bind-address", Critical, "API server serves an address without authentication",
        Want::Absent("insecure-bind-address"), [],
        "An API server (before 1.24) with `--insecure-bind-address`.",
        "Every request that reaches the address is allowed everything.",
        "Remove the flag, and update the API server.";
    INSECURE_PORT: "apiserver-insecure-port", Critical, "API server serves a port without authentication",
        Want::Is("insecure-port", "0", "0"), [kubescape("C-0005")],
        "`--insecure-port` with another value than 0 (API servers before 1.24).",
        "Every request that reaches the port is allowed everything.",
        "Remove the flag or set it to 0, and update the API server.";
    KUBELET_CA: "apiserver-kubelet-certificate-authority", High, "API server does not check the certificates of kubelets",
        Want::Given(&[("kubelet-certificate-authority", "/etc/kubernetes/pki/ca.crt")]), [cis("1.2.5"), kubescape("C-0117")],
        "An API server without `--kubelet-certificate-authority`.",
        "Logs, `exec` and `port-forward` can be read and changed by whoever can place themselves in between.",
        "Let kubelets have their serving certificates signed by the cluster, and set the flag to that authority.";
    KUBELET_CLIENT: "apiserver-kubelet-client-certificate", High, "API server shows kubelets no certificate",
        Want::Given(&[("kubelet-client-certificate", "/etc/kubernetes/pki/apiserver-kubelet-client.crt"), ("kubelet-client-key", "/etc/kubernetes/pki/apiserver-kubelet-client.key")]), [cis("1.2.4"), kubescape("C-0116")],
        "An API server without `--kubelet-client-certificate` or `--kubelet-client-key`.",
        "A kubelet that accepts this accepts requests from everybody.",
        "Give the API server a client certificate for kubelets in both flags.";
    KUBELET_HTTPS: "apiserver-kubelet-https", High, "API server talks to kubelets in the clear",
        Want::Is("kubelet-https", "true", "true"), [],
        "`--kubelet-https=false` (API servers before 1.22).",
        "Logs, `exec` and `port-forward` cross the network as they are, with the API server's credentials.",
        "Remove the flag.";
    NAMESPACE_LIFECYCLE: "apiserver-namespace-lifecycle", Low, "API server takes objects for namespaces that are gone",
        Want::HasNot("disable-admission-plugins", "NamespaceLifecycle"), [cis("1.2.13"), kubescape("C-0126")],
        "`NamespaceLifecycle` among the disabled admission plugins.",
        "Objects can be made in namespaces that are being deleted, and the namespaces that the system needs can be deleted.",
        "Remove it from `--disable-admission-plugins`.";
    NODE_RESTRICTION: "apiserver-node-restriction", Medium, "Kubelets may change other nodes",
        Want::Has("enable-admission-plugins", "NodeRestriction"), [cis("1.2.14"), kubescape("C-0127")],
        "An API server without the admission plugin `NodeRestriction`.",
        "Whoever takes over one kubelet may label other nodes, so that workloads come to it, and change the status of all pods.",
        "Enable the plugin, together with `--authorization-mode=Node,RBAC`.";
    PROFILING: "apiserver-profiling", Low, "API server serves profiles",
        Want::Is("profiling", "false", "true"), [cis("1.2.15"), kubescape("C-0129")],
        "An API server whose `--profiling` is not `false`; it is on without the flag.",
        "Profiles show what the program holds and take processor time.",
        "Set `--profiling=false`, and turn it on for as long as something is being looked for.";
    REQUEST_TIMEOUT: "apiserver-request-timeout", Medium, "Requests may take too long or too little time",
        Want::Seconds("request-timeout", 30, 300), [cis("1.2.20"), kubescape("C-0134")],
        "A `--request-timeout` that is no duration, or not between half a minute and five minutes; the default is a minute.",
        "Long requests let few clients take all of the API server; short ones cut off large lists.",
        "Remove the flag, or set it to what slow links need, at most `300s`.";
    SECURE_PORT: "apiserver-secure-port", High, "API server does not serve TLS",
        Want::IsNot("secure-port", "0"), [kubescape("C-0128")],
        "`--secure-port=0`.",
        "It turns off the port that authenticates and encrypts.",
        "Remove the flag.";
    SERVICE_ACCOUNT: "apiserver-service-account-plugin", Low, "Pods get no service account",
        Want::HasNot("disable-admission-plugins", "ServiceAccount"), [cis("1.2.12"), kubescape("C-0125")],
        "`ServiceAccount` among the disabled admission plugins.",
        "Pods may name accounts that do not exist, and get no tokens that are bound to them; people then mount long-lived ones by hand.",
        "Remove it from `--disable-admission-plugins`.";
    SERVICE_ACCOUNT_EXTEND: "apiserver-service-account-extend-token-expiration", Medium, "Tokens of pods live for a year",
        Want::Is("service-account-extend-token-expiration", "false", "true"), [cis("1.2.30"), kubescape("C-0290")],
        "An API server whose `--service-account-extend-token-expiration` is not `false`; it is on without the flag.",
        "Tokens that say an hour are accepted for a year. A token that was stolen stays good.",
        "Find clients that do not read their token again (metric `serviceaccount_stale_tokens_total`), then set the flag to `false`.";
    SERVICE_ACCOUNT_KEY: "apiserver-service-account-key-file", Medium, "Service account tokens are checked with the server's own key",
        Want::Given(&[("service-account-key-file", "/etc/kubernetes/pki/sa.pub")]), [cis("1.2.22"), kubescape("C-0136")],
        "An API server without `--service-account-key-file`.",
        "Tokens are checked with the key of the serving certificate, and neither can be renewed without the other.",
        "Make a key pair for service accounts and give the public key here.";
    SERVICE_ACCOUNT_LOOKUP: "apiserver-service-account-lookup", Medium, "Tokens of deleted accounts stay good",
        Want::Is("service-account-lookup", "true", "true"), [cis("1.2.21"), kubescape("C-0135")],
        "`--service-account-lookup=false`.",
        "A token is accepted as long as its signature is right, also after its account or Secret was deleted.",
        "Remove the flag; it is on by default.";
    TLS_CERT: "apiserver-tls-cert-file", High, "API server has no certificate of its own",
        Want::Given(&[("tls-cert-file", "/etc/kubernetes/pki/apiserver.crt"), ("tls-private-key-file", "/etc/kubernetes/pki/apiserver.key")]), [cis("1.2.24"), kubescape("C-0138")],
        "An API server without `--tls-cert-file` or `--tls-private-key-file`.",
        "It signs one itself, and no client can check whom it talks to.",
        "Give it a certificate from the cluster's authority in both flags.";
    TOKEN_AUTH_FILE: "apiserver-token-auth-file", High, "API server takes tokens from a file",
        Want::Absent("token-auth-file"), [cis("1.2.2"), kubescape("C-0114")],
        "An API server with `--token-auth-file`.",
        "The tokens stand in the clear on the disk, never run out, and change only with a restart.",
        "Use client certificates, OIDC or service account tokens, and remove the flag.";
}
