//! The backup in front of a change, restored and compared: a new one, or the newest
//! that was verified, where the server's log proves that nothing was written since.

use std::time::Instant;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};

use model::check::{self, Check, Outcome};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::manifest::{Manifest, Reason};
use model::receipt::{Event, Level, Receipt};
use ops::backup;
use ops::backup::Wish;
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::sessions::Pair;
use ops::staging;
use ops::staging::Staged;
use ops::unchanged;
use ops::verify;
use plan::restore::staging_name;
use report::human;
use server::{Session, facts, inventory};
use store::{Store, check as file_check};
use sys::clock;

/// A proven backup and its copy on the server.
#[derive(Debug)]
pub struct Proof {
    /// The backup.
    pub manifest: Manifest,
    /// The copy.
    pub staged: Staged,
    /// Whether the backup was there already.
    pub reused: bool,
    /// When it was proven.
    pub verified_utc: DateTime<Utc>,
    /// The GTIDs of what earlier runs did on the server since the backup.
    pub earlier: Vec<String>,
    /// How long the dump took, in milliseconds.
    pub backup_ms: u64,
    /// How long restoring and comparing took, in milliseconds.
    pub proof_ms: u64,
}

/// Takes and proves a backup. The copy stays on the server.
///
/// # Errors
/// Exit code 20 when the backup does not restore to what it should; then the copy
/// is removed.
pub fn take(held: &Held<'_>, pair: &mut Pair, reason: Reason, made: &mut Made) -> Result<Proof> {
    let start = Instant::now();
    let ctx = held.ctx();
    let known = reusable(ctx, held.store(), pair.live())?;
    staging::drop_kept(ctx, pair.copy(), known.as_ref().and_then(|known| known.kept.as_deref()))?;
    let Some(known) = known else {
        let manifest = backup::take(held, &Wish::because(reason), made)
            .context("take the backup before the change; the database was not touched")?;
        let backup_ms = clock::elapsed_ms(start);
        let backed = Backed { manifest, backup_ms, known: None };
        return prove(held, pair, backed);
    };
    let label = &known.manifest.label;
    if let Some(schema) = &known.kept {
        ctx.ui.say(format!(
            "using {label} and its restored copy `{schema}`: nothing was written to the server \
            since"
        ));
        let staged = kept(pair.copy(), schema, &known)?;
        let proof_ms = clock::elapsed_ms(start);
        let Known { manifest, earlier, verified_utc, .. } = known;
        return Ok(Proof {
            manifest,
            staged,
            reused: true,
            verified_utc,
            earlier,
            backup_ms: 0,
            proof_ms,
        });
    }
    ctx.ui.say(format!("using {label}: nothing was written to the server since it was taken"));
    let manifest = known.manifest.clone();
    let backed = Backed { manifest, backup_ms: 0, known: Some(known) };
    prove(held, pair, backed)
}

/// A backup that is to be proven.
struct Backed {
    manifest: Manifest,
    backup_ms: u64,
    known: Option<Known>,
}

fn prove(held: &Held<'_>, pair: &mut Pair, backed: Backed) -> Result<Proof> {
    let Backed { manifest, backup_ms, known } = backed;
    let begun = Instant::now();
    let staged = stage(held, pair, &manifest)?;
    let proof_ms = clock::elapsed_ms(begun);
    held.ctx().ui.say(format!(
        "the backup is proven: {} restored and equal, in {}",
        human::count(staged.rows, "row"),
        human::duration(proof_ms)
    ));
    let reused = known.is_some();
    let earlier = known.map(|known| known.earlier).unwrap_or_default();
    let verified_utc = clock::now();
    Ok(Proof { manifest, staged, reused, verified_utc, earlier, backup_ms, proof_ms })
}

/// The copy that a drill made and compared. That nothing wrote to the server since
/// means that nothing wrote to the copy either.
fn kept(session: &mut Session, schema: &str, known: &Known) -> Result<Staged> {
    let manifest = &known.manifest;
    let flavour = facts::read(session)?.flavour;
    let inventory = inventory::read(session, schema)?;
    Ok(Staged {
        schema: schema.to_owned(),
        events: staging::events_of(&inventory),
        inventory,
        checks: known.checks.clone(),
        rows: manifest.rows,
        table_rows: manifest.tables.iter().map(|table| (table.name.clone(), table.rows)).collect(),
        sha256: manifest.sha256.clone(),
        duration_ms: 0,
        flavour,
    })
}

