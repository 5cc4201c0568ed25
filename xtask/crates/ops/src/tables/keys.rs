//! The foreign keys from and to the chosen tables, and the rows that would be
//! left without a parent.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::settle::has_table;
use model::exit::{ExitCode, Stop};
use model::ident::literal;
use plan::tables::ForeignKey;
use server::Session;
use sys::signal;

/// Reads the keys as they will be after the restore: a chosen table is the staged
/// one, every other table the live one.
///
/// # Errors
/// The server cannot be asked.
pub(crate) fn read(
    session: &mut Session,
    target: &str,
    staging: &str,
    chosen: &BTreeSet<String>,
) -> Result<Vec<ForeignKey>> {
    let (live, copy) = (literal(target), literal(staging));
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, \
         REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME \
         FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_NAME IS NOT NULL \
         AND (TABLE_SCHEMA = {copy} OR REFERENCED_TABLE_SCHEMA = {live}) \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"
    );
    type Line = (String, String, String, String, String, String, String);
    let mut keys: BTreeMap<(String, String, String), ForeignKey> = BTreeMap::new();
    for (schema, table, name, column, parent_schema, parent, parent_column) in
        session.rows::<Line>(&sql)?
    {
        let from_chosen = schema == staging;
        let replaced = schema == target && chosen.contains(&table);
        if !from_chosen && (replaced || !chosen.contains(&parent)) {
            continue;
        }
        // A staged table refers to the staging schema where it means its own.
        let own = parent_schema == staging || parent_schema == target;
        let parent_schema = match (own, chosen.contains(&parent)) {
            (true, true) => staging.to_owned(),
            (true, false) => target.to_owned(),
            (false, _) => parent_schema,
        };
        let key = keys.entry((schema.clone(), table.clone(), name.clone())).or_insert_with(|| {
            ForeignKey {
                name,
                child: (schema, table),
                columns: Vec::new(),
                parent: (parent_schema, parent),
                parent_columns: Vec::new(),
                parent_exists: true,
            }
        });
        key.columns.push(column);
        key.parent_columns.push(parent_column);
    }
    let mut keys: Vec<ForeignKey> = keys.into_values().collect();
    for key in &mut keys {
        key.parent_exists = has_table(session, &key.parent.0, &key.parent.1)?;
    }
    Ok(keys)
}

/// Counts, under the lock, the rows that would have no parent.
///
/// # Errors
/// There are some ([`ExitCode::VerificationFailed`]), or the server refuses.
pub(crate) fn demand_no_orphans(session: &mut Session, keys: &[ForeignKey]) -> Result<()> {
    let mut found = Vec::new();
    let mut both = BTreeSet::new();
    for (number, key) in keys.iter().enumerate() {
        signal::check()?;
        let orphans: u64 = session.value(&key.orphans(number))?;
        if orphans == 0 {
            continue;
        }
        let (child, parent) = (&key.child.1, &key.parent.1);
        let rows = if orphans == 1 { "row" } else { "rows" };
        found.push(format!(
            "{orphans} {rows} of `{child}` without a `{parent}` (key `{}`)",
            key.name
        ));
        both.extend([child.as_str(), parent.as_str()]);
    }
    if found.is_empty() {
        return Ok(());
    }
    let tables: Vec<String> = both.iter().map(|name| format!("--table {name}")).collect();
    Err(Stop::new(
        ExitCode::VerificationFailed,
        format!("the restored tables would not match the others: {}", found.join("; ")),
    )
    .hint(format!("Restore them together: {}", tables.join(" ")))
    .hint("Or restore the whole schema: leave out --table. Nothing was changed.")
    .into())
}
