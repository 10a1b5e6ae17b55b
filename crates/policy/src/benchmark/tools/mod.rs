//! The commands that audits use, as functions over text, files, processes and objects. A command is made from its arguments
//! before it is run, so that one with an option that is not known is found out without running anything.

mod awk;
pub(crate) mod files;
mod find;
mod grep;
mod jq;
mod kubectl;
mod pattern;
mod process;
mod sed;
pub(crate) mod test;
mod text;
mod xargs;

pub(crate) use process::{command_line, is_named};

use super::shell::{Input, Machine, Reason, Script, Shell, Streams};

/// A command, ready to be run: its status is what it returns.
pub(crate) type Run = Box<dyn Fn(&mut Input, &Machine<'_>, &mut Streams) -> Result<i32, Reason>>;

/// Commands that may stand in the arguments of commands.
const NESTED: usize = 6;

/// Makes a command of a name and arguments.
pub(crate) fn make(name: &str, arguments: &[String]) -> Result<Run, Reason> {
    let holds = |word: &&String| word.ends_with("xargs") || *word == "-exec" || *word == "debug";
    if arguments.iter().filter(holds).count() > NESTED {
        return Err("commands run commands too deeply".to_owned());
    }
    let short = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"].into_iter().find_map(|place| name.strip_prefix(place)).unwrap_or(name);
    match short {
        "awk" => awk::awk(arguments),
        "base64" => text::base64(arguments),
        "cat" => files::cat(arguments),
        "cut" => text::cut(arguments),
        "echo" => Ok(text::echo(arguments)),
        "egrep" => grep::grep(&with("-E", arguments)),
        "find" => find::find(arguments),
        "grep" => grep::grep(arguments),
        "head" => text::head(arguments),
        "journalctl" => process::journalctl(arguments),
        "jq" => jq::jq(arguments),
        "kubectl" | "oc" => kubectl::kubectl(arguments),
        "ls" => files::ls(arguments),
        "paste" => text::paste(arguments),
        "printf" => text::printf(arguments),
        "ps" => process::ps(arguments),
        "sed" => sed::sed(arguments),
        "sh" | "bash" => shell(arguments),
        "sort" => text::sort(arguments),
        "stat" => files::stat(arguments),
        "tail" => text::tail(arguments),
        "test" => Ok(test::test(arguments)),
        "[" => match arguments.split_last() {
            Some((last, arguments)) if last == "]" => Ok(test::test(arguments)),
            _ => Err("`[` lacks `]`".to_owned()),
        },
        "tr" => text::tr(arguments),
        "uniq" => text::uniq(arguments),
        "wc" => text::wc(arguments),
        "xargs" => xargs::xargs(arguments),
        _ => Err(format!("the command `{name}` is not understood")),
    }
}

fn with(first: &str, arguments: &[String]) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(arguments.iter().cloned()).collect()
}

/// `sh -c SCRIPT`
fn shell(arguments: &[String]) -> Result<Run, Reason> {
    let [option, text] = arguments else { return Err("only `sh -c` with one script is understood".to_owned()) };
    if option != "-c" {
        return Err("only `sh -c` with one script is understood".to_owned());
    }
    if text.matches("-c").count() > 4 * NESTED {
        return Err("commands run commands too deeply".to_owned());
    }
    let script = Script::parse(text)?;
    script.understood()?;
    Ok(Box::new(move |input, machine, streams| machine.deeper(|| Shell::new(machine).script(script.command(), input, streams))))
}

/// Options of one letter, with or without values, as `getopt` reads them; long ones as they are.
pub(crate) struct Options {
    /// Letter or long name, and value.
    found: Vec<(String, String)>,
    /// What is no option.
    pub(crate) rest: Vec<String>,
}

impl Options {
    /// Reads options. `flags` stand alone, `valued` take a value; any other is not understood. Where `anywhere` is false,
    /// the first argument that is no option ends them, as a command before its own arguments does.
    pub(crate) fn read(name: &str, arguments: &[String], flags: &[&str], valued: &[&str], anywhere: bool) -> Result<Self, Reason> {
        let unknown = |option: &str| format!("the option `{option}` of `{name}` is not understood");
        let mut options = Self { found: Vec::new(), rest: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--" {
                options.rest.extend(arguments.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                match long.split_once('=') {
                    Some((key, value)) if valued.contains(&key) => options.found.push((key.to_owned(), value.to_owned())),
                    Some((key, value)) if flags.contains(&key) && value == "true" => options.found.push((key.to_owned(), String::new())),
                    None if flags.contains(&long) => options.found.push((long.to_owned(), String::new())),
                    None if valued.contains(&long) => {
                        let value = arguments.next().ok_or_else(|| unknown(argument))?;
                        options.found.push((long.to_owned(), value.clone()));
                    }
                    _ => return Err(unknown(argument)),
                }
            } else if argument.len() > 1 && argument.starts_with('-') {
                let mut rest = argument.get(1..).unwrap_or("");
                while let Some(letter) = rest.chars().next() {
                    let key = letter.to_string();
                    rest = rest.get(letter.len_utf8()..).unwrap_or("");
                    if flags.contains(&key.as_str()) {
                        options.found.push((key, String::new()));
                    } else if valued.contains(&key.as_str()) {
                        let value =
                            if rest.is_empty() { arguments.next().ok_or_else(|| unknown(argument))?.clone() } else { rest.to_owned() };
                        options.found.push((key, value.strip_prefix('=').map_or_else(|| value.clone(), str::to_owned)));
                        rest = "";
                    } else {
                        return Err(unknown(argument));
                    }
                }
            } else {
                options.rest.push(argument.clone());
                if !anywhere {
                    options.rest.extend(arguments.by_ref().cloned());
                }
            }
        }
        Ok(options)
    }

    /// Whether one of these was given.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.found.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The last value of one of these.
    pub(crate) fn value(&self, names: &[&str]) -> Option<&str> {
        self.found.iter().rev().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    /// All values of these.
    pub(crate) fn values<'o>(&'o self, names: &'o [&str]) -> impl Iterator<Item = &'o str> {
        self.found.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    /// A value that has to be a whole number.
    pub(crate) fn number(&self, names: &[&str]) -> Result<Option<usize>, Reason> {
        // `+2` is no number here: it means something else.
        let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+')).ok_or_else(|| format!("`{text}` is no number"));
        self.value(names).map(number).transpose()
    }
}

/// The text that a filter reads: files one after the other, or what is piped into it. The number is how many were missing.
pub(crate) fn gather(
    name: &str,
    paths: &[String],
    input: &mut Input,
    machine: &Machine<'_>,
    streams: &mut Streams,
) -> Result<(String, usize), Reason> {
    if paths.is_empty() {
        return Ok((input.rest(), 0));
    }
    let (mut text, mut missing) = (String::new(), 0);
    for path in paths {
        if path == "-" {
            text.push_str(&input.rest());
            continue;
        }
        match files::read(machine, path)? {
            Ok(more) => {
                machine.wrote(more.len())?;
                text.push_str(&more);
            }
            Err(message) => {
                streams.err(format!("{name}: {path}: {message}"));
                missing += 1;
            }
        }
    }
    Ok((text, missing))
}
