//! Sends rows: an INSERT's values are read strictly, hashed, and sent in statements
//! of a size that servers digest best.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;

use super::{refused, tsv};
use model::digest::ContentDigest;
use model::exit::{ExitCode, Stop};
use server::Session;
use sql::tuple::{Layout, Place, Rows};
use sql::{LexMode, RowHasher, as_utf8};

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
    /// For a table with partitions: one session at a time. MariaDB fills an empty
    /// partition under a lock on it, and two sessions would wait for each other's.
    pub turn: Option<Mutex<()>>,
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
    /// The number of the settings that they need.
    pub settings: usize,
    pub text: Vec<u8>,
    pub inserts: Vec<Insert>,
}

impl Batch {
    /// Line of the dump on which it begins.
    pub(super) fn line(&self) -> u64 {
        self.inserts.first().map_or(0, |first| first.line)
    }

    /// The statements, each with its own text.
    fn statements(&self) -> impl Iterator<Item = (&[u8], &Insert)> {
        let ends = self.inserts.iter().skip(1).map(|next| next.at).chain([self.text.len()]);
        self.inserts.iter().zip(ends).map(|(insert, end)| (&self.text[insert.at..end], insert))
    }

    /// Every row with its statement.
    pub(super) fn each_row(
        &self,
        hasher: &mut RowHasher,
        on: &mut dyn FnMut(ReadRow<'_>) -> Result<bool>,
    ) -> Result<()> {
        for (text, insert) in self.statements() {
            let place = Place { table: &self.target.name, line: insert.line };
            let mut rows = Rows::new(text, insert.header, self.mode, &self.layout, place);
            while let Some(row) = rows.next(hasher)? {
                let (header, bytes) = (&text[..insert.header], &text[row.range.clone()]);
                let read = ReadRow {
                    header,
                    bytes: without_computed(bytes, row.range.start, rows.computed()),
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

impl Batch {
    /// The same rows in statements of at most `limit` bytes, one row at least, each with
    /// the line of its first row; none where rows are only counted. Gives their digest.
    pub(super) fn each_statement(
        &self,
        limit: usize,
        hasher: &mut RowHasher,
        out: &mut Vec<u8>,
        on: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<ContentDigest> {
        out.clear();
        let mut digest = ContentDigest::default();
        // Length of the open statement's header, and its line.
        let mut open = (0, 0);
        self.each_row(hasher, &mut |row| {
            digest.add_row(row.hash);
            if self.target.count_only {
                return Ok(true);
            }
            let fits = out.len() + row.bytes.len() < limit;
            let joins = fits && &out[..open.0] == row.header;
            if !(out.is_empty() || joins) {
                on(out, open.1)?;
                out.clear();
            }
            if out.is_empty() {
                out.extend_from_slice(row.header);
                open = (row.header.len(), row.line);
            } else {
                out.push(b',');
            }
            out.extend_from_slice(&row.bytes);
            Ok(true)
        })?;
        if !out.is_empty() {
            on(out, open.1)?;
        }
        Ok(digest)
    }
}

/// A row that was read.
pub(super) struct ReadRow<'a> {
    /// The INSERT up to its rows.
    pub header: &'a [u8],
    /// The row as it is sent, parentheses included.
    pub bytes: Cow<'a, [u8]>,
    pub hash: u128,
    pub plain: bool,
    pub line: u64,
    pub hasher: &'a RowHasher,
}

/// A row with DEFAULT in place of what a dump says of generated columns: MySQL takes no
/// value for them, MariaDB ignores one. `start` is the row's place in its statement.
fn without_computed<'a>(bytes: &'a [u8], start: usize, computed: &[Range<usize>]) -> Cow<'a, [u8]> {
    if computed.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for value in computed {
        out.extend_from_slice(&bytes[done..value.start - start]);
        out.extend_from_slice(b"DEFAULT");
        done = value.end - start;
    }
    out.extend_from_slice(&bytes[done..]);
    Cow::Owned(out)
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
        let (mut hasher, mut buffer) =
            (std::mem::take(&mut self.hasher), std::mem::take(&mut self.statement));
        let limit = STATEMENT.min(self.packet - 1);
        let outcome = batch.each_statement(limit, &mut hasher, &mut buffer, &mut |text, line| {
            go_on()?;
            self.run(session, batch, text, line)
        });
        // One long row must not keep its memory for all that follow.
        buffer.clear();
        buffer.shrink_to(STATEMENT * 2);
        (self.hasher, self.statement) = (hasher, buffer);
        outcome
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(statements: &[(&str, u64)]) -> Batch {
        let mut batch = Batch {
            target: Arc::new(Target {
                id: 1,
                name: "t".to_owned(),
                count_only: false,
                columns: None,
                literals: AtomicBool::new(false),
                turn: None,
            }),
            layout: Arc::new(Layout::identity(2)),
            mode: LexMode::default(),
            settings: 0,
            text: Vec::new(),
            inserts: Vec::new(),
        };
        for (text, line) in statements {
            let header = text.find("VALUES").unwrap() + 6;
            batch.inserts.push(Insert { at: batch.text.len(), header, line: *line });
            batch.text.extend_from_slice(text.as_bytes());
        }
        batch
    }

    fn cut(batch: &Batch, limit: usize) -> Result<(Vec<(String, u64)>, ContentDigest)> {
        let mut all = Vec::new();
        let mut hasher = RowHasher::default();
        let digest =
            batch.each_statement(limit, &mut hasher, &mut Vec::new(), &mut |text, line| {
                all.push((String::from_utf8(text.to_vec()).unwrap(), line));
                Ok(())
            })?;
        Ok((all, digest))
    }

    #[test]
    fn statements_are_cut_between_rows_and_joined_where_they_begin_alike() {
        let all = [
            ("INSERT INTO t VALUES (1,'a),(b'),\n (2,'it''s') , (3,NULL)", 5),
            ("INSERT INTO t VALUES (4,'d')", 9),
            ("INSERT INTO t (a,b) VALUES (5,'e')", 10),
        ];
        let batch = batch(&all);
        let (whole, digest) = cut(&batch, 1000).unwrap();
        let joined = "INSERT INTO t VALUES(1,'a),(b'),(2,'it''s'),(3,NULL),(4,'d')";
        assert_eq!(
            whole,
            [(joined.to_owned(), 5), ("INSERT INTO t (a,b) VALUES(5,'e')".into(), 10)]
        );
        assert_eq!(digest.rows, 5);
        let (single, same) = cut(&batch, 1).unwrap();
        assert_eq!(single.len(), 5);
        assert_eq!(single[1], ("INSERT INTO t VALUES(2,'it''s')".to_owned(), 5));
        assert_eq!(single[3].1, 9);
        assert_eq!(digest, same);
        let (two, _) = cut(&batch, 45).unwrap();
        assert!(two.iter().all(|(text, _)| text.len() <= 45), "{two:?}");
        assert_eq!(two.len(), 3);
    }

    #[test]
    fn values_of_generated_columns_are_left_to_the_server() {
        let mut batch =
            batch(&[("INSERT INTO t VALUES (1, 12.00,'a'),(2,NULL ,'b'),( 3 , default, 'c')", 1)]);
        batch.layout = Arc::new(Layout::new(vec![Some(0), None, Some(1)], 2).unwrap());
        let (all, digest) = cut(&batch, 1000).unwrap();
        let sent = "INSERT INTO t VALUES(1,DEFAULT,'a'),(2,DEFAULT ,'b'),( 3 ,DEFAULT, 'c')";
        assert_eq!(all, [(sent.to_owned(), 1)]);
        assert_eq!(digest.rows, 3);
    }

    #[test]
    fn nothing_of_a_statement_is_sent_behind_what_is_no_literal() {
        let batch = batch(&[("INSERT INTO t VALUES (1,2),(3,SLEEP(1)),(5,6)", 7)]);
        let error = cut(&batch, 1000).unwrap_err().to_string();
        assert!(error.contains("line 7") && error.contains("row 2"), "{error}");
        let mut sent = 0;
        let mut hasher = RowHasher::default();
        batch
            .each_statement(1, &mut hasher, &mut Vec::new(), &mut |text, _| {
                sent += 1;
                assert!(text.ends_with(b"(1,2)"));
                Ok(())
            })
            .unwrap_err();
        assert!(sent <= 1);
    }
}
