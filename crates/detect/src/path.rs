//! Paths without `.`, `..` and doubled slashes, as the kernel would walk them if there were no links.

use bumpalo::{Bump, collections::Vec};

/// The longest path that is put together (`SCAP_MAX_PATH_SIZE` upstream).
pub(crate) const LONGEST: usize = 1024;

/// What stands for a path that would be longer.
const TOO_LONG: &[u8] = b"/DIR_TOO_LONG/FILENAME_TOO_LONG";

/// `path` seen from the directory `base`, which is taken as it is and should end with a slash; an absolute path, and an empty one,
/// need none. What is made lies in the arena.
///
/// This is `concatenate_paths` of falcosecurity/libs, odd ends included: `..` takes the last byte and then all up to a slash away,
/// and a relative path that climbs above its start leaves no slash behind.
pub(crate) fn join<'a>(arena: &'a Bump, base: &[u8], path: &[u8]) -> &'a [u8] {
    if base.len() + path.len() + 1 > LONGEST {
        return TOO_LONG;
    }
    let mut out = Vec::with_capacity_in(base.len() + path.len(), arena);
    if path.first().is_some_and(|first| *first != b'/') {
        out.extend_from_slice_copy(base);
    }
    let empty_base = out.is_empty();
    let mut rest = path;
    while let Some(&byte) = rest.first() {
        let fresh = matches!(out.last(), None | Some(b'/'));
        let taken = match rest {
            [b'.', b'.', b'/', ..] if fresh => climb(&mut out, 3),
            [b'.', b'.'] if fresh => climb(&mut out, 2),
            [b'.', b'/', ..] if fresh => 2,
            [b'.'] if fresh => 1,
            [b'/', ..] if out.last() == Some(&b'/') || (out.is_empty() && !empty_base) => 1,
            _ => {
                out.push(byte);
                1
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    if out.len() > 1 && out.last() == Some(&b'/') {
        out.pop();
    }
    out.into_bump_slice()
}

/// Takes the last step of a path away; its first byte stays. Answers how much of the other path this used.
fn climb(out: &mut Vec<'_, u8>, used: usize) -> usize {
    if out.len() > 1 {
        out.pop();
        while out.last().is_some_and(|last| *last != b'/') {
            out.pop();
        }
    }
    used
}

/// Whether a path starts at the root.
pub(crate) fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_upstream_joins_them() {
        let cases = [
            ("/a/b/", "c", "/a/b/c"),
            ("/a/b/", "../c", "/a/c"),
            ("/a/b/", "./c//d/./e/..", "/a/b/c/d"),
            ("/a/b/", "../../../c", "/c"),
            ("/a/b/", "/x/../y/", "/y"),
            ("/a/b/", "/", "/"),
            ("/a/b", "c", "/a/bc"),
            ("/a/b/", "", ""),
            ("", "foo/../a", "a"),
            ("", "/foo/../a", "/a"),
            ("", "...", "..."),
            ("/", ".", "/"),
            ("<UNKNOWN>", "a", "<UNKNOWN>a"),
        ];
        let arena = Bump::new();
        for (base, path, wanted) in cases {
            assert_eq!(String::from_utf8_lossy(join(&arena, base.as_bytes(), path.as_bytes())), wanted, "{base} {path}");
        }
        assert_eq!(join(&arena, &[b'a'; 1000], &[b'b'; 24]), TOO_LONG);
    }
}
