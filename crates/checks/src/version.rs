//! Kubernetes versions as nodes and API servers report them: `v1.29.3-gke.100`, `v1.31.0+k3s1`.

/// Major, minor, patch; `None` for what is no version.
pub(crate) fn parse(text: &str) -> Option<(u32, u32, u32)> {
    let core = text.trim().trim_start_matches('v').split(['-', '+']).next()?;
    let mut numbers = core.split('.').map(|part| part.parse::<u32>().ok());
    let version = (numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?);
    numbers.next().is_none().then_some(version)
}

/// Whether a version is before the patch that a fix came with: the first fixed patch of each minor version, the lowest
/// minor first. Older minor versions have no fix, newer ones never needed one.
pub(crate) fn is_before_fix(version: (u32, u32, u32), fixed: &[(u32, u32)]) -> bool {
    let (major, minor, patch) = version;
    match fixed.iter().find(|(fixed_minor, _)| *fixed_minor == minor) {
        Some((_, fixed_patch)) => major == 1 && patch < *fixed_patch,
        None => major < 1 || (major == 1 && fixed.first().is_some_and(|(oldest, _)| minor < *oldest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let table = [
            ("v1.29.3", Some((1, 29, 3))),
            ("1.29", Some((1, 29, 0))),
            ("v1.21.5-eks-bc4871b", Some((1, 21, 5))),
            ("v1.31.0+k3s1", Some((1, 31, 0))),
            ("v1.x.0", None),
            ("", None),
            ("1.2.3.4", None),
        ];
        for (text, wanted) in table {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn fixes() {
        const FIXED: &[(u32, u32)] = &[(19, 15), (20, 11)];
        let table =
            [((1, 18, 99), true), ((1, 19, 9), true), ((1, 19, 15), false), ((1, 20, 10), true), ((1, 21, 0), false), ((0, 99, 0), true)];
        for (version, wanted) in table {
            assert_eq!(is_before_fix(version, FIXED), wanted, "{version:?}");
        }
    }
}
