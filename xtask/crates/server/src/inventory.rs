//! Reads everything a schema contains, in a form that can be compared and
//! created again elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use mysql_common::prelude::FromValue;
use mysql_common::{Row, Value};

use super::definition::{
    split_auto_increment, without_default_completion, without_definer, without_implied_charset,
    without_own_schema, without_schema,
};
use super::session::{Session, code, said};
use model::exit::{ExitCode, Stop};
use model::ident::{literal, qualified, quote};
use model::inventory::{BrokenView, Inventory, ObjectKind, Program, TableFacts};

/// Whether the schema exists and this account may see it.
pub fn schema_exists(session: &mut Session, schema: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal(schema)
    );
    Ok(session.value::<u64>(&sql)? > 0)
}

/// Names of the schemas that begin with `prefix`, sorted.
pub fn schemas_with_prefix(session: &mut Session, prefix: &str) -> Result<Vec<String>> {
    let all: Vec<String> =
        session.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1")?;
    Ok(all.into_iter().filter(|name| name.starts_with(prefix)).collect())
}

/// A schema's character set and collation; `None` when there is no such schema.
pub fn defaults(session: &mut Session, schema: &str) -> Result<Option<(String, String)>> {
    session.first(&format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal(schema)
    ))
}

/// Reads the inventory and leaves `schema` as the session's current one.
pub fn read(session: &mut Session, schema: &str) -> Result<Inventory> {
    session.run(&format!("USE {}", quote(schema)))?;
    let (charset, collation) =
        defaults(session, schema)?.with_context(|| format!("schema `{schema}` does not exist"))?;
    let mut inventory = Inventory { charset, collation, ..Inventory::default() };
    tables(session, schema, &mut inventory)?;
    triggers(session, schema, &mut inventory)?;
    routines(session, schema, &mut inventory)?;
    events(session, schema, &mut inventory)?;
    Ok(inventory)
}

fn tables(session: &mut Session, schema: &str, inventory: &mut Inventory) -> Result<()> {
    let mut columns = columns(session, schema)?;
    let sql = format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, TABLE_COMMENT \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} ORDER BY TABLE_NAME",
        literal(schema)
    );
    type Line = (String, String, Option<String>, Option<u64>, Option<u64>, Option<String>);
    let lines: Vec<Line> = session.rows(&sql)?;
    let fragile = fragile(session, schema)?;
    for (name, kind, engine, rows_estimate, bytes_estimate, comment) in lines {
        match kind.as_str() {
            "VIEW" => {
                let names = columns.remove(&name).unwrap_or_default();
                let names = names.into_iter().map(|column| column.name).collect();
                if fragile.contains(&name)
                    && let Some(why) = unreadable(session, schema, &name)?
                {
                    inventory.broken_views.push(not_read(session, schema, &name, why));
                    continue;
                }
                view(session, schema, &name, comment.unwrap_or_default(), names, inventory)?;
            }
            "BASE TABLE" => {
                let (_, ddl, auto_increment) = table(session, schema, &name)?;
                let own = columns.remove(&name).unwrap_or_default();
                let floats = own.iter().filter(|c| c.data_type == "float").map(|c| c.name.clone());
                let facts = TableFacts {
                    ddl,
                    auto_increment,
                    engine: engine.unwrap_or_default(),
                    float_columns: floats.collect(),
                    columns: own.iter().map(|c| c.name.clone()).collect(),
                    types: own.into_iter().map(|c| (c.data_type, c.charset)).collect(),
                    rows_estimate: rows_estimate.unwrap_or(0),
                    bytes_estimate: bytes_estimate.unwrap_or(0),
                };
                inventory.tables.insert(name, facts);
            }
            other => return Err(unlike_a_table(&name, other).into()),
        }
    }
    Ok(())
}

/// What the server lists among its tables, and is none.
fn unlike_a_table(name: &str, kind: &str) -> Stop {
    let (what, hint) = match kind {
        "SEQUENCE" => (
            "a sequence",
            "Use an AUTO_INCREMENT column in its place, or keep it in another schema.".to_owned(),
        ),
        "SYSTEM VERSIONED" => (
            "a system-versioned table",
            format!(
                "A backup would lack its history. Take the versioning away (ALTER TABLE {} DROP \
                 SYSTEM VERSIONING), or keep it in another schema.",
                quote(name)
            ),
        ),
        _ => ("neither a table nor a view", "Keep it in another schema.".to_owned()),
    };
    Stop::new(ExitCode::Store, format!("`{name}` is {what}, which no backup can fully hold"))
        .hint(hint)
}

/// A table's definition: as the server prints it, as [`TableFacts::ddl`] has it, and
/// the next AUTO_INCREMENT value.
pub fn table(
    session: &mut Session,
    schema: &str,
    name: &str,
) -> Result<(String, String, Option<u64>)> {
    let row = show_create(session, ObjectKind::Table, schema, name)?;
    let shown = text(&row, "Create Table")?;
    let (ddl, auto_increment) = split_auto_increment(&shown);
    let ddl = without_implied_charset(&ddl);
    Ok((shown, ddl, auto_increment))
}

