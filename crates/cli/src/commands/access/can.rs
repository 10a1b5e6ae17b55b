//! `plimsoll access can`

use super::subject::{alike, identity, is_named};
use super::text::{Text, named, origin};
use super::{Form, Grants, ScopeArgs, is_complete, load, object_name, unseen_namespace};
use crate::{Outcome, input, output};
use anyhow::anyhow;
use plimsoll_access::node::{Features, NodeAuthorizer};
use plimsoll_access::{Can, CanDo, Question, Verdict};
use plimsoll_model::Inventory;
use plimsoll_model::rbac::User;

const EXAMPLES: &str = "Examples:
  plimsoll access can sa:shop/orders get secrets -n shop --in cluster
  plimsoll access can user:lena --in cluster            (everything that she can do)";

/// Say whether somebody can do something, and which binding and rule decide; or everything that somebody can do.
///
/// Exits with 0 for yes, 1 for no, 2 for not known: something could not be read, or a role is missing. Without a request,
/// with 2 if there might be more.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Who: sa:NAMESPACE/NAME, user:NAME, group:NAME, or a user name (system:serviceaccount:NAMESPACE:NAME too).
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// The verb: get, list, create, impersonate, …
    #[arg(value_name = "VERB", requires = "resource")]
    verb: Option<String>,
    /// The resource as kubectl takes it (pods, po, Pod, deployments.apps), with a subresource (pods/exec), or a path
    /// (/healthz).
    #[arg(value_name = "RESOURCE[/SUBRESOURCE]")]
    resource: Option<String>,
    /// The object's name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// A group that the subject is in too; may be given several times. Those that follow from the name are added.
    #[arg(long, value_name = "GROUP")]
    as_group: Vec<String>,
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`; may be given several times. Without it, the
    /// current directory.
    #[arg(long = "in", short = 'f', value_name = "TARGET")]
    targets: Vec<String>,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    #[command(flatten)]
    input: input::WideArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let user = user(&args.subject, &args.as_group)?;
    object_name(args.name.as_deref(), &args.targets)?;
    let loaded = load(&args.input, &args.targets)?;
    let grants = Grants::of(&loaded);
    let rbac = grants.authorizer.rbac();
    let mut hints: Vec<String> = unseen_namespace(&loaded, &args.scope).into_iter().collect();
    hints.extend(
        (user.node().is_none() && !is_named(rbac, identity(&args.subject)?))
            .then(|| format!("no binding that was read names `{}`{}", args.subject, alike(rbac, &args.subject))),
    );
    let problems = || loaded.snapshot.problems.iter().chain(&grants.problems);
    let is_complete = is_complete(problems());
    let json = args.form == Form::Json;
    let (text, outcome) = match (&args.verb, &args.resource) {
        (Some(verb), Some(resource)) => {
            let question = Question::read(&grants.resources, verb, resource, args.name.as_deref(), args.scope.scope());
            let mut answer = grants.authorizer.ask(&user, question.map_err(|error| anyhow!(error))?, is_complete);
            if user.node().is_some() {
                let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
                answer = answer.with_node(&user, &NodeAuthorizer::new(&inventory, Features::default()));
            }
            answer.notes.append(&mut hints);
            let outcome = match answer.verdict {
                Verdict::Yes => Outcome::Clean,
                Verdict::No => Outcome::Findings,
                Verdict::NotKnown => Outcome::Incomplete,
            };
            (if json { serde_json::to_string_pretty(&answer)? + "\n" } else { one(&answer) }, outcome)
        }
        _ => {
            let answer = grants.authorizer.ask_all(&user, args.scope.namespace.as_deref(), is_complete);
            let outcome = if answer.complete { Outcome::Clean } else { Outcome::Incomplete };
            (if json { serde_json::to_string_pretty(&answer)? + "\n" } else { all(&answer, &hints) }, outcome)
        }
    };
    output::complain_about(problems());
    output::print(text.as_bytes())?;
    Ok(outcome)
}

/// Who is meant, with the groups that follow from the name.
pub(super) fn user(subject: &str, groups: &[String]) -> anyhow::Result<User> {
    let mut user = identity(subject)?.user();
    // Groups that are said stand before those that are implied.
    let said: Vec<String> = groups.iter().filter(|group| !user.is_in(group)).cloned().collect();
    user.groups.splice(0..0, said);
    Ok(user)
}

fn one(answer: &Can) -> String {
    let Can { question, verdict, by, in_namespaces, named_only, unknown, defaults_assumed, notes, .. } = answer;
    let mut text = Text::default();
    let who = answer.who();
    match verdict {
        Verdict::Yes => text.line(0, &format!("yes: {who} can {question}")),
        Verdict::No if in_namespaces.is_empty() => text.line(0, &format!("no: {who} cannot {question}")),
        Verdict::No => text.line(0, &format!("no, not in all namespaces: {who} cannot {question}")),
        Verdict::NotKnown => text.line(0, &format!("NOT KNOWN whether {who} can {question}: by what was read, no")),
    }
    if let Some(by) = by {
        text.grants(2, std::iter::once((by, String::new())));
    }
    if !in_namespaces.is_empty() {
        text.line(0, "in some namespaces only:");
    }
    for allowed in in_namespaces {
        text.line(2, &format!("in {}", allowed.namespace));
        text.by(4, &allowed.by);
    }
    if !named_only.is_empty() {
        text.line(0, "objects of these names only:");
        text.grants(2, named_only.iter().map(|one| (&one.by, named(one))));
    }
    text.unknown(unknown);
    text.notes(notes, *defaults_assumed);
    text.finish()
}

fn all(answer: &CanDo, notes: &[String]) -> String {
    let mut text = Text::default();
    let who = answer.who();
    text.line(0, &format!("what {who} can do, as {}:", answer.groups.join(", ")));
    if answer.is_master {
        text.line(2, "everything: no authorizer is asked about members of system:masters");
    }
    let mut covered = 0;
    for scope in &answer.scopes {
        match &scope.namespace {
            None => text.line(0, "in the whole cluster"),
            Some(namespace) => text.line(0, &format!("in namespace {namespace}")),
        }
        covered += scope.rules.iter().filter(|rule| rule.covered).count();
        for held in scope.rules.iter().filter(|rule| !rule.covered) {
            let Some(by) = held.by.first() else { continue };
            text.line(2, &by.rule.text);
            held.by.iter().for_each(|by| text.line(6, &origin(by)));
        }
    }
    if answer.scopes.is_empty() && !answer.is_master {
        text.line(2, if answer.complete { "nothing" } else { "NOT KNOWN: nothing by what was read, and not everything was" });
    }
    match covered {
        0 => {}
        1 => text.line(0, "1 more rule adds nothing to these; -o json has it"),
        _ => text.line(0, &format!("{covered} more rules add nothing to these; -o json has them")),
    }
    text.unknown(&answer.unknown);
    text.notes(notes, answer.defaults_assumed);
    text.finish()
}

/// Who is meant by `USER[,GROUP…]`.
pub(super) fn applier(text: &str) -> anyhow::Result<User> {
    let mut parts = text.split(',').map(str::to_owned);
    let name = parts.next().unwrap_or_default();
    user(&name, &parts.collect::<Vec<_>>())
}
