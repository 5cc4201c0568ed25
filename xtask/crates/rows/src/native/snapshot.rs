//! One consistent view of the schema over several connections, without RELOAD.
//!
//! A session of its own holds `LOCK TABLES … READ` on every table while the readers
//! open their snapshots. Its answer means: no transaction that wrote to these tables
//! is open, and none can commit until the lock goes. So all snapshots see the same
//! rows, whatever happens in other schemas. With one reader no lock is needed.
//!
//! A snapshot shows old rows, but the present definitions: an `EXCHANGE PARTITION` or a
//! `RENAME` after it would show another table's rows without an error. So each reader
//! opens every table (reading nothing) as part of its transaction: from then on until
//! the dump ends, DDL on these tables waits.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use model::facts::{Flavour, LogPosition};
use model::ident::qualified;
use model::inventory::Inventory;
use server::session::{code, has_no_room, said};
use server::wire::{Patience, Wire};
use server::{Near, Session, facts};
use sys::clock;
use sys::fault::point;

/// How long `LOCK TABLES` may wait, in seconds; the server knows nothing shorter. While it
/// waits, writers wait behind it, so it is asked for once where one reader would do, too.
const LOCK_WAIT_S: u32 = 1;
/// The pauses between tries where there is no way without the lock; writers go on meanwhile.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// A session on the server; more are opened like it.
    pub session: &'a Session,
    pub schema: &'a str,
    pub flavour: Flavour,
    /// A shorter route to the server, and the server's identity to confirm that it is the same one.
    pub near: Option<(&'a Near, &'a str)>,
}

/// Readers that see the same rows.
#[derive(Debug)]
pub struct Snapshot {
    /// At least one.
    pub readers: Vec<Wire>,
    /// Every change up to here that touched the schema is in it.
    pub position: LogPosition,
    /// Holds the lock, where tables have no transactions and are read under it.
    pub lock: Option<Wire>,
    /// What the user should know, for example why there is only one reader.
    pub notes: Vec<String>,
}

/// Opens a snapshot with up to `readers` connections. Where tables have no transactions,
/// the lock stays until all is read.
pub fn open(
    place: Place<'_>,
    inventory: &Inventory,
    readers: usize,
    patience: &Patience,
) -> Result<Snapshot> {
    let hold = !inventory.non_transactional().is_empty();
    let tables: Vec<&str> = inventory.tables.keys().map(String::as_str).collect();
    let mut notes = Vec::new();
    let place = demand_near(place, patience);
    let mut wires = logins(place, readers, patience, &mut notes)?;
    let mut lock = None;
    if (wires.len() > 1 || hold) && !tables.is_empty() {
        lock = locked(place, &tables, hold, patience, &mut notes)?;
        if lock.is_none() {
            wires.truncate(1);
        }
    }
    // Read before the first snapshot opens: what is committed later is either in another
    // schema, or is not in the snapshot.
    let position = match &mut lock {
        Some(wire) => position(wire, place.flavour),
        // It moves before the commit is seen; only a lock makes the two agree.
        None if place.flavour == Flavour::Mariadb => {
            LogPosition::Unknown { reason: "read over one connection, without a lock".to_owned() }
        }
        None => position(&mut wires[0], place.flavour),
    };
    point("snapshot.locked")?;
    let opening = opening(place.schema, &tables);
    for wire in &mut wires {
        wire.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        if lock.is_some() {
            wire.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
            opening.iter().try_for_each(|sql| wire.run(sql))?;
        } else {
            // Nobody waits for us here: how long we wait for a lock, the stall says.
            wire.run("SET SESSION lock_wait_timeout = 86400")?;
            // The tables first: the snapshot comes with the first row that is read.
            wire.run("START TRANSACTION READ ONLY")?;
            opening.iter().try_for_each(|sql| wire.run(sql))?;
            if let Some(table) = tables.first() {
                wire.run(&format!("SELECT 1 FROM {} LIMIT 1", qualified(place.schema, table)))?;
            }
        }
    }
    if !hold && let Some(mut wire) = lock.take() {
        // On the connection that holds it: were that gone, so would be the lock, and
        // this would fail.
        wire.run("UNLOCK TABLES").context("the lock was lost while the snapshots opened")?;
    }
    Ok(Snapshot { readers: wires, position, lock, notes })
}

