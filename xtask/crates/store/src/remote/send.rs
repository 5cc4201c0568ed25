//! A backup on its way to a destination, and the proof that it arrived.
//!
//! Object, note, reading back, manifest: in this order, so that a copy that exists was
//! read back once, and a run that was cut goes on with what is there.

use std::collections::BTreeMap;
use std::io;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::fault::{Fault, FaultKind};
use super::outgoing::Outgoing;
use super::{Depot, Listed, known, manifest_name, note_name, object_of, read_manifest, read_note};
use crate::age::Recipients;
use crate::catalogue::Backup;
use crate::codec::sha256_of;
use crate::{names, seal};
use model::copy::{CopyNote, NOTE_VERSION};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::manifest::Manifest;
use sys::fault::point;
use sys::{fs, signal};

const BLOCK: usize = 256 << 10;

/// What is being done with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Sending,
    /// They are read from the destination.
    Reading,
}

/// Called with the bytes that are done.
pub type Watch<'a> = &'a mut dyn FnMut(Phase, u64);

/// A backup to be sent.
#[derive(Debug)]
pub struct Parcel<'a> {
    pub(super) manifest: &'a Manifest,
    manifest_text: Vec<u8>,
    pub(super) file: std::path::PathBuf,
    pub(super) seal: Option<(&'a Recipients, bool)>,
    sent: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Sent {
    pub note: CopyNote,
    /// Whether the copy is new; otherwise an existing copy was read again.
    pub copied: bool,
    /// What was wrong with the copy that lay there before.
    pub replaced: Option<String>,
}

impl<'a> Parcel<'a> {
    /// From a backup that can be used. `seal`: for whom it is encrypted on its way, and
    /// whether a key at hand was tried; a file that is encrypted already goes as it is.
    pub fn new(entry: &'a Backup, seal: Option<(&'a Recipients, bool)>) -> Result<Self> {
        let manifest = match entry.manifest() {
            Some(manifest) => manifest,
            None => return Err(entry.refusal().context("the backup cannot be used")?.into()),
        };
        let file = entry.data_path().context("the backup has no file")?;
        let manifest_text = fs::read_bytes(&entry.manifest_path)?;
        let seal = seal.filter(|_| manifest.encryption.is_none());
        Ok(Self { manifest, manifest_text, file, seal, sent: None })
    }

    /// With the SHA-256 of the object that was sent there before, as the ledger has it.
    #[must_use]
    pub fn sent_before(mut self, sha256: Option<&str>) -> Self {
        self.sent = sha256.map(str::to_owned);
        self
    }

    /// Why what this note describes cannot be what was sent from here.
    fn other(&self, note: &CopyNote) -> Option<&'static str> {
        if note.encryption.is_none() && note.sha256 != self.manifest.sha256 {
            return Some("its note and its manifest describe different files");
        }
        known::another(self.sent.as_deref(), &note.sha256)
    }

    /// The refusal of a file that is not what its manifest says.
    pub(super) fn damaged(&self) -> Stop {
        let message = format!(
            "the local backup {} is damaged: its file does not match its manifest",
            self.label()
        );
        Stop::new(ExitCode::Store, message).hint(
            "It was not copied. Take a new backup; `cargo xtask db-verify` shows the \
            details.",
        )
    }

    pub(super) fn label(&self) -> &Label {
        &self.manifest.label
    }

    fn object(&self) -> String {
        let ending = if self.seal.is_some() { ".age" } else { "" };
        format!("{}{ending}", self.manifest.file)
    }
}

