//! The open descriptors of one process.

use super::Descriptor;
use std::sync::Arc;

/// Descriptors by number, in order. Numbers are dense as the kernel gives the lowest one, so most are found at their own place. A new process
/// shares the table of its parent until one of both changes it.
#[derive(Debug, Clone, Default)]
pub(super) struct DescriptorTable {
    /// Nothing where there are none.
    entries: Option<Arc<Vec<Entry>>>,
    cost: usize,
}

type Entry = (i64, Arc<Descriptor>);

/// So many bytes of names are free; each time as many make one more descriptor of the one that has them.
const NAME: usize = 128;

fn cost(descriptor: &Descriptor) -> usize {
    let Descriptor { name, raw_name, .. } = descriptor;
    let raw = if Arc::ptr_eq(name, raw_name) { 0 } else { raw_name.len() };
    1 + (name.len() + raw) / NAME
}

impl DescriptorTable {
    fn entries(&self) -> &[Entry] {
        self.entries.as_deref().map_or(&[], Vec::as_slice)
    }

    fn entries_mut(&mut self) -> &mut Vec<Entry> {
        Arc::make_mut(self.entries.get_or_insert_default())
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// As how many descriptors they count for limits: one with a long name is several.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    fn place(&self, fd: i64) -> Result<usize, usize> {
        let entries = self.entries();
        match usize::try_from(fd) {
            Ok(at) if entries.get(at).is_some_and(|(own, _)| *own == fd) => Ok(at),
            _ => entries.binary_search_by_key(&fd, |(own, _)| *own),
        }
    }

    pub(super) fn get(&self, fd: i64) -> Option<&Descriptor> {
        self.place(fd).ok().and_then(|at| self.entries().get(at)).map(|(_, found)| &**found)
    }

    pub(super) fn get_mut(&mut self, fd: i64) -> Option<&mut Descriptor> {
        let at = self.place(fd).ok()?;
        self.entries_mut().get_mut(at).map(|(_, found)| Arc::make_mut(found))
    }

    /// Adds a descriptor, or puts it in the place of the one with its number.
    pub(super) fn insert(&mut self, descriptor: Descriptor) {
        self.cost += cost(&descriptor);
        let entry = (descriptor.fd, Arc::new(descriptor));
        match self.place(entry.0) {
            Ok(at) => {
                if let Some(place) = self.entries_mut().get_mut(at) {
                    let (_, former) = std::mem::replace(place, entry);
                    self.cost -= cost(&former);
                }
            }
            Err(at) => self.entries_mut().insert(at, entry),
        }
    }

    /// Takes a descriptor out.
    pub(super) fn remove(&mut self, fd: i64) {
        if let Ok(at) = self.place(fd) {
            let (_, former) = self.entries_mut().remove(at);
            self.cost -= cost(&former);
        }
    }

    /// Gives a descriptor a name.
    pub(super) fn rename(&mut self, fd: i64, name: &[u8]) {
        let Some(found) = self.get_mut(fd) else { return };
        let before = cost(found);
        found.name = name.into();
        let after = cost(found);
        self.cost = self.cost - before + after;
    }

    /// Keeps what `keep` says.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Descriptor) -> bool) {
        if !self.iter().all(&mut keep) {
            self.entries_mut().retain(|(_, descriptor)| keep(descriptor));
            self.cost = self.iter().map(cost).sum();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries().iter().map(|(_, descriptor)| &**descriptor)
    }

    /// Changes all that `which` says.
    pub(super) fn change(&mut self, mut which: impl FnMut(&Descriptor) -> bool, mut change: impl FnMut(&mut Descriptor)) {
        if self.iter().any(&mut which) {
            let chosen = self.entries_mut().iter_mut().filter(|(_, found)| which(found));
            chosen.for_each(|(_, found)| change(Arc::make_mut(found)));
            self.cost = self.iter().map(cost).sum();
        }
    }

    /// What a new process gets: as many as there is room for.
    pub(super) fn handed_down(&self, room: usize) -> Self {
        if self.cost <= room {
            return self.clone();
        }
        let mut table = Self::default();
        let fits = |(_, found): &&Entry| {
            table.cost += cost(found);
            table.cost <= room
        };
        let first: Vec<Entry> = self.entries().iter().take_while(fits).cloned().collect();
        table.cost = first.iter().map(|(_, found)| cost(found)).sum();
        table.entries = Some(Arc::new(first));
        table
    }
}
