//! `db-drop`

use clap::Args;

/// Drop a schema that `db-restore --into` made.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-drop mydb__look\n  cargo xtask db-drop mydb__look --dry-run\n\nOnly a schema that the ledger says this tool made beside the live one is dropped; old tables \
    (`mydb__before_…`) are for db-prune."
)]
pub struct DbDrop {
    /// The schema
    #[arg(value_name = "SCHEMA")]
    pub schema: String,
    /// Drop without asking
    #[arg(long)]
    pub yes: bool,
    /// Show what would go, then stop
    #[arg(long)]
    pub dry_run: bool,
}
