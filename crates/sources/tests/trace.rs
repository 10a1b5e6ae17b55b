//! From what was rendered back to charts and kustomizations. What a renderer would write is given as text.

#![cfg(test)]

use plimsoll_model::{Limits, Origin, PatchOp, Source, parse};
use plimsoll_sources::trace::{Place, Tracer};
use serde_json::json;
use std::fs;
use std::path::Path;
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

/// `file:line key: suggestion` of each place, with paths below `root`.
fn told(root: &Path, places: Vec<Place>) -> Vec<String> {
    let relative = |text: &str| text.replace(&format!("{}/", root.display()), "");
    let one = |place: Place| {
        let key = place.key.map(|key| format!(" {key}")).unwrap_or_default();
        relative(&format!("{}:{}{key}: {}", place.file.display(), place.line, place.suggestion))
    };
    places.into_iter().map(one).collect()
}

/// The places of a patch of the last object of `rendered`.
fn places(root: &Path, name: &str, rendered: &str, patch: &[PatchOp]) -> Vec<String> {
    let source = Source::new(format!("{}/{name}", root.display()), Origin::Rendered, rendered);
    let (documents, problems) = parse(&source, Limits::default());
    assert!(problems.is_empty(), "{problems:?}");
    let object = documents.last().unwrap().objects().0.pop().unwrap();
    told(root, Tracer::default().places(&object, patch))
}

