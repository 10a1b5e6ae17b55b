//! Flags of `etcd`.

use super::flag::{self, Want, flags};
use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Component, Run};
use plimsoll_model::Severity;

const COMPONENT: Component = Component::Etcd;

flags! {
    AUTO_TLS: "etcd-auto-tls", Medium, "etcd signs its own certificates for clients",
        Want::Is("auto-tls", "false", "false"), [cis("2.3"), kubescape("C-0155")],
        "`--auto-tls=true` on etcd.",
        "A certificate that nobody has signed lets nobody check whom they talk to.",
        "Remove the flag and give a signed certificate in `--cert-file` and `--key-file`.";
    CLIENT_CERT_AUTH: "etcd-client-cert-auth", High, "etcd does not ask clients for a certificate",
        Want::Is("client-cert-auth", "true", "false"), [cis("2.2"), kubescape("C-0154")],
        "etcd whose `--client-cert-auth` is not `true`; it is off without the flag.",
        "Whoever reaches etcd's port reads and writes every object of the cluster, Secrets first.",
        "Set `--client-cert-auth=true` and `--trusted-ca-file` to an authority that signs for the API server alone.";
    PEER_AUTO_TLS: "etcd-peer-auto-tls", Medium, "etcd signs its own certificates for its peers",
        Want::Is("peer-auto-tls", "false", "false"), [cis("2.6"), kubescape("C-0158")],
        "`--peer-auto-tls=true` on etcd.",
        "A certificate that nobody has signed lets a stranger join as a peer and receive all data.",
        "Remove the flag and give signed certificates in `--peer-cert-file` and `--peer-key-file`.";
    PEER_CLIENT_CERT_AUTH: "etcd-peer-client-cert-auth", High, "etcd does not ask its peers for a certificate",
        Want::Is("peer-client-cert-auth", "true", "false"), [cis("2.5"), kubescape("C-0157")],
        "etcd whose `--peer-client-cert-auth` is not `true`; it is off without the flag.",
        "Whoever reaches the peer port can join and receive all data.",
        "Set `--peer-client-cert-auth=true` and `--peer-trusted-ca-file`.";
    PEER_TLS: "etcd-peer-tls", High, "etcd talks to its peers in the clear",
        Want::Given(&[("peer-cert-file", "/etc/kubernetes/pki/etcd/peer.crt"), ("peer-key-file", "/etc/kubernetes/pki/etcd/peer.key")]), [cis("2.4"), kubescape("C-0156")],
        "etcd without `--peer-cert-file` or `--peer-key-file`.",
        "All objects of the cluster, Secrets included, cross the network between members.",
        "Give each member a certificate and set both flags.";
    TLS: "etcd-tls", High, "etcd serves clients in the clear",
        Want::Given(&[("cert-file", "/etc/kubernetes/pki/etcd/server.crt"), ("key-file", "/etc/kubernetes/pki/etcd/server.key")]), [cis("2.1"), kubescape("C-0153")],
        "etcd without `--cert-file` or `--key-file`.",
        "All objects of the cluster, Secrets included, cross the network between the API server and etcd.",
        "Give etcd a certificate and set both flags.";
}
