//! Audits on a host in memory: what they write, and which are not understood.

use super::memory::Memory;
use super::shell::{Machine, Reason};
use super::*;
use plimsoll_model::Origin;
use serde_json::json;

fn host() -> Memory {
    let mut host = Memory::default();
    host.process(10, &["/usr/local/bin/kube-apiserver", "--anonymous-auth=false", "--encryption-provider-config=/etc/enc.yaml"]);
    host.process(11, &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--client-ca-file=/etc/pki/ca.crt"]);
    host.process(12, &["etcd", "--data-dir=/var/lib/etcd", "--cert-file=/x"]);
    host.file("/etc/enc.yaml", 0o600, "root", "resources:\n- providers:\n  - aescbc:\n      keys: []\n");
    host.file("/etc/pki/ca.crt", 0o644, "root", "");
    host.file("/etc/pki/ca.key", 0o600, "root", "");
    host.file("/etc/pki/etcd/peer.crt", 0o640, "etcd", "");
    host.file("/var/lib/kubelet/config.yaml", 0o600, "root", "readOnlyPort: 0\nauthentication:\n  anonymous:\n    enabled: false\n");
    host.file("/var/lib/etcd/member/wal", 0o600, "etcd", "");
    host.file("/etc/a b.conf", 0o604, "root", "x\n");
    host.environments.insert(12, vec!["ETCD_AUTO_TLS=false".to_owned(), "X=a=b".to_owned()]);
    host.journal =
        Some("k3s: starting\nk3s: Running kube-apiserver --profiling=false\nk3s: Running kube-apiserver --profiling=true\n".to_owned());
    host
}

fn objects() -> Vec<Json> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"hostPID": true, "nodeName": "node-1", "serviceAccountName": "default",
                "containers": [{"name": "c", "securityContext": {"privileged": true}, "env": [{"valueFrom": {"secretKeyRef": {"name": "s"}}}]}]}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api"}, "spec": {"containers": [{"name": "c"}]}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "own", "namespace": "shop"}, "rules": []}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all"},
            "rules": [{"verbs": ["*"], "resources": ["*"], "apiGroups": ["*"]}]}),
    ]
}

fn run(audit: &str) -> Result<(String, i32), Reason> {
    let (host, objects) = (host(), objects());
    script(audit)?.run(&Machine::new(&host, Some(&objects)))
}

#[test]
fn the_shell() {
    let table = [
        ("echo a  b; echo 'a  b' \"c\"d\\ e", "a b\na  b cd e\n"),
        ("x=1; y=$x$x; echo \"$y\" ${y} '$y' \\$y", "11 11 $y $y\n"),
        ("x='a  b'; echo $x \"$x\"", "a b a  b\n"),
        ("x=; echo \"[${x:-none}]\" \"[${x-none}]\" \"[${x:+some}]\" ${#y}", "[none] [] [] 0\n"),
        ("f=/a/b.crt; echo ${f%.crt} ${f##*/} ${f#/}", "/a/b b.crt a/b.crt\n"),
        ("l=; for c in a b; do l+=\"$c,\"; done; echo ${l%,}", "a,b\n"),
        ("if test -e /etc/enc.yaml; then echo yes; else echo no; fi", "yes\n"),
        ("if [ -f /nothing ]; then echo 1; elif [ -d /etc ]; then echo 2; fi", "2\n"),
        ("if ! test -d /nothing && test -z \"$x\"; then echo ok; fi", "ok\n"),
        ("[ 3 -gt 2 ] && [ a = a ] && [ -n a ] && echo ok", "ok\n"),
        ("[[ \"kube-x\" == kube* && \"*\" != x ]] && echo ok", "ok\n"),
        ("[[ 6443 == *\"44\"* ]] && echo pass || echo fail", "pass\n"),
        ("false || echo b; true && echo c", "b\nc\n"),
        ("echo $(echo a; echo b) `echo c`", "a b c\n"),
        ("echo \"$(printf '%s-%3s|' a b)\"", "a-  b|\n"),
        ("a=2; b=3; echo $((a + b * 2)) $(( $a - 1 ))", "8 1\n"),
        ("printf 'a 1\\nb 2\\n' | while read -r n v; do echo \"$v$n\"; done", "1a\n2b\n"),
        ("for i in 1 2 3; do [ $i -eq 2 ] && continue; echo $i; done", "1\n3\n"),
        ("(x=1; echo $x); echo \"[$x]\"", "1\n[]\n"),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ("echo a | (grep -q b && echo yes || echo no)", "no\n"),
        ("ls /nothing 2>/dev/null; echo $?", "2\n"),
        ("ls /nothing >/dev/null 2>&1; echo exit_code=$?", "exit_code=2\n"),
        ("cat < /etc/enc.yaml | head -n1", "resources:\n"),
        ("sh -c 'if test -e /etc/enc.yaml; then stat -c permissions=%a /etc/enc.yaml; fi'", "permissions=600\n"),
        ("/bin/sh -c \"echo \\\"File not found\\\"\"", "File not found\n"),
        ("# a comment\necho a # another\n\n# the last", "a\n"),
        ("echo a \\\n b", "a b\n"),
        ("echo {} a#b", "{} a#b\n"),
        ("echo /etc/pki/*.crt /etc/none/*", "/etc/pki/ca.crt /etc/none/*\n"),
        ("x=a; exit 0; echo never", ""),
        ("echo $HOSTNAME", "node-1\n"),
        ("echo a\\", "a\\\n"),
    ];
    for (audit, wanted) in table {
        assert_eq!(run(audit).map(|(text, _)| text), Ok(wanted.to_owned()), "{audit}");
    }
    assert_eq!(run("exit 3").unwrap().1, 3);
    assert_eq!(run("! true").unwrap().1, 1);
}

