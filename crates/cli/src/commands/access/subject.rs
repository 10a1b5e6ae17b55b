//! Who is meant by one word, the same for every command.

use anyhow::bail;
use plimsoll_model::rbac::{Identity, Rbac};
use plimsoll_model::resources::distance;
use std::collections::BTreeSet;

/// Who is meant by `sa:NAMESPACE/NAME`, `user:NAME`, `group:NAME`, or a user name.
pub(super) fn identity(subject: &str) -> anyhow::Result<Identity<'_>> {
    let (kind, name) = subject.split_once(':').map_or(("", subject), |(kind, name)| (kind, name));
    match (kind.to_ascii_lowercase().as_str(), name) {
        ("sa" | "serviceaccount", account) => match account.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => Ok(Identity::ServiceAccount(namespace, name)),
            _ => bail!("a service account is written `sa:NAMESPACE/NAME`, not `{subject}`"),
        },
        (_, "") => bail!("`{subject}` names nobody: one of sa:NAMESPACE/NAME, user:NAME, group:NAME"),
        ("group", name) => Ok(Identity::Group(name)),
        ("user", name) => Ok(Identity::of_user(name)),
        _ => Ok(Identity::of_user(subject)),
    }
}

/// Whether a binding that was read names somebody.
pub(super) fn is_named(rbac: &Rbac<'_>, identity: Identity<'_>) -> bool {
    named(rbac).contains(&identity)
}

/// `; did you mean …?`, if a binding names somebody who is written almost as `subject`.
pub(super) fn alike(rbac: &Rbac<'_>, subject: &str) -> String {
    let bare = |text: &str| text.rsplit_once(':').map_or(text, |(_, name)| name).to_lowercase();
    let wanted = bare(subject);
    let written = |identity: &Identity<'_>| match identity {
        Identity::ServiceAccount(namespace, name) => format!("sa:{namespace}/{name}"),
        Identity::User(name) => format!("user:{name}"),
        Identity::Group(name) => format!("group:{name}"),
    };
    let all: BTreeSet<String> = named(rbac).iter().map(written).collect();
    let near: Vec<String> =
        all.into_iter().filter(|name| distance(&bare(name), &wanted) <= (wanted.chars().count() / 4).clamp(1, 3)).take(3).collect();
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

fn named<'a>(rbac: &Rbac<'a>) -> Vec<Identity<'a>> {
    rbac.bindings.iter().flat_map(|binding| &binding.subjects).map(|subject| subject.identity).collect()
}
