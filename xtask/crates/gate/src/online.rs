//! The rehearsed copy takes the place of a live schema that others write to: it follows them by
//! the server's log, is compared while they go on, and is swapped in under a lock that lasts as
//! long as the last few rows need.

use anyhow::Result;

use crate::rehearse::Rehearsed;
use crate::{Gate, Live, by_swap};
use ::follow::{Follow, Pairs, Progress, Task, columns, pair_up};
use model::account::Role;
use model::facts::{Flavour, LogPosition};
use model::gate::Strategy;
use model::ident::qualified;
use model::manifest::Manifest;
use model::state::{LogMark, SchemaState, UndoState};
use model::swap::Purpose;
use ops::ctx::Ctx;
use ops::sessions::Pair;
use ops::swap::Swap;
use ops::{staging, swap};
use plan::definer::Owner;
use plan::restore::before_name;
use server::log::{self, Keys, LogState, Options, Position};
use server::{Session, facts, inventory};
use sql::shape::Shape;
use sql::split;
use sys::fault::point;
use ui::{Step, Total};

/// A copy that can follow.
#[derive(Debug)]
pub struct Ready {
    pairs: Pairs,
    keys: Keys,
    from: Position,
    state: LogState,
}

/// Whether the rehearsed copy in `schema` can follow, and if not, why (`Err` inside), for people.
///
/// # Errors
/// The server cannot be asked.
pub fn ready(
    gate: &Gate<'_>,
    session: &mut Session,
    manifest: &Manifest,
    schema: &str,
) -> Result<Result<Ready, String>> {
    let ctx = gate.ctx();
    let shape = match shape(gate) {
        Ok(shape) => shape,
        Err(why) => return Ok(Err(why)),
    };
    if gate.told.session.time_zone != "+00:00" {
        let why = format!("the API migrates in the time zone {}", gate.told.session.time_zone);
        return Ok(Err(why));
    }
    if let Err(why) = supported(facts::read(session)?.flavour) {
        return Ok(Err(why));
    }
    let state = match reading(gate) {
        Ok(state) => state,
        Err(why) => return Ok(Err(why)),
    };
    let from = match from(manifest, &state) {
        Ok(from) => from,
        Err(why) => return Ok(Err(why)),
    };
    let live = &ctx.settings.schema;
    let source = columns::read(session, live)?;
    let target = columns::read(session, schema)?;
    let pairs = pair_up(&source, &target, &|table, column| shape.source_of(table, column));
    let keys = log::keys(session, live)?;
    Ok(pairs.and_then(|pairs| {
        demand_keys(&pairs, &keys)?;
        demand_cascades(&source, &pairs, &state)?;
        Ok(Ready { pairs, keys, from, state })
    }))
}

fn shape(gate: &Gate<'_>) -> Result<Shape, String> {
    for one in gate.pending {
        Shape::of(split::split(&one.text))
            .map_err(|why| format!("{} {why}, which may change rows", one.name()))?;
    }
    Shape::of(gate.pending.iter().flat_map(|one| split::split(&one.text)))
}

/// Whether the log can be read.
fn reading(gate: &Gate<'_>) -> Result<LogState, String> {
    let ctx = gate.ctx();
    if !ctx.settings.reads_log() {
        return Err("no account reads the server's log (DB_LOG_USER in .env and `cargo xtask \
                    doctor --fix` make one)"
            .to_owned());
    }
    let mut session =
        ctx.session(gate.server(), Role::Log, None).map_err(|error| format!("{error:#}"))?;
    let state = log::state(&mut session).map_err(|error| format!("{error:#}"))?;
    match state.writes_rows {
        true => Ok(state),
        false => Err("the server's log has statements instead of rows (binlog_format)".to_owned()),
    }
}

/// Where the backup was taken.
fn from(manifest: &Manifest, state: &LogState) -> Result<Position, String> {
    if manifest.server.uuid != state.identity {
        return Err("the backup is of another server".to_owned());
    }
    match &manifest.log_position {
        LogPosition::Unknown { reason } => {
            Err(format!("where in the server's log the backup was taken is unknown: {reason}"))
        }
        LogPosition::Gtid { set } => Position::parse(state.flavour, set)
            .ok_or_else(|| format!("`{set}` is no position in the server's log")),
    }
}

fn demand_keys(pairs: &Pairs, keys: &Keys) -> Result<(), String> {
    let without = keys.without_key().find(|table| pairs.of(table).is_some());
    without.map_or(Ok(()), |table| {
        Err(format!("the primary key of `{table}` is of a type that is not read from the log"))
    })
}

/// Where the server changes children without saying so, they must be found by their parents.
fn demand_cascades(
    source: &::follow::Tables,
    pairs: &Pairs,
    state: &LogState,
) -> Result<(), String> {
    if state.logs_cascades {
        return Ok(());
    }
    pairs.acting.iter().try_for_each(|key| {
        ::follow::by_primary_key(source, key).map_err(|why| {
            format!("a foreign key of `{}` refers to `{}`, {why}", key.child, key.parent)
        })
    })
}

