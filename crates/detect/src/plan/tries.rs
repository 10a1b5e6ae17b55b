//! Which of many texts a text starts with, in one walk.

/// A tree of texts, byte by byte; runs of bytes without a fork are one edge.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Branch>,
}

#[derive(Debug, Default)]
struct Branch {
    /// The bytes that lead here from the parent, after the one that chose this branch.
    run: Box<[u8]>,
    /// What texts that end here stand for.
    ends: Box<[u32]>,
    /// First byte and place of each child, by byte.
    children: Vec<(u8, u32)>,
}

impl Trie {
    /// From texts and what each stands for. Equal texts may stand for several things.
    pub(super) fn new(texts: &mut [(Vec<u8>, u32)]) -> Self {
        texts.sort();
        let mut trie = Self::default();
        trie.branch(texts, 0, 0);
        trie
    }

    /// Makes the branch of texts that share their first `depth` bytes; the bytes from `start` on are its run. The depth of calls is
    /// that of forks, at most one for each text.
    fn branch(&mut self, texts: &[(Vec<u8>, u32)], start: usize, depth: usize) -> u32 {
        let shared = shared(texts, depth);
        let run = texts.first().and_then(|(text, _)| text.get(start..shared)).unwrap_or_default().into();
        let place = self.nodes.len();
        self.nodes.push(Branch::default());
        let ending = texts.iter().take_while(|(text, _)| text.len() == shared).count();
        let (ends, mut rest) = texts.split_at(ending);
        let ends = ends.iter().map(|(_, what)| *what).collect();
        let mut children = Vec::new();
        while let Some(byte) = rest.first().and_then(|(text, _)| text.get(shared)).copied() {
            let same = rest.iter().take_while(|(text, _)| text.get(shared) == Some(&byte)).count();
            let (group, others) = rest.split_at(same);
            children.push((byte, self.branch(group, shared + 1, shared + 1)));
            rest = others;
        }
        if let Some(branch) = self.nodes.get_mut(place) {
            *branch = Branch { run, ends, children };
        }
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// Tells what each text that starts these bytes stands for.
    pub(super) fn walk(&self, mut bytes: impl Iterator<Item = u8>, mut found: impl FnMut(u32)) {
        let mut branch = self.nodes.first();
        while let Some(here) = branch {
            for wanted in &here.run {
                if bytes.next() != Some(*wanted) {
                    return;
                }
            }
            for what in &here.ends {
                found(*what);
            }
            let Some(byte) = bytes.next() else { return };
            branch = here.children.iter().find(|(first, _)| *first == byte).and_then(|(_, place)| self.nodes.get(*place as usize));
        }
    }
}

/// How many bytes all texts have in common; they are sorted.
fn shared(texts: &[(Vec<u8>, u32)], from: usize) -> usize {
    let (Some((first, _)), Some((last, _))) = (texts.first(), texts.last()) else { return from };
    let rest = first.iter().skip(from).zip(last.iter().skip(from));
    from + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_walk_finds_what_starts_with(
            texts in prop::collection::vec(prop::collection::vec(0_u8..3, 0..6), 0..20),
            value in prop::collection::vec(0_u8..3, 0..8),
        ) {
            let mut pairs: Vec<(Vec<u8>, u32)> = texts.iter().cloned().zip(0..).collect();
            let trie = Trie::new(&mut pairs);
            let mut found = Vec::new();
            trie.walk(value.iter().copied(), |what| found.push(what));
            found.sort_unstable();
            let wanted: Vec<u32> = texts.iter().zip(0..).filter(|(text, _)| value.starts_with(text)).map(|(_, what)| what).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
