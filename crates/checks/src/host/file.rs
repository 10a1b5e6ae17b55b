//! Modes and owners of a node's files: what they have to be, and the tables' rows.

use super::data::{Data, File};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Violation};

/// Which files of a host data object are looked at.
pub(super) enum Which {
    /// The file at this path.
    One(&'static [&'static str]),
    /// That, and the file at the other path if it is there.
    OneAnd(&'static [&'static str], &'static [&'static str]),
    /// Each file of the list at this path whose name ends so; empty ends every name.
    Each(&'static [&'static str], &'static str),
}

/// What they have to be.
pub(super) enum Want {
    /// No permission bits but these.
    Mode(u32),
    /// Owner and group of one of these names; the first is what to choose.
    Owner(&'static [&'static str]),
}

/// Reports the files that are not as they should be. A node that has no such component has no such file.
pub(super) fn look(object: &Object<'_>, which: &Which, want: &Want, reporter: &mut Reporter<'_, '_>) {
    let Some(data) = Data::of(object) else { return };
    let (Which::One(path) | Which::OneAnd(path, _) | Which::Each(path, _)) = which;
    let Some(found) = data.at(path) else {
        // Of a node without a control plane nothing is missing.
        let parent = path.split_last().map_or(&[][..], |(_, parent)| parent);
        if data.at(parent).is_some_and(|parent| !parent.node.is_null()) && is_relevant(object, &data) {
            reporter.unknown(format!("`{}` of {} `{}`", path.join("."), object.kind, object.name));
        }
        return;
    };
    match which {
        Which::One(_) => {
            if let Some(file) = File::of(found) {
                judge(&file, want, reporter);
            }
        }
        Which::OneAnd(_, other) => {
            for file in [Some(found), data.at(other)].into_iter().flatten().filter_map(File::of) {
                judge(&file, want, reporter);
            }
        }
        Which::Each(_, suffix) => {
            for file in found.items().filter_map(File::of).filter(|file| file.path.ends_with(suffix)) {
                judge(&file, want, reporter);
            }
        }
    }
}

fn is_relevant(object: &Object<'_>, data: &Data<'_>) -> bool {
    object.kind != "ControlPlaneInfo" || data.at(&["APIServerInfo"]).is_some_and(|server| !server.node.is_null())
}

fn judge(file: &File<'_>, want: &Want, reporter: &mut Reporter<'_, '_>) {
    let name = file.name();
    match want {
        Want::Mode(most) => match file.mode() {
            None => reporter.unknown(format!("the permissions of {name}")),
            Some(mode) if mode & 0o7777 & !most == 0 => {}
            Some(mode) => {
                let message = format!("{name} has mode {mode:o}; {most:o} or stricter is asked for");
                let violation = Violation::at(format!("{}/permissions", file.data.pointer), message);
                reporter.report(violation.because(who(mode & !most)).advice(format!("`chmod {most:o} {name}`")));
            }
        },
        Want::Owner(names) => match file.owner() {
            None => reporter.unknown(format!("the owner of {name}")),
            Some(owner) if names.iter().any(|name| owner.is(name)) => {}
            Some(owner) => {
                let wanted = names.first().copied().unwrap_or("root");
                let all: Vec<String> = names.iter().map(|name| format!("{name}:{name}")).collect();
                let message = format!("{name} belongs to {}:{}, not to {}", owner.user, owner.group, all.join(" or "));
                let violation = Violation::at(format!("{}/ownership", file.data.pointer), message);
                reporter.report(violation.advice(format!("`chown {wanted}:{wanted} {name}`")));
            }
        },
    }
}

/// What the bits beyond the wanted ones let whom do, besides those who may do it anyway.
fn who(excess: u32) -> String {
    let others = excess & 0o7;
    let mut all = Vec::new();
    for (whom, bits) in [("its owner", excess >> 6), ("its group", excess >> 3 & !others), ("everybody on the node", others)] {
        let may: Vec<&str> =
            [(4, "read"), (2, "write"), (1, "execute")].iter().filter(|(bit, _)| bits & bit != 0).map(|(_, may)| *may).collect();
        if !may.is_empty() {
            all.push(format!("{whom} may {} it", may.join(" and ")));
        }
    }
    if all.is_empty() { "it runs as its owner or group".to_owned() } else { all.join("; ") }
}

/// A table of checks: one row each.
macro_rules! files {
    ($($name:literal, $severity:ident, $title:literal, $which:expr, $want:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        /// One check a row.
        pub(super) static ALL: &[Check] = &[$(
            Check {
                id: concat!("HOST-", $name),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, "\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Object(&[KIND], |object, reporter| file::look(object, &$which, &$want, reporter)),
            },
        )*];
    };
}
pub(super) use files;

#[cfg(test)]
mod tests {
    use super::who;

    #[test]
    fn what_a_mode_allows() {
        let table = [
            (0o044, "everybody on the node may read it"),
            (0o064, "its group may write it; everybody on the node may read it"),
            (0o030, "its group may write and execute it"),
            (0o100, "its owner may execute it"),
            (0o4000, "it runs as its owner or group"),
        ];
        for (excess, wanted) in table {
            assert_eq!(who(excess), wanted, "{excess:o}");
        }
    }
}
