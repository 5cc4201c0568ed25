//! `schedule`

use clap::{Args, Subcommand};

/// Take, prove, copy and prune backups with the system's scheduler.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask schedule install --every 6h\n  cargo xtask schedule install --every \"15 3 * * *\"\n  cargo xtask schedule status\n  cargo xtask schedule run            what the scheduler calls\n  cargo xtask schedule uninstall"
)]
pub struct Schedule {
    /// What to do.
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

/// What can be done with the schedule.
#[derive(Debug, Clone, Subcommand)]
pub enum ScheduleCommand {
    /// Install the scheduled job
    Install {
        /// `6h`, `30m`, `1d`, or a cron expression of five fields in local time [default: schedule.every in xtask.toml]
        #[arg(long, value_name = "WHEN")]
        every: Option<String>,
        /// Show what would be written, then stop
        #[arg(long)]
        dry_run: bool,
    },
    /// Show whether the job is installed, when it last ran and when it runs next
    Status,
    /// Remove the scheduled job
    Uninstall,
    /// Run once: backup, proof, copies, pruning
    Run {
        /// Do nothing unless a run is due
        #[arg(long)]
        if_due: bool,
    },
}
