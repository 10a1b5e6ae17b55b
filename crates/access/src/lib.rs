//! Who may do what, how far that reaches, and the least that is needed.
//!
//! Pure: objects and audit events in, answers out. [`Authorizer`] answers like the API server; [`escalation`] says what the
//! server would refuse to grant; [`graph`] says what rights lead to; [`node`] what kubelets may do;
//! [`impersonation`] who may act as whom.

mod authorizer;
pub mod cover;
pub mod escalation;
mod findings;
pub mod graph;
pub mod impersonation;
pub mod node;

pub use authorizer::{Authorizer, Decision, Grant};
pub use findings::{findings, rules};
