//! What the built API says about a schema: its word goes into the permit that it
//! will check, and its session's settings are those of the rehearsal.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::api;
use crate::api::{Api, As};
use model::account::Role;
use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use plan::migrate::MigrationFile;
use server::Server;
use std::time::Duration;

const ASK: Duration = Duration::from_secs(60);

/// The settings of the API's own connection, as the server prints them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiSession {
    /// `@@sql_mode`
    pub sql_mode: String,
    /// `@@time_zone`
    pub time_zone: String,
    /// `@@character_set_client`
    pub character_set_client: String,
    /// `@@collation_connection`
    pub collation_connection: String,
}

/// A migration as the API knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiMigration {
    /// The number in its file name.
    pub version: i64,
    /// SHA-384 as hex.
    pub checksum: String,
}

/// `streamflix-api migrate status --json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// The server's uuid.
    pub server_uuid: String,
    /// Number of base tables.
    pub tables: u64,
    /// Hash of all definitions and applied migrations.
    pub fingerprint: String,
    /// As `fingerprint`, of what the API's own account can read.
    #[serde(default)]
    pub import_fingerprint: String,
    /// Its connection's settings.
    pub session: ApiSession,
    /// What it would apply.
    pub pending: Vec<ApiMigration>,
    /// The first migration that failed half-way.
    pub dirty: Option<i64>,
}

/// Asks the API about a schema; nothing is changed.
///
/// # Errors
/// It cannot answer.
pub fn ask(ctx: &Ctx, server: &Server, api: &Api, schema: &str) -> Result<Told> {
    // What is on a copy may do what its reader may: that account can do nothing elsewhere.
    let role = if schema == ctx.settings.schema { Role::Migrate } else { Role::Drill };
    let who = As { role, plays: Role::Migrate, schema };
    let finished = api.run(ctx, server, &who, &["migrate", "status", "--json"], None, ASK)?;
    if !finished.ok() {
        let message = format!("the API cannot read `{schema}`:\n  {}", api::said(&finished));
        return Err(Stop::new(ExitCode::Server, message)
            .hint("`cargo xtask doctor` checks the accounts and their privileges.")
            .into());
    }
    serde_json::from_str(&finished.stdout).context("read what the API says about the schema")
}

/// The API was built from the same files that were read here.
///
/// # Errors
/// Exit code 20: it would apply something else.
pub fn demand_same(told: &Told, pending: &[MigrationFile]) -> Result<()> {
    let ours: Vec<(i64, &str)> = pending.iter().map(|f| (f.version, f.checksum.as_str())).collect();
    let theirs: Vec<(i64, &str)> =
        told.pending.iter().map(|m| (m.version, m.checksum.as_str())).collect();
    if ours == theirs {
        return Ok(());
    }
    Err(Stop::new(
        ExitCode::GateRefused,
        "the built API would apply other migrations than those in api/migrations; the database was not touched",
    )
    .hint("A file was changed while it was built. Run the command again.")
    .into())
}
