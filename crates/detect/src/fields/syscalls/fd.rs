//! `fd.*`: the descriptor that an event is about.

use super::Row;

pub(super) const FIELDS: &[Row] = &[];
