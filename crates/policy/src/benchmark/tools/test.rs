//! `test`, `[ … ]` and `[[ … ]]`.

use super::super::host::FileKind;
use super::super::shell::{Machine, Reason, matches};
use super::{Run, files};
use regex::Regex;

/// An argument, each character with whether it was quoted: only what was not is a pattern.
pub(crate) type Term = Vec<(char, bool)>;

/// A condition that is being decided.
pub(crate) struct Test<'t, 'm, 'a> {
    pub(crate) terms: &'t [Term],
    pub(crate) at: usize,
    /// Whether it is `[[ … ]]`, in which the right side of `==` is a pattern.
    pub(crate) double: bool,
    pub(crate) machine: &'m Machine<'a>,
}

pub(super) fn test(arguments: &[String]) -> Run {
    let terms: Vec<Term> = arguments.iter().map(|text| text.chars().map(|one| (one, true)).collect()).collect();
    Box::new(move |_, machine, _| Ok(i32::from(!Test { terms: &terms, at: 0, double: false, machine }.decide()?)))
}

impl Test<'_, '_, '_> {
    /// What it comes to.
    pub(crate) fn decide(&mut self) -> Result<bool, Reason> {
        if self.terms.is_empty() {
            return Ok(false);
        }
        if self.terms.len() > 200 {
            return Err("this condition is too long".to_owned());
        }
        let decided = self.any()?;
        if self.at < self.terms.len() { Err("this condition is not understood".to_owned()) } else { Ok(decided) }
    }

    fn peek(&self, offset: usize) -> Option<String> {
        self.terms.get(self.at + offset).map(|term| term.iter().map(|(one, _)| one).collect())
    }

    fn is(&self, words: &[&str]) -> bool {
        self.peek(0).is_some_and(|word| words.contains(&word.as_str()))
    }

    fn any(&mut self) -> Result<bool, Reason> {
        let mut decided = self.all()?;
        while self.is(&["-o", "||"]) {
            self.at += 1;
            decided |= self.all()?;
        }
        Ok(decided)
    }

    fn all(&mut self) -> Result<bool, Reason> {
        let mut decided = self.one()?;
        while self.is(&["-a", "&&"]) {
            self.at += 1;
            decided &= self.one()?;
        }
        Ok(decided)
    }

    fn one(&mut self) -> Result<bool, Reason> {
        let mut negated = false;
        while self.is(&["!"]) && self.peek(1).is_some() {
            self.at += 1;
            negated = !negated;
        }
        Ok(self.primary()? != negated)
    }

    fn primary(&mut self) -> Result<bool, Reason> {
        let Some(first) = self.peek(0) else { return Err("this condition is not understood".to_owned()) };
        if let (Some(operator), Some(second)) = (self.peek(1), self.peek(2))
            && let Some(decided) = self.binary(&first, &operator, &second)?
        {
            self.at += 3;
            return Ok(decided);
        }
        if first == "(" {
            self.at += 1;
            let decided = self.any()?;
            if !self.is(&[")"]) {
                return Err("this condition lacks `)`".to_owned());
            }
            self.at += 1;
            return Ok(decided);
        }
        if let Some(second) = self.peek(1)
            && let Some(decided) = self.unary(&first, &second)?
        {
            self.at += 2;
            return Ok(decided);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn unary(&self, operator: &str, value: &str) -> Result<Option<bool>, Reason> {
        let kind = |wanted: &[FileKind]| -> Result<bool, Reason> {
            Ok(files::stat_of(self.machine, value, true)?.is_ok_and(|known| wanted.is_empty() || wanted.contains(&known.kind)))
        };
        Ok(Some(match operator {
            "-z" => value.is_empty(),
            "-n" => !value.is_empty(),
            "-e" | "-r" => kind(&[])?,
            "-f" => kind(&[FileKind::File])?,
            "-d" => kind(&[FileKind::Directory])?,
            "-s" => files::stat_of(self.machine, value, true)?.is_ok_and(|known| known.size > 0),
            "-L" | "-h" => files::stat_of(self.machine, value, false)?.is_ok_and(|known| known.kind == FileKind::Link),
            _ => return Ok(None),
        }))
    }

    fn binary(&self, first: &str, operator: &str, second: &str) -> Result<Option<bool>, Reason> {
        let numbers = || -> Result<(i64, i64), Reason> {
            let number = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` is compared as a number and is none"));
            Ok((number(first)?, number(second)?))
        };
        let alike = || match self.terms.get(self.at + 2) {
            Some(pattern) if self.double => matches(pattern, &first.chars().collect::<Vec<char>>()),
            _ => first == second,
        };
        Ok(Some(match operator {
            "=" | "==" => alike(),
            "!=" => !alike(),
            "-eq" => numbers().map(|(one, other)| one == other)?,
            "-ne" => numbers().map(|(one, other)| one != other)?,
            "-gt" => numbers().map(|(one, other)| one > other)?,
            "-ge" => numbers().map(|(one, other)| one >= other)?,
            "-lt" => numbers().map(|(one, other)| one < other)?,
            "-le" => numbers().map(|(one, other)| one <= other)?,
            "=~" if self.double => Regex::new(second).map_err(|_| format!("`{second}` is no pattern"))?.is_match(first),
            _ => return Ok(None),
        }))
    }
}
