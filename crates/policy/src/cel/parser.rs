//! Tokens to a tree: names resolved, macros expanded (langdef, sections "Syntax" and "Macros").

use super::ast::{Expr, Fold, FoldKind, Kind, Operator};
use super::lexer::{Token, tokens};
use super::{Failure, FailureKind, library};
use std::ops::Range;

/// Levels that the tree of an expression may have: evaluating it takes the stack of as many calls.
const DEPTH: usize = 150;
/// Levels of parentheses, brackets and conditions; policies stay below 20.
const NESTING: usize = 64;
/// Bytes that an expression may have.
const LENGTH: usize = 128 << 10;

/// Parses `text`, which may speak of the variables `roots`.
pub(super) fn parse(text: &str, roots: &[&str]) -> Result<Expr, Failure> {
    if text.len() > LENGTH {
        return Err(Failure { kind: FailureKind::Syntax, message: format!("the expression is longer than {LENGTH} bytes"), at: 0..0 });
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, roots, locals: Vec::new(), depth: 0 };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'r> {
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    roots: &'r [&'r str],
    /// The variables of the macros around, innermost last: the place is the one on the stack.
    locals: Vec<Box<str>>,
    depth: usize,
}

type Parse = Result<Expr, Failure>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn peek_after(&self, count: usize) -> &Token {
        self.tokens.get(self.next + count).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> Range<usize> {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0..0, |(_, at)| at.clone())
    }

    fn advance(&mut self) {
        self.next += 1;
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Failure> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Failure {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::Word(word) => format!("`{word}`"),
            _ => "a literal".to_owned(),
        };
        Failure { kind: FailureKind::Syntax, message: format!("expected {wanted}, found {found}"), at: self.at() }
    }

    fn build(&self, kind: Kind, start: usize) -> Parse {
        let end = self.tokens.get(self.next.saturating_sub(1)).map_or(start, |(_, at)| at.end);
        let mut expr = Expr { kind, at: start..end, depth: 0 };
        expr.depth = 1 + expr.children().iter().map(|child| child.depth).max().unwrap_or(0);
        if expr.depth > DEPTH {
            let message = format!("the expression is nested deeper than {DEPTH} levels");
            return Err(Failure { kind: FailureKind::Syntax, message, at: expr.at });
        }
        Ok(expr)
    }

    fn expression(&mut self) -> Parse {
        self.depth += 1;
        if self.depth > NESTING {
            let message = format!("the expression is nested deeper than {NESTING} levels");
            return Err(Failure { kind: FailureKind::Syntax, message, at: self.at() });
        }
        let start = self.at().start;
        let condition = self.chain("||")?;
        let result = if self.take("?") {
            let yes = self.chain("||")?;
            self.expect(":")?;
            let no = self.expression()?;
            self.build(Kind::Conditional(Box::new([condition, yes, no])), start)
        } else {
            Ok(condition)
        };
        self.depth -= 1;
        result
    }

    /// `a || b || …` of `a && b && …` of relations.
    fn chain(&mut self, symbol: &str) -> Parse {
        let start = self.at().start;
        let or = symbol == "||";
        let first = if or { self.chain("&&")? } else { self.binary(0)? };
        let mut all = vec![first];
        while self.take(symbol) {
            all.push(if or { self.chain("&&")? } else { self.binary(0)? });
        }
        match all.pop() {
            Some(only) if all.is_empty() => Ok(only),
            last => {
                all.extend(last);
                self.build(if or { Kind::Or(all) } else { Kind::And(all) }, start)
            }
        }
    }

    /// Relations, sums, products: from the loosest to the tightest.
    fn binary(&mut self, level: usize) -> Parse {
        let start = self.at().start;
        let mut left = if level == 2 { self.unary()? } else { self.binary(level + 1)? };
        while let Some(operator) = self.operator(level) {
            self.advance();
            let right = if level == 2 { self.unary()? } else { self.binary(level + 1)? };
            left = self.build(Kind::Binary(operator, Box::new([left, right])), start)?;
        }
        Ok(left)
    }

    fn operator(&self, level: usize) -> Option<Operator> {
        let symbol = match self.peek() {
            Token::Symbol(symbol) => symbol,
            Token::Word(word) if &**word == "in" => "in",
            _ => return None,
        };
        let of_level: &[Operator] = match level {
            0 => &[
                Operator::Equal,
                Operator::NotEqual,
                Operator::LessEqual,
                Operator::Less,
                Operator::GreaterEqual,
                Operator::Greater,
                Operator::In,
            ],
            1 => &[Operator::Add, Operator::Subtract],
            _ => &[Operator::Multiply, Operator::Divide, Operator::Modulo],
        };
        of_level.iter().copied().find(|operator| operator.symbol() == symbol)
    }

    fn unary(&mut self) -> Parse {
        let start = self.at().start;
        let mut signs = Vec::new();
        while let Token::Symbol(sign @ ("!" | "-")) = self.peek() {
            signs.push(*sign);
            self.advance();
        }
        // The lowest number has no positive counterpart, so the minus is part of the literal.
        let mut expr = match (signs.last(), self.peek()) {
            (Some(&"-"), Token::Int(value)) => {
                let value = -*value;
                signs.pop();
                self.literal(Kind::Int(value))?
            }
            (Some(&"-"), Token::Huge(value)) if *value == i64::MIN.unsigned_abs() => {
                signs.pop();
                self.literal(Kind::Int(i64::MIN))?
            }
            (Some(&"-"), Token::Double(value)) => {
                let value = -*value;
                signs.pop();
                self.literal(Kind::Double(value))?
            }
            _ => self.member()?,
        };
        for sign in signs.iter().rev() {
            let operand = Box::new(expr);
            expr = self.build(if *sign == "!" { Kind::Not(operand) } else { Kind::Negate(operand) }, start)?;
        }
        Ok(expr)
    }

    fn literal(&mut self, kind: Kind) -> Parse {
        let start = self.at().start;
        self.advance();
        let literal = self.build(kind, start)?;
        self.suffixes(literal, start)
    }

    fn member(&mut self) -> Parse {
        let start = self.at().start;
        let primary = self.primary()?;
        self.suffixes(primary, start)
    }

    fn suffixes(&mut self, mut expr: Expr, start: usize) -> Parse {
        loop {
            if self.take(".") {
                let optional = self.take("?");
                let name_at = self.at();
                // Literals and operators are no names; a field of that name is written `__true__`.
                if matches!(self.peek(), Token::Word(word) if matches!(&**word, "true" | "false" | "null" | "in")) {
                    return Err(self.unexpected("a name"));
                }
                let name = self.word()?;
                expr = if !optional && self.take("(") {
                    self.method(expr, &name, name_at, start)?
                } else {
                    self.build(Kind::Select { operand: Box::new(expr), field: unescape(&name), optional }, start)?
                };
            } else if self.take("[") {
                let optional = self.take("?");
                let index = self.expression()?;
                self.expect("]")?;
                expr = self.build(Kind::Index { operand: Box::new(expr), index: Box::new(index), optional }, start)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn word(&mut self) -> Result<Box<str>, Failure> {
        let Token::Word(word) = self.peek().clone() else { return Err(self.unexpected("a name")) };
        self.advance();
        Ok(word)
    }

    fn primary(&mut self) -> Parse {
        let start = self.at().start;
        let kind = match self.peek().clone() {
            Token::Int(value) => Kind::Int(value),
            Token::Uint(value) => Kind::Uint(value),
            Token::Double(value) => Kind::Double(value),
            Token::String(value) => Kind::String(value),
            Token::Bytes(value) => Kind::Bytes(value),
            Token::Huge(value) => {
                let message = format!("`{value}` does not fit into an int of 64 bits");
                return Err(Failure { kind: FailureKind::Syntax, message, at: self.at() });
            }
            Token::Symbol("(") => {
                self.advance();
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Symbol("[") => return self.list(start),
            Token::Symbol("{") => return self.map(start),
            Token::Symbol(".") if matches!(self.peek_after(1), Token::Word(_)) => {
                self.advance();
                return self.name();
            }
            Token::Word(_) => return self.name(),
            Token::Symbol(_) | Token::End => return Err(self.unexpected("an expression")),
        };
        self.advance();
        self.build(kind, start)
    }

    fn list(&mut self, start: usize) -> Parse {
        self.advance();
        let mut items = Vec::new();
        while !self.take("]") {
            let optional = self.take("?");
            items.push((optional, self.expression()?));
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        self.build(Kind::List(items), start)
    }

    fn map(&mut self, start: usize) -> Parse {
        self.advance();
        let mut entries = Vec::new();
        while !self.take("}") {
            let optional = self.take("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((optional, key, self.expression()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        self.build(Kind::Map(entries), start)
    }

    /// What starts with a name: a literal, a variable, a type, a call, a function of a library, a struct.
    fn name(&mut self) -> Parse {
        let at = self.at();
        let start = at.start;
        let name = self.word()?;
        match &*name {
            "true" | "false" => return self.build(Kind::Bool(&*name == "true"), start),
            "null" => return self.build(Kind::Null, start),
            _ => {}
        }
        if let Some(slot) = self.locals.iter().rposition(|local| *local == name) {
            return self.build(Kind::Local(slot), start);
        }
        if self.take("(") {
            return if &*name == "has" { self.has(start) } else { self.call(&name, at, start) };
        }
        if self.roots.contains(&&*name) {
            return self.build(Kind::Root(name), start);
        }
        // `Object.spec{…}`, `JSONPatch{…}`: the names of structs, as mutations make them.
        if matches!(&*name, "Object" | "JSONPatch") {
            let mut name = name.into_string();
            while self.take(".") {
                name = format!("{name}.{}", unescape(&self.word()?));
            }
            return self.structure(name.into(), start);
        }
        // `math.greatest(…)`: a library's name is no variable.
        if let (Token::Symbol("."), Token::Word(member), Token::Symbol("(")) = (self.peek(), self.peek_after(1), self.peek_after(2)) {
            let qualified = format!("{name}.{member}");
            if qualified == "cel.bind" || library::is_function(&qualified) {
                self.next += 3;
                return if qualified == "cel.bind" { self.bind(start) } else { self.call(&qualified, at, start) };
            }
        }
        if let Some(ty) = library::type_name(&name) {
            return self.build(Kind::Type(ty), start);
        }
        // `net.IP`, `google.protobuf.Timestamp`: a type with dots in its name.
        let mut qualified = name.to_string();
        for count in 1..=2 {
            let (Token::Symbol("."), Token::Word(part)) = (self.peek_after(2 * count - 2), self.peek_after(2 * count - 1)) else { break };
            qualified = format!("{qualified}.{part}");
            if let Some(ty) = library::type_name(&qualified) {
                self.next += 2 * count;
                return self.build(Kind::Type(ty), start);
            }
        }
        let known = self.locals.iter().map(|local| &**local).chain(self.roots.iter().copied()).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "there are no variables".to_owned() } else { format!("there are {known}") };
        Err(Failure { kind: FailureKind::Compile, message: format!("no variable is called `{name}`; {known}"), at })
    }

    fn structure(&mut self, name: Box<str>, start: usize) -> Parse {
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.take("}") {
            let optional = self.take("?");
            let field = self.word()?;
            self.expect(":")?;
            fields.push((optional, unescape(&field), self.expression()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        self.build(Kind::Struct(name, fields), start)
    }

    fn has(&mut self, start: usize) -> Parse {
        let at = self.at();
        let argument = self.expression()?;
        self.expect(")")?;
        match argument.kind {
            Kind::Select { operand, field, optional: false } => self.build(Kind::Has { operand, field }, start),
            _ => Err(Failure { kind: FailureKind::Compile, message: "`has()` takes a field: `has(a.b)`".to_owned(), at }),
        }
    }

    fn bind(&mut self, start: usize) -> Parse {
        let name = self.word()?;
        self.expect(",")?;
        let value = self.expression()?;
        self.expect(",")?;
        let body = self.within(&[name], Self::expression)?;
        self.expect(")")?;
        self.build(Kind::Bind(Box::new([value, body])), start)
    }

    /// Parses something that may speak of `names`.
    fn within<T>(&mut self, names: &[Box<str>], parse: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let count = self.locals.len();
        self.locals.extend(names.iter().cloned());
        let parsed = parse(self);
        self.locals.truncate(count);
        parsed
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Failure> {
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.expression()?);
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(arguments)
    }

    fn call(&mut self, name: &str, at: Range<usize>, start: usize) -> Parse {
        let arguments = self.arguments()?;
        let function =
            library::function(name, false, arguments.len()).map_err(|message| Failure { kind: FailureKind::Compile, message, at })?;
        self.build(Kind::Call { function, arguments }, start)
    }

    fn method(&mut self, receiver: Expr, name: &str, at: Range<usize>, start: usize) -> Parse {
        if let Some(kind) = macro_kind(name)
            && let Some(names) = self.macro_variables(kind, name)
        {
            return self.fold(kind, name, receiver, &names, at, start);
        }
        let mut arguments = vec![receiver];
        arguments.extend(self.arguments()?);
        let function =
            library::function(name, true, arguments.len()).map_err(|message| Failure { kind: FailureKind::Compile, message, at })?;
        self.build(Kind::Call { function, arguments }, start)
    }

    /// The variables that a macro declares: names that are followed by a comma. Two, if another expression follows them.
    fn macro_variables(&mut self, kind: FoldKind, name: &str) -> Option<Vec<Box<str>>> {
        let comma = |token: &Token| matches!(token, Token::Symbol(","));
        let Token::Word(first) = self.peek().clone() else { return None };
        if !comma(self.peek_after(1)) {
            return None;
        }
        let one = matches!(kind, FoldKind::Map | FoldKind::Filter | FoldKind::SortBy | FoldKind::OptMap | FoldKind::OptFlatMap);
        let two = !one || name == "transformList";
        if let (true, Token::Word(second), true) = (two, self.peek_after(2).clone(), comma(self.peek_after(3))) {
            self.next += 4;
            return Some(vec![first, second]);
        }
        self.next += 2;
        Some(vec![first])
    }

    fn fold(&mut self, kind: FoldKind, name: &str, range: Expr, names: &[Box<str>], at: Range<usize>, start: usize) -> Parse {
        let expressions = self.within(names, Self::arguments)?;
        let most = if kind == FoldKind::Map || name.starts_with("transform") { 2 } else { 1 };
        let mut expressions = expressions.into_iter();
        let (body, filter) = match (expressions.next(), expressions.next(), expressions.next()) {
            (Some(body), None, None) => (body, None),
            (Some(filter), Some(body), None) if most == 2 => (body, Some(filter)),
            _ => {
                let message = format!("`{name}()` takes {} and {most} expression{}", "variables", if most == 1 { "" } else { "s" });
                return Err(Failure { kind: FailureKind::Compile, message, at });
            }
        };
        if name.starts_with("transform") && names.len() != 2 {
            let message = format!("`{name}()` takes two variables: index or key, and value");
            return Err(Failure { kind: FailureKind::Compile, message, at });
        }
        self.build(Kind::Fold(Box::new(Fold { kind, range, two: names.len() == 2, filter, body })), start)
    }
}

fn macro_kind(name: &str) -> Option<FoldKind> {
    Some(match name {
        "all" => FoldKind::All,
        "exists" => FoldKind::Exists,
        "exists_one" | "existsOne" => FoldKind::ExistsOne,
        "filter" => FoldKind::Filter,
        "map" | "transformList" => FoldKind::Map,
        "transformMap" => FoldKind::TransformMap,
        "transformMapEntry" => FoldKind::TransformMapEntry,
        "sortBy" => FoldKind::SortBy,
        "optMap" => FoldKind::OptMap,
        "optFlatMap" => FoldKind::OptFlatMap,
        _ => return None,
    })
}

/// The name of a field whose name is no identifier (apiserver `cel/escaping.go`): `__dash__`, `__namespace__`.
fn unescape(name: &str) -> Box<str> {
    const WORDS: [(&str, &str); 4] = [("__underscores__", "__"), ("__dot__", "."), ("__dash__", "-"), ("__slash__", "/")];
    const KEYWORDS: [&str; 21] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    let inner = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    if let Some(inner) = inner.filter(|inner| KEYWORDS.contains(inner)) {
        return inner.into();
    }
    if !name.contains("__") {
        return name.into();
    }
    WORDS.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to)).into()
}
