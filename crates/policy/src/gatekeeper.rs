//! Gatekeeper: ConstraintTemplates and their constraints (templates.gatekeeper.sh, constraints.gatekeeper.sh), in Rego and
//! in CEL (<https://open-policy-agent.github.io/gatekeeper/website/docs/howto/>).

use crate::binding::decoded;
use crate::cel::{Program, Value};
use crate::matching::Selector;
use crate::rego::{Module, Rego};
use crate::request::Request;
use crate::validation::{Parts, Validation};
use crate::world::{World, text};
use crate::{Breach, Effect, Judge, Policy, Verdict, rule};
use plimsoll_model::config::glob;
use plimsoll_model::{Node, Object, Problem, ProblemKind};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// A template: the kind of its constraints, and what judges.
pub(crate) struct Template {
    pub(crate) kind: String,
    code: Arc<Code>,
}

#[derive(Debug)]
enum Code {
    Rego(Box<Rego>),
    Cel(Validation),
}

/// Reads a template. Where it is written in both languages, CEL is taken: it says which part of the object is to blame.
pub(crate) fn template(object: &Object<'_>, problems: &mut Vec<Problem>) -> Option<Template> {
    let kind = object.node.at(&["spec", "crd", "spec", "names", "kind"]).map_or("", Node::text);
    let target = object.node.at(&["spec", "targets"]).and_then(|targets| targets.items().next());
    let Some(target) = target.filter(|_| !kind.is_empty()) else {
        problems.push(Problem::at(ProblemKind::Invalid, object.node, "the template names no kind or no target"));
        return None;
    };
    let source = |engine: &str| {
        let mut code = target.get("code").into_iter().flat_map(Node::items);
        code.find(|code| code.get("engine").is_some_and(|name| name.text() == engine))?.get("source")
    };
    let code = if let Some(cel) = source("K8sNativeValidation") {
        let parts = Parts {
            conditions: cel.get("matchConditions").or_else(|| cel.get("matchCondition")),
            variables: cel.get("variables"),
            checks: cel.get("validations"),
            fail_open: cel.get("failurePolicy").is_some_and(|policy| policy.text() == "Ignore"),
            roots: &["object", "oldObject", "namespaceObject", "request", "params"],
            ..Parts::default()
        };
        let mut validation = Validation::compile(&parts, problems)?;
        // What Gatekeeper puts before the variables of a template.
        let prelude = [("params", "params"), ("anyObject", "object != null ? object : oldObject")];
        for (at, (name, expression)) in prelude.into_iter().enumerate() {
            let program = Program::compile(expression, &["object", "oldObject", "params"]).ok()?;
            validation.declare(at, name, program);
        }
        Code::Cel(validation)
    } else {
        let holder = source("Rego").unwrap_or(target);
        let Some(module) = holder.get("rego") else {
            problems.push(Problem::at(ProblemKind::Invalid, target, "the template has neither Rego nor CEL"));
            return None;
        };
        let libraries: Vec<Module<'_>> = holder.get("libs").into_iter().flat_map(Node::items).map(Module::from).collect();
        let v1 = holder.get("version").is_some_and(|version| version.text() == "v1");
        Code::Rego(Box::new(Rego::compile(&module.into(), &libraries, "violation", v1, problems)?))
    };
    Some(Template { kind: kind.to_owned(), code: Arc::new(code) })
}

/// An ExpansionTemplate (expansion.gatekeeper.sh): what controllers make of some objects, so that constraints on it hold for
/// them too.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Expansion {
    apply_to: Vec<ApplyTo>,
    template_source: String,
    #[serde(rename = "generatedGVK")]
    generated: GroupVersionKind,
    #[serde(skip)]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApplyTo {
    groups: Vec<String>,
    versions: Vec<String>,
    kinds: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

/// Reads an ExpansionTemplate.
pub(crate) fn expansion(object: &Object<'_>, problems: &mut Vec<Problem>) -> Option<Expansion> {
    let read: Expansion = decoded(object.node.get("spec"), object.node, problems)?;
    Some(Expansion { name: object.name.to_owned(), ..read })
}

