//! Who may do what, how far that reaches, and the least that is needed.
//!
//! Pure: objects and audit events in, answers out. [`Authorizer`] answers like the API server; [`escalation`] says what the
//! server would refuse to grant; [`graph`] says what rights lead to; [`cut`] says what to take away so that they do not.

mod authorizer;
pub mod cover;
pub mod cut;
pub mod escalation;
pub mod graph;

pub use authorizer::{Authorizer, Decision, Grant};
