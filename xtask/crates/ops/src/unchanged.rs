//! Whether anything wrote to the live schema since its backup: asked of the server's
//! log where that can say, else of every row.

use anyhow::Result;

use crate::ctx::Ctx;
use model::facts::{Flavour, LogPosition};
use model::gate::Evidence;
use model::ident::literal;
use model::inventory::Inventory;
use model::manifest::Manifest;
use model::state::{SchemaState, TableState};
use report::human;
use rows::content;
use server::session::code;
use server::{Session, facts, inventory};
use sql::fingerprint;
use ui::Total;

/// `_sqlx_migrations` without the columns that differ from run to run.
const BOOKED: [&str; 4] = ["version", "description", "success", "checksum"];

/// What a backup says about its schema.
pub fn of_backup(manifest: &Manifest) -> SchemaState {
    let tables = manifest.tables.iter().map(|table| TableState {
        name: table.name.clone(),
        columns: table.columns.clone(),
        exact_floats: table.exact_floats.clone(),
        rows: table.rows,
        digest: table.digest.clone(),
        auto_increment: table.auto_increment,
    });
    SchemaState { fingerprint: manifest.schema_fingerprint.clone(), tables: tables.collect() }
}

/// Reads the state of a schema whose definitions are known. With `booked_only`,
/// when the migrations were booked and how long they took does not count.
///
/// # Errors
/// A table cannot be read.
pub fn of_schema(
    ctx: &Ctx,
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
    booked_only: bool,
) -> Result<SchemaState> {
    let mut bar = ctx.ui.bar("digest", Total::Unknown);
    let mut tables = Vec::new();
    let mut done = 0;
    for (name, table) in &inventory.tables {
        let mut columns = table.columns.clone();
        if booked_only && name == "_sqlx_migrations" {
            columns.retain(|column| BOOKED.contains(&column.as_str()));
        }
        let floats = table.float_columns.clone();
        let digest = content::digest_table(session, schema, name, &columns, &floats, &mut |n| {
            bar.set(0, done + n, name);
        })?;
        done += digest.rows;
        tables.push(TableState {
            name: name.clone(),
            columns,
            exact_floats: floats,
            rows: digest.rows,
            digest: digest.hex(),
            auto_increment: table.auto_increment,
        });
    }
    bar.done();
    Ok(SchemaState { fingerprint: fingerprint::schema(inventory), tables })
}

/// Whether the server's log holds nothing since the backup but `own`. `false` where
/// it cannot say.
///
/// # Errors
/// The server cannot be asked.
pub fn by_gtids(session: &mut Session, manifest: &Manifest, own: &[&str]) -> Result<bool> {
    let LogPosition::Gtid { set } = &manifest.log_position else { return Ok(false) };
    let now = facts::read(session)?;
    // The log of another server says nothing, and MariaDB's is a position, no set.
    if now.flavour != Flavour::Mysql || now.uuid != manifest.server.uuid {
        return Ok(false);
    }
    if !matches!(facts::log_position(session, now.flavour), LogPosition::Gtid { .. }) {
        return Ok(false);
    }
    let known: Vec<&str> = std::iter::once(set.as_str())
        .chain(own.iter().copied())
        .filter(|s| !s.is_empty())
        .collect();
    // The set of the backup must still be there: a log that was reset grows anew.
    let sql = format!(
        "SELECT GTID_SUBSET({}, @@global.gtid_executed) \
         AND GTID_SUBTRACT(@@global.gtid_executed, {}) = ''",
        literal(set),
        literal(&known.join(","))
    );
    session.value::<bool>(&sql)
}

/// What the live schema is compared with.
#[derive(Debug)]
pub struct Basis<'a> {
    /// The backup.
    pub manifest: &'a Manifest,
    /// The GTIDs of everything that this run did on the server; `None` where unknown.
    pub own: Option<Vec<String>>,
}

/// Looks at the live schema before its tables are locked: what the log says is compared
/// with the rows, too, as far as those are few enough. A session without a log, or a
/// filter of the log, leaves no trace in it.
///
/// # Errors
/// The server cannot be asked.
pub fn look_twice(
    ctx: &Ctx,
    session: &mut Session,
    reader: &mut Session,
    basis: &Basis<'_>,
) -> Result<Evidence> {
    if !log_says_unchanged(session, basis)? {
        return by_rows(ctx, session, reader, basis);
    }
    if basis.manifest.rows > ctx.settings.policy.gate.compare_rows {
        return Ok(Evidence::Unchanged(BY_LOG.to_owned()));
    }
    Ok(match by_rows(ctx, session, reader, basis)? {
        Evidence::Unchanged(rows) => Evidence::Unchanged(format!("{BY_LOG}, {rows}")),
        Evidence::Changed(what) => {
            Evidence::Changed(format!("{what}; the server's log does not contain it"))
        }
        unknown @ Evidence::Unknown(_) => unknown,
    })
}

