//! MicroK8s: one program runs all components, each with the flags of a file.

use super::Process;
use super::reader::Reader;

/// The flags that name the files, the components that they are of, and whether these are of the control plane
/// (canonical/microk8s, Kubelite integration).
const COMPONENTS: &[(&str, &str, bool)] = &[
    ("kubelet-args-file", "kubelet", false),
    ("proxy-args-file", "kube-proxy", false),
    ("apiserver-args-file", "kube-apiserver", true),
    ("controller-manager-args-file", "kube-controller-manager", true),
    ("scheduler-args-file", "kube-scheduler", true),
];

/// Adds the components that `kubelite` runs to the processes, as if each had been started with its flags.
pub(super) fn expand(reader: &mut Reader<'_>, processes: &mut Vec<Process>) {
    let mut inside = Vec::new();
    for kubelite in processes.iter().filter(|process| process.program() == "kubelite") {
        let is_worker = kubelite.flag("start-control-plane") == Some("false");
        let environment = reader.host.environment(kubelite).unwrap_or_default();
        for (flag, component, _) in COMPONENTS.iter().filter(|(_, _, of_control_plane)| !(is_worker && *of_control_plane)) {
            let Some(path) = kubelite.flag(flag) else { continue };
            let host = reader.host;
            let Some(text) = reader.text(host, path) else { continue };
            // Without the environment: the file is in the directory `args` of the snap's data.
            let data = path.rsplit_once("/args/").map_or("", |(data, _)| data);
            let variable = |name: &str, usual: &str| {
                environment.iter().find(|(key, _)| key == name).map_or_else(|| usual.to_owned(), |(_, value)| value.clone())
            };
            let text = text.replace("${SNAP_DATA}", &variable("SNAP_DATA", data));
            let text = text.replace("${SNAP_COMMON}", &variable("SNAP_COMMON", "/var/snap/microk8s/common"));
            let flags = text.lines().map(str::trim).filter(|line| line.starts_with('-'));
            let flags = flags.map(|line| line.replace(['"', '\''], ""));
            let arguments = std::iter::once((*component).to_owned()).chain(flags).collect();
            inside.push(Process { pid: kubelite.pid, arguments });
        }
    }
    processes.extend(inside);
}
