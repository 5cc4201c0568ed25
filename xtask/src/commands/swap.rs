//! Puts a staged schema in the place of the live one, and finishes or undoes a
//! swap that a dead run left behind.

use anyhow::{Context, Result};

use super::ctx::Ctx;
use crate::engine::fingerprint;
use crate::model::exit::{ExitCode, Stop};
use crate::model::facts::Flavour;
use crate::model::ident::{literal, qualified, quote};
use crate::model::inventory::{Inventory, ObjectKind};
use crate::model::swap::{JournalStatement, Purpose, SwapJournal, SwapPhase};
use crate::plan::swap::{self as plan, SwapPlan};
use crate::server::session::{code, said};
use crate::server::{Session, inventory};
use crate::store::{Store, StoreLock};
use crate::sys::fault::point;

/// What changes places.
#[derive(Debug)]
pub struct Swap<'a> {
    /// `@@server_uuid`.
    pub server_uuid: &'a str,
    /// The server's flavour.
    pub flavour: Flavour,
    /// The live schema.
    pub target: &'a str,
    /// What is in it.
    pub live: &'a Inventory,
    /// The staged schema.
    pub staging: &'a str,
    /// What is in it.
    pub staged: &'a Inventory,
    /// Where the old tables go; the schema is created here.
    pub before: &'a str,
    /// What is being restored, for the journal.
    pub source: &'a str,
    /// What it is for.
    pub purpose: Purpose,
}

/// Looks at the live tables while all of them are locked; an error calls the swap off.
pub type Guard<'a> = &'a mut dyn FnMut(&mut Session) -> Result<()>;

/// Swaps. When it fails before the tables moved, the live schema is as it was.
///
/// # Errors
/// A lock could not be had in time, or the server refuses a statement; the
/// message says on which side of the change the live schema is.
pub fn execute(
    ctx: &Ctx,
    session: &mut Session,
    store: &Store,
    lock: &StoreLock,
    swap: &Swap<'_>,
    guard: Option<Guard<'_>>,
) -> Result<()> {
    let Swap { flavour, target, live, staging, staged, before, .. } = swap;
    let plan = plan::plan(*flavour, target, live, staging, staged, before, guard.is_some());
    // What is in it would be taken for the old tables, and the swap for done.
    if inventory::schema_exists(session, before)? {
        return Err(Stop::new(
            ExitCode::Store,
            format!("`{before}` is there already; nothing was swapped"),
        )
        .hint("It holds the old tables of another run of this second. Try again.")
        .into());
    }
    let journal = journal(swap, &plan);
    // Before anything that it names is made: without it nobody would remove that.
    store.write_journal(lock, &journal)?;
    point("swap.journal")?;
    let moved = move_tables(session, swap, &plan, guard);
    point("swap.renamed")?;
    if let Err(error) = moved {
        return Err(failed(ctx, session, store, lock, &journal, error));
    }
    finish(session, store, lock, &journal)
}

fn move_tables(
    session: &mut Session,
    swap: &Swap<'_>,
    plan: &SwapPlan,
    guard: Option<Guard<'_>>,
) -> Result<()> {
    session.run(&format!(
        "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
        quote(swap.before),
        swap.live.charset,
        swap.live.collation
    ))?;
    for sql in &plan.prepare {
        session.run(sql)?;
    }
    point("swap.prepared")?;
    session.run(&format!("USE {}", quote(swap.target)))?;
    let Some(guard) = guard else { return session.run_all(&plan.whole()) };
    session.run_all(&plan.before_lock)?;
    if let Some(lock) = &plan.lock {
        session.run(lock)?;
    }
    point("gate.locked")?;
    guard(session)?;
    session.run_all(&plan.packet)
}

fn journal(swap: &Swap<'_>, plan: &SwapPlan) -> SwapJournal {
    SwapJournal {
        version: 1,
        server: swap.server_uuid.to_owned(),
        target: swap.target.to_owned(),
        staging: swap.staging.to_owned(),
        before: swap.before.to_owned(),
        source: swap.source.to_owned(),
        purpose: swap.purpose,
        phase: SwapPhase::Prepared,
        tables_in: plan.tables_in.clone(),
        tables_out: plan.tables_out.clone(),
        remake_triggers: plan.remake_triggers,
        undo: plan.undo.clone(),
        finish: plan.finish.clone(),
        rows_only: false,
        created: Vec::new(),
        counters: Vec::new(),
    }
}

