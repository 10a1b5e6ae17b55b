//! Network policies of all kinds.

use crate::{LIMITS, check_problems, source};
use plimsoll_model::{Inventory, Snapshot, WorkloadKinds, parse};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::suggest::{Needs, Options, Suggestion};
use plimsoll_network::{End, Settings, Traffic, World, lint};

/// Documents as a cluster: what is wrong has a place, all pairs at once are each pair by itself, what is found has a place, and policies
/// for what is allowed allow what they can say of it.
pub fn network(data: &[u8]) {
    let (documents, _) = parse(&source(data), LIMITS);
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let world = World::new(&inventory, Settings::default());
    check_problems(&world.problems);
    let matrix = Matrix::new(&world);
    if world.endpoints.len() <= 12 {
        let none = Traffic::none();
        for (from, source) in world.endpoints.iter().enumerate() {
            for (to, destination) in world.endpoints.iter().enumerate().filter(|(to, _)| *to != from) {
                let (.., wanted) = world.between(End::Endpoint(source), End::Endpoint(destination));
                assert_eq!(matrix.between(from, to).unwrap_or(&none), &wanted);
            }
        }
        let needs = Needs::of_matrix(&matrix);
        let suggestion = Suggestion::new(&world, &needs, &Options { whole: true, ..Options::default() });
        assert!(suggestion.proof.met <= needs.iter().count());
    }
    for finding in lint::findings(&world, &matrix, &inventory) {
        let place = finding.location.as_ref().expect("a finding has a place");
        assert!(!finding.message.is_empty() && place.source.text.get(place.span.range()).is_some());
    }
}
