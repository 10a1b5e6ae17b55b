//! Findings to outputs.
