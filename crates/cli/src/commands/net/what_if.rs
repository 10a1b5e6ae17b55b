//! `plimsoll net what-if`

use super::answer::{self, Answer};
use super::diff::{both, compare_matrices, picture};
use super::names;
use super::{Common, outcome, problems};
use crate::change::{Deleted, applied, without, without_stale_pods};
use crate::{Outcome, output};
use anyhow::bail;
use plimsoll_model::{Flow, Inventory};
use plimsoll_network::listing::Side;
use plimsoll_network::what_if::{Cause, Does, FlowSide, Judged, Judgement, WhatIf};
use plimsoll_network::{Protocol, Traffic, World};
use plimsoll_report::map::Map;
use plimsoll_report::table::Table;
use plimsoll_sources::flows;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  plimsoll net what-if policies/ --in cluster --flows hubble.jsonl.gz
  plimsoll net what-if --delete NetworkPolicy/shop/allow-web --in manifests/
  hubble observe -o json | plimsoll net what-if deny.yaml --in cluster --flows -";

/// So many flows of a kind that the change does nothing to are told one by one.
const FEW: usize = 10;

/// Say what a change would do: who may talk to whom then, and which connections that were seen it would cut.
///
/// PATCH is whole manifests: they are added, or replace those of the same kind, namespace and name. Exits with 1 if the change would cut
/// a flow that was seen; else with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What is changed: files, directories, archives.
    #[arg(value_name = "PATCH", required_unless_present = "delete")]
    patches: Vec<String>,
    /// What is there before: files, directories, archives, snapshots, `cluster`; may be given several times. Without it, the current
    /// directory.
    #[arg(long = "in", value_name = "TARGET")]
    targets: Vec<String>,
    /// Take away this object, as KIND/NAMESPACE/NAME, or KIND/NAME for kinds of the cluster; may be given several times.
    #[arg(long, value_name = "OBJECT", value_parser = Deleted::read)]
    delete: Vec<Deleted>,
    /// Logs of flows that were seen: files, directories, or `-`; of Hubble, Calico, or a virtual network, compressed or not. May be given
    /// several times.
    #[arg(long, value_name = "FLOWS")]
    flows: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.common.settings()?;
    let before = args.common.load(&args.targets)?;
    let patch = if args.patches.is_empty() { None } else { Some(args.common.load(&args.patches)?) };
    let seen = (!args.flows.is_empty()).then(|| flows::read(&args.flows, io::stdin()));
    let old = Inventory::new(&before.snapshot, &before.kinds);
    let mut objects = without(&old.objects, &args.delete)?;
    let mut trouble = Vec::new();
    if let Some(patch) = &patch {
        let (patch_objects, problems) = patch.snapshot.objects();
        objects = applied(&objects, &patch_objects);
        trouble.extend(problems);
        trouble.extend(patch.snapshot.problems.iter().cloned());
    }
    let new = Inventory::of(without_stale_pods(&old.objects, &objects), &before.kinds);
    let (old_world, new_world) = World::pair(&old, &new, &settings);
    let flows = seen.as_ref().map(|seen| seen.flows.as_slice());
    if let Some(seen) = &seen {
        trouble.extend(seen.problems.iter().cloned());
        if seen.flows.is_empty() {
            output::complain_about(trouble.iter());
            bail!("no flow could be read in {}", args.flows.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "));
        }
    }
    let mut what_if = what_if(&old_world, &new_world, flows);
    if let (Some(judged), Some(seen)) = (&mut what_if.flows, &seen) {
        judged.replies = seen.replies;
    }
    let later = new.problems.iter().chain(&new_world.problems).chain(&trouble);
    let problems = both(problems(&before, &old, &old_world), later);
    output::complain_about(problems.iter().copied());
    output::print(&answer::write(&what_if, args.common.form)?)?;
    Ok(match &what_if.flows {
        Some(judged) if !judged.cut.is_empty() => Outcome::Findings,
        _ => outcome(problems.into_iter()),
    })
}

fn what_if(before: &World<'_>, after: &World<'_>, flows: Option<&[Flow]>) -> WhatIf {
    compare_matrices(before, after, |before, after| WhatIf::new(before, after, flows))
}

impl Answer for WhatIf {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(judged) = &self.flows {
            let words = Words { what_if: self };
            words.judged(judged, &mut text);
            text.push_str("\nWhat differs:\n\n");
        }
        text + &self.diff.text()
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let Some(judged) = &self.flows else { return self.diff.table() };
        let words = Words { what_if: self };
        let mut table = Table::new(&["flow", "from", "to", "protocol", "port", "count", "last seen", "by", "note"]);
        for (fate, list) in lists(judged) {
            for one in list {
                let by = one.by.iter().map(cause).collect::<Vec<_>>().join("; ");
                let port = one.port.map_or_else(String::new, |port| port.to_string());
                let last = one.last_seen.clone().unwrap_or_default();
                let count = one.count.to_string();
                table.row([
                    fate.to_owned(),
                    words.side(&one.from),
                    words.side(&one.to),
                    one.protocol.clone(),
                    port,
                    count,
                    last,
                    by,
                    one.note.clone(),
                ]);
            }
        }
        table
    }

    fn map(&self) -> Map {
        let cut: &[Judgement] = self.flows.as_ref().map_or(&[], |judged| &judged.cut);
        let pairs: Vec<_> = cut.iter().map(|one| (side(&one.from), side(&one.to))).collect();
        let mut picture = picture(&self.diff, "What the change would do", &pairs);
        let words = Words { what_if: self };
        for (one, (from, to)) in cut.iter().zip(&pairs) {
            let facts: Vec<_> = [words.flow(one)].into_iter().chain(one.by.iter().map(cause)).collect();
            picture.broken(from, to, &traffic(one), &facts);
        }
        if self.flows.is_some() {
            picture.map.notes.push(format!("Of the flows that were seen, {} would be cut.", cut.len()));
        }
        picture.map
    }
}

