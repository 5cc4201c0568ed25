//! Reads everything a schema contains, in a form that can be compared and
//! created again elsewhere.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use mysql_common::prelude::FromValue;
use mysql_common::{Row, Value};

use super::definition::{
    split_auto_increment, without_default_completion, without_definer, without_implied_charset,
    without_schema,
};
use super::refusal::is_lasting;
use super::session::{Session, code, said};
use super::survey::{Survey, bytes, package, strange, unread};
use super::views::{fragile, not_read, unreadable, view};
use model::exit::{ExitCode, Stop};
use model::ident::{literal, qualified, quote};
use model::inventory::{Inventory, ObjectKind, Program, TableFacts};

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
///
/// # Errors
/// An object cannot be read, or carried by a dump.
pub fn read(session: &mut Session, schema: &str) -> Result<Inventory> {
    survey(session, schema)?.whole()
}

/// As [`read`], as far as the schema can be read.
///
/// # Errors
/// There is no such schema, or the server cannot be asked.
pub fn survey(session: &mut Session, schema: &str) -> Result<Survey> {
    session.run(&format!("USE {}", quote(schema)))?;
    let (charset, collation) =
        defaults(session, schema)?.with_context(|| format!("schema `{schema}` does not exist"))?;
    let inventory = Inventory { charset, collation, ..Inventory::default() };
    let mut found = Survey { inventory, ..Survey::default() };
    tables(session, schema, &mut found)?;
    triggers(session, schema, &mut found)?;
    routines(session, schema, &mut found)?;
    events(session, schema, &mut found)?;
    Ok(found)
}

fn tables(session: &mut Session, schema: &str, found: &mut Survey) -> Result<()> {
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
                    found.inventory.broken_views.push(not_read(session, schema, &name, why));
                    continue;
                }
                let comment = comment.unwrap_or_default();
                let read = view(session, schema, &name, comment, names, &mut found.inventory);
                if let Err(error) = read {
                    found.unread.push(unread(session, (ObjectKind::View, schema, &name), error)?);
                }
            }
            "BASE TABLE" => {
                let (ddl, auto_increment) = match table(session, schema, &name) {
                    Ok((_, ddl, auto_increment)) => (ddl, auto_increment),
                    Err(error) => {
                        let it = unread(session, (ObjectKind::Table, schema, &name), error)?;
                        found.unread.push(it.of_table(engine));
                        continue;
                    }
                };
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
                found.inventory.tables.insert(name, facts);
            }
            other => {
                let (what, refusal) = unlike_a_table(&name, other);
                let it = strange(session, schema, &name, (what, refusal));
                found.unread.push(it.of_table(engine));
            }
        }
    }
    Ok(())
}

/// What the server lists among its tables, and is none: its name for people, and why no
/// backup has it.
fn unlike_a_table(name: &str, kind: &str) -> (&'static str, Stop) {
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
    let message = format!("`{name}` is {what}, which no backup can fully hold");
    (what, Stop::new(ExitCode::Store, message).hint(hint))
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

fn triggers(session: &mut Session, schema: &str, found: &mut Survey) -> Result<()> {
    let sql = format!(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA = {} \
         ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        literal(schema)
    );
    for (name, table) in session.rows::<(String, String)>(&sql)? {
        let read = show_create(session, ObjectKind::Trigger, schema, &name)
            .and_then(|row| program(&row, "SQL Original Statement"));
        let mut program = match read {
            Ok(program) => program,
            Err(error) => {
                let it = unread(session, (ObjectKind::Trigger, schema, &name), error)?;
                found.unread.push(it.on(&table));
                continue;
            }
        };
        // MariaDB shows it as it was written, and some programs write the schema.
        program.ddl = without_schema(&program.ddl, schema);
        // MySQL keeps the semicolon after a trigger that was created by several
        // statements in one packet: it means nothing.
        program.ddl.truncate(program.ddl.trim_end_matches([';', ' ', '\n']).len());
        program.table = Some(table);
        found.inventory.trigger_order.push(name.clone());
        found.inventory.programs.insert((ObjectKind::Trigger, name), program);
    }
    Ok(())
}

fn routines(session: &mut Session, schema: &str, found: &mut Survey) -> Result<()> {
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
                let what = format!("a {}", other.to_lowercase());
                let message = format!("`{schema}`.`{name}` is {what}, which is not supported");
                let refusal = Stop::new(ExitCode::Store, message)
                    .hint("Move its routines out of it, or keep it in another schema.");
                found.unread.push(package(session, schema, &name, (&what, refusal)));
                continue;
            }
        };
        match routine(session, (kind, column), schema, &name) {
            Ok(program) => {
                found.inventory.programs.insert((kind, name), program);
            }
            Err(error) => found.unread.push(unread(session, (kind, schema, &name), error)?),
        }
    }
    Ok(())
}

fn routine(
    session: &mut Session,
    (kind, column): (ObjectKind, &str),
    schema: &str,
    name: &str,
) -> Result<Program> {
    let row = show_create(session, kind, schema, name)?;
    // The body is NULL when the account may see the name but not the body.
    if bytes(&row, column).is_some() {
        return program(&row, column);
    }
    let message =
        format!("this account may not read the body of {} `{schema}`.`{name}`", kind.keyword());
    Err(Stop::new(ExitCode::Configuration, message)
        .hint(
            "`cargo xtask doctor --fix` grants the privilege it needs (SHOW_ROUTINE on \
            MySQL, SELECT on mysql.proc on MariaDB).",
        )
        .into())
}

fn events(session: &mut Session, schema: &str, found: &mut Survey) -> Result<()> {
    let sql = format!(
        "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {} ORDER BY 1",
        literal(schema)
    );
    for name in session.rows::<String>(&sql)? {
        match event(session, schema, &name) {
            Ok(program) => {
                found.inventory.programs.insert((ObjectKind::Event, name), program);
            }
            Err(error) => {
                found.unread.push(unread(session, (ObjectKind::Event, schema, &name), error)?);
            }
        }
    }
    Ok(())
}

fn event(session: &mut Session, schema: &str, name: &str) -> Result<Program> {
    let row = show_create(session, ObjectKind::Event, schema, name)?;
    let mut program = program(&row, "Create Event")?;
    program.time_zone = Some(text(&row, "time_zone")?);
    if program.sql_mode.as_deref().is_some_and(|mode| mode.contains("HIGH_NOT_PRECEDENCE")) {
        program.ddl = without_default_completion(&program.ddl);
    }
    Ok(program)
}

fn show_create(session: &mut Session, kind: ObjectKind, schema: &str, name: &str) -> Result<Row> {
    asked(session, kind, schema, name).map_err(|error| not_shown(error, kind, schema, name))
}

pub(super) fn asked(
    session: &mut Session,
    kind: ObjectKind,
    schema: &str,
    name: &str,
) -> Result<Row> {
    // A view is asked for without its schema: the server leaves the schema out of
    // the definition only for objects in the current one.
    let sql = format!("SHOW CREATE {} {}", kind.keyword(), qualified(schema, name));
    session.first(&sql)?.with_context(|| format!("`{sql}` returned no row"))
}

/// A refusal with the object in it, and what can be done.
fn not_shown(error: anyhow::Error, kind: ObjectKind, schema: &str, name: &str) -> anyhow::Error {
    if !is_lasting(&error) {
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

pub(super) fn text(row: &Row, column: &str) -> Result<String> {
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