#[test]
fn processes_and_files() {
    let table = [
        ("ps -ef | grep kube-apiserver | grep -v grep | grep -o -- '--anonymous-auth=[a-z]*'", "--anonymous-auth=false\n"),
        ("/bin/ps -fC kube-apiserver | wc -l", "2\n"),
        ("ps -C etcd -o pid= | tr -d ' '", "12\n"),
        ("ps -o command= -C etcd | sed 's/.*\\(--cert-file=[^ ]*\\).*/\\1/'", "--cert-file=/x\n"),
        ("cat /proc/$(ps -C etcd -o pid= | tr -d ' ')/environ | tr '\\0' '\\n'", "ETCD_AUTO_TLS=false\nX=a=b\n"),
        ("stat -c '%a %U:%G %n' /etc/pki/etcd/peer.crt", "640 etcd:etcd /etc/pki/etcd/peer.crt\n"),
        ("stat -c permissions=%a /none", "stat: cannot statx '/none': No such file or directory\n"),
        ("find /etc/pki/ -name '*.crt' | xargs stat -c permissions=%a", "permissions=644\npermissions=640\n"),
        ("find /etc/pki -type f -not -perm 644 | awk 'END{print NR}'", "2\n"),
        ("find /etc/pki -maxdepth 1 -type f ! -name '*.key'", "/etc/pki/ca.crt\n"),
        ("find /etc/pki -type f -name '*.key' -exec stat -c '%a %n' {} \\;", "600 /etc/pki/ca.key\n"),
        ("find /etc/pki -type f -name 'c*' -exec stat -c '%a' {} +", "644\n600\n"),
        ("find /none -type f 2> /dev/null | xargs --no-run-if-empty stat -c %U:%G", ""),
        (
            "ps -ef | grep kubelet | grep -- --config | sed 's%.*config[= ]\\([^ ]*\\).*%\\1%' | xargs -I{} find {} -mindepth 0 | xargs cat | grep -A1 anon",
            "  anonymous:\n    enabled: false\n",
        ),
        (
            "ENC=$(ps -ef | grep kube-apiserver | grep -- --encryption-provider-config | sed 's%.*encryption-provider-config[= ]\\([^ ]*\\).*%\\1%')\nif test -e $ENC; then grep -A1 'providers:' $ENC | tail -n1 | grep -o \"[A-Za-z]*\" | sed 's/^/provider=/'; fi",
            "provider=aescbc\n",
        ),
        (
            "CA=$(ps -ef | grep kubelet | grep -v apiserver | grep -- --client-ca-file= | awk -F '--client-ca-file=' '{print $2}' | awk '{print $1}' | uniq)\nif test -z $CA; then CA=/none; fi\nstat -c %U:%G $CA",
            "root:root\n",
        ),
        (
            "D=''\nfor d in $(ps -ef | grep etcd | grep -- --data-dir | sed 's%.*data-dir[= ]\\([^ ]*\\).*%\\1%'); do\n  if test -d \"$d\"; then D=\"$d\"; fi\ndone\nif ! test -d \"$D\"; then D=/none; fi\nstat -c permissions=%a \"$D\"",
            "permissions=755\n",
        ),
        ("journalctl -m -u k3s | grep 'Running kube-apiserver' | tail -n1", "k3s: Running kube-apiserver --profiling=true\n"),
        ("if test $(journalctl -u k3s | grep 'Running kubelet' | wc -l) -gt 0; then echo a; else echo b; fi", "b\n"),
        ("if test -d /etc/pki; then cat /etc/enc.yaml | grep -c .; fi", "4\n"),
        ("printf 'a:1\\nb:2\\n' | cut -d: -f2 | sort -r | paste -sd,", "2,1\n"),
        ("echo aGFsbG8= | base64 -d", "hallo"),
        ("printf 'a b\\nc\\n' | xargs -L 1 echo -", "- a b\n- c\n"),
        ("printf 'a b\\nc\\n' | xargs -n 2 echo -", "- a b\n- c\n"),
        ("printf 'a b\\nc\\n' | xargs", "a b c\n"),
        ("printf 'x y\\n' | awk '{print $2, $1; }'", "y x\n"),
        ("printf 'a\\nb\\nc\\n' | sed -n '2p'", "b\n"),
        ("printf 'a\\nb\\nc\\n' | sed -e 's/a/<&>/' -e '/b/d'", "<a>\nc\n"),
        ("oc debug node/$NODE -- chroot /host stat -c '%a' /etc/enc.yaml 2> /dev/null", "600\n"),
    ];
    for (audit, wanted) in table {
        assert_eq!(run(audit).map(|(text, _)| text), Ok(wanted.to_owned()), "{audit}");
    }
    assert_eq!(run("/bin/ps -ef | grep nothing | grep -v grep"), Ok((String::new(), 1)));
    assert_eq!(run("ps -fC nothing").unwrap().1, 1);
}

