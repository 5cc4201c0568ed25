//! `db-verify`

use clap::Args;

use model::entry::Level;

/// Prove a backup by reading or restoring it, or check the running database.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-verify\n  cargo xtask db-verify mydb_backup_20261122_101112 --level file\n  cargo xtask db-verify --live\n  cargo xtask db-verify --live --require-api --json"
)]
pub struct DbVerify {
    /// A label, a file, `latest`, `latest~1`, or `before:2026-11-30T14:00` [default: latest]
    #[arg(value_name = "LABEL|FILE|latest")]
    pub source: Option<String>,
    /// Take it from this destination instead of the backups folder
    #[arg(long, value_name = "NAME", help_heading = "Which backup, how far")]
    pub from: Option<String>,
    /// How far
    #[arg(long, default_value = "restore", value_parser = crate::choice::one_of::<Level>(), conflicts_with = "live", help_heading = "Which backup, how far")]
    pub level: Level,
    /// Load rows over this many sessions; 1: over one, in the dump's order [default: restore.threads of xtask.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), conflicts_with = "live", help_heading = "Which backup, how far")]
    pub threads: Option<u8>,
    /// The file has no end line; you say that it is whole
    #[arg(
        long,
        requires = "source",
        conflicts_with = "live",
        help_heading = "Files from elsewhere"
    )]
    pub no_end_line: bool,
    /// The whole file is in this character set (latin1, gbk, cp932, …), whatever it says itself
    #[arg(
        long,
        value_name = "NAME",
        requires = "source",
        conflicts_with = "live",
        help_heading = "Files from elsewhere"
    )]
    pub charset: Option<String>,
    /// Keep text that looks as if it was read in the wrong character set
    #[arg(
        long,
        requires = "source",
        conflicts_with = "live",
        help_heading = "Files from elsewhere"
    )]
    pub keep_text: bool,
    /// Check the running database and the API instead of a backup
    #[arg(long, conflicts_with = "source", help_heading = "The running database")]
    pub live: bool,
    /// With --live: fail when the API does not answer
    #[arg(long, requires = "live", help_heading = "The running database")]
    pub require_api: bool,
}
