//! `POD-sudo`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-sudo",
    title: "Command runs sudo",
    severity: Severity::Medium,
    docs: "
## What it detects
The word `sudo` in a container's `command` or `args`.

## Why it matters
The program runs as a user, and becomes root by itself: what the manifest says of the user is not true, and `allowPrivilegeEscalation` has to stay on.

## How to fix
Run as the user that the program needs, and give the capability that it needs.
",
    references: &[kubescape("C-0062"), mitre("T1548")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for field in ["command", "args"] {
        for (at, word) in container.at(&[field]).into_iter().flat_map(Node::items).enumerate() {
            if word.text().split(|one: char| one.is_whitespace() || ";&|".contains(one)).any(|word| word.rsplit('/').next() == Some("sudo"))
            {
                let violation =
                    Violation::of_container(&workload.pod, index, &format!("/{field}/{at}"), |name| format!("{name} runs sudo"));
                const CURE: &str = "run as the user that it needs";
                let needs = "which user and which capabilities the command needs";
                reporter.report(match without_sudo(word.text()) {
                    Some(command) if !command.is_empty() => violation.cured_by(CURE, Some(command.into())).needs(needs).probed_by("id"),
                    Some(_) if container.at(&[field]).is_some_and(|words| words.items().count() > at + 1) => {
                        violation.cured_by(CURE, None).needs(needs).probed_by("id")
                    }
                    _ => violation.advice(CURE),
                });
            }
        }
    }
}

/// A command line without `sudo`; `None` where it is given options, whose meaning is lost without it.
fn without_sudo(line: &str) -> Option<String> {
    let is_sudo = |word: &str| word.rsplit('/').next() == Some("sudo");
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let end = rest.find(|one: char| one.is_whitespace() || ";&|".contains(one)).unwrap_or(rest.len());
        let (word, more) = rest.split_at_checked(end)?;
        if is_sudo(word) {
            rest = more.trim_start_matches([' ', '\t']);
            if rest.starts_with('-') {
                return None;
            }
        } else {
            plain.push_str(word);
            rest = more;
        }
        let Some(separator) = rest.chars().next() else { return Some(plain) };
        if !is_sudo(word) || separator.is_whitespace() || ";&|".contains(separator) {
            plain.push(separator);
            rest = rest.get(separator.len_utf8()..)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_sudo;

    #[test]
    fn commands_without_sudo() {
        assert_eq!(without_sudo("sudo printenv").as_deref(), Some("printenv"));
        assert_eq!(
            without_sudo("cd /tmp && /usr/bin/sudo  ls -l | sudo tee x; echo pseudo").as_deref(),
            Some("cd /tmp && ls -l | tee x; echo pseudo")
        );
        assert_eq!(without_sudo("/usr/bin/sudo").as_deref(), Some(""));
        assert_eq!(without_sudo("sudo -u app run"), None);
    }
}
