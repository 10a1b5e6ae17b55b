//! Paths without `.`, `..` and doubled slashes, as the kernel would walk them if there were no links.

/// The longest path that is put together (`SCAP_MAX_PATH_SIZE` upstream).
const LONGEST: usize = 1024;

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
            ("/", "a.b/.c/..d", "/a.b/.c/..d"),
            ("<UNKNOWN>", "a", "<UNKNOWN>a"),
        ];
        let mut out = Vec::new();
        for (base, path, wanted) in cases {
            join(&mut out, base.as_bytes(), path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&out), wanted, "{base} {path}");
        }
        join(&mut out, &[b'a'; 1000], &[b'b'; 24]);
        assert_eq!(out, TOO_LONG);
    }
}
