//! `db-report`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::report::DbReport;

/// Runs the command.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &DbReport) -> Result<()> {
    anyhow::bail!("not built yet")
}
