//! What in a schema a dump program cannot carry, or not without loss.

use anyhow::Result;

use super::session::{Session, code};
use crate::model::ident::{literal, qualified};
use crate::model::inventory::{Inventory, ObjectKind};

/// Views that can no longer be read, and why: mostly they name a table or column
/// that is gone. No dump program writes a schema with such a view.
///
/// # Errors
/// The server cannot be asked.
pub fn broken_views(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<Vec<(String, String)>> {
    let mut broken = Vec::new();
    for (kind, name) in inventory.programs.keys() {
        if *kind != ObjectKind::View {
            continue;
        }
        match session.run(&format!("SHOW FIELDS FROM {}", qualified(schema, name))) {
            Ok(()) => {}
            Err(error) if code(&error).is_some() => {
                broken.push((name.clone(), error.root_cause().to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(broken)
}

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
