//! `HOST-cve-2022-0185`

use super::kernel_variables::variable;
use crate::check::reference::{cve, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[Check] = &[Check {
    id: "HOST-cve-2022-0185",
    title: "Kernel lets a container out by its file system context",
    severity: Severity::High,
    docs: "
## What it detects
A Linux node whose kernel is from 5.1 on and before the fix of CVE-2022-0185 (5.4.173, 5.10.93, 5.15.16, 5.16.2; Azure's 5.4.0-1067), where users without rights may make user namespaces. Kernels of other distributions carry the fix in builds of their own; their numbers do not tell, and the node is reported.

## Why it matters
A process that may make a user namespace writes beyond a buffer of the kernel and becomes root on the node (CVE-2022-0185).

## How to fix
Update the kernel, or set `kernel.unprivileged_userns_clone=0` where nobody needs it.
",
    references: &[
        cve("CVE-2022-0185", "https://nvd.nist.gov/vuln/detail/CVE-2022-0185"),
        kubescape("C-0079"),
        mitre("T1611"),
    ],
    run: Run::Object(&["Node", "hostdata.kubescape.cloud/LinuxKernelVariables"], look),
}];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.kind == "Node" {
        let info = |key| object.node.at(&["status", "nodeInfo", key]).map_or("", Node::text);
        if matches!(info("operatingSystem"), "linux" | "") {
            let clone = reporter.inventory.find("LinuxKernelVariables", "", object.name);
            let clone = clone.and_then(|variables| Some(variable(&variables, CLONE)?.0));
            judge(object, info("kernelVersion"), "/status/nodeInfo/kernelVersion", clone, reporter);
        }
    } else if reporter.inventory.find("Node", "", object.name).is_none()
        && let Some((release, place)) = variable(object, "osrelease")
    {
        judge(object, release, &place, variable(object, CLONE).map(|(value, _)| value), reporter);
    }
}

/// Whether users without rights may make user namespaces: Debian's and Ubuntu's kernels have this setting.
const CLONE: &str = "unprivileged_userns_clone";

fn judge(object: &Object<'_>, release: &str, place: &str, clone: Option<&str>, reporter: &mut Reporter<'_, '_>) {
    let Some(Release { major, minor, patch, .. }) = Release::parse(release).filter(Release::is_vulnerable) else { return };
    match clone {
        Some("0") => {}
        Some(value) => {
            let violation = Violation::at(place, format!("kernel {major}.{minor}.{patch} is from before the fix of CVE-2022-0185"));
            let violation = violation.because(format!("`kernel.{CLONE}` is {value}"));
            reporter.report(violation.advice(format!("update the kernel, or set `kernel.{CLONE}=0`")));
        }
        None => reporter.unknown(format!("`kernel.{CLONE}` of node `{}`", object.name)),
    }
}

/// A kernel release such as `5.4.0-1067-azure`.
struct Release<'t> {
    major: u32,
    minor: u32,
    patch: u32,
    build: Option<u32>,
    flavour: &'t str,
}

impl<'t> Release<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let mut numbers = parts.next()?.split('.').map(|number| number.parse::<u32>().ok());
        let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0));
        let build = parts.next().and_then(|build| build.parse().ok());
        Some(Self { major, minor, patch, build, flavour: parts.next().unwrap_or("") })
    }

    fn is_vulnerable(&self) -> bool {
        if self.major != 5 || !(1..=16).contains(&self.minor) {
            return false;
        }
        if self.flavour == "azure" && (self.minor, self.patch) == (4, 0) {
            return self.build.is_none_or(|build| build < 1067);
        }
        let fixed = match self.minor {
            4 => 173,
            10 => 93,
            15 => 16,
            16 => 2,
            _ => u32::MAX,
        };
        self.patch < fixed
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn releases() {
        let table = [
            ("5.13.0-40-generic", true),
            ("5.0.21", false),
            ("5.1", true),
            ("5.4.173", false),
            ("5.4.172-gentoo", true),
            ("5.4.0-1067-azure", false),
            ("5.4.0-1066-azure", true),
            ("5.16.2", false),
            ("5.17.0", false),
            ("4.18.0-348.el8.x86_64", false),
            ("6.8.0-45-generic", false),
        ];
        for (text, wanted) in table {
            assert_eq!(Release::parse(text).is_some_and(|release| release.is_vulnerable()), wanted, "{text}");
        }
        assert!(Release::parse("").is_none() && Release::parse("x.y").is_none());
    }
}
