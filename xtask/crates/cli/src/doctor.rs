//! `doctor`

use clap::Args;

/// Check everything the other commands need, and show how to fix what is wrong.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask doctor\n  cargo xtask doctor --fix      create the \
    schema, the accounts and their passwords"
)]
pub struct Doctor {
    /// Fix what can be fixed: .env, passwords, schema, accounts, privileges
    #[arg(long)]
    pub fix: bool,
    /// Abandon an unfinished restore whose server is gone for good or whose journal is not trusted
    #[arg(long, conflicts_with = "fix")]
    pub forget_restore: bool,
}