struct Column {
    name: String,
    data_type: String,
    charset: Option<String>,
}

/// The columns that hold data of their own, per table (and view), in table order.
fn columns(session: &mut Session, schema: &str) -> Result<BTreeMap<String, Vec<Column>>> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, LOWER(DATA_TYPE), CHARACTER_SET_NAME \
         FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} AND COALESCE(GENERATION_EXPRESSION, '') = '' \
         ORDER BY TABLE_NAME, ORDINAL_POSITION",
        literal(schema)
    );
    let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    type Line = (String, String, String, Option<String>);
    for (table, name, data_type, charset) in session.rows::<Line>(&sql)? {
        columns.entry(table).or_default().push(Column { name, data_type, charset });
    }
    Ok(columns)
}

fn view(
    session: &mut Session,
    schema: &str,
    name: &str,
    comment: String,
    columns: Vec<String>,
    inventory: &mut Inventory,
) -> Result<()> {
    let row = match asked(session, ObjectKind::View, schema, name) {
        // A view over what is gone or not allowed can fail in other ways than the usual one.
        Err(error) if is_about_the_object(&error) => {
            inventory.broken_views.push(not_read(session, schema, name, said(&error)));
            return Ok(());
        }
        row => row?,
    };
    let (ddl, definer) = without_definer(&text(&row, "Create View")?);
    // The server writes this where a comment would be, in these words on both flavours.
    if comment.contains("references invalid table") {
        inventory.broken_views.push(BrokenView { name: name.to_owned(), ddl, why: comment });
        return Ok(());
    }
    let program = Program {
        ddl: without_own_schema(&ddl, schema),
        definer,
        sql_mode: None,
        charset_client: text(&row, "character_set_client")?,
        collation: text(&row, "collation_connection")?,
        time_zone: None,
        table: None,
        database_collation: None,
        columns,
    };
    inventory.programs.insert((ObjectKind::View, name.to_owned()), program);
    Ok(())
}

/// Views that must be readable before they may be shown: MariaDB 10.11 dies of a SHOW CREATE
/// VIEW over JSON_TABLE when a table in it is gone, and does not list such a view as broken.
fn fragile(session: &mut Session, schema: &str) -> Result<BTreeSet<String>> {
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA = {} AND LOWER(VIEW_DEFINITION) LIKE '%json_table%'",
        literal(schema)
    );
    Ok(session.rows(&sql)?.into_iter().collect())
}

/// Why a view cannot be read; no row of it is.
fn unreadable(session: &mut Session, schema: &str, name: &str) -> Result<Option<String>> {
    match session.run(&format!("SELECT 1 FROM {} LIMIT 0", qualified(schema, name))) {
        Ok(()) => Ok(None),
        Err(error) if is_about_the_object(&error) => Ok(Some(said(&error))),
        Err(error) => Err(error),
    }
}

/// A view that cannot be shown, with what information_schema has of it.
fn not_read(session: &mut Session, schema: &str, name: &str, why: String) -> BrokenView {
    let sql = format!(
        "SELECT VIEW_DEFINITION FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(schema),
        literal(name)
    );
    let body = session.value::<Option<String>>(&sql).ok().flatten().unwrap_or_default();
    let ddl = match body.as_str() {
        "" => String::new(),
        body => format!("CREATE VIEW {} AS {body}", quote(name)),
    };
    BrokenView { name: name.to_owned(), ddl, why }
}

fn triggers(session: &mut Session, schema: &str, inventory: &mut Inventory) -> Result<()> {
    let sql = format!(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA = {} \
         ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        literal(schema)
    );
    for (name, table) in session.rows::<(String, String)>(&sql)? {
        let row = show_create(session, ObjectKind::Trigger, schema, &name)?;
        let mut program = program(&row, "SQL Original Statement")?;
        // MariaDB shows it as it was written, and some programs write the schema.
        program.ddl = without_schema(&program.ddl, schema);
        // MySQL keeps the semicolon after a trigger that was created by several
        // statements in one packet: it means nothing.
        program.ddl.truncate(program.ddl.trim_end_matches([';', ' ', '\n']).len());
        program.table = Some(table);
        inventory.trigger_order.push(name.clone());
        inventory.programs.insert((ObjectKind::Trigger, name), program);
    }
    Ok(())
}

