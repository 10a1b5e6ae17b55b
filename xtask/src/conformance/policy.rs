//! Policies that users bring: the libraries of upstream projects with their own tests.

use super::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_model::{Limits, Origin, Problem, Source, parse};
use plimsoll_policy::{Aggregator, Effect, KubescapeRule, Policies, Policy, Request, Verdict, World, admitted, aggregate};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Reads policies out of texts.
fn policies(texts: &[(&str, &str)]) -> (Policies, Vec<Problem>) {
    let mut documents = Vec::new();
    for (name, text) in texts {
        let source = Source::new(*name, Origin::Stdin, *text);
        documents.extend(parse(&source, Limits::default()).0);
    }
    Policies::read(&documents, &[])
}

fn complaint(problems: &[Problem]) -> String {
    let complaint = |problem: &Problem| format!("{}: {} {}", problem.place(), problem.message, problem.help.as_deref().unwrap_or(""));
    problems.iter().map(complaint).collect::<Vec<_>>().join("; ")
}

/// One file's text, read once.
#[derive(Default)]
struct Files(HashMap<PathBuf, String>);

impl Files {
    fn read(&mut self, path: PathBuf) -> anyhow::Result<&str> {
        if !self.0.contains_key(&path) {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            self.0.insert(path.clone(), text);
        }
        Ok(&self.0[&path])
    }
}

#[derive(Deserialize)]
struct VapCase {
    name: String,
    policy: String,
    params: Option<String>,
    binding: Value,
    object: Value,
    expected: String,
}

/// ValidatingAdmissionPolicies with bindings and parameters.
pub(super) fn vap(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    let mut files = Files::default();
    for case in json_lines(file)? {
        let case: VapCase = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        match vap_verdict(&case, file, &mut files) {
            Ok(got) => cases.case(|| case.name.clone(), &case.expected, &got),
            Err(error) => cases.case(|| case.name.clone(), &case.expected, &format!("{error:#}")),
        }
    }
    Ok(cases)
}

fn vap_verdict(case: &VapCase, file: &Path, files: &mut Files) -> anyhow::Result<String> {
    let binding = case.binding.to_string();
    let text = files.read(file.with_file_name(&case.policy))?.to_owned();
    let (policies, problems) = policies(&[(&case.policy, &text), ("binding", &binding)]);
    if !problems.is_empty() {
        bail!("{}", complaint(&problems));
    }
    let mut others = Vec::new();
    if let Some(params) = &case.params {
        let text = files.read(file.with_file_name(params))?;
        let source = Source::new(params.as_str(), Origin::Stdin, text);
        let (documents, _) = parse(&source, Limits::default());
        let mut object = documents.first().and_then(|document| Some(document.root()?.to_json())).context("no parameters")?;
        let policy = case.binding["spec"]["policyName"].as_str().unwrap_or_default();
        object["metadata"]["name"] = format!("{policy}-params").into();
        others.push(object);
    }
    let world = World::new(others.iter().collect());
    let object = admitted(case.object.clone());
    let request = Request::create(&object);
    let verdicts = policies.judge(&request, &world);
    let (policy, verdict) = verdicts.first().context("no policy")?;
    Ok(match (verdict, policy.effect) {
        (Verdict::Failed(_), Effect::Deny) => "fail".to_owned(),
        (Verdict::Failed(_), Effect::Warn) => "warn".to_owned(),
        (Verdict::Unknown(why), _) => why.clone(),
        _ => "pass".to_owned(),
    })
}

#[derive(Deserialize)]
struct KyvernoCase {
    name: String,
    policy: String,
    policy_name: String,
    #[serde(default)]
    rule: String,
    resource: Value,
    #[serde(default)]
    values: Value,
    #[serde(default)]
    context: Value,
    #[serde(default)]
    userinfo: Value,
    #[serde(default)]
    namespace_object: Value,
    expected: String,
}

