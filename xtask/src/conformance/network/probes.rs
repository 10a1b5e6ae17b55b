//! States of a cluster with probes from pod to pod: may this connection be made?

use crate::conformance::{Cases, json_lines};
use flate2::read::GzDecoder;
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_network::{Decision, End, Loopback, Protocol, Settings, World};
use serde_json::{Value as Json, json};
use std::io::Read;
use std::path::Path;

/// The list at a key; empty where there is none.
fn list<'j>(value: &'j Json, key: &str) -> impl Iterator<Item = &'j Json> + Clone + use<'j> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn namespace(name: &str, labels: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// A pod; `ports` are of its only container.
fn pod(key: (&str, &str), of: &Json, ports: Vec<Json>) -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": key.0, "name": key.1, "labels": of["labels"]},
        "spec": {
            "hostNetwork": of["hostNetwork"] == true,
            "nodeName": of["node"],
            "containers": [{"name": "serve", "image": "serve", "ports": ports}],
        },
        "status": {"podIP": of["ip"]},
    })
}

fn port(of: &Json, name: &str) -> Json {
    json!({"name": of[name], "containerPort": of["port"], "protocol": of["protocol"]})
}

/// `namespace/name`
fn key(key: &Json) -> (&str, &str) {
    key.as_str().and_then(|key| key.split_once('/')).unwrap_or_default()
}

/// What a state of the world has to say to each question, by the question's place.
fn decide(objects: &[Json], settings: Settings, questions: &[(&Json, &Json)]) -> Vec<Option<(Decision, Decision)>> {
    let text = |object: &Json| parse(&Source::new("case", Origin::Live, object.to_string()), Limits::default()).0;
    let snapshot = Snapshot { documents: objects.iter().flat_map(text).collect(), problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let world = World::new(&inventory, settings);
    let find = |name: &Json| {
        let (namespace, name) = key(name);
        world.endpoints.iter().find(|endpoint| endpoint.name == name && world.namespace_of(endpoint).name == namespace)
    };
    let answer = |(from, to): &(&Json, &Json)| {
        let (egress, ingress, _) = world.between(End::Endpoint(find(from)?), End::Endpoint(find(to)?));
        Some((egress, ingress))
    };
    questions.iter().map(answer).collect()
}

/// Whether one port passes in a direction.
fn passes(decision: &Decision, protocol: &str, port: &Json) -> Option<bool> {
    let port = u16::try_from(port.as_u64()?).ok()?;
    Some(decision.allowed.contains(Protocol::read(protocol)?, port))
}

/// The whole matrix of every step: ingress, egress, and both.
pub(crate) fn cyclonus(path: &Path) -> anyhow::Result<Cases> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    let mut cases = Cases::default();
    for line in text.lines() {
        let case: Json = serde_json::from_str(line)?;
        for (at, step) in list(&case, "steps").enumerate() {
            let mut objects: Vec<_> =
                step["namespaces"].as_object().into_iter().flatten().map(|(name, labels)| namespace(name, labels)).collect();
            objects.extend(list(step, "pods").map(|of| {
                let name = |key: &str| of[key].as_str().unwrap_or_default();
                pod((name("namespace"), name("name")), of, list(of, "ports").map(|one| port(one, "portName")).collect())
            }));
            objects.extend(list(step, "policies").cloned().map(|mut policy| {
                // Some are written without their type.
                policy["apiVersion"] = json!("networking.k8s.io/v1");
                policy["kind"] = json!("NetworkPolicy");
                policy
            }));
            let questions: Vec<_> = list(step, "results").map(|result| (&result[0], &result[1])).collect();
            // There, a pod's traffic to itself is traffic like any other.
            let settings = Settings { loopback: Loopback::Ordinary, ..Settings::default() };
            let answers = decide(&objects, settings, &questions);
            for (result, answer) in list(step, "results").zip(answers) {
                let name = || format!("{} ({}), step {}, {}", case["description"], case["id"], at + 1, result);
                let (protocol, port) = result[2].as_str().and_then(|one| one.split_once('/')).unwrap_or_default();
                let port: Json = serde_json::from_str(port)?;
                let Some((egress, ingress)) = answer else {
                    cases.unreadable(name(), "no such pod");
                    continue;
                };
                let word = |is: Option<bool>| match is {
                    Some(true) => "allowed",
                    Some(false) => "blocked",
                    None => "unreadable",
                };
                let (inward, outward) = (passes(&ingress, protocol, &port), passes(&egress, protocol, &port));
                let both = inward.zip(outward).map(|(inward, outward)| inward && outward);
                let got = json!([word(inward), word(outward), word(both)]).to_string();
                cases.case(name, &json!([result[3], result[4], result[5]]).to_string(), &got);
            }
        }
    }
    Ok(cases)
}

/// The pods of the two suites that name them `namespace/name`.
fn pods(state: &Json) -> Vec<Json> {
    let mut objects: Vec<_> =
        list(state, "namespaces").map(|of| namespace(of["name"].as_str().unwrap_or_default(), &of["labels"])).collect();
    objects.extend(list(state, "pods").map(|of| pod(key(&of["key"]), of, list(of, "namedPorts").map(|one| port(one, "name")).collect())));
    objects.extend(list(state, "nodes").map(|of| {
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": of["name"], "labels": of["labels"]},
            "status": {"addresses": [{"type": "InternalIP", "address": of["ip"]}]},
        })
    }));
    objects.extend(list(state, "networkPolicies").chain(list(state, "clusterNetworkPolicies")).cloned());
    objects
}

/// Truth tables of the end-to-end tests.
pub(crate) fn kubernetes(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        for (at, step) in list(&case, "steps").enumerate() {
            let questions: Vec<_> = list(step, "expect").map(|one| (&one[0], &one[1])).collect();
            let answers = decide(&pods(step), Settings::default(), &questions);
            for (one, answer) in list(step, "expect").zip(answers) {
                let protocol = step["protocol"].as_str().unwrap_or_default();
                let got = answer.and_then(|(egress, ingress)| {
                    Some(passes(&egress, protocol, &step["port"])? && passes(&ingress, protocol, &step["port"])?)
                });
                cases.case(
                    || format!("{}, step {}, {} -> {}", case["name"], at + 1, one[0], one[1]),
                    &one[2].to_string(),
                    &json!(got).to_string(),
                );
            }
        }
    }
    Ok(cases)
}

/// Probes of the conformance tests of ClusterNetworkPolicy.
pub(crate) fn cluster_network_policy(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        for (at, step) in list(&case, "steps").enumerate() {
            let questions: Vec<_> = list(step, "probes").map(|one| (&one["from"], &one["to"])).collect();
            let answers = decide(&pods(&step["state"]), Settings::default(), &questions);
            for (probe, answer) in list(step, "probes").zip(answers) {
                let protocol = probe["protocol"].as_str().unwrap_or_default();
                let got = answer.and_then(|(egress, ingress)| {
                    Some(passes(&egress, protocol, &probe["port"])? && passes(&ingress, protocol, &probe["port"])?)
                });
                let name = || {
                    format!(
                        "{}, step {}, {} {} -> {} {} {}",
                        case["name"],
                        at + 1,
                        probe["sub"],
                        probe["from"],
                        probe["to"],
                        protocol,
                        probe["port"]
                    )
                };
                cases.case(name, &probe["expect"].to_string(), &json!(got).to_string());
            }
        }
    }
    Ok(cases)
}
