//! Targets to snapshots: charts and kustomizations with made-up renderers, archives, snapshots, a made-up API server.

#![cfg(test)]

use kube::Client;
use kube::client::Body;
use plimsoll_model::{Document, Limits, Node, Origin};
use plimsoll_sources::cluster::{self, Lists, Page};
use plimsoll_sources::{Options, Target, load, snapshot};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// A directory with a program that runs `script`.
fn tool(name: &str, script: &str) -> TempDir {
    let directory = directory(&[(name, &format!("#!/bin/sh\n{script}\n"))]);
    fs::set_permissions(directory.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// Names of the documents' objects with where they came from, and the problems; paths below `root` are relative.
fn read(root: &Path, tools: Option<&TempDir>) -> (Vec<String>, Vec<String>) {
    let none = tempfile::tempdir().unwrap();
    let path = tools.unwrap_or(&none).path().as_os_str().to_owned();
    let options = Options { path: Some(path), ..Options::default() };
    let read = load(&[Target::Path(root.to_owned())], &options, std::io::empty());
    let relative = |text: &str| text.replace(&format!("{}/", root.display()), "");
    let name = |document: &Document| document.root().and_then(|root| root.at(&["metadata", "name"])).map_or("?", Node::text).to_owned();
    let documents = read
        .documents
        .iter()
        .map(|document| format!("{} {:?} {}", relative(&document.source.name), document.source.origin, name(document)));
    let problems =
        read.problems.iter().map(|problem| relative(&format!("{} {}: {}", problem.place(), problem.kind.name(), problem.message)));
    (documents.collect(), problems.collect())
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

#[test]
fn charts_are_rendered_or_said() {
    let tree = directory(&[
        ("app/Chart.yaml", "name: app\n"),
        ("app/values.yaml", "a: 1\n"),
        ("app/templates/pod.yaml", "{{ if .Values.a }}\nkind: Pod\n{{ end }}\n"),
        ("app/charts/db/Chart.yaml", "name: db\n"),
        ("app/charts/db/templates/x.yaml", "{{ broken\n"),
        ("plain.yaml", POD),
    ]);
    let (documents, problems) = read(tree.path(), None);
    assert_eq!(documents, ["plain.yaml File p"]);
    assert_eq!(problems, ["app not-rendered: a Helm chart, and `helm` is not on the PATH"]);

    let script = "[ \"$1\" = template ] && [ \"$2\" = app ] || exit 9\nprintf 'apiVersion: v1\\nkind: Pod\\nmetadata: {name: rendered}\\n'";
    let (documents, problems) = read(tree.path(), Some(&tool("helm", script)));
    assert_eq!(documents, ["plain.yaml File p", "app (helm) Rendered rendered"]);
    assert_eq!(problems, Vec::<String>::new());

    let (documents, problems) = read(tree.path(), Some(&tool("helm", "echo 'Error: values are wrong' >&2; exit 1")));
    assert_eq!(documents, ["plain.yaml File p"]);
    assert_eq!(problems, ["app (helm) not-rendered: `helm` failed: values are wrong"]);
}

#[test]
fn kustomizations_are_rendered_from_the_top() {
    let tree = directory(&[
        ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
        ("base/pod.yaml", POD),
        ("overlays/prod/kustomization.yaml", "resources: [../../base]\npatches:\n- path: patch.yaml\ncomponents: [../../component]\n"),
        ("overlays/prod/patch.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true}\n"),
        ("component/kustomization.yaml", "kind: Component\nresources: [extra.yaml]\n"),
        ("component/extra.yaml", POD),
        ("other.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: other}\n"),
    ]);
    let (documents, problems) = read(tree.path(), None);
    assert_eq!(documents, ["other.yaml File other"]);
    assert_eq!(problems, ["overlays/prod not-rendered: a kustomization, and neither `kubectl` nor `kustomize` is on the PATH"]);

    let script = "[ \"$1\" = kustomize ] || exit 9\nprintf 'apiVersion: v1\\nkind: Pod\\nmetadata: {name: built}\\n'";
    let (documents, problems) = read(tree.path(), Some(&tool("kubectl", script)));
    assert_eq!(documents, ["other.yaml File other", "overlays/prod (kustomize) Rendered built"]);
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn a_file_named_twice_is_read_once() {
    let tree = directory(&[("a.yaml", POD)]);
    let target = Target::Path(tree.path().join("a.yaml"));
    let read = load(&[target.clone(), target], &Options::default(), std::io::empty());
    assert_eq!(read.documents.len(), 1);
}

#[test]
fn what_is_wrong_with_a_glob_is_said() {
    let tree = directory(&[("a.yaml", POD)]);
    let options = Options { include: vec!["{a".to_owned()], ..Options::default() };
    let read = load(&[Target::Path(tree.path().to_owned())], &options, std::io::empty());
    assert!(read.problems[0].message.starts_with("`{a` is no glob: "), "{}", read.problems[0].message);
}

#[test]
fn members_of_archives_are_limited() {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, size) in [("small.yaml", 20), ("large.yaml", 200)] {
        let text = format!("a: {}\n", "x".repeat(size - 4));
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let bytes = archive.into_inner().unwrap();
    let options = Options { limits: Limits { bytes: 100, ..Limits::default() }, ..Options::default() };
    let read = load(&[Target::Stdin], &options, bytes.as_slice());
    assert_eq!(read.documents.len(), 1);
    assert_eq!((read.problems.len(), read.problems[0].place().as_str()), (1, "-:large.yaml"));
}

fn lists() -> Lists {
    let page = |resource: &str, name: &str| Page {
        resource: resource.to_owned(),
        text: format!("{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{{\"metadata\":{{\"name\":\"{name}\"}}}}]}}"),
    };
    Lists {
        server_version: "v1.36.0".to_owned(),
        pages: vec![page("pods", "a"), page("pods", "b")],
        unreadable: vec![("roles.rbac.authorization.k8s.io".to_owned(), "403 forbidden".to_owned())],
        secret_data: false,
    }
}

#[test]
fn snapshots_come_back_as_they_were() {
    let mut bytes = Vec::new();
    snapshot::write(&mut bytes, &lists(), "2026-01-01T00:00:00Z").unwrap();
    let mut again = Vec::new();
    snapshot::write(&mut again, &lists(), "2026-01-01T00:00:00Z").unwrap();
    assert_eq!(bytes, again, "the same lists give the same bytes");

    let tree = directory(&[]);
    fs::write(tree.path().join("s.tgz"), &bytes).unwrap();
    let check = |target: &Path| {
        let read = load(&[Target::Path(target.to_owned())], &Options::default(), std::io::empty());
        let names: Vec<_> = read.objects().0.iter().map(|object| (object.kind, object.name)).map(|(a, b)| format!("{a} {b}")).collect();
        assert_eq!(names, ["Pod a", "Pod b"]);
        let live = |document: &Document| document.source.origin == Origin::Live && document.source.name.ends_with(":pods");
        assert!(read.documents.iter().all(live));
        assert_eq!(read.problems.len(), 1);
        assert_eq!(read.problems[0].message, "`roles.rbac.authorization.k8s.io` could not be listed: 403 forbidden");
    };
    check(&tree.path().join("s.tgz"));
    // Unpacked, it is still one.
    tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice())).unpack(tree.path().join("unpacked")).unwrap();
    check(&tree.path().join("unpacked"));
}

/// Status and body of each answer to a path.
type Answers = BTreeMap<String, Vec<(u16, String)>>;

/// Answers by path with its query; each answer once, the last one for ever. What is asked for is written down.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn on(self, path: &str, answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(code, text)| (*code, (*text).to_owned())).collect();
        self.answers.lock().unwrap().insert(path.to_owned(), answers);
        self
    }

    /// The only place that makes a client and reads a cluster.
    fn read(&self, options: &cluster::Options) -> Result<Lists, cluster::Error> {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let path = request.uri().path_and_query().unwrap().to_string();
            server.asked.lock().unwrap().push(path.clone());
            let mut answers = server.answers.lock().unwrap();
            let (code, text) = match answers.get_mut(&path) {
                Some(several) if several.len() > 1 => several.remove(0),
                Some(last) => last[0].clone(),
                None => (404, status(404, "NotFound", &format!("nothing at {path}"))),
            };
            let response = http::Response::builder().status(code).body(Body::from(text.into_bytes())).unwrap();
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { cluster::read_with(&Client::new(service, "default"), options).await })
    }
}

