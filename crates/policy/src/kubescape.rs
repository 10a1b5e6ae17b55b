//! Kubescape's rules: Rego of package `armo_builtins` that sees all objects at once
//! (<https://github.com/kubescape/regolibrary>).

use crate::Breach;
use crate::rego::{Module, Rego};
use crate::world::text;
use plimsoll_model::{Problem, Source};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The package that the rules are in.
pub(crate) const PACKAGE: &str = "armo_builtins";

/// A rule, compiled.
#[derive(Debug)]
pub struct KubescapeRule {
    rego: Rego,
}

/// What a rule sees instead of all objects (`attributes.aggregator` of its metadata).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregator {
    /// Each subject of a binding, with the binding and its role.
    Subjects,
    /// The pod of the API server.
    ApiServerPod,
}

/// What a rule objects to.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// What is wrong.
    pub message: String,
    /// The objects that are to blame.
    pub objects: Vec<Json>,
    /// What is to blame and is no object of Kubernetes: a subject of a binding, a host.
    pub external: Option<Json>,
    /// The objects that go with it.
    pub related: Vec<Json>,
    /// Dotted paths into the object: those that failed, are to be reviewed or deleted.
    pub paths: Vec<String>,
    /// Dotted paths that are to be set.
    pub fixes: Vec<String>,
    /// The response as the rule gave it.
    pub whole: Json,
}

impl KubescapeRule {
    /// Compiles the rule in `module`, with the modules that it imports.
    pub fn compile(module: &Arc<Source>, libraries: &[Arc<Source>], problems: &mut Vec<Problem>) -> Option<Self> {
        let libraries: Vec<Module<'_>> = libraries.iter().map(Module::from).collect();
        Some(Self { rego: Rego::compile(&module.into(), &libraries, "", false, problems)? })
    }

    /// What the rule says of `objects`. `inputs` is the configuration of all controls, `own` that of this one.
    pub fn evaluate(&self, objects: &[Json], inputs: &Json, own: &Json) -> Result<Vec<Response>, String> {
        let data = json!({"postureControlInputs": inputs, "dataControlInputs": own});
        let objects: Vec<Json> = objects.iter().map(as_rules_see_it).collect();
        let package = self.rego.evaluate(&Json::from(objects), Some(&regorus::Value::from(data)))?.unwrap_or_default();
        // Every value that is a list of objects is an answer; what else is in the package helps to find it.
        let rules = package.as_object().into_iter().flat_map(|rules| rules.values());
        let answers = rules.filter_map(Json::as_array).flatten().filter(|answer| answer.is_object());
        Ok(answers.map(response).collect())
    }
}

/// What is read from a host reaches rules as four fields, its name filled in. A node agent keeps the content as `spec`.
fn as_rules_see_it(object: &Json) -> Json {
    if !text(object, "/apiVersion").starts_with("hostdata.kubescape.cloud/") {
        return object.clone();
    }
    let data = object.get("data").or_else(|| object.pointer("/spec/kernelVariables")).or_else(|| object.get("spec"));
    json!({
        "apiVersion": "hostdata.kubescape.cloud/v1beta0",
        "kind": object.get("kind"),
        "metadata": {"name": text(object, "/metadata/name")},
        "data": data,
    })
}

/// The value of a key in any case: rules write `k8SApiObjects` and `k8sApiObjects`.
fn key<'j>(json: &'j Json, wanted: &str) -> Option<&'j Json> {
    json.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}

fn response(answer: &Json) -> Response {
    let mut objects = Vec::new();
    let alert = key(answer, "alertObject");
    if let Some(blamed) = alert.and_then(|alert| key(alert, "k8sApiObjects")) {
        flatten(blamed, &mut objects);
    }
    let external = alert.and_then(|alert| key(alert, "externalObjects")).filter(|external| external.is_object());
    // Rules of nodes may give the object itself.
    let external = external.or(alert.filter(|alert| key(alert, "kind").is_some()));
    let mut related = Vec::new();
    if let Some(others) = external.and_then(|external| key(external, "relatedObjects")) {
        flatten(others, &mut related);
    }
    let list = |name: &str| key(answer, name).and_then(Json::as_array).into_iter().flatten();
    related.extend(list("relatedObjects").map(|one| key(one, "object").unwrap_or(one).clone()));
    let told = |paths: Vec<String>| {
        paths.into_iter().filter(|path| !path.is_empty()).fold(Vec::new(), |mut told, path| {
            if !told.contains(&path) {
                told.push(path);
            }
            told
        })
    };
    let plain = ["reviewPaths", "deletePaths", "failedPaths"].into_iter().flat_map(list).filter_map(Json::as_str).map(str::to_owned);
    let fixes = list("fixPaths").map(|fix| text(fix, "/path").to_owned());
    let message = key(answer, "alertMessage").and_then(Json::as_str).unwrap_or("").to_owned();
    Response {
        message,
        objects,
        external: external.cloned(),
        related,
        paths: told(plain.collect()),
        fixes: told(fixes.collect()),
        whole: answer.clone(),
    }
}

