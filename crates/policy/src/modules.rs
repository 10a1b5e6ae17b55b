//! Rego modules that stand in files of their own: Kubescape's rules, and packages with `deny`, `violation` or `warn`, whose
//! input is one object, as Conftest gives it to them.

use crate::kubescape::{self, Aggregator, Blamed, KubescapeRule, Response, aggregate};
use crate::rego::{self, Module, Rego};
use crate::request::Request;
use crate::world::{World, text};
use crate::{Breach, Effect, Judge, Policy, Verdict, rule_of};
use plimsoll_model::{Document, Node, Problem, Severity, Source};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;

/// A rule of Kubescape, which sees all objects at once.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) rule: Arc<plimsoll_model::Rule>,
    compiled: KubescapeRule,
    /// What says which objects the rule is about at all; all that it is given where that is missing.
    filter: Option<KubescapeRule>,
    aggregator: Option<Aggregator>,
    /// The kinds that it is given, from its metadata; all where that is missing.
    kinds: Vec<String>,
}

/// What a rule says of all objects.
pub(crate) struct Said {
    /// How many objects it is about.
    pub(crate) evaluated: usize,
    pub(crate) blamed: Vec<Blamed>,
}

impl Whole {
    /// What it says of all objects, with the inputs of controls.
    pub(crate) fn judge(&self, objects: &[Json], inputs: &Json) -> Result<Said, String> {
        let given = |object: &&Json| self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == "*" || kind == text(object, "/kind"));
        let given: Vec<Json> = objects.iter().filter(given).cloned().collect();
        let seen = self.aggregator.map_or_else(|| given.clone(), |aggregator| aggregate(aggregator, &given));
        let responses = self.compiled.evaluate(&seen, inputs, &json!({}))?;
        let evaluated = match &self.filter {
            Some(filter) => filter.evaluate(&seen, inputs, &json!({}))?.iter().map(|about| about.objects.len().max(1)).sum(),
            None => seen.len(),
        };
        Ok(Said { evaluated, blamed: responses.iter().flat_map(Response::blamed).collect() })
    }
}

/// The inputs of controls that stand among documents, as Kubescape's library keeps them.
pub(crate) fn inputs(documents: &[Document]) -> Json {
    let mut inputs = serde_json::Map::new();
    for root in documents.iter().filter_map(Document::root) {
        let found = root.at(&["settings", "postureControlInputs"]).or_else(|| root.get("postureControlInputs"));
        if let Some(Json::Object(more)) = found.map(Node::to_json) {
            inputs.extend(more);
        }
    }
    inputs.into()
}

/// One rule of a package, asked about one object.
#[derive(Debug)]
struct Plain {
    rego: Rego,
}

impl Judge for Plain {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        let inventory = self.rego.uses_inventory.then(|| world.inventory());
        let answers = match self.rego.evaluate(request.object, inventory) {
            Ok(answers) => answers,
            Err(error) => return Verdict::Unknown(error),
        };
        let message = |answer: &Json| match answer {
            Json::String(text) => text.clone(),
            other => ["/msg", "/message"].iter().map(|key| text(other, key)).find(|text| !text.is_empty()).unwrap_or("denied").to_owned(),
        };
        let breaches: Vec<Breach> = match &answers {
            Some(Json::Array(answers)) => answers.iter().map(|answer| Breach::new(message(answer))).collect(),
            Some(Json::Bool(true)) => vec![Breach::new("denied")],
            _ => Vec::new(),
        };
        if breaches.is_empty() { Verdict::Passed } else { Verdict::Failed(breaches) }
    }
}

