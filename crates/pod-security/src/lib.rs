//! The Pod Security Standards, exactly: levels, versions, checks, messages, admission semantics.

mod evaluate;
mod level;

pub use evaluate::{Forbidden, aggregate_detail, aggregate_reason, evaluate};
pub use level::{Level, LevelVersion, Version};
