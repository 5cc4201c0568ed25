//! `db-up` and `db-down`

use clap::Args;
use config::place::Where;

/// Start the database and wait until it is ready.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-up\n  cargo xtask db-up --on local --yes     install MariaDB if needed, no Docker"
)]
pub struct DbUp {
    /// Where to run the database
    #[arg(long = "on", default_value = "auto", value_parser = crate::choice::one_of::<Where>())]
    pub place: Where,
    /// Start and install what is missing without asking
    #[arg(long)]
    pub yes: bool,
}

/// Stop the database that db-up started; never deletes data.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  cargo xtask db-down")]
pub struct DbDown {}
