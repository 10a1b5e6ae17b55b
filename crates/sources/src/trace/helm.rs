//! Charts: the template that an object came from, the line that speaks of a value, and the values that this line reads.

use super::{Leaf, Place, Renderer, Tracer, file_name};
use plimsoll_model::{Document, Object, edit};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The places in the chart in `directory` that values of `object` come from.
pub(super) fn places(tracer: &mut Tracer, directory: &Path, object: &Object<'_>, leaves: &[Leaf]) -> Vec<Place> {
    let Some(template) = template_of(object) else { return Vec::new() };
    let file = directory.join(&template.path);
    let Some(text) = tracer.read(&file) else {
        // A subchart that is kept as an archive: only its values can be changed from outside.
        let suggestion = "the template is in an archive; see which of the subchart's values it reads".to_owned();
        let file = directory.join("values.yaml");
        return vec![Place { renderer: Renderer::Helm, file, line: 0, key: template.subchart.clone(), suggestion }];
    };
    let lines = lines(&text.text, object.kind);
    let mut places = Vec::new();
    for leaf in leaves {
        one(tracer, directory, &template, &file, &lines, leaf, &mut places);
    }
    places
}

/// A new template.
pub(super) fn creation(directory: &Path, object: &Value) -> Place {
    let file = directory.join("templates").join(file_name(object));
    let suggestion = format!("add a template:\n{}", edit::manifest(object));
    Place { renderer: Renderer::Helm, file, line: 0, key: None, suggestion }
}

/// The template of an object that goes.
pub(super) fn deletion(directory: &Path, object: &Object<'_>) -> Option<Place> {
    let file = directory.join(template_of(object)?.path);
    let suggestion = format!("take {} `{}` out, or switch it off in the values", object.kind, object.name);
    Some(Place { renderer: Renderer::Helm, file, line: 0, key: None, suggestion })
}

/// Which template of a chart an object came from.
struct Template {
    /// Below the chart's directory.
    path: PathBuf,
    /// The subcharts that it belongs to, as a prefix of keys in the chart's values.
    subchart: Option<String>,
}

/// What the comment `# Source: chart/templates/x.yaml` above an object says (Helm writes one above each document).
fn template_of(object: &Object<'_>) -> Option<Template> {
    let source = &object.node.document().source;
    let above = source.text.get(..object.node.span().start as usize)?;
    let comment = above.lines().rev().take_while(|line| !line.starts_with("---")).find_map(|line| line.strip_prefix("# Source: "))?;
    let (_, path) = comment.trim().split_once('/')?;
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    let names: Vec<&str> = path.split("charts/").skip(1).filter_map(|rest| rest.split('/').next()).collect();
    Some(Template { path: path.into(), subchart: Some(names.join(".")).filter(|names| !names.is_empty()) })
}

/// A step on the way to a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Item(usize),
}

/// A line of a template, with the place in the object that it speaks of.
struct Line<'t> {
    number: u32,
    path: Vec<Step>,
    text: &'t str,
    /// Whether it is a line of YAML, and not one of actions only.
    is_entry: bool,
    /// What `.` is there, where a `with` or `range` over values says so.
    dot: Option<String>,
}

impl<'t> Line<'t> {
    /// What stands behind the colon.
    fn value(&self) -> &'t str {
        self.text.split_once(':').map_or(self.text, |(_, value)| value)
    }
}

/// The lines of the documents of a template that may be of `kind`.
fn lines<'t>(text: &'t str, kind: &str) -> Vec<Line<'t>> {
    let mut documents: Vec<Vec<Line<'_>>> = vec![Vec::new()];
    let mut stack: Vec<(usize, Step)> = Vec::new();
    let mut counts: HashMap<Vec<Step>, usize> = HashMap::new();
    let mut blocks: Vec<Option<String>> = Vec::new();
    // Whether the last key has no value on its line.
    let mut is_open = false;
    for (number, text) in (1..).zip(text.lines()) {
        let trimmed = text.trim_start();
        if text.starts_with("---") {
            documents.push(Vec::new());
            stack.clear();
            counts.clear();
            continue;
        }
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let dot = |blocks: &[Option<String>]| blocks.iter().rev().find_map(Clone::clone);
        if trimmed.starts_with("{{") && key_of(trimmed).is_none() {
            if let Some(indent) = indent_of_action(trimmed) {
                // The items of a list may stand in the column of its key: that has such items, or nothing yet.
                let holds_items = stack.iter().any(|(at, step)| *at == indent && matches!(step, Step::Item(_)))
                    || stack.last().is_some_and(|(at, _)| *at == indent && is_open);
                stack.retain(|(at, step)| *at < indent || (*at == indent && holds_items && matches!(step, Step::Key(_))));
            }
            let line = Line { number, path: steps(&stack), text, is_entry: false, dot: dot(&blocks) };
            documents.last_mut().into_iter().for_each(|lines| lines.push(Line { path: line.path.clone(), dot: line.dot.clone(), ..line }));
            open_and_close(trimmed, &mut blocks);
            continue;
        }
        let mut indent = text.len() - trimmed.len();
        let mut rest = trimmed;
        while let Some(item) = rest.strip_prefix("- ").or_else(|| rest.strip_prefix('-').filter(|rest| rest.is_empty())) {
            stack.retain(|(at, step)| *at < indent || (*at == indent && matches!(step, Step::Key(_))));
            let count = counts.entry(steps(&stack)).or_default();
            stack.push((indent, Step::Item(*count)));
            *count += 1;
            let path = steps(&stack);
            documents
                .last_mut()
                .into_iter()
                .for_each(|lines| lines.push(Line { number, path: path.clone(), text, is_entry: true, dot: dot(&blocks) }));
            let inner = item.trim_start();
            indent += rest.len() - inner.len();
            rest = inner;
        }
        if let Some(key) = key_of(rest) {
            stack.retain(|(at, _)| *at < indent);
            stack.push((indent, Step::Key(key.to_owned())));
            is_open = rest.trim_end().ends_with(':');
        }
        let path = steps(&stack);
        documents
            .last_mut()
            .into_iter()
            .for_each(|lines| lines.push(Line { number, path: path.clone(), text, is_entry: true, dot: dot(&blocks) }));
        open_and_close(trimmed, &mut blocks);
    }
    let says_kind = |lines: &Vec<Line<'_>>| lines.iter().any(|line| line.text.trim_end() == format!("kind: {kind}"));
    if documents.iter().any(says_kind) {
        documents.retain(says_kind);
    }
    documents.into_iter().flatten().collect()
}

