//! `deploy`

use clap::Args;

/// Deploy a release: a proven backup and the migrations behind the gate first, then
/// the new program in the place of the old one, and the old one back when the new
/// one does not answer as it has to.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask deploy --dry-run\n  cargo xtask deploy --yes\n  cargo xtask deploy --target docker --yes\n\nTargets are declared in xtask.toml; docs/deploy.md explains them."
)]
pub struct Deploy {
    /// Where to [default: `deploy.target` in xtask.toml]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Show what would be done and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Deploy without asking
    #[arg(long)]
    pub yes: bool,
}
