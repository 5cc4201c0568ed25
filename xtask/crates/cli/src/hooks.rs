//! `hooks`

use clap::{Args, Subcommand, ValueEnum};

/// Git hooks: no push of a migration to a deploy branch without a proven backup.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask hooks install\n  cargo xtask hooks install --chain     an earlier pre-push hook runs first\n  cargo xtask hooks status\n  cargo xtask hooks uninstall\n\ndocs/deploy.md says what each refusal means."
)]
pub struct Hooks {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the hooks.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Let git run the hooks in .githooks/; hooks that are there are never lost
    Install(Install),
    /// Give git the hooks back that it had before
    Uninstall,
    /// What is installed, and whether the next push of this branch needs a proof
    Status,
    /// What git calls; not meant for people
    Run(Run),
}

/// Options of `hooks install`.
#[derive(Debug, Clone, Default, Args)]
pub struct Install {
    /// Run the pre-push hook that is there before this one, and obey both
    #[arg(long)]
    pub chain: bool,
}

/// What git hands to a hook.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// Which hook
    #[arg(value_enum)]
    pub hook: Hook,
    /// The remote's name, or its address where it has none
    #[arg(value_name = "REMOTE")]
    pub remote: String,
    /// The remote's address
    #[arg(value_name = "URL")]
    pub url: String,
}

/// The hooks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hook {
    /// In front of a push; the refs come on standard input
    PrePush,
}
