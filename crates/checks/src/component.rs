//! Control plane components and their flags, as static pods and nodes show them and as kubeadm's `ClusterConfiguration` says them.

use crate::check::Component;
use crate::{host, version};
use plimsoll_model::{Container, ContainerKind, Inventory, Node, Object, Pod, Violation, Workload};
use serde_json::json;
use std::borrow::Cow;
use std::collections::HashSet;

/// A component with its flags. Pointers start at the pod, or at the root of the configuration or host object.
pub(crate) struct Process<'a> {
    /// Which one it is.
    pub(crate) component: Component,
    /// Its version, where the image or the configuration says it.
    pub(crate) version: Option<(u32, u32, u32)>,
    /// The flags in order; of a flag given twice, the last one counts, as in the components themselves.
    flags: Vec<Flag<'a>>,
    /// What whoever starts it adds where a flag is not given.
    defaults: &'static [(&'static str, &'static str)],
    /// JSON pointer to what flags are added to.
    list: Cow<'static, str>,
    form: Form,
    /// The file on the node that it is started from, where it is seen there.
    file: Option<&'a str>,
}

/// How flags are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As arguments of a program.
    Arguments,
    /// As a map (kubeadm up to v1beta3).
    Map,
    /// As a list of `name` and `value` (kubeadm since v1beta4).
    Pairs,
    /// As the command line of a running program, which nothing can patch.
    Running,
}

/// One flag as given.
pub(crate) struct Flag<'a> {
    /// Without its dashes.
    name: &'a str,
    /// What follows `=` or stands in the next argument; `true` for a flag without a value, as pflag reads it.
    pub(crate) value: &'a str,
    /// JSON pointer to what holds the value.
    pointer: String,
    /// That argument whole.
    argument: &'a str,
    /// The part of it that gives this flag: `--flag=value`, or the value alone.
    part: &'a str,
}

/// Where a component is seen: the object, and the pod if it is one.
pub(crate) type Place<'i, 'a> = (Object<'a>, Option<&'i Pod<'a>>);

/// Every process of a component that was read: of pods, of what kubeadm is told to start, and of what nodes show where the
/// node's pod is not there.
pub(crate) fn processes<'i, 'a>(inventory: &'i Inventory<'a>) -> Vec<(Place<'i, 'a>, Process<'a>)> {
    let pods = inventory.workloads.iter();
    let mut all: Vec<_> = pods.filter_map(|workload| Some(((workload.object, Some(&workload.pod)), process(workload)?))).collect();
    let node = |pod: &Pod<'a>| pod.at(&["nodeName"]).map(Node::text);
    let known: HashSet<_> = all.iter().filter_map(|((_, pod), process)| Some((process.component, (*pod).and_then(node)?))).collect();
    let elsewhere = Component::ALL.into_iter().flat_map(|wanted| outside_of_pods(inventory, wanted));
    all.extend(elsewhere.filter(|((object, _), process)| !known.contains(&(process.component, object.name))));
    all
}

/// The processes of a component in the pods of a namespace, and of what kubeadm and nodes say of it.
pub(crate) fn beside<'a>(inventory: &Inventory<'a>, namespace: &str, wanted: Component) -> Vec<Process<'a>> {
    let pods = inventory.in_namespace(namespace).filter_map(process).filter(|process| process.component == wanted);
    pods.chain(outside_of_pods(inventory, wanted).map(|(_, process)| process)).collect()
}

/// What kubeadm is told to start, and what nodes show.
fn outside_of_pods<'i, 'a>(inventory: &'i Inventory<'a>, wanted: Component) -> impl Iterator<Item = (Place<'i, 'a>, Process<'a>)> {
    let configurations = inventory.of_kind("ClusterConfiguration");
    let configured = configurations.filter_map(move |object| Some(((object, None), configured(&object, wanted)?)));
    let nodes = host::process(wanted).into_iter().flat_map(move |(kind, field)| {
        let objects = inventory.of_kind(kind).filter(host::is_host_data);
        objects.filter_map(move |object| Some(((object, None), on_node(&object, wanted, field)?)))
    });
    configured.chain(nodes)
}

