//! The picture itself.

use super::layout::{Layout, NODE_WIDTH, Route, SHOWN, layout};
use super::{Diagram, Node};
use crate::escape::markup;
use std::fmt::Write as _;
use std::io::{self, Write};

const STYLE: &str = include_str!("diagram.css");
/// Letters of a node's label and caption that fit.
const LABEL: usize = 26;
const CAPTION: usize = 33;

/// Writes `<svg>`; one that stands alone has a title and tooltips of its own.
pub(super) fn render(diagram: &Diagram, is_alone: bool, out: &mut dyn Write) -> io::Result<()> {
    let layout = layout(diagram);
    let head = if is_alone { 34.0 } else { 0.0 };
    let (width, height) = (layout.width.max(480.0), layout.height + head);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"diagram\" role=\"img\" aria-label=\"{}\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 {:.0} {width:.0} {height:.0}\">",
        markup(&diagram.title),
        -head,
    )?;
    writeln!(out, "<style>{STYLE}</style>")?;
    if is_alone {
        writeln!(out, "<rect class=\"paper\" x=\"0\" y=\"{:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"/>", -head)?;
        writeln!(out, "<text class=\"title\" x=\"24\" y=\"-4\">{}</text>", markup(&diagram.title))?;
    }
    for (group, top) in &layout.headings {
        let name = diagram.groups.get(*group).map_or("", |group| &group.name);
        writeln!(out, "<text class=\"heading\" x=\"24\" y=\"{:.1}\">{}</text>", top + 12.0, markup(&cut(name, CAPTION)))?;
    }
    for route in &layout.edges {
        edge(diagram, route, out)?;
    }
    for (at, node) in diagram.nodes.iter().enumerate() {
        draw(node, at, &layout, out)?;
    }
    writeln!(out, "</svg>")
}

fn edge(diagram: &Diagram, route: &Route, out: &mut dyn Write) -> io::Result<()> {
    let Some(edge) = diagram.edges.get(route.edge) else { return Ok(()) };
    let severity = edge.severity.map_or("info", plimsoll_model::Severity::name);
    let assumed = if edge.is_assumed { " assumed" } else { "" };
    let (x, y) = route.start;
    let path = path(route);
    writeln!(
        out,
        "<g class=\"edge {severity}{assumed}\" data-edge=\"{}\" data-from=\"{}\" data-to=\"{}\"><title>{}</title><path class=\"reach\" d=\"{path}\"/><path d=\"{path}\"/>",
        route.edge,
        edge.from,
        edge.to,
        markup(&diagram.words(edge))
    )?;
    if let Some((x, y)) = route.points.last() {
        writeln!(out, "<path class=\"head\" d=\"M{x:.1} {y:.1}l-6 -3.2v6.4z\"/>")?;
    }
    writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>", x + 8.0, y - 3.0, markup(&cut(&edge.label, SHOWN)))
}

/// Level to where labels end, then in curves from point to point.
fn path(route: &Route) -> String {
    let (mut x, mut y) = route.start;
    let mut path = format!("M{x:.1} {y:.1}");
    // Writing to a string does not fail.
    if route.run < x {
        // Back to the left: out below, and in from the right.
        if let Some((to_x, to_y)) = route.points.last() {
            let _ = write!(path, "C{:.1} {:.1} {:.1} {:.1} {to_x:.1} {to_y:.1}", x - 60.0, y + 50.0, to_x + 60.0, to_y + 50.0);
        }
        return path;
    }
    let _ = write!(path, "H{:.1}", route.run);
    x = route.run;
    for (at, (to_x, to_y)) in route.points.iter().enumerate() {
        // Every second point is the other end of a level piece.
        if at % 2 == 1 {
            let _ = write!(path, "H{to_x:.1}");
        } else {
            let middle = f64::midpoint(x, *to_x);
            let _ = write!(path, "C{middle:.1} {y:.1} {middle:.1} {to_y:.1} {to_x:.1} {to_y:.1}");
        }
        (x, y) = (*to_x, *to_y);
    }
    path
}

fn draw(node: &Node, at: usize, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let (x, y, height) = layout.nodes.get(at).copied().unwrap_or_default();
    let severity = node.severity.map_or("info", plimsoll_model::Severity::name);
    let sink = if node.is_sink { " sink" } else { "" };
    let middle = y + height / 2.0;
    writeln!(out, "<g class=\"node {severity}{sink}\" data-node=\"{at}\" tabindex=\"0\"><title>{}</title>", markup(&node.words()))?;
    if node.members.len() > 1 {
        // More than one stand here.
        writeln!(
            out,
            "<rect class=\"box under\" x=\"{:.1}\" y=\"{:.1}\" width=\"{NODE_WIDTH:.0}\" height=\"{height:.1}\" rx=\"7\"/>",
            x + 4.0,
            y + 4.0
        )?;
    }
    writeln!(out, "<rect class=\"box\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{NODE_WIDTH:.0}\" height=\"{height:.1}\" rx=\"7\"/>")?;
    writeln!(
        out,
        "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"3.5\" height=\"{:.1}\" rx=\"1.7\"/>",
        x + 5.0,
        y + 7.0,
        height - 14.0
    )?;
    writeln!(out, "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 15.0, middle - 2.0, markup(&cut(&node.label, LABEL)))?;
    writeln!(
        out,
        "<text class=\"caption\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
        x + 15.0,
        middle + 12.0,
        markup(&cut(&node.caption, CAPTION))
    )
}

/// The start of a text, and the end of it where it is longer: names differ there.
fn cut(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters {
        return text.to_owned();
    }
    let tail = letters / 3;
    let head: String = text.chars().take(letters - tail - 1).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}
