//! `PodSecurityConfiguration`: what is refused, and where.

#![cfg(test)]

use plimsoll_model::{Origin, Problem, Source};
use plimsoll_pod_security::{Configuration, Level, Version};

fn configuration(text: &str) -> Result<Configuration, Vec<Problem>> {
    Configuration::read(&Source::new("config.yaml", Origin::File, text))
}

/// What is wrong with a configuration, all at once and with its place; empty: it is right.
#[test]
fn configurations_are_read_strictly() {
    let head = "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n";
    let wrapped = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n";
    let table: &[(String, &[&str])] = &[
        (String::new(), &[]),
        ("\n".to_owned(), &["config.yaml: no configuration in this file"]),
        ("# nothing\n".to_owned(), &["config.yaml: no configuration in this file"]),
        ("null\n".to_owned(), &["config.yaml:1:1: `apiVersion: pod-security.admission.config.k8s.io/v1` and"]),
        (head.to_owned(), &[]),
        (head.replace("/v1", "/v1beta1"), &[]),
        (
            head.replace("/v1", "/v2"),
            &["config.yaml:1:1: `apiVersion: pod-security.admission.config.k8s.io/v1` and `kind: PodSecurityConfiguration` are expected"],
        ),
        (format!("{head}default: {{}}\n"), &["config.yaml:3:1: unknown field `default` in the configuration"]),
        (
            format!("{head}defaults: {{enforce: high, audit-version: v1, warn: 1, deny: x}}\n"),
            &[
                "config.yaml:3:55: unknown field `deny` in `defaults`",
                "config.yaml:3:21: `defaults.enforce` must be one of privileged, baseline, restricted",
                "config.yaml:3:42: `defaults.audit-version` must be \"latest\" or \"v1.x\"",
                "config.yaml:3:52: `defaults.warn` must be a string, is a number",
            ],
        ),
        (
            format!("{head}exemptions:\n  usernames: ['']\n  namespaces: [a, a, B]\n  runtimeClasses: {{}}\n  users: []\n"),
            &[
                "config.yaml:7:3: unknown field `users` in `exemptions`",
                "config.yaml:4:15: `exemptions.usernames[0]` must not be empty",
                "config.yaml:5:19: `exemptions.namespaces[1]` stands twice: `a`",
                "config.yaml:5:22: `exemptions.namespaces[2]` must be a DNS label",
                "config.yaml:6:19: `exemptions.runtimeClasses` must be a list, is a map",
            ],
        ),
        (format!("{head}kind: PodSecurityConfiguration\n"), &["config.yaml:3:1: key `kind` stands twice"]),
        (format!("{head}---\n{head}"), &["config.yaml:4:1: one configuration is expected, here starts another document"]),
        ("a: [\n".to_owned(), &["config.yaml:1:4: not valid YAML"]),
        (format!("{wrapped}- name: PodSecurity\n  configuration:\n    {}", head.replace('\n', "\n    ")), &[]),
        (
            wrapped.replace("config.k8s.io/v1", "config.k8s.io/v2"),
            &["config.yaml:1:13: `apiVersion` of an AdmissionConfiguration must be `apiserver.config.k8s.io/v1`"],
        ),
        (format!("{wrapped}- name: Other\n"), &["config.yaml:1:1: no plugin `PodSecurity` in this AdmissionConfiguration"]),
        (
            format!("{wrapped}- name: PodSecurity\n  path: p.yaml\n"),
            &["config.yaml:5:9: the configuration of PodSecurity is in the file `p.yaml`"],
        ),
        (format!("{wrapped}- name: PodSecurity\n"), &["config.yaml:4:3: the plugin `PodSecurity` has no `configuration`"]),
    ];
    for (text, wanted) in table {
        let problems = configuration(text).err().unwrap_or_default();
        let said: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.place(), problem.message)).collect();
        assert_eq!(said.len(), wanted.len(), "{text}\n{said:?}");
        for (said, wanted) in said.iter().zip(*wanted) {
            assert!(said.starts_with(wanted), "{text}\nsaid   {said}\nwanted {wanted}");
        }
    }
    let read = configuration(&format!("{head}defaults: {{enforce: baseline, enforce-version: '', warn-version: v1.25}}\n")).unwrap();
    assert_eq!(read.defaults.enforce, Level::Baseline.at(Version::Latest));
    assert_eq!(read.defaults.warn, Level::Privileged.at(Version::Minor(25)));
}
