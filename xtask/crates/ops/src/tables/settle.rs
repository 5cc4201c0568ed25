//! Brings a restore of chosen tables to its end, after success, failure or a crash.

use anyhow::{Context, Result};

use crate::held::HeldFolder;
use crate::settle::{Settled, has_table};
use crate::staging;
use crate::swap::play;
use model::exit::{ExitCode, Stop};
use model::ident::{qualified, quote};
use model::swap::{SwapJournal, SwapPhase};
use plan::tables::MARKER;
use server::{Session, inventory};
use sys::signal;

/// Finishes it when the rows were committed, which the marker in the staging
/// schema tells, and puts everything back when they were not.
///
/// # Errors
/// The server refuses; the journal stays for the next run.
pub fn settle(
    session: &mut Session,
    held: &HeldFolder<'_>,
    journal: &SwapJournal,
) -> Result<Settled> {
    let _deferred = signal::defer();
    let (store, lock) = (held.store(), held.lock());
    session.run("ROLLBACK")?;
    session.run("UNLOCK TABLES")?;
    session.run("SET autocommit = 1, foreign_key_checks = 0")?;
    let finished = journal.phase == SwapPhase::Renamed || committed(session, journal)?;
    if finished {
        // The marker goes with the staging schema: a run that dies after this
        // must still know.
        if journal.phase != SwapPhase::Renamed {
            let known = SwapJournal { phase: SwapPhase::Renamed, ..journal.clone() };
            store.write_journal(lock, &known)?;
        }
        rename_created(session, journal)?;
        play(held.ctx(), session, &journal.target, &journal.finish)?;
        raise_counters(session, journal)?;
    } else {
        for (temporary, _) in &journal.created {
            let table = qualified(&journal.target, temporary);
            session.run(&format!("DROP TABLE IF EXISTS {table}"))?;
        }
        play(held.ctx(), session, &journal.target, &journal.undo)?;
    }
    staging::drop_schema(session, &journal.staging)?;
    store.remove_journal(lock)?;
    Ok(if finished { Settled::Finished } else { Settled::Undone })
}

fn committed(session: &mut Session, journal: &SwapJournal) -> Result<bool> {
    if !has_table(session, &journal.staging, MARKER)? {
        return Ok(false);
    }
    let marker = qualified(&journal.staging, MARKER);
    Ok(session.value::<u64>(&format!("SELECT COUNT(*) FROM {marker}"))? > 0)
}

/// Gives the tables that were missing their names; those that have them are left alone.
fn rename_created(session: &mut Session, journal: &SwapJournal) -> Result<()> {
    let target = &journal.target;
    let mut moves = Vec::new();
    for (temporary, name) in &journal.created {
        if has_table(session, target, temporary)? {
            moves.push(format!("{} TO {}", qualified(target, temporary), qualified(target, name)));
        }
    }
    if moves.is_empty() {
        return Ok(());
    }
    session.run(&format!("USE {}", quote(target)))?;
    session.run(&format!("RENAME TABLE {}", moves.join(", "))).with_context(|| {
        let names: Vec<&str> = journal.created.iter().map(|(_, name)| name.as_str()).collect();
        Stop::new(
            ExitCode::Store,
            format!(
                "the rows of {} are in `{target}`, but not under their names yet",
                names.join(", ")
            ),
        )
        .hint(
            "If a table of that name was created meanwhile, rename it; `cargo xtask doctor \
        --fix` then finishes this.",
        )
    })
}

fn raise_counters(session: &mut Session, journal: &SwapJournal) -> Result<()> {
    if journal.counters.is_empty() {
        return Ok(());
    }
    let now = inventory::read(session, &journal.target)?;
    for (name, value) in &journal.counters {
        let reached = now.tables.get(name).and_then(|table| table.auto_increment).unwrap_or(1);
        if reached < *value {
            let table = qualified(&journal.target, name);
            session.run(&format!("ALTER TABLE {table} AUTO_INCREMENT = {value}"))?;
        }
    }
    Ok(())
}
