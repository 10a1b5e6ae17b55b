//! `fs.path.*`: the paths that a call works on, whether it opens them or not.

use super::Row;

pub(super) const FIELDS: &[Row] = &[];
