//! A live cluster: discovery, then every list that a scan needs, page by page, as JSON text.
//!
//! The only file that knows the Kubernetes client. A kind that cannot be listed is a problem of its own; the rest goes on.

use crate::host::{self, Host};
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use plimsoll_model::{Origin, Problem, ProblemKind, Source};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to reach a cluster and what to read of it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A kubeconfig file instead of `$KUBECONFIG`, `~/.kube/config` or the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig instead of the current one.
    pub context: Option<String>,
    /// Read this namespace only.
    pub namespace: Option<String>,
    /// List Secrets too, without their values.
    pub secrets: bool,
    /// Keep the values of Secrets.
    pub secret_data: bool,
    /// Custom kinds to list, beside the built-in ones: group and kind.
    pub kinds: Vec<(String, String)>,
}

/// What was read of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lists {
    /// `gitVersion` of the API server.
    pub server_version: String,
    /// Pages of lists in order: the resource (`deployments.apps`), and the list as JSON.
    pub pages: Vec<Page>,
    /// Resources that could not be read, with the reason.
    pub unreadable: Vec<(String, String)>,
    /// Whether the values of Secrets are in it.
    pub secret_data: bool,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `deployments.apps`, or `pods` for the core group.
    pub resource: String,
    /// The list object as JSON.
    pub text: String,
}

/// Why a cluster cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No kubeconfig, no such context, not in a pod.
    #[error("no cluster to talk to (--kubeconfig and --context say which): {0}")]
    Config(String),
    /// The API server does not answer, or not as one.
    #[error("the API server cannot be asked: {0}")]
    Connect(String),
}

/// The resources that engines look at: group, plurals. Kinds of other projects (with pod templates, or of what nodes show) go
/// by kind, as their plurals are theirs to choose.
const RESOURCES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "limitranges",
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "podtemplates",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apps", &["daemonsets", "deployments", "replicasets", "statefulsets"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    ("networking.k8s.io", &["ingressclasses", "ingresses", "networkpolicies"]),
    ("node.k8s.io", &["runtimeclasses"]),
    ("policy", &["poddisruptionbudgets"]),
    ("rbac.authorization.k8s.io", &["clusterrolebindings", "clusterroles", "rolebindings", "roles"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
    ("storage.k8s.io", &["csidrivers", "storageclasses"]),
];
const KINDS: &[(&str, &str)] = &[
    ("apps.kruise.io", "AdvancedCronJob"),
    ("apps.kruise.io", "BroadcastJob"),
    ("apps.kruise.io", "CloneSet"),
    ("apps.kruise.io", "DaemonSet"),
    ("apps.kruise.io", "StatefulSet"),
    ("apps.kruise.io", "UnitedDeployment"),
    ("argoproj.io", "Rollout"),
    ("hostdata.kubescape.cloud", "CNIInfo"),
    ("hostdata.kubescape.cloud", "CloudProviderInfo"),
    ("hostdata.kubescape.cloud", "ControlPlaneInfo"),
    ("hostdata.kubescape.cloud", "KubeProxyInfo"),
    ("hostdata.kubescape.cloud", "KubeletInfo"),
    ("hostdata.kubescape.cloud", "LinuxKernelVariables"),
    ("hostdata.kubescape.cloud", "LinuxSecurityHardeningStatus"),
    ("hostdata.kubescape.cloud", "OpenPortsList"),
    ("serving.knative.dev", "Configuration"),
    ("serving.knative.dev", "Revision"),
    ("serving.knative.dev", "Service"),
];

/// Objects asked for at a time, as kubectl does.
const PAGE: usize = 500;

/// Reads the cluster that `options` name.
pub fn read(options: &Options) -> Result<Lists, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Error::Connect(error.to_string()))?;
    runtime.block_on(async {
        let mut config = config(options).await?;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = Some(Duration::from_secs(60));
        let client = Client::try_from(config).map_err(|error| Error::Config(words(&error)))?;
        read_with(&client, options).await
    })
}

