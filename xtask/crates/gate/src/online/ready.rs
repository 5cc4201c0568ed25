//! Whether a copy can follow what others write, and from where: found out before anything is
//! changed for it.

use anyhow::Result;

use crate::state::Pending;
use crate::{Gate, state};
use ::follow::{Lineage, Pairs, Tables, columns, demand_cascades, pair_up};
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
    pub(super) sides: [Tables; 2],
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
    paired(session, place, &OfShape(shape), Log { state, from, own: GtidSet::default() })
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
    lineage: &dyn Lineage,
    log: Log,
) -> Result<Result<Ready, String>> {
    let Log { state, from, own } = log;
    let source = columns::read(session, live)?;
    let target = columns::read(session, schema)?;
    let pairs = pair_up(&source, &target, lineage);
    let keys = log::keys(session, live)?;
    Ok(pairs.and_then(|pairs| {
        demand_keys(&pairs, &keys)?;
        if !state.logs_cascades {
            demand_cascades(&source, &pairs)?;
        }
        Ok(Ready { sides: [source, target], pairs, keys, from, own, state })
    }))
}

/// What the migrations say became of tables and columns.
struct OfShape(Shape);

impl Lineage for OfShape {
    fn source_of(&self, table: &str, column: &str) -> Option<String> {
        self.0.source_of(table, column)
    }

    fn is_dropped(&self, table: &str) -> bool {
        self.0.is_dropped(table)
    }

    fn is_gone(&self, table: &str, column: &str) -> bool {
        self.0.is_gone(table, column)
    }
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
    if !state.writes_rows {
        return Err("the server's log has statements instead of rows (binlog_format)".to_owned());
    }
    // Other members write, too, and a lock here does not stop them.
    let sql = "SHOW GLOBAL VARIABLES LIKE 'group_replication_single_primary_mode'";
    let group: Option<(String, String)> =
        session.first(sql).map_err(|error| format!("{error:#}"))?;
    match group {
        Some((_, on)) if !on.eq_ignore_ascii_case("ON") => {
            Err("the server is in a group with several primaries".to_owned())
        }
        _ => Ok(state),
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

/// Whether a swap of this kind is all or nothing on a server.
pub(super) fn supported(flavour: Flavour) -> Result<(), String> {
    match flavour {
        Flavour::Mysql => Ok(()),
        Flavour::Mariadb => Err("MariaDB ends the lock just before the tables change places, so \
                                 that a write could get lost in between"
            .to_owned()),
    }
}
