//! `plimsoll fix` as a user runs it: what is written, what is only offered, and that a second run has nothing to do.

#![cfg(test)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The only place that starts the binary: its status, standard output and standard error.
fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).current_dir(directory).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap(), out, err)
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn json(directory: &Path, arguments: &[&str]) -> Value {
    let (_, out, err) = run(directory, &[arguments, &["-o", "json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

fn certificate<'j>(report: &'j Value, id: &str) -> &'j Value {
    report["certificates"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap()
}

const WEB: &str = "# the shop's front
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels: {app: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.25
";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  type: NodePort\n  selector: {app: web}\n  ports:\n  - port: 80\n    nodePort: 30080\n";

#[test]
fn what_needs_evidence_is_tried_and_not_written() {
    let tree = directory(&[("web.yaml", WEB)]);
    let report = json(tree.path(), &["fix", "--apply", "--check", "NET-*", "--check", "PSS-allowPrivilegeEscalation"]);
    let offered = certificate(&report, "NET-no-policy");
    assert_eq!((&offered["status"], &offered["proof"]["cleared"]), (&"needs-evidence".into(), &true.into()), "{offered}");
    assert_eq!(offered["changes"][0]["object"]["metadata"]["name"], "default-deny");
    assert_eq!(offered["evidenceCommand"], "kubectl exec -n shop deployment/web -- cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp");
    let made = certificate(&report, "PSS-allowPrivilegeEscalation");
    assert_eq!((&made["status"], &made["proof"]["schema"]), (&"proved".into(), &"valid".into()), "{made}");
    assert_eq!(read(tree.path(), "web.yaml"), format!("{WEB}        securityContext:\n          allowPrivilegeEscalation: false\n"));
}

#[test]
fn objects_are_created_changed_and_deleted() {
    let nothing = "# scales what is gone\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: old, namespace: shop}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: old}\n";
    let files = [
        ("web.yaml", WEB),
        ("service.yaml", SERVICE),
        ("all.yaml", &format!("{SERVICE}---\n{nothing}").replace("name: web", "name: other")),
        ("old.yaml", nothing),
    ];
    let tree = directory(&files);
    let asked = ["fix", "--unsafe", "--delete", "--check", "NET-no-policy", "--check", "NET-exposed", "--check", "REL-autoscaler-target"];
    let (_, diff, _) = run(tree.path(), &[&asked[..], &["--diff"]].concat());
    assert!(diff.contains("-  type: NodePort\n+  type: ClusterIP"), "{diff}");
    let (status, out, err) = run(tree.path(), &[&asked[..], &["--apply"]].concat());
    assert_eq!(status, 0, "{out}{err}");
    let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: default-deny\n  namespace: shop\nspec:\n  podSelector: {}\n  policyTypes:\n  - Ingress\n  - Egress\n";
    assert_eq!(read(tree.path(), "web.yaml"), format!("{WEB}{policy}"));
    assert_eq!(read(tree.path(), "service.yaml"), SERVICE.replace("NodePort", "ClusterIP").replace("\n    nodePort: 30080", ""));
    assert!(!tree.path().join("old.yaml").exists());
    assert!(!read(tree.path(), "all.yaml").contains("Autoscaler"));
    assert!(run(tree.path(), &[&asked[..], &["--diff"]].concat()).1.is_empty());
}

/// Neighbours, and items of a list.
#[test]
fn several_objects_of_a_file_go() {
    let one = |name: &str| {
        format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}\n"
        )
    };
    let all = format!("{}---\n{}---\n{WEB}---\n{}", one("a"), one("b"), one("c"));
    let item = |name: &str| one(name).replace('\n', "\n  ").trim_end().to_owned();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n- {}\n", item("a"), item("web"), item("b"));
    let tree = directory(&[("all.yaml", &all), ("list.yaml", &list)]);
    // What is in the input is not all that there is: nothing is deleted that is not asked to be.
    run(tree.path(), &["fix", "--unsafe", "--apply", "--check", "REL-autoscaler-target"]);
    assert_eq!((read(tree.path(), "all.yaml"), read(tree.path(), "list.yaml")), (all.clone(), list.clone()));
    let (status, out, err) = run(tree.path(), &["fix", "--unsafe", "--delete", "--apply", "--check", "REL-autoscaler-target"]);
    assert_eq!(status, 0, "{out}{err}");
    assert_eq!(read(tree.path(), "all.yaml"), WEB);
    assert_eq!(read(tree.path(), "list.yaml"), format!("apiVersion: v1\nkind: List\nitems:\n- {}\n", item("web")));
}

/// Beside JSON, a new object gets a file of its own.
#[test]
fn json_files_get_neighbours() {
    let pod = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\", \"namespace\": \"n\"}, \"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"i:1\"}]}}\n";
    let tree = directory(&[("a/pod.json", pod)]);
    run(tree.path(), &["fix", "--unsafe", "--apply", "--check", "NET-no-policy"]);
    assert!(read(tree.path(), "a/networkpolicy-default-deny.yaml").starts_with("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"));
    assert_eq!(read(tree.path(), "a/pod.json"), pod);
}

#[test]
fn a_cure_that_leads_to_another_finding_is_not_made() {
    let orphan =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {app: web}\n  ports:\n  - port: 80\n";
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: in, namespace: shop}\nspec:\n  tls: [{secretName: t}]\n  defaultBackend: {service: {name: web, port: {number: 80}}}\n";
    let tree = directory(&[("service.yaml", orphan), ("ingress.yaml", ingress)]);
    let report =
        json(tree.path(), &["fix", "--unsafe", "--delete", "--apply", "--check", "REL-service-target", "--check", "REL-ingress-backend"]);
    let refused = certificate(&report, "REL-service-target");
    assert_eq!(refused["status"], "refused");
    assert_eq!(
        refused["why"],
        "the change would lead to another finding, REL-ingress-backend of Ingress shop/in: Service `web` is not there"
    );
    assert_eq!((read(tree.path(), "service.yaml"), read(tree.path(), "ingress.yaml")), (orphan.to_owned(), ingress.to_owned()));
}

#[test]
fn objects_move_to_the_namespace_that_is_chosen() {
    let config = "parameters:\n  target-namespace: shop\n";
    let at_home = |text: &str| text.replace("  namespace: shop\n", "").replace(", namespace: shop", ", namespace: default");
    let tree = directory(&[("plimsoll.yaml", config), ("web.yaml", &at_home(WEB)), ("service.yaml", &at_home(SERVICE))]);
    let report = json(tree.path(), &["fix", "--unsafe", "--apply", "--check", "CLU-default-namespace", "--check", "NET-exposed"]);
    let left: Vec<_> = report["certificates"].as_array().unwrap().iter().filter(|one| one["status"] != "proved").collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(read(tree.path(), "service.yaml").contains("{name: web, namespace: shop}"));
    assert!(read(tree.path(), "web.yaml").contains("  namespace: shop\n"));
}

/// How many findings there are, by check, file and object. New objects are part of it.
fn counts(directory: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for finding in json(directory, &["scan"])["findings"].as_array().unwrap() {
        let subject = &finding["subject"];
        let key = format!("{} {} {} {}", finding["id"], finding["location"]["file"], subject["kind"], subject["name"]);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Over what the checks of workloads are tried on: no finding comes, and a second run changes nothing.
#[test]
fn no_finding_comes_and_a_second_run_has_nothing_to_do() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checks/fixtures");
    for name in ["network", "pod", "rbac"] {
        let tree = directory(&[]);
        for file in fs::read_dir(fixtures.join(name)).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, tree.path().join(file.file_name().unwrap())).unwrap();
        }
        let mut before = counts(tree.path());
        for options in [&[][..], &["--unsafe"]] {
            let apply = [&["fix", "--apply"], options].concat();
            let (_, out, err) = run(tree.path(), &apply);
            let after = counts(tree.path());
            let worse: Vec<_> = after.iter().filter(|(key, count)| before.get(*key).is_none_or(|known| known < *count)).collect();
            assert!(worse.is_empty(), "{name} {options:?}: {worse:?}\n{err}");
            assert!(after.values().sum::<usize>() < before.values().sum::<usize>(), "{out}");
            let (_, again, _) = run(tree.path(), &apply);
            assert!(again.ends_with("cured 0 findings in 0 files\n"), "{again}");
            before = after;
        }
    }
}

