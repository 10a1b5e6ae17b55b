//! Settings of the kernel that make attacks from a container harder.

use super::data::Data;
use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

/// Where the kernel explains its settings.
const KERNEL: Reference = docs("sysctl/kernel", "https://docs.kernel.org/admin-guide/sysctl/kernel.html");

/// A table of checks: one row each.
macro_rules! variables {
    ($($name:literal, $severity:ident, $title:literal, $key:literal, $least:literal, [$($reference:expr),*], $what:literal, $why:literal;)*) => {
        /// One check a variable.
        pub(super) static ALL: &[Check] = &[$(
            Check {
                id: concat!("HOST-kernel-", $name),
                title: $title,
                severity: Severity::$severity,
                docs: concat!(
                    "## What it detects\nA node whose `kernel.", $key, "` is ", $what,
                    "\n\n## Why it matters\n", $why,
                    "\n\n## How to fix\nPut `kernel.", $key, "=", stringify!($least), "` in a file below `/etc/sysctl.d` and run `sysctl --system`."
                ),
                references: &[KERNEL, $($reference),*],
                run: Run::Object(&["hostdata.kubescape.cloud/LinuxKernelVariables"], |object, reporter| look(object, $key, $least, reporter)),
            },
        )*];
    };
}

variables! {
    "address-space", High, "Kernel does not put programs at random addresses", "randomize_va_space", 2, [mitre("T1068")],
        "less than 2.",
        "With known addresses, a fault in a program that handles memory is much easier to make use of.";
    "bpf", Medium, "Kernel lets everybody load BPF programs", "unprivileged_bpf_disabled", 1, [mitre("T1068"), mitre("T1611")],
        "0.",
        "Faults of the kernel's verifier have let programs loaded by ordinary users, also in containers, become root.";
    "dmesg", Low, "Kernel shows its messages to everybody", "dmesg_restrict", 1, [mitre("T1613")],
        "0.",
        "The kernel's messages hold addresses and names of devices that help whoever attacks it.";
    "pointers", Low, "Kernel shows its addresses to everybody", "kptr_restrict", 1, [mitre("T1068")],
        "0.",
        "Addresses in `/proc/kallsyms` and elsewhere take away what random placement of the kernel gives.";
    "ptrace", Low, "Programs may read the memory of others of the same user", "yama.ptrace_scope", 1, [mitre("T1552.001")],
        "0.",
        "Who breaks into one program of a user reads the keys in the memory of all the others.";
}

/// Reports a variable that is below `least`; one that the kernel does not have is not known.
fn look(object: &Object<'_>, key: &str, least: i64, reporter: &mut Reporter<'_, '_>) {
    let Some((value, pointer)) = variable(object, key) else {
        reporter.unknown(format!("`kernel.{key}` of node `{}`", object.name));
        return;
    };
    match value.parse::<i64>() {
        Ok(number) if number >= least => {}
        Ok(number) => {
            let violation = Violation::at(pointer, format!("`kernel.{key}` is {number}; at least {least} is asked for"));
            reporter.report(violation.advice(format!("`sysctl -w kernel.{key}={least}`, and the same in a file below /etc/sysctl.d")));
        }
        Err(_) => reporter.unknown(format!("`kernel.{key}` of node `{}`: `{value}` is no number", object.name)),
    }
}

/// The value of `kernel.<key>` and the JSON pointer to its entry. The list is the content itself or below `kernelVariables`.
pub(super) fn variable<'a>(object: &Object<'a>, key: &str) -> Option<(&'a str, String)> {
    let data = Data::of(object)?;
    let list = data.at(&["kernelVariables"]).unwrap_or(data);
    let (at, entry) = list.node.items().enumerate().find(|(_, entry)| {
        let source = entry.get("source").map_or("", Node::text);
        match source.strip_prefix("/proc/sys/kernel/") {
            Some(path) => path.len() == key.len() && path.bytes().zip(key.bytes()).all(|(a, b)| a == b || (a, b) == (b'/', b'.')),
            None => entry.get("key").map_or("", Node::text) == key,
        }
    })?;
    Some((entry.get("value")?.text().trim(), format!("{}/{at}/value", list.pointer)))
}