fn finish(
    session: &mut Session,
    store: &Store,
    lock: &StoreLock,
    journal: &SwapJournal,
) -> Result<()> {
    let finished = remake_triggers(session, journal)
        .and_then(|()| session.run("UNLOCK TABLES"))
        .and_then(|()| play(session, &journal.target, &journal.finish));
    finished.with_context(|| {
        Stop::new(
            ExitCode::Store,
            format!("the tables of `{}` were swapped, but not every view, routine or event could be made", journal.target),
        )
        .hint("Run `cargo xtask doctor --fix`: it finishes what is left, as does the next backup or restore.")
    })?;
    point("swap.finished")?;
    store.remove_journal(lock)
}

fn failed(
    ctx: &Ctx,
    session: &mut Session,
    store: &Store,
    lock: &StoreLock,
    journal: &SwapJournal,
    error: anyhow::Error,
) -> anyhow::Error {
    // 1205: lock wait timeout exceeded.
    let waited = code(&error) == Some(1205);
    match settle(session, store, lock, journal) {
        // The guard's own refusal says more than that nothing was swapped.
        Ok(Settled::Undone) if error.downcast_ref::<Stop>().is_some() => error,
        Ok(Settled::Undone) => {
            let stop = Stop::new(
                ExitCode::Store,
                format!("`{}` could not be swapped and is as it was before: {}", journal.target, said(&error)),
            );
            let stop = if waited {
                let s = ctx.settings.policy.restore.lock_wait_s;
                stop.hint(format!("Another session held a table for {s} s; end it, or raise restore.lock_wait_s in xtask.toml."))
            } else {
                stop
            };
            error.context(stop)
        }
        Ok(Settled::Finished) => error.context(Stop::new(
            ExitCode::Store,
            format!("`{}` was swapped, although the server reported a failure; check it with `cargo xtask db-verify --live`", journal.target),
        )),
        Err(second) => error.context(
            Stop::new(ExitCode::Store, format!("`{}` could not be swapped, and the triggers could not be put back yet: {second:#}", journal.target))
                .hint("When the server is back, run `cargo xtask doctor --fix`: it finishes what is left."),
        ),
    }
}

/// How an unfinished swap ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The tables had moved: the rest of the new state was made.
    Finished,
    /// They had not: the old state is whole again.
    Undone,
}

impl Settled {
    /// The word in receipts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Undone => "undone",
        }
    }
}

/// Brings an unfinished swap to an end, by looking at where the tables are: the
/// RENAME is all or nothing, so one table tells.
///
/// # Errors
/// The server refuses; the journal stays for the next run.
pub fn settle(
    session: &mut Session,
    store: &Store,
    lock: &StoreLock,
    journal: &SwapJournal,
) -> Result<Settled> {
    if journal.rows_only {
        return super::tables::settle(session, store, lock, journal);
    }
    // Under LOCK TABLES other tables cannot be read.
    session.run("UNLOCK TABLES")?;
    let moved = moved(session, journal)?;
    if moved {
        lock_for_triggers(session, journal)?;
        remake_triggers(session, journal)?;
        session.run("UNLOCK TABLES")?;
        play(session, &journal.target, &journal.finish)?;
    } else {
        in_order(session, journal)?;
        play(session, &journal.target, &journal.undo)?;
        drop_if_empty(session, &journal.before)?;
    }
    // Nothing is in it that is not elsewhere; but the old tables of a migration are
    // not given up because they did not come back.
    if moved || journal.purpose != Purpose::Undo {
        super::staging::drop_schema(session, &journal.staging)?;
    }
    store.remove_journal(lock)?;
    Ok(if moved { Settled::Finished } else { Settled::Undone })
}

