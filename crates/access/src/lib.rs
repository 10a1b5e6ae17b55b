//! Who may do what, how far that reaches, and the least that is needed.
//!
//! Pure: objects and audit events in, answers out. [`Authorizer`] answers like the API server; [`escalation`] says what the
//! server would refuse to grant; [`graph`] says what rights lead to, [`cut`] what to take away so that they do not;
//! [`node`] what kubelets may do; [`impersonation`] who may act as whom; [`least`] makes the smallest roles of what was used,
//! and [`unused`] says what was not.

pub mod answer;
pub mod audit2rbac;
mod authorizer;
mod can;
pub mod cover;
pub mod cut;
pub mod diff;
pub mod escalation;
mod findings;
pub mod graph;
mod history;
pub mod impersonation;
pub mod least;
pub mod node;
mod observe;
mod question;
mod turns;
pub mod unused;
pub mod usage;
mod ways;
mod who_can;

pub use authorizer::{Authorizer, Decision, Grant};
pub use can::{Allowed, Can, CanDo, Held, HeldRule, Verdict};
pub use diff::Diff;
pub use findings::{findings, rules};
pub use history::{Write, unknown_before, ways_over_time};
pub use question::{Question, Scope};
pub use turns::{TurnKind, WayChange, turns};
pub use ways::{Asked, Because, Opening, Turn, Way, WayStep, Ways, ways};
pub use who_can::{InNamespace, NamedOnly, WhoCan};

/// The JSON schemas of the answers, by the name of their question.
pub fn json_schemas() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("can", schemars::schema_for!(Can).to_value()),
        ("can-do", schemars::schema_for!(CanDo).to_value()),
        ("paths", schemars::schema_for!(Ways).to_value()),
        ("cut", schemars::schema_for!(cut::Cut).to_value()),
        ("diff", schemars::schema_for!(Diff).to_value()),
        ("least", schemars::schema_for!(least::Least).to_value()),
        ("unused", schemars::schema_for!(unused::Unused).to_value()),
        ("who-can", schemars::schema_for!(WhoCan).to_value()),
    ]
}
