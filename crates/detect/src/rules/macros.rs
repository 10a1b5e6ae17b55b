//! Macros in conditions: names are replaced by trees.

use super::diagnostic::Context;
use super::items::Order;
use crate::condition::{Expr, Node, Position, Right};

/// A condition may not come to more parts than this; upstream's largest has less than 5,000.
const MAX_PARTS: usize = 1 << 18;
/// All conditions together may not.
const MAX_ALL_PARTS: usize = 1 << 22;
/// A condition may not nest deeper than this, so that those who walk over it may call themselves.
const MAX_DEPTH: usize = 1000;

/// A macro whose condition was parsed.
pub(super) struct Parsed {
    pub(super) name: String,
    /// None if something is wrong with it: what uses it is not told again.
    pub(super) expr: Option<Node<Expr>>,
    pub(super) used: bool,
    pub(super) order: Order,
    pub(super) context: Context,
}

/// Why names can not be replaced.
pub(super) enum Failure {
    /// Something is wrong at a place of the condition.
    At(Position, String),
    /// A macro that is wrong itself.
    Broken,
}

/// Replaces names in one condition.
pub(super) struct Resolver<'m> {
    /// The macro of a name, if the condition sees it.
    pub(super) macros: &'m dyn Fn(&str) -> Option<&'m Parsed>,
    /// How many parts are left for all conditions.
    left: usize,
    parts: usize,
    path: Vec<&'m str>,
    used: Vec<&'m str>,
    broken: bool,
    loops: Option<Failure>,
    unknown: Option<Failure>,
}

/// What became of a condition.
pub(super) struct Resolved<'m> {
    pub(super) expr: Node<Expr>,
    /// The names of the macros in it.
    pub(super) used: Vec<&'m str>,
}

/// How many parts conditions may still come to.
#[derive(Clone)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_ALL_PARTS)
    }
}

/// The condition with trees in place of the names of macros.
pub(super) fn resolve<'m>(
    expr: &Node<Expr>,
    macros: &'m dyn Fn(&str) -> Option<&'m Parsed>,
    budget: &mut Budget,
) -> Result<Resolved<'m>, Failure> {
    let mut resolver =
        Resolver { macros, left: budget.0, parts: 0, path: Vec::new(), used: Vec::new(), broken: false, loops: None, unknown: None };
    let expr = resolver.node(expr, None, 0);
    budget.0 = resolver.left.saturating_sub(resolver.parts);
    let expr = expr?;
    match resolver {
        Resolver { loops: Some(failure), .. } | Resolver { unknown: Some(failure), .. } => Err(failure),
        Resolver { broken: true, .. } => Err(Failure::Broken),
        Resolver { used, .. } => Ok(Resolved { expr, used }),
    }
}

impl<'m> Resolver<'m> {
    /// `at` is where the outermost macro is named, for a node that is part of one.
    fn node(&mut self, node: &Node<Expr>, at: Option<Position>, depth: usize) -> Result<Node<Expr>, Failure> {
        self.parts += weight(&node.it);
        let place = at.unwrap_or(node.at);
        if self.parts > MAX_PARTS.min(self.left) {
            return Err(Failure::At(place, format!("the macros of this condition expand to more than {MAX_PARTS} parts")));
        }
        if depth > MAX_DEPTH {
            return Err(Failure::At(place, format!("the macros of this condition nest deeper than {MAX_DEPTH} levels")));
        }
        let it = match &node.it {
            Expr::And(children) => Expr::And(self.nodes(children, at, depth)?),
            Expr::Or(children) => Expr::Or(self.nodes(children, at, depth)?),
            Expr::Not(child) => Expr::Not(Box::new(self.node(child, at, depth + 1)?)),
            Expr::Identifier(name) => return self.name(node, name, place, depth),
            other => other.clone(),
        };
        Ok(Node { it, at: node.at })
    }

    fn nodes(&mut self, nodes: &[Node<Expr>], at: Option<Position>, depth: usize) -> Result<Vec<Node<Expr>>, Failure> {
        nodes.iter().map(|node| self.node(node, at, depth + 1)).collect()
    }

    fn name(&mut self, node: &Node<Expr>, name: &str, place: Position, depth: usize) -> Result<Node<Expr>, Failure> {
        let Some(found) = (self.macros)(name) else {
            self.unknown.get_or_insert_with(|| Failure::At(place, format!("Undefined macro '{name}' used in filter.")));
            return Ok(node.clone());
        };
        if self.path.contains(&found.name.as_str()) {
            self.loops.get_or_insert_with(|| Failure::At(place, format!("reference loop in macro '{name}'")));
            return Ok(node.clone());
        }
        let Some(expr) = &found.expr else {
            self.broken = true;
            return Ok(node.clone());
        };
        self.path.push(&found.name);
        let resolved = self.node(expr, Some(place), depth + 1);
        self.path.pop();
        self.used.push(&found.name);
        resolved
    }
}

/// How many parts a node has without its children: values take memory, too.
fn weight(expr: &Expr) -> usize {
    match expr {
        Expr::Compare { right, .. } => match &right.it {
            Right::List(values) => 1 + values.len(),
            Right::Value(_) | Right::Operand(_) => 1,
        },
        _ => 1,
    }
}
