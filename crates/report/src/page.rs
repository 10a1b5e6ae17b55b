//! What pages with a picture have in common: the head, the tools, the end.
//!
//! All names are hostile: everything is escaped, scripts never make markup of text, and a page forbids itself to load
//! anything (Content-Security-Policy).

use crate::escape::markup;
use std::io::{self, Write};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page with a picture.
pub(crate) struct Page<'p> {
    pub(crate) title: &'p str,
    pub(crate) summary: &'p str,
    pub(crate) notes: &'p [String],
    /// What a search takes.
    pub(crate) searches: &'static str,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
}

impl Page<'_> {
    /// The head and the tools. `<header>` stays open for a legend.
    pub(crate) fn start(&self, out: &mut dyn Write) -> io::Result<()> {
        let title = markup(self.title);
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n",
            self.style
        )?;
        writeln!(out, "<header>\n<h1><span class=\"mark\" aria-hidden=\"true\"></span>{title}</h1>")?;
        writeln!(out, "<p class=\"what\">{}</p>", markup(self.summary))?;
        writeln!(
            out,
            "<form class=\"tools scripted\" role=\"search\"><label>Search <input type=\"search\" id=\"search\" placeholder=\"{}\"></label>\
             <output id=\"count\" aria-live=\"polite\"></output>\
             <span class=\"buttons\"><button type=\"button\" id=\"smaller\" aria-label=\"Smaller\">−</button><button type=\"button\" id=\"fit\">Fit</button>\
             <button type=\"button\" id=\"larger\" aria-label=\"Larger\">+</button><button type=\"button\" id=\"theme\">Light / dark</button></span></form>",
            self.searches
        )
    }

    /// The notes, the script and the end of the page.
    pub(crate) fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.notes.is_empty() {
            writeln!(out, "<section class=\"notes\"><h2>Notes</h2><ul>")?;
            for note in self.notes {
                writeln!(out, "<li>{}</li>", markup(note))?;
            }
            writeln!(out, "</ul></section>")?;
        }
        writeln!(
            out,
            "<div id=\"tip\" role=\"tooltip\" hidden></div>\n<footer>plimsoll {}</footer>\n<script>{SCRIPT}{}</script>\n</body>\n</html>",
            env!("CARGO_PKG_VERSION"),
            self.script
        )
    }
}
