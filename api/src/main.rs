//! `streamflix-api`: serve, migrate, import. Configuration comes from the environment.

mod authorities;
mod importing;
mod migrating;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use api::{
    app::App,
    config::{self, Database, Role},
    db, gate, import, serve,
};
use clap::{Parser, Subcommand};
use serde::Serialize;

const ENVIRONMENT: &str = "\
Environment:
  DB_HOST, DB_PORT      where the database is [127.0.0.1, 3306]
  DB_SOCKET             Unix socket, used instead of host and port when set
  DB_NAME               schema [mydb]
  DB_APP_USER, DB_APP_PASSWORD          account of serve and import [app_user]
  DB_MIGRATE_USER, DB_MIGRATE_PASSWORD  account of migrate [migrate_user]
  DB_LOCK_WAIT_SECONDS  how long a migration or an import waits for a lock [10]
  DB_LOCK_RETRIES       how often a migration that got no lock is tried again [3]
  DB_TLS                off, preferred, required, verify-ca or verify-identity [preferred on
                        this machine, else verify-identity]
  DB_TLS_CA             authorities to trust instead of the system's (PEM)
  DB_TLS_CERT, DB_TLS_KEY               this client's certificate and its key (PEM)
  DB_TLS_TRUST_NETWORK  yes: the password may go to an unverified server off this machine
  API_BIND              address serve listens on [127.0.0.1:3000]
  API_CONNECTIONS       connections at once [512]
  API_CLIENT_TIMEOUT_SECONDS            how long a client may take or be idle [15]
  API_TRUSTED_PROXIES   addresses and networks whose X-Forwarded-For is believed
  RUST_LOG              what is logged [info]";

const FILES: &str = "\
Files: credits, episodes, genres, movies, people, series; .csv or .json.
What follows a - or . in the name is free: movies-2026-11.csv.";

/// StreamFlix's service.
#[derive(Debug, Parser)]
#[command(name = "streamflix-api", version, after_help = ENVIRONMENT)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer HTTP requests; never changes the schema
    Serve,
    /// Change the schema, or tell its state
    Migrate {
        #[command(subcommand)]
        what: Migrate,
    },
    /// Load the catalogue or a part of it from CSV and JSON files, all or nothing
    #[command(after_help = FILES)]
    Import {
        /// Files, at most one of each kind
        #[arg(required_unless_present = "dir", conflicts_with = "dir")]
        files: Vec<PathBuf>,
        /// All known files of this folder
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Permit that names a proven backup; - reads it from standard input
        #[arg(long = "receipt", value_name = "PATH|-")]
        permit: Option<String>,
        /// Only read and check the files, without a database
        #[arg(long, conflicts_with = "permit")]
        check: bool,
        /// Print one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Apply every pending migration
    Up {
        /// Permit that names a proven backup; - reads it from standard input
        #[arg(long = "receipt", value_name = "PATH|-")]
        permit: Option<String>,
        /// Print one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Tell what is applied and what is pending; changes nothing
    Status {
        /// Print one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // Before there are threads and open connections.
    if let Err(error) = authorities::only_those_named() {
        say(&format!("error: {}", chain(&error)));
        return exit_code(&error);
    }
    start(command)
}

#[tokio::main]
async fn start(command: Command) -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "info,sqlx=warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {}", chain(&error)));
            exit_code(&error)
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve => {
            let database = Database::read(Role::App, config::environment)?;
            let address = config::bind(config::environment)?;
            let limits = config::limits(config::environment)?;
            let proxies = config::proxies(config::environment)?;
            let signal = serve::signal()?;
            let listener = tokio::net::TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address}"))?;
            tracing::info!(database = database.place(), "using");
            serve::serve(listener, App::with(db::pool(&database), limits, proxies), signal).await
        }
        Command::Migrate { what } => run_migrate(what).await,
        Command::Import { files, dir, permit, check, json } => {
            importing::run(importing::Asked { files, dir, permit, check, json }).await
        }
    }
}

async fn run_migrate(what: Migrate) -> Result<()> {
    match what {
        Migrate::Up { permit, json } => migrating::up(permit.as_deref(), json).await,
        Migrate::Status { json } => migrating::status(json).await,
    }
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<import::Usage>() {
        ExitCode::from(2)
    } else if error.is::<gate::Refusal>() {
        ExitCode::from(3)
    } else if error.is::<import::Refused>() {
        ExitCode::from(4)
    } else {
        ExitCode::FAILURE
    }
}

// The error and its causes. sqlx's messages already hold those of their causes; once will do.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

// For people. A closed stderr is no reason to stop a migration.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn print(document: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(document).context("cannot write JSON")?;
    writeln!(std::io::stdout(), "{text}").context("cannot write to stdout")
}
