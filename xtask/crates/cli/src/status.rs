//! `db-status`

use std::path::PathBuf;

use clap::Args;

/// Show on one screen how safe the data is: last backup and proof, RPO, RTO, copies, disk, ledger.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-status\n  cargo xtask db-status --check        exit \
    with 21 if a [monitor] rule is broken\n  cargo xtask db-status --metrics \
    /var/lib/node_exporter/streamflix.prom\n  cargo xtask db-status --json | jq .rpo"
)]
pub struct DbStatus {
    /// Exit with 21 if a rule of `[monitor]` in xtask.toml is broken
    #[arg(long)]
    pub check: bool,
    /// Write the figures as OpenMetrics text for Prometheus' textfile collector
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Do not contact the server or the destinations; use only what is known locally
    #[arg(long)]
    pub offline: bool,
    /// Send what changed since the last message to the webhooks in .env
    #[arg(long, conflicts_with = "offline")]
    pub notify: bool,
}
