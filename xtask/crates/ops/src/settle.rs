//! Brings a swap that a dead run left behind to its end: finished where its tables
//! moved, undone where they did not, and left alone where someone else was there since.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::ctx::Ctx;
use crate::held::HeldFolder;
use crate::swap::play;
use crate::{locks, staging};
use model::ident::{literal, qualified, quote};
use model::swap::SwapJournal;
use plan::recovery::{self, Places};
use server::Session;
use sys::signal;

/// How an unfinished swap ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The tables had moved: the rest of the new state was made.
    Finished,
    /// They had not: the old state is whole again.
    Undone,
}

impl Settled {
    /// The word in entries.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Undone => "undone",
        }
    }
}

/// Brings an unfinished swap to an end, by looking at where the tables are: the
/// RENAME is all or nothing, so there are two pictures.
///
/// # Errors
/// The server refuses; the journal stays for the next run.
pub fn settle(
    session: &mut Session,
    held: &HeldFolder<'_>,
    journal: &SwapJournal,
) -> Result<Settled> {
    settle_and(session, held, journal, Staging::Drop)
}

/// What becomes of a staged schema that did not go live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staging {
    Drop,
    /// The run that staged it tries again, or drops it.
    Keep,
}

/// As [`settle`].
///
/// # Errors
/// As [`settle`].
pub(crate) fn settle_and(
    session: &mut Session,
    held: &HeldFolder<'_>,
    journal: &SwapJournal,
    staging: Staging,
) -> Result<Settled> {
    // Half an undo would be worse than a late Ctrl-C.
    let _deferred = signal::defer();
    if journal.rows_only {
        return crate::tables::settle(session, held, journal);
    }
    let (store, lock) = (held.store(), held.lock());
    // Under LOCK TABLES other tables cannot be read.
    session.run("UNLOCK TABLES")?;
    let moved = moved(session, journal)?;
    if moved {
        if journal.remake_triggers {
            lock_for_triggers(held.ctx(), session, journal)?;
            remake_triggers(session, journal)?;
            session.run("UNLOCK TABLES")?;
        }
        play(held.ctx(), session, &journal.target, &journal.finish)?;
    } else {
        in_order(session, journal)?;
        play(held.ctx(), session, &journal.target, &journal.undo)?;
        staging::drop_empty(session, &journal.before)?;
        if journal.beside {
            staging::drop_empty(session, &journal.target)?;
        }
    }
    // First: with staging gone it would not be known any more which of both it was.
    if moved {
        store.close_journal(lock, journal)?;
    } else {
        store.remove_journal(lock)?;
    }
    let keep = staging == Staging::Keep && !moved;
    if recovery::may_drop_staging(journal.purpose, moved) && !keep {
        staging::drop_schema(session, &journal.staging)?;
    }
    Ok(if moved { Settled::Finished } else { Settled::Undone })
}

fn moved(session: &mut Session, journal: &SwapJournal) -> Result<bool> {
    let places = Places {
        live: tables(session, &journal.target)?,
        before: tables(session, &journal.before)?,
        staging: tables(session, &journal.staging)?,
    };
    Ok(recovery::moved(journal, &places)?)
}

/// What RENAME TABLE moves: on MariaDB also sequences and tables with versions.
fn tables(session: &mut Session, schema: &str) -> Result<BTreeSet<String>> {
    let names: Vec<String> = session.rows(&format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW', 'TEMPORARY') AND TABLE_SCHEMA = {}",
        literal(schema)
    ))?;
    Ok(names.into_iter().collect())
}

/// Whether a schema holds a table of that name.
///
/// # Errors
/// The server cannot be asked.
pub(super) fn has_table(session: &mut Session, schema: &str, table: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(schema),
        literal(table)
    );
    Ok(session.value::<u64>(&sql)? > 0)
}

/// Drops the triggers that come after one that is missing, so that `undo` makes
/// them in the old order: triggers of one table fire in the order they were made.
fn in_order(session: &mut Session, journal: &SwapJournal) -> Result<()> {
    let there = triggers(session, &journal.target)?;
    let names: Vec<&String> = journal.undo.iter().filter_map(|s| s.trigger.as_ref()).collect();
    let after = names.iter().skip_while(|name| there.contains(name));
    for name in after.filter(|name| there.contains(name)) {
        session.run(&format!("DROP TRIGGER {}", qualified(&journal.target, name)))?;
    }
    Ok(())
}

pub(super) fn triggers(session: &mut Session, schema: &str) -> Result<Vec<String>> {
    session.rows(&format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {}",
        literal(schema)
    ))
}

/// Nobody is to see a table while its trigger is being made again.
fn lock_for_triggers(ctx: &Ctx, session: &mut Session, journal: &SwapJournal) -> Result<()> {
    let lock = |table: &String| format!("{} WRITE", qualified(&journal.target, table));
    let tables: Vec<String> = journal.tables_in.iter().map(lock).collect();
    locks::run(ctx, session, &format!("LOCK TABLES {}", tables.join(", ")))
}

/// Makes every new trigger again, in their order; on MySQL the tables are locked. Each
/// statement is a packet of its own: a trigger's text is not the tool's.
pub(super) fn remake_triggers(session: &mut Session, journal: &SwapJournal) -> Result<()> {
    session.run(&format!("USE {}", quote(&journal.target)))?;
    for statements in journal.finish.iter().filter_map(|s| plan::swap::remade(&journal.target, s)) {
        for statement in &statements {
            session.run(statement)?;
        }
    }
    Ok(())
}
