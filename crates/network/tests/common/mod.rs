//! Worlds out of manifests.

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_network::{Settings, World};

/// Reads manifests and looks at the world they make.
pub(crate) fn with_world<T>(manifests: &str, look: impl FnOnce(&World<'_>, &Inventory<'_>) -> T) -> T {
    let (documents, problems) = parse(&Source::new("world.yaml", Origin::File, manifests), Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    let snapshot = Snapshot { documents, problems };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    look(&World::new(&inventory, Settings::default()), &inventory)
}
