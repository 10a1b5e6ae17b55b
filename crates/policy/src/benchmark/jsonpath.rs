//! JSONPath templates as `kubectl -o jsonpath` reads them: text with paths, ranges and strings in braces. What is missing is
//! nothing, not an error.

use serde_json::Value as Json;

/// Values that one path may lead to.
const RESULTS: usize = 100_000;
/// How deep templates may be nested.
const DEPTH: usize = 20;

/// A template.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Item>);

#[derive(Debug, Clone)]
enum Item {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Item>),
}

#[derive(Debug, Clone)]
enum Step {
    Root,
    Field(String),
    Every,
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    /// `..`: the value and all below it.
    Deep,
    Filter(Box<Condition>),
    Union(Vec<Step>),
}

#[derive(Debug, Clone)]
struct Condition {
    left: Operand,
    /// The operator and the right side; without them the left side has to be there.
    right: Option<(Operator, Operand)>,
}

#[derive(Debug, Clone)]
enum Operand {
    Path(Vec<Step>),
    Value(Json),
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Template {
    /// Parses a template; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text, depth: 0 };
        let items = parser.items(false)?;
        Ok(Self(items))
    }

    /// Parses a path that stands without braces, as in columns.
    pub(super) fn path(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('{') { Self::parse(text) } else { Self::parse(&format!("{{.{}}}", text.trim_start_matches('.'))) }
    }

    /// The template filled in.
    pub(super) fn fill(&self, root: &Json) -> Result<String, String> {
        let mut text = String::new();
        fill(&self.0, root, root, &mut text)?;
        Ok(text)
    }

    /// The values that its first path leads to.
    pub(super) fn values<'j>(&self, root: &'j Json) -> Result<Vec<&'j Json>, String> {
        match self.0.first() {
            Some(Item::Path(steps)) => follow(steps, root, root),
            _ => Ok(Vec::new()),
        }
    }
}

fn fill(items: &[Item], root: &Json, current: &Json, text: &mut String) -> Result<(), String> {
    for item in items {
        if text.len() > 1 << 20 {
            return Err("the result is too long".to_owned());
        }
        match item {
            Item::Text(more) => text.push_str(more),
            Item::Path(steps) => {
                let shown: Vec<String> = follow(steps, root, current)?.into_iter().map(show).collect();
                text.push_str(&shown.join(" "));
            }
            Item::Range(steps, inner) => {
                for value in follow(steps, root, current)? {
                    fill(inner, root, value, text)?;
                }
            }
        }
    }
    Ok(())
}

/// A value as text: strings without quotes, maps and lists as JSON.
fn show(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn follow<'j>(steps: &[Step], root: &'j Json, current: &'j Json) -> Result<Vec<&'j Json>, String> {
    let mut found = vec![current];
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            apply(step, root, value, &mut next)?;
            if next.len() > RESULTS {
                return Err("the path leads to too many values".to_owned());
            }
        }
        found = next;
    }
    Ok(found)
}

fn apply<'j>(step: &Step, root: &'j Json, value: &'j Json, next: &mut Vec<&'j Json>) -> Result<(), String> {
    match step {
        Step::Root => next.push(root),
        Step::Field(name) => next.extend(value.get(name)),
        Step::Every => match value {
            Json::Array(items) => next.extend(items),
            Json::Object(map) => next.extend(map.values()),
            _ => {}
        },
        Step::Index(at) => {
            if let Json::Array(items) = value {
                let place = if *at < 0 { i64::try_from(items.len()).unwrap_or(i64::MAX).saturating_add(*at) } else { *at };
                let item = usize::try_from(place).ok().and_then(|place| items.get(place));
                next.push(item.ok_or_else(|| format!("array index out of bounds: index {at}, length {}", items.len()))?);
            }
        }
        Step::Slice(from, to) => {
            if let Json::Array(items) = value {
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let place = |at: i64| usize::try_from(if at < 0 { length.saturating_add(at) } else { at }.clamp(0, length)).unwrap_or(0);
                let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(length)));
                next.extend(items.get(from..to).unwrap_or_default());
            }
        }
        Step::Deep => deep(value, next)?,
        Step::Filter(condition) => {
            if let Json::Array(items) = value {
                for item in items {
                    if holds(condition, root, item)? {
                        next.push(item);
                    }
                }
            }
        }
        Step::Union(steps) => {
            for step in steps {
                apply(step, root, value, next)?;
            }
        }
    }
    Ok(())
}