#[test]
fn objects_of_the_cluster() {
    let table = [
        (
            "kubectl get pods --all-namespaces -o json | jq -r 'if any(.items[]?; .spec.hostPID == true) then \"FOUND\" else \"NO\" end'",
            "FOUND\n",
        ),
        (
            "kubectl get pods -A -o custom-columns=N:.metadata.name,S:.metadata.namespace --no-headers | while read -r n s; do echo \"$n in $s\"; done",
            "web in shop\napi in <none>\n",
        ),
        ("kubectl get pod web --namespace shop -o jsonpath='{.spec.hostPID}'", "true"),
        ("kubectl get pod web -n shop -o jsonpath='{.spec.hostIPC}'", ""),
        ("kubectl get po -n shop -l app=web --field-selector spec.nodeName=node-1 -o name", "pod/web\n"),
        ("kubectl get pods -n none --no-headers 2>/dev/null | wc -l", "0\n"),
        ("kubectl get pods -o jsonpath='{.items[0].metadata.name}'", "api"),
        (
            "kubectl get all --all-namespaces -o jsonpath='{range .items[?(@..secretKeyRef)]}{.kind} {.metadata.name}{\"\\n\"}{end}'",
            "Pod web\n",
        ),
        (
            "kubectl get ns -o json | jq -r '.items[].metadata.name' | while read ns; do c=$(kubectl get networkpolicy -n $ns --no-headers 2>/dev/null | wc -l); if [ \"$c\" -eq 0 ]; then echo $ns; fi; done",
            "shop\n",
        ),
        (
            "rules=$(kubectl get clusterrole all -o=json | jq -c '.rules'); if echo \"${rules}\" | grep -q \"\\[\\\"\\*\\\"\\]\"; then echo bad; fi",
            "bad\n",
        ),
        ("kubectl get roles,clusterroles -A -o json | jq '[.items[] | select(.rules[]? | .verbs[]? == \"*\")] | length'", "1\n"),
        (
            "kubectl get clusterroles -o custom-columns=N:.metadata.name,R:.rules",
            "N   R\nall   [map[apiGroups:[*] resources:[*] verbs:[*]]]\n",
        ),
        ("oc -n shop get pod none -o json; echo $?", "Error from server (NotFound): pod \"none\" not found\n1\n"),
    ];
    for (audit, wanted) in table {
        assert_eq!(run(audit).map(|(text, _)| text), Ok(wanted.to_owned()), "{audit}");
    }
    // Every cluster has some; what was not read is not none.
    for kind in ["sa", "secrets", "rolebindings", "scc", "widgets.example.org"] {
        let reason = run(&format!("kubectl get {kind} -A -o json")).unwrap_err();
        assert_eq!(reason, format!("no object of kind `{kind}` was read"));
    }
    assert_eq!(run("kubectl get netpol,deploy -A -o name"), Ok((String::new(), 0)));
    let host = host();
    let without = script("kubectl get pods -o json").unwrap().run(&Machine::new(&host, None));
    assert!(without.unwrap_err().contains("it asks the cluster"));
}

