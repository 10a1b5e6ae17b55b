//! The fuzz targets on stable: seeds, mutated by a few thousand small changes each.

#![cfg(test)]

use plimsoll_fuzz_bodies as bodies;
use proptest::prelude::*;

const SEEDS: [&str; 29] = [
    include_str!("../../seeds/network/policies.yaml"),
    include_str!("../../seeds/rules/items.yaml"),
    include_str!("../../seeds/audit_log/lines.jsonl"),
    include_str!("../../seeds/audit_log/list.json"),
    include_str!("../../seeds/audit_log/eks.json"),
    include_str!("../../seeds/audit_log/aks.json"),
    include_str!("../../seeds/audit_log/gke.json"),
    include_str!("../../seeds/audit_events/pod.json"),
    include_str!("../../seeds/audit_events/role.json"),
    include_str!("../../seeds/flows/hubble.jsonl"),
    include_str!("../../seeds/flows/calico.json"),
    include_str!("../../seeds/flows/network.txt"),
    "groups:\n- id: 1\n  checks:\n  - id: 1.1\n    audit: ps -fC $kubeletbin | grep -o 'k[a-z]*' || echo \"$(cat /etc/a)\"\n    audit_config: cat /etc/a\n    use_multiple_values: true\n    tests: {bin_op: or, test_items: [{flag: a, path: '{.a[?(@.b==1)]}', set: false}, {flag: a, compare: {op: bitmask, value: 644}}]}\ntype: node\nnode: {components: [kubelet], kubelet: {bins: [kubelet], confs: [/etc/a]}}\n",
    "x=''; for d in $(find / -name '*a' -exec stat -c '%a %n' {} \\;); do if [ -e \"$d\" ] && ! test -z \"${x:-y}\"; then x+=\"$d,\"; fi; done; echo ${x%,} $((1 + 2)) `sed -e 's/\\(a\\)/<\\1>/g' /etc/a | awk -F: '{print $2}'`; while read -r a b; do [[ $a == e* ]] && break; done < /etc/a",
    "kubectl get po,sa -A -o json | jq -r '[.items[]? | select(.kind == \"Pod\" and (.spec.containers | length) >= 0) | {n: .metadata.name}] as $x | if any($x[]; .n | test(\"p\")) then \"\\($x | length) // \" + ($x[0].n // \"-\") else empty end' | xargs -I{} sh -c 'echo {}'; kubectl get pods -o custom-columns=N:.metadata.name,X:.a[*] --no-headers | sort -u | head -n1",
    "spawned and not(evt.type in (execve, 'a b') or evt.num>0x1) and join(\"-\", (fd.name, 1))[x] = anyof (a,\t\"\\x41\\\"\") and tolower(proc.aname[2]) = val(proc.pname)\n",
    "*a %evt.num and%5evt.type %toupper(evt.type)[x] %join(\"-\", (evt.source, 'a', evt.num)) 100% %len(evt.args)\n",
    "/usr/lib/x\n/usr/*/[a-z][!b]\n/usr/lib\n//\\*\n[[:alpha:]-]?*\n'a\\'b\\n'",
    "  sl  local_address rem_address   st\n   0: 0100007F:280F 00000000:0000 0A 0\n   1: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0\n",
    "object.spec.containers.all(c, has(c.name) && c.?ports.orValue([]).exists(p, p in [1, 2u, 0x3] || string(p).matches('^[0-9]+$'))) ? {'a': -1.5e3} : [?object.?x][0].format([b'\\x00'])",
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: a}\nspec:\n  matchConstraints: {resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]}\n  variables: [{name: v, expression: object.kind}]\n  validations: [{expression: variables.v.startsWith('V'), messageExpression: \"'x' + variables.v\"}]\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}}\nspec:\n  hostNetwork: yes\n  securityContext: # none\n  containers:\n  - name: a\n    image: b\n    ports: [{containerPort: 1, hostPort: 080}]\n    securityContext:\n      privileged: true\n      capabilities: {add: [SYS_ADMIN, CAP_SYS_ADMIN], drop: []}\n  volumes:\n  - name: x\n    hostPath: {path: /}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  template:\n    spec:\n      initContainers: null\n      containers:\n      - &c\n        name: a\n        livenessProbe: {httpGet: {host: h}}\n      - <<: *c\n        name: b\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: batch/v1\n  kind: CronJob\n  spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: x}]}}}}}\n",
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\",\"kind\":{\"version\":\"v1\",\"kind\":\"Namespace\"},\"resource\":{\"version\":\"v1\",\"resource\":\"namespaces\"},\"operation\":\"UPDATE\",\"object\":{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"n\",\"labels\":{\"pod-security.kubernetes.io/enforce\":\"x\"}}},\"oldObject\":{}}}",
    "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\ndefaults: {enforce: baseline, enforce-version: v1.2}\nexemptions: {namespaces: [a, a], usernames: [\"\"]}\n",
    "checks: {PSS-*: off}\nexceptions:\n- id: [a]\n  reason: b # plimsoll: ignore a b\n  owner: c\n  expires: 2027-01-01\nworkloads: [{kind: A, podTemplate: /a}]\n",
    "%YAML 1.1\n---\na: &a [1, *a]\nb: |+\n  x\n\n...\n---\n\"\\u00e9\": 'it''s'\n? [x]\n: y\n",
    "# plimsoll: ignore PSS-* x\nkind: Pod\napiVersion: v1\nspec: {containers: [{name: \"\\ud83d\\ude00\"}]}\r\n\t",
];

/// Seeds that are no text.
const BYTES: [&[u8]; 4] = [
    include_bytes!("../../seeds/capture/calls.scap"),
    include_bytes!("../../seeds/capture/pairs.scap"),
    include_bytes!("../../seeds/capture/packed.scap.gz"),
    include_bytes!("../../seeds/fields/calls"),
];

fn every_seed() -> Vec<&'static [u8]> {
    SEEDS.iter().map(|seed| seed.as_bytes()).chain(BYTES).collect()
}

