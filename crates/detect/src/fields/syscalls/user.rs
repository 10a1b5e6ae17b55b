//! `user.*` and `group.*`: as whom.

use super::Row;

pub(super) const FIELDS: &[Row] = &[];
