//! The Pod Security Standards, exactly: levels, versions, checks, messages, admission semantics.

mod check;
mod checks;
mod evaluate;
mod findings;
mod level;
mod words;

pub use check::{Change, Check, Forbidden, Versioned, Violation};
pub use evaluate::{aggregate_detail, aggregate_reason, allows, checks_of, evaluate, strictest, strictest_by_version};
pub use findings::{assess, findings, rules};
pub use level::{Level, LevelVersion, Version};

/// All checks in the order in which upstream reports them.
pub fn checks() -> &'static [&'static Check] {
    checks::ALL
}
