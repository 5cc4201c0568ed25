//! `db-copy`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::copy::DbCopy;

/// Runs the command.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &DbCopy) -> Result<()> {
    anyhow::bail!("not built yet")
}
