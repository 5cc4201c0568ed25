//! `schedule`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::schedule::Schedule;

/// Runs the command.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &Schedule) -> Result<()> {
    anyhow::bail!("not built yet")
}