/// Sends it, and reads it back; a copy that is there and right is only read.
///
/// # Errors
/// The destination fails ([`Fault`]), or the backup itself is damaged
/// (exit code 40). What arrived of it is used by the next attempt.
pub fn send(
    depot: &mut dyn Depot,
    parcel: &Parcel<'_>,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<Sent> {
    let mut replaced = None;
    if let Some(note) = there(depot, parcel)? {
        let read = match parcel.other(&note) {
            Some(why) => Err(Fault::new(FaultKind::Damaged, why.to_owned())),
            None => read_back(depot, &note, watch).map_err(|error| Fault::of(&error)),
        };
        match read {
            Ok(()) => {
                // Where a run was cut before the manifest, the copy exists from now on.
                let copied = complete(depot, parcel, &note)?;
                return Ok(Sent { note, copied, replaced });
            }
            Err(fault) if fault.kind == FaultKind::Damaged => replaced = Some(fault.message),
            Err(fault) => return Err(fault.into()),
        }
    }
    demand_room(depot, parcel)?;
    demand_whole_here(depot, parcel)?;
    // From here on there is no copy until the new one is whole.
    let before = object_of(depot, parcel.label())?.filter(|it| *it != parcel.object());
    depot.remove(&manifest_name(parcel.label()))?;
    // Only the note marks it as ours: the user may have put others beside it.
    before.map_or(Ok(()), |object| depot.remove(&object))?;
    depot.remove(&note_name(parcel.label()))?;
    let note = send_object(depot, parcel, now, watch)?;
    point("copy.sent")?;
    // Hours may have passed.
    let names = [manifest_name(parcel.label()), note_name(parcel.label())];
    let small = depot.get_small(&names)?;
    demand_ours(parcel, small[0].as_deref(), small[1].as_deref())?;
    let text = serde_json::to_vec_pretty(&note).context("write the note")?;
    put_small(depot, &note_name(parcel.label()), &text)?;
    point("copy.noted")?;
    if let Err(error) = read_back(depot, &note, watch) {
        if Fault::of(&error).kind == FaultKind::Damaged {
            // Without its note the next attempt sends it again.
            depot.remove(&note_name(parcel.label())).ok();
        }
        return Err(error);
    }
    complete(depot, parcel, &note)?;
    Ok(Sent { note, copied: true, replaced })
}

/// The note of a copy of this backup that looks whole.
fn there(depot: &mut dyn Depot, parcel: &Parcel<'_>) -> Result<Option<CopyNote>> {
    let listed = depot.list()?;
    let names = [manifest_name(parcel.label()), note_name(parcel.label())];
    let is_there = |name: &String| listed.iter().any(|one| one.name == *name);
    let wanted: Vec<String> = names.iter().filter(|name| is_there(name)).cloned().collect();
    let texts = depot.get_small(&wanted)?;
    let read: BTreeMap<&String, Vec<u8>> =
        wanted.iter().zip(texts).filter_map(|(name, text)| Some((name, text?))).collect();
    let [manifest, note] = names.each_ref().map(|name| read.get(name).map(Vec::as_slice));
    demand_ours(parcel, manifest, note)?;
    let note = read_note(parcel.label(), note).ok();
    let whole = |note: &CopyNote| {
        note.manifest_sha256 == seal::sha256_hex(&parcel.manifest_text)
            && listed.iter().any(|one| one.name == note.object && one.bytes == note.bytes)
            // One that lies there in clear text is replaced when it is to be encrypted.
            && (parcel.seal.is_none() || note.encryption.is_some())
    };
    Ok(note.filter(whole))
}

/// Refuses to write over what another machine has there under this name, or is about to.
fn demand_ours(
    parcel: &Parcel<'_>,
    manifest: Option<&[u8]>,
    note: Option<&[u8]>,
) -> Result<(), Fault> {
    let label = parcel.label();
    let theirs = match manifest {
        // Then a note that describes another one is damaged.
        Some(text) if text == parcel.manifest_text => false,
        Some(text) if read_manifest(label, text).is_ok() => true,
        // The note comes first: its manifest may be on its way.
        _ => read_note(label, note)
            .is_ok_and(|note| note.manifest_sha256 != seal::sha256_hex(&parcel.manifest_text)),
    };
    if !theirs {
        return Ok(());
    }
    let message = format!("another backup named {label} is there");
    Err(Fault::new(FaultKind::Conflict, message))
}

/// What lies at the destination may be all that is left of this backup: it goes only when
/// the file here is read to its end and good.
fn demand_whole_here(depot: &mut dyn Depot, parcel: &Parcel<'_>) -> Result<()> {
    let own = |one: &Listed| {
        names::split_label(&one.name).is_some_and(|(label, _)| label == *parcel.label())
    };
    if !depot.list()?.iter().any(own) || sha256_of(&parcel.file)? == parcel.manifest.sha256 {
        return Ok(());
    }
    let left = "The copy at the destination was not touched; `db-verify --from` checks it.";
    Err(parcel.damaged().hint(left).into())
}

