//! What peers say about objects: here Kubescape's rules by the objects that they blame, in `peers` the verdicts of others.
//!
//! Which of our checks answers for a peer's is data beside this file. An answer is `ID`, `ID:Kind` (only findings about
//! objects of that kind) or `ID@part` (only findings whose pointer ends with that part).

pub(super) mod fix_paths;
pub(super) mod peers;

use super::{Cases, json_lines};
use crate::peers::is_answer;
use anyhow::Context;
use plimsoll_checks::{Parameters, assess};
use plimsoll_model::{
    Finding, Inventory, Limits, Location, ObjectChange, Origin, PatchOp, Snapshot, Source, Workload, WorkloadKinds, parse,
};
use plimsoll_pod_security::{Level, Version, strictest};
use plimsoll_sources::schema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Kubescape's rules: the classes of objects and of nodes.
pub(super) fn kubescape(file: &Path) -> anyhow::Result<Cases> {
    let answers: Answers = toml::from_str(include_str!("posture/kubescape.toml")).context("posture/kubescape.toml")?;
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let wanted = wanted(&case);
        let got = match answers.rules.get(&case.rule) {
            Some(answers) => got(&case, answers, &wanted),
            None if answers.missing.contains_key(&case.rule) => {
                cases.known();
                continue;
            }
            None => Err("no check answers for the rule".to_owned()),
        };
        let text = |set: &BTreeSet<Blamed>| set.iter().map(Blamed::to_string).collect::<Vec<_>>().join(", ");
        match got {
            Ok(got) => cases.case(|| case.name.clone(), &text(&wanted), &text(&got)),
            Err(why) => cases.case(|| case.name.clone(), &text(&wanted), &why),
        }
    }
    Ok(cases)
}

/// Our cures of what Kubescape's rules object to: each failing case is patched, judged again, and has to come out without
/// the findings and without new ones.
pub(super) fn cures(file: &Path) -> anyhow::Result<Cases> {
    let answers: Answers = toml::from_str(include_str!("posture/kubescape.toml")).context("posture/kubescape.toml")?;
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let Some(rule) = answers.rules.get(&case.rule).filter(|_| !case.expected.is_empty()) else { continue };
        match cured(&case, &answers, rule) {
            Ok(()) => cases.case(|| case.name.clone(), "cured", "cured"),
            // What is not found is for the other suite to say.
            Err(_) if answers.not_cured.contains_key(&case.rule) => cases.known(),
            Err(why) if why == NOTHING => cases.known(),
            Err(why) => cases.case(|| case.name.clone(), "cured", &why),
        }
    }
    Ok(cases)
}

const NOTHING: &str = "nothing was found";

fn cured(case: &Case, answers: &Answers, rule: &[String]) -> Result<(), String> {
    let mut parameters = parameters(case)?;
    for (name, value) in &answers.chosen {
        parameters.set(name, vec![value.clone()]).map_err(|error| error.to_string())?;
    }
    curable(&case.input, &parameters, |finding| rule.iter().any(|answer| is_answer(answer, finding)))
}

/// Applies the cures of the findings about `objects` that are asked for, as often as there are any, and says what is left.
fn curable(objects: &[Value], parameters: &Parameters, is_wanted: impl Fn(&Finding) -> bool) -> Result<(), String> {
    let mut input = objects.to_vec();
    let before = Judged::new(&input, parameters);
    if !before.findings.iter().any(&is_wanted) {
        return Err(NOTHING.to_owned());
    }
    let mut after = Judged::new(&input, parameters);
    for _ in 0..32 {
        let curable = |finding: &&Finding| finding.remediation.as_ref().is_some_and(|cure| cure.is_concrete());
        let Some(finding) = after.findings.iter().filter(|finding| is_wanted(finding)).find(curable) else { break };
        let Some(cure) = &finding.remediation else { break };
        if !cure.patch.is_empty() {
            patch(&mut input, finding.location.as_ref(), &cure.patch)?;
        }
        for change in &cure.changes {
            match change {
                ObjectChange::Create { object } => input.push(object.value()),
                ObjectChange::Patch { target, patch: operations } => patch(&mut input, Some(&target.location), operations)?,
                // The others keep their places.
                ObjectChange::Delete { target } => *at(&mut input, Some(&target.location))? = Value::Null,
            }
        }
        after = Judged::new(&input, parameters);
    }
    let left: Vec<&Finding> = after.findings.iter().filter(|finding| is_wanted(finding)).collect();
    if let Some(finding) = left.first() {
        let cure = finding.remediation.as_ref().map_or("no cure", |cure| &*cure.summary);
        return Err(format!("{} left, first: {} ({cure})", left.len(), finding.message));
    }
    after.is_no_worse_than(&before)
}

fn at<'v>(input: &'v mut [Value], place: Option<&Location>) -> Result<&'v mut Value, String> {
    let place = place.and_then(|place| place.source.name.parse::<usize>().ok());
    place.and_then(|at| input.get_mut(at)).ok_or_else(|| "the cure is of no object of the case".to_owned())
}

