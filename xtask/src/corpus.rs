//! A corpus to measure on: realistic manifests, the same for the same seed.

use anyhow::Context;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Write a corpus of workloads for benches: about 1.5 kB a workload.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory, which is made; files in it are overwritten.
    directory: PathBuf,
    /// Files.
    #[arg(long, default_value_t = 2000)]
    files: usize,
    /// Workloads in all files together.
    #[arg(long, default_value_t = 10_000)]
    workloads: usize,
    /// Another seed, another corpus.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let bytes = write(&args.directory, args.files, args.workloads, args.seed)?;
    println!("{} workloads in {} files, {:.1} MB in {}", args.workloads, args.files, bytes as f64 / 1e6, args.directory.display());
    Ok(())
}

/// Writes the corpus and returns its size in bytes.
pub(crate) fn write(directory: &Path, files: usize, workloads: usize, seed: u64) -> anyhow::Result<usize> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut dice = Dice(seed);
    let mut bytes = 0;
    for file in 0..files {
        let namespace = format!("team-{:02}", file % 50);
        let mut text = format!("# Component {file} of {namespace}.\n");
        let (from, to) = (file * workloads / files, (file + 1) * workloads / files);
        for number in from..to {
            workload(&mut text, number, &namespace, &mut dice);
        }
        bytes += text.len();
        let path = directory.join(format!("{namespace}/component-{file:04}.yaml"));
        std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(bytes)
}

/// The manifests in a directory, by name.
pub(crate) fn manifests(directory: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let read = |path: &PathBuf| Ok((path.display().to_string(), std::fs::read_to_string(path)?));
    paths.iter().map(read).collect()
}

/// Writes copies of the manifests in `from`, one file a copy, each with namespaces of its own.
pub(crate) fn copy(from: &Path, copies: usize, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    std::fs::create_dir_all(to)?;
    let manifests = manifests(from)?;
    for copy in 0..copies {
        let mut text = String::new();
        for (_, manifest) in &manifests {
            let named = manifest.lines().any(|line| line.starts_with("  namespace: "));
            text.push_str("---\n");
            for line in manifest.lines().filter(|line| *line != "---") {
                match line {
                    "metadata:" if !named => writeln!(text, "metadata:\n  namespace: team-{copy}")?,
                    line if line.starts_with("  namespace: ") => writeln!(text, "{}-{copy}", line.trim_end())?,
                    line => writeln!(text, "{line}")?,
                }
            }
        }
        std::fs::write(to.join(format!("{copy:03}.yaml")), text)?;
    }
    Ok(())
}

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    /// Another seed, other dice.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides
    }
}

/// How well a workload is written: of a hundred, 55 meet restricted, 30 say nothing of security, 15 have real mistakes.
#[derive(Clone, Copy, PartialEq)]
enum Care {
    Restricted,
    Plain,
    Mistaken,
}

// Writing to a string does not fail.
fn workload(text: &mut String, number: usize, namespace: &str, dice: &mut Dice) {
    let care = match dice.roll(100) {
        0..55 => Care::Restricted,
        55..85 => Care::Plain,
        _ => Care::Mistaken,
    };
    let (kind, version, template) = match dice.roll(10) {
        0..6 => (
            "Deployment",
            "apps/v1",
            "spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: NAME\n  template:\n",
        ),
        6 => (
            "StatefulSet",
            "apps/v1",
            "spec:\n  serviceName: NAME\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: NAME\n  template:\n",
        ),
        7 => ("DaemonSet", "apps/v1", "spec:\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: NAME\n  template:\n"),
        8 => ("Job", "batch/v1", "spec:\n  backoffLimit: 3\n  template:\n"),
        _ => ("CronJob", "batch/v1", "spec:\n  schedule: \"17 3 * * *\"\n  jobTemplate:\n    spec:\n      template:\n"),
    };
    let name = format!("service-{number:05}");
    let _ = write!(
        text,
        "---\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  labels:\n    app.kubernetes.io/name: {name}\n    app.kubernetes.io/part-of: shop\n{}",
        template.replace("NAME", &name)
    );
    let depth = if kind == "CronJob" { 8 } else { 4 };
    let mut pod = String::from("metadata:\n  labels:\n    app.kubernetes.io/name: NAME\nspec:\n");
    if matches!(kind, "Job" | "CronJob") {
        pod.push_str("  restartPolicy: Never\n");
    }
    if care == Care::Restricted {
        pod.push_str("  # Hardened by the platform team.\n  securityContext:\n    runAsNonRoot: true\n    runAsUser: 10001\n    seccompProfile:\n      type: RuntimeDefault\n");
    }
    if care == Care::Mistaken && dice.roll(3) == 0 {
        pod.push_str("  hostNetwork: true\n");
    }
    pod.push_str("  containers:\n");
    for index in 0..=(dice.roll(5) / 3) {
        container(&mut pod, index, care, dice);
    }
    if care == Care::Mistaken && dice.roll(2) == 0 {
        pod.push_str("  volumes:\n  - name: data\n    hostPath:\n      path: /var/lib/data\n");
    } else {
        pod.push_str("  volumes:\n  - name: data\n    emptyDir: {}\n  - name: config\n    configMap:\n      name: NAME\n");
    }
    let indent = " ".repeat(depth);
    for line in pod.replace("NAME", &name).lines() {
        let _ = writeln!(text, "{indent}{line}");
    }
}

fn container(pod: &mut String, index: u64, care: Care, dice: &mut Dice) {
    let _ = write!(
        pod,
        "  - name: {}\n    image: registry.example/team/NAME:{}.{}.{}\n    args: [\"--listen=:8080\", \"--log=json\"]\n",
        ["main", "proxy", "metrics"][index as usize % 3],
        dice.roll(4),
        dice.roll(20),
        dice.roll(10)
    );
    pod.push_str("    env:\n");
    for variable in 0..dice.roll(3) {
        let _ = write!(pod, "    - name: SETTING_{variable}\n      value: \"{}\"\n", dice.roll(100_000));
    }
    pod.push_str("    ports:\n    - name: http\n      containerPort: 8080\n");
    pod.push_str("    readinessProbe:\n      httpGet:\n        path: /healthz\n        port: http\n      periodSeconds: 5\n");
    pod.push_str("    resources:\n      requests:\n        cpu: 100m\n        memory: 128Mi\n      limits:\n        memory: 256Mi\n");
    match care {
        Care::Restricted => pod.push_str("    securityContext:\n      allowPrivilegeEscalation: false\n      readOnlyRootFilesystem: true\n      capabilities:\n        drop:\n        - ALL\n"),
        Care::Mistaken if dice.roll(3) == 0 => pod.push_str("    securityContext:\n      privileged: true\n"),
        _ => {}
    }
    pod.push_str("    volumeMounts:\n    - name: data\n      mountPath: /data\n");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_seed_gives_the_same_corpus() {
        let make = |seed| {
            let directory = tempfile::tempdir().unwrap();
            super::write(directory.path(), 2, 9, seed).unwrap();
            std::fs::read_to_string(directory.path().join("team-01/component-0001.yaml")).unwrap()
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}
