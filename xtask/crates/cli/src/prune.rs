//! `db-prune` and `db-pin`

use clap::Args;

/// Show which backups, copies and old schemas the retention policy no longer keeps, and delete them
/// with --yes.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-prune                 the plan, with a reason for \
    each\n  cargo xtask db-prune --yes\n  cargo xtask db-prune --only-here --json\n\nThe \
    retention rules: docs/retention.md."
)]
pub struct DbPrune {
    /// Delete what the plan says
    #[arg(long)]
    pub yes: bool,
    /// Do not touch the destinations
    #[arg(long)]
    pub only_here: bool,
}

/// Keep a backup regardless of the retention policy.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-pin mydb_backup_20261122_101112 --note \"before the merger\"\n  cargo xtask db-pin mydb_backup_20261122_101112 --remove"
)]
pub struct DbPin {
    /// A label, `latest`, `latest~1`, or `before:2026-11-30T14:00`
    #[arg(value_name = "LABEL")]
    pub label: String,
    /// Why you keep it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
    /// Remove the pin
    #[arg(long)]
    pub remove: bool,
}
