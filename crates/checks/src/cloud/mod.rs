//! What the APIs of clouds say of managed clusters, as Kubescape writes it down: `ClusterDescribe` and `DescribeRepositories` objects
//! of groups `eks.amazonaws.com`, `container.googleapis.com` and `management.azure.com`.

mod aks;
mod eks;
mod every;

use crate::check::Check;
use crate::host::Data;
use plimsoll_model::{Node, Object};

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [aks::ALL, eks::ALL, every::ALL].into_iter().flatten()
}

/// The value at `path` of an answer. Clouds' command lines and libraries spell keys differently: case and underscores do not count.
fn at<'a>(object: &Object<'a>, path: &[&str]) -> Option<Data<'a>> {
    path.iter().try_fold(Data::of(object)?, |data, wanted| field(&data, wanted))
}

/// The value of one key, spelt in any way; `None` for `null`.
fn field<'a>(data: &Data<'a>, wanted: &str) -> Option<Data<'a>> {
    let letters = |text: &str| text.chars().filter(|letter| *letter != '_').map(|letter| letter.to_ascii_lowercase()).collect::<String>();
    let wanted = letters(wanted);
    let (key, node) = data.node.entries().find(|(key, value)| letters(key.text()) == wanted && !value.is_null())?;
    Some(Data { node, pointer: format!("{}/{}", data.pointer, plimsoll_model::escape(key.text())) })
}

/// Whether the value at `path` is `true`.
fn is_on(object: &Object<'_>, path: &[&str]) -> bool {
    at(object, path).and_then(|data| data.node.as_bool()) == Some(true)
}

/// The JSON pointer to what is at `path`, or to as much of it as there is.
fn pointer(object: &Object<'_>, path: &[&str]) -> String {
    let reached = (0..=path.len()).rev().find_map(|length| at(object, path.get(..length)?));
    reached.map_or_else(String::new, |data| data.pointer)
}

/// The text of a scalar; empty where there is none.
fn text<'a>(object: &Object<'a>, path: &[&str]) -> &'a str {
    at(object, path).map_or("", |data| Node::text(data.node))
}

/// A table of checks: one row each.
macro_rules! checks {
    ($($name:literal, $severity:ident, $title:literal, [$($kind:literal),*], $look:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        /// One check a row.
        pub(super) static ALL: &[Check] = &[$(
            Check {
                id: concat!("CLOUD-", $name),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, "\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Object(&[$($kind),*], $look),
            },
        )*];
    };
}
use checks;
