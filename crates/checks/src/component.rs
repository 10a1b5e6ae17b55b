//! Control plane components and their flags, as static pods show them.

use crate::check::Component;
use plimsoll_model::{Node, Violation, Workload};

/// A running component with its flags.
pub(crate) struct Process<'a> {
    /// Which one it is.
    pub(crate) component: Component,
    /// The flags in order; of a flag given twice, the last one counts, as in the components themselves.
    flags: Vec<Flag<'a>>,
    /// JSON pointer from the pod to the list that flags are added to.
    list: &'static str,
}

/// One flag as given.
pub(crate) struct Flag<'a> {
    /// With its dashes.
    name: &'a str,
    /// What follows `=` or stands in the next argument; `true` for a flag without a value, as pflag reads it.
    pub(crate) value: &'a str,
    /// JSON pointer from the pod to the argument that holds the value.
    pub(crate) pointer: String,
    /// That argument whole.
    argument: &'a str,
    /// The part of it that gives this flag: `--flag=value`, or the value alone.
    part: &'a str,
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
        let argument: &'a str = argument;
        let mut words = argument.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                continue;
            }
            let flag = |name, value: &'a str, pointer: &str, argument, part| Flag {
                name,
                value: value.trim_matches(['"', '\'']),
                pointer: pointer.to_owned(),
                argument,
                part,
            };
            if let Some((name, value)) = word.split_once('=') {
                flags.push(flag(name, value, pointer, argument, word));
            } else if let Some(value) = words.next_if(|next| !next.starts_with('-')) {
                flags.push(flag(word, value, pointer, argument, value));
            } else if let Some((value, pointer)) = rest.next_if(|(next, _)| words.peek().is_none() && !next.starts_with('-')) {
                flags.push(flag(word, value, pointer, value, value));
            } else {
                flags.push(flag(word, "true", pointer, argument, word));
            }
        }
    }
    let in_args = container.at(&["args"]).is_some_and(|args| args.items().next().is_some());
    Some(Process { component: wanted, flags, list: if in_args { "/spec/containers/0/args" } else { "/spec/containers/0/command" } })
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
        let whole = format!("--{name}={value}");
        let summary = format!("set `{whole}`");
        match given {
            Some(flag) => {
                let part = if flag.part.starts_with('-') { whole } else { value.to_owned() };
                let argument = flag.argument.replacen(flag.part, &part, 1);
                violation.cured_at(summary, flag.pointer.clone(), Some(argument.into())).needs(CLIENTS)
            }
            None => violation.cured_at(summary, format!("{}/-", self.list), Some(whole.into())).needs(CLIENTS),
        }
    }

    /// A violation that removing `--name` cures.
    pub(crate) fn rejects(&self, name: &str, message: impl Into<String>) -> Option<Violation> {
        let flag = self.flag(name)?;
        let violation = Violation::at(flag.pointer.as_str(), message);
        let summary = format!("remove `--{name}`");
        // Of a shell's line, only the flag; an argument of its own goes as a whole.
        let line = flag.argument.replacen(flag.part, "", 1);
        let violation = match (line.trim(), flag.part.starts_with('-')) {
            ("", true) => violation.cured_by(summary, None),
            (rest, true) => violation.cured_by(summary, Some(rest.into())),
            (_, false) => violation.advice(summary),
        };
        Some(violation.needs(CLIENTS))
    }
}
