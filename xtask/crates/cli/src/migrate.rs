//! `migrate`

use clap::{Args, Subcommand};
use config::gate::StrategyChoice;

/// Apply pending migrations: take a backup, prove it by restoring it, rehearse the migrations on
/// that copy, then apply them.
#[derive(Debug, Clone, Default, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  cargo xtask migrate --status\n  cargo xtask migrate --dry-run\n  \
    cargo xtask migrate\n  cargo xtask migrate --undo\n  cargo xtask migrate new add_prices\n\nHow it works, and what each refusal \
    means: docs/gate.md."
)]
pub struct Migrate {
    /// Something else than applying them
    #[command(subcommand)]
    pub action: Option<MigrateAction>,
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

/// What `migrate` does besides applying migrations.
#[derive(Debug, Clone, Subcommand)]
pub enum MigrateAction {
    /// Write the two files of a new migration
    New(MigrateNew),
}

/// Write the two files of a new migration, numbered after all others.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  cargo xtask migrate new add_prices")]
pub struct MigrateNew {
    /// What it does, in a few words
    #[arg(value_name = "NAME")]
    pub name: String,
}
