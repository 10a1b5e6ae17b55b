//! The roles and bindings that every API server makes at its start, and which manifests leave out.

use crate::{Document, Limits, Object, Origin, Source, parse};
use std::sync::LazyLock;

static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| {
    parse(&Source::new("defaults of kube-apiserver 1.36", Origin::Live, include_str!("defaults.yaml")), Limits::default()).0
});

static OBJECTS: LazyLock<Vec<Object<'static>>> = LazyLock::new(|| DOCUMENTS.iter().flat_map(|document| document.objects().0).collect());

/// Them, as of Kubernetes 1.36 with the feature gates that are on by default: ClusterRoles, Roles and their bindings.
pub fn defaults() -> &'static [Object<'static>] {
    &OBJECTS
}
