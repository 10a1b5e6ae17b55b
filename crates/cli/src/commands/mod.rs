//! The subcommands, a file each.

pub(crate) mod access;
pub(crate) mod completions;
pub(crate) mod detect;
pub(crate) mod diff;
pub(crate) mod exceptions;
pub(crate) mod explain;
pub(crate) mod fix;
pub(crate) mod net;
pub(crate) mod policy;
pub(crate) mod psa;
pub(crate) mod rules;
pub(crate) mod scan;
pub(crate) mod snapshot;
