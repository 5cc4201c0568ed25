//! The rehearsed copy takes the place of a live schema that others write to: it follows them by
//! the server's log, is compared while they go on, and is swapped in under a lock that lasts as
//! long as the last few rows need.

mod ready;
pub mod undo;

pub(crate) use ready::{Ready, foreseen, ready};

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::rehearse::Rehearsed;
use crate::{Gate, Live, by_swap};
use ::follow::{Follow, Pairs, Progress, Task};
use model::account::Role;
use model::exit::{ExitCode, find_stop};
use model::gate::Strategy;
use model::ident::qualified;
use model::inventory::Inventory;
use model::manifest::Manifest;
use model::state::{LogMark, SchemaState, UndoState};
use model::swap::Purpose;
use ops::ctx::Ctx;
use ops::held::Held;
use ops::sessions::Pair;
use ops::swap::Swap;
use ops::{locks, staging, swap, unchanged};
use plan::definer::Owner;
use plan::restore::before_name;
use plan::swap::Sides;
use server::log::{self, Options};
use server::session::{code, said};
use server::{Server, Session, inventory};
use sys::clock;
use sys::fault::point;
use ui::{Step, Total};

/// Puts the copy in place. `copy` is what it holds, where an earlier try has taken its triggers off;
/// `live` becomes true when the live tables are about to be locked.
///
/// # Errors
/// Exit code 20: it could not follow, or compare equal; the live schema was not touched. As
/// [`ops::swap::execute`].
pub(crate) fn go(
    gate: &Gate<'_>,
    pair: &mut Pair,
    (rehearsed, copy): (&Rehearsed<'_>, Option<Box<Inventory>>),
    manifest: &Manifest,
    ready: Ready,
    live: &mut bool,
) -> Result<Live> {
    let ctx = gate.ctx();
    let staged = rehearsed.copy().staged();
    let copy = match copy {
        Some(copy) => *copy,
        None => by_swap::migrated(gate, pair.copy(), &staged.schema)?,
    };
    let session = pair.live();
    let before = staging::free_name(ctx, session, before_name)?;
    // They would fire a second time: what they did is in the log. The swap makes them again.
    for name in &copy.trigger_order {
        session.run(&format!("DROP TRIGGER IF EXISTS {}", qualified(&staged.schema, name)))?;
    }
    let definer = ctx.settings.program_definer();
    let sides = by_swap::sides(gate, staged, &copy, &before);
    let change = Swap {
        server_uuid: &manifest.server.uuid,
        sides: Sides { owner: Owner::Locked(&definer), ..sides },
        source: &manifest.label.to_string(),
        purpose: Purpose::Migrate,
        enable: Vec::new(),
        beside: false,
        unsaved: &[],
        keep: true,
        once: true,
    };
    // What the tables hold is not known by digests: nothing equals these.
    let unknown = || SchemaState { fingerprint: String::new(), tables: Vec::new() };
    let undo = UndoState {
        version: 2,
        server: manifest.server.uuid.clone(),
        schema: ctx.settings.schema.clone(),
        previous_schema: before.clone(),
        backup: manifest.label.clone(),
        migrations: gate.names(),
        old: gate.before.clone(),
        old_state: unknown(),
        new: copy.clone(),
        new_state: unknown(),
        log: None,
    };
    let back = Back { undo, undone: false };
    let locked_ms = exchange(gate.held, session, &change, ready, back, live)?;
    point("gate.applied")?;
    swap::demand_exact(session, &ctx.settings.schema, &copy)?;
    staging::drop_schema(session, &staged.schema)?;
    Ok(Live { strategy: Strategy::Swap, previous_schema: Some(before), locked_ms, followed: true })
}

/// What is remembered for the way back.
struct Back {
    /// Without where in the log that is.
    undo: UndoState,
    /// Whether the tables that were live are the migrated ones.
    undone: bool,
}

/// Follows, compares, and swaps under the lock that the last rows need. Gives how long others
/// waited, in milliseconds.
fn exchange(
    held: &Held<'_>,
    session: &mut Session,
    change: &Swap<'_>,
    ready: Ready,
    mut back: Back,
    live: &mut bool,
) -> Result<u64> {
    let (ctx, store) = (held.ctx(), held.store());
    let columns = columns(&ready.pairs);
    let mut follow =
        begin(ctx, held.server(), session, change.sides.staging, ready).map_err(untouched)?;
    let mut outside = Outside::open(held)?;
    if let Err(error) = approach(ctx, &mut follow, session, &mut outside) {
        // The session may be what failed.
        follow.end(session).ok();
        return Err(untouched(error));
    }
    let earlier = store.undo_as_it_is()?;
    *live = true;
    let mut tries = 0;
    let swapped = loop {
        let mut guard = |session: &mut Session| {
            outside.demand_nothing_points_here()?;
            follow.finish(session).map_err(untouched)?;
            let position = follow.equal_at().context("both sides were not found equal")?;
            // From here on, what this session defines is this swap.
            session.track_gtids()?;
            back.undo.log = Some(LogMark {
                position: position.to_string(),
                own: Vec::new(),
                columns: columns.clone(),
                undone: back.undone,
            });
            store.write_undo(held.lock(), &back.undo)?;
            point("gate.remembered")
        };
        let swapped = swap::execute(held, session, change, Some(&mut guard));
        let Err(error) = &swapped else { break swapped };
        // 1205: others held the tables. Or too much was left for the time under the lock.
        let again = code(error) == Some(1205) || follow.was_behind();
        if !again || tries >= ctx.settings.policy.restore.lock_retries {
            break swapped;
        }
        let next =
            clock::until(Instant::now(), locks::pause(tries)).map_err(Into::into).and_then(|()| {
                follow.catch_up(session, &mut |_| ())?;
                follow.compare_touched(session, &mut |_| ())
            });
        if let Err(error) = next {
            break Err(untouched(error));
        }
        tries += 1;
    };
    let locked_ms = match swapped {
        Ok(locked_ms) => locked_ms,
        Err(error) => {
            if inventory::schema_exists(session, change.sides.before).is_ok_and(|there| !there) {
                store.put_undo(held.lock(), earlier.as_deref())?;
            }
            follow.end(session).ok();
            return Err(error);
        }
    };
    if let Some(mark) = &mut back.undo.log {
        mark.own = session.own_gtids().unwrap_or_default();
        store.write_undo(held.lock(), &back.undo)?;
    }
    // The tables have moved: whatever else goes wrong, that is what is told.
    if let Err(error) = follow.end(session) {
        ctx.ui.warn(format!("{error:#}"));
    }
    Ok(locked_ms)
}

/// A failure before anything was done to the live schema: that is what is said first. The details
/// can hold values, and are not on the first line.
fn untouched(error: anyhow::Error) -> anyhow::Error {
    let known = find_stop(&error).map(|stop| stop.code);
    if matches!(known, Some(ExitCode::GateRefused | ExitCode::Interrupted)) {
        return error;
    }
    let why = find_stop(&error).map_or_else(|| said(&error), |stop| stop.message.clone());
    let mut hints = find_stop(&error).map(|stop| stop.hints.clone()).unwrap_or_default();
    if hints.is_empty() {
        let again = "Run the command again: its backup begins with what is there then.";
        hints.push(again.to_owned());
    }
    let stop = ::follow::refused(format!("reading or applying what others wrote failed:\n  {why}"));
    let stop = hints.iter().fold(stop, |stop, hint| stop.hint(hint));
    error.context(stop)
}

/// Sessions that look at the live schema while its tables are locked by another one.
struct Outside<'a> {
    held: &'a Held<'a>,
    migrator: Session,
    reader: Session,
}

