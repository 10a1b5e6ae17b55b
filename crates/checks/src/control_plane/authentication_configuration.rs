//! The files behind `--authentication-config` and `--authorization-config`.

use crate::check::reference::{cis, docs};
use crate::check::{Check, Run};
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&ANONYMOUS, &ISSUER, &MODES, &NO_OPINION, &PREFIX];

const AUTHENTICATION: &[&str] = &["apiserver.config.k8s.io/AuthenticationConfiguration"];
const AUTHORIZATION: &[&str] = &["apiserver.config.k8s.io/AuthorizationConfiguration"];
const AUTHENTICATING: Reference = docs("Authenticating", "https://kubernetes.io/docs/reference/access-authn-authz/authentication/");
const AUTHORIZING: Reference = docs("Authorization", "https://kubernetes.io/docs/reference/access-authn-authz/authorization/");

/// Paths that a load balancer asks for and that tell little.
const HEALTH: &[&str] = &["/healthz", "/livez", "/readyz"];

static ANONYMOUS: Check = Check {
    id: "CTL-authentication-anonymous",
    title: "Requests without credentials are let in",
    severity: Severity::High,
    docs: "
## What it detects
An AuthenticationConfiguration with `anonymous.enabled: true` and no conditions, or conditions for paths other than `/healthz`, `/livez` and `/readyz` (medium).

## Why it matters
Requests without credentials are let in as `system:anonymous`. One binding to that user or its group opens the cluster to the network.

## How to fix
Set conditions for the health endpoints, or `enabled: false`.
",
    references: &[cis("1.2.1"), AUTHENTICATING],
    run: Run::Object(AUTHENTICATION, |object, reporter| {
        let Some(anonymous) = object.node.get("anonymous").filter(|one| one.get("enabled").and_then(Node::as_bool) == Some(true)) else {
            return;
        };
        let mut conditions = anonymous.get("conditions").into_iter().flat_map(Node::items).enumerate().peekable();
        if conditions.peek().is_none() {
            let paths: Vec<_> = HEALTH.iter().map(|path| serde_json::json!({"path": path})).collect();
            let violation = Violation::at("/anonymous/enabled", "requests without credentials are let in everywhere");
            let violation = violation.cured_at("let them reach the health endpoints only", "/anonymous/conditions", Some(paths.into()));
            reporter.report(violation.needs("which clients come without credentials; the audit log shows `system:anonymous`"));
            return;
        }
        for (at, condition) in conditions {
            let path = condition.get("path").map_or("", Node::text);
            if !HEALTH.contains(&path) {
                let violation = Violation::at(format!("/anonymous/conditions/{at}"), format!("requests without credentials reach `{path}`"));
                reporter.report(violation.severity(Severity::Medium).advice("let them reach the health endpoints only"));
            }
        }
    }),
};

/// The issuers of an AuthenticationConfiguration: pointer and node.
fn issuers<'a>(object: &Object<'a>) -> impl Iterator<Item = (String, Node<'a>)> {
    object.node.get("jwt").into_iter().flat_map(Node::items).enumerate().map(|(at, jwt)| (format!("/jwt/{at}"), jwt))
}

static ISSUER: Check = Check {
    id: "CTL-authentication-issuer",
    title: "Issuer of tokens is not held to this cluster",
    severity: Severity::Medium,
    docs: "
## What it detects
An issuer of an AuthenticationConfiguration without `audiences`, or whose `url` or `discoveryURL` does not start with `https://`.

## Why it matters
The API server refuses such a configuration and does not start, or keeps the one that it had. Without an audience, a token made for any other client of the issuer would be good here.

## How to fix
Name the client of the issuer that stands for this cluster in `audiences`, and use HTTPS.
",
    references: &[AUTHENTICATING],
    run: Run::Object(AUTHENTICATION, |object, reporter| {
        for (base, jwt) in issuers(object) {
            if jwt.at(&["issuer", "audiences"]).is_none_or(|list| !list.items().any(|audience| !audience.text().is_empty())) {
                let violation = Violation::at(format!("{base}/issuer/audiences"), "the issuer's tokens need no audience: the API server refuses this");
                reporter.report(violation.advice("name the client that stands for this cluster"));
            }
            for field in ["url", "discoveryURL"] {
                if jwt.at(&["issuer", field]).is_some_and(|url| !url.text().starts_with("https://")) {
                    let violation = Violation::at(format!("{base}/issuer/{field}"), format!("`{field}` is not HTTPS: the API server refuses this"));
                    reporter.report(violation.advice("use HTTPS"));
                }
            }
        }
    }),
};

