//! `migrate`

use clap::Args;

/// Apply pending migrations: a backup is taken and proven by restoring it first.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask migrate --status\n  cargo xtask migrate --dry-run\n  cargo xtask migrate"
)]
pub struct Migrate {
    /// Show applied and pending migrations; writes nothing
    #[arg(long)]
    pub status: bool,
    /// Show what would be done and stop
    #[arg(long)]
    pub dry_run: bool,
}
