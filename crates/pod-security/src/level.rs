//! Levels and versions of the Pod Security Standards.
//!
//! Source of the rules: kubernetes/pod-security-admission `api/helpers.go`, `api/constants.go`.

use std::fmt;
use std::str::FromStr;

/// How much a pod may do. The order is by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Anything.
    Privileged,
    /// Nothing that is known to lead to the host.
    Baseline,
    /// Hardened by current practice.
    Restricted,
}

/// The Kubernetes minor version whose rules hold: `v1.N`, or `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `v1.N`, as written; a number past [`Version::NEWEST`] is evaluated as the newest known.
    Minor(u64),
    /// The newest rules known.
    Latest,
}

/// A level at a version: `restricted:v1.33`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelVersion {
    /// The level.
    pub level: Level,
    /// The version.
    pub version: Version,
}

impl Level {
    /// All levels, the laxest first.
    pub const ALL: [Self; 3] = [Self::Privileged, Self::Baseline, Self::Restricted];

    /// The name, as in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// This level at `version`.
    pub fn at(self, version: Version) -> LevelVersion {
        LevelVersion { level: self, version }
    }
}

impl Version {
    /// The newest minor version with rules of its own.
    pub const NEWEST: u32 = 37;

    /// All versions that can differ: `v1.0` to the newest, then `latest`.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=u64::from(Self::NEWEST)).map(Self::Minor).chain(std::iter::once(Self::Latest))
    }

    /// The minor version whose rules are used.
    pub fn effective(self) -> u32 {
        match self {
            Self::Minor(minor) => u32::try_from(minor).map_or(Self::NEWEST, |minor| minor.min(Self::NEWEST)),
            Self::Latest => Self::NEWEST,
        }
    }
}

impl FromStr for Level {
    type Err = String;

    /// The message is upstream's, so that it can stand in an API status.
    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|level| level.name() == name);
        known.ok_or_else(|| "must be one of privileged, baseline, restricted".to_owned())
    }
}

impl FromStr for Version {
    type Err = String;

    /// `latest` or `v1.N` without leading zeros. The message is upstream's, so that it can stand in an API status.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let digits = text.strip_prefix("v1.").unwrap_or("");
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
        // Upstream's number is an int64.
        let minor = if plain { digits.parse::<i64>().ok() } else { None };
        minor.map(|minor| Self::Minor(minor.unsigned_abs())).ok_or_else(|| "must be \"latest\" or \"v1.x\"".to_owned())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor(minor) => f.pad(&format!("v1.{minor}")),
            Self::Latest => f.pad("latest"),
        }
    }
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_parse_as_upstream() {
        for (text, wanted) in [
            ("latest", Version::Latest),
            ("v1.0", Version::Minor(0)),
            ("v1.22", Version::Minor(22)),
            ("v1.999", Version::Minor(999)),
            ("v1.9223372036854775807", Version::Minor(9_223_372_036_854_775_807)),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
            assert_eq!(wanted.to_string(), text);
        }
        for text in ["", "v1", "v1.", "1.22", "v1.01", "v2.0", "v1.1.0", "v1.+1", "Latest", "v1.9223372036854775808"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        for beyond in [38, 999, 1 << 40] {
            assert_eq!(Version::Minor(beyond).effective(), 37);
        }
    }
}
