//! Maps of who talks to whom: places in regions, and ways between them, as a page, as SVG, as DOT.
//!
//! It knows nothing of what it draws: whoever has a network makes a [`Map`] of it.

mod dot;
mod fold;
mod layers;
mod layout;
mod page;
mod route;
mod svg;

pub use crate::diagram::Form;

use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// A map.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Map {
    /// What it shows.
    pub title: String,
    /// A sentence below the title.
    pub summary: String,
    /// What is worth to know about all of it.
    pub notes: Vec<String>,
    /// Regions, by name: namespaces.
    pub regions: Vec<String>,
    /// Places.
    pub places: Vec<Place>,
    /// Ways between places.
    pub ways: Vec<Way>,
}

/// Something that ways start at or lead to.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// What it is called, short.
    pub label: String,
    /// What kind of thing it is, in a few words.
    pub caption: String,
    /// Its region, by its place in [`Map::regions`]; none for what lies outside of all.
    pub region: Option<usize>,
    /// What it is.
    pub kind: PlaceKind,
    /// All that is worth to know about it, one a line; the names of all that it stands for, where these are many.
    pub facts: Vec<String>,
}

/// What a place is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PlaceKind {
    /// A workload of the cluster.
    #[default]
    Workload,
    /// Addresses outside of the cluster.
    Outside,
    /// A way into the cluster: an ingress controller, a gateway.
    Entrance,
}

/// That one place may send to another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// The place that it starts at, in [`Map::places`].
    pub from: usize,
    /// The place that it leads to.
    pub to: usize,
    /// What may be sent, short: `TCP 80, 443`.
    pub label: String,
    /// What has become of it.
    pub state: WayState,
    /// What shows it, one a line.
    pub facts: Vec<String>,
}

/// What has become of a way between two states of the world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WayState {
    /// It is there.
    #[default]
    Open,
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It is there no more, and something was seen to use it.
    Broken,
}

/// Writes a map. Ways to places that are not there are left out.
///
/// # Errors
/// Those of `out`.
pub fn render(map: &Map, form: Form, out: &mut dyn Write) -> io::Result<()> {
    match form {
        Form::Dot => dot::render(map, out),
        Form::Html => page::render(map, out),
        Form::Svg => {
            writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
            svg::Picture::of(map).render(true, out)
        }
        Form::Json => {
            serde_json::to_writer_pretty(&mut *out, map)?;
            writeln!(out)
        }
    }
}

/// The JSON schema of [`Form::Json`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Map).to_value()
}

#[cfg(test)]
mod tests;
