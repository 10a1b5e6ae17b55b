//! What the fuzz targets do: untrusted bytes through every reader, and what must hold whatever they are.

mod audit;
mod flows;
mod network;

pub use audit::{audit_events, audit_log};
pub use flows::flows;
pub use network::network;

use plimsoll_checks::{Assessment, Parameters};
use plimsoll_detect::condition::{self, EventSet};
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::{Context, Stream, Syscalls};
use plimsoll_detect::fields::{Catalogue, Facts, Field};
use plimsoll_detect::filter::{Filter, Glob, PathPrefixMap, Pattern};
use plimsoll_detect::format::Format;
use plimsoll_detect::rules::{self, Diagnostic, Sources};
use plimsoll_detect::state;
use plimsoll_model::edit::{apply, edits, patch_json};
use plimsoll_model::events::{EventFlags, EventType, OwnedEvent, schema};
use plimsoll_model::{
    Config, Document, Finding, Inventory, Limits, Node, Object, Origin, PatchOp, Problem, Snapshot, Source, WorkloadKinds, parse,
};
use plimsoll_pod_security::{Admission, Configuration, Level, State, Version, assess, evaluate};
use plimsoll_policy::benchmark::host::{Failure, FileKind, Metadata, Process};
use plimsoll_policy::benchmark::{self, Benchmark, Host};
use plimsoll_policy::cel::{Environment, Limits as CelLimits, Program, Value};
use plimsoll_policy::{Policies, Request, World};
use plimsoll_sources::capture::{Item, Options, Reader, Writer};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// Small enough that a fuzzer reaches them.
const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 60, expansion: 2000 };

fn source(data: &[u8]) -> Arc<Source> {
    Source::new("fuzz", Origin::File, String::from_utf8_lossy(data))
}

fn check_problems(problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.message.is_empty());
        if let Some(location) = &problem.location {
            assert!(location.span.end as usize <= location.source.text.len());
            assert!(location.start() <= location.end());
        }
    }
}

fn check_node(node: Node<'_>) {
    let text = &node.document().source.text;
    assert!(text.get(node.span().range()).is_some(), "a span is not on letters: {:?}", node.span());
    for (key, value) in node.entries() {
        assert!(text.get(key.span().range()).is_some());
        check_node(value);
    }
    node.items().for_each(check_node);
}

/// Text to documents: spans fit the text, pointers lead back, JSON can be made.
pub fn documents(data: &[u8]) {
    let source = source(data);
    if let Some(Err(difference)) = plimsoll_model::compare_readers(&source.text) {
        panic!("the readers of YAML disagree: {difference}");
    }
    let (documents, problems) = parse(&source, LIMITS);
    check_problems(&problems);
    for root in documents.iter().filter_map(Document::root) {
        check_node(root);
        let deepest =
            std::iter::successors(Some(root), |node| node.entries().next().map(|(_, value)| value).or_else(|| node.items().next())).last();
        if let Some(node) = deepest {
            assert_eq!(root.resolve(&node.pointer()), Some(node));
        }
        // JSON of a document reads as the same JSON.
        let json = root.to_json();
        let (again, _) = parse(&Source::new("again", Origin::File, json.to_string()), Limits::default());
        if json.is_object() || json.is_array() {
            assert_eq!(again.first().and_then(Document::root).map(Node::to_json), Some(json));
        }
    }
    for document in &documents {
        let (_, problems) = document.inline_exceptions();
        check_problems(&problems);
    }
}

/// Documents to workloads to verdicts: verdict and places agree at every version, and never panic.
pub fn workloads(data: &[u8]) {
    let (documents, _) = parse(&source(data), LIMITS);
    let kinds = WorkloadKinds::default();
    for document in &documents {
        let (objects, mut problems) = document.objects();
        for object in objects {
            let Some(workload) = kinds.read(object, &mut problems) else { continue };
            for version in [Version::Minor(0), Version::Minor(24), Version::Latest] {
                for check in plimsoll_pod_security::checks() {
                    let forbidden = check.forbid(&workload.pod, version.effective()).is_some();
                    assert_eq!(forbidden, !check.violations(&workload.pod, version.effective()).is_empty(), "{}", check.id);
                }
                let baseline = evaluate(&workload.pod, Level::Baseline.at(version)).is_empty();
                assert!(
                    baseline || !evaluate(&workload.pod, Level::Restricted.at(version)).is_empty(),
                    "restricted allows what baseline forbids"
                );
            }
            let workload = workload.with_defaults();
            assert_eq!(
                assess(&workload, Version::Latest, None).is_empty(),
                evaluate(&workload.pod, Level::Restricted.at(Version::Latest)).is_empty()
            );
        }
        check_problems(&problems);
    }
}

