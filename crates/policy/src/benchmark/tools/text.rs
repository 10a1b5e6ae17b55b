//! Commands that only turn text into text.

use super::super::shell::Reason;
use super::{Options, Run, gather};

/// `echo` as dash has it: backslash sequences are put in.
pub(super) fn echo(arguments: &[String]) -> Run {
    let silent = arguments.first().is_some_and(|first| first == "-n");
    let skipped = arguments.iter().take_while(|one| matches!(one.as_str(), "-n" | "-e" | "-E")).count();
    let text = unescape(&arguments.get(skipped..).unwrap_or_default().join(" "));
    Box::new(move |_, _, streams| {
        if silent {
            streams.out(&text);
        } else {
            streams.line(&text);
        }
        Ok(0)
    })
}

fn unescape(text: &str) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    while let Some(one) = chars.next() {
        if one != '\\' {
            shown.push(one);
            continue;
        }
        match chars.next() {
            Some('n') => shown.push('\n'),
            Some('t') => shown.push('\t'),
            None | Some('\\') => shown.push('\\'),
            Some(other) => {
                shown.push('\\');
                shown.push(other);
            }
        }
    }
    shown
}

/// `printf FORMAT ARGUMENT…` with `%s` and `%d`, their width included.
pub(super) fn printf(arguments: &[String]) -> Result<Run, Reason> {
    let Some((format, values)) = arguments.split_first() else { return Err("`printf` lacks a format".to_owned()) };
    let format = unescape(format);
    let mut pieces: Vec<(String, Option<(bool, usize)>)> = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(one) = chars.next() {
        if one != '%' {
            text.push(one);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let left = chars.next_if_eq(&'-').is_some();
        let mut width = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            width.push(digit);
        }
        if !matches!(chars.next(), Some('s' | 'd')) {
            return Err(format!("the format `{format}` of `printf` is not understood"));
        }
        pieces.push((std::mem::take(&mut text), Some((left, width.parse::<usize>().unwrap_or(0).min(1000)))));
    }
    pieces.push((text, None));
    let values = values.to_vec();
    Ok(Box::new(move |_, machine, streams| {
        let mut values = values.iter();
        let takes = pieces.len() > 1;
        loop {
            machine.step(1)?;
            for (text, field) in &pieces {
                streams.out(text);
                if let Some((left, width)) = field {
                    let value = values.next().map_or("", String::as_str);
                    streams.out(if *left { format!("{value:<width$}") } else { format!("{value:>width$}") });
                }
            }
            if !takes || values.len() == 0 {
                return Ok(0);
            }
        }
    }))
}

/// How many lines an option means: `-n 3`, `-3`, `-n1`.
fn lines_asked(name: &str, arguments: &[String]) -> Result<(usize, Vec<String>), Reason> {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|one| {
            let number = one.strip_prefix('-').filter(|rest| !rest.is_empty() && rest.chars().all(|digit| digit.is_ascii_digit()));
            number.map_or_else(|| one.clone(), |number| format!("-n{number}"))
        })
        .collect();
    let options = Options::read(name, &arguments, &["q"], &["n"], true)?;
    Ok((options.number(&["n"])?.unwrap_or(10), options.rest))
}

pub(super) fn head(arguments: &[String]) -> Result<Run, Reason> {
    let (count, paths) = lines_asked("head", arguments)?;
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("head", &paths, input, machine, streams)?;
        text.lines().take(count).for_each(|line| streams.line(line));
        Ok(i32::from(missing > 0))
    }))
}

pub(super) fn tail(arguments: &[String]) -> Result<Run, Reason> {
    let (count, paths) = lines_asked("tail", arguments)?;
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("tail", &paths, input, machine, streams)?;
        let skipped = text.lines().count().saturating_sub(count);
        text.lines().skip(skipped).for_each(|line| streams.line(line));
        Ok(i32::from(missing > 0))
    }))
}

pub(super) fn wc(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("wc", arguments, &["l", "w", "c"], &[], true)?;
    if !options.rest.is_empty() || [["l"], ["w"], ["c"]].into_iter().filter(|one| options.has(one)).count() != 1 {
        return Err("only `wc -l`, `-w` or `-c` of what is piped in is understood".to_owned());
    }
    Ok(Box::new(move |input, _, streams| {
        let text = input.rest();
        let count = if options.has(&["l"]) {
            text.matches('\n').count()
        } else if options.has(&["w"]) {
            text.split_whitespace().count()
        } else {
            text.len()
        };
        streams.line(count.to_string());
        Ok(0)
    }))
}

pub(super) fn sort(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("sort", arguments, &["u", "r"], &[], true)?;
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("sort", &options.rest, input, machine, streams)?;
        let mut lines: Vec<&str> = text.lines().collect();
        machine.step(lines.len() / 16)?;
        lines.sort_unstable();
        if options.has(&["u"]) {
            lines.dedup();
        }
        if options.has(&["r"]) {
            lines.reverse();
        }
        lines.into_iter().for_each(|line| streams.line(line));
        Ok(i32::from(missing > 0))
    }))
}

