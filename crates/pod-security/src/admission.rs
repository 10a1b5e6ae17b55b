//! Pod Security admission: request and state in, response and events out.
//!
//! Source of the rules: kubernetes/pod-security-admission `admission/admission.go`. Names of decisions here follow it.

use crate::decode::{Decoded, decode};
use crate::event::{Event, Mode, What};
use crate::labels::{FieldError, PREFIX, Policy};
use crate::request::Request;
use crate::response::{Response, Status};
use crate::state::State;
use crate::words::go_quoted;
use crate::{Configuration, Forbidden, Level, LevelVersion, aggregate_detail, aggregate_reason, evaluate};
use plimsoll_model::{Container, ContainerKind, Node, Object, Pod, Workload, WorkloadKinds};
use std::collections::{BTreeMap, HashSet};

/// Existing pods that are looked at when a namespace is relabelled.
const MOST_PODS: usize = 3000;

/// Subresources of pods that cannot change what Pod Security looks at. Every other one is judged, so that a new one
/// fails safe.
const IGNORED_SUBRESOURCES: [&str; 8] = ["attach", "binding", "eviction", "exec", "log", "portforward", "proxy", "status"];

/// Pod Security admission with a configuration.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// Defaults and exemptions.
    pub configuration: Configuration,
    /// Kinds that carry a pod template. Only upstream's nine are looked at unless `custom_kinds` is set.
    pub kinds: WorkloadKinds,
    /// Also judge the templates of custom kinds, which upstream does not.
    pub custom_kinds: bool,
}

impl Admission {
    /// Judges a request.
    ///
    /// `in_time` is asked after each existing pod of a relabelled namespace whether there is time for another: upstream
    /// allows one second, and at most half of what the request has left.
    pub fn admit(&self, request: &Request<'_>, state: &State<'_>, in_time: &mut dyn FnMut() -> bool) -> (Response, Vec<Event>) {
        let mut events = Vec::new();
        let outcome = match (request.resource.group, request.resource.name) {
            ("", "namespaces") => self.namespace(request, state, in_time),
            ("", "pods") => self.pod(request, state, &mut events),
            _ => Ok(self.controller(request, state, &mut events)),
        };
        let response = outcome.unwrap_or_else(|refusal| refusal);
        (response, events.into_iter().map(|what| Event::of(request, what)).collect())
    }

    /// # Errors
    /// The refusal.
    fn namespace(&self, request: &Request<'_>, state: &State<'_>, in_time: &mut dyn FnMut() -> bool) -> Result<Response, Response> {
        if !request.subresource.is_empty() {
            return Ok(Response::allowed());
        }
        let namespace = self.required(request, request.object, "", "Namespace")?.object;
        let (policy, errors) = Policy::of_namespace(&namespace, &self.configuration.defaults);
        let invalid = || Err(Response::refused(Status::invalid(request, &errors)));
        match request.operation {
            "CREATE" if !errors.is_empty() => invalid(),
            "CREATE" if is_exempt(request.namespace, &self.configuration.namespaces) => Ok(self.exempt_namespace(&namespace, &policy)),
            "UPDATE" => {
                // The blanks are upstream's.
                let old = self.required(request, request.old_object, " old ", "Namespace")?.object;
                let (old_policy, old_errors) = Policy::of_namespace(&old, &self.configuration.defaults);
                if !errors.is_empty() && errors != old_errors {
                    return invalid();
                }
                let (new, old) = (policy.enforce, old_policy.enforce);
                let relaxed = new.version == old.version && new.level <= old.level;
                if new == old || new.level == Level::Privileged || relaxed {
                    return Ok(Response::allowed());
                }
                if is_exempt(request.namespace, &self.configuration.namespaces) {
                    return Ok(self.exempt_namespace(&namespace, &policy));
                }
                Ok(Response { warnings: self.existing_pods(namespace.name, new, state, in_time), ..Response::allowed() })
            }
            _ => Ok(Response::allowed()),
        }
    }

    /// Lets an exempt namespace pass, with a warning if its labels would do something were it not exempt.
    fn exempt_namespace(&self, namespace: &Object<'_>, policy: &Policy) -> Response {
        let mut response = Response::allowed();
        if policy.is_fully_privileged() || policy.is_equivalent(&self.configuration.defaults) {
            return response;
        }
        let is_set = |name: &str| namespace.label(&format!("{PREFIX}{name}")).is_some();
        let modes = [("enforce", policy.enforce), ("audit", policy.audit), ("warn", policy.warn)];
        let said: Vec<String> = modes
            .into_iter()
            .filter(|(mode, policy)| policy.level != Level::Privileged && (is_set(mode) || is_set(&format!("{mode}-version"))))
            .map(|(mode, policy)| format!("{mode}={policy}"))
            .collect();
        let (name, said) = (go_quoted(namespace.name), said.join(", "));
        response.warnings.push(format!("namespace {name} is exempt from Pod Security, and the policy ({said}) will be ignored"));
        response
    }

