//! A step of a way in words, with what shows it.

use super::vertex::{Evidence, Granted, Step, Vertex};
use super::{Graph, Hop, Path};
use plimsoll_model::{Location, Node, Object};

/// A step as a person would tell it.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// The stable name of what is done.
    pub name: &'static str,
    /// The technique of MITRE ATT&CK.
    pub technique: Option<&'static str>,
    /// Who does it, or where.
    pub from: String,
    /// What is done, after a subject: `may create pods`.
    pub does: String,
    /// What comes of it; where that is more than one thing, each after the other.
    pub to: Vec<String>,
    /// What shows it.
    pub facts: Vec<Fact<'a>>,
    /// What was not read and is taken to hold.
    pub assumes: Option<String>,
}

/// Something that was read and shows a step.
#[derive(Debug, Clone)]
pub struct Fact<'a> {
    /// In words.
    pub text: String,
    /// The object; none for what always holds.
    pub object: Option<Object<'a>>,
    /// JSON pointer from the object.
    pub pointer: String,
    /// Where it stands.
    pub location: Option<Location>,
}

impl<'a> Graph<'_, 'a> {
    /// All steps of a way in words.
    pub fn tell(&self, path: &Path<'_>) -> Vec<Told<'a>> {
        path.hops.iter().filter_map(|hop| self.tell_hop(hop)).collect()
    }

    /// One step in words.
    pub fn tell_hop(&self, hop: &Hop) -> Option<Told<'a>> {
        let step = self.edge(hop.step)?;
        let from = self.start(hop)?;
        let mut facts = Vec::new();
        let (mut to, mut is_after) = (Vec::new(), false);
        for at in &hop.edges {
            let edge = self.edge(*at)?;
            is_after |= *at == hop.step;
            if is_after {
                to.extend(self.vertex(edge.to).map(|vertex| self.name(&vertex)));
            }
            self.facts(edge.from, edge.to, edge.step, &edge.evidence, &mut facts);
        }
        let does = match step.step {
            Step::Primitive(primitive) => primitive.may.to_owned(),
            Step::Setting(setting) => setting.what.to_owned(),
            Step::Bound => "is bound to".to_owned(),
            Step::Implied => "is in".to_owned(),
        };
        let assumed = hop.edges.iter().filter_map(|at| self.edge(*at)?.condition.as_ref()).map(|condition| condition.text.as_ref());
        let assumed: Vec<&str> = assumed.collect();
        Some(Told {
            name: step.step.name(),
            technique: step.step.technique(),
            from: self.name(&from),
            does,
            to,
            facts,
            assumes: (!assumed.is_empty()).then(|| assumed.join("; ")),
        })
    }

    fn facts(&self, from: u32, to: u32, step: Step, evidence: &Evidence<'a>, facts: &mut Vec<Fact<'a>>) {
        match evidence {
            Evidence::Nothing => {
                let (Step::Implied, Some(Vertex::Identity(one)), Some(Vertex::Identity(group))) =
                    (step, self.vertex(from), self.vertex(to))
                else {
                    return;
                };
                facts.push(Fact { text: format!("{one} is in {group}"), object: None, pointer: String::new(), location: None });
            }
            Evidence::Binding(binding, subject) => facts.extend(self.binding_fact(*binding, *subject)),
            Evidence::Rule(role, rule) => facts.extend(self.rule_fact(*role, *rule)),
            Evidence::Rules(rules) => {
                for Granted { binding, subject, role, rule } in rules {
                    for fact in self.binding_fact(*binding, *subject).into_iter().chain(self.rule_fact(*role, *rule)) {
                        if !facts.iter().any(|known| known.text == fact.text) {
                            facts.push(fact);
                        }
                    }
                }
            }
            Evidence::Object(place) => {
                let (object, pointer) = place.as_ref();
                let (node, is_there) = object.node.nearest(pointer);
                let value = if is_there && !node.is_map() && !node.is_list() { format!(" is {}", node.text()) } else { String::new() };
                facts.push(Fact {
                    text: format!("{}: {}{value}", object.id(), pointer.trim_start_matches('/').replace('/', ".")),
                    object: Some(*object),
                    pointer: pointer.clone(),
                    location: Some(node.location()),
                });
            }
        }
    }

    fn binding_fact(&self, binding: u32, subject: u32) -> Option<Fact<'a>> {
        let binding = self.authorizer.rbac().bindings.get(binding as usize)?;
        let subject = binding.subjects.get(subject as usize)?;
        let mark = if binding.is_default { " (made by every API server)" } else { "" };
        Some(Fact {
            text: format!("{} gives {} the {} {}{mark}", binding.object.id(), subject.identity, binding.role_kind, binding.role_name),
            object: Some(binding.object),
            pointer: subject.pointer(),
            location: Some(subject.node.location()),
        })
    }

    fn rule_fact(&self, role: u32, rule: u32) -> Option<Fact<'a>> {
        let role = self.authorizer.rbac().roles.get(role as usize)?;
        let rule = role.rules.get(rule as usize)?;
        let by = if role.object.name == rule.role.name { String::new() } else { format!(", by {} {}", rule.role.kind, rule.role.name) };
        Some(Fact {
            text: format!("{} allows {rule}{by}", role.object.id()),
            object: Some(rule.role),
            pointer: rule.pointer(),
            location: Some(Node::location(rule.node())),
        })
    }
}
