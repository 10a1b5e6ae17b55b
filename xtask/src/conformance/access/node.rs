//! The table of the Node authorizer's own tests.

use super::{documents, list, text, user};
use crate::conformance::{Cases, json_lines};
use anyhow::Context;
use plimsoll_access::node::{Attributes, Features, NodeAuthorizer};
use plimsoll_model::rbac::Request;
use plimsoll_model::{Inventory, Snapshot, WorkloadKinds};
use serde_json::{Value as Json, json};
use std::path::Path;

/// The lists of the first line, and what their items are.
const KINDS: [(&str, &str, &str); 6] = [
    ("nodes", "v1", "Node"),
    ("persistentvolumes", "v1", "PersistentVolume"),
    ("podcertificaterequests", "certificates.k8s.io/v1beta1", "PodCertificateRequest"),
    ("pods", "v1", "Pod"),
    ("resourceslices", "resource.k8s.io/v1", "ResourceSlice"),
    ("volumeattachments", "storage.k8s.io/v1", "VolumeAttachment"),
];

/// What the API server holds, and requests: the decision, and the reason of what is not allowed.
pub(crate) fn requests(path: &Path) -> anyhow::Result<Cases> {
    let mut lines = json_lines(path)?.into_iter();
    let state = lines.next().context("no state")??;
    let typed = KINDS.into_iter().flat_map(|(key, version, kind)| {
        list(&state["state"], key).map(move |object| {
            let mut object = object.clone();
            object["apiVersion"] = json!(version);
            object["kind"] = json!(kind);
            object
        })
    });
    let typed: Vec<Json> = typed.collect();
    let snapshot = Snapshot { documents: documents(typed.iter()), problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let mut cases = Cases::default();
    for line in lines {
        let case = line?;
        let is_on = |gate: &str| case["features"][gate] == true;
        let features = Features {
            selectors: is_on("AuthorizeNodeWithSelectors"),
            credential_providers: is_on("KubeletServiceAccountTokenForCredentialProviders"),
            pod_certificates: is_on("PodCertificateRequest"),
        };
        let resource = [text(&case, "resource"), text(&case, "subresource")].join("/");
        let (namespace, name) = (text(&case, "namespace"), text(&case, "objName"));
        let request = Request::resource(text(&case, "verb"), text(&case, "group"), resource.trim_end_matches('/'), namespace, name);
        let is_equality = |one: &&Json| text(one, "op") == "=";
        let fields: Vec<(&str, &str)> =
            list(&case, "fieldSelector").filter(is_equality).map(|one| (text(one, "field"), text(one, "value"))).collect();
        let authorizer = NodeAuthorizer::new(&inventory, features);
        let opinion = authorizer.authorize(&user(&case["user"], "name"), &Attributes { request, fields: &fields });
        let decision = if opinion.is_allowed() { "allow" } else { "noopinion" };
        let wanted = json!([case["decision"], case["reason"]]).to_string();
        cases.case(|| text(&case, "name").to_owned(), &wanted, &json!([decision, opinion.reason()]).to_string());
    }
    Ok(cases)
}