fn routines(session: &mut Session, schema: &str, inventory: &mut Inventory) -> Result<()> {
    let sql = format!(
        "SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES \
         WHERE ROUTINE_SCHEMA = {} ORDER BY 1, 2",
        literal(schema)
    );
    for (name, kind) in session.rows::<(String, String)>(&sql)? {
        let (kind, column) = match kind.as_str() {
            "PROCEDURE" => (ObjectKind::Procedure, "Create Procedure"),
            "FUNCTION" => (ObjectKind::Function, "Create Function"),
            other => {
                return Err(Stop::new(
                    ExitCode::Store,
                    format!(
                        "`{schema}`.`{name}` is a {}, which is not supported",
                        other.to_lowercase()
                    ),
                )
                .into());
            }
        };
        let row = show_create(session, kind, schema, &name)?;
        // The body is NULL when the account may see the name but not the body.
        if row.get_opt::<Option<String>, _>(column).and_then(Result::ok).flatten().is_none() {
            return Err(Stop::new(
                ExitCode::Configuration,
                format!(
                    "this account may not read the body of {} \
                `{schema}`.`{name}`",
                    kind.keyword()
                ),
            )
            .hint(
                "`cargo xtask doctor --fix` grants the privilege it needs (SHOW_ROUTINE on \
            MySQL, SELECT on mysql.proc on MariaDB).",
            )
            .into());
        }
        inventory.programs.insert((kind, name), program(&row, column)?);
    }
    Ok(())
}

fn events(session: &mut Session, schema: &str, inventory: &mut Inventory) -> Result<()> {
    let sql = format!(
        "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {} ORDER BY 1",
        literal(schema)
    );
    for name in session.rows::<String>(&sql)? {
        let row = show_create(session, ObjectKind::Event, schema, &name)?;
        let mut program = program(&row, "Create Event")?;
        program.time_zone = Some(text(&row, "time_zone")?);
        if program.sql_mode.as_deref().is_some_and(|mode| mode.contains("HIGH_NOT_PRECEDENCE")) {
            program.ddl = without_default_completion(&program.ddl);
        }
        inventory.programs.insert((ObjectKind::Event, name), program);
    }
    Ok(())
}

fn show_create(session: &mut Session, kind: ObjectKind, schema: &str, name: &str) -> Result<Row> {
    asked(session, kind, schema, name).map_err(|error| not_shown(error, kind, schema, name))
}

fn asked(session: &mut Session, kind: ObjectKind, schema: &str, name: &str) -> Result<Row> {
    // A view is asked for without its schema: the server leaves the schema out of
    // the definition only for objects in the current one.
    let sql = format!("SHOW CREATE {} {}", kind.keyword(), qualified(schema, name));
    session.first(&sql)?.with_context(|| format!("`{sql}` returned no row"))
}

/// Whether the server refused to show an object, and not to wait, or to go on.
fn is_about_the_object(error: &anyhow::Error) -> bool {
    // Locks, limits of time, a KILL, a shutdown.
    const OF_THE_MOMENT: [u16; 9] = [1053, 1205, 1213, 1317, 1927, 1969, 3024, 3169, 4031];
    code(error).is_some_and(|code| !OF_THE_MOMENT.contains(&code))
}

/// A refusal with the object in it, and what can be done.
fn not_shown(error: anyhow::Error, kind: ObjectKind, schema: &str, name: &str) -> anyhow::Error {
    if !is_about_the_object(&error) {
        return error;
    }
    let kind = kind.keyword().to_lowercase();
    let message =
        format!("the server does not show the {kind} `{schema}`.`{name}`: {}", said(&error));
    let stop = match code(&error) {
        Some(1044 | 1142 | 1143 | 1227 | 1370) => Stop::new(ExitCode::Configuration, message)
            .hint("`cargo xtask doctor --fix` grants its role's privileges."),
        _ => Stop::new(ExitCode::Store, message)
            .hint(format!("Drop the {kind} or make it again: `SHOW CREATE` has to work for it.")),
    };
    error.context(stop)
}

fn program(row: &Row, column: &str) -> Result<Program> {
    let (ddl, definer) = without_definer(&text(row, column)?);
    Ok(Program {
        ddl,
        definer,
        sql_mode: Some(text(row, "sql_mode")?),
        charset_client: text(row, "character_set_client")?,
        collation: text(row, "collation_connection")?,
        time_zone: None,
        table: None,
        database_collation: Some(text(row, "Database Collation")?),
        columns: Vec::new(),
    })
}

fn text(row: &Row, column: &str) -> Result<String> {
    let index = row
        .columns_ref()
        .iter()
        .position(|c| c.name_str().eq_ignore_ascii_case(column))
        .with_context(|| format!("the server's answer has no column `{column}`"))?;
    let value = row.as_ref(index).cloned().unwrap_or(Value::NULL);
    Option::<Vec<u8>>::from_value_opt(value)
        .ok()
        .flatten()
        .with_context(|| format!("column `{column}` is NULL"))
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| not_text(error.as_bytes())))
}

/// Bytes that are not text would not be restored unchanged.
fn not_text(bytes: &[u8]) -> anyhow::Error {
    let start: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
    let line: Vec<&str> = start.split_whitespace().collect();
    Stop::new(
        ExitCode::Store,
        format!("a definition contains bytes that are not text: {} …", line.join(" ")),
    )
    .hint("A client with character set binary created it. Recreate it from a client in utf8mb4.")
    .into()
}
