//! The schemas beside the live one: which there are, and where each comes from.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use chrono::{DateTime, NaiveDateTime, Utc};

use super::Access;
use model::entry::{Entry, Event, Level};
use model::ident::literal;
use model::label::Label;
use ops::ctx::Ctx;
use ops::leftovers;
use plan::companions::{Companion, CompanionKind};
use plan::retention::{Backup, Place};
use server::facts::{self, UNKNOWN};
use store::Store;
use store::ledger::Ledger;
use sys::clock;

/// Where old tables come from: the swap that put them there, and its backup.
pub(super) struct Origin {
    /// The schema that they are in.
    pub schema: String,
    /// The backup in front of the swap.
    pub backup: Label,
    pub uuid: String,
    /// When the swap was written down.
    at_utc: DateTime<Utc>,
}

/// Every schema of old tables that the ledger knows, with its backup.
pub(super) fn origins(ledger: &Ledger) -> Vec<Origin> {
    origins_in(ledger.entries.iter())
}

fn origins_in<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Origin> {
    let origins = entries.filter_map(|entry| {
        let (schema, backup) = match &entry.event {
            Event::Restore { previous_schema, safety_backup, .. } => {
                (previous_schema.clone()?, safety_backup.clone()?)
            }
            Event::Gate { previous_schema, backup, .. } => {
                (previous_schema.clone()?, backup.clone()?)
            }
            Event::Undone { previous_schema, backup, .. } => {
                (previous_schema.clone(), backup.clone())
            }
            _ => return None,
        };
        Some(Origin { schema, backup, uuid: entry.server_uuid.clone(), at_utc: entry.at_utc })
    });
    origins.collect()
}

/// Whether two uuids may be those of one server.
pub(super) fn same(here: &str, there: &str) -> bool {
    here == there || [here, there].contains(&UNKNOWN)
}

/// The companions as the server has them.
pub(super) struct Seen {
    uuid: String,
    all: Vec<Companion>,
    kept: Option<String>,
    free: bool,
    origins: Vec<Origin>,
}

/// When those were made at the latest whose swap was written down by a clock that was wrong.
pub(super) fn misdated(ledger: &Ledger, latest: &Ledger) -> BTreeMap<String, NaiveDateTime> {
    let both = latest.entries.iter().zip(&ledger.entries);
    let moved = both.filter(|(latest, said)| latest.at_utc != said.at_utc).map(|(it, _)| it);
    let local = |it: Origin| (it.schema, clock::local(it.at_utc));
    origins_in(moved).into_iter().map(local).collect()
}

/// `latest`: the ledger with the latest times that are possible.
pub(super) fn list(
    ctx: &Ctx,
    access: &mut Access,
    ledger: &Ledger,
    latest: &Ledger,
) -> Result<Seen> {
    let misdated = misdated(ledger, latest);
    let session = &mut access.session;
    let uuid = facts::read(session)?.uuid;
    let mut all = Vec::new();
    for kind in CompanionKind::ALL {
        for name in leftovers::companions(ctx, session, kind.word())? {
            let stamp = &name[name.len() - "YYYYMMDD_HHMMSS".len()..];
            let Ok(made) = NaiveDateTime::parse_from_str(stamp, "%Y%m%d_%H%M%S") else { continue };
            let made = misdated.get(&name).map_or(made, |latest| made.max(*latest));
            let bytes: Option<u64> = session.value(&format!(
                "SELECT CAST(SUM(DATA_LENGTH + INDEX_LENGTH) AS UNSIGNED) \
                 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
                literal(&name)
            ))?;
            all.push(Companion {
                name,
                kind,
                made,
                bytes: bytes.unwrap_or(0),
                needed: None,
                newest_proof: false,
                backup: None,
                backup_is_proven: false,
            });
        }
    }
    let kept = ledger.proven().rev().find_map(|entry| match &entry.event {
        Event::Verify { level: Level::Restore, kept, .. } => Some(kept.clone()),
        _ => None,
    });
    // What a schema is dropped for must be proven.
    let mut origins = origins_in(ledger.proven());
    origins.retain(|origin| same(&uuid, &origin.uuid));
    Ok(Seen { uuid, all, kept: kept.flatten(), free: access.free, origins })
}

impl Seen {
    /// The server's uuid, and the names of the schemas.
    pub(crate) fn names(&self) -> (String, BTreeSet<String>) {
        (self.uuid.clone(), self.all.iter().map(|it| it.name.clone()).collect())
    }

    /// With what is known of each: the server's uuid, and the companions.
    pub(crate) fn finish(
        self,
        store: &Store,
        backups: &[Backup],
    ) -> Result<(String, Vec<Companion>)> {
        let way_back = store.way_back()?.needs()?;
        let swap = store.read_journal()?.map(|journal| [journal.before, journal.staging]);
        let Self { uuid, all, kept, free, origins } = self;
        let told = |it: Companion| {
            let origin = origins.iter().rev().find(|origin| origin.schema == it.name);
            let backup = origin.map(|origin| origin.backup.clone());
            let proven = backups.iter().any(|known| {
                Some(&known.label) == backup.as_ref()
                    && known.verified == Some(Level::Restore)
                    && known.copies.iter().any(|c| c.place == Place::Here && c.problem.is_none())
            });
            let needed = if way_back.previous_schema.as_ref() == Some(&it.name) {
                Some(way_back.reason)
            } else if swap.as_ref().is_some_and(|names| names.contains(&it.name)) {
                Some("an unfinished swap needs it")
            } else if !free && it.kind != CompanionKind::Before {
                Some("another run is working on this server")
            } else {
                None
            };
            let needed = needed.map(str::to_owned);
            let newest_proof = kept.as_ref() == Some(&it.name);
            Companion { needed, newest_proof, backup, backup_is_proven: proven, ..it }
        };
        Ok((uuid, all.into_iter().map(told).collect()))
    }
}
