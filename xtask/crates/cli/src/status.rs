//! `db-status`

use std::path::PathBuf;

use clap::Args;

/// How safe the data is now, in one screen: last backup and proof, RPO, RTO, copies,
/// disk, ledger.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-status\n  cargo xtask db-status --check        exit code 21 when the rules of [monitor] are not met\n  cargo xtask db-status --metrics /var/lib/node_exporter/streamflix.prom\n  cargo xtask db-status --json | jq .rpo"
)]
pub struct DbStatus {
    /// End with 21 when a rule of the section monitor in xtask.toml is not met
    #[arg(long)]
    pub check: bool,
    /// Write the figures as OpenMetrics text, for Prometheus' textfile collector
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Ask neither the server nor the destinations: only what is known here
    #[arg(long)]
    pub offline: bool,
    /// Send what changed since the last message to the webhooks of .env
    #[arg(long, conflicts_with = "offline")]
    pub notify: bool,
}
