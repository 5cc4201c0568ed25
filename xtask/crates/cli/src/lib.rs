//! What can be typed, and nothing else: no IO, no defaults that depend on the
//! machine. One file a command; docs/cli.md is generated from here.

pub mod backup;
pub mod bench;
mod choice;
pub mod ci;
pub mod copy;
pub mod deploy;
pub mod doctor;
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

/// Database safety for StreamFlix: no change without a backup that was just
/// proven by restoring it.
#[derive(Debug, Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100,
    after_help = "Start here:\n  cargo xtask quickstart --yes   a running, filled, backed-up database\n  cargo xtask doctor             what is missing, and how to get it\n\nExit codes are listed in docs/exit-codes.md."
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
pub struct Global {
    /// Print one JSON document on standard output and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but warnings and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say how things were decided, too
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Folder with the backups [default: backups/ in the workspace]
    #[arg(long, global = true, value_name = "DIR")]
    pub backups: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// From nothing to a running, filled, backed-up and verified database
    Quickstart(quickstart::Quickstart),
    /// Check everything that the other commands need, with the fix for each
    Doctor(doctor::Doctor),
    /// Start the database and wait until it is usable
    DbUp(server::DbUp),
    /// Stop the database that db-up started; never deletes data
    DbDown(server::DbDown),
    /// Take a backup
    DbBackup(backup::DbBackup),
    /// Restore a backup, replacing the schema in one step
    DbRestore(restore::DbRestore),
    /// Prove a backup, or check the running database
    DbVerify(verify::DbVerify),
    /// List the backups
    DbList(list::DbList),
    /// Say how safe the data is now, in one screen
    DbStatus(status::DbStatus),
    /// Copy a backup to the destinations, and read the copies back
    DbCopy(copy::DbCopy),
    /// Delete what the rules of retention let go
    DbPrune(prune::DbPrune),
    /// Keep a backup whatever the rules of retention say
    DbPin(prune::DbPin),
    /// Make and check the keys of encrypted backups
    DbKeys(keys::DbKeys),
    /// Write a page about backups, proofs, copies and changes
    DbReport(report::DbReport),
    /// Take backups by the system's own scheduler
    Schedule(schedule::Schedule),
    /// Fill the database with generated rows, for volume tests
    DbSeed(seed::DbSeed),
    /// Apply pending migrations, behind a backup that was just proven
    Migrate(migrate::Migrate),
    /// Load catalogue files, behind a backup that was just proven
    Import(import::Import),
    /// Deploy a release behind the gate, and roll it back when it does not answer
    Deploy(deploy::Deploy),
    /// Let git demand a proven backup before a migration is pushed to a deploy branch
    Hooks(hooks::Hooks),
    /// Measure dumps and restores against other programs
    Bench(bench::Bench),
    /// Run every check and test, installing what they need
    Ci(ci::Ci),
    /// Write the generated pages under docs/, or check that they are current
    Docs(ci::Docs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        super::Cli::command().debug_assert();
    }
}
