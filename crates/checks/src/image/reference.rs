//! References to images: registry, repository, tag and digest, as Docker and the kubelet read them.
//!
//! Sources: github.com/distribution/reference (`ParseNormalizedNamed`); OCI Image Specification, *Descriptors*.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The registry of a reference that names none.
const DOCKER_HUB: &str = "docker.io";

/// The parts of a reference. Nothing is checked: of what is no reference, the parts that can be told are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    /// With its port; `docker.io` where none is named.
    pub(crate) registry: &'a str,
    /// With `library/` for the official images of Docker Hub.
    pub(crate) repository: Cow<'a, str>,
    /// Without the colon.
    pub(crate) tag: Option<&'a str>,
    /// `algorithm:encoded`.
    pub(crate) digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash is a port.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((host, path)) if is_host(host) => (canonical(host), path),
            _ => (DOCKER_HUB, name),
        };
        let official = registry == DOCKER_HUB && !repository.is_empty() && !repository.contains('/');
        let repository = if official { Cow::Owned(format!("library/{repository}")) } else { Cow::Borrowed(repository) };
        Self { registry, repository, tag, digest }
    }

    /// The last part of the repository: what the program is called.
    pub(crate) fn program(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The tag that is pulled; none where a digest alone decides.
    pub(crate) fn effective_tag(&self) -> Option<&'a str> {
        self.tag.or(if self.digest.is_none() { Some("latest") } else { None })
    }

    /// Whether a digest, one that can be verified, says what is run.
    pub(crate) fn is_pinned(&self) -> bool {
        self.digest.is_some_and(is_digest)
    }

    /// Whether it is from a place that a person has listed: a registry (`ghcr.io`), all below a domain
    /// (`*.azurecr.io`), or a repository with what is below it (`ghcr.io/acme`, `acme/web` on Docker Hub).
    pub(crate) fn is_from(&self, place: &str) -> bool {
        let place = place.trim().trim_end_matches('/');
        let (host, path) = match place.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ if is_host(place) => (place, ""),
            _ => (DOCKER_HUB, place),
        };
        let registry = match host.strip_prefix("*.") {
            Some(domain) => self.registry.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => self.registry == canonical(host),
        };
        registry && (is_below(&self.repository, path) || (host == DOCKER_HUB && self.repository.strip_prefix("library/") == Some(path)))
    }

    /// The reference to a copy in a registry or below a repository; `None` for a whole domain, which names no registry.
    pub(crate) fn copy_in(&self, place: &str) -> Option<String> {
        let place = place.trim().trim_end_matches('/');
        if place.is_empty() || place.contains('*') {
            return None;
        }
        let tag = self.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
        Some(format!("{place}/{}{tag}{digest}", self.repository))
    }

    /// The version that the tag speaks of.
    pub(crate) fn version(&self) -> Option<Version> {
        Version::parse(self.tag?)
    }
}

/// The first part of a name is a registry if it cannot be the name of a user of Docker Hub.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Docker Hub answers under several names.
fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB,
        host => host,
    }
}

fn is_below(repository: &str, path: &str) -> bool {
    path.is_empty() || repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, encoded)) = digest.split_once(':') else { return false };
    let hexadecimal = |length| encoded.len() == length && encoded.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match algorithm {
        "sha256" | "blake3" => hexadecimal(64),
        "sha512" => hexadecimal(128),
        _ => {
            let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            let text = |byte: u8| byte.is_ascii_alphanumeric() || b"=_-".contains(&byte);
            algorithm.split(['+', '.', '_', '-']).all(word) && !encoded.is_empty() && encoded.bytes().all(text)
        }
    }
}

/// A version of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: [u32; 3],
    /// A release candidate and the like: before the version that it is named after.
    early: bool,
}

impl Version {
    pub(crate) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { numbers: [major, minor, patch], early: false }
    }

    /// `1.2.3`, `v1.2.3`, `1.2.3-alpine`; nothing for less than three numbers, which do not say the release.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (release, suffix) = text.split_once(['-', '+', '_', '~']).unwrap_or((text, ""));
        let mut parts = release.split('.').map(|part| part.parse::<u32>().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        let early = ["rc", "alpha", "beta", "pre"].iter().any(|word| suffix.starts_with(word));
        parts.next().is_none().then_some(Self { numbers, early })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then(other.early.cmp(&self.early))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_references() {
        let table = [
            ("nginx", "docker.io", "library/nginx", None, None),
            ("nginx:1.25", "docker.io", "library/nginx", Some("1.25"), None),
            ("acme/web:1", "docker.io", "acme/web", Some("1"), None),
            ("index.docker.io/nginx", "docker.io", "library/nginx", None, None),
            ("localhost/web", "localhost", "web", None, None),
            ("Host/web", "Host", "web", None, None),
            ("registry:5000/web", "registry:5000", "web", None, None),
            ("registry:5000/team/web:2@sha256:ab", "registry:5000", "team/web", Some("2"), Some("sha256:ab")),
            ("ghcr.io/acme/web@sha256:ab", "ghcr.io", "acme/web", None, Some("sha256:ab")),
            ("ghcr.io/", "ghcr.io", "", None, None),
            ("", "docker.io", "", None, None),
            (":", "docker.io", "", Some(""), None),
            ("@", "docker.io", "", None, Some("")),
        ];
        for (text, registry, repository, tag, digest) in table {
            let wanted = Reference { registry, repository: repository.into(), tag, digest };
            assert_eq!(Reference::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn places() {
        let table = [
            ("gcr.io/acme/web", "gcr.io", true),
            ("gcr.io/acme/web", "gcr.io/", true),
            ("gcr.io/acme/web", "gcr.io/acme", true),
            ("gcr.io/acme-evil/web", "gcr.io/acme", false),
            ("gcr.io:5000/acme/web", "gcr.io", false),
            ("eu.gcr.io/acme/web", "gcr.io", false),
            ("eu.gcr.io/acme/web", "*.gcr.io", true),
            ("evilgcr.io/acme/web", "*.gcr.io", false),
            ("nginx", "docker.io", true),
            ("nginx", "nginx", true),
            ("nginx", "docker.io/nginx", true),
            ("acme/web", "acme", true),
            ("registry.hub.docker.com/acme/web", "docker.io", true),
            ("docker.io/acme/web", "registry.hub.docker.com", true),
            ("gcr.io/acme/web", "acme", false),
        ];
        for (image, place, wanted) in table {
            assert_eq!(Reference::parse(image).is_from(place), wanted, "{image} {place}");
        }
    }

    #[test]
    fn versions_are_in_order() {
        let order = ["0.49.0", "v1.8.3", "1.8.10", "2.1.9-rc1", "2.1.9", "2.2.0-alpine", "10.0.0"];
        let versions: Vec<_> = order.iter().map(|text| Version::parse(text).unwrap()).collect();
        assert!(versions.is_sorted());
        for text in ["", "1", "1.2", "latest", "1.2.3.4", "1.2.x", "99999999999.0.0"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
