//! `db-seed`

use clap::Args;

/// Fill the database with generated accounts, profiles, films and watch history;
/// the same scale and seed always give the same rows.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-seed --scale 0.01 --yes\n  cargo xtask db-seed --scale 1 --yes     about 3 million watch-history rows, 300 MB of SQL text"
)]
pub struct DbSeed {
    /// 1 is about 200k accounts, 400k profiles, 20k films, 3 million watch-history rows
    #[arg(long, default_value_t = 0.01)]
    pub scale: f64,
    /// Start of the random sequence
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Seed without asking
    #[arg(long)]
    pub yes: bool,
}
