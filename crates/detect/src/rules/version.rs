//! Versions of engines and plugins: three numbers.

use std::fmt;

/// `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// What changes it breaks rules.
    pub major: u32,
    /// What changes it adds something.
    pub minor: u32,
    /// The rest.
    pub patch: u32,
}

/// The version of Falco's engine whose rules are understood: that of `falco_engine_version.h` at the revision followed here.
pub const ENGINE_VERSION: Version = Version { major: 0, minor: 63, patch: 0 };

impl Version {
    /// Reads three numbers with dots between them; what follows is not looked at, as in `libsinsp/version.h`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_ascii_start().splitn(3, '.');
        let (major, minor, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()?, patch: rest.get(..digits)?.parse().ok()? })
    }

    /// The version of an engine that a single number stands for.
    #[must_use]
    pub const fn of_number(minor: u32) -> Self {
        Self { major: ENGINE_VERSION.major, minor, patch: ENGINE_VERSION.patch }
    }

    /// Whether this version does for what asks for `requested`.
    #[must_use]
    pub fn satisfies(self, requested: Self) -> bool {
        self.major == requested.major && self >= requested
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The plugins of Falco whose fields and events are read here without a plugin, in the versions of falcosecurity/plugins at the revision
/// followed here.
pub const PLUGINS: [(&str, Version); 6] = [
    ("container", Version { major: 0, minor: 7, patch: 1 }),
    ("json", Version { major: 0, minor: 7, patch: 4 }),
    ("k8saudit", Version { major: 0, minor: 18, patch: 0 }),
    ("k8saudit-aks", Version { major: 0, minor: 6, patch: 0 }),
    ("k8saudit-eks", Version { major: 0, minor: 12, patch: 0 }),
    ("k8saudit-gke", Version { major: 0, minor: 9, patch: 0 }),
];

/// Whether one of some plugins is among those there are. The first that is there in any version decides, as in `falco_engine.cpp`.
pub(super) fn missing(alternatives: &[PluginVersion], plugins: &[(&str, Version)]) -> Option<String> {
    let found = alternatives.iter().find_map(|wanted| Some((wanted, plugins.iter().find(|(name, _)| *name == wanted.name)?)));
    match found {
        None => {
            let wanted: Vec<String> = alternatives.iter().map(|plugin| format!("{} (>= {})", plugin.name, plugin.version)).collect();
            Some(format!("Plugin requirement not satisfied, must load one of: {}", wanted.join(", ")))
        }
        Some((wanted, (_, there))) if Version::parse(&wanted.version).is_some_and(|wanted| there.satisfies(wanted)) => None,
        Some((PluginVersion { name, version }, (_, there))) => {
            Some(format!("Plugin '{name}' version '{there}' is not compatible with required plugin version '{version}'"))
        }
    }
}

/// A plugin that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginVersion {
    /// Its name.
    pub name: String,
    /// At least this version.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_upstream_reads_them() {
        let read = |text| Version::parse(text).map(|version| version.to_string());
        let table = [
            ("0.57.0", Some("0.57.0")),
            (" 1.2.3-rc1", Some("1.2.3")),
            ("1.2", None),
            ("seven", None),
            ("1.2.", None),
            ("1.x.3", None),
            ("99999999999.0.0", None),
        ];
        for (text, wanted) in table {
            assert_eq!(read(text).as_deref(), wanted, "{text}");
        }
        assert!(ENGINE_VERSION.satisfies(Version::of_number(57)));
        assert!(!ENGINE_VERSION.satisfies(Version::of_number(9_999_999)));
        assert!(!ENGINE_VERSION.satisfies(Version { major: 1, minor: 0, patch: 0 }));
    }

    #[test]
    fn plugins_are_there_or_not() {
        type Wanted = &'static [(&'static str, &'static str)];
        let table: [(Wanted, Option<&str>); 6] = [
            (&[("json", "0.7.0")], None),
            (&[("k8saudit-ovh", "0.6.0"), ("k8saudit", "0.18.0")], None),
            (&[("json", "0.7.5")], Some("Plugin 'json' version '0.7.4' is not compatible with required plugin version '0.7.5'")),
            (&[("json", "1.0.0")], Some("Plugin 'json' version '0.7.4' is not compatible with required plugin version '1.0.0'")),
            (
                &[("json", "0.8.0"), ("container", "0.1.0")],
                Some("Plugin 'json' version '0.7.4' is not compatible with required plugin version '0.8.0'"),
            ),
            (
                &[("okta", "0.1.0"), ("github", "0.2.0")],
                Some("Plugin requirement not satisfied, must load one of: okta (>= 0.1.0), github (>= 0.2.0)"),
            ),
        ];
        for (wanted, told) in table {
            let wanted: Vec<_> =
                wanted.iter().map(|(name, version)| PluginVersion { name: (*name).into(), version: (*version).into() }).collect();
            assert_eq!(missing(&wanted, &PLUGINS).as_deref(), told, "{wanted:?}");
        }
    }
}
