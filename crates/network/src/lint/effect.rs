//! Rules without effect, and effects without order.

use super::selectors::subject_node;
use super::{Lint, Look, below};
use crate::policy::{Action, Means, Peers, Policy, Ports, Rule, Tier};
use plimsoll_model::{Severity, Violation};

pub(super) static SHADOWED: Lint = Lint {
    id: "NETPOL-shadowed-rule",
    title: "Rule has no effect beside another one",
    severity: Severity::Low,
    detects: "A rule whose peers and ports are all among those of another rule of the same policy: of any rule in a NetworkPolicy, of an earlier one in policies of the cluster.",
    why: "It changes nothing. In policies of the cluster an earlier rule may decide the opposite of what this one was written for.",
    fix: "Remove it, or put it before the rule that hides it.",
    run: |look, found| {
        for policy in &look.world.policies {
            for (direction, at, rule) in policy.all_rules() {
                let rules = policy.rules(direction).unwrap_or_default();
                let by = rules.iter().enumerate().find(|(other, hider)| {
                    let is_first = *other < at;
                    let may = if policy.tier == Tier::NetworkPolicy { *other != at } else { is_first };
                    // Of two that say the same, the second is too many.
                    may && hides(hider, rule) && (is_first || !hides(rule, hider))
                });
                let Some((other, hider)) = by else { continue };
                let what = if policy.tier == Tier::NetworkPolicy || hider.action == rule.action {
                    "says nothing that"
                } else {
                    "is never asked, as all of it is decided by what"
                };
                let message = format!(
                    "{} {} of {} {what} {} {} says",
                    direction.name(),
                    rule.title(at),
                    policy.name(),
                    direction.name(),
                    hider.title(other)
                );
                let mut violation =
                    Violation::at(below(&policy.object, rule.node), message).advice("remove it, or put it before the rule that hides it");
                if hider.action != rule.action {
                    violation = violation.severity(Severity::Medium);
                }
                found.push(&policy.object, violation);
            }
        }
    },
};

/// Whether a rule is about everything that another one is about.
fn hides(hider: &Rule<'_>, rule: &Rule<'_>) -> bool {
    covers_peers(&hider.peers, &rule.peers) && covers_ports(&hider.ports, &rule.ports)
}

fn covers_peers(all: &Peers<'_>, some: &Peers<'_>) -> bool {
    match (all, some) {
        (Peers::Anyone, _) => true,
        (Peers::Listed(_), Peers::Anyone) => false,
        (Peers::Listed(all), Peers::Listed(some)) => {
            !some.is_empty() && some.iter().all(|one| all.iter().any(|other| covers(&other.means, &one.means)))
        }
    }
}

fn covers(all: &Means<'_>, some: &Means<'_>) -> bool {
    match (all, some) {
        (Means::Pods(all), Means::Pods(some)) => {
            all == some || all.is_everyone() || all.namespaces == some.namespaces && all.pods.is_everything()
        }
        (Means::Addresses(all), Means::Addresses(some)) => !some.is_empty() && some.is_subset(all),
        (Means::Nodes(all), Means::Nodes(some)) => all == some || all.is_everything(),
        (Means::Domains(all), Means::Domains(some)) => some.iter().all(|name| all.contains(name)),
        _ => false,
    }
}

fn covers_ports(all: &Ports<'_>, some: &Ports<'_>) -> bool {
    let is_said = some.names.iter().all(|name| all.names.contains(name) || all.numbers.is_all());
    is_said && some.numbers.is_subset(&all.numbers) && !(some.numbers.is_none() && some.names.is_empty())
}

pub(super) static EQUAL_PRIORITY: Lint = Lint {
    id: "NETPOL-equal-priority",
    title: "Two policies of one tier have the same priority",
    severity: Severity::Medium,
    detects: "Two policies of the cluster with the same tier and priority that are about the same pods in the same direction, and do not do the same.",
    why: "Which of them is asked first is not defined: it may differ between network plugins, nodes and restarts.",
    fix: "Give each a priority of its own.",
    run: |look, found| {
        let ordered = || {
            look.world
                .policies
                .iter()
                .filter(|policy| policy.tier != Tier::NetworkPolicy && policy.object.kind != "BaselineAdminNetworkPolicy")
        };
        for (at, policy) in ordered().enumerate() {
            let is_rival =
                |other: &&Policy<'_>| other.tier == policy.tier && other.priority == policy.priority && conflict(look, policy, other);
            let Some(other) = ordered().skip(at + 1).find(is_rival) else { continue };
            let message = format!(
                "{} and {} both have priority {}: which is asked first is not defined",
                policy.name(),
                other.name(),
                policy.priority
            );
            let place = policy.object.node.at(&["spec", "priority"]).unwrap_or_else(|| subject_node(policy));
            let violation = Violation::at(below(&policy.object, place), message).advice("give each a priority of its own");
            found.push(&policy.object, violation.with(&other.object, "/spec/priority"));
        }
    },
};

/// Whether two policies are about the same pods in a direction, and decide differently.
fn conflict(look: &Look<'_, '_>, one: &Policy<'_>, two: &Policy<'_>) -> bool {
    let world = look.world;
    let actions =
        |policy: &Policy<'_>, direction| -> Vec<Action> { policy.rules(direction).into_iter().flatten().map(|rule| rule.action).collect() };
    let differs = crate::policy::Direction::BOTH.into_iter().any(|direction| {
        let (mine, others) = (actions(one, direction), actions(two, direction));
        mine.iter().any(|mine| others.iter().any(|other| mine != other))
    });
    differs
        && world.endpoints.iter().any(|endpoint| {
            let namespace = world.namespace_of(endpoint);
            one.is_about(endpoint, namespace, &world.settings) && two.is_about(endpoint, namespace, &world.settings)
        })
}
