//! `db-prune` and `db-pin`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::prune::{DbPin, DbPrune};

/// Runs `db-prune`.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &DbPrune) -> Result<()> {
    anyhow::bail!("not built yet")
}

/// Runs `db-pin`.
///
/// # Errors
/// Not built yet.
pub fn pin(_ctx: &mut Ctx, _args: &DbPin) -> Result<()> {
    anyhow::bail!("not built yet")
}
