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
}
