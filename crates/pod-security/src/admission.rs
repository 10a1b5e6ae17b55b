//! Pod Security admission: request and state in, response and events out.
//!
//! Source of the rules: kubernetes/pod-security-admission `admission/admission.go`. Names of decisions here follow it.

use crate::decode::{NotDecoded, as_namespace, as_pod};
use crate::labels::{FieldError, Policy};
use crate::request::Request;
use crate::response::{Counted, Event, Mode, Response, Status};
use crate::words::go_quoted;
use crate::{Configuration, Forbidden, Level, LevelVersion, aggregate_detail, aggregate_reason, evaluate};
use plimsoll_model::{Node, Object, Pod, Problem, Workload, WorkloadKinds};
use std::collections::{BTreeMap, HashMap, HashSet};

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

/// What a cluster holds, as far as admission asks.
#[derive(Debug, Default)]
pub struct State<'a> {
    namespaces: HashMap<&'a str, Object<'a>>,
    /// Pods by namespace, in the order they are listed.
    pods: HashMap<&'a str, Vec<Workload<'a>>>,
    /// Namespaces whose pods could not be listed.
    unlisted: HashSet<String>,
}

impl<'a> State<'a> {
    /// The namespaces and pods among `objects`.
    ///
    /// What of a pod cannot be read is added to `problems`; the pod is judged by the rest of it.
    pub fn of(objects: impl IntoIterator<Item = Object<'a>>, problems: &mut Vec<Problem>) -> Self {
        let kinds = WorkloadKinds::default();
        let mut state = Self::default();
        for object in objects {
            match (object.api_version, object.kind) {
                ("v1", "Namespace") => {
                    state.namespaces.insert(object.name, object);
                }
                ("v1", "Pod") => {
                    if let Some(pod) = kinds.read(object, problems) {
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
}

impl Admission {
    /// Judges a request.
    ///
    /// `in_time` is asked after each existing pod of a relabelled namespace whether there is time for another: upstream
    /// allows one second, and at most half of what the request has left.
    pub fn admit(&self, request: &Request<'_>, state: &State<'_>, in_time: &mut dyn FnMut() -> bool) -> (Response, Vec<Event>) {
        let mut counted = Vec::new();
        let response = match (request.resource.group, request.resource.name) {
            ("", "namespaces") => self.namespace(request, state, in_time),
            ("", "pods") => self.pod(request, state, &mut counted),
            _ => self.controller(request, state, &mut counted),
        };
        (response, counted.into_iter().map(|counted| Event::of(request, counted)).collect())
    }

    fn namespace(&self, request: &Request<'_>, state: &State<'_>, in_time: &mut dyn FnMut() -> bool) -> Response {
        if !request.subresource.is_empty() {
            return Response::allowed();
        }
        let (name, labels) = match self.decode(request, request.object).and_then(as_namespace) {
            Ok(namespace) => (namespace.name, namespace.node.at(&["metadata", "labels"])),
            Err(NotDecoded::Broken(cause)) => return Response::error(Status::bad_request("failed to decode object"), Some(&cause)),
            Err(NotDecoded::Other(_)) => return Response::error(Status::bad_request("failed to decode namespace"), None),
        };
        let (policy, errors) = Policy::of_labels(labels, &self.configuration.defaults);
        match request.operation {
            "CREATE" if !errors.is_empty() => Response::refused(Status::invalid(request, &errors)),
            "CREATE" => self.exempt_namespace_warning(request, name, labels, &policy).unwrap_or_else(Response::allowed),
            "UPDATE" => {
                // The blanks are upstream's.
                let old = match self.decode(request, request.old_object).and_then(as_namespace) {
                    Ok(namespace) => namespace.node.at(&["metadata", "labels"]),
                    Err(NotDecoded::Broken(cause)) => {
                        return Response::error(Status::bad_request("failed to decode  old object"), Some(&cause));
                    }
                    Err(NotDecoded::Other(_)) => return Response::error(Status::bad_request("failed to decode  old namespace"), None),
                };
                let (old_policy, old_errors) = Policy::of_labels(old, &self.configuration.defaults);
                if !errors.is_empty() && errors != old_errors {
                    return Response::refused(Status::invalid(request, &errors));
                }
                let (new, old) = (policy.enforce, old_policy.enforce);
                let relaxed = new.version == old.version && new.level <= old.level;
                if new == old || new.level == Level::Privileged || relaxed {
                    return Response::allowed();
                }
                if self.is_exempt_namespace(request.namespace) {
                    return self.exempt_namespace_warning(request, name, labels, &policy).unwrap_or_else(Response::allowed);
                }
                Response { warnings: self.existing_pods(name, new, state, in_time), ..Response::allowed() }
            }
            _ => Response::allowed(),
        }
    }

    /// The warning that an exempt namespace's labels do nothing, if it is exempt and they would.
    fn exempt_namespace_warning(&self, request: &Request<'_>, name: &str, labels: Option<Node<'_>>, policy: &Policy) -> Option<Response> {
        let idle = policy.is_fully_privileged() || policy.is_equivalent(&self.configuration.defaults);
        if !self.is_exempt_namespace(request.namespace) || idle {
            return None;
        }
        let is_set = |name: &str| labels.is_some_and(|labels| labels.get(&format!("{}{name}", crate::labels::PREFIX)).is_some());
        let modes = [("enforce", policy.enforce), ("audit", policy.audit), ("warn", policy.warn)];
        let said: Vec<String> = modes
            .into_iter()
            .filter(|(mode, policy)| policy.level != Level::Privileged && (is_set(mode) || is_set(&format!("{mode}-version"))))
            .map(|(mode, policy)| format!("{mode}={policy}"))
            .collect();
        let warning =
            format!("namespace {} is exempt from Pod Security, and the policy ({}) will be ignored", go_quoted(name), said.join(", "));
        Some(Response { warnings: vec![warning], ..Response::allowed() })
    }

    fn pod(&self, request: &Request<'_>, state: &State<'_>, events: &mut Vec<Counted>) -> Response {
        if IGNORED_SUBRESOURCES.contains(&request.subresource) {
            return Response::allowed();
        }
        if let Some(exempt) = self.exemption(request, events) {
            return exempt;
        }
        let mut fatal = |response: Response| {
            events.push(Counted::Error { fatal: true });
            response
        };
        let Some(namespace) = state.namespaces.get(request.namespace) else {
            let message = format!("failed to lookup namespace {}", go_quoted(request.namespace));
            return fatal(Response::error(Status::internal(&message), Some(&not_found(request.namespace))));
        };
        let (policy, errors) = Policy::of_namespace(namespace, &self.configuration.defaults);
        if errors.is_empty() && policy.is_fully_privileged() {
            events.push(Counted::Evaluation { allowed: true, policy: policy.enforce, mode: Mode::Enforce });
            return Response::allowed().annotated("enforce-policy", "privileged:latest");
        }
        let pod = match self.decode(request, request.object).and_then(|object| self.pod_of(as_pod(object)?)) {
            Ok(pod) => pod,
            Err(NotDecoded::Broken(cause)) => return fatal(Response::error(Status::bad_request("failed to decode object"), Some(&cause))),
            Err(NotDecoded::Other(_)) => return fatal(Response::error(Status::bad_request("failed to decode pod"), None)),
        };
        if request.operation == "UPDATE" {
            let old = match self.decode(request, request.old_object).and_then(|object| self.pod_of(as_pod(object)?)) {
                Ok(old) => old,
                Err(NotDecoded::Broken(cause)) => {
                    return fatal(Response::error(Status::bad_request("failed to decode old object"), Some(&cause)));
                }
                Err(NotDecoded::Other(_)) => return fatal(Response::error(Status::bad_request("failed to decode old pod"), None)),
            };
            if !is_significant(&pod, &old) {
                return Response::allowed();
            }
        }
        self.judge(request, &policy, &errors, &pod, true, events)
    }

    fn controller(&self, request: &Request<'_>, state: &State<'_>, events: &mut Vec<Counted>) -> Response {
        if !request.subresource.is_empty() {
            return Response::allowed();
        }
        if let Some(exempt) = self.exemption(request, events) {
            return exempt;
        }
        // Controllers are never refused: what cannot be judged is noted.
        let mut failed = |message: String| {
            events.push(Counted::Error { fatal: true });
            Response::allowed().annotated("error", message)
        };
        let Some(namespace) = state.namespaces.get(request.namespace) else {
            return failed(format!("failed to lookup namespace {}: {}", go_quoted(request.namespace), not_found(request.namespace)));
        };
        let (policy, errors) = Policy::of_namespace(namespace, &self.configuration.defaults);
        if errors.is_empty() && policy.warn.level == Level::Privileged && policy.audit.level == Level::Privileged {
            return Response::allowed();
        }
        match self.decode(request, request.object).and_then(|object| self.pod_of(object)) {
            Ok(pod) => self.judge(request, &policy, &errors, &pod, false, events),
            Err(NotDecoded::Broken(cause)) => failed(format!("failed to decode object: {cause}")),
            Err(NotDecoded::Other(what)) if what.is_empty() => Response::allowed(),
            Err(NotDecoded::Other(what)) => failed(format!("failed to extract pod template: unexpected object type: {what}")),
        }
    }

    fn judge(
        &self,
        request: &Request<'_>,
        policy: &Policy,
        errors: &[FieldError],
        pod: &Pod<'_>,
        enforce: bool,
        events: &mut Vec<Counted>,
    ) -> Response {
        if pod
            .runtime_class
            .is_some_and(|class| !class.is_empty() && self.configuration.runtime_classes.iter().any(|exempt| exempt == class))
        {
            events.push(Counted::Exemption);
            return Response::allowed().annotated("exempt", "runtimeClass");
        }
        let mut annotations = BTreeMap::new();
        if !errors.is_empty() {
            annotations.insert("error", format!("Failed to parse policy: {}", FieldError::aggregate(errors)));
            events.push(Counted::Error { fatal: false });
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
            events.push(Counted::Evaluation { allowed: found.is_empty(), policy: policy.enforce, mode: Mode::Enforce });
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
            events.push(Counted::Evaluation { allowed: false, policy: policy.audit, mode: Mode::Audit });
        }
        // Who is refused need not be warned as well.
        if response.allowed {
            let found = forbidden(policy.warn);
            if !found.is_empty() {
                response.warnings.push(would(policy.warn, &found));
                events.push(Counted::Evaluation { allowed: false, policy: policy.warn, mode: Mode::Warn });
            }
        }
        response.audit_annotations = annotations;
        response
    }

    /// What a stricter enforce level would mean for the pods that are there.
    fn existing_pods(&self, namespace: &str, enforce: LevelVersion, state: &State<'_>, in_time: &mut dyn FnMut() -> bool) -> Vec<String> {
        if state.unlisted.contains(namespace) {
            return vec!["failed to list pods while checking new PodSecurity enforce level".to_owned()];
        }
        let pods = self.prioritized(state.pods.get(namespace).map_or(&[][..], Vec::as_slice));
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
        let exempt = |class: &str| self.configuration.runtime_classes.iter().any(|known| known == class);
        let mut seen = HashSet::new();
        let judged = pods.iter().filter(|workload| !workload.pod.runtime_class.is_some_and(exempt));
        let (mut first, replicas): (Vec<_>, Vec<_>) =
            judged.partition(|workload| workload.object.controller().is_none_or(|owner| seen.insert(owner.uid)));
        first.extend(replicas);
        first
    }

    fn exemption(&self, request: &Request<'_>, events: &mut Vec<Counted>) -> Option<Response> {
        let by = if self.is_exempt_namespace(request.namespace) {
            "namespace"
        } else if !request.username.is_empty() && self.configuration.usernames.iter().any(|exempt| exempt == request.username) {
            "user"
        } else {
            return None;
        };
        events.push(Counted::Exemption);
        Some(Response::allowed().annotated("exempt", by))
    }

    fn is_exempt_namespace(&self, namespace: &str) -> bool {
        !namespace.is_empty() && self.configuration.namespaces.iter().any(|exempt| exempt == namespace)
    }
}

fn not_found(namespace: &str) -> String {
    format!("namespaces {} not found", go_quoted(namespace))
}

/// Whether an update can change the verdict: containers added or removed, an image changed, an ephemeral container added.
fn is_significant(pod: &Pod<'_>, old: &Pod<'_>) -> bool {
    use plimsoll_model::ContainerKind::{Ephemeral, Init, Main};
    let images = |pod: &Pod<'_>, kind| -> Vec<String> {
        pod.containers.iter().filter(|container| container.kind == kind).map(|container| container.image.to_owned()).collect()
    };
    if images(pod, Main) != images(old, Main) || images(pod, Init) != images(old, Init) {
        return true;
    }
    let ephemeral = |container: &&plimsoll_model::Container<'_>| container.kind == Ephemeral;
    pod.containers.iter().filter(ephemeral).any(|container| {
        let before = old.containers.iter().filter(ephemeral).find(|before| before.name == container.name);
        before.is_none_or(|before| before.image != container.image)
    })
}
