//! The text of a condition to its tree, by recursive descent.
//!
//! Rules, messages and the way depth is counted are those of falcosecurity/libs, `userspace/libsinsp/filter/parser.cpp`.

use super::lexer::{Lexer, identifier, is_keyword};
use super::{Expr, Modifier, Node, Operand, Operator, Position, Right, Transformer};

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What was expected, as falcosecurity/libs says it.
    pub message: String,
    /// How far the text was read.
    pub at: Position,
}

/// How a condition is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How deep rules of the grammar may nest: a pair of parentheses takes five. At most [`Options::RULES`]: deeper is not parsed.
    pub max_depth: u32,
}

impl Options {
    /// As rules files are read.
    pub const RULES: Self = Self { max_depth: 1000 };
}

impl Default for Options {
    /// What the parser has upstream, without being told.
    fn default() -> Self {
        Self { max_depth: 100 }
    }
}

/// The operators that compare with a number.
const NUMBER_OPERATORS: [Operator; 4] = [Operator::Le, Operator::Lt, Operator::Ge, Operator::Gt];

/// The operators that compare with a text; a longer one stands before its own start.
const TEXT_OPERATORS: [Operator; 12] = [
    Operator::EqEq,
    Operator::Eq,
    Operator::Ne,
    Operator::Glob,
    Operator::IGlob,
    Operator::Contains,
    Operator::IContains,
    Operator::BContains,
    Operator::StartsWith,
    Operator::BStartsWith,
    Operator::EndsWith,
    Operator::Regex,
];

/// The operators that compare with a list.
const LIST_OPERATORS: [Operator; 3] = [Operator::Intersects, Operator::In, Operator::PMatch];

const EXISTS: &str = "exists";

/// How the operators are written.
pub fn operators() -> impl Iterator<Item = &'static str> {
    let binary = NUMBER_OPERATORS.into_iter().chain(TEXT_OPERATORS).chain(LIST_OPERATORS);
    std::iter::once(EXISTS).chain(binary.map(Operator::text))
}

/// How the operators are written that compare with a list.
pub fn list_operators() -> impl Iterator<Item = &'static str> {
    LIST_OPERATORS.into_iter().map(Operator::text)
}

/// The transformers that may stand on the left of an operator. On its right [`Transformer::Val`] may, too.
pub fn left_transformers() -> impl Iterator<Item = Transformer> {
    Transformer::ALL.iter().copied().filter(|transformer| *transformer != Transformer::Val)
}

/// Parses a condition.
///
/// # Errors
/// It is none, or it nests too deep.
pub fn parse(text: impl AsRef<[u8]>) -> Result<Node<Expr>, ParseError> {
    parse_with(text, Options::default())
}

/// Parses a condition.
///
/// # Errors
/// It is none, or it nests too deep.
pub fn parse_with(text: impl AsRef<[u8]>, options: Options) -> Result<Node<Expr>, ParseError> {
    let text = text.as_ref();
    let mut parser = Parser::new(text, options);
    if text.is_empty() {
        return parser.lexer.fail("filter input string is empty");
    }
    let expr = parser.nested(Parser::or)?;
    if parser.depth > 0 {
        return parser.lexer.fail("parser fatal error: recursion is unbalanced");
    }
    if !parser.lexer.rest.is_empty() {
        let last = String::from_utf8_lossy(&parser.lexer.last).into_owned();
        return parser.lexer.fail(format!("unexpected token after '{last}', expecting 'or', 'and'"));
    }
    Ok(expr)
}

