//! The ways in which rights become more rights: one row each.
//!
//! Sources: Kubernetes documentation, *Role Based Access Control Good Practices*; the API server's own checks for `escalate`,
//! `bind`, `impersonate` and `approve`; MITRE ATT&CK for the techniques. A rule's wildcards count as each name that they stand
//! for; `resourceNames` do not restrict what a request does not name (`create`).

pub use super::table::PRIMITIVES;
use plimsoll_model::rbac::{Rule, url_covers};
use std::collections::HashMap;
use std::sync::LazyLock;

/// One way.
#[derive(Debug)]
pub struct Primitive {
    /// A stable name: `create-pods`.
    pub name: &'static str,
    /// What somebody may do who has it, after a subject: `may create pods`.
    pub may: &'static str,
    /// What comes of it, as a sentence.
    pub why: &'static str,
    /// The technique of MITRE ATT&CK.
    pub technique: &'static str,
    /// What has to be granted: all of them, to the same subject. The first says what it is done to.
    pub needs: &'static [Need],
    /// What it leads to.
    pub effect: Effect,
}

/// What has to be granted: one of several rights.
#[derive(Debug)]
pub struct Need {
    /// One of these.
    pub rights: &'static [Right],
    /// Where it has to be granted.
    pub place: Place,
}

/// Where a right has to be granted to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anywhere; what comes of it comes of it there.
    Anywhere,
    /// In the whole cluster: it is about what has no namespace.
    Cluster,
    /// In this namespace, or in all.
    Namespace(&'static str),
}

/// A right: some of the verbs on some of the resources.
#[derive(Debug)]
pub struct Right {
    /// One of these verbs. `*` asks for all of them, `a:*` for any that starts with `a:`.
    pub verbs: &'static [&'static str],
    /// On one of these resources, by their API group. No resources means any of the
    /// group, of the group `*` any at all; `resource/*` any subresource of the
    /// resource; the group [`PATHS`] means paths of the API server.
    pub on: &'static [(&'static str, &'static [&'static str])],
    /// Only objects of these names matter; empty for all.
    pub names: &'static [&'static str],
}

/// In place of an API group: what is asked for are paths, not resources.
pub const PATHS: &str = "/";

/// What somebody gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Everything in the scope.
    Everything,
    /// The roles that the rule names, or all of the kinds that it is about.
    Roles,
    /// To act as service accounts of the scope: those that the rule names, or all.
    Accounts,
    /// To act as users: those that the rule names, or all.
    Users,
    /// To act as groups: those that the rule names, or `system:masters`.
    Groups,
    /// A client certificate for any user in any group, of kubelets too, but `system:masters`, which the API server refuses.
    Certificates,
    /// The same, for whoever has the signer's key besides.
    SignedCertificates,
    /// What others may do, for the verbs that `impersonate-on` names.
    AsOthers,
    /// Code in running pods of the scope: those that the rule names, or all.
    Code,
    /// The same in containers that are added, which may be privileged where nothing refuses such pods.
    AddedCode,
    /// The same over a WebSocket that a `get` opens, which API servers before 1.35 let it.
    CodeByGet,
    /// Code in running pods of the scope, by making them run on a node that one is root on.
    StolenPods,
    /// New pods in the scope: as any of its service accounts, with any of its Secrets, on the node if nothing refuses them.
    Pods,
    /// The contents of Secrets of the scope: those that the rule names, or all.
    Secrets,
    /// Tokens of any service account of the scope, written into Secrets that are there.
    TokenSecrets,
    /// Root on a node, whatever Pod Security says.
    Machines,
    /// To act as a node of one's choice.
    Nodes,
    /// The same through a token that machines join by.
    JoiningNodes,
    /// The kubelet's API: code in every pod of the nodes that the rule names, or of all.
    Kubelets,
    /// Every object on its way in: pods are changed, Secrets are read.
    Admission,
    /// The administrators' group, through the mapping of cloud identities.
    CloudMapping,
    /// A cloud identity of one's choice, through an annotation.
    CloudIdentity,
    /// What a controller does with what it is told, by its own rights.
    Deputy(&'static Deputy),
    /// Something bad that leads no further here: takes traffic, hides traces, denies service, or lacks one more right.
    Harm,
}

/// A controller that acts for whoever writes its objects.
#[derive(Debug, PartialEq, Eq)]
pub struct Deputy {
    /// What it is called.
    pub title: &'static str,
    /// The service accounts that it runs as in the project's own manifests.
    pub accounts: &'static [&'static str],
    /// What has to hold beside, where it does not do everything that it is told.
    pub only_if: Option<&'static str>,
}

