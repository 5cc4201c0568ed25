//! How a backup comes to exist.
//!
//! 1. `<label>.sql.partial` is written, hashed on the way, and synced. Where it is
//!    encrypted and the private key is at hand, its beginning is decrypted again.
//! 2. `<label>.pending` is written: "the data file of this label, of this size and
//!    hash, is ours, and its manifest is not written yet".
//! 3. The data file gets its final name.
//! 4. `<label>.json` is written and synced: from here on the backup exists.
//! 5. `<label>.pending` is removed.
//!
//! The marker is there because a data file without a manifest can also be a dump
//! that the user made by hand under the same form of name. Such a file is never deleted. Only what
//! a marker calls ours is, and only when the file is still the one that the marker describes.

use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::age::Sealing;
use super::ahead::SyncAhead;
use super::catalogue::{Backup, State, manifest_text};
use super::lock::StoreLock;
use super::spool::Spool;
use super::{Store, names};
use model::copy::Encryption;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::manifest::{Compression, Manifest, Section, SectionKind};
use model::sink::SectionSink;
use model::trust::Trust;
use sys::fault::point;
use sys::fs;

/// What is known about the data file once it is written: the manifest's
/// `file`, `compression`, `bytes`, `text_bytes`, `sha256` and `sections`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub label: Label,
    /// Name of the file in the folder.
    pub file: String,
    pub compression: Compression,
    /// How it is encrypted; `None`: not.
    pub encryption: Option<Encryption>,
    /// Size in bytes.
    pub bytes: u64,
    /// Size of the SQL text in bytes.
    pub text_bytes: u64,
    /// SHA-256 of the file as 64 hex digits.
    pub sha256: String,
    pub sections: Vec<Section>,
}

/// What `<label>.pending` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
}

/// Whether a failure was a full disk (or quota).
pub fn is_disk_full(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| {
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    })
}

/// A backup that is being written. Dropped without [`Pending::finish`], it leaves
/// nothing behind.
#[derive(Debug)]
pub struct Pending<'lock> {
    store: Store,
    label: Label,
    compression: Compression,
    sealing: Option<Sealing>,
    spool: Option<Spool<SyncAhead>>,
    /// What to remove if no backup results, in this order: a manifest never exists without its
    /// data, and the marker goes last.
    undo: Vec<PathBuf>,
    lock: PhantomData<&'lock StoreLock>,
}

impl Store {
    /// Starts to write a backup, encrypted with `sealing`. The lock stays taken until it
    /// is finished or dropped.
    ///
    /// # Errors
    /// A file of that label exists (it is never overwritten), the label cannot be
    /// a file name, or the file cannot be created.
    pub fn begin<'lock>(
        &self,
        lock: &'lock StoreLock,
        label: &Label,
        compression: Compression,
        sealing: Option<Sealing>,
    ) -> Result<Pending<'lock>> {
        self.demand(lock)?;
        self.demand_unused(label)?;
        // What cannot be signed at the end is better not begun.
        self.keyring.make()?;
        let pending = Pending {
            store: self.clone(),
            label: label.clone(),
            compression,
            sealing,
            spool: None,
            undo: Vec::new(),
            lock: PhantomData,
        };
        pending.start()
    }

    fn demand_unused(&self, label: &Label) -> Result<()> {
        let label = label.to_string();
        if !names::is_plain(&label) || label.starts_with(['.', '-']) {
            return Err(Stop::new(
                ExitCode::Store,
                format!("`{label}` cannot be the name of a backup file"),
            )
            .hint("Only a schema whose name can be a file name can be backed up.")
            .into());
        }
        // Case does not tell names apart on every disk.
        let front = format!("{label}.").to_lowercase();
        let taken = |name: &String| name.to_lowercase().starts_with(&front);
        if let Some(name) = fs::names(self.dir())?.into_iter().find(taken) {
            return Err(Stop::new(
                ExitCode::Store,
                format!("`{name}` exists already in {}", self.dir().display()),
            )
            .hint("A backup never overwrites a file; try again for a later label.")
            .into());
        }
        Ok(())
    }
}

