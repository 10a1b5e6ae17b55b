//! The vocabulary of Plimsoll: documents with source spans, objects, workloads, findings, exceptions, snapshots.
//!
//! No IO, no async, no clock, no client library: everything here is plain data and pure functions over it.

pub mod annotations;
pub mod audit;
mod builder;
mod compliance;
pub mod config;
mod document;
pub mod edit;
pub mod events;
pub mod exceptions;
mod finding;
mod flow;
mod inventory;
mod json;
pub mod lazy;
mod manifest;
pub mod names;
mod nearest;
mod object;
mod plain_yaml;
mod pod;
mod problem;
pub mod rbac;
pub mod resources;
pub mod scalar;
mod snapshot;
mod source;
mod violation;
mod workload;
mod yaml;

pub use compliance::{ControlResult, Framework, Score, ScoreLoss, Status, Unknown};
pub use config::Config;
pub use document::{Document, Limits, Node, Parsed, Value, escape, parse, tokens};
pub use finding::{
    Applicability, AppliedException, ContainerId, EvidenceCommand, Finding, JsonText, ObjectChange, PatchKind, PatchOp, Reference, Related,
    Remediation, Rule, Severity, Subject, Target,
};
pub use flow::{Flow, FlowEnd, FlowEndKind, FlowKey, FlowProtocol, FlowVerdict, Seen};
pub use inventory::{Inventory, is_cluster_scoped, selects};
pub use manifest::manifest;
pub use nearest::nearest;
pub use object::{Object, ObjectId, Owner};
pub use pod::{Capabilities, Container, ContainerKind, HostPort, Pod, SeLinuxOptions, SecurityContext, Volume};
pub use problem::{Problem, ProblemKind};
pub use resources::{ApiResource, ApiResources, NoSuchResource};
pub use snapshot::Snapshot;
pub use source::{Location, Origin, Position, Source, Span};
pub use violation::{Change, Violation, shell_word};
pub use workload::{Workload, WorkloadKind, WorkloadKinds};
#[doc(hidden)]
pub use yaml::compare_readers;
