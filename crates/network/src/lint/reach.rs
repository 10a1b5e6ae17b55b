//! What policies cut that workloads need, and what they leave open that they look like closing.

use super::selectors::some;
use super::{Lint, Look};
use crate::addresses::Addresses;
use crate::entrances::By;
use crate::policy::{Action, Direction, Means, Peers, Policy, Rule, Tier};
use crate::services::PortRef;
use crate::suggest::{dns_servers, dns_traffic};
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, World};
use plimsoll_model::{Node, Severity, Violation};
use std::collections::{BTreeMap, BTreeSet};

/// The port of names, and the one that pods of OpenShift's DNS listen on behind it.
const DNS_PORTS: [u16; 2] = [53, 5353];

pub(super) static DNS: Lint = Lint {
    id: "NETPOL-dns-blocked",
    title: "Workload may send, and not ask for names",
    severity: Severity::Medium,
    detects: "A workload whose egress is limited by policies that let it send to something, but not to the DNS of the cluster: on port 53, or on the port that its pods really listen on.",
    why: "Every connection that starts with a name fails after a timeout. Policies hold for the ports of pods: where the Service takes 53 and its pods listen on 5353, a rule for 53 allows nothing.",
    fix: "Allow UDP and TCP to the pods of the DNS, on the port that they listen on: for CoreDNS 53 to `k8s-app: kube-dns` in `kube-system`, for OpenShift 5353 to `openshift-dns`.",
    run: |look, found| {
        let world = look.world;
        let servers = dns_servers(world);
        let is_server = |at: &usize| servers.contains(at);
        let mut blamed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let names = DNS_PORTS.map(|port| Traffic::port(Protocol::Udp, port)).iter().fold(Traffic::none(), |sum, one| sum.union(one));
        for (at, endpoint) in world.endpoints.iter().enumerate().filter(|(at, _)| !is_server(at)) {
            let Some(policy) = isolating(world, endpoint, Direction::Egress) else { continue };
            // Addresses outside need no names: only who sends to other pods asks for them.
            let sends = look
                .egress(at)
                .filter(|(_, traffic)| !traffic.intersection(&Traffic::protocol(Protocol::Tcp)).is_none())
                .any(|(to, _)| to != at);
            if !sends {
                continue;
            }
            // A cache on the node, or a server outside of the cluster.
            let outside = look.matrix.class_of.get(at).and_then(|class| look.matrix.to_outside.get(*class as usize));
            let asks_outside = outside.into_iter().flatten().any(|(traffic, _)| traffic.contains(Protocol::Udp, 53));
            let asks = if asks_outside {
                true
            } else if servers.is_empty() {
                // Where the DNS was not read: anybody in the cluster or outside who could be it.
                rules_allow(policy.1.as_slice(), &names)
            } else {
                servers.iter().any(|server| {
                    let listens = dns_traffic(world, *server).intersection(&Traffic::protocol(Protocol::Udp));
                    look.matrix.between(at, *server).is_some_and(|traffic| !traffic.intersection(&listens).is_none())
                })
            };
            if !asks {
                blamed.entry(policy.0).or_default().push(world.name(endpoint));
            }
        }
        for (policy, names) in blamed {
            let Some(policy) = world.policies.get(policy) else { continue };
            let real: BTreeSet<u16> = servers
                .iter()
                .filter_map(|at| world.endpoints.get(*at))
                .flat_map(|one| &one.ports)
                .filter(|port| port.protocol == Protocol::Udp)
                .map(|port| port.number)
                .collect();
            let port = real.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
            let port = if port.is_empty() { "53".to_owned() } else { port };
            let message = format!("{} may send, but not ask the DNS of the cluster (UDP {port})", some(&names));
            let cure = format!("allow egress to the pods of the DNS on port {port}, UDP and TCP");
            found.push(&policy.object, Violation::at("/spec", message).advice(cure));
        }
    },
};

