//! Worlds out of manifests.

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_network::{Endpoint, Settings, World};

/// Reads manifests and looks at the world they make.
pub(crate) fn with_world<T>(manifests: &str, look: impl FnOnce(&World<'_>, &Inventory<'_>) -> T) -> T {
    let (documents, problems) = parse(&Source::new("world.yaml", Origin::File, manifests), Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    let snapshot = Snapshot { documents, problems };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    look(&World::new(&inventory, Settings::default()), &inventory)
}

/// The endpoint of a name.
#[allow(dead_code, reason = "not every test file asks for one")]
pub(crate) fn endpoint<'w, 'a>(world: &'w World<'a>, name: &str) -> &'w Endpoint<'a> {
    world.endpoints.iter().find(|endpoint| world.name(endpoint) == name).unwrap_or_else(|| panic!("no endpoint {name}"))
}
