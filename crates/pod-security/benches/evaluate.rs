//! Evaluation of a typical pod at every level, with allocations counted. `cargo bench -p plimsoll-pod-security`

#![expect(clippy::expect_used, reason = "a bench without its pod is no bench")]

use plimsoll_model::{Document, Limits, Origin, Pod, Source, WorkloadKinds, parse};
use plimsoll_pod_security::{Level, Version, aggregate_detail, assess, evaluate, strictest_by_version};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// An application with a sidecar and an init container, hardened: what admission sees most.
const RESTRICTED: &str = include_str!("typical.yaml");

fn documents(text: &str) -> Vec<Document> {
    parse(&Source::new("typical.yaml", Origin::File, text), Limits::default()).0
}

fn with_pod<T>(text: &str, run: impl FnOnce(&Pod<'_>) -> T) -> T {
    let documents = documents(text);
    let object = documents.first().map(|document| document.objects().0).and_then(|objects| objects.first().copied()).expect("an object");
    let workload = WorkloadKinds::default().read(object, &mut Vec::new()).expect("a workload");
    run(&workload.pod)
}

/// All restricted checks on a pod that passes.
#[divan::bench]
fn restricted_passes(bencher: divan::Bencher<'_, '_>) {
    with_pod(RESTRICTED, |pod| {
        assert!(evaluate(pod, Level::Restricted.at(Version::Latest)).is_empty());
        bencher.bench_local(|| evaluate(divan::black_box(pod), Level::Restricted.at(Version::Latest)));
    });
}

/// All baseline checks on a pod that passes.
#[divan::bench]
fn baseline_passes(bencher: divan::Bencher<'_, '_>) {
    with_pod(RESTRICTED, |pod| bencher.bench_local(|| evaluate(divan::black_box(pod), Level::Baseline.at(Version::Latest))));
}

/// All restricted checks on a pod without any securityContext, with the message of admission.
#[divan::bench]
fn restricted_fails(bencher: divan::Bencher<'_, '_>) {
    let bare: String = RESTRICTED.split("# hardening\n").step_by(2).collect();
    with_pod(&bare, |pod| {
        bencher.bench_local(|| aggregate_detail(&evaluate(divan::black_box(pod), Level::Restricted.at(Version::Latest))));
    });
}

/// The strictest level at each of the 38 versions.
#[divan::bench]
fn strictest_at_every_version(bencher: divan::Bencher<'_, '_>) {
    with_pod(RESTRICTED, |pod| bencher.bench_local(|| strictest_by_version(divan::black_box(pod))));
}

/// From text to findings.
#[divan::bench]
fn text_to_findings(bencher: divan::Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let documents = documents(divan::black_box(RESTRICTED));
        let object =
            documents.first().map(|document| document.objects().0).and_then(|objects| objects.first().copied()).expect("an object");
        let workload = WorkloadKinds::default().read(object, &mut Vec::new()).expect("a workload");
        assess(&workload, Version::Latest, None).len()
    });
}
