//! Numbers that look random and are the same for the same seed.

/// splitmix64.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xA24B_AED4_963E_E407) ^ 0x9FB2_1C65_1E98_DF25)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Whether it happens, in `percent` of all cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Any bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Deals cards in a fixed order, each schema from another place on, so that all
/// schemas of a run together see every card and each can be made alone.
#[derive(Debug)]
pub struct Deck {
    cards: Vec<usize>,
    next: usize,
}

impl Deck {
    /// The numbers below `len`, for the schema of that seed out of `schemas`.
    pub fn new(len: usize, seed: u64, schemas: u64) -> Self {
        let mut cards: Vec<usize> = (0..len).collect();
        let mut random = Random::new(seed / schemas);
        for at in (1..len).rev() {
            cards.swap(at, random.below(at + 1));
        }
        Self { cards, next: (seed % schemas) as usize * len / schemas as usize }
    }

    /// The next card.
    pub fn deal(&mut self) -> usize {
        self.next += 1;
        self.cards[(self.next - 1) % self.cards.len()]
    }
}