/// Puts the copy in place.
///
/// # Errors
/// Exit code 20: it could not follow, or compare equal; the live schema was not touched. As
/// [`ops::swap::execute`].
pub fn go(
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
    let mut follow = begin(gate, session, &staged.schema, ready)?;
    if let Err(error) = approach(ctx, &mut follow, session) {
        follow.end(session).ok();
        return Err(error);
    }
    point("gate.followed")?;
    let earlier = gate.held.store().undo_as_it_is()?;
    let mut undo = remembered(gate, manifest, &before, &copy);
    let mut guard = |session: &mut Session| {
        follow.finish(session)?;
        let Some(position) = follow.equal_at() else { return Ok(()) };
        // From here on, what this session defines is this swap.
        session.track_gtids()?;
        undo.log = Some(LogMark { position: position.to_string(), own: Vec::new() });
        gate.held.store().write_undo(gate.held.lock(), &undo)?;
        point("gate.remembered")
    };
    let definer = ctx.settings.program_definer();
    let sides = by_swap::sides(gate, staged, &copy, &before);
    let change = Swap {
        server_uuid: &manifest.server.uuid,
        sides: plan::swap::Sides { owner: Owner::Locked(&definer), ..sides },
        source: &manifest.label.to_string(),
        purpose: Purpose::Migrate,
        enable: Vec::new(),
        beside: false,
        unsaved: &[],
    };
    let swapped = swap::execute(gate.held, session, &change, Some(&mut guard));
    let locked_ms = match swapped {
        Ok(locked_ms) => locked_ms,
        Err(error) => {
            if inventory::schema_exists(session, &before).is_ok_and(|there| !there) {
                gate.held.store().put_undo(gate.held.lock(), earlier.as_deref())?;
            }
            follow.end(session).ok();
            return Err(error);
        }
    };
    let own = session.own_gtids().unwrap_or_default();
    point("gate.applied")?;
    if let Some(mark) = &mut undo.log {
        mark.own = own;
        gate.held.store().write_undo(gate.held.lock(), &undo)?;
    }
    follow.end(session)?;
    swap::demand_exact(session, &ctx.settings.schema, &copy)?;
    staging::drop_schema(session, &staged.schema)?;
    Ok(Live { strategy: Strategy::Swap, previous_schema: Some(before), locked_ms })
}

fn begin(gate: &Gate<'_>, session: &mut Session, target: &str, ready: Ready) -> Result<Follow> {
    let ctx = gate.ctx();
    let Ready { pairs, keys, from, state } = ready;
    let source = &ctx.settings.schema;
    let reader = ctx.session(gate.server(), Role::Log, None)?;
    let task = Task { source, target, pairs, keys, from, own: Default::default(), state };
    Follow::begin(session, reader, task, options(ctx))
}

/// How this run reads; the server knows it by a number of its own.
fn options(ctx: &Ctx) -> Options {
    let place = format!("{} {}", ctx.settings.root.display(), ctx.settings.schema);
    Options::new(log::server_id(&place, &format!("follow {}", std::process::id())))
}

/// Takes the copy to the present and compares it, while others write.
fn approach(ctx: &Ctx, follow: &mut Follow, session: &mut Session) -> Result<()> {
    ctx.ui.step(Step::Live, "following what others write");
    let mut bar = ctx.ui.bar("follow", Total::Unknown);
    let mut report = |progress: &Progress| {
        let line = format!("{} transactions behind", progress.behind);
        bar.set(0, progress.rows, &line);
    };
    follow.catch_up(session, &mut report)?;
    point("gate.caught_up")?;
    follow.prove(session, &mut report)?;
    bar.done();
    Ok(())
}

fn remembered(
    gate: &Gate<'_>,
    manifest: &Manifest,
    before: &str,
    copy: &model::inventory::Inventory,
) -> UndoState {
    // What the tables hold is not known by digests: nothing equals these.
    let unknown = || SchemaState { fingerprint: String::new(), tables: Vec::new() };
    UndoState {
        version: 2,
        server: manifest.server.uuid.clone(),
        schema: gate.ctx().settings.schema.clone(),
        previous_schema: before.to_owned(),
        backup: manifest.label.clone(),
        migrations: gate.names(),
        old: gate.before.clone(),
        old_state: unknown(),
        new: copy.clone(),
        new_state: unknown(),
        log: None,
    }
}

/// Whether a swap of this kind is all or nothing on a server.
pub fn supported(flavour: Flavour) -> Result<(), String> {
    match flavour {
        Flavour::Mysql => Ok(()),
        Flavour::Mariadb => Err("MariaDB ends the lock just before the tables change places, so \
                                 that a write could get lost in between"
            .to_owned()),
    }
}
