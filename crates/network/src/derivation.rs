//! How policies came to a decision, in words' reach: which of them were asked, and what each said. Plain data, for outputs.

use crate::decide::{Decision, Reason};
use crate::policy::{Action, Direction, Policy, Rule, Tier};
use crate::traffic::Traffic;
use crate::world::World;
use plimsoll_model::Node;
use schemars::JsonSchema;
use serde::Serialize;

/// A place in what was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Place {
    /// The file, or what the user would call the source.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Place {
    /// Of a node.
    pub fn of(node: Node<'_>) -> Self {
        let location = node.location();
        let start = location.start();
        Self { file: location.source.name.clone(), line: start.line, column: start.column }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        // JSON of one line.
        if self.line == 1 && self.column > 1 { write!(f, ":{}", self.column) } else { Ok(()) }
    }
}

/// A policy by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyName {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for kinds of the cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

impl PolicyName {
    pub(crate) fn of(policy: &Policy<'_>) -> Self {
        let object = &policy.object;
        let namespace = if object.is_cluster_scoped() { "" } else { object.effective_namespace() };
        let place = Place::of(object.node.at(&["metadata", "name"]).unwrap_or(object.node));
        Self { kind: object.kind.to_owned(), namespace: namespace.to_owned(), name: object.name.to_owned(), place }
    }
}

impl std::fmt::Display for PolicyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, namespace, name, .. } = self;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleName {
    /// Its place in the list of its direction, counted from 1.
    pub number: usize,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

impl RuleName {
    pub(crate) fn of(at: usize, rule: &Rule<'_>) -> Self {
        Self { number: at + 1, name: rule.name.to_owned(), place: Place::of(rule.node) }
    }
}

impl std::fmt::Display for RuleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rule {}", self.number)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " `{}`", self.name) }
    }
}

/// How the policies of one end came to their decision.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Derivation {
    /// Which end's: those of the source let out (egress), those of the destination let in (ingress).
    pub direction: Direction,
    /// What of the traffic in question passes.
    pub allowed: Traffic,
    /// What of it does not.
    pub denied: Traffic,
    /// What was asked, in order, and what came of it.
    pub steps: Vec<Step>,
}

/// Something that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// When it is asked; none for what holds without policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The policy. None where many are meant together, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The rule, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleName>,
    /// What came of it.
    pub outcome: Outcome,
    /// What it decided about.
    pub traffic: Traffic,
}

/// What came of asking a policy or a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The rule lets it pass.
    Allows,
    /// The rule does not let it pass.
    Denies,
    /// The rule leaves it to later tiers.
    PassesOn,
    /// The rule is about the other end, but not about this traffic.
    OtherPorts,
    /// The rule is about the other end, and names ports that the destination does not declare.
    NoSuchPort,
    /// The rule is about this traffic, but something before it decided.
    DecidedBefore,
    /// No rule of the policy is about the other end.
    OtherPeers,
    /// The policy has no rule.
    NoRules,
    /// NetworkPolicies select the pods, and none of their rules allows it.
    Isolated,
    /// No policy says anything about it: it passes.
    Default,
    /// It does not leave the pod, or stays between a pod and its node: it passes.
    Inside,
    /// The ends are in different networks: nothing passes, whatever policies say.
    Apart,
}

impl Derivation {
    /// Of a decision about `asked` traffic.
    pub fn new(world: &World<'_>, decision: &Decision, direction: Direction, asked: &Traffic) -> Self {
        let allowed = decision.allowed.intersection(asked);
        let denied = asked.difference(&allowed);
        Self { direction, allowed, denied, steps: steps(world, decision, direction, asked) }
    }
}

impl Step {
    /// Where it stands: the rule, or else the policy.
    pub fn place(&self) -> Option<&Place> {
        self.rule.as_ref().map(|rule| &rule.place).or_else(|| self.policy.as_ref().map(|policy| &policy.place))
    }
}

/// What would have to change so that traffic passes: the nearest thing, where there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nearest {
    /// Which end's policies stand against it.
    pub direction: Direction,
    /// What would have to be done.
    pub change: Change,
    /// When the policy is asked.
    pub tier: Tier,
    /// The policy to change.
    pub policy: PolicyName,
    /// Its rule; none where it needs another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleName>,
    /// What would pass then, as far as this end is concerned.
    pub traffic: Traffic,
}

/// What would have to be done to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// The rule would have to deny less.
    DenyLess,
    /// The rule, which is about the other end already, would have to allow more ports.
    AllowPorts,
    /// The destination would have to declare the port that the rule names.
    DeclarePort,
    /// A rule of the policy would have to be about the other end.
    AllowPeer,
    /// The policy would need a rule.
    AddRule,
}

