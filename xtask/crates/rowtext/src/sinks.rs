//! What becomes of a row: text and a hash, or the hash alone.

use crate::hash::{RowHasher, Sum};
use crate::literal::{self, Kind};
use crate::packets::Sink;
use crate::row::RawRow;

/// An INSERT ends after about this much text. The server parses statements of this
/// size in two thirds of the time that ones of 500 kB take.
const STATEMENT: usize = 60 << 10;

/// Rows of one table as INSERT statements.
#[derive(Debug)]
pub struct TextRows {
    kinds: Vec<Kind>,
    insert: Vec<u8>,
    block: usize,
    hasher: RowHasher,
    sum: Sum,
    /// Bytes of the open statement.
    statement: usize,
    open: bool,
    /// Text of the longest row.
    longest: usize,
    out: Vec<u8>,
}

impl TextRows {
    /// `insert` stands in front of each statement's first row; text is to be taken
    /// away when there are `block` bytes of it.
    #[must_use]
    pub fn new(kinds: Vec<Kind>, insert: Vec<u8>, block: usize, out: Vec<u8>) -> Self {
        let (hasher, sum) = (RowHasher::default(), Sum::default());
        Self { kinds, insert, block, hasher, sum, statement: 0, open: false, longest: 0, out }
    }

    /// Takes the text so far and goes on in another buffer.
    #[must_use]
    pub fn take(&mut self, next: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.out, next)
    }

    /// Bytes of the longest row's text so far.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Ends the open statement; gives the rest of the text and the sum of all rows.
    #[must_use]
    pub fn finish(mut self) -> (Vec<u8>, Sum) {
        self.end();
        (self.out, self.sum)
    }

    fn end(&mut self) {
        if self.open {
            self.out.extend_from_slice(b";\n");
            self.open = false;
        }
    }
}

impl Sink for TextRows {
    fn row(&mut self, payload: &[u8]) -> bool {
        let mut row = RawRow::new(payload);
        let before = self.out.len();
        if self.open {
            self.out.extend_from_slice(b",\n(");
        } else {
            self.open = true;
            self.statement = 0;
            self.out.extend_from_slice(&self.insert);
            self.out.push(b'(');
        }
        self.hasher.begin();
        let mut first = true;
        for &kind in &self.kinds {
            let Some(value) = row.take() else { return false };
            if !first {
                self.out.push(b',');
            }
            first = false;
            self.hasher.value(value);
            literal::write(kind, value, &mut self.out);
        }
        self.out.push(b')');
        self.sum.add(self.hasher.finish());
        let length = self.out.len() - before;
        self.longest = self.longest.max(length);
        self.statement += length;
        if self.statement >= STATEMENT {
            self.end();
        }
        // A table of generated columns only is asked for one NULL a row.
        row.is_empty() || self.kinds.is_empty()
    }

    fn is_full(&self) -> bool {
        self.out.len() >= self.block
    }
}

#[derive(Debug)]
pub struct DigestRows {
    columns: usize,
    every: u64,
    hasher: RowHasher,
    /// Rows so far.
    pub sum: Sum,
}

impl DigestRows {
    /// For rows of that many values; it is full after every so many rows, so that
    /// someone can look up.
    #[must_use]
    pub fn new(columns: usize, every: u64) -> Self {
        let (hasher, sum) = (RowHasher::default(), Sum::default());
        Self { columns, every: every.max(1), hasher, sum }
    }
}

impl Sink for DigestRows {
    fn row(&mut self, payload: &[u8]) -> bool {
        let mut row = RawRow::new(payload);
        self.hasher.begin();
        for _ in 0..self.columns {
            let Some(value) = row.take() else { return false };
            self.hasher.value(value);
        }
        self.sum.add(self.hasher.finish());
        row.is_empty() || self.columns == 0
    }

    fn is_full(&self) -> bool {
        self.sum.rows.is_multiple_of(self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_statements_and_the_same_hash() {
        let kinds = vec![Kind::Number, Kind::Text];
        let insert = b"INSERT INTO `t` (`a`,`b`) VALUES\n".to_vec();
        let mut text = TextRows::new(kinds, insert, 1 << 20, Vec::new());
        let mut digest = DigestRows::new(2, 1);
        for payload in [&b"\x011\x04it's"[..], b"\x0212\xfb"] {
            assert!(text.row(payload) && digest.row(payload));
        }
        assert!(!text.is_full() && digest.is_full());
        let (out, sum) = text.finish();
        assert_eq!(sum, digest.sum);
        assert_eq!(sum.rows, 2);
        let wanted = "INSERT INTO `t` (`a`,`b`) VALUES\n(1,'it''s'),\n(12,NULL);\n";
        assert_eq!(String::from_utf8(out).expect("text"), wanted);
    }

    #[test]
    fn a_statement_ends_and_the_next_begins() {
        let mut text = TextRows::new(vec![Kind::Text], b"I ".to_vec(), 100, Vec::new());
        let value = vec![b'x'; 70_000];
        let payload = [&[0xfd, 0x70, 0x11, 0x01][..], &value].concat();
        assert!(text.row(&payload) && text.is_full());
        let first = text.take(Vec::new());
        assert!(first.ends_with(b"');\n"));
        assert!(text.row(&payload));
        assert!(text.finish().0.starts_with(b"I ('x"));
    }

    #[test]
    fn a_row_of_another_width_is_refused() {
        let mut text = TextRows::new(vec![Kind::Number], Vec::new(), 100, Vec::new());
        assert!(!text.row(b"\x011\x012"));
        assert!(!DigestRows::new(3, 1).row(b"\x011\x012"));
        let mut none = TextRows::new(Vec::new(), Vec::new(), 100, Vec::new());
        assert!(none.row(b"\xfb"));
    }
}
