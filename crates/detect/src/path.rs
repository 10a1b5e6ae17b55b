//! Paths without `.`, `..` and doubled slashes, as the kernel would walk them if there were no links.

use bumpalo::Bump;

/// The longest path that is put together (`SCAP_MAX_PATH_SIZE` upstream).
pub(crate) const LONGEST: usize = 1024;

/// What stands for a path that would be longer.
const TOO_LONG: &[u8] = b"/DIR_TOO_LONG/FILENAME_TOO_LONG";

/// Makes `out` what `path` is, seen from the directory `base`, which is taken as it is and should end with a slash; an absolute path,
/// and an empty one, need none.
///
/// This is `concatenate_paths` of falcosecurity/libs, odd ends included: `..` takes the last byte and then all up to a slash away,
/// and a relative path that climbs above its start leaves no slash behind.
pub(crate) fn join(out: &mut Vec<u8>, base: &[u8], path: &[u8]) {
    out.clear();
    if base.len() + path.len() + 1 > LONGEST {
        out.extend_from_slice(TOO_LONG);
        return;
    }
    if path.first().is_some_and(|first| *first != b'/') {
        out.extend_from_slice(base);
    }
    if is_plain(path) {
        out.extend_from_slice(path);
        return;
    }
    let empty_base = out.is_empty();
    let mut rest = path;
    while let Some(&byte) = rest.first() {
        let fresh = matches!(out.last(), None | Some(b'/'));
        let taken = match rest {
            [b'.', b'.', b'/', ..] if fresh => climb(out, 3),
            [b'.', b'.'] if fresh => climb(out, 2),
            [b'.', b'/', ..] if fresh => 2,
            [b'.'] if fresh => 1,
            [b'/', ..] if out.last() == Some(&b'/') || (out.is_empty() && !empty_base) => 1,
            _ => {
                // All up to the next slash is taken at once.
                let step = memchr::memchr(b'/', rest.get(1..).unwrap_or_default()).map_or(rest.len(), |at| at + 1);
                match rest.get(..step) {
                    Some(part) if byte != b'/' => {
                        out.extend_from_slice(part);
                        step
                    }
                    _ => {
                        out.push(byte);
                        1
                    }
                }
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    if out.len() > 1 && out.last() == Some(&b'/') {
        out.pop();
    }
}

/// Takes the last step of a path away; its first byte stays. Answers how much of the other path this used.
fn climb(out: &mut Vec<u8>, used: usize) -> usize {
    if out.len() > 1 {
        out.pop();
        while out.last().is_some_and(|last| *last != b'/') {
            out.pop();
        }
    }
    used
}

/// The same, where what is made lies in the arena; an absolute path that is plain already is given back as it is.
pub(crate) fn join_in<'a>(arena: &'a Bump, base: &[u8], path: &'a [u8]) -> &'a [u8] {
    if base.len() + path.len() < LONGEST && is_plain(path) {
        if is_absolute(path) {
            return path;
        }
        let mut out = bumpalo::collections::Vec::with_capacity_in(base.len() + path.len(), arena);
        out.extend_from_slice_copy(base);
        out.extend_from_slice_copy(path);
        return out.into_bump_slice();
    }
    let mut out = Vec::new();
    join(&mut out, base, path);
    arena.alloc_slice_copy(&out)
}

/// Whether nothing in a path has to be taken away: no step is empty or starts with a dot.
fn is_plain(path: &[u8]) -> bool {
    let odd = |pair: &[u8]| matches!(pair, [b'/', b'/' | b'.']);
    !matches!(path, [] | [b'.', ..] | [.., b'/']) && !path.windows(2).any(odd)
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
            assert_eq!(String::from_utf8_lossy(join_in(&arena, base.as_bytes(), path.as_bytes())), wanted, "{base} {path}");
            let mut out = Vec::new();
            join(&mut out, base.as_bytes(), path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&out), wanted, "{base} {path}");
        }
        assert_eq!(join_in(&arena, &[b'a'; 1000], &[b'b'; 24]), TOO_LONG);
    }
}