/// Whether any rule for egress lets some of the traffic through to somebody.
fn rules_allow(policies: &[&Policy<'_>], traffic: &Traffic) -> bool {
    let rules = policies.iter().flat_map(|policy| policy.egress.iter().flatten());
    rules
        .into_iter()
        .any(|rule| !rule.ports.numbers.intersection(traffic).is_none() || rule.ports.names.iter().any(|(_, name)| name.contains("dns")))
}

/// The first policy that isolates an endpoint in a direction, with all that do.
fn isolating<'w, 'a>(world: &'w World<'a>, endpoint: &Endpoint<'a>, direction: Direction) -> Option<(usize, Vec<&'w Policy<'a>>)> {
    let namespace = world.namespace_of(endpoint);
    let about = world.policies.iter().enumerate().filter(|(_, policy)| {
        policy.tier == Tier::NetworkPolicy && policy.rules(direction).is_some() && policy.is_about(endpoint, namespace, &world.settings)
    });
    let about: Vec<_> = about.collect();
    let first = about.first().map(|(at, _)| *at)?;
    Some((first, about.into_iter().map(|(_, policy)| policy).collect()))
}

impl Look<'_, '_> {
    /// To whom an endpoint may send, and what.
    fn egress(&self, from: usize) -> impl Iterator<Item = (usize, &crate::Traffic)> {
        let row = self.matrix.class_of.get(from).and_then(|class| self.matrix.rows.get(*class as usize));
        row.into_iter().flatten().flat_map(|(traffic, classes)| self.matrix.endpoints_of(classes).map(move |to| (to, traffic)))
    }
}

pub(super) static API_SERVER: Lint = Lint {
    id: "NETPOL-api-server-blocked",
    title: "Workload with rights in the API cannot reach the API server",
    severity: Severity::Medium,
    detects: "A workload whose service account is bound to a role, and whose egress is limited by policies that let it reach no address on TCP 443 or 6443.",
    why: "The API server is no pod: selectors do not mean it. A controller that cannot reach it does nothing, or stops.",
    fix: "Allow egress to the addresses of the API server (`kubectl get endpointslices -n default kubernetes`) by `ipBlock`, or by `nodes` in a policy of the cluster.",
    run: |look, found| {
        let world = look.world;
        let api = Traffic::port(Protocol::Tcp, 443).union(&Traffic::port(Protocol::Tcp, 6443));
        for (at, endpoint) in world.endpoints.iter().enumerate() {
            let account = endpoint.template.and_then(|template| template.at(&["spec", "serviceAccountName"])).map_or("default", Node::text);
            let namespace = world.namespace_of(endpoint).name;
            let mounts =
                endpoint.template.and_then(|template| template.at(&["spec", "automountServiceAccountToken"])).and_then(Node::as_bool)
                    != Some(false);
            if account == "default" || !mounts || !look.inventory.is_bound(namespace, account) {
                continue;
            }
            let Some((policy, _)) = isolating(world, endpoint, Direction::Egress) else { continue };
            let class = look.matrix.class_of.get(at).and_then(|class| look.matrix.to_outside.get(*class as usize));
            let reaches = class.into_iter().flatten().any(|(traffic, _)| !traffic.intersection(&api).is_none());
            let by_node = world.nodes.iter().any(|node| {
                let traffic = world.decide(crate::End::Endpoint(endpoint), crate::End::Node(node), Direction::Egress).allowed;
                !traffic.intersection(&api).is_none()
            });
            if let Some(policy) = world.policies.get(policy).filter(|_| !reaches && !by_node) {
                let message = format!(
                    "{} has rights in the API by its service account `{account}`, and may not reach the API server",
                    world.name(endpoint)
                );
                let violation = Violation::at("/spec", message).advice("allow egress to the addresses of the API server by `ipBlock`");
                found.push(&policy.object, violation.with(&endpoint.object, ""));
            }
        }
    },
};

pub(super) static WEBHOOK: Lint = Lint {
    id: "NETPOL-webhook-blocked",
    title: "API server cannot reach an admission webhook",
    severity: Severity::High,
    detects: "A workload behind the Service of an admission webhook, to whose port policies let nobody from outside of the pods of the cluster.",
    why: "The API server calls from its own address, which no selector means. Where the webhook must not fail, no object of its kinds can be changed any more; where it may, it is not asked.",
    fix: "Allow ingress to the webhook's port from the addresses of the API server, or from anyone: the calls come over TLS.",
    run: |look, found| {
        let world = look.world;
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            for object in look.inventory.of_kind(kind) {
                for hook in object.node.get("webhooks").into_iter().flat_map(Node::items) {
                    let Some(service) = hook.at(&["clientConfig", "service"]) else { continue };
                    let word = |key: &str| service.get(key).map_or("", Node::text);
                    let port = service.get("port").and_then(Node::as_int).map_or(Some(443), |port| u16::try_from(port).ok());
                    let Some((target, port)) = world.service(word("namespace"), word("name")).zip(port) else { continue };
                    for (at, traffic) in target.leads_to(PortRef::Number(port)) {
                        let Some(endpoint) = world.endpoints.get(at) else { continue };
                        let row = look.matrix.class_of.get(at).and_then(|class| look.matrix.from_outside.get(*class as usize));
                        let is_open = row.into_iter().flatten().any(|(allowed, _)| traffic.is_subset(allowed));
                        if is_open {
                            continue;
                        }
                        let Some((policy, _)) = isolating(world, endpoint, Direction::Ingress) else { continue };
                        let Some(policy) = world.policies.get(policy) else { continue };
                        let name = hook.get("name").map_or("", Node::text);
                        let message = format!(
                            "the API server cannot reach {} for the webhook `{name}` of {kind} `{}` on {traffic}",
                            world.name(endpoint),
                            object.name
                        );
                        let violation = Violation::at("/spec", message)
                            .advice("allow ingress to the webhook's port from the addresses of the API server");
                        found.push(&policy.object, violation.with(&object, "/webhooks"));
                    }
                }
            }
        }
    },
};

