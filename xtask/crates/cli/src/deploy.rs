//! `deploy`

use clap::Args;

/// Deploy a release: run the gated migrations, replace the running program, and roll it back if
/// the new one fails its health check.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask deploy --dry-run\n  cargo xtask deploy --yes\n  cargo xtask deploy --target docker --yes\n\nTargets are declared in xtask.toml; docs/deploy.md explains them."
)]
pub struct Deploy {
    /// The target to deploy to [default: `deploy.target` in xtask.toml]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Show what would happen, then stop
    #[arg(long)]
    pub dry_run: bool,
    /// Deploy without asking
    #[arg(long)]
    pub yes: bool,
}