/// An AdmissionReview: an answer that is JSON, or problems.
pub fn review(data: &[u8]) {
    let snapshot = Snapshot::default();
    let state = State::of(snapshot.objects().0, &mut Vec::new());
    match plimsoll_pod_security::review(&source(data), &Admission::default(), &state, &mut || true) {
        Ok((answer, _)) => assert!(serde_json::from_str::<serde_json::Value>(&answer).is_ok()),
        Err(problems) => {
            assert!(!problems.is_empty());
            check_problems(&problems);
        }
    }
}

/// Both kinds of configuration.
pub fn config(data: &[u8]) {
    let source = source(data);
    let (_, problems) = Config::read(&source);
    check_problems(&problems);
    if let Err(problems) = Configuration::read(&source) {
        assert!(!problems.is_empty());
        check_problems(&problems);
    }
}

/// Cures made in text: refused, or exactly the patched object.
pub fn edit(data: &[u8]) {
    let source = source(data);
    let (documents, _) = parse(&source, LIMITS);
    let kinds = WorkloadKinds::default();
    for document in &documents {
        for object in document.objects().0 {
            let Some(workload) = kinds.read(object, &mut Vec::new()) else { continue };
            let cures = assess(&workload, Version::Latest, None).into_iter().filter_map(|finding| finding.remediation);
            let patch: Vec<PatchOp> = cures.flat_map(|cure| cure.patch).collect();
            let Ok(changes) = edits(&object, &patch) else { continue };
            let text = apply(&source.text, &changes).expect("accepted edits fit");
            let mut wanted = object.node.to_json();
            patch_json(&mut wanted, &patch).expect("accepted patches fit");
            let (after, _) = parse(&Source::new("after", Origin::File, text), Limits::default());
            let found = after.iter().flat_map(|document| document.objects().0).any(|object| object.node.to_json() == wanted);
            assert!(found, "the change says something else");
        }
    }
}

/// Bytes as an expression, and as policies that judge themselves: failures stand within the text, and nothing panics.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let limits = CelLimits { expression: 20_000, policy: 100_000 };
    match Program::compile(&text, &["object"]) {
        Ok(program) => {
            let object = serde_json::json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "ports": [1, null]}]}});
            let environment = Environment::new(vec![("object", Value::from(&object))], limits);
            if let Err(failure) = program.evaluate(&environment) {
                assert!(failure.at.end <= text.len(), "a failure is outside of the text");
            }
        }
        Err(failure) => assert!(text.get(failure.at.clone()).is_some(), "a failure is not on letters: {failure:?}"),
    }
    let (documents, _) = parse(&source(data), LIMITS);
    let (policies, problems) = Policies::read(&documents, &[]);
    check_problems(&problems);
    let objects: Vec<serde_json::Value> =
        documents.iter().flat_map(|document| document.objects().0).map(|object| object.node.to_json()).collect();
    let world = World::new(objects.iter().collect());
    for object in &objects {
        policies.judge(&Request::create(object), &world);
    }
}

/// Documents through every posture check and through pod security; see [`judge`].
pub fn posture(data: &[u8]) {
    judge(&String::from_utf8_lossy(data), &Parameters::default());
}

/// What all posture checks say of `text`: the same whenever they are asked, each finding at a place that is there, each
/// patch one that can be made, each input counted once.
pub fn judge(text: &str, parameters: &Parameters) -> Assessment {
    let (documents, _) = parse(&Source::new("fuzz", Origin::File, text), LIMITS);
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    check_problems(&inventory.problems);
    let look = || plimsoll_checks::assess(&inventory, parameters);
    let assessment = look();
    let again = look();
    assert_eq!(assessment.findings.iter().map(words).collect::<Vec<_>>(), again.findings.iter().map(words).collect::<Vec<_>>());
    for (check, (tally, again)) in plimsoll_checks::checks().iter().zip(assessment.tallies.iter().zip(&again.tallies)) {
        assert_eq!((tally.evaluated, tally.failed, &tally.unknown), (again.evaluated, again.failed, &again.unknown), "{}", check.id);
        assert!(tally.failed + tally.unknown.len() <= tally.evaluated, "{} decides more than it looks at", check.id);
    }
    for finding in &assessment.findings {
        check_finding(finding, &inventory.objects);
    }
    for workload in inventory.own_workloads() {
        for finding in assess(workload, Version::Latest, None) {
            check_finding(&finding, std::slice::from_ref(&workload.object));
        }
    }
    assessment
}

