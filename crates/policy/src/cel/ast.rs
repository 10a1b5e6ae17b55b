//! The tree of an expression, macros expanded and names resolved.

use super::library::Function;
use std::ops::Range;
use std::sync::Arc;

/// An expression and its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
    /// Levels of nesting, which evaluating and dropping it recurse to.
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Box<str>),
    Bytes(Arc<[u8]>),
    /// The name of a type, as a value.
    Type(&'static str),
    /// A variable of the environment.
    Root(Box<str>),
    /// A variable of a macro: its place on the stack.
    Local(usize),
    /// `operand.field`, `operand.?field`.
    Select {
        operand: Box<Expr>,
        field: Box<str>,
        optional: bool,
    },
    /// `has(operand.field)`.
    Has {
        operand: Box<Expr>,
        field: Box<str>,
    },
    /// `operand[index]`, `operand[?index]`.
    Index {
        operand: Box<Expr>,
        index: Box<Expr>,
        optional: bool,
    },
    /// The receiver of a method is the first argument.
    Call {
        function: &'static Function,
        arguments: Vec<Expr>,
    },
    /// `[a, ?b]`: whether an item is optional, and the item.
    List(Vec<(bool, Expr)>),
    /// `{k: a, ?l: b}`.
    Map(Vec<(bool, Expr, Expr)>),
    /// `Object.spec{field: a}`: its name and fields. It is a map: the object says what type a field has.
    Struct(Box<str>, Vec<(bool, Box<str>, Expr)>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// All must be true; one that is false outweighs errors of others.
    And(Vec<Expr>),
    /// One must be true; it outweighs errors of others.
    Or(Vec<Expr>),
    Conditional(Box<[Expr; 3]>),
    Binary(Operator, Box<[Expr; 2]>),
    Fold(Box<Fold>),
    /// `cel.bind(name, value, body)`: the value is at this place of the stack.
    Bind(Box<[Expr; 2]>),
}

/// A macro that walks over a list or a map.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Expr,
    /// Whether it names two variables: index or key, and value.
    pub(super) two: bool,
    /// What an item has to fulfil to take part in `map` with three arguments and in `transform…` with four.
    pub(super) filter: Option<Expr>,
    pub(super) body: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    TransformMap,
    TransformMapEntry,
    SortBy,
    OptMap,
    OptFlatMap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
        }
    }
}

impl Expr {
    /// The parts of it.
    pub(super) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Select { operand, .. } | Kind::Has { operand, .. } => vec![operand],
            Kind::Index { operand, index, .. } => vec![operand, index],
            Kind::Call { arguments, .. } => arguments.iter().collect(),
            Kind::List(items) => items.iter().map(|(_, item)| item).collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(_, key, value)| [key, value]).collect(),
            Kind::Struct(_, fields) => fields.iter().map(|(_, _, value)| value).collect(),
            Kind::Not(one) | Kind::Negate(one) => vec![one],
            Kind::And(all) | Kind::Or(all) => all.iter().collect(),
            Kind::Conditional(all) => all.iter().collect(),
            Kind::Binary(_, both) | Kind::Bind(both) => both.iter().collect(),
            Kind::Fold(fold) => [Some(&fold.range), fold.filter.as_ref(), Some(&fold.body)].into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }

    fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            Kind::Select { operand, .. } | Kind::Has { operand, .. } => vec![operand],
            Kind::Index { operand, index, .. } => vec![operand, index],
            Kind::Call { arguments, .. } => arguments.iter_mut().collect(),
            Kind::List(items) => items.iter_mut().map(|(_, item)| item).collect(),
            Kind::Map(entries) => entries.iter_mut().flat_map(|(_, key, value)| [key, value]).collect(),
            Kind::Struct(_, fields) => fields.iter_mut().map(|(_, _, value)| value).collect(),
            Kind::Not(one) | Kind::Negate(one) => vec![one],
            Kind::And(all) | Kind::Or(all) => all.iter_mut().collect(),
            Kind::Conditional(all) => all.iter_mut().collect(),
            Kind::Binary(_, both) | Kind::Bind(both) => both.iter_mut().collect(),
            Kind::Fold(fold) => [Some(&mut fold.range), fold.filter.as_mut(), Some(&mut fold.body)].into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }

    /// The expression with `object.spec`, `object.metadata` (and of `oldObject`) looked up below `path`.
    pub(super) fn below(&self, path: &[&str]) -> Self {
        let mut copy = self.clone();
        copy.descend(path);
        copy
    }

    fn descend(&mut self, path: &[&str]) {
        if let Kind::Select { operand, field, .. } | Kind::Has { operand, field } = &mut self.kind
            && matches!(&**field, "spec" | "metadata")
            && matches!(&operand.kind, Kind::Root(name) if matches!(&**name, "object" | "oldObject"))
        {
            let object = Self { kind: operand.kind.clone(), at: operand.at.clone(), depth: operand.depth };
            **operand = path.iter().fold(object, |operand, field| Self {
                at: operand.at.clone(),
                depth: operand.depth + 1,
                kind: Kind::Select { operand: Box::new(operand), field: (*field).into(), optional: false },
            });
            return;
        }
        for child in self.children_mut() {
            child.descend(path);
        }
    }
}
