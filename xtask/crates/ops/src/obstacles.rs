//! What stands in the way of a whole backup, found before the dump starts.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::ctx::Ctx;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::inventory::Inventory;
use rows::content;
use rows::native::ranges;
use server::{Server, Session, inventory, obstacles};
use sql::guard;

/// Tables with FLOAT values that the dump program will round, and how many.
///
/// # Errors
/// The server cannot be asked.
pub fn rounded(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<BTreeMap<String, u64>> {
    let mut rounded = BTreeMap::new();
    for (name, table) in &inventory.tables {
        let n = content::rounded_floats(session, schema, name, &table.float_columns)?;
        if n > 0 {
            rounded.insert(name.clone(), n);
        }
    }
    Ok(rounded)
}

/// Tables with text that does not come back from utf8mb4 as the bytes it was, and how
/// many values: some character sets have two codes for one character, or codes for none.
///
/// # Errors
/// The server cannot be asked.
pub fn changed_texts(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for (name, table) in &inventory.tables {
        let mut changed = 0;
        for (column, (data_type, charset)) in table.columns.iter().zip(&table.types) {
            let Some(charset) = charset.as_deref().filter(|c| !ranges::faithful(c)) else {
                continue;
            };
            // Members of ENUM and SET are part of the definition, which is compared.
            if !matches!(data_type.as_str(), "enum" | "set") && charset != "binary" {
                changed += content::changed_texts(session, schema, name, column, charset)?;
            }
        }
        if changed > 0 {
            found.insert(name.clone(), changed);
        }
    }
    Ok(found)
}

/// Refuses tables whose rows are not in the server itself, or are another table's.
///
/// # Errors
/// The table and its engine.
pub fn demand_own_rows(before: &Inventory) -> Result<()> {
    let strange = |engine: &str| !guard::keeps_rows(engine);
    let Some((name, table)) = before.tables.iter().find(|(_, t)| strange(&t.engine)) else {
        return Ok(());
    };
    Err(Stop::new(
        ExitCode::Store,
        format!("`{name}` has the storage engine {}; no backup was made", table.engine),
    )
    .hint(
        "Its rows are stored elsewhere or belong to other tables: a backup with them could not \
    be restored.",
    )
    .hint("Keep it in another schema.")
    .into())
}

/// Refuses columns whose values the server may mask: a backup would hold the masks, look
/// whole, and a restore would make them the data.
///
/// # Errors
/// The server cannot be asked, or the columns.
pub fn demand_unmasked(session: &mut Session, schema: &str, before: &Inventory) -> Result<()> {
    let mut masked = obstacles::masked_columns(session, schema)?;
    masked.retain(|(table, _)| before.tables.contains_key(table));
    if masked.is_empty() {
        return Ok(());
    }
    let name = |(table, column): &(String, String)| format!("`{table}.{column}`");
    let columns = masked.iter().map(name).collect::<Vec<_>>().join(", ");
    let message = format!("the server may mask {columns}; no backup was made");
    Err(Stop::new(ExitCode::Store, message)
        .hint(
            "A backup would contain masked values and look complete: a masking policy does not \
        show whom it masks.",
        )
        .hint(
            "Remove the policy from the columns, or back up this server with MySQL Enterprise \
        Backup; docs/limits.md explains why.",
        )
        .into())
}

/// Refuses what a dump program writes as a broken statement.
///
/// # Errors
/// The server cannot be asked, or the backup is refused with what to change.
pub fn demand_writable(session: &mut Session, schema: &str, before: &Inventory) -> Result<()> {
    let Some(table) = obstacles::all_generated(session, schema, before)? else { return Ok(()) };
    let message = format!("`{table}` has rows and generated columns only; no backup was made");
    Err(Stop::new(ExitCode::Store, message)
        .hint("The dump programs write a broken statement for such a table.")
        .hint("Add a stored column, for example an id.")
        .into())
}

/// A view looks broken, too, to an account that may not use what it names. Only
/// one that the account with all rights cannot read either is left out.
///
/// # Errors
/// The server cannot be asked, or the backup is refused with what to change.
pub fn demand_really_broken(ctx: &Ctx, server: &Server, seen: &Inventory) -> Result<()> {
    let mut session = ctx.session(server, Role::Restore, None)?.read_only()?;
    let all = inventory::read(&mut session, &ctx.settings.schema)?;
    let broken = |name: &str| all.broken_views.iter().any(|view| view.name == name);
    let Some(view) = seen.broken_views.iter().find(|view| !broken(&view.name)) else {
        return Ok(());
    };
    let user = &ctx.settings.account(Role::Backup).user;
    Err(Stop::new(
        ExitCode::Configuration,
        format!("`{user}` may not read the view `{}`; a backup would miss it", view.name),
    )
    .hint(
        "The view calls or reads something this account has no privilege on; `cargo xtask \
    doctor --fix` grants its role's privileges.",
    )
    .into())
}