impl Expansion {
    /// What is made of the object of a request.
    fn expand(&self, request: &Request<'_>) -> Option<Json> {
        let has = |list: &[String], word: &str| list.iter().any(|one| one == "*" || one == word);
        let applies = |to: &ApplyTo| has(&to.groups, request.group) && has(&to.versions, request.version) && has(&to.kinds, request.kind);
        if !self.apply_to.iter().any(applies) {
            return None;
        }
        let source = format!("/{}", self.template_source.replace('.', "/"));
        let mut made = request.object.pointer(&source)?.clone();
        let GroupVersionKind { group, version, kind } = &self.generated;
        let fields = made.as_object_mut()?;
        fields.insert("apiVersion".to_owned(), if group.is_empty() { version.clone() } else { format!("{group}/{version}") }.into());
        fields.insert("kind".to_owned(), kind.as_str().into());
        let metadata = fields.entry("metadata").or_insert_with(|| json!({})).as_object_mut()?;
        metadata.insert("name".to_owned(), format!("{}-{}", request.name, kind.to_lowercase()).into());
        metadata.insert("namespace".to_owned(), request.namespace.into());
        Some(made)
    }
}

#[derive(Debug)]
struct Constraint {
    code: Arc<Code>,
    expansions: Arc<Vec<Expansion>>,
    matching: Match,
    parameters: Json,
}

/// `spec.match` of a constraint.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Match {
    kinds: Vec<Kinds>,
    scope: Option<String>,
    namespaces: Vec<String>,
    excluded_namespaces: Vec<String>,
    label_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
    name: Option<String>,
    /// `Original` or `Generated`: objects that are sent, or those that an expansion makes of them. Both, if it says neither.
    source: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kinds {
    api_groups: Vec<String>,
    kinds: Vec<String>,
}

/// Reads a constraint; a constraint of a kind that no template declares is a problem.
pub(crate) fn constraint(
    object: &Object<'_>,
    templates: &[Template],
    expansions: &Arc<Vec<Expansion>>,
    problems: &mut Vec<Problem>,
) -> Option<Policy> {
    let Some(template) = templates.iter().find(|template| template.kind == object.kind) else {
        let message = format!("no template declares constraints of kind `{}`", object.kind);
        problems.push(Problem::at(ProblemKind::Invalid, object.node, message).help("give its ConstraintTemplate too"));
        return None;
    };
    let matching = decoded(object.node.at(&["spec", "match"]), object.node, problems)?;
    let parameters = object.node.at(&["spec", "parameters"]).map_or_else(|| json!({}), Node::to_json);
    let effect = |action: &str| match action {
        "warn" => Effect::Warn,
        "dryrun" => Effect::Audit,
        _ => Effect::Deny,
    };
    let effect = match object.node.at(&["spec", "enforcementAction"]).map(Node::text) {
        // Of actions for some places only, the strongest.
        Some("scoped") => {
            let scoped = object.node.at(&["spec", "scopedEnforcementActions"]).into_iter().flat_map(Node::items);
            scoped.filter_map(|one| one.get("action")).map(|action| effect(action.text())).min().unwrap_or(Effect::Audit)
        }
        action => effect(action.unwrap_or("deny")),
    };
    let judge = Constraint { code: Arc::clone(&template.code), expansions: Arc::clone(expansions), matching, parameters };
    Some(Policy {
        rule: rule(object, object.name, effect),
        name: object.name.to_owned(),
        part: String::new(),
        effect,
        judge: Box::new(judge),
    })
}

impl Judge for Constraint {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        let own = match self.matching.source.as_deref() {
            Some("Generated") => Verdict::NotMatched,
            _ => self.judge_one(request, world),
        };
        if self.matching.source.as_deref() == Some("Original") {
            return own;
        }
        self.judge_expanded(request, own, EXPANSIONS, world)
    }
}

/// How often what was made makes something in its turn.
const EXPANSIONS: usize = 8;

