//! An INSERT on its way: to the pool with others of its table or, where their order
//! matters, over the one session.

use std::sync::{Arc, Mutex};

use anyhow::Result;

use super::Reader;
use crate::load::Part;
use crate::load::rows::{Batch, Insert, Target};
use model::ident::quote;
use sql::tuple::Layout;
use sql::{Piece, Seen};
use sys::fault::point;

/// INSERTs are put together up to this many bytes.
const BATCH: usize = 512 << 10;

/// After this many bytes of rows over the only session there is, it commits, so that
/// the server's undo and binary log caches stay small.
const COMMIT_EVERY: usize = 64 << 20;

impl Reader<'_> {
    /// Sends an INSERT's rows on their way.
    pub(super) fn insert(
        &mut self,
        piece: &Piece<'_>,
        insert: &sql::Insert,
        seen: &Seen,
    ) -> Result<()> {
        let Some(layout) = piece.layout else { return Ok(()) };
        let name = &insert.table.name;
        let key = self.key(&insert.table);
        if self.held.names(&key) || self.is_late(&key) {
            // A table that looked like a stand-in and gets rows, or gets them behind the
            // keys that wait.
            self.settle()?;
        }
        let target = self.target(&key, name, layout, seen);
        let batch = || Batch {
            target: Arc::clone(&target),
            layout: Arc::clone(layout),
            mode: piece.mode,
            settings: 0,
            text: Vec::new(),
            inserts: Vec::new(),
        };
        if insert.ignore || insert.replace {
            // MariaDB fills empty tables in bulk, and takes all of that back when such a
            // statement meets a duplicate later in the transaction.
            if std::mem::take(&mut self.plain_rows) {
                self.commit()?;
            }
        } else {
            self.plain_rows = true;
        }
        if self.last.is_none() {
            return self.send(batch(), piece, insert.values_at);
        }
        if self.current.as_ref() != Some(&key) {
            self.close_current()?;
            self.current = Some(key.clone());
        }
        // Which rows are kept, and the ids that they get, depends on their order.
        let in_order = insert.ignore
            || insert.replace
            || seen.tables.get(name).is_some_and(|table| table.incomparable.is_some());
        if in_order && !target.count_only {
            self.flush()?;
            self.close(&key);
        }
        if self.tables.get(&key).is_some_and(|table| table.closed) {
            self.shared.settle(target.id, &mut |what| self.told.building(what))?;
        }
        if in_order && !target.count_only {
            return self.send(batch(), piece, insert.values_at);
        }
        self.commit()?;
        let settings = self.settings(piece.line)?;
        let fits = self.batch.as_ref().is_some_and(|open| {
            Arc::ptr_eq(&open.target, &target)
                && Arc::ptr_eq(&open.layout, layout)
                && open.mode == piece.mode
                && open.settings == settings
        });
        if !fits {
            self.flush()?;
        }
        let open = self.batch.get_or_insert_with(|| Batch { settings, ..batch() });
        append(open, piece, insert.values_at);
        if open.text.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn target(&mut self, key: &str, name: &str, layout: &Arc<Layout>, seen: &Seen) -> Arc<Target> {
        if !self.tables.contains_key(key) {
            let table = self.table();
            self.tables.insert(key.to_owned(), table);
        }
        let count_only = match self.part {
            Part::Everything => false,
            Part::Tables(tables) => !tables.contains(name),
        };
        let load_data = self.load_data;
        let Some(table) = self.tables.get_mut(key) else { unreachable!("it was just made") };
        if let Some((known, target)) = &table.target
            && Arc::ptr_eq(known, layout)
            && target.name == name
        {
            return Arc::clone(target);
        }
        let columns = seen
            .tables
            .get(name)
            .filter(|found| load_data && table.innodb && layout.covers_all_of(found.columns.len()))
            .map(|found| {
                let all: Vec<String> = found.columns.iter().map(|column| quote(column)).collect();
                all.join(", ")
            });
        let target = Arc::new(Target {
            id: table.id,
            name: name.to_owned(),
            count_only,
            columns,
            literals: false.into(),
            turn: table.partitioned.then(Mutex::default),
        });
        table.target = Some((Arc::clone(layout), Arc::clone(&target)));
        target
    }

    /// Sends rows over the one session, where they stand.
    fn send(&mut self, mut batch: Batch, piece: &Piece<'_>, values_at: usize) -> Result<()> {
        append(&mut batch, piece, values_at);
        self.catch_up()?;
        let digest = self.sender.send(self.session, &batch, &|| Ok(()))?;
        self.shared.count(&batch.target.name, &digest);
        self.uncommitted += batch.text.len();
        if self.uncommitted > COMMIT_EVERY {
            self.commit()?;
        }
        self.rows_sent()
    }

    fn rows_sent(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.sent, true) { Ok(()) } else { point("load.rows") }
    }

    /// Commits what was sent over the one session.
    pub(super) fn commit(&mut self) -> Result<()> {
        if std::mem::take(&mut self.uncommitted) > 0 {
            self.session.run("COMMIT")?;
        }
        Ok(())
    }

    /// Gives what was put together to the pool.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        self.shared.push(batch, &mut |what| self.told.building(what))?;
        self.rows_sent()
    }
}

fn append(batch: &mut Batch, piece: &Piece<'_>, header: usize) {
    batch.inserts.push(Insert { at: batch.text.len(), header, line: piece.line });
    batch.text.extend_from_slice(piece.text);
}
