//! Paths that start a path, which is what `pmatch` looks for.
//!
//! The meaning is that of falcosecurity/libs, `userspace/libsinsp/prefix_search.h`, with one difference: where several patterns match a
//! part of a path, each of them is followed from that part on. Upstream the second one is tried on the part after it.

use super::glob::Glob;
use std::collections::BTreeMap;
use std::fmt;

/// Search paths with a value each. A part of a search path may be a pattern of `*`, `?` and `[]`; it stands for one part.
///
/// A search path covers itself and all that is below it, and nothing else of the same letters: `/var/run` covers `/var/run/x`, not
/// `/var` nor `/var/running`. Slashes at the ends and several in a row mean nothing; `/` covers everything.
#[derive(Debug, Clone)]
pub struct PathPrefixMap<T> {
    /// A tree of parts; the first node is the root directory.
    nodes: Vec<Part<T>>,
}

#[derive(Debug, Clone)]
struct Part<T> {
    /// What follows, by its text.
    plain: BTreeMap<Box<[u8]>, usize>,
    /// What follows, by a pattern.
    patterns: BTreeMap<Box<[u8]>, (Glob, usize)>,
    /// The value, if a search path ends here; then nothing follows.
    value: Option<T>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { plain: BTreeMap::new(), patterns: BTreeMap::new(), value: None }
    }
}

impl<T> Default for PathPrefixMap<T> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

impl<T> PathPrefixMap<T> {
    /// Adds a search path. The shorter of two that cover each other stays; of two equal ones the later.
    pub fn insert(&mut self, path: &[u8], value: T) {
        if self.nodes.is_empty() {
            self.nodes.push(Part::default());
        }
        let mut at = 0;
        for part in parts(path) {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            if node.value.is_some() {
                return;
            }
            at = if Glob::is_pattern(part) {
                node.patterns.entry(part.into()).or_insert_with(|| (Glob::new(part, false), next)).1
            } else {
                *node.plain.entry(part.into()).or_insert(next)
            };
            if at == next {
                self.nodes.push(Part::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            *node = Part { value: Some(value), ..Part::default() };
        }
    }

    /// The value of the search path that covers a path. Parts that are written out go before patterns, patterns by their text.
    #[must_use]
    pub fn get(&self, path: &[u8]) -> Option<&T> {
        // What is still to be tried, where more than one way leads on. No node comes in twice: its depth says how much of the path is left.
        let mut later: Vec<(usize, &[u8])> = Vec::new();
        let mut now = Some((0, path));
        while let Some((at, rest)) = now {
            let node = self.nodes.get(at)?;
            if let Some(value) = &node.value {
                return Some(value);
            }
            let mut next = None;
            if let Some((part, rest)) = split(rest) {
                let patterns = node.patterns.values().rev().filter(|(glob, _)| glob.matches(part)).map(|(_, to)| to);
                for to in patterns.chain(node.plain.get(part)) {
                    later.extend(next.replace((*to, rest)));
                }
            }
            now = next.or_else(|| later.pop());
        }
        None
    }
}

/// How deep lines are indented; nobody reads more.
const DEEPEST: usize = 50;

/// The tree of parts, each on a line of its own, what follows it indented below.
impl<T> fmt::Display for PathPrefixMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes.is_empty() {
            return Ok(());
        }
        let mut waiting: Vec<(&[u8], usize, usize)> = vec![(b"root", 0, 0)];
        while let Some((part, at, depth)) = waiting.pop() {
            writeln!(f, "{:indent$}{} ->", "", String::from_utf8_lossy(part), indent = depth.min(DEEPEST) * 4)?;
            let Some(node) = self.nodes.get(at) else { continue };
            waiting.extend(node.patterns.iter().rev().map(|(part, (_, to))| (&**part, *to, depth + 1)));
            waiting.extend(node.plain.iter().rev().map(|(part, to)| (&**part, *to, depth + 1)));
        }
        Ok(())
    }
}

/// The first part of a path and what is left behind it.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = path.iter().position(|byte| *byte != b'/')?;
    let path = path.get(start..)?;
    let end = memchr::memchr(b'/', path).unwrap_or(path.len());
    path.split_at_checked(end)
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(paths: &[&str]) -> PathPrefixMap<usize> {
        let mut map = PathPrefixMap::default();
        paths.iter().enumerate().for_each(|(value, path)| map.insert(path.as_bytes(), value));
        map
    }

    #[test]
    fn search_paths_cover_what_is_below_them() {
        let paths = map(&["/var/run", "//etc//", "/usr/lib/x", "/usr/lib", "/a/*/c", "/a/b/d", "/a/?/e", "lib"]);
        for (path, wanted) in [
            ("/var/run/docker", Some(0)),
            ("/var/running", None),
            ("/var", None),
            ("etc/passwd", Some(1)),
            ("/usr/lib/x", Some(3)),
            ("/a/b/d", Some(5)),
            ("/a/b/c", Some(4)),
            ("/a/b/e/f", Some(6)),
            ("/a/bb/e", None),
            ("/lib", Some(7)),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(paths.get(path.as_bytes()).copied(), wanted, "{path}");
        }
        assert_eq!(map(&["/a", "/", "/b"]).get(b"x/y"), Some(&1));
        assert_eq!(map(&[]).get(b"/"), None);
        assert_eq!(map(&["/b/*", "/a"]).to_string(), "root ->\n    a ->\n    b ->\n        * ->\n");
        assert_eq!(map(&[]).to_string(), "");
    }

    #[test]
    fn long_paths_and_many_patterns_do_no_harm() {
        let deep = "/a".repeat(500_000);
        assert_eq!(map(&[&deep]).get(format!("{deep}/b").as_bytes()), Some(&0));
        assert_eq!(map(&["/a".repeat(20_000).as_str()]).to_string().lines().count(), 20_001);
        let paths: Vec<String> = (0..100).map(|n| format!("{}{}{n}", "/*".repeat(n * 20), "/?".repeat(2000 - n * 20))).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        assert_eq!(map(&paths).get("/x".repeat(2000).as_bytes()), None);
    }
}
