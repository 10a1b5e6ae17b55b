//! Words: what is quoted, and what is put in when they are used.

use super::Reason;
use super::parse::Parser;
use super::syntax::{Change, Part, Word};

impl Parser {
    pub(super) fn required_word(&mut self) -> Result<Word, Reason> {
        let start = self.at;
        let word = self.word()?;
        if self.at == start {
            return Err(match self.peek() {
                Some(other) => format!("the shell script has `{other}` where a word should be"),
                None => "the shell script ends too early".to_owned(),
            });
        }
        Ok(word)
    }

    pub(super) fn word(&mut self) -> Result<Word, Reason> {
        let mut parts = Vec::new();
        while let Some(one) = self.peek() {
            match one {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => {
                    self.at += 1;
                    push(&mut parts, &self.until('\'')?, true);
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut parts)?;
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => {}
                        Some(next) => push(&mut parts, next.encode_utf8(&mut [0; 4]), true),
                        None => push(&mut parts, "\\", true),
                    }
                    self.at += usize::from(self.peek().is_some());
                }
                '$' | '`' => parts.push(self.deeper(|parser| parser.dollar(false))?),
                other => {
                    self.at += 1;
                    push(&mut parts, other.encode_utf8(&mut [0; 4]), false);
                }
            }
        }
        Ok(Word(parts))
    }

    fn until(&mut self, end: char) -> Result<String, Reason> {
        let mut text = String::new();
        while let Some(one) = self.peek() {
            self.at += 1;
            if one == end {
                return Ok(text);
            }
            text.push(one);
        }
        Err(format!("the shell script lacks a closing `{end}`"))
    }

    fn double_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Reason> {
        push(parts, "", true);
        while let Some(one) = self.peek() {
            match one {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => self.at += 1,
                        Some(next @ ('$' | '`' | '"' | '\\')) => {
                            self.at += 1;
                            push(parts, next.encode_utf8(&mut [0; 4]), true);
                        }
                        _ => push(parts, "\\", true),
                    }
                }
                '$' | '`' => parts.push(self.deeper(|parser| parser.dollar(true))?),
                other => {
                    self.at += 1;
                    push(parts, other.encode_utf8(&mut [0; 4]), true);
                }
            }
        }
        Err("the shell script lacks a closing `\"`".to_owned())
    }

    /// What starts with `$` or a backtick.
    fn dollar(&mut self, quoted: bool) -> Result<Part, Reason> {
        if self.take("`") {
            let mut text = String::new();
            loop {
                match self.peek() {
                    None => return Err("the shell script lacks a closing backtick".to_owned()),
                    Some('`') => break,
                    Some('\\') if self.chars.get(self.at + 1).is_some_and(|next| "`\\$".contains(*next)) => {
                        self.at += 1;
                        text.extend(self.peek());
                    }
                    Some(other) => text.push(other),
                }
                self.at += 1;
            }
            self.at += 1;
            let mut inner = Self { chars: text.chars().collect(), at: 0, depth: self.depth };
            let command = inner.list(&[])?;
            return if inner.peek().is_none() {
                Ok(Part::Output { command, quoted })
            } else {
                Err("the shell script has `)` where a command should start".to_owned())
            };
        }
        self.at += 1;
        if self.take("((") {
            let mut expression = String::new();
            while !self.take("))") {
                let Some(one) = self.peek() else { return Err("the shell script lacks `))`".to_owned()) };
                expression.push(one);
                self.at += 1;
            }
            return Ok(Part::Sum { expression, quoted });
        }
        if self.take("(") {
            let command = self.list(&[])?;
            return if self.take(")") { Ok(Part::Output { command, quoted }) } else { Err("the shell script lacks `)`".to_owned()) };
        }
        if self.take("{") {
            return self.braces(quoted);
        }
        if self.take("?") {
            return Ok(Part::Variable { name: "?".to_owned(), change: None, quoted });
        }
        let name = if self.peek().is_some_and(|one| one.is_ascii_digit()) {
            self.at += 1;
            return Err("arguments of a script are not understood".to_owned());
        } else {
            self.name()
        };
        // A dollar that starts nothing is a dollar.
        Ok(if name.is_empty() { Part::Text { text: "$".to_owned(), quoted: true } } else { Part::Variable { name, change: None, quoted } })
    }

    fn braces(&mut self, quoted: bool) -> Result<Part, Reason> {
        if self.take("#") {
            let name = self.name();
            return if self.take("}") { Ok(Part::Length(name)) } else { Err("this `${#…}` is not understood".to_owned()) };
        }
        let name = self.name();
        if name.is_empty() {
            return Err("this `${…}` is not understood".to_owned());
        }
        if self.take("}") {
            return Ok(Part::Variable { name, change: None, quoted });
        }
        let change = [
            (":-", Change::Default { also_empty: true }),
            ("-", Change::Default { also_empty: false }),
            (":+", Change::Alternative { also_empty: true }),
            ("+", Change::Alternative { also_empty: false }),
            ("%%", Change::CutEnd { longest: true }),
            ("%", Change::CutEnd { longest: false }),
            ("##", Change::CutStart { longest: true }),
            ("#", Change::CutStart { longest: false }),
        ];
        let Some((_, change)) = change.into_iter().find(|(operator, _)| self.take(operator)) else {
            return Err(format!("this `${{{name}…}}` is not understood"));
        };
        let mut parts = Vec::new();
        while let Some(one) = self.peek() {
            match one {
                '}' => {
                    self.at += 1;
                    return Ok(Part::Variable { name, change: Some((change, Word(parts))), quoted });
                }
                '$' | '`' => parts.push(self.deeper(|parser| parser.dollar(quoted))?),
                '\'' if !quoted => {
                    self.at += 1;
                    push(&mut parts, &self.until('\'')?, true);
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut parts)?;
                }
                other => {
                    self.at += 1;
                    push(&mut parts, other.encode_utf8(&mut [0; 4]), quoted);
                }
            }
        }
        Err("the shell script lacks `}`".to_owned())
    }
}

/// Adds text to the last part where that is of the same kind.
fn push(parts: &mut Vec<Part>, more: &str, is_quoted: bool) {
    if let Some(Part::Text { text, quoted }) = parts.last_mut()
        && *quoted == is_quoted
    {
        text.push_str(more);
        return;
    }
    parts.push(Part::Text { text: more.to_owned(), quoted: is_quoted });
}
