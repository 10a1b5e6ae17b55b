//! What a directory or an archive holds, sorted: manifests to read as they are, charts and kustomizations to render.

use crate::filter::is_manifest;
use crate::{helm, kustomize};
use plimsoll_model::{Limits, Problem, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of a directory or archive by what is to be done with them. What belongs to a chart or kustomization is in
/// none of the lists: a template or patch is no manifest, and a base is not what is deployed.
pub(crate) struct Layout {
    pub(crate) manifests: Vec<PathBuf>,
    pub(crate) charts: Vec<helm::Chart>,
    /// Directories of the kustomizations that no other one builds on.
    pub(crate) kustomizations: Vec<PathBuf>,
}

/// Whether a file can matter by its name.
pub(crate) fn is_candidate(path: &Path) -> bool {
    is_manifest(path) || is_kustomization(path)
}

impl Layout {
    /// Sorts the candidates `paths`, reading the files that describe charts and kustomizations.
    pub(crate) fn new(
        paths: impl IntoIterator<Item = PathBuf>,
        includes: impl Fn(&Path) -> bool,
        read: impl Fn(&Path) -> Result<Arc<Source>, Problem>,
        limits: Limits,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let (mut manifests, mut charts, mut kustomizations) = (Vec::new(), BTreeSet::new(), Vec::new());
        for path in paths {
            if path.ends_with(helm::FILE) {
                charts.insert(path.parent().unwrap_or(Path::new("")).to_owned());
            } else if is_kustomization(&path) {
                kustomizations.push(path);
            } else {
                manifests.push(path);
            }
        }
        let in_chart = |path: &Path| path.ancestors().any(|directory| charts.contains(directory));
        kustomizations.retain(|path| !in_chart(path));
        let plan = kustomize::Plan::new(kustomizations, &includes, &read, limits, problems);
        manifests.retain(|path| !in_chart(path) && !plan.owns(path));
        manifests.extend(plan.manifests);
        manifests.retain(|path| includes(path));
        manifests.sort();
        let wanted = helm::top_level(&charts).filter(|directory| includes(&directory.join(helm::FILE)));
        let charts = wanted.map(|directory| helm::Chart::new(directory, &read, limits)).filter(|chart| !chart.is_library).collect();
        Self { manifests, charts, kustomizations: plan.roots }
    }
}

fn is_kustomization(path: &Path) -> bool {
    kustomize::FILES.iter().any(|name| path.ends_with(name))
}
