//! What every command that changes something does first: bring the unfinished
//! work of a dead run to its end.

use anyhow::Result;

use crate::copy::fetching;
use crate::ctx::Ctx;
use crate::held::{Entries, HeldFolder};
use crate::{events, sessions, settle, staging, unchanged};
use model::account::Role;
use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::swap::{Purpose, SwapJournal};
use plan::recovery::{self, First};
use plan::unsaved::lines;
use server::facts::UNKNOWN;
use server::{self, Server, Session, facts, inventory};
use store::gate::WayBack;
use store::{Store, StoreLock};
use sys::clock;

/// Removes what dead runs left in the backups folder, and the copies that they fetched.
pub(crate) fn clean(ctx: &Ctx, store: &Store, lock: &StoreLock) -> Result<()> {
    for name in store.clean(lock)? {
        ctx.ui.say(format!("removed {name}, left behind by an unfinished run"));
    }
    for name in fetching::sweep(&ctx.settings.local)? {
        ctx.ui.say(format!("removed .local/{name}, a copy fetched by a crashed run"));
    }
    Ok(())
}

/// Finishes or undoes a swap, and removes staging schemas. Without a `server` an unfinished
/// swap is only warned of.
///
/// # Errors
/// The ledger is damaged, or there is a journal and the server cannot be reached
/// or is another one.
pub(crate) fn first(held: &HeldFolder<'_>, server: Option<&Server>) -> Result<()> {
    let (ctx, store) = (held.ctx(), held.store());
    // What is done now could not be recorded: better not to begin it.
    store.read()?;
    if let Some(journal) = store.read_in_place()? {
        ctx.ui.warn(if journal.failed.is_some() {
            "a migration failed in place, and the state before it was not restored; `cargo xtask \
            migrate` tries again"
        } else {
            "migrations ran in place, but how they ended is unknown; `cargo xtask \
            migrate` finds out"
        });
    }
    let journal = store.read_journal()?;
    let events = journal.is_none() && server.is_some() && store.read_events()?.is_some();
    match (recovery::first(journal.is_some(), events, server.is_some()), journal, server) {
        (First::EndSwap, Some(journal), Some(server)) => {
            ctx.ui.warn(format!("{} did not finish; finding out where it stopped", journal.what()));
            end(held, server, journal)
        }
        (First::SayOnly, Some(journal), _) => {
            ctx.ui.warn(format!(
                "{} did not finish; `cargo xtask doctor --fix` finishes it",
                journal.what()
            ));
            Ok(())
        }
        (First::EnableEvents, _, Some(server)) => waiting(held, server),
        (First::Sweep, _, Some(server)) => {
            sweep(ctx, server);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Finishes or undoes the swap of a dead run, and writes the entry.
fn end(held: &HeldFolder<'_>, server: &Server, journal: SwapJournal) -> Result<()> {
    let (ctx, store, lock) = (held.ctx(), held.store(), held.lock());
    recovery::demand_schema(&journal, &ctx.settings.schema, &ctx.settings.companion_prefix())?;
    // The dead run's statements may still be executing; its lock is held until they end.
    let mut session = sessions::locked(ctx, server, Role::Restore)?;
    let facts = facts::read(&mut session)?;
    let known = facts.uuid != UNKNOWN;
    let holds_named = !known
        && (inventory::schema_exists(&mut session, &journal.staging)?
            || inventory::schema_exists(&mut session, &journal.before)?);
    if !recovery::is_its_server(&journal, &facts.uuid, known, holds_named) {
        return Err(Stop::new(
            ExitCode::Store,
            format!(
                "an unfinished restore of {} belongs to another server ({})",
                journal.source, journal.server
            ),
        )
        .hint("Point .env at that server and run `cargo xtask doctor --fix` to finish it.")
        .hint("If that server is gone for good: `cargo xtask doctor --forget-restore`.")
        .into());
    }
    let settled = settle::settle(&mut session, held, &journal)?;
    let finished = settled == settle::Settled::Finished;
    let after = recovery::after(journal.purpose, finished, facts.flavour);
    if after.look_between {
        slipped(ctx, &mut session, store);
    }
    if after.forget_undo {
        store.remove_undo(lock)?;
    }
    ctx.ui.say(match settled {
        settle::Settled::Finished if journal.rows_only => {
            let tables = journal.tables_in.join(", ");
            format!(
                "the rows of {tables} had been replaced: the restore of {} is finished now",
                journal.source
            )
        }
        settle::Settled::Finished => {
            format!("the tables had been swapped: {} is finished now", journal.what())
        }
        settle::Settled::Undone => format!("`{}` is as it was before", journal.target),
    });
    if finished && !journal.unsaved.is_empty() {
        ctx.ui.warn(format!(
            "in no backup, and only in `{}`: {}",
            journal.before,
            lines(&journal.unsaved).join("; ")
        ));
    }
    let event = Event::Recovered {
        how: settled.word().to_owned(),
        subject: journal.source,
        purpose: Some(journal.purpose),
    };
    held.append(&facts.uuid, &journal.target, event)?;
    run_events(held, &mut session)
}

/// A dead run had swapped, and its events do not run yet.
fn waiting(held: &HeldFolder<'_>, server: &Server) -> Result<()> {
    let ctx = held.ctx();
    let Some(state) = held.store().read_events()? else { return Ok(()) };
    let mut session = sessions::locked(ctx, server, Role::Restore)?;
    let uuid = facts::read(&mut session)?.uuid;
    if uuid != state.server || state.target != ctx.settings.schema {
        ctx.ui.warn(format!(
            "events of `{}` on another server ({}) wait to be enabled after a restore of {}; \
             `cargo xtask doctor --fix` does it there",
            state.target, state.server, state.source
        ));
        return Ok(());
    }
    let event = Event::Recovered {
        how: "finished".to_owned(),
        subject: state.source,
        purpose: Some(Purpose::Restore),
    };
    held.append(&uuid, &state.target, event)?;
    run_events(held, &mut session)
}

fn run_events(held: &HeldFolder<'_>, session: &mut Session) -> Result<()> {
    let names = events::enable(held, session)?;
    if !names.is_empty() {
        held.ctx()
            .ui
            .say(format!("enabled the events of the restored schema: {}", names.join(", ")));
    }
    Ok(())
}

/// MariaDB ends the lock before the RENAME: what the dead run would have looked for.
fn slipped(ctx: &Ctx, session: &mut Session, store: &Store) {
    let Ok(WayBack::Known(undo)) = store.way_back() else { return };
    let old = &undo.previous_schema;
    let found = inventory::read(session, old)
        .and_then(|kept| unchanged::rows_differing(session, old, &kept, &undo.old_state));
    match found {
        Ok(found) if found.is_empty() => {}
        Ok(found) => ctx.ui.warn(format!(
            "something wrote to the old tables during the swap; those rows are only in `{old}`: {}",
            found.join("; ")
        )),
        Err(error) => {
            ctx.ui.warn(format!("the old tables in `{old}` could not be compared: {error:#}"))
        }
    }
}

/// Gives an unfinished restore up, whose server is gone: the journal is kept under
/// another name, and the ledger says so.
///
/// # Errors
/// There is none, or it cannot be put aside.
pub fn forget(ctx: &Ctx) -> Result<()> {
    let entries = Entries::open(ctx)?;
    let store = entries.store();
    if forget_refused(&entries)? {
        return Ok(());
    }
    let Some(journal) = store.read_journal()? else {
        return Err(Stop::new(ExitCode::Usage, "there is no unfinished restore to abandon").into());
    };
    demand_gone(ctx, &journal)?;
    let stamp = clock::now_local().format("%Y%m%d_%H%M%S").to_string();
    let event = Event::Recovered {
        how: "abandoned".to_owned(),
        subject: journal.source.clone(),
        purpose: Some(journal.purpose),
    };
    entries.append(&journal.server, &journal.target, event)?;
    let name = store.abandon_journal(entries.lock(), &stamp)?;
    ctx.ui.say(format!(
        "the unfinished restore of {} is abandoned; its journal is kept as {name}",
        journal.source
    ));
    Ok(())
}

/// Puts every journal aside that is not followed: no run of this tool can finish what it is
/// about, so it does not matter whether its server answers. Whether there was one.
fn forget_refused(entries: &Entries<'_>) -> Result<bool> {
    let (ctx, store) = (entries.ctx(), entries.store());
    let refused = store.refused_journals()?;
    let stamp = clock::now_local().format("%Y%m%d_%H%M%S").to_string();
    for (name, stop) in &refused {
        let event = Event::Recovered {
            how: "abandoned".to_owned(),
            subject: (*name).to_owned(),
            purpose: None,
        };
        entries.append(UNKNOWN, &ctx.settings.schema, event)?;
        let aside = store.put_aside(entries.lock(), name, &stamp)?;
        ctx.ui.warn(format!(
            "{}; it is kept as {aside}. Its work may be half done: compare `{}` with the newest \
            backup",
            stop.message, ctx.settings.schema
        ));
    }
    Ok(!refused.is_empty())
}

/// Refuses to forget a restore whose server answers: there it can be finished.
fn demand_gone(ctx: &Ctx, journal: &SwapJournal) -> Result<()> {
    let Ok(server) = server::find(&ctx.settings, &ctx.ui) else { return Ok(()) };
    let here = ctx
        .session(&server, Role::Restore, None)
        .and_then(|mut session| facts::read(&mut session))
        .is_ok_and(|facts| facts.uuid == journal.server);
    if !here {
        return Ok(());
    }
    Err(Stop::new(ExitCode::Usage, "the server of that restore answers; it was not abandoned")
        .hint("`cargo xtask doctor --fix` finishes the restore.")
        .into())
}

/// Removes staging schemas where that needs no wait and no help: a backup works
/// without the drilling account, and another machine may be in the middle of a drill.
fn sweep(ctx: &Ctx, server: &Server) {
    if ctx.settings.account(Role::Drill).password.is_none() {
        return;
    }
    let swept = sessions::locked_if_free(ctx, server, Role::Drill).and_then(|session| {
        session.map_or(Ok(()), |mut session| staging::clean(ctx, &mut session))
    });
    if let Err(error) = swept {
        ctx.ui.detail(format!("staging schemas could not be checked: {error:#}"));
    }
}
