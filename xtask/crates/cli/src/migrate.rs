//! `migrate`

use clap::Args;
use config::gate::StrategyChoice;

/// Apply pending migrations: take a backup, prove it by restoring it, rehearse the migrations on
/// that copy, then apply them.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask migrate --status\n  cargo xtask migrate --dry-run\n  \
    cargo xtask migrate\n  cargo xtask migrate --undo\n\nHow it works, and what each refusal \
    means: docs/gate.md."
)]
pub struct Migrate {
    /// Show applied and pending migrations; changes nothing
    #[arg(long, conflicts_with_all = ["undo", "dry_run"])]
    pub status: bool,
    /// Show what would happen, then stop
    #[arg(long)]
    pub dry_run: bool,
    /// How to apply the migrations to the live schema [default: gate.strategy in xtask.toml]
    #[arg(long, value_parser = crate::choice::one_of::<StrategyChoice>())]
    pub strategy: Option<StrategyChoice>,
    /// Undo the last migration by swap, if nothing was written since
    #[arg(long, conflicts_with = "strategy")]
    pub undo: bool,
}
