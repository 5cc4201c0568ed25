//! `db-keys`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::keys::DbKeys;

/// Runs the command.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &DbKeys) -> Result<()> {
    anyhow::bail!("not built yet")
}
