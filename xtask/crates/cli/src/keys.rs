//! `db-keys`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Manage the age keys that decrypt backups and this machine's signing key.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-keys new ~/streamflix-backup.key\n  cargo xtask \
    db-keys check\n  cargo xtask db-keys signer\n\nCreating, storing, rotating and losing keys: \
    docs/keys.md."
)]
pub struct DbKeys {
    /// What to do.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Create a key pair; the identity goes into a file outside the repository
    New {
        /// The file to write; must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show the configured recipients and check that the identity at hand decrypts for them
    Check,
    /// Show this machine's public signing key and its `[trust]` line for xtask.toml; creates the
    /// key if missing
    Signer,
}