fn deep<'j>(value: &'j Json, found: &mut Vec<&'j Json>) -> Result<(), String> {
    if found.len() > RESULTS {
        return Err("the path leads to too many values".to_owned());
    }
    found.push(value);
    match value {
        Json::Array(items) => items.iter().try_for_each(|item| deep(item, found)),
        Json::Object(map) => map.values().try_for_each(|item| deep(item, found)),
        _ => Ok(()),
    }
}

fn holds(condition: &Condition, root: &Json, item: &Json) -> Result<bool, String> {
    let value = |operand: &Operand| -> Result<Option<Json>, String> {
        Ok(match operand {
            Operand::Value(value) => Some(value.clone()),
            Operand::Path(steps) => follow(steps, root, item)?.first().map(|value| (*value).clone()),
        })
    };
    let left = value(&condition.left)?;
    let Some((operator, right)) = &condition.right else { return Ok(left.is_some()) };
    let (Some(left), Some(right)) = (left, value(right)?) else { return Ok(false) };
    let order = match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => left.as_str().zip(right.as_str()).map(|(left, right)| left.cmp(right)),
    };
    Ok(match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        Operator::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
        Operator::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Operator::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
    })
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        self.rest = rest;
        true
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn next(&mut self) -> Option<char> {
        let one = self.rest.chars().next()?;
        self.rest = self.rest.get(one.len_utf8()..).unwrap_or("");
        Some(one)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Items up to the end, or to `{end}` within a range.
    fn items(&mut self, in_range: bool) -> Result<Vec<Item>, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let mut items = Vec::new();
        loop {
            let end = self.rest.find('{').unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
            if !text.is_empty() {
                items.push(Item::Text(text.to_owned()));
            }
            self.rest = rest;
            if !self.take("{") {
                self.depth -= 1;
                return if in_range { Err("a range is not ended".to_owned()) } else { Ok(items) };
            }
            self.skip();
            if self.take("end") {
                self.close()?;
                self.depth -= 1;
                return if in_range { Ok(items) } else { Err("there is `{end}` without a range".to_owned()) };
            }
            if let Some(quote) = self.peek().filter(|one| "'\"".contains(*one)) {
                self.next();
                items.push(Item::Text(self.quoted(quote)?));
                self.close()?;
            } else if self.take("range") {
                let steps = self.steps(&['}'])?;
                self.close()?;
                items.push(Item::Range(steps, self.items(true)?));
            } else {
                let steps = self.steps(&['}'])?;
                self.close()?;
                items.push(Item::Path(steps));
            }
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.skip();
        if self.take("}") { Ok(()) } else { Err("a brace is not closed".to_owned()) }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        while let Some(one) = self.next() {
            match one {
                one if one == quote => return Ok(text),
                '\\' => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(other) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err("a string is not closed".to_owned())
    }

    /// Steps up to one of the characters, which is left.
    fn steps(&mut self, stops: &[char]) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                None => return Ok(steps),
                Some(one) if stops.contains(&one) => return Ok(steps),
                Some('$') => {
                    self.next();
                    steps.push(Step::Root);
                }
                Some('@') => {
                    self.next();
                }
                Some('.') => {
                    self.next();
                    if self.take(".") {
                        steps.push(Step::Deep);
                    }
                    if self.take("*") {
                        steps.push(Step::Every);
                    } else {
                        let name = self.name();
                        if !name.is_empty() {
                            steps.push(Step::Field(name));
                        }
                    }
                }
                Some('[') => {
                    self.next();
                    steps.push(self.bracket()?);
                }
                Some(_) => {
                    let name = self.name();
                    if name.is_empty() {
                        return Err(format!("`{}` is no path", self.rest));
                    }
                    steps.push(Step::Field(name));
                }
            }
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(one) = self.peek().filter(|one| !one.is_whitespace() && !".[]{}(),=!<>@$".contains(*one)) {
            self.next();
            name.push(if one == '\\' { self.next().unwrap_or('\\') } else { one });
        }
        name
    }

    fn bracket(&mut self) -> Result<Step, String> {
        if self.take("?(") {
            self.depth += 1;
            if self.depth > DEPTH {
                return Err("it is nested too deeply".to_owned());
            }
            let condition = self.condition()?;
            self.depth -= 1;
            self.skip();
            return if self.take(")]") { Ok(Step::Filter(Box::new(condition))) } else { Err("a filter is not closed".to_owned()) };
        }
        let mut union = Vec::new();
        loop {
            self.skip();
            if let Some(quote) = self.peek().filter(|one| "'\"".contains(*one)) {
                self.next();
                union.push(Step::Field(self.quoted(quote)?));
            } else {
                let end = self.rest.find([']', ',']).ok_or("a bracket is not closed")?;
                let (inside, rest) = self.rest.split_at_checked(end).ok_or("a bracket is not closed")?;
                self.rest = rest;
                union.push(index(inside.trim())?);
            }
            self.skip();
            if self.take("]") {
                return Ok(if union.len() == 1 { union.remove(0) } else { Step::Union(union) });
            }
            if !self.take(",") {
                return Err("a bracket is not closed".to_owned());
            }
        }
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let left = self.operand()?;
        self.skip();
        let operators = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let operator = operators.into_iter().find(|(text, _)| self.take(text));
        let right = match operator {
            Some((_, operator)) => Some((operator, self.operand()?)),
            None => None,
        };
        Ok(Condition { left, right })
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.skip();
        match self.peek() {
            Some('@' | '$') => Ok(Operand::Path(self.steps(&[')', '=', '!', '<', '>'])?)),
            Some(quote @ ('"' | '\'')) => {
                self.next();
                Ok(Operand::Value(Json::String(self.quoted(quote)?)))
            }
            _ => {
                let end = self.rest.find(|one: char| one.is_whitespace() || ")=!<>".contains(one)).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
                self.rest = rest;
                serde_json::from_str(word).map(Operand::Value).map_err(|_| format!("`{word}` is no value"))
            }
        }
    }
}

