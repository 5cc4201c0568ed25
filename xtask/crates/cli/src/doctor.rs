//! `doctor`

use clap::Args;

/// Check everything that the other commands need; each finding comes with its fix.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask doctor\n  cargo xtask doctor --fix      create the schema and the accounts, make passwords"
)]
pub struct Doctor {
    /// Mend what can be mended: .env, passwords, schema, accounts, rights
    #[arg(long)]
    pub fix: bool,
    /// Give up an unfinished restore whose server is gone for good, or whose journal is not followed
    #[arg(long, conflicts_with = "fix")]
    pub forget_restore: bool,
}