const DEPLOYMENT: &str = "{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Chart.Name }}
  labels:
    {{- include \"app.labels\" . | nindent 4 }}
spec:
  template:
    spec:
      hostNetwork: true
      {{- with .Values.podSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: web
          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          env:
          - name: A
          {{- toYaml .Values.env | nindent 10 }}
        - name: log
          securityContext:
            {{- toYaml .Values.log.securityContext | nindent 12 }}
{{- end }}
---
apiVersion: v1
kind: Service
spec:
  type: {{ $.Values.service.type | quote }}
";
const VALUES: &str = "enabled: true\nimage:\n  repository: nginx\n  pullPolicy: IfNotPresent\npodSecurityContext: {}\nlog:\n  securityContext: {}\nservice:\n  type: NodePort\n";
const RENDERED: &str = "---
# Source: app/templates/all.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels:
    team: a
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - name: web
          image: \"nginx:1.0\"
          imagePullPolicy: IfNotPresent
        - name: log
          securityContext:
            {}
";

#[test]
fn charts() {
    let helpers = "{{/* Labels */}}\n{{- define \"app.labels\" -}}\nteam: a\n{{- end }}\n";
    let tree = directory(&[("app/templates/all.yaml", DEPLOYMENT), ("app/templates/_helpers.tpl", helpers), ("app/values.yaml", VALUES)]);
    let told = |patch: PatchOp| places(tree.path(), "app (helm)", RENDERED, &[patch]);
    let pod = "/spec/template/spec";
    assert_eq!(
        told(PatchOp::replace(format!("{pod}/containers/0/imagePullPolicy"), "Always")),
        ["app/values.yaml:4 image.pullPolicy: set `image.pullPolicy` to `\"Always\"`"]
    );
    assert_eq!(
        told(PatchOp::add(format!("{pod}/containers/1/securityContext/capabilities"), json!({"drop": ["ALL"]}))),
        ["app/values.yaml:7 log.securityContext.capabilities.drop: set `log.securityContext.capabilities.drop` to `[\"ALL\"]`"]
    );
    // A block that is not rendered as long as the value is empty.
    assert_eq!(
        told(PatchOp::add(format!("{pod}/securityContext"), json!({"runAsNonRoot": true}))),
        ["app/values.yaml:5 podSecurityContext.runAsNonRoot: set `podSecurityContext.runAsNonRoot` to `true`"]
    );
    assert_eq!(
        told(PatchOp::replace(format!("{pod}/containers/0/image"), "r/nginx:1.0")),
        [
            "app/values.yaml:3 image.repository: change `image.repository` so that app/templates/all.yaml:18 renders `\"r/nginx:1.0\"`",
            "app/values.yaml:2 image.tag: change `image.tag` so that app/templates/all.yaml:18 renders `\"r/nginx:1.0\"`"
        ]
    );
    // What no value decides.
    assert_eq!(told(PatchOp::remove(format!("{pod}/hostNetwork"))), ["app/templates/all.yaml:11: remove `hostNetwork`"]);
    assert_eq!(
        told(PatchOp::add(format!("{pod}/containers/0/tty"), false)),
        ["app/templates/all.yaml:17: set `tty` below this line to `false`"]
    );
    assert_eq!(
        told(PatchOp::add("/metadata/labels/tier", "front")),
        [
            "app/templates/_helpers.tpl:2: set `metadata.labels.tier` in the helper `app.labels` to `\"front\"`",
            "app/templates/all.yaml:6: set `tier` below this line to `\"front\"`"
        ]
    );
    // Another object of the same template.
    let service = "---\n# Source: app/templates/all.yaml\napiVersion: v1\nkind: Service\nspec:\n  type: NodePort\n";
    assert_eq!(
        places(tree.path(), "app (helm)", service, &[PatchOp::replace("/spec/type", "ClusterIP")]),
        ["app/values.yaml:9 service.type: set `service.type` to `\"ClusterIP\"`"]
    );
}

#[test]
fn subcharts_take_their_values_from_the_chart() {
    let service = "apiVersion: v1\nkind: Service\nspec:\n  type: {{ .Values.type }}\n";
    let tree = directory(&[("app/charts/db/templates/s.yaml", service), ("app/values.yaml", "db:\n  type: NodePort\n")]);
    let rendered = "# Source: app/charts/db/templates/s.yaml\napiVersion: v1\nkind: Service\nspec:\n  type: NodePort\n";
    let patch = [PatchOp::replace("/spec/type", "ClusterIP")];
    assert_eq!(places(tree.path(), "app (helm)", rendered, &patch), ["app/values.yaml:2 db.type: set `db.type` to `\"ClusterIP\"`"]);
    // An archive cannot be looked into, and a path that leads out of the chart is none.
    let packed = rendered.replace("charts/db", "charts/kv");
    assert_eq!(
        places(tree.path(), "app (helm)", &packed, &patch),
        ["app/values.yaml:0 kv: the template is in an archive; see which of the subchart's values it reads"]
    );
    assert_eq!(places(tree.path(), "app (helm)", &rendered.replace("charts/db", ".."), &patch), Vec::<String>::new());
}

#[test]
fn kustomizations() {
    let base = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        args: [a]\n";
    let tree = directory(&[
        ("base/kustomization.yaml", "resources:\n- web.yaml\n"),
        ("base/web.yaml", base),
        ("prod/kustomization.yaml", "namePrefix: prod-\nresources:\n- ../base\npatches: []\n"),
    ]);
    let rendered = base.replace("name: web\nspec", "name: prod-web\nspec");
    let told = |patch: PatchOp| places(tree.path(), "prod (kustomize)", &rendered, &[patch]);
    let context = "/spec/template/spec/containers/0/securityContext";
    assert_eq!(
        told(PatchOp::add(context, json!({"privileged": false}))),
        [
            "prod/kustomization.yaml:4: add to `patches`:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: web\n    spec:\n      template:\n        spec:\n          containers:\n          - name: web\n            securityContext:\n              privileged: false\n".to_owned(),
            format!("base/web.yaml:9: or set `{context}` to `{{\"privileged\":false}}` here, for all that build on it"),
        ]
    );
    // A list without keys to merge by is changed by its place.
    assert_eq!(
        told(PatchOp::remove("/spec/template/spec/containers/0/args/0"))[0],
        "prod/kustomization.yaml:4: add to `patches`:\n- target:\n    group: apps\n    kind: Deployment\n    name: web\n  patch: |-\n    - {\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/args/0\"}\n"
    );
}