/// Kyverno's policies that are written in CEL.
pub(super) fn kyverno_cel(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    let mut files = Files::default();
    let mut compiled: HashMap<String, (Policies, Vec<Problem>)> = HashMap::new();
    for case in json_lines(file)? {
        let case: KyvernoCase = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        if !compiled.contains_key(&case.policy) {
            let text = files.read(file.with_file_name(&case.policy))?;
            compiled.insert(case.policy.clone(), policies(&[(&case.policy, text)]));
        }
        // What is generated for controllers counts under the rule's own name.
        let rule =
            ["autogen-cronjob-", "autogen-"].iter().find_map(|prefix| case.rule.strip_prefix(prefix)).unwrap_or(&case.rule).to_owned();
        let case = KyvernoCase { rule, ..case };
        let (policies, problems) = &compiled[&case.policy];
        let named = |policy: &&Policy| policy.name == case.policy_name && (policy.part.is_empty() || policy.part == case.rule);
        let got = if policies.iter().any(|policy| named(&policy)) { kyverno_verdict(&case, policies) } else { complaint(problems) };
        cases.case(|| case.name.clone(), &case.expected, &got);
    }
    Ok(cases)
}

fn kyverno_verdict(case: &KyvernoCase, policies: &Policies) -> String {
    let list = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let contexts: Vec<Value> = case.context.as_array().cloned().unwrap_or_else(|| vec![case.context.clone()]);
    let others: Vec<Value> = contexts.iter().flat_map(|context| list(context, "/spec/resources")).collect();
    let images = contexts.iter().flat_map(|context| list(context, "/spec/images"));
    let images = images.map(|image| (image["image"].as_str().unwrap_or_default().to_owned(), image)).collect();
    let name = case.resource.pointer("/metadata/name").cloned().unwrap_or_default();
    let value = |key: &str| {
        let policies = list(&case.values, "/policies");
        let of_policy = policies.iter().filter(|policy| policy["name"] == case.policy_name.as_str());
        let resources: Vec<Value> = of_policy.flat_map(|policy| list(policy, "/resources")).collect();
        let of_resource = resources.iter().find(|resource| resource["name"] == name);
        of_resource.and_then(|resource| resource["values"].get(key)).or_else(|| case.values.pointer("/globalValues")?.get(key)).cloned()
    };
    let operation = value("request.operation").and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| "CREATE".to_owned());
    let object = admitted(case.resource.clone());
    let request = Request::new(&object, &operation, &case.userinfo["userInfo"]);
    let namespaces = list(&case.values, "/namespaces");
    let own = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": request.namespace}});
    let named = namespaces.iter().find(|namespace| namespace["metadata"]["name"] == request.namespace);
    let namespace = if case.namespace_object.is_null() { named.unwrap_or(&own) } else { &case.namespace_object };
    let request = request.in_namespace(Some(namespace));
    let world = World::new(others.iter().collect()).with_images(images).at(Some(jiff::Timestamp::now())).whole();
    let verdicts = policies.judge(&request, &world);
    let verdict =
        verdicts.iter().find(|(policy, _)| policy.name == case.policy_name && (policy.part.is_empty() || policy.part == case.rule));
    match verdict.map(|(_, verdict)| verdict) {
        Some(Verdict::Failed(_)) => "fail".to_owned(),
        Some(Verdict::Passed) => "pass".to_owned(),
        Some(Verdict::Skipped | Verdict::NotMatched | Verdict::Excepted(..)) => "skip".to_owned(),
        Some(Verdict::Unknown(why)) => why.clone(),
        None => "no such policy".to_owned(),
    }
}

#[derive(Deserialize)]
struct GatekeeperCase {
    name: String,
    template: String,
    constraint: String,
    object: Option<String>,
    review: Option<String>,
    #[serde(default)]
    inventory: Vec<String>,
    assertions: Vec<Assertion>,
}

#[derive(Deserialize)]
struct Assertion {
    violations: Option<Value>,
    message: Option<String>,
}

/// Gatekeeper's templates with their constraints.
pub(super) fn gatekeeper(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    let mut files = Files::default();
    for case in json_lines(file)? {
        let case: GatekeeperCase = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let template = files.read(file.with_file_name(&case.template))?.to_owned();
        match gatekeeper_complaint(&case, &template) {
            Ok(got) => cases.case(|| case.name.clone(), "", &got),
            Err(error) => cases.case(|| case.name.clone(), "", &format!("{error:#}")),
        }
    }
    Ok(cases)
}

