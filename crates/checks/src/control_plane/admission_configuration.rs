//! The file behind `--admission-control-config-file`: `AdmissionConfiguration` and what stands in it.

use crate::check::reference::{cis, docs};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&DEFAULTS, &EXEMPTIONS, &IMAGE_POLICY, &RATE_LIMIT];

const POD_SECURITY: Reference = docs("Pod Security admission", "https://kubernetes.io/docs/concepts/security/pod-security-admission/");
const PLUGINS: Reference = docs("Admission control", "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/");

const ADMISSION: &str = "apiserver.config.k8s.io/AdmissionConfiguration";

/// The configuration of `plugin`: the object itself, or the plugin's part of an AdmissionConfiguration with its pointer.
fn of_plugin<'a>(object: &Object<'a>, plugin: &str) -> Option<(Node<'a>, String)> {
    if object.kind != "AdmissionConfiguration" {
        return Some((object.node, String::new()));
    }
    let mut plugins = object.node.get("plugins").into_iter().flat_map(Node::items).enumerate();
    let (at, found) = plugins.find(|(_, one)| one.get("name").is_some_and(|name| name.text() == plugin))?;
    Some((found.get("configuration")?, format!("/plugins/{at}/configuration")))
}

const POD_SECURITY_KINDS: &[&str] = &[ADMISSION, "pod-security.admission.config.k8s.io/PodSecurityConfiguration"];

static EXEMPTIONS: Check = Check {
    id: "CTL-pod-security-exemptions",
    title: "Pod Security exempts more than it has to",
    severity: Severity::Medium,
    docs: "
## What it detects
In a PodSecurityConfiguration, exempt namespaces that anybody uses (`default`, `kube-public`), exempt controllers of workloads and other accounts of the system, and exempt RuntimeClasses.

## Why it matters
Exempting the account of a controller exempts everybody who may create a Deployment. Exempting a RuntimeClass exempts every pod that names it. Exemptions stand in a file of the API server, where nobody who reads the namespaces' labels sees them.

## How to fix
Exempt namespaces of the system and users who are persons; give namespaces that need more their own labels.
",
    references: &[POD_SECURITY],
    run: Run::Object(POD_SECURITY_KINDS, |object, reporter| {
        let Some((configuration, base)) = of_plugin(object, "PodSecurity") else { return };
        let list = |field: &'static str| {
            let items = configuration.at(&["exemptions", field]).into_iter().flat_map(Node::items).enumerate();
            items.map(move |(at, item)| (format!("/exemptions/{field}/{at}"), item.text()))
        };
        let mut report = |pointer: String, message: String, severity| {
            let violation = Violation::at(format!("{base}{pointer}"), message).severity(severity);
            reporter.report(violation.cured_by("remove the exemption", None).needs("which pods rely on it (the metric `pod_security_exemptions_total`)"));
        };
        for (pointer, user) in list("usernames") {
            if let Some(account) = user.strip_prefix("system:serviceaccount:kube-system:").filter(|name| name.ends_with("-controller")) {
                report(pointer, format!("`{account}` is exempt, and with it everybody whose workloads it makes pods of"), Severity::High);
            } else if user.starts_with("system:") {
                report(pointer, format!("the account `{user}` of the system is exempt"), Severity::Medium);
            }
        }
        for (pointer, namespace) in list("namespaces").filter(|(_, namespace)| matches!(*namespace, "default" | "kube-public" | "kube-node-lease")) {
            report(pointer, format!("the namespace `{namespace}` is exempt"), Severity::Medium);
        }
        for (pointer, class) in list("runtimeClasses") {
            report(pointer, format!("every pod that names RuntimeClass `{class}` is exempt"), Severity::Medium);
        }
    }),
};

