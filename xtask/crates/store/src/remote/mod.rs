//! Copies of backups at a destination: a folder elsewhere, or an object store.
//!
//! Flat under the destination's url lie, written in this order, `<label>.sql[.zst][.age]`
//! (the object), `<label>.copy.json` (its note) and `<label>.json` (the backup's manifest,
//! byte for byte). A copy exists when its manifest exists, as in the backups folder.

pub mod fault;
pub mod fetch;
mod folder;
pub mod known;
mod listing;
mod object;
mod outgoing;
pub mod program;
pub mod send;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};

use super::catalogue::{self, State};
use super::{names, seal};
use config::Settings;
use config::outside::DestinationPolicy;
use fault::{Fault, FaultKind};
pub use listing::copies;
use model::copy::{CopyNote, DestinationKind, NOTE_VERSION};
use model::label::Label;
use model::manifest::{MANIFEST_VERSION, Manifest};
pub use program::program;
use sys::{env, fs};

/// Ending of a copy's note.
pub const NOTE: &str = ".copy.json";
/// The size limit of a manifest or note.
const SMALL: u64 = catalogue::MANIFEST_MAX;
/// What small ones that are asked for at once may take together.
const TOGETHER: u64 = 2 * SMALL;
/// A file or object at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name under the destination's url.
    pub name: String,
    pub bytes: u64,
    /// When it was last written, by the destination's clock; `None`: it does not say.
    pub modified: Option<DateTime<Utc>>,
}

/// A destination that is open. Its errors are [`Fault`]s where the cause is known.
pub trait Depot: fmt::Debug {
    /// What people call it.
    fn name(&self) -> &str;

    /// What kind of storage it is.
    fn kind(&self) -> DestinationKind;

    /// Makes it ready to be written to. `first`: nothing was ever copied there, so that
    /// a folder may be created.
    fn prepare(&mut self, first: bool) -> Result<()>;

    /// What lies there, in no particular order.
    fn list(&mut self) -> Result<Vec<Listed>>;

    /// Writes `data`, which is `bytes` long, whole or not at all; what has that name is
    /// replaced.
    fn put(&mut self, name: &str, bytes: u64, data: &mut dyn Read) -> Result<()>;

    /// Reads; `None`: there is nothing of that name. What is cut short on its way ends
    /// with an error.
    fn get(&mut self, name: &str) -> Result<Option<Box<dyn Read>>>;

    /// Reads several small ones, in the order of the names; each has at most 64 MiB,
    /// and all of them 128 MiB.
    fn get_small(&mut self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        let mut room = TOGETHER;
        let mut whole = |reader: Box<dyn Read>| {
            let bytes = whole(reader, SMALL.min(room))?;
            room -= bytes.len() as u64;
            Ok(bytes)
        };
        names.iter().map(|name| self.get(name)?.map(&mut whole).transpose()).collect()
    }

    /// Removes; fine when there is nothing of that name.
    fn remove(&mut self, name: &str) -> Result<()>;

    /// How much space is left; `None`: unknown.
    fn free_bytes(&mut self) -> Result<Option<u64>>;
}

fn whole(reader: Box<dyn Read>, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= most, too_large());
    Ok(bytes)
}

fn too_large() -> Fault {
    Fault::new(FaultKind::Damaged, "manifests or notes exceed the size limit")
}

/// Opens a destination. Nothing is created, and nothing is asked of it yet.
pub fn open(settings: &Settings, policy: &DestinationPolicy) -> Result<Box<dyn Depot>> {
    match policy.kind() {
        DestinationKind::Folder => {
            let dir = folder_of(&settings.root, &policy.url)?;
            let (there, here) = (fs::whole_path(&dir), fs::whole_path(&settings.backups));
            ensure!(
                !there.starts_with(&here) && !here.starts_with(&there),
                Fault::new(
                    FaultKind::Configuration,
                    format!(
                        "`{}` is the backups folder itself, or one contains the other",
                        policy.name
                    )
                )
            );
            Ok(Box::new(folder::Folder::new(&policy.name, dir)))
        }
        DestinationKind::Object => {
            let none = BTreeMap::new();
            let credentials = settings.outside.credentials.get(&policy.name).unwrap_or(&none);
            let bucket = object::Bucket::new(policy, credentials, program(settings)?)?;
            Ok(Box::new(bucket))
        }
    }
}

/// The path of a folder: `~/` is the home folder, and what is relative is so to the checkout.
pub fn folder_of(root: &Path, url: &str) -> Result<PathBuf> {
    match url.strip_prefix("~/") {
        Some(rest) => {
            let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE"));
            Ok(Path::new(&home.context("there is no home folder for `~/`")?).join(rest))
        }
        None => Ok(root.join(url)),
    }
}

/// A copy at a destination.
#[derive(Debug, Clone)]
pub struct RemoteCopy {
    pub label: Label,
    /// Its manifest, where that can be read.
    pub manifest: Option<Manifest>,
    /// The copy's note, where that can be read.
    pub note: Option<CopyNote>,
    /// Why the copy cannot be used; `None`: nothing speaks against it.
    pub problem: Option<String>,
    /// What it takes up at the destination.
    pub bytes: u64,
    /// The object was written after its note, though the note goes last: when. It may be
    /// another one; only reading it tells.
    pub rewritten: Option<DateTime<Utc>>,
}

