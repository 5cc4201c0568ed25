//! Deleting backups, and exempting them from it.
//!
//! A crash in between leaves the whole backup or none:
//!
//! 1. `<label>.pending` is written: the marker of `store::commit`, "the data file of this
//!    size and hash is ours". Beside a manifest it means nothing.
//! 2. `<label>.json` is removed: the backup does not exist any more. What is left is what
//!    a dump leaves that died before its manifest, and the next run removes it.
//! 3. The entry is written.
//! 4. The data file is removed, then the marker.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::commit::Marker;
use super::ledger::Ledger;
use super::remote::{self, Depot};
use super::{Store, StoreLock, names};
use model::copy::CopyOutcome;
use model::entry::{Entry, Event};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use sys::fault::point;
use sys::fs;

impl Ledger {
    /// The backups that are pinned, each with its note. A line that is not proven can pin,
    /// but unpins only in the part of a ledger that is older than signatures.
    pub fn pins(&self) -> BTreeMap<Label, String> {
        let mut pins = BTreeMap::new();
        let mut signed = false;
        for entry in &self.entries {
            signed |= entry.trust.is_proven();
            match &entry.event {
                Event::Pin { label, pinned: true, note } => {
                    pins.insert(label.clone(), note.clone());
                }
                Event::Pin { label, .. } if entry.trust.is_proven() || !signed => {
                    pins.remove(label);
                }
                _ => {}
            }
        }
        pins
    }

    /// What retention deleted from the backups folder, by proven lines: what was let go
    /// here may be deleted elsewhere.
    pub fn let_go(&self) -> BTreeSet<Label> {
        let subjects = self.proven().filter_map(|entry| match &entry.event {
            Event::Prune { destination: None, subject, .. } => subject.parse().ok(),
            _ => None,
        });
        subjects.collect()
    }

    /// Copies that were sent from here and not deleted from here: by label and
    /// destination, the SHA-256 of each object. What else lies at a destination was put
    /// there by another machine; having read it does not make it ours. Only proven lines
    /// make one ours, because what is ours can be deleted.
    pub fn copied(&self) -> BTreeMap<(Label, String), String> {
        let mut copied = BTreeMap::new();
        for entry in self.proven() {
            match &entry.event {
                Event::Copy {
                    label, destination, outcome: CopyOutcome::Copied, sha256, ..
                } => {
                    copied.insert((label.clone(), destination.clone()), sha256.clone());
                }
                Event::Prune { destination: Some(destination), subject, .. } => {
                    if let Ok(label) = subject.parse() {
                        copied.remove(&(label, destination.clone()));
                    }
                }
                _ => {}
            }
        }
        copied
    }

    /// Whether no entry tells of a backup, although there is a ledger: an older ledger,
    /// or lines that are lost, may have pinned it.
    pub fn tells_nothing_of(&self, wanted: &Label) -> bool {
        let tells = |entry: &Entry| match &entry.event {
            Event::Backup { label, .. } | Event::Pin { label, .. } => label == wanted,
            Event::Restore { safety_backup: label, .. }
            | Event::Gate { backup: label, .. }
            | Event::Deploy { backup: label, .. } => label.as_ref() == Some(wanted),
            _ => false,
        };
        !self.entries.is_empty() && !self.entries.iter().any(tells)
    }

    /// Whether a backup of that name was ever made here.
    pub fn knows(&self, wanted: &Label) -> bool {
        self.entries.iter().any(|entry| match &entry.event {
            Event::Backup { label, .. } | Event::Copy { label, .. } => label == wanted,
            _ => false,
        })
    }
}

impl Store {
    /// Deletes a backup that can be used, and gives the bytes that became free. `record`
    /// writes the entry, once the backup does not exist any more.
    ///
    /// # Errors
    /// It is not there or cannot be used ([`ExitCode::Store`]), or a step fails; the next
    /// run finishes it.
    pub fn delete(
        &self,
        lock: &StoreLock,
        label: &Label,
        record: impl FnOnce(u64) -> Result<()>,
    ) -> Result<u64> {
        self.demand(lock)?;
        let entry = self.backup(label)?;
        let Some(manifest) = entry.as_ref().and_then(|entry| entry.manifest()) else {
            return Err(Stop::new(
                ExitCode::Store,
                format!("{label} does not exist, or is damaged"),
            )
            .hint("None of it was deleted. `cargo xtask db-list` lists the backups.")
            .into());
        };
        let manifest_path = self.path(&format!("{label}{}", names::MANIFEST));
        let marker_path = self.path(&format!("{label}{}", names::MARKER));
        let small = std::fs::metadata(&manifest_path).map_or(0, |facts| facts.len());
        let bytes = manifest.bytes + small;
        let marker = Marker {
            file: manifest.file.clone(),
            bytes: manifest.bytes,
            sha256: manifest.sha256.clone(),
        };
        fs::write_durably(&marker_path, &serde_json::to_vec(&marker)?)?;
        point("prune.marked")?;
        fs::remove_if_exists(&manifest_path)?;
        fs::sync_dir(self.dir())?;
        point("prune.manifest_removed")?;
        record(bytes).with_context(|| format!("write the ledger entry for deleting {label}"))?;
        point("prune.recorded")?;
        fs::remove_if_exists(&self.path(&marker.file))?;
        fs::sync_dir(self.dir())?;
        point("prune.data_removed")?;
        fs::remove_if_exists(&marker_path)?;
        fs::sync_dir(self.dir())?;
        point("prune.done")?;
        Ok(bytes)
    }
}

/// Removes what is left at a destination of copies whose deletion did not come to its
/// end: files of a backup that was let go here, that was sent there from here, and whose
/// manifest is gone. Another machine may be sending one of the same name, and so may a run
/// here: the caller holds the [`super::CopyLock`]. Gives the labels and the bytes that
/// became free.
pub fn sweep(depot: &mut dyn Depot, ledger: &Ledger) -> Result<Vec<(Label, u64)>> {
    let (let_go, copied, name) = (ledger.let_go(), ledger.copied(), depot.name().to_owned());
    let ours = |label: &Label| {
        let_go.contains(label) && copied.contains_key(&(label.clone(), name.clone()))
    };
    let mut parts: BTreeMap<Label, bool> = BTreeMap::new();
    for listed in depot.list()? {
        let Some((label, rest)) = names::split_label(&listed.name) else { continue };
        let exists = parts.entry(label).or_default();
        *exists |= rest == names::MANIFEST;
    }
    let left: Vec<Label> = parts
        .into_iter()
        .filter(|(label, exists)| !exists && ours(label))
        .map(|(label, _)| label)
        .collect();
    let mut swept = Vec::new();
    for label in left {
        // Another machine's note of the same name says that it is about to be a copy.
        let note = remote::note_at(depot, &label)?;
        let sent = copied.get(&(label.clone(), name.clone()));
        if note.is_some_and(|note| sent.is_none_or(|sent| note.sha256 != *sent)) {
            continue;
        }
        let bytes = remote::delete(depot, &label)?;
        if bytes > 0 {
            swept.push((label, bytes));
        }
    }
    Ok(swept)
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
