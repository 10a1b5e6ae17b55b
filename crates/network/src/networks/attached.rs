//! Which networks pods and virtual machines are attached to, and with which addresses.

use core::net::IpAddr;
use plimsoll_model::{Limits, Node, Origin, Source, parse};
use serde_json::Value as Json;

/// That a pod is attached to a network beside its first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attachment {
    /// The namespace of what defines the network.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The pod's addresses there, as far as they are known.
    pub addresses: Vec<IpAddr>,
}

/// The networks that a pod asks for (Multus: `k8s.v1.cni.cncf.io/networks`), with the addresses that it asks for or was given.
///
/// The annotation is a list of names, as `namespace/name@interface`, or JSON.
pub(crate) fn of_pod(annotations: &[(&str, &str)], namespace: &str) -> Vec<Attachment> {
    let value = |wanted: &str| annotations.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let Some(asked) = value("k8s.v1.cni.cncf.io/networks").map(str::trim).filter(|asked| !asked.is_empty()) else { return Vec::new() };
    let mut attachments: Vec<_> = if asked.starts_with(['[', '{']) {
        items(asked).iter().filter_map(|item| of_json(item, namespace)).collect()
    } else {
        asked.split(',').filter_map(|name| named(name.trim().split('@').next()?, namespace)).collect()
    };
    let given = value("k8s.v1.cni.cncf.io/network-status").map(items).unwrap_or_default();
    for item in &given {
        let Some(name) = item.get("name").and_then(Json::as_str).and_then(|name| named(name, namespace)) else { continue };
        let own = attachments.iter_mut().find(|own| (&own.namespace, &own.name) == (&name.namespace, &name.name));
        if let Some(own) = own {
            own.addresses.extend(addresses(item));
        }
    }
    settled(attachments)
}

/// The networks of a virtual machine, given its `spec` or that of its template: those that Multus makes, with the addresses that the machine
/// is told by cloud-init to take.
pub(crate) fn of_machine(spec: Option<Node<'_>>, namespace: &str) -> Vec<Attachment> {
    let networks: Vec<_> = spec.and_then(|spec| spec.get("networks")).into_iter().flat_map(Node::items).collect();
    let names = networks.iter().filter_map(|network| network.at(&["multus", "networkName"]));
    let mut attachments: Vec<_> = names.filter_map(|name| named(name.text(), namespace)).collect();
    if attachments.is_empty() {
        return attachments;
    }
    // Which interface belongs to which network is not said; the first one is the cluster's, if the machine is in it.
    let has_first = networks.iter().any(|network| network.get("pod").is_some());
    let mut taken = Vec::new();
    for volume in spec.and_then(|spec| spec.get("volumes")).into_iter().flat_map(Node::items) {
        for source in ["cloudInitNoCloud", "cloudInitConfigDrive"].iter().filter_map(|key| volume.get(key)) {
            let Some(data) = source.get("networkData") else { continue };
            let (documents, _) = parse(&Source::new("networkData", Origin::File, data.text()), Limits::default());
            for root in documents.iter().filter_map(plimsoll_model::Document::root) {
                for (name, interface) in root.get("ethernets").into_iter().flat_map(Node::entries) {
                    if name.text() == "eth0" && has_first {
                        continue;
                    }
                    taken.extend(interface.get("addresses").into_iter().flat_map(Node::items).filter_map(|node| address(node.text())));
                }
            }
        }
    }
    for attachment in &mut attachments {
        attachment.addresses.clone_from(&taken);
    }
    settled(attachments)
}

/// In order, each network once.
fn settled(mut attachments: Vec<Attachment>) -> Vec<Attachment> {
    attachments.sort();
    attachments.dedup_by(|next, kept| {
        let is_same = (&next.namespace, &next.name) == (&kept.namespace, &kept.name);
        if is_same {
            kept.addresses.append(&mut next.addresses);
        }
        is_same
    });
    for attachment in &mut attachments {
        attachment.addresses.sort_unstable();
        attachment.addresses.dedup();
    }
    attachments
}

fn items(text: &str) -> Vec<Json> {
    match serde_json::from_str(text) {
        Ok(Json::Array(items)) => items,
        Ok(one @ Json::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

fn of_json(item: &Json, namespace: &str) -> Option<Attachment> {
    let text = |key: &str| item.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    let (name, namespace) = (text("name")?.to_owned(), text("namespace").unwrap_or(namespace).to_owned());
    Some(Attachment { namespace, name, addresses: addresses(item) })
}

fn addresses(item: &Json) -> Vec<IpAddr> {
    item.get("ips").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).filter_map(address).collect()
}

/// `10.1.2.3` or `10.1.2.3/24`.
fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.trim().parse().ok()
}

/// `name` or `namespace/name`.
fn named(text: &str, namespace: &str) -> Option<Attachment> {
    let (namespace, name) = text.split_once('/').unwrap_or((namespace, text));
    (!name.is_empty()).then(|| Attachment { namespace: namespace.to_owned(), name: name.to_owned(), addresses: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_name_networks() {
        let of = |asked: &str, status: &str| {
            let annotations = [("k8s.v1.cni.cncf.io/networks", asked), ("k8s.v1.cni.cncf.io/network-status", status)];
            let written = of_pod(&annotations, "own").into_iter().map(|one| {
                let addresses: Vec<_> = one.addresses.iter().map(ToString::to_string).collect();
                format!("{}/{} {}", one.namespace, one.name, addresses.join(" "))
            });
            written.collect::<Vec<_>>().join("; ")
        };
        for (asked, status, read) in [
            ("", "", ""),
            ("a, other/b@net1", "", "other/b ; own/a "),
            (r#"[{"name": "a", "ips": ["10.0.0.1/24"]}, {"name": "b", "namespace": "other"}]"#, "", "other/b ; own/a 10.0.0.1"),
            ("a", r#"[{"name": "own/a", "interface": "net1", "ips": ["10.0.0.2"]}, {"name": "x"}]"#, "own/a 10.0.0.2"),
            (r#"[{"name": "a"}, {"name": "a", "ips": ["fd00::1", "bad"]}]"#, "[", "own/a fd00::1"),
            ("[{", "", ""),
        ] {
            assert_eq!(of(asked, status), read);
        }
    }
}
