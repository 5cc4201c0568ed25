//! The pending migrations on the live schema itself, run by the API with a receipt.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::api;
use crate::api::As;
use crate::permit::{Permit, Proven};
use crate::put_back;
use crate::told::Told;
use crate::{Gate, Live, state, told};
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::gate::Strategy;
use model::manifest::Manifest;
use model::state::InPlaceJournal;
use ops::sessions::Pair;
use plan::failed;
use report::human;
use sql::fingerprint;
use sys::clock;
use sys::fault::point;

/// One migration may rebuild a large table.
const MIGRATE: Duration = Duration::from_secs(6 * 3600);

/// The proof as the receipt names it.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The backup; `None` where the schema held no table.
    pub manifest: Option<&'a Manifest>,
    /// When that was proven.
    pub verified_utc: Option<DateTime<Utc>>,
    /// The server's uuid.
    pub uuid: &'a str,
}

/// `streamflix-api migrate up --json`, as far as a failure goes.
#[derive(Debug, Default, Deserialize)]
struct Report {
    failed: Option<Failed>,
}

#[derive(Debug, Deserialize)]
struct Failed {
    name: String,
    statement: Option<u64>,
    completed: u64,
    message: String,
}

/// Applies them.
///
/// # Errors
/// Exit code 30 when a migration failed and the state before it is back, 31 when it
/// is not, 20 when the API refused the receipt.
pub fn go(gate: &Gate<'_>, pair: &mut Pair, ground: Ground<'_>) -> Result<Live> {
    let ctx = gate.ctx();
    let schema = &ctx.settings.schema;
    // Asked anew and then compared with the backup: from here on the API itself sees
    // to it that nothing moves.
    let now = told::ask(ctx, gate.server(), gate.api, schema)?;
    gate.demand_unmoved()?;
    let journal = InPlaceJournal {
        version: 1,
        server: ground.uuid.to_owned(),
        schema: schema.clone(),
        backup: ground.manifest.map(|manifest| manifest.label.clone()),
        migrations: gate.names(),
        fingerprint: fingerprint::schema(gate.before),
    };
    gate.held.store().write_in_place(gate.held.lock(), &journal)?;
    point("gate.announced")?;
    ctx.ui.say(format!(
        "applying {} to `{schema}`",
        human::count(gate.pending.len() as u64, "migration")
    ));
    let receipt = receipt(gate, ground, &now)?;
    let args = ["migrate", "up", "--json", "--receipt", "-"];
    let who = As::of(Role::Migrate, schema);
    let run = gate.api.run(ctx, gate.server(), &who, &args, Some(&receipt), MIGRATE);
    point("gate.applied")?;
    let why = match run {
        Ok(finished) if finished.ok() => {
            let left = state::read(ctx, gate.server())?;
            if left.pending.is_empty() && left.troubles.is_empty() {
                gate.held.store().remove_in_place(gate.held.lock())?;
                return Ok(Live {
                    strategy: Strategy::InPlace,
                    previous_schema: None,
                    locked_ms: 0,
                });
            }
            "it succeeded, but not every migration is applied".to_owned()
        }
        Ok(finished) if finished.code == Some(REFUSED) => {
            gate.held.store().remove_in_place(gate.held.lock())?;
            return Err(refused(&api::said(&finished)).into());
        }
        Ok(finished) => said(&finished.stdout).unwrap_or_else(|| api::said(&finished)),
        Err(error) => format!("{error:#}"),
    };
    Err(went_wrong(gate, pair, ground, &why))
}

/// The API's exit code for a receipt that it does not accept.
const REFUSED: i32 = 3;

fn refused(said: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!("the API refused; the database was not touched:\n  {said}"),
    )
    .hint("docs/gate.md explains each refusal.")
}

fn receipt(gate: &Gate<'_>, ground: Ground<'_>, told: &Told) -> Result<String> {
    let account = gate.ctx().settings.account(Role::Migrate);
    let Some(password) = &account.password else {
        return Err(Stop::new(ExitCode::Configuration, "DB_MIGRATE_PASSWORD is not set")
            .hint("`cargo xtask doctor --fix` creates the account.")
            .into());
    };
    let now = clock::now();
    let permit = Permit {
        purpose: "migrate",
        server_uuid: &told.server_uuid,
        schema: &gate.ctx().settings.schema,
        fingerprint: &told.fingerprint,
        subject: gate.pending.iter().map(|p| (p.name(), p.file.checksum.clone())).collect(),
        proven: ground.manifest.map(|manifest| Proven {
            label: manifest.label.clone(),
            sha256: manifest.sha256.clone(),
            verified_utc: ground.verified_utc.unwrap_or(now),
        }),
        rehearsed: ground.manifest.is_some(),
        max_age_s: gate.ctx().settings.policy.gate.receipt_max_age_s,
    };
    permit.sign(password, now)
}

fn said(stdout: &str) -> Option<String> {
    let failed = serde_json::from_str::<Report>(stdout).ok()?.failed?;
    let done = match failed.completed {
        0 => "none before it was completed".to_owned(),
        1 => "statement 1 was completed".to_owned(),
        n => format!("statements 1 to {n} were completed"),
    };
    let at =
        failed.statement.map_or_else(|| "its booking".to_owned(), |n| format!("statement {n}"));
    Some(format!("migration {} failed at {at} ({done}): {}", failed.name, failed.message))
}

fn went_wrong(gate: &Gate<'_>, pair: &mut Pair, ground: Ground<'_>, why: &str) -> anyhow::Error {
    let schema = &gate.ctx().settings.schema;
    gate.ctx().ui.warn(format!("a migration failed on `{schema}`: {why}"));
    let Some(manifest) = ground.manifest else {
        return Stop::new(
            ExitCode::MigrationNotRestored,
            format!("a migration failed on `{schema}`, which had no tables before:\n  {why}"),
        )
        .hint(
            "There is nothing to restore: drop what it created, then run `cargo xtask migrate` \
        again.",
        )
        .into();
    };
    let ended = put_back::go(gate, pair, manifest);
    failed::stop(schema, &manifest.label, why, &ended).into()
}
