//! `db-list` and `db-show`

use clap::Args;

/// List the backups: when, how old, rows and what changed, why, how far proven, and where.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-list\n  cargo xtask db-list --limit 10\n  cargo xtask db-list --since 36h\n  cargo xtask db-list --since 2026-11-30T14:00 --json | jq '.backups[0].label'\n\nIn a narrow terminal the less important columns are left out; a pipe gets all of them, as does --json."
)]
pub struct DbList {
    /// List the copies at this destination instead of the backups folder
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Show only the newest N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Show only those taken since then: 2026-11-30T14:00, 2026-11-30, 14:00, or an age such as 36h
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
}

/// Show one backup: tables with rows and sizes, what changed, its proof, its receipts, and where it
/// is.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-show latest\n  cargo xtask db-show before:2026-11-30T14:00\n  cargo xtask db-show mydb_backup_20261122_101112 --json | jq .contains"
)]
pub struct DbShow {
    /// A label, `latest`, `latest~1`, or `before:2026-11-30T14:00`
    #[arg(value_name = "LABEL")]
    pub label: String,
    /// Show the copy at this destination instead of the backups folder
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
}