pub(super) fn uniq(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("uniq", arguments, &[], &[], true)?;
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("uniq", &options.rest, input, machine, streams)?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines.dedup();
        lines.into_iter().for_each(|line| streams.line(line));
        Ok(i32::from(missing > 0))
    }))
}

pub(super) fn cut(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("cut", arguments, &["s"], &["d", "f"], true)?;
    let delimiter = options.value(&["d"]).unwrap_or("\t").to_owned();
    let list = options.value(&["f"]).unwrap_or("");
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for part in list.split(',') {
        let number = |text: &str, other: usize| if text.is_empty() { Some(other) } else { text.parse().ok() };
        let range = match part.split_once('-') {
            Some((from, to)) => number(from, 1).zip(number(to, usize::MAX)),
            None => part.parse().ok().map(|one| (one, one)),
        };
        ranges.push(range.ok_or_else(|| format!("`cut -f {list}` is not understood"))?);
    }
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("cut", &options.rest, input, machine, streams)?;
        for line in text.lines() {
            machine.step(1)?;
            if !line.contains(&delimiter) {
                if !options.has(&["s"]) {
                    streams.line(line);
                }
                continue;
            }
            let wanted = |at: &usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&(at + 1)));
            let fields: Vec<&str> = line.split(&delimiter).enumerate().filter(|(at, _)| wanted(at)).map(|(_, field)| field).collect();
            streams.line(fields.join(&delimiter));
        }
        Ok(i32::from(missing > 0))
    }))
}

pub(super) fn tr(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("tr", arguments, &["d", "s"], &[], true)?;
    let set = |at: usize| options.rest.get(at).map(|text| set(text)).transpose();
    let unknown = || "this `tr` is not understood".to_owned();
    let from = set(0)?.ok_or_else(unknown)?;
    let to = set(1)?.unwrap_or_default();
    let (deletes, squeezes) = (options.has(&["d"]), options.has(&["s"]));
    let plain = if deletes { to.is_empty() } else { squeezes || !to.is_empty() };
    if options.rest.len() > 2 || !plain {
        return Err(unknown());
    }
    Ok(Box::new(move |input, _, streams| {
        let mut changed = String::new();
        for one in input.rest().chars() {
            let put = match from.iter().position(|known| *known == one) {
                None => {
                    changed.push(one);
                    continue;
                }
                Some(_) if deletes => continue,
                Some(at) => to.get(at).or(to.last()).copied().unwrap_or(one),
            };
            if !(squeezes && changed.ends_with(put)) {
                changed.push(put);
            }
        }
        streams.out(changed);
        Ok(0)
    }))
}

/// The characters of a set of `tr`: ranges, classes and escapes resolved.
fn set(text: &str) -> Result<Vec<char>, Reason> {
    match text {
        "[:space:]" => return Ok(vec![' ', '\t', '\n', '\r', '\x0b', '\x0c']),
        "[:upper:]" => return Ok(('A'..='Z').collect()),
        "[:lower:]" => return Ok(('a'..='z').collect()),
        "[:digit:]" => return Ok(('0'..='9').collect()),
        _ if text.contains("[:") => return Err(format!("the set `{text}` of `tr` is not understood")),
        _ => {}
    }
    let mut chars = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        let one = match one {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        };
        let mut ahead = rest.clone();
        if ahead.next() == Some('-')
            && let Some(last) = ahead.next().filter(|last| *last >= one && last.is_ascii())
        {
            chars.extend(one..=last);
            rest = ahead;
        } else {
            chars.push(one);
        }
    }
    Ok(chars)
}

/// `paste -sd,`
pub(super) fn paste(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("paste", arguments, &["s"], &["d"], true)?;
    if !options.has(&["s"]) || options.rest.iter().any(|path| path != "-") {
        return Err("only `paste -s` of what is piped in is understood".to_owned());
    }
    let delimiter = options.value(&["d"]).unwrap_or("\t").to_owned();
    Ok(Box::new(move |input, _, streams| {
        streams.line(input.rest().lines().collect::<Vec<_>>().join(&delimiter));
        Ok(0)
    }))
}

/// `base64 -d`
pub(super) fn base64(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("base64", arguments, &["d", "decode"], &[], true)?;
    if !options.has(&["d", "decode"]) || !options.rest.is_empty() {
        return Err("only `base64 -d` of what is piped in is understood".to_owned());
    }
    Ok(Box::new(|input, _, streams| {
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
        for one in input.rest().bytes().filter(|one| !one.is_ascii_whitespace() && *one != b'=') {
            let six = match one {
                b'A'..=b'Z' => one - b'A',
                b'a'..=b'z' => one - b'a' + 26,
                b'0'..=b'9' => one - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => {
                    streams.err("base64: invalid input");
                    return Ok(1);
                }
            };
            held = (held << 6) | u32::from(six);
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from((held >> bits) & 0xff).unwrap_or_default());
            }
        }
        streams.out(String::from_utf8_lossy(&bytes));
        Ok(0)
    }))
}
