//! The invariants of ARCHITECTURE.md as checks, each one a function that names what breaks it.

use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

type Rule = (&'static str, fn(&Tree) -> Vec<String>);

const RULES: &[Rule] = &[
    ("rooms depend only on rooms that they may know", edges),
    ("heavy dependencies stay in their rooms", heavy_dependencies),
    ("the model and the engines do no IO", no_io),
    ("every file of code says what it is", file_docs),
    ("every room is in ARCHITECTURE.md", rooms_are_mapped),
    ("lints are excepted with a reason, tests are not ignored", no_escapes),
    ("files are small enough to hold in mind", file_sizes),
    ("no trailing blanks, no tabs, a line end at the end", whitespace),
    ("no machine paths and no registry hosts", no_machine_words),
    ("links in documents lead somewhere", links),
    ("every crate names its licence", licences),
];

/// The engines: pure functions over the model that do not know each other.
const ENGINES: &[&str] = &["pod-security", "checks", "policy", "access", "network", "images", "isolation", "detect", "audit"];

/// What is outside of the engines, and the rooms that each may know.
const OTHERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("sources", &["model"]),
    ("sensor", &["model"]),
    ("report", &["model"]),
    ("sinks", &["model"]),
    ("store", &["model"]),
    ("admission", &["model", "pod-security", "policy", "images", "isolation"]),
];

/// Crates that only some rooms may name.
const HEAVY: &[(&str, &[&str])] = &[
    ("kube", &["sources", "server"]),
    ("k8s-openapi", &["sources", "server"]),
    ("tokio", &["sources", "server"]),
    ("rusqlite", &["store"]),
    ("tantivy", &["store"]),
    ("aya", &["sensor"]),
    ("regorus", &["policy"]),
    ("ureq", &["sinks"]),
];

/// What does IO, asks the clock or the environment, or waits.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::io::stdin",
    "SystemTime",
    "Instant::now",
    "println!",
    "eprintln!",
    "async fn",
    "tokio::",
    "Zoned::now",
    "Timestamp::now",
];

/// Longest file of code, in lines.
const LONGEST: usize = 700;

struct Tree {
    /// Path from the root, and text; files that are not text are left out.
    files: BTreeMap<PathBuf, String>,
}

pub(crate) fn run() -> anyhow::Result<bool> {
    let tree = Tree::read()?;
    let mut good = true;
    for (name, rule) in RULES {
        let broken = rule(&tree);
        println!("{} {name}", if broken.is_empty() { "ok    " } else { "BROKEN" });
        broken.iter().for_each(|line| println!("       {line}"));
        good &= broken.is_empty();
    }
    Ok(good)
}

impl Tree {
    /// The files that git tracks or would track.
    fn read() -> anyhow::Result<Self> {
        let root = crate::root();
        let output = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root)
            .output()
            .context("git does not answer")?;
        let names = String::from_utf8(output.stdout)?;
        let read = |name: &str| Some((PathBuf::from(name), std::fs::read_to_string(root.join(name)).ok()?));
        Ok(Self { files: names.lines().filter_map(read).collect() })
    }

    fn with<'t>(&'t self, extensions: &'t [&str]) -> impl Iterator<Item = (&'t Path, &'t str)> {
        let fits = |path: &Path| path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known));
        self.files.iter().filter(move |(path, _)| fits(path)).map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// Manifests of rooms: the room, and the names of its dependencies.
    fn rooms(&self) -> BTreeMap<String, Vec<String>> {
        let manifests = self.files.iter().filter(|(path, _)| path.starts_with("crates") && path.ends_with("Cargo.toml"));
        manifests
            .filter_map(|(path, text)| {
                let room = path.components().nth(1)?.as_os_str().to_str()?.to_owned();
                let manifest: toml::Table = text.parse().ok()?;
                let names = manifest.get("dependencies").and_then(toml::Value::as_table).map(|table| table.keys().cloned().collect());
                Some((room, names.unwrap_or_default()))
            })
            .collect()
    }

    /// The code of a room without its tests.
    fn code_of<'t>(&'t self, room: &'t str) -> impl Iterator<Item = (&'t Path, String)> {
        let sources = Path::new("crates").join(room).join("src");
        self.with(&["rs"]).filter(move |(path, _)| path.starts_with(&sources)).map(|(path, text)| (path, without_tests(text)))
    }
}

/// `text` up to its module of tests, without comments.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn edges(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (room, dependencies) in tree.rooms() {
        let allowed: &[&str] = match OTHERS.iter().find(|(known, _)| *known == room) {
            Some((_, allowed)) => allowed,
            None if ENGINES.contains(&room.as_str()) => &["model"],
            // The service and the command line may know everything.
            None => continue,
        };
        for other in dependencies.iter().filter_map(|name| name.strip_prefix("plimsoll-")) {
            if !allowed.contains(&other) {
                broken.push(format!("crates/{room} must not depend on `{other}`"));
            }
        }
    }
    broken
}

fn heavy_dependencies(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (room, dependencies) in tree.rooms() {
        for (heavy, allowed) in HEAVY {
            if dependencies.iter().any(|name| name == heavy) && !allowed.contains(&room.as_str()) {
                broken.push(format!("crates/{room} must not depend on `{heavy}`, which belongs into {}", allowed.join(" or ")));
            }
        }
    }
    broken
}

fn no_io(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for room in ENGINES.iter().chain(&["model", "admission"]) {
        for (path, code) in tree.code_of(room) {
            broken.extend(IMPURE.iter().filter(|word| code.contains(**word)).map(|word| format!("{} uses `{word}`", path.display())));
        }
    }
    broken
}

