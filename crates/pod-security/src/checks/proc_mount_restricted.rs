//! `procMount_restricted`

use super::proc_mount::{forbid_any, violations_any};
use crate::Level;
use crate::check::{Check, Versioned};
use plimsoll_model::{Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "procMount_restricted",
    level: Level::Restricted,
    versions: &[Versioned { min: 35, overrides: &["procMount"] }],
    title: "Parts of /proc are unmasked",
    severity: Severity::Medium,
    docs: "
## What it detects
A container with `securityContext.procMount` other than `Default`, in a user namespace of its own or not. The check exists since v1.35, when baseline began to allow it together with `hostUsers: false`.

## Why it matters
Inside of a user namespace the unmasked parts of `/proc` belong to an unprivileged user of the node, so less can be done with them. They are still more of the kernel than a service needs.

## How to fix
Remove the field, or run the workload that starts nested containers in a namespace with the baseline level.
",
    references: &[Reference { system: "KEP", id: "4265", url: "https://github.com/kubernetes/enhancements/issues/4265" }],
    forbid: forbid_any,
    violations: violations_any,
};
