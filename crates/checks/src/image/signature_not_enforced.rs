//! `IMG-signature-not-enforced`

use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "IMG-signature-not-enforced",
    title: "Signatures of images are looked at but not demanded",
    severity: Severity::Medium,
    docs: "
## What it detects
A policy that verifies the signatures of images and lets pass what has none: a ClusterImagePolicy of Sigstore with `mode: warn` or an authority that always passes, a `verifyImages` rule of Kyverno that audits or does not require the signature, an ImageValidatingPolicy of Kyverno that does not deny.

## Why it matters
A forged image runs, and a line in a report says so. Who has taken over the registry or the pipeline is not stopped.

## How to fix
Sign what is missing, as the reports show it, then set the policy to enforce.
",
    references: &[
        kubescape("C-0236"),
        kubescape("C-0237"),
        docs("Sigstore policy-controller", "https://docs.sigstore.dev/policy-controller/overview/"),
        docs("Kyverno verify images", "https://kyverno.io/docs/policy-types/cluster-policy/verify-images/"),
    ],
    run: Run::Object(
        &["policy.sigstore.dev/ClusterImagePolicy", "kyverno.io/ClusterPolicy", "kyverno.io/Policy", "policies.kyverno.io/ImageValidatingPolicy"],
        look,
    ),
};

const SIGNED: &str = "whether all images that the policy selects are signed";

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    match object.kind {
        "ClusterImagePolicy" => sigstore(object, reporter),
        "ImageValidatingPolicy" => image_validating(object, reporter),
        _ => verify_images(object, reporter),
    }
}

fn sigstore(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.node.at(&["spec", "mode"]).is_some_and(|mode| mode.text() == "warn") {
        let violation = Violation::at("/spec/mode", "the policy only warns of images without a valid signature");
        reporter.report(violation.cured_by("enforce it", Some("enforce".into())).needs(SIGNED));
    }
    for (at, authority) in object.node.at(&["spec", "authorities"]).into_iter().flat_map(Node::items).enumerate() {
        if authority.at(&["static", "action"]).is_some_and(|action| action.text() == "pass") {
            let violation =
                Violation::at(format!("/spec/authorities/{at}/static/action"), format!("authority {at} passes every image, signed or not"));
            reporter.report(violation.advice("name the key or the identity that signs these images"));
        }
    }
}

fn image_validating(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(actions) = object.node.at(&["spec", "validationActions"]) else { return };
    if actions.items().next().is_some() && !actions.items().any(|action| action.text() == "Deny") {
        let violation = Violation::at("/spec/validationActions", "the policy does not deny images without a valid signature");
        reporter.report(violation.cured_by("deny them", Some(serde_json::json!(["Deny"]))).needs(SIGNED));
    }
}

fn verify_images(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let of_policy = object.node.at(&["spec", "validationFailureAction"]).map(Node::text);
    for (at, rule) in object.node.at(&["spec", "rules"]).into_iter().flat_map(Node::items).enumerate() {
        let name = rule.get("name").map_or("", Node::text);
        for (of, verify) in rule.get("verifyImages").into_iter().flat_map(Node::items).enumerate() {
            let pointer = |field: &str| format!("/spec/rules/{at}/verifyImages/{of}/{field}");
            let action = verify.get("failureAction").map(Node::text).or(of_policy).unwrap_or("Audit");
            if !action.eq_ignore_ascii_case("enforce") {
                let violation =
                    Violation::at(pointer("failureAction"), format!("rule `{name}` only audits images without a valid signature"));
                reporter.report(violation.cured_by("enforce it", Some("Enforce".into())).needs(SIGNED));
            }
            if verify.get("required").and_then(Node::as_bool) == Some(false) {
                let violation = Violation::at(pointer("required"), format!("rule `{name}` does not require that images are verified"));
                reporter.report(violation.cured_by("require it", Some(true.into())).needs(SIGNED));
            }
        }
    }
}
