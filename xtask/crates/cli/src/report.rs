//! `db-report`

use std::path::PathBuf;

use clap::Args;

/// Write one self-contained HTML page about backups, proofs, copies and changes.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-report --open\n  cargo xtask db-report --out status.html --json"
)]
pub struct DbReport {
    /// The file to write [default: .local/report.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Open it in the browser
    #[arg(long)]
    pub open: bool,
    /// Do not contact the server or the destinations; use only what is known locally
    #[arg(long)]
    pub offline: bool,
}
