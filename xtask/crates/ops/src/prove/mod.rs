//! The one way to prove a backup: it is restored beside the live schema and compared, and
//! the ledger gets an entry. What is proven is a [`Proven`], which only such an entry makes.

mod known;
mod still;

use std::time::Instant;

use anyhow::Result;
use chrono::NaiveDateTime;

pub use known::{Proven, discounted, newest};
pub use still::{Still, still};

use crate::ctx::Ctx;
use crate::held::Held;
use crate::reading;
use crate::sessions::{self, Pair};
use crate::staging::{self, Staged};
use crate::verify::{self, Read, Verified};
use model::account::Role;
use model::check::{Check, Outcome};
use model::entry::Level;
use model::exit::{ExitCode, Stop};
use model::facts::LogPosition;
use model::label::Label;
use model::manifest::Manifest;
use plan::restore::{proof_name, staging_name};
use server::{Session, facts};
use store::source::Source;
use sys::clock;
use ui::Step;

/// A proven backup, and the copy that was restored from it on the server.
#[derive(Debug)]
pub struct ProvenCopy {
    proven: Proven,
    staged: Staged,
}

impl ProvenCopy {
    /// What was proven.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// The backup.
    pub fn manifest(&self) -> &Manifest {
        self.proven.manifest()
    }

    /// The copy.
    pub fn staged(&self) -> &Staged {
        &self.staged
    }
}

/// What a restore and its comparison found.
struct Trial {
    verified: Verified,
    staged: Option<Staged>,
}

impl Trial {
    fn sha256(&self) -> String {
        self.staged.as_ref().map(|staged| staged.sha256.clone()).unwrap_or_default()
    }
}

/// Restores a dump into a schema of its own and compares it. A dump that cannot be loaded
/// is a failed check; a server that went away is an error.
fn restore(
    held: &Held<'_>,
    session: &mut Session,
    source: &Source,
    named: fn(&str, NaiveDateTime) -> String,
    start: Instant,
) -> Result<Trial> {
    let schema = staging::free_name(held.ctx(), session, named)?;
    let line = format!("restoring {} into `{schema}`", source.name);
    held.ctx().ui.step(Step::Load, line);
    let mut hints = Vec::new();
    let (checks, staged) = match staging::stage(held, session, source, &schema) {
        Ok(staged) => (staged.checks.clone(), Some(staged)),
        Err(error) if unusable(&error) => {
            hints = reading::hints(&error);
            (vec![Check::failed("load", format!("{error:#}"))], None)
        }
        Err(error) => return Err(error),
    };
    let duration_ms = clock::elapsed_ms(start);
    Ok(Trial { verified: Verified { level: Level::Restore, checks, hints, duration_ms }, staged })
}

fn unusable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Stop>().is_some_and(|stop| stop.code == ExitCode::Store)
}

/// Restores a dump of any origin, compares it and removes the copy again, unless a
/// migration can use it. Its duration is the measured recovery time.
///
/// # Errors
/// The server cannot be reached or refuses; a difference is a failed check.
pub fn drill(held: &Held<'_>, source: &Source) -> Result<Verified> {
    let start = Instant::now();
    let ctx = held.ctx();
    let mut session = sessions::locked(ctx, held.server(), Role::Drill)?;
    staging::clean(ctx, &mut session)?;
    staging::drop_kept(ctx, &mut session, None)?;
    let uuid = facts::read(&mut session)?.uuid;
    let keep = may_keep(ctx, &session, source, &uuid);
    if !keep {
        // It is never swapped in: where the account may, it does not travel to replicas,
        // neither when it is made nor when it is dropped.
        session.unlogged()?;
    }
    let named = if keep { proof_name } else { staging_name };
    let trial = restore(held, &mut session, source, named, start)?;
    let sha256 = trial.sha256();
    let kept = match trial.staged {
        Some(staged) if keep && staged.passed() => Some(staged.schema),
        Some(staged) => {
            staged.drop_schema(&mut session)?;
            None
        }
        None => None,
    };
    // All of the drill, dropping the copy included.
    let verified = Verified { duration_ms: clock::elapsed_ms(start), ..trial.verified };
    let own_gtids = session.own_gtids().map(|own| own.join(","));
    verify::record(held, source, &verified, Read { sha256, uuid: &uuid, own_gtids, kept })?;
    Ok(verified)
}

