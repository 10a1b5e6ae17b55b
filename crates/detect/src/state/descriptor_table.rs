//! The open descriptors of one process.

use super::Descriptor;

/// Descriptors by number, in order. Numbers are dense as the kernel gives the lowest one, so most are found at their own place.
#[derive(Debug, Clone, Default)]
pub(super) struct DescriptorTable {
    entries: Vec<(i64, Box<Descriptor>)>,
}

impl DescriptorTable {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&self, fd: i64) -> Result<usize, usize> {
        match usize::try_from(fd) {
            Ok(at) if self.entries.get(at).is_some_and(|(own, _)| *own == fd) => Ok(at),
            _ => self.entries.binary_search_by_key(&fd, |(own, _)| *own),
        }
    }

    pub(super) fn get(&self, fd: i64) -> Option<&Descriptor> {
        self.place(fd).ok().and_then(|at| self.entries.get(at)).map(|(_, found)| &**found)
    }

    pub(super) fn get_mut(&mut self, fd: i64) -> Option<&mut Descriptor> {
        self.place(fd).ok().and_then(|at| self.entries.get_mut(at)).map(|(_, found)| &mut **found)
    }

    /// Adds a descriptor, or takes the place of the one with its number; that one is given back.
    pub(super) fn insert(&mut self, descriptor: Box<Descriptor>) -> Option<Box<Descriptor>> {
        match self.place(descriptor.fd) {
            Ok(at) => self.entries.get_mut(at).map(|(_, old)| std::mem::replace(old, descriptor)),
            Err(at) => {
                self.entries.insert(at, (descriptor.fd, descriptor));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, fd: i64) -> Option<Box<Descriptor>> {
        self.place(fd).ok().map(|at| self.entries.remove(at).1)
    }

    /// Keeps what `keep` says, and answers how many went.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Descriptor) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|(_, descriptor)| keep(descriptor));
        before - self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().map(|(_, descriptor)| &**descriptor)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Descriptor> {
        self.entries.iter_mut().map(|(_, descriptor)| &mut **descriptor)
    }

    /// What a new process gets: at most `room` descriptors.
    pub(super) fn handed_down(&self, room: usize) -> Self {
        let entries = self.entries.iter().take(room).map(|(fd, descriptor)| {
            let mut own = descriptor.clone();
            own.cloned = true;
            (*fd, own)
        });
        Self { entries: entries.collect() }
    }
}
