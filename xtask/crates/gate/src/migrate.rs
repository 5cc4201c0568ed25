//! Pending migrations through the gate: what there is to do, and doing it.

use anyhow::Result;

pub use crate::Applied;
use crate::{online, passage, state};
use config::gate::StrategyChoice;
use model::entry::{Event, GateOutcome};
use ops::ctx::{Ctx, Made};
use plan::migrate::{MigratePlan, MigrationState};
use server::Server;

/// Where the schema stands.
#[derive(Debug)]
pub struct Standing {
    /// What is applied, and what is pending.
    pub state: MigrationState,
    /// Whether migrations ran in place whose end nobody saw.
    pub unfinished: bool,
}

/// Looks where the schema stands; writes nothing.
///
/// # Errors
/// The server or the files cannot be read.
pub fn standing(ctx: &Ctx, server: &Server) -> Result<Standing> {
    let state = state::read(ctx, server)?;
    let unfinished = ctx.settings.backups.is_dir() && ctx.store()?.read_in_place()?.is_some();
    Ok(Standing { state, unfinished })
}

/// What a run would do; `None` means the policy's strategy.
///
/// # Errors
/// Exit code 20 when something stands in its way.
pub fn plan(ctx: &Ctx, server: &Server, choice: Option<StrategyChoice>) -> Result<MigratePlan> {
    let state = state::read(ctx, server)?;
    state.demand_sound()?;
    let follows = online::foreseen(ctx, server, &state)?;
    Ok(MigratePlan {
        follows,
        schema: ctx.settings.schema.clone(),
        server: server.to_string(),
        state,
        choice: choice.unwrap_or(ctx.settings.policy.gate.strategy),
        last: last_times(ctx)?,
    })
}

/// The whole gate, and the migrations behind it; `None` means the policy's strategy.
///
/// # Errors
/// Exit code 20 when the gate refuses (the live schema was not touched), 30 when a
/// migration failed on the live schema and the state before it is back, 31 when not.
pub fn run(
    ctx: &Ctx,
    server: &Server,
    choice: Option<StrategyChoice>,
    made: &mut Made,
) -> Result<Applied> {
    passage::migrate(ctx, server, choice.unwrap_or(ctx.settings.policy.gate.strategy), made)
}

/// The gate with the policy's strategy, for commands that migrate on their way.
///
/// # Errors
/// As [`run`].
pub fn apply(ctx: &Ctx, server: &Server, made: &mut Made) -> Result<Applied> {
    run(ctx, server, None, made)
}

/// What the last passage took; reads only what is there.
fn last_times(ctx: &Ctx) -> Result<Option<String>> {
    if !ctx.settings.backups.is_dir() {
        return Ok(None);
    }
    let ledger = ctx.store()?.read()?;
    let last = ledger.proven().rev().find_map(|entry| match &entry.event {
        Event::Gate { times, outcome: GateOutcome::Applied, .. }
            if entry.schema == ctx.settings.schema && times.total_ms > 0 =>
        {
            Some(report::gate::prediction(times))
        }
        _ => None,
    });
    Ok(last)
}
