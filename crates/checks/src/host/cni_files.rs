//! Configuration files of the network plugin.

use super::file::{self, Want, Which, files};
use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use plimsoll_model::Severity;

const KIND: &str = "hostdata.kubescape.cloud/CNIInfo";

files! {
    "cni-file-mode", Medium, "Configuration of the network plugin may be changed or read by others",
        Which::Each(&["CNIConfigFiles"], ""), Want::Mode(0o600), [cis("1.1.9"), kubescape("C-0100")],
        "A file in the directory of CNI configurations with permissions beyond 600.",
        "The runtime runs the plugins that the files name, as root, for every pod. Some plugins keep the path of a kubeconfig there.",
        "`chmod 600` on the file.";
    "cni-file-owner", Medium, "Configuration of the network plugin does not belong to root",
        Which::Each(&["CNIConfigFiles"], ""), Want::Owner(&["root"]), [cis("1.1.10"), kubescape("C-0101")],
        "A file in the directory of CNI configurations whose owner or group is not `root`.",
        "Its owner decides which plugin runs as root for every pod.",
        "`chown root:root` on the file.";
}
