//! `db-restore`

use clap::Args;

/// Restore a backup: load it beside the live schema, compare it with its manifest, and swap it in
/// with one RENAME.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-restore latest\n  cargo xtask db-restore mydb_backup_20261122_101112 --yes\n  cargo xtask db-restore before:2026-11-30T14:00 --dry-run\n  cargo xtask db-restore dump-made-by-hand.sql.gz\n  cargo xtask db-restore latest --into mydb__look      beside the live schema\n  cargo xtask db-restore latest --table rating --table watchlist"
)]
pub struct DbRestore {
    /// A label, a file, `latest`, `latest~1`, or `before:2026-11-30T14:00`
    #[arg(value_name = "LABEL|FILE|latest")]
    pub source: String,
    /// Use the copy at this destination instead of the backups folder
    #[arg(long, value_name = "NAME", help_heading = "What is restored, and where")]
    pub from: Option<String>,
    /// Restore into this new schema and leave the live one alone; its name must start with the live
    /// schema's name and two underscores
    #[arg(long, value_name = "SCHEMA", help_heading = "What is restored, and where")]
    pub into: Option<String>,
    /// Restore only this table; repeatable
    #[arg(
        long,
        value_name = "T",
        conflicts_with = "into",
        help_heading = "What is restored, and where"
    )]
    pub table: Vec<String>,
    /// Drop the old tables after the swap instead of keeping them in `mydb__before_…`
    #[arg(long, help_heading = "The live schema")]
    pub drop_old: bool,
    /// Go on although the safety backup cannot hold everything that is live, such as a BLACKHOLE
    /// table or a sequence: what the plan names is then only in `mydb__before_…`
    #[arg(long, conflicts_with_all = ["into", "drop_old"], help_heading = "The live schema")]
    pub accept_unsaved: bool,
    /// Enable the events of a file of unknown origin; otherwise they stay disabled
    #[arg(long, conflicts_with_all = ["into", "table"], help_heading = "Files from elsewhere")]
    pub enable_events: bool,
    /// Load rows over this many connections; 1 loads in the dump's order [default: restore.threads
    /// in xtask.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = "How")]
    pub threads: Option<u8>,
    /// The file has no end line; you say that it is whole
    #[arg(long, help_heading = "Files from elsewhere")]
    pub no_end_line: bool,
    /// The whole file is in this character set (latin1, gbk, cp932, …), whatever it says itself
    #[arg(long, value_name = "NAME", help_heading = "Files from elsewhere")]
    pub charset: Option<String>,
    /// Keep text that looks as if it was read in the wrong character set
    #[arg(long, help_heading = "Files from elsewhere")]
    pub keep_text: bool,
    /// Overwrite without asking
    #[arg(long, help_heading = "Before it begins")]
    pub yes: bool,
    /// Show what would happen, then stop
    #[arg(long, help_heading = "Before it begins")]
    pub dry_run: bool,
}
