//! Flags of `kube-scheduler`.

use super::flag::{self, Want, flags};
use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Component, Run};
use plimsoll_model::Severity;

const COMPONENT: Component = Component::Scheduler;

flags! {
    BIND_ADDRESS: "scheduler-bind-address", Medium, "Scheduler listens beyond the node",
        Want::Is("bind-address", "127.0.0.1", "0.0.0.0"), [cis("1.4.2"), kubescape("C-0152")],
        "A scheduler whose `--bind-address` is not `127.0.0.1`; without the flag it is all addresses.",
        "Its metrics and, if profiling is on, its memory are served there to whoever reaches the node.",
        "Set `--bind-address=127.0.0.1`. Let whatever collects metrics run on the node or go through an authenticating proxy.";
    PROFILING: "scheduler-profiling", Low, "Scheduler serves profiles",
        Want::Is("profiling", "false", "true"), [cis("1.4.1"), kubescape("C-0151")],
        "A scheduler whose `--profiling` is not `false`; it is on without the flag.",
        "Profiles show what the program holds and take processor time that anybody who reaches the port can ask for.",
        "Set `--profiling=false`, and turn it on for as long as something is being looked for.";
}
