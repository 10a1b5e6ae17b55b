//! Built-in posture checks: one file each, dispatched by what they look at, over one walk of the objects.
//!
//! A check is a `static` [`Check`] in a file of its own: what it is, its page, and the function that looks. The
//! function is given one input (a workload, a container, an object, a grant of RBAC, a control plane component) and a
//! [`Reporter`](reporter::Reporter) with the indexes; it says what is wrong, and what it could not know.

mod assess;
mod base64;
mod check;
mod cloud;
mod cluster;
mod component;
mod control_plane;
mod cures;
mod exposure;
mod facts;
mod frameworks;
mod grants;
mod host;
mod image;
mod isolation;
mod network;
mod parameters;
mod pod;
mod quantity;
mod rbac;
mod registry;
mod reliability;
mod reporter;
mod resources;
mod score;
mod secrets;
mod version;

pub use assess::{Assessment, Surroundings, Tally, assess, assess_after, assess_by};
pub use check::Check;
pub use frameworks::{FRAMEWORKS, Framework, framework, kubescape_base_score};
pub use parameters::{PARAMETERS, Parameter, ParameterError, Parameters};
pub use registry::{DOMAINS, checks, rules};
pub use resources::Resources;
pub use score::{Outcome, judge, judge_own, score};
