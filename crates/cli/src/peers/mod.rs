//! Which of our checks answers for a check of a peer.

use plimsoll_model::{Finding, Rule};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// What answers for each check of each peer. Of TOML, the file uses tables, strings and lists of strings in one line.
static ANSWERS: LazyLock<BTreeMap<&str, BTreeMap<&str, Vec<Answer>>>> = LazyLock::new(|| {
    let mut answers: BTreeMap<&str, BTreeMap<&str, Vec<Answer>>> = BTreeMap::new();
    let mut peer = "";
    for line in include_str!("peers.toml").lines().chain(include_str!("libraries.toml").lines()) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            peer = name;
        } else if let Some((check, list)) = line.split_once(" = [") {
            let ids = list.split('"').skip(1).step_by(2);
            answers.entry(peer).or_default().insert(check.trim_matches('"'), ids.map(Answer::read).collect());
        }
    }
    // Kubescape's controls are references of the checks themselves.
    for rule in rules() {
        for reference in rule.references.iter().filter(|reference| reference.system == "KUBESCAPE") {
            answers.entry("kubescape").or_default().entry(reference.id).or_default().push(Answer::read(&rule.id));
        }
    }
    answers
});

/// The rules of all engines that are built in.
fn rules() -> impl Iterator<Item = &'static Arc<Rule>> {
    plimsoll_pod_security::rules()
        .iter()
        .chain(plimsoll_checks::rules())
        .chain(plimsoll_access::rules())
        .chain(plimsoll_network::lint::rules())
}

/// A check of ours, or a part of what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    /// The check.
    pub(crate) id: &'static str,
    /// The kind of the objects that the answer is about; empty for all.
    pub(crate) kind: &'static str,
    /// What the pointer of a finding ends in; empty for all.
    pub(crate) end: &'static str,
}

impl Answer {
    /// `ID`, `ID:Kind` or `ID@end-of-pointer`.
    fn read(text: &'static str) -> Self {
        let (text, end) = text.split_once('@').unwrap_or((text, ""));
        let (id, kind) = text.split_once(':').unwrap_or((text, ""));
        Self { id, kind, end }
    }

    /// Whether `finding` is what the peer's check finds.
    fn is(&self, finding: &Finding) -> bool {
        finding.rule.id == self.id
            && (self.kind.is_empty() || finding.subject.object.kind == self.kind)
            && finding.subject.pointer.ends_with(self.end)
    }
}

/// What answers for the check `check` of `peer` (`checkov`, `gatekeeper`, `kube-linter`, `kube-score`, `kubescape`, `kubesec`,
/// `kyverno`, `polaris`, `trivy-checks`). Nothing where nothing does.
pub(crate) fn answers(peer: &str, check: &str) -> &'static [Answer] {
    ANSWERS.get(peer).and_then(|checks| checks.get(check)).map(Vec::as_slice).unwrap_or_default()
}

/// Every check of `peer` that something answers for.
pub(crate) fn checks(peer: &str) -> impl Iterator<Item = (&'static str, &'static [Answer])> {
    ANSWERS.get(peer).into_iter().flatten().map(|(check, answers)| (*check, answers.as_slice()))
}

/// Whether `finding` is what a check of `peer` finds; any of its checks, where `check` is empty.
pub(crate) fn finds(peer: &str, check: &str, finding: &Finding) -> bool {
    let found = |answers: &[Answer]| answers.iter().any(|answer| answer.is(finding));
    if check.is_empty() { checks(peer).any(|(_, answers)| found(answers)) } else { found(answers(peer, check)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_have_answers() {
        let table = [
            ("checkov", "CKV_K8S_16", "PSS-privileged", "", ""),
            ("kube-linter", "host-pid", "PSS-hostNamespaces", "", "hostPID"),
            ("kubescape", "C-0057", "PSS-privileged", "", ""),
            ("polaris", "clusterrolebindingClusterAdmin", "RBAC-cluster-admin", "ClusterRoleBinding", ""),
        ];
        for (peer, check, id, kind, end) in table {
            assert!(answers(peer, check).contains(&Answer { id, kind, end }), "{peer} {check}");
        }
        assert!(answers("checkov", "CKV_K8S_32").is_empty() && answers("nobody", "X").is_empty());
        assert!(checks("trivy-checks").count() > 100);
    }

    #[test]
    fn what_answers_for_a_library_is_there() {
        for (policy, answers) in checks("kyverno").chain(checks("gatekeeper")) {
            for answer in answers {
                assert!(rules().any(|rule| rule.id == answer.id), "{policy}: {}", answer.id);
            }
        }
    }
}
