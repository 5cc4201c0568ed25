//! `db-list`

use clap::Args;

/// List the backups with age, size, rows, reason and how thoroughly each was proven.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-list\n  cargo xtask db-list --json | jq '.backups[0].label'"
)]
pub struct DbList {
    /// List the copies at this destination instead of the backups folder
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
}
