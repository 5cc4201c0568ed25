//! The command line, and nothing else: no IO, no defaults that depend on the machine. One file per
//! command; docs/cli.md is generated from here.

pub mod backup;
pub mod bench;
mod choice;
pub mod ci;
pub mod completions;
pub mod copy;
pub mod deploy;
pub mod doctor;
pub mod drop;
mod grouped;
pub mod hooks;
pub mod import;
pub mod keys;
pub mod list;
pub mod migrate;
pub mod prune;
pub mod quickstart;
pub mod report;
pub mod restore;
pub mod schedule;
pub mod seed;
pub mod server;
pub mod status;
pub mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use grouped::{command, parse};

/// Database safety for StreamFlix: no change without a backup proven by restoring it.
#[derive(Debug, Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100,
    after_help = "Start here:\n  cargo xtask quickstart --yes   get a running, seeded, backed-up \
    database\n  cargo xtask doctor             show what is missing and how to get it\n\nExamples:\n  \
    cargo xtask db-status\n  cargo xtask db-backup --reason \"before the price change\"\n  cargo xtask \
    migrate --dry-run\n  cargo xtask db-restore latest --dry-run\n\n`cargo xtask COMMAND --help` \
    explains one command; docs/exit-codes.md lists the exit codes."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Print one JSON document, and nothing else, on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// On success print nothing but what was asked for, and warnings
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also explain decisions
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// The backups folder [default: backups/ in the workspace]
    #[arg(long, global = true, value_name = "DIR")]
    pub backups: Option<PathBuf>,
    /// Work on this server (the name that a refusal shows), and expect it from now on
    #[arg(long, global = true, value_name = "NAME")]
    pub server: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a running, seeded and backed-up database from nothing
    Quickstart(quickstart::Quickstart),
    /// Check what the other commands need, and show how to fix it
    Doctor(doctor::Doctor),
    /// Start the database and wait until it is ready
    DbUp(server::DbUp),
    /// Stop the database that db-up started; never deletes data
    DbDown(server::DbDown),
    /// Take a backup
    DbBackup(backup::DbBackup),
    /// Restore a backup, replacing the schema in one step
    DbRestore(restore::DbRestore),
    /// Verify a backup, or check the running database
    DbVerify(verify::DbVerify),
    /// List the backups
    DbList(list::DbList),
    /// Show what one backup holds and what is known of it
    DbShow(list::DbShow),
    /// Show on one screen how safe the data is
    DbStatus(status::DbStatus),
    /// Copy a backup to the destinations and read it back
    DbCopy(copy::DbCopy),
    /// Delete backups that the retention policy no longer keeps
    DbPrune(prune::DbPrune),
    /// Keep a backup regardless of the retention policy
    DbPin(prune::DbPin),
    /// Drop a schema that a restore made beside the live one
    DbDrop(drop::DbDrop),
    /// Create and check the keys for encrypted backups
    DbKeys(keys::DbKeys),
    /// Write an HTML page about backups, proofs, copies and changes
    DbReport(report::DbReport),
    /// Take backups on a schedule with the system's scheduler
    Schedule(schedule::Schedule),
    /// Fill the database with generated rows for volume tests
    DbSeed(seed::DbSeed),
    /// Apply pending migrations after proving a backup
    Migrate(migrate::Migrate),
    /// Load catalogue files after proving a backup
    Import(import::Import),
    /// Deploy a release; roll it back if it does not answer
    Deploy(deploy::Deploy),
    /// Make git ask for a proven backup when migrations are pushed
    Hooks(hooks::Hooks),
    /// Print the script that completes these commands in a shell
    Completions(completions::Completions),
    /// Benchmark dumps and restores against other programs
    Bench(bench::Bench),
    /// Run every check and test, and install what they need
    Ci(ci::Ci),
    /// Write the generated pages and man pages, or check the pages
    Docs(ci::Docs),
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_grammar_is_sound() {
        super::command().debug_assert();
    }
}
