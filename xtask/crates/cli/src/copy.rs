//! `db-copy`

use clap::Args;

/// Copy a backup to the destinations of xtask.toml, and read each copy back.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-copy\n  cargo xtask db-copy mydb_backup_20261122_101112 --to s3\n  cargo xtask db-copy --check            read again what lies at the destinations\n\nSetting up destinations: docs/off-site.md."
)]
pub struct DbCopy {
    /// A label, or `latest` [default: latest]
    #[arg(value_name = "LABEL")]
    pub label: Option<String>,
    /// Only this destination; may be given several times
    #[arg(long, value_name = "NAME")]
    pub to: Vec<String>,
    /// Copy nothing; read every copy again (or the label's) and compare it with its note
    #[arg(long)]
    pub check: bool,
}
