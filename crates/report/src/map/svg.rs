//! The picture itself.

use super::fold::{Folded, Hub, Zone, fold};
use super::layers::get;
use super::layout::{CARD, Layout, MARGIN, layout};
use super::route::{Curve, curves};
use super::{Map, Place, PlaceKind, WayState};
use crate::escape::markup;
use crate::fit::fit;
use std::fmt::Write as _;
use std::io::{self, Write};

const STYLE: &str = include_str!("map.css");
/// Of so many lines each is drawn faintly.
const DENSE: usize = 400;
/// What the icon of a card takes, and what is left for words.
const ICON: f64 = 36.0;
pub(super) const ROOM: f64 = CARD.0 - ICON - 9.0;
/// So many lines of a tooltip are written into the picture.
const TOLD: usize = 24;

/// What a way carries, as far as colours tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carries {
    All,
    Tcp,
    Udp,
    Other,
}

impl Carries {
    pub(super) const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::All, Self::Other];

    /// As the names in a label say it.
    fn of(label: &str) -> Self {
        let has = |word: &str| label.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| part == word);
        match (has("TCP"), has("UDP"), ["SCTP", "ICMP", "others"].into_iter().any(has), has("all")) {
            (true, false, false, false) => Self::Tcp,
            (false, true, false, false) => Self::Udp,
            (false, false, false, true) => Self::All,
            _ => Self::Other,
        }
    }

    /// What some ways carry together.
    pub(super) fn of_ways(map: &Map, ways: &[usize]) -> Self {
        let mut all = ways.iter().filter_map(|at| map.ways.get(*at)).map(|way| Self::of(&way.label));
        let first = all.next().unwrap_or(Self::Other);
        if all.all(|one| one == first) { first } else { Self::Other }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Other => "other",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "everything",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Other => "several protocols, or others",
        }
    }
}

/// The picture's class for a state.
pub(super) fn state_class(state: WayState) -> &'static str {
    match state {
        WayState::Open => "open",
        WayState::Added => "added",
        WayState::Removed => "removed",
        WayState::Broken => "broken",
    }
}

/// What pictures say of a state; nothing of the ordinary one.
pub(super) fn state_name(state: WayState) -> &'static str {
    match state {
        WayState::Open => "as before",
        WayState::Added => "new",
        WayState::Removed => "gone",
        WayState::Broken => "cut, though it is used",
    }
}

/// All that is drawn of a map.
pub(super) struct Picture<'m> {
    pub(super) map: &'m Map,
    pub(super) folded: Folded,
    pub(super) layout: Layout,
    /// The classes and the words of each hub: many marks show them.
    pub(super) hubs: Vec<(String, String)>,
}

/// A drawn hub's letter.
pub(super) fn letter(at: usize) -> char {
    char::from_u32('A' as u32 + u32::try_from(at).unwrap_or(25).min(25)).unwrap_or('Z')
}

impl<'m> Picture<'m> {
    pub(super) fn of(map: &'m Map) -> Self {
        let folded = fold(map);
        let layout = layout(map, &folded);
        let mut picture = Self { map, folded, layout, hubs: Vec::new() };
        picture.hubs = picture.folded.hubs.iter().map(|hub| (picture.classes(&hub.ways), picture.told(hub))).collect();
        picture
    }

    /// What a hub is, in words.
    fn told(&self, hub: &Hub) -> String {
        let label = hub.ways.first().and_then(|at| self.map.ways.get(*at)).map_or("", |way| &way.label);
        let some = |list: &[usize]| match list {
            [one] => self.name(*one).to_owned(),
            list => format!("each of {}", list.len()),
        };
        format!("{} may send to {}: {label}", some(&hub.senders), some(&hub.receivers))
    }

    fn name(&self, at: usize) -> &str {
        self.map.places.get(at).map_or("", |place| &place.label)
    }

    fn state(&self, ways: &[usize]) -> WayState {
        ways.first().and_then(|at| self.map.ways.get(*at)).map_or(WayState::Open, |way| way.state)
    }

    /// The classes of a line or bundle.
    fn classes(&self, ways: &[usize]) -> String {
        format!("{} {}", Carries::of_ways(self.map, ways).class(), state_class(self.state(ways)))
    }

    /// Whether anything has become of any way.
    pub(super) fn is_change(&self) -> bool {
        self.map.ways.iter().any(|way| way.state != WayState::Open)
    }

