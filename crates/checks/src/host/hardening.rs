//! `HOST-no-mandatory-access-control`

use super::data::Data;
use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static ALL: &[Check] = &[Check {
    id: "HOST-no-mandatory-access-control",
    title: "Node has neither AppArmor nor SELinux at work",
    severity: Severity::Medium,
    docs: "
## What it detects
A node on which AppArmor has no profiles loaded and SELinux is missing or only permissive.

## Why it matters
AppArmor's or SELinux's rules hold where everything else has failed: they keep a process that has become root in a container from the node's files. Profiles that pods ask for do nothing on such a node, or the pods do not start.

## How to fix
Boot the kernel with `security=apparmor` and load the runtime's default profile, or set SELinux to enforcing. Most distributions do one of them by default.
",
    references: &[
        docs("apparmor", "https://kubernetes.io/docs/tutorials/security/apparmor/"),
        mitre("T1611"),
        mitre("T1562.001"),
    ],
    run: Run::Object(
        &["hostdata.kubescape.cloud/LinuxSecurityHardeningStatus", "hostdata.kubescape.cloud/LinuxSecurityHardening"],
        look,
    ),
}];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(data) = Data::of(object) else { return };
    let (app_armor, se_linux) = (data.text("appArmor"), data.text("seLinux"));
    // Profiles are one a line; `unloaded` is a kernel without it, `stopped` one that has no profile.
    let app_armor_works = !matches!(app_armor, "" | "unloaded" | "stopped");
    if app_armor_works || se_linux == "enforcing" {
        return;
    }
    if app_armor.is_empty() || !matches!(se_linux, "permissive" | "disabled" | "not found") {
        reporter.unknown(format!("whether SELinux or AppArmor works on `{}`", object.name));
        return;
    }
    let violation = Violation::at(format!("{}/appArmor", data.pointer), format!("neither AppArmor nor SELinux works on `{}`", object.name));
    let violation = violation.because(format!("AppArmor is {app_armor}, SELinux is {se_linux}"));
    reporter.report(violation.advice("load AppArmor's profiles (`security=apparmor`), or set SELinux to enforcing"));
}
