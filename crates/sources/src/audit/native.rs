//! `audit.k8s.io` events as the API server writes them: v1, and the older v1beta1 and v1alpha1.

use super::document::{Context, Found, Members, trouble};
use super::problems::Trouble;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use plimsoll_model::JsonText;
use plimsoll_model::audit::{Decision, Event, Level, Place, Resource, Stage, Target, query_parameter};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const GROUP: &str = "audit.k8s.io/";

/// An event's members, as far as they are of interest. Members that are absent may also be null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Native<'a> {
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    api_version: Option<&'a RawValue>,
    level: Option<String>,
    #[serde(rename = "auditID")]
    audit_id: Option<String>,
    stage: Option<String>,
    #[serde(rename = "requestURI")]
    request_uri: Option<String>,
    verb: Option<String>,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
    #[serde(borrow)]
    impersonated_user: Option<&'a RawValue>,
    authentication_metadata: Option<AuthenticationMetadata>,
    #[serde(rename = "sourceIPs")]
    source_ips: Option<Vec<String>>,
    user_agent: Option<String>,
    object_ref: Option<ObjectReference>,
    response_status: Option<Status>,
    #[serde(borrow)]
    request_object: Option<&'a RawValue>,
    #[serde(borrow)]
    response_object: Option<&'a RawValue>,
    request_received_timestamp: Option<String>,
    stage_timestamp: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    /// The time of the event before v1.
    timestamp: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationMetadata {
    impersonation_constraint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectReference {
    resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    api_group: Option<String>,
    api_version: Option<String>,
    subresource: Option<String>,
}

/// `meta/v1` Status.
#[derive(Deserialize)]
struct Status {
    message: Option<String>,
    reason: Option<String>,
    code: Option<i64>,
}

impl Native<'_> {
    /// Whether it is an audit event; items of an EventList do not repeat their kind.
    pub(super) fn is_audit(&self) -> bool {
        match (self.kind, self.api_version) {
            (None, None) => self.audit_id.is_some() && (self.stage.is_some() || self.verb.is_some()),
            (kind, version) => is_event(kind, version),
        }
    }

    /// The event that it is; `text` is to be kept with it.
    pub(super) fn event(self, text: Option<&str>, context: &mut Context<'_>, place: &Place, found: &mut Vec<Found>) {
        let missing = |what| trouble(Trouble::Missing, what, place);
        let invalid = |what: String| trouble(Trouble::Invalid, &what, place);
        let Some(verb) = self.verb.filter(|verb| !verb.is_empty()) else { return found.push(missing("verb")) };
        let Some(stage) = self.stage else { return found.push(missing("stage")) };
        let Some(stage) = Stage::new(&stage) else {
            return found.push(invalid(format!("`{}` is no stage", stage.escape_debug())));
        };
        let Some(user) = self.user else { return found.push(missing("user")) };
        let mut users = || Ok((context.user(user.get())?, self.impersonated_user.map(|user| context.user(user.get())).transpose()?));
        let (user, impersonated) = match users() {
            Ok(users) => users,
            Err(error) => return found.push(invalid(without_place(&error))),
        };
        let (user, impersonator) = match impersonated {
            Some(impersonated) => (impersonated, Some(user)),
            None => (user, None),
        };
        let mut times = [self.request_received_timestamp.or(self.timestamp), self.stage_timestamp].map(|text| {
            let time = text.as_deref().map(time);
            if let Some(Err(text)) = time {
                found.push(invalid(format!("`{}` is no time; the event counts without it", text.escape_debug())));
            }
            time.and_then(Result::ok)
        });
        if times == [None, None] {
            let created = self.metadata.and_then(|metadata| metadata.creation_timestamp);
            times = [created.and_then(|created| time(&created).ok()), None];
        }
        let [received, reached] = times;
        let uri = self.request_uri.unwrap_or_default();
        let target = match self.object_ref {
            Some(reference) => Target::Resource(reference.resource()),
            None => Target::Path(uri.split('?').next().unwrap_or_default().to_owned()),
        };
        let annotations = self.annotations.unwrap_or_default();
        let status = self.response_status;
        let code = status.as_ref().and_then(|status| status.code).and_then(|code| u16::try_from(code).ok()).filter(|code| *code > 0);
        let (reason, message) = status.map_or((None, None), |status| (status.reason, status.message));
        let text = text.and_then(|text| RawValue::from_string(text.to_owned()).ok());
        found.push(Found::Event(Box::new(Event {
            id: self.audit_id.unwrap_or_default(),
            level: self.level.as_deref().and_then(Level::new),
            stage,
            verb,
            user,
            impersonator,
            impersonation_constraint: self.authentication_metadata.and_then(|metadata| metadata.impersonation_constraint),
            field_selector: query_parameter(&uri, "fieldSelector"),
            label_selector: query_parameter(&uri, "labelSelector"),
            uri,
            source_ips: self.source_ips.unwrap_or_default(),
            user_agent: self.user_agent.unwrap_or_default(),
            target,
            code,
            reason,
            message,
            decision: annotations.get(Event::DECISION).and_then(|decision| Decision::new(decision)),
            received,
            reached,
            annotations,
            request: context.object(self.request_object),
            response: context.object(self.response_object),
            text: text.map(JsonText::from),
            place: place.clone(),
        })));
    }
}

/// Whether a document that does not fit [`Native`] is an audit event all the same.
pub(super) fn is_audit(members: &Members<'_>) -> bool {
    match (members.get("kind"), members.get("apiVersion")) {
        (None, None) => members.contains_key("auditID"),
        (kind, version) => is_event(kind.copied(), version.copied()),
    }
}

fn is_event(kind: Option<&RawValue>, version: Option<&RawValue>) -> bool {
    let in_group = version.is_some_and(|version| version.get().trim_start_matches('"').starts_with(GROUP));
    in_group && kind.is_some_and(|kind| kind.get() == "\"Event\"")
}

impl ObjectReference {
    fn resource(self) -> Resource {
        let version = self.api_version.unwrap_or_default();
        // v1alpha1 had no member for the group.
        let (group, version) = match (self.api_group, version.rsplit_once('/')) {
            (None, Some((group, version))) => (group.to_owned(), version.to_owned()),
            (group, _) => (group.unwrap_or_default(), version),
        };
        Resource {
            group,
            version,
            resource: self.resource.unwrap_or_default(),
            subresource: self.subresource.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
        }
    }
}

/// RFC 3339; exports by way of a table may leave the zone out, which is UTC.
pub(super) fn time(text: &str) -> Result<Timestamp, &str> {
    let in_utc = || text.parse::<DateTime>().and_then(|time| time.to_zoned(TimeZone::UTC)).map(|time| time.timestamp());
    text.parse().or_else(|_| in_utc()).map_err(|_| text)
}

/// An error of a member, whose line and column would mislead.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
