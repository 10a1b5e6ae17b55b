//! `plimsoll access unused`

use super::least::plural;
use super::text::{Text, place};
use super::usage::LogArgs;
use super::{Form, Grants, TargetArgs, is_complete, load};
use crate::{Outcome, input, output};
use plimsoll_access::unused::{GrantUse, Scope, Status, Unused, subjects};
use plimsoll_model::Severity;

const EXAMPLES: &str = "Examples:
  plimsoll access unused --audit audit.log cluster";

/// Say which grants an audit log does not show in use, and when the others were used last.
///
/// Exits with 1 if something is unused at or above --fail-on: a grant that was not used at all is medium, one that was used in
/// part, or a role that nobody is granted, low; with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    log: LogArgs,
    /// Look at the bindings and roles that every API server makes, too.
    #[arg(long)]
    defaults: bool,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    /// Exit with status 1 if something of this severity or above is unused; `never` for nothing.
    #[arg(long, value_name = "SEVERITY", default_value = "high")]
    fail_on: output::FailOn,
    #[command(flatten)]
    input: input::WideArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (usage, mut problems) = args.log.read(args.targets.all())?;
    let loaded = load(&args.input, args.targets.all())?;
    let grants = Grants::of(&loaded);
    problems.extend(loaded.snapshot.problems.iter().chain(&grants.problems).cloned());
    let scope = if args.defaults { Scope::All } else { Scope::Made };
    let subjects = args.log.chosen(subjects(&grants.authorizer, scope))?;
    let mut answer = Unused::of(&usage, &grants.authorizer, &subjects, scope, is_complete(problems.iter()));
    if !args.log.subjects.is_empty() {
        answer.unbound.clear();
    }
    let text = match args.form {
        Form::Text => text(&answer),
        Form::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    output::complain_about(problems.iter());
    output::print(text.as_bytes())?;
    let is_bad = severities(&answer).any(|severity| args.fail_on.counts(severity));
    Ok(match (answer.complete, is_bad) {
        (false, _) => Outcome::Incomplete,
        (true, true) => Outcome::Findings,
        (true, false) => Outcome::Clean,
    })
}

fn severities(answer: &Unused) -> impl Iterator<Item = Severity> {
    let grants = answer.subjects.iter().flat_map(|subject| &subject.grants);
    let of_grants = grants.filter_map(|grant| match grant.status {
        Status::Unused => Some(Severity::Medium),
        Status::Partly => Some(Severity::Low),
        Status::Used | Status::Unseen | Status::Unknown => None,
    });
    of_grants.chain(answer.unbound.iter().map(|_| Severity::Low))
}

/// How much of a grant was used, and when last.
pub(super) fn shown(grant: &GrantUse) -> String {
    let last = grant.last_used.as_ref().map(|last| format!(", last on {last}")).unwrap_or_default();
    match grant.status {
        Status::Used => format!("all used{last}"),
        Status::Partly => format!("used in part{last}"),
        Status::Unused => "never used in the log".to_owned(),
        Status::Unseen => "its use would not be in a log".to_owned(),
        Status::Unknown => "not known, its role was not read".to_owned(),
    }
}

fn text(answer: &Unused) -> String {
    let mut text = Text::default();
    for subject in &answer.subjects {
        let seen = subject.last_seen.as_ref().map_or("not seen in the log".to_owned(), |last| format!("last seen {last}"));
        text.line(0, &format!("{}: {}, {seen}", subject.subject, plural(subject.events, "event")));
        for grant in &subject.grants {
            text.line(2, &format!("{} {} to {}: {}", grant.binding, place(&grant.binding), grant.role, shown(grant)));
            if grant.status != Status::Partly {
                continue;
            }
            for rule in &grant.rules {
                let used = match rule.status {
                    Status::Used => "used".to_owned(),
                    Status::Partly if rule.unused.is_empty() => format!("only used: {}", rule.used_of_wildcard.join("; ")),
                    Status::Partly => format!("not used: {}", rule.unused.join("; ")),
                    Status::Unused => "never used".to_owned(),
                    Status::Unseen => "its use would not be in a log".to_owned(),
                    Status::Unknown => "not known".to_owned(),
                };
                text.line(4, &format!("{} ({}): {used}", rule.rule, rule.place));
            }
        }
    }
    for role in &answer.unbound {
        text.line(0, &format!("{} {}: nobody is granted it", role.role, place(&role.role)));
    }
    let grants = || answer.subjects.iter().flat_map(|subject| &subject.grants);
    let count = |status: Status| grants().filter(|grant| grant.status == status).count();
    let (unused, partly, all) = (count(Status::Unused), count(Status::Partly), grants().count());
    let log = &answer.log;
    let times = log.first.iter().zip(&log.last).map(|(first, last)| format!(" from {first} to {last}")).collect::<String>();
    text.line(0, &format!("{} of {} never used, {partly} in part; {}{times}", unused, plural(all, "grant"), plural(log.events, "event")));
    text.finish()
}