fn file_docs(tree: &Tree) -> Vec<String> {
    let undocumented = tree.with(&["rs"]).filter(|(_, text)| !text.trim_start_matches("#![no_main]").trim_start().starts_with("//!"));
    undocumented.map(|(path, _)| format!("{} does not start with `//!`", path.display())).collect()
}

fn rooms_are_mapped(tree: &Tree) -> Vec<String> {
    let map = tree.files.get(Path::new("ARCHITECTURE.md")).map_or("", String::as_str);
    let unknown = tree.rooms().into_keys().filter(|room| !map.contains(&format!("crates/{room}")));
    unknown.map(|room| format!("ARCHITECTURE.md does not speak of crates/{room}")).collect()
}

fn no_escapes(tree: &Tree) -> Vec<String> {
    let words =
        [concat!("#[", "allow("), concat!("#![", "allow("), concat!("#[", "ignore"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    find(tree.with(&["rs"]), &words)
}

fn file_sizes(tree: &Tree) -> Vec<String> {
    let long = tree.with(&["rs", "js", "css", "sh"]).map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > LONGEST);
    long.map(|(path, lines)| format!("{} has {lines} lines; {LONGEST} are the most", path.display())).collect()
}

fn whitespace(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in tree.with(&["rs", "md", "yaml", "yml", "toml", "sh", "js", "css", "json"]) {
        for (number, line) in text.lines().enumerate() {
            if line.ends_with(' ') || line.contains('\t') {
                broken.push(format!("{}:{} has a tab or ends with a blank", path.display(), number + 1));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            broken.push(format!("{} does not end with a line end", path.display()));
        }
    }
    broken
}

fn no_machine_words(tree: &Tree) -> Vec<String> {
    // Put together here, so that this file does not break its own rule.
    let words =
        [concat!("/wo", "rk/"), concat!("crates", ".io"), concat!("py", "pi.org"), concat!("registry.", "npmjs"), concat!("/ro", "ot/")];
    // What rules look for are paths of the machines that they watch.
    let watches = |path: &Path| path.starts_with("rules") || path.starts_with("crates/detect/tests/ruleset");
    let files = tree.files.iter().filter(|(path, _)| !path.ends_with("Cargo.lock")).map(|(path, text)| (path.as_path(), text.as_str()));
    let (watching, others): (Vec<_>, Vec<_>) = files.partition(|(path, _)| watches(path));
    let [most @ .., _] = &words;
    [find(others.into_iter(), &words), find(watching.into_iter(), most)].concat()
}

fn find<'t>(files: impl Iterator<Item = (&'t Path, &'t str)>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (number, line) in text.lines().enumerate() {
            found.extend(
                words.iter().filter(|word| line.contains(**word)).map(|word| format!("{}:{} has `{word}`", path.display(), number + 1)),
            );
        }
    }
    found
}

fn links(tree: &Tree) -> Vec<String> {
    let root = crate::root();
    let mut broken = Vec::new();
    for (path, text) in tree.with(&["md"]) {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or("");
            let outside = target.contains("://") || target.is_empty() || target.contains(' ');
            if !outside && !root.join(path).parent().is_some_and(|directory| directory.join(target).exists()) {
                broken.push(format!("{} links to {target}, which is not there", path.display()));
            }
        }
    }
    broken
}

fn licences(tree: &Tree) -> Vec<String> {
    let manifests = tree.files.iter().filter(|(path, _)| path.ends_with("Cargo.toml") && path.as_path() != Path::new("Cargo.toml"));
    let named: BTreeSet<_> = manifests.clone().filter(|(_, text)| text.contains("license")).map(|(path, _)| path).collect();
    manifests
        .map(|(path, _)| path)
        .filter(|path| !named.contains(path))
        .map(|path| format!("{} names no licence", path.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree { files: files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect() }
    }

    #[test]
    fn the_tree_is_tidy() {
        let tree = Tree::read().unwrap();
        let broken: Vec<String> = RULES.iter().flat_map(|(_, rule)| rule(&tree)).collect();
        assert_eq!(broken, Vec::<String>::new());
    }

    /// Each rule finds what breaks it.
    #[test]
    fn rules_bite() {
        type Case = (fn(&Tree) -> Vec<String>, &'static str, &'static str);
        let table: &[Case] = &[
            (edges, "crates/model/Cargo.toml", "[dependencies]\nplimsoll-report.workspace = true\n"),
            (edges, "crates/pod-security/Cargo.toml", "[dependencies]\nplimsoll-checks.workspace = true\n"),
            (heavy_dependencies, "crates/report/Cargo.toml", "[dependencies]\nkube = \"5\"\n"),
            (no_io, "crates/model/src/x.rs", "fn f() { std::fs::read(\"x\"); }\n"),
            (file_docs, "crates/model/src/x.rs", "fn f() {}\n"),
            (rooms_are_mapped, "crates/new/Cargo.toml", "[package]\n"),
            (no_escapes, "crates/model/src/x.rs", concat!("#[", "allow(dead_code)]\n")),
            (whitespace, "x.md", "a \n"),
            (whitespace, "x.md", "a"),
            (no_machine_words, "x.md", concat!("see /wo", "rk/x\n")),
            (links, "x.md", "[a](no/such/file.md)\n"),
            (licences, "crates/new/Cargo.toml", "[package]\n"),
        ];
        for (rule, path, text) in table {
            assert_eq!(rule(&tree(&[(path, text)])).len(), 1, "{path} {text}");
        }
        assert_eq!(file_sizes(&tree(&[("x.rs", &"\n".repeat(LONGEST + 1))])).len(), 1);
        assert_eq!(
            no_io(&tree(&[("crates/model/src/x.rs", "// std::fs\n#[cfg(test)]\nmod tests { use std::fs; }\n")])),
            Vec::<String>::new()
        );
    }
}
