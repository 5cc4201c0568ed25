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
use ::follow::{Follow, GivenUp, Pairs, Progress, Task};
use model::account::Role;
use model::exit::{ExitCode, find_stop};
use model::gate::Strategy;
use model::ident::{qualified, quote};
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
    let definer = ctx.settings.program_definer();
    let sides = by_swap::sides(gate, staged, &copy, &before);
    let source = manifest.label.to_string();
    let change = Swap {
        keep: true,
        once: true,
        ..Swap::of(
            &manifest.server.uuid,
            Sides { owner: Owner::Locked(&definer), ..sides },
            &source,
            Purpose::Migrate,
        )
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
    let back = Back { undo, undone: false, lossless: false };
    let Exchanged { locked_ms, .. } = exchange(gate.held, session, &change, ready, back, live)?;
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
    /// Whether nothing may have been written that has no place in the tables that come.
    lossless: bool,
}

/// Follows, compares, and swaps under the lock that the last rows need.
fn exchange(
    held: &Held<'_>,
    session: &mut Session,
    change: &Swap<'_>,
    ready: Ready,
    mut back: Back,
    live: &mut bool,
) -> Result<Exchanged> {
    let (ctx, store) = (held.ctx(), held.store());
    let columns = columns(&ready.pairs);
    let hint = next(change.purpose, change.source);
    let untouched = |error| untouched(error, &hint);
    without_triggers(session, change)?;
    let mut follow =
        begin(ctx, held.server(), session, change.sides.staging, ready).map_err(&untouched)?;
    let mut outside = Outside::open(held)?;
    if let Err(error) = approach(ctx, &mut follow, session, &mut outside) {
        // The session may be what failed.
        follow.end(session).ok();
        return Err(untouched(error));
    }
    let earlier = store.undo_as_it_is()?;
    *live = true;
    // Where the old tables come back, the file that leads to them stays until they are there.
    let written_before = change.purpose == Purpose::Migrate;
    let mut tries = 0;
    let swapped = loop {
        let mut guard = |session: &mut Session| {
            outside.demand_nothing_points_here()?;
            follow.finish(session).map_err(&untouched)?;
            demand_no_loss(&follow, back.lossless)?;
            let position = follow.equal_at().context("both sides were not found equal")?;
            // From here on, what this session defines is this swap.
            session.track_gtids()?;
            back.undo.log = Some(LogMark {
                position: position.to_string(),
                own: Vec::new(),
                columns: columns.clone(),
                undone: back.undone,
            });
            if written_before {
                store.write_undo(held.lock(), &back.undo)?;
            }
            point("gate.remembered")
        };
        let swapped = swap::execute(held, session, change, Some(&mut guard));
        let Err(error) = &swapped else { break swapped };
        // 1205: others held the tables. Or too much was left for the time under the lock. A
        // failure behind the RENAME is no reason for another try.
        let again = (code(error) == Some(1205) || follow.was_behind())
            && store.read_journal()?.is_none()
            && inventory::schema_exists(session, change.sides.before).is_ok_and(|there| !there);
        if !again || tries >= ctx.settings.policy.restore.lock_retries {
            break swapped;
        }
        if tries == 0 {
            ctx.ui.say(
                "others are using the tables; retrying in short attempts, so that they can go on",
            );
        }
        if let Err(error) = between(&mut follow, session, change, tries) {
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
    // The tables have moved: whatever else goes wrong, that is what is told.
    write_down(held, session, &mut back.undo);
    let given_up = follow.given_up();
    if let Err(error) = follow.end(session) {
        ctx.ui.warn(format!("{error:#}"));
    }
    Ok(Exchanged { locked_ms, given_up })
}

/// Remembers the way back, now that all that the swap itself did is known.
fn write_down(held: &Held<'_>, session: &Session, undo: &mut UndoState) {
    let Some(mark) = &mut undo.log else { return };
    mark.own = session.own_gtids().unwrap_or_default();
    if let Err(error) = held.store().write_undo(held.lock(), undo) {
        held.ctx().ui.warn(format!("`migrate --undo` will refuse: {error:#}"));
    }
}

/// What came of it.
struct Exchanged {
    /// How long others waited, in milliseconds.
    locked_ms: u64,
    /// What was written that the tables which came have no place for.
    given_up: Vec<GivenUp>,
}

/// Between two tries at the lock: the copy goes on following.
fn between(
    follow: &mut Follow,
    session: &mut Session,
    change: &Swap<'_>,
    tries: u32,
) -> Result<()> {
    clock::until(Instant::now(), locks::pause(tries))?;
    without_triggers(session, change)?;
    follow.catch_up(session, &mut |_| ())?;
    follow.compare_touched(session, &mut |_| ())
}

/// They would fire a second time: what they did is in the log. The swap makes them again, and a
/// try at it makes them to see whether it can.
fn without_triggers(session: &mut Session, change: &Swap<'_>) -> Result<()> {
    let Sides { staging, staged, .. } = change.sides;
    staged.trigger_order.iter().try_for_each(|name| {
        session.run(&format!("DROP TRIGGER IF EXISTS {}", qualified(staging, name)))
    })
}

fn demand_no_loss(follow: &Follow, lossless: bool) -> Result<()> {
    let given_up = follow.given_up();
    if !lossless || given_up.is_empty() {
        return Ok(());
    }
    Err(::follow::refused(format!(
        "what was written since to {} has no place in the tables that would come back",
        given_up.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    ))
    .into())
}

/// A failure before anything was done to the live schema: that is what is said first. The details
/// can hold values, and are not on the first line. `hint` is for what has none of its own.
fn untouched(error: anyhow::Error, hint: &str) -> anyhow::Error {
    let known = find_stop(&error).cloned();
    let code = known.as_ref().map(|stop| stop.code);
    if code == Some(ExitCode::Interrupted) {
        return error;
    }
    let (why, hints) = match known {
        Some(stop) if code == Some(ExitCode::GateRefused) => {
            let hinted = !stop.hints.is_empty();
            return if hinted { error } else { error.context(stop.hint(hint)) };
        }
        Some(stop) => (stop.message, stop.hints),
        None => (said(&error), Vec::new()),
    };
    let stop = ::follow::refused(format!("reading or applying what others wrote failed:\n  {why}"));
    let stop = hints.iter().fold(stop, |stop, hint| stop.hint(hint));
    error.context(if hints.is_empty() { stop.hint(hint) } else { stop })
}

/// What to do after a failure that says nothing about it.
fn next(purpose: Purpose, backup: &str) -> String {
    match purpose {
        Purpose::Undo => format!(
            "Run the command again. If it says the same, `cargo xtask db-restore {backup}` \
             restores that state and loses what was written since."
        ),
        _ => "Run the command again: its backup begins with what is there then.".to_owned(),
    }
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

    /// A server can keep a schema out of its log. Where nothing of this one was in it, the tool
    /// does something there that is logged and changes nothing, and looks for it.
    fn demand_logged(&self, follow: &mut Follow, session: &mut Session) -> Result<()> {
        if follow.has_seen() {
            return Ok(());
        }
        let schema = &self.held.ctx().settings.schema;
        session.run(&format!("USE {}", quote(schema)))?;
        session.run(&format!("ANALYZE TABLE {}", qualified(schema, "_sqlx_migrations")))?;
        follow.catch_up(session, &mut |_| ())?;
        if follow.has_seen() {
            return Ok(());
        }
        Err(::follow::refused(format!("the server's log does not hold what is done in `{schema}`"))
            .hint("binlog_do_db and binlog_ignore_db keep schemas out of it.")
            .hint("`--strategy in-place` does not depend on the log.")
            .into())
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
    outside.demand_logged(follow, session)?;
    follow.raise_counters(session)?;
    point("gate.followed")
}
