//! The open descriptors of one process.

use super::Descriptor;
use std::sync::Arc;

/// Descriptors by number, in order. Numbers are dense as the kernel gives the lowest one, so most are found at their own place. A new process
/// shares the table of its parent until one of both changes it.
#[derive(Debug, Clone, Default)]
pub(super) struct DescriptorTable {
    /// Nothing where there are none.
    entries: Option<Arc<Vec<Entry>>>,
}

type Entry = (i64, Arc<Descriptor>);

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

    /// Adds a descriptor, or takes the place of the one with its number; whether there are more than before.
    pub(super) fn insert(&mut self, descriptor: Descriptor) -> bool {
        let entry = (descriptor.fd, Arc::new(descriptor));
        match self.place(entry.0) {
            Ok(at) => {
                if let Some(place) = self.entries_mut().get_mut(at) {
                    *place = entry;
                }
                false
            }
            Err(at) => {
                self.entries_mut().insert(at, entry);
                true
            }
        }
    }

    /// Takes a descriptor out; whether it was there.
    pub(super) fn remove(&mut self, fd: i64) -> bool {
        let found = self.place(fd);
        if let Ok(at) = found {
            self.entries_mut().remove(at);
        }
        found.is_ok()
    }

    /// Keeps what `keep` says, and answers how many went.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Descriptor) -> bool) -> usize {
        if self.iter().all(&mut keep) {
            return 0;
        }
        let before = self.len();
        self.entries_mut().retain(|(_, descriptor)| keep(descriptor));
        before - self.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries().iter().map(|(_, descriptor)| &**descriptor)
    }

    /// Changes all that `which` says.
    pub(super) fn change(&mut self, mut which: impl FnMut(&Descriptor) -> bool, mut change: impl FnMut(&mut Descriptor)) {
        if self.iter().any(&mut which) {
            let chosen = self.entries_mut().iter_mut().filter(|(_, found)| which(found));
            chosen.for_each(|(_, found)| change(Arc::make_mut(found)));
        }
    }

    /// What a new process gets: at most `room` descriptors.
    pub(super) fn handed_down(&self, room: usize) -> Self {
        match self.entries().get(..room) {
            Some(first) if room < self.len() => Self { entries: Some(Arc::new(first.to_vec())) },
            _ => self.clone(),
        }
    }
}
