//! The API server's audit log as events, however it was exported.
//!
//! The vocabulary is that of `audit.k8s.io/v1` (k8s.io/apiserver, `pkg/apis/audit/v1/types.go`). What an export does not say is
//! absent here, and never guessed.

use crate::JsonText;
use crate::rbac::{self, User};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// One event: one request at one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Common to the events of one request. The client may choose it (`Audit-ID` header), so that it is no proof of anything.
    pub id: String,
    /// How much was logged; `None` where the export does not say.
    pub level: Option<Level>,
    /// How far the request had come.
    pub stage: Stage,
    /// The verb as authorization sees it: `list`, `deletecollection`; of paths the HTTP method in lower case.
    pub verb: String,
    /// Whose rights count: the impersonated user, or else the authenticated one. The name is empty where authentication failed; some
    /// exports name no groups, not even the implied ones.
    pub user: Arc<User>,
    /// The authenticated user, where somebody else was impersonated.
    pub impersonator: Option<Arc<User>>,
    /// The verb that allowed the impersonation, where it was constrained (`impersonate:serviceaccount`, from Kubernetes 1.35 on).
    pub impersonation_constraint: Option<String>,
    /// Path and query as the client sent them.
    pub uri: String,
    /// The client and the proxies between; the client may have written all but the last one.
    pub source_ips: Vec<String>,
    /// What the client calls itself.
    pub user_agent: String,
    /// What the request is about.
    pub target: Target,
    /// The HTTP status; absent before there is an answer.
    pub code: Option<u16>,
    /// Why it failed, as one word of the API: `Forbidden`, `NotFound`.
    pub reason: Option<String>,
    /// Why it failed, in words.
    pub message: Option<String>,
    /// What authorization decided (annotation `authorization.k8s.io/decision`).
    pub decision: Option<Decision>,
    /// When the request came in.
    pub received: Option<Timestamp>,
    /// When it reached this stage.
    pub reached: Option<Timestamp>,
    /// What the API server and its plugins add.
    pub annotations: BTreeMap<String, String>,
    /// The body of the request, if the log holds it and the reader was asked to keep it.
    pub request: Option<JsonText>,
    /// The body of the answer, likewise.
    pub response: Option<JsonText>,
    /// The `fieldSelector` of the URI, decoded.
    pub field_selector: Option<String>,
    /// The `labelSelector` of the URI, decoded.
    pub label_selector: Option<String>,
    /// The whole event as it was logged, if the reader was asked to keep it.
    pub text: Option<JsonText>,
    /// Where the event stands.
    pub place: Place,
}

/// How much of a request is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Who, what, when, and the outcome.
    Metadata,
    /// Also the body of the request.
    Request,
    /// Also the body of the answer.
    RequestResponse,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It came in; nothing is decided.
    RequestReceived,
    /// The answer of a long-running request (watch, exec, proxy) has begun.
    ResponseStarted,
    /// The answer is complete.
    ResponseComplete,
    /// The API server panicked.
    Panic,
}

/// What authorization decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The request was allowed; admission or the handler may have refused it afterwards.
    Allow,
    /// No authorizer allowed it.
    Forbid,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Objects of the API.
    Resource(Resource),
    /// A path that is no resource, without its query: `/healthz`, `/metrics`.
    Path(String),
}

/// The attributes of a request for a resource; empty where they do not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The plural name.
    pub resource: String,
    /// `status`, `exec`, `token`.
    pub subresource: String,
    /// The namespace. Requests for a Namespace itself carry its name here, too, as in authorization.
    pub namespace: String,
    /// The name; empty in lists and in most creations.
    pub name: String,
}

/// Where an event stands in its log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as the user named it, or `-`.
    pub source: Arc<str>,
    /// The line that it begins in, from 1.
    pub line: u64,
    /// Its index in the list that it is an item of, from 0.
    pub item: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)?;
        self.item.map_or(Ok(()), |item| write!(f, " (item {item})"))
    }
}

