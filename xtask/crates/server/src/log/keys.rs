//! The primary keys of a schema's tables, as reading its log takes them.

use std::collections::BTreeMap;

use anyhow::Result;
use binlog::{KeyColumn, KeySpec, Table, Want};

use crate::session::Session;
use model::ident::literal;

/// What to read of each table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    schema: String,
    tables: BTreeMap<String, Want>,
}

impl Keys {
    /// What to read of a table: nothing outside of the schema. A table that came later has no
    /// key that is known: only that it was written to.
    pub fn want(&self, table: &Table) -> Want {
        // Some servers take a schema's name in any case, and log it in one.
        if !table.schema.eq_ignore_ascii_case(&self.schema) {
            return Want::Nothing;
        }
        self.tables.get(&table.name).cloned().unwrap_or(Want::Presence)
    }

    /// The tables whose rows cannot be told by their keys.
    pub fn without_key(&self) -> impl Iterator<Item = &str> {
        let none = self.tables.iter().filter(|(_, want)| **want == Want::Presence);
        none.map(|(name, _)| name.as_str())
    }
}

/// A column of a table, and its place in the primary key.
#[derive(Debug, Clone)]
struct Column {
    table: String,
    table_type: String,
    data_type: String,
    column_type: String,
    in_key: Option<usize>,
}

/// Reads the keys of a schema's tables, with an account that sees them.
pub fn keys(session: &mut Session, schema: &str) -> Result<Keys> {
    let sql = format!(
        "SELECT t.TABLE_NAME, t.TABLE_TYPE, c.DATA_TYPE, c.COLUMN_TYPE, s.SEQ_IN_INDEX \
         FROM information_schema.TABLES t JOIN information_schema.COLUMNS c \
         ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME \
         LEFT JOIN information_schema.STATISTICS s ON s.TABLE_SCHEMA = t.TABLE_SCHEMA \
         AND s.TABLE_NAME = t.TABLE_NAME AND s.COLUMN_NAME = c.COLUMN_NAME \
         AND s.INDEX_NAME = 'PRIMARY' \
         WHERE t.TABLE_SCHEMA = {} AND t.TABLE_TYPE <> 'VIEW' \
         ORDER BY t.TABLE_NAME, c.ORDINAL_POSITION",
        literal(schema)
    );
    let rows: Vec<(String, String, String, String, Option<usize>)> = session.rows(&sql)?;
    let column = |(table, table_type, data_type, column_type, in_key)| Column {
        table,
        table_type,
        data_type,
        column_type,
        in_key,
    };
    let columns: Vec<Column> = rows.into_iter().map(column).collect();
    let tables = columns.chunk_by(|a, b| a.table == b.table);
    let tables = tables.filter_map(|all| Some((all.first()?.table.clone(), spec(all))));
    Ok(Keys { schema: schema.to_owned(), tables: tables.collect() })
}

fn spec(columns: &[Column]) -> Want {
    // A MariaDB table with versions has columns that are listed nowhere.
    if columns.first().is_none_or(|column| column.table_type != "BASE TABLE") {
        return Want::Presence;
    }
    let mut parts: Vec<(usize, Option<KeyColumn>)> = columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| Some((column.in_key?, part(at, column))))
        .collect();
    parts.sort_by_key(|(place, _)| *place);
    let key: Option<Vec<KeyColumn>> = parts.into_iter().map(|(_, part)| part).collect();
    match key {
        Some(key) if !key.is_empty() => Want::Keys(KeySpec { columns: columns.len(), key }),
        _ => Want::Presence,
    }
}

/// A column of a key; `None` if its values are not decoded.
fn part(at: usize, column: &Column) -> Option<KeyColumn> {
    let bare = KeyColumn::at(at);
    let kind = column.data_type.to_ascii_lowercase();
    Some(match kind.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
            let unsigned = column.column_type.to_ascii_lowercase().contains("unsigned");
            KeyColumn { unsigned: Some(unsigned), ..bare }
        }
        "char" | "varchar" => KeyColumn { binary: Some(false), ..bare },
        "binary" | "varbinary" => KeyColumn { binary: Some(true), ..bare },
        "date" | "time" | "datetime" | "timestamp" | "decimal" | "year" | "enum" | "set" => bare,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data_type: &str, column_type: &str, in_key: Option<usize>) -> Column {
        let (table, table_type) = ("t".to_owned(), "BASE TABLE".to_owned());
        Column {
            table,
            table_type,
            data_type: data_type.to_owned(),
            column_type: column_type.to_owned(),
            in_key,
        }
    }

    #[test]
    fn a_key_has_the_order_of_its_index() {
        let columns = [
            column("int", "int(10) unsigned", Some(2)),
            column("text", "text", None),
            column("binary", "binary(4)", Some(1)),
        ];
        let Want::Keys(spec) = spec(&columns) else { panic!("no key") };
        assert_eq!(spec.columns, 3);
        assert_eq!(spec.key[0], KeyColumn { binary: Some(true), ..KeyColumn::at(2) });
        assert_eq!(spec.key[1], KeyColumn { unsigned: Some(true), ..KeyColumn::at(0) });
    }

    #[test]
    fn what_has_no_usable_key_is_only_seen_as_written() {
        let of = |kind: &str| spec(&[column(kind, kind, Some(1)), column("int", "int", None)]);
        for kind in ["float", "double", "bit", "text", "blob", "uuid", "inet6", "json"] {
            assert_eq!(of(kind), Want::Presence, "{kind}");
        }
        assert_eq!(spec(&[column("int", "int", None)]), Want::Presence);
        let versioned =
            Column { table_type: "SYSTEM VERSIONED".to_owned(), ..column("int", "int", Some(1)) };
        assert_eq!(spec(&[versioned]), Want::Presence);
        let keys = Keys { schema: "mydb".to_owned(), tables: BTreeMap::new() };
        let table = |schema: &str| Table { schema: schema.to_owned(), name: "new".to_owned() };
        assert_eq!(keys.want(&table("mydb")), Want::Presence);
        assert_eq!(keys.want(&table("MyDB")), Want::Presence);
        assert_eq!(keys.want(&table("mydb__before_1")), Want::Nothing);
    }
}
