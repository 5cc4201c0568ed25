//! Compares a receipt with the schema in front of it, and gives a permit when all agrees.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::migrate::Migrator;

use super::{
    ImportPermit, MigratePermit, Refusal, Subject,
    fingerprint::{self, Live},
    receipt::Backup,
    receipt::Receipt,
    used,
};
use crate::{
    Secret,
    migrate::{self, Locked},
};

const MAX_AGE_S: u64 = 24 * 60 * 60;
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Checks `receipt` (its text, or why there is none) for the pending migrations of
/// `migrator`, records its use, and returns leave to apply them. Without pending
/// migrations there is nothing to permit, and no receipt is asked for.
///
/// # Errors
/// [`Refusal`] when the receipt does not open the gate; otherwise when the schema cannot
/// be read, or contradicts the migrations. Nothing was changed.
pub async fn migration<'c>(
    mut locked: Locked<'c>,
    migrator: &'c Migrator,
    receipt: Result<String, Refusal>,
    password: &Secret,
    now: DateTime<Utc>,
) -> Result<Option<MigratePermit<'c>>> {
    let conn = locked.conn();
    let status = migrate::status(conn, migrator).await.context("cannot read the state")?;
    migrate::validate(&status, migrator)?;
    if status.pending.is_empty() {
        locked.release().await?;
        return Ok(None);
    }
    let receipt = Receipt::open(&receipt?, password)?;
    let subject: Vec<Subject> = status
        .pending
        .iter()
        .map(|pending| Subject { name: pending.name.clone(), checksum: pending.checksum.clone() })
        .collect();
    let live = fingerprint::for_migration(conn).await?;
    compare(&receipt, &live, &Wanted { purpose: "migrate", subject: &subject }, now)?;
    used::record(conn, &live.schema, &receipt.id).await?;
    Ok(Some(MigratePermit { locked, migrator, pending: status.pending }))
}

/// Checks `receipt` (its text) for an import of the files `subject` and returns leave to import
/// them. Its use is not recorded: `app_user` has no place of its own to write that to.
///
/// # Errors
/// [`Refusal`] when the receipt does not open the gate; otherwise when the schema cannot
/// be read. Nothing was changed.
pub async fn import<'c>(
    mut locked: Locked<'c>,
    subject: Vec<Subject>,
    receipt: String,
    password: &Secret,
    now: DateTime<Utc>,
) -> Result<ImportPermit<'c>> {
    let receipt = Receipt::open(&receipt, password)?;
    let live = fingerprint::for_import(locked.conn()).await?;
    compare(&receipt, &live, &Wanted { purpose: "import", subject: &subject }, now)?;
    Ok(ImportPermit { locked, subject })
}

struct Wanted<'a> {
    purpose: &'static str,
    subject: &'a [Subject],
}

fn compare(
    receipt: &Receipt,
    live: &Live,
    wanted: &Wanted<'_>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::new(reason));
    if receipt.purpose != wanted.purpose {
        return refuse(format!("its purpose is {:?}, not {:?}", receipt.purpose, wanted.purpose));
    }
    if receipt.server_uuid != live.server_uuid {
        let (theirs, ours) = (&receipt.server_uuid, &live.server_uuid);
        return refuse(format!("it is for another server ({theirs}; this one is {ours})"));
    }
    if receipt.schema != live.schema {
        let (theirs, ours) = (&receipt.schema, &live.schema);
        return refuse(format!("it is for another schema ({theirs}; this one is {ours})"));
    }
    in_time(receipt, now)?;
    match &receipt.backup {
        Some(backup) if backup.level == "restore" => proven_in_time(backup, now)?,
        Some(backup) => {
            return refuse(format!(
                "its backup was not verified by restoring it (its level is {:?})",
                backup.level
            ));
        }
        None if live.tables == 0 => {}
        None => {
            return refuse(format!(
                "it names no backup, but the schema has {} table(s)",
                live.tables
            ));
        }
    }
    // An import is rehearsed with a receipt of its own, for the copy.
    if wanted.purpose == "migrate" && receipt.backup.is_some() && !receipt.rehearsed {
        return refuse("the migrations were not rehearsed on the restored copy".into());
    }
    if receipt.fingerprint != live.fingerprint {
        return refuse("the schema was changed since the backup (its fingerprint differs)".into());
    }
    same_subject(receipt, wanted)
}

fn proven_in_time(backup: &Backup, now: DateTime<Utc>) -> Result<(), Refusal> {
    let age = now.signed_duration_since(backup.verified_utc);
    let most = TimeDelta::seconds(i64::try_from(MAX_AGE_S).unwrap_or_default());
    if age > most || age < -CLOCK_SKEW {
        return Err(Refusal::new(format!(
            "its backup was proven {} s ago; the limit is {MAX_AGE_S} s",
            age.num_seconds()
        )));
    }
    Ok(())
}

fn in_time(receipt: &Receipt, now: DateTime<Utc>) -> Result<(), Refusal> {
    let age = now.signed_duration_since(receipt.issued_utc);
    let max = receipt.max_age_s;
    if max > MAX_AGE_S {
        return Err(Refusal::new(format!(
            "it claims to be valid for {max} s; the limit is {MAX_AGE_S} s"
        )));
    }
    if age < -CLOCK_SKEW {
        return Err(Refusal::new(format!(
            "it was issued in the future, {} s from now",
            -age.num_seconds()
        )));
    }
    // Cannot overflow: a day at most.
    if age > TimeDelta::seconds(i64::try_from(max).unwrap_or_default()) {
        return Err(Refusal::new(format!(
            "it is too old: issued {} s ago, valid for {max} s",
            age.num_seconds()
        )));
    }
    Ok(())
}

fn same_subject(receipt: &Receipt, wanted: &Wanted<'_>) -> Result<(), Refusal> {
    let theirs: BTreeMap<&str, &str> =
        receipt.subject.iter().map(|one| (&*one.name, &*one.checksum)).collect();
    let ours: BTreeMap<&str, &str> =
        wanted.subject.iter().map(|one| (&*one.name, &*one.checksum)).collect();
    let names = |of: &BTreeMap<&str, &str>| of.keys().map(|k| (*k).to_owned()).collect();
    let (here, there): (BTreeSet<String>, BTreeSet<String>) = (names(&ours), names(&theirs));
    let changed = ours.iter().filter(|(name, checksum)| {
        theirs.get(*name).is_some_and(|other| !other.eq_ignore_ascii_case(checksum))
    });
    let lists = [
        ("missing in it", here.difference(&there).cloned().collect::<Vec<_>>()),
        ("unexpected in it", there.difference(&here).cloned().collect()),
        ("changed", changed.map(|(name, _)| (*name).to_owned()).collect()),
    ];
    let said: Vec<String> = lists
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
    if said.is_empty() && receipt.subject.len() == wanted.subject.len() {
        return Ok(());
    }
    let what = match wanted.purpose {
        "migrate" => "other migrations than the pending ones",
        _ => "other files than the given ones",
    };
    let said = if said.is_empty() { "one is named twice".to_owned() } else { said.join("; ") };
    Err(Refusal::new(format!("it is for {what} ({said})")))
}
