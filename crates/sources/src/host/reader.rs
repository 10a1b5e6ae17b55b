//! What the parts of a host data object are made of: files with their owners and texts, flags of processes.

use super::{Host, Process, base64};
use plimsoll_model::{Limits, Node, Origin, Problem, ProblemKind, Source, parse};
use serde_json::{Map, Value, json};
use std::io;

/// A host that is being read, and what could not be read of it.
pub(super) struct Reader<'h> {
    pub(super) host: &'h Host,
    pub(super) problems: Vec<Problem>,
}

/// What of a file goes into its description.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Mode and owner.
    Stat,
    /// And its text.
    Text,
    /// And its text without what is secret in it; a text that is no YAML is left out.
    Concealed,
}

/// Keys in configurations whose values are secret: keys of an EncryptionConfiguration, headers of a KubeletConfiguration.
const SECRET: &[&str] = &["secret", "staticPodURLHeader"];

impl Reader<'_> {
    /// The description of the file that is named by a flag or a configuration: it ought to be there.
    pub(super) fn named(&mut self, files: &Host, path: &str, take: Take) -> Value {
        match files.stat(path) {
            Ok(stat) => {
                let mut file = Map::new();
                file.insert("path".into(), path.into());
                file.insert("permissions".into(), stat.mode.into());
                let (user, group) = (stat.user.unwrap_or_default(), stat.group.unwrap_or_default());
                file.insert("ownership".into(), json!({"uid": stat.uid, "gid": stat.gid, "username": user, "groupname": group}));
                if take != Take::Stat
                    && let Some(text) = self.text(files, path)
                {
                    match take {
                        Take::Concealed => match conceal(&text) {
                            Some(text) => drop(file.insert("content".into(), base64::encode(text.as_bytes()).into())),
                            None => self.unreadable(path, &io::Error::new(io::ErrorKind::InvalidData, "not YAML")),
                        },
                        _ => drop(file.insert("content".into(), base64::encode(text.as_bytes()).into())),
                    }
                }
                Value::Object(file)
            }
            Err(error) => {
                self.unreadable(path, &error);
                // It is known to be there, and nothing else of it.
                json!({ "path": path })
            }
        }
    }

    /// The description of a file where it is usually found: the first of `paths` that is there, or `null`.
    pub(super) fn usual(&mut self, files: &Host, paths: &[&str]) -> Value {
        for path in paths {
            match files.stat(path) {
                Err(error) if is_missing(&error) => {}
                _ => return self.named(files, path, Take::Stat),
            }
        }
        Value::Null
    }

    /// The descriptions of all files below a directory, sorted; empty where it is not there.
    pub(super) fn below(&mut self, files: &Host, directory: &str, take: Take) -> Vec<Value> {
        let mut found = Vec::new();
        self.walk(files, directory, take, 0, &mut found);
        found
    }

    fn walk(&mut self, files: &Host, directory: &str, take: Take, depth: usize, found: &mut Vec<Value>) {
        let names = match files.list(directory) {
            Ok(names) => names,
            Err(error) if is_missing(&error) => return,
            Err(error) => return self.unreadable(directory, &error),
        };
        for name in names {
            let path = format!("{directory}/{name}");
            match files.stat(&path) {
                // Deeper is no directory of keys or units, and links may lead back.
                Ok(stat) if stat.is_directory && depth < 4 => self.walk(files, &path, take, depth + 1, found),
                Ok(stat) if stat.is_directory => {}
                // A link that leads nowhere.
                Err(error) if is_missing(&error) => {}
                _ => found.push(self.named(files, &path, take)),
            }
        }
    }

    /// The text of a file.
    pub(super) fn text(&mut self, files: &Host, path: &str) -> Option<String> {
        files.read_text(path).map_err(|error| self.unreadable(path, &error)).ok()
    }

    /// The text at a path of keys in a YAML file; whether the file is there is said elsewhere.
    pub(super) fn field(files: &Host, path: &str, keys: &[&str]) -> Option<String> {
        let text = files.read_text(path).ok()?;
        let (documents, _) = parse(&Source::new(path, Origin::File, text), Limits::default());
        let value = documents.first()?.root()?.at(keys)?.text().to_owned();
        Some(value).filter(|value| !value.is_empty())
    }

    /// Notes that something could not be read, once.
    pub(super) fn unreadable(&mut self, path: &str, error: &io::Error) {
        let problem = self.host.problem(path, error);
        if !self.problems.iter().any(|known| known.message == problem.message) {
            self.problems.push(problem);
        }
    }

    /// The files as `process` sees them, or those of the node where they cannot be seen.
    pub(super) fn files_of(&self, process: &Process) -> Host {
        let own = self.host.seen_by(process);
        if own.list("/").is_ok() { own } else { Host::new(self.host.root()) }
    }
}

/// Whether there is nothing at a path.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A YAML text with words instead of what is secret, as JSON; the text itself where nothing is. What cannot be read whole is not
/// known to be free of secrets.
fn conceal(text: &str) -> Option<String> {
    let (documents, problems) = parse(&Source::new("file", Origin::File, text), Limits::default());
    if documents.is_empty() || problems.iter().any(|problem| problem.kind != ProblemKind::DuplicateKey) {
        return None;
    }
    let mut values: Vec<Value> = documents.iter().filter_map(|document| document.root().map(Node::to_json)).collect();
    let found = values.iter_mut().map(replace).filter(|found| *found).count() > 0;
    Some(if found { values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n") } else { text.to_owned() })
}

/// Replaces what stands under secret keys, and says whether there was any; documents are of limited depth, so this ends.
fn replace(value: &mut Value) -> bool {
    let mut found = false;
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if SECRET.contains(&key.as_str()) {
                    *value = "REDACTED".into();
                    found = true;
                } else {
                    found |= replace(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| found |= replace(value)),
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::conceal;

    #[test]
    fn secrets_do_not_leave_the_node() {
        let text = "resources: [{resources: [secrets], providers: [{aescbc: {keys: [{name: one, secret: c2VjcmV0}]}}, {identity: {}}]}]";
        let concealed = conceal(text).unwrap();
        assert!(!concealed.contains("c2VjcmV0") && concealed.contains("REDACTED") && concealed.contains("identity"), "{concealed}");
        assert_eq!(conceal("readOnlyPort: 0 # as it is\n").unwrap(), "readOnlyPort: 0 # as it is\n");
        assert_eq!(conceal("a: ["), None);
        assert_eq!(conceal("a: 1\n---\nsecret: [\n"), None);
        assert_eq!(conceal("a: 1\n---\nsecret: x\n").unwrap(), "{\"a\":1}\n---\n{\"secret\":\"REDACTED\"}");
    }
}
