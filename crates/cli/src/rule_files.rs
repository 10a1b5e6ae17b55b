//! Rules of events: the files that the user names, or those that are part of this program.

use anyhow::Context;
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::fields::{WithStatic, nearest};
use plimsoll_detect::findings::id;
use plimsoll_detect::rules::{self, ExtraOutput, Loaded, PLUGINS, Rule, Rules, Sources};
use plimsoll_model::{Origin, Problem, Source};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The source of events of system calls.
pub(crate) const SYSCALL: &str = "syscall";
/// The source of events of API servers.
pub(crate) const AUDIT: &str = "k8s_audit";

/// The rules that are part of this program, by file, in order.
const OWN: [(&str, &str); 3] = [
    ("rules/lists.yaml", include_str!("../../../rules/lists.yaml")),
    ("rules/syscalls.yaml", include_str!("../../../rules/syscalls.yaml")),
    ("rules/audit.yaml", include_str!("../../../rules/audit.yaml")),
];

/// Names them, unless there is a file of this name.
const DEFAULT: &str = "default";

/// Which rules.
#[derive(clap::Args, Clone)]
#[group(skip)]
pub(crate) struct Args {
    /// Rules in Falco's language: files, directories (the YAML files in them, by name), or `-`; may be given several times.
    /// Later files may change what earlier ones say. `default` stands for the rules that are part of this program, which are
    /// used where nothing is named.
    #[arg(long = "rules", short = 'r', value_name = "PATH", help_heading = "Rules")]
    pub(crate) paths: Vec<PathBuf>,
}

/// The sources that rules may be about, with the fields that the user defines.
pub(crate) struct Catalogues {
    syscalls: WithStatic<Syscalls>,
    audit: WithStatic<Audit>,
}

impl Catalogues {
    /// Static fields by name, without `static.`.
    pub(crate) fn new(fixed: BTreeMap<String, String>) -> Self {
        let fixed = Arc::new(fixed);
        Self { syscalls: WithStatic::new(Syscalls, Arc::clone(&fixed)), audit: WithStatic::new(Audit, fixed) }
    }

    pub(crate) fn sources(&self) -> Sources<'_> {
        Sources::new().with(SYSCALL, &self.syscalls).with(AUDIT, &self.audit).with_plugins(&PLUGINS)
    }
}

/// The sources that rules may be about.
pub(crate) fn sources() -> Sources<'static> {
    Sources::new().with(SYSCALL, &Syscalls).with(AUDIT, &Audit).with_plugins(&PLUGINS)
}

/// Reads the files at `paths`, or our own where there is none.
pub(crate) fn read(paths: &[PathBuf]) -> (Vec<Arc<Source>>, Vec<Problem>) {
    let own = || OWN.iter().map(|(name, text)| Source::new(*name, Origin::File, *text));
    if paths.is_empty() {
        return (own().collect(), Vec::new());
    }
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == DEFAULT && !path.exists() {
            sources.extend(own());
            continue;
        }
        let (more, trouble) = plimsoll_sources::texts(std::slice::from_ref(path), io::stdin());
        sources.extend(more);
        problems.extend(trouble);
    }
    (sources, problems)
}

/// The rule with a name or id.
pub(crate) fn named<'r>(rules: &'r Rules, name: &str) -> anyhow::Result<&'r Rule> {
    let found = rules.rules.iter().find(|rule| rule.name == name);
    let found = found.or_else(|| rules.rules.iter().find(|rule| id(&rule.name) == id(name)));
    found.with_context(|| {
        let near = nearest(rules.rules.iter().map(|rule| rule.name.as_str()), name);
        let help = if near.is_empty() { String::new() } else { format!("; did you mean `{}`?", near.join("` or `")) };
        format!("there is no rule `{name}`{help}")
    })
}

/// Reads and compiles the rules in files, or our own where there is none. Notes are only for those who look at the rules themselves.
pub(crate) fn load(paths: &[PathBuf], sources: Sources<'_>, extras: Vec<ExtraOutput>) -> anyhow::Result<(Loaded, Vec<Problem>)> {
    let (files, mut problems) = read(paths);
    if files.is_empty() && problems.is_empty() {
        anyhow::bail!("there are no rules; name files with --rules");
    }
    let loaded = rules::load(&files, sources, extras);
    problems.extend(loaded.diagnostics.errors().map(Problem::from));
    Ok((loaded, problems))
}
