//! What a cluster holds, as far as admission asks.

use plimsoll_model::{Object, Problem, Workload, WorkloadKinds};
use std::collections::{HashMap, HashSet};

/// Namespaces, and the pods that exist in them.
#[derive(Debug, Default)]
pub struct State<'a> {
    /// What the API would not accept of the pods.
    pub problems: Vec<Problem>,
    namespaces: HashMap<&'a str, Object<'a>>,
    /// Pods by namespace, in the order they are listed.
    pods: HashMap<&'a str, Vec<Workload<'a>>>,
    /// Namespaces whose pods could not be listed.
    unlisted: HashSet<String>,
}

impl<'a> State<'a> {
    /// The namespaces and pods among `objects`.
    pub fn of(objects: impl IntoIterator<Item = Object<'a>>) -> Self {
        let kinds = WorkloadKinds::default();
        let mut state = Self::default();
        for object in objects {
            match (object.api_version, object.kind) {
                ("v1", "Namespace") => {
                    state.namespaces.insert(object.name, object);
                }
                ("v1", "Pod") => {
                    if let Some(pod) = kinds.read(object, &mut state.problems) {
                        state.pods.entry(object.namespace).or_default().push(pod);
                    }
                }
                _ => {}
            }
        }
        state
    }

    /// Says that the pods of `namespace` could not be listed.
    #[must_use]
    pub fn without_pods_of(mut self, namespace: &str) -> Self {
        self.unlisted.insert(namespace.to_owned());
        self
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Object<'a>> {
        self.namespaces.get(name)
    }

    /// The pods of `namespace`; `None` if they could not be listed.
    pub(crate) fn pods(&self, namespace: &str) -> Option<&[Workload<'a>]> {
        (!self.unlisted.contains(namespace)).then(|| self.pods.get(namespace).map_or(&[][..], Vec::as_slice))
    }
}
