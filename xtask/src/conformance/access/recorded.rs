//! A recorded cluster and its audit log: the least that its users and controllers need.

use crate::conformance::Cases;
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::least::{Held, Options, Subset, reference, suggest};
use plimsoll_access::usage::Usage;
use plimsoll_model::audit::Requests;
use plimsoll_model::rbac::{Defaults, Identity, Rbac, User};
use plimsoll_model::{Limits, Object, Origin, Source, manifest, parse};
use plimsoll_sources::{Target, audit};
use std::io;
use std::path::{Path, PathBuf};

const SUBJECTS: [Identity<'static>; 5] = [
    Identity::User("alice"),
    Identity::User("bob"),
    Identity::Group("ops"),
    Identity::ServiceAccount("kube-system", "deployment-controller"),
    Identity::ServiceAccount("kube-system", "replicaset-controller"),
];

/// Each subject gets the roles that are suggested in place of its grants. Then everything that was allowed in the log is allowed,
/// everything that was denied is denied, and nothing is granted that is not held.
pub(crate) fn recorded(log: &Path) -> anyhow::Result<Cases> {
    let usage = read(log)?;
    let lists = log.with_file_name("../apiserver/lists");
    let snapshot = plimsoll_sources::load(&[Target::new(&lists.to_string_lossy())], &plimsoll_sources::Options::default(), io::empty());
    let held: Vec<Object<'_>> = snapshot.documents.iter().flat_map(|document| document.objects().0).collect();
    if held.is_empty() {
        bail!("nothing is in {}", lists.display());
    }
    let authorizer = Authorizer::of(Rbac::of(held.iter().copied(), Defaults::Assume));
    let mut cases = Cases::default();
    for subject in SUBJECTS {
        for leave_groups in [false, true] {
            if leave_groups && matches!(subject, Identity::Group(_)) {
                continue;
            }
            let options = Options { leave_groups, ..Options::default() };
            let suggestion = suggest(&usage, Held { authorizer: &authorizer, nodes: None, is_known: true }, subject, &options);
            let text = manifest(&suggestion.objects);
            let (documents, _) = parse(&Source::new("least", Origin::Live, text.as_str()), Limits::default());
            let written: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
            let mut rbac = Rbac::of(held.iter().copied().chain(written.iter().copied()), Defaults::Assume);
            let is_written = |object: &Object<'_>| written.iter().any(|one| one.id() == object.id());
            for binding in rbac.bindings.iter_mut().filter(|binding| !is_written(&binding.object)) {
                binding.subjects.retain(|one| one.identity != subject);
            }
            let with_roles = Authorizer::of(rbac);
            let (mut allowed, mut denied) = (Vec::new(), Vec::new());
            let mut counts = [0_usize; 2];
            for person in usage.people_of(subject) {
                let left = |group: &&String| !leave_groups || group.starts_with("system:");
                let user = User::exactly(&person.user.name, person.user.groups.iter().filter(left));
                for observed in usage.requests_of(person) {
                    let is_allowed = with_roles.allows(&user, &observed.request);
                    counts[0] += usize::from(observed.allowed.count > 0);
                    counts[1] += usize::from(observed.denied.count > 0);
                    if observed.allowed.count > 0 && !is_allowed {
                        allowed.push(observed.request.to_string());
                    }
                    if observed.denied.count > 0 && is_allowed {
                        denied.push(observed.request.to_string());
                    }
                }
            }
            let who = format!("{}{}", reference(subject), if leave_groups { " without its groups" } else { "" });
            let some = |count: usize| if count > 0 { "" } else { "nothing was asked" };
            cases.case(|| format!("{who}: allowed stays allowed"), "", &format!("{}{}", some(counts[0]), allowed.join("; ")));
            cases.case(|| format!("{who}: denied stays denied"), "", &denied.join("; "));
            cases.case(|| format!("{who}: a part of what is held"), &format!("{:?}", Subset::Proved), &format!("{:?}", suggestion.subset));
            let failures: Vec<String> = suggestion.proof.failures.iter().map(|failure| failure.request.clone()).collect();
            cases.case(|| format!("{who}: its own proof"), "", &failures.join("; "));
            cases.notes.push(format!("{who}: {} requests allowed, {} denied, {} objects", counts[0], counts[1], suggestion.objects.len()));
        }
    }
    Ok(cases)
}

fn read(log: &Path) -> anyhow::Result<Usage> {
    let (mut usage, mut requests) = (Usage::default(), Requests::default());
    let paths: [PathBuf; 1] = [log.to_owned()];
    let problems = audit::read(&paths, &audit::Options::default(), io::empty(), |events| {
        events.into_iter().filter_map(|event| requests.push(event)).for_each(|event| usage.observe(&event));
    });
    requests.finish().iter().for_each(|event| usage.observe(event));
    match problems.first() {
        None => Ok(usage),
        Some(problem) => Err(anyhow::anyhow!("{}", problem.message)).with_context(|| format!("cannot read {}", log.display())),
    }
}