/// Reads the cluster behind `client`.
pub async fn read_with(client: &Client, options: &Options) -> Result<Lists, Error> {
    let api = Api { client };
    let version: Value = api.get("/version").await.map_err(Error::Connect)?;
    let server_version = version.get("gitVersion").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let mut lists = Lists { server_version, secret_data: options.secrets && options.secret_data, ..Lists::default() };
    for resource in api.resources(options, &mut lists.unreadable).await? {
        match api.list(&resource, options).await {
            Ok(pages) => lists.pages.extend(pages),
            Err(reason) => lists.unreadable.push((resource.name(), reason)),
        }
    }
    lists.unreadable.sort();
    Ok(lists)
}

impl Lists {
    /// What a node shows, to be kept like the lists of a cluster.
    pub fn of_host(host: &Host) -> Self {
        let (sources, problems) = host::read(host);
        let resource = |source: &Source| source.name.trim_start_matches("host:").to_lowercase() + ".hostdata.kubescape.cloud";
        Self {
            pages: sources.iter().map(|source| Page { resource: resource(source), text: source.text.clone() }).collect(),
            unreadable: problems
                .into_iter()
                .filter(|problem| problem.kind.is_error())
                .map(|problem| (HOST.to_owned(), problem.message))
                .collect(),
            ..Self::default()
        }
    }

    /// Whether nothing could be read.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && !self.unreadable.is_empty()
    }

    /// What could not be read.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        self.unreadable.iter().map(|(resource, reason)| unlisted("cluster", resource, reason))
    }

    /// The pages as sources named `prefix:resource`.
    pub fn sources(&self, prefix: &str) -> impl Iterator<Item = Arc<Source>> {
        self.pages.iter().map(move |page| Source::new(format!("{prefix}:{}", page.resource), Origin::Live, page.text.as_str()))
    }
}

/// What stands for the resource where something of a node could not be read.
const HOST: &str = "host";

/// The problem of a resource that could not be listed.
pub(crate) fn unlisted(prefix: &str, resource: &str, reason: &str) -> Problem {
    let message = if resource == HOST { reason.to_owned() } else { format!("`{resource}` could not be listed: {reason}") };
    let problem = Problem::new(ProblemKind::Unreadable, message).target(prefix);
    if reason.contains("forbidden") { problem.help("give the account `list` on it; nothing of this kind was looked at") } else { problem }
}

impl Error {
    pub(crate) fn problem(&self) -> Problem {
        Problem::new(ProblemKind::Unreadable, self.to_string())
            .target("cluster")
            .help("look at `kubectl version`; --kubeconfig and --context choose another cluster")
    }
}

async fn config(options: &Options) -> Result<Config, Error> {
    let wrong = |error: &dyn std::error::Error| Error::Config(words(error));
    let choice = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    if let Some(path) = &options.kubeconfig {
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| wrong(&error))?;
        return Config::from_custom_kubeconfig(kubeconfig, &choice).await.map_err(|error| wrong(&error));
    }
    if options.context.is_some() {
        return Config::from_kubeconfig(&choice).await.map_err(|error| wrong(&error));
    }
    Config::infer().await.map_err(|error| wrong(&error))
}

/// One resource of the API.
#[derive(Debug)]
struct Resource {
    group: String,
    version: String,
    plural: String,
    namespaced: bool,
}

impl Resource {
    fn name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { format!("/api/{}", self.version) } else { format!("/apis/{}/{}", self.group, self.version) };
        match namespace {
            Some(namespace) if self.namespaced => format!("{root}/namespaces/{namespace}/{}", self.plural),
            Some(namespace) if self.name() == "namespaces" => format!("{root}/namespaces?fieldSelector=metadata.name%3D{namespace}"),
            _ => format!("{root}/{}", self.plural),
        }
    }
}

struct Api<'c> {
    client: &'c Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    preferred_version: GroupVersion,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<ApiResource>,
}

