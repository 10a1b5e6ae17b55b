//! `find`: a walk with an expression of tests and actions.

use super::super::host::{FileKind, Metadata};
use super::super::shell::{Machine, Reason, Streams, matches};
use super::{Run, files, make};

/// Files that one walk may visit.
const VISITS: usize = 50_000;
/// Directories below each other.
const DEPTH: usize = 64;

/// The expression. Actions are tests that do something when they are reached.
enum Test {
    Name {
        pattern: Vec<(char, bool)>,
        fold: bool,
        whole: bool,
    },
    Kind(FileKind),
    /// `-perm`: exactly these bits, all of them (`-`), or any of them (`/`).
    Mode(char, u32),
    User(String),
    Group(String),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
    Print,
    /// `-exec … ;` for each file, `-exec … +` for all at the end.
    Exec {
        command: Vec<String>,
        together: bool,
    },
}

struct Parser<'a> {
    words: &'a [String],
    at: usize,
    depth: usize,
    least: usize,
    most: usize,
    acts: bool,
}

struct Walk<'w, 'm, 'a> {
    machine: &'m Machine<'a>,
    streams: &'w mut Streams,
    least: usize,
    most: usize,
    follow: bool,
    visits: usize,
    gathered: Vec<String>,
    status: i32,
}

pub(super) fn find(arguments: &[String]) -> Result<Run, Reason> {
    let follow = arguments.first().is_some_and(|first| first == "-L");
    let words = arguments.get(usize::from(follow)..).unwrap_or_default();
    let starts = words.iter().position(|word| word.starts_with('-') || word == "!" || word == "(").unwrap_or(words.len());
    let (paths, words) = words.split_at_checked(starts).unwrap_or((words, &[]));
    let mut parser = Parser { words, at: 0, depth: 0, least: 0, most: usize::MAX, acts: false };
    let mut test = if words.is_empty() { Test::All(Vec::new()) } else { parser.any()? };
    if parser.at < words.len() {
        return Err("this expression of `find` is not understood".to_owned());
    }
    if !parser.acts {
        test = Test::All(vec![test, Test::Print]);
    }
    let (least, most) = (parser.least, parser.most);
    let paths: Vec<String> = if paths.is_empty() { vec![".".to_owned()] } else { paths.to_vec() };
    Ok(Box::new(move |_, machine, streams| {
        let mut walk = Walk { machine, streams, least, most, follow, visits: 0, gathered: Vec::new(), status: 0 };
        for path in &paths {
            walk.visit(path, 0, &test)?;
        }
        walk.finish(&test)?;
        Ok(walk.status)
    }))
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Result<&str, Reason> {
        self.at += 1;
        let word = self.words.get(self.at - 1).map(String::as_str);
        word.ok_or_else(|| "this expression of `find` ends too early".to_owned())
    }

    fn any(&mut self) -> Result<Test, Reason> {
        let mut tests = vec![self.all()?];
        while matches!(self.peek(), Some("-o" | "-or")) {
            self.at += 1;
            tests.push(self.all()?);
        }
        Ok(if tests.len() == 1 { tests.remove(0) } else { Test::Any(tests) })
    }

    fn all(&mut self) -> Result<Test, Reason> {
        let mut tests = Vec::new();
        while let Some(word) = self.peek() {
            match word {
                "-o" | "-or" | ")" | "\\)" => break,
                "-a" | "-and" => self.at += 1,
                _ => tests.push(self.one()?),
            }
        }
        Ok(Test::All(tests))
    }

    fn one(&mut self) -> Result<Test, Reason> {
        self.depth += 1;
        if self.depth > 200 {
            return Err("this expression of `find` is too long".to_owned());
        }
        let pattern = |text: &str| text.chars().map(|one| (one, false)).collect();
        Ok(match self.next()?.to_owned().as_str() {
            "!" | "-not" => Test::Not(Box::new(self.one()?)),
            "(" => {
                let inner = self.any()?;
                if self.next()? != ")" {
                    return Err("this expression of `find` lacks `)`".to_owned());
                }
                inner
            }
            "-name" => Test::Name { pattern: pattern(self.next()?), fold: false, whole: false },
            "-iname" => Test::Name { pattern: pattern(&self.next()?.to_lowercase()), fold: true, whole: false },
            "-path" | "-wholename" => Test::Name { pattern: pattern(self.next()?), fold: false, whole: true },
            "-type" => Test::Kind(match self.next()? {
                "f" => FileKind::File,
                "d" => FileKind::Directory,
                "l" => FileKind::Link,
                other => return Err(format!("`find -type {other}` is not understood")),
            }),
            "-perm" => {
                let word = self.next()?.to_owned();
                let (how, bits) = match word.strip_prefix(['-', '/']) {
                    Some(bits) => (word.chars().next().unwrap_or('='), bits),
                    None => ('=', word.as_str()),
                };
                let bits = u32::from_str_radix(bits, 8).map_err(|_| format!("`find -perm {word}` is not understood"))?;
                Test::Mode(how, bits)
            }
            "-user" => Test::User(self.next()?.to_owned()),
            "-group" => Test::Group(self.next()?.to_owned()),
            "-print" => {
                self.acts = true;
                Test::Print
            }
            "-mindepth" => {
                self.least = number(self.next()?)?;
                Test::All(Vec::new())
            }
            "-maxdepth" => {
                self.most = number(self.next()?)?;
                Test::All(Vec::new())
            }
            "-exec" => {
                self.acts = true;
                let mut command = Vec::new();
                loop {
                    match self.next()? {
                        ";" => break,
                        "+" => {
                            known(&command)?;
                            return Ok(Test::Exec { command, together: true });
                        }
                        word => command.push(word.to_owned()),
                    }
                }
                known(&command)?;
                Test::Exec { command, together: false }
            }
            other => return Err(format!("`{other}` of `find` is not understood")),
        })
    }
}

