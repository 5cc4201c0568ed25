//! `db-up` and `db-down`

use clap::{Args, ValueEnum};

/// Where the database runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Where {
    /// What is there: a running container, Docker, else a private local server
    #[default]
    Auto,
    /// The compose file's container
    Docker,
    /// A private server on this machine, with its data under .local/
    Local,
}

/// Start the database that is there and wait until it is usable.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask db-up\n  cargo xtask db-up --on local --yes     install MariaDB if needed, no Docker"
)]
pub struct DbUp {
    /// Where
    #[arg(long = "on", value_enum, default_value_t)]
    pub place: Where,
    /// Start and install what is missing without asking
    #[arg(long)]
    pub yes: bool,
}

/// Stop what db-up started. Data stays.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  cargo xtask db-down")]
pub struct DbDown {}
