//! What must be true of a dump before it may become a backup.

use anyhow::Result;

use model::exit::{ExitCode, Stop};
use model::inventory::Inventory;
use sql::{Seen, compare, fingerprint};

/// The definitions are what they were before the dump.
pub(super) fn demand_unmoved(before: &Inventory, after: &Inventory) -> Result<()> {
    if fingerprint::schema(before) == fingerprint::schema(after) {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Unexpected,
        "the schema changed while it was being dumped; no backup was made",
    )
    .hint("Another session ran DDL at the same time. Take the backup again once it is done.")
    .into())
}

/// The dump holds exactly what the server's inventory lists, with every column.
pub(super) fn demand_complete(seen: &Seen, inventory: &Inventory) -> Result<()> {
    if let Some(odd) = seen.odd.first() {
        let message =
            format!("the dump contains an unexpected statement, line {}: {}", odd.line, odd.start);
        return Err(
            Stop::new(ExitCode::Unexpected, format!("{message}; no backup was made")).into()
        );
    }
    if let Some((what, why)) = &seen.refused {
        let message = format!(
            "{what} could not be restored as the dump program writes it: {why}; no backup was made"
        );
        return Err(Stop::new(ExitCode::Store, message)
            .hint("`--engine native` may write it in another form.")
            .into());
    }
    if let Some(view) = seen.placeholders.first() {
        return Err(Stop::new(ExitCode::Unexpected, format!("the dump contains only a placeholder \
        for view `{view}`; no backup was made"))
            .hint("The view may name a table or column that is gone: `SHOW CREATE VIEW` and `SELECT` from it tell.")
            .into());
    }
    let check = compare::seen_with_inventory(seen, inventory);
    if check.outcome == model::check::Outcome::Passed {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::Unexpected,
        format!("the dump is not complete, no backup was made: {}", check.detail),
    )
    .hint("`cargo xtask doctor` checks that backup_user may read everything.")
    .into())
}
