//! `kubectl get` and `oc get` over the objects that were read, and `oc debug node/… -- chroot /host …`, which is the host.

use super::super::jsonpath::Template;
use super::super::shell::{Machine, Reason};
use super::{Options, Run, make};
use crate::request::plural;
use serde_json::{Value as Json, json};

/// Kinds, their short names, and whether a cluster may have none of them: no namespace, role or pod at all is a list that was not
/// read, not an empty one.
const KINDS: &[(&str, &str, bool)] = &[
    ("Pod", "po", false),
    ("Service", "svc", false),
    ("Namespace", "ns", false),
    ("Node", "no", false),
    ("ServiceAccount", "sa", false),
    ("ConfigMap", "cm", false),
    ("Secret", "", false),
    ("Role", "", false),
    ("ClusterRole", "", false),
    ("RoleBinding", "", false),
    ("ClusterRoleBinding", "", false),
    ("CertificateSigningRequest", "csr", false),
    ("SecurityContextConstraints", "scc", false),
    ("NetworkPolicy", "netpol", true),
    ("Ingress", "ing", true),
    ("Deployment", "deploy", true),
    ("DaemonSet", "ds", true),
    ("ReplicaSet", "rs", true),
    ("StatefulSet", "sts", true),
    ("ReplicationController", "rc", true),
    ("Job", "", true),
    ("CronJob", "cj", true),
    ("HorizontalPodAutoscaler", "hpa", true),
];

/// What `kubectl get all` means, besides pods and services.
const ALL: [&str; 8] =
    ["ReplicationController", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "HorizontalPodAutoscaler", "CronJob", "Job"];

/// How objects are shown.
enum Output {
    Json,
    Name,
    Path(Template),
    Columns(Vec<(String, Template)>),
    /// The names alone, for those who count lines.
    Table,
}

/// Which objects are meant.
struct Query {
    kinds: Vec<String>,
    names: Vec<String>,
    namespace: Option<String>,
    everywhere: bool,
    labels: Vec<(String, Option<String>)>,
    fields: Vec<(Template, bool, String)>,
    ignore_missing: bool,
}

pub(super) fn kubectl(arguments: &[String]) -> Result<Run, Reason> {
    let flags = ["A", "all-namespaces", "no-headers", "ignore-not-found", "show-labels"];
    let valued = ["n", "namespace", "o", "output", "l", "selector", "field-selector", "c", "container"];
    let options = Options::read("kubectl", arguments, &flags, &valued, true)?;
    let words: Vec<&str> = options.rest.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["get", kinds, names @ ..] => get(kinds, names, &options),
        // A debug pod of a node sees the node's files below /host.
        ["debug", node, "chroot", "/host", name, rest @ ..] if node.starts_with("node/") => {
            let rest: Vec<String> = rest.iter().map(|&word| word.to_owned()).collect();
            make(name, &rest)
        }
        [verb, ..] => Err(format!("`kubectl {verb}` is not understood: it asks what no object says")),
        [] => Err("`kubectl` lacks a command".to_owned()),
    }
}