/// How evidence from the log is told.
const BY_LOG: &str = "by the server's GTIDs";

/// Looks at the live schema. `session` may hold its tables under lock; `reader` is
/// another one.
///
/// # Errors
/// The server cannot be asked.
pub fn look(
    ctx: &Ctx,
    session: &mut Session,
    reader: &mut Session,
    basis: &Basis<'_>,
) -> Result<Evidence> {
    if log_says_unchanged(session, basis)? {
        return Ok(Evidence::Unchanged(BY_LOG.to_owned()));
    }
    by_rows(ctx, session, reader, basis)
}

fn log_says_unchanged(session: &mut Session, basis: &Basis<'_>) -> Result<bool> {
    let Some(own) = &basis.own else { return Ok(false) };
    // What the session did since, too.
    let since = session.own_gtids().unwrap_or_default();
    let own: Vec<&str> = own.iter().chain(&since).map(String::as_str).collect();
    by_gtids(session, basis.manifest, &own)
}

fn by_rows(
    ctx: &Ctx,
    session: &mut Session,
    reader: &mut Session,
    basis: &Basis<'_>,
) -> Result<Evidence> {
    let schema = &ctx.settings.schema;
    let rows = basis.manifest.rows;
    let most = ctx.settings.policy.gate.compare_rows;
    if rows > most {
        return Ok(Evidence::Unknown(format!(
            "the server's log cannot say, and {} are more than gate.compare_rows ({})",
            human::count(rows, "row"),
            human::thousands(most)
        )));
    }
    let live = inventory::read(reader, schema)?;
    let different = differences(session, schema, &live, &of_backup(basis.manifest))?;
    Ok(if different.is_empty() {
        Evidence::Unchanged(format!("{} compared", human::count(rows, "row")))
    } else {
        Evidence::Changed(different.join("; "))
    })
}

/// As [`differences`], of rows alone: whatever became of the definitions.
///
/// # Errors
/// A table cannot be read.
pub fn rows_differing(
    session: &mut Session,
    schema: &str,
    live: &Inventory,
    wanted: &SchemaState,
) -> Result<Vec<String>> {
    let wanted = SchemaState { fingerprint: fingerprint::schema(live), ..wanted.clone() };
    differences(session, schema, live, &wanted)
}

/// What in a schema is not as it should be, a line a table.
///
/// # Errors
/// A table cannot be read.
pub fn differences(
    session: &mut Session,
    schema: &str,
    live: &Inventory,
    wanted: &SchemaState,
) -> Result<Vec<String>> {
    if fingerprint::schema(live) != wanted.fingerprint {
        return Ok(vec!["the definitions differ".to_owned()]);
    }
    let mut out = Vec::new();
    for table in &wanted.tables {
        let (columns, floats) = (&table.columns, &table.exact_floats);
        let found =
            content::digest_table(session, schema, &table.name, columns, floats, &mut |_| {})?;
        if found.rows != table.rows {
            let (now, then) = (human::thousands(found.rows), human::thousands(table.rows));
            out.push(format!("`{}` has {now} rows, {then} before", table.name));
        } else if found.hex() != table.digest {
            out.push(format!("`{}` has other rows than before", table.name));
        } else if let Some(facts) = live.tables.get(&table.name)
            && counter(facts.auto_increment) != counter(table.auto_increment)
        {
            out.push(format!("`{}` has given out other ids since", table.name));
        }
    }
    Ok(out)
}

/// An empty table's counter is told in several ways.
fn counter(value: Option<u64>) -> u64 {
    value.unwrap_or(1)
}

/// Tables of other schemas whose foreign keys point here: they would follow the old
/// tables. Asked with an account that may see them.
///
/// # Errors
/// The server cannot be asked.
pub fn keys_from_outside(session: &mut Session, schema: &str) -> Result<Option<String>> {
    let flavour = facts::read(session)?.flavour;
    let view = match flavour {
        Flavour::Mysql => "INNODB_FOREIGN",
        Flavour::Mariadb => "INNODB_SYS_FOREIGN",
    };
    // Names are written as schema/table, in the file system's spelling.
    let inside = literal(&format!("{}/%", schema.replace('\\', "\\\\").replace('_', "\\_")));
    let sql = format!(
        "SELECT FOR_NAME FROM information_schema.{view} \
         WHERE REF_NAME LIKE {inside} AND FOR_NAME NOT LIKE {inside} LIMIT 1"
    );
    match session.first::<(String,)>(&sql) {
        Ok(found) => Ok(found.map(|(name,)| name)),
        // 1227: the right PROCESS is missing.
        Err(error) if code(&error) == Some(1227) => {
            Ok(Some("a table of another schema (it cannot be seen without PROCESS)".to_owned()))
        }
        Err(error) => Err(error),
    }
}