impl Constraint {
    /// The verdict on a request and on what is made of its object; `own` is that on the object itself.
    fn judge_expanded(&self, request: &Request<'_>, own: Verdict, depth: usize, world: &World<'_>) -> Verdict {
        let mut verdict = own;
        for (expansion, made) in self.expansions.iter().filter_map(|expansion| Some((expansion, expansion.expand(request)?))) {
            let user = request.review.get("userInfo").unwrap_or(&Json::Null);
            let expanded = Request::new(&made, request.operation, user).in_namespace(request.namespace_object);
            let one = self.judge_one(&expanded, world);
            let implied =
                |breach: Breach| Breach { message: format!("[Implied by {}] {}", expansion.name, breach.message), ..Breach::new("") };
            let one = match one {
                Verdict::Failed(breaches) => Verdict::Failed(breaches.into_iter().map(implied).collect()),
                other => other,
            };
            let one = if depth > 0 { self.judge_expanded(&expanded, one, depth - 1, world) } else { one };
            verdict = match (verdict, one) {
                (Verdict::Failed(mut all), Verdict::Failed(more)) => {
                    all.extend(more);
                    Verdict::Failed(all)
                }
                (_, failed @ Verdict::Failed(_)) | (failed @ Verdict::Failed(_), _) => failed,
                (_, unknown @ Verdict::Unknown(_)) | (unknown @ Verdict::Unknown(_), _) => unknown,
                (Verdict::NotMatched, other) => other,
                (verdict, _) => verdict,
            };
        }
        verdict
    }

    fn judge_one(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        if !self.matching.matches(request) {
            return Verdict::NotMatched;
        }
        match &*self.code {
            Code::Cel(validation) => validation.judge(request, vec![("params", Value::from(&self.parameters))], world),
            Code::Rego(rego) => {
                let mut review = request.review.clone();
                let objects = [("object", Some(request.object)), ("oldObject", request.old_object)];
                for (key, object) in objects {
                    review.as_object_mut().zip(object).map(|(review, object)| review.insert(key.to_owned(), object.clone()));
                }
                let input = json!({"review": review, "parameters": self.parameters});
                let inventory = rego.uses_inventory.then(|| world.inventory());
                match rego.evaluate(&input, inventory) {
                    Ok(violations) => verdict(violations.as_ref()),
                    Err(error) => Verdict::Unknown(error),
                }
            }
        }
    }
}

/// The set of violations: each with its message.
fn verdict(violations: Option<&Json>) -> Verdict {
    let breaches: Vec<Breach> =
        violations.and_then(Json::as_array).into_iter().flatten().map(|violation| Breach::new(text(violation, "/msg"))).collect();
    if breaches.is_empty() { Verdict::Passed } else { Verdict::Failed(breaches) }
}

impl Match {
    fn matches(&self, request: &Request<'_>) -> bool {
        let any = |list: &[String], word: &str| list.is_empty() || list.iter().any(|one| one == "*" || one == word);
        let namespace = if request.kind == "Namespace" { request.name } else { request.namespace };
        let in_scope = match self.scope.as_deref() {
            Some("Cluster") => request.namespace.is_empty(),
            Some("Namespaced") => !request.namespace.is_empty(),
            _ => true,
        };
        let listed = |globs: &[String]| globs.iter().any(|pattern| glob(pattern, namespace));
        let of_namespace = |selector: &Selector| match request.kind {
            "Namespace" => selector.selects(Some(request.object)),
            _ => namespace.is_empty() || selector.selects(request.namespace_object),
        };
        (self.kinds.is_empty() || self.kinds.iter().any(|one| any(&one.api_groups, request.group) && any(&one.kinds, request.kind)))
            && in_scope
            // What is in no namespace is not held back by names of namespaces.
            && (self.namespaces.is_empty() || namespace.is_empty() || listed(&self.namespaces))
            && (namespace.is_empty() || !listed(&self.excluded_namespaces))
            && self.name.as_ref().is_none_or(|pattern| glob(pattern, request.name))
            && self.label_selector.as_ref().is_none_or(|selector| {
                selector.selects(Some(request.object)) || request.old_object.is_some_and(|old| selector.selects(Some(old)))
            })
            && self.namespace_selector.as_ref().is_none_or(of_namespace)
    }
}