#[derive(Deserialize)]
struct ApiResource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl Api<'_> {
    async fn text(&self, path: &str) -> Result<String, String> {
        let request = Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
        self.client.request_text(request).await.map_err(|error| reason(&error))
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, String> {
        serde_json::from_str(&self.text(path).await?).map_err(|error| format!("the answer is not what an API server sends ({error})"))
    }

    /// The resources to list, in order of their groups. A group that does not answer is noted and passed over.
    async fn resources(&self, options: &Options, unreadable: &mut Vec<(String, String)>) -> Result<Vec<Resource>, Error> {
        let groups: Groups = self.get("/apis").await.map_err(Error::Connect)?;
        let mut versions: BTreeMap<String, String> =
            groups.groups.into_iter().map(|group| (group.name, group.preferred_version.version)).collect();
        versions.insert(String::new(), "v1".to_owned());
        let mut wanted = Vec::new();
        for (group, version) in versions {
            if !wants_group(&group, options) {
                continue;
            }
            let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
            match self.get::<Resources>(&path).await {
                Ok(resources) => {
                    let listable = resources
                        .resources
                        .into_iter()
                        .filter(|one| !one.name.contains('/') && one.verbs.iter().any(|verb| verb == "list"));
                    let chosen = listable.filter(|one| wants(&group, &one.name, &one.kind, options));
                    wanted.extend(chosen.map(|one| Resource {
                        group: group.clone(),
                        version: version.clone(),
                        plural: one.name,
                        namespaced: one.namespaced,
                    }));
                }
                Err(reason) => unreadable.push((if group.is_empty() { "core".to_owned() } else { group }, reason)),
            }
        }
        Ok(wanted)
    }

    /// All pages of a list. A list that expires on the way (410 Gone) is read again from the start, once.
    async fn list(&self, resource: &Resource, options: &Options) -> Result<Vec<Page>, String> {
        let first = self.pages(resource, options).await;
        match first {
            Err(reason) if reason.starts_with("410 ") => self.pages(resource, options).await,
            other => other,
        }
    }

    async fn pages(&self, resource: &Resource, options: &Options) -> Result<Vec<Page>, String> {
        let base = resource.path(options.namespace.as_deref());
        let separator = if base.contains('?') { '&' } else { '?' };
        let mut pages = Vec::new();
        let mut token = String::new();
        loop {
            let next = if token.is_empty() { String::new() } else { format!("&continue={}", encode(&token)) };
            let mut list: Value = self.get(&format!("{base}{separator}limit={PAGE}{next}")).await?;
            if !list.get("items").is_some_and(Value::is_array) {
                return Err("the answer is not a list".to_owned());
            }
            token = list.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or("").to_owned();
            strip(&mut list, resource, options);
            pages.push(Page { resource: resource.name(), text: list.to_string() });
            if token.is_empty() {
                return Ok(pages);
            }
        }
    }
}

fn wants_group(group: &str, options: &Options) -> bool {
    RESOURCES.iter().any(|(known, _)| *known == group)
        || KINDS.iter().any(|(known, _)| *known == group)
        || options.kinds.iter().any(|(known, _)| known == group)
}

fn wants(group: &str, plural: &str, kind: &str, options: &Options) -> bool {
    RESOURCES.iter().any(|(known, plurals)| *known == group && plurals.contains(&plural))
        || KINDS.contains(&(group, kind))
        || options.kinds.iter().any(|(known, known_kind)| known == group && known_kind == kind)
        || (options.secrets && group.is_empty() && plural == "secrets")
}

/// Takes away what no engine reads and what must not leave the cluster.
fn strip(list: &mut Value, resource: &Resource, options: &Options) {
    let is_secret = resource.name() == "secrets" && !options.secret_data;
    for item in list.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            // kubectl apply keeps the whole object here, values of Secrets included.
            if is_secret && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            }
        }
        if is_secret && let Some(secret) = item.as_object_mut() {
            for field in ["data", "stringData"] {
                if let Some(values) = secret.get_mut(field).and_then(Value::as_object_mut) {
                    values.iter_mut().for_each(|(_, value)| *value = Value::Null);
                }
            }
        }
    }
}

/// Continue tokens are opaque; everything but letters and digits is escaped (RFC 3986).
fn encode(token: &str) -> String {
    token.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => format!("{} {}", status.code, status.reason),
        kube::Error::Api(status) => format!("{} {}", status.code, status.message),
        other => words(other),
    }
}

/// An error with its causes, without the names of types that the client puts in front.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = next.source();
    }
    match words.split_once("Error: ") {
        Some((name, rest)) if !name.contains(' ') => rest.to_owned(),
        _ => words,
    }
}