/// What a file of a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Manifest,
    Note,
    Object,
}

fn part(name: &str) -> Option<(Label, Part)> {
    let (label, rest) = names::split_label(name)?;
    let part = match rest {
        names::MANIFEST => Part::Manifest,
        NOTE => Part::Note,
        ".sql" | ".sql.zst" | ".sql.age" | ".sql.zst.age" => Part::Object,
        _ => return None,
    };
    // A label from elsewhere must not lead out of a folder.
    names::is_plain(name).then_some((label, part))
}

/// The name of a copy's note.
pub fn note_name(label: &Label) -> String {
    format!("{label}{NOTE}")
}

/// The name of a manifest.
pub fn manifest_name(label: &Label) -> String {
    format!("{label}{}", names::MANIFEST)
}

fn judge(
    label: Label,
    manifest_text: Option<&[u8]>,
    note_text: Option<&[u8]>,
    there: &BTreeMap<String, Listed>,
    bytes: u64,
) -> RemoteCopy {
    let mut copy =
        RemoteCopy { label, manifest: None, note: None, problem: None, bytes, rewritten: None };
    let problem = (|| {
        let text = manifest_text.ok_or_else(|| "its manifest cannot be read".to_owned())?;
        copy.manifest = Some(read_manifest(&copy.label, text)?);
        let note = read_note(&copy.label, note_text)?;
        let (object, bytes) = (note.object.clone(), note.bytes);
        let same = note.manifest_sha256 == seal::sha256_hex(text);
        let fits = note.encryption.is_some()
            || copy.manifest.as_ref().is_none_or(|of| of.sha256 == note.sha256);
        copy.note = Some(note);
        if !same {
            return Err("its manifest is not the one its note describes".to_owned());
        }
        if !fits {
            return Err("its note and its manifest describe different files".to_owned());
        }
        match there.get(&object) {
            None => Err(format!("its object {object} is missing")),
            Some(Listed { bytes: is, .. }) if *is != bytes => {
                Err(format!("{object} has {is} bytes instead of {bytes}"))
            }
            Some(one) => {
                copy.rewritten = later(one, there.get(&note_name(&copy.label)));
                Ok(())
            }
        }
    })();
    copy.problem = problem.err();
    copy
}

/// When the object was written, where that was after its note.
fn later(object: &Listed, note: Option<&Listed>) -> Option<DateTime<Utc>> {
    // The machines of one store do not agree to the millisecond.
    let noted = note?.modified? + TimeDelta::seconds(1);
    object.modified.filter(|modified| *modified > noted)
}

/// The manifest in these bytes, when it is that of the label and was not changed.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn read_manifest(label: &Label, text: &[u8]) -> Result<Manifest, String> {
    match catalogue::parse(text) {
        State::Ok(manifest) => match catalogue::misfit_of_text(&manifest, label) {
            None => Ok(*manifest),
            Some(reason) => Err(reason),
        },
        State::Damaged(reason) | State::Replaced(reason) => Err(reason),
        State::Newer(version) => Err(format!(
            "it was made by a newer version of this tool (format {version}, this one reads up to \
             {MANIFEST_VERSION})"
        )),
    }
}

fn read_note(label: &Label, text: Option<&[u8]>) -> Result<CopyNote, String> {
    let text = text.ok_or_else(|| "its note is missing".to_owned())?;
    let newer = |version: &u64| *version > u64::from(NOTE_VERSION);
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| format!("its note is damaged ({error})"))?;
    if let Some(version) = value.get("version").and_then(serde_json::Value::as_u64).filter(newer) {
        return Err(format!(
            "its note was made by a newer version of this tool (format {version})"
        ));
    }
    let note: CopyNote =
        serde_json::from_value(value).map_err(|error| format!("its note is damaged ({error})"))?;
    if note.label != *label {
        return Err(format!("its note belongs to {}", note.label));
    }
    // A note from elsewhere must not make us read, or delete, other files.
    if part(&note.object) != Some((label.clone(), Part::Object)) {
        return Err(format!("its note names an object that cannot be its own ({:?})", note.object));
    }
    Ok(note)
}

/// Deletes a copy: the manifest first, so that it ceases to exist before it is damaged,
/// then the object, then the note, which says which object it is. A user's file with a similar name
/// stays. Returns the bytes freed; 0 if it did not exist.
///
/// # Errors
/// Something cannot be deleted; the next call goes on.
pub fn delete(depot: &mut dyn Depot, label: &Label) -> Result<u64> {
    let listed = depot.list()?;
    let noted = object_of(depot, label)?;
    let own = [Some(manifest_name(label)), noted, Some(note_name(label))];
    let mut bytes = 0;
    for name in own.into_iter().flatten() {
        if let Some(one) = listed.iter().find(|one| one.name == name) {
            depot.remove(&name)?;
            bytes += one.bytes;
        }
    }
    Ok(bytes)
}

/// The note there; `None` if there is no readable one.
pub fn note_at(depot: &mut dyn Depot, label: &Label) -> Result<Option<CopyNote>> {
    let texts = depot.get_small(&[note_name(label)])?;
    let text = texts.first().and_then(Option::as_deref);
    Ok(read_note(label, text).ok())
}

/// The object that the note there names.
fn object_of(depot: &mut dyn Depot, label: &Label) -> Result<Option<String>> {
    Ok(note_at(depot, label)?.map(|note| note.object))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
