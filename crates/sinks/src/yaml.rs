//! Reads values of a falco.yaml: variables of the environment stand for their values, and what is wrong is told with its place.

use crate::options;
use plimsoll_model::{Node, Problem, ProblemKind};

/// Reads values, and notes what is wrong with them.
pub struct Reader<'e> {
    problems: Vec<Problem>,
    variable: &'e dyn Fn(&str) -> Option<String>,
}

impl<'e> Reader<'e> {
    /// `variable` knows the environment.
    pub fn new(variable: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { problems: Vec::new(), variable }
    }

    /// What is wrong so far.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What was wrong.
    pub fn finish(self) -> Vec<Problem> {
        self.problems
    }

    /// Something is wrong there.
    pub fn wrong(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.problems.push(Problem::at(ProblemKind::Configuration, node, message));
    }

    /// Something there is worth knowing.
    pub fn note(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.problems.push(Problem::at(ProblemKind::Note, node, message));
    }

    /// A scalar by what `read` makes of it; it is given the key, too, for messages.
    pub fn value<T>(&mut self, key: Node<'_>, value: Node<'_>, mut read: impl FnMut(&str, &str) -> Result<T, String>) -> Option<T> {
        if value.is_map() || value.is_list() {
            self.wrong(value, format!("`{}` must be a single value, is {}", key.text(), value.describe()));
            return None;
        }
        let text = expand(value.text(), self.variable);
        read(key.text(), &text).map_err(|message| self.wrong(value, message)).ok()
    }

    /// A scalar as a text.
    pub fn text(&mut self, key: Node<'_>, value: Node<'_>) -> Option<String> {
        self.value(key, value, |_, text| Ok(text.to_owned()))
    }

    /// A scalar that is yes or no.
    pub fn switch(&mut self, key: Node<'_>, value: Node<'_>) -> Option<bool> {
        self.value(key, value, options::switch)
    }

    /// The items of a list.
    pub fn list<'n>(&mut self, key: Node<'_>, value: Node<'n>) -> Vec<Node<'n>> {
        if !value.is_list() {
            self.wrong(value, format!("`{}` must be a list, is {}", key.text(), value.describe()));
        }
        value.items().collect()
    }

    /// The entries of a map.
    pub fn map<'n>(&mut self, key: Node<'_>, value: Node<'n>) -> Vec<(Node<'n>, Node<'n>)> {
        if !value.is_map() {
            self.wrong(value, format!("`{}` must be a map, is {}", key.text(), value.describe()));
        }
        value.entries().filter(|(_, value)| !value.is_null()).collect()
    }
}

/// `${NAME}` stands for a variable of the environment, which is empty when there is none; `$${NAME}` for itself.
fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        match before.strip_suffix('$') {
            Some(before) => expanded.extend([before, "${", name, "}"]),
            None => {
                expanded.push_str(before);
                expanded.push_str(&variable(name).unwrap_or_default());
            }
        }
        rest = behind;
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let variable = |name: &str| (name == "A").then(|| "x${A}".to_owned());
        for (text, wanted) in
            [("", ""), ("a$b", "a$b"), ("${A}", "x${A}"), ("1${A}2${B}3", "1x${A}23"), ("$${A}", "${A}"), ("${A", "${A"), ("$$", "$$")]
        {
            assert_eq!(expand(text, &variable), wanted);
        }
    }
}
