//! What the user chooses: lists that checks compare with.

use regex::{RegexSet, RegexSetBuilder};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

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
    /// The values of those that hold regular expressions, compiled.
    patterns: BTreeMap<&'static str, Arc<Patterns>>,
    /// The minor version of Kubernetes 1 that objects are judged for, where the user says one.
    minor: Option<u32>,
}

/// Regular expressions that a value is compared with, compiled when the first value is.
#[derive(Debug)]
pub(crate) struct Patterns {
    sources: Vec<String>,
    /// As written.
    exact: OnceLock<RegexSet>,
    /// In any case.
    any_case: OnceLock<RegexSet>,
}

/// Why a value cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterError {
    /// There is no parameter of that name.
    Unknown(String),
    /// A value is not a regular expression.
    Pattern {
        /// The parameter.
        parameter: &'static str,
        /// The value.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
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
    TARGET_NAMESPACE = "target-namespace": &[], "The namespace that `fix` moves objects to that name none or `default`.";
    IMAGE_DIGESTS = "image-digests": &[], "Images with the digest that was found for them (`nginx:1.25@sha256:…`), for `fix` to pin them.";
    REGISTRY_MIRROR = "registry-mirror": &[], "The registry or repository that holds copies of images, for `fix` to take them from.";
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
    MIN_REPLICAS = "min-replicas": &["2"], "The smallest number of replicas that a workload should have.";
    SANDBOX_CPU_LIMIT_MAX = "sandbox-cpu-limit-max": &[], "The largest CPU limit of an agent sandbox.";
    SANDBOX_MEMORY_LIMIT_MAX = "sandbox-memory-limit-max": &[], "The largest memory limit of an agent sandbox.";
}

/// Those whose values are regular expressions.
static PATTERNS: &[&Parameter] = &[&SENSITIVE_VALUES, &SENSITIVE_VALUES_ALLOWED];

static DEFAULT_PATTERNS: LazyLock<BTreeMap<&'static str, Arc<Patterns>>> =
    LazyLock::new(|| PATTERNS.iter().map(|parameter| (parameter.name, Arc::new(Patterns::new(parameter.default)))).collect());

impl Parameters {
    /// Replaces a parameter's value.
    ///
    /// # Errors
    /// There is no parameter of that name, or a value is not the regular expression that it has to be.
    pub fn set(&mut self, name: &str, values: Vec<String>) -> Result<(), ParameterError> {
        let known = PARAMETERS.iter().find(|parameter| parameter.name == name);
        let parameter = known.ok_or_else(|| ParameterError::Unknown(name.to_owned()))?;
        if PATTERNS.iter().any(|pattern| pattern.name == parameter.name) {
            Patterns::build(&values, true).map_err(|why| {
                // The set says what is wrong but not with which.
                let wrong = values.iter().find(|value| regex::Regex::new(value).is_err());
                let pattern = wrong.map_or_else(|| values.join(", "), String::clone);
                ParameterError::Pattern { parameter: parameter.name, pattern, why: why.to_string() }
            })?;
            self.patterns.insert(parameter.name, Arc::new(Patterns::new(&values)));
        }
        self.chosen.insert(parameter.name, values);
        Ok(())
    }

    /// The same, for objects that Kubernetes 1.`minor` is to take.
    #[must_use]
    pub fn for_kubernetes(self, minor: u32) -> Self {
        Self { minor: Some(minor), ..self }
    }

    /// The minor version of Kubernetes 1 that the user says.
    pub(crate) fn kubernetes(&self) -> Option<u32> {
        self.minor
    }

    /// The values of a parameter.
    pub(crate) fn get(&self, parameter: &'static Parameter) -> impl Iterator<Item = &str> {
        let chosen = self.chosen.get(parameter.name);
        let default = chosen.is_none().then(|| parameter.default.iter().copied());
        chosen.into_iter().flatten().map(String::as_str).chain(default.into_iter().flatten())
    }

    /// The values of a parameter that holds regular expressions.
    pub(crate) fn patterns(&self, parameter: &'static Parameter) -> Option<&Patterns> {
        self.patterns.get(parameter.name).or_else(|| DEFAULT_PATTERNS.get(parameter.name)).map(|patterns| &**patterns)
    }
}

impl Patterns {
    fn new<S: AsRef<str>>(sources: &[S]) -> Self {
        let sources = sources.iter().map(|source| source.as_ref().to_owned()).collect();
        Self { sources, exact: OnceLock::new(), any_case: OnceLock::new() }
    }

    fn build(sources: &[String], any_case: bool) -> Result<RegexSet, regex::Error> {
        RegexSetBuilder::new(sources).case_insensitive(any_case).build()
    }

    /// The first pattern that `text` matches as written.
    pub(crate) fn matching(&self, text: &str) -> Option<&str> {
        first(self.exact.get_or_init(|| Self::build(&self.sources, false).unwrap_or_default()), text)
    }

    /// The first pattern that `text` matches in any case.
    pub(crate) fn matching_any_case(&self, text: &str) -> Option<&str> {
        first(self.any_case.get_or_init(|| Self::build(&self.sources, true).unwrap_or_default()), text)
    }
}

fn first<'s>(set: &'s RegexSet, text: &str) -> Option<&'s str> {
    if set.is_empty() {
        return None;
    }
    // Most values match nothing, which is cheaper to know than what they match.
    let at = set.is_match(text).then(|| set.matches(text).iter().next()).flatten()?;
    set.patterns().get(at).map(String::as_str)
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "no check has a parameter `{name}`"),
            Self::Pattern { parameter, pattern, why } => {
                write!(f, "`{pattern}` in parameter `{parameter}` is not a regular expression: {why}")
            }
        }
    }
}

impl std::error::Error for ParameterError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_patterns_compile() {
        for parameter in PATTERNS {
            assert!(Parameters::default().patterns(parameter).is_some(), "{}", parameter.name);
        }
    }

    #[test]
    fn what_cannot_be_taken_says_why() {
        let mut parameters = Parameters::default();
        let unknown = parameters.set("sensitive", Vec::new()).unwrap_err();
        assert_eq!(unknown.to_string(), "no check has a parameter `sensitive`");
        let wrong = parameters.set("sensitive-values", vec!["fine".to_owned(), "not(fine".to_owned()]).unwrap_err().to_string();
        assert!(wrong.starts_with("`not(fine` in parameter `sensitive-values` is not a regular expression: "), "{wrong}");
        assert!(parameters.patterns(&SENSITIVE_VALUES).unwrap().matching("fine").is_none(), "a value that is refused changes nothing");
    }

    #[test]
    fn chosen_patterns_replace_the_default() {
        let mut parameters = Parameters::default();
        parameters.set("sensitive-values", vec!["Hunter[0-9]".to_owned()]).unwrap();
        let patterns = parameters.patterns(&SENSITIVE_VALUES).unwrap();
        assert_eq!(patterns.matching("Hunter2"), Some("Hunter[0-9]"));
        assert_eq!(patterns.matching("hunter2"), None);
        assert_eq!(patterns.matching_any_case("hunter2"), Some("Hunter[0-9]"));
        assert_eq!(patterns.matching("PRIVATE KEY"), None);
    }
}
