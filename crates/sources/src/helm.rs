//! Helm charts: rendered by `helm`, never read raw, because a template is no manifest.

use crate::render::{self, Rendering};
use crate::{Options, files};
use plimsoll_model::{Document, Limits, Problem, ProblemKind, Source, parse};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that makes a directory a chart.
pub(crate) const FILE: &str = "Chart.yaml";

/// A chart that is not a dependency of one around it.
pub(crate) struct Chart {
    pub(crate) directory: PathBuf,
    /// A library has nothing to deploy of its own.
    pub(crate) is_library: bool,
    /// The release is called like the chart.
    name: String,
}

/// The charts that do not stand in the `charts/` of another one.
pub(crate) fn top_level(charts: &BTreeSet<PathBuf>) -> impl Iterator<Item = &Path> {
    let is_dependency = |chart: &Path| {
        let vendored = |directory: &Path| directory.ends_with("charts") && directory.parent().is_some_and(|outer| charts.contains(outer));
        chart.ancestors().skip(1).any(vendored)
    };
    charts.iter().map(PathBuf::as_path).filter(move |chart| !is_dependency(chart))
}

/// The chart whose templates `directory` holds: to scan them is to scan the chart.
pub(crate) fn of_templates(directory: &Path) -> Option<PathBuf> {
    let real = files::real(directory);
    let templates = real.ancestors().find(|part| part.ends_with("templates"))?;
    let chart = templates.parent()?;
    // Written the way the user came here.
    let up = real.strip_prefix(chart).ok()?.components().map(|_| "..").collect::<PathBuf>();
    chart.join(FILE).is_file().then(|| directory.join(up))
}

impl Chart {
    /// What `Chart.yaml` says of the chart in `directory`; where it says nothing, `helm` will complain.
    pub(crate) fn new(directory: &Path, read: impl Fn(&Path) -> Result<Arc<Source>, Problem>, limits: Limits) -> Self {
        let documents = read(&directory.join(FILE)).map(|source| parse(&source, limits).0).unwrap_or_default();
        let root = documents.first().and_then(Document::root);
        let word = |key| root.and_then(|root| root.get(key)).map_or("", |value| value.text());
        // A release's name is a DNS label of at most 53 characters, which a chart's name need not be.
        let label: String = word("name").chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).take(53).collect();
        let label = label.trim_matches('-').to_ascii_lowercase();
        let name = if label.is_empty() { "release".to_owned() } else { label };
        Self { directory: directory.to_owned(), is_library: word("type") == "library", name }
    }

    /// How to render what is at `path`, the chart's directory or package, with the default values.
    pub(crate) fn rendering(&self, path: &Path, options: &Options) -> Result<Rendering, Problem> {
        let place = files::name(path);
        let Some(program) = render::program("helm", options) else {
            let help = format!("install helm, or render it elsewhere: `helm template {place} | plimsoll scan -`");
            return Err(Problem::new(ProblemKind::NotRendered, "a Helm chart, and `helm` is not on the PATH").target(place).help(help));
        };
        let arguments = vec!["template".into(), self.name.clone().into(), render::argument(path), "--include-crds".into()];
        Ok(Rendering { name: format!("{place} (helm)"), program, arguments })
    }
}
