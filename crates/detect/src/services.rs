//! Names of ports, as a rule may write them (`fd.sport = http`).
//!
//! Upstream asks the machine that it runs on; here every machine gives one answer, that of Debian 12.

use std::collections::HashMap;
use std::sync::LazyLock;

#[derive(Default)]
struct Services {
    ports: HashMap<&'static str, u16>,
    names: HashMap<(u16, &'static str), &'static str>,
}

static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let mut services = Services::default();
    for line in include_str!("services.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some(name), Some((port, protocol))) = (words.next(), words.next().and_then(|word| word.split_once('/'))) else { continue };
        let Ok(port) = port.parse() else { continue };
        // The first line that has a name says its port.
        for name in std::iter::once(name).chain(words) {
            services.ports.entry(name).or_insert(port);
        }
        services.names.entry((port, protocol)).or_insert(name);
    }
    services
});

/// The port of a service, by its name or another one of its names; of the first protocol that has it.
#[must_use]
pub fn port(name: &str) -> Option<u16> {
    SERVICES.ports.get(name).copied()
}

/// The service at a port of a protocol (`tcp`, `udp`).
#[must_use]
pub fn name(port: u16, protocol: &str) -> Option<&'static str> {
    SERVICES.names.get(&(port, protocol)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_ports_and_ports_have_names() {
        assert_eq!((port("http"), port("domain"), port("www"), port("nosuch")), (Some(80), Some(53), Some(80), None));
        assert_eq!((name(53, "udp"), name(22, "tcp"), name(1, "udp")), (Some("domain"), Some("ssh"), None));
    }
}