/// An object that a rule blames; if it is not there, the next.
#[derive(Debug)]
pub(crate) struct Blamed {
    pub(crate) candidates: Vec<Json>,
    pub(crate) breach: Breach,
}

impl Response {
    /// Each place that it blames.
    pub(crate) fn blamed(&self) -> Vec<Blamed> {
        let breach = |path: &str| Breach { pointer: pointer(path), ..Breach::new(self.message.clone()) };
        let mut blamed = Vec::new();
        for object in &self.objects {
            // Of several objects, a path is in that which has it.
            let is_in = |path: &&String| self.objects.len() == 1 || object.pointer(&pointer(path)).is_some();
            let mut paths: Vec<&str> = self.paths.iter().filter(is_in).map(String::as_str).collect();
            if paths.is_empty() {
                paths.push(self.paths.first().or(self.fixes.first()).map_or("", String::as_str));
            }
            blamed.extend(paths.into_iter().map(|path| Blamed { candidates: vec![object.clone()], breach: breach(path) }));
        }
        if !self.objects.is_empty() {
            return blamed;
        }
        let Some(external) = &self.external else {
            // It says nobody: that is to be seen too.
            return vec![Blamed { candidates: self.related.clone(), breach: breach("") }];
        };
        let node = json!({"kind": "Node", "metadata": {"name": text(external, "/metadata/name")}});
        let candidates: Vec<Json> = [external.clone()].into_iter().chain(self.related.iter().cloned()).chain([node]).collect();
        let name = [text(external, "/name"), text(external, "/metadata/name")].into_iter().find(|name| !name.is_empty()).unwrap_or("");
        let who = format!("it blames {} `{name}`", text(external, "/kind"));
        // `relatedObjects[1].rules[0]` is in the second of them.
        let place = |path: &String| {
            let (index, rest) = path.strip_prefix("relatedObjects[")?.split_once(']')?;
            Some((self.related.get(index.parse::<usize>().ok()?)?.clone(), rest.trim_start_matches('.').to_owned()))
        };
        let with_evidence = |breach: Breach| Breach { evidence: vec![who.clone()], ..breach };
        let places: Vec<_> = self.paths.iter().filter_map(place).collect();
        if places.is_empty() {
            let path = self.paths.first().or(self.fixes.first()).map_or("", String::as_str);
            blamed.push(Blamed { candidates, breach: with_evidence(breach(path)) });
        } else {
            blamed
                .extend(places.into_iter().map(|(object, path)| Blamed { candidates: vec![object], breach: with_evidence(breach(&path)) }));
        }
        blamed
    }
}

/// One object, or lists of lists of them.
fn flatten(json: &Json, objects: &mut Vec<Json>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| flatten(item, objects)),
        Json::Object(_) => objects.push(json.clone()),
        _ => {}
    }
}

/// What a rule with an aggregator sees of `objects`.
pub fn aggregate(aggregator: Aggregator, objects: &[Json]) -> Vec<Json> {
    match aggregator {
        Aggregator::ApiServerPod => {
            let is_it = |object: &&Json| {
                let name = text(object, "/metadata/name");
                let named = name.contains("apiserver") || name.contains("api-server");
                text(object, "/kind") == "Pod" && text(object, "/metadata/namespace") == "kube-system" && named
            };
            objects.iter().find(is_it).cloned().into_iter().collect()
        }
        Aggregator::Subjects => {
            let of_kind = |suffix: &'static str| objects.iter().filter(move |object| text(object, "/kind").ends_with(suffix));
            let mut seen = Vec::new();
            for binding in of_kind("Binding") {
                let granted = |role: &&Json| {
                    text(role, "/kind") == text(binding, "/roleRef/kind") && text(role, "/metadata/name") == text(binding, "/roleRef/name")
                };
                for role in of_kind("Role").filter(granted) {
                    for subject in binding.get("subjects").and_then(Json::as_array).into_iter().flatten() {
                        let mut subject = subject.clone();
                        if let Some(subject) = subject.as_object_mut() {
                            subject.insert("relatedObjects".to_owned(), json!([binding, role]));
                        }
                        seen.push(subject);
                    }
                }
            }
            seen
        }
    }
}

/// `spec.containers[0].image` as a JSON pointer.
pub(crate) fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split('.') {
        let (name, indexes) = part.split_once('[').unwrap_or((part, ""));
        let indexes = indexes.split('[').map(|index| index.trim_end_matches(']')).filter(|index| !index.is_empty());
        for token in Some(name).filter(|name| !name.is_empty()).into_iter().chain(indexes) {
            pointer.push('/');
            pointer.push_str(&plimsoll_model::escape(token));
        }
    }
    pointer
}
