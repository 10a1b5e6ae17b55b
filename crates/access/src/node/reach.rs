//! What each node has to do with: what its pods use, and what names it.
//!
//! Source: kubernetes `plugin/pkg/auth/authorizer/node/graph.go`, with `pkg/api/v1/pod/util.go` and
//! `pkg/api/v1/persistentvolume/util.go` for the Secrets and ConfigMaps. The graph that is kept there, of edges that lead to
//! nodes, is two steps deep at most; here it is walked once, from the pods on, so that a question is one look-up.

use plimsoll_model::rbac::Resource;
use plimsoll_model::{Inventory, Node, Object};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// An object that a node has to do with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Related<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The resource: `secrets`.
    pub resource: &'a str,
    /// The namespace; empty for what has none.
    pub namespace: &'a str,
    /// The object's name.
    pub name: Cow<'a, str>,
}

/// Volume sources that name a Secret, and where.
const VOLUME_SECRETS: [(&str, &[&str]); 10] = [
    ("azureFile", &["secretName"]),
    ("cephfs", &["secretRef", "name"]),
    ("cinder", &["secretRef", "name"]),
    ("flexVolume", &["secretRef", "name"]),
    ("rbd", &["secretRef", "name"]),
    ("secret", &["secretName"]),
    ("scaleIO", &["secretRef", "name"]),
    ("iscsi", &["secretRef", "name"]),
    ("storageos", &["secretRef", "name"]),
    ("csi", &["nodePublishSecretRef", "name"]),
];

/// Sources of a PersistentVolume that name a Secret, and whether its namespace is that of the claim where none is given.
/// Those of CSI that only the controller reads are not among them.
const PERSISTENT_SECRETS: [(&[&str], bool); 10] = [
    (&["cephfs", "secretRef"], true),
    (&["cinder", "secretRef"], false),
    (&["flexVolume", "secretRef"], true),
    (&["rbd", "secretRef"], true),
    (&["scaleIO", "secretRef"], true),
    (&["iscsi", "secretRef"], true),
    (&["storageos", "secretRef"], false),
    (&["csi", "nodePublishSecretRef"], false),
    (&["csi", "nodeStageSecretRef"], false),
    (&["csi", "nodeExpandSecretRef"], false),
];

/// The objects that each node has to do with, by the node's name, and through which object it does.
#[derive(Debug, Default)]
pub(super) struct Reach<'a> {
    nodes: HashMap<&'a str, BTreeMap<Related<'a>, u32>>,
    /// Pods, and other objects that name a node.
    sources: Vec<Object<'a>>,
}

/// What a PersistentVolumeClaim leads to: its volume, and the Secrets of that.
type Volumes<'a> = HashMap<(&'a str, &'a str), Vec<Related<'a>>>;

impl<'a> Reach<'a> {
    pub(super) fn new(inventory: &Inventory<'a>) -> Self {
        let mut reach = Self::default();
        let volumes = volumes(inventory);
        for pod in all(inventory, "Pod", "") {
            reach.add_pod(pod, &volumes);
        }
        for (kind, group, resource) in [
            ("VolumeAttachment", "storage.k8s.io", "volumeattachments"),
            ("ResourceSlice", "resource.k8s.io", "resourceslices"),
            ("PodCertificateRequest", "certificates.k8s.io", "podcertificaterequests"),
        ] {
            for object in all(inventory, kind, group) {
                let place = of(group, resource, object.effective_namespace(), object.name);
                reach.add(text(object.node, &["spec", "nodeName"]), object, std::iter::once(place));
            }
        }
        reach
    }

