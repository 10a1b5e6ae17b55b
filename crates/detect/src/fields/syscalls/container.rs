//! `container.*` and `k8s.*`: where.

use super::Row;

pub(super) const FIELDS: &[Row] = &[];