/// Parses a field or a transformer at the start of a text (as in the output of a rule), and says how many bytes it takes.
///
/// # Errors
/// There is none.
pub fn parse_operand(text: impl AsRef<[u8]>) -> Result<(Node<Operand>, usize), ParseError> {
    let text = text.as_ref();
    let mut parser = Parser::new(text, Options::default());
    let operand = parser.nested(|parser| {
        let at = parser.lexer.at;
        if let Some(operand) = parser.field(at)? {
            return Ok(operand);
        }
        if let Some(operand) = parser.left_transformer(at)? {
            return Ok(operand);
        }
        let last = String::from_utf8_lossy(&parser.lexer.last).into_owned();
        parser.lexer.fail(format!("unexpected token after '{last}"))
    })?;
    Ok((operand, text.len() - parser.lexer.rest.len()))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: u32,
    max_depth: u32,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn new(text: &'a [u8], options: Options) -> Self {
        Self { lexer: Lexer::new(text), depth: 0, max_depth: options.max_depth.min(Options::RULES.max_depth) }
    }

    /// One rule of the grammar inside another.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        // Upstream, what was too deep stays counted even where the error is taken for the end of a list.
        if self.depth >= self.max_depth {
            return self.lexer.fail(format!("exceeded max depth limit of {}", self.max_depth));
        }
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Parsed<Node<Expr>> {
        self.chain("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Parsed<Node<Expr>> {
        self.chain("and", Self::not, Expr::And)
    }

    fn chain(
        &mut self,
        word: &'static str,
        part: fn(&mut Self) -> Parsed<Node<Expr>>,
        make: fn(Vec<Node<Expr>>) -> Expr,
    ) -> Parsed<Node<Expr>> {
        let at = self.lexer.at;
        self.lexer.blank();
        let first = self.nested(part)?;
        self.lexer.blank();
        let mut more = Vec::new();
        while self.lexer.word(word) {
            let next = if self.lexer.blank() {
                self.nested(part)?
            } else if self.lexer.word("(") {
                self.nested(Self::parenthesised)?
            } else {
                return self.lexer.fail(format!("expected blank or '(' after '{word}'"));
            };
            more.push(next);
            self.lexer.blank();
        }
        if more.is_empty() {
            return Ok(first);
        }
        more.insert(0, first);
        Ok(Node { it: make(more), at })
    }

    fn not(&mut self) -> Parsed<Node<Expr>> {
        let at = self.lexer.at;
        let mut negated = false;
        self.lexer.blank();
        while self.lexer.not() {
            negated = !negated;
        }
        let child = if self.lexer.word("not(") {
            negated = !negated;
            self.nested(Self::parenthesised)?
        } else {
            self.nested(Self::check)?
        };
        Ok(if negated { Node { it: Expr::Not(Box::new(child)), at } } else { child })
    }

    /// What follows `(`.
    fn parenthesised(&mut self) -> Parsed<Node<Expr>> {
        self.lexer.blank();
        let child = self.nested(Self::or)?;
        self.lexer.blank();
        if !self.lexer.word(")") {
            return self.lexer.fail("expected a ')' token");
        }
        Ok(child)
    }

    fn check(&mut self) -> Parsed<Node<Expr>> {
        let at = self.lexer.at;
        self.lexer.blank();
        if self.lexer.word("(") {
            return self.nested(Self::parenthesised);
        }
        if let Some(left) = self.field(at)? {
            return self.nested(|parser| parser.condition(left));
        }
        if let Some(left) = self.left_transformer(at)? {
            return self.nested(|parser| parser.condition(left));
        }
        if self.lexer.identifier() {
            return Ok(Node { it: Expr::Identifier(self.last_name()), at });
        }
        self.lexer.fail("expected a '(' token, a field check, or an identifier")
    }

    /// What follows the left side of a comparison.
    fn condition(&mut self, left: Node<Operand>) -> Parsed<Node<Expr>> {
        let at = left.at;
        let left = Box::new(left);
        self.lexer.blank();
        if self.lexer.word(EXISTS) {
            return Ok(Node { it: Expr::Exists(left), at });
        }
        let mut modifier = None;
        let (operator, right) = if let Some(operator) = self.operator(&NUMBER_OPERATORS, false) {
            (operator, self.nested(Self::number_or_transformer)?)
        } else if let Some(operator) = self.operator(&TEXT_OPERATORS, false) {
            modifier = self.modifier(operator);
            let right = if modifier.is_some() { self.nested(Self::list)? } else { self.nested(Self::text_or_transformer)? };
            (operator, right)
        } else if let Some(operator) = self.operator(&LIST_OPERATORS, true) {
            (operator, self.nested(Self::list_or_transformer)?)
        } else {
            return self.lexer.fail(format!("expected a valid check operator: one of {}", quoted_words(operators())));
        };
        Ok(Node { it: Expr::Compare { left, operator, modifier, right: Box::new(right) }, at })
    }

    fn operator(&mut self, among: &[Operator], loose: bool) -> Option<Operator> {
        among.iter().copied().find(|operator| self.lexer.operator(operator.text(), loose))
    }

    /// `oneof` and the like, where a list follows: otherwise the word is the value.
    fn modifier(&mut self, operator: Operator) -> Option<Modifier> {
        // Operators of letters have taken their blank.
        let after_blank = operator.text().starts_with(|first: char| first.is_ascii_alphabetic()) || self.lexer.blank();
        let before = self.lexer.clone();
        if after_blank && let Some(modifier) = Modifier::ALL.iter().copied().find(|modifier| self.lexer.operator(modifier.text(), false)) {
            let rest = self.lexer.rest;
            if (rest.starts_with(b"(") || identifier(rest).is_some()) && !is_keyword(rest) {
                return Some(modifier);
            }
        }
        self.lexer = before;
        None
    }

    fn number_or_transformer(&mut self) -> Parsed<Node<Right>> {
        self.lexer.blank();
        let at = self.lexer.at;
        if let Some(operand) = self.nested(Self::right_transformer)? {
            return Ok(operand);
        }
        if self.lexer.number() {
            return Ok(Node { it: Right::Value(self.last()), at });
        }
        self.lexer.fail(format!("expected a number value or a field with a valid transformer: {}", right_transformers()))
    }

    fn text_or_transformer(&mut self) -> Parsed<Node<Right>> {
        self.lexer.blank();
        let at = self.lexer.at;
        if let Some(operand) = self.nested(Self::right_transformer)? {
            return Ok(operand);
        }
        if self.lexer.quoted()? || self.lexer.bare() {
            return Ok(Node { it: Right::Value(self.last()), at });
        }
        self.lexer.fail(format!("expected a string value or a field with a valid transformer: {}", right_transformers()))
    }

    /// A value among those of a list.
    fn list_item(&mut self) -> Parsed<Vec<u8>> {
        self.lexer.blank();
        if self.lexer.quoted()? || self.lexer.bare() {
            return Ok(self.last());
        }
        self.lexer.fail("expected a string value")
    }

    fn list(&mut self) -> Parsed<Node<Right>> {
        self.lexer.blank();
        let at = self.lexer.at;
        if let Some(values) = self.values()? {
            return Ok(Node { it: Right::List(values), at });
        }
        if self.lexer.identifier() {
            return Ok(Node { it: Right::Value(self.last()), at });
        }
        self.lexer.fail("expected a list or an identifier")
    }

    fn list_or_transformer(&mut self) -> Parsed<Node<Right>> {
        self.lexer.blank();
        let at = self.lexer.at;
        if let Some(values) = self.values()? {
            return Ok(Node { it: Right::List(values), at });
        }
        if let Some(operand) = self.nested(Self::right_transformer)? {
            return Ok(operand);
        }
        if self.lexer.identifier() {
            return Ok(Node { it: Right::Value(self.last()), at });
        }
        self.lexer.fail(format!("expected a list, an identifier, or a field with a valid transformer: {}", right_transformers()))
    }

    /// `(a, b)`.
    fn values(&mut self) -> Parsed<Option<Vec<Vec<u8>>>> {
        if !self.lexer.word("(") {
            return Ok(None);
        }
        self.lexer.blank();
        let mut values = Vec::new();
        // Whatever is wrong with the first value, upstream takes the list for an empty one and misses its end.
        if let Ok(first) = self.nested(Self::list_item) {
            values.push(first);
            self.lexer.blank();
            while self.lexer.word(",") {
                values.push(self.nested(Self::list_item)?);
                self.lexer.blank();
            }
        }
        if !self.lexer.word(")") {
            return self.lexer.fail("expected a ')' token");
        }
        Ok(Some(values))
    }

    /// A transformer on the right of an operator.
    fn right_transformer(&mut self) -> Parsed<Option<Node<Right>>> {
        self.lexer.blank();
        let at = self.lexer.at;
        let operand = if self.transformer_name(Transformer::Val) {
            self.lexer.blank();
            let field_at = self.lexer.at;
            let Some(field) = self.field(field_at)? else {
                return self.lexer.fail("expected a field within 'val' transformer");
            };
            self.transformer_end(Transformer::Val, vec![field], at)?
        } else {
            match self.left_transformer(at)? {
                Some(operand) => operand,
                None => return Ok(None),
            }
        };
        Ok(Some(Node { it: Right::Operand(operand.it), at }))
    }

    /// A transformer that may stand on the left of an operator.
    fn left_transformer(&mut self, at: Position) -> Parsed<Option<Node<Operand>>> {
        let Some(transformer) = left_transformers().find(|transformer| self.transformer_name(*transformer)) else {
            return Ok(None);
        };
        self.lexer.blank();
        self.nested(|parser| parser.transformer_args(transformer, at)).map(Some)
    }

    /// The name of a transformer with the parenthesis behind it.
    fn transformer_name(&mut self, transformer: Transformer) -> bool {
        let name = transformer.text().as_bytes();
        let found = self.lexer.rest.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"("));
        if found {
            self.lexer.token(Some(name.len() + 1));
            self.lexer.last = name.into();
        }
        found
    }

    /// What follows `tolower(`.
    fn transformer_args(&mut self, transformer: Transformer, at: Position) -> Parsed<Node<Operand>> {
        self.lexer.blank();
        let mut values = Vec::new();
        loop {
            let value_at = self.lexer.at;
            values.push(self.nested(|parser| parser.transformer_arg(value_at))?);
            self.lexer.blank();
            if !self.lexer.word(",") {
                return self.transformer_end(transformer, values, at);
            }
        }
    }

    fn transformer_end(&mut self, transformer: Transformer, values: Vec<Node<Operand>>, at: Position) -> Parsed<Node<Operand>> {
        self.lexer.blank();
        if !self.lexer.word(")") {
            return self.lexer.fail("expected a ')' token closing the transformer");
        }
        let arg = self.arg()?;
        Ok(Node { it: Operand::Transform { transformer, values, arg }, at })
    }

    fn transformer_arg(&mut self, at: Position) -> Parsed<Node<Operand>> {
        self.lexer.blank();
        if self.lexer.word("(") {
            return self.transformer_list(at);
        }
        match self.transformer_value(at)? {
            Some(value) => Ok(value),
            None => self.lexer.fail("expected field transformer argument: field, transformer, quoted string, number, or transformer list"),
        }
    }

    /// What follows the parenthesis of a list among the arguments of a transformer. All that is in it counts as being where it starts.
    fn transformer_list(&mut self, at: Position) -> Parsed<Node<Operand>> {
        let mut values = Vec::new();
        self.lexer.blank();
        if self.lexer.word(")") {
            return Ok(Node { it: Operand::List(values), at });
        }
        loop {
            self.lexer.blank();
            match self.transformer_value(at)? {
                Some(value) => values.push(value),
                None => return self.lexer.fail("expected transformer list argument: field, transformer, quoted string, or number"),
            }
            self.lexer.blank();
            if !self.lexer.word(",") {
                break;
            }
        }
        if !self.lexer.word(")") {
            return self.lexer.fail("expected ')'");
        }
        Ok(Node { it: Operand::List(values), at })
    }

    fn transformer_value(&mut self, at: Position) -> Parsed<Option<Node<Operand>>> {
        if self.lexer.number() || self.lexer.quoted()? {
            return Ok(Some(Node { it: Operand::Value(self.last()), at }));
        }
        match self.field(at)? {
            Some(field) => Ok(Some(field)),
            None => self.left_transformer(at),
        }
    }

    fn field(&mut self, at: Position) -> Parsed<Option<Node<Operand>>> {
        if !self.lexer.field_name() {
            return Ok(None);
        }
        let name = self.last_name();
        let arg = self.nested(Self::arg)?;
        Ok(Some(Node { it: Operand::Field { name, arg }, at }))
    }

    /// What stands in brackets.
    fn arg(&mut self) -> Parsed<Option<Vec<u8>>> {
        if !self.lexer.word("[") {
            return Ok(None);
        }
        if !self.lexer.quoted()? && !self.lexer.bare_arg() {
            return self.lexer.fail("expected a valid field argument: a quoted string or a bare string");
        }
        let arg = self.last();
        if !self.lexer.word("]") {
            return self.lexer.fail("expected a ']' token");
        }
        Ok(Some(arg))
    }

    fn last(&self) -> Vec<u8> {
        self.lexer.last.to_vec()
    }

    /// The last word where it is one of letters, digits and dots.
    fn last_name(&self) -> String {
        String::from_utf8_lossy(&self.lexer.last).into_owned()
    }
}

fn right_transformers() -> String {
    quoted_words(std::iter::once(Transformer::Val).chain(left_transformers()).map(Transformer::text))
}

fn quoted_words(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}