    /// The object through which a node has to do with another one.
    pub(super) fn source(&self, node: &str, resource: &Resource<'_>) -> Option<Object<'a>> {
        let Resource { group, resource, namespace, name, .. } = *resource;
        let at = self.nodes.get(node)?.get(&of(group, resource, namespace, name))?;
        self.sources.get(*at as usize).copied()
    }

    /// Everything that a node has to do with, in order.
    pub(super) fn of(&self, node: &str) -> impl Iterator<Item = (&Related<'a>, Object<'a>)> {
        let found = self.nodes.get(node).into_iter().flatten();
        found.filter_map(|(related, at)| Some((related, *self.sources.get(*at as usize)?)))
    }

    fn add_pod(&mut self, pod: Object<'a>, volumes: &Volumes<'a>) {
        let namespace = pod.effective_namespace();
        let core = |resource, name| of("", resource, namespace, name);
        let mut used = vec![core("pods", pod.name)];
        // A mirror pod is what a kubelet says of a pod of its own: it must not give itself anything by it.
        let is_mirror = pod.node.at(&["metadata", "annotations", "kubernetes.io/config.mirror"]).is_some();
        if let Some(spec) = pod.node.get("spec").filter(|_| !is_mirror) {
            used.push(core("serviceaccounts", text(spec, &["serviceAccountName"])));
            used.extend(secrets(spec).map(|name| core("secrets", name)));
            used.extend(config_maps(spec).map(|name| core("configmaps", name)));
            for claim in claims(pod, spec) {
                used.extend(volumes.get(&(namespace, &*claim)).into_iter().flatten().cloned());
                used.push(Related { group: "", resource: "persistentvolumeclaims", namespace, name: claim });
            }
            used.extend(resource_claims(pod.node).map(|name| of("resource.k8s.io", "resourceclaims", namespace, name)));
        }
        self.add(text(pod.node, &["spec", "nodeName"]), pod, used.into_iter());
    }

    /// What has no name is nothing, and a pod without a node is on none.
    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    fn add(&mut self, node: &'a str, source: Object<'a>, related: impl Iterator<Item = Related<'a>>) {
        if node.is_empty() {
            return;
        }
        let at = self.sources.len() as u32;
        self.sources.push(source);
        let known = self.nodes.entry(node).or_default();
        for related in related.filter(|related| !related.name.is_empty()) {
            known.entry(related).or_insert(at);
        }
    }
}

/// The objects of a kind and group; of several of the same name the first, as everywhere.
fn all<'i, 'a>(inventory: &'i Inventory<'a>, kind: &'i str, group: &'i str) -> impl Iterator<Item = Object<'a>> + use<'i, 'a> {
    let is_first = |object: &Object<'a>| inventory.find(kind, object.namespace, object.name).is_none_or(|first| first.node == object.node);
    inventory.of_kind(kind).filter(move |object| object.group() == group && is_first(object))
}

fn of<'a>(group: &'a str, resource: &'a str, namespace: &'a str, name: &'a str) -> Related<'a> {
    Related { group, resource, namespace, name: Cow::Borrowed(name) }
}

fn text<'a>(node: Node<'a>, path: &[&str]) -> &'a str {
    node.at(path).map_or("", Node::text)
}

fn items<'a>(node: Node<'a>, path: &[&str]) -> impl Iterator<Item = Node<'a>> + use<'a> {
    node.at(path).into_iter().flat_map(Node::items)
}

fn volumes<'a>(inventory: &Inventory<'a>) -> Volumes<'a> {
    let mut volumes = Volumes::new();
    for volume in all(inventory, "PersistentVolume", "") {
        let Some(spec) = volume.node.get("spec") else { continue };
        let Some(claim) = spec.get("claimRef") else { continue };
        let (namespace, name) = (text(claim, &["namespace"]), text(claim, &["name"]));
        let found = volumes.entry((namespace, name)).or_default();
        found.push(of("", "persistentvolumes", "", volume.name));
        let or_of_claim = |given: &'a str| if given.is_empty() { namespace } else { given };
        if let Some(azure) = spec.get("azureFile") {
            found.push(of("", "secrets", or_of_claim(text(azure, &["secretNamespace"])), text(azure, &["secretName"])));
        }
        for (path, is_of_claim) in PERSISTENT_SECRETS {
            let Some(secret) = spec.at(path) else { continue };
            let given = text(secret, &["namespace"]);
            found.push(of("", "secrets", if is_of_claim { or_of_claim(given) } else { given }, text(secret, &["name"])));
        }
    }
    volumes
}

