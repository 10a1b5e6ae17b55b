//! One self-contained page: the map to move and to search, and all about what is chosen.

use super::fold::Zone;
use super::svg::{Carries, Picture, ROOM, letter, state_class, state_name};
use super::{Map, WayState};
use crate::escape::markup;
use crate::page::Page;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};

const STYLE: &str = include_str!("page.css");
/// By the numbers that the script knows them by.
const STATES: [WayState; 4] = [WayState::Open, WayState::Added, WayState::Removed, WayState::Broken];
const SCRIPT: &str = include_str!("page.js");

pub(super) fn render(map: &Map, out: &mut dyn Write) -> io::Result<()> {
    let picture = Picture::of(map);
    let page = Page {
        title: &map.title,
        summary: &map.summary,
        notes: &map.notes,
        searches: "name, namespace, address, policy, port",
        style: STYLE,
        script: SCRIPT,
    };
    page.start(out)?;
    legend(&picture, out)?;
    writeln!(out, "</header>\n<main>\n<div class=\"stage\" id=\"stage\">")?;
    if map.places.is_empty() {
        writeln!(out, "<p class=\"none\">There is nobody here.</p>")?;
    } else {
        picture.render(false, out)?;
    }
    writeln!(out, "</div>\n<section id=\"details\" class=\"map\" aria-live=\"polite\"></section>\n</main>")?;
    writeln!(out, "<script type=\"application/json\" id=\"data\">{}</script>", data(&picture))?;
    page.end(out)
}

fn legend(picture: &Picture<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul class=\"legend map\">")?;
    for carries in Carries::ALL.into_iter().filter(|carries| picture.has(*carries)) {
        writeln!(out, "<li><i class=\"key {}\"></i>{}</li>", carries.class(), carries.name())?;
    }
    for state in picture.states() {
        writeln!(out, "<li><i class=\"key {}\"></i>{}</li>", state_class(state), state_name(state))?;
    }
    for (at, (class, told)) in picture.hubs.iter().enumerate() {
        let letter = letter(at);
        writeln!(out, "<li class=\"hubs {class}\" data-hub=\"{at}\"><b>{letter} ›</b><b>› {letter}</b>{}</li>", markup(told))?;
    }
    writeln!(out, "</ul>")
}

/// Numbers for what is equal.
struct Numbers<T>(BTreeMap<T, usize>, Vec<T>);

impl<T: Ord + Copy> Numbers<T> {
    fn of(&mut self, value: T) -> usize {
        let Self(known, list) = self;
        *known.entry(value).or_insert_with(|| {
            list.push(value);
            list.len() - 1
        })
    }
}

/// All of the map as JSON, in a form that cannot end the script that it stands in.
fn data(picture: &Picture<'_>) -> String {
    let map = picture.map;
    let (mut labels, mut facts) = (Numbers(BTreeMap::new(), Vec::new()), Numbers(BTreeMap::new(), Vec::new()));
    let places: Vec<_> = map.places.iter().map(|place| json!([place.label, place.caption, place.region, place.facts])).collect();
    // Ways keep their numbers; those to nowhere lead from the first place to itself.
    let ways: Vec<_> = map
        .ways
        .iter()
        .map(|way| {
            let (from, to) = if way.from.max(way.to) < map.places.len() { (way.from, way.to) } else { (0, 0) };
            let state = STATES.iter().position(|state| *state == way.state);
            json!([from, to, labels.of(way.label.as_str()), state, facts.of(way.facts.as_slice())])
        })
        .collect();
    let zone = |zone: Zone| match zone {
        Zone::Region(at) => json!([at, null]),
        Zone::Place(at) => json!([null, at]),
    };
    let folded = &picture.folded;
    let all = json!({
        "room": ROOM,
        "regions": map.regions,
        "places": places,
        "ways": ways,
        "labels": labels.1,
        "facts": facts.1,
        "states": STATES.map(state_name),
        "lines": folded.lines.iter().map(|line| &line.ways).collect::<Vec<_>>(),
        "bundles": folded.bundles.iter().map(|bundle| json!([zone(bundle.from), zone(bundle.to), bundle.ways])).collect::<Vec<_>>(),
        "hubs": folded.hubs.iter().zip(&picture.hubs).map(|(hub, (_, told))| json!([told, hub.ways])).collect::<Vec<_>>(),
    });
    all.to_string().replace('<', "\\u003c").replace('>', "\\u003e")
}