    /// # Errors
    /// The refusal of what cannot be judged.
    fn pod(&self, request: &Request<'_>, state: &State<'_>, events: &mut Vec<What>) -> Result<Response, Response> {
        if IGNORED_SUBRESOURCES.contains(&request.subresource) {
            return Ok(Response::allowed());
        }
        if let Some(exempt) = self.exemption(request, events) {
            return Ok(exempt);
        }
        let mut fatal = |refusal: Response| {
            events.push(What::Error { fatal: true });
            refusal
        };
        let Some(namespace) = state.namespace(request.namespace) else {
            let message = format!("failed to lookup namespace {}", go_quoted(request.namespace));
            return Err(fatal(Response::error(Status::internal(&message), Some(&not_found(request.namespace)))));
        };
        let (policy, errors) = Policy::of_namespace(namespace, &self.configuration.defaults);
        if errors.is_empty() && policy.is_fully_privileged() {
            events.push(What::Evaluation { allowed: true, policy: policy.enforce, mode: Mode::Enforce });
            return Ok(Response::allowed().annotated("enforce-policy", "privileged:latest"));
        }
        let pod = self.required(request, request.object, "", "Pod").map_err(&mut fatal)?.pod.unwrap_or_default();
        if request.operation == "UPDATE" {
            let old = self.required(request, request.old_object, "old ", "Pod").map_err(fatal)?.pod.unwrap_or_default();
            if !is_significant(&pod, &old) {
                return Ok(Response::allowed());
            }
        }
        Ok(self.judge(request, &policy, &errors, &pod, true, events))
    }

    /// Controllers are never refused: what cannot be judged is noted.
    fn controller(&self, request: &Request<'_>, state: &State<'_>, events: &mut Vec<What>) -> Response {
        if !request.subresource.is_empty() {
            return Response::allowed();
        }
        if let Some(exempt) = self.exemption(request, events) {
            return exempt;
        }
        let mut failed = |message: String| {
            events.push(What::Error { fatal: true });
            Response::allowed().annotated("error", message)
        };
        let Some(namespace) = state.namespace(request.namespace) else {
            return failed(format!("failed to lookup namespace {}: {}", go_quoted(request.namespace), not_found(request.namespace)));
        };
        let (policy, errors) = Policy::of_namespace(namespace, &self.configuration.defaults);
        if errors.is_empty() && policy.warn.level == Level::Privileged && policy.audit.level == Level::Privileged {
            return Response::allowed();
        }
        match decode(request, request.object, self.custom()) {
            Err(cause) => failed(format!("failed to decode object: {cause}")),
            Ok(Some(Decoded { pod: Some(pod), .. })) => self.judge(request, &policy, &errors, &pod, false, events),
            Ok(Some(Decoded { is_workload: true, .. })) => Response::allowed(),
            Ok(other) => {
                let kind = other.map_or_else(|| "<nil>".to_owned(), |other| other.described());
                failed(format!("failed to extract pod template: unexpected object type: {kind}"))
            }
        }
    }

    /// The object of `kind` that a request must carry; `which` is `old` for the one before the change.
    ///
    /// # Errors
    /// The refusal of a request that does not.
    fn required<'a>(&self, request: &Request<'a>, node: Option<Node<'a>>, which: &str, kind: &str) -> Result<Decoded<'a>, Response> {
        let bad = |what: &str| Status::bad_request(&format!("failed to decode {which}{what}"));
        match decode(request, node, self.custom()) {
            Err(cause) => Err(Response::error(bad("object"), Some(&cause))),
            Ok(Some(decoded)) if (decoded.object.api_version, decoded.object.kind) == ("v1", kind) => Ok(decoded),
            Ok(_) => Err(Response::error(bad(&kind.to_ascii_lowercase()), None)),
        }
    }

    fn custom(&self) -> Option<&WorkloadKinds> {
        self.custom_kinds.then_some(&self.kinds)
    }

    fn judge(
        &self,
        request: &Request<'_>,
        policy: &Policy,
        errors: &[FieldError],
        pod: &Pod<'_>,
        enforce: bool,
        events: &mut Vec<What>,
    ) -> Response {
        if self.is_exempt_class(pod) {
            events.push(What::Exemption);
            return Response::allowed().annotated("exempt", "runtimeClass");
        }
        let mut annotations = BTreeMap::new();
        if !errors.is_empty() {
            annotations.insert("error", format!("Failed to parse policy: {}", FieldError::aggregate(errors)));
            events.push(What::Error { fatal: false });
        }
        let mut known: Vec<(LevelVersion, Vec<Forbidden>)> = Vec::new();
        let mut forbidden = |policy: LevelVersion| match known.iter().find(|(done, _)| *done == policy) {
            Some((_, forbidden)) => forbidden.clone(),
            None => {
                let forbidden = evaluate(pod, policy);
                known.push((policy, forbidden.clone()));
                forbidden
            }
        };
        let mut response = Response::allowed();
        if enforce {
            annotations.insert("enforce-policy", policy.enforce.to_string());
            let found = forbidden(policy.enforce);
            events.push(What::Evaluation { allowed: found.is_empty(), policy: policy.enforce, mode: Mode::Enforce });
            if !found.is_empty() {
                let why = format!("violates PodSecurity {}: {}", go_quoted(&policy.enforce.to_string()), aggregate_detail(&found));
                response = Response::refused(Status::forbidden(request, &why));
            }
        }
        let would = |policy: LevelVersion, found: &[Forbidden]| {
            format!("would violate PodSecurity {}: {}", go_quoted(&policy.to_string()), aggregate_detail(found))
        };
        let found = forbidden(policy.audit);
        if !found.is_empty() {
            annotations.insert("audit-violations", would(policy.audit, &found));
            events.push(What::Evaluation { allowed: false, policy: policy.audit, mode: Mode::Audit });
        }
        // Who is refused need not be warned as well.
        if response.allowed {
            let found = forbidden(policy.warn);
            if !found.is_empty() {
                response.warnings.push(would(policy.warn, &found));
                events.push(What::Evaluation { allowed: false, policy: policy.warn, mode: Mode::Warn });
            }
        }
        response.audit_annotations = annotations;
        response
    }