/// All containers, the ephemeral ones too.
fn containers(spec: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    ["initContainers", "containers", "ephemeralContainers"].into_iter().flat_map(move |list| items(spec, &[list]))
}

/// What the environment of the containers takes from Secrets or ConfigMaps.
fn environment<'a>(spec: Node<'a>, whole: &'static str, key: &'static str) -> impl Iterator<Item = &'a str> {
    containers(spec).flat_map(move |container| {
        let wholes = items(container, &["envFrom"]).map(move |from| text(from, &[whole, "name"]));
        wholes.chain(items(container, &["env"]).map(move |variable| text(variable, &["valueFrom", key, "name"])))
    })
}

/// What the projected volumes take from Secrets or ConfigMaps.
fn projected<'a>(spec: Node<'a>, kind: &'static str) -> impl Iterator<Item = &'a str> {
    let sources = items(spec, &["volumes"]).flat_map(|volume| items(volume, &["projected", "sources"]));
    sources.map(move |source| text(source, &[kind, "name"]))
}

fn secrets(spec: Node<'_>) -> impl Iterator<Item = &str> {
    let pull = items(spec, &["imagePullSecrets"]).map(|secret| text(secret, &["name"]));
    let volumes = items(spec, &["volumes"]).flat_map(secrets_of_volume);
    pull.chain(environment(spec, "secretRef", "secretKeyRef")).chain(volumes).chain(projected(spec, "secret"))
}

fn secrets_of_volume<'a>(volume: Node<'a>) -> impl Iterator<Item = &'a str> {
    volume.entries().filter_map(|(key, source)| {
        let (_, path) = VOLUME_SECRETS.iter().find(|(name, _)| *name == key.text())?;
        source.at(path).map(Node::<'a>::text)
    })
}

fn config_maps(spec: Node<'_>) -> impl Iterator<Item = &str> {
    let volumes = items(spec, &["volumes"]).map(|volume| text(volume, &["configMap", "name"]));
    environment(spec, "configMapRef", "configMapKeyRef").chain(volumes).chain(projected(spec, "configMap"))
}

/// The claims of the volumes: those that are named, and those that are made for the pod (component-helpers
/// `storage/ephemeral`).
fn claims<'a>(pod: Object<'a>, spec: Node<'a>) -> impl Iterator<Item = Cow<'a, str>> {
    items(spec, &["volumes"]).filter_map(move |volume| match (volume.get("persistentVolumeClaim"), volume.get("ephemeral")) {
        (Some(claim), _) => Some(Cow::Borrowed(text(claim, &["claimName"]))),
        (None, Some(_)) => Some(Cow::Owned(format!("{}-{}", pod.name, text(volume, &["name"])))),
        (None, None) => None,
    })
}

/// The resource claims: those that are named, and those that the status says were made (dynamic-resource-allocation
/// `resourceclaim`).
fn resource_claims(pod: Node<'_>) -> impl Iterator<Item = &str> {
    let made = move |name: &str| {
        let mut statuses = items(pod, &["status", "resourceClaimStatuses"]);
        statuses.find(|status| text(*status, &["name"]) == name).map_or("", |status| text(status, &["resourceClaimName"]))
    };
    let claims = items(pod, &["spec", "resourceClaims"]).map(move |claim| match claim.get("resourceClaimName") {
        Some(name) => name.text(),
        None if claim.get("resourceClaimTemplateName").is_some() => made(text(claim, &["name"])),
        None => "",
    });
    claims.chain(std::iter::once(text(pod, &["status", "extendedResourceClaimStatus", "resourceClaimName"])))
}
