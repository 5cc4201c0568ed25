//! `schedule`

use anyhow::Result;

use cli::schedule::{Schedule, ScheduleCommand};
use ops::Ctx;
use upkeep::schedule;

/// A run ends with the code of the first step that failed.
pub(crate) fn run(ctx: &mut Ctx, args: &Schedule) -> Result<()> {
    match &args.command {
        ScheduleCommand::Install { every, dry_run } => {
            schedule::install(ctx, every.as_deref(), *dry_run)
        }
        ScheduleCommand::Status => schedule::status(ctx),
        ScheduleCommand::Uninstall => schedule::uninstall(ctx),
        ScheduleCommand::Run { if_due } => schedule::run(ctx, *if_due),
    }
}
