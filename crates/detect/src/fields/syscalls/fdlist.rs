//! `fdlist.*`: the descriptors that `poll` waits for.

use super::Row;

pub(super) const FIELDS: &[Row] = &[];
