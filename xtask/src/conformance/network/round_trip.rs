//! Policies made for what other policies allow have to allow the same.

use crate::conformance::Cases;
use anyhow::Context;
use plimsoll_model::{Inventory, WorkloadKinds};
use plimsoll_network::listing::{Side, Workload};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::suggest::{Needs, Options, Suggestion};
use plimsoll_network::{HostNetwork, PodAddresses, Protocol, Settings, World};
use plimsoll_sources::{Options as Reading, Target};
use std::path::Path;

/// Each directory of manifests: what is lost, and what is won.
pub(crate) fn round_trip(manifests: &Path) -> anyhow::Result<Cases> {
    let mut directories: Vec<_> = std::fs::read_dir(manifests)?.collect::<Result<_, _>>()?;
    directories.sort_by_key(std::fs::DirEntry::file_name);
    let (mut cases, mut icmp) = (Cases::default(), 0);
    for directory in directories {
        let path = directory.path();
        let target = Target::new(path.to_str().context("a name that is no text")?);
        let snapshot = plimsoll_sources::load(&[target], &Reading::default(), std::io::empty());
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let settings = Settings { host_network: HostNetwork::Pod, pod_addresses: PodAddresses::Ignored, ..Settings::default() };
        let world = World::new(&inventory, settings);
        let needs = Needs::of_matrix(&Matrix::new(&world));
        let Suggestion { workloads, proof, .. } = Suggestion::new(&world, &needs, &Options { whole: true, ..Options::default() });
        let said = |from: &Side, to: &Side, traffic: &plimsoll_network::Traffic| {
            format!("{} -> {}: {traffic}", side(from, &workloads), side(to, &workloads))
        };
        // NetworkPolicy v1 allows what has no ports only beside all that has.
        let (inexpressible, unmet): (Vec<_>, Vec<_>) =
            proof.unmet.iter().partition(|one| Protocol::ALL.iter().all(|protocol| one.traffic.ports(*protocol).is_empty()));
        icmp += usize::from(!inexpressible.is_empty());
        let lost = unmet.iter().map(|one| format!("lost {}", said(&one.from, &one.to, &one.traffic)));
        let won = proof.slack.iter().map(|one| format!("won {}", said(&one.from, &one.to, &one.traffic)));
        let got: Vec<_> = lost.chain(won).collect();
        cases.case(|| directory.file_name().to_string_lossy().into_owned(), "", &got.join("; "));
    }
    if icmp > 0 {
        cases.notes.push(format!(
            "{icmp} directories allow ICMP where they do not allow all ports: policies cannot say that, and it is listed as lost"
        ));
    }
    Ok(cases)
}

fn side(side: &Side, workloads: &[Workload]) -> String {
    match side {
        Side::Workloads(list) => {
            let names = list.iter().filter_map(|at| workloads.get(*at)).map(|one| format!("{}/{}", one.namespace, one.name));
            names.collect::<Vec<_>>().join(", ")
        }
        Side::Outside(ranges) => ranges.join(", "),
        Side::Entrance(number) => format!("entrance {number}"),
    }
}
