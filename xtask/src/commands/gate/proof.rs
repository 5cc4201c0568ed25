//! The backup in front of a change, restored and compared: a new one, or the newest
//! that was verified, where the server's log proves that nothing was written since.

use std::time::Instant;

use anyhow::{Context, Result};

use super::unchanged;
use crate::commands::backup::{self, Wish};
use crate::commands::ctx::Ctx;
use crate::commands::staging::{self, Staged};
use crate::commands::verify;
use crate::model::check::Outcome;
use crate::model::exit::{ExitCode, Stop};
use crate::model::label::Label;
use crate::model::manifest::{Manifest, Reason};
use crate::model::receipt::{Event, Level};
use crate::plan::restore::staging_name;
use crate::report::human;
use crate::server::{Server, Session};
use crate::store::{Store, StoreLock};
use crate::sys::clock;

/// A proven backup and its copy on the server.
#[derive(Debug)]
pub struct Proof {
    /// The backup.
    pub manifest: Manifest,
    /// The copy.
    pub staged: Staged,
    /// Whether the backup was there already.
    pub reused: bool,
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
pub fn take(
    ctx: &Ctx,
    server: &Server,
    store: &Store,
    lock: &StoreLock,
    session: &mut Session,
    reason: Reason,
) -> Result<Proof> {
    let start = Instant::now();
    let known = reusable(ctx, store, session)?;
    let reused = known.is_some();
    let manifest = match known {
        Some(manifest) => {
            let label = &manifest.label;
            ctx.ui.say(format!("{label} is used: nothing wrote to the server since it was taken"));
            manifest
        }
        None => backup::take(ctx, server, store, lock, &Wish::because(reason))
            .context("take the backup in front of the change; the database was not touched")?,
    };
    let backup_ms = if reused { 0 } else { clock::elapsed_ms(start) };
    let begun = Instant::now();
    let staged = stage(ctx, store, lock, session, &manifest)?;
    let proof_ms = clock::elapsed_ms(begun);
    ctx.ui.say(format!(
        "the backup is proven: {} restored and equal, in {}",
        human::count(staged.rows, "row"),
        human::duration(proof_ms)
    ));
    Ok(Proof { manifest, staged, reused, backup_ms, proof_ms })
}

/// Restores a backup beside the live schema, compares it, and writes the receipt.
fn stage(
    ctx: &Ctx,
    store: &Store,
    lock: &StoreLock,
    session: &mut Session,
    manifest: &Manifest,
) -> Result<Staged> {
    let refused = |detail: String| {
        Stop::new(
            ExitCode::GateRefused,
            format!("the backup {} is no way back: {detail}", manifest.label),
        )
        .hint("The database was not touched. `cargo xtask db-verify` shows every check.")
    };
    let source = store.resolve(&manifest.label.to_string())?;
    let schema = staging::free_name(ctx, session, staging_name)?;
    ctx.ui.say(format!("restoring {} into `{schema}` to compare it", source.name));
    let start = Instant::now();
    let staged = staging::stage(ctx, session, &source, &schema).map_err(|error| {
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
        own_gtids: session.own_gtids().map(|own| own.join(",")),
    };
    verify::record(ctx, store, lock, &source, &verified, read)?;
    if verified.passed() {
        return Ok(staged);
    }
    staged.drop_schema(session)?;
    let failed = verified.checks.iter().find(|check| check.outcome == Outcome::Failed);
    Err(refused(failed.map_or_else(String::new, |c| format!("{}: {}", c.name, c.detail))).into())
}

/// The newest backup that was proven by restoring it, if the server's log proves
/// that nothing was committed since but by this tool's own drills.
fn reusable(ctx: &Ctx, store: &Store, session: &mut Session) -> Result<Option<Manifest>> {
    let ledger = store.read()?;
    let mut own: Vec<&str> = Vec::new();
    let mut newest: Option<Label> = None;
    for receipt in ledger.receipts.iter().rev() {
        match &receipt.event {
            Event::Verify { subject, level: Level::Restore, passed: true, own_gtids, .. } => {
                own.extend(own_gtids.as_deref());
                newest = newest.or_else(|| subject.parse().ok());
            }
            Event::Verify { .. } | Event::Live { .. } => {}
            Event::Gate { own_gtids: Some(gtids), .. } => own.push(gtids),
            // Only its drill wrote between a backup and now.
            Event::Backup { label, .. } if newest.as_ref() == Some(label) => break,
            Event::Backup { .. } => {}
            _ => return Ok(None),
        }
    }
    let Some(label) = newest else { return Ok(None) };
    let Some(entry) = store.entry(&label)? else { return Ok(None) };
    let Some(manifest) = entry.manifest() else { return Ok(None) };
    if manifest.schema != ctx.settings.schema {
        return Ok(None);
    }
    let unmoved = unchanged::by_gtids(session, manifest, &own)?;
    Ok(unmoved.then(|| manifest.clone()))
}
