//! `grep`

use super::super::shell::Reason;
use super::pattern::{Syntax, compile};
use super::{Options, Run, gather};

pub(super) fn grep(arguments: &[String]) -> Result<Run, Reason> {
    // Colours would go to a terminal only.
    let arguments: Vec<String> = arguments.iter().filter(|argument| !argument.starts_with("--color")).cloned().collect();
    let flags =
        ["E", "F", "P", "G", "i", "v", "c", "o", "q", "w", "x", "h", "s", "n", "a", "extended-regexp", "quiet", "count", "only-matching"];
    let mut options = Options::read("grep", &arguments, &flags, &["e", "A", "B", "C", "m"], true)?;
    if options.has(&["n"]) {
        return Err("the option `-n` of `grep` is not understood".to_owned());
    }
    let mut patterns: Vec<String> = options.values(&["e"]).map(str::to_owned).collect();
    if patterns.is_empty() {
        if options.rest.is_empty() {
            return Err("`grep` lacks a pattern".to_owned());
        }
        patterns.extend(options.rest.remove(0).split('\n').map(str::to_owned));
    }
    let syntax = if options.has(&["F"]) {
        Syntax::Fixed
    } else if options.has(&["E", "P", "extended-regexp"]) {
        Syntax::Extended
    } else {
        Syntax::Basic
    };
    let mut compiled = Vec::new();
    for pattern in &patterns {
        compiled.push(compile(pattern, syntax, options.has(&["i"]))?);
    }
    let (whole_word, whole_line) = (options.has(&["w"]), options.has(&["x"]));
    let around = options.number(&["C"])?.unwrap_or(0);
    let (before, after) = (options.number(&["B"])?.unwrap_or(around), options.number(&["A"])?.unwrap_or(around));
    let most = options.number(&["m"])?.unwrap_or(usize::MAX);
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("grep", &options.rest, input, machine, streams)?;
        let lines: Vec<&str> = text.lines().collect();
        machine.step(lines.len() / 16)?;
        let parts = |line: &'_ str| -> Vec<String> {
            let found = compiled.iter().flat_map(|pattern| pattern.find_iter(line));
            let fits = |found: &regex::Match<'_>| {
                let is_word = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_');
                let alone = !is_word(line.get(..found.start()).and_then(|text| text.chars().next_back()))
                    && !is_word(line.get(found.end()..).and_then(|text| text.chars().next()));
                (!whole_word || alone) && (!whole_line || found.len() == line.len())
            };
            found.filter(fits).map(|found| found.as_str().to_owned()).collect()
        };
        let wanted = |line: &str| parts(line).is_empty() == options.has(&["v"]);
        let hits: Vec<usize> = lines.iter().enumerate().filter(|(_, line)| wanted(line)).map(|(at, _)| at).take(most).collect();
        let status = if missing > 0 && (hits.is_empty() || !options.has(&["q", "quiet"])) { 2 } else { i32::from(hits.is_empty()) };
        if options.has(&["q", "quiet"]) {
            return Ok(status);
        }
        if options.has(&["c", "count"]) {
            streams.line(hits.len().to_string());
            return Ok(status);
        }
        if options.has(&["o", "only-matching"]) {
            for line in hits.iter().filter_map(|at| lines.get(*at)) {
                parts(line).into_iter().filter(|part| !part.is_empty()).for_each(|part| streams.line(part));
            }
            return Ok(status);
        }
        let mut shown: Option<usize> = None;
        for hit in hits {
            let from = hit.saturating_sub(before).max(shown.map_or(0, |shown| shown + 1));
            if (before > 0 || after > 0) && shown.is_some_and(|shown| from > shown + 1) {
                streams.line("--");
            }
            let until = hit.saturating_add(after).min(lines.len().saturating_sub(1));
            for at in from..=until {
                streams.line(lines.get(at).copied().unwrap_or(""));
            }
            shown = Some(shown.map_or(until, |shown| shown.max(until)));
        }
        Ok(status)
    }))
}
