//! `db-keys`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The age keys that encrypted backups are read with, and the key that this machine signs with.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-keys new ~/streamflix-backup.key\n  cargo xtask db-keys check\n  cargo xtask db-keys signer\n\nMaking, storing, rotating and losing keys: docs/keys.md."
)]
pub struct DbKeys {
    /// What to do.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Make a key pair: the identity goes into a file outside the repository
    New {
        /// The file to write; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Say which recipients are set, and whether the identity at hand opens what is encrypted for them
    Check,
    /// Show this machine's public signing key and the line for `[trust]` in xtask.toml; makes the key when there is none
    Signer,
}
