//! The proof in front of a deploy: a backup of the state of a moment ago that was
//! restored and compared. One that is there is used, else one is made.
//!
//! This is the only file of hooks and deploy that takes backups and drills.

use anyhow::{Context, Result};

use model::account::Role;
use model::check::Outcome;
use model::exit::{ExitCode, Stop};
use model::manifest::{Manifest, Reason};
use model::receipt::Level;
use ops::backup::Wish;
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::{backup, verify};
use plan::proof::{self, Candidate, Proof};
use server::{Server, facts, inventory};
use store::Store;
use sys::clock;

/// How it came to be known that there is a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proven {
    /// By a backup that was there.
    Found(Proof),
    /// By a backup that was taken for it.
    Taken(Proof),
    /// The schema holds no table: there is nothing to go back to.
    Empty,
}

impl Proven {
    /// The backup that proves it.
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Found(proof) | Self::Taken(proof) => Some(proof),
            Self::Empty => None,
        }
    }
}

/// The newest proof of the schema, of any age; with `uuid` only of that server. Only what
/// is proven counts: the backup's origin, and the receipt that it was restored.
///
/// # Errors
/// The ledger is damaged, or the folder cannot be read.
pub fn newest(ctx: &Ctx, store: &Store, uuid: Option<&str>) -> Result<Option<Proof>> {
    let entries = store.list()?;
    let ledger = store.read()?;
    let proven = entries.iter().filter(|entry| entry.trust.is_proven());
    let manifests = proven.filter_map(|entry| entry.manifest());
    let candidates: Vec<Candidate<'_>> = manifests
        .map(|manifest| Candidate {
            manifest,
            verified: ledger.highest_verification(&manifest.label, &manifest.sha256),
        })
        .collect();
    Ok(proof::newest(&candidates, &ctx.settings.schema, uuid))
}

/// Why the newest backup that was restored by what the ledger says is no proof: the backup
/// or the receipt has no trusted signature. `None`: there is no such backup.
///
/// # Errors
/// As [`newest`].
pub fn discounted(ctx: &Ctx, store: &Store) -> Result<Option<String>> {
    let ledger = store.read()?;
    let found = store.list()?.into_iter().find_map(|entry| {
        let manifest = entry.manifest().filter(|it| it.schema == ctx.settings.schema)?;
        let claimed = ledger.claimed_verification(&manifest.label, &manifest.sha256);
        if claimed != Some(Level::Restore) {
            return None;
        }
        if !entry.trust.is_proven() {
            return Some(format!(
                "{} was restored, but its origin is not proven: {}",
                entry.label, entry.trust
            ));
        }
        let proven = ledger.highest_verification(&manifest.label, &manifest.sha256);
        (proven.map(|(level, _)| level) != Some(Level::Restore)).then(|| {
            format!("the ledger entry of the restore of {} has no trusted signature", entry.label)
        })
    });
    Ok(found)
}

/// A proof that is recent enough: one that is there, or one that is made now.
///
/// # Errors
/// A backup cannot be taken, or it does not restore to what was backed up (20).
pub fn ensure(ctx: &Ctx, server: &Server, made: &mut Made) -> Result<Proven> {
    let held = Held::take(ctx, server)?;
    let store = held.store();
    let mut session = ctx.session(server, Role::Backup, None)?.read_only()?;
    let uuid = facts::read(&mut session)?.uuid;
    let max_age = ctx.settings.policy.gate.proof_max_age_minutes;
    if let Some(found) = newest(ctx, store, Some(&uuid))?
        && proof::is_fresh(found.created_utc, max_age, clock::now())
    {
        ctx.ui.say(format!(
            "{} is proven: it is {} old and was restored and compared",
            found.label,
            minutes(found.age_minutes(clock::now()))
        ));
        return Ok(Proven::Found(found));
    }
    if let Some(why) = discounted(ctx, store)? {
        ctx.ui.say(format!("{why}; it does not count for a push or a deploy"));
    }
    if inventory::read(&mut session, &ctx.settings.schema)?.tables.is_empty() {
        ctx.ui.say(format!("`{}` has no tables: there is nothing to back up", ctx.settings.schema));
        return Ok(Proven::Empty);
    }
    drop(session);
    ctx.ui.say(format!(
        "no backup of the last {} is proven by a restore: taking one",
        minutes(i64::from(max_age))
    ));
    let manifest = backup::take(&held, &Wish::because(Reason::Deploy), made)
        .context("take the backup before the deploy; the database was not touched")?;
    let source = store.resolve(&manifest.label.to_string())?;
    let verified = verify::drill(&held, &source)?;
    if !verified.passed() {
        return Err(unproven(&manifest, &verified).into());
    }
    ctx.ui.say(format!("{} is proven: restored and compared", manifest.label));
    Ok(Proven::Taken(Proof {
        label: manifest.label,
        created_utc: manifest.created_utc,
        verified_utc: clock::now(),
    }))
}

fn unproven(manifest: &Manifest, verified: &verify::Verified) -> Stop {
    let failed = verified.checks.iter().find(|check| check.outcome == Outcome::Failed);
    let detail =
        failed.map_or_else(String::new, |check| format!(": {}: {}", check.name, check.detail));
    Stop::new(
        ExitCode::GateRefused,
        format!("{} does not restore to what was backed up{detail}", manifest.label),
    )
    .hint("The database was not touched. `cargo xtask db-verify` shows every check.")
}

/// "1 minute", "60 minutes".
pub fn minutes(n: i64) -> String {
    if n == 1 { "1 minute".to_owned() } else { format!("{n} minutes") }
}
