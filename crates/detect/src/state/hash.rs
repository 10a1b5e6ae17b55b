//! A fast hasher for numbers that nobody outside chooses freely: thread ids, user ids.

use std::hash::{BuildHasherDefault, Hasher};

/// A map from numbers.
pub(super) type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Folding>>;

/// Multiplies and folds: one step a number. Ids are small and dense, and tables of them have a limit, so that chosen collisions cost little.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Folding(u64);

impl Folding {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f;
        self.0 = (wide as u64) ^ (wide >> 64) as u64;
    }
}

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            self.mix(part.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_i64(&mut self, number: i64) {
        self.mix(number.cast_unsigned());
    }
}