    /// What a stricter enforce level would mean for the pods that are there.
    fn existing_pods(&self, namespace: &str, enforce: LevelVersion, state: &State<'_>, in_time: &mut dyn FnMut() -> bool) -> Vec<String> {
        let Some(pods) = state.pods(namespace) else {
            return vec!["failed to list pods while checking new PodSecurity enforce level".to_owned()];
        };
        let pods = self.prioritized(pods);
        let mut checked = pods.len().min(MOST_PODS);
        let mut by_reason: BTreeMap<String, (&str, usize)> = BTreeMap::new();
        for (at, workload) in pods.iter().take(MOST_PODS).enumerate() {
            let forbidden = evaluate(&workload.pod, enforce);
            if !forbidden.is_empty() {
                let (first, count) = by_reason.entry(aggregate_reason(&forbidden)).or_insert((workload.object.name, 0));
                *first = (*first).min(workload.object.name);
                *count += 1;
            }
            if !in_time() {
                checked = at + 1;
                break;
            }
        }
        let mut lines: Vec<String> = by_reason
            .into_iter()
            .map(|(reasons, (pod, count))| match count {
                1 => format!("{pod}: {reasons}"),
                2 => format!("{pod} (and 1 other pod): {reasons}"),
                _ => format!("{pod} (and {} other pods): {reasons}", count - 1),
            })
            .collect();
        lines.sort();
        let mut warnings = Vec::new();
        if checked < pods.len() {
            warnings
                .push(format!("new PodSecurity enforce level only checked against the first {checked} of {} existing pods", pods.len()));
        }
        if !lines.is_empty() {
            let (namespace, enforce) = (go_quoted(namespace), go_quoted(&enforce.to_string()));
            warnings.push(format!("existing pods in namespace {namespace} violate the new PodSecurity enforce level {enforce}"));
        }
        warnings.extend(lines);
        warnings
    }

    /// Pods without a controller and the first of each controller, then the other replicas; exempt runtime classes left out.
    fn prioritized<'s, 'a>(&self, pods: &'s [Workload<'a>]) -> Vec<&'s Workload<'a>> {
        let mut seen = HashSet::new();
        let judged = pods.iter().filter(|workload| !self.is_exempt_class(&workload.pod));
        let (mut first, replicas): (Vec<_>, Vec<_>) =
            judged.partition(|workload| workload.object.controller().is_none_or(|owner| seen.insert(owner.uid)));
        first.extend(replicas);
        first
    }

    fn exemption(&self, request: &Request<'_>, events: &mut Vec<What>) -> Option<Response> {
        let by = if is_exempt(request.namespace, &self.configuration.namespaces) {
            "namespace"
        } else if is_exempt(request.username, &self.configuration.usernames) {
            "user"
        } else {
            return None;
        };
        events.push(What::Exemption);
        Some(Response::allowed().annotated("exempt", by))
    }

    fn is_exempt_class(&self, pod: &Pod<'_>) -> bool {
        pod.runtime_class.is_some_and(|class| is_exempt(class, &self.configuration.runtime_classes))
    }
}

fn is_exempt(name: &str, exempt: &[String]) -> bool {
    !name.is_empty() && exempt.iter().any(|exempt| exempt == name)
}

fn not_found(namespace: &str) -> String {
    format!("namespaces {} not found", go_quoted(namespace))
}

/// Whether an update can change the verdict: containers added or removed, an image changed, an ephemeral container added.
fn is_significant(pod: &Pod<'_>, old: &Pod<'_>) -> bool {
    let images = |kind| of_kind(pod, kind).map(|container| container.image).ne(of_kind(old, kind).map(|container| container.image));
    if images(ContainerKind::Main) || images(ContainerKind::Init) {
        return true;
    }
    of_kind(pod, ContainerKind::Ephemeral).any(|container| {
        let before = of_kind(old, ContainerKind::Ephemeral).find(|before| before.name == container.name);
        before.is_none_or(|before| before.image != container.image)
    })
}

fn of_kind<'p, 'a>(pod: &'p Pod<'a>, kind: ContainerKind) -> impl Iterator<Item = &'p Container<'a>> {
    pod.containers.iter().filter(move |container| container.kind == kind)
}