/// The component that a workload's first container runs, and the place of its program among the words of `command` and
/// `args`: by the name of the program, of what a shell's line starts, or, where no program is named, of the image.
fn component(container: &Container<'_>) -> Option<(Component, usize)> {
    let words =
        || ["command", "args"].into_iter().flat_map(|field| container.at(&[field]).into_iter().flat_map(Node::items)).map(Node::text);
    let named = |word: &str| Component::of_program(word.rsplit('/').next().unwrap_or(word));
    // The program, one that takes the component's name as its first argument (`hyperkube kubelet`), or a line.
    let is_candidate = |(at, word): &(usize, &str)| *at < 2 || word.contains(char::is_whitespace);
    let found = words().enumerate().filter(is_candidate).find_map(|(at, word)| {
        let component = word.split_whitespace().take(2).find_map(named)?;
        Some((component, at))
    });
    let by_image = || {
        let only_flags = container.at(&["command"]).is_none() && words().next().is_some_and(|word| word.starts_with('-'));
        let name = container.image.rsplit('/').next().and_then(|name| name.split([':', '@']).next());
        Some((Component::of_program(name.filter(|_| only_flags)?)?, 0))
    };
    found.or_else(by_image)
}

/// The component that `workload` runs, with its flags.
pub(crate) fn process<'a>(workload: &Workload<'a>) -> Option<Process<'a>> {
    let container = workload.pod.containers.iter().find(|container| container.kind == ContainerKind::Main)?;
    let (component, at) = component(container)?;
    let words = |field: &'static str| {
        let items = container.at(&[field]).into_iter().flat_map(Node::items).enumerate();
        items.map(move |(at, node)| (node.text(), format!("/spec/containers/0/{field}/{at}")))
    };
    let all: Vec<(&'a str, String)> = words("command").chain(words("args")).collect();
    let in_args = container.at(&["args"]).is_some_and(|args| args.items().next().is_some());
    Some(Process {
        component,
        version: container.image.rsplit_once(':').and_then(|(_, tag)| version::parse(tag)),
        flags: flags(all.get(at..)?),
        defaults: &[],
        list: Cow::Borrowed(if in_args { "/spec/containers/0/args" } else { "/spec/containers/0/command" }),
        form: Form::Arguments,
        file: None,
    })
}

/// The component that a node shows under `field` of its host object.
pub(crate) fn on_node<'a>(object: &Object<'a>, wanted: Component, field: &[&str]) -> Option<Process<'a>> {
    let data = host::Data::of(object)?.at(field)?;
    let line = data.at(&["cmdLine"]).filter(|line| !line.node.is_null() && !line.node.text().is_empty())?;
    Some(Process {
        component: wanted,
        version: None,
        flags: flags(&[(line.node.text(), line.pointer.clone())]),
        defaults: &[],
        list: Cow::Owned(line.pointer),
        form: Form::Running,
        file: data.at(&["specsFile", "path"]).map(|path| path.node.text()),
    })
}

/// The flags among arguments, each of which has its pointer and may be a line of several words.
pub(crate) fn flags<'a>(arguments: &[(&'a str, String)]) -> Vec<Flag<'a>> {
    let mut flags: Vec<Flag<'a>> = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some((argument, pointer)) = rest.next() {
        let argument: &'a str = argument;
        let mut words = argument.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                continue;
            }
            let flag = |name: &'a str, value: &'a str, pointer: &str, argument, part| Flag {
                name: name.trim_start_matches('-'),
                value: value.trim_matches(['"', '\'']),
                pointer: pointer.to_owned(),
                argument,
                part,
            };
            if let Some((name, value)) = word.split_once('=') {
                flags.push(flag(name, value, pointer, argument, word));
            } else if let Some(value) = words.next_if(|next| !next.starts_with('-')) {
                flags.push(flag(word, value, pointer, argument, value));
            } else if let Some((value, pointer)) = rest.next_if(|(next, _)| words.peek().is_none() && !next.starts_with('-')) {
                flags.push(flag(word, value, pointer, value, value));
            } else {
                flags.push(flag(word, "true", pointer, argument, word));
            }
        }
    }
    flags
}

/// The flag that counts, as the last one does; `name` without its dashes.
pub(crate) fn given<'f, 'a>(flags: &'f [Flag<'a>], name: &str) -> Option<&'f Flag<'a>> {
    // Kubernetes' components take `_` for `-` in names of flags.
    let is_it = |given: &str| given.len() == name.len() && given.bytes().zip(name.bytes()).all(|(a, b)| a == b || (a, b) == (b'_', b'-'));
    flags.iter().rev().find(|flag| is_it(flag.name))
}

