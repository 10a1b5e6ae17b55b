//! A new posture check: its file, its fixture and its line in the domain's `mod.rs`.

use crate::ids;
use anyhow::{Context, bail};
use plimsoll_checks::DOMAINS;
use std::path::Path;
use std::process::Command;

/// Make the files of a new posture check; it works at once, and says what to put in its place.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory under `crates/checks/src`: `pod`, `isolation`, ….
    domain: String,
    /// A few words with dashes: `host-path-writable`. With the domain's prefix it becomes the id.
    name: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = crate::root();
    for path in scaffold(&root, &args.domain, &args.name)? {
        println!("wrote {path}");
    }
    let formatted = Command::new("cargo").args(["fmt", "--package", "plimsoll-checks"]).current_dir(&root).status()?;
    if !formatted.success() {
        bail!("`cargo fmt` failed");
    }
    println!("Say in the new file what it looks at, mark the places in the fixture with `# expect`, then:");
    println!("  cargo nextest run -p plimsoll-checks && cargo xtask gen");
    Ok(())
}

/// Writes the files below `root`, and names them.
fn scaffold(root: &Path, domain: &str, name: &str) -> anyhow::Result<[String; 3]> {
    let Some((prefix, _)) = DOMAINS.iter().find(|(_, known)| *known == domain) else {
        let known: Vec<&str> = DOMAINS.iter().map(|(_, known)| *known).collect();
        bail!("there is no domain `{domain}`; there is {}", known.join(", "));
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !name.starts_with(|one: char| one.is_ascii_lowercase()) || !name.split('-').all(is_word) {
        bail!("`{name}` is no name for a check: lower-case words with dashes between them");
    }
    let id = format!("{prefix}-{name}");
    let list = std::fs::read_to_string(root.join(ids::PATH)).unwrap_or_default();
    if list.lines().any(|line| line.split(' ').next() == Some(id.as_str())) {
        bail!("`{id}` is or was the id of a check ({}); choose another name", ids::PATH);
    }
    let module = name.replace('-', "_");
    let [code, fixture, index] = [
        format!("crates/checks/src/{domain}/{module}.rs"),
        format!("crates/checks/fixtures/{domain}/{module}.yaml"),
        format!("crates/checks/src/{domain}/mod.rs"),
    ];
    for path in [&code, &fixture] {
        if root.join(path).exists() {
            bail!("{path} is there already");
        }
    }
    let text = std::fs::read_to_string(root.join(&index)).with_context(|| format!("cannot read {index}"))?;
    let (text, alone) = registered(&text, &module).with_context(|| format!("cannot add a line to {index}"))?;
    for (path, text) in [(&code, source(&id, name, alone)), (&fixture, manifest(name)), (&index, text)] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok([code, fixture, index])
}

/// `text` of a `mod.rs` with the module and its check, and whether the check stands in a list of single ones, or the
/// domain has tables alone.
fn registered(text: &str, module: &str) -> anyhow::Result<(String, bool)> {
    let name_of =
        |line: &str| line.trim_start_matches("pub(crate) ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')).map(str::to_owned);
    let mut lines: Vec<&str> = text.lines().collect();
    let declared: Vec<(usize, String)> = lines.iter().enumerate().filter_map(|(at, line)| Some((at, name_of(line)?))).collect();
    let (last, _) = declared.last().context("no line declares a module")?;
    let at = declared.iter().find(|(_, other)| other.as_str() > module).map_or(last + 1, |(at, _)| *at);
    let declaration = format!("mod {module};");
    lines.insert(at, &declaration);
    let text = lines.join("\n") + "\n";
    const SINGLE: &str = "static ALL: &[&Check] = &[";
    let (start, item, alone) = match (text.find(SINGLE), text.find("::ALL")) {
        (Some(found), _) => (found + SINGLE.len(), format!("&{module}::CHECK"), true),
        (None, Some(table)) => {
            let bracket = text.get(..table).and_then(|before| before.rfind('[')).context("no list of tables")?;
            (bracket + 1, format!("{module}::ALL"), false)
        }
        (None, None) => bail!("no list of checks"),
    };
    let (before, rest) = text.split_at_checked(start).context("no list of checks")?;
    let (items, after) = rest.split_once(']').context("the list of checks does not end")?;
    let mut items: Vec<&str> = items.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    items.push(&item);
    items.sort_unstable();
    Ok((format!("{before}{}]{after}", items.join(", ")), alone))
}

/// A check that works: it looks for an annotation, in whose place comes what the new one is about.
fn source(id: &str, name: &str, alone: bool) -> String {
    let title = name.replace('-', " ");
    let title = title.get(..1).unwrap_or_default().to_uppercase() + title.get(1..).unwrap_or_default();
    let (list, visible) = if alone { ("", "pub(super) ") } else { ("pub(super) static ALL: &[&Check] = &[&CHECK];\n\n", "") };
    format!(
        r#"//! `{id}`

use crate::check::{{Check, Run}};
use crate::reporter::Reporter;
use plimsoll_model::{{Severity, Violation, Workload}};

{list}{visible}static CHECK: Check = Check {{
    id: "{id}",
    title: "{title}",
    severity: Severity::Low,
    docs: "
## What it detects
A pod with the annotation `example.com/{name}`.

## Why it matters
What an attacker gains, or what breaks, in one or two sentences.

## How to fix
Remove the annotation.
",
    references: &[],
    run: Run::Workload(look),
}};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {{
    if workload.pod.annotation("example.com/{name}").is_some() {{
        let violation = Violation::at("/metadata/annotations/example.com~1{name}", "the pod carries the annotation");
        reporter.report(violation.cured_by("remove the annotation", None).needs("what it is for"));
    }}
}}
"#
    )
}

/// What the check objects to, and what it leaves alone.
fn manifest(name: &str) -> String {
    let pod = |pod: &str, annotation: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {pod}\n  namespace: shop\n  annotations:\n    {annotation}\nspec:\n  containers:\n  - name: main\n    image: registry.example.com/app:1.0\n"
        )
    };
    pod("wrong", &format!("example.com/{name}: \"true\"  # expect")) + "---\n" + &pod("right", "example.com/other: \"true\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::Stdio;

    /// A checkout with the `mod.rs` of every domain and nothing else.
    fn checkout() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (_, domain) in DOMAINS {
            let index = format!("crates/checks/src/{domain}/mod.rs");
            std::fs::create_dir_all(directory.path().join(&index).parent().unwrap()).unwrap();
            std::fs::copy(crate::root().join(&index), directory.path().join(&index)).unwrap();
        }
        directory
    }

    /// Whether `text` can be formatted, which asks for its grammar.
    fn is_rust(text: &str) -> bool {
        let mut formatter =
            Command::new("rustfmt").args(["--edition", "2024"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        formatter.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        formatter.wait().unwrap().success()
    }

    #[test]
    fn a_new_check_is_well_formed_in_every_domain() {
        let root = checkout();
        for (prefix, domain) in DOMAINS {
            let [code, fixture, index] = scaffold(root.path(), domain, "made-up-2").unwrap().map(|path| root.path().join(path));
            let text = std::fs::read_to_string(&code).unwrap();
            assert!(text.contains(&format!("id: \"{prefix}-made-up-2\"")) && text.contains("title: \"Made up 2\""), "{text}");
            for section in ["## What it detects", "## Why it matters", "## How to fix"] {
                assert!(text.contains(section));
            }
            assert!(is_rust(&text), "{text}");
            let fixture = std::fs::read_to_string(fixture).unwrap();
            assert_eq!(fixture.lines().filter(|line| line.ends_with("# expect")).count(), 1);
            let text = std::fs::read_to_string(index).unwrap();
            assert_eq!(text.matches("mod made_up_2;").count(), 1, "{text}");
            assert!(is_rust(&text), "{text}");
            // The list has the name that the file gives it.
            let list = if text.contains("&made_up_2::CHECK") { "pub(super) static CHECK" } else { "pub(super) static ALL" };
            assert_eq!(text.matches("made_up_2::").count(), 1, "{text}");
            assert!(std::fs::read_to_string(code).unwrap().contains(list));
            let before = std::fs::read_to_string(crate::root().join(format!("crates/checks/src/{domain}/mod.rs"))).unwrap();
            for module in before.lines().filter(|line| line.contains("mod ") && line.ends_with(';')) {
                assert!(text.contains(module), "{domain}: {module} is gone");
            }
        }
    }

    #[test]
    fn what_cannot_be_a_check_says_why() {
        let root = checkout();
        std::fs::write(root.path().join(ids::PATH), "POD-gone retired: POD-naked says it\n").unwrap();
        scaffold(root.path(), "pod", "new").unwrap();
        let table = [
            ("pods", "new", "there is no domain `pods`; there is cloud, cluster, control_plane"),
            ("pod", "New", "is no name for a check"),
            ("pod", "a--b", "is no name for a check"),
            ("pod", "../x", "is no name for a check"),
            ("pod", "gone", "`POD-gone` is or was the id of a check"),
            ("pod", "new", "new.rs is there already"),
        ];
        for (domain, name, wanted) in table {
            let error = scaffold(root.path(), domain, name).unwrap_err().to_string();
            assert!(error.contains(wanted), "{domain} {name}: {error}");
        }
    }
}
