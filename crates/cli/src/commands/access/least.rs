//! `plimsoll access least`

use super::text::Text;
use super::usage::LogArgs;
use super::{Grants, is_complete, load};
use crate::{Outcome, input, output};
use anyhow::bail;
use plimsoll_access::least::{Held, Least, Options, Subset, Suggestion, Widen};
use plimsoll_access::node::{Features, NodeAuthorizer};
use plimsoll_access::unused::GrantUse;
use plimsoll_access::usage::Usage;
use plimsoll_access::{Authorizer, audit2rbac, least};
use plimsoll_model::rbac::{Defaults, Identity, MASTERS, Rbac};
use plimsoll_model::{Inventory, manifest};
use std::fmt::Write;
use std::str::FromStr;

const EXAMPLES: &str = "Examples:
  plimsoll access least --audit audit.log cluster
  plimsoll access least --audit audit.log --subject sa:shop/orders -o yaml cluster > roles.yaml";

/// Make the smallest roles that allow everything that an audit log shows in use, and prove it by asking every request again.
///
/// Targets say what is held today: the roles are a part of it. Without targets, only the log and the defaults of the API server
/// count. What was denied is never granted, what comes from groups is left to them.
///
/// Exits with 2 if something could not be read, or a request comes out otherwise than in the log.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What is held today: files, directories, `-`, archives, snapshots, `cluster`. Without it, all that the log allowed is
    /// granted.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// The same as TARGET.
    #[arg(long = "in", short = 'f', value_name = "TARGET", conflicts_with = "targets")]
    named: Vec<String>,
    #[command(flatten)]
    log: LogArgs,
    /// Grant more than was used, where it is held and was not denied: names=N and namespaces=N grant all of them where more than
    /// N were used; generated grants all names where one was made up by Kubernetes; with verbs, who reads in one way may get,
    /// list and watch, and who updates may patch.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    widen: Vec<Wider>,
    /// Make roles for subjects that leave their groups: what came through them is granted, too.
    #[arg(long)]
    leave_groups: bool,
    /// How roles are made: `least`, or as audit2rbac makes them, which also grants what was denied and widens by itself.
    #[arg(long, value_name = "MODE", default_value = "least")]
    mode: Mode,
    /// The form of the output; `yaml` are the objects, ready to be applied.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    #[command(flatten)]
    input: input::WideArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For kubectl.
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// The least.
    Least,
    /// The same as audit2rbac.
    #[value(name = "audit2rbac")]
    Compatible,
}

#[derive(Debug, Clone, Copy)]
enum Wider {
    Names(usize),
    Namespaces(usize),
    Generated,
    Verbs,
}

impl FromStr for Wider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
        match text.split_once('=') {
            Some(("names", most)) => number(most).map(Self::Names),
            Some(("namespaces", most)) => number(most).map(Self::Namespaces),
            None if text == "generated" => Ok(Self::Generated),
            None if text == "verbs" => Ok(Self::Verbs),
            _ => Err("one of names=N, namespaces=N, generated, verbs".to_owned()),
        }
    }
}

impl Args {
    fn options(&self) -> Options {
        let mut widen = Widen::default();
        for wider in &self.widen {
            match wider {
                Wider::Names(most) => widen.names = Some(*most),
                Wider::Namespaces(most) => widen.namespaces = Some(*most),
                Wider::Generated => widen.generated = true,
                Wider::Verbs => widen.verbs = true,
            }
        }
        Options { widen, leave_groups: self.leave_groups }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let targets = if args.targets.is_empty() { &args.named } else { &args.targets };
    let (usage, mut problems) = args.log.read(targets)?;
    let loaded = if targets.is_empty() { None } else { Some(load(&args.input, targets)?) };
    let grants = loaded.as_ref().map(Grants::of);
    problems.extend(loaded.iter().flat_map(|loaded| loaded.snapshot.problems.iter().cloned()));
    problems.extend(grants.iter().flat_map(|grants| grants.problems.iter().cloned()));
    let defaults = Authorizer::of(Rbac::of(std::iter::empty(), Defaults::Assume));
    let inventory = loaded.as_ref().map(|loaded| Inventory::new(&loaded.snapshot, &loaded.kinds));
    let nodes = inventory.as_ref().map(|inventory| NodeAuthorizer::new(inventory, Features::default()));
    let authorizer = grants.as_ref().map_or(&defaults, |grants| &grants.authorizer);
    let held = Held { authorizer, nodes: nodes.as_ref(), is_known: grants.is_some() };
    let subjects = args.log.chosen(least::subjects(&usage, held))?;
    if let Some(unknown) = subjects.iter().find(|subject| usage.people_of(**subject).is_empty()) {
        bail!("the log has no event of `{}`", least::reference(*unknown));
    }
    if subjects.contains(&Identity::Group(MASTERS)) {
        bail!(
            "no authorizer is asked about members of `{MASTERS}`, so no role takes anything away: ask for its users (`--subject user:NAME`)"
        );
    }
    let complete = is_complete(problems.iter());
    output::complain_about(problems.iter());
    if args.mode == Mode::Compatible {
        let text = compatible(&usage, held.authorizer, &subjects, args.form)?;
        output::print(text.as_bytes())?;
        return Ok(if complete { Outcome::Clean } else { Outcome::Incomplete });
    }
    let answer = Least::of(&usage, held, &subjects, &args.options(), complete);
    let text = match args.form {
        Form::Text => text(&answer),
        Form::Json => serde_json::to_string_pretty(&answer)? + "\n",
        Form::Yaml => objects(&answer),
    };
    output::print(text.as_bytes())?;
    if !answer.is_proved() {
        output::complain("error: not every request comes out as it has to: do not apply these roles (-o text says which)");
    }
    Ok(if complete && answer.is_proved() { Outcome::Clean } else { Outcome::Incomplete })
}

/// The roles of audit2rbac, of all requests of each user, whatever came of them.
fn compatible(usage: &Usage, existing: &Authorizer<'_>, subjects: &[Identity<'_>], form: Form) -> anyhow::Result<String> {
    let mut objects = Vec::new();
    for subject in subjects.iter().filter(|subject| !matches!(subject, Identity::Group(_))) {
        let people = usage.people_of(*subject);
        let requests: Vec<_> = people
            .iter()
            .flat_map(|person| usage.requests_of(person).into_iter().map(|one| (&person.user, audit2rbac::counted(one.request))))
            .collect();
        let name = people.first().map(|person| format!("audit2rbac:{}", person.user.name)).unwrap_or_default();
        objects.extend(audit2rbac::generate(existing, &requests, &audit2rbac::Options { name, ..audit2rbac::Options::default() }));
    }
    Ok(if form == Form::Json { serde_json::to_string_pretty(&objects)? + "\n" } else { manifest(&objects) })
}

