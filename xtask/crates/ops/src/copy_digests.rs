//! The digests of a restored copy, read over several connections.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ctx::Ctx;
use model::digest::ContentDigest;
use model::facts::Flavour;
use model::inventory::Inventory;
use rows::native::digests;
use server::Session;
use server::wire::Patience;
use sql::compare::Expected;
use ui::Total;

/// Of each table, over the columns that `expected` names.
///
/// # Errors
/// A table cannot be read.
pub fn read(
    ctx: &Ctx,
    session: &mut Session,
    (schema, flavour): (&str, Flavour),
    inventory: &Inventory,
    expected: &Expected,
) -> Result<BTreeMap<String, ContentDigest>> {
    let covered = inventory.tables.iter().map(|(name, table)| {
        let covered = match expected.tables.get(name) {
            Some(wanted) => (wanted.columns.clone(), wanted.exact_floats.clone()),
            None => (table.columns.clone(), table.float_columns.clone()),
        };
        (name.clone(), covered)
    });
    let policy = &ctx.settings.policy;
    let connect = Duration::from_secs(policy.server.connect_timeout_s);
    let patience = Patience::new(connect, Duration::from_secs(policy.backup.stall_s));
    let mut bar = ctx.ui.bar("compare", total(expected));
    let found = digests::digest_tables(
        session,
        (schema, flavour),
        inventory,
        &covered.collect(),
        policy.restore.threads(),
        &patience,
        &mut |rows, table| bar.set(0, rows, table),
    );
    bar.done();
    found.context("compare what was loaded")
}

fn total(expected: &Expected) -> Total {
    match expected.tables.values().map(|table| table.content.rows).sum() {
        0 => Total::Unknown,
        rows => Total::Rows(rows),
    }
}
