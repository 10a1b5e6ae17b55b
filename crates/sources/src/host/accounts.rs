//! Names of users and groups, as the node's files give them.

use super::Host;
use std::collections::HashMap;

/// Names by number.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// Reads `/etc/passwd` and `/etc/group` (passwd(5), group(5)). Without them nobody has a name.
    pub(super) fn read(host: &Host) -> Self {
        let names = |path| host.read(path).map(|bytes| table(&String::from_utf8_lossy(&bytes))).unwrap_or_default();
        Self { users: names("/etc/passwd"), groups: names("/etc/group") }
    }

    pub(super) fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    pub(super) fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }
}

/// Lines of `name:password:number:…`; of two names for a number the first counts, as for `getpwuid`.
fn table(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(number))) = (fields.next(), fields.nth(1).map(str::parse)) {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}
