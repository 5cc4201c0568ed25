//! Puts a staged schema in the place of the live one, and finishes or undoes a
//! swap that a dead run left behind.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::ctx::Ctx;
use crate::held::Held;
use crate::settle::{Settled, Staging, remake_triggers, settle_and, triggers};
use crate::{definers, locks, replay};
use model::exit::{ExitCode, Stop};
use model::ident::{literal, qualified, quote};
use model::inventory::{Inventory, ObjectKind};
use model::left_out::LeftOut;
use model::swap::{EventStatement, JournalStatement, Purpose, SwapJournal, SwapPhase};
use plan::swap::{Sides, SwapPlan};
use server::session::{code, said};
use server::{Session, inventory};
use sql::{fingerprint, guard};
use sys::clock;
use sys::fault::point;

/// What changes places.
#[derive(Debug)]
pub struct Swap<'a> {
    /// `@@server_uuid`.
    pub server_uuid: &'a str,
    /// Both schemas, and whose the programs are afterwards. `before` is created here.
    pub sides: Sides<'a>,
    /// What is being restored, for the journal.
    pub source: &'a str,
    /// What it is for.
    pub purpose: Purpose,
    /// What enables events, later.
    pub enable: Vec<EventStatement>,
    /// Whether the target was made for this restore, beside the live schema.
    pub beside: bool,
    /// What of the old state is in no backup.
    pub unsaved: &'a [LeftOut],
    /// Whether what was staged stays where nothing moved: the caller has use for it.
    pub keep: bool,
    /// Whether the lock is asked for once: the caller has better to do in the pauses.
    pub once: bool,
}

impl<'a> Swap<'a> {
    /// A swap of these sides, which nothing special is said about.
    pub fn of(server_uuid: &'a str, sides: Sides<'a>, source: &'a str, purpose: Purpose) -> Self {
        let (enable, unsaved) = (Vec::new(), [].as_slice());
        let (beside, keep, once) = (false, false, false);
        Self { server_uuid, sides, source, purpose, enable, beside, unsaved, keep, once }
    }
}

/// Looks at the live tables while all of them are locked; an error calls the swap off.
pub type Guard<'a> = &'a mut dyn FnMut(&mut Session) -> Result<()>;

/// Swaps. When it fails before the tables moved, the live schema is as it was. Gives how
/// long others had to wait for the tables, in milliseconds.
///
/// # Errors
/// A lock was unavailable in time, or the server refuses a statement; the
/// message says on which side of the change the live schema is.
pub fn execute(
    held: &Held<'_>,
    session: &mut Session,
    swap: &Swap<'_>,
    guard: Option<Guard<'_>>,
) -> Result<u64> {
    let before = swap.sides.before;
    // What is in it would be taken for the old tables, and the swap for done.
    if inventory::schema_exists(session, before)? {
        return Err(Stop::new(
            ExitCode::Store,
            format!("`{before}` already exists; nothing was swapped"),
        )
        .hint("It contains the old tables of another run in this second. Try again.")
        .into());
    }
    demand_owner(session, &swap.sides)?;
    let Sides { staging, staged, .. } = swap.sides;
    let live = definers::nameable(held.ctx(), session, staging, swap.sides.live, |kind, name| {
        kind == ObjectKind::Trigger
            || (kind == ObjectKind::View && staged.tables.contains_key(name))
    })?;
    let plan = plan::swap::plan(&Sides { live: &live, ..swap.sides }, guard.is_some());
    // The way back makes what was live before, and what the user may have made by hand.
    if swap.purpose != Purpose::Undo {
        replay::demand(session, staging, staged, swap.purpose)?;
    }
    let journal = journal(swap, &plan);
    // Before anything that it names is made: without it nobody would remove that.
    held.store().write_journal(held.lock(), &journal)?;
    point("swap.journal")?;
    let moved = move_tables(held.ctx(), session, swap, &plan, guard);
    point("swap.renamed")?;
    match moved {
        Ok(locked) => finish(held, session, &journal, locked),
        Err(error) => Err(failed(held, session, swap, &journal, error)),
    }
}

/// A table whose foreign key names no unique key is moved like any other; MySQL's own rule is
/// for new ones (6125). Servers without the variable pass over the comment.
const LOOSE_KEYS: &str =
    "SET foreign_key_checks = 1 /*!80400 , restrict_fk_on_non_standard_key = OFF */";

fn move_tables(
    ctx: &Ctx,
    session: &mut Session,
    swap: &Swap<'_>,
    plan: &SwapPlan,
    guard: Option<Guard<'_>>,
) -> Result<Instant> {
    session.run(&format!(
        "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
        quote(swap.sides.before),
        swap.sides.live.charset,
        swap.sides.live.collation
    ))?;
    for sql in &plan.prepare {
        session.run(sql)?;
    }
    session.run(LOOSE_KEYS)?;
    point("swap.prepared")?;
    session.run(&format!("USE {}", quote(swap.sides.target)))?;
    let bare = make_way(ctx, session, plan)?;
    let Some(guard) = guard else {
        let begun = Instant::now();
        let whole = plan.whole();
        let moved =
            if bare { session.run_all(&whole) } else { locks::run_all(ctx, session, &whole) };
        return moved.map(|()| begun);
    };
    let Some(lock) = &plan.lock else {
        // Nothing that the guard sees would hold until the RENAME.
        let message = "a table without transactions cannot be locked together with the others";
        return Err(Stop::new(ExitCode::GateRefused, format!("nothing was swapped: {message}"))
            .hint("Convert it to InnoDB, or use `--strategy in-place`.")
            .into());
    };
    match (bare, swap.once) {
        (true, _) => session.run(lock)?,
        (false, true) => locks::once(ctx, session, lock)?,
        (false, false) => locks::run(ctx, session, lock)?,
    }
    let locked = Instant::now();
    point("gate.locked")?;
    guard(session)?;
    session.run_all(&plan.packet).map(|()| locked)
}

