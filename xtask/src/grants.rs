//! A corpus of roles, bindings and service accounts to measure on, and what is measured on it.

use crate::corpus::Dice;
use anyhow::{Context, bail};
use plimsoll_access::graph::{Graph, Search, Sink, Situation, Vertex, holders};
use plimsoll_access::{Authorizer, Question, Scope};
use plimsoll_model::rbac::{Defaults, GROUP, Rbac, Request, User};
use plimsoll_model::{ApiResources, Inventory, Snapshot, WorkloadKinds};
use plimsoll_sources::{Options, Target};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const NAMESPACES: usize = 1_000;
const ROLES: usize = 10_000;
const CLUSTER_ROLES: usize = 300;
const BINDINGS: usize = 100_000;
const CLUSTER_BINDINGS: usize = 2_000;
const ACCOUNTS: usize = 50_000;
/// Objects of a page, as an API server gives them.
const PAGE: usize = 500;

/// The names of roles, the same in all namespaces.
const NAMES: &[&str] =
    &["app", "config-reader", "deployer", "leader-election", "metrics", "operator", "pod-reader", "secrets", "viewer", "worker"];

const RESOURCES: &[(&str, &str)] = &[
    ("", "pods"),
    ("", "pods/log"),
    ("", "configmaps"),
    ("", "services"),
    ("", "endpoints"),
    ("", "events"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("apps", "deployments/scale"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("coordination.k8s.io", "leases"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("monitoring.coreos.com", "servicemonitors"),
];

const VERBS: &[&str] = &["get, list, watch", "get", "get, list, watch, create, update, patch, delete", "create", "\"*\"", "create, patch"];

/// Writes the corpus, and returns its size in bytes.
pub(crate) fn write(directory: &Path) -> anyhow::Result<usize> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut dice = Dice::new(7);
    let mut bytes = 0;
    let mut save = |name: String, text: String| {
        bytes += text.len();
        std::fs::write(directory.join(&name), text).with_context(|| format!("cannot write {name}"))
    };
    save("cluster-roles.yaml".to_owned(), cluster_roles(&mut dice))?;
    for namespace in 0..NAMESPACES {
        save(format!("team-{namespace:04}.yaml"), namespaced(namespace, &mut dice))?;
    }
    for (name, kind, from, to) in
        [("cluster-role-bindings", "ClusterRoleBinding", 0, CLUSTER_BINDINGS), ("role-bindings", "RoleBinding", CLUSTER_BINDINGS, BINDINGS)]
    {
        let numbers: Vec<usize> = (from..to).collect();
        for (page, numbers) in numbers.chunks(PAGE).enumerate() {
            let items: Vec<String> = numbers.iter().map(|number| binding(*number, kind, &mut dice)).collect();
            let text = format!("{{\"kind\":\"{kind}List\",\"apiVersion\":\"{GROUP}/v1\",\"items\":[{}]}}\n", items.join(","));
            save(format!("{name}-{page:03}.json"), text)?;
        }
    }
    Ok(bytes)
}

// Writing to a string does not fail.
fn rules(text: &mut String, dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let (group, resource) = pick(RESOURCES, dice);
        let (_, other) = pick(RESOURCES, dice);
        let _ = writeln!(text, "- apiGroups: [\"{group}\"]\n  resources: [{resource}, {other}]\n  verbs: [{}]", pick(VERBS, dice));
        if dice.roll(8) == 0 {
            let _ = writeln!(text, "  resourceNames: [name-{}]", dice.roll(20));
        }
    }
}

fn cluster_roles(dice: &mut Dice) -> String {
    let mut text = String::new();
    for number in 0..CLUSTER_ROLES {
        let _ = write!(text, "---\napiVersion: {GROUP}/v1\nkind: ClusterRole\nmetadata:\n  name: platform-{number:03}\n");
        match number % 10 {
            // Made of others.
            0 => {
                let _ = writeln!(text, "aggregationRule:\n  clusterRoleSelectors:\n  - matchLabels: {{part-of: platform-{number:03}}}");
            }
            at if at < 4 => {
                let _ = writeln!(text, "  labels: {{part-of: platform-{:03}}}", number - at);
                text.push_str("rules:\n");
                rules(&mut text, dice);
            }
            _ => {
                text.push_str("rules:\n");
                rules(&mut text, dice);
            }
        }
    }
    text
}

fn namespaced(namespace: usize, dice: &mut Dice) -> String {
    let mut text = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-{namespace:04}\n");
    let share = |all: usize| all / NAMESPACES + usize::from(namespace < all % NAMESPACES);
    for number in 0..share(ACCOUNTS) {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: account-{number:02}\n  namespace: team-{namespace:04}\n"
        );
    }
    for number in 0..share(ROLES - CLUSTER_ROLES) {
        let name = NAMES.get(number).copied().unwrap_or("more");
        let _ =
            write!(text, "---\napiVersion: {GROUP}/v1\nkind: Role\nmetadata:\n  name: {name}\n  namespace: team-{namespace:04}\nrules:\n");
        rules(&mut text, dice);
    }
    text
}

