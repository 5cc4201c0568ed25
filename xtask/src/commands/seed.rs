//! `db-seed`, being written.

use anyhow::Result;

use super::ctx::Ctx;
use crate::cli::seed::DbSeed;
use crate::server::Server;

/// Runs the command.
///
/// # Errors
/// Always.
pub fn run(_ctx: &mut Ctx, _args: &DbSeed) -> Result<()> {
    anyhow::bail!("db-seed is being written")
}

/// Fills the database.
///
/// # Errors
/// Always.
pub fn fill(_ctx: &mut Ctx, _server: &Server, _scale: f64, _seed: u64) -> Result<()> {
    anyhow::bail!("db-seed is being written")
}