/// Does what must be done before the lock. Others miss a view until the swap is over, so the
/// lock is known to be free first, and is then asked for once. Gives whether anything was done.
fn make_way(ctx: &Ctx, session: &mut Session, plan: &SwapPlan) -> Result<bool> {
    if plan.before_lock.is_empty() {
        return Ok(false);
    }
    if let Some(lock) = &plan.lock {
        locks::run(ctx, session, lock)?;
        session.run("UNLOCK TABLES")?;
    }
    session.run_all(&plan.before_lock)?;
    Ok(true)
}

fn journal(swap: &Swap<'_>, plan: &SwapPlan) -> SwapJournal {
    SwapJournal {
        version: 1,
        server: swap.server_uuid.to_owned(),
        target: swap.sides.target.to_owned(),
        staging: swap.sides.staging.to_owned(),
        before: swap.sides.before.to_owned(),
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
        enable: swap.enable.clone(),
        beside: swap.beside,
        unsaved: swap.unsaved.to_vec(),
    }
}

/// Makes a view that belongs to the account which the new programs will belong to, and
/// reads it: without that account, or the right to name it, the swap could not be finished.
fn demand_owner(session: &mut Session, sides: &Sides<'_>) -> Result<()> {
    let Some(definer) = sides.owner.definer() else { return Ok(()) };
    let table = sides.live.tables.iter().find(|(name, table)| {
        let sql = format!("SELECT 1 FROM {} LIMIT 0", qualified(sides.target, name));
        // One whose rows are elsewhere, or gone, says nothing about the account.
        guard::keeps_rows(&table.engine) && session.run(&sql).is_ok()
    });
    let from = table
        .map_or_else(String::new, |(name, _)| format!(" FROM {}", qualified(sides.target, name)));
    let view = qualified(sides.staging, PROBE);
    let drop = format!("DROP VIEW IF EXISTS {view}");
    session.run(&drop)?;
    let tried = session
        .run(&format!("CREATE DEFINER={definer} VIEW {view} AS SELECT 1 AS `x`{from}"))
        // MariaDB makes it all the same and only notes that there is no such account.
        .and_then(|()| session.run(&format!("SELECT `x` FROM {view} LIMIT 0")));
    session.run(&drop)?;
    tried.map_err(|error| match code(&error) {
        Some(1142 | 1143 | 1227 | 1356 | 1449) => error.context(
            Stop::new(
                ExitCode::Configuration,
                "the schema's programs cannot be given to the locked account that must own them; \
                nothing was changed",
            )
            .hint(
                "Run `cargo xtask doctor --fix` once, with DB_ROOT_PASSWORD in .env: it creates \
            that account and grants `restore_user` the privilege to name it.",
            ),
        ),
        _ => error,
    })
}

/// The view of [`demand_owner`].
const PROBE: &str = "__xtask_owner";

fn finish(
    held: &Held<'_>,
    session: &mut Session,
    journal: &SwapJournal,
    locked: Instant,
) -> Result<u64> {
    let mut locked_ms = 0;
    let finished = remake_triggers(session, journal)
        .and_then(|()| session.run("UNLOCK TABLES"))
        .inspect(|()| locked_ms = clock::elapsed_ms(locked))
        .and_then(|()| play(held.ctx(), session, &journal.target, &journal.finish));
    finished.with_context(|| {
        Stop::new(
            ExitCode::Store,
            format!("the tables of `{}` were swapped, but not every view, routine or event could \
            be created", journal.target),
        )
        .hint("Run `cargo xtask doctor --fix`: it finishes what is left, as does the next backup or restore.")
    })?;
    point("swap.finished")?;
    held.store().close_journal(held.lock(), journal)?;
    Ok(locked_ms)
}

fn failed(
    held: &Held<'_>,
    session: &mut Session,
    swap: &Swap<'_>,
    journal: &SwapJournal,
    error: anyhow::Error,
) -> anyhow::Error {
    // 1205: lock wait timeout exceeded.
    let waited = code(&error) == Some(1205);
    let holders = waited.then(|| locks::holders(held.ctx(), held.server()));
    let staging = if swap.keep { Staging::Keep } else { Staging::Drop };
    match settle_and(session, held, journal, staging) {
        // The guard's own refusal says more than that nothing was swapped.
        Ok(Settled::Undone) if error.downcast_ref::<Stop>().is_some() => error,
        Ok(Settled::Undone) => {
            let stop = Stop::new(
                ExitCode::Store,
                format!("`{}` could not be swapped and is as it was before: {}", journal.target, said(&error)),
            );
            error.context(match holders {
                Some(holders) => locks::hint(stop, &holders, Some("restore")),
                None => stop,
            })
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

/// The statement that gives the schema the collation that it has.
fn collation(session: &mut Session, schema: &str) -> Result<String> {
    let found: Option<(String, String)> = session.first(&format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal(schema)
    ))?;
    Ok(found.map_or_else(String::new, |(c, o)| plan::swap::collation_statement(schema, &c, &o)))
}

/// Runs journal statements in `target`; triggers that are there are left alone.
pub(super) fn play(
    ctx: &Ctx,
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
        for setting in plan::swap::settings(statement) {
            session.run(&setting)?;
        }
        match locks::run(ctx, session, &statement.sql) {
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
