//! `migrate --undo`: the old tables of the last migration by swap take their place
//! again, if under the lock it is found that nothing wrote to the new ones.

use anyhow::Result;

use crate::{Applied, by_swap, online, put_back};
use model::account::Role;
use model::entry::Event;
use model::exit::Stop;
use model::facts::Flavour;
use model::state::{SchemaState, UndoState};
use model::swap::Purpose;
use ops::ctx::Ctx;
use ops::held::Held;
use ops::sessions::Pair;
use ops::swap::Swap;
use ops::{sessions, staging, swap, unchanged};
use plan::definer::Owner;
use plan::failed::PutBack;
use plan::migrate::MigrationFile;
use plan::restore::before_name;
use plan::swap::{Leaving, Sides};
pub use plan::undo::Exchanged;
use plan::undo::{self as decide, refused};
use report::human;
use server::survey::Survey;
use server::{Server, Session, facts, inventory};
use sql::fingerprint;
use store::Store;
use store::gate::{Refused, WayBack};
use sys::signal;
use ui::{Step, Total};

/// What was taken back.
#[derive(Debug)]
pub struct Undone {
    /// The migrations that are not applied any more.
    pub migrations: Vec<String>,
    /// Those that are applied again: an undo was undone.
    pub again: Vec<String>,
    /// Where the tables are that were live until then.
    pub previous_schema: String,
    /// Whether what was written since was taken along.
    pub kept_writes: bool,
    /// What of it the tables that came back have no place for; it is in the others.
    pub left_behind: Vec<String>,
}

/// What was written since.
#[derive(Debug)]
pub struct Later {
    /// Rows that would come along.
    pub rows: u64,
    /// Tables and columns that were written to and that the old tables do not have.
    pub left_behind: Vec<String>,
}

/// Takes the last migration by swap back.
///
/// # Errors
/// Exit code 20 when there is none, or something wrote since; the database is then
/// as it was.
pub fn go(ctx: &Ctx, server: &Server) -> Result<Undone> {
    take_back(ctx, server, false)
}

fn take_back(ctx: &Ctx, server: &Server, lossless: bool) -> Result<Undone> {
    let held = Held::take(ctx, server)?;
    let undo = known(ctx, held.store())?;
    let mut session = sessions::locked(ctx, server, Role::Restore)?;
    let facts = facts::read(&mut session)?;
    decide::demand_server(&undo, &facts.uuid)?;
    sessions::keep_from_migrating(ctx, &mut session)?;
    if let Some(mark) = &undo.log {
        return online::undo::go(&held, &mut session, &undo, mark, lossless);
    }
    ctx.ui.steps(&[Step::Compare, Step::Live]);
    demand_kept(ctx, &mut session, &undo)?;
    say_rows(ctx, &undo.new_state);
    signal::check()?;
    ctx.ui.step(Step::Live, format!("the old tables return to `{}`", ctx.settings.schema));
    let bar = ctx.ui.bar("swap", Total::Unknown);
    let exchanged = exchange(&held, &mut session, &undo)?;
    bar.done();
    let previous_schema = exchanged.before.clone();
    let event = Event::Undone {
        changes: undo.migrations.clone(),
        backup: undo.backup.clone(),
        previous_schema: previous_schema.clone(),
        again: Vec::new(),
        followed: false,
    };
    held.append(&undo.server, &ctx.settings.schema, event)?;
    if let Some(stop) = exchanged.lost_between(&ctx.settings.schema) {
        return Err(stop.into());
    }
    Ok(Undone {
        migrations: undo.migrations,
        again: Vec::new(),
        previous_schema,
        kept_writes: false,
        left_behind: Vec::new(),
    })
}

/// Takes migrations back that were just applied, however they went live: for a deploy
/// whose program does not answer.
///
/// # Errors
/// Exit code 20 when it is not proven that nothing would be lost; the database is then
/// as it was.
pub fn applied(ctx: &Ctx, server: &Server, applied: &Applied) -> Result<()> {
    let swapped = applied.live.as_ref().is_some_and(|live| live.previous_schema.is_some());
    if swapped {
        return take_back(ctx, server, true).map(drop);
    }
    let held = Held::take(ctx, server)?;
    let entry = match &applied.backup {
        Some(label) => held.store().backup(label)?,
        None => None,
    };
    let Some(manifest) = entry.as_ref().and_then(|entry| entry.manifest()) else {
        return Err(refused("there was no table before it").into());
    };
    let mut pair = Pair::open(ctx, server)?;
    let names: Vec<String> = applied.pending.iter().map(MigrationFile::name).collect();
    match put_back::again(&held, &mut pair, manifest, &names)? {
        PutBack::Restored { previous, slipped } => {
            let event = Event::Undone {
                changes: names,
                backup: manifest.label.clone(),
                previous_schema: previous.clone(),
                again: Vec::new(),
                followed: false,
            };
            let uuid = &manifest.server.uuid;
            held.append(uuid, &ctx.settings.schema, event)?;
            let exchanged = Exchanged { before: previous, slipped };
            let lost = exchanged.lost_between(&ctx.settings.schema);
            lost.map_or(Ok(()), |stop| Err(stop.into()))
        }
        PutBack::Nothing => Ok(()),
        PutBack::Not { why, differences } => {
            let found = differences.join("; ");
            Err(refused(&format!("{why}: {found}")).into())
        }
    }
}