    /// Writes `<svg>`; one that stands alone has a title, a legend and tooltips of its own.
    pub(super) fn render(&self, is_alone: bool, out: &mut dyn Write) -> io::Result<()> {
        let legend = if is_alone { self.legend() } else { Vec::new() };
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let head = if is_alone { 22.0f64.mul_add(legend.len() as f64, 52.0) } else { 0.0 };
        let (width, height) = (self.layout.width.max(640.0), self.layout.height.max(80.0) + head);
        let change = if self.is_change() { " change" } else { "" };
        let dense = if self.folded.bundles.len() + self.folded.lines.len() > DENSE { " dense" } else { "" };
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map{change}{dense}\" role=\"group\" aria-label=\"{}\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 {:.0} {width:.0} {height:.0}\">",
            markup(&self.map.title),
            -head,
        )?;
        writeln!(out, "<style>{STYLE}</style>\n<defs>{ICONS}</defs>")?;
        if is_alone {
            writeln!(out, "<rect class=\"paper\" x=\"0\" y=\"{:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"/>", -head)?;
            writeln!(
                out,
                "<text class=\"title\" x=\"{MARGIN:.0}\" y=\"{:.0}\">{}</text>",
                32.0 - head,
                markup(&fit(&self.map.title, 18.0, width - 60.0))
            )?;
            let mut y = 58.0 - head;
            for row in &legend {
                writeln!(out, "<g class=\"legend\">{}</g>", row.replace("{y}", &format!("{y:.0}")))?;
                y += 22.0;
            }
        }
        writeln!(out, "<g class=\"regions\">")?;
        for at in 0..self.map.regions.len() {
            self.region(at, out)?;
        }
        writeln!(out, "</g>\n<g class=\"ways\">")?;
        let (lines, bundles) = curves(&self.folded, &self.layout);
        for (at, (bundle, curve)) in
            self.folded.bundles.iter().zip(&bundles).enumerate().filter(|(_, (bundle, _))| bundle.from != bundle.to)
        {
            self.bundle(at, &bundle.ways, curve, out)?;
        }
        for (at, (line, curve)) in self.folded.lines.iter().zip(&lines).enumerate() {
            let class = self.classes(&line.ways);
            write!(out, "<g class=\"way {class}\" data-line=\"{at}\"><title>{}</title>", markup(&self.words(&line.ways)))?;
            write!(out, "<path class=\"reach\" d=\"{0}\"/><path class=\"line\" d=\"{0}\"/>", curve.path)?;
            writeln!(out, "{}</g>", arrow(curve, 1.0))?;
        }
        writeln!(out, "</g>\n<g class=\"places\">")?;
        for (at, place) in self.map.places.iter().enumerate() {
            self.place(at, place, out)?;
        }
        writeln!(out, "</g>\n</svg>")
    }