/// As many connections as asked for, or as the server gives; at least one.
fn logins(
    place: Place<'_>,
    readers: usize,
    patience: &Patience,
    notes: &mut Vec<String>,
) -> Result<Vec<Wire>> {
    let mut wires = vec![login(place, patience)?];
    while wires.len() < readers.max(1) {
        match login(place, patience) {
            Ok(wire) => wires.push(wire),
            Err(error) if has_no_room(&error) => {
                notes.push(format!(
                    "{} connections instead of {readers}: {}",
                    wires.len(),
                    said(&error)
                ));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(wires)
}

/// The session with the lock; `None` where one reader has to do. With `hold` there is
/// no way without it.
fn locked(
    place: Place<'_>,
    tables: &[&str],
    hold: bool,
    patience: &Patience,
    notes: &mut Vec<String>,
) -> Result<Option<Wire>> {
    let pauses: &[Duration] = if hold { &PAUSES } else { &[] };
    match fence(place, tables, patience, pauses) {
        Ok(mut wire) => {
            if !hold && prepared_elsewhere(&mut wire, place.flavour) {
                let why = "using one connection: a prepared XA transaction can commit at any \
                moment";
                notes.push(why.to_owned());
                return Ok(None);
            }
            Ok(Some(wire))
        }
        Err(error) if hold => {
            Err(error.context("tables without transactions must be locked for a backup"))
        }
        Err(error) => {
            notes.push(format!(
                "using one connection: the tables could not be locked for a moment: {}",
                said(&error)
            ));
            Ok(None)
        }
    }
}

/// Statements that open every table and read no row.
fn opening(schema: &str, tables: &[&str]) -> Vec<String> {
    const AT_ONCE: usize = 50;
    let open = |table: &&str| format!("(SELECT 1 FROM {} LIMIT 0)", qualified(schema, table));
    let each = tables.chunks(AT_ONCE);
    each.map(|some| some.iter().map(open).collect::<Vec<_>>().join(" UNION ALL ")).collect()
}

/// MariaDB commits a prepared XA transaction whose client is gone under our lock.
fn prepared_elsewhere(wire: &mut Wire, flavour: Flavour) -> bool {
    flavour == Flavour::Mariadb && !matches!(wire.first("XA RECOVER"), Ok(None))
}

/// How long the shorter way may take to connect: it is there, or it is not.
const CONNECT_NEAR: Duration = Duration::from_millis(200);

/// Leaves the shorter way out where it does not lead to the same server.
fn demand_near<'a>(mut place: Place<'a>, patience: &Patience) -> Place<'a> {
    place.near = place.near.filter(|(near, uuid)| {
        let patience = Patience { connect: CONNECT_NEAR, ..patience.clone() };
        let wire = Wire::open_at(near, place.session, place.schema, &patience);
        let row = wire.and_then(|mut wire| wire.first(facts::identity_query(place.flavour)));
        matches!(row, Ok(Some(row)) if row.first().is_some_and(|id| id.as_deref() == Some(uuid.as_bytes())))
    });
    place
}

fn login(place: Place<'_>, patience: &Patience) -> Result<Wire> {
    match place.near {
        // The server may have forgotten the password since: the published port takes it.
        Some((near, _)) => Wire::open_at(near, place.session, place.schema, patience)
            .or_else(|_| Wire::open(place.session, place.schema, patience)),
        None => Wire::open(place.session, place.schema, patience),
    }
}

fn fence(
    place: Place<'_>,
    tables: &[&str],
    patience: &Patience,
    pauses: &[Duration],
) -> Result<Wire> {
    let mut wire = login(place, patience)?;
    wire.run(&format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_S}"))?;
    let list: Vec<String> =
        tables.iter().map(|table| format!("{} READ", qualified(place.schema, table))).collect();
    let sql = format!("LOCK TABLES {}", list.join(", "));
    let mut pauses = pauses.iter();
    while let Err(error) = wire.run(&sql) {
        // 1205: someone's transaction still holds one of them.
        let again = pauses.next().filter(|_| code(&error) == Some(1205));
        let Some(pause) = again else { return Err(error) };
        clock::until(Instant::now(), *pause)?;
    }
    ensure!(wire.first("SELECT 1")?.is_some(), "the session with the lock does not answer");
    Ok(wire)
}

/// As [`server::facts::log_position`], over the wire.
fn position(wire: &mut Wire, flavour: Flavour) -> LogPosition {
    let mut ask = |sql: &str| -> Result<Option<String>> {
        let row = wire.first(sql)?;
        let value = row.and_then(|row| row.into_iter().next()).flatten();
        Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let unknown = |reason: String| LogPosition::Unknown { reason };
    match flavour {
        Flavour::Mysql => match ask("SELECT @@global.gtid_mode = 'ON' AND @@global.log_bin") {
            Ok(Some(on)) if on == "1" => match ask("SELECT @@global.gtid_executed") {
                Ok(set) => LogPosition::Gtid { set: set.unwrap_or_default().replace('\n', "") },
                Err(error) => unknown(said(&error)),
            },
            Ok(_) => unknown("gtid_mode is not ON, or the binary log is off".to_owned()),
            Err(error) => unknown(said(&error)),
        },
        Flavour::Mariadb => match ask("SELECT @@global.gtid_binlog_pos") {
            Ok(Some(set)) if !set.is_empty() => LogPosition::Gtid { set },
            Ok(_) => unknown("the binary log is off or empty".to_owned()),
            Err(error) => unknown(said(&error)),
        },
    }
}
