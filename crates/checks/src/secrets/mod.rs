//! Credentials in the open, and Secrets in reach.

mod config_map_mounted;
mod credential;
mod credential_in_annotation;
mod credential_in_command;
mod credential_in_config_map;
mod credential_in_env;
mod last_applied;
mod long_lived_token;
mod no_external_store;
mod secret_in_env;
mod secret_in_manifest;
mod secret_mounted;

use crate::check::Check;
use plimsoll_model::{Container, Node, Workload};

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[
    &config_map_mounted::CHECK,
    &credential_in_annotation::CHECK,
    &credential_in_command::CHECK,
    &credential_in_config_map::CHECK,
    &credential_in_env::CHECK,
    &last_applied::CHECK,
    &long_lived_token::CHECK,
    &no_external_store::CHECK,
    &secret_in_env::CHECK,
    &secret_in_manifest::CHECK,
    &secret_mounted::CHECK,
];

/// Objects that volumes bring into a container: the place of the mount, the volume's name and the object's name.
/// `direct` is the pointer to the name in a volume of its own, `projected` the one in a source of a projected volume.
fn mounted<'a>(
    workload: &Workload<'a>,
    container: &Container<'a>,
    direct: [&str; 2],
    projected: [&str; 2],
) -> Vec<(usize, &'a str, &'a str)> {
    let volumes = || workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items);
    let mut found = Vec::new();
    for (at, mount) in container.at(&["volumeMounts"]).into_iter().flat_map(Node::items).enumerate() {
        let name = mount.get("name").map_or("", Node::text);
        let Some(volume) = volumes().find(|volume| volume.get("name").is_some_and(|one| one.text() == name)) else { continue };
        let sources = volume.at(&["projected", "sources"]).into_iter().flat_map(Node::items).filter_map(|source| source.at(&projected));
        found.extend(volume.at(&direct).into_iter().chain(sources).map(|object| (at, name, object.text())));
    }
    found
}
