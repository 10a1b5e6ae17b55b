//! The objects and workloads of a snapshot, with the indexes that engines share: built once, asked often.

use crate::{Document, Node, Object, Problem, Snapshot, Workload, WorkloadKinds};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// Documents of one task.
const CHUNK: usize = 64;

/// The namespace of an object that names none: where `kubectl apply` puts it unless told otherwise.
const DEFAULT: &str = "default";

/// Objects and workloads with their indexes. Lookups of names, kinds and labels do not depend on how many there are.
#[derive(Debug)]
pub struct Inventory<'a> {
    /// The documents that it was made of.
    pub documents: &'a [Document],
    /// All objects in order of their documents.
    pub objects: Vec<Object<'a>>,
    /// All workloads in order of their documents.
    pub workloads: Vec<Workload<'a>>,
    /// What is wrong with the objects.
    pub problems: Vec<Problem>,
    /// Whether the workload at the same index is spoken for by its controller.
    represented: Vec<bool>,
    /// Objects by kind.
    by_kind: HashMap<&'a str, Vec<u32>>,
    /// The first object of a kind, namespace and name.
    by_name: HashMap<(&'a str, &'a str, &'a str), u32>,
    /// Workloads by namespace and a label of their pods.
    by_label: HashMap<(&'a str, &'a str, &'a str), Vec<u32>>,
    /// Workloads by namespace.
    by_namespace: HashMap<&'a str, Vec<u32>>,
    /// The names of the service accounts of each namespace.
    accounts: HashMap<&'a str, Vec<&'a str>>,
    /// The service accounts that are a subject of a binding: namespace, name.
    bound: HashSet<(&'a str, &'a str)>,
}

impl<'a> Inventory<'a> {
    /// Reads the objects of `snapshot`; `kinds` says what carries a pod template.
    pub fn new(snapshot: &'a Snapshot, kinds: &WorkloadKinds) -> Self {
        let read = |documents: &'a [Document]| {
            let (mut objects, mut workloads, mut problems) = (Vec::new(), Vec::new(), Vec::new());
            for document in documents {
                let (more, trouble) = document.objects();
                problems.extend(trouble);
                workloads.extend(more.iter().filter_map(|object| Some(kinds.read(*object, &mut problems)?.with_defaults())));
                objects.extend(more);
            }
            (objects, workloads, problems)
        };
        let parts: Vec<_> = snapshot.documents.par_chunks(CHUNK).map(read).collect();
        let mut objects = Vec::with_capacity(parts.iter().map(|(objects, ..)| objects.len()).sum());
        let mut workloads = Vec::with_capacity(parts.iter().map(|(_, workloads, _)| workloads.len()).sum());
        let mut problems = Vec::new();
        for (more_objects, more_workloads, more_problems) in parts {
            objects.extend(more_objects);
            workloads.extend(more_workloads);
            problems.extend(more_problems);
        }
        Self::index(&snapshot.documents, objects, workloads, problems)
    }

    /// Of these objects: what a snapshot holds once something about it has changed.
    pub fn of(objects: Vec<Object<'a>>, kinds: &WorkloadKinds) -> Self {
        let mut problems = Vec::new();
        let workloads = objects.iter().filter_map(|object| Some(kinds.read(*object, &mut problems)?.with_defaults())).collect();
        Self::index(&[], objects, workloads, problems)
    }

    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    fn index(documents: &'a [Document], objects: Vec<Object<'a>>, workloads: Vec<Workload<'a>>, problems: Vec<Problem>) -> Self {
        let mut by_kind: HashMap<_, Vec<u32>> = HashMap::new();
        let mut by_name = HashMap::with_capacity(objects.len());
        let mut accounts: HashMap<_, Vec<&str>> = HashMap::new();
        let mut bound = HashSet::new();
        for (at, object) in objects.iter().enumerate() {
            match object.kind {
                "ServiceAccount" => accounts.entry(object.effective_namespace()).or_default().push(object.name),
                "RoleBinding" | "ClusterRoleBinding" => {
                    for subject in object.node.get("subjects").into_iter().flat_map(Node::items) {
                        let text = |key| subject.get(key).map_or("", Node::text);
                        if text("kind") == "ServiceAccount" {
                            // A subject of a RoleBinding that names no namespace is in that of the binding.
                            let namespace = Some(text("namespace")).filter(|name| !name.is_empty());
                            bound.insert((namespace.unwrap_or(object.effective_namespace()), text("name")));
                        }
                    }
                }
                _ => {}
            }
            by_kind.entry(object.kind).or_default().push(at as u32);
            by_name.entry((object.kind, effective_namespace(object), object.name)).or_insert(at as u32);
        }
        let mut by_label: HashMap<_, Vec<u32>> = HashMap::new();
        let mut by_namespace: HashMap<_, Vec<u32>> = HashMap::new();
        for (at, workload) in workloads.iter().enumerate() {
            let namespace = workload.object.effective_namespace();
            by_namespace.entry(namespace).or_default().push(at as u32);
            for (key, value) in workload.pod.labels().into_iter().flat_map(Node::entries) {
                by_label.entry((namespace, key.text(), value.text())).or_default().push(at as u32);
            }
        }
        let name = |object: &Object<'a>| (object.namespace, object.kind, object.name);
        let known: HashSet<_> = workloads.iter().map(|workload| name(&workload.object)).collect();
        // A pod whose controller is here too says what the controller says: it is counted, not judged again.
        let is_known =
            |object: &Object<'a>| object.controller().is_some_and(|owner| known.contains(&(object.namespace, owner.kind, owner.name)));
        let represented = workloads.iter().map(|workload| is_known(&workload.object)).collect();
        Self { documents, objects, workloads, problems, represented, by_kind, by_name, by_label, by_namespace, accounts, bound }
    }

    /// The workloads that speak for themselves.
    pub fn own_workloads(&self) -> impl Iterator<Item = &Workload<'a>> {
        self.workloads.iter().zip(&self.represented).filter(|(_, represented)| !**represented).map(|(workload, _)| workload)
    }

    /// Whether the workload at a place is spoken for by its controller.
    pub fn is_represented(&self, at: usize) -> bool {
        self.represented.get(at) == Some(&true)
    }

    /// How many workloads are spoken for by their controller.
    pub fn represented(&self) -> usize {
        self.represented.iter().filter(|represented| **represented).count()
    }

    /// The objects of a kind, in order. Kinds of different groups share names: look at [`Object::group`] where it matters.
    pub fn of_kind(&self, kind: &str) -> impl ExactSizeIterator<Item = Object<'a>> {
        let found = self.by_kind.get(kind).map(Vec::as_slice).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "the index is made of these objects")]
        found.iter().map(|at| self.objects[*at as usize])
    }

    /// The object of a kind, namespace and name. No namespace, for an object that has one, is `default`.
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<Object<'a>> {
        let namespace = if namespace.is_empty() && !is_cluster_scoped(kind) { DEFAULT } else { namespace };
        self.by_name.get(&(kind, namespace, name)).and_then(|at| self.objects.get(*at as usize)).copied()
    }

    /// The names of the service accounts of a namespace.
    pub fn accounts_of(&self, namespace: &str) -> &[&'a str] {
        self.accounts.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a service account is the subject of a binding, whether or not its role was read.
    pub fn is_bound(&self, namespace: &str, account: &str) -> bool {
        self.bound.contains(&(namespace, account))
    }

    /// The workload that `object` is.
    pub fn workload(&self, object: &Object<'a>) -> Option<&Workload<'a>> {
        self.in_namespace(object.effective_namespace()).find(|workload| workload.object.node == object.node)
    }

    /// The workloads of a namespace.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &Workload<'a>> {
        let namespace = if namespace.is_empty() { DEFAULT } else { namespace };
        self.by_namespace.get(namespace).into_iter().flatten().filter_map(|at| self.workloads.get(*at as usize))
    }

    /// The workloads of a namespace whose pods carry all labels of `labels`, a map as in a Service's `spec.selector`.
    /// An empty map selects nothing here; where the API says that it selects everything, use [`Self::selected`].
    pub fn labelled(&self, namespace: &str, labels: Node<'_>) -> Vec<&Workload<'a>> {
        let namespace = if namespace.is_empty() { DEFAULT } else { namespace };
        let lists = labels
            .entries()
            .map(|(key, value)| self.by_label.get(&(namespace, key.text(), value.text())).map(Vec::as_slice).unwrap_or_default());
        // The rarest label leaves the fewest to look at.
        let Some(fewest) = lists.min_by_key(|list| list.len()) else { return Vec::new() };
        let carries = |workload: &&Workload<'a>| {
            let mine = workload.pod.labels();
            labels.entries().all(|(key, value)| mine.and_then(|mine| mine.get(key.text())).is_some_and(|mine| mine.text() == value.text()))
        };
        fewest.iter().filter_map(|at| self.workloads.get(*at as usize)).filter(carries).collect()
    }

    /// The workloads of a namespace that a LabelSelector (`matchLabels`, `matchExpressions`) selects; an empty one selects all.
    pub fn selected(&self, namespace: &str, selector: Node<'_>) -> Vec<&Workload<'a>> {
        let candidates = match selector.get("matchLabels").filter(|labels| labels.entries().next().is_some()) {
            Some(labels) => self.labelled(namespace, labels),
            None => self.in_namespace(namespace).collect(),
        };
        candidates.into_iter().filter(|workload| selects_expressions(selector, workload.pod.labels())).collect()
    }
}

/// Whether a LabelSelector (apimachinery meta/v1) selects something with these labels.
pub fn selects(selector: Node<'_>, labels: Option<Node<'_>>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(Node::text);
    let exact = selector.get("matchLabels").into_iter().flat_map(Node::entries);
    exact.into_iter().all(|(key, value)| label(key.text()) == Some(value.text())) && selects_expressions(selector, labels)
}

fn selects_expressions(selector: Node<'_>, labels: Option<Node<'_>>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(Node::text);
    selector.get("matchExpressions").into_iter().flat_map(Node::items).all(|expression| {
        let value = label(expression.get("key").map_or("", Node::text));
        let listed = |value: &str| expression.get("values").into_iter().flat_map(Node::items).any(|one| one.text() == value);
        match expression.get("operator").map_or("", Node::text) {
            "In" => value.is_some_and(listed),
            "NotIn" => !value.is_some_and(listed),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    })
}

fn effective_namespace<'a>(object: &Object<'a>) -> &'a str {
    // A namespace on an object that can have none is ignored by the API server.
    match object.namespace {
        _ if is_cluster_scoped(object.kind) => "",
        "" => DEFAULT,
        namespace => namespace,
    }
}

impl<'a> Object<'a> {
    /// The namespace that the object ends up in: its own, or `default` where it names none.
    pub fn effective_namespace(&self) -> &'a str {
        effective_namespace(self)
    }

    /// Whether its kind has no namespace.
    pub fn is_cluster_scoped(&self) -> bool {
        is_cluster_scoped(self.kind)
    }
}

/// Kinds without a namespace (Kubernetes API reference 1.36, network-policy-api 0.2, OVN-Kubernetes).
pub fn is_cluster_scoped(kind: &str) -> bool {
    const KINDS: [&str; 35] = [
        "AdminNetworkPolicy",
        "APIService",
        "BaselineAdminNetworkPolicy",
        "CertificateSigningRequest",
        "ClusterNetworkPolicy",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ClusterUserDefinedNetwork",
        "ComponentStatus",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "GatewayClass",
        "IngressClass",
        "IPAddress",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PodSecurityPolicy",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    ];
    KINDS.contains(&kind)
}
