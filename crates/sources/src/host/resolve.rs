//! Links, resolved below a root.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links followed for one path, as many as Linux follows.
const LINKS: usize = 40;

/// Where the absolute `path` of the node is, its links followed as if `root` were `/`. The file need not be there.
pub(crate) fn below(root: &Path, path: &str) -> io::Result<PathBuf> {
    // Components that are still to be walked, the next one last.
    let mut rest: Vec<PathBuf> = parts(Path::new(path));
    let mut place = root.to_owned();
    let mut depth = 0_usize;
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part.as_os_str() == ".." {
            // Above the root there is only the root.
            if depth > 0 {
                place.pop();
                depth -= 1;
            }
            continue;
        }
        place.push(&part);
        match fs::read_link(&place) {
            Ok(target) => {
                links += 1;
                if links > LINKS {
                    return Err(io::Error::other("too many levels of symbolic links"));
                }
                place.pop();
                if target.has_root() {
                    place = root.to_owned();
                    depth = 0;
                }
                rest.extend(parts(&target));
            }
            // Not a link, or nothing at all: what is done with the path says which.
            Err(_) => depth += 1,
        }
    }
    Ok(place)
}

fn parts(path: &Path) -> Vec<PathBuf> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        _ => None,
    };
    let mut parts: Vec<PathBuf> = path.components().filter_map(part).collect();
    parts.reverse();
    parts
}

#[cfg(all(test, unix))]
mod tests {
    use super::below;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_below_the_root() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir_all(root.join("etc/kubernetes")).unwrap();
        symlink("/etc/kubernetes", root.join("config")).unwrap();
        symlink("../../../../../etc/kubernetes/x", root.join("etc/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let table = [
            ("/etc/kubernetes/x", "etc/kubernetes/x"),
            ("/config/x", "etc/kubernetes/x"),
            ("/etc/up", "etc/kubernetes/x"),
            ("/../../etc/passwd", "etc/passwd"),
            ("etc//./passwd", "etc/passwd"),
        ];
        for (path, wanted) in table {
            assert_eq!(below(root, path).unwrap(), root.join(wanted), "{path}");
        }
        assert!(below(root, "/loop/x").is_err());
    }
}
