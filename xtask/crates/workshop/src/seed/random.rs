//! Numbers that look random and are the same on every machine and in every order:
//! each row has a generator of its own, made from the seed, the table and the
//! row's number.

/// splitmix64: small, fast and well spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random(u64);

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// The generator of one row.
    pub(crate) fn of(seed: u64, table: u64, row: u64) -> Self {
        Self(mix(mix(mix(seed ^ STEP).wrapping_add(table)).wrapping_add(row)))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // The high half of the product: without the bias of a remainder's low bits.
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    /// Whether it happens, in `percent` of all cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        let mut random = Random::of(1, 2, 3);
        let first: Vec<u64> = (0..4).map(|_| random.below(1000)).collect();
        let mut again = Random::of(1, 2, 3);
        assert_eq!(first, (0..4).map(|_| again.below(1000)).collect::<Vec<_>>());
        assert_ne!(Random::of(1, 2, 3).next(), Random::of(1, 2, 4).next());
        assert_ne!(Random::of(1, 2, 3).next(), Random::of(2, 2, 3).next());
        assert!((0..1000).all(|_| again.below(7) < 7));
    }
}