/// Whether the copy of a drill can serve a migration: only where the server's log will
/// be able to prove that nothing wrote in between, and small enough to keep.
fn may_keep(ctx: &Ctx, session: &Session, source: &Source, uuid: &str) -> bool {
    let small = ctx.settings.policy.gate.keep_copy_mib << 20;
    source.manifest.as_ref().is_some_and(|manifest| {
        source.place.is_none()
            && manifest.schema == ctx.settings.schema
            && manifest.server.uuid == uuid
            && matches!(manifest.log_position, LogPosition::Gtid { .. })
            && manifest.text_bytes < small
    }) && session.own_gtids().is_some()
}

/// Proves a backup of this folder. Gives how long the restore took, too, in milliseconds.
///
/// # Errors
/// It does not restore to what was backed up: `code`.
pub fn demand(held: &Held<'_>, label: &Label, code: ExitCode) -> Result<(Proven, u64)> {
    let source = held.store().source_of(label)?;
    let verified = drill(held, &source)?;
    if !verified.passed() {
        return Err(refuted((label, source.manifest.as_ref()), &verified.checks, code).into());
    }
    Ok((known::demand(held.store(), label)?, verified.duration_ms))
}

/// As [`demand`], in front of a change: the copy stays on the server.
///
/// # Errors
/// It does not restore to what was backed up ([`ExitCode::GateRefused`]); then the copy is
/// removed.
pub fn with_copy(held: &Held<'_>, pair: &mut Pair, label: &Label) -> Result<ProvenCopy> {
    let source = held.store().source_of(label)?;
    let trial = restore(held, pair.copy(), &source, staging_name, Instant::now())?;
    let uuid = facts::read(pair.copy())?.uuid;
    let own_gtids = pair.own_gtids().map(|own| own.join(","));
    let read = Read { sha256: trial.sha256(), uuid: &uuid, own_gtids, kept: None };
    verify::record(held, &source, &trial.verified, read)?;
    let backup = (label, source.manifest.as_ref());
    let Some(staged) = trial.staged else {
        return Err(refuted(backup, &trial.verified.checks, ExitCode::GateRefused).into());
    };
    let proven = match trial.verified.passed() {
        true => known::demand(held.store(), label),
        false => Err(refuted(backup, &trial.verified.checks, ExitCode::GateRefused).into()),
    };
    match proven {
        Ok(proven) => Ok(ProvenCopy { proven, staged }),
        Err(error) => {
            staged.drop_schema(pair.copy())?;
            Err(error)
        }
    }
}

/// The refusal of a backup that was restored and is not equal.
fn refuted(
    (label, manifest): (&Label, Option<&Manifest>),
    checks: &[Check],
    code: ExitCode,
) -> Stop {
    let failed = checks.iter().find(|check| check.outcome == Outcome::Failed);
    let detail =
        failed.map_or_else(String::new, |check| format!(": {}: {}", check.name, check.detail));
    Stop::new(code, format!("the backup {label} does not restore to what was backed up{detail}"))
        .hint("The database was not touched. `cargo xtask db-verify` shows every check.")
        .hint(format!(
            "Take another backup with `{}`.",
            plan::backup::another(manifest, Level::Restore)
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failed_check_says_why_a_backup_is_not_proven() {
        let label: Label = "mydb_backup_20261122_101112".parse().expect("a label");
        let checks = [Check::passed("size", "9"), Check::failed("rows", "1 of `t` is missing")];
        let stop = refuted((&label, None), &checks, ExitCode::GateRefused);
        assert_eq!(
            stop.message,
            "the backup mydb_backup_20261122_101112 does not restore to what was backed up: \
             rows: 1 of `t` is missing"
        );
    }
}