/// What an assertion of a case has against the verdict; nothing if all hold.
fn gatekeeper_complaint(case: &GatekeeperCase, template: &str) -> anyhow::Result<String> {
    let (policies, problems) = policies(&[(&case.template, template), ("constraint", &case.constraint)]);
    if !problems.is_empty() {
        bail!("{}", complaint(&problems));
    }
    let json = |text: &str| -> anyhow::Result<Value> {
        let (documents, problems) = parse(&Source::new("case", Origin::Stdin, text), Limits::default());
        let root = documents.first().and_then(|document| Some(document.root()?.to_json()));
        root.with_context(|| complaint(&problems))
    };
    let others = case.inventory.iter().map(|text| json(text).map(admitted)).collect::<Result<Vec<_>, _>>()?;
    let world = World::new(others.iter().collect());
    let review = case.review.as_deref().map(json).transpose()?;
    let object = case.object.as_deref().map(json).transpose()?.map(admitted);
    let request = match (&review, &object) {
        (Some(review), _) => Request::of_review(review).context("the review carries no request")?,
        (None, Some(object)) => Request::create(object),
        (None, None) => bail!("neither object nor review"),
    };
    let verdicts = policies.judge(&request, &world);
    let messages: Vec<&str> = match verdicts.first().map(|(_, verdict)| verdict) {
        Some(Verdict::Failed(breaches)) => breaches.iter().map(|breach| breach.message.as_str()).collect(),
        Some(Verdict::Unknown(why)) => bail!("{why}"),
        Some(_) => Vec::new(),
        None => bail!("no constraint"),
    };
    for assertion in &case.assertions {
        let pattern = regex::Regex::new(assertion.message.as_deref().unwrap_or(""))?;
        let count = messages.iter().filter(|message| pattern.is_match(message)).count();
        let holds = match &assertion.violations {
            Some(Value::String(word)) if word == "no" => count == 0,
            Some(Value::Number(number)) => number.as_u64() == u64::try_from(count).ok(),
            _ => count > 0,
        };
        if !holds {
            return Ok(format!("{:?} {:?} wanted of {messages:?}", assertion.violations, assertion.message));
        }
    }
    Ok(String::new())
}

#[derive(Deserialize)]
struct Expectation {
    name: String,
    rule: String,
    expected: Vec<Value>,
}

