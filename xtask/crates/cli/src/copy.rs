//! `db-copy`

use clap::Args;

/// Copy a backup to the destinations in xtask.toml and read each copy back.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  cargo xtask db-copy\n  cargo xtask db-copy \
    mydb_backup_20261122_101112 --to s3\n  cargo xtask db-copy --check            re-read the \
    copies at the destinations\n\nSetting up destinations: docs/off-site.md.")]
pub struct DbCopy {
    /// A label, `latest`, `latest~1`, or `before:2026-11-30T14:00` [default: latest]
    #[arg(value_name = "LABEL")]
    pub label: Option<String>,
    /// Copy only to this destination; repeatable
    #[arg(long, value_name = "NAME")]
    pub to: Vec<String>,
    /// Copy nothing; re-read every copy (or only those of LABEL) and compare it with its note
    #[arg(long)]
    pub check: bool,
}
