//! AKS, whose audit log goes through Azure Monitor.
//!
//! - Diagnostic settings to a storage account or event hub: records of category `kube-audit` or `kube-audit-admin` with the event as
//!   text in `properties.log`; one a line, or `records[]`;
//! - Log Analytics, table AzureDiagnostics: the same in `log_s`;
//! - Log Analytics, tables AKSAudit and AKSAuditAdmin: a column for each member of the event. There is none for impersonation.

use super::document::{Context, Form, Members, string};
use plimsoll_model::audit::Place;
use serde_json::value::RawValue;

/// Columns of AKSAudit that hold text, and those that hold JSON, with the members of an event that they come from.
const TEXTS: [(&str, &str); 8] = [
    ("AuditId", "auditID"),
    ("Level", "level"),
    ("RequestReceivedTime", "requestReceivedTimestamp"),
    ("RequestUri", "requestURI"),
    ("Stage", "stage"),
    ("StageReceivedTime", "stageTimestamp"),
    ("UserAgent", "userAgent"),
    ("Verb", "verb"),
];
const VALUES: [(&str, &str); 7] = [
    ("Annotations", "annotations"),
    ("ObjectRef", "objectRef"),
    ("RequestObject", "requestObject"),
    ("ResponseObject", "responseObject"),
    ("ResponseStatus", "responseStatus"),
    ("SourceIps", "sourceIPs"),
    ("User", "user"),
];

pub(super) fn read<'a>(members: &Members<'a>, _: &mut Context<'_>, _: &Place) -> Option<Form<'a>> {
    if let Some(records) = members.get("records").filter(|records| records.get().starts_with('[')) {
        return Some(Form::List(records));
    }
    if members.contains_key("AuditId") && members.contains_key("Verb") {
        return Some(Form::Text(event(members)));
    }
    let log = match members.get("properties") {
        // Some ways of export make text of the properties, too.
        Some(properties) => properties_log(properties),
        None => members.get("log_s").copied(),
    };
    let category = ["category", "Category"].into_iter().find_map(|name| string(members, name));
    match category {
        Some(category) if !category.starts_with("kube-audit") && is_azure(members) => {
            Some(Form::OtherLog(format!("`{}`", category.escape_debug())))
        }
        _ => log.map(Form::Inner),
    }
}

fn is_azure(members: &Members<'_>) -> bool {
    ["operationName", "OperationName", "resourceId", "ResourceId", "_ResourceId"].iter().any(|name| members.contains_key(*name))
}

fn properties_log(properties: &RawValue) -> Option<&RawValue> {
    serde_json::from_str::<Members<'_>>(properties.get()).ok()?.get("log").copied()
}

/// A row as the event that it was.
fn event(members: &Members<'_>) -> String {
    let texts = TEXTS.iter().filter_map(|(column, name)| Some((*name, members.get(*column)?.get().to_owned())));
    let values = VALUES.iter().filter_map(|(column, name)| {
        let value = members.get(*column)?.get();
        // The command line gives JSON in columns as text. An object that was too large is a text in either way.
        let inner: String = serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
        (inner.starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(&inner).is_ok()).then_some((*name, inner))
    });
    let members: Vec<String> = texts.chain(values).map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",{}}}", members.join(","))
}