fn steps(stack: &[(usize, Step)]) -> Vec<Step> {
    stack.iter().map(|(_, step)| step.clone()).collect()
}

/// The key that a line starts with.
fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let key = key.trim_matches(['"', '\'']);
    let is_plain = !key.is_empty() && key.chars().all(|one| one.is_ascii_alphanumeric() || "_-./".contains(one));
    (is_plain && (rest.is_empty() || rest.starts_with(char::is_whitespace))).then_some(key)
}

/// The column that an action writes at: `nindent 8`.
fn indent_of_action(line: &str) -> Option<usize> {
    let (_, rest) = line.rsplit_once("indent ")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// Follows `with`, `range`, `if` and their `end`.
fn open_and_close(line: &str, blocks: &mut Vec<Option<String>>) {
    let outer = blocks.iter().rev().find_map(Clone::clone);
    for action in line.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
        let action = action.trim_matches(['-', ' ']);
        let word = action.split_whitespace().next().unwrap_or("");
        match word {
            "with" => blocks.push(keys_of(action, outer.as_deref()).into_iter().next()),
            "range" => blocks.push(keys_of(action, outer.as_deref()).into_iter().next().map(|key| format!("{key}[]"))),
            "if" | "define" | "block" => blocks.push(None),
            "end" => {
                blocks.pop();
            }
            _ => {}
        }
    }
}

