//! What in a schema a dump program cannot carry, or not without loss.

use anyhow::Result;

use super::session::Session;
use crate::model::ident::{literal, qualified};
use crate::model::inventory::Inventory;

/// A table with rows that has generated columns only: dump programs write broken
/// statements for it.
///
/// # Errors
/// The server cannot be asked.
pub fn all_generated(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<Option<String>> {
    for (name, _) in inventory.tables.iter().filter(|(_, table)| table.columns.is_empty()) {
        let sql = format!("SELECT COUNT(*) FROM {}", qualified(schema, name));
        if session.value::<u64>(&sql)? > 0 {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// FLOAT columns that hold data, as `` `table`.`column` ``: as text the server
/// gives six significant digits of them.
///
/// # Errors
/// The server cannot be asked.
pub fn float_columns(session: &mut Session, schema: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
         JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME) \
         WHERE TABLE_SCHEMA = {} AND DATA_TYPE = 'float' AND TABLE_TYPE = 'BASE TABLE' \
         ORDER BY TABLE_NAME, ORDINAL_POSITION",
        literal(schema)
    );
    let all: Vec<(String, String)> = session.rows(&sql)?;
    Ok(all.iter().map(|(table, column)| qualified(table, column)).collect())
}
