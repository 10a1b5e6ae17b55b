//! Text to documents and workloads. `cargo bench -p plimsoll-model`

use plimsoll_model::{Limits, Origin, Source, WorkloadKinds, parse};

fn main() {
    divan::main();
}

const POD: &str = include_str!("../../pod-security/benches/typical.yaml");

/// A file of a hundred documents.
fn text() -> String {
    vec![POD; 100].join("---\n")
}

#[divan::bench]
fn yaml(bencher: divan::Bencher<'_, '_>) {
    let source = Source::new("pods.yaml", Origin::File, text());
    let bytes = source.text.len();
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench(|| parse(&source, Limits::default()).0.len());
}

#[divan::bench]
fn json(bencher: divan::Bencher<'_, '_>) {
    let yaml = Source::new("pods.yaml", Origin::File, text());
    let documents = parse(&yaml, Limits::default()).0;
    let lines: Vec<String> = documents.iter().filter_map(|document| Some(document.root()?.to_json().to_string())).collect();
    let source = Source::new("pods.json", Origin::File, lines.join("\n"));
    let bytes = source.text.len();
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench(|| parse(&source, Limits::default()).0.len());
}

#[divan::bench]
fn workloads(bencher: divan::Bencher<'_, '_>) {
    let documents = parse(&Source::new("pods.yaml", Origin::File, text()), Limits::default()).0;
    let kinds = WorkloadKinds::default();
    bencher.bench(|| {
        let objects = documents.iter().flat_map(|document| document.objects().0);
        objects.filter_map(|object| kinds.read(object, &mut Vec::new())).map(|workload| workload.pod.containers.len()).sum::<usize>()
    });
}