fn status(code: u16, reason: &str, message: &str) -> String {
    format!(
        "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"{message}\",\"reason\":\"{reason}\",\"code\":{code}}}"
    )
}

fn server() -> Server {
    let group = |name: &str| {
        format!("{{\"name\":\"{name}\",\"preferredVersion\":{{\"groupVersion\":\"{name}/v1\",\"version\":\"v1\"}},\"versions\":[]}}")
    };
    let groups = format!("{{\"groups\":[{},{},{}]}}", group("apps"), group("rbac.authorization.k8s.io"), group("example.com"));
    let resource =
        |name: &str, kind: &str| format!("{{\"name\":\"{name}\",\"kind\":\"{kind}\",\"namespaced\":true,\"verbs\":[\"get\",\"list\"]}}");
    let resources = |all: &[(&str, &str)]| {
        let all: Vec<String> = all.iter().map(|(name, kind)| resource(name, kind)).collect();
        format!("{{\"kind\":\"APIResourceList\",\"resources\":[{}]}}", all.join(","))
    };
    Server::default()
        .on("/version", &[(200, "{\"gitVersion\":\"v1.36.1\"}")])
        .on("/apis", &[(200, &groups)])
        .on("/api/v1", &[(200, &resources(&[("pods", "Pod"), ("pods/log", "Pod"), ("secrets", "Secret"), ("events", "Event")]))])
        .on("/apis/apps/v1", &[(200, &resources(&[("deployments", "Deployment")]))])
        .on("/apis/rbac.authorization.k8s.io/v1", &[(503, "<html>try again</html>")])
        .on("/apis/example.com/v1", &[(200, &resources(&[("gizmos", "Gizmo")]))])
        .on("/apis/apps/v1/deployments?limit=500", &[(200, "{\"kind\":\"DeploymentList\",\"apiVersion\":\"apps/v1\",\"items\":[]}")])
}

