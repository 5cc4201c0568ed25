//! Restores chosen tables inside the live schema.

use anyhow::Result;

use super::ctx::Ctx;
use crate::model::exit::{ExitCode, Stop};
use crate::model::inventory::Inventory;
use crate::plan::restore::RestorePlan;
use crate::server::Session;
use crate::store::source::Source;

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Rows in the chosen tables.
    pub rows: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Not there yet.
pub fn restore(
    _ctx: &Ctx,
    _session: &mut Session,
    _source: &Source,
    _plan: &RestorePlan,
    _wanted: &[String],
    _live: &Inventory,
) -> Result<Restored> {
    Err(Stop::new(ExitCode::Usage, "--table is not there yet").into())
}
