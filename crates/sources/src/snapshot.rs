//! Snapshots: what a scan needs of a cluster in one file, to be looked at offline.
//!
//! A gzipped tar archive: `snapshot.json` first, then `lists/<resource>/<page>.json`. The same lists give the same bytes.

use crate::cluster::{Lists, unlisted};
use crate::{Found, Options, files};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use plimsoll_model::{Origin, Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The member that says what an archive is.
pub(crate) const INDEX: &str = "snapshot.json";
const KIND: &str = "Snapshot";
const API_VERSION: &str = "plimsoll.dev/v1";

/// `snapshot.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    api_version: String,
    kind: String,
    /// When the lists were read, RFC 3339.
    taken_at: String,
    /// `gitVersion` of the API server.
    server_version: String,
    /// Whether values of Secrets are in it.
    secret_data: bool,
    /// What could not be read.
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Unreadable {
    resource: String,
    reason: String,
}

/// Writes `lists` as a snapshot taken at `taken_at` (RFC 3339).
pub fn write(out: impl Write, lists: &Lists, taken_at: &str) -> io::Result<()> {
    let gzip: GzEncoder<_> = GzBuilder::new().mtime(0).write(out, Compression::default());
    let mut archive = tar::Builder::new(gzip);
    let index = Index {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        taken_at: taken_at.to_owned(),
        server_version: lists.server_version.clone(),
        secret_data: lists.secret_data,
        unreadable: lists.unreadable.iter().cloned().map(|(resource, reason)| Unreadable { resource, reason }).collect(),
    };
    append(&mut archive, INDEX, &serde_json::to_vec_pretty(&index)?)?;
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for page in &lists.pages {
        let number = numbers.entry(&page.resource).or_default();
        *number += 1;
        append(&mut archive, &format!("lists/{}/{number:05}.json", page.resource), page.text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.flush()
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, name, bytes)
}

/// Takes `bytes` as the index of a snapshot: what could not be read then is a problem now. `false` if it is none.
pub(crate) fn read_index(archive: &str, bytes: &[u8], found: &mut Found) -> bool {
    let Ok(index) = serde_json::from_slice::<Index>(bytes) else { return false };
    if index.kind != KIND {
        return false;
    }
    if index.api_version != API_VERSION {
        let message = format!("a snapshot of version `{}`, this program reads `{API_VERSION}`", index.api_version);
        found.problems.push(Problem::new(ProblemKind::Unreadable, message).target(archive));
    }
    found.problems.extend(index.unreadable.iter().map(|one| unlisted(archive, &one.resource, &one.reason)));
    true
}

/// What the user reads for a member: `snapshot.tgz:deployments.apps`.
pub(crate) fn name(archive: &str, member: &str) -> String {
    format!("{archive}:{}", member.split('/').nth(1).unwrap_or(member))
}

/// Reads an unpacked snapshot. `false` if the directory is none.
pub(crate) fn directory(root: &Path, options: &Options, found: &mut Found) -> bool {
    let place = files::name(root);
    let Ok(index) = fs::read(root.join(INDEX)) else { return false };
    if !read_index(&place, &index, found) {
        return false;
    }
    for entry in ignore::WalkBuilder::new(root.join("lists")).standard_filters(false).sort_by_file_path(Ord::cmp).build().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let member = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            let pending = files::Pending { path: path.to_owned(), name: name(&place, &member), origin: Origin::Live };
            match pending.read(options.limits) {
                Ok(source) => found.sources.push(source),
                Err(problem) => found.problems.push(problem),
            }
        }
    }
    true
}
