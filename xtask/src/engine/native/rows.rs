//! The loop that this engine is for: a row from the wire becomes text and a hash.

use anyhow::{Context, Result};

use super::columns::Columns;
use super::literal;
use crate::engine::digest::RowHasher;
use crate::model::digest::ContentDigest;
use crate::server::wire::RawRow;

/// An INSERT ends after about this much text. The server parses ten statements of
/// this size in half the time of one that is ten times as large (measured: docs/benchmarks.md).
const STATEMENT: usize = 60 << 10;

/// Turns rows of one table into INSERT statements and counts them.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    columns: &'a Columns,
    hasher: RowHasher,
    /// Rows and their digest so far.
    pub(super) digest: ContentDigest,
    /// Where in the text the open statement begins.
    statement: Option<usize>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(columns: &'a Columns) -> Self {
        let digest = ContentDigest::default();
        Self { columns, hasher: RowHasher::default(), digest, statement: None }
    }

    /// Appends a row to `out`.
    #[inline]
    pub(super) fn row(&mut self, mut row: RawRow<'_>, out: &mut Vec<u8>) -> Result<()> {
        match self.statement {
            Some(_) => out.extend_from_slice(b",\n("),
            None => {
                self.statement = Some(out.len());
                out.extend_from_slice(&self.columns.insert);
                out.push(b'(');
            }
        }
        self.hasher.begin();
        let mut first = true;
        for &kind in &self.columns.kinds {
            let value = row.take().context("the server sent a row that is not whole")?;
            if !first {
                out.push(b',');
            }
            first = false;
            self.hasher.value(value);
            literal::write(kind, value, out);
        }
        out.push(b')');
        self.digest.add_row(self.hasher.finish());
        if self.statement.is_some_and(|start| out.len() - start >= STATEMENT) {
            self.end(out);
        }
        Ok(())
    }

    /// Ends the open statement.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if self.statement.take().is_some() {
            out.extend_from_slice(b";\n");
        }
    }

    /// `out` was taken away up to its end, within the open statement.
    pub(super) fn moved(&mut self, taken: usize) {
        if let Some(start) = &mut self.statement {
            *start = start.saturating_sub(taken);
        }
    }
}