fn patch(input: &mut [Value], place: Option<&Location>, operations: &[PatchOp]) -> Result<(), String> {
    plimsoll_model::edit::patch_json(at(input, place)?, operations)
}

/// What there is to say of the objects of a case.
struct Judged {
    findings: Vec<Finding>,
    /// The Pod Security level of each workload, by the place of its object.
    levels: BTreeMap<String, Level>,
    /// What the types of the API do not know or accept, by object.
    schema: BTreeMap<usize, BTreeSet<String>>,
}

impl Judged {
    fn new(input: &[Value], parameters: &Parameters) -> Self {
        let snapshot = snapshot(input);
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let level =
            |workload: &Workload<'_>| (workload.object.node.document().source.name.clone(), strictest(&workload.pod, Version::Latest));
        let problems = |(at, object): (usize, &Value)| (at, schema::problems(object).unwrap_or_default().into_iter().collect());
        Self {
            findings: judge(&snapshot, parameters),
            levels: inventory.own_workloads().map(level).collect(),
            schema: input.iter().enumerate().map(problems).collect(),
        }
    }

    /// No finding, no violation of a schema that was not there before, and no lower level.
    fn is_no_worse_than(&self, before: &Self) -> Result<(), String> {
        let place = |finding: &Finding| finding.location.as_ref().map(|place| place.source.name.clone());
        let count = |all: &[Finding], of: &Finding| all.iter().filter(|one| one.rule.id == of.rule.id && place(one) == place(of)).count();
        if let Some(new) = self.findings.iter().find(|finding| count(&self.findings, finding) > count(&before.findings, finding)) {
            return Err(format!("a new finding: {} {}", new.rule.id, new.message));
        }
        if let Some((name, level)) = self.levels.iter().find(|(name, level)| before.levels.get(*name).is_some_and(|before| before > level))
        {
            return Err(format!("object {name} comes down to {level}"));
        }
        let none = BTreeSet::new();
        let new = self.schema.iter().find_map(|(at, now)| now.difference(before.schema.get(at).unwrap_or(&none)).next());
        new.map_or(Ok(()), |new| Err(format!("not valid any more: {new}")))
    }
}

/// Our frameworks against Kubescape's: the controls of each, their base scores, and that no check refers to one that is not there.
pub(super) fn frameworks(file: &Path) -> anyhow::Result<Cases> {
    const SAME: [(&str, &str); 10] = [
        ("AllControls", "kubescape"),
        ("ArmoBest", "kubescape-armobest"),
        ("ClusterScan", "kubescape-clusterscan"),
        ("DevOpsBest", "kubescape-devopsbest"),
        ("MITRE", "kubescape-mitre"),
        ("NSA", "nsa"),
        ("SOC2", "soc2"),
        ("WorkloadScan", "kubescape-workloadscan"),
        ("cis-v1.12.0", "kubescape-cis-v1.12.0"),
        ("security", "kubescape-security"),
    ];
    let mut cases = Cases::default();
    for framework in json_lines(file)? {
        let framework = framework?;
        let name = framework["name"].as_str().unwrap_or_default();
        let Some((_, ours)) = SAME.iter().find(|(theirs, _)| *theirs == name) else { continue };
        let mut wanted: Vec<&str> = framework["controls"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        wanted.sort_unstable();
        let got = plimsoll_checks::framework(ours).map(|framework| framework.controls.to_vec()).unwrap_or_default();
        cases.case(|| name.to_owned(), &wanted.join(" "), &got.join(" "));
    }
    let mut known = BTreeSet::new();
    for control in json_lines(&file.with_file_name("controls.jsonl"))? {
        let control = control?;
        let id = control["id"].as_str().unwrap_or_default().to_owned();
        let wanted = control["base_score"].as_f64().unwrap_or_default();
        let got = plimsoll_checks::kubescape_base_score(&id).map_or(0.0, f64::from);
        cases.case(|| id.clone(), &format!("{wanted:.1}"), &format!("{got:.1}"));
        known.insert(id);
    }
    for rule in plimsoll_checks::rules().iter().chain(plimsoll_pod_security::rules()) {
        let unknown: Vec<&str> =
            rule.references.iter().filter(|one| one.system == "KUBESCAPE" && !known.contains(one.id)).map(|one| one.id).collect();
        cases.case(|| rule.id.to_string(), "", &unknown.join(" "));
    }
    Ok(cases)
}

/// Which checks answer for which rule, and why none does.
#[derive(Deserialize)]
struct Answers {
    rules: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    missing: BTreeMap<String, String>,
    #[serde(default)]
    not_cured: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    /// What a user would choose for cures: the same for all cases.
    chosen: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(alias = "primitive")]
    rule: String,
    #[serde(alias = "objects")]
    input: Vec<Value>,
    #[serde(default)]
    params: Option<Value>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    objects: Vec<Object>,
    #[serde(default)]
    external: Option<Object>,
    #[serde(default)]
    fix_paths: Vec<FixPath>,
    #[serde(default)]
    delete_paths: Vec<String>,
}

