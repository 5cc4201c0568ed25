//! `quickstart`

use clap::Args;

use config::place::Where;

/// Set up a running, migrated, seeded database from nothing, with one backup proven by a restore.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  cargo xtask quickstart --yes")]
pub struct Quickstart {
    /// Install and start what is missing without asking
    #[arg(long)]
    pub yes: bool,
    /// Where to run the database
    #[arg(long = "on", default_value = "auto", value_parser = crate::choice::one_of::<Where>())]
    pub place: Where,
}
