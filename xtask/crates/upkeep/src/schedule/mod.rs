//! `schedule`: hand the backups to the system's own scheduler, and what it calls.

mod install;
mod run;
mod state;
mod steps;

use anyhow::Result;

use cli::schedule::{Schedule, ScheduleCommand};
use ops::ctx::Ctx;

pub(super) use state::facts;

/// Runs the command.
///
/// # Errors
/// See docs/exit-codes.md; a run ends with the code of the gravest thing that failed.
pub fn run(ctx: &mut Ctx, args: &Schedule) -> Result<()> {
    match &args.command {
        ScheduleCommand::Install { every, dry_run } => {
            install::install(ctx, every.as_deref(), *dry_run)
        }
        ScheduleCommand::Status => state::status(ctx),
        ScheduleCommand::Uninstall => install::uninstall(ctx),
        ScheduleCommand::Run { if_due } => run::run(ctx, *if_due),
    }
}
