//! A transaction while its events come.

use std::collections::BTreeMap;

use crate::group::{Ending, Group, Id, Place, Statement, Table, Touched};
use crate::halt::Halt;
use crate::key::{Key, KeyValue};
use crate::opening::{Course, Opening};
use crate::query::Query;
use crate::statement::Kind;

#[derive(Debug)]
pub(super) struct Building {
    opening: Opening,
    server_id: u32,
    begun: bool,
    tables: BTreeMap<Table, Touched>,
    /// What its keys take in memory.
    keys: usize,
    statements: Vec<Statement>,
}

/// About what a key takes in memory.
fn room(key: &Key) -> usize {
    let content = |value: &KeyValue| match value {
        KeyValue::Bytes(bytes) => bytes.len(),
        KeyValue::Moment(text) | KeyValue::Decimal(text) => text.len(),
        KeyValue::Signed(_) | KeyValue::Unsigned(_) | KeyValue::Index(_) => 0,
    };
    let all: usize = key.iter().map(content).sum();
    all.saturating_add(size_of_val::<[KeyValue]>(key)).saturating_add(2 * size_of::<Key>())
}

impl Building {
    pub(super) fn new(opening: Opening, server_id: u32) -> Self {
        let begun = opening.course == Course::Transaction;
        let (tables, statements) = (BTreeMap::new(), Vec::new());
        Self { opening, server_id, begun, tables, keys: 0, statements }
    }

    pub(super) fn id(&self) -> &Id {
        &self.opening.id
    }

    /// Whether it is one statement, and has no end of its own.
    pub(super) fn stands_alone(&self) -> bool {
        self.opening.course == Course::Alone
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn begin(&mut self) -> Result<(), Halt> {
        // MariaDB's GTID has begun it already; a second one would be in another transaction.
        if self.begun && self.opening.course == Course::ByStatement {
            return Err(Halt::disorder(format!("{} begins twice", self.id())));
        }
        self.begun = true;
        Ok(())
    }

    pub(super) fn statement(&mut self, query: Query, kind: Kind, limit: usize) -> Result<(), Halt> {
        let Query { schema, text, settings } = query;
        self.statements.push(Statement { kind, text, schema, settings });
        if self.statements.len() > limit {
            let id = self.id();
            return Err(Halt::too_large(format!("{id} has more than {limit} statements")));
        }
        Ok(())
    }

    pub(super) fn touch(&mut self, table: &Table) {
        if !self.tables.contains_key(table) {
            self.tables.insert(table.clone(), Touched::default());
        }
    }

    pub(super) fn key(&mut self, table: &Table, key: Key, limit: usize) -> Result<(), Halt> {
        // By `touch` before.
        let Some(touched) = self.tables.get_mut(table) else { return Ok(()) };
        touched.images = touched.images.saturating_add(1);
        let room = room(&key);
        if touched.keys.insert(key) {
            self.keys = self.keys.saturating_add(room);
        }
        if self.keys > limit {
            let id = self.id();
            return Err(Halt::too_large(format!(
                "{id} touches rows whose keys take more than {limit} bytes"
            )));
        }
        Ok(())
    }

    pub(super) fn close(self, ending: Ending, seconds: u32, end: Place) -> Group {
        let committed = match self.opening.committed {
            0 => u64::from(seconds).saturating_mul(1_000_000),
            known => known,
        };
        Group {
            id: self.opening.id,
            server_id: self.server_id,
            committed,
            end,
            tables: self.tables,
            statements: self.statements,
            ending,
        }
    }
}
