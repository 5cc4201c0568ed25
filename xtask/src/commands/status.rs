//! `db-status`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::status::DbStatus;

/// Runs the command.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &DbStatus) -> Result<()> {
    anyhow::bail!("not built yet")
}