/// What rights somebody has by one rule, of those that a primitive needs.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// What is had a part of.
    pub primitive: &'static Primitive,
    /// The place in its needs.
    pub need: u8,
    /// The place of the rule among the role's rules.
    pub rule: u32,
}

impl Primitive {
    /// The one of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRIMITIVES.iter().find(|primitive| primitive.name == name)
    }

    /// The API groups of custom resources that it is about; none where it is about resources of Kubernetes itself too.
    pub(super) fn custom_groups(&self) -> Vec<&'static str> {
        let groups = || self.needs.iter().flat_map(|need| need.rights).flat_map(|right| right.on).map(|(group, _)| *group);
        let is_custom = |group: &str| group.contains('.') && !group.ends_with(".k8s.io");
        if groups().all(is_custom) { groups().collect() } else { Vec::new() }
    }

    /// Whether it is every verb on every resource: who has that needs no other way.
    pub fn is_everything(&self) -> bool {
        self.name == "everything"
    }
}

impl Need {
    /// Whether a rule gives it, where it is bound in the right place.
    pub fn is_given_by(&self, rule: &Rule<'_>) -> bool {
        self.rights.iter().any(|right| right.is_given_by(rule))
    }

    /// Whether a binding in a namespace (`None`: in the whole cluster) is one in the right place.
    pub fn counts_in(&self, namespace: Option<&str>) -> bool {
        match self.place {
            Place::Anywhere => true,
            Place::Cluster => namespace.is_none(),
            Place::Namespace(only) => namespace.is_none_or(|namespace| namespace == only),
        }
    }
}

impl Right {
    /// Whether a rule gives it.
    pub fn is_given_by(&self, rule: &Rule<'_>) -> bool {
        self.verbs.iter().any(|verb| has_verb(rule, verb))
            && (self.names.is_empty() || rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| self.names.contains(name)))
            && self.on.iter().any(|(group, resources)| self.is_about(rule, group, resources))
    }

    fn is_about(&self, rule: &Rule<'_>, group: &str, resources: &[&str]) -> bool {
        if group == PATHS {
            return resources.iter().any(|path| rule.non_resource_urls.iter().any(|url| url_covers(url, path)));
        }
        // A rule with names does not allow what names no object; a request for a subresource always names one.
        let by_name = |resource: &str| {
            let names_none = |verb: &&str| matches!(*verb, "create" | "deletecollection" | "*");
            rule.resource_names.is_empty()
                || resource.contains('/')
                || self.verbs.iter().any(|verb| !names_none(verb) && has_verb(rule, verb))
        };
        let is_any = group == "*" && resources.is_empty();
        (is_any || rule.has_group(group))
            && if resources.is_empty() {
                rule.is_of_resources() && by_name("")
            } else {
                resources.iter().any(|resource| has_resource(rule, resource) && by_name(resource))
            }
    }
}

fn has_verb(rule: &Rule<'_>, verb: &str) -> bool {
    match verb.strip_suffix(":*") {
        Some(start) => rule.verbs.iter().any(|one| *one == "*" || one.strip_prefix(start).is_some_and(|rest| rest.starts_with(':'))),
        None if verb == "*" => rule.verbs.contains(&"*"),
        None => rule.has_verb(verb),
    }
}

fn has_resource(rule: &Rule<'_>, resource: &str) -> bool {
    match resource.split_once('/') {
        // Subresources of the user's choice: that they are all meant cannot be written in a rule.
        Some((of, "*")) => rule.resources.iter().any(|one| {
            let (resource, part) = one.split_once('/').unwrap_or((one, ""));
            resource == "*" || resource == of && !part.is_empty()
        }),
        Some((of, part)) => rule.has_resource(of, part),
        None => rule.has_resource(resource, ""),
    }
}

/// The needs that a rule about a resource can give, by the resource; and those that a rule about any can.
struct Candidates {
    by_resource: HashMap<&'static str, Vec<(usize, u8)>>,
    of_any: Vec<(usize, u8)>,
    all: Vec<(usize, u8)>,
}