fn demand_room(depot: &mut dyn Depot, parcel: &Parcel<'_>) -> Result<()> {
    let needed = parcel.manifest.bytes + parcel.manifest.bytes / 1024 + (1 << 20);
    match depot.free_bytes()? {
        Some(free) if free < needed => {
            let (free, needed) = (free >> 20, needed.div_ceil(1 << 20));
            let message = format!("{needed} MiB are needed, but only {free} MiB are free");
            Err(Fault::new(FaultKind::Full, message).into())
        }
        _ => Ok(()),
    }
}

fn send_object(
    depot: &mut dyn Depot,
    parcel: &Parcel<'_>,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<CopyNote> {
    let object = parcel.object();
    let mut outgoing = Outgoing::open(parcel, watch)?;
    let bytes = outgoing.length;
    let put = depot.put(&object, bytes, &mut outgoing);
    if let Some(stop) = outgoing.damage(parcel) {
        // Whatever came of it: what was sent is worth nothing.
        depot.remove(&object).ok();
        return Err(stop.into());
    }
    put?;
    Ok(CopyNote {
        version: NOTE_VERSION,
        label: parcel.label().clone(),
        object,
        bytes,
        sha256: seal::hex(&outgoing.sent.finalize()),
        manifest_sha256: seal::sha256_hex(&parcel.manifest_text),
        encryption: parcel.seal.map(|(recipients, tested)| recipients.encryption(tested)),
        copied_utc: now,
    })
}

/// The manifest last; then what is small is read back. Gives whether the manifest was not
/// there before.
fn complete(depot: &mut dyn Depot, parcel: &Parcel<'_>, note: &CopyNote) -> Result<bool> {
    let names = [manifest_name(parcel.label()), note_name(parcel.label())];
    let small = depot.get_small(&names)?;
    let [manifest, noted] = &small[..] else { anyhow::bail!("two were asked for") };
    // Since `there` looked, hours may have passed.
    demand_ours(parcel, manifest.as_deref(), noted.as_deref())?;
    let missing = manifest.as_deref() != Some(&parcel.manifest_text);
    if missing {
        put_small(depot, &names[0], &parcel.manifest_text)?;
        point("copy.committed")?;
    }
    let back = depot.get_small(&names)?;
    let same = back[0].as_deref() == Some(&parcel.manifest_text)
        && read_note(parcel.label(), back[1].as_deref()).is_ok_and(|read| read == *note);
    if !same {
        let message = "the manifest or note read back differs from what was sent";
        return Err(Fault::new(FaultKind::Damaged, message).into());
    }
    Ok(missing)
}

fn put_small(depot: &mut dyn Depot, name: &str, text: &[u8]) -> Result<()> {
    depot.put(name, text.len() as u64, &mut io::Cursor::new(text))
}

/// Reads an object from its destination, and compares it with its note.
pub fn read_back(depot: &mut dyn Depot, note: &CopyNote, watch: Watch<'_>) -> Result<()> {
    let damaged = |message: String| Fault::new(FaultKind::Damaged, message);
    let Some(mut reader) = depot.get(&note.object)? else {
        return Err(damaged(format!("{} is not there", note.object)).into());
    };
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut block = vec![0; BLOCK];
    loop {
        signal::check()?;
        let length = match reader.read(&mut block) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other.with_context(|| format!("read {} back", note.object))?,
        };
        hash.update(&block[..length]);
        bytes += length as u64;
        watch(Phase::Reading, bytes);
    }
    if bytes != note.bytes {
        let message =
            format!("{} read back with {bytes} bytes instead of {}", note.object, note.bytes);
        return Err(damaged(message).into());
    }
    if seal::hex(&hash.finalize()) != note.sha256 {
        let message = format!("{} read back altered (its SHA-256 differs)", note.object);
        return Err(damaged(message).into());
    }
    Ok(())
}
