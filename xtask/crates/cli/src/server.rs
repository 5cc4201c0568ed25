//! `db-up` and `db-down`

use clap::Args;
use config::place::Where;

/// Start the database that is there and wait until it is usable.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-up\n  cargo xtask db-up --on local --yes     install MariaDB if needed, no Docker"
)]
pub struct DbUp {
    /// Where
    #[arg(long = "on", default_value = "auto", value_parser = crate::choice::one_of::<Where>())]
    pub place: Where,
    /// Start and install what is missing without asking
    #[arg(long)]
    pub yes: bool,
}

/// Stop what db-up started. Data stays.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  cargo xtask db-down")]
pub struct DbDown {}