impl Nearest {
    /// The least changes that let pass what a derivation denies.
    pub fn of(derivation: &Derivation) -> Vec<Self> {
        let change = |step: &Step, change, traffic: &Traffic| {
            let rule = step.rule.clone();
            let (direction, tier, policy) = (derivation.direction, step.tier?, step.policy.clone()?);
            Some(Self { direction, change, tier, policy, rule, traffic: traffic.clone() })
        };
        let mut changes = Vec::new();
        for step in &derivation.steps {
            match step.outcome {
                Outcome::Denies => changes.extend(change(step, Change::DenyLess, &step.traffic)),
                Outcome::Isolated => {
                    let of_tier = derivation.steps.iter().filter(|step| step.tier == Some(Tier::NetworkPolicy) && step.policy.is_some());
                    let best = of_tier.filter_map(|step| Some((nearness(step.outcome)?, step))).min_by_key(|((cost, _), _)| *cost);
                    changes.extend(best.and_then(|((_, what), found)| change(found, what, &step.traffic)));
                }
                _ => {}
            }
        }
        changes
    }
}

/// How much would have to change for a policy to allow what none of them does: less is nearer.
fn nearness(outcome: Outcome) -> Option<(u8, Change)> {
    match outcome {
        Outcome::NoSuchPort => Some((0, Change::DeclarePort)),
        Outcome::OtherPorts | Outcome::Allows => Some((1, Change::AllowPorts)),
        Outcome::OtherPeers => Some((2, Change::AllowPeer)),
        Outcome::NoRules => Some((3, Change::AddRule)),
        _ => None,
    }
}

fn steps(world: &World<'_>, decision: &Decision, direction: Direction, asked: &Traffic) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut reasons = decision.reasons.iter().peekable();
    for at in &decision.asked {
        let Some(policy) = world.policies.get(*at) else { continue };
        let step = |rule, outcome, traffic| Step { tier: Some(policy.tier), policy: Some(PolicyName::of(policy)), rule, outcome, traffic };
        let mut is_about = false;
        while let Some(Reason::Rule { rule: index, action, meant, traffic, .. }) =
            reasons.next_if(|reason| matches!(reason, Reason::Rule { policy, .. } if policy == at))
        {
            is_about = true;
            let Some(rule) = policy.rule(direction, *index) else { continue };
            let traffic = traffic.intersection(asked);
            let outcome = match action {
                _ if traffic.is_none() => idle(rule, meant, asked),
                Action::Accept => Outcome::Allows,
                Action::Deny => Outcome::Denies,
                Action::Pass => Outcome::PassesOn,
            };
            steps.push(step(Some(RuleName::of(*index, rule)), outcome, traffic));
        }
        let is_empty = policy.rules(direction).is_none_or(<[_]>::is_empty);
        // Without rules, a NetworkPolicy says that nothing may pass; others say nothing.
        if !is_about && (!is_empty || policy.tier == Tier::NetworkPolicy) {
            steps.push(step(None, if is_empty { Outcome::NoRules } else { Outcome::OtherPeers }, Traffic::none()));
        }
        // What none of them allowed stands behind the last of them.
        if let Some(Reason::Isolated { traffic, .. }) =
            reasons.next_if(|reason| matches!(reason, Reason::Isolated { policies, .. } if policies.last() == Some(at)))
        {
            steps.push(bare(Some(Tier::NetworkPolicy), Outcome::Isolated, traffic.intersection(asked)));
        }
    }
    for reason in reasons {
        match reason {
            Reason::Default { traffic } => steps.push(bare(None, Outcome::Default, traffic.intersection(asked))),
            Reason::Apart => steps.push(bare(None, Outcome::Apart, asked.clone())),
            Reason::Inside => steps.push(bare(None, Outcome::Inside, asked.clone())),
            Reason::Rule { .. } | Reason::Isolated { .. } => {}
        }
    }
    // Nothing of what was asked may be left to the default, or denied.
    steps.retain(|step| step.policy.is_some() || !step.traffic.is_none());
    steps
}

fn bare(tier: Option<Tier>, outcome: Outcome, traffic: Traffic) -> Step {
    Step { tier, policy: None, rule: None, outcome, traffic }
}

/// Why a rule about these ends decides nothing.
fn idle(rule: &Rule<'_>, meant: &Traffic, asked: &Traffic) -> Outcome {
    if !meant.intersection(asked).is_none() {
        Outcome::DecidedBefore
    } else if meant.is_none() && !rule.ports.names.is_empty() {
        Outcome::NoSuchPort
    } else {
        Outcome::OtherPorts
    }
}
