//! The tables of a schema as following sees them: columns, primary keys, foreign keys.

use std::collections::BTreeMap;

use anyhow::Result;

use model::ident::literal;
use server::Session;

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// `DATA_TYPE`, in lower case.
    pub kind: String,
    /// `COLUMN_TYPE`.
    pub full: String,
    pub charset: Option<String>,
    pub collation: Option<String>,
    /// Digits behind the point, of numbers and of times.
    pub digits: u64,
    /// Whether a row that does not name it gets a value.
    pub optional: bool,
    /// Computed by the server.
    pub generated: bool,
    pub numbered: bool,
    /// Whether its default is computed from other columns of the row.
    pub depends: bool,
    /// Its place in the primary key, from 1.
    pub in_key: Option<usize>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// In their order.
    pub columns: Vec<Column>,
    /// How large a row is, by the server's statistics.
    pub row_bytes: u64,
}

impl Table {
    /// The primary key, in its own order.
    pub fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|it| it.in_key.is_some()).collect();
        key.sort_by_key(|column| column.in_key);
        key
    }

    /// A column by its name, in any case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.to_lowercase() == name.to_lowercase())
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    pub child: String,
    pub columns: Vec<String>,
    pub parent: String,
    /// The parent's columns.
    pub refers_to: Vec<String>,
    /// Whether the server changes children when their parent changes.
    pub acts: bool,
    /// Whether the parent is in another schema.
    pub elsewhere: bool,
}

/// The tables of a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    pub tables: BTreeMap<String, Table>,
    pub foreign_keys: Vec<ForeignKey>,
}

impl Tables {
    /// Whether both have the same columns and keys; statistics do not count.
    pub fn same_shape(&self, other: &Self) -> bool {
        self.foreign_keys == other.foreign_keys
            && self.tables.len() == other.tables.len()
            && self.tables.iter().all(|(name, table)| {
                other.tables.get(name).is_some_and(|it| it.columns == table.columns)
            })
    }
}

/// A column as the server lists it.
type Row = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    u64,
    String,
    Option<usize>,
    u64,
);

/// Reads them with an account that sees them.
///
/// # Errors
/// The server cannot be asked.
pub fn read(session: &mut Session, schema: &str) -> Result<Tables> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for column in columns(session, schema)? {
        let (table, row_bytes, column) = column;
        let table = tables.entry(table).or_default();
        table.row_bytes = row_bytes;
        table.columns.push(column);
    }
    Ok(Tables { tables, foreign_keys: foreign_keys(session, schema)? })
}

fn columns(session: &mut Session, schema: &str) -> Result<Vec<(String, u64, Column)>> {
    let sql = format!(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME, LOWER(c.DATA_TYPE), c.COLUMN_TYPE, \
         c.CHARACTER_SET_NAME, c.COLLATION_NAME, \
         COALESCE(c.NUMERIC_SCALE, c.DATETIME_PRECISION, 0), \
         CONCAT(c.IS_NULLABLE = 'YES' OR c.COLUMN_DEFAULT IS NOT NULL OR c.EXTRA LIKE \
         '%DEFAULT_GENERATED%', COALESCE(c.GENERATION_EXPRESSION, '') <> '', c.EXTRA LIKE \
         '%auto_increment%', COALESCE(c.COLUMN_DEFAULT, '') LIKE '%`%' AND (c.EXTRA LIKE \
         '%DEFAULT_GENERATED%' OR VERSION() LIKE '%MariaDB%' AND \
         LEFT(COALESCE(c.COLUMN_DEFAULT, ''), 1) <> '''')), s.SEQ_IN_INDEX, \
         COALESCE(t.AVG_ROW_LENGTH, 0) \
         FROM information_schema.TABLES t JOIN information_schema.COLUMNS c \
         ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME \
         LEFT JOIN information_schema.STATISTICS s ON s.TABLE_SCHEMA = t.TABLE_SCHEMA \
         AND s.TABLE_NAME = t.TABLE_NAME AND s.COLUMN_NAME = c.COLUMN_NAME \
         AND s.INDEX_NAME = 'PRIMARY' \
         WHERE t.TABLE_SCHEMA = {} AND t.TABLE_TYPE <> 'VIEW' \
         ORDER BY t.TABLE_NAME, c.ORDINAL_POSITION",
        literal(schema)
    );
    let rows: Vec<Row> = session.rows(&sql)?;
    let column = |row: Row| {
        let (table, name, kind, full, charset, collation, digits, marks, in_key, row_bytes) = row;
        let mark = |at: usize| marks.as_bytes().get(at) == Some(&b'1');
        let column = Column {
            name,
            kind,
            full: full.to_lowercase(),
            charset,
            collation,
            digits,
            optional: mark(0),
            generated: mark(1),
            numbered: mark(2),
            depends: mark(3),
            in_key,
        };
        (table, row_bytes, column)
    };
    Ok(rows.into_iter().map(column).collect())
}

fn foreign_keys(session: &mut Session, schema: &str) -> Result<Vec<ForeignKey>> {
    let sql = format!(
        "SELECT k.CONSTRAINT_NAME, k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, \
         k.REFERENCED_COLUMN_NAME, CONCAT(r.UPDATE_RULE, ' ', r.DELETE_RULE), \
         k.REFERENCED_TABLE_SCHEMA <> k.TABLE_SCHEMA \
         FROM information_schema.KEY_COLUMN_USAGE k \
         JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
         ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME \
         AND r.TABLE_NAME = k.TABLE_NAME \
         WHERE k.TABLE_SCHEMA = {} AND k.REFERENCED_TABLE_NAME IS NOT NULL \
         ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
        literal(schema)
    );
    let rows: Vec<(String, String, String, String, String, String, bool)> = session.rows(&sql)?;
    let mut keys: BTreeMap<(String, String), ForeignKey> = BTreeMap::new();
    for (name, child, column, parent, refers_to, rules, elsewhere) in rows {
        let acts = ["CASCADE", "SET"].iter().any(|word| rules.contains(word));
        let key = keys.entry((child.clone(), name)).or_insert_with(|| ForeignKey {
            child,
            columns: Vec::new(),
            parent,
            refers_to: Vec::new(),
            acts,
            elsewhere,
        });
        key.columns.push(column);
        key.refers_to.push(refers_to);
    }
    Ok(keys.into_values().collect())
}
