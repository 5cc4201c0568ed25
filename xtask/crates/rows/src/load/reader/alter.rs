//! What other programs' dumps hold beside the statements of mysqldump. ALTER TABLE and
//! TRUNCATE: each runs over the one session, as
//! soon as nothing else is at work on its table.

use std::sync::Arc;

use anyhow::Result;

use super::Reader;
use crate::load::adapt::adapted;
use crate::load::statement::{Keys, run};
use server::session::code;
use sql::altered::Alter;
use sql::{LexMode, Name, Piece, as_utf8};

impl Reader<'_> {
    /// Runs a CREATE TABLE, without a clause that this server does not take where that
    /// changes nothing that the table holds.
    pub(super) fn make_table(
        &mut self,
        name: &Name,
        text: &[u8],
        mode: LexMode,
        line: u64,
    ) -> Result<()> {
        let Err(error) = run(self.session, text, mode, line) else { return Ok(()) };
        let other = code(&error).and_then(|code| adapted(code, text, mode));
        let Some((text, why)) = other else { return Err(error) };
        run(self.session, &text, mode, line)?;
        self.made.notes.push(format!("Line {line}: table `{}`: {why}.", name.name));
        Ok(())
    }

    /// Adds keys to a table whose rows came before. A foreign key waits until every table
    /// has its keys, and so does what follows it for the same table.
    pub(super) fn alter(&mut self, piece: &Piece<'_>, alter: &Alter) -> Result<()> {
        let key = self.key(&alter.table);
        if self.held.names(&key) {
            self.settle()?;
            return self.run_now(piece);
        }
        if alter.foreign_keys || self.is_late(&key) {
            let keys = Keys {
                table: alter.table.name.clone(),
                sql: as_utf8(piece.text, piece.mode)?.into_owned(),
                line: piece.line,
                state: Arc::clone(self.wanted.now()),
            };
            let Some(table) = self.tables.get_mut(&key) else { return self.run_now(piece) };
            table.late.push(keys);
            return Ok(());
        }
        self.close(&key);
        self.wait_for(&key)?;
        self.run_now(piece)
    }

    /// Empties a table, which the guard lets pass only before its rows.
    pub(super) fn clear(&mut self, piece: &Piece<'_>, name: &Name) -> Result<()> {
        let key = self.key(name);
        if self.held.names(&key) {
            self.settle()?;
        } else {
            self.wait_for(&key)?;
        }
        self.run_now(piece)
    }

    /// Whether an ALTER TABLE of it waits: its rows would come behind that.
    pub(super) fn is_late(&self, key: &str) -> bool {
        self.tables.get(key).is_some_and(|table| !table.late.is_empty())
    }

    /// Waits until every row of a table is committed and its keys are built.
    fn wait_for(&mut self, key: &str) -> Result<()> {
        self.commit()?;
        let Some(table) = self.tables.get(key) else { return Ok(()) };
        self.shared.settle(table.id, &mut |what| self.told.building(what))
    }
}
