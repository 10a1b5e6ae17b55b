//! `plimsoll net exposure`

use super::answer::{self, Answer};
use super::names::{self, Names};
use super::picture::Picture;
use super::sides::Sides;
use super::{Common, complain, list, outcome, problems};
use crate::{Outcome, output};
use anyhow::{Context, bail, ensure};
use plimsoll_model::{Inventory, Limits, Origin, Source, parse};
use plimsoll_network::exposure::{Because, Exposed, Exposure, OfPod, Opening, Protection};
use plimsoll_network::listing::{Connection, Filter, Side};
use plimsoll_network::policy::Direction;
use plimsoll_network::{Protocol, Traffic, World};
use plimsoll_report::map::{Map, PlaceKind, WayState};
use plimsoll_report::table::Table;
use serde_json::{Map as Fields, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const EXAMPLES: &str = "Examples:
  plimsoll net exposure manifests/
  plimsoll net exposure cluster --focus shop/cart --direction ingress
  plimsoll net exposure manifests/ --labels app=scraper --namespace-labels team=ops";

/// Say what pods that are not there yet could reach, and what could reach them.
///
/// Rules name pods by labels: whoever gets a pod with these labels into the cluster gets what they allow. Workloads that no policy
/// is about come first. With --labels, --namespace or --namespace-labels the question is about one new pod: what it could reach, and
/// what could reach it. Exits with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Only what is open of this workload, as NAME, NAMESPACE/NAME, NAMESPACE/ or NAMESPACE/KIND/NAME; may be given several times.
    #[arg(long, value_name = "WORKLOAD", conflicts_with_all = ["labels", "namespace", "namespace_labels"])]
    focus: Vec<String>,
    /// Only what could reach workloads (`ingress`), or what they could reach (`egress`); of a new pod, the other way round.
    #[arg(long, value_name = "DIRECTION", value_parser = ["ingress", "egress"])]
    direction: Option<String>,
    /// Only where this port is open, as `443`, `tcp/443` or `udp/53`.
    #[arg(long, value_name = "PORT", value_parser = list::port)]
    port: Option<(Protocol, u16)>,
    /// The labels of a new pod, as `app=web,tier=front`; without it, it has none.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label, help_heading = "A new pod")]
    labels: Vec<(String, String)>,
    /// The namespace of a new pod; without it, it is in a new namespace.
    #[arg(long, value_name = "NAMESPACE", help_heading = "A new pod")]
    namespace: Option<String>,
    /// The labels of a new namespace.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label, help_heading = "A new pod")]
    namespace_labels: Vec<(String, String)>,
    #[command(flatten)]
    common: Common,
}

/// A label as users write it.
fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is no label; labels are written `app=web`")),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.common.settings()?;
    let mut loaded = args.common.load(&args.targets)?;
    let is_about_pod = args.namespace.is_some() || !args.labels.is_empty() || !args.namespace_labels.is_empty();
    let pod = if is_about_pod {
        let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
        Some(NewPod::of(args, &World::new(&inventory, settings.clone()))?)
    } else {
        None
    };
    for object in pod.iter().flat_map(NewPod::objects) {
        let (documents, _) = parse(&Source::new("the new pod", Origin::Rendered, object.to_string()), Limits::default());
        loaded.snapshot.documents.extend(documents);
    }
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let world = World::new(&inventory, settings);
    complain(&loaded, &inventory, &world);
    if world.endpoints.is_empty() {
        bail!("there is no workload in {}: nothing that could be reached", loaded.targets.join(", "));
    }
    let wanted = args.direction.as_deref().map(|word| if word == "ingress" { Direction::Ingress } else { Direction::Egress });
    let mut focus = BTreeSet::new();
    for wanted in &args.focus {
        focus.extend(names::find(&world, wanted)?);
    }
    let filter = Filter { focus: (!focus.is_empty()).then_some(focus), direction: wanted, port: args.port };
    let answer: Box<dyn Answer> = match pod {
        Some(pod) => {
            let found = names::find(&world, &format!("{}/Pod/{}", pod.namespace, pod.name))?;
            let at = *found.first().context("the new pod is no workload")?;
            Box::new(OfPod::new(&world, at, pod.words(), &filter))
        }
        None => Box::new(Exposure::new(&world, &filter)),
    };
    output::print(&answer::write(&*answer, args.common.form)?)?;
    Ok(outcome(problems(&loaded, &inventory, &world)))
}

/// The pod that is asked about.
struct NewPod {
    name: String,
    labels: Vec<(String, String)>,
    namespace: String,
    /// The labels of its namespace, where that is new.
    namespace_labels: Option<Vec<(String, String)>>,
}