fn moved(session: &mut Session, journal: &SwapJournal) -> Result<bool> {
    if let Some(table) = journal.tables_out.first() {
        return has_table(session, &journal.before, table);
    }
    match journal.tables_in.first() {
        Some(table) => Ok(!has_table(session, &journal.staging, table)?),
        // No tables on either side: making the programs again does no harm.
        None => Ok(true),
    }
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

/// Drops a `before` schema that nothing was moved to. One with tables is never dropped here.
fn drop_if_empty(session: &mut Session, schema: &str) -> Result<()> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
        literal(schema)
    );
    if session.value::<u64>(&sql)? == 0 {
        super::staging::drop_schema(session, schema)?;
    }
    Ok(())
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

fn triggers(session: &mut Session, schema: &str) -> Result<Vec<String>> {
    session.rows(&format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {}",
        literal(schema)
    ))
}

/// Nobody is to see a table while its trigger is being made again.
fn lock_for_triggers(session: &mut Session, journal: &SwapJournal) -> Result<()> {
    if !journal.remake_triggers {
        return Ok(());
    }
    let lock = |table: &String| format!("{} WRITE", qualified(&journal.target, table));
    let tables: Vec<String> = journal.tables_in.iter().map(lock).collect();
    session.run(&format!("LOCK TABLES {}", tables.join(", ")))
}

/// Makes every new trigger again, in their order; the tables are locked.
fn remake_triggers(session: &mut Session, journal: &SwapJournal) -> Result<()> {
    if !journal.remake_triggers {
        return Ok(());
    }
    session.run(&format!("USE {}", quote(&journal.target)))?;
    for packet in journal.finish.iter().filter_map(|s| plan::remade(&journal.target, s)) {
        session.run_all(&packet)?;
    }
    Ok(())
}

/// The statement that gives the schema the collation that it has.
fn collation(session: &mut Session, schema: &str) -> Result<String> {
    let found: Option<(String, String)> = session.first(&format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal(schema)
    ))?;
    Ok(found.map_or_else(String::new, |(c, o)| plan::collation_statement(schema, &c, &o)))
}

/// Runs journal statements in `target`; triggers that are there are left alone.
pub(super) fn play(
    session: &mut Session,
    target: &str,
    statements: &[JournalStatement],
) -> Result<()> {
    session.run(&format!("USE {}", quote(target)))?;
    // A key can be made whose parent is not there, as it was where it came from.
    session.run("SET foreign_key_checks = 0")?;
    let there = triggers(session, target)?;
    let collation = collation(session, target)?;
    for statement in statements {
        let is_there = statement.trigger.as_ref().is_some_and(|name| there.contains(name));
        // It would wait for sessions that hold a table, although it changes nothing.
        if is_there || statement.sql == collation {
            continue;
        }
        for setting in plan::settings(statement) {
            session.run(&setting)?;
        }
        match session.run(&statement.sql) {
            // 1091: the key was dropped already, by the run that this one finishes.
            Err(error)
                if code(&error) == Some(1091) && statement.sql.contains("DROP FOREIGN KEY") => {}
            other => other?,
        }
    }
    session.run("SET foreign_key_checks = 1")?;
    session.run("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''")
}

/// Whether `target` holds exactly what was staged; the last look after a swap.
///
/// # Errors
/// The server cannot be asked.
pub fn demand_exact(session: &mut Session, target: &str, staged: &Inventory) -> Result<()> {
    let live = inventory::read(session, target)?;
    let mut different = fingerprint::differences(staged, &live);
    // The server itself drops or disables a one-time event whose time has passed.
    let once = |line: &String| {
        staged.programs.iter().any(|((kind, name), event)| {
            *kind == ObjectKind::Event
                && event.ddl.contains(" ON SCHEDULE AT ")
                && line.starts_with(&format!("event `{name}` "))
        })
    };
    different.retain(|line| !once(line));
    if different.is_empty() {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::VerificationFailed,
        format!("after the swap `{target}` differs from the backup: {}", different.join("; ")),
    )
    .hint("The old tables are still in the schema named above; nothing was dropped.")
    .into())
}