fn index(text: &str) -> Result<Step, String> {
    let number = |text: &str| -> Result<Option<i64>, String> {
        if text.trim().is_empty() { Ok(None) } else { text.trim().parse().map(Some).map_err(|_| format!("`[{text}]` is no index")) }
    };
    if text == "*" {
        return Ok(Step::Every);
    }
    match text.split_once(':') {
        Some((from, to)) if !to.contains(':') => Ok(Step::Slice(number(from)?, number(to)?)),
        Some(_) => Err(format!("`[{text}]` is not understood")),
        None => number(text)?.map(Step::Index).ok_or_else(|| "`[]` is no index".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates() {
        let root = json!({
            "a": {"b": true, "n": 10, "c-d": "x", "e.f": "y"},
            "list": ["one", "two", "three"],
            "empty": [],
            "items": [{"name": "p", "on": true, "deep": {"secretKeyRef": 1}}, {"name": "q", "port": 80}],
        });
        let table = [
            ("{.a.b}", Ok("true")),
            ("{.a.n}", Ok("10")),
            ("{.a.c-d}", Ok("x")),
            ("{.a.e\\.f}", Ok("y")),
            ("{.a['e.f']}", Ok("y")),
            ("{.missing.more}", Ok("")),
            ("{range .list[:]}{}{','}{end}", Ok("one,two,three,")),
            ("{range .empty[:]}{}{','}{end}", Ok("")),
            ("{.list[*]}", Ok("one two three")),
            ("{.list[0]}", Ok("one")),
            ("{.list[-1:]}", Ok("three")),
            ("{.list}", Ok("[\"one\",\"two\",\"three\"]")),
            ("{.list[7]}", Err(())),
            ("{.items[?(@.name==\"q\")].port}", Ok("80")),
            ("{.items[?(@.port>=80)].name}", Ok("q")),
            ("{range .items[?(@..secretKeyRef)]} {.name} {\"\\n\"}{end}", Ok(" p \n")),
            ("{.items[*]['name','port']}", Ok("p q 80")),
            ("{..name}", Ok("p q")),
            (".a.b", Ok(".a.b")),
            ("{.a.b}}", Ok("true}")),
            ("{.a", Err(())),
            ("{range .items}", Err(())),
        ];
        for (template, wanted) in table {
            let got = Template::parse(template).and_then(|template| template.fill(&root)).map_err(drop);
            assert_eq!(got, wanted.map(str::to_owned), "{template}");
        }
        assert_eq!(Template::path(".a.n").unwrap().fill(&root).unwrap(), "10");
    }
}