impl<'a> Outside<'a> {
    fn open(held: &'a Held<'_>) -> Result<Self> {
        let (ctx, server) = (held.ctx(), held.server());
        let migrator = ctx.session(server, Role::Migrate, None)?;
        let reader = ctx.session(server, Role::Restore, None)?.read_only()?;
        Ok(Self { held, migrator, reader })
    }

    /// A foreign key of another schema would go with the old tables.
    fn demand_nothing_points_here(&mut self) -> Result<()> {
        let schema = &self.held.ctx().settings.schema;
        match unchanged::keys_from_outside(&mut self.migrator, schema)? {
            None => Ok(()),
            Some(key) => Err(::follow::refused(format!(
                "a foreign key of {key} points at `{schema}` and would follow the old tables"
            ))
            .into()),
        }
    }
}

/// Under which names each side has the columns of both.
fn columns(pairs: &Pairs) -> BTreeMap<String, BTreeMap<String, String>> {
    let of_pair = |pair: &::follow::Pair| {
        let names = pair.columns.iter().map(|it| (it.source.to_lowercase(), it.target.clone()));
        (pair.table.clone(), names.collect())
    };
    pairs.pairs.iter().map(of_pair).collect()
}

fn begin(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    target: &str,
    ready: Ready,
) -> Result<Follow> {
    let Ready { sides, pairs, keys, from, own, state } = ready;
    let source = &ctx.settings.schema;
    let reader = ctx.session(server, Role::Log, None)?;
    let task = Task { source, target, sides, pairs, keys, from, own, state };
    Follow::begin(session, reader, task, options(ctx))
}

/// How this run reads; the server knows it by a number of its own.
fn options(ctx: &Ctx) -> Options {
    let place = format!("{} {}", ctx.settings.root.display(), ctx.settings.schema);
    Options::new(log::server_id(&place, &format!("follow {}", std::process::id())))
}

/// Takes the copy to the present and compares it, while others write.
fn approach(
    ctx: &Ctx,
    follow: &mut Follow,
    session: &mut Session,
    outside: &mut Outside<'_>,
) -> Result<()> {
    ctx.ui.step(Step::Follow, "following what others write");
    let mut bar = ctx.ui.bar("follow", Total::Unknown);
    let mut report = |progress: &Progress| {
        let line = format!("{} transactions behind", progress.behind);
        bar.set(0, progress.rows, &line);
    };
    follow.catch_up(session, &mut report)?;
    point("gate.caught_up")?;
    follow.prove(session, &mut report)?;
    bar.done();
    // Definitions that changed without a trace in the log.
    follow.demand_same_shape(&mut outside.reader)?;
    follow.raise_counters(session)?;
    point("gate.followed")
}
