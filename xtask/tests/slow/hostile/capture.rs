//! A schema as text that can be compared: every definition, every row of
//! information_schema about it, and every value of every row as hexadecimal.
//!
//! FLOAT is compared by its text, six significant digits: more does not get
//! through a dump program (docs/limits.md); or, where it has to be exact, as the
//! DOUBLE of the same value. Left out is only what a restore must change:
//! moments of creation, definers (they are taken out of a dump), statistics.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mysql::prelude::Queryable as _;
use mysql::{Conn, Row, Value};

/// Everything in one schema, by a name that says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture(pub BTreeMap<String, String>);

/// The tables of information_schema, and the column that holds the schema's name.
const FACTS: &[(&str, &str)] = &[
    ("SCHEMATA", "SCHEMA_NAME"),
    ("TABLES", "TABLE_SCHEMA"),
    ("COLUMNS", "TABLE_SCHEMA"),
    ("STATISTICS", "TABLE_SCHEMA"),
    ("KEY_COLUMN_USAGE", "TABLE_SCHEMA"),
    ("REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA"),
    ("TABLE_CONSTRAINTS", "TABLE_SCHEMA"),
    ("CHECK_CONSTRAINTS", "CONSTRAINT_SCHEMA"),
    ("PARTITIONS", "TABLE_SCHEMA"),
    ("VIEWS", "TABLE_SCHEMA"),
    ("TRIGGERS", "TRIGGER_SCHEMA"),
    ("ROUTINES", "ROUTINE_SCHEMA"),
    ("PARAMETERS", "SPECIFIC_SCHEMA"),
    ("EVENTS", "EVENT_SCHEMA"),
];

/// What a restore may or must change.
const VOLATILE: &[&str] = &[
    "TABLE_ROWS",
    "AVG_ROW_LENGTH",
    "DATA_LENGTH",
    "INDEX_LENGTH",
    "DATA_FREE",
    "CREATE_TIME",
    "UPDATE_TIME",
    "CHECK_TIME",
    "CARDINALITY",
    "CREATED",
    "LAST_ALTERED",
    "LAST_EXECUTED",
    "DEFINER",
    "MAX_INDEX_LENGTH",
    "MAX_DATA_LENGTH",
    "PRIVILEGES",
    "CHECKSUM",
    "ORIGINATOR",
    // The number of the server that shows a view's table, not a fact of the schema.
    "TABLESPACE_NAME",
];

/// How a FLOAT is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floats {
    /// By the six digits that the server shows of it.
    Shown,
    /// By its value.
    Exact,
}

impl Capture {
    /// Reads everything.
    pub fn of(conn: &mut Conn, schema: &str) -> Self {
        let mut all = Self::content(conn, schema, Floats::Shown);
        for (table, column) in FACTS {
            facts(conn, schema, table, column, &mut all.0);
        }
        all
    }

    /// Every definition and every row; without information_schema, which is slow.
    pub fn content(conn: &mut Conn, schema: &str, floats: Floats) -> Self {
        conn.query_drop(format!("USE {}", quote(schema))).unwrap();
        conn.query_drop(
            "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', group_concat_max_len = 1048576",
        )
        .unwrap();
        // MySQL 8 and later show what AUTO_INCREMENT was a day ago.
        conn.query_drop("SET information_schema_stats_expiry = 0").ok();
        let mut all = BTreeMap::new();
        definitions(conn, schema, &mut all);
        rows(conn, schema, floats, &mut all);
        Self(all)
    }

    /// What differs, at most a few.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, want) in &self.0 {
            match other.0.get(name) {
                None => found.push(format!("{name} is missing")),
                Some(have) if have != want => found.push(format!(
                    "{name}:\n  - {}\n  + {}",
                    around(want, have),
                    around(have, want)
                )),
                Some(_) => {}
            }
        }
        let more = other.0.keys().filter(|name| !self.0.contains_key(*name));
        found.extend(more.map(|name| format!("{name} is too many: {}", other.0[name])));
        found
    }

    /// Fails with what differs.
    pub fn demand_equal(&self, other: &Self, what: &str) {
        let different = self.differences(other);
        assert!(
            different.is_empty(),
            "{what}: {} differ\n{}",
            different.len(),
            different.join("\n")
        );
    }
}

