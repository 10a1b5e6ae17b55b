//! `sed`: substitution, printing and deletion by line numbers and patterns.

use super::super::shell::Reason;
use super::pattern::{Syntax, compile};
use super::{Options, Run, gather};
use regex::Regex;

/// The lines that a command is about.
enum Address {
    All,
    Line(usize),
    Last,
    Pattern(Regex),
}

enum Action {
    Substitute { pattern: Regex, replacement: Vec<Piece>, all: bool, print: bool },
    Print,
    Delete,
    Quit,
}

/// A part of what is put in.
enum Piece {
    Text(String),
    Group(usize),
}

pub(super) fn sed(arguments: &[String]) -> Result<Run, Reason> {
    let mut options = Options::read("sed", arguments, &["n", "E", "r"], &["e"], true)?;
    let mut scripts: Vec<String> = options.values(&["e"]).map(str::to_owned).collect();
    if scripts.is_empty() {
        if options.rest.is_empty() {
            return Err("`sed` lacks a script".to_owned());
        }
        scripts.push(options.rest.remove(0));
    }
    let syntax = if options.has(&["E", "r"]) { Syntax::Extended } else { Syntax::Basic };
    let mut commands = Vec::new();
    for script in &scripts {
        Parser { chars: script.chars().collect(), at: 0, syntax }.commands(&mut commands)?;
    }
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("sed", &options.rest, input, machine, streams)?;
        let silent = options.has(&["n"]);
        let count = text.lines().count();
        machine.step(count / 16)?;
        'lines: for (at, line) in text.lines().enumerate() {
            let mut line = line.to_owned();
            for (address, action) in &commands {
                let chosen = match address {
                    Address::All => true,
                    Address::Line(number) => at + 1 == *number,
                    Address::Last => at + 1 == count,
                    Address::Pattern(pattern) => pattern.is_match(&line),
                };
                if !chosen {
                    continue;
                }
                match action {
                    Action::Print => streams.line(&line),
                    Action::Delete => continue 'lines,
                    Action::Quit => {
                        if !silent {
                            streams.line(&line);
                        }
                        return Ok(0);
                    }
                    Action::Substitute { pattern, replacement, all, print } => {
                        let mut changed = String::new();
                        let mut from = 0;
                        for found in pattern.captures_iter(&line).take(if *all { usize::MAX } else { 1 }) {
                            let Some(whole) = found.get(0) else { continue };
                            changed.push_str(line.get(from..whole.start()).unwrap_or(""));
                            from = whole.end();
                            let before = changed.len();
                            for piece in replacement {
                                match piece {
                                    Piece::Text(text) => changed.push_str(text),
                                    Piece::Group(number) => changed.push_str(found.get(*number).map_or("", |group| group.as_str())),
                                }
                            }
                            machine.wrote(changed.len() - before)?;
                        }
                        changed.push_str(line.get(from..).unwrap_or(""));
                        if *print && pattern.is_match(&line) {
                            streams.line(&changed);
                        }
                        line = changed;
                    }
                }
            }
            if !silent {
                streams.line(line);
            }
        }
        Ok(i32::from(missing > 0))
    }))
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    syntax: Syntax,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn commands(&mut self, commands: &mut Vec<(Address, Action)>) -> Result<(), Reason> {
        let unknown = |text: String| format!("the script `{text}` of `sed` is not understood");
        let whole: String = self.chars.iter().collect();
        loop {
            while self.peek().is_some_and(|one| one.is_whitespace() || one == ';') {
                self.at += 1;
            }
            if self.peek().is_none() {
                return Ok(());
            }
            let address = self.address()?;
            while self.peek() == Some(' ') {
                self.at += 1;
            }
            let letter = self.peek();
            self.at += 1;
            let action = match letter {
                Some('s') => self.substitute().ok_or_else(|| unknown(whole.clone()))??,
                Some('p') => Action::Print,
                Some('d') => Action::Delete,
                Some('q') => Action::Quit,
                _ => return Err(unknown(whole)),
            };
            while self.peek() == Some(' ') {
                self.at += 1;
            }
            if self.peek().is_some_and(|one| !";\n".contains(one)) {
                return Err(unknown(whole));
            }
            commands.push((address, action));
        }
    }

    fn address(&mut self) -> Result<Address, Reason> {
        if self.peek() == Some('$') {
            self.at += 1;
            return Ok(Address::Last);
        }
        if self.peek() == Some('/') {
            self.at += 1;
            let text = self.until('/').ok_or("an address of `sed` is not closed")?;
            return compile(&text, self.syntax, false).map(Address::Pattern);
        }
        let mut digits = String::new();
        while let Some(one) = self.peek().filter(char::is_ascii_digit) {
            digits.push(one);
            self.at += 1;
        }
        Ok(digits.parse().map_or(Address::All, Address::Line))
    }

    /// Text up to an unescaped delimiter, which loses its backslash.
    fn until(&mut self, end: char) -> Option<String> {
        let mut text = String::new();
        loop {
            let one = self.peek()?;
            self.at += 1;
            if one == end {
                return Some(text);
            }
            text.push(one);
            if one == '\\' {
                let next = self.peek()?;
                self.at += 1;
                if next == end {
                    text.pop();
                }
                text.push(next);
            }
        }
    }

    fn substitute(&mut self) -> Option<Result<Action, Reason>> {
        let delimiter = self.peek()?;
        self.at += 1;
        let (pattern, with) = (self.until(delimiter)?, self.until(delimiter)?);
        let (mut all, mut fold, mut print) = (false, false, false);
        while let Some(one) = self.peek().filter(char::is_ascii_alphanumeric) {
            match one {
                'g' => all = true,
                'i' | 'I' => fold = true,
                'p' => print = true,
                _ => return None,
            }
            self.at += 1;
        }
        let mut replacement = Vec::new();
        let mut chars = with.chars();
        let mut text = String::new();
        while let Some(one) = chars.next() {
            let group = match one {
                '&' => Some(0),
                '\\' => match chars.next() {
                    Some('n') => {
                        text.push('\n');
                        None
                    }
                    Some(digit) if digit.is_ascii_digit() => digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok()),
                    Some(other) => {
                        text.push(other);
                        None
                    }
                    None => None,
                },
                other => {
                    text.push(other);
                    None
                }
            };
            if let Some(group) = group {
                replacement.push(Piece::Text(std::mem::take(&mut text)));
                replacement.push(Piece::Group(group));
            }
        }
        replacement.push(Piece::Text(text));
        Some(compile(&pattern, self.syntax, fold).map(|pattern| Action::Substitute { pattern, replacement, all, print }))
    }
}
