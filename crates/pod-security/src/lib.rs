//! The Pod Security Standards, exactly: levels, versions, checks, messages, admission semantics.

mod admission;
mod check;
mod checks;
mod config;
mod decode;
mod evaluate;
mod findings;
mod labels;
mod level;
mod metrics;
mod request;
mod response;
mod words;

pub use admission::{Admission, State};
pub use check::{Check, Forbidden, Versioned};
pub use config::Configuration;
pub use evaluate::{aggregate_detail, aggregate_reason, allows, checks_of, evaluate, strictest, strictest_by_version};
pub use findings::{assess, findings, rules};
pub use labels::{FieldError, Policy};
pub use level::{Level, LevelVersion, Version};
pub use metrics::Metrics;
pub use request::{Named, Request, review};
pub use response::{Cause, Counted, Details, Event, Mode, Response, Status};

/// All checks in the order in which upstream reports them.
pub fn checks() -> &'static [&'static Check] {
    checks::ALL
}