/// The text around the first difference.
fn around(text: &str, other: &str) -> String {
    let same = text.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(80);
    let part: String = text.chars().skip(from).take(400).collect();
    format!("…{part}…")
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn text(value: &Value) -> String {
    match value {
        Value::NULL => "NULL".to_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

fn facts(
    conn: &mut Conn,
    schema: &str,
    table: &str,
    column: &str,
    all: &mut BTreeMap<String, String>,
) {
    let rows: Vec<Row> = conn
        .query(format!("SELECT * FROM information_schema.{table} WHERE {column} = '{schema}'"))
        .unwrap();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let mut line = String::new();
            for (at, column) in row.columns_ref().iter().enumerate() {
                let name = column.name_str().to_ascii_uppercase();
                if !VOLATILE.contains(&name.as_str()) {
                    let mut value = text(&row[at]).replace(schema, "«schema»");
                    // An unused counter is shown as 1 once somebody has looked at it.
                    if name == "AUTO_INCREMENT" && value == "1" {
                        value = "NULL".to_owned();
                    }
                    write!(line, "{name}={value} | ").unwrap();
                }
            }
            line
        })
        .collect();
    lines.sort();
    for (at, line) in lines.into_iter().enumerate() {
        all.insert(format!("{table} {at:04}"), line);
    }
}

fn definitions(conn: &mut Conn, schema: &str, all: &mut BTreeMap<String, String>) {
    let list = |conn: &mut Conn, sql: &str| -> Vec<(String, String)> {
        conn.query(sql.replace("«s»", schema)).unwrap()
    };
    let mut objects = list(
        conn,
        "SELECT TABLE_NAME, IF(TABLE_TYPE = 'VIEW', 'VIEW', 'TABLE') FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = '«s»'",
    );
    objects.extend(list(conn, "SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '«s»'"));
    objects.extend(list(conn, "SELECT TRIGGER_NAME, 'TRIGGER' FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '«s»'"));
    objects.extend(list(
        conn,
        "SELECT EVENT_NAME, 'EVENT' FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '«s»'",
    ));
    for (name, kind) in objects {
        let row: Row =
            conn.query_first(format!("SHOW CREATE {kind} {}", quote(&name))).unwrap().unwrap();
        let mut shown = String::new();
        for (at, column) in row.columns_ref().iter().enumerate() {
            if column.name_str() != "Created" {
                write!(shown, "{}={}\n  ", column.name_str(), text(&row[at])).unwrap();
            }
        }
        all.insert(format!("definition of {kind} {name}"), without_definer(&shown));
    }
}

/// Cuts `` DEFINER=`x`@`y` `` out, double quotes or not; accounts of the tests
/// hold no blanks.
fn without_definer(shown: &str) -> String {
    let shown = &shown.replace("DEFINER=\"", "DEFINER=`");
    let mut out = String::new();
    let mut rest: &str = shown;
    while let Some(at) = rest.find("DEFINER=`") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(' ').unwrap();
        rest = &rest[end + 1..];
    }
    out + rest
}

fn rows(conn: &mut Conn, schema: &str, floats: Floats, all: &mut BTreeMap<String, String>) {
    let columns: Vec<(String, String, String)> = conn
        .query(format!(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = '{schema}' ORDER BY TABLE_NAME, ORDINAL_POSITION"
        ))
        .unwrap();
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column, kind) in columns {
        tables.entry(table).or_default().push(value_of(&quote(&column), &kind, floats));
    }
    for (table, values) in tables {
        let sql = format!("SELECT {} FROM {}", values.join(", "), quote(&table));
        let rows: Vec<Row> = conn.query(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut lines: Vec<String> = rows
            .into_iter()
            .map(|row| row.unwrap().iter().map(text).collect::<Vec<_>>().join(","))
            .collect();
        lines.sort();
        all.insert(
            format!("rows of {table}"),
            format!("{} rows\n{}", lines.len(), lines.join("\n")),
        );
    }
}

/// An expression that shows every bit of a column's value.
fn value_of(column: &str, kind: &str, floats: Floats) -> String {
    match kind {
        // The stored bytes, in the column's own character set; long ones as their hash.
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "binary"
        | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "bit" | "vector" => {
            format!(
                "IF(LENGTH({column}) > 65536, CONCAT(LENGTH({column}), ':', SHA2({column}, 512)), HEX({column}))"
            )
        }
        "point" | "geometry" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" | "geometrycollection" => {
            format!("CONCAT(ST_SRID({column}), ':', HEX(ST_AsWKB({column})))")
        }
        // The number tells the empty error value from an empty member.
        "enum" | "set" => format!("CONCAT({column} + 0, ':', HEX(CAST({column} AS CHAR)))"),
        "float" if floats == Floats::Exact => format!("CAST({column} + 0e0 AS CHAR)"),
        "float" => format!("CAST({column} AS CHAR)"),
        _ => format!("HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4))"),
    }
}
