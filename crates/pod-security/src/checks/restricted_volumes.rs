//! `restrictedVolumes`

use crate::Level;
use crate::check::{Check, Forbidden, Versioned};
use crate::words::{plural, quoted, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Severity, Volume, escape};
use serde_json::json;

pub(super) static CHECK: Check = Check {
    id: "restrictedVolumes",
    level: Level::Restricted,
    versions: &[Versioned { min: 0, overrides: &["hostPathVolumes"] }],
    title: "Volume type beyond the restricted set",
    severity: Severity::Low,
    docs: "
## What it detects
A volume whose source is none of `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`, `persistentVolumeClaim`, `projected`, `secret`. A volume without a source is an `emptyDir`.

## Why it matters
The other types name storage by its address: whoever writes the pod chooses the server, the export and sometimes the credentials, past everything that PersistentVolumes and storage classes decide. Most of them are in-tree drivers that run as root on the node and are removed one after the other.

## How to fix
Make the storage a PersistentVolume and mount it through a PersistentVolumeClaim.
",
    references: &[],
    forbid,
    violations,
};

const ALLOWED: [&str; 9] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"];

/// The other volume sources of core/v1 in the order in which upstream looks for them.
const NAMED: [&str; 21] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

/// The volumes whose source is not allowed or missing, and its type.
fn bad<'p, 'a>(pod: &'p Pod<'a>) -> impl Iterator<Item = (&'p Volume<'a>, &'static str)> {
    let kind = |volume: &Volume<'_>| NAMED.into_iter().find(|name| volume.sources.contains(name)).unwrap_or("unknown");
    let is_bad = |volume: &&Volume<'_>| !volume.sources.iter().any(|source| ALLOWED.contains(source));
    pod.volumes.iter().filter(is_bad).map(move |volume| (volume, kind(volume)))
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let (names, kinds): (Vec<&str>, Vec<&str>) = bad(pod).map(|(volume, kind)| (volume.name, kind)).unzip();
    if names.is_empty() {
        return None;
    }
    let kinds = sorted(kinds);
    let detail = format!(
        "{} {} {} {} {}",
        plural(names.len(), "volume", "volumes"),
        quoted(names.iter().copied()),
        plural(names.len(), "uses", "use"),
        plural(kinds.len(), "restricted volume type", "restricted volume types"),
        quoted(kinds)
    );
    Some(Forbidden::new("restricted volume types", detail))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    const CURE: &str = "use a type of volume that the restricted level allows";
    let one = |(volume, kind): (&Volume<'_>, &'static str)| {
        let place = format!("/spec/volumes/{}", volume.index);
        let source = if kind == "unknown" { volume.sources.first().copied() } else { Some(kind) };
        let violation = match source {
            Some(source) => {
                let message = format!("volume `{}` is of type `{source}`", volume.name);
                Violation::at(format!("{place}/{}", escape(source)), message)
            }
            None => Violation::at(place.as_str(), format!("volume `{}` has no source", volume.name)),
        };
        let violation = volume
            .sources
            .iter()
            .fold(violation, |violation, source| violation.cured_at(CURE, format!("{place}/{}", escape(source)), None));
        violation
            .cured_at(CURE, format!("{place}/emptyDir"), Some(json!({})))
            .needs("which claim its data can move to; an emptyDir starts empty")
    };
    bad(pod).map(one).collect()
}
