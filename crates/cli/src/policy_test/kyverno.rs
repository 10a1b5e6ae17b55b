//! Kyverno's tests (<https://kyverno.io/docs/kyverno-cli/reference/kyverno_test/>).

use super::{Beside, Outcome, Result, Suite, compare_changed, named, namespace, text, word};
use plimsoll_model::{Document, Node};
use plimsoll_policy::{Mutation, Request, World};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// `kind: Test` of cli.kyverno.io.
#[derive(Deserialize)]
pub(super) struct Test {
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    results: Vec<Expected>,
    /// A file of `kind: Values`.
    variables: Option<String>,
    /// A file of `kind: UserInfo`.
    userinfo: Option<String>,
    /// A file of `kind: Context`.
    context: Option<String>,
    /// The same as in `variables`, in place.
    values: Option<Json>,
    #[serde(default)]
    checks: Vec<Json>,
    /// Files with PolicyExceptions.
    #[serde(default)]
    exceptions: Vec<String>,
    #[serde(default, rename = "paramResources")]
    param_resources: Vec<String>,
    #[serde(default, rename = "targetResources")]
    target_resources: Vec<String>,
    /// Files of `kind: ClusterResource`: what else is in the cluster.
    #[serde(default, rename = "clusterResources")]
    cluster_resources: Vec<String>,
    #[serde(default, rename = "globalContextEntries")]
    global_context: Vec<Json>,
    #[serde(default, rename = "apiCallResponses")]
    answers: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    policy: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    operation: String,
    result: String,
    #[serde(alias = "patchedResource")]
    patched_resources: Option<String>,
}

/// What a test says beside policies and resources.
struct Given {
    values: Json,
    user: Json,
    /// Roles and cluster roles that the user holds.
    roles: Json,
    namespaces: Vec<Json>,
    images: Vec<(String, Json)>,
    others: Vec<Json>,
    answers: Vec<(String, String, Json)>,
    contexts: Vec<(String, Json)>,
}

pub(super) fn run(test: &Test, suite: &Suite<'_>, results: &mut Vec<Result>) -> anyhow::Result<()> {
    let policies = suite.read(test.policies.iter().chain(&test.exceptions))?;
    let objects = suite.read(&test.resources)?.objects;
    let given = Given::read(test, suite, &objects)?;
    for expected in &test.results {
        // `namespace/policy` names a policy in a namespace.
        let policy = expected.policy.rsplit('/').next().unwrap_or("");
        let rule = ["autogen-cronjob-", "autogen-"].iter().find_map(|prefix| expected.rule.strip_prefix(prefix)).unwrap_or(&expected.rule);
        let patched = expected.patched_resources.as_ref().map(|file| suite.read([file])).transpose();
        for wanted in expected.resources.iter().chain(Some(&expected.resource).filter(|name| !name.is_empty())) {
            let name = suite.name(&format!("{policy}/{rule} on {} {wanted}", expected.kind));
            let home =
                if expected.namespace.is_empty() || wanted.contains('/') { String::new() } else { format!("{}/", expected.namespace) };
            let known =
                policies.policies.iter().any(|one| one.name == policy) || policies.policies.mutators().any(|one| one.name == policy);
            let outcome = match (named(&objects, &expected.kind, &format!("{home}{wanted}")), &patched) {
                _ if !known && policies.objects.iter().any(|object| text(object, "/metadata/name") == policy) => not_run(policy, rule),
                (None, _) => Outcome::Failed("there is no such resource".to_owned()),
                (_, Err(error)) => Outcome::Failed(format!("{error:#}")),
                (Some(object), Ok(patched)) => {
                    let patched = patched.as_ref().map(|read| read.objects.as_slice());
                    given.outcome(&policies, (policy, rule), object, expected, patched)
                }
            };
            results.push(Result { name, outcome });
        }
    }
    if !test.checks.is_empty() {
        let outcome = Outcome::NotRun("`checks` are assertions in JMESPath".to_owned());
        results.push(Result { name: suite.name("checks"), outcome });
    }
    Ok(())
}

fn not_run(policy: &str, rule: &str) -> Outcome {
    Outcome::NotRun(format!("policy `{policy}` is of a kind, or its rule `{rule}` in a form, that is not run"))
}

/// The data of an entry of the global context.
fn context_entry(entry: &Json, suite: &Suite<'_>) -> anyhow::Result<Json> {
    let list = |key: &str| entry.get(key).and_then(Json::as_array).into_iter().flatten();
    let mut data = entry.get("data").or(entry.get("resources")).cloned().unwrap_or_default();
    if list("resourceFiles").next().is_some() {
        data = suite.read(list("resourceFiles").filter_map(Json::as_str))?.objects.into();
    }
    for projection in list("projections") {
        let projected = data.get(text(projection, "/path")).cloned();
        data.as_object_mut().zip(projected).map(|(data, part)| data.insert(text(projection, "/name").to_owned(), part));
    }
    Ok(data)
}

