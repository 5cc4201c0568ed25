//! `migrate`

use clap::Args;
use config::gate::StrategyChoice;

/// Apply pending migrations: a backup is taken and proven by restoring it, and the
/// migrations are rehearsed on that copy first.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask migrate --status\n  cargo xtask migrate --dry-run\n  cargo xtask migrate\n  cargo xtask migrate --undo\n\nThe story, and what each refusal means: docs/gate.md."
)]
pub struct Migrate {
    /// Show applied and pending migrations; writes nothing
    #[arg(long, conflicts_with_all = ["undo", "dry_run"])]
    pub status: bool,
    /// Show what would be done and stop
    #[arg(long)]
    pub dry_run: bool,
    /// How the migrations go live [default: gate.strategy in xtask.toml]
    #[arg(long, value_parser = crate::choice::one_of::<StrategyChoice>())]
    pub strategy: Option<StrategyChoice>,
    /// Take the last migration by swap back, where nothing wrote since
    #[arg(long, conflicts_with = "strategy")]
    pub undo: bool,
}