impl NewPod {
    fn of(args: &Args, world: &World<'_>) -> anyhow::Result<Self> {
        let is_known = |name: &str| world.namespace(name).is_some();
        let known = args.namespace.as_deref().is_some_and(is_known);
        ensure!(
            !known || args.namespace_labels.is_empty(),
            "namespace `{}` was read with its labels; give --namespace-labels only for a new one",
            args.namespace.as_deref().unwrap_or_default()
        );
        // Names that nobody has.
        let free = |is_taken: &dyn Fn(&str) -> bool| {
            let names = std::iter::once("new".to_owned()).chain((2..).map(|number: u32| format!("new-{number}")));
            names.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
        };
        let name = free(&|name| world.endpoints.iter().any(|endpoint| endpoint.name == name));
        let namespace = args.namespace.clone().unwrap_or_else(|| free(&is_known));
        let namespace_labels = (!known).then(|| args.namespace_labels.clone());
        Ok(Self { name, labels: args.labels.clone(), namespace, namespace_labels })
    }

    fn objects(&self) -> Vec<Json> {
        let labels = |labels: &[(String, String)]| -> Json {
            labels.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect::<Fields<_, _>>().into()
        };
        let mut objects = vec![json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": labels(&self.labels)},
            "spec": {"containers": [{"name": self.name, "image": self.name}]},
        })];
        if let Some(of_namespace) = &self.namespace_labels {
            let metadata = json!({"name": self.namespace, "labels": labels(of_namespace)});
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        }
        objects
    }

    /// `a new pod with app=web in namespace shop`
    fn words(&self) -> String {
        let with = |labels: &[(String, String)]| match labels {
            [] => "without labels".to_owned(),
            labels => format!("with {}", labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")),
        };
        let namespace = match &self.namespace_labels {
            Some(labels) => format!("a new namespace {}", with(labels)),
            None => format!("namespace {}", self.namespace),
        };
        format!("a new pod {} in {namespace}", with(&self.labels))
    }
}

impl Answer for Exposure {
    fn text(&self) -> String {
        let names = Names::new(&self.workloads);
        let mut text = unprotected(self, &names);
        for (direction, exposed) in self.directions() {
            let (heading, preposition) = match direction {
                Direction::Ingress => ("could reach", "from"),
                Direction::Egress => ("could be reached by", "to"),
            };
            let mut last = false;
            for Exposed { workloads, network, openings, .. } in exposed.iter().filter(|one| one.protection == Protection::Policies) {
                if !std::mem::replace(&mut last, true) {
                    let gap = if text.is_empty() { "" } else { "\n" };
                    let _ = writeln!(text, "{gap}pods that are not there yet {heading}");
                }
                let within = network.as_ref().map_or_else(String::new, |network| format!(", within {network}"));
                let _ = writeln!(text, "  {}{within}", names.words(workloads).join(", "));
                for opening in openings {
                    let _ = writeln!(text, "    {preposition} {}: {}", opening.peer, flow(opening));
                    for because in &opening.because {
                        let _ = writeln!(text, "      {}", reason(because));
                    }
                }
            }
        }
        if text.is_empty() { "nothing is open to pods that are not there yet\n".to_owned() } else { text }
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["workload", "direction", "protected", "peer", "traffic", "because"]);
        for (direction, exposed) in self.directions() {
            for Exposed { workloads, protection, openings, .. } in exposed {
                let names = workloads.iter().filter_map(|at| self.workloads.get(*at)).map(names::name);
                for (name, opening) in names.flat_map(|name| openings.iter().map(move |opening| (name.clone(), opening))) {
                    let protected = if *protection == Protection::Policies { "yes" } else { "no" };
                    let because = opening.because.iter().map(reason).collect::<Vec<_>>().join("; ");
                    let cells = [direction.name(), protected].map(str::to_owned);
                    let [direction, protected] = cells;
                    table.row([name, direction, protected, opening.peer.to_string(), flow(opening), because]);
                }
            }
        }
        // Those without protection first, as in the text.
        table.rows.sort_by_cached_key(|row| (row.get(2).cloned(), row.clone()));
        table
    }

    fn map(&self) -> Map {
        let openings = self.directions().into_iter().flat_map(|(direction, exposed)| {
            let openings = exposed.iter().flat_map(|one| one.openings.iter().map(move |opening| (&one.workloads, opening)));
            openings.map(move |(workloads, opening)| {
                let (ours, theirs) = (Side::Workloads(workloads.clone()), Side::Outside(vec![opening.peer.to_string()]));
                let (from, to) = if direction == Direction::Ingress { (theirs, ours) } else { (ours, theirs) };
                (from, to, opening)
            })
        });
        let open: Vec<_> = openings.filter(|(.., one)| !one.traffic.is_none() || !one.named_ports.is_empty()).collect();
        let pairs: Vec<_> = open.iter().map(|(from, to, _)| (from, to)).collect();
        let sides = Sides::new(&self.workloads, &[]);
        let mut picture = Picture::new("What is open to pods that are not there yet", &sides, &pairs, Some(&BTreeSet::new()));
        for (from, to, opening) in &open {
            let facts: Vec<_> = opening.because.iter().map(reason).collect();
            let drawn = picture.map.ways.len();
            picture.ways(from, to, &opening.traffic, WayState::Open, &facts);
            picture.map.ways.iter_mut().skip(drawn).for_each(|way| way.label = flow(opening));
        }
        // Short on the map, whole beside it.
        let peers: BTreeMap<String, _> = open.iter().map(|(.., opening)| (opening.peer.to_string(), &opening.peer)).collect();
        for place in picture.map.places.iter_mut().filter(|place| place.kind == PlaceKind::Outside) {
            if let Some(peer) = peers.get(&place.label) {
                place.label = peer.pods.clone().unwrap_or_else(|| "any pod".to_owned());
                place.caption = peer.namespace_words();
                place.facts.push("not there yet".to_owned());
            }
        }
        picture.map
    }
}