    /// All ways of a line or bundle in words, one a line.
    fn words(&self, ways: &[usize]) -> String {
        let mut text = String::new();
        for way in ways.iter().take(TOLD).filter_map(|at| self.map.ways.get(*at)) {
            let state = if way.state == WayState::Open { String::new() } else { format!(" ({})", state_name(way.state)) };
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} → {}: {}{state}", self.name(way.from), self.name(way.to), way.label);
            if ways.len() == 1 {
                way.facts.iter().filter(|fact| **fact != way.label).take(TOLD).for_each(|fact| _ = writeln!(text, "{fact}"));
            }
        }
        if ways.len() > TOLD {
            let _ = writeln!(text, "and {} more", ways.len() - TOLD);
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn region(&self, at: usize, out: &mut dyn Write) -> io::Result<()> {
        let rect = get(&self.layout.regions, at);
        if rect.width <= 0.0 {
            return Ok(());
        }
        let name = self.map.regions.get(at).map_or("", String::as_str);
        let count = self.map.places.iter().filter(|place| place.region == Some(at)).count();
        let within: Vec<(usize, &super::fold::Bundle)> = self
            .folded
            .bundles
            .iter()
            .enumerate()
            .filter(|(_, bundle)| bundle.from == Zone::Region(at) && bundle.to == bundle.from)
            .collect();
        let inner: usize = within.iter().map(|(_, bundle)| bundle.ways.len()).sum();
        let note = if inner > 0 { format!("{inner} ways within") } else { String::new() };
        let (x, y) = (rect.x, rect.y);
        writeln!(
            out,
            "<g class=\"region\" data-region=\"{at}\"><title>{}: {count} {}</title><rect class=\"ground\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"14\"/>",
            markup(name),
            if count == 1 { "place" } else { "places" },
            rect.width,
            rect.height
        )?;
        let room = rect.width - 34.0 - if note.is_empty() { 0.0 } else { 100.0 };
        writeln!(out, "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 18.0, y + 22.0, markup(&fit(name, 12.5, room)))?;
        if let Some((bundle, folded)) = within.first() {
            let title = markup(&self.words(&folded.ways)).into_owned();
            writeln!(
                out,
                "<g class=\"within\" data-bundle=\"{bundle}\"><title>{title}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"96\" height=\"17\" rx=\"8.5\"/><text x=\"{:.1}\" y=\"{:.1}\">{note}</text></g>",
                rect.right() - 108.0,
                y + 9.0,
                rect.right() - 60.0,
                y + 21.3
            )?;
        }
        writeln!(out, "</g>")
    }

    fn bundle(&self, at: usize, ways: &[usize], curve: &Curve, out: &mut dyn Write) -> io::Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "fewer ways than a float can count")]
        let width = (ways.len() as f64).log2().mul_add(0.7, 1.0).min(7.0);
        let class = self.classes(ways);
        write!(out, "<g class=\"way bundle {class}\" data-bundle=\"{at}\"><title>{}</title>", markup(&self.words(ways)))?;
        write!(
            out,
            "<path class=\"reach\" d=\"{0}\"/><path class=\"line\" style=\"stroke-width:{width:.1}\" d=\"{0}\"/>{1}",
            curve.path,
            arrow(curve, 1.3)
        )?;
        if curve.has_room {
            let (x, y) = curve.start;
            write!(
                out,
                "<rect class=\"pill\" x=\"{:.1}\" y=\"{:.1}\" width=\"28\" height=\"15\" rx=\"7.5\"/><text x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                x - 14.0,
                y - 7.5,
                y + 3.8,
                ways.len()
            )?;
        }
        writeln!(out, "</g>")
    }

    fn place(&self, at: usize, place: &Place, out: &mut dyn Write) -> io::Result<()> {
        let rect = get(&self.layout.places, at);
        let alone = if self.map.ways.iter().any(|way| way.from == at || way.to == at) { "" } else { " alone" };
        let (class, icon, radius) = match place.kind {
            PlaceKind::Workload => ("workload", "i-w", 8.0),
            PlaceKind::Outside => ("outside", "i-o", CARD.1 / 2.0),
            PlaceKind::Entrance => ("entrance", "i-e", 8.0),
        };
        let (x, y) = (rect.x, rect.y);
        let mut title = format!("{}: {}", place.label, place.caption);
        place.facts.iter().take(TOLD).for_each(|fact| _ = write!(title, "\n{fact}"));
        if place.facts.len() > TOLD {
            let _ = write!(title, "\nand {} more", place.facts.len() - TOLD);
        }
        write!(out, "<g class=\"place {class}{alone}\" data-place=\"{at}\"><title>{}</title>", markup(&title))?;
        write!(out, "<rect class=\"box\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"{radius:.0}\"/>", CARD.0, CARD.1)?;
        write!(out, "<use href=\"#{icon}\" x=\"{:.1}\" y=\"{:.1}\" width=\"18\" height=\"18\"/>", x + 12.0, y + 14.0)?;
        let left = x + ICON;
        write!(out, "<text class=\"label\" x=\"{left:.1}\" y=\"{:.1}\">{}</text>", y + 20.0, markup(&fit(&place.label, 13.0, ROOM)))?;
        write!(out, "<text class=\"caption\" x=\"{left:.1}\" y=\"{:.1}\">{}</text>", y + 34.5, markup(&fit(&place.caption, 10.5, ROOM)))?;
        // Marks of hubs on the lower edge: those that only send stand at the right.
        let (mut from, mut until) = (x + 14.0, rect.right() - 14.0);
        for (number, hub) in self.folded.hubs.iter().enumerate() {
            let [receives, sends] = [&hub.receivers, &hub.senders].map(|list| list.binary_search(&at).is_ok());
            if receives {
                mark(out, self, number, (from, rect.bottom()), (receives, sends))?;
                from += mark_width((receives, sends)) + 2.0;
            } else if sends {
                until -= mark_width((receives, sends));
                mark(out, self, number, (until, rect.bottom()), (receives, sends))?;
                until -= 2.0;
            }
        }
        writeln!(out, "</g>")
    }

    /// The rows of a legend, with `{y}` for their height.
    fn legend(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let (mut row, mut x) = (String::new(), MARGIN);
        let mut sample = |class: &str, text: &str| {
            let _ = write!(
                row,
                "<g class=\"way {class}\" transform=\"translate({x:.0} {{y}})\"><path class=\"line\" d=\"M0 -4h22\"/><text x=\"28\" y=\"0\">{text}</text></g>"
            );
            #[expect(clippy::cast_precision_loss, reason = "short texts")]
            let letters = text.len() as f64;
            x += letters.mul_add(6.2, 50.0);
        };
        for carries in Carries::ALL.into_iter().filter(|carries| self.has(*carries)) {
            sample(carries.class(), carries.name());
        }
        for state in self.states() {
            sample(state_class(state), state_name(state));
        }
        if !row.is_empty() {
            rows.push(row);
        }
        for (at, (class, told)) in self.hubs.iter().enumerate() {
            let told = fit(told, 11.5, self.layout.width.max(640.0) - 120.0).into_owned();
            let mut row = String::new();
            let _ = write!(
                row,
                "<g class=\"hub {class}\" transform=\"translate({MARGIN:.0} {{y}})\"><rect x=\"0\" y=\"-11\" width=\"24\" height=\"14\" rx=\"7\"/><text x=\"12\" y=\"0\">{0} ›</text></g><g class=\"hub {class}\" transform=\"translate({1:.0} {{y}})\"><rect x=\"0\" y=\"-11\" width=\"24\" height=\"14\" rx=\"7\"/><text x=\"12\" y=\"0\">› {0}</text></g><text x=\"{2:.0}\" y=\"{{y}}\">{3}</text>",
                letter(at),
                MARGIN + 30.0,
                MARGIN + 64.0,
                markup(&told.replace(['{', '}'], ""))
            );
            rows.push(row);
        }
        rows
    }

    /// Whether an ordinary way carries this.
    pub(super) fn has(&self, carries: Carries) -> bool {
        self.map.ways.iter().any(|way| way.state == WayState::Open && Carries::of(&way.label) == carries)
    }

    /// The states that are there, but for the ordinary one.
    pub(super) fn states(&self) -> Vec<WayState> {
        let all = [WayState::Added, WayState::Removed, WayState::Broken];
        all.into_iter().filter(|state| self.map.ways.iter().any(|way| way.state == *state)).collect()
    }
}

