//! Filters of `jq`, parsed.

use super::Reason;
use serde_json::{Value as Json, json};

/// How deep filters may be nested.
const DEPTH: usize = 40;
/// Operators, members and the like that one filter may chain.
const LINKS: usize = 250;

#[derive(Debug, Clone)]
pub(super) enum Filter {
    Identity,
    /// `..`
    Recurse,
    Literal(Json),
    /// A string with `\( … )` in it.
    Text(Vec<Filter>),
    Variable(String),
    /// `.a`, `.["a"]`, `.[0]`: of what the first leads to, the member that the second names.
    Member(Box<Filter>, Box<Filter>),
    Each(Box<Filter>),
    List(Option<Box<Filter>>),
    Map(Vec<(Filter, Filter)>),
    Pipe(Box<Filter>, Box<Filter>),
    Both(Box<Filter>, Box<Filter>),
    Bind {
        value: Box<Filter>,
        name: String,
        body: Box<Filter>,
    },
    Define {
        name: String,
        parameters: Vec<String>,
        meaning: Box<Filter>,
        body: Box<Filter>,
    },
    Binary(Operator, Box<Filter>, Box<Filter>),
    If {
        arms: Vec<(Filter, Filter)>,
        otherwise: Option<Box<Filter>>,
    },
    Call(String, Vec<Filter>),
    /// `…?`
    Try(Box<Filter>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Alternative,
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Operators and how tightly they bind; of those that start alike the longer first.
const OPERATORS: [(&str, Operator, u8); 13] = [
    ("//", Operator::Alternative, 1),
    ("or", Operator::Or, 2),
    ("and", Operator::And, 3),
    ("==", Operator::Equal, 4),
    ("!=", Operator::NotEqual, 4),
    ("<=", Operator::LessOrEqual, 4),
    (">=", Operator::GreaterOrEqual, 4),
    ("<", Operator::Less, 4),
    (">", Operator::Greater, 4),
    ("+", Operator::Add, 5),
    ("-", Operator::Subtract, 5),
    ("*", Operator::Multiply, 6),
    ("/", Operator::Divide, 6),
];

/// The functions there are, with the number of their arguments.
const FUNCTIONS: [(&str, usize); 41] = [
    ("add", 0),
    ("all", 0),
    ("all", 1),
    ("all", 2),
    ("any", 0),
    ("any", 1),
    ("any", 2),
    ("ascii_downcase", 0),
    ("ascii_upcase", 0),
    ("contains", 1),
    ("empty", 0),
    ("endswith", 1),
    ("first", 0),
    ("from_entries", 0),
    ("fromjson", 0),
    ("group_by", 1),
    ("gsub", 2),
    ("has", 1),
    ("index", 1),
    ("join", 1),
    ("keys", 0),
    ("last", 0),
    ("length", 0),
    ("map", 1),
    ("not", 0),
    ("recurse", 0),
    ("reverse", 0),
    ("select", 1),
    ("sort", 0),
    ("sort_by", 1),
    ("split", 1),
    ("startswith", 1),
    ("test", 1),
    ("to_entries", 0),
    ("tonumber", 0),
    ("tostring", 0),
    ("type", 0),
    ("unique", 0),
    ("unique_by", 1),
    ("values", 0),
    ("inside", 1),
];

/// Parses a filter.
pub(super) fn parse(text: &str) -> Result<Filter, Reason> {
    let mut parser = Parser { rest: text, depth: 0, links: 0, defined: Vec::new() };
    let filter = parser.pipe()?;
    parser.skip();
    if parser.rest.is_empty() { Ok(filter) } else { Err(parser.unknown()) }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
    links: usize,
    /// Functions that the filter defines itself.
    defined: Vec<(String, usize)>,
}

impl Parser<'_> {
    fn unknown(&self) -> Reason {
        let here: String = self.rest.chars().take(30).collect();
        if here.is_empty() { "the `jq` filter ends too early".to_owned() } else { format!("the `jq` filter is not understood at `{here}`") }
    }

    /// Counts what makes the tree deeper without being nested in the text.
    fn link(&mut self) -> Result<(), Reason> {
        self.links += 1;
        if self.links > LINKS { Err("the `jq` filter is too long".to_owned()) } else { Ok(()) }
    }

    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn take(&mut self, text: &str) -> bool {
        self.skip();
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        // A word ends where letters end.
        let word = text.ends_with(|one: char| one.is_alphanumeric());
        if word && rest.starts_with(|one: char| one.is_alphanumeric() || one == '_') {
            return false;
        }
        self.rest = rest;
        true
    }

    fn need(&mut self, text: &str) -> Result<(), Reason> {
        if self.take(text) { Ok(()) } else { Err(self.unknown()) }
    }

    fn name(&mut self) -> String {
        let end = self.rest.find(|one: char| !(one.is_alphanumeric() || one == '_')).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest;
        name.to_owned()
    }

    fn pipe(&mut self) -> Result<Filter, Reason> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("the `jq` filter is nested too deeply".to_owned());
        }
        let filter = self.piped();
        self.depth -= 1;
        filter
    }

    fn piped(&mut self) -> Result<Filter, Reason> {
        if self.take("def") {
            self.skip();
            let name = self.name();
            let mut parameters = Vec::new();
            if self.take("(") {
                loop {
                    self.need("$")?;
                    parameters.push(self.name());
                    if self.take(")") {
                        break;
                    }
                    self.need(";")?;
                }
            }
            self.need(":")?;
            let meaning = Box::new(self.pipe()?);
            self.need(";")?;
            self.defined.push((name.clone(), parameters.len()));
            return Ok(Filter::Define { name, parameters, meaning, body: Box::new(self.pipe()?) });
        }
        let mut left = self.binary(1)?;
        while self.take(",") {
            self.link()?;
            left = Filter::Both(Box::new(left), Box::new(self.binary(1)?));
        }
        if self.take("as") {
            self.need("$")?;
            let name = self.name();
            self.need("|")?;
            return Ok(Filter::Bind { value: Box::new(left), name, body: Box::new(self.pipe()?) });
        }
        if self.take("|") {
            return Ok(Filter::Pipe(Box::new(left), Box::new(self.pipe()?)));
        }
        Ok(left)
    }

    fn binary(&mut self, least: u8) -> Result<Filter, Reason> {
        let mut left = self.postfix()?;
        loop {
            self.skip();
            let before = self.rest;
            let found = OPERATORS.into_iter().find(|(text, _, tightness)| *tightness >= least && self.take(text));
            let Some((_, operator, tightness)) = found else {
                self.rest = before;
                return Ok(left);
            };
            // Only `//` leans to the right.
            let next = if operator == Operator::Alternative { tightness } else { tightness + 1 };
            self.depth += 1;
            if self.depth > DEPTH {
                return Err("the `jq` filter is nested too deeply".to_owned());
            }
            let right = self.binary(next)?;
            self.depth -= 1;
            self.link()?;
            left = Filter::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn postfix(&mut self) -> Result<Filter, Reason> {
        let mut filter = self.term()?;
        loop {
            if self.rest.starts_with("..") {
                return Ok(filter);
            }
            self.link()?;
            if self.take("?") {
                filter = Filter::Try(Box::new(filter));
            } else if self.take("[") {
                filter = self.brackets(filter)?;
            } else if self.rest.starts_with('.')
                && self.rest.chars().nth(1).is_some_and(|next| next.is_alphabetic() || "_\"[".contains(next))
            {
                self.take(".");
                filter = self.member(filter)?;
            } else {
                self.links -= 1;
                return Ok(filter);
            }
        }
    }

    /// What follows a dot.
    fn member(&mut self, of: Filter) -> Result<Filter, Reason> {
        if self.rest.starts_with('"') {
            let name = self.string()?;
            return Ok(Filter::Member(Box::new(of), Box::new(name)));
        }
        if self.rest.starts_with('[') {
            self.take("[");
            return self.brackets(of);
        }
        let name = self.name();
        if name.is_empty() { Err(self.unknown()) } else { Ok(Filter::Member(Box::new(of), Box::new(Filter::Literal(name.into())))) }
    }

    fn brackets(&mut self, of: Filter) -> Result<Filter, Reason> {
        if self.take("]") {
            return Ok(Filter::Each(Box::new(of)));
        }
        let at = self.pipe()?;
        self.need("]")?;
        Ok(Filter::Member(Box::new(of), Box::new(at)))
    }

    fn term(&mut self) -> Result<Filter, Reason> {
        self.skip();
        if self.rest.starts_with("..") {
            self.take("..");
            return Ok(Filter::Recurse);
        }
        if self.take(".") {
            let more = self.rest.starts_with(|one: char| one.is_alphabetic() || "_\"[".contains(one));
            return if more { self.member(Filter::Identity) } else { Ok(Filter::Identity) };
        }
        if self.rest.starts_with('"') {
            return self.string();
        }
        if self.take("$") {
            return Ok(Filter::Variable(self.name()));
        }
        if self.take("(") {
            let inner = self.pipe()?;
            self.need(")")?;
            return Ok(inner);
        }
        if self.take("[") {
            if self.take("]") {
                return Ok(Filter::List(None));
            }
            let inner = self.pipe()?;
            self.need("]")?;
            return Ok(Filter::List(Some(Box::new(inner))));
        }
        if self.take("{") {
            return self.map();
        }
        if self.take("if") {
            let mut arms = Vec::new();
            loop {
                let condition = self.pipe()?;
                self.need("then")?;
                arms.push((condition, self.pipe()?));
                if !self.take("elif") {
                    break;
                }
                self.link()?;
            }
            let otherwise = if self.take("else") { Some(Box::new(self.pipe()?)) } else { None };
            self.need("end")?;
            return Ok(Filter::If { arms, otherwise });
        }
        for (word, value) in [("null", Json::Null), ("true", json!(true)), ("false", json!(false))] {
            if self.take(word) {
                return Ok(Filter::Literal(value));
            }
        }
        if self.rest.starts_with(|one: char| one.is_ascii_digit()) {
            let end = self.rest.find(|one: char| !(one.is_ascii_digit() || one == '.')).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at_checked(end).unwrap_or(("", ""));
            let value: Json = serde_json::from_str(digits).map_err(|_| self.unknown())?;
            self.rest = rest;
            return Ok(Filter::Literal(value));
        }
        let before = self.rest;
        let name = self.name();
        let mut arguments = Vec::new();
        if !name.is_empty() && self.take("(") {
            loop {
                arguments.push(self.pipe()?);
                if self.take(")") {
                    break;
                }
                self.need(";")?;
            }
        }
        let known = FUNCTIONS.contains(&(name.as_str(), arguments.len()))
            || self.defined.iter().any(|(defined, count)| *defined == name && *count == arguments.len());
        if !known {
            self.rest = before;
            return Err(self.unknown());
        }
        Ok(Filter::Call(name, arguments))
    }

    fn map(&mut self) -> Result<Filter, Reason> {
        let mut entries = Vec::new();
        loop {
            self.skip();
            if self.take("}") {
                return Ok(Filter::Map(entries));
            }
            let key = if self.rest.starts_with('"') {
                self.string()?
            } else if self.take("(") {
                let key = self.pipe()?;
                self.need(")")?;
                key
            } else {
                let name = self.name();
                if name.is_empty() {
                    return Err(self.unknown());
                }
                Filter::Literal(name.into())
            };
            let value = if self.take(":") {
                // A comma ends the value.
                let mut value = self.binary(1)?;
                while self.take("|") {
                    self.link()?;
                    value = Filter::Pipe(Box::new(value), Box::new(self.binary(1)?));
                }
                value
            } else {
                Filter::Member(Box::new(Filter::Identity), Box::new(key.clone()))
            };
            entries.push((key, value));
            self.take(",");
        }
    }

    fn string(&mut self) -> Result<Filter, Reason> {
        self.take("\"");
        let mut pieces = Vec::new();
        let mut text = String::new();
        loop {
            let Some(one) = self.rest.chars().next() else { return Err(self.unknown()) };
            self.rest = self.rest.get(one.len_utf8()..).unwrap_or("");
            match one {
                '"' => break,
                '\\' => {
                    let Some(next) = self.rest.chars().next() else { return Err(self.unknown()) };
                    self.rest = self.rest.get(next.len_utf8()..).unwrap_or("");
                    match next {
                        '(' => {
                            pieces.push(Filter::Literal(std::mem::take(&mut text).into()));
                            pieces.push(self.pipe()?);
                            self.need(")")?;
                        }
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        '"' | '\\' | '/' => text.push(next),
                        _ => return Err(self.unknown()),
                    }
                }
                other => text.push(other),
            }
        }
        if pieces.is_empty() {
            return Ok(Filter::Literal(text.into()));
        }
        pieces.push(Filter::Literal(text.into()));
        Ok(Filter::Text(pieces))
    }
}
