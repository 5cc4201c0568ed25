//! A migration that went live while others wrote is undone the same way: the old tables follow
//! what was written to the migrated ones since, and take their place. The migrated ones are kept,
//! so that this can be undone, too.

use anyhow::Result;
use binlog::gtid::mysql::GtidSet;

use super::ready::{self, Log, Ready};
use crate::undo::{Later, Undone};
use ::follow::{GivenUp, Lineage};
use model::account::Role;
use model::entry::Event;
use model::exit::Stop;
use model::state::{LogMark, UndoState};
use model::swap::Purpose;
use ops::ctx::Ctx;
use ops::held::Held;
use ops::swap::Swap;
use ops::{staging, swap};
use plan::definer::Owner;
use plan::restore::before_name;
use plan::swap::{Leaving, Sides};
use plan::undo::{self as decide, refused};
use server::log::Position;
use server::survey::Survey;
use server::{Server, Session, facts, inventory};
use sys::fault::point;
use ui::Step;

/// Undoes it. With `lossless`, nothing may have been written that the old tables have no place
/// for.
///
/// # Errors
/// Exit code 20: the old tables cannot follow, or cannot hold what was written since; the database
/// is as it was.
pub(crate) fn go(
    held: &Held<'_>,
    session: &mut Session,
    undo: &UndoState,
    mark: &LogMark,
    lossless: bool,
) -> Result<Undone> {
    let ctx = held.ctx();
    let schema = &ctx.settings.schema;
    ctx.ui.steps(&[Step::Follow, Step::Live]);
    let ready = ready(ctx, held.server(), session, undo, mark)?;
    let mut reader = ctx.session(held.server(), Role::Backup, None)?.read_only()?;
    let Survey { inventory: live, unread } = inventory::survey(&mut reader, schema)?;
    // No migration by swap leaves such a thing: it was made since.
    let since: Vec<String> = unread.iter().map(|it| it.left_out().to_string()).collect();
    decide::demand_unwritten(undo, &since)?;
    let flavour = facts::read(session)?.flavour;
    let before = staging::free_name(ctx, session, before_name)?;
    let definer = ctx.settings.program_definer();
    let source = undo.backup.to_string();
    let change = Swap {
        keep: true,
        once: true,
        ..Swap::of(
            &undo.server,
            Sides {
                flavour,
                target: schema,
                live: &live,
                staging: &undo.previous_schema,
                staged: &undo.old,
                before: &before,
                owner: Owner::Locked(&definer),
                leaving: Leaving::default(),
            },
            &source,
            Purpose::Undo,
        )
    };
    // The way back from here: the tables that are live now are the old ones then.
    let back = UndoState {
        previous_schema: before.clone(),
        old: live.clone(),
        new: undo.old.clone(),
        log: None,
        ..undo.clone()
    };
    let back = super::Back { undo: back, undone: !mark.undone, lossless };
    let done = super::exchange(held, session, &change, ready, back, &mut false)?;
    point("gate.applied")?;
    let (changes, again) = match mark.undone {
        false => (undo.migrations.clone(), Vec::new()),
        true => (Vec::new(), undo.migrations.clone()),
    };
    let event = Event::Undone {
        changes: changes.clone(),
        backup: undo.backup.clone(),
        previous_schema: before.clone(),
        again: again.clone(),
        followed: true,
    };
    held.append(&undo.server, schema, event)?;
    if let Err(error) = swap::demand_exact(session, schema, &undo.old) {
        ctx.ui.warn(format!("{error:#}"));
    }
    if let Err(error) = staging::drop_schema(session, &undo.previous_schema) {
        ctx.ui.warn(format!("{error:#}"));
    }
    // It has happened: a question that fails is no failure of it.
    let left_behind = there(session, &before, &done.given_up)
        .unwrap_or_else(|_| done.given_up.iter().map(ToString::to_string).collect());
    Ok(Undone {
        migrations: changes,
        again,
        previous_schema: before,
        kept_writes: true,
        left_behind,
    })
}

/// What would have to be applied, and whether the old tables can hold it: tried out in
/// transactions that are taken back.
///
/// # Errors
/// As [`go`].
pub(crate) fn rehearse(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    undo: &UndoState,
    mark: &LogMark,
) -> Result<Later> {
    let ready = ready(ctx, server, session, undo, mark)?;
    let mut follow = super::begin(ctx, server, session, &undo.previous_schema, ready)?;
    let tried = follow.try_out(session);
    let given_up = follow.given_up();
    follow.end(session).ok();
    let hint = super::next(Purpose::Undo, &undo.backup.to_string());
    let rows = tried.map_err(|error| super::untouched(error, &hint))?;
    let left_behind = there(session, &ctx.settings.schema, &given_up)?;
    Ok(Later { rows, left_behind })
}

fn ready(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    undo: &UndoState,
    mark: &LogMark,
) -> Result<Ready> {
    let place = &undo.previous_schema;
    if !inventory::schema_exists(session, place)? {
        decide::demand_tables(undo, None)?;
    }
    decide::demand_tables(undo, Some(&inventory::read(session, place)?))?;
    let refused = |why: String| by_restore(undo, &why);
    let state = ready::reading(ctx, server).map_err(refused)?;
    let from = Position::parse(state.flavour, &mark.position);
    let own = GtidSet::parse(&mark.own.join(","));
    let (Some(from), Some(own)) = (from, own.filter(|own| !own.is_empty())) else {
        let why = "the run that made the swap did not see its end, so where later writes begin in \
                   the server's log is not known";
        return Err(by_restore(undo, why).into());
    };
    let log = Log { state, from, own };
    let schemas = (ctx.settings.schema.as_str(), place.as_str());
    let ready = ready::paired(session, schemas, &Back { undo, mark }, log)?;
    Ok(ready.map_err(|why| by_restore(undo, &why))?)
}

/// What became of the live tables and columns, seen from those that come back.
struct Back<'a> {
    undo: &'a UndoState,
    mark: &'a LogMark,
}

impl Lineage for Back<'_> {
    fn source_of(&self, table: &str, column: &str) -> Option<String> {
        self.mark.columns.get(table)?.get(&column.to_lowercase()).cloned()
    }

    /// Made by the change that is undone.
    fn is_dropped(&self, table: &str) -> bool {
        let is = |name: &String| name.eq_ignore_ascii_case(table);
        self.undo.new.tables.keys().any(is) && !self.undo.old.tables.keys().any(is)
    }

    fn is_gone(&self, table: &str, column: &str) -> bool {
        let same = |name: &String| name.eq_ignore_ascii_case(column);
        let made = self.undo.new.tables.get(table).is_some_and(|it| it.columns.iter().any(same));
        let known = self.mark.columns.get(table);
        made && !known.is_some_and(|known| known.values().any(same))
    }
}

/// What of it is really there, for people.
fn there(session: &mut Session, schema: &str, given_up: &[GivenUp]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for one in given_up {
        if one.is_there(session, schema)? {
            all.push(one.to_string());
        }
    }
    Ok(all)
}

fn by_restore(undo: &UndoState, why: &str) -> Stop {
    refused(&format!("the old tables cannot follow what was written since: {why}")).hint(format!(
        "`cargo xtask db-restore {}` restores the state before it and loses what was written since.",
        undo.backup
    ))
}