#[test]
fn what_is_not_understood_is_said() {
    let table = [
        ("check_cafile.sh", "the command `check_cafile.sh` is not understood"),
        ("gcloud container list", "the command `gcloud` is not understood"),
        ("if true; then curl x; fi", "the command `curl` is not understood"),
        ("echo $(curl x)", "the command `curl` is not understood"),
        ("sh -c 'curl x'", "the command `curl` is not understood"),
        ("echo a | xargs -I{} curl {}", "the command `curl` is not understood"),
        ("find / -exec curl {} \\;", "the command `curl` is not understood"),
        ("ps -L", "the option `-L` of `ps` is not understood"),
        ("grep -R x /etc", "the option `-R` of `grep` is not understood"),
        ("kubectl auth can-i get pods", "`kubectl auth` is not understood: it asks what no object says"),
        ("kubectl get pods -o yaml", "`kubectl get -o yaml` is not understood"),
        ("echo a > /tmp/x", "writing to a file is not understood"),
        ("sleep 1 &", "commands in the background are not understood"),
        ("diff <(echo a) b", "the output of a process as a file is not understood"),
        ("f() { echo a; }", "a function is defined in the shell script, which is not understood"),
        ("echo 'a", "the shell script lacks a closing `'`"),
        ("if true; then echo a", "the shell script lacks `fi`"),
        ("sed 'N;D' x", "the script `N;D` of `sed` is not understood"),
        ("echo a | tail -n +2", "`+2` is no number"),
        ("awk '{ sum += $1 }' x", "the program `{ sum += $1 }` of `awk` is not understood"),
    ];
    for (audit, wanted) in table {
        assert_eq!(run(audit).unwrap_err(), wanted, "{audit}");
    }
    let mut host = host();
    host.denied.push("/etc/enc.yaml".to_owned());
    let denied = script("cat /etc/enc.yaml").unwrap().run(&Machine::new(&host, None));
    assert_eq!(denied.unwrap_err(), "/etc/enc.yaml cannot be read: permission denied");
    host.denied.push("/etc/pki".to_owned());
    for audit in ["stat -c %a /etc/pki/*.crt", "if test -e /etc/pki; then echo a; fi", "find /etc/pki -type f"] {
        let denied = script(audit).unwrap().run(&Machine::new(&host, None));
        assert_eq!(denied.unwrap_err(), "/etc/pki cannot be read: permission denied", "{audit}");
    }
}

#[test]
fn what_does_not_end_is_stopped() {
    let bomb = (0..30).fold("x=aaaaaaaaaaaaaaaa".to_owned(), |text, _| format!("{text}; x=$x$x"));
    let much = |one: &str| one.repeat(20_000);
    let table = [
        bomb,
        "while true; do echo a; done".to_owned(),
        "until false; do :; done".to_owned(),
        format!("{}true{}", much("("), much(")")),
        format!("{}x", much("$(")),
        format!("{}x", much("${x:-")),
        format!("{}true", much("if ")),
        format!("echo a | {} cat", much("xargs ")),
        format!("[ {} a ]", much("\\( ")),
        format!("find / {} -print", much("! ")),
        format!("echo 1 | jq '{}'", much(".a")),
        format!("echo 1 | jq '1{}'", much("+1")),
        format!("echo 1 | jq '.{}'", much("|[.,.,.,.]")),
        format!("echo 1 | jq '{}'", "[.,.,.,.]|".repeat(30) + "."),
        format!("echo 1 | jq '{}1'", much("if 1 then 1 el")),
        format!("kubectl get pods -o jsonpath='{{{}}}'", much("[?(@")),
        format!("x={}; for i in a b c d e f; do x=$(echo $x | sed s/./$x/g); done", "a".repeat(5000)),
        "x='sh -c \"$0\"'; f='sh -c'; $f \"$f \\\"$f x\\\"\"".to_owned(),
    ];
    for audit in &table {
        assert!(run(audit).is_err(), "{}", audit.get(..40).unwrap_or(audit));
    }
    // Long, and flat all the same.
    assert_eq!(run(&format!("true{}; echo ok", much(" && true"))).map(|(text, _)| text), Ok("ok\n".to_owned()));
}

