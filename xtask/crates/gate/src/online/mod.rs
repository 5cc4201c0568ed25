//! The rehearsed copy takes the place of a live schema that others write to: it follows them by
//! the server's log, is compared while they go on, and is swapped in under a lock that lasts as
//! long as the last few rows need.

mod ready;
pub mod undo;

pub(crate) use ready::{Ready, foreseen, ready};

use std::collections::BTreeMap;

use anyhow::Result;

use crate::rehearse::Rehearsed;
use crate::{Gate, Live, by_swap};
use ::follow::{Follow, Pairs, Progress, Task};
use model::account::Role;
use model::gate::Strategy;
use model::ident::qualified;
use model::manifest::Manifest;
use model::state::{LogMark, SchemaState, UndoState};
use model::swap::Purpose;
use ops::ctx::Ctx;
use ops::held::Held;
use ops::sessions::Pair;
use ops::swap::Swap;
use ops::{staging, swap};
use plan::definer::Owner;
use plan::restore::before_name;
use plan::swap::Sides;
use server::log::{self, Options};
use server::{Server, Session, inventory};
use sys::fault::point;
use ui::{Step, Total};

/// Puts the copy in place.
///
/// # Errors
/// Exit code 20: it could not follow, or compare equal; the live schema was not touched. As
/// [`ops::swap::execute`].
pub(crate) fn go(
    gate: &Gate<'_>,
    pair: &mut Pair,
    rehearsed: &Rehearsed<'_>,
    manifest: &Manifest,
    ready: Ready,
) -> Result<Live> {
    let ctx = gate.ctx();
    let staged = rehearsed.copy().staged();
    let copy = by_swap::migrated(gate, pair.copy(), &staged.schema)?;
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
    let locked_ms = exchange(gate.held, session, &change, ready, undo, false)?;
    point("gate.applied")?;
    swap::demand_exact(session, &ctx.settings.schema, &copy)?;
    staging::drop_schema(session, &staged.schema)?;
    Ok(Live { strategy: Strategy::Swap, previous_schema: Some(before), locked_ms, followed: true })
}

/// Follows, compares, and swaps under the lock that the last rows need. `undo` is remembered with
/// where in the log both were equal; `undone` is what it says of itself. Gives how long others
/// waited, in milliseconds.
fn exchange(
    held: &Held<'_>,
    session: &mut Session,
    change: &Swap<'_>,
    ready: Ready,
    mut undo: UndoState,
    undone: bool,
) -> Result<u64> {
    let (ctx, store) = (held.ctx(), held.store());
    let columns = columns(&ready.pairs);
    let mut follow = begin(ctx, held.server(), session, change.sides.staging, ready)?;
    if let Err(error) = approach(ctx, &mut follow, session) {
        // The session may be what failed.
        follow.end(session).ok();
        return Err(error);
    }
    let earlier = store.undo_as_it_is()?;
    let mut guard = |session: &mut Session| {
        follow.finish(session)?;
        let position = follow.equal_at().map(ToString::to_string).unwrap_or_default();
        // From here on, what this session defines is this swap.
        session.track_gtids()?;
        undo.log = Some(LogMark { position, own: Vec::new(), columns: columns.clone(), undone });
        store.write_undo(held.lock(), &undo)?;
        point("gate.remembered")
    };
    let swapped = swap::execute(held, session, change, Some(&mut guard));
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
    if let Some(mark) = &mut undo.log {
        mark.own = session.own_gtids().unwrap_or_default();
        store.write_undo(held.lock(), &undo)?;
    }
    // The tables have moved: whatever else goes wrong, that is what is told.
    if let Err(error) = follow.end(session) {
        ctx.ui.warn(format!("{error:#}"));
    }
    Ok(locked_ms)
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
    let Ready { pairs, keys, from, own, state } = ready;
    let source = &ctx.settings.schema;
    let reader = ctx.session(server, Role::Log, None)?;
    let task = Task { source, target, pairs, keys, from, own, state };
    Follow::begin(session, reader, task, options(ctx))
}

/// How this run reads; the server knows it by a number of its own.
fn options(ctx: &Ctx) -> Options {
    let place = format!("{} {}", ctx.settings.root.display(), ctx.settings.schema);
    Options::new(log::server_id(&place, &format!("follow {}", std::process::id())))
}

/// Takes the copy to the present and compares it, while others write.
fn approach(ctx: &Ctx, follow: &mut Follow, session: &mut Session) -> Result<()> {
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
    point("gate.followed")
}