/// Restores a backup beside the live schema, compares it, and writes the entry.
fn stage(held: &Held<'_>, pair: &mut Pair, manifest: &Manifest) -> Result<Staged> {
    let ctx = held.ctx();
    let refused = |detail: String| {
        Stop::new(
            ExitCode::GateRefused,
            format!("backup {} cannot be restored: {detail}", manifest.label),
        )
        .hint("The database was not touched. `cargo xtask db-verify` shows every check.")
    };
    let source = held.store().resolve(&manifest.label.to_string())?;
    let session = pair.copy();
    let schema = staging::free_name(ctx, session, staging_name)?;
    ctx.ui.say(format!("restoring {} into `{schema}` to compare it", source.name));
    let start = Instant::now();
    let staged = staging::stage(held, session, &source, &schema).map_err(|error| {
        let store = error.downcast_ref::<Stop>().filter(|stop| stop.code == ExitCode::Store);
        match store.map(|stop| stop.message.clone()) {
            Some(message) => error.context(refused(message)),
            None => error,
        }
    })?;
    let verified = verify::Verified {
        level: Level::Restore,
        checks: staged.checks.clone(),
        duration_ms: clock::elapsed_ms(start),
    };
    let read = verify::Read {
        sha256: staged.sha256.clone(),
        uuid: &manifest.server.uuid,
        own_gtids: pair.own_gtids().map(|own| own.join(",")),
        kept: None,
    };
    verify::record(held, &source, &verified, read)?;
    if verified.passed() {
        return Ok(staged);
    }
    staged.drop_schema(pair.copy())?;
    let failed = verified.checks.iter().find(|check| check.outcome == Outcome::Failed);
    Err(refused(failed.map_or_else(String::new, |c| format!("{}: {}", c.name, c.detail))).into())
}

/// A proof that is older is not used again, whatever the log says: disks age, too.
const PROOF_HOURS: i64 = 24;

/// A backup that need not be taken again.
struct Known {
    manifest: Manifest,
    verified_utc: DateTime<Utc>,
    earlier: Vec<String>,
    kept: Option<String>,
    checks: Vec<Check>,
}

/// The newest backup that was proven by restoring it, if the server's log proves
/// that nothing was committed since but by this tool's own drills.
fn reusable(ctx: &Ctx, store: &Store, session: &mut Session) -> Result<Option<Known>> {
    let ledger = store.read()?;
    let mut own: Vec<&str> = Vec::new();
    let mut newest: Option<(Label, &Receipt)> = None;
    for receipt in ledger.receipts.iter().rev() {
        // A line that is not proven may hide what was written, or who wrote it.
        if !receipt.trust.is_proven() {
            return Ok(None);
        }
        match &receipt.event {
            Event::Verify {
                subject,
                level: Level::Restore,
                passed: true,
                own_gtids,
                place,
                ..
            } => {
                own.extend(own_gtids.as_deref());
                // A copy elsewhere proves nothing about the file here.
                if newest.is_none() && place.is_none() {
                    newest = subject.parse().ok().map(|label| (label, receipt));
                }
            }
            Event::Verify { level: Level::File, .. } | Event::Live { .. } => {}
            // What is said about backups; a schema that went with it is among the GTIDs.
            Event::Pin { .. }
            | Event::Prune { .. }
            | Event::Copy { .. }
            | Event::Scheduled { .. } => {}
            Event::Gate { own_gtids: Some(gtids), .. } => own.push(gtids),
            // Only its drill wrote between a backup and now.
            Event::Backup { label, .. } => {
                if newest.as_ref().is_some_and(|(known, _)| known == label) {
                    break;
                }
            }
            _ => return Ok(None),
        }
    }
    let Some((label, receipt)) = newest else { return Ok(None) };
    let Event::Verify { kept, checks, .. } = &receipt.event else { return Ok(None) };
    let verified_utc = receipt.at_utc;
    if clock::now() - verified_utc > TimeDelta::hours(PROOF_HOURS) {
        return Ok(None);
    }
    let Some(entry) = store.entry(&label)? else { return Ok(None) };
    let Some(manifest) = entry.manifest().filter(|_| entry.trust.is_proven()) else {
        return Ok(None);
    };
    if manifest.schema != ctx.settings.schema || !unchanged::by_gtids(session, manifest, &own)? {
        return Ok(None);
    }
    // The proof was about this very file.
    let source = store.resolve(&label.to_string())?;
    if !check::all_passed(&file_check::check_file(&source)?.checks) {
        return Ok(None);
    }
    let kept = match kept {
        Some(schema) if inventory::schema_exists(session, schema)? => Some(schema.clone()),
        _ => None,
    };
    let earlier = own.into_iter().map(str::to_owned).collect();
    let checks = checks.clone();
    Ok(Some(Known { manifest: manifest.clone(), verified_utc, earlier, kept, checks }))
}