const CONFIG: &str = "
node:
  components: [kubelet]
  kubelet: {bins: [kubelet], confs: [/var/lib/kubelet/config.yaml], defaultconf: /etc/none}
master:
  components: [scheduler]
  scheduler: {bins: [kube-scheduler]}
";

const NODE: &str = r#"
controls:
version: "own-1"
id: 4
text: "Workers"
type: "node"
groups:
  - id: 4.1
    checks:
      - id: 4.1.1
        text: "The configuration is for root only (Automated)"
        audit: "/bin/sh -c 'if test -e $kubeletconf; then stat -c permissions=%a $kubeletconf; fi'"
        tests:
          test_items:
            - flag: permissions
              compare: {op: bitmask, value: "644"}
        remediation: "chmod 644 $kubeletconf"
        scored: true
      - id: 4.1.2
        text: "Anonymous access is off."
        audit: "/bin/ps -fC $kubeletbin"
        audit_config: "/bin/cat $kubeletconf"
        tests:
          test_items:
            - {flag: --anonymous-auth, path: "{.authentication.anonymous.enabled}", compare: {op: eq, value: true}}
        remediation: "Edit $kubeletconf."
        scored: true
      - id: 4.1.3
        text: "Somebody looks"
        type: manual
        remediation: |
          Look at it.
          Twice.
      - id: 4.1.4
        text: "Left out"
        type: skip
      - id: 4.1.5
        text: "Not understood"
        audit: "wget https://example.org"
        tests: {test_items: [{flag: x}]}
        scored: true
      - id: 4.1.6
        text: "Without tests"
        audit: "echo"
      - id: 4.1.7
        text: "Not scored"
        audit: "echo --a=1"
        tests: {test_items: [{flag: --a, set: false}]}
        scored: false
      - id: 4.1.7
        text: "The id again"
        audit: "echo a"
        tests: {test_items: [{flag: a}]}
  - id: 4.2
    type: skip
    checks:
      - {id: 4.2.1, text: "In a group that is left out", audit: "echo a", tests: {test_items: [{flag: a}]}}
"#;

const MASTER: &str = "
type: master
groups:
  - id: 1.1
    checks:
      - {id: 1.1.1, text: Scheduler, audit: ps -ef | grep $schedulerbin, tests: {test_items: [{flag: a}]}, scored: true}
";

fn benchmark() -> Benchmark {
    let file = |name: &str, text: &str| Source::new(name, Origin::File, text);
    let (configuration, problems) = Configuration::read(&[file("config.yaml", CONFIG)]);
    assert!(problems.is_empty(), "{problems:?}");
    let (benchmark, problems) = Benchmark::read("own-1", &[file("node.yaml", NODE), file("master.yaml", MASTER)], configuration);
    assert!(problems.is_empty(), "{problems:?}");
    benchmark
}

#[test]
fn a_benchmark_is_assessed() {
    let benchmark = benchmark();
    let assessment = benchmark.assess(&host(), None);
    let evaluated: Vec<&str> = assessment.evaluated.iter().map(|rule| &*rule.id).collect();
    assert_eq!(evaluated, ["BENCH-own-1-4.1.1", "BENCH-own-1-4.1.2", "BENCH-own-1-4.1.7", "BENCH-own-1-4.1.7-node"]);
    let [anonymous, not_scored] = assessment.findings.as_slice() else { panic!("{:?}", assessment.findings) };
    assert_eq!(anonymous.rule.title, "Anonymous access is off");
    assert_eq!(anonymous.severity, plimsoll_model::Severity::Medium);
    assert_eq!(
        anonymous.message,
        "'{.authentication.anonymous.enabled}' is 'false'; wanted: '{.authentication.anonymous.enabled}' is equal to 'true'"
    );
    assert_eq!(anonymous.evidence[0], "audit: `/bin/ps -fC kubelet`");
    assert_eq!(anonymous.evidence[1], "audit: `/bin/cat /var/lib/kubelet/config.yaml`");
    assert_eq!(anonymous.remediation.as_ref().unwrap().summary, "Edit /var/lib/kubelet/config.yaml.");
    assert_eq!(anonymous.location.as_ref().unwrap().start().line, 19);
    assert_eq!(anonymous.subject.object.name, "node-1");
    assert_eq!(not_scored.severity, plimsoll_model::Severity::Low);
    let unknown: Vec<(&str, &str)> = assessment.unknown.iter().map(|one| (&*one.rule.id, one.missing.as_str())).collect();
    assert_eq!(
        unknown,
        [
            ("BENCH-own-1-4.1.3", "a person has to decide: Look at it.…"),
            ("BENCH-own-1-4.1.5", "the command `wget` is not understood"),
            ("BENCH-own-1-4.1.6", "the benchmark says nothing of what to look for"),
            ("BENCH-own-1-1.1.1", "scheduler does not run here"),
        ]
    );
}

