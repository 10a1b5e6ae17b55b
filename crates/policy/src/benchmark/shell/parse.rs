//! Text to commands: the part of the POSIX shell that audits are written in, `[[ … ]]` included.

use super::Reason;
use super::syntax::{Assignment, Command, Part, Redirect, Stream, Word};

/// How deep commands and words may be nested.
const DEPTH: usize = 40;

/// Parses a script.
pub(super) fn parse(text: &str) -> Result<Command, Reason> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, depth: 0 };
    let command = parser.list(&[])?;
    match parser.peek() {
        None => Ok(command),
        Some(other) => Err(format!("the shell script has `{other}` where a command should start")),
    }
}

pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) depth: usize,
}

const RESERVED: [&str; 13] = ["if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "{", "}", "!"];

impl Parser {
    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, wanted)| self.chars.get(self.at + offset) == Some(&wanted))
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.starts_with(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Blanks, continued lines and comments; line ends too where they do not end a command.
    fn skip(&mut self, lines: bool) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.starts_with("\\\n") => self.at += 2,
                Some('\n') if lines => self.at += 1,
                Some('#') => {
                    while self.peek().is_some_and(|one| one != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// The reserved word that stands here, not taken.
    fn reserved(&mut self) -> Option<&'static str> {
        let ends = |next: Option<&char>| next.is_none_or(|one| one.is_whitespace() || ";|&()<>".contains(*one));
        RESERVED.into_iter().find(|word| self.starts_with(word) && ends(self.chars.get(self.at + word.len())))
    }

    fn take_reserved(&mut self, word: &str) -> Result<(), Reason> {
        self.skip(true);
        if self.reserved() == Some(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(format!("the shell script lacks `{word}`"))
    }

    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Reason>) -> Result<T, Reason> {
        if self.depth >= DEPTH {
            return Err("the shell script is nested too deeply".to_owned());
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Commands up to one of the reserved words, a closing parenthesis or the end.
    pub(super) fn list(&mut self, stops: &[&str]) -> Result<Command, Reason> {
        let mut commands = Vec::new();
        loop {
            self.skip(true);
            if self.peek().is_none_or(|one| one == ')') || self.reserved().is_some_and(|word| stops.contains(&word)) {
                break;
            }
            commands.push(self.and_or()?);
            self.skip(false);
            match self.peek() {
                Some(';') if !self.starts_with(";;") => self.at += 1,
                Some('\n' | ')') | None => {}
                Some('&') => return Err("commands in the background are not understood".to_owned()),
                // A reserved word may follow a closed compound command.
                Some(_) if self.reserved().is_some() => {}
                Some(other) => return Err(format!("the shell script has `{other}` where a command should end")),
            }
        }
        Ok(if commands.len() == 1 { commands.remove(0) } else { Command::List(commands) })
    }

    fn and_or(&mut self) -> Result<Command, Reason> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.skip(false);
            let and = self.take("&&");
            if !and && !self.take("||") {
                break;
            }
            self.skip(true);
            rest.push((and, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Command::Chain(Box::new(first), rest) })
    }

    fn pipeline(&mut self) -> Result<Command, Reason> {
        let negated = self.reserved() == Some("!");
        if negated {
            self.at += 1;
            self.skip(false);
        }
        let mut commands = vec![self.deeper(Self::command)?];
        loop {
            self.skip(false);
            if self.starts_with("||") || !self.take("|") {
                break;
            }
            self.skip(true);
            commands.push(self.deeper(Self::command)?);
        }
        Ok(if commands.len() == 1 && !negated { commands.remove(0) } else { Command::Pipeline { negated, commands } })
    }

    fn command(&mut self) -> Result<Command, Reason> {
        let command = match self.reserved() {
            Some("if") => self.conditional()?,
            Some("for") => self.each()?,
            Some(word @ ("while" | "until")) => {
                self.at += word.len();
                let condition = Box::new(self.list(&["do"])?);
                Command::While { until: word == "until", condition, body: Box::new(self.body()?) }
            }
            Some("{") => {
                self.at += 1;
                let body = self.list(&["}"])?;
                self.take_reserved("}")?;
                body
            }
            Some(other) => return Err(format!("the shell script has `{other}` where a command should start")),
            None if self.peek() == Some('(') => {
                self.at += 1;
                let body = self.list(&[])?;
                if !self.take(")") {
                    return Err("the shell script lacks `)`".to_owned());
                }
                Command::Subshell(Box::new(body))
            }
            None => return self.simple(),
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(if redirects.is_empty() { command } else { Command::Redirected(Box::new(command), redirects) })
    }

    fn conditional(&mut self) -> Result<Command, Reason> {
        let mut arms = Vec::new();
        self.take_reserved("if")?;
        loop {
            let condition = self.list(&["then"])?;
            self.take_reserved("then")?;
            arms.push((condition, self.list(&["elif", "else", "fi"])?));
            if self.take_reserved("elif").is_err() {
                break;
            }
        }
        let otherwise = match self.take_reserved("else") {
            Ok(()) => Some(Box::new(self.list(&["fi"])?)),
            Err(_) => None,
        };
        self.take_reserved("fi")?;
        Ok(Command::If { arms, otherwise })
    }

    fn each(&mut self) -> Result<Command, Reason> {
        self.take_reserved("for")?;
        self.skip(false);
        let name = self.name();
        self.skip(true);
        if name.is_empty() || !self.take("in") {
            return Err("a `for` without `in` is not understood".to_owned());
        }
        let mut words = Vec::new();
        loop {
            self.skip(false);
            match self.peek() {
                None | Some(';' | '\n') => break,
                _ => words.push(self.required_word()?),
            }
        }
        self.take(";");
        Ok(Command::For { name, words, body: Box::new(self.body()?) })
    }

    fn body(&mut self) -> Result<Command, Reason> {
        self.take_reserved("do")?;
        let body = self.list(&["done"])?;
        self.take_reserved("done")?;
        Ok(body)
    }

    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(one) = self.peek().filter(|one| one.is_ascii_alphanumeric() || *one == '_') {
            name.push(one);
            self.at += 1;
        }
        name
    }

    fn simple(&mut self) -> Result<Command, Reason> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.skip(false);
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty() && self.starts_with("[[") {
                words = self.double_brackets()?;
                continue;
            }
            if self.peek().is_none_or(|one| one == '\n' || ";|&)".contains(one)) {
                break;
            }
            if self.peek() == Some('(') {
                return Err("a function is defined in the shell script, which is not understood".to_owned());
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            words.push(self.required_word()?);
        }
        if words.is_empty() && assignments.is_empty() {
            return Err("the shell script lacks a command".to_owned());
        }
        let command = Command::Simple { assignments, words };
        Ok(if redirects.is_empty() { command } else { Command::Redirected(Box::new(command), redirects) })
    }

    /// `[[ … ]]`, its operators as words.
    fn double_brackets(&mut self) -> Result<Vec<Word>, Reason> {
        let mut words = Vec::new();
        loop {
            self.skip(true);
            let operator = ["[[", "]]", "&&", "||", "(", ")", "<", ">"].into_iter().find(|operator| self.take(operator));
            match operator {
                Some(operator) => {
                    words.push(Word(vec![Part::Text { text: operator.to_owned(), quoted: false }]));
                    if operator == "]]" {
                        return Ok(words);
                    }
                }
                None if self.peek().is_none() => return Err("the shell script lacks `]]`".to_owned()),
                None => words.push(self.required_word()?),
            }
        }
    }

    fn assignment(&mut self) -> Result<Option<Assignment>, Reason> {
        let start = self.at;
        let name = self.name();
        let append = self.starts_with("+=");
        if name.is_empty() || name.starts_with(|one: char| one.is_ascii_digit()) || !(self.take("+=") || self.take("=")) {
            self.at = start;
            return Ok(None);
        }
        Ok(Some(Assignment { name, append, value: self.word()? }))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Reason> {
        self.skip(false);
        let start = self.at;
        let both = self.take("&>");
        let from = if self.take("2") { Stream::Err } else { Stream::Out };
        if !both && from == Stream::Out {
            self.take("1");
        }
        if both || self.take(">") {
            let append = self.take(">");
            if !append && self.take("&") {
                let into = if self.take("1") {
                    Stream::Out
                } else if self.take("2") {
                    Stream::Err
                } else {
                    return Err("this redirection is not understood".to_owned());
                };
                return Ok(Some(Redirect::Merge { from, into }));
            }
            self.skip(false);
            if !self.take("/dev/null") {
                return Err("writing to a file is not understood".to_owned());
            }
            return Ok(Some(if both { Redirect::Drop(Stream::Out) } else { Redirect::Drop(from) }));
        }
        self.at = start;
        if self.peek() == Some('<') {
            self.at += 1;
            let here = self.at;
            self.skip(false);
            if self.starts_with("(") || self.starts_with("<(") {
                return Err("the output of a process as a file is not understood".to_owned());
            }
            self.at = here;
            if self.peek().is_some_and(|one| "<&".contains(one)) {
                return Err("this redirection is not understood".to_owned());
            }
            self.skip(false);
            return Ok(Some(Redirect::Input(self.required_word()?)));
        }
        Ok(None)
    }
}
