//! `plimsoll net diff`

use super::answer::{self, Answer};
use super::picture::Picture;
use super::sides::Sides;
use super::{Common, outcome, problems};
use crate::{Outcome, output};
use anyhow::bail;
use plimsoll_model::{Inventory, Problem};
use plimsoll_network::World;
use plimsoll_network::diff::{Change, ChangeKind, Diff, Ends, State};
use plimsoll_network::listing::Side;
use plimsoll_network::matrix::Matrix;
use plimsoll_report::map::{Map, WayState};
use plimsoll_report::table::Table;
use std::collections::HashSet;
use std::fmt::Write;

const EXAMPLES: &str = "Examples:
  plimsoll net diff before/ after/
  plimsoll net diff cluster manifests/ -o markdown";

/// Say what differs in who may talk to whom: connections that are new, that are gone, and those that something else may be sent on.
///
/// Exits with 1 if any connection differs; with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The state before: a file, directory, archive, snapshot, or `cluster`.
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The state afterwards.
    #[arg(value_name = "AFTER")]
    after: String,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.common.settings()?;
    let before = args.common.input.load(std::slice::from_ref(&args.before))?;
    let after = args.common.input.load(std::slice::from_ref(&args.after))?;
    // A side may be empty, but not because it cannot be read.
    for side in [&before, &after] {
        if side.snapshot.objects().0.is_empty() && !side.snapshot.problems.is_empty() {
            output::complain_about(side.snapshot.problems.iter());
            bail!("no object could be read in {}: what differs is not known", side.targets.join(", "));
        }
    }
    let [old, new] = [&before, &after].map(|side| Inventory::new(&side.snapshot, &side.kinds));
    let (old_world, new_world) = World::pair(&old, &new, &settings);
    let diff = compare_matrices(&old_world, &new_world, Diff::new);
    let problems = both(problems(&before, &old, &old_world), problems(&after, &new, &new_world));
    output::complain_about(problems.iter().copied());
    output::print(&answer::write(&diff, args.common.form)?)?;
    Ok(match outcome(problems.into_iter()) {
        Outcome::Clean if !diff.changes.is_empty() => Outcome::Findings,
        outcome => outcome,
    })
}

/// Asks something about two worlds that were made together.
pub(super) fn compare_matrices<'w, 'a, T>(
    before: &'w World<'a>,
    after: &'w World<'a>,
    ask: impl FnOnce(State<'_, 'a>, State<'_, 'a>) -> T,
) -> T {
    let (old, new) = (Matrix::new(before), Matrix::new(after));
    ask(State { world: before, matrix: &old }, State { world: after, matrix: &new })
}

/// The problems of two sides: what is wrong on both with the same object is said once.
pub(super) fn both<'p>(before: impl Iterator<Item = &'p Problem>, after: impl Iterator<Item = &'p Problem>) -> Vec<&'p Problem> {
    let mut told = HashSet::new();
    before.chain(after).filter(|problem| told.insert((problem.place(), &problem.message))).collect()
}

/// What a difference names.
trait Named {
    fn sides(&self) -> Sides<'_>;
}

impl Named for Diff {
    fn sides(&self) -> Sides<'_> {
        Sides::new(&self.workloads, &self.entrances)
    }
}

impl Answer for Diff {
    fn text(&self) -> String {
        let sides = self.sides();
        let mut text = String::new();
        for (word, list) in [("new", &self.new), ("gone", &self.gone)] {
            if !list.is_empty() {
                let _ = writeln!(text, "{word}: {}", sides.names.words(list).join(", "));
            }
        }
        for group in self.changes.chunk_by(|one, two| (&one.network, one.ends) == (&two.network, two.ends)) {
            if !text.is_empty() {
                text.push('\n');
            }
            let Some(first) = group.first() else { continue };
            let network = if first.network.is_empty() { String::new() } else { format!("over {}", first.network) };
            let ends = match first.ends {
                Ends::New => "with workloads that are new",
                Ends::Gone => "with workloads that are gone",
                Ends::Kept => "",
            };
            let words: Vec<_> = [&*network, ends].into_iter().filter(|word| !word.is_empty()).collect();
            if !words.is_empty() {
                let _ = writeln!(text, "{}", words.join(" "));
            }
            group.iter().for_each(|change| write_change(change, &sides, &mut text));
        }
        if self.changes.is_empty() {
            text.push_str("no connection differs\n");
            return text;
        }
        let count = |kind| self.changes.iter().filter(|change| change.kind == kind).count();
        let [added, changed, removed] = [ChangeKind::Added, ChangeKind::Changed, ChangeKind::Removed].map(count);
        let _ = writeln!(text, "\n{added} added, {changed} changed, {removed} removed");
        text
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let sides = self.sides();
        let mut table = Table::new(&["change", "from", "to", "before", "after", "workloads", "network"]);
        for Change { network, ends: state, kind, from, to, before, after, .. } in &self.changes {
            for from in sides.ends(from) {
                for to in sides.ends(to) {
                    let cells = [kind.name(), &from, &to, &before.to_string(), &after.to_string(), state.name(), network];
                    table.row(cells.map(str::to_owned));
                }
            }
        }
        table
    }

    fn map(&self) -> Map {
        picture(self, "What differs in who may talk to whom", &[]).map
    }
}

/// What differs, as a picture; with room for connections of `more` pairs.
pub(super) fn picture(diff: &Diff, title: &str, more: &[(Side, Side)]) -> Picture {
    let sides = diff.sides();
    let pairs: Vec<_> =
        diff.changes.iter().map(|change| (&change.from, &change.to)).chain(more.iter().map(|(from, to)| (from, to))).collect();
    let changed = diff.new.iter().chain(&diff.gone).copied().collect();
    let mut picture = Picture::new(title, &sides, &pairs, Some(&changed));
    for (word, list) in [("new", &diff.new), ("gone", &diff.gone)] {
        for workload in list {
            if let Some(place) = picture.place(*workload) {
                place.caption = format!("{}, {word}", place.caption);
            }
        }
    }
    for change in &diff.changes {
        let facts = [format!("before: {}", change.before), format!("after: {}", change.after)];
        for (traffic, state) in [(&change.gained, WayState::Added), (&change.lost, WayState::Removed)] {
            if !traffic.is_none() {
                picture.ways(&change.from, &change.to, traffic, state, &facts);
            }
        }
    }
    picture
}

/// A change as a line, and what is gained and lost where something stays.
pub(super) fn write_change(change: &Change, sides: &Sides<'_>, text: &mut String) {
    let Change { kind, from, to, before, after, gained, lost, .. } = change;
    let (sign, traffic) = match kind {
        ChangeKind::Added => ('+', after),
        ChangeKind::Changed => ('~', after),
        ChangeKind::Removed => ('-', before),
    };
    let _ = writeln!(text, "{sign} {} -> {}: {traffic}", sides.words(from), sides.words(to));
    if *kind == ChangeKind::Changed {
        for (sign, traffic) in [('+', gained), ('-', lost)] {
            if !traffic.is_none() {
                let _ = writeln!(text, "    {sign} {traffic}");
            }
        }
    }
}