fn all(data: &[u8]) {
    bodies::documents(data);
    bodies::workloads(data);
    bodies::review(data);
    bodies::config(data);
    bodies::edit(data);
    bodies::policy(data);
    bodies::posture(data);
    bodies::audits(data);
    bodies::ports(data);
    bodies::audit_log(data);
    bodies::audit_events(data);
    bodies::flows(data);
    bodies::network(data);
    bodies::conditions(data);
    bodies::patterns(data);
    bodies::capture(data);
    bodies::fields(data);
    bodies::outputs(data);
    bodies::rules(data);
}

#[test]
fn seeds() {
    every_seed().into_iter().for_each(all);
}

/// A seed with pieces cut out, put in and taken from other seeds.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0usize..24, prop::sample::select(every_seed()), any::<prop::sample::Index>(), 0usize..24);
    (prop::sample::select(every_seed()), prop::collection::vec(change, 0..6), prop::collection::vec(any::<u8>(), 0..3)).prop_map(
        |(seed, changes, noise)| {
            let mut bytes = seed.to_vec();
            for (at, cut, other, from, take) in changes {
                let at = at.index(bytes.len() + 1);
                let end = (at + cut).min(bytes.len());
                let from = from.index(other.len());
                bytes.splice(at..end, other.iter().skip(from).take(take).copied());
            }
            bytes.extend(noise);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_seeds(data in mutated()) {
        all(&data);
    }

    #[test]
    fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..200)) {
        all(&data);
    }
}

/// Events whose parameters have the lengths that their types ask for, more or less.
fn events() -> impl Strategy<Value = Vec<u8>> {
    let event = (0u16..454, 0u8..4, prop::collection::vec((prop::sample::select(&[0u8, 1, 2, 4, 8, 13, 37][..]), any::<[u8; 6]>()), 28));
    prop::collection::vec(event, 1..6).prop_map(|events| {
        let mut bytes = Vec::new();
        for (kind, tid, params) in events {
            bytes.extend(kind.to_le_bytes());
            bytes.push(tid);
            let count = plimsoll_model::events::EventType(kind).info().params.len();
            for (length, noise) in params.into_iter().take(count) {
                bytes.push(length);
                bytes.extend(noise.iter().cycle().map(|byte| if byte % 3 == 0 { byte / 16 } else { 0 }).take(length.into()));
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_field_can_be_asked_of_any_event(data in events()) {
        bodies::fields(&data);
    }
}
