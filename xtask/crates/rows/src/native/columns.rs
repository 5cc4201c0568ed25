//! What is read of a table, and how each column is written.

use rowtext::literal::Kind;

use model::ident::{qualified, quote};
use model::inventory::TableFacts;

/// The columns of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    /// How each is written, in table order.
    pub kinds: Vec<Kind>,
    /// `SELECT … FROM …` without conditions.
    pub select: String,
    /// `INSERT INTO … VALUES` up to the first row.
    pub insert: Vec<u8>,
}

impl Columns {
    /// Of a table of `schema`.
    pub(crate) fn new(schema: &str, table: &str, facts: &TableFacts) -> Self {
        let select = select_list(&facts.columns, &facts.float_columns);
        let names: Vec<String> = facts.columns.iter().map(|name| quote(name)).collect();
        Self {
            kinds: facts.types.iter().map(|(t, charset)| Kind::of(t, charset.as_deref())).collect(),
            select: format!("SELECT {select} FROM {}", qualified(schema, table)),
            insert: format!("INSERT INTO {} ({}) VALUES\n", quote(table), names.join(","))
                .into_bytes(),
        }
    }
}

/// What to select of `columns`. Those in `floats` are asked for as DOUBLE: a FLOAT is
/// sent with six digits, which is not always all of it.
pub fn select_list(columns: &[String], floats: &[String]) -> String {
    if columns.is_empty() {
        // A table can consist of generated columns only; its rows still count.
        return "NULL".to_owned();
    }
    let list: Vec<String> = columns
        .iter()
        .map(|column| match floats.contains(column) {
            true => format!("CAST({} AS DOUBLE)", quote(column)),
            false => quote(column),
        })
        .collect();
    list.join(",")
}
