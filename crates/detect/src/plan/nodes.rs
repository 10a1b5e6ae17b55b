//! The expressions of all rules, each different one once.

use super::unit::Place;
use crate::Value;
use crate::filter::{Check, Filter, Reach, Shape, Source, Test};
use plimsoll_model::events::{EventType, kinds};
use std::collections::HashMap;

/// An expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AtomId(u32);

/// What an expression is. Children of `All` and `Any` are different from each other, and none is of the same kind as its parent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Constant(bool),
    Atom(AtomId),
    Not(NodeId),
    All(Box<[NodeId]>),
    Any(Box<[NodeId]>),
}

/// All expressions.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    known: HashMap<Node, NodeId>,
    costs: Vec<u32>,
    /// The costs of atoms; all the same until units are known.
    atom_costs: Vec<u32>,
    places: Vec<Place>,
    /// The atoms that the type of an event decides.
    typed: HashMap<AtomId, Test>,
}

/// More than any condition costs.
const HIGHEST_COST: u32 = 1 << 20;

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn atoms(&self) -> usize {
        self.atom_costs.len()
    }

    pub(super) fn get(&self, id: NodeId) -> &Node {
        self.nodes.get(id.index()).unwrap_or(&Node::Constant(false))
    }

    /// What an expression costs if all of it has to be worked out, in about nanoseconds.
    pub(super) fn cost(&self, id: NodeId) -> u32 {
        self.costs.get(id.index()).copied().unwrap_or(0)
    }

    /// In which unit an atom is worked out, and which bit holds its answer.
    pub(super) fn place_of(&self, atom: AtomId) -> (u32, usize, u64) {
        self.places.get(atom.0 as usize).map_or((u32::MAX, usize::MAX, 0), |place| (place.unit, place.word, place.mask))
    }

    /// Takes in where atoms are worked out and what that costs; the cheaper children come first from now on.
    pub(super) fn place(&mut self, places: Vec<Place>) {
        self.atom_costs = places.iter().map(|place| place.cost).collect();
        self.places = places;
        self.costs.clear();
        for index in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(index).cloned() else { return };
            // Children stand before their parents.
            let cost = self.cost_of(&node);
            self.costs.push(cost);
            if let Node::All(mut children) = node {
                children.sort_by_key(|child| (self.cost(*child), *child));
                self.set(index, Node::All(children));
            } else if let Node::Any(mut children) = node {
                children.sort_by_key(|child| (self.cost(*child), *child));
                self.set(index, Node::Any(children));
            }
        }
        self.known = self.nodes.iter().enumerate().map(|(index, node)| (node.clone(), id(index))).collect();
    }

    fn set(&mut self, index: usize, node: Node) {
        if let Some(slot) = self.nodes.get_mut(index) {
            *slot = node;
        }
    }

    fn cost_of(&self, node: &Node) -> u32 {
        match node {
            Node::Constant(_) => 0,
            Node::Atom(atom) => self.atom_costs.get(atom.0 as usize).copied().unwrap_or(1),
            Node::Not(child) => self.cost(*child),
            Node::All(children) | Node::Any(children) => {
                children.iter().fold(1, |sum: u32, child| sum.saturating_add(self.cost(*child))).min(HIGHEST_COST)
            }
        }
    }

    fn add(&mut self, node: Node) -> NodeId {
        if let Some(known) = self.known.get(&node) {
            return *known;
        }
        let new = id(self.nodes.len());
        self.costs.push(self.cost_of(&node));
        self.nodes.push(node.clone());
        self.known.insert(node, new);
        new
    }

    fn constant(&mut self, truth: bool) -> NodeId {
        self.add(Node::Constant(truth))
    }

    fn not(&mut self, child: NodeId) -> NodeId {
        match *self.get(child) {
            Node::Constant(truth) => self.constant(!truth),
            Node::Not(inner) => inner,
            _ => self.add(Node::Not(child)),
        }
    }

    /// `All` of some, or `Any` with `any`.
    fn several(&mut self, children: impl IntoIterator<Item = NodeId>, any: bool) -> NodeId {
        let mut flat = Vec::new();
        for child in children {
            match self.get(child) {
                Node::Constant(truth) if *truth == any => return self.constant(any),
                Node::Constant(_) => {}
                Node::All(inner) if !any => flat.extend_from_slice(inner),
                Node::Any(inner) if any => flat.extend_from_slice(inner),
                _ => flat.push(child),
            }
        }
        flat.sort_by_key(|child| (self.cost(*child), *child));
        flat.dedup();
        match flat.as_slice() {
            [] => self.constant(!any),
            [only] => *only,
            _ if any => self.add(Node::Any(flat.into_boxed_slice())),
            _ => self.add(Node::All(flat.into_boxed_slice())),
        }
    }

    /// What is left of conditions for events of one type; nodes that are new get costs and stamps like the others.
    pub(super) fn specialise(&mut self, kind: EventType, rules: Vec<(usize, NodeId)>) -> Vec<(usize, NodeId)> {
        // The type of a system call without an event type of its own stands in the event.
        let generic = matches!(kind, kinds::GENERIC_E | kinds::GENERIC_X);
        let name = [Value::Text(kind.info().name.as_bytes())];
        let mut decided: HashMap<NodeId, NodeId> = HashMap::new();
        let truths: HashMap<AtomId, bool> = if generic {
            HashMap::new()
        } else {
            self.typed.iter().map(|(atom, test)| (*atom, test.holds(Shape::TEXT, Reach::One, &name, &[]))).collect()
        };
        rules.into_iter().map(|(place, root)| (place, self.decide(root, &truths, &mut decided))).collect()
    }

    fn decide(&mut self, node: NodeId, truths: &HashMap<AtomId, bool>, decided: &mut HashMap<NodeId, NodeId>) -> NodeId {
        if let Some(known) = decided.get(&node) {
            return *known;
        }
        let left = match self.get(node).clone() {
            Node::Constant(_) => node,
            Node::Atom(atom) => match truths.get(&atom) {
                Some(truth) => self.constant(*truth),
                None => node,
            },
            Node::Not(child) => {
                let child = self.decide(child, truths, decided);
                self.not(child)
            }
            Node::All(children) => {
                let children: Vec<NodeId> = children.iter().map(|child| self.decide(*child, truths, decided)).collect();
                self.several(children, false)
            }
            Node::Any(children) => {
                let children: Vec<NodeId> = children.iter().map(|child| self.decide(*child, truths, decided)).collect();
                self.several(children, true)
            }
        };
        decided.insert(node, left);
        left
    }
}

