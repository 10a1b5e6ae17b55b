//! What a node shows besides Kubernetes, as host data objects: kernel variables, access control, open ports.

use super::ports::listening;
use super::reader::{Reader, is_missing};
use plimsoll_model::{Problem, ProblemKind};
use serde_json::{Value, json};
use std::io;

const KERNEL: &str = "/proc/sys/kernel";
/// Entries there that are state and no settings: they differ with every look.
const STATE: &[&str] = &["ns_last_pid", "pty", "random"];

/// The settings of the kernel below `/proc/sys/kernel`.
pub(super) fn kernel_variables(reader: &mut Reader<'_>) -> Option<Value> {
    let mut variables = Vec::new();
    let mut refused = Vec::new();
    walk(reader, KERNEL, &mut variables, &mut refused);
    if !refused.is_empty() {
        let problem = Problem::new(ProblemKind::Note, format!("kernel variables that could not be read: {}", refused.join(", ")));
        reader.problems.push(problem.target("host"));
    }
    (!variables.is_empty()).then_some(variables.into())
}

fn walk(reader: &mut Reader<'_>, directory: &str, variables: &mut Vec<Value>, refused: &mut Vec<String>) {
    let names = match reader.host.list(directory) {
        Ok(names) => names,
        Err(error) => return reader.unreadable(directory, &error),
    };
    for name in names.iter().filter(|name| !STATE.contains(&name.as_str())) {
        let path = format!("{directory}/{name}");
        let Ok(stat) = reader.host.stat(&path) else { continue };
        if stat.is_directory {
            walk(reader, &path, variables, refused);
        } else if stat.mode & 0o444 != 0 {
            match reader.host.read_text(&path) {
                Ok(value) => variables.push(json!({"key": name, "value": value, "source": path})),
                Err(_) => refused.push(path.trim_start_matches(KERNEL).trim_start_matches('/').to_owned()),
            }
        }
    }
}

/// Whether AppArmor and SELinux work.
pub(super) fn hardening(reader: &mut Reader<'_>) -> Value {
    const PROFILES: &str = "/sys/kernel/security/apparmor/profiles";
    const ENFORCE: &str = "/sys/fs/selinux/enforce";
    let app_armor = match reader.host.read_text(PROFILES) {
        Ok(profiles) if profiles.trim().is_empty() => "stopped".into(),
        Ok(profiles) => profiles.into(),
        Err(error) if is_missing(&error) => "unloaded".into(),
        Err(error) => {
            reader.unreadable(PROFILES, &error);
            Value::Null
        }
    };
    let se_linux = match reader.host.read_text(ENFORCE) {
        Ok(text) if text.trim() == "1" => "enforcing".into(),
        Ok(_) => "permissive".into(),
        Err(error) if is_missing(&error) => "not found".into(),
        Err(error) => {
            reader.unreadable(ENFORCE, &error);
            Value::Null
        }
    };
    json!({"appArmor": app_armor, "seLinux": se_linux})
}

/// Ports that the node listens on, by the first process's view of the network: one's own may be a container's.
pub(super) fn open_ports(reader: &mut Reader<'_>) -> Option<Value> {
    let directory = ["/proc/1/net", "/proc/net"].into_iter().find(|directory| reader.host.exists(&format!("{directory}/tcp")));
    let Some(directory) = directory else {
        reader.unreadable("/proc/net/tcp", &io::Error::new(io::ErrorKind::NotFound, "no such file or directory"));
        return None;
    };
    let mut ports = |transport: &str| {
        let mut all = Vec::new();
        for table in [format!("{directory}/{transport}"), format!("{directory}/{transport}6")] {
            match reader.host.read_text(&table) {
                Ok(text) => all.extend(listening(transport, &text)),
                // A kernel without IPv6 has no table of it.
                Err(error) if is_missing(&error) => {}
                Err(error) => reader.unreadable(&table, &error),
            }
        }
        all
    };
    let (tcp, udp) = (ports("tcp"), ports("udp"));
    Some(json!({"tcpPorts": tcp, "udpPorts": udp, "icmpPorts": []}))
}
