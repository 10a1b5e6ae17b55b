//! For Graphviz.

use super::{Map, Place, PlaceKind, WayState};
use crate::diagram::dot::quoted;
use std::io::{self, Write};

pub(super) fn render(map: &Map, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph {} {{", quoted(&map.title))?;
    writeln!(
        out,
        "  rankdir=LR;\n  node [shape=box, style=\"rounded\", fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];"
    )?;
    for (at, region) in map.regions.iter().enumerate() {
        writeln!(out, "  subgraph cluster_{at} {{\n    label={};\n    color=\"#9aa5b1\";", quoted(region))?;
        for (number, place) in map.places.iter().enumerate().filter(|(_, place)| place.region == Some(at)) {
            write!(out, "  ")?;
            self::place(number, place, out)?;
        }
        writeln!(out, "  }}")?;
    }
    for (number, one) in map.places.iter().enumerate().filter(|(_, place)| place.region.is_none_or(|at| at >= map.regions.len())) {
        place(number, one, out)?;
    }
    for way in map.ways.iter().filter(|way| way.from.max(way.to) < map.places.len()) {
        let (color, style) = match way.state {
            WayState::Open => ("#5b6675", "solid"),
            WayState::Added => ("#1a7f37", "bold"),
            WayState::Removed => ("#a35b00", "dashed"),
            WayState::Broken => ("#c2261c", "bold"),
        };
        let (label, tip) = (quoted(&way.label), quoted(&way.facts.join("\n")));
        writeln!(out, "  n{} -> n{} [label={label}, color=\"{color}\", style={style}, tooltip={tip}];", way.from, way.to)?;
    }
    writeln!(out, "}}")
}

fn place(number: usize, place: &Place, out: &mut dyn Write) -> io::Result<()> {
    let shape = match place.kind {
        PlaceKind::Workload => "box",
        PlaceKind::Outside => "ellipse",
        PlaceKind::Entrance => "hexagon",
    };
    let (label, tip) = (quoted(&format!("{}\n{}", place.label, place.caption)), quoted(&place.facts.join("\n")));
    writeln!(out, "  n{number} [label={label}, shape={shape}, tooltip={tip}];")
}
