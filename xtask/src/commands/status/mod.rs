//! `db-status`

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::status::DbStatus;
use crate::model::status::Status;

/// Runs the command.
///
/// # Errors
/// Not built yet.
pub fn run(_ctx: &mut Ctx, _args: &DbStatus) -> Result<()> {
    anyhow::bail!("not built yet")
}

/// Looks at everything and judges it. It changes nothing and takes no lock; what cannot
/// be looked at is unknown in the result and no error.
///
/// # Errors
/// Not built yet.
pub fn look(_ctx: &mut Ctx, _offline: bool) -> Result<Status> {
    anyhow::bail!("not built yet")
}