/// What was written since, where the old tables can follow: for a dry run. `None`: they cannot, and only an unwritten schema can be undone.
///
/// # Errors
/// Exit code 20: a row does not fit into the old tables, or they cannot follow any more.
pub fn later(ctx: &Ctx, server: &Server, undo: &UndoState) -> Result<Option<Later>> {
    let Some(mark) = &undo.log else { return Ok(None) };
    let mut session = sessions::locked(ctx, server, Role::Restore)?;
    let facts = facts::read(&mut session)?;
    decide::demand_server(undo, &facts.uuid)?;
    online::undo::rehearse(ctx, server, &mut session, undo, mark).map(Some)
}

/// The way back, for a dry run, too.
///
/// # Errors
/// Exit code 20: there is none. Exit code 40: there is one that is not followed.
pub fn known(ctx: &Ctx, store: &Store) -> Result<UndoState> {
    let kept = match store.way_back()? {
        WayBack::Nothing => None,
        WayBack::Known(undo) => Some(*undo),
        WayBack::Refused(refused) => return Err(not_followed(refused).into()),
    };
    Ok(decide::known(kept, &ctx.settings.schema)?)
}

/// The refusal of a way back that may come from anybody.
fn not_followed(refused: Refused) -> Stop {
    let label = refused.backup.map_or_else(|| "LABEL".to_owned(), |label| label.to_string());
    let mut stop = refused.stop;
    stop.message =
        format!("the migration cannot be undone; the database was not touched: {}", stop.message);
    stop.hints.insert(
        0,
        format!(
            "`cargo xtask db-restore {label}` restores the state before the migration and loses \
            what was written since; `cargo xtask db-list` shows the backups."
        ),
    );
    stop
}

/// The old tables are still there, with the rows of the backup.
fn demand_kept(ctx: &Ctx, session: &mut Session, undo: &UndoState) -> Result<()> {
    let place = &undo.previous_schema;
    if !inventory::schema_exists(session, place)? {
        return Ok(decide::demand_tables(undo, None)?);
    }
    let line = format!("comparing the old tables in `{place}` with {}", undo.backup);
    ctx.ui.step(Step::Compare, line);
    let _bar = ctx.ui.bar("compare", Total::Unknown);
    let kept = inventory::read(session, place)?;
    decide::demand_tables(undo, Some(&kept))?;
    let state = SchemaState { fingerprint: fingerprint::schema(&kept), ..undo.old_state.clone() };
    let different = unchanged::differences(session, place, &kept, &state)?;
    Ok(decide::demand_same(undo, &different)?)
}

/// All rows are read while the tables are locked: better known before.
fn say_rows(ctx: &Ctx, state: &SchemaState) {
    if state.rows() > ctx.settings.policy.gate.compare_rows {
        ctx.ui.warn(format!(
            "{} are compared while the tables are locked against writes",
            human::count(state.rows(), "row")
        ));
    }
}

/// Puts the old tables in place of the migrated ones, if nothing wrote to those.
/// Gives where the migrated ones are.
///
/// # Errors
/// Exit code 20 when something wrote; what the server refuses.
pub fn exchange(held: &Held<'_>, session: &mut Session, undo: &UndoState) -> Result<Exchanged> {
    let ctx = held.ctx();
    let old = &undo.old;
    let schema = &ctx.settings.schema;
    let mut reader = ctx.session(held.server(), Role::Backup, None)?.read_only()?;
    let Survey { inventory: live, unread } = inventory::survey(&mut reader, schema)?;
    // No migration by swap leaves such a thing: it was made since.
    let since: Vec<String> = unread.iter().map(|it| it.left_out().to_string()).collect();
    decide::demand_unwritten(undo, &since)?;
    let facts = facts::read(session)?;
    let before = staging::free_name(ctx, session, before_name)?;
    let mut guard = |session: &mut Session| {
        let now = inventory::read(&mut reader, schema)?;
        let written = unchanged::differences(session, schema, &now, &undo.new_state)?;
        Ok(decide::demand_unwritten(undo, &written)?)
    };
    let definer = ctx.settings.program_definer();
    let source = undo.backup.to_string();
    let change = Swap::of(
        &undo.server,
        Sides {
            flavour: facts.flavour,
            target: schema,
            live: &live,
            staging: &undo.previous_schema,
            staged: old,
            before: &before,
            owner: Owner::Locked(&definer),
            leaving: Leaving::default(),
        },
        &source,
        Purpose::Undo,
    );
    swap::execute(held, session, &change, Some(&mut guard))?;
    // The tables have moved: whatever else goes wrong, that is what is told.
    held.store().remove_undo(held.lock())?;
    if let Err(error) = swap::demand_exact(session, schema, old) {
        ctx.ui.warn(format!("{error:#}"));
    }
    let slipped = match facts.flavour {
        Flavour::Mariadb => {
            by_swap::slipped(session, &before, std::slice::from_ref(&undo.new_state))
        }
        Flavour::Mysql => Vec::new(),
    };
    if let Err(error) = staging::drop_schema(session, &undo.previous_schema) {
        ctx.ui.warn(format!("{error:#}"));
    }
    Ok(Exchanged { before, slipped })
}
