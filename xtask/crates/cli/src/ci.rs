//! `ci` and `docs`

use std::path::PathBuf;

use clap::Args;

/// Run every check and test, and install what they need (Docker Engine, a MySQL image, MariaDB).
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  cargo xtask ci\n  cargo xtask ci --stage fmt --stage clippy")]
pub struct Ci {
    /// Run only this stage; repeatable
    #[arg(long, value_name = "NAME")]
    pub stage: Vec<String>,
}

/// Write docs/cli.md and docs/exit-codes.md from the code, or the man pages.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask docs\n  cargo xtask docs --check --json\n  cargo xtask docs --man ~/.local/share/man      then: man cargo-xtask-db-restore"
)]
pub struct Docs {
    /// Change nothing; fail if a page is out of date
    #[arg(long)]
    pub check: bool,
    /// Write a man page for each command below this folder, in man1/, and nothing else
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub man: Option<PathBuf>,
}
