//! A transaction while its events come.

use std::collections::BTreeMap;

use crate::group::{Ending, Group, Id, Place, Statement, Table, Touched};
use crate::halt::Halt;
use crate::key::Key;
use crate::opening::{Course, Opening};
use crate::query::Query;
use crate::statement::Kind;

#[derive(Debug)]
pub(super) struct Building {
    opening: Opening,
    server_id: u32,
    begun: bool,
    tables: BTreeMap<Table, Touched>,
    keys: usize,
    statements: Vec<Statement>,
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

    pub(super) fn statement(&mut self, query: Query, kind: Kind) {
        let Query { schema, text, settings } = query;
        self.statements.push(Statement { kind, text, schema, settings });
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
        if touched.keys.insert(key) {
            self.keys = self.keys.saturating_add(1);
        }
        if self.keys > limit {
            let id = self.id();
            return Err(Halt::too_large(format!("{id} touches more than {limit} rows")));
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
