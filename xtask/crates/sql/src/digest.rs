//! Hashes rows as `model::digest` defines, from dump text and from the wire alike.

pub use rowtext::{RowHasher, Values};
use xxhash_rust::xxh3::xxh3_128;

/// Hashes the values that stand at `ranges` of a row in the order given.
pub(super) fn reordered(row: &RowHasher, ranges: &[std::ops::Range<usize>]) -> u128 {
    let bytes: Vec<u8> =
        ranges.iter().flat_map(|range| row.canonical(range.clone())).copied().collect();
    xxh3_128(&bytes)
}