/// What kubeadm starts a component with unless told otherwise (kubernetes cmd/kubeadm/app/phases/controlplane/manifests.go
/// and etcd/local.go, 1.36); only flags that checks ask for.
fn kubeadm_defaults(component: Component, local_etcd: bool) -> &'static [(&'static str, &'static str)] {
    const ETCD_CLIENT: usize = 3;
    const API_SERVER: &[(&str, &str)] = &[
        ("etcd-cafile", "/etc/kubernetes/pki/etcd/ca.crt"),
        ("etcd-certfile", "/etc/kubernetes/pki/apiserver-etcd-client.crt"),
        ("etcd-keyfile", "/etc/kubernetes/pki/apiserver-etcd-client.key"),
        ("authorization-mode", "Node,RBAC"),
        ("client-ca-file", "/etc/kubernetes/pki/ca.crt"),
        ("enable-admission-plugins", "NodeRestriction"),
        ("kubelet-client-certificate", "/etc/kubernetes/pki/apiserver-kubelet-client.crt"),
        ("kubelet-client-key", "/etc/kubernetes/pki/apiserver-kubelet-client.key"),
        ("secure-port", "6443"),
        ("service-account-key-file", "/etc/kubernetes/pki/sa.pub"),
        ("tls-cert-file", "/etc/kubernetes/pki/apiserver.crt"),
        ("tls-private-key-file", "/etc/kubernetes/pki/apiserver.key"),
    ];
    match component {
        Component::ApiServer if local_etcd => API_SERVER,
        Component::ApiServer => API_SERVER.get(ETCD_CLIENT..).unwrap_or_default(),
        Component::ControllerManager => &[
            ("bind-address", "127.0.0.1"),
            ("root-ca-file", "/etc/kubernetes/pki/ca.crt"),
            ("service-account-private-key-file", "/etc/kubernetes/pki/sa.key"),
            ("use-service-account-credentials", "true"),
        ],
        Component::Scheduler => &[("bind-address", "127.0.0.1")],
        Component::Etcd => &[
            ("cert-file", "/etc/kubernetes/pki/etcd/server.crt"),
            ("client-cert-auth", "true"),
            ("key-file", "/etc/kubernetes/pki/etcd/server.key"),
            ("peer-cert-file", "/etc/kubernetes/pki/etcd/peer.crt"),
            ("peer-client-cert-auth", "true"),
            ("peer-key-file", "/etc/kubernetes/pki/etcd/peer.key"),
            ("peer-trusted-ca-file", "/etc/kubernetes/pki/etcd/ca.crt"),
            ("trusted-ca-file", "/etc/kubernetes/pki/etcd/ca.crt"),
        ],
        Component::KubeProxy | Component::Kubelet => &[],
    }
}

/// The component as a `ClusterConfiguration` of kubeadm configures it; none for what kubeadm does not start.
fn configured<'a>(object: &Object<'a>, wanted: Component) -> Option<Process<'a>> {
    let list = match wanted {
        Component::ApiServer => "/apiServer/extraArgs",
        Component::ControllerManager => "/controllerManager/extraArgs",
        Component::Scheduler => "/scheduler/extraArgs",
        Component::Etcd => "/etcd/local/extraArgs",
        Component::KubeProxy | Component::Kubelet => return None,
    };
    let external = object.node.at(&["etcd", "external"]);
    if object.group() != "kubeadm.k8s.io" || (wanted == Component::Etcd && external.is_some()) {
        return None;
    }
    let flag = |name, value: Node<'a>, pointer| Flag { name, value: value.text(), pointer, argument: value.text(), part: value.text() };
    let mut flags = Vec::new();
    for (name, key) in [("etcd-cafile", "caFile"), ("etcd-certfile", "certFile"), ("etcd-keyfile", "keyFile")] {
        if wanted == Component::ApiServer
            && let Some(value) = external.and_then(|external| external.get(key))
        {
            flags.push(flag(name, value, format!("/etcd/external/{key}")));
        }
    }
    let given = object.node.resolve(list);
    for (name, value) in given.into_iter().flat_map(Node::entries) {
        flags.push(flag(name.text(), value, format!("{list}/{}", plimsoll_model::escape(name.text()))));
    }
    for (at, pair) in given.into_iter().flat_map(Node::items).enumerate() {
        if let (Some(name), Some(value)) = (pair.get("name"), pair.get("value")) {
            flags.push(flag(name.text(), value, format!("{list}/{at}/value")));
        }
    }
    let is_old = ["v1alpha", "v1beta1", "v1beta2", "v1beta3"].iter().any(|old| object.api_version.contains(old));
    let is_map = given.map_or(is_old, Node::is_map);
    Some(Process {
        component: wanted,
        version: object.node.get("kubernetesVersion").and_then(|text| version::parse(text.text())),
        flags,
        defaults: kubeadm_defaults(wanted, external.is_none()),
        list: Cow::Borrowed(list),
        form: if is_map { Form::Map } else { Form::Pairs },
        file: None,
    })
}