/// The patches that are given for an overlay, made by the program that renders it.
#[test]
fn patches_for_overlays_hold() {
    let on_path =
        |name: &str| std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|directory| directory.join(name).is_file());
    if !on_path("kubectl") && !on_path("kustomize") {
        return;
    }
    let overlay = "namePrefix: prod-\nresources:\n- ../base\n";
    let tree =
        directory(&[("base/kustomization.yaml", "resources:\n- web.yaml\n"), ("base/web.yaml", WEB), ("prod/kustomization.yaml", overlay)]);
    let report = json(tree.path(), &["fix", "--unsafe"]);
    let name = |one: &Value| format!("{} {}", one["id"], one["message"]);
    let (mut patches, mut wanted) = (String::new(), Vec::new());
    for one in report["certificates"].as_array().unwrap() {
        let mut suggestions = one["source"].as_array().into_iter().flatten().filter_map(|place| place["suggestion"].as_str());
        if let Some(patch) = suggestions.find_map(|suggestion| suggestion.strip_prefix("add to `patches`:\n")) {
            patches.push_str(patch);
            wanted.push(name(one));
        }
        assert!(one["status"] != "proved" || one["elsewhere"].is_string(), "{one}");
    }
    fs::write(tree.path().join("prod/kustomization.yaml"), format!("{overlay}patches:\n{patches}")).unwrap();
    let report = json(tree.path(), &["fix", "--unsafe"]);
    let left: Vec<String> = report["certificates"].as_array().unwrap().iter().map(name).collect();
    assert!(wanted.len() > 10 && !left.is_empty(), "{wanted:?} {left:?}");
    assert!(!wanted.iter().any(|one| left.contains(one)), "{wanted:?} {left:?}");
}
