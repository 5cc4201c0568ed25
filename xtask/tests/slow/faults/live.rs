//! What is in a schema, read by the test itself and not by the code under test.

use std::collections::BTreeMap;

use model::hash::sha256_hex;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Row, Value};

/// Every object and every row of a schema: a key such as `view best`, and what it is.
pub type Live = BTreeMap<String, String>;

/// Columns that say when, not what.
const WHEN: [&str; 1] = ["Created"];

/// Reads a schema. Definers are left out: a restore makes them its own.
pub fn read(conn: &mut Conn, schema: &str) -> Live {
    let mut live = Live::new();
    conn.query_drop(format!("USE `{schema}`")).unwrap();
    conn.query_drop("SET NAMES utf8mb4").unwrap();
    let defaults = format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{schema}'"
    );
    live.insert("schema".to_owned(), show(conn, &defaults));
    let tables: Vec<(String, String)> = conn.query("SHOW FULL TABLES").unwrap();
    for (name, kind) in tables {
        if kind == "VIEW" {
            live.insert(format!("view {name}"), show(conn, &format!("SHOW CREATE VIEW `{name}`")));
            continue;
        }
        live.insert(format!("table {name}"), show(conn, &format!("SHOW CREATE TABLE `{name}`")));
        let rows: Vec<Row> = conn.query(format!("SELECT * FROM `{name}` ORDER BY 1")).unwrap();
        let text: String = rows.iter().map(|row| format!("{row:?}\n")).collect();
        let hash = sha256_hex(text.as_bytes());
        live.insert(format!("rows {name}"), format!("{} rows, {hash}", rows.len()));
    }
    programs(conn, schema, &mut live);
    live
}

fn programs(conn: &mut Conn, schema: &str, live: &mut Live) {
    let triggers: Vec<(String, String)> = conn
        .query(format!(
            "SELECT TRIGGER_NAME, CONCAT_WS(' ', ACTION_TIMING, EVENT_MANIPULATION, \
             EVENT_OBJECT_TABLE, ACTION_ORDER) FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = '{schema}'"
        ))
        .unwrap();
    for (name, order) in triggers {
        let text = show(conn, &format!("SHOW CREATE TRIGGER `{name}`"));
        live.insert(format!("trigger {name}"), format!("{order}: {text}"));
    }
    let routines: Vec<(String, String)> = conn
        .query(format!(
            "SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES \
             WHERE ROUTINE_SCHEMA = '{schema}'"
        ))
        .unwrap();
    for (name, kind) in routines {
        let text = show(conn, &format!("SHOW CREATE {kind} `{name}`"));
        live.insert(format!("{} {name}", kind.to_lowercase()), text);
    }
    let events: Vec<String> = conn
        .query(format!(
            "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{schema}'"
        ))
        .unwrap();
    for name in events {
        let text = show(conn, &format!("SHOW CREATE EVENT `{name}`"));
        live.insert(format!("event {name}"), text);
    }
}

/// One row as text, its columns named.
fn show(conn: &mut Conn, sql: &str) -> String {
    let row: Row =
        conn.query_first(sql).unwrap().unwrap_or_else(|| panic!("`{sql}` returned no row"));
    let mut text = String::new();
    for (at, column) in row.columns_ref().iter().enumerate() {
        let name = column.name_str();
        if WHEN.contains(&name.as_ref()) {
            continue;
        }
        let value = match row.as_ref(at) {
            Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        // MySQL prints what the collation says anyhow, or not, depending on how the
        // table once came about.
        let value = value.replace(" CHARACTER SET utf8mb4 COLLATE", " COLLATE");
        let value = without_definer(&value);
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

fn without_definer(text: &str) -> String {
    let Some(at) = text.find("DEFINER=`") else { return text.to_owned() };
    let end = text[at..].find(' ').map_or(text.len(), |end| at + end + 1);
    format!("{}{}", &text[..at], &text[end..])
}

/// Only tables, rows and triggers: what changes places in one step. In it MySQL
/// takes the `;` behind a trigger for a part of it, for a moment.
pub fn tables(live: &Live) -> Live {
    let kinds = ["table ", "rows ", "trigger "];
    let is_table = |key: &str| kinds.iter().any(|kind| key.starts_with(kind));
    live.iter()
        .filter(|(key, _)| is_table(key))
        .map(|(k, v)| {
            (k.clone(), v.replace("\n;\n", "\n").replace(";\n", "\n").replace("\n\n", "\n"))
        })
        .collect()
}

/// What differs, for a message that can be read.
pub fn differences(a: &Live, b: &Live) -> String {
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differ = keys.into_iter().filter(|key| a.get(*key) != b.get(*key));
    differ.map(|key| format!("{key}:\n  {:?}\n  {:?}\n", a.get(key), b.get(key))).collect()
}