/// What a finding says, and where.
fn words(finding: &Finding) -> (&str, String, &str, Option<u32>) {
    let at = finding.location.as_ref().map(|place| place.span.start);
    (&finding.rule.id, format!("{:?}", finding.subject), &finding.message, at)
}

fn check_finding(finding: &Finding, objects: &[Object<'_>]) {
    let id = &finding.rule.id;
    assert!(!finding.message.is_empty(), "{id} says nothing");
    let place = finding.location.as_ref().unwrap_or_else(|| panic!("{id} has no place"));
    assert!(place.source.text.get(place.span.range()).is_some(), "{id} points beside the text");
    let Some(cure) = finding.remediation.as_ref().filter(|cure| !cure.patch.is_empty()) else { return };
    // The object that the place is in is the one that the patch is of.
    let within = |object: &&Object<'_>| {
        let span = object.node.span();
        span.start <= place.span.start && place.span.end <= span.end
    };
    for object in objects.iter().filter(within).filter(|object| object.id() == *finding.subject.object) {
        let mut json = object.node.to_json();
        if let Err(path) = patch_json(&mut json, &cure.patch) {
            panic!("{id} patches `{path}`, which is not there: {:?}", cure.patch);
        }
    }
}

/// A table of `/proc/net` to listening ports: whatever stands there, addresses are addresses.
pub fn ports(data: &[u8]) {
    let table = String::from_utf8_lossy(data);
    for transport in ["tcp", "udp"] {
        for row in plimsoll_sources::host::listening(transport, &table) {
            let address = row["localAddress"].as_str().unwrap_or_default();
            assert!(address.parse::<std::net::IpAddr>().is_ok(), "{address}");
            assert!(row["localPort"].as_u64().is_some_and(|port| port <= 65_535));
        }
    }
}

/// A machine with a file, a directory and a process.
struct Machine {
    processes: Vec<Process>,
}

impl Host for Machine {
    fn name(&self) -> &str {
        "node"
    }

    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn environment(&self, _: u32) -> Result<Vec<String>, Failure> {
        Ok(vec!["A=b".to_owned()])
    }

    fn stat(&self, path: &str, _: bool) -> Result<Metadata, Failure> {
        let kind = match path.trim_end_matches('/') {
            "" | "/etc" => FileKind::Directory,
            "/etc/a" => FileKind::File,
            _ => return Err(Failure::Missing),
        };
        let name = || "root".to_owned();
        Ok(Metadata { kind, mode: 0o644, uid: 0, gid: 0, user: name(), group: name(), size: 5 })
    }

    fn read(&self, path: &str) -> Result<String, Failure> {
        if path == "/etc/a" { Ok("a: b\n".to_owned()) } else { Err(Failure::Missing) }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        match path.trim_end_matches('/') {
            "" => Ok(vec!["etc".to_owned()]),
            "/etc" => Ok(vec!["a".to_owned()]),
            _ => Err(Failure::Missing),
        }
    }

    fn journal(&self, _: &[String]) -> Result<String, Failure> {
        Err(Failure::Missing)
    }
}

/// Bytes as an audit, and as a benchmark with its configuration: every check is decided or not, once, and nothing panics.
pub fn audits(data: &[u8]) {
    let node = Machine {
        processes: vec![Process { pid: 7, name: "kubelet".to_owned(), arguments: vec!["kubelet".to_owned()], ..Process::default() }],
    };
    let text = String::from_utf8_lossy(data);
    let item = serde_json::json!({"flag": "a", "path": "{.a}", "env": "A", "compare": {"op": "eq", "value": "b"}});
    let check = serde_json::json!({"id": 1, "audit": text, "tests": {"test_items": [item]}});
    let audit = serde_json::json!({"groups": [{"id": 1, "checks": [check]}]}).to_string();
    let objects = [serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}})];
    for source in [Source::new("audit", Origin::File, audit), source(data)] {
        let (configuration, problems) = benchmark::Configuration::read(std::slice::from_ref(&source));
        check_problems(&problems);
        let (benchmark, problems) = Benchmark::read("fuzz", &[source], configuration);
        check_problems(&problems);
        let assessment = benchmark.assess(&node, Some(&objects));
        assert!(assessment.evaluated.len() + assessment.unknown.len() <= benchmark.rules().count());
        assert!(assessment.findings.iter().all(|finding| assessment.evaluated.iter().any(|rule| rule.id == finding.rule.id)));
        let survey = benchmark.survey(&node);
        assert_eq!(survey.automated, survey.understood + survey.not_understood.len());
    }
}

