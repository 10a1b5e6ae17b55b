//! One self-contained page: the picture, a search, and all of it in words.

use super::{Diagram, svg};
use crate::escape::markup;
use crate::page::Page;
use std::collections::BTreeMap;
use std::io::{self, Write};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

pub(super) fn render(diagram: &Diagram, out: &mut dyn Write) -> io::Result<()> {
    let page = Page {
        title: &diagram.title,
        summary: &diagram.summary,
        notes: &diagram.notes,
        searches: "who, what, by which role or file",
        style: STYLE,
        script: SCRIPT,
    };
    page.start(out)?;
    legend(diagram, out)?;
    writeln!(out, "</header>\n<main>\n<div class=\"stage\" id=\"stage\">")?;
    if diagram.nodes.is_empty() {
        writeln!(out, "<p class=\"none\">Nothing leads anywhere.</p>")?;
    } else {
        svg::render(diagram, false, out)?;
    }
    writeln!(out, "</div>\n<section id=\"details\" aria-live=\"polite\"><h2 class=\"plain\">All of it in words</h2>")?;
    details(diagram, out)?;
    writeln!(out, "</section>\n</main>")?;
    page.end(out)
}

fn legend(diagram: &Diagram, out: &mut dyn Write) -> io::Result<()> {
    let mut levels: Vec<_> = diagram.nodes.iter().filter_map(|node| node.severity).collect();
    levels.sort_unstable();
    levels.dedup();
    writeln!(out, "<ul class=\"legend\">")?;
    for severity in levels.iter().rev() {
        writeln!(out, "<li class=\"{severity}\"><i></i>{severity}</li>")?;
    }
    if diagram.edges.iter().any(|edge| edge.is_assumed) {
        writeln!(out, "<li><i class=\"dashed\"></i>rests on something that was not read</li>")?;
    }
    writeln!(out, "</ul>")
}

/// Everything in words: what a click on it shows, and the page for whoever cannot see pictures.
fn details(diagram: &Diagram, out: &mut dyn Write) -> io::Result<()> {
    let mut leaving: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, edge) in diagram.edges.iter().enumerate() {
        leaving.entry(edge.from).or_default().push(at);
    }
    let name = |at: usize| markup(diagram.nodes.get(at).map_or("", |node| &node.label));
    for (at, node) in diagram.nodes.iter().enumerate() {
        let severity = node.severity.map_or("info", plimsoll_model::Severity::name);
        writeln!(
            out,
            "<article id=\"node-{at}\" class=\"{severity}\"><h3>{}</h3><p class=\"caption\">{}</p>",
            markup(&node.label),
            markup(&node.caption)
        )?;
        if node.members.len() > 1 {
            let open = if node.members.len() <= 12 { " open" } else { "" };
            writeln!(out, "<details{open}><summary>{} with the same way</summary><ul>", node.members.len())?;
            for member in &node.members {
                writeln!(out, "<li>{}</li>", markup(member))?;
            }
            writeln!(out, "</ul></details>")?;
        }
        for index in leaving.get(&at).into_iter().flatten() {
            let Some(edge) = diagram.edges.get(*index) else { continue };
            let severity = edge.severity.map_or("info", plimsoll_model::Severity::name);
            writeln!(
                out,
                "<details class=\"step {severity}\" id=\"edge-{index}\"><summary><b>{}</b> <span>→ {}</span></summary><ul>",
                markup(&edge.label),
                name(edge.to)
            )?;
            for fact in &edge.facts {
                writeln!(out, "<li>{}</li>", markup(fact))?;
            }
            writeln!(out, "</ul></details>")?;
        }
        writeln!(out, "</article>")?;
    }
    Ok(())
}