fn binding(number: usize, kind: &str, dice: &mut Dice) -> String {
    let namespace = number % NAMESPACES;
    let is_cluster = kind == "ClusterRoleBinding" || dice.roll(3) == 0;
    let (role_kind, role) = match dice.roll(20) {
        0 if is_cluster => ("ClusterRole", "view".to_owned()),
        _ if is_cluster => ("ClusterRole", format!("platform-{:03}", dice.roll(CLUSTER_ROLES as u64))),
        _ => ("Role", pick(NAMES.get(..9).unwrap_or(NAMES), dice).to_owned()),
    };
    let subject = match dice.roll(20) {
        0 => format!("{{\"kind\":\"Group\",\"apiGroup\":\"{GROUP}\",\"name\":\"group-{}\"}}", dice.roll(500)),
        1 => format!("{{\"kind\":\"User\",\"apiGroup\":\"{GROUP}\",\"name\":\"user-{}\"}}", dice.roll(5000)),
        _ => format!("{{\"kind\":\"ServiceAccount\",\"name\":\"account-{:02}\",\"namespace\":\"team-{namespace:04}\"}}", dice.roll(50)),
    };
    let place = if kind == "RoleBinding" { format!(",\"namespace\":\"team-{namespace:04}\"") } else { String::new() };
    format!(
        "{{\"metadata\":{{\"name\":\"binding-{number:06}\"{place},\"uid\":\"{number:08x}-0000-4000-8000-000000000000\",\"resourceVersion\":\"{number}\",\
         \"creationTimestamp\":\"2026-01-01T00:00:00Z\"}},\"subjects\":[{subject}],\
         \"roleRef\":{{\"apiGroup\":\"{GROUP}\",\"kind\":\"{role_kind}\",\"name\":\"{role}\"}}}}"
    )
}

fn pick<T: Copy + Default>(of: &[T], dice: &mut Dice) -> T {
    of.get(dice.roll(of.len() as u64) as usize).copied().unwrap_or_default()
}

/// Times the parts of an answer within one process; of those that are repeated, the least and the median.
pub(crate) fn inside(directory: &Path, runs: usize) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("this is measured in a release build: cargo run --release --package xtask -- bench --access");
    }
    println!("\n| within one process | least | median |\n| --- | ---: | ---: |");
    let target = [Target::new(&directory.display().to_string())];
    let load = || plimsoll_sources::load(&target, &Options::default(), std::io::empty());
    row("load: read and parse", runs, || load().documents.len());
    let snapshot = load();
    row("compile: objects, roles, bindings, indexes", runs, || compile(&snapshot).identities().len());
    let authorizer = compile(&snapshot);
    let rbac = authorizer.rbac();
    let roles = rbac.roles.iter().filter(|role| !role.is_default).count();
    let bindings = rbac.bindings.iter().filter(|binding| !binding.is_default).count();
    if (roles, bindings) != (ROLES, BINDINGS) {
        bail!("{roles} roles and {bindings} bindings were read, {ROLES} and {BINDINGS} were written");
    }
    let resources = ApiResources::of(std::iter::empty());
    let many = runs * 10;
    for (verb, resource, scope) in [
        ("get", "secrets", Scope::Namespace("team-0500".to_owned())),
        ("create", "pods", Scope::AllNamespaces),
        ("delete", "networkpolicies", Scope::Namespace("team-0500".to_owned())),
    ] {
        let question = Question::read(&resources, verb, resource, None, scope).map_err(|error| anyhow::anyhow!(error))?;
        let name = format!("who can {question}: {} grants", authorizer.who_can(&question.request()).len());
        row(&name, many, || authorizer.who_can(&question.request()).len());
        row("the same as an answer with places", many, || authorizer.ask_who(question.clone(), true).holders.len());
    }
    let anywhere = || Question::read(&resources, "get", "secrets", None, Scope::AnyNamespace).map_err(|error| anyhow::anyhow!(error));
    let question = anywhere()?;
    let answer = authorizer.ask_who(anywhere()?, true);
    let grants = answer.holders.len() + answer.in_namespaces.len() + answer.named_only.len();
    row(&format!("who can {question}, or in which ones: {grants} grants, with places"), runs, || {
        authorizer.ask_who(question.clone(), true).in_namespaces.len()
    });
    let user = User::account("team-0500", "account-07");
    let request = Request::resource("get", "", "secrets", "team-0500", "");
    row("whether one service account can", many, || usize::from(authorizer.allows(&user, &request)));
    row("everything that one service account can do, with places", many, || authorizer.ask_all(&user, None, true).scopes.len());
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let graph = || Graph::new(&inventory, &authorizer, &Situation::default());
    let built = graph();
    row(&format!("the escalation graph: {} vertices, {} edges", built.vertices.len(), built.edges.len()), runs, || graph().edges.len());
    let ways = || {
        let search = Search::new(&built, Sink::ClusterAdmin, |_, _| false);
        let identities = built.identities().into_iter().filter_map(|identity| built.find(&Vertex::Identity(identity)));
        identities.filter_map(|at| search.path(&built, at)).count()
    };
    row(&format!("the ways of all {} identities to cluster-admin: {}", built.identities().len(), ways()), runs, ways);
    row(&format!("who holds which primitive: {}", holders(&authorizer).len()), runs, || holders(&authorizer).len());
    Ok(())
}

fn compile(snapshot: &Snapshot) -> Authorizer<'_> {
    let (objects, _) = snapshot.objects();
    Authorizer::of(Rbac::of(objects.into_iter().filter(|object| object.group() == GROUP), Defaults::Assume))
}

fn row(name: &str, runs: usize, run: impl Fn() -> usize) {
    let time = || {
        let started = Instant::now();
        std::hint::black_box(run());
        started.elapsed()
    };
    let mut times: Vec<Duration> = (0..=runs).map(|_| time()).skip(1).collect();
    times.sort_unstable();
    let shown = |time: Option<&Duration>| format!("{:.3} ms", time.copied().unwrap_or_default().as_secs_f64() * 1e3);
    println!("| {name} | {} | {} |", shown(times.first()), shown(times.get(times.len() / 2)));
}
