//! The order-independent content digest of a table.

/// Row count and content digest of one table.
///
/// The digest is the sum, modulo 2^128, of each row's XXH3-128 hash, so that
/// neither row order nor the number of connections that read it matters, and
/// equal rows do not cancel out (as they would with XOR). A row is hashed over
/// its canonical form: for each column, in the order the manifest lists them,
/// one byte 0 for NULL, or one byte 1, the value's length as 8 bytes little
/// endian, and the value as the server's text protocol sends it to a utf8mb4
/// connection in time zone +00:00. Generated columns are left out.
/// It guards against loss and change, not against a forger: that is what the
/// file's SHA-256 is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentDigest {
    pub rows: u64,
    /// Sum of the row hashes.
    pub sum: u128,
}

impl ContentDigest {
    pub fn add_row(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    /// Adds other rows of the same table.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// The digest as 32 lower-case hex digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.sum)
    }

    /// The inverse of [`ContentDigest::hex`], with the row count beside it.
    pub fn from_hex(rows: u64, hex: &str) -> Option<Self> {
        (hex.len() == 32)
            .then(|| u128::from_str_radix(hex, 16).ok())
            .flatten()
            .map(|sum| Self { rows, sum })
    }
}
