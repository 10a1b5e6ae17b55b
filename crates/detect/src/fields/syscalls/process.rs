//! `proc.*` and `thread.*`: who made an event.

use super::Row;

pub(super) const FIELDS: &[Row] = &[];
