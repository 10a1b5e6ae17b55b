//! What the user chooses: lists that checks compare with.

use std::collections::BTreeMap;

/// One list that a check compares with.
#[derive(Debug)]
pub struct Parameter {
    /// As in the configuration, under `parameters`.
    pub name: &'static str,
    /// What holds unless the configuration says otherwise.
    pub default: &'static [&'static str],
    /// What it is for, one sentence.
    pub docs: &'static str,
}

/// The values that hold.
#[derive(Debug, Default, Clone)]
pub struct Parameters {
    chosen: BTreeMap<&'static str, Vec<String>>,
}

macro_rules! parameters {
    ($($constant:ident = $name:literal: $default:expr, $docs:literal;)*) => {
        $(
            #[doc = $docs]
            pub(crate) static $constant: Parameter = Parameter { name: $name, default: $default, docs: $docs };
        )*
        /// All parameters, sorted by name.
        pub static PARAMETERS: &[&Parameter] = &[$(&$constant),*];
    };
}

parameters! {
    ALLOWED_REGISTRIES = "allowed-registries": &[], "Registries or repositories that images may come from; empty for all.";
    FLOATING_TAGS = "floating-tags": &[], "Tags that count as moving, besides `latest` and none.";
    DIGEST_EXEMPT = "digest-exempt-repositories": &[], "Repositories whose images need not be pinned by digest.";
    UNTRUSTED_REGISTRIES = "untrusted-registries": &[], "Registries that images must not come from.";
    SENSITIVE_KEYS = "sensitive-keys": &["aws_secret_access_key", "azure_batchai_storage_key", "azure_batch_key", "secret", "key", "password", "pwd", "token", "jwt", "bearer", "credential"], "Parts of names that speak of credentials, in any case.";
    SENSITIVE_KEYS_ALLOWED = "sensitive-keys-allowed": &[], "Parts of names that are no credentials after all.";
    SENSITIVE_VALUES = "sensitive-values": &["BEGIN \\w+ PRIVATE KEY", "PRIVATE KEY", "eyJhbGciO", "JWT", "Bearer", "_key_", "_secret_", "AKIA[0-9A-Z]{16}", "ghp_[0-9A-Za-z]{36}", "AIza[0-9A-Za-z\\-_]{35}", "xox[baprs]-[0-9A-Za-z]{10,48}"], "Regular expressions for values that are credentials.";
    SENSITIVE_VALUES_ALLOWED = "sensitive-values-allowed": &[], "Values that are no credentials after all.";
    SENSITIVE_INTERFACES = "sensitive-interfaces": &["nifi", "argo-server", "weave-scope-app", "kubeflow", "kubernetes-dashboard", "jenkins", "prometheus-deployment", "ollama", "vllm", "kserve", "triton-inference-server", "ray-dashboard", "ray-head", "mlflow", "jupyterhub", "seldon", "bentoml"], "Parts of names of workloads whose interface gives control.";
    RECOMMENDED_LABELS = "recommended-labels": &["app", "tier", "phase", "version", "owner", "env"], "Labels of which a workload carries at least one.";
    COMMON_LABELS = "common-labels": &["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/component", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", "app.kubernetes.io/created-by"], "Kubernetes' common labels, of which a workload carries at least one.";
    HARDENED_RUNTIME_CLASSES = "hardened-runtime-classes": &["gvisor"], "RuntimeClasses that isolate sandboxes.";
    MEMORY_REQUEST_MAX = "memory-request-max": &[], "The largest memory request.";
    MEMORY_REQUEST_MIN = "memory-request-min": &["0"], "The smallest memory request.";
    MEMORY_LIMIT_MAX = "memory-limit-max": &[], "The largest memory limit.";
    MEMORY_LIMIT_MIN = "memory-limit-min": &["0"], "The smallest memory limit.";
    CPU_REQUEST_MAX = "cpu-request-max": &[], "The largest CPU request.";
    CPU_REQUEST_MIN = "cpu-request-min": &["0"], "The smallest CPU request.";
    CPU_LIMIT_MAX = "cpu-limit-max": &[], "The largest CPU limit.";
    CPU_LIMIT_MIN = "cpu-limit-min": &["0"], "The smallest CPU limit.";
    SANDBOX_CPU_LIMIT_MAX = "sandbox-cpu-limit-max": &[], "The largest CPU limit of an agent sandbox.";
    SANDBOX_MEMORY_LIMIT_MAX = "sandbox-memory-limit-max": &[], "The largest memory limit of an agent sandbox.";
}

impl Parameters {
    /// Replaces a parameter's value; `false` if there is none of that name.
    pub fn set(&mut self, name: &str, values: Vec<String>) -> bool {
        let known = PARAMETERS.iter().find(|parameter| parameter.name == name);
        if let Some(parameter) = known {
            self.chosen.insert(parameter.name, values);
        }
        known.is_some()
    }

    /// The values of a parameter.
    pub(crate) fn get(&self, parameter: &'static Parameter) -> impl Iterator<Item = &str> {
        let chosen = self.chosen.get(parameter.name);
        let default = chosen.is_none().then(|| parameter.default.iter().copied());
        chosen.into_iter().flatten().map(String::as_str).chain(default.into_iter().flatten())
    }
}
