//! Helm charts: rendered by `helm`, never read raw, because a template is no manifest.

use crate::{Found, Options, files, render};
use plimsoll_model::{Problem, ProblemKind};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The charts that are not part of another one (`charts/` of a chart belongs to it).
pub(crate) fn outermost(mut charts: Vec<PathBuf>) -> Vec<PathBuf> {
    charts.sort();
    charts.dedup();
    let mut kept: Vec<PathBuf> = Vec::new();
    for chart in charts {
        if !kept.iter().any(|outer| chart.starts_with(outer)) {
            kept.push(chart);
        }
    }
    kept
}

/// Renders a chart with its default values.
pub(crate) fn render(chart: &Path, options: &Options, found: &mut Found) {
    let place = files::name(chart);
    let place = if place.is_empty() { ".".to_owned() } else { place };
    let Some(helm) = render::program("helm", options) else {
        let problem = Problem::new(ProblemKind::NotRendered, "a Helm chart, and `helm` is not on the PATH");
        let help = format!("install helm, or render it elsewhere: `helm template {place} | plimsoll scan -`");
        return found.problems.push(problem.target(place).help(help));
    };
    let absolute = chart.canonicalize().unwrap_or_else(|_| chart.to_owned());
    // A release needs a name; the chart's directory is what `helm template .` would be told most often.
    let release = absolute.file_name().unwrap_or(OsStr::new("release")).to_string_lossy().to_lowercase();
    let release: String = release.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).take(53).collect();
    let release = release.trim_matches('-');
    let release = if release.is_empty() { "release" } else { release };
    let arguments = [OsStr::new("template"), OsStr::new(release), absolute.as_os_str(), OsStr::new("--include-crds")];
    render::run(&helm, &arguments, &format!("{place} (helm)"), options, found);
}
