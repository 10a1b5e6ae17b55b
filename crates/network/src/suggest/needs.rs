//! What has to be able to talk to what.

use crate::addresses::Addresses;
use crate::matrix::Matrix;
use crate::traffic::Traffic;
use std::collections::BTreeMap;

/// One side of a need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A workload, by its place in [`World::endpoints`].
    Workload(usize),
    /// Addresses outside of the cluster.
    Outside(Addresses),
    /// Somebody, inside or outside, of whom nothing is known.
    Anyone,
}

/// That one side has to be able to send to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Who sends.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// What.
    pub traffic: Traffic,
}

/// All needs, those between the same sides together.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    between: BTreeMap<(usize, usize), Traffic>,
    incoming: BTreeMap<usize, BTreeMap<Traffic, Addresses>>,
    outgoing: BTreeMap<usize, BTreeMap<Traffic, Addresses>>,
    from_anyone: BTreeMap<usize, Traffic>,
}

impl Needs {
    /// Adds one. What is outside on both sides needs nothing of the cluster, and nobody has to send to anyone at all.
    pub fn add(&mut self, need: Need) {
        let Need { from, to, traffic } = need;
        if traffic.is_none() {
            return;
        }
        let outside = |of: &mut BTreeMap<usize, BTreeMap<Traffic, Addresses>>, at, addresses: &Addresses| {
            let known = of.entry(at).or_default().entry(traffic.clone()).or_default();
            *known = known.union(addresses);
        };
        match (from, to) {
            (Party::Workload(from), Party::Workload(to)) => {
                let known = self.between.entry((from, to)).or_default();
                *known = known.union(&traffic);
            }
            (Party::Workload(from), Party::Outside(addresses)) => outside(&mut self.outgoing, from, &addresses),
            (Party::Outside(addresses), Party::Workload(to)) => outside(&mut self.incoming, to, &addresses),
            (Party::Anyone, Party::Workload(to)) => {
                let known = self.from_anyone.entry(to).or_default();
                *known = known.union(&traffic);
            }
            _ => {}
        }
    }

    /// What a matrix allows: policies for it allow the same.
    pub fn of_matrix(matrix: &Matrix) -> Self {
        let mut needs = Self::default();
        for (class, row) in matrix.classes.iter().zip(&matrix.rows) {
            for (traffic, classes) in row {
                for to in matrix.endpoints_of(classes) {
                    for from in &class.endpoints {
                        needs.between.insert((*from, to), traffic.clone());
                    }
                }
            }
        }
        for (rows, into) in [(&matrix.from_outside, &mut needs.incoming), (&matrix.to_outside, &mut needs.outgoing)] {
            for (class, row) in matrix.classes.iter().zip(rows) {
                for at in &class.endpoints {
                    into.insert(*at, row.iter().cloned().collect());
                }
            }
        }
        needs
    }

    /// The needs in order.
    pub fn iter(&self) -> impl Iterator<Item = Need> + '_ {
        let between = self.between.iter().map(|((from, to), traffic)| Need {
            from: Party::Workload(*from),
            to: Party::Workload(*to),
            traffic: traffic.clone(),
        });
        let outgoing = self.outgoing.iter().flat_map(|(from, parts)| {
            parts.iter().map(|(traffic, addresses)| Need {
                from: Party::Workload(*from),
                to: Party::Outside(addresses.clone()),
                traffic: traffic.clone(),
            })
        });
        let incoming = self.incoming.iter().flat_map(|(to, parts)| {
            parts.iter().map(|(traffic, addresses)| Need {
                from: Party::Outside(addresses.clone()),
                to: Party::Workload(*to),
                traffic: traffic.clone(),
            })
        });
        let anyone = self.from_anyone.iter();
        let anyone = anyone.map(|(to, traffic)| Need { from: Party::Anyone, to: Party::Workload(*to), traffic: traffic.clone() });
        between.chain(outgoing).chain(incoming).chain(anyone)
    }

    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// What has to pass between a workload and the outside.
    pub(super) fn outside(&self, of: usize, egress: bool) -> BTreeMap<Traffic, Addresses> {
        let parts = if egress { &self.outgoing } else { &self.incoming };
        parts.get(&of).cloned().unwrap_or_default()
    }

    /// What somebody of whom nothing is known has to send to a workload.
    pub(super) fn asked_by_anyone(&self, to: usize) -> Traffic {
        self.from_anyone.get(&to).cloned().unwrap_or_default()
    }

    /// All peers of all workloads at once: looking them up one by one would cost their product.
    pub(super) fn by_workload(&self, count: usize, egress: bool) -> Vec<BTreeMap<usize, Traffic>> {
        let mut all = vec![BTreeMap::new(); count];
        for ((from, to), traffic) in &self.between {
            let (of, peer) = if egress { (*from, *to) } else { (*to, *from) };
            if let Some(mine) = all.get_mut(of) {
                mine.insert(peer, traffic.clone());
            }
        }
        all
    }
}