/// Reads modules. `documents` may hold the metadata of Kubescape's rules. A module without a rule that judges is a library
/// of all others.
pub(crate) fn read(modules: &[Arc<Source>], documents: &[Document], problems: &mut Vec<Problem>) -> (Vec<Policy>, Vec<Whole>) {
    let metadata: Vec<Json> = documents.iter().filter_map(|document| Some(document.root()?.to_json())).collect();
    let (mut policies, mut wholes) = (Vec::new(), Vec::new());
    // In Kubescape's package any rule may judge, whatever its name.
    let is_whole = |module: &Arc<Source>| rego::package(&module.text) == Some(kubescape::PACKAGE);
    let judging = |module: &&Arc<Source>| is_whole(module) || !rules(&module.text).is_empty();
    let libraries: Vec<Arc<Source>> = modules.iter().filter(|module| !judging(module)).cloned().collect();
    for module in modules.iter().filter(judging) {
        let package = rego::package(&module.text).unwrap_or("");
        let path = Path::new(&module.name);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
        if is_whole(module) {
            if is_filter(&stem) {
                continue;
            }
            let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
            let name = if stem == "raw" { folder.unwrap_or_else(|| stem.clone()) } else { stem.clone() };
            let about = metadata.iter().find(|about| text(about, "/name") == name);
            let said = |pointer: &str| about.map_or("", |about| text(about, pointer));
            let aggregator = match said("/attributes/resourcesAggregator") {
                "subject-role-rolebinding" => Some(Aggregator::Subjects),
                "apiserver-pod" => Some(Aggregator::ApiServerPod),
                _ => None,
            };
            let rule = rule_of(&name, &format!("Kubescape rule {name}"), said("/description"), said("/remediation"), Severity::Medium);
            let lists = ["/match", "/dynamicMatch"].iter().filter_map(|key| about?.pointer(key)?.as_array()).flatten();
            let kinds = lists.filter_map(|one| one.get("resources")?.as_array()).flatten();
            let kinds = kinds.filter_map(Json::as_str).map(str::to_owned).collect();
            let compiled = KubescapeRule::compile(module, &libraries, problems);
            let beside = |other: &&Arc<Source>| {
                let other = Path::new(&other.name);
                let of_stem = other.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
                other.parent() == path.parent() && (if stem == "raw" { of_stem == "filter" } else { of_stem == format!("{stem}.filter") })
            };
            let filter = modules.iter().find(beside).and_then(|filter| KubescapeRule::compile(filter, &libraries, problems));
            wholes.extend(compiled.map(|compiled| Whole { rule, compiled, filter, aggregator, kinds }));
            continue;
        }
        for name in rules(&module.text) {
            let libraries: Vec<Module<'_>> = libraries.iter().map(Module::from).collect();
            // Which version of the language it is, only parsing it tells: the new one first.
            let mut of_new = Vec::new();
            let compiled = Rego::compile(&module.into(), &libraries, name, true, &mut of_new);
            let compiled = compiled.or_else(|| Rego::compile(&module.into(), &libraries, name, false, &mut Vec::new()));
            let Some(rego) = compiled else {
                problems.append(&mut of_new);
                break;
            };
            let (effect, severity) = if name == "warn" { (Effect::Warn, Severity::Medium) } else { (Effect::Deny, Severity::High) };
            let id = format!("{package}.{name}");
            let rule = rule_of(&id, &format!("Rego {id}"), "", "", severity);
            policies.push(Policy { rule, name: package.to_owned(), part: name.to_owned(), effect, judge: Box::new(Plain { rego }) });
        }
    }
    (policies, wholes)
}

/// Whether a module says which objects the rule beside it is about.
fn is_filter(stem: &str) -> bool {
    stem == "filter" || stem.ends_with(".filter")
}

/// The rules of a module that judge.
fn rules(text: &str) -> Vec<&'static str> {
    let defines = |name: &&str| {
        text.lines().any(|line| line.strip_prefix(*name).is_some_and(|rest| rest.starts_with([' ', '[', '{', '=', ':']) || rest.is_empty()))
    };
    ["deny", "violation", "warn"].into_iter().filter(|name| defines(name)).collect()
}
