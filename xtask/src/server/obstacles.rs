//! What in a schema a dump program cannot carry.

use anyhow::Result;

use super::session::Session;
use crate::model::ident::qualified;
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
