//! `ps` and `journalctl`: what runs, and what was written about it.

use super::super::host::{Failure, Process};
use super::super::shell::Reason;
use super::{Options, Run};

/// How processes are shown.
#[derive(Clone, Copy)]
enum Layout {
    /// `ps -ef`
    Full,
    /// `ps aux`
    User,
    /// `ps -o pid=`
    Pid,
    /// `ps -o cmd`, `-o args`, `-o command`
    Command,
    /// `ps -o comm`
    Name,
}

pub(super) fn ps(arguments: &[String]) -> Result<Run, Reason> {
    // BSD options have no dash.
    let arguments: Vec<String> =
        arguments.iter().map(|one| if one == "aux" || one == "-aux" { "--aux".to_owned() } else { one.clone() }).collect();
    let options = Options::read("ps", &arguments, &["e", "f", "A", "w", "aux", "no-headers", "no-header"], &["C", "o", "p"], true)?;
    if !options.rest.is_empty() {
        return Err(format!("the argument `{}` of `ps` is not understood", options.rest.join(" ")));
    }
    if !options.has(&["e", "A", "aux", "C", "p"]) {
        return Err("`ps` without `-e`, `-C` or `-p` is not understood".to_owned());
    }
    let mut header = !options.has(&["no-headers", "no-header"]);
    let layout = match options.value(&["o"]) {
        Some(column) => {
            header &= !column.ends_with('=');
            match column.trim_end_matches('=') {
                "pid" => Layout::Pid,
                "cmd" | "args" | "command" => Layout::Command,
                "comm" => Layout::Name,
                other => return Err(format!("`ps -o {other}` is not understood")),
            }
        }
        None if options.has(&["aux"]) => Layout::User,
        None => Layout::Full,
    };
    let by_name = options.value(&["C"]).map(str::to_owned);
    let by_id = options.value(&["p"]).map(str::to_owned);
    Ok(Box::new(move |_, machine, streams| {
        let processes = machine.host.processes();
        machine.step(processes.len() / 16)?;
        let wanted = |process: &&Process| {
            by_name.as_deref().is_none_or(|names| names.split(',').any(|name| is_named(process, name)))
                && by_id.as_deref().is_none_or(|ids| ids.split(',').any(|id| id == process.pid.to_string()))
        };
        let shown: Vec<&Process> = processes.iter().filter(wanted).collect();
        if header {
            streams.line(match layout {
                Layout::Full => "UID          PID    PPID  C STIME TTY          TIME CMD",
                Layout::User => "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND",
                Layout::Pid => "    PID",
                Layout::Command | Layout::Name => "CMD",
            });
        }
        for process in &shown {
            let Process { pid, parent, user, name, .. } = process;
            let line = command_line(process);
            streams.line(match layout {
                Layout::Full => format!("{user:<8} {pid:>7} {parent:>7}  0 00:00 ?        00:00:00 {line}"),
                Layout::User => format!("{user:<8} {pid:>7}  0.0  0.0      0     0 ?        S    00:00   0:00 {line}"),
                Layout::Pid => format!("{pid:>7}"),
                Layout::Command => line,
                Layout::Name => name.clone(),
            });
        }
        Ok(i32::from(shown.is_empty()))
    }))
}

/// The command line as one text; the name in brackets where there is none, as of a kernel thread.
pub(crate) fn command_line(process: &Process) -> String {
    if process.arguments.is_empty() { format!("[{}]", process.name) } else { process.arguments.join(" ") }
}

/// Whether a process has a name, of which the kernel keeps 15 bytes.
pub(crate) fn is_named(process: &Process, name: &str) -> bool {
    let cut = |text: &str| text.bytes().take(15).collect::<Vec<u8>>();
    !name.is_empty() && cut(&process.name) == cut(name)
}

pub(super) fn journalctl(arguments: &[String]) -> Result<Run, Reason> {
    let options = Options::read("journalctl", arguments, &["m", "merge", "no-pager"], &["u", "unit"], true)?;
    let units: Vec<String> = options.values(&["u", "unit"]).map(str::to_owned).collect();
    Ok(Box::new(move |_, machine, streams| match machine.host.journal(&units) {
        Ok(text) => {
            streams.out(text);
            Ok(0)
        }
        Err(Failure::Unreadable(why)) => Err(format!("the journal cannot be read: {why}")),
        Err(_) => Err("there is no journal here that can be read".to_owned()),
    }))
}