fn objects(answer: &Least) -> String {
    let mut text = String::new();
    for one in answer.subjects.iter().filter(|one| !one.objects.is_empty()) {
        let mut comment = |line: &str| {
            let _ = writeln!(text, "# {}", plimsoll_report::terminal(line));
        };
        comment(&format!(
            "{}: {} of {} events; confidence {}",
            one.subject,
            plural(one.requests, "request"),
            one.events,
            one.confidence.level
        ));
        for widened in &one.widened {
            comment(&format!("widened ({}): {}; {}", widened.kind, widened.grants, widened.why));
        }
        text.push_str(&manifest(&one.objects));
    }
    text
}

fn text(answer: &Least) -> String {
    let mut text = Text::default();
    for one in &answer.subjects {
        subject(one, answer.bindings_known, &mut text);
        text.line(0, "");
    }
    let log = &answer.log;
    let times = log.first.iter().zip(&log.last).map(|(first, last)| format!(" from {first} to {last}")).collect::<String>();
    text.line(0, &format!("log: {}, {}{times}", plural(log.events, "event"), plural(log.requests, "distinct request")));
    if log.undecided > 0 {
        text.line(0, &format!("note: {} do not tell whether they were allowed: they count for nothing", plural(log.undecided, "event")));
    }
    if !answer.bindings_known {
        text.line(0, "note: the bindings of the cluster were not read: that the roles are a part of what is held is not known");
    }
    text.finish()
}

fn subject(one: &Suggestion, bindings_known: bool, text: &mut Text) {
    let times = one.first.iter().zip(&one.last).map(|(first, last)| format!(" from {first} to {last}")).collect::<String>();
    text.line(0, &format!("{}: {}{times}", one.subject, plural(one.events, "event")));
    text.line(2, &format!("confidence {}: {}", one.confidence.level, one.confidence.because));
    if one.objects.is_empty() {
        text.line(2, "needs no role of its own");
    }
    for (role, rules) in one.roles() {
        text.line(2, &role);
        rules.iter().for_each(|rule| text.line(4, rule));
    }
    for widened in &one.widened {
        text.line(2, &format!("widened ({}): {}; {}", widened.kind, widened.grants, widened.why));
    }
    for left in &one.not_widened {
        text.line(2, &format!("not widened ({}): {}; {}", left.kind, left.grants, left.why));
    }
    for stays in &one.stays {
        text.line(2, &format!("stays by {}: {}, {}", stays.by, plural(stays.requests, "request"), plural(stays.events, "event")));
    }
    for left in &one.left_out {
        let place = left.place.as_deref().unwrap_or_default();
        text.line(2, &format!("left out: {} ({}, {place}): {}", left.request, plural(left.events, "event"), left.why));
    }
    for conflict in &one.conflicts {
        let (first, place) = (conflict.first.as_deref().unwrap_or("at an unknown time"), conflict.place.as_deref().unwrap_or_default());
        text.line(2, &format!("was denied, and is allowed: {} ({first}, {place}): {}", conflict.request, conflict.why));
    }
    if !one.replaces.is_empty() {
        text.line(2, "takes the place of");
        one.replaces.iter().for_each(|grant| goes(grant, text));
    }
    match &one.subset {
        Subset::Proved => text.line(2, "proved: a part of what is held today"),
        Subset::Unknown if bindings_known => text.line(2, "NOT KNOWN whether it is a part of what is held: roles were not read"),
        Subset::Unknown => {}
        Subset::Exceeds(rules) => text.line(2, &format!("NOT a part of what is held: {}", rules.join("; "))),
    }
    let proof = &one.proof;
    if proof.failures.is_empty() {
        text.line(
            2,
            &format!(
                "proved: {} ({}) allowed again, {} ({}) denied again",
                plural(proof.allowed_replayed, "request"),
                plural(proof.allowed_events, "event"),
                plural(proof.denied_replayed, "request"),
                plural(proof.denied_events, "event")
            ),
        );
    }
    for failure in &proof.failures {
        text.line(2, &format!("NOT PROVED: {} by {} has to be {}", failure.request, failure.user, failure.wanted));
    }
    one.notes.iter().for_each(|note| text.line(2, &format!("note: {note}")));
}

fn goes(grant: &GrantUse, text: &mut Text) {
    text.line(4, &format!("{} {} to {}: {}", grant.binding, super::text::place(&grant.binding), grant.role, super::unused::shown(grant)));
}

pub(super) fn plural(count: impl std::fmt::Display, what: &str) -> String {
    let count = count.to_string();
    let end = if count == "1" { "" } else { "s" };
    format!("{count} {what}{end}")
}