impl Level {
    /// The level of this name.
    pub fn new(name: &str) -> Option<Self> {
        [Self::Metadata, Self::Request, Self::RequestResponse].into_iter().find(|level| level.name() == name)
    }

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

impl Stage {
    /// All, in the order in which a request passes them.
    pub const ALL: [Self; 4] = [Self::RequestReceived, Self::ResponseStarted, Self::ResponseComplete, Self::Panic];

    /// The stage of this name.
    pub fn new(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestReceived => "RequestReceived",
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
            Self::Panic => "Panic",
        }
    }
}

impl Decision {
    /// The annotation's value (k8s.io/apiserver, `pkg/endpoints/filters/authorization.go`).
    pub fn new(value: &str) -> Option<Self> {
        match value {
            "allow" => Some(Self::Allow),
            "forbid" => Some(Self::Forbid),
            _ => None,
        }
    }
}

impl Event {
    /// The annotation that holds the decision.
    pub const DECISION: &'static str = "authorization.k8s.io/decision";
    /// The annotation that says why: the binding and role, or what each authorizer objects.
    pub const DECISION_REASON: &'static str = "authorization.k8s.io/reason";

    /// Whether it is the last event of its request. A watch that still runs has none yet: [`Requests`] takes its beginning instead.
    pub fn is_final(&self) -> bool {
        matches!(self.stage, Stage::ResponseComplete | Stage::Panic)
    }

    /// Whether authorization allowed the request; `None` where the event does not tell.
    ///
    /// The annotation decides. Without it (old API servers, some exports) the status does: `Forbidden` was denied, unless the
    /// objection is to impersonation, which comes before the request itself is asked for; what a handler answered was allowed.
    /// Statuses that filters before authorization give too (401, 429, 5xx) tell nothing, nor does a 403 without a reason, which may
    /// come from a backend behind a proxy.
    pub fn was_allowed(&self) -> Option<bool> {
        match (self.decision, self.code) {
            (Some(decision), _) => Some(decision == Decision::Allow),
            (None, Some(403)) => {
                let impersonation = self.message.as_deref().is_some_and(|message| message.contains("cannot impersonate"));
                (self.reason.as_deref() == Some("Forbidden") && !impersonation).then_some(false)
            }
            (None, Some(100..=399 | 404..=406 | 409..=415 | 422)) => Some(true),
            (None, _) => None,
        }
    }

    /// Why authorization decided so.
    pub fn decision_reason(&self) -> Option<&str> {
        self.annotations.get(Self::DECISION_REASON).map(String::as_str)
    }

    /// The name that authorization sees: that of the object, or the one that a list or watch asks for by
    /// `fieldSelector=metadata.name=x` (k8s.io/apiserver, `pkg/endpoints/request/requestinfo.go`). Empty where none is named: an object
    /// that is created has no name in the path, although the log may take one from the body.
    pub fn name(&self) -> &str {
        let Target::Resource(resource) = &self.target else { return "" };
        if self.verb == "create" && resource.subresource.is_empty() {
            return "";
        }
        if resource.name.is_empty() && matches!(self.verb.as_str(), "list" | "watch") {
            return self.field_selector.as_deref().and_then(exact_name).unwrap_or("");
        }
        &resource.name
    }

    /// The request as authorization sees it.
    pub fn request(&self) -> rbac::Request<'_> {
        let target = match &self.target {
            Target::Path(path) => rbac::Target::Path(path),
            Target::Resource(Resource { group, resource, subresource, namespace, .. }) => {
                rbac::Target::Resource(rbac::Resource { group, resource, subresource, namespace, name: self.name() })
            }
        };
        rbac::Request { verb: &self.verb, target }
    }

    /// The time that orders events: when it was reached, or else received.
    pub fn time(&self) -> Option<Timestamp> {
        self.reached.or(self.received)
    }
}

