//! MultiNetworkPolicy of k8s.cni.cncf.io/v1beta1: what NetworkPolicy says, for networks that pods are attached to beside their first.

use super::{Policy, network_policy};
use plimsoll_model::{Node, Object, Problem, ProblemKind};

/// The annotation that names the networks that a policy is for.
const POLICY_FOR: &str = "k8s.v1.cni.cncf.io/policy-for";

/// Reads one, with the namespace and name of what defines its networks.
pub(super) fn read<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Option<(Vec<(String, String)>, Policy<'a>)> {
    if object.group() != "k8s.cni.cncf.io" {
        return None;
    }
    let annotation = object.node.at(&["metadata", "annotations"]).and_then(|all| all.get(POLICY_FOR));
    let mut names = Vec::new();
    for name in annotation.map_or("", Node::text).split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (namespace, name) = name.split_once('/').unwrap_or((object.effective_namespace(), name));
        names.push((namespace.to_owned(), name.to_owned()));
    }
    if names.is_empty() {
        let message = format!("the MultiNetworkPolicy `{}` names no network: it holds for none", object.name);
        let problem = Problem::at(ProblemKind::Invalid, annotation.unwrap_or(object.node), message);
        problems.push(problem.help(format!("name them in the annotation `{POLICY_FOR}`, as in `namespace/network`")));
    }
    Some((names, network_policy::read_spec(object, problems)))
}
