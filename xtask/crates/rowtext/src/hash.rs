//! A row's canonical form and its hash; docs/formats.md defines both.

use xxhash_rust::xxh3::xxh3_128;

/// How many rows, and the sum of their hashes modulo 2^128.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    /// Sum of the row hashes.
    pub sum: u128,
}

impl Sum {
    #[inline]
    pub fn add(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// Builds a row's canonical form in one reused buffer and hashes it.
///
/// ```
/// # use rowtext::RowHasher;
/// let mut hasher = RowHasher::default();
/// hasher.begin();
/// hasher.value(Some(b"1"));
/// hasher.value(None);
/// let hash = hasher.finish();
/// # assert_ne!(hash, 0);
/// ```
#[derive(Debug, Default, Clone)]
pub struct RowHasher {
    buf: Vec<u8>,
    /// Where the value being built begins, its tag included.
    open: usize,
}

/// Tag and length in front of a value.
const HEADER: usize = 9;

impl RowHasher {
    pub fn begin(&mut self) {
        self.buf.clear();
    }

    /// Adds the next column's value as the text protocol sends it.
    #[inline]
    pub fn value(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.buf.push(0),
            Some(bytes) => {
                self.open_value();
                self.buf.extend_from_slice(bytes);
                self.close_value();
            }
        }
    }

    pub fn finish(&mut self) -> u128 {
        xxh3_128(&self.buf)
    }

    /// Starts a value whose bytes come piecemeal into [`RowHasher::bytes`].
    #[inline]
    pub fn open_value(&mut self) {
        self.open = self.buf.len();
        self.buf.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    /// Where the open value's bytes are appended.
    #[inline]
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Writes the open value's length where its header keeps it.
    #[inline]
    pub fn close_value(&mut self) {
        let len = (self.buf.len() - self.open - HEADER) as u64;
        self.buf[self.open + 1..self.open + HEADER].copy_from_slice(&len.to_le_bytes());
    }

    /// How long the row is so far.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // A row of no columns is a row.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Takes values back, to the length [`RowHasher::len`] gave before them.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.buf.truncate(len);
    }

    /// The row's values so far, in the order in which they came.
    pub fn values(&self) -> Values<'_> {
        Values(&self.buf)
    }

    /// The canonical bytes between two lengths.
    pub fn canonical(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.buf[range]
    }
}

/// The values of a row in canonical form, taken apart again.
#[derive(Debug)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        if tag == 0 {
            self.0 = rest;
            return Some(None);
        }
        let (len, rest) = rest.split_first_chunk::<8>()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        let (value, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form_is_the_documented_one() {
        let mut hasher = RowHasher::default();
        hasher.begin();
        hasher.value(Some(b"ab"));
        hasher.value(None);
        hasher.value(Some(b""));
        let bytes = b"\x01\x02\0\0\0\0\0\0\0ab\0\x01\0\0\0\0\0\0\0\0";
        assert_eq!(hasher.finish(), xxh3_128(bytes));
        hasher.begin();
        assert_eq!(hasher.finish(), xxh3_128(b""));
    }
}