/// Who is protected by no policy, by direction.
fn unprotected(exposure: &Exposure, names: &Names<'_>) -> String {
    let mut open: BTreeMap<usize, (bool, bool, bool)> = BTreeMap::new();
    for (direction, exposed) in exposure.directions() {
        for one in exposed.iter().filter(|one| one.protection != Protection::Policies) {
            for at in &one.workloads {
                let (inward, outward, on_node) = open.entry(*at).or_default();
                *if direction == Direction::Ingress { inward } else { outward } = true;
                *on_node = one.protection == Protection::NodeNetwork;
            }
        }
    }
    let mut alike: BTreeMap<(bool, bool, bool), Vec<usize>> = BTreeMap::new();
    for (at, (inward, outward, on_node)) in open {
        // In both directions first, those that no policy could help last.
        alike.entry((on_node, !(inward && outward), !inward)).or_default().push(at);
    }
    let mut text = String::new();
    for ((on_node, is_one, is_out), workloads) in alike {
        let heading = match (on_node, is_one, is_out) {
            (true, ..) => "on the network of their node, where no policy is about them",
            (false, false, _) => "protected by no policy",
            (false, true, false) => "protected by no policy against what comes in",
            (false, true, true) => "held back by no policy in what goes out",
        };
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{heading}:");
        for word in names.words(&workloads) {
            let _ = writeln!(text, "  {word}");
        }
    }
    text
}

/// What may flow, with the ports that only have names.
fn flow(opening: &Opening) -> String {
    let named = opening.named_ports.iter().map(|name| format!("{name} (a named port)"));
    let numbers = (!opening.traffic.is_none()).then(|| opening.traffic.to_string());
    let words: Vec<_> = numbers.into_iter().chain(named).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join("; ") }
}

/// `NetworkPolicy shop/web, rule 2, allows TCP 80 (web.yaml:12)`
fn reason(because: &Because) -> String {
    let Because { policy, rule, action, traffic } = because;
    let (Some(policy), Some(rule)) = (policy, rule) else {
        let what = if traffic.is_all() { String::new() } else { format!(" about {traffic}") };
        return format!("no rule decides{what}: it passes");
    };
    let what = if traffic.is_none() { "a named port".to_owned() } else { traffic.to_string() };
    format!("{policy}, {rule}, {} {what} ({})", action.verb(), rule.place)
}

impl Answer for OfPod {
    fn text(&self) -> String {
        let sides = Sides::new(&self.listing.workloads, &self.listing.entrances);
        let mut text = format!("{}\n", self.described);
        let directions = [
            (Direction::Egress, "could reach", "could reach nothing"),
            (Direction::Ingress, "could be reached by", "could be reached by nothing"),
        ];
        for (direction, heading, nothing) in directions {
            if self.direction.is_some_and(|wanted| wanted != direction) {
                continue;
            }
            let outward = direction == Direction::Egress;
            let mut inside: BTreeMap<(&Traffic, &[Because]), BTreeSet<usize>> = BTreeMap::new();
            let mut others = Vec::new();
            for (Connection { from, to, traffic }, because) in self.listing.connections.iter().zip(&self.because) {
                let (pod, peer) = if outward { (from, to) } else { (to, from) };
                match peer {
                    _ if !matches!(pod, Side::Workloads(list) if list.contains(&self.pod)) => {}
                    Side::Workloads(list) => {
                        inside.entry((traffic, because)).or_default().extend(list.iter().filter(|at| **at != self.pod));
                    }
                    other => others.push(format!("{}: {traffic}", sides.words(other))),
                }
            }
            let inside = inside.into_iter().filter(|(_, list)| !list.is_empty()).map(|((traffic, because), list)| {
                let list: Vec<_> = list.into_iter().collect();
                let mut line = format!("{}: {traffic}", sides.names.words(&list).join(", "));
                line.extend(because.iter().map(|because| format!("\n      {}", reason(because))));
                line
            });
            let mut lines: Vec<_> = inside.collect();
            lines.sort();
            lines.extend(others);
            let _ = writeln!(text, "  {}", if lines.is_empty() { nothing } else { heading });
            for line in lines {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        self.listing.table()
    }

    fn map(&self) -> Map {
        let mut map = self.listing.map();
        map.title.clone_from(&self.described);
        map
    }
}