/// The keys of the values that a text reads: `.Values.a.b`, and what is below `.` where that is a value.
fn keys_of(text: &str, dot: Option<&str>) -> Vec<String> {
    let mut keys = Vec::new();
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    for (at, _) in text.match_indices(".Values.") {
        let rest = text.get(at + ".Values.".len()..).unwrap_or("");
        let end = rest.find(|one: char| !is_part(one) && one != '.').unwrap_or(rest.len());
        let key = rest.get(..end).unwrap_or("").trim_end_matches('.');
        if !key.is_empty() && !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }
    let actions = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let words = actions.flat_map(|action| action.split([' ', '(', ')', '|', '-'])).filter(|word| word.starts_with('.'));
    for word in words.filter(|word| word.trim_start_matches('.').chars().all(|one| is_part(one) || one == '.')) {
        let below = word.trim_start_matches('.');
        let key = match (dot, below) {
            (Some(dot), "") => dot.to_owned(),
            (Some(dot), below) if below.starts_with(|one: char| one.is_ascii_lowercase()) => format!("{dot}.{below}"),
            _ => continue,
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The templates that a text includes.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    let named = text.split("include \"").skip(1).chain(text.split("template \"").skip(1));
    named.filter_map(|rest| rest.split('"').next())
}

fn one(tracer: &mut Tracer, directory: &Path, template: &Template, file: &Path, lines: &[Line<'_>], leaf: &Leaf, places: &mut Vec<Place>) {
    let what = |place: &str| match &leaf.value {
        Some(value) => format!("set {place} to `{value}`"),
        None => format!("remove {place}"),
    };
    // The entries on the way, the furthest first; of several, one with the same place in its list.
    let entries = lines.iter().filter(|line| line.is_entry);
    let mut entries: Vec<_> = entries.filter_map(|line| Some((line, reached(&line.path, &leaf.tokens)?))).collect();
    entries.sort_by_key(|(line, exact)| (std::cmp::Reverse((line.path.len(), *exact)), line.number));
    let Some((line, _)) = entries.first() else { return };
    let rest = leaf.tokens.get(line.path.len()..).unwrap_or_default();
    let values = directory.join("values.yaml");
    let prefix = template.subchart.as_ref().map(|names| format!("{names}.")).unwrap_or_default();
    let mut of_value = |key: String, suggestion: String, places: &mut Vec<Place>| {
        let line = line_of(tracer, &values, &key);
        places.push(Place { renderer: Renderer::Helm, file: values.clone(), line, key: Some(key), suggestion });
    };

    // What the line of the value itself reads.
    let value = line.value();
    let direct = if rest.is_empty() { keys_of(value, line.dot.as_deref()) } else { Vec::new() };
    for key in &direct {
        let key = format!("{prefix}{key}");
        let plain = value.trim().trim_matches(['"', '\'']);
        let is_all = plain.starts_with("{{") && plain.ends_with("}}") && plain.matches("{{").count() == 1;
        let rendered = leaf.value.as_ref().map(ToString::to_string).unwrap_or_default();
        let suggestion = if is_all {
            what(&format!("`{key}`"))
        } else {
            format!("change `{key}` so that {}:{} renders `{rendered}`", file.display(), line.number)
        };
        of_value(key, suggestion, places);
    }
    // What is written as a whole below an entry on the way.
    let mut is_written = !direct.is_empty();
    let mut helpers: Vec<&str> = includes(value).collect();
    for (entry, _) in entries.iter().filter(|_| direct.is_empty()) {
        let rest = leaf.tokens.get(entry.path.len()..).unwrap_or_default();
        // Which items a list is given from outside is not told by their number.
        if rest.first().is_some_and(|token| token.parse::<usize>().is_ok()) {
            continue;
        }
        let below: String = rest.iter().map(|token| format!(".{token}")).collect();
        for (text, dot) in written_below(lines, entry) {
            for key in keys_of(text, dot) {
                let key = format!("{prefix}{key}{below}");
                let suggestion = what(&format!("`{key}`"));
                of_value(key, suggestion, places);
                is_written |= entry.number == line.number;
            }
            helpers.extend(includes(text));
        }
    }
    for name in helpers {
        if let Some((file, line)) = define(tracer, directory, template, name) {
            let suggestion = what(&format!("`{}` in the helper `{name}`", leaf.tokens.join(".")));
            places.push(Place { renderer: Renderer::Helm, file, line, key: None, suggestion });
        }
    }
    if !is_written {
        let place = match (rest, leaf.tokens.last()) {
            ([], Some(last)) => format!("`{last}`"),
            _ => format!("`{}` below this line", rest.join(".")),
        };
        places.push(Place { renderer: Renderer::Helm, file: file.to_owned(), line: line.number, key: None, suggestion: what(&place) });
    }
}

/// The texts that write maps or lists below an entry, with what `.` is in them: `toYaml`, `tpl`, `include`.
fn written_below<'l>(lines: &'l [Line<'_>], entry: &'l Line<'_>) -> impl Iterator<Item = (&'l str, Option<&'l str>)> {
    let writes = |text: &str| ["toYaml", "tpl ", "include "].iter().any(|word| text.contains(word));
    let below = lines.iter().filter(|line| !line.is_entry && line.number > entry.number && line.path == entry.path);
    let all = std::iter::once((entry.value(), entry.dot.as_deref())).chain(below.map(|line| (line.text, line.dot.as_deref())));
    all.filter(move |(text, _)| writes(text))
}

/// Whether a line is on the way to a value, and whether its places in lists are the same. Lists that a loop makes have
/// more items than lines.
fn reached(path: &[Step], tokens: &[String]) -> Option<bool> {
    if path.is_empty() || path.len() > tokens.len() {
        return None;
    }
    let mut exact = true;
    for (step, token) in path.iter().zip(tokens) {
        match step {
            Step::Key(key) if key == token => {}
            Step::Item(at) => match token.parse::<usize>() {
                Ok(wanted) => exact &= wanted == *at,
                Err(_) => return None,
            },
            Step::Key(_) => return None,
        }
    }
    Some(exact)
}

/// The line of a key in a file of values, or of the nearest one above it; 0 if there is none.
fn line_of(tracer: &mut Tracer, values: &Path, key: &str) -> u32 {
    let documents = tracer.documents(values);
    let mut node = documents.first().and_then(Document::root);
    let mut line = 0;
    for part in key.split('.').map(|part| part.trim_end_matches("[]")) {
        let Some((key, value)) = node.and_then(|node| node.entry(part)) else { break };
        line = key.location().start().line;
        node = Some(value);
    }
    line
}

/// Where a chart defines a named template.
fn define(tracer: &mut Tracer, directory: &Path, template: &Template, name: &str) -> Option<(PathBuf, u32)> {
    let templates = directory.join(template.path.parent()?);
    let mut files: Vec<PathBuf> = std::fs::read_dir(templates).ok()?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let wanted = format!("define \"{name}\"");
    files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "tpl")).find_map(|file| {
        let text = &tracer.read(&file)?.text;
        let number = (1..).zip(text.lines()).find(|(_, line)| line.contains(&wanted)).map(|(number, _)| number)?;
        Some((file, number))
    })
}