/// A text as a condition of a rule: an error stands within the text; a tree can be printed, resolved with itself as a macro, and leaves
/// with its opposite no event type out.
pub fn conditions(data: &[u8]) {
    let expr = match condition::parse_with(data, condition::Options::RULES) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(error.at.offset as usize <= data.len() && !error.message.is_empty());
            return;
        }
    };
    let printed = condition::print(&expr);
    // Printed, it holds more parentheses, so it may be too deep; and commas in values are not quoted, as upstream.
    let _ = condition::parse_with(&printed, condition::Options::RULES);
    let resolved = condition::resolve_macros(&expr, |name| (name.len() == 1).then_some(&expr));
    assert!(resolved.errors.len() <= resolved.unknown.len() + 1);
    let opposite = condition::Node { at: expr.at, it: condition::Expr::Not(Box::new(expr.clone())) };
    if let (Ok(one), Ok(other)) = (condition::event_types(&expr, &["container"]), condition::event_types(&opposite, &["container"])) {
        assert_eq!(one.or(other), EventSet::all());
    }
    if let Ok((operand, length)) = condition::parse_operand(data) {
        assert!(length <= data.len());
        let _ = condition::print_operand(&operand.it);
    }
}

/// Bytes as patterns, paths and texts in quotes: what is put in quotes comes out again, and a path covers itself and what is below it.
pub fn patterns(data: &[u8]) {
    let _ = condition::unescape(data);
    let escaped = condition::escape(data);
    assert!(escaped == data || condition::unescape(&escaped).as_deref() == Ok(data));
    let mut lines = data.split(|byte| *byte == b'\n');
    let text = lines.next().unwrap_or_default();
    let mut map = PathPrefixMap::default();
    for line in lines {
        let _ = Glob::new(line, true).matches(text);
        map.insert(line, line);
        let _ = map.get(text);
        if !line.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            assert!(map.get(line).is_some() && map.get(&[line, b"/", text].concat()).is_some());
        }
    }
    let _ = map.to_string();
}

/// Every field, with arguments of all kinds.
static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let named = |info: &plimsoll_detect::fields::FieldInfo| {
        [None, Some("0"), Some("2"), Some("PATH")].into_iter().filter_map(|arg| Syscalls.resolve(info.name, arg).ok()).collect::<Vec<_>>()
    };
    let mut fields: Vec<Field> = Syscalls.all().iter().flat_map(named).collect();
    let params: BTreeSet<&str> = schema().iter().flat_map(|info| &info.params).map(|param| param.name).collect();
    let dotted = params.iter().flat_map(|param| [format!("evt.arg.{param}"), format!("evt.rawarg.{param}")]);
    let others = ["evt.abspath.dst", "evt.type.is.openat", "evt.type.is.3", "thread.cgroup.memory"].map(str::to_owned);
    fields.extend(dotted.chain(others).filter_map(|name| Syscalls.resolve(&name, None).ok()));
    fields
});

/// Bytes as events: a type, a thread, and the parameters, each behind its length. Any field can be asked of any of them.
pub fn fields(data: &[u8]) {
    let (mut rest, mut state, mut stream) = (data, state::State::default(), Stream::default());
    while let [low, high, tid, more @ ..] = rest {
        let kind = EventType(u16::from_le_bytes([*low, *high]) % 460);
        let mut event = OwnedEvent::new(kind, u64::from(*low) << 56 | u64::from(*tid), i64::from(*tid) - 1);
        rest = more;
        for _ in 0..kind.info().params.len() {
            let Some((length, more)) = rest.split_first() else { break };
            let (param, more) = more.split_at(more.len().min((*length).into()));
            event.push(param);
            rest = more;
        }
        let event = event.view();
        state.apply(&event);
        let arena = bumpalo::Bump::new();
        let context = Context { event: &event, state: &state, stream: &stream, arena: &arena };
        for field in FIELDS.iter() {
            let mut values = Vec::new();
            context.extract(field, &mut values);
            assert!(field.info.list || field.arg.is_none() || values.len() <= 1, "{} has too many values", field.info.name);
            assert!(values.is_empty() || context.has(field), "{} has values and is not there", field.info.name);
        }
        stream.previous = Some(event.time);
        state.settle();
    }
}

/// A text as the output of a rule, and as a condition with the fields of system calls: what is accepted can be asked of an event that says
/// nothing, and printed of it.
pub fn outputs(data: &[u8]) {
    let arena = bumpalo::Bump::new();
    let text = String::from_utf8_lossy(data);
    match Format::compile(&text, &Syscalls) {
        Ok(format) => {
            let mut out = Vec::new();
            assert!(format.lenient().text(&Silence(&arena), &mut out));
        }
        Err(error) => assert!(error.at <= text.len() && !error.message.is_empty()),
    }
    if let Ok(expr) = condition::parse_with(data, condition::Options::RULES)
        && let Ok((filter, _)) = Filter::compile(&expr, &Syscalls)
    {
        filter.holds(&Silence(&arena));
    }
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    // Long ones take long to compile, as anywhere.
    let pattern = lines.next().filter(|pattern| pattern.len() < 4096).map(Pattern::new);
    if let (Some(Ok(pattern)), Some(text)) = (pattern, lines.next()) {
        let _ = pattern.matches(text);
    }
}

