//! Compares a permit with the schema in front of it, and lets the change in when all agrees.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use permit::{Backup, Permit, RESTORED};
use sqlx::migrate::Migrator;

use super::{
    MayImport, MayMigrate, Refusal, Subject,
    fingerprint::{self, Live},
    permit::open,
    used,
};
use crate::{
    Secret,
    migrate::{self, Locked},
};

const MAX_AGE_S: u64 = 24 * 60 * 60;
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Checks `permit` (its text, or why there is none) for the pending migrations of
/// `migrator`, records its use, and lets them in. Without pending
/// migrations nothing is to be allowed, and no permit is asked for.
///
/// # Errors
/// [`Refusal`] when the permit does not open the gate; otherwise when the schema cannot
/// be read, or contradicts the migrations. Nothing was changed.
pub async fn migration<'c>(
    mut locked: Locked<'c>,
    migrator: &'c Migrator,
    permit: Result<String, Refusal>,
    password: &Secret,
    now: DateTime<Utc>,
) -> Result<Option<MayMigrate<'c>>> {
    let conn = locked.conn();
    let status = migrate::status(conn, migrator).await.context("cannot read the state")?;
    migrate::validate(&status, migrator)?;
    if status.pending.is_empty() {
        locked.release().await?;
        return Ok(None);
    }
    let permit = open(&permit?, password)?;
    let subject: Vec<Subject> = status
        .pending
        .iter()
        .map(|pending| Subject::whole(&*pending.name, &*pending.checksum))
        .collect();
    let live = fingerprint::for_migration(conn).await?;
    compare(&permit, &live, &Wanted { purpose: "migrate", subject: &subject }, now)?;
    used::record(conn, &live.schema, &permit.id).await?;
    let allowed = permit.subject;
    Ok(Some(MayMigrate { locked, migrator, pending: status.pending, allowed }))
}

/// Checks `permit` (its text) for an import of the files `subject` and lets
/// it in. Its use is not recorded: `app_user` has no place of its own to write that to.
///
/// # Errors
/// [`Refusal`] when the permit does not open the gate; otherwise when the schema cannot
/// be read. Nothing was changed.
pub async fn import<'c>(
    mut locked: Locked<'c>,
    subject: Vec<Subject>,
    permit: String,
    password: &Secret,
    now: DateTime<Utc>,
) -> Result<MayImport<'c>> {
    let permit = open(&permit, password)?;
    let live = fingerprint::for_import(locked.conn()).await?;
    compare(&permit, &live, &Wanted { purpose: "import", subject: &subject }, now)?;
    Ok(MayImport { locked, subject })
}

struct Wanted<'a> {
    purpose: &'static str,
    subject: &'a [Subject],
}

fn compare(
    permit: &Permit,
    live: &Live,
    wanted: &Wanted<'_>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::new(reason));
    if permit.purpose != wanted.purpose {
        return refuse(format!("its purpose is {:?}, not {:?}", permit.purpose, wanted.purpose));
    }
    if permit.server_uuid != live.server_uuid {
        let (theirs, ours) = (&permit.server_uuid, &live.server_uuid);
        return refuse(format!("it is for another server ({theirs}; this one is {ours})"));
    }
    if permit.schema != live.schema {
        let (theirs, ours) = (&permit.schema, &live.schema);
        return refuse(format!("it is for another schema ({theirs}; this one is {ours})"));
    }
    in_time(permit, now)?;
    match &permit.backup {
        Some(backup) if backup.level == RESTORED => proven_in_time(backup, now)?,
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
    // An import is rehearsed with a permit of its own, for the copy.
    if wanted.purpose == "migrate" && permit.backup.is_some() && !permit.rehearsed {
        return refuse("the migrations were not rehearsed on the restored copy".into());
    }
    if permit.fingerprint != live.fingerprint {
        return refuse("the schema was changed since the backup (its fingerprint differs)".into());
    }
    same_subject(permit, wanted)
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

fn in_time(permit: &Permit, now: DateTime<Utc>) -> Result<(), Refusal> {
    let age = now.signed_duration_since(permit.issued_utc);
    let max = permit.max_age_s;
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

fn same_subject(permit: &Permit, wanted: &Wanted<'_>) -> Result<(), Refusal> {
    let theirs: BTreeMap<&str, &str> =
        permit.subject.iter().map(|one| (&*one.name, &*one.checksum)).collect();
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
    if said.is_empty() && permit.subject.len() == wanted.subject.len() {
        return Ok(());
    }
    let what = match wanted.purpose {
        "migrate" => "other migrations than the pending ones",
        _ => "other files than the given ones",
    };
    let said = if said.is_empty() { "one is named twice".to_owned() } else { said.join("; ") };
    Err(Refusal::new(format!("it is for {what} ({said})")))
}