static CANDIDATES: LazyLock<Candidates> = LazyLock::new(|| {
    let mut candidates = Candidates { by_resource: HashMap::new(), of_any: Vec::new(), all: Vec::new() };
    for (at, primitive) in PRIMITIVES.iter().enumerate() {
        for (need, wanted) in (0u8..).zip(primitive.needs) {
            candidates.all.push((at, need));
            for (group, resources) in wanted.rights.iter().flat_map(|right| right.on) {
                if *group == PATHS || resources.is_empty() || resources.iter().any(|resource| resource.ends_with("/*")) {
                    candidates.of_any.push((at, need));
                }
                for resource in *resources {
                    candidates.by_resource.entry(resource).or_default().push((at, need));
                }
            }
        }
    }
    candidates
});

fn candidates_of(resource: &str) -> &'static [(usize, u8)] {
    CANDIDATES.by_resource.get(resource).map(Vec::as_slice).unwrap_or_default()
}

/// The hits of a role's rules, in order of the primitives.
pub fn hits(rules: &[Rule<'_>]) -> Vec<Hit> {
    let mut found: Vec<(usize, u8, u32)> = Vec::new();
    for (place, rule) in (0u32..).zip(rules) {
        // A wildcard stands for any resource; all others are looked up, since a role is about a few of hundreds.
        let is_wild = rule.resources.iter().any(|resource| resource.starts_with('*'));
        let mut candidates: Vec<(usize, u8)> = if is_wild {
            CANDIDATES.all.clone()
        } else {
            CANDIDATES.of_any.iter().chain(rule.resources.iter().flat_map(|resource| candidates_of(resource))).copied().collect()
        };
        candidates.sort_unstable();
        candidates.dedup();
        let needs = candidates.into_iter().filter_map(|(at, need)| Some((at, need, PRIMITIVES.get(at)?.needs.get(usize::from(need))?)));
        found.extend(needs.filter(|(.., need)| need.is_given_by(rule)).map(|(at, need, _)| (at, need, place)));
    }
    found.sort_unstable();
    found.into_iter().filter_map(|(at, need, rule)| Some(Hit { primitive: PRIMITIVES.get(at)?, need, rule })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::rbac::{Rbac, defaults};
    use plimsoll_model::{Limits, Origin, Source, parse};
    use proptest::prelude::*;

    /// Every need asked of every rule.
    fn slowly(rules: &[Rule<'_>]) -> Vec<(&'static str, u8, u32)> {
        let mut hits = Vec::new();
        for primitive in PRIMITIVES {
            for (need, wanted) in (0u8..).zip(primitive.needs) {
                let given = (0u32..).zip(rules).filter(|(_, rule)| wanted.is_given_by(rule));
                hits.extend(given.map(|(rule, _)| (primitive.name, need, rule)));
            }
        }
        hits
    }

    fn quickly(rules: &[Rule<'_>]) -> Vec<(&'static str, u8, u32)> {
        hits(rules).iter().map(|hit| (hit.primitive.name, hit.need, hit.rule)).collect()
    }

    #[test]
    fn roles_of_every_api_server_are_hit_alike() {
        let rbac = Rbac::of(defaults().iter().copied(), plimsoll_model::rbac::Defaults::Leave);
        let all: Vec<Rule<'_>> = rbac.roles.iter().flat_map(|role| role.rules.clone()).collect();
        assert!(quickly(&all).len() > 100);
        assert_eq!(quickly(&all), slowly(&all));
    }

    proptest! {
        #[test]
        fn whatever_a_rule_says_it_is_hit_alike(
            verbs in proptest::sample::subsequence(vec!["get", "create", "patch", "*", "bind", "impersonate-on:user-info:get", "approve"], 1..4),
            groups in proptest::sample::subsequence(vec!["", "apps", "*", "argoproj.io", "rbac.authorization.k8s.io"], 1..3),
            resources in proptest::sample::subsequence(
                vec!["pods", "pods/exec", "*/exec", "*", "pods/*", "deployments", "secrets", "signers", "nodes/proxy", "applications", "boats"], 1..4),
            names in proptest::sample::subsequence(vec!["aws-auth", "coredns", "x"], 0..2),
            urls in proptest::sample::subsequence(vec!["*", "/metrics"], 0..2),
        ) {
            let role = serde_json::json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [
                {"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names},
                {"verbs": verbs, "nonResourceURLs": urls},
            ]});
            let (documents, _) = parse(&Source::new("r", Origin::Stdin, role.to_string()), Limits::default());
            let rules: Vec<Rule<'_>> =
                documents.iter().flat_map(|document| document.objects().0).flat_map(|role| Rule::of_role(role, &mut Vec::new())).collect();
            prop_assert_eq!(quickly(&rules), slowly(&rules));
        }
    }
}