fn page(next: &str, name: &str) -> String {
    format!(
        "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"continue\":\"{next}\"}},\"items\":[{{\"metadata\":{{\"name\":\"{name}\",\"managedFields\":[1]}}}}]}}"
    )
}

/// Resource and first name of every page.
fn names(lists: &Lists) -> Vec<String> {
    let name = |page: &Page| {
        let list: serde_json::Value = serde_json::from_str(&page.text).unwrap();
        assert!(list.pointer("/items/0/metadata/managedFields").is_none());
        let name = list.pointer("/items/0/metadata/name").and_then(|name| name.as_str()).unwrap_or("-").to_owned();
        format!("{} {name}", page.resource)
    };
    lists.pages.iter().map(name).collect()
}

#[test]
fn lists_are_read_page_by_page_and_kinds_fail_alone() {
    let server = server()
        .on("/api/v1/pods?limit=500", &[(200, &page("a/b=", "one"))])
        .on("/api/v1/pods?limit=500&continue=a%2Fb%3D", &[(200, &page("", "two"))]);
    let lists = server.read(&cluster::Options::default()).unwrap();
    assert_eq!(lists.server_version, "v1.36.1");
    assert_eq!(names(&lists), ["pods one", "pods two", "deployments.apps -"]);
    assert_eq!(lists.unreadable.len(), 1);
    assert_eq!(lists.unreadable[0].0, "rbac.authorization.k8s.io");
    let asked = server.asked.lock().unwrap();
    assert!(!asked.iter().any(|path| path.contains("secrets") || path.contains("gizmos") || path.contains("events")), "{asked:?}");
}

#[test]
fn a_list_that_expires_is_read_again_from_the_start() {
    let server = server()
        .on("/api/v1/pods?limit=500", &[(200, &page("t", "old")), (200, &page("u", "new"))])
        .on("/api/v1/pods?limit=500&continue=t", &[(410, &status(410, "Expired", "too old"))])
        .on("/api/v1/pods?limit=500&continue=u", &[(200, &page("", "last"))]);
    let lists = server.read(&cluster::Options::default()).unwrap();
    assert_eq!(names(&lists), ["pods new", "pods last", "deployments.apps -"]);
}

#[test]
fn a_forbidden_kind_is_a_problem_with_advice() {
    let server = server().on("/api/v1/pods?limit=500", &[(403, &status(403, "Forbidden", "pods is forbidden"))]);
    let lists = server.read(&cluster::Options::default()).unwrap();
    let problem = lists.problems().find(|problem| problem.message.contains("`pods`")).unwrap();
    assert_eq!(problem.message, "`pods` could not be listed: 403 pods is forbidden");
    assert!(problem.help.unwrap().starts_with("give the account `list`"));
}

#[test]
fn secrets_lose_their_values_and_custom_kinds_are_listed() {
    let secret = "{\"kind\":\"SecretList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"s\",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"hunter2\"}},\"data\":{\"password\":\"aHVudGVyMg==\"},\"stringData\":{\"x\":\"hunter2\"}}]}";
    let server = server()
        .on("/api/v1/namespaces/shop/pods?limit=500", &[(200, &page("", "p"))])
        .on("/api/v1/namespaces/shop/secrets?limit=500", &[(200, secret)])
        .on("/apis/apps/v1/namespaces/shop/deployments?limit=500", &[(200, "{\"items\":[]}")])
        .on("/apis/example.com/v1/namespaces/shop/gizmos?limit=500", &[(200, "{\"items\":[]}")]);
    let options = cluster::Options {
        namespace: Some("shop".to_owned()),
        secrets: true,
        kinds: vec![("example.com".to_owned(), "Gizmo".to_owned())],
        ..cluster::Options::default()
    };
    let lists = server.read(&options).unwrap();
    let text = &lists.pages.iter().find(|page| page.resource == "secrets").unwrap().text;
    assert!(text.contains("password") && !text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    assert!(lists.pages.iter().any(|page| page.resource == "gizmos.example.com"));
    let lists = server.read(&cluster::Options { secret_data: true, ..options }).unwrap();
    assert!(lists.pages.iter().any(|page| page.text.contains("aHVudGVyMg")));
}

#[test]
fn what_is_no_api_server_is_said() {
    let server = Server::default().on("/version", &[(200, "<html>hello</html>")]);
    let error = server.read(&cluster::Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("the API server cannot be asked: the answer is not what an API server sends"), "{error}");
}
