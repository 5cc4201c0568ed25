//! What the ledger proves about the backups of a folder.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::ctx::Ctx;
use model::entry::Level;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::manifest::Manifest;
use model::wrong_clock::SLACK;
use store::ledger::Ledger;
use store::{Backup, Store};

/// A backup that was restored and compared, and equal. Its origin and the entry about it
/// carry signatures that are trusted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    manifest: Manifest,
    taken_utc: Option<DateTime<Utc>>,
    verified_utc: DateTime<Utc>,
}

impl Proven {
    /// The only way to one: what the ledger says about this very file.
    fn by(ledger: &Ledger, backup: &Backup) -> Option<Self> {
        let manifest = backup.manifest().filter(|_| backup.trust.is_proven())?;
        if manifest.is_partial() {
            return None;
        }
        match ledger.highest_verification(&manifest.label, &manifest.sha256)? {
            (Level::Restore, verified_utc) => {
                let taken_utc = backup.taken_utc();
                Some(Self { manifest: manifest.clone(), taken_utc, verified_utc })
            }
            (Level::File, _) => None,
        }
    }

    /// The backup.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its name.
    pub fn label(&self) -> &Label {
        &self.manifest.label
    }

    /// When the state was read that it holds; `None`: unknown, a clock was wrong.
    pub fn created_utc(&self) -> Option<DateTime<Utc>> {
        self.taken_utc
    }

    /// When it was restored and compared.
    pub fn verified_utc(&self) -> DateTime<Utc> {
        self.verified_utc
    }

    /// How old the state is that it proves, in whole minutes; `None`: unknown.
    pub fn age_minutes(&self, now: DateTime<Utc>) -> Option<i64> {
        let age = now - self.created_utc()?;
        (age >= -SLACK).then(|| age.num_minutes().max(0))
    }
}

/// The proof of one backup.
///
/// # Errors
/// The ledger is damaged, or the folder cannot be read.
pub(super) fn find(store: &Store, label: &Label) -> Result<Option<Proven>> {
    let ledger = store.read()?;
    Ok(store.backup(label)?.and_then(|backup| Proven::by(&ledger, &backup)))
}

/// The proof of a backup whose restore was just written down.
pub(super) fn demand(store: &Store, label: &Label) -> Result<Proven> {
    find(store, label)?.ok_or_else(|| {
        let message = format!(
            "{label} restores to what was backed up, but its signature or that of the ledger's \
             entry is not trusted here"
        );
        Stop::new(ExitCode::GateRefused, message)
            .hint("`cargo xtask db-keys` shows the keys. The database was not touched.")
            .into()
    })
}

/// The proof of the newest state of the schema, of any age; with `uuid` only of that server.
///
/// # Errors
/// The ledger is damaged, or the folder cannot be read.
pub fn newest(ctx: &Ctx, store: &Store, uuid: Option<&str>) -> Result<Option<Proven>> {
    let ledger = store.read()?;
    let wanted = |it: &Proven| {
        it.manifest.schema == ctx.settings.schema
            && uuid.is_none_or(|uuid| uuid == it.manifest.server.uuid)
    };
    let mut proven = store.list()?.into_iter().filter_map(|backup| Proven::by(&ledger, &backup));
    Ok(proven.find(wanted))
}

/// Why the newest backup that was restored by what the ledger says is no proof: the backup
/// or the entry has no trusted signature. `None`: there is no such backup.
///
/// # Errors
/// As [`newest`].
pub fn discounted(ctx: &Ctx, store: &Store) -> Result<Option<String>> {
    let ledger = store.read()?;
    let found = store.list()?.into_iter().find_map(|backup| {
        let manifest = backup.manifest().filter(|it| it.schema == ctx.settings.schema)?;
        let claimed = ledger.claimed_verification(&manifest.label, &manifest.sha256);
        if claimed != Some(Level::Restore) || Proven::by(&ledger, &backup).is_some() {
            return None;
        }
        Some(if backup.trust.is_proven() {
            format!("the ledger entry of the restore of {} has no trusted signature", backup.label)
        } else {
            format!("{} was restored, but its origin is not proven: {}", backup.label, backup.trust)
        })
    });
    Ok(found)
}
