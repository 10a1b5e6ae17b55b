//! What may flow between all endpoints, and between each and the outside.
//!
//! Endpoints that no rule tells apart are one class ([`Class`]); a row of the matrix is what its class may send to every other, as the
//! few different sets of traffic and the classes that each is for. Cost grows with classes and with what rules name.

pub(crate) mod classes;
mod outside;
mod rows;
mod traffics;

pub use classes::Class;

use crate::addresses::Addresses;
use crate::policy::Direction;
use crate::ranges::Ranges;
use crate::traffic::Traffic;
use crate::world::World;
use classes::Classes;
use rayon::prelude::*;
use rows::{Cells, Rules};
use traffics::{Id, Operations, Traffics};

/// What may flow between classes of endpoints, and between them and the outside.
#[derive(Debug, Default)]
pub struct Matrix {
    /// The classes, in the order of their first endpoints.
    pub classes: Vec<Class>,
    /// The class of each endpoint.
    pub class_of: Vec<u32>,
    /// What each class may send: traffic, and the classes that it may go to. Sets of classes of a row are disjoint; those that nothing
    /// may go to are in none. What a class may send to itself is between its endpoints, and between the pods of each.
    pub rows: Vec<Vec<(Traffic, Ranges<u32>)>>,
    /// What may come to each class from outside of the cluster: traffic, and from where.
    pub from_outside: Vec<Vec<(Traffic, Addresses)>>,
    /// What may go from each class to the outside.
    pub to_outside: Vec<Vec<(Traffic, Addresses)>>,
}

impl Matrix {
    /// Of the world as it is.
    pub fn new(world: &World<'_>) -> Self {
        let classes = Classes::new(world);
        let traffics = Traffics::new();
        let rules = Rules::new(world, &classes, &traffics);
        let count = classes.list.len();
        let all = 0..count;
        let outside = |direction: Direction| -> Vec<Vec<(Id, Addresses)>> {
            let of = |operations: &mut Operations<'_>, class| outside::outside(&rules, class, direction, operations);
            all.clone().into_par_iter().map_init(|| Operations::new(&traffics), of).collect()
        };
        let (from_outside, to_outside) = (outside(Direction::Ingress), outside(Direction::Egress));
        // What the policies of each class let in: what most may send, and what some may.
        let ingress: Vec<(Id, Vec<(u32, Id)>)> = all
            .clone()
            .into_par_iter()
            .map_init(
                || (Operations::new(&traffics), Cells::new(count)),
                |(operations, cells), class| rows::row(&rules, class, Direction::Ingress, operations, cells),
            )
            .collect();
        // The same by who sends.
        let mut by_source: Vec<Vec<(u32, Id)>> = vec![Vec::new(); count];
        for (destination, (_, some)) in ingress.iter().enumerate() {
            for (source, id) in some {
                #[expect(clippy::cast_possible_truncation, reason = "classes are counted in 32 bits")]
                if let Some(column) = by_source.get_mut(*source as usize) {
                    column.push((destination as u32, *id));
                }
            }
        }
        let most: Vec<Id> = ingress.into_iter().map(|(most, _)| most).collect();
        // Classes of another network are out of reach.
        let network_of = |class: &Class| class.endpoints.first().and_then(|at| world.endpoints.get(*at)).map(|endpoint| endpoint.network);
        let networks: Vec<_> = classes.list.iter().map(network_of).collect();
        let is_apart = world.networks.len() > 1;
        let rows: Vec<Vec<(Id, Ranges<u32>)>> = (all, by_source)
            .into_par_iter()
            .map_init(
                || (Operations::new(&traffics), Cells::new(count), Vec::new()),
                |(operations, cells, let_in), (class, some)| {
                    let_in.clone_from(&most);
                    for (destination, id) in some {
                        if let Some(cell) = let_in.get_mut(destination as usize) {
                            *cell = id;
                        }
                    }
                    if is_apart {
                        let apart = let_in.iter_mut().zip(&networks).filter(|(_, network)| networks.get(class) != Some(network));
                        apart.for_each(|(cell, _)| *cell = Id::NONE);
                    }
                    let out = rows::row(&rules, class, Direction::Egress, operations, cells);
                    together(let_in, &out, operations)
                },
            )
            .collect();
        let Classes { list, of, .. } = classes;
        drop(rules);
        let traffics = traffics.into_list();
        let known = |id: Id| traffics.get(id.index()).cloned().unwrap_or_default();
        let places = |rows: Vec<Vec<(Id, Addresses)>>| -> Vec<Vec<(Traffic, Addresses)>> {
            rows.into_iter().map(|row| sorted(row.into_iter().map(|(id, addresses)| (known(id), addresses)))).collect()
        };
        Self {
            classes: list,
            class_of: of,
            rows: rows.into_iter().map(|row| sorted(row.into_iter().map(|(id, set)| (known(id), set)))).collect(),
            from_outside: places(from_outside),
            to_outside: places(to_outside),
        }
    }

    /// What one endpoint may send to another, by their places.
    pub fn between(&self, from: usize, to: usize) -> Option<&Traffic> {
        let (from, to) = (self.class_of.get(from)?, self.class_of.get(to)?);
        self.rows.get(*from as usize)?.iter().find(|(_, classes)| classes.contains(*to)).map(|(traffic, _)| traffic)
    }

    /// The places of the endpoints of classes.
    pub fn endpoints_of<'m>(&'m self, classes: &'m Ranges<u32>) -> impl Iterator<Item = usize> + 'm {
        let numbers = classes.iter().flat_map(|(first, last)| first..=last);
        numbers.filter_map(|class| self.classes.get(class as usize)).flat_map(|class| class.endpoints.iter().copied())
    }
}

/// In an order that does not depend on which thread numbered a set first.
fn sorted<T: Ord>(row: impl Iterator<Item = (Traffic, T)>) -> Vec<(Traffic, T)> {
    let mut row: Vec<_> = row.collect();
    row.sort();
    row
}

/// What passes both ways of looking at it: `let_in` by destination, and what the source lets out.
#[expect(clippy::cast_possible_truncation, reason = "classes are counted in 32 bits")]
fn together(let_in: &mut [Id], out: &(Id, Vec<(u32, Id)>), operations: &mut Operations<'_>) -> Vec<(Id, Ranges<u32>)> {
    let (most, some) = out;
    let mut next = some.iter().peekable();
    for (at, cell) in let_in.iter_mut().enumerate() {
        let out = next.next_if(|(class, _)| *class as usize == at).map_or(*most, |(_, id)| *id);
        *cell = operations.intersection(*cell, out);
    }
    let mut groups: Vec<(Id, Vec<(u32, u32)>)> = Vec::new();
    let mut place = std::collections::HashMap::new();
    let mut from = 0;
    for run in let_in.chunk_by(PartialEq::eq) {
        let until = from + run.len() as u32;
        if let Some(id) = run.first().filter(|id| **id != Id::NONE) {
            let at = *place.entry(*id).or_insert(groups.len());
            if at == groups.len() {
                groups.push((*id, Vec::new()));
            }
            if let Some((_, ranges)) = groups.get_mut(at) {
                ranges.push((from, until - 1));
            }
        }
        from = until;
    }
    groups.into_iter().map(|(id, ranges)| (id, Ranges::of(ranges))).collect()
}
