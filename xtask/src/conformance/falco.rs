//! Falco's own tests, as data: rules, captures, audit events.
