//! `cat`, `stat`, `ls`: what is known of files.

use super::super::host::{Failure, FileKind, Metadata};
use super::super::shell::{Machine, Reason};
use super::{Options, Run, gather};

/// What a command is told: the text, or the message of the error that the command itself would print.
type Told<T> = Result<T, String>;

/// The text of a file. What cannot be read although it may be there makes the audit unknown.
pub(crate) fn read(machine: &Machine<'_>, path: &str) -> Result<Told<String>, Reason> {
    machine.step(1)?;
    if let Some(pid) = path.strip_prefix("/proc/").and_then(|rest| rest.strip_suffix("/environ")) {
        let Ok(pid) = pid.parse() else { return Ok(Err(Failure::Missing.to_string())) };
        let joined = machine.host.environment(pid).map(|variables| variables.iter().map(|one| format!("{one}\0")).collect());
        return told(path, joined);
    }
    match machine.host.read(path) {
        Err(Failure::OtherKind) => Ok(Err("Is a directory".to_owned())),
        read => told(path, read),
    }
}

/// What is known of a file.
pub(crate) fn stat_of(machine: &Machine<'_>, path: &str, follow: bool) -> Result<Told<Metadata>, Reason> {
    machine.step(1)?;
    if path.is_empty() {
        return Ok(Err(Failure::Missing.to_string()));
    }
    told(path, machine.host.stat(path, follow))
}

/// The names in a directory.
pub(crate) fn list(machine: &Machine<'_>, path: &str) -> Result<Told<Vec<String>>, Reason> {
    machine.step(1)?;
    told(path, machine.host.list(path))
}

fn told<T>(path: &str, found: Result<T, Failure>) -> Result<Told<T>, Reason> {
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(Failure::Unreadable(why)) => Err(format!("{path} cannot be read: {why}")),
        Err(failure) => Ok(Err(failure.to_string())),
    }
}

pub(super) fn cat(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("cat", arguments, &["u"], &[], true)?;
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("cat", &options.rest, input, machine, streams)?;
        streams.out(text);
        Ok(i32::from(missing > 0))
    }))
}

pub(super) fn ls(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("ls", arguments, &["1", "a", "A"], &[], true)?;
    Ok(Box::new(move |_, machine, streams| {
        let mut status = 0;
        for path in &options.rest {
            let known = stat_of(machine, path, true)?;
            let names = match known {
                Ok(known) if known.kind == FileKind::Directory => list(machine, path)?,
                Ok(_) => Ok(vec![path.clone()]),
                Err(message) => Err(message),
            };
            match names {
                Ok(mut names) => {
                    names.retain(|name| options.has(&["a", "A"]) || !name.starts_with('.'));
                    names.sort();
                    names.iter().for_each(|name| streams.line(name));
                }
                Err(message) => {
                    streams.err(format!("ls: cannot access '{path}': {message}"));
                    status = 2;
                }
            }
        }
        Ok(status)
    }))
}

pub(super) fn stat(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("stat", arguments, &["L", "dereference"], &["c", "format"], true)?;
    let Some(format) = options.value(&["c", "format"]).map(str::to_owned) else {
        return Err("`stat` without `-c` is not understood".to_owned());
    };
    show(&format, "", None)?;
    Ok(Box::new(move |_, machine, streams| {
        if options.rest.is_empty() {
            streams.err("stat: missing operand");
            return Ok(1);
        }
        let mut status = 0;
        for path in &options.rest {
            // A link has no permissions of its own; those of the file count.
            match stat_of(machine, path, true)? {
                Ok(known) => streams.line(show(&format, path, Some(&known))?),
                Err(message) => {
                    streams.err(format!("stat: cannot statx '{path}': {message}"));
                    status = 1;
                }
            }
        }
        Ok(status)
    }))
}

/// A format of `stat -c` filled in; without a file, only whether it is known.
fn show(format: &str, path: &str, known: Option<&Metadata>) -> Result<String, Reason> {
    let mut shown = String::new();
    let mut chars = format.chars();
    while let Some(one) = chars.next() {
        if one != '%' {
            shown.push(one);
            continue;
        }
        let directive = chars.next().unwrap_or('%');
        let value = |read: fn(&Metadata) -> String| known.map(read).unwrap_or_default();
        shown.push_str(&match directive {
            'a' => value(|known| format!("{:o}", known.mode & 0o7777)),
            'U' => value(|known| known.user.clone()),
            'G' => value(|known| known.group.clone()),
            'u' => value(|known| known.uid.to_string()),
            'g' => value(|known| known.gid.to_string()),
            's' => value(|known| known.size.to_string()),
            'n' => path.to_owned(),
            '%' => "%".to_owned(),
            'F' => value(|known| {
                let words = match known.kind {
                    FileKind::File => "regular file",
                    FileKind::Directory => "directory",
                    FileKind::Link => "symbolic link",
                    FileKind::Other => "special file",
                };
                words.to_owned()
            }),
            other => return Err(format!("`%{other}` in a format of `stat` is not understood")),
        });
    }
    Ok(shown)
}
