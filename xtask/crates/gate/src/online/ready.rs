//! Whether a copy can follow what others write, and from where: found out before anything is
//! changed for it.

use anyhow::Result;

use crate::state::Pending;
use crate::{Gate, state};
use ::follow::{Pairs, SourceOf, Tables, by_primary_key, columns, pair_up};
use binlog::gtid::mysql::GtidSet;
use model::account::Role;
use model::facts::{Flavour, LogPosition};
use model::manifest::Manifest;
use ops::ctx::Ctx;
use plan::migrate::MigrationState;
use server::log::{self, Keys, LogState, Position};
use server::{Server, Session, facts};
use sql::shape::Shape;
use sql::split;

/// A copy that can follow.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(super) pairs: Pairs,
    pub(super) keys: Keys,
    pub(super) from: Position,
    /// Transactions of this tool's own that define tables of the live schema.
    pub(super) own: GtidSet,
    pub(super) state: LogState,
}

/// Whether the rehearsed copy in `schema` can follow, and if not, why (`Err` inside), for people.
///
/// # Errors
/// The server cannot be asked.
pub(crate) fn ready(
    gate: &Gate<'_>,
    session: &mut Session,
    manifest: &Manifest,
    schema: &str,
) -> Result<Result<Ready, String>> {
    let ctx = gate.ctx();
    let shape = match shape(gate.pending) {
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
    let state = match reading(ctx, gate.server()) {
        Ok(state) => state,
        Err(why) => return Ok(Err(why)),
    };
    let from = match from(manifest, &state) {
        Ok(from) => from,
        Err(why) => return Ok(Err(why)),
    };
    let place = (ctx.settings.schema.as_str(), schema);
    let source_of = |table: &str, column: &str| shape.source_of(table, column);
    paired(session, place, &source_of, Log { state, from, own: GtidSet::default() })
}

/// From where the log is read.
pub(super) struct Log {
    pub(super) state: LogState,
    pub(super) from: Position,
    pub(super) own: GtidSet,
}

/// Whether the tables of one schema can follow those of another.
pub(super) fn paired(
    session: &mut Session,
    (live, schema): (&str, &str),
    source_of: SourceOf<'_>,
    log: Log,
) -> Result<Result<Ready, String>> {
    let Log { state, from, own } = log;
    let source = columns::read(session, live)?;
    let target = columns::read(session, schema)?;
    let pairs = pair_up(&source, &target, source_of);
    let keys = log::keys(session, live)?;
    Ok(pairs.and_then(|pairs| {
        demand_keys(&pairs, &keys)?;
        demand_cascades(&source, &pairs, &state)?;
        Ok(Ready { pairs, keys, from, own, state })
    }))
}

/// As far as it is known before there is a copy.
///
/// # Errors
/// The files or the server cannot be read.
pub(crate) fn foreseen(
    ctx: &Ctx,
    server: &Server,
    state: &MigrationState,
) -> Result<Result<(), String>> {
    let pending = state::texts(ctx, state)?;
    let mut session = ctx.session(server, Role::Backup, None)?;
    let flavour = facts::read(&mut session)?.flavour;
    let all = supported(flavour)
        .and_then(|()| shape(&pending).map(drop))
        .and_then(|()| reading(ctx, server).map(drop));
    Ok(all)
}

fn shape(pending: &[Pending]) -> Result<Shape, String> {
    for one in pending {
        Shape::of(split::split(&one.text))
            .map_err(|why| format!("{} {why}, which may change rows", one.name()))?;
    }
    Shape::of(pending.iter().flat_map(|one| split::split(&one.text)))
}

/// Whether the log can be read.
pub(super) fn reading(ctx: &Ctx, server: &Server) -> Result<LogState, String> {
    if !ctx.settings.reads_log() {
        return Err("no account reads the server's log (DB_LOG_USER in .env and `cargo xtask \
                    doctor --fix` make one)"
            .to_owned());
    }
    let mut session = ctx.session(server, Role::Log, None).map_err(|error| format!("{error:#}"))?;
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
fn demand_cascades(source: &Tables, pairs: &Pairs, state: &LogState) -> Result<(), String> {
    if state.logs_cascades {
        return Ok(());
    }
    pairs.acting.iter().try_for_each(|key| {
        by_primary_key(source, key).map_err(|why| {
            format!("a foreign key of `{}` refers to `{}`, {why}", key.child, key.parent)
        })
    })
}

/// Whether a swap of this kind is all or nothing on a server.
pub(super) fn supported(flavour: Flavour) -> Result<(), String> {
    match flavour {
        Flavour::Mysql => Ok(()),
        Flavour::Mariadb => Err("MariaDB ends the lock just before the tables change places, so \
                                 that a write could get lost in between"
            .to_owned()),
    }
}