/// Kubescape's rules, run as they are: whole responses, messages included.
pub(super) fn regolibrary(file: &Path) -> anyhow::Result<Cases> {
    let folder = file.parent().context("no folder")?;
    let root = folder.parent().and_then(Path::parent).context("no root")?;
    let mut inputs: HashMap<String, (Vec<Value>, Value)> = HashMap::new();
    let add = |cases: PathBuf, prefix: &str, inputs: &mut HashMap<String, (Vec<Value>, Value)>| -> anyhow::Result<()> {
        for case in json_lines(&cases)? {
            let mut case = case?;
            let input = case["input"].as_array().cloned().unwrap_or_default();
            inputs.insert(format!("{prefix}{}", case["name"].as_str().unwrap_or_default()), (input, case["params"].take()));
        }
        Ok(())
    };
    for class in ["", "host", "cloud", "image"] {
        add(root.join("posture/kubescape").join(class).join("cases.jsonl"), "", &mut inputs)?;
    }
    add(root.join("access/escalation/kubescape-rules.jsonl"), "kubescape-rules/", &mut inputs)?;
    let mut aggregators = HashMap::new();
    for rule in json_lines(&root.join("posture/kubescape/rules.jsonl"))? {
        let rule = rule?;
        let aggregator = match rule["aggregator"].as_str() {
            Some("subject-role-rolebinding") => Aggregator::Subjects,
            Some("apiserver-pod") => Aggregator::ApiServerPod,
            _ => continue,
        };
        aggregators.insert(rule["rule"].as_str().unwrap_or_default().to_owned(), aggregator);
    }
    let read = |path: PathBuf| -> anyhow::Result<_> {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Source::new(path.display().to_string(), Origin::File, text))
    };
    let mut libraries = Vec::new();
    for entry in std::fs::read_dir(folder.join("modules"))? {
        libraries.push(read(entry?.path())?);
    }
    let defaults: Value = serde_json::from_str(&std::fs::read_to_string(root.join("posture/kubescape/default-inputs.json"))?)?;
    let mut rules: HashMap<String, Result<KubescapeRule, String>> = HashMap::new();
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Expectation = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        if !rules.contains_key(&case.rule) {
            let own = case.rule.strip_prefix("kubescape-rules/");
            let (place, name) = own.map_or(("rules", case.rule.as_str()), |name| ("kubescape-rules", name));
            let mut path = folder.join(place).join(format!("{name}.rego"));
            if case.name.starts_with("kubescape-rules/") {
                path = folder.join("kubescape-rules").join(format!("{name}.rego"));
            }
            let mut problems = Vec::new();
            let rule = KubescapeRule::compile(&read(path)?, &libraries, &mut problems).ok_or_else(|| complaint(&problems));
            rules.insert(case.rule.clone(), rule);
        }
        let Some((input, params)) = inputs.get(&case.name) else {
            cases.unreadable(case.name, "no input of that name");
            continue;
        };
        let input = aggregators.get(&case.rule).map_or_else(|| input.clone(), |aggregator| aggregate(*aggregator, input));
        let mut all = defaults.clone();
        if let (Some(all), Some(params)) = (all.as_object_mut(), params["postureControlInputs"].as_object()) {
            all.extend(params.clone());
        }
        let mut wanted: Vec<String> = case.expected.iter().map(comparable).collect();
        wanted.sort();
        let got = match &rules[&case.rule] {
            Ok(rule) => rule.evaluate(&input, &all, &params["dataControlInputs"]),
            Err(why) => Err(why.clone()),
        };
        let got = match got {
            Ok(responses) => {
                let mut got: Vec<String> = responses.iter().map(|response| comparable(&response.whole)).collect();
                got.sort();
                got.join("\n")
            }
            Err(why) => why,
        };
        cases.case(|| case.name.clone(), &wanted.join("\n"), &got);
    }
    Ok(cases)
}

/// A response so that two can be compared: keys in one case, objects cut to their names, nothing that is empty.
fn comparable(response: &Value) -> String {
    fn lower(value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(key, value)| (key.to_lowercase(), value.clone())).collect(),
            other => other.clone(),
        }
    }
    fn cut(value: &Value) -> Vec<Value> {
        match value {
            Value::Array(items) => items.iter().flat_map(cut).collect(),
            Value::Object(map) if map.is_empty() => Vec::new(),
            Value::Object(_) => {
                let part = |pointer: &str| value.pointer(pointer).filter(|part| !part.is_null()).cloned();
                let mut object = serde_json::Map::new();
                for (key, pointer) in
                    [("apiVersion", "/apiVersion"), ("kind", "/kind"), ("name", "/metadata/name"), ("labels", "/metadata/labels")]
                {
                    object.extend(part(pointer).map(|part| (key.to_owned(), part)));
                }
                vec![object.into()]
            }
            _ => Vec::new(),
        }
    }
    let mut response = lower(response);
    let mut alert = lower(&response["alertobject"]);
    if let Some(objects) = alert.get("k8sapiobjects") {
        alert["k8sapiobjects"] = cut(objects).into();
    }
    response["alertobject"] = alert;
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(_) => false,
    };
    if let Some(map) = response.as_object_mut() {
        for key in ["relatedobjects", "alertobject"] {
            let parts: Vec<&mut Value> = match map.get_mut(key) {
                Some(Value::Array(parts)) => parts.iter_mut().collect(),
                part => part.into_iter().collect(),
            };
            for part in parts.into_iter().filter_map(Value::as_object_mut) {
                // The object itself as what is to blame: Kubescape reads no name that is empty.
                part.retain(|key, value| !(is_nothing(value) || key == "metadata" && value["name"] == ""));
            }
        }
        map.retain(|key, value| key != "alert" && !is_nothing(value));
        if let Some(score) = map.get("alertscore").and_then(Value::as_f64) {
            map.insert("alertscore".to_owned(), score.into());
        }
    }
    response.to_string()
}
