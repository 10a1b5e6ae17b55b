//! Control plane components and their flags, as static pods show them.

use crate::check::Component;
use plimsoll_model::{Node, Violation, Workload};

/// A running component with its flags.
pub(crate) struct Process<'a> {
    /// The flags in order; of a flag given twice, the last one counts, as in the components themselves.
    flags: Vec<Flag<'a>>,
    /// JSON pointer from the pod to the list that flags are added to.
    list: &'static str,
}

/// One flag as given.
pub(crate) struct Flag<'a> {
    /// With its dashes.
    pub(crate) name: &'a str,
    /// What follows `=`; `true` for a flag without a value, as pflag reads it.
    pub(crate) value: &'a str,
    /// JSON pointer from the pod to the argument.
    pub(crate) pointer: String,
}

/// The component that `workload` runs, if it is `wanted`: its first container's program has that name.
pub(crate) fn process<'a>(workload: &Workload<'a>, wanted: Component) -> Option<Process<'a>> {
    let container = workload.pod.containers.iter().find(|container| container.kind == plimsoll_model::ContainerKind::Main)?;
    let words = |field: &'static str| {
        let items = container.at(&[field]).into_iter().flat_map(Node::items).enumerate();
        items.map(move |(at, node)| (node.text(), format!("/spec/containers/0/{field}/{at}")))
    };
    let all: Vec<(&'a str, String)> = words("command").chain(words("args")).collect();
    let is_program = |word: &str| word.rsplit('/').next() == Some(wanted.program());
    // The program itself, or a shell's line that starts it.
    let at = all.iter().position(|(word, _)| word.split_whitespace().take(2).any(is_program))?;
    let mut flags: Vec<Flag<'a>> = Vec::new();
    let mut rest = all.iter().skip(at).peekable();
    while let Some((argument, pointer)) = rest.next() {
        let mut words = argument.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                continue;
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, value),
                // `--flag value`, in one argument or in two.
                None => {
                    let here = words.next_if(|next| !next.starts_with('-'));
                    let next =
                        here.or_else(|| rest.next_if(|(next, _)| words.peek().is_none() && !next.starts_with('-')).map(|(next, _)| *next));
                    (word, next.unwrap_or("true"))
                }
            };
            flags.push(Flag { name, value: value.trim_matches(['"', '\'']), pointer: pointer.clone() });
        }
    }
    let in_args = container.at(&["args"]).is_some_and(|args| args.items().next().is_some());
    Some(Process { flags, list: if in_args { "/spec/containers/0/args" } else { "/spec/containers/0/command" } })
}

const CLIENTS: &str = "whether clients of the control plane rely on the present behaviour";

impl Process<'_> {
    /// The flag that counts; `name` without its dashes.
    pub(crate) fn flag(&self, name: &str) -> Option<&Flag<'_>> {
        self.flags.iter().rev().find(|flag| flag.name.trim_start_matches('-') == name)
    }

    /// A violation that setting `--name=value` cures; without a value, somebody has to choose one.
    pub(crate) fn wants(&self, name: &str, value: Option<&str>, message: impl Into<String>) -> Violation {
        let given = self.flag(name);
        let violation = Violation::at(given.map_or(self.list, |flag| &flag.pointer), message);
        let Some(value) = value else { return violation.advice(format!("set `--{name}` to what fits the cluster")) };
        let place = given.map_or_else(|| format!("{}/-", self.list), |flag| flag.pointer.clone());
        let argument = format!("--{name}={value}");
        violation.cured_at(format!("set `{argument}`"), place, Some(argument.into())).needs(CLIENTS)
    }

    /// A violation that removing `--name` cures.
    pub(crate) fn rejects(&self, name: &str, message: impl Into<String>) -> Option<Violation> {
        let flag = self.flag(name)?;
        let violation = Violation::at(flag.pointer.as_str(), message).cured_by(format!("remove `--{name}`"), None);
        Some(violation.needs(CLIENTS))
    }
}