impl Pending<'_> {
    fn start(mut self) -> Result<Self> {
        let partial = fs::partial_of(&self.data());
        let file = fs::create_private(&partial)?;
        self.undo.push(partial);
        let file = SyncAhead::start(file).context("start the writer")?;
        let recipients = self.sealing.as_ref().map(Sealing::recipients);
        let spool = Spool::start(file, self.compression, recipients);
        self.spool = Some(spool.context("start the writer")?);
        point("backup.created")?;
        Ok(self)
    }

    pub fn label(&self) -> &Label {
        &self.label
    }

    fn file_name(&self) -> String {
        let zst = if self.compression == Compression::Zstd { ".zst" } else { "" };
        let age = if self.sealing.is_some() { names::ENCRYPTED } else { "" };
        format!("{}.sql{zst}{age}", self.label)
    }

    fn data(&self) -> PathBuf {
        self.store.path(&self.file_name())
    }

    fn spool(&mut self) -> io::Result<&mut Spool<SyncAhead>> {
        self.spool.as_mut().ok_or_else(|| io::Error::other("the backup is finished"))
    }

    /// Makes the backup exist. `build` gives the manifest; its hash is filled in here.
    ///
    /// # Errors
    /// Writing fails, `build` fails, or the manifest it gives is not one of this
    /// file. The folder is then as it was before.
    pub fn finish(mut self, build: impl FnOnce(&FileFacts) -> Result<Manifest>) -> Result<Backup> {
        let facts = self.settle().with_context(|| format!("write {}", self.file_name()))?;
        let manifest = build(&facts)?;
        demand_match(&manifest, &facts)?;
        let key = self.store.keyring.signer()?;
        let (text, manifest) = manifest_text(manifest, key)?;
        let trust = key.map_or(Trust::Unsigned, |_| Trust::Own);
        self.commit(&facts, &text)?;
        Ok(Backup {
            label: self.label.clone(),
            manifest_path: self.manifest_path(),
            state: State::Ok(Box::new(manifest)),
            trust,
            wrong_clock: None,
        })
    }

    fn manifest_path(&self) -> PathBuf {
        self.store.path(&format!("{}{}", self.label, names::MANIFEST))
    }

    /// Step 1.
    fn settle(&mut self) -> Result<FileFacts> {
        let spool = self.spool.take().context("the backup is finished")?;
        let (file, tally) = spool.finish()?;
        point("backup.written")?;
        file.finish()?;
        point("backup.synced")?;
        let partial = fs::partial_of(&self.data());
        let sealing = self.sealing.as_ref();
        let encryption =
            sealing.map(|sealing| sealing.prove(&partial, &tally.front)).transpose()?;
        Ok(FileFacts {
            label: self.label.clone(),
            file: self.file_name(),
            compression: self.compression,
            encryption,
            bytes: tally.bytes,
            text_bytes: tally.text_bytes,
            sha256: tally.sha256,
            sections: tally.sections,
        })
    }

    /// Steps 2 to 5.
    fn commit(&mut self, facts: &FileFacts, manifest: &str) -> Result<()> {
        let data = self.data();
        let manifest_path = self.manifest_path();
        let marker_path = self.store.path(&format!("{}{}", self.label, names::MARKER));
        let marker =
            Marker { file: facts.file.clone(), bytes: facts.bytes, sha256: facts.sha256.clone() };

        self.undo.push(marker_path.clone());
        fs::write_durably(&marker_path, &serde_json::to_vec(&marker)?)?;
        point("backup.marked")?;

        // A rename would replace a file that appeared while the dump ran.
        if fs::exists(&data)? || fs::exists(&manifest_path)? {
            bail!("a file named {} appeared meanwhile", self.label);
        }
        let partial = fs::partial_of(&data);
        let renamed = fs::rename_durably(&partial, &data);
        if !fs::exists(&partial)? {
            // Only then the final name is ours to take away again.
            self.undo.insert(0, data);
        }
        renamed?;
        point("backup.renamed")?;

        self.undo.insert(0, fs::partial_of(&manifest_path));
        self.undo.insert(0, manifest_path.clone());
        fs::write_durably(&manifest_path, manifest.as_bytes())?;
        // The backup exists: nothing may take it away again.
        self.undo.clear();
        point("backup.manifest_written")?;

        fs::remove_if_exists(&marker_path)?;
        fs::sync_dir(self.store.dir())?;
        point("backup.committed")
    }
}

/// A manifest that does not fit its file would be found damaged at the next look.
fn demand_match(manifest: &Manifest, facts: &FileFacts) -> Result<()> {
    ensure!(manifest.label == facts.label, "the manifest belongs to another label");
    ensure!(
        manifest.file == facts.file
            && manifest.compression == facts.compression
            && manifest.encryption == facts.encryption
            && manifest.bytes == facts.bytes
            && manifest.text_bytes == facts.text_bytes
            && manifest.sha256 == facts.sha256
            && manifest.sections == facts.sections,
        "the manifest describes another file than {}",
        facts.file
    );
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    ensure!(manifest.rows == rows, "the manifest's tables have {rows} rows, not {}", manifest.rows);
    Ok(())
}

impl Write for Pending<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.spool()?.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spool()?.flush()
    }
}

impl SectionSink for Pending<'_> {
    fn section(&mut self, kind: SectionKind, name: &str) -> io::Result<()> {
        self.spool()?.section(kind, name)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // Ends the thread, so that the file is closed before it is removed.
        self.spool = None;
        if self.undo.is_empty() {
            return;
        }
        // What cannot be removed now is a leftover, which the next run cleans. The
        // marker must then stay: it is what tells the leftover from the user's file.
        for path in std::mem::take(&mut self.undo) {
            if fs::remove_if_exists(&path).is_err() {
                break;
            }
        }
        fs::sync_dir(self.store.dir()).ok();
    }
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
