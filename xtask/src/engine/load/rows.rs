//! Sends rows: an INSERT's values are read strictly, hashed, and sent in statements
//! of a size that servers digest best.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use super::{refused, tsv};
use crate::engine::tuple::{Layout, Place, Rows};
use crate::engine::{LexMode, RowHasher, as_utf8};
use crate::model::digest::ContentDigest;
use crate::model::exit::{ExitCode, Stop};
use crate::server::Session;

/// A statement of this size is parsed from the server's cache; the megabyte that dump
/// programs write costs it half as much time again.
const STATEMENT: usize = 48 << 10;

/// The table that rows go to.
#[derive(Debug)]
pub(super) struct Target {
    /// What tells it from others; a table that is dropped and made again is another.
    pub id: usize,
    /// Its name as the INSERT writes it.
    pub name: String,
    /// Rows are only counted: this table is not part of what is loaded.
    pub count_only: bool,
    /// The columns of its INSERTs for LOAD DATA, as a list with quotes. `None` where
    /// that way is not open.
    pub columns: Option<String>,
    /// An INSERT of it held values that LOAD DATA reads otherwise.
    pub literals: AtomicBool,
}

/// One INSERT statement within a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Insert {
    /// Offset of its first byte.
    pub at: usize,
    /// Length of what stands before its rows.
    pub header: usize,
    /// Line of the dump on which it begins.
    pub line: u64,
}

/// INSERTs into one table, one after the other, under the same settings.
#[derive(Debug)]
pub(super) struct Batch {
    pub target: Arc<Target>,
    pub layout: Arc<Layout>,
    pub mode: LexMode,
    /// How many SET statements came before.
    pub settings: usize,
    pub text: Vec<u8>,
    pub inserts: Vec<Insert>,
}

impl Batch {
    /// The statements, each with its own text.
    fn statements(&self) -> impl Iterator<Item = (&[u8], &Insert)> {
        let ends = self.inserts.iter().skip(1).map(|next| next.at).chain([self.text.len()]);
        self.inserts.iter().zip(ends).map(|(insert, end)| (&self.text[insert.at..end], insert))
    }

    /// Every row with its statement.
    ///
    /// # Errors
    /// A value is not a plain literal, or `on` fails.
    pub(super) fn each_row(
        &self,
        hasher: &mut RowHasher,
        on: &mut dyn FnMut(ReadRow<'_>) -> Result<bool>,
    ) -> Result<()> {
        for (text, insert) in self.statements() {
            let place = Place { table: &self.target.name, line: insert.line };
            let mut rows = Rows::new(text, insert.header, self.mode, &self.layout, place);
            while let Some(row) = rows.next(hasher)? {
                let (header, bytes) = (&text[..insert.header], &text[row.range]);
                let read = ReadRow {
                    header,
                    bytes,
                    hash: row.hash,
                    plain: row.plain,
                    line: insert.line,
                    hasher,
                };
                if !on(read)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A row that was read.
pub(super) struct ReadRow<'a> {
    /// The INSERT up to its rows.
    pub header: &'a [u8],
    /// The row itself, parentheses included.
    pub bytes: &'a [u8],
    pub hash: u128,
    pub plain: bool,
    pub line: u64,
    /// Holds its values.
    pub hasher: &'a RowHasher,
}

/// Sends batches over one session.
#[derive(Debug)]
pub(super) struct Sender {
    packet: usize,
    hasher: RowHasher,
    statement: Vec<u8>,
    /// LOAD DATA may be used on this server, under the settings now in force.
    pub load_data: bool,
}

impl Sender {
    /// For a session.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn new(session: &mut Session) -> Result<Self> {
        let packet: u64 = session.value("SELECT @@max_allowed_packet")?;
        Ok(Self {
            packet: usize::try_from(packet).unwrap_or(usize::MAX),
            hasher: RowHasher::default(),
            statement: Vec::with_capacity(STATEMENT + 1024),
            load_data: false,
        })
    }

    /// Reads a batch's rows and sends them; gives their digest. `go_on` is asked
    /// before each statement.
    ///
    /// # Errors
    /// A value is not a plain literal, or the server refuses a row; the message has
    /// the line in the dump.
    pub(super) fn send(
        &mut self,
        session: &mut Session,
        batch: &Batch,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<ContentDigest> {
        let by_data = self.load_data
            && batch.target.columns.is_some()
            && !batch.target.literals.load(Ordering::Relaxed);
        if by_data && let Some(digest) = tsv::send(session, batch, &mut self.hasher)? {
            return Ok(digest);
        }
        self.insert(session, batch, go_on)
    }

    fn insert(
        &mut self,
        session: &mut Session,
        batch: &Batch,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<ContentDigest> {
        let mut hasher = std::mem::take(&mut self.hasher);
        let mut out = std::mem::take(&mut self.statement);
        out.clear();
        let mut digest = ContentDigest::default();
        // Length of the open statement's header, and its line.
        let mut open = (0, 0);
        let limit = STATEMENT.min(self.packet - 1);
        let outcome = batch.each_row(&mut hasher, &mut |row| {
            digest.add_row(row.hash);
            if batch.target.count_only {
                return Ok(true);
            }
            let fits = out.len() + row.bytes.len() < limit;
            let joins = fits && &out[..open.0] == row.header;
            if !(out.is_empty() || joins) {
                go_on()?;
                self.run(session, batch, &out, open.1)?;
                out.clear();
            }
            if out.is_empty() {
                out.extend_from_slice(row.header);
                open = (row.header.len(), row.line);
            } else {
                out.push(b',');
            }
            out.extend_from_slice(row.bytes);
            Ok(true)
        });
        let outcome = outcome.and_then(|()| match out.is_empty() {
            true => Ok(()),
            false => self.run(session, batch, &out, open.1),
        });
        // One long row must not keep its memory for all that follow.
        out.clear();
        out.shrink_to(STATEMENT * 2);
        (self.hasher, self.statement) = (hasher, out);
        outcome.map(|()| digest)
    }

    fn run(&self, session: &mut Session, batch: &Batch, text: &[u8], line: u64) -> Result<()> {
        // Raw bytes in strings, as dumps without --hex-blob have them, become hex.
        let sql: Cow<'_, str> = as_utf8(text, batch.mode)?;
        // One byte of the packet names the command.
        if sql.len() >= self.packet {
            return Err(too_large(&batch.target.name, line, sql.len(), self.packet).into());
        }
        session.run(&sql).map_err(|error| refused(error, line))
    }
}

fn too_large(table: &str, line: u64, bytes: usize, packet: usize) -> Stop {
    Stop::new(
        ExitCode::Store,
        format!(
            "line {line}: a row of `{table}` needs a packet of {bytes} bytes, the server's \
             max_allowed_packet is {packet}"
        ),
    )
    .hint("A row is larger than the server's max_allowed_packet; raise it and try again.")
}