/// An end of flows as a side of connections.
fn side(side: &FlowSide) -> Side {
    match side {
        FlowSide::Workload(at) => Side::Workloads(vec![*at]),
        FlowSide::Outside { addresses, names } => Side::Outside(if names.is_empty() { addresses.clone() } else { names.clone() }),
        FlowSide::Other(text) => Side::Outside(vec![text.clone()]),
    }
}

fn traffic(one: &Judgement) -> Traffic {
    let ported = Protocol::read(&one.protocol).zip(one.port).map(|(protocol, port)| Traffic::port(protocol, port));
    ported.unwrap_or_else(|| Protocol::ALL.into_iter().fold(Traffic::all(), |rest, one| rest.difference(&Traffic::protocol(one))))
}

/// The lists of flows that something is said of.
fn lists(judged: &Judged) -> [(&'static str, &[Judgement]); 4] {
    [("cut", &judged.cut), ("opened", &judged.opened), ("denied before", &judged.denied_before), ("unknown", &judged.unknown)]
}

fn amount(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `TCP 443`
fn what(one: &Judgement) -> String {
    one.port.map_or_else(|| one.protocol.clone(), |port| format!("{} {port}", one.protocol))
}

/// A cause in words.
fn cause(cause: &Cause) -> String {
    let Cause { does, direction, policy, rule } = cause;
    let direction = direction.map_or("", |direction| direction.name());
    let Some(policy) = policy else {
        return match does {
            Does::IsGone => "its destination is not there any more".to_owned(),
            Does::IsApart => "both are in networks of their own".to_owned(),
            _ => format!("no policy was about it, {direction}"),
        };
    };
    let place = rule.as_ref().map_or(&policy.place, |rule| &rule.place);
    let rule = rule.as_ref().map_or_else(String::new, |rule| format!(", {rule}"));
    match does {
        Does::Allows => format!("{policy}, {direction}{rule}, allowed it ({place})"),
        Does::DoesNotAllow => format!("{policy} does not allow it, {direction} ({place})"),
        _ => format!("{policy}, {direction}{rule}, denies it ({place})"),
    }
}

/// What is said of flows.
struct Words<'w> {
    what_if: &'w WhatIf,
}

impl Words<'_> {
    fn side(&self, side: &FlowSide) -> String {
        match side {
            FlowSide::Workload(at) => self.what_if.diff.workloads.get(*at).map(names::name).unwrap_or_default(),
            FlowSide::Outside { addresses, names } => {
                let words = if names.is_empty() { addresses } else { names };
                match words.as_slice() {
                    [] => "outside".to_owned(),
                    [first, rest @ ..] if rest.len() > 2 => format!("outside ({first} and {} more)", rest.len()),
                    words => format!("outside ({})", words.join(", ")),
                }
            }
            FlowSide::Other(text) => text.clone(),
        }
    }

    fn flow(&self, one: &Judgement) -> String {
        let last = one.last_seen.as_ref().map_or_else(String::new, |time| format!(", last {time}"));
        format!("{} -> {}: {}, {}{last}", self.side(&one.from), self.side(&one.to), what(one), times(one.count))
    }

    fn judged(&self, judged: &Judged, text: &mut String) {
        let of = judged.cut.len() + judged.opened.len() + judged.denied_before.len() + judged.unknown.len();
        let _ = match judged.cut.len() {
            0 => writeln!(text, "No flow that was seen would be cut."),
            1 => writeln!(text, "1 flow that was seen would be CUT:\n"),
            cut => writeln!(text, "{cut} flows that were seen would be CUT:\n"),
        };
        for one in &judged.cut {
            self.told(one, text);
        }
        let others = [
            ("did not pass before and would", &judged.opened, usize::MAX),
            ("did not pass before either", &judged.denied_before, FEW),
            ("may or may not be cut", &judged.unknown, FEW),
        ];
        for (words, list, most) in others {
            if list.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n{} {words}:\n", amount(list.len(), "flow"));
            for one in list.iter().take(most) {
                self.told(one, text);
            }
            if list.len() > most {
                let _ = writeln!(text, "  and {} more; -o json has them all", list.len() - most);
            }
        }
        let _ = write!(text, "\n{} as before", amount(judged.kept, if of == 0 { "flow" } else { "other flow" }));
        let _ = match judged.replies {
            0 => writeln!(text),
            1 => writeln!(text, "; 1 record was a reply, which passes with what it answers"),
            replies => writeln!(text, "; {replies} records were replies, which pass with what they answer"),
        };
    }

    fn told(&self, one: &Judgement, text: &mut String) {
        let _ = writeln!(text, "  {}", self.flow(one));
        for by in &one.by {
            let _ = writeln!(text, "      {}", cause(by));
        }
        for was in &one.was {
            let _ = writeln!(text, "      before: {}", cause(was));
        }
        if !one.note.is_empty() {
            let _ = writeln!(text, "      {}", one.note);
        }
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