/// A value that Kubescape would set.
#[derive(Deserialize)]
struct FixPath {
    path: String,
    value: String,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

/// An object or subject that is blamed; without a namespace where the suite names none.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Blamed {
    kind: String,
    name: String,
    namespace: Option<String>,
}

impl std::fmt::Display for Blamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, name, namespace } = self;
        write!(f, "{kind} {}{name}", namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default())
    }
}

fn wanted(case: &Case) -> BTreeSet<Blamed> {
    let all = case.expected.iter().flat_map(|expected| expected.objects.iter().chain(&expected.external));
    all.map(|object| {
        let blamed = Blamed {
            kind: object.kind.clone().unwrap_or_default(),
            name: object.name.clone().unwrap_or_default(),
            namespace: object.namespace.clone().filter(|namespace| !namespace.is_empty()),
        };
        holder(case, &blamed).unwrap_or(blamed)
    })
    .collect()
}

/// The host object that holds what is blamed, if that is a file of a node: ours blames the object and names the file.
fn holder(case: &Case, blamed: &Blamed) -> Option<Blamed> {
    let text = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    if case.input.iter().any(|object| text(object, "/kind") == blamed.kind) {
        return None;
    }
    let host = case.input.iter().find(|object| text(object, "/apiVersion").starts_with("hostdata."))?;
    Some(Blamed { kind: text(host, "/kind"), name: text(host, "/metadata/name"), namespace: None })
}

fn got(case: &Case, answers: &[String], wanted: &BTreeSet<Blamed>) -> Result<BTreeSet<Blamed>, String> {
    let parameters = parameters(case)?;
    let snapshot = snapshot(&case.input);
    let by_subject = case.expected.iter().any(|expected| expected.external.is_some());
    let mut all = BTreeSet::new();
    for finding in judge(&snapshot, &parameters).iter().filter(|finding| answers.iter().any(|answer| is_answer(answer, finding))) {
        let mut one = blamed(&snapshot, finding, by_subject);
        // The suite names a namespace only where the name alone would not do.
        let alike = |other: &&Blamed| other.kind == one.kind && other.name == one.name;
        if wanted.iter().filter(alike).all(|other| other.namespace.is_none()) {
            one.namespace = None;
        }
        all.insert(one);
    }
    Ok(all)
}

/// Everything that the engines find.
pub(super) fn judge(snapshot: &Snapshot, parameters: &Parameters) -> Vec<Finding> {
    let inventory = Inventory::new(snapshot, &WorkloadKinds::default());
    let mut findings = assess(&inventory, parameters).findings;
    findings.extend(inventory.own_workloads().flat_map(|workload| plimsoll_pod_security::assess(workload, Version::Latest, None)));
    findings
}

fn snapshot(input: &[Value]) -> Snapshot {
    // Each object is a source of its own, called by its place, so that a finding can be traced back to it.
    let source = |(at, object): (usize, &Value)| Source::new(at.to_string(), Origin::Stdin, object.to_string());
    let documents = input.iter().enumerate().flat_map(|one| parse(&source(one), Limits::default()).0);
    Snapshot { documents: documents.collect(), problems: Vec::new() }
}

/// Whom a finding blames: the object, or the subject of a binding where the suite blames subjects.
fn blamed(snapshot: &Snapshot, finding: &Finding, by_subject: bool) -> Blamed {
    let id = &finding.subject.object;
    let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    if by_subject && id.kind.ends_with("RoleBinding") && finding.subject.pointer.starts_with("/subjects/") {
        let binding = snapshot.objects().0.into_iter().find(|object| object.id() == **id);
        if let Some(subject) = binding.and_then(|binding| binding.node.resolve(&finding.subject.pointer)) {
            let field = |key| subject.get(key).map_or("", plimsoll_model::Node::text);
            return Blamed { kind: field("kind").to_owned(), name: field("name").to_owned(), namespace: text(field("namespace")) };
        }
    }
    Blamed { kind: id.kind.clone(), name: id.name.clone(), namespace: text(&id.namespace) }
}

fn parameters(case: &Case) -> Result<Parameters, String> {
    let answers: Answers = toml::from_str(include_str!("posture/kubescape.toml")).map_err(|error| error.to_string())?;
    let mut parameters = Parameters::default();
    // What the user chose, in whatever depth the suite keeps it.
    let mut open: Vec<(&str, &Value)> = case.params.iter().map(|params| ("", params)).collect();
    while let Some((key, value)) = open.pop() {
        match value {
            Value::Object(map) => open.extend(map.iter().map(|(key, value)| (key.as_str(), value))),
            Value::Array(list) => {
                let name = answers.parameters.get(key).ok_or_else(|| format!("no parameter answers for `{key}`"))?;
                let texts = list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
                parameters.set(name, texts).map_err(|error| error.to_string())?;
            }
            _ => {}
        }
    }
    Ok(parameters)
}