pub(super) static IPV6: Lint = Lint {
    id: "NETPOL-ipv6-open",
    title: "IPv6 is open where IPv4 is not",
    severity: Severity::Medium,
    detects: "A workload that may send to, or get from, all IPv6 addresses what it may not with all IPv4 addresses: a rule denies or lists blocks of one family only.",
    why: "In a cluster with both families the rule is gone around by the other address of the same host.",
    fix: "Write the same rule for IPv6, `::/0` beside `0.0.0.0/0`.",
    run: |look, found| {
        let world = look.world;
        for direction in Direction::BOTH {
            let mut blamed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
            for (at, endpoint) in world.endpoints.iter().enumerate() {
                let rows = if direction == Direction::Ingress { &look.matrix.from_outside } else { &look.matrix.to_outside };
                let Some(row) = look.matrix.class_of.get(at).and_then(|class| rows.get(*class as usize)) else { continue };
                let more = everywhere(row, &Addresses::all_v6()).difference(&everywhere(row, &Addresses::all_v4()));
                if more.is_none() {
                    continue;
                }
                // Who names IPv4 blocks only and leaves the rest to a default that lets it pass.
                let namespace = world.namespace_of(endpoint);
                let names_v4 = |policy: &Policy<'_>| {
                    policy.rules(direction).into_iter().flatten().any(|rule| {
                        match &rule.peers {
                        Peers::Anyone => false,
                        Peers::Listed(peers) => peers.iter().any(|peer| {
                            matches!(&peer.means, Means::Addresses(addresses) if !addresses.v4().is_empty() && addresses.v6().is_empty())
                        }),
                    }
                    })
                };
                let policy =
                    world.policies.iter().position(|policy| policy.is_about(endpoint, namespace, &world.settings) && names_v4(policy));
                if let Some(policy) = policy {
                    blamed.entry(policy).or_default().push(world.name(endpoint));
                }
            }
            for (policy, names) in blamed {
                let Some(policy) = world.policies.get(policy) else { continue };
                let side =
                    if direction == Direction::Ingress { "from all IPv6 addresses reaches" } else { "all IPv6 addresses are reached by" };
                let message = format!("{side} {} what does not with IPv4", some(&names));
                let message = if direction == Direction::Ingress {
                    message
                } else {
                    format!("{} may reach over IPv6 what it may not over IPv4", some(&names))
                };
                found.push(
                    &policy.object,
                    Violation::at("/spec", message).advice("write the same rule for IPv6, `::/0` beside `0.0.0.0/0`"),
                );
            }
        }
    },
};