fn id(index: usize) -> NodeId {
    NodeId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Takes conditions in.
#[derive(Debug, Default)]
pub(super) struct Builder {
    nodes: Nodes,
    sources: Vec<Source>,
    known_sources: HashMap<String, usize>,
    checks: Vec<(usize, Test)>,
    known_checks: HashMap<(usize, String), AtomId>,
}

impl Builder {
    /// A condition as a node.
    pub(super) fn filter(&mut self, filter: &Filter) -> NodeId {
        match filter {
            Filter::All(parts) => {
                let parts: Vec<NodeId> = parts.iter().map(|part| self.filter(part)).collect();
                self.nodes.several(parts, false)
            }
            Filter::Any(parts) => {
                let parts: Vec<NodeId> = parts.iter().map(|part| self.filter(part)).collect();
                self.nodes.several(parts, true)
            }
            Filter::Not(part) => {
                let part = self.filter(part);
                self.nodes.not(part)
            }
            Filter::Check(check) => self.check(check),
        }
    }

    fn check(&mut self, check: &Check) -> NodeId {
        // What says the same reads the same.
        let text = format!("{:?}", check.left);
        let source = match self.known_sources.get(&text) {
            Some(source) => *source,
            None => {
                self.sources.push(check.left.clone());
                self.known_sources.insert(text, self.sources.len() - 1);
                self.sources.len() - 1
            }
        };
        let key = (source, format!("{:?}", check.test));
        let atom = match self.known_checks.get(&key) {
            Some(atom) => *atom,
            None => {
                let atom = AtomId(u32::try_from(self.checks.len()).unwrap_or(u32::MAX));
                if matches!(&check.left, Source::Field(field) if field.info.name == "evt.type")
                    && !matches!(check.test, Test::Source { .. })
                {
                    self.nodes.typed.insert(atom, check.test.clone());
                }
                self.checks.push((source, check.test.clone()));
                self.known_checks.insert(key, atom);
                atom
            }
        };
        self.nodes.add(Node::Atom(atom))
    }

    /// The nodes; the sources; and each atom's source and test.
    pub(super) fn finish(self) -> (Nodes, Vec<Source>, Vec<(usize, Test)>) {
        (self.nodes, self.sources, self.checks)
    }
}
