//! Files of a control plane: manifests, credentials, keys, the data of etcd.

use super::file::{self, Want, Which, files};
use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::Severity;

const KIND: &str = "hostdata.kubescape.cloud/ControlPlaneInfo";
/// kubeadm since 1.29 has two: the second is one whose rights RBAC cannot take away.
const ADMIN: Which = Which::OneAnd(&["adminConfigFile"], &["superAdminConfigFile"]);
const ROOT: Want = Want::Owner(&["root"]);

files! {
    "admin-conf-mode", Critical, "Administrator's credentials may be read by others",
        ADMIN, Want::Mode(0o600), [cis("1.1.13"), kubescape("C-0104"), mitre("T1552.001")],
        "`admin.conf` or `super-admin.conf` on a control plane node with permissions beyond 600.",
        "The file holds the key of a cluster administrator. Whoever reads it is one, and no binding can be taken away from it: the certificate is valid until it runs out.",
        "`chmod 600 /etc/kubernetes/admin.conf`. If others may have read it, let the cluster sign with a new authority.";
    "admin-conf-owner", High, "Administrator's credentials do not belong to root",
        ADMIN, ROOT, [cis("1.1.14"), kubescape("C-0105"), mitre("T1552.001")],
        "`admin.conf` or `super-admin.conf` on a control plane node whose owner or group is not `root`.",
        "The owner of the file reads the key of a cluster administrator and may let others read it.",
        "`chown root:root /etc/kubernetes/admin.conf`.";
    "apiserver-manifest-mode", High, "Manifest of the API server may be changed or read by others",
        Which::One(&["APIServerInfo", "specsFile"]), Want::Mode(0o600), [cis("1.1.1"), kubescape("C-0092"), mitre("T1543.005")],
        "The API server's static pod manifest with permissions beyond 600.",
        "Whoever writes the manifest runs a pod of their choice as root on the control plane, past admission. Whoever reads it knows where the keys are.",
        "`chmod 600` on the manifest.";
    "apiserver-manifest-owner", High, "Manifest of the API server does not belong to root",
        Which::One(&["APIServerInfo", "specsFile"]), ROOT, [cis("1.1.2"), kubescape("C-0093"), mitre("T1543.005")],
        "The API server's static pod manifest whose owner or group is not `root`.",
        "Its owner decides what runs as root on the control plane.",
        "`chown root:root` on the manifest.";
    "controller-manager-conf-mode", High, "Credentials of the controller manager may be read by others",
        Which::One(&["controllerManagerInfo", "configFile"]), Want::Mode(0o600), [cis("1.1.17"), kubescape("C-0108"), mitre("T1552.001")],
        "The controller manager's kubeconfig with permissions beyond 600.",
        "The controller manager may make tokens of every service account; whoever reads its key may too.",
        "`chmod 600 /etc/kubernetes/controller-manager.conf`.";
    "controller-manager-conf-owner", High, "Credentials of the controller manager do not belong to root",
        Which::One(&["controllerManagerInfo", "configFile"]), ROOT, [cis("1.1.18"), kubescape("C-0109"), mitre("T1552.001")],
        "The controller manager's kubeconfig whose owner or group is not `root`.",
        "Its owner reads the controller manager's key and may let others read it.",
        "`chown root:root /etc/kubernetes/controller-manager.conf`.";
    "controller-manager-manifest-mode", High, "Manifest of the controller manager may be changed or read by others",
        Which::One(&["controllerManagerInfo", "specsFile"]), Want::Mode(0o600), [cis("1.1.3"), kubescape("C-0094"), mitre("T1543.005")],
        "The controller manager's static pod manifest with permissions beyond 600.",
        "Whoever writes the manifest runs a pod of their choice as root on the control plane, past admission.",
        "`chmod 600` on the manifest.";
    "controller-manager-manifest-owner", High, "Manifest of the controller manager does not belong to root",
        Which::One(&["controllerManagerInfo", "specsFile"]), ROOT, [cis("1.1.4"), kubescape("C-0095"), mitre("T1543.005")],
        "The controller manager's static pod manifest whose owner or group is not `root`.",
        "Its owner decides what runs as root on the control plane.",
        "`chown root:root` on the manifest.";
    "etcd-data-mode", Critical, "Data of etcd may be read by others",
        Which::One(&["etcdDataDir"]), Want::Mode(0o700), [cis("1.1.11"), kubescape("C-0102"), mitre("T1552.001")],
        "The data directory of etcd with permissions beyond 700.",
        "All objects of the cluster are in these files, Secrets included. Who reads them needs no API server.",
        "`chmod 700` on the directory. etcd makes it so itself; look for what changed it.";
    "etcd-data-owner", High, "Data of etcd belongs to neither etcd nor root",
        Which::One(&["etcdDataDir"]), Want::Owner(&["etcd", "root"]), [cis("1.1.12"), kubescape("C-0103"), mitre("T1552.001")],
        "The data directory of etcd that belongs neither to `etcd:etcd` nor, where etcd runs as root in a static pod, to `root:root`.",
        "Its owner reads and changes all objects of the cluster, Secrets included.",
        "`chown etcd:etcd` on the directory, or `root:root` where etcd runs as root.";
    "etcd-manifest-mode", High, "Manifest of etcd may be changed or read by others",
        Which::One(&["etcdConfigFile"]), Want::Mode(0o600), [cis("1.1.7"), kubescape("C-0098"), mitre("T1543.005")],
        "The static pod manifest of etcd with permissions beyond 600.",
        "Whoever writes the manifest runs a pod of their choice as root beside the cluster's data, past admission.",
        "`chmod 600` on the manifest.";
    "etcd-manifest-owner", High, "Manifest of etcd does not belong to root",
        Which::One(&["etcdConfigFile"]), ROOT, [cis("1.1.8"), kubescape("C-0099"), mitre("T1543.005")],
        "The static pod manifest of etcd whose owner or group is not `root`.",
        "Its owner decides what runs as root beside the cluster's data.",
        "`chown root:root` on the manifest.";
    "pki-certificate-mode", Medium, "Certificate of the control plane may be changed by others",
        Which::Each(&["PKIFiles"], ".crt"), Want::Mode(0o644), [cis("1.1.20"), kubescape("C-0111")],
        "A certificate below the control plane's directory of keys with permissions beyond 644.",
        "Certificates are public, but whoever exchanges an authority's certificate decides whom the cluster trusts.",
        "`chmod 644` on the certificate, or `600` where nothing but root needs it.";
    "pki-key-mode", Critical, "Private key of the control plane may be read by others",
        Which::Each(&["PKIFiles"], ".key"), Want::Mode(0o600), [cis("1.1.21"), kubescape("C-0112"), mitre("T1552.001")],
        "A private key below the control plane's directory of keys with permissions beyond 600.",
        "The keys there sign certificates of administrators, nodes and service accounts. Whoever reads one may be any of them.",
        "`chmod 600` on the key. If others may have read it, make a new one and let everything that it signed be signed anew.";
    "pki-owner", High, "Keys and certificates of the control plane do not belong to root",
        Which::Each(&["PKIFiles"], ""), ROOT, [cis("1.1.19"), kubescape("C-0110"), mitre("T1552.001")],
        "A file below the control plane's directory of keys whose owner or group is not `root`.",
        "Its owner may exchange what the cluster trusts, or read what it signs with.",
        "`chown -R root:root /etc/kubernetes/pki`.";
    "pki-directory-owner", High, "Directory of the control plane's keys does not belong to root",
        Which::One(&["PKIDir"]), ROOT, [cis("1.1.19"), kubescape("C-0110"), mitre("T1552.001")],
        "The control plane's directory of keys whose owner or group is not `root`.",
        "Its owner may put other keys in the place of those that are there.",
        "`chown -R root:root /etc/kubernetes/pki`.";
    "scheduler-conf-mode", High, "Credentials of the scheduler may be read by others",
        Which::One(&["schedulerInfo", "configFile"]), Want::Mode(0o600), [cis("1.1.15"), kubescape("C-0106"), mitre("T1552.001")],
        "The scheduler's kubeconfig with permissions beyond 600.",
        "The scheduler reads all pods and says where they run; whoever reads its key may too.",
        "`chmod 600 /etc/kubernetes/scheduler.conf`.";
    "scheduler-conf-owner", High, "Credentials of the scheduler do not belong to root",
        Which::One(&["schedulerInfo", "configFile"]), ROOT, [cis("1.1.16"), kubescape("C-0107"), mitre("T1552.001")],
        "The scheduler's kubeconfig whose owner or group is not `root`.",
        "Its owner reads the scheduler's key and may let others read it.",
        "`chown root:root /etc/kubernetes/scheduler.conf`.";
    "scheduler-manifest-mode", High, "Manifest of the scheduler may be changed or read by others",
        Which::One(&["schedulerInfo", "specsFile"]), Want::Mode(0o600), [cis("1.1.5"), kubescape("C-0096"), mitre("T1543.005")],
        "The scheduler's static pod manifest with permissions beyond 600.",
        "Whoever writes the manifest runs a pod of their choice as root on the control plane, past admission.",
        "`chmod 600` on the manifest.";
    "scheduler-manifest-owner", High, "Manifest of the scheduler does not belong to root",
        Which::One(&["schedulerInfo", "specsFile"]), ROOT, [cis("1.1.6"), kubescape("C-0097"), mitre("T1543.005")],
        "The scheduler's static pod manifest whose owner or group is not `root`.",
        "Its owner decides what runs as root on the control plane.",
        "`chown root:root` on the manifest.";
}