/// The name that a field selector requires, if it requires one that can stand in a path.
fn exact_name(selector: &str) -> Option<&str> {
    let name = selector.split(',').find_map(|term| {
        let value = term.trim().strip_prefix("metadata.name")?.strip_prefix('=')?;
        Some(value.strip_prefix('=').unwrap_or(value))
    })?;
    let fits = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%', '\\']);
    fits.then_some(name)
}

/// A parameter of a URI's query, decoded; the first one counts.
pub fn query_parameter(uri: &str, name: &str) -> Option<String> {
    let (_, query) = uri.split_once('?')?;
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decode(value)).next()
}

/// Undoes the encoding of a query: `+` is a blank, `%3D` a byte. What is no encoding stays as it is.
fn decode(value: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, hex(after.first()), hex(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Picks the event of each request that tells how it ended. Memory holds the long-running requests whose end has not come yet.
#[derive(Debug, Default)]
pub struct Requests {
    /// By id and time of receipt, which all events of one request share. The id alone may be another request's: clients choose it.
    running: HashMap<(String, Option<Timestamp>), (u64, Event)>,
    count: u64,
}

impl Requests {
    /// Takes the next event of the log: gives one where a request is over.
    pub fn push(&mut self, event: Event) -> Option<Event> {
        match event.stage {
            Stage::RequestReceived => None,
            Stage::ResponseStarted => {
                self.count += 1;
                // Where even both are the same, neither is lost.
                self.running.insert((event.id.clone(), event.received), (self.count, event)).map(|(_, before)| before)
            }
            Stage::ResponseComplete | Stage::Panic => {
                self.running.remove(&(event.id.clone(), event.received));
                Some(event)
            }
        }
    }

    /// The requests that had begun to be answered and did not end within the log, in their order.
    pub fn finish(self) -> Vec<Event> {
        let mut running: Vec<_> = self.running.into_values().collect();
        running.sort_by_key(|(number, _)| *number);
        running.into_iter().map(|(_, event)| event).collect()
    }
}

/// The time that a log covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first time seen.
    pub first: Option<Timestamp>,
    /// The last time seen.
    pub last: Option<Timestamp>,
}

impl Window {
    /// Widens it so that `event` lies within.
    pub fn add(&mut self, event: &Event) {
        for time in [event.received, event.reached].into_iter().flatten() {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(stage: Stage, id: &str) -> Event {
        Event {
            id: id.to_owned(),
            level: None,
            stage,
            verb: "get".to_owned(),
            user: Arc::default(),
            impersonator: None,
            impersonation_constraint: None,
            uri: String::new(),
            source_ips: Vec::new(),
            user_agent: String::new(),
            target: Target::Path("/".to_owned()),
            code: None,
            reason: None,
            message: None,
            decision: None,
            received: None,
            reached: None,
            annotations: BTreeMap::new(),
            request: None,
            response: None,
            field_selector: None,
            label_selector: None,
            text: None,
            place: Place { source: "a".into(), line: 1, item: None },
        }
    }

    #[test]
    fn what_an_event_tells_of_authorization() {
        let forbidden = Some("Forbidden");
        let table = [
            (Some(Decision::Allow), Some(403), forbidden, "exceeded quota", Some(true)),
            (Some(Decision::Forbid), Some(403), forbidden, "", Some(false)),
            (Some(Decision::Allow), None, None, "", Some(true)),
            (None, Some(403), forbidden, "pods is forbidden: User \"bob\" cannot list resource", Some(false)),
            (None, Some(403), forbidden, "users \"eve\" is forbidden: User \"bob\" cannot impersonate resource \"users\"", None),
            (None, Some(403), None, "from a backend", None),
            (None, Some(200), None, "", Some(true)),
            (None, Some(101), None, "", Some(true)),
            (None, Some(404), Some("NotFound"), "", Some(true)),
            (None, Some(422), Some("Invalid"), "", Some(true)),
            (None, Some(401), Some("Unauthorized"), "", None),
            (None, Some(429), Some("TooManyRequests"), "", None),
            (None, Some(500), None, "", None),
            (None, None, None, "", None),
        ];
        for (decision, code, reason, message, wanted) in table {
            let reason = reason.map(str::to_owned);
            let event = Event { decision, code, reason, message: Some(message.to_owned()), ..event(Stage::ResponseComplete, "a") };
            assert_eq!(event.was_allowed(), wanted, "{event:?}");
        }
    }

    #[test]
    fn names_that_authorization_sees() {
        let table = [
            ("list", "", "metadata.name=a", "a"),
            ("watch", "", "spec.nodeName=n,metadata.name==a", "a"),
            ("list", "", "metadata.name!=a", ""),
            ("list", "", "metadata.namespace=a", ""),
            ("list", "", "metadata.name=a/b", ""),
            ("deletecollection", "", "metadata.name=a", ""),
            ("get", "b", "", "b"),
            ("watch", "b", "metadata.name=b", "b"),
            ("create", "b", "", ""),
        ];
        for (verb, name, selector, wanted) in table {
            let target = Target::Resource(Resource { name: name.to_owned(), ..Resource::default() });
            let field_selector = Some(selector.to_owned());
            let event = Event { verb: verb.to_owned(), target, field_selector, ..event(Stage::ResponseComplete, "a") };
            assert_eq!(event.name(), wanted, "{verb} {selector}");
            assert_eq!(event.request(), rbac::Request::resource(verb, "", "", "", wanted));
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let uri = "/api/v1/pods?limit=5&fieldSelector=metadata.name%3Da%2Bb&labelSelector=a+in+%28b%29&x&bad=%zz%4&fieldSelector=no";
        let of = |name| query_parameter(uri, name);
        assert_eq!(of("fieldSelector").as_deref(), Some("metadata.name=a+b"));
        assert_eq!(of("labelSelector").as_deref(), Some("a in (b)"));
        assert_eq!(of("x").as_deref(), Some(""));
        assert_eq!(of("bad").as_deref(), Some("%zz%4"));
        assert_eq!(of("continue"), None);
        assert_eq!(query_parameter("/healthz", "x"), None);
    }

    #[test]
    fn each_request_is_told_once() {
        let mut requests = Requests::default();
        let mut told = Vec::new();
        for (stage, id) in [
            (Stage::RequestReceived, "a"),
            (Stage::ResponseStarted, "a"),
            (Stage::ResponseStarted, "b"),
            (Stage::ResponseComplete, "a"),
            (Stage::ResponseStarted, "b"),
            (Stage::Panic, "c"),
        ] {
            told.extend(requests.push(event(stage, id)));
        }
        told.extend(requests.finish());
        let told: Vec<_> = told.iter().map(|event| (event.id.as_str(), event.stage)).collect();
        assert_eq!(
            told,
            [("a", Stage::ResponseComplete), ("b", Stage::ResponseStarted), ("c", Stage::Panic), ("b", Stage::ResponseStarted)]
        );
    }

    /// Who sends a request with the id of another one does not make that one disappear.
    #[test]
    fn ids_are_chosen_by_clients() {
        let at = |second| Timestamp::from_second(second).ok();
        let mut requests = Requests::default();
        assert_eq!(requests.push(Event { received: at(1), ..event(Stage::ResponseStarted, "a") }), None);
        assert!(requests.push(Event { received: at(2), ..event(Stage::ResponseComplete, "a") }).is_some());
        let left: Vec<_> = requests.finish().iter().map(|event| event.received).collect();
        assert_eq!(left, [at(1)]);
    }

    #[test]
    fn the_window_holds_every_event() {
        let mut window = Window::default();
        let at = |second| Timestamp::from_second(second).ok();
        window.add(&Event { received: at(5), reached: at(9), ..event(Stage::ResponseComplete, "a") });
        window.add(&event(Stage::ResponseComplete, "a"));
        window.add(&Event { received: at(3), ..event(Stage::ResponseComplete, "a") });
        assert_eq!(window, Window { first: at(3), last: at(9) });
    }
}
