//! Derivations in words: who was asked, and what came of it.

use plimsoll_network::Traffic;
use plimsoll_network::derivation::{Change, Derivation, Nearest, Outcome, Step};
use plimsoll_network::policy::{Direction, Tier};
use plimsoll_report::terminal;
use std::fmt::Write;

/// The ends that a derivation is about.
pub(super) struct Between<'b> {
    from: &'b str,
    to: &'b str,
}

impl<'b> Between<'b> {
    /// Of what they are called; long names are not repeated in each line.
    pub(super) fn new(from: &'b str, to: &'b str) -> Self {
        const LONG: usize = 60;
        let short = |name: &'b str, other: &'b str| if name.len() > LONG { other } else { name };
        Self { from: short(from, "the source"), to: short(to, "the destination") }
    }

    /// Whose policies they are, and who is at the other end.
    pub(super) fn sides(&self, direction: Direction) -> (&'b str, &'b str) {
        match direction {
            Direction::Egress => (self.from, self.to),
            Direction::Ingress => (self.to, self.from),
        }
    }
}

/// Puts text together, line by line.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{:indent$}{}", "", terminal(text));
    }

    pub(super) fn gap(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// All steps, tier by tier.
    pub(super) fn derivation(&mut self, indent: usize, derivation: &Derivation, between: &Between<'_>) {
        let (subject, peer) = between.sides(derivation.direction);
        let head = match (derivation.allowed.is_none(), derivation.denied.is_none()) {
            (_, true) => "allowed".to_owned(),
            (true, false) => "denied".to_owned(),
            (false, false) => format!("allowed {}, the rest denied", derivation.allowed),
        };
        let name = match derivation.direction {
            Direction::Egress => "egress from",
            Direction::Ingress => "ingress to",
        };
        self.line(indent, &format!("{name} {subject}: {head}"));
        for steps in derivation.steps.chunk_by(|one, two| one.tier == two.tier) {
            let of = steps.first().and_then(|step| step.tier);
            if let Some(of) = of {
                self.line(indent + 2, tier(of));
            }
            let indent = if of.is_some() { indent + 4 } else { indent + 2 };
            steps.iter().for_each(|step| self.step(indent, step, subject, peer));
        }
    }

    fn step(&mut self, indent: usize, step: &Step, subject: &str, peer: &str) {
        let place = step.place().map_or_else(String::new, |place| format!(" ({place})"));
        self.line(indent, &format!("{}{}{place}", who(step), said(step, subject, peer)));
    }

    /// A step by itself.
    pub(super) fn reason(&mut self, indent: usize, direction: Direction, step: &Step, between: &Between<'_>) {
        let (subject, peer) = between.sides(direction);
        let place = step.place().map_or_else(String::new, |place| format!(" ({place})"));
        self.line(indent, &format!("{:<9}{}{}{place}", direction.name(), who(step), said(step, subject, peer)));
    }

    /// What would have to change.
    pub(super) fn nearest(&mut self, indent: usize, nearest: &[Nearest], between: &Between<'_>) {
        if nearest.is_empty() {
            return;
        }
        self.line(indent, "to let it pass:");
        for one in nearest {
            let (_, peer) = between.sides(one.direction);
            let Nearest { policy, rule, traffic, direction, .. } = one;
            let place = rule.as_ref().map_or(&policy.place, |rule| &rule.place);
            let rule = rule.as_ref().map_or_else(String::new, |rule| format!(", {rule},"));
            let field = if *direction == Direction::Egress { "to" } else { "from" };
            let rest = match one.change {
                Change::DenyLess if one.tier == Tier::Baseline => {
                    format!("{rule} denies {}: a NetworkPolicy that selects the pods and allows it would come before", ports(traffic))
                }
                Change::DenyLess => format!("{rule} would have to stop to deny {}", ports(traffic)),
                Change::AllowPorts => format!("{rule} would have to allow {}", ports(traffic)),
                Change::DeclarePort => format!("{rule} names a port that {} does not declare", between.to),
                Change::AllowPeer => format!(" would need a rule with {peer} in `{field}`, for {}", ports(traffic)),
                Change::AddRule => format!(", or a policy beside it, would need a rule with {peer} in `{field}`, for {}", ports(traffic)),
            };
            self.line(indent + 2, &format!("{}: {policy}{rest} ({place})", direction.name()));
        }
    }
}

/// Traffic within a sentence.
pub(super) fn ports(traffic: &Traffic) -> String {
    if traffic.is_all() { "everything".to_owned() } else { traffic.to_string() }
}

/// What a tier is called.
pub(super) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Admin => "admin tier",
        Tier::NetworkPolicy => "network policies",
        Tier::Baseline => "baseline tier",
    }
}

/// The policy and its rule.
fn who(step: &Step) -> String {
    match (&step.policy, &step.rule) {
        (Some(policy), Some(rule)) => format!("{policy}, {rule}, "),
        (Some(policy), None) => format!("{policy} "),
        (None, _) => String::new(),
    }
}

/// What came of it.
pub(super) fn said(step: &Step, subject: &str, peer: &str) -> String {
    let traffic = ports(&step.traffic);
    match step.outcome {
        Outcome::Allows => format!("allows {traffic}"),
        Outcome::Denies => format!("denies {traffic}"),
        Outcome::PassesOn => format!("passes on {traffic}"),
        Outcome::OtherPorts => format!("is about {peer}, but about other ports"),
        Outcome::NoSuchPort => format!("is about {peer}, but names a port that the destination does not declare"),
        Outcome::DecidedBefore => format!("is about {peer}, but all that it is about was decided before"),
        Outcome::OtherPeers => format!("selects {subject}, and no rule of it is about {peer}"),
        Outcome::NoRules => format!("selects {subject}, and has no rule"),
        Outcome::Isolated => format!("denied, as policies select {subject} and no rule allows it: {traffic}"),
        Outcome::Default => format!("allowed, as no policy decides about it: {traffic}"),
        Outcome::Apart => "denied, as they are in different networks".to_owned(),
        Outcome::Inside => format!("allowed, as it does not leave the pod or its node: {traffic}"),
    }
}
