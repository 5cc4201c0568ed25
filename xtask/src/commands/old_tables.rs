//! Whether the old tables of a swap hold anything that its backup does not.

use anyhow::Result;

use crate::engine::content;
use crate::model::manifest::Manifest;
use crate::server::{Session, inventory};

/// What in `schema` is not exactly what the backup holds; empty: nothing in it is
/// nowhere else.
///
/// # Errors
/// The server refuses.
pub fn not_in(session: &mut Session, schema: &str, saved: &Manifest) -> Result<Vec<String>> {
    let old = inventory::read(session, schema)?;
    let mut more: Vec<String> = old.programs.keys().map(|(_, name)| name.clone()).collect();
    for (name, table) in &old.tables {
        let entry = saved.tables.iter().find(|entry| entry.name == *name);
        let covered = |entry: &&crate::model::manifest::TableEntry| {
            table.columns.iter().all(|column| entry.columns.contains(column))
        };
        let Some(entry) = entry.filter(covered) else {
            more.push(name.clone());
            continue;
        };
        let (columns, floats) = (&entry.columns, &entry.exact_floats);
        let found = content::digest_table(session, schema, name, columns, floats, &mut |_| {})?;
        if found.hex() != entry.digest || found.rows != entry.rows {
            more.push(name.clone());
        }
    }
    Ok(more)
}