/// An event that says nothing.
struct Silence<'e>(&'e bumpalo::Bump);

impl<'e> Facts<'e> for Silence<'e> {
    fn extract(&self, _: &Field, _: &mut Vec<plimsoll_detect::Value<'e>>) {}

    fn arena(&self) -> &'e bumpalo::Bump {
        self.0
    }
}

/// A text as two rules files (parted where it says `%%%`): places fit the text, the same text gives the same answer, rules come only of
/// known sources, and each loads again by what it says of itself.
pub fn rules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let files: Vec<_> = text.splitn(2, "%%%").map(|part| Source::new("fuzz", Origin::File, part)).collect();
    let sources = Sources::new().with("syscall", &Syscalls).with("k8s_audit", &Audit);
    let loaded = rules::load(&files, sources.clone(), Vec::new());
    let lints = rules::lint(&loaded.rules, true);
    let problems: Vec<Problem> = loaded.diagnostics.0.iter().chain(&lints.0).map(Problem::from).collect();
    check_problems(&problems);
    let told = |diagnostics: &[Diagnostic]| diagnostics.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>();
    let again = rules::load(&files, sources, Vec::new());
    assert_eq!(told(&loaded.diagnostics.0), told(&again.diagnostics.0));
    for rule in &loaded.rules.rules {
        assert!(matches!(rule.source.as_str(), "syscall" | "k8s_audit"));
        assert!(!rule.name.is_empty() && rule.context.location().span.end as usize <= rule.context.location().source.text.len());
    }
    for one in &loaded.diagnostics.0 {
        let _ = one.quote();
    }
}

/// Bytes as a capture, and as blocks of events in one: reading ends, what is delivered is of the present schema, and what was read can be
/// written and read again.
pub fn capture(data: &[u8]) {
    capture_of(data);
    let mut framed = Vec::from(*b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0");
    for part in data.chunks(48) {
        let Some(([kind, cpu, tid], params)) = part.split_first_chunk::<3>() else { continue };
        // Few threads, so that entries meet exits, and parameters of eight bytes.
        let kind = (u16::from(*kind) * 2 + u16::from(cpu & 1)).to_le_bytes();
        let count = (params.len() / 8) as u32;
        let length = 26 + count * 10;
        let block = (12 + 2 + length).next_multiple_of(4);
        let start = framed.len();
        framed.extend(0x216_u32.to_le_bytes());
        framed.extend(block.to_le_bytes());
        framed.extend([*cpu, 0, 1, 0, 0, 0, 0, 0, 0, 0, tid % 4, 0, 0, 0, 0, 0, 0, 0]);
        framed.extend(length.to_le_bytes());
        framed.extend(kind);
        framed.extend(count.to_le_bytes());
        framed.extend((0..count).flat_map(|_| [8, 0]));
        framed.extend(params.iter().take(count as usize * 8));
        framed.resize(start + block as usize - 4, 0);
        framed.extend(block.to_le_bytes());
    }
    capture_of(&framed);
}

fn capture_of(data: &[u8]) {
    let mut raw = Reader::new(data, Options { raw: true });
    while raw.next().is_some() {}
    let mut reader = Reader::new(data, Options::default());
    let mut writer = Writer::new(Vec::new()).expect("memory takes everything");
    let mut kept = Vec::new();
    while let Some(item) = reader.next() {
        if let Item::Event(event) = item {
            let info = event.info();
            assert!(!info.flags.has(EventFlags::UNUSED), "{}", info.symbol);
            assert!(event.kind.is_enter() || !info.flags.has(EventFlags::OLD), "{}", info.symbol);
            if writer.event(&event).is_ok() {
                kept.push((event.time, event.tid, event.kind, event.params.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()));
            }
        }
    }
    let written = writer.finish().expect("memory takes everything");
    let mut again = Reader::new(&written[..], Options { raw: true });
    let mut read = Vec::new();
    while let Some(item) = again.next() {
        let Item::Event(event) = item else { panic!("{item:?}") };
        read.push((event.time, event.tid, event.kind, event.params.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()));
    }
    assert_eq!(kept, read, "writing and reading make a difference");
}