fn get(kinds: &str, names: &[&str], options: &Options) -> Result<Run, Reason> {
    let output = match options.value(&["o", "output"]) {
        None if options.has(&["no-headers"]) => Output::Table,
        None => return Err("the table of `kubectl get` is not understood".to_owned()),
        Some("json") => Output::Json,
        Some("name") => Output::Name,
        Some(other) => {
            if let Some(template) = other.strip_prefix("jsonpath=") {
                Output::Path(Template::parse(template).map_err(|why| format!("the JSONPath `{template}` is not understood: {why}"))?)
            } else if let Some(columns) = other.strip_prefix("custom-columns=") {
                let mut read = Vec::new();
                for column in columns.split(',') {
                    let (title, path) = column.split_once(':').ok_or_else(|| format!("the column `{column}` is not understood"))?;
                    read.push((
                        title.to_owned(),
                        Template::path(path).map_err(|why| format!("the column `{column}` is not understood: {why}"))?,
                    ));
                }
                Output::Columns(read)
            } else {
                return Err(format!("`kubectl get -o {other}` is not understood"));
            }
        }
    };
    let mut query = Query {
        kinds: kinds.split(',').map(str::to_owned).collect(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        namespace: options.value(&["n", "namespace"]).map(str::to_owned),
        everywhere: options.has(&["A", "all-namespaces"]),
        labels: Vec::new(),
        fields: Vec::new(),
        ignore_missing: options.has(&["ignore-not-found"]),
    };
    if let Some((kind, name)) = kinds.split_once('/') {
        (query.kinds, query.names) = (vec![kind.to_owned()], vec![name.to_owned()]);
    }
    for term in options.value(&["l", "selector"]).into_iter().flat_map(|text| text.split(',')) {
        query.labels.push(match term.split_once('=') {
            Some((key, value)) if !key.ends_with('!') => (key.to_owned(), Some(value.trim_start_matches('=').to_owned())),
            Some(_) => return Err(format!("the selector `{term}` is not understood")),
            None => (term.to_owned(), None),
        });
    }
    for term in options.value(&["field-selector"]).into_iter().flat_map(|text| text.split(',')) {
        let (key, value) = term.split_once('=').ok_or_else(|| format!("the selector `{term}` is not understood"))?;
        let template = Template::path(key.trim_end_matches('!')).map_err(|_| format!("the selector `{term}` is not understood"))?;
        query.fields.push((template, key.ends_with('!'), value.trim_start_matches('=').to_owned()));
    }
    let headers = !options.has(&["no-headers"]);
    Ok(Box::new(move |_, machine, streams| {
        let mut found = query.find(machine)?;
        if !query.names.is_empty() {
            for name in &query.names {
                if !found.iter().any(|object| text(object, "/metadata/name") == name) {
                    if query.ignore_missing {
                        return Ok(0);
                    }
                    streams.err(format!("Error from server (NotFound): {} \"{name}\" not found", query.kinds.join(",")));
                    return Ok(1);
                }
            }
        }
        let single = query.names.len() == 1;
        match &output {
            Output::Json | Output::Path(_) => {
                let shown = if single {
                    found.first().map(|object| (*object).clone()).unwrap_or_default()
                } else {
                    machine.step(found.len())?;
                    json!({"apiVersion": "v1", "kind": "List", "items": found})
                };
                if let Output::Path(template) = &output {
                    match template.fill(&shown) {
                        Ok(text) => streams.out(text),
                        Err(why) => {
                            streams.err(format!("error: error executing jsonpath: {why}"));
                            return Ok(1);
                        }
                    }
                } else {
                    streams.line(serde_json::to_string_pretty(&shown).unwrap_or_default());
                }
            }
            Output::Name => found.iter().for_each(|object| streams.line(qualified(object))),
            Output::Columns(columns) => {
                if headers {
                    streams.line(columns.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>().join("   "));
                }
                for object in &found {
                    machine.step(1)?;
                    let cell = |(_, template): &(String, Template)| match template.values(object) {
                        Ok(values) if !values.is_empty() => {
                            let shown = values.into_iter().map(|value| if value.is_null() { "<none>".to_owned() } else { as_go(value) });
                            shown.collect::<Vec<_>>().join(",")
                        }
                        _ => "<none>".to_owned(),
                    };
                    streams.line(columns.iter().map(cell).collect::<Vec<_>>().join("   "));
                }
            }
            Output::Table => {
                found.sort_by_key(|object| text(object, "/kind").to_owned());
                let mixed = query.kinds.len() > 1 || query.kinds.iter().any(|kind| kind == "all");
                for object in &found {
                    let name = if mixed { qualified(object) } else { text(object, "/metadata/name").to_owned() };
                    let home = Some(text(object, "/metadata/namespace")).filter(|_| query.everywhere);
                    streams.line(home.map_or_else(|| format!("{name}   "), |home| format!("{home}   {name}   ")));
                }
            }
        }
        Ok(0)
    }))
}

impl Query {
    fn find<'o>(&self, machine: &'o Machine<'_>) -> Result<Vec<&'o Json>, Reason> {
        let Some(objects) = machine.objects else {
            return Err("it asks the cluster: give `cluster` or a snapshot of it as a target too".to_owned());
        };
        machine.step(objects.len() / 16)?;
        let mut kinds: Vec<&str> = Vec::new();
        for word in &self.kinds {
            if word == "all" {
                kinds.extend(ALL);
                kinds.extend([kind("pods", objects)?, kind("services", objects)?]);
            } else {
                kinds.push(kind(word, objects)?);
            }
        }
        let is_meant = |object: &&Json| {
            if !kinds.contains(&text(object, "/kind")) {
                return false;
            }
            let namespaced = !plimsoll_model::is_cluster_scoped(text(object, "/kind"));
            let home = Some(text(object, "/metadata/namespace")).filter(|home| !home.is_empty()).unwrap_or("default");
            let here = self.everywhere || !namespaced || home == self.namespace.as_deref().unwrap_or("default");
            let labelled = self.labels.iter().all(|(key, value)| {
                let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(key)).and_then(Json::as_str);
                value.as_ref().map_or(label.is_some(), |value| label == Some(value))
            });
            let fields =
                self.fields.iter().all(|(template, negated, value)| template.fill(object).is_ok_and(|found| (found == *value) != *negated));
            let named = self.names.is_empty() || self.names.iter().any(|name| name == text(object, "/metadata/name"));
            here && labelled && fields && named
        };
        Ok(objects.iter().filter(is_meant).collect())
    }
}

/// The kind that a word means, of which there has to be an object unless there may be none.
fn kind<'o>(word: &str, objects: &'o [Json]) -> Result<&'o str, Reason> {
    // `kubeapiservers.operator.openshift.io`: the group says no more than the kind.
    let plain = word.split('.').next().unwrap_or(word).to_lowercase();
    let means = |kind: &str| kind.to_lowercase() == plain || plural(kind) == plain;
    let known = KINDS.iter().find(|(kind, short, _)| means(kind) || (!short.is_empty() && *short == plain));
    let mut seen = objects.iter().map(|object| text(object, "/kind"));
    let found = match known {
        Some((kind, _, true)) => Some(*kind),
        Some((kind, _, false)) => seen.find(|seen| seen == kind),
        None => seen.find(|kind| means(kind)),
    };
    found.ok_or_else(|| format!("no object of kind `{word}` was read"))
}

/// A value as Go prints it, which columns show.
fn as_go(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(as_go).collect::<Vec<_>>().join(" ")),
        Json::Object(map) => {
            let mut pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", as_go(value))).collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// `deployment.apps/web`, `service/kubernetes`
fn qualified(object: &Json) -> String {
    let kind = text(object, "/kind").to_lowercase();
    let group = text(object, "/apiVersion").split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    format!("{kind}{group}/{}", text(object, "/metadata/name"))
}

fn text<'j>(object: &'j Json, pointer: &str) -> &'j str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or("")
}
