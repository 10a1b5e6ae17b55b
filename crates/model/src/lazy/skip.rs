//! Over an object or list, however deep: 64 bytes at once, each byte of which is a bit.

use wide::u8x16;

pub(super) const BLOCK: usize = 64;

/// The byte behind the object or list that begins at `start`; `None` if it does not end. Only how many brackets are open is counted,
/// not of which kind.
pub(super) fn brackets(text: &[u8], start: usize) -> Option<usize> {
    let (blocks, rest) = text.get(start..)?.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    let mut strings = Strings::default();
    let mut depth = 0;
    for (index, block) in blocks.iter().chain(std::iter::once(&last)).enumerate() {
        let bits = Bits::of(block);
        let within = strings.next(&bits);
        let (open, close) = (bits.open & !within, bits.close & !within);
        if close.count_ones() < depth {
            // The end cannot be here.
            depth = (depth + open.count_ones()) - close.count_ones();
            continue;
        }
        let mut left = open | close;
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            if open >> at & 1 == 1 {
                depth += 1;
            } else {
                depth -= 1;
                if depth == 0 {
                    return Some(start + index * BLOCK + at as usize + 1);
                }
            }
        }
    }
    None
}

/// Which bytes of a block are what.
pub(super) struct Bits {
    pub(super) quote: u64,
    backslash: u64,
    /// `{` and `[`.
    pub(super) open: u64,
    /// `}` and `]`.
    pub(super) close: u64,
    /// `:` and `,`.
    pub(super) points: u64,
    /// What may stand between tokens.
    pub(super) blank: u64,
}

impl Bits {
    /// What nobody asks for is not worked out: this is inlined.
    #[inline(always)]
    pub(super) fn of(block: &[u8; BLOCK]) -> Self {
        let mut bits = Self { quote: 0, backslash: 0, open: 0, close: 0, points: 0, blank: 0 };
        for (index, part) in block.as_chunks::<16>().0.iter().enumerate() {
            let part = u8x16::new(*part);
            // Brackets and braces differ in this bit alone.
            let bent = part | u8x16::splat(0x20);
            let equal = |bytes: u8x16, byte| u64::from(bytes.simd_eq(u8x16::splat(byte)).to_bitmask()) << (16 * index);
            bits.quote |= equal(part, b'"');
            bits.backslash |= equal(part, b'\\');
            bits.open |= equal(bent, b'{');
            bits.close |= equal(bent, b'}');
            bits.points |= equal(part, b':') | equal(part, b',');
            bits.blank |= equal(part, b' ') | equal(part, b'\n') | equal(part, b'\r') | equal(part, b'\t');
        }
        bits
    }
}

/// Where strings are, over block after block.
#[derive(Default)]
pub(super) struct Strings {
    /// All bits if the last block ended within a string.
    within: u64,
    /// Whether it ended with a backslash that holds for the next byte.
    escaped: bool,
}

impl Strings {
    /// The bytes within strings, the opening quotes among them.
    pub(super) fn next(&mut self, bits: &Bits) -> u64 {
        let mut quotes = bits.quote;
        if bits.backslash != 0 || self.escaped {
            quotes &= !self.escaped_bytes(bits.backslash);
        }
        // Each bit becomes whether the number of quotes up to it is odd.
        for distance in [1, 2, 4, 8, 16, 32] {
            quotes ^= quotes << distance;
        }
        let within = quotes ^ self.within;
        self.within = if within >> 63 == 1 { u64::MAX } else { 0 };
        within
    }

    /// The bytes behind backslashes that are not escaped themselves.
    fn escaped_bytes(&mut self, backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.escaped);
        let mut left = backslashes & !escaped;
        self.escaped = false;
        while left != 0 {
            let first = left & left.wrapping_neg();
            let behind = first << 1;
            self.escaped = behind == 0;
            escaped |= behind;
            left &= !(first | behind);
        }
        escaped
    }
}
