//! The names of macros replaced by what they stand for.

use super::{Expr, Node, Operand, ParseError, Position, Right};

/// How deep the resolved tree may be, each name counted as a step: as deep as one condition of rules files can be by itself, so that those who go through it need
/// no more stack with macros than without.
const MAX_DEPTH: usize = 750;

/// How many bytes the resolved tree may say, as a measure: macros that name each other twice double with each step.
const MAX_BYTES: usize = 4 << 20;

/// What each node counts beside its texts.
const NODE_BYTES: usize = 32;

/// A condition without macros, and which ones there were.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The condition. What could not be replaced stands in it as it was.
    pub expr: Node<Expr>,
    /// The macros that were replaced, those within others first; as often as they were.
    pub used: Vec<Reference>,
    /// The names that are no macros, or would lead back to themselves.
    pub unknown: Vec<Reference>,
    /// What is wrong beside names that are no macros: loops, and trees that grow too large.
    pub errors: Vec<ParseError>,
}

/// The name of a macro and where it stands: in the condition, or in the macro that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name.
    pub name: String,
    /// Where it starts.
    pub at: Position,
}

/// Replaces the names of macros, also within macros. `lookup` says what a name stands for, if anything.
pub fn resolve_macros<'m>(expr: &Node<Expr>, lookup: impl Fn(&str) -> Option<&'m Node<Expr>>) -> Resolved {
    let mut resolver = Resolver { lookup, within: Vec::new(), left: MAX_BYTES, used: Vec::new(), unknown: Vec::new(), errors: Vec::new() };
    let expr = resolver.expr(expr, 0);
    let Resolver { used, unknown, errors, .. } = resolver;
    Resolved { expr, used, unknown, errors }
}

struct Resolver<F> {
    lookup: F,
    /// The macros that are being replaced, the outermost first.
    within: Vec<String>,
    /// How many bytes are left.
    left: usize,
    used: Vec<Reference>,
    unknown: Vec<Reference>,
    errors: Vec<ParseError>,
}

impl<'m, F: Fn(&str) -> Option<&'m Node<Expr>>> Resolver<F> {
    fn expr(&mut self, expr: &Node<Expr>, depth: usize) -> Node<Expr> {
        let at = expr.at;
        // A condition without macros has been paid for by its author.
        if !self.within.is_empty() {
            self.left = self.left.saturating_sub(NODE_BYTES + weight(&expr.it));
        }
        let it = match &expr.it {
            Expr::And(all) => Expr::And(self.children(all, depth + 1)),
            Expr::Or(any) => Expr::Or(self.children(any, depth + 1)),
            Expr::Not(child) => Expr::Not(Box::new(self.expr(child, depth + 1))),
            Expr::Identifier(name) => return self.identifier(name, at, depth),
            leaf => leaf.clone(),
        };
        Node { it, at }
    }

    fn children(&mut self, children: &[Node<Expr>], depth: usize) -> Vec<Node<Expr>> {
        let mut resolved = Vec::with_capacity(children.len());
        for child in children {
            resolved.push(self.expr(child, depth));
        }
        resolved
    }

    fn identifier(&mut self, name: &str, at: Position, depth: usize) -> Node<Expr> {
        let reference = Reference { name: name.to_owned(), at };
        let unresolved = Node { it: Expr::Identifier(name.to_owned()), at };
        let Some(definition) = (self.lookup)(name) else {
            self.unknown.push(reference);
            return unresolved;
        };
        if self.within.iter().any(|outer| outer == name) {
            self.errors.push(ParseError { message: format!("reference loop in macro '{name}'"), at });
            self.unknown.push(reference);
            return unresolved;
        }
        // Nobody asks for more of a condition that cannot be used.
        if !self.errors.is_empty() {
            return unresolved;
        }
        if depth >= MAX_DEPTH || self.left == 0 {
            self.errors.push(ParseError { message: format!("macro '{name}' makes the condition too large"), at });
            return unresolved;
        }
        self.within.push(reference.name.clone());
        let expr = self.expr(definition, depth + 1);
        self.within.pop();
        self.used.push(reference);
        expr
    }
}

/// How many bytes of text a node holds itself.
fn weight(expr: &Expr) -> usize {
    match expr {
        Expr::And(_) | Expr::Or(_) | Expr::Not(_) => 0,
        Expr::Identifier(name) => name.len(),
        Expr::Exists(left) => operand_weight(&left.it),
        Expr::Compare { left, right, .. } => {
            let right = match &right.it {
                Right::Value(value) => value.len(),
                Right::List(values) => values.iter().map(|value| NODE_BYTES + value.len()).sum(),
                Right::Operand(operand) => operand_weight(operand),
            };
            operand_weight(&left.it) + right
        }
    }
}

fn operand_weight(operand: &Operand) -> usize {
    let all = |values: &[Node<Operand>]| values.iter().map(|value| operand_weight(&value.it)).sum::<usize>();
    let arg = |arg: &Option<Vec<u8>>| arg.as_ref().map_or(0, Vec::len);
    NODE_BYTES
        + match operand {
            Operand::Field { name, arg: argument } => name.len() + arg(argument),
            Operand::Transform { values, arg: argument, .. } => all(values) + arg(argument),
            Operand::Value(value) => value.len(),
            Operand::List(values) => all(values),
        }
}
