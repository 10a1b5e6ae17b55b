//! ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2.

use super::{Direction, Policy, Tier, admin, ports, subject};
use plimsoll_model::{Node, Object, Problem, ProblemKind};

/// Reads a ClusterNetworkPolicy.
pub(super) fn read<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Option<Policy<'a>> {
    if object.group() != admin::GROUP {
        return None;
    }
    let node = object.node.at(&["spec", "tier"]);
    let tier = match node.map_or("", Node::text) {
        "Admin" => Tier::Admin,
        "Baseline" => Tier::Baseline,
        other => {
            let message = format!("`{other}` is no tier of a ClusterNetworkPolicy: they are Admin and Baseline; Admin is assumed");
            let place = node.or_else(|| object.node.get("spec")).unwrap_or(object.node);
            problems.push(Problem::at(ProblemKind::Invalid, place, message));
            Tier::Admin
        }
    };
    let priority = admin::priority(object, problems);
    let subject = subject(object, problems)?;
    let ingress = Some(admin::rules(object, Direction::Ingress, "Accept", ports::cluster, problems));
    let egress = Some(admin::rules(object, Direction::Egress, "Accept", ports::cluster, problems));
    Some(Policy { object, tier, priority, subject, ingress, egress })
}
