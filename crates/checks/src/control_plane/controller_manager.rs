//! Flags of `kube-controller-manager`.

use super::flag::{self, Want, flags};
use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Component, Run};
use plimsoll_model::Severity;

const COMPONENT: Component = Component::ControllerManager;

flags! {
    BIND_ADDRESS: "controller-manager-bind-address", Medium, "Controller manager listens beyond the node",
        Want::Is("bind-address", "127.0.0.1", "0.0.0.0"), [cis("1.3.7"), kubescape("C-0150")],
        "A controller manager whose `--bind-address` is not `127.0.0.1`; without the flag it is all addresses.",
        "Its metrics and, if profiling is on, its memory are served there to whoever reaches the node.",
        "Set `--bind-address=127.0.0.1`. Let whatever collects metrics run on the node or go through an authenticating proxy.";
    GC_THRESHOLD: "controller-manager-gc-threshold", Low, "Controller manager has no chosen threshold for terminated pods",
        Want::Positive("terminated-pod-gc-threshold", "1000"), [cis("1.3.1"), kubescape("C-0144")],
        "A controller manager without `--terminated-pod-gc-threshold`, or with one that is not above 0, which turns the collection off.",
        "The default keeps 12,500 terminated pods; on a small control plane they take the memory that the API server and etcd need.",
        "Set `--terminated-pod-gc-threshold` to what the cluster can hold.";
    PROFILING: "controller-manager-profiling", Low, "Controller manager serves profiles",
        Want::Is("profiling", "false", "true"), [cis("1.3.2"), kubescape("C-0145")],
        "A controller manager whose `--profiling` is not `false`; it is on without the flag.",
        "Profiles show what the program holds and take processor time that anybody who reaches the port can ask for.",
        "Set `--profiling=false`, and turn it on for as long as something is being looked for.";
    ROOT_CA: "controller-manager-root-ca-file", High, "Controller manager hands out no root certificate",
        Want::Given(&[("root-ca-file", "/etc/kubernetes/pki/ca.crt")]), [cis("1.3.5"), kubescape("C-0148")],
        "A controller manager without `--root-ca-file`.",
        "Pods find the certificate of the API server's authority beside their token. Without it they cannot tell the API server from an impostor.",
        "Set `--root-ca-file` to the file with the authority's certificate.";
    ROTATE_KUBELET_SERVER: "controller-manager-rotate-kubelet-server-certificate", Medium, "Serving certificates of kubelets are not renewed",
        Want::HasNot("feature-gates", "RotateKubeletServerCertificate=false"), [cis("1.3.6"), kubescape("C-0149")],
        "`RotateKubeletServerCertificate=false` in the feature gates of the controller manager.",
        "A certificate that is never renewed runs out, or lives for years; both end with kubelets that are talked to without being checked.",
        "Remove the feature gate; it is on by default.";
    SERVICE_ACCOUNT_CREDENTIALS: "controller-manager-service-account-credentials", Medium, "All controllers share one identity",
        Want::Is("use-service-account-credentials", "true", "false"), [cis("1.3.3"), kubescape("C-0146")],
        "A controller manager whose `--use-service-account-credentials` is not `true`; it is off without the flag.",
        "With the flag each controller has an account of its own with what it needs. Without it, each may do what any of them may, and the audit log cannot tell them apart.",
        "Set `--use-service-account-credentials=true`. RBAC has the roles already.";
    SERVICE_ACCOUNT_KEY: "controller-manager-service-account-private-key-file", Medium, "Controller manager has no key of its own for service account tokens",
        Want::Given(&[("service-account-private-key-file", "/etc/kubernetes/pki/sa.key")]), [cis("1.3.4"), kubescape("C-0147")],
        "A controller manager without `--service-account-private-key-file`.",
        "Without it, tokens are signed with the key of the API server's certificate, and neither can be renewed without the other.",
        "Make a key pair for service accounts, give the private key here and the public one to `--service-account-key-file` of the API server.";
}
