//! Workloads: one pod view over every kind that carries a pod template.

use crate::pod::Pod;
use crate::{Object, Problem, ProblemKind};

/// An object that is a pod or makes pods.
#[derive(Debug)]
pub struct Workload<'a> {
    /// The object.
    pub object: Object<'a>,
    /// The pod, or the template that its pods are made from.
    pub pod: Pod<'a>,
}

/// The kinds that carry a pod template, and where.
#[derive(Debug, Clone)]
pub struct WorkloadKinds {
    custom: Vec<WorkloadKind>,
}

/// One kind with the place of its pod template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// JSON pointer to what holds `metadata` and `spec` of the pod.
    pub template: String,
}

/// Kinds known without configuration: group, kind, pointer to the pod template.
///
/// Kubernetes API reference 1.36; Agent Sandbox 0.1; Argo Rollouts 1.8; Knative Serving 1.18; OpenKruise 1.8; OpenShift 4.20.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("", "DeploymentConfig", "/spec/template"),
    ("", "Pod", ""),
    ("", "PodTemplate", "/template"),
    ("", "ReplicationController", "/spec/template"),
    ("agents.x-k8s.io", "Sandbox", "/spec/podTemplate"),
    ("apps", "DaemonSet", "/spec/template"),
    ("apps", "Deployment", "/spec/template"),
    ("apps", "ReplicaSet", "/spec/template"),
    ("apps", "StatefulSet", "/spec/template"),
    ("apps.kruise.io", "AdvancedCronJob", "/spec/template/broadcastJobTemplate/spec/template"),
    ("apps.kruise.io", "AdvancedCronJob", "/spec/template/jobTemplate/spec/template"),
    ("apps.kruise.io", "BroadcastJob", "/spec/template"),
    ("apps.kruise.io", "CloneSet", "/spec/template"),
    ("apps.kruise.io", "DaemonSet", "/spec/template"),
    ("apps.kruise.io", "StatefulSet", "/spec/template"),
    ("apps.kruise.io", "UnitedDeployment", "/spec/template/advancedStatefulSetTemplate/spec/template"),
    ("apps.kruise.io", "UnitedDeployment", "/spec/template/cloneSetTemplate/spec/template"),
    ("apps.kruise.io", "UnitedDeployment", "/spec/template/deploymentTemplate/spec/template"),
    ("apps.kruise.io", "UnitedDeployment", "/spec/template/statefulSetTemplate/spec/template"),
    ("apps.openshift.io", "DeploymentConfig", "/spec/template"),
    ("argoproj.io", "Rollout", "/spec/template"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
    ("batch", "Job", "/spec/template"),
    ("extensions", "DaemonSet", "/spec/template"),
    ("extensions", "Deployment", "/spec/template"),
    ("extensions", "ReplicaSet", "/spec/template"),
    ("extensions.agents.x-k8s.io", "SandboxTemplate", "/spec/podTemplate"),
    ("serving.knative.dev", "Configuration", "/spec/template"),
    ("serving.knative.dev", "Revision", ""),
    ("serving.knative.dev", "Service", "/spec/template"),
];

/// The kinds that Pod Security admission itself knows how to look into; all of them have exactly one place.
const REQUIRED: &[&str] = &["", "apps", "batch", "extensions"];

impl Workload<'_> {
    /// The workload as the API server would store it; see [`Pod::with_defaults`].
    #[must_use]
    pub fn with_defaults(self) -> Self {
        Self { pod: self.pod.with_defaults(), ..self }
    }
}

impl WorkloadKinds {
    /// The built-in kinds and those of the configuration, which win.
    pub fn with(custom: Vec<WorkloadKind>) -> Self {
        Self { custom }
    }

    /// The places in which a kind carries its pod template; none for a kind that makes no pods.
    pub fn templates<'s>(&'s self, group: &str, kind: &str) -> impl Iterator<Item = &'s str> {
        let custom = self.custom.iter().map(|custom| (&*custom.group, &*custom.kind, &*custom.template));
        custom.chain(BUILT_IN.iter().copied()).filter(move |(g, k, _)| *g == group && *k == kind).map(|(_, _, template)| template)
    }

    /// Reads `object` as a workload; `None` if its kind makes no pods or it has no template (a Rollout that refers to
    /// a Deployment). What the API would not accept of the template is a problem.
    pub fn read<'a>(&self, object: Object<'a>, problems: &mut Vec<Problem>) -> Option<Workload<'a>> {
        let mut known = false;
        for template in self.templates(object.group(), object.kind) {
            known = true;
            if let Some(node) = object.node.resolve(template).filter(|node| !node.is_null()) {
                let pod = Pod::read(object, node, template, problems)?;
                return Some(Workload { object, pod });
            }
        }
        if known && REQUIRED.contains(&object.group()) {
            let message = format!("{} `{}` has no pod template", object.kind, object.name);
            // The kind is enough to show.
            let place = object.node.get("kind").unwrap_or(object.node);
            problems.push(Problem::at(ProblemKind::Invalid, place, message));
        } else if !known && let Some(pointer) = hidden_template(object) {
            let message = format!("kind `{}` of `{}` carries a pod template that is not looked at", object.kind, object.api_version);
            let help = format!(
                "to include it: `workloads: [{{group: {:?}, kind: {}, podTemplate: {pointer}}}]` in plimsoll.yaml",
                object.group(),
                object.kind
            );
            problems.push(Problem::at(ProblemKind::Note, object.node.resolve(&pointer).unwrap_or(object.node), message).help(help));
        }
        None
    }
}

impl Default for WorkloadKinds {
    fn default() -> Self {
        Self::with(Vec::new())
    }
}

/// A pod template in the usual places of a kind that is not known: something with containers that have images.
fn hidden_template(object: Object<'_>) -> Option<String> {
    ["/spec/template", "/spec/podTemplate", "/spec/jobTemplate/spec/template", "/template"].into_iter().find_map(|pointer| {
        let containers = object.node.resolve(pointer)?.at(&["spec", "containers"])?;
        containers.items().any(|container| container.get("image").is_some()).then(|| pointer.to_owned())
    })
}
