//! Which files of a directory or archive are wanted.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use plimsoll_model::{Problem, ProblemKind};
use std::path::Path;

/// The globs of `--include` and `--exclude`.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    include: GlobSet,
    exclude: GlobSet,
}

impl Filter {
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, Problem> {
        Ok(Self { include: globs(include)?, exclude: globs(exclude)? })
    }

    /// Whether a path, relative to the target, is to be skipped, with everything below it if it is a directory.
    pub(crate) fn excludes(&self, relative: &Path) -> bool {
        self.exclude.is_match(relative)
    }

    /// Whether a file is among those that were asked for.
    pub(crate) fn includes(&self, relative: &Path) -> bool {
        self.include.is_empty() || self.include.is_match(relative)
    }
}

/// Whether a file is read by its suffix.
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether a part of the path is hidden, as in `.git/x.yaml` and the `._x.yaml` that macOS adds to archives.
pub(crate) fn is_hidden(relative: &Path) -> bool {
    relative.iter().any(|part| part.to_string_lossy().starts_with('.'))
}

fn globs(patterns: &[String]) -> Result<GlobSet, Problem> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let relative = pattern.trim_start_matches("./").trim_matches('/');
        let anywhere = if relative.contains('/') { relative.to_owned() } else { format!("**/{relative}") };
        set.add(glob(pattern, &anywhere)?).add(glob(pattern, &format!("{anywhere}/**"))?);
    }
    set.build().map_err(|error| Problem::new(ProblemKind::Configuration, format!("the globs cannot be used together: {}", error.kind())))
}

fn glob(written: &str, pattern: &str) -> Result<Glob, Problem> {
    GlobBuilder::new(pattern).literal_separator(true).build().map_err(|error| {
        Problem::new(ProblemKind::Configuration, format!("`{written}` is not a glob: {}", error.kind()))
            .help("quote a special character with brackets, `[*]`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_fit() {
        let table = [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "x/y/a.yaml", true),
            ("*.yaml", "a.json", false),
            ("test", "x/test/a.yaml", true),
            ("test", "x/tests/a.yaml", false),
            ("x/*.yaml", "x/a.yaml", true),
            ("x/*.yaml", "x/y/a.yaml", false),
            ("x/*.yaml", "z/x/a.yaml", false),
            ("x/**", "x/y/a.yaml", true),
            ("x/", "x/y/a.yaml", true),
            ("./x/y", "x/y/a.yaml", true),
            ("/x/y", "x/y/a.yaml", true),
            ("x/**/a.yaml", "x/a.yaml", true),
            ("{a,b}.yaml", "b.yaml", true),
        ];
        for (glob, path, fits) in table {
            let globs = [glob.to_owned()];
            assert_eq!(Filter::new(&globs, &[]).unwrap().includes(Path::new(path)), fits, "{glob} {path}");
            assert_eq!(Filter::new(&[], &globs).unwrap().excludes(Path::new(path)), fits, "{glob} {path}");
        }
    }
}
