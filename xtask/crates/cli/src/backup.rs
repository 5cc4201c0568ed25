//! `db-backup`

use std::path::PathBuf;

use clap::Args;
use config::backup::{CompressChoice, EngineChoice};

/// Take a backup: one SQL file and its manifest, visible only once complete.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-backup\n  cargo xtask db-backup --reason \"before the price change\"\n  cargo xtask db-backup --threads 1 --max-rate 20\n  cargo xtask db-backup --compress zstd --out /mnt/usb/streamflix\n  cargo xtask db-backup --json | jq -r .label"
)]
pub struct DbBackup {
    /// How to read the rows [default: auto]
    #[arg(long, value_parser = crate::choice::one_of::<EngineChoice>(), help_heading = "How it is read")]
    pub engine: Option<EngineChoice>,
    /// Connections that read in parallel [default: 4, or 1 for little data]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = "How it is read")]
    pub threads: Option<u8>,
    /// Read at most this many MiB of SQL text per second, to spare a busy server
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..), help_heading = "How it is read")]
    pub max_rate: Option<u64>,
    /// How to compress the file
    #[arg(long, default_value = "auto", value_parser = crate::choice::one_of::<CompressChoice>(), help_heading = "What is written")]
    pub compress: CompressChoice,
    /// Folder to write to [default: the backups folder]
    #[arg(long, value_name = "DIR", help_heading = "What is written")]
    pub out: Option<PathBuf>,
    /// Why you take this backup; recorded in the manifest
    #[arg(long, value_name = "TEXT", help_heading = "What is recorded")]
    pub reason: Option<String>,
    /// What is missing since the last good backup was meant to go: this backup is not suspect
    #[arg(long, help_heading = "What is recorded")]
    pub accept_loss: bool,
    /// Show what would happen, then stop
    #[arg(long, help_heading = "Before it begins")]
    pub dry_run: bool,
}