static DEFAULTS: Check = Check {
    id: "CTL-pod-security-defaults",
    title: "Namespaces without labels are held to nothing",
    severity: Severity::Low,
    docs: "
## What it detects
A PodSecurityConfiguration whose `defaults.enforce` is `privileged` or not set.

## Why it matters
The defaults are for namespaces without labels, which are the new ones and those that somebody forgot.

## How to fix
Set `defaults.enforce: baseline` or `restricted`, and label the namespaces that need more.
",
    references: &[POD_SECURITY, cis("5.2.1")],
    run: Run::Object(POD_SECURITY_KINDS, |object, reporter| {
        let Some((configuration, base)) = of_plugin(object, "PodSecurity") else { return };
        let level = configuration.at(&["defaults", "enforce"]).map_or("", Node::text);
        if matches!(level, "" | "privileged") {
            let violation = Violation::at(format!("{base}/defaults/enforce"), "namespaces without labels are held to no level");
            let violation = violation.cured_by("set `defaults.enforce: baseline`", Some("baseline".into()));
            reporter
                .report(violation.needs("which namespaces have no labels, and whether their pods are at that level (`plimsoll psa plan`)"));
        }
    }),
};

static IMAGE_POLICY: Check = Check {
    id: "CTL-image-policy-default-allow",
    title: "Images are let in when nobody can be asked",
    severity: Severity::Medium,
    docs: "
## What it detects
A configuration of the plugin ImagePolicyWebhook with `defaultAllow: true`.

## Why it matters
Whoever keeps the webhook from answering, by load for example, starts any image.

## How to fix
Set `defaultAllow: false`, and run the webhook with replicas on several nodes.
",
    references: &[cis("5.5.1"), PLUGINS],
    run: Run::Object(&[ADMISSION], |object, reporter| {
        let Some((configuration, base)) = of_plugin(object, "ImagePolicyWebhook") else { return };
        if configuration.at(&["imagePolicy", "defaultAllow"]).and_then(Node::as_bool) == Some(true) {
            let violation = Violation::at(format!("{base}/imagePolicy/defaultAllow"), "images are let in when the webhook does not answer");
            let violation = violation.cured_by("set `defaultAllow: false`", Some(false.into()));
            reporter.report(violation.needs("whether the webhook is always there: without it no pod starts"));
        }
    }),
};

static RATE_LIMIT: Check = Check {
    id: "CTL-event-rate-limit-configuration",
    title: "Limits of events leave a gap",
    severity: Severity::Low,
    docs: "
## What it detects
A configuration of the plugin EventRateLimit without a limit of the type `Server`, `Namespace`, `User` or `SourceAndObject`, or with one of which `qps` or `burst` is not above 0.

## Why it matters
The API server does not start without a limit, or with one of 0. With a limit for the server alone, one loud namespace silences the others.

## How to fix
Set limits of the types `Server` and `Namespace`.
",
    references: &[cis("1.2.8"), PLUGINS],
    run: Run::Object(&[ADMISSION, "eventratelimit.admission.k8s.io/Configuration"], rate_limit),
};

fn rate_limit(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some((configuration, base)) = of_plugin(object, "EventRateLimit") else { return };
    let limits = || configuration.get("limits").into_iter().flat_map(Node::items);
    let kinds = || limits().map(|limit| limit.get("type").map_or("", Node::text));
    let place = || format!("{base}/limits");
    if !kinds().any(|kind| matches!(kind, "Server" | "Namespace" | "User" | "SourceAndObject")) {
        reporter.report(
            Violation::at(place(), "no limit is set: the API server does not start")
                .advice("set limits of the types `Server` and `Namespace`"),
        );
    } else if kinds().all(|kind| kind == "Server") {
        let violation = Violation::at(place(), "one loud namespace takes the whole limit of the server").severity(Severity::Info);
        reporter.report(violation.advice("set a limit of the type `Namespace` too"));
    }
    for (at, limit) in limits().enumerate() {
        let zero = |field: &str| limit.get(field).and_then(Node::as_int).is_none_or(|number| number <= 0);
        if let Some(field) = ["qps", "burst"].into_iter().find(|field| zero(field)) {
            let message = format!("`{field}` is not above 0: the API server refuses the configuration");
            reporter.report(Violation::at(format!("{base}/limits/{at}/{field}"), message).advice("set how many events are let through"));
        }
    }
}
