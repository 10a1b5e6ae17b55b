//! `CLU-persistent-volume-unencrypted`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-persistent-volume-unencrypted",
    title: "Volume's storage class does not encrypt",
    severity: Severity::Medium,
    docs: "
## What it detects
A PersistentVolume whose StorageClass does not say `encrypted: \"true\"`, where the provisioner does not encrypt by itself (Azure's and Google's do).

## Why it matters
Snapshots and discarded disks are read by whoever comes to them.

## How to fix
Make a StorageClass with `parameters: {encrypted: \"true\"}` and a key of your own, and move the data to volumes of that class.
",
    references: &[kubescape("C-0264")],
    run: Run::Object(&["PersistentVolume"], |volume, reporter| {
        let Some(name) = volume.node.at(&["spec", "storageClassName"]).map(Node::text).filter(|name| !name.is_empty()) else { return };
        match reporter.inventory.find("StorageClass", "", name) {
            None => reporter.unknown(format!("StorageClass `{name}`")),
            Some(class) if encrypts(&class) => {}
            Some(class) => {
                let violation = Violation::at("/spec/storageClassName", format!("storage class `{name}` does not encrypt"));
                reporter.report(violation.with(&class, "/parameters").advice("move the data to a volume of a class that encrypts"));
            }
        }
    }),
};

fn encrypts(class: &Object<'_>) -> bool {
    let provisioner = class.node.get("provisioner").map_or("", Node::text);
    let said = class.node.at(&["parameters", "encrypted"]).is_some_and(|value| value.text() == "true");
    said || provisioner.contains("azure") || provisioner.contains("csi.storage.gke.io")
}