#[test]
fn an_audit_that_fails_fails_the_check() {
    let check = |audit: &str, config: &str| {
        let text = format!(
            "groups: [{{id: 1, checks: [{{id: 1.1, audit: '{audit}', audit_config: '{config}', tests: {{test_items: [{{flag: a, path: '{{.a}}', set: false}}]}}}}]}}]"
        );
        let source = Source::new("x.yaml", Origin::File, text);
        let (benchmark, problems) = Benchmark::read("x", &[source], Configuration::default());
        assert!(problems.is_empty(), "{problems:?}");
        let assessment = benchmark.assess(&host(), None);
        assert!(assessment.unknown.is_empty(), "{:?}", assessment.unknown);
        assessment.findings.first().map(|finding| finding.message.clone())
    };
    assert_eq!(check("echo b", ""), None);
    assert_eq!(check("echo b | grep c", ""), Some("it writes nothing; wanted: `echo b | grep c` succeeds".to_owned()));
    // A configuration that is missing is none, where the command wrote something.
    assert_eq!(check("echo b", "cat /none"), None);
    assert!(check("true", "cat /none").unwrap().starts_with("cat: /none: No such file"));
    assert!(check("echo b", "cat /etc").unwrap().starts_with("cat: /etc: "));
}

#[test]
fn the_environment_of_the_program_is_looked_at() {
    let config = Source::new("config.yaml", Origin::File, "etcd: {components: [etcd], etcd: {bins: [etcd]}}");
    let text = "type: etcd\ngroups: [{id: 2, checks: [{id: 2.1, audit: '/bin/ps -fC $etcdbin', tests: {test_items: [{flag: --auto-tls, env: ETCD_AUTO_TLS, compare: {op: eq, value: true}}]}}]}]";
    let (configuration, _) = Configuration::read(&[config]);
    let (benchmark, _) = Benchmark::read("x", &[Source::new("etcd.yaml", Origin::File, text)], configuration);
    let assessment = benchmark.assess(&host(), None);
    assert_eq!(assessment.findings[0].message, "'ETCD_AUTO_TLS' is 'false'; wanted: 'ETCD_AUTO_TLS' is equal to 'true'");
}

#[test]
fn files_that_cannot_be_read_are_problems() {
    for (text, wanted) in [
        ("groups: x", "`groups` must be a list, is a string"),
        ("groups: [{checks: [{text: a}]}]", "a check of the benchmark has no `id`"),
        ("groups: [{checks: [{id: 1, tests: {bin_op: nor}}]}]", "`bin_op` must be `and` or `or`, is `nor`"),
    ] {
        let (_, problems) = Benchmark::read("x", &[Source::new("x.yaml", Origin::File, text)], Configuration::default());
        assert_eq!(problems[0].message, wanted);
        assert!(problems[0].place().starts_with("x.yaml:1:"));
    }
    let (benchmark, problems) = Benchmark::read("x", &[Source::new("x.yaml", Origin::File, "a: b")], Configuration::default());
    assert!(benchmark.is_empty() && problems.is_empty());
}

#[test]
fn a_survey_counts() {
    let survey = benchmark().survey(&host());
    assert_eq!((survey.checks, survey.automated, survey.understood), (10, 6, 5));
    assert_eq!(survey.not_understood, [("4.1.5".to_owned(), "the command `wget` is not understood".to_owned())]);
}
