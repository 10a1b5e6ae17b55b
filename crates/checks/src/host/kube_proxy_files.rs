//! Files of kube-proxy.

use super::file::{self, Want, Which, files};
use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::Severity;

const KIND: &str = "hostdata.kubescape.cloud/KubeProxyInfo";

files! {
    "kube-proxy-kubeconfig-mode", Medium, "Credentials of kube-proxy may be read by others",
        Which::One(&["kubeConfigFile"]), Want::Mode(0o600), [cis("4.1.3"), kubescape("C-0164"), mitre("T1552.001")],
        "The kubeconfig of kube-proxy with permissions beyond 600.",
        "Whoever reads it sees all Services, endpoints and nodes of the cluster, and whoever writes it decides where the node's traffic goes.",
        "`chmod 600` on the file.";
    "kube-proxy-kubeconfig-owner", Medium, "Credentials of kube-proxy do not belong to root",
        Which::One(&["kubeConfigFile"]), Want::Owner(&["root"]), [cis("4.1.4"), kubescape("C-0165"), mitre("T1552.001")],
        "The kubeconfig of kube-proxy whose owner or group is not `root`.",
        "Its owner decides where the node's traffic goes.",
        "`chown root:root` on the file.";
}