const CLIENTS: &str = "whether clients of the control plane rely on the present behaviour";

impl<'a> Process<'a> {
    /// The flag that counts; `name` without its dashes.
    fn flag(&self, name: &str) -> Option<&Flag<'a>> {
        given(&self.flags, name)
    }

    /// The value that counts, given or added by whoever starts the component; `name` without its dashes.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let default = || self.defaults.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        self.flag(name).map(|flag| flag.value).or_else(default)
    }

    /// Whether the flag is written, and not only added by whoever starts the component.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.flag(name).is_some()
    }

    /// JSON pointer to the flag's value, or to what it would be added to.
    pub(crate) fn pointer(&self, name: &str) -> &str {
        self.flag(name).map_or(&self.list, |flag| &flag.pointer)
    }

    /// What to do on the node that it runs on.
    fn on_node(&self, what: &str) -> String {
        match self.file {
            Some(file) => format!("{what} in {file}"),
            None => format!("{what} where {} is started", self.component.program()),
        }
    }

    /// A violation that setting `--name=value` cures; without a value, somebody has to choose one.
    pub(crate) fn wants(&self, name: &str, value: Option<&str>, message: impl Into<String>) -> Violation {
        let given = self.flag(name);
        let violation = Violation::at(self.pointer(name), message);
        let Some(value) = value else { return violation.advice(format!("set `--{name}` to what fits the cluster")) };
        let whole = format!("--{name}={value}");
        let summary = format!("set `{whole}`");
        let (pointer, value) = match (given, self.form) {
            (_, Form::Running) => return violation.advice(self.on_node(&summary)),
            (Some(flag), Form::Arguments) => {
                let part = if flag.part.starts_with('-') { whole } else { value.to_owned() };
                (flag.pointer.clone(), flag.argument.replacen(flag.part, &part, 1).into())
            }
            (Some(flag), Form::Map | Form::Pairs) => (flag.pointer.clone(), value.into()),
            (None, Form::Arguments) => (format!("{}/-", self.list), whole.into()),
            (None, Form::Map) => (format!("{}/{}", self.list, plimsoll_model::escape(name)), value.into()),
            (None, Form::Pairs) => (format!("{}/-", self.list), json!({"name": name, "value": value})),
        };
        violation.cured_at(summary, pointer, Some(value)).needs(CLIENTS)
    }

    /// `violation`, whose cure is of no use without `--name=value`: both are set, or nothing is.
    pub(crate) fn together_with(&self, mut violation: Violation, name: &str, value: &str) -> Violation {
        if self.value(name).is_some() {
            return violation;
        }
        let other = self.wants(name, Some(value), "");
        // Two values cannot both make the list that they go into.
        if self.flags.is_empty() {
            violation.changes.clear();
        } else {
            violation.changes.extend(other.changes);
        }
        violation.cure = format!("{}, and {}", violation.cure, other.cure).into();
        violation.needs(format!("whether `{value}` is there, with what the flags need"))
    }

    /// A violation that removing `--name` cures.
    pub(crate) fn rejects(&self, name: &str, message: impl Into<String>) -> Option<Violation> {
        let flag = self.flag(name)?;
        let violation = Violation::at(flag.pointer.as_str(), message);
        let summary = format!("remove `--{name}`");
        if self.form == Form::Running {
            return Some(violation.advice(self.on_node(&summary)));
        }
        // Of a shell's line, only the flag; an argument of its own goes as a whole.
        let line = flag.argument.replacen(flag.part, "", 1);
        let violation = match (self.form, line.trim()) {
            // The value of a flag stands in an argument of its own, the flag in the one before.
            (Form::Arguments, _) if !flag.part.starts_with('-') => violation.advice(summary),
            (Form::Map, _) | (Form::Arguments, "") => violation.cured_by(summary, None),
            (Form::Arguments, rest) => violation.cured_by(summary, Some(rest.into())),
            (Form::Pairs | Form::Running, _) => {
                violation.cured_at(summary, flag.pointer.strip_suffix("/value").unwrap_or(&flag.pointer), None)
            }
        };
        Some(violation.needs(CLIENTS))
    }
}