impl Given {
    fn read(test: &Test, suite: &Suite<'_>, objects: &[Json]) -> anyhow::Result<Self> {
        let root = |file: &Option<String>| -> anyhow::Result<Json> {
            let Some(file) = file else { return Ok(Json::Null) };
            let read = suite.read([file])?;
            Ok(read.documents.first().and_then(Document::root).map(Node::to_json).unwrap_or_default())
        };
        let file = root(&test.variables)?;
        let values = test.values.clone().unwrap_or(file);
        let user = root(&test.userinfo)?;
        let context = root(&test.context)?;
        let list = |json: &Json, pointer: &str| json.pointer(pointer).and_then(Json::as_array).cloned().unwrap_or_default();
        let part = |json: &Json, key: &str| json.get(key).cloned().unwrap_or_default();
        let labelled = list(&values, "/namespaceSelector")
            .into_iter()
            .map(|one| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": part(&one, "name"), "labels": part(&one, "labels")}}));
        let namespaces = list(&values, "/namespaces").into_iter().map(|mut one| {
            // Some write the kind in lower case.
            one.as_object_mut().map(|fields| fields.insert("kind".to_owned(), "Namespace".into()));
            one
        });
        let images = list(&context, "/spec/images").into_iter();
        let mut others = list(&context, "/spec/resources");
        others.extend(suite.read(test.param_resources.iter().chain(&test.target_resources))?.objects);
        for document in &suite.read(&test.cluster_resources)?.documents {
            others.extend(document.root().map(|root| list(&root.to_json(), "/spec/resources")).unwrap_or_default());
        }
        let mut contexts = Vec::new();
        for entry in &test.global_context {
            contexts.push((text(entry, "/name").to_owned(), context_entry(entry, suite)?));
        }
        let answers = test.answers.iter();
        let answers = answers.map(|one| (text(one, "/method").to_owned(), text(one, "/url").to_owned(), part(one, "response"))).collect();
        Ok(Self {
            user: user.get("userInfo").cloned().unwrap_or_default(),
            roles: json!({"roles": part(&user, "roles"), "clusterRoles": part(&user, "clusterRoles")}),
            namespaces: namespaces.chain(labelled).chain(objects.iter().filter(|one| one["kind"] == "Namespace").cloned()).collect(),
            images: images.map(|image| (text(&image, "/image").to_owned(), image)).collect(),
            others,
            answers,
            contexts,
            values,
        })
    }

    /// A value that the test gives to a policy for a resource.
    fn value(&self, policy: &str, resource: &str, key: &str) -> Option<&str> {
        let of_policy = self.values.get("policies").and_then(Json::as_array).into_iter().flatten().find(|one| one["name"] == policy);
        let of_resource = of_policy
            .and_then(|policy| policy.get("resources")?.as_array()?.iter().find(|one| one["name"] == resource)?.get("values")?.get(key));
        of_resource.or_else(|| self.values.get("globalValues")?.get(key))?.as_str()
    }

    fn outcome(
        &self,
        beside: &Beside,
        (policy, rule): (&str, &str),
        object: &Json,
        expected: &Expected,
        patched: Option<&[Json]>,
    ) -> Outcome {
        let wanted = expected.result.as_str();
        let given = self.value(policy, text(object, "/metadata/name"), "request.operation");
        let operation = Some(expected.operation.as_str()).filter(|operation| !operation.is_empty()).or(given).unwrap_or("CREATE");
        let mut request = Request::new(object, operation, &self.user);
        if let (Some(review), Some(roles)) = (request.review.as_object_mut(), self.roles.as_object()) {
            review.extend(roles.iter().filter(|(_, held)| held.is_array()).map(|(key, held)| (key.clone(), held.clone())));
        }
        let namespace = namespace(&self.namespaces, request.namespace);
        let request = request.in_namespace(Some(&namespace));
        let others = self.others.iter().chain(&self.namespaces).collect();
        let world = World::new(others).with_images(self.images.clone()).at(Some(jiff::Timestamp::now())).whole();
        let world = world.with_answers(self.answers.clone()).with_contexts(self.contexts.clone());
        if let Some(mutator) = beside.policies.mutators().find(|mutator| mutator.name == policy) {
            let mutation = mutator.mutate(&request, &world);
            let skipped = matches!(mutation, Mutation::Skipped | Mutation::NotMatched);
            return match (wanted, mutation) {
                ("skip", _) if skipped => Outcome::Passed,
                ("error", Mutation::Refused(_)) => Outcome::Passed,
                ("pass", mutation) => {
                    let patched = patched.and_then(|patched| {
                        let name = format!("{}/{}", text(object, "/metadata/namespace"), text(object, "/metadata/name"));
                        named(patched, text(object, "/kind"), name.trim_start_matches('/'))
                    });
                    compare_changed(mutation, patched)
                }
                ("fail", mutation) => match compare_changed(mutation, patched.and_then(|patched| patched.first())) {
                    Outcome::Passed => Outcome::Failed("wanted fail, got pass".to_owned()),
                    Outcome::Failed(_) => Outcome::Passed,
                    not_run @ Outcome::NotRun(_) => not_run,
                },
                (wanted, mutation) => Outcome::Failed(format!("wanted {wanted}, got {mutation:?}")),
            };
        }
        let verdicts = beside.policies.judge(&request, &world);
        match verdicts.iter().find(|(one, _)| one.name == policy && (one.part.is_empty() || one.part == rule)) {
            Some((_, verdict)) => match word(verdict) {
                Ok(got) => Outcome::compare(wanted, got),
                Err(why) => Outcome::NotRun(why.to_owned()),
            },
            None if beside.objects.iter().any(|object| text(object, "/metadata/name") == policy) => not_run(policy, rule),
            None => Outcome::Failed("there is no such policy".to_owned()),
        }
    }
}