/// How wide a mark is, of whom receives, and who sends.
fn mark_width(does: (bool, bool)) -> f64 {
    if does == (true, true) { 34.0 } else { 24.0 }
}

fn mark(out: &mut dyn Write, picture: &Picture<'_>, number: usize, (x, bottom): (f64, f64), does: (bool, bool)) -> io::Result<()> {
    let (letter, width) = (letter(number), mark_width(does));
    let text = match does {
        (true, true) => format!("› {letter} ›"),
        (true, false) => format!("› {letter}"),
        (false, _) => format!("{letter} ›"),
    };
    let (class, told) = picture.hubs.get(number).map_or(("", ""), |(class, told)| (class, told));
    write!(
        out,
        "<g class=\"hub {class}\" data-hub=\"{number}\"><title>{}</title><rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width}\" height=\"14\" rx=\"7\"/><text x=\"{:.1}\" y=\"{:.1}\">{text}</text></g>",
        markup(told),
        bottom - 6.0,
        x + width / 2.0,
        bottom + 4.6
    )
}

/// The head of an arrow at the end of a curve.
fn arrow(curve: &Curve, size: f64) -> String {
    let (x, y) = curve.end;
    let back = if curve.is_rightward.1 { -8.0 * size } else { 8.0 * size };
    format!("<path class=\"head\" d=\"M{x:.1} {y:.1}l{back:.1} {:.1}v{:.1}z\"/>", -4.0 * size, 8.0 * size)
}

/// A workload, the world outside, a door.
const ICONS: &str = "<symbol id=\"i-w\" viewBox=\"0 0 18 18\"><path d=\"M9 1.8 15.4 5.4V12.6L9 16.2 2.6 12.6V5.4zM2.9 5.6 9 9l6.1-3.4M9 9v7\"/></symbol>\
<symbol id=\"i-o\" viewBox=\"0 0 18 18\"><path d=\"M9 1.8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 1 0 9 1.8M1.8 9h14.4M9 1.8c-4.4 4-4.4 10.4 0 14.4M9 1.8c4.4 4 4.4 10.4 0 14.4\"/></symbol>\
<symbol id=\"i-e\" viewBox=\"0 0 18 18\"><path d=\"M8 2h7.2v14H8M1.8 9H11M7.5 5.5 11 9l-3.5 3.5\"/></symbol>";