static PREFIX: Check = Check {
    id: "CTL-authentication-prefix",
    title: "Issuer of tokens may name users and groups of the system",
    severity: Severity::High,
    docs: "
## What it detects
`claimMappings` of an AuthenticationConfiguration that take groups (high) or the user name (medium) from a claim without a prefix, where no rule of `userValidationRules` speaks of `system:`.

## Why it matters
Whoever can put `system:masters` into the groups of a token, at the issuer or in the directory behind it, is administrator of the cluster, and no role can take that away.

## How to fix
Set a prefix (`oidc:`), or refuse names that start with `system:` in `userValidationRules`.
",
    references: &[AUTHENTICATING],
    run: Run::Object(AUTHENTICATION, |object, reporter| {
        for (base, jwt) in issuers(object) {
            let mut checks = jwt.get("userValidationRules").into_iter().flat_map(Node::items);
            if checks.any(|rule| rule.get("expression").is_some_and(|text| text.text().contains("system:"))) {
                continue;
            }
            for (field, severity) in [("groups", Severity::High), ("username", Severity::Medium)] {
                let Some(mapping) = jwt.at(&["claimMappings", field]) else { continue };
                let of = |key| mapping.get(key).map_or("", Node::text);
                // An expression that adds text has it in quotes.
                let bare = (!of("claim").is_empty() && of("prefix").is_empty())
                    || (!of("expression").is_empty() && !of("expression").contains(['"', '\'']));
                if bare {
                    let violation = Violation::at(format!("{base}/claimMappings/{field}"), format!("`{field}` come from the token without a prefix"));
                    reporter.report(violation.severity(severity).advice("set a prefix, or refuse names that start with `system:`"));
                }
            }
        }
    }),
};

/// The authorizers of an AuthorizationConfiguration: pointer, type and node.
fn authorizers<'a>(object: &Object<'a>) -> impl Iterator<Item = (String, &'a str, Node<'a>)> {
    let authorizers = object.node.get("authorizers").into_iter().flat_map(Node::items).enumerate();
    authorizers.map(|(at, one)| (format!("/authorizers/{at}"), one.get("type").map_or("", Node::text), one))
}

static MODES: Check = Check {
    id: "CTL-authorization-modes",
    title: "Authorizers of the API server let too much through",
    severity: Severity::High,
    docs: "
## What it detects
An AuthorizationConfiguration with the authorizer `AlwaysAllow` (critical), without `RBAC` (high), or without `Node` (medium).

## Why it matters
`AlwaysAllow` allows everything that those before it did not refuse. Without `RBAC`, roles and bindings have no effect. Without `Node`, a kubelet reads the Secrets of all pods.

## How to fix
List `Node` and `RBAC`, and no `AlwaysAllow`.
",
    references: &[cis("1.2.5"), cis("1.2.6"), cis("1.2.7"), AUTHORIZING],
    run: Run::Object(AUTHORIZATION, |object, reporter| {
        for (place, ..) in authorizers(object).filter(|(_, kind, _)| *kind == "AlwaysAllow") {
            let violation = Violation::at(place, "everybody who is let in may do everything").severity(Severity::Critical);
            reporter.report(violation.cured_by("remove the authorizer", None).needs("which clients rely on it; the audit log shows them"));
        }
        for (wanted, severity) in [("RBAC", Severity::High), ("Node", Severity::Medium)] {
            if !authorizers(object).any(|(_, kind, _)| kind == wanted) {
                let violation = Violation::at("/authorizers", format!("there is no authorizer of the type `{wanted}`")).severity(severity);
                let value = serde_json::json!({"type": wanted, "name": wanted.to_lowercase()});
                let violation = violation.cured_at(format!("add `{wanted}`"), "/authorizers/-", Some(value));
                reporter.report(violation.needs("who has to be granted what then"));
            }
        }
    }),
};

static NO_OPINION: Check = Check {
    id: "CTL-authorization-webhook-open",
    title: "Authorization webhook that fails is passed over",
    severity: Severity::Low,
    docs: "
## What it detects
A webhook of an AuthorizationConfiguration with `failurePolicy: NoOpinion` that stands before other authorizers.

## Why it matters
When the webhook does not answer, those after it decide. What only the webhook refuses is allowed then.

## How to fix
Set `failurePolicy: Deny` where the webhook is there to refuse, with `matchConditions` that keep requests of the system away from it. Leave `NoOpinion` where it only allows more.
",
    references: &[AUTHORIZING],
    run: Run::Object(AUTHORIZATION, |object, reporter| {
        let last = authorizers(object).count().saturating_sub(1);
        for (place, _, one) in authorizers(object).take(last).filter(|(_, kind, _)| *kind == "Webhook") {
            if one.at(&["webhook", "failurePolicy"]).is_some_and(|policy| policy.text() == "NoOpinion") {
                let violation = Violation::at(format!("{place}/webhook/failurePolicy"), "a webhook that does not answer refuses nothing");
                let violation = violation.cured_by("set `failurePolicy: Deny`", Some("Deny".into()));
                reporter.report(violation.needs("whether the webhook is there to refuse"));
            }
        }
    }),
};