fn number(text: &str) -> Result<usize, Reason> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn known(command: &[String]) -> Result<(), Reason> {
    let (name, arguments) = command.split_first().ok_or("`find -exec` lacks a command")?;
    make(name, arguments).map(|_| ())
}

impl Walk<'_, '_, '_> {
    fn visit(&mut self, path: &str, depth: usize, test: &Test) -> Result<(), Reason> {
        self.visits += 1;
        if self.visits > VISITS {
            return Err(format!("`find` visits more than {VISITS} files"));
        }
        let follow = self.follow || (depth == 0 && path.ends_with('/'));
        let known = match files::stat_of(self.machine, path, follow)? {
            Ok(known) => known,
            Err(message) => {
                self.streams.err(format!("find: '{path}': {message}"));
                self.status = 1;
                return Ok(());
            }
        };
        if depth >= self.least {
            self.holds(test, path, &known)?;
        }
        if known.kind == FileKind::Directory && depth < self.most {
            if depth == DEPTH {
                return Err(format!("`find` goes more than {DEPTH} directories deep"));
            }
            let mut names = files::list(self.machine, path)?.unwrap_or_default();
            names.sort();
            for name in names {
                self.visit(&format!("{}/{name}", path.trim_end_matches('/')), depth + 1, test)?;
            }
        }
        Ok(())
    }

    fn holds(&mut self, test: &Test, path: &str, known: &Metadata) -> Result<bool, Reason> {
        Ok(match test {
            Test::Name { pattern, fold, whole } => {
                let trimmed = path.trim_end_matches('/');
                let name = if *whole { path } else { trimmed.rsplit('/').next().unwrap_or(trimmed) };
                let name = if *fold { name.to_lowercase() } else { name.to_owned() };
                matches(pattern, &name.chars().collect::<Vec<char>>())
            }
            Test::Kind(kind) => known.kind == *kind,
            Test::Mode('-', bits) => known.mode & bits == *bits,
            Test::Mode('/', bits) => *bits == 0 || known.mode & bits != 0,
            Test::Mode(_, bits) => known.mode & 0o7777 == *bits,
            Test::User(name) => known.user == *name || known.uid.to_string() == *name,
            Test::Group(name) => known.group == *name || known.gid.to_string() == *name,
            Test::Not(inner) => !self.holds(inner, path, known)?,
            Test::All(tests) => {
                for test in tests {
                    if !self.holds(test, path, known)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Any(tests) => {
                for test in tests {
                    if self.holds(test, path, known)? {
                        return Ok(true);
                    }
                }
                false
            }
            Test::Print => {
                self.streams.line(path);
                true
            }
            Test::Exec { together: true, .. } => {
                self.gathered.push(path.to_owned());
                true
            }
            Test::Exec { command, together: false } => {
                let words: Vec<String> = command.iter().map(|word| word.replace("{}", path)).collect();
                let (name, arguments) = words.split_first().ok_or("`find -exec` lacks a command")?;
                make(name, arguments)?(&mut super::Input::default(), self.machine, self.streams)? == 0
            }
        })
    }

    /// Runs what waits for all files.
    fn finish(&mut self, test: &Test) -> Result<(), Reason> {
        match test {
            Test::All(tests) | Test::Any(tests) => tests.iter().try_for_each(|test| self.finish(test)),
            Test::Not(inner) => self.finish(inner),
            Test::Exec { command, together: true } if !self.gathered.is_empty() => {
                let gathered = self.gathered.clone();
                let words = command.iter().flat_map(|word| if word == "{}" { gathered.clone() } else { vec![word.clone()] });
                let words: Vec<String> = words.collect();
                let (name, arguments) = words.split_first().ok_or("`find -exec` lacks a command")?;
                make(name, arguments)?(&mut super::Input::default(), self.machine, self.streams).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}
