//! Files of a kubelet: its unit, its configuration, its credentials.

use super::file::{self, Want, Which, files};
use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::Severity;

const KIND: &str = "hostdata.kubescape.cloud/KubeletInfo";
const ROOT: Want = Want::Owner(&["root"]);

files! {
    "kubelet-ca-file-mode", Medium, "Certificate that kubelets check clients by may be changed by others",
        Which::One(&["clientCAFile"]), Want::Mode(0o644), [cis("4.1.7"), kubescape("C-0168")],
        "The file of the kubelet's `clientCAFile` with permissions beyond 644.",
        "The certificate is public, but whoever exchanges it may sign certificates that the kubelet takes for the API server's, and so run commands in every pod of the node.",
        "`chmod 644` on the file, or `600`.";
    "kubelet-ca-file-owner", Medium, "Certificate that kubelets check clients by does not belong to root",
        Which::One(&["clientCAFile"]), ROOT, [cis("4.1.8"), kubescape("C-0169")],
        "The file of the kubelet's `clientCAFile` whose owner or group is not `root`.",
        "Its owner decides whom the kubelet takes for the API server.",
        "`chown root:root` on the file.";
    "kubelet-config-mode", Medium, "Configuration of the kubelet may be changed or read by others",
        Which::One(&["configFile"]), Want::Mode(0o600), [cis("4.1.9"), kubescape("C-0170"), kubescape("C-0235")],
        "The kubelet's configuration file with permissions beyond 600.",
        "Whoever writes it turns off authentication of the kubelet, or names a directory of static pods.",
        "`chmod 600` on the file.";
    "kubelet-config-owner", Medium, "Configuration of the kubelet does not belong to root",
        Which::One(&["configFile"]), ROOT, [cis("4.1.10"), kubescape("C-0171")],
        "The kubelet's configuration file whose owner or group is not `root`.",
        "Its owner decides what the kubelet asks of its clients.",
        "`chown root:root` on the file.";
    "kubelet-kubeconfig-mode", High, "Credentials of the kubelet may be read by others",
        Which::One(&["kubeConfigFile"]), Want::Mode(0o600), [cis("4.1.5"), kubescape("C-0166"), kubescape("C-0238"), mitre("T1552.001")],
        "The kubelet's kubeconfig with permissions beyond 600.",
        "It holds, or says where to find, the key of the node. Whoever has it reads all Secrets of the node's pods and makes tokens of their service accounts.",
        "`chmod 600 /etc/kubernetes/kubelet.conf`.";
    "kubelet-kubeconfig-owner", High, "Credentials of the kubelet do not belong to root",
        Which::One(&["kubeConfigFile"]), ROOT, [cis("4.1.6"), kubescape("C-0167"), mitre("T1552.001")],
        "The kubelet's kubeconfig whose owner or group is not `root`.",
        "Its owner reads the node's key and may let others read it.",
        "`chown root:root /etc/kubernetes/kubelet.conf`.";
    "kubelet-service-mode", Medium, "Unit of the kubelet may be changed or read by others",
        Which::Each(&["serviceFiles"], ""), Want::Mode(0o600), [cis("4.1.1"), kubescape("C-0162")],
        "A systemd unit or drop-in of the kubelet with permissions beyond 600.",
        "Whoever writes it runs what they like as root when the kubelet starts again. Whoever reads it sees the flags.",
        "`chmod 600` on the file.";
    "kubelet-service-owner", Medium, "Unit of the kubelet does not belong to root",
        Which::Each(&["serviceFiles"], ""), ROOT, [cis("4.1.2"), kubescape("C-0163")],
        "A systemd unit or drop-in of the kubelet whose owner or group is not `root`.",
        "Its owner decides what runs as root when the kubelet starts again.",
        "`chown root:root` on the file.";
}
