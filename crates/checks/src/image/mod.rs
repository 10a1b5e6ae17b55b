//! What images workloads run.

mod allowed_repos_prefix;
mod cves;
mod floating_tag;
mod no_digest;
mod pull_policy_not_always;
mod pull_secret_type;
mod reference;
mod registry_forbidden;
mod registry_not_allowed;
mod retired_project;
mod retired_registry;
mod signature_not_enforced;
mod stale_floating_tag;

use crate::check::Check;
use crate::parameters::{FLOATING_TAGS, IMAGE_DIGESTS, REGISTRY_MIRROR};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Violation, Workload, shell_word};
use reference::Reference;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[
    &allowed_repos_prefix::CHECK,
    &cves::CVE_2022_23648,
    &cves::CVE_2022_24348,
    &cves::CVE_2022_39328,
    &cves::CVE_2022_47633,
    &cves::CVE_2025_1974,
    &floating_tag::CHECK,
    &no_digest::CHECK,
    &pull_policy_not_always::CHECK,
    &pull_secret_type::CHECK,
    &registry_forbidden::CHECK,
    &registry_not_allowed::CHECK,
    &retired_project::CHECK,
    &retired_registry::CHECK,
    &signature_not_enforced::CHECK,
    &stale_floating_tag::CHECK,
];

/// One image that a workload names: of a container, or of a volume that is made of an image.
struct Image<'w, 'a> {
    written: &'a str,
    reference: Reference<'a>,
    /// `imagePullPolicy` of the container, `pullPolicy` of the volume, as written.
    pull_policy: Option<&'a str>,
    workload: &'w Workload<'a>,
    place: Place<'a>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Container(usize),
    Volume(usize, &'a str),
}

/// Asks `look` about each image of `workload`. What a template has left open is not known.
fn each(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>, mut look: impl FnMut(&Image<'_, '_>, &mut Reporter<'_, '_>)) {
    let of_containers = workload.pod.containers.iter().enumerate().map(|(index, container)| {
        let policy = container.at(&["imagePullPolicy"]).map(Node::text);
        (Place::Container(index), container.image, policy)
    });
    let volumes = workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items).enumerate();
    let of_volumes = volumes.filter_map(|(index, volume)| {
        let image = volume.at(&["image", "reference"])?.text();
        let policy = volume.at(&["image", "pullPolicy"]).map(Node::text);
        Some((Place::Volume(index, volume.get("name").map_or("", Node::text)), image, policy))
    });
    for (place, written, pull_policy) in of_containers.chain(of_volumes) {
        let written = written.trim();
        if written.contains("$(") || written.contains("${") || written.contains("{{") {
            reporter.unknown(format!("what image `{written}` stands for"));
        } else if !written.is_empty() {
            look(&Image { written, reference: Reference::parse(written), pull_policy, workload, place }, reporter);
        }
    }
}

/// The command that asks a registry for an image.
fn inspect(image: &str) -> String {
    format!("skopeo inspect {}", shell_word(&format!("docker://{image}")))
}

impl Image<'_, '_> {
    /// A violation at the reference; the message is given what the image is of.
    fn violation(&self, message: impl FnOnce(&str) -> String) -> Violation {
        self.at(["image", "image/reference"], message)
    }

    /// A violation at the pull policy.
    fn pull_policy_violation(&self, message: impl FnOnce(&str) -> String) -> Violation {
        self.at(["imagePullPolicy", "image/pullPolicy"], message)
    }

    /// A violation at a field, which has one name in a container and another in a volume.
    fn at(&self, field: [&str; 2], message: impl FnOnce(&str) -> String) -> Violation {
        let [of_container, of_volume] = field;
        match self.place {
            Place::Container(index) => Violation::of_container(&self.workload.pod, index, &format!("/{of_container}"), message),
            Place::Volume(index, name) => Violation::at(format!("/spec/volumes/{index}/{of_volume}"), message(&format!("volume `{name}`"))),
        }
    }

    /// Cured by the digest that the user has found for the image; else, how to find it.
    fn pinned(&self, violation: Violation, what: &'static str, reporter: &Reporter<'_, '_>) -> Violation {
        let of_it = |pin: &&str| pin.rsplit_once('@').is_some_and(|(image, _)| image == self.written) && Reference::parse(pin).is_pinned();
        match reporter.parameters.get(&IMAGE_DIGESTS).find(of_it) {
            Some(pin) => violation.cured_by(what, Some(pin.into())).needs("whether the digest is the one of the image that was tested"),
            None => violation.advice(what),
        }
        .asked_by(format!("skopeo inspect --format '{{{{.Digest}}}}' {}", shell_word(&format!("docker://{}", self.written))))
    }

    /// Cured by the copy of the image in a registry that `is_fine`: the mirror that the user has chosen, else the first of
    /// `places`.
    fn copied<'p>(
        &self,
        violation: Violation,
        what: &'static str,
        reporter: &'p Reporter<'_, '_>,
        places: impl Iterator<Item = &'p str>,
        is_fine: impl Fn(&Reference<'_>) -> bool,
    ) -> Violation {
        let mut copies = reporter.parameters.get(&REGISTRY_MIRROR).chain(places).filter_map(|place| self.reference.copy_in(place));
        match copies.find(|copy| is_fine(&Reference::parse(copy))) {
            Some(copy) => {
                let command = inspect(&copy);
                let needs = format!("whether `{copy}` is there, and is the same image");
                violation.cured_by(what, Some(copy.into())).needs(needs).asked_by(command)
            }
            None => violation.advice(what),
        }
    }

    /// Whether the tag moves and nothing else says what is run: none, `latest`, or one that the user calls so.
    fn is_floating(&self, reporter: &Reporter<'_, '_>) -> bool {
        self.reference.digest.is_none()
            && self
                .reference
                .effective_tag()
                .is_some_and(|tag| tag == "latest" || reporter.parameters.get(&FLOATING_TAGS).any(|floating| floating == tag))
    }

    /// The policy that holds: what is not written follows from the tag (core/v1 `SetDefaults_Container`).
    fn effective_pull_policy(&self) -> &str {
        let default = if self.reference.effective_tag() == Some("latest") { "Always" } else { "IfNotPresent" };
        self.pull_policy.unwrap_or(default)
    }
}
