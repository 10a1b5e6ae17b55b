//! `xargs`

use super::super::shell::{Input, Reason};
use super::{Options, Run, make};

pub(super) fn xargs(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("xargs", arguments, &["r", "no-run-if-empty"], &["I", "L", "n"], false)?;
    let mark = options.value(&["I"]).map(str::to_owned);
    let (each, lines) = (options.number(&["n"])?, options.number(&["L"])?);
    if each == Some(0) || lines == Some(0) {
        return Err("`xargs` with groups of none is not understood".to_owned());
    }
    let command = if options.rest.is_empty() { vec!["echo".to_owned()] } else { options.rest.clone() };
    // What is known of the command before its input is: its name and options.
    let mut presumed: Vec<String> = command.clone();
    match &mark {
        Some(mark) => presumed.iter_mut().for_each(|word| *word = word.replace(mark, "1")),
        None => presumed.push("1".to_owned()),
    }
    if let Some((name, arguments)) = presumed.split_first() {
        drop(make(name, arguments)?);
    }
    Ok(Box::new(move |input, machine, streams| {
        let text = input.rest();
        let mut groups: Vec<Vec<String>> = Vec::new();
        if let Some(mark) = &mark {
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                groups.push(command.iter().map(|word| word.replace(mark, line)).collect());
            }
        } else {
            let words = words(&text);
            if words.is_empty() && !options.has(&["r", "no-run-if-empty"]) {
                groups.push(command.clone());
            }
            let chunks: Vec<Vec<String>> = match lines {
                Some(count) => {
                    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
                    lines.chunks(count).map(|chunk| self::words(&chunk.join("\n"))).collect()
                }
                None => words.chunks(each.unwrap_or(usize::MAX)).map(<[String]>::to_vec).collect(),
            };
            groups.extend(chunks.into_iter().map(|chunk| command.iter().cloned().chain(chunk).collect()));
        }
        let mut status = 0;
        for group in groups {
            machine.step(1)?;
            let Some((name, arguments)) = group.split_first() else { continue };
            if make(name, arguments)?(&mut Input::default(), machine, streams)? != 0 {
                status = 123;
            }
        }
        Ok(status)
    }))
}

/// Words as `xargs` reads them: quotes and backslashes are taken away.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = text.chars();
    while let Some(one) = chars.next() {
        match one {
            '\'' | '"' => {
                let word = open.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|inner| *inner != one));
            }
            '\\' => open.get_or_insert_default().extend(chars.next()),
            blank if blank.is_whitespace() => words.extend(open.take()),
            other => open.get_or_insert_default().push(other),
        }
    }
    words.extend(open);
    words
}