pub(super) static DEFAULT_DENY: Lint = Lint {
    id: "NETPOL-no-default-deny",
    title: "Namespace with policies has no default deny",
    severity: Severity::Low,
    detects: "A namespace in which policies hold for some pods, while a pod that comes tomorrow is open to everybody or may send everywhere.",
    why: "A new workload, or one whose label is misspelled, is not protected, and nothing says so.",
    fix: "Add a NetworkPolicy with `podSelector: {}`, `policyTypes: [Ingress, Egress]` and no rules; what is allowed today stays allowed where other policies allow it.",
    run: |look, found| {
        let world = look.world;
        for namespace in &world.namespaces {
            let of = |policy: &&Policy<'_>| policy.tier == Tier::NetworkPolicy && policy.object.effective_namespace() == namespace.name;
            let policies: Vec<_> = world.policies.iter().filter(of).collect();
            let Some(first) = policies.first() else { continue };
            let is_open = |rule: &Rule<'_>| matches!(rule.peers, Peers::Anyone) && rule.ports.numbers.is_all();
            // Whoever opens everything to everybody denies nothing by default.
            let is_default = |direction| {
                let denies = |policy: &&&Policy<'_>| {
                    policy.subject.pods.is_everything() && policy.rules(direction).is_some_and(|rules| !rules.iter().any(is_open))
                };
                let is_below = |policy: &Policy<'_>| {
                    let everyone = |rule: &Rule<'_>| {
                        rule.action == Action::Deny
                            && matches!(&rule.peers, Peers::Listed(peers) if peers.iter().any(|peer| matches!(&peer.means, Means::Pods(pick) if pick.is_everyone())))
                    };
                    policy.tier == Tier::Baseline
                        && policy.subject.pods.is_everything()
                        && policy.subject.namespaces.hold(namespace)
                        && policy.rules(direction).is_some_and(|rules| rules.iter().any(everyone))
                };
                policies.iter().any(|policy| denies(&policy)) || world.policies.iter().any(is_below)
            };
            let open: Vec<_> = Direction::BOTH.into_iter().filter(|direction| !is_default(*direction)).map(Direction::name).collect();
            if open.is_empty() {
                continue;
            }
            let message = format!("namespace `{}` has policies, and none that denies {} by default", namespace.name, open.join(" and "));
            let object = namespace.object.unwrap_or(first.object);
            let advice = "add a policy with an empty `podSelector`, both policy types and no rules";
            found.push(&object, Violation::at("/metadata/name", message).advice(advice));
        }
    },
};

/// What may flow with each address of a family.
fn everywhere(row: &[(Traffic, Addresses)], family: &Addresses) -> Traffic {
    let parts = || row.iter().map(|(traffic, addresses)| (traffic, addresses.intersection(family))).filter(|(_, part)| !part.is_empty());
    let covered: Vec<_> = parts().map(|(_, part)| part).collect();
    if Addresses::union_of(&covered) != *family {
        return Traffic::none();
    }
    parts().fold(Traffic::all(), |all, (traffic, _)| all.intersection(traffic))
}

pub(super) static OUTSIDE: Lint = Lint {
    id: "NETPOL-reachable-from-outside",
    title: "Policies let the internet reach a workload",
    severity: Severity::Medium,
    detects: "A workload that a Service of type LoadBalancer or NodePort, or one with external addresses, opens to every address, in a cluster with policies that let it arrive. What an Ingress or a Gateway leads to is told by the checks of these.",
    why: "Whoever finds a weakness in what answers there is in the cluster. That policies exist makes one believe that they had a say.",
    fix: "Where not everybody is meant, let in only the addresses of those who are, by `ipBlock`; where everybody is, except this finding.",
    run: |look, found| {
        let world = look.world;
        for entrance in &world.entrances {
            // A controller decides by itself whom it serves.
            let By::Clients(clients) = &entrance.by else { continue };
            if !Addresses::all_v4().is_subset(clients) {
                continue;
            }
            for (at, traffic) in &entrance.leads_to {
                let at = *at;
                let Some(row) = look.matrix.class_of.get(at).and_then(|class| look.matrix.from_outside.get(*class as usize)) else {
                    continue;
                };
                let arrives = everywhere(row, &Addresses::all_v4()).intersection(traffic);
                let Some(endpoint) = world.endpoints.get(at).filter(|_| !arrives.is_none()) else { continue };
                let object = &entrance.object;
                let message =
                    format!("{} is reachable from outside through {} `{}` on {arrives}", world.name(endpoint), object.kind, object.name);
                let advice = "let in only the addresses that are meant, or except this finding if everybody is";
                found.push(&endpoint.object, Violation::at("/metadata/name", message).advice(advice).with(object, ""));
            }
        }
    },
};
