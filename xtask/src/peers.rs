//! What peers look for, and which of our checks answer for it: `peers.toml` of the command line, read for the conformance suites and for the docs.

use anyhow::Context;
use plimsoll_model::{Finding, Rule};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Peers by name, with their checks.
#[derive(Deserialize)]
pub(crate) struct Peers(BTreeMap<String, BTreeMap<String, Answer>>);

/// What answers for one check of a peer.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    /// Checks of ours: `ID`, `ID:Kind` or `ID@end-of-pointer`.
    Checks(Vec<String>),
    /// Nothing, and why.
    None(String),
}

/// Where a peer's checks are described.
const HOMES: [(&str, &str); 6] = [
    ("checkov", "https://www.checkov.io/5.Policy%20Index/kubernetes.html"),
    ("kube-linter", "https://docs.kubelinter.io/#/generated/checks"),
    ("kube-score", "https://github.com/zegl/kube-score/blob/master/README_CHECKS.md"),
    ("kubesec", "https://kubesec.io/"),
    ("polaris", "https://polaris.docs.fairwinds.com/checks/security/"),
    ("trivy-checks", "https://avd.aquasec.com/misconfig/kubernetes/"),
];

impl Peers {
    pub(crate) fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../../crates/cli/src/peers/peers.toml")).context("peers.toml")
    }

    /// What answers for a check of a peer; `None` for a check that is not known.
    pub(crate) fn answer(&self, peer: &str, check: &str) -> Option<&Answer> {
        self.0.get(peer)?.get(check)
    }

    /// How many of a peer's checks have an answer, of how many: one line.
    pub(crate) fn coverage(&self, peer: &str) -> String {
        let checks = self.0.get(peer);
        let answered = checks.into_iter().flatten().filter(|(_, answer)| matches!(answer, Answer::Checks(_))).count();
        format!("{peer}: {answered} of {} checks have an answer, the others a reason", checks.map_or(0, BTreeMap::len))
    }

    /// What peers call that which the rule `id` finds: peer, check.
    pub(crate) fn names_of(&self, id: &str) -> Vec<(&str, &str)> {
        let all = self.0.iter().flat_map(|(peer, checks)| checks.iter().map(move |(check, answer)| (peer, check, answer)));
        let is_named = |answer: &Answer| matches!(answer, Answer::Checks(ours) if ours.iter().any(|one| rule_of(one) == id));
        all.filter(|(_, _, answer)| is_named(answer)).map(|(peer, check, _)| (peer.as_str(), check.as_str())).collect()
    }

    /// The page `docs/peers.md`.
    pub(crate) fn page(&self) -> String {
        let mut text = String::from(
            "# What peers look for\n\nEach check of six peers, and which checks here answer for it, or why none does. What is said of whole manifests is compared by `cargo xtask conformance posture`. Tools for RBAC: [access.md](access.md#coming-from-other-tools).\n\n| peer | checks | with an answer |\n| --- | ---: | ---: |\n",
        );
        let mut tables = String::new();
        for (peer, checks) in &self.0 {
            let answered = checks.values().filter(|answer| matches!(answer, Answer::Checks(_))).count();
            text.push_str(&format!("| [{peer}](#{peer}) | {} | {answered} |\n", checks.len()));
            let home = HOMES.iter().find(|(name, _)| name == peer).map_or("", |(_, home)| home);
            tables.push_str(&format!("\n## {peer}\n\n[Its checks]({home}).\n\n| check | here |\n| --- | --- |\n"));
            for (check, answer) in checks {
                let here = match answer {
                    Answer::Checks(ours) => {
                        let mut ids: Vec<&str> = ours.iter().map(|one| rule_of(one)).collect();
                        ids.dedup();
                        ids.iter().map(|id| format!("[{id}](checks/{id}.md)")).collect::<Vec<_>>().join(", ")
                    }
                    Answer::None(why) => why.clone(),
                };
                tables.push_str(&format!("| {check} | {here} |\n"));
            }
        }
        text + &tables
    }

    /// Answers that name a rule which is not there.
    pub(crate) fn unknown(&self, rules: &[Arc<Rule>]) -> Vec<String> {
        let is_known = |id: &str| rules.iter().any(|rule| rule.id == id);
        let all = self.0.values().flat_map(BTreeMap::values);
        let named = all.filter_map(|answer| if let Answer::Checks(ours) = answer { Some(ours) } else { None }).flatten();
        named.filter(|one| !is_known(rule_of(one))).cloned().collect()
    }
}

/// The rule that an answer names.
fn rule_of(answer: &str) -> &str {
    answer.split(['@', ':']).next().unwrap_or(answer)
}

/// Whether a finding is what an answer speaks of.
pub(crate) fn is_answer(answer: &str, finding: &Finding) -> bool {
    if let Some((id, end)) = answer.split_once('@') {
        return finding.rule.id == id && finding.subject.pointer.ends_with(end);
    }
    match answer.split_once(':') {
        Some((id, kind)) => finding.rule.id == id && finding.subject.object.kind == kind,
        None => finding.rule.id == answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_names_a_rule() {
        let rules: Vec<Arc<Rule>> = plimsoll_pod_security::rules()
            .iter()
            .chain(plimsoll_checks::rules())
            .chain(plimsoll_access::rules())
            .chain(plimsoll_network::lint::rules())
            .map(Arc::clone)
            .collect();
        assert_eq!(Peers::read().unwrap().unknown(&rules), Vec::<String>::new());
    }

    #[test]
    fn a_rule_knows_what_peers_call_it() {
        let peers: Peers = toml::from_str("[a]\none = ['X@/end', 'Y']\ntwo = 'no reason'\n[b]\nthree = ['X:Pod']\n").unwrap();
        assert_eq!(peers.names_of("X"), [("a", "one"), ("b", "three")]);
        assert_eq!(peers.coverage("a"), "a: 1 of 2 checks have an answer, the others a reason");
        assert!(peers.page().contains("| two | no reason |"));
    }
}
