//! Users and groups: those of the machine, and those of containers.

use super::{Losses, State, hash::Map, text};
use plimsoll_model::events::{Event, Group, User, kinds};

/// The longest name, and the longest path, that is kept (`MAX_CREDENTIALS_STR_LEN` and `SCAP_MAX_PATH_SIZE` upstream).
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 1023;

/// Entries by container and number; the machine's own have an empty container.
#[derive(Debug)]
pub(super) struct Accounts<T> {
    host: Map<u32, T>,
    contained: Map<(Box<[u8]>, u32), T>,
}

impl<T> Default for Accounts<T> {
    fn default() -> Self {
        Self { host: Map::default(), contained: Map::default() }
    }
}

impl<T> Accounts<T> {
    pub(super) fn get(&self, container: &[u8], id: u32) -> Option<&T> {
        if container.is_empty() {
            return self.host.get(&id);
        }
        // Asked for output only: a key of its own is made.
        self.contained.get(&(Box::from(container), id))
    }

    fn insert(&mut self, container: &[u8], id: u32, entry: T, limit: usize, losses: &mut Losses) {
        if self.host.len() + self.contained.len() >= limit && self.get(container, id).is_none() {
            losses.accounts += 1;
        } else if container.is_empty() {
            self.host.insert(id, entry);
        } else {
            self.contained.insert((Box::from(container), id), entry);
        }
    }

    fn remove(&mut self, container: &[u8], id: u32) {
        if container.is_empty() {
            self.host.remove(&id);
        } else {
            self.contained.remove(&(Box::from(container), id));
        }
    }
}

impl State {
    /// Takes in a user of the machine, or of a container. Names that only refer to a directory service are left out.
    pub fn add_user(&mut self, container: &[u8], mut user: User) {
        user.name.truncate(LONGEST_NAME);
        user.home.truncate(LONGEST_PATH);
        user.shell.truncate(LONGEST_PATH);
        if !refers_elsewhere(&user.name) {
            self.users.insert(container, user.uid, user, self.limits.accounts, &mut self.losses);
        }
    }

    /// Takes in a group, likewise.
    pub fn add_group(&mut self, container: &[u8], mut group: Group) {
        group.name.truncate(LONGEST_NAME);
        if !refers_elsewhere(&group.name) {
            self.groups.insert(container, group.gid, group, self.limits.accounts, &mut self.losses);
        }
    }
}

/// Whether an entry stands for those of a directory service (`+`, `-name`).
fn refers_elsewhere(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'+' | b'-'))
}

/// A user came or went.
pub(super) fn user(state: &mut State, event: &Event<'_>) {
    let uid = event.params.uint(0).unwrap_or(0) as u32;
    let container = event.params.text(5).unwrap_or_default();
    let text = |at| text(&event.params, at);
    if event.kind == kinds::USER_ADDED_E {
        let gid = event.params.uint(1).unwrap_or(0) as u32;
        let user = User { uid, gid, name: text(2).to_vec(), home: text(3).to_vec(), shell: text(4).to_vec() };
        state.add_user(container, user);
    } else {
        state.users.remove(container, uid);
    }
}

/// A group came or went.
pub(super) fn group(state: &mut State, event: &Event<'_>) {
    let gid = event.params.uint(0).unwrap_or(0) as u32;
    let container = event.params.text(2).unwrap_or_default();
    if event.kind == kinds::GROUP_ADDED_E {
        state.add_group(container, Group { gid, name: text(&event.params, 1).to_vec() });
    } else {
        state.groups.remove(container, gid);
    }
}
