//! audit2rbac: the same roles in the compatible mode; and of the same requests, our own roles, which allow what was allowed and no
//! more than theirs.

use super::{documents, list, text, texts, user};
use crate::conformance::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::audit2rbac::{Options, counted, generate};
use plimsoll_access::cover::{in_server_words, uncovered};
use plimsoll_access::least::{self, Held, suggest};
use plimsoll_access::usage::{Observation, Usage};
use plimsoll_model::audit::Event;
use plimsoll_model::rbac::{Defaults, Identity, Rbac, Request, Rule, User};
use plimsoll_model::{Document, Object};
use plimsoll_sources::audit;
use serde_json::{Value as Json, json};
use std::fs::File;
use std::path::Path;

/// Requests as a table gives them. All of them count as allowed.
pub(crate) fn process(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let mut requests: Vec<(User, Request<'_>, bool)> = Vec::new();
        for one in list(&case, "requests") {
            let verb = text(one, "verb");
            let request = match one["resourceRequest"].as_bool() {
                Some(true) => {
                    let request =
                        Request::resource(verb, text(one, "apiGroup"), text(one, "resource"), text(one, "namespace"), text(one, "name"));
                    with_subresource(request, text(one, "subresource"))
                }
                _ => Request::path(verb, text(one, "path")),
            };
            requests.push((user(&one["user"], "name"), request, true));
        }
        compare(&case, "audit2rbac", &requests, &mut cases)?;
    }
    Ok(cases)
}

/// Requests as a log gives them, some of them denied.
pub(crate) fn demo(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let log = path.with_file_name(text(&case, "log"));
        let mut events: Vec<Event> = Vec::new();
        let file = File::open(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let problems = audit::read_stream("log", file, &audit::Options::default(), |batch| events.extend(batch));
        if let Some(problem) = problems.first() {
            bail!("{}", problem.message);
        }
        let name = text(&case, "user");
        let of_user: Vec<&Event> = events.iter().filter(|event| event.user.name == name).collect();
        let denied = of_user.iter().filter(|event| event.was_allowed() == Some(false)).count();
        let counts = |events: &Json, denied: &Json| json!({"events": events, "denied": denied}).to_string();
        let wanted = counts(&case["events"], &case["denied"]);
        cases.case(|| format!("{}: events", text(&case, "name")), &wanted, &counts(&json!(of_user.len()), &json!(denied)));
        let requests: Vec<(User, Request<'_>, bool)> = of_user
            .iter()
            .map(|event| (User::exactly(&event.user.name, &event.user.groups), event.request(), event.was_allowed() == Some(true)))
            .collect();
        compare(&case, &format!("audit2rbac:{name}"), &requests, &mut cases)?;
    }
    Ok(cases)
}

fn with_subresource<'r>(request: Request<'r>, subresource: &'r str) -> Request<'r> {
    use plimsoll_model::rbac::{Resource, Target};
    match request.target {
        Target::Resource(of) => Request { target: Target::Resource(Resource { subresource, ..of }), ..request },
        Target::Path(_) => request,
    }
}

fn authorizer(documents: &[Document]) -> Authorizer<'_> {
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    Authorizer::of(Rbac::of(objects.into_iter(), Defaults::Leave))
}

fn compare(case: &Json, objects: &str, requests: &[(User, Request<'_>, bool)], cases: &mut Cases) -> anyhow::Result<()> {
    let name = text(case, "name");
    let existing = documents(list(case, "existing"));
    let existing = authorizer(&existing);
    let asked: Vec<(&User, Request<'_>)> = requests.iter().map(|(user, request, _)| (user, counted(*request))).collect();
    let theirs = generate(&existing, &asked, &options(case, objects));
    cases.case(|| name.to_owned(), &sorted(list(case, "expected").cloned()), &sorted(theirs.iter().cloned()));

    let mut usage = Usage::default();
    for (user, request, allowed) in requests {
        let place = &"the case";
        usage.add(&Observation { user: &user.name, groups: &user.groups, request: *request, allowed: Some(*allowed), at: None, place });
    }
    let Some((user, ..)) = requests.first() else { return Ok(()) };
    let held = Held { authorizer: &existing, nodes: None, is_known: false };
    let ours = suggest(&usage, held, Identity::of_user(&user.name), &least::Options::default());
    let ours = documents(ours.objects.iter());
    let ours = authorizer(&ours);
    let is_missing =
        |(user, request, allowed): &&(User, Request<'_>, bool)| *allowed && !ours.allows(user, request) && !existing.allows(user, request);
    let missing: Vec<String> = requests.iter().filter(is_missing).map(|(_, request, _)| request.to_string()).collect();
    cases.case(|| format!("{name}: all that was allowed"), "", &missing.join("; "));
    let theirs = documents(theirs.iter());
    let theirs = authorizer(&theirs);
    let beyond: Vec<String> = ours
        .rbac()
        .bindings
        .iter()
        .flat_map(|binding| {
            let place = binding.namespace().unwrap_or_default();
            let held: Vec<&Rule<'_>> = theirs.rules_for(user, place).into_iter().map(|(_, rule)| rule).collect();
            uncovered(&held, ours.rbac().granted(binding).map(|role| role.rules.as_slice()).unwrap_or_default())
        })
        .map(|rule| in_server_words(&rule))
        .collect();
    cases.case(|| format!("{name}: no more than theirs"), "", &beyond.join("; "));
    Ok(())
}

fn options(case: &Json, name: &str) -> Options {
    let given = &case["options"];
    let is_set = |key: &str| given[key].as_bool().unwrap_or_default();
    let mut options = Options {
        name: name.to_owned(),
        names: is_set("expandMultipleNamesToUnnamed"),
        namespaces: is_set("expandMultipleNamespacesToClusterScoped"),
        ..Options::default()
    };
    if let Some(verbs) = given["verbExpansions"].as_object() {
        options.verbs = verbs.keys().map(|verb| (verb.clone(), texts(&given["verbExpansions"], verb))).collect();
    }
    options
}

/// The order of objects is free; that of rules is not.
fn sorted(objects: impl Iterator<Item = Json>) -> String {
    let mut objects: Vec<String> = objects.map(|object| object.to_string()).collect();
    objects.sort();
    format!("[{}]", objects.join(","))
}
