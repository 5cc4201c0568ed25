//! Which backups there are: every manifest in the folder, and what it is worth.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::ledger::Ledger;
use super::signing::{self, Form, SigningKey, Subject};
use super::{Store, names, seal};
use model::exit::{ExitCode, Stop};
use model::ident::word;
use model::label::Label;
use model::manifest::{MANIFEST_VERSION, Manifest};
use model::trust::Trust;
use model::wrong_clock::WrongClock;
use plan::timeline::{Rank, Timeline};
use sys::{clock, fs};

/// The size limit of a manifest; with 10,000 tables it has 10 MiB.
pub(super) const MANIFEST_MAX: u64 = 64 << 20;

/// The manifest's text up to the value of its own hash.
const SEAL: &str = "\"manifest_sha256\": \"";
const FORM: Form = Form { signature: "\"signature\": \"", hash: SEAL };

/// What is left to do with a file whose manifest does not fit.
pub(super) const BY_HAND: &str = "To use the SQL file alone, unverified, copy it to another \
folder and give its path.";

/// What a manifest turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is what was written, and its data file is there in the right size.
    Ok(Box<Manifest>),
    /// It or its data file is not what was written; the reason.
    Damaged(String),
    /// It is sound in itself, and not the one that was made: the ledger says otherwise.
    Replaced(String),
    /// A newer tool wrote it, in this format version.
    Newer(u32),
}

/// A backup, as far as known without reading its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub label: Label,
    pub manifest_path: PathBuf,
    pub state: State,
    pub trust: Trust,
    /// What is known of when it was taken, where its time is not believed.
    pub wrong_clock: Option<WrongClock>,
}

impl Backup {
    /// The manifest of a backup that can be used.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.state {
            State::Ok(manifest) => Some(manifest),
            State::Damaged(_) | State::Replaced(_) | State::Newer(_) => None,
        }
    }

    /// When the state was read that it holds; `None`: unknown.
    pub fn taken_utc(&self) -> Option<DateTime<Utc>> {
        let manifest = self.manifest().filter(|_| self.wrong_clock.is_none());
        manifest.map(|manifest| manifest.created_utc)
    }

    /// The same with its place on a time axis in its manifest, for plots. The manifest's hash no
    /// longer fits.
    #[must_use]
    pub fn drawn(mut self) -> Self {
        if let (Some(wrong), State::Ok(manifest)) = (self.wrong_clock, &mut self.state) {
            manifest.created_utc = wrong.axis_utc();
        }
        self
    }

    /// Where the data is, for a backup that can be used.
    pub fn data_path(&self) -> Option<PathBuf> {
        Some(self.manifest_path.with_file_name(&self.manifest()?.file))
    }

    /// Why it cannot be used; `None` when it can.
    pub fn problem(&self) -> Option<String> {
        match &self.state {
            State::Ok(_) => None,
            State::Damaged(reason) => Some(format!("is damaged: {reason}")),
            State::Replaced(reason) => Some(format!("was replaced: {reason}")),
            State::Newer(version) => Some(format!(
                "was made by a newer version of this tool (format {version}, \
                 this one reads up to {MANIFEST_VERSION})"
            )),
        }
    }

    /// The refusal to use it; `None` when it can be used.
    pub fn refusal(&self) -> Option<Stop> {
        let stop = Stop::new(ExitCode::Store, format!("backup {} {}", self.label, self.problem()?));
        Some(match &self.state {
            State::Newer(_) => stop.hint("Update this checkout, then try again."),
            _ => stop.hint("Use another backup: `cargo xtask db-list` shows them.").hint(BY_HAND),
        })
    }
}

impl Store {
    /// Every backup, the last that was taken first, unusable ones included.
    pub fn list(&self) -> Result<Vec<Backup>> {
        let names = fs::names(self.dir())?;
        let ledger = self.known();
        let timeline = Timeline::of(&ledger.entries, clock::now());
        let entries = names
            .iter()
            .filter_map(|name| match names::split_label(name)? {
                (label, names::MANIFEST) => Some(self.look(&ledger, label, &self.path(name))),
                _ => None,
            })
            // Another run may just have removed it: then it is not there, and not damaged.
            .filter(|entry| {
                entry.manifest().is_some() || fs::exists(&entry.manifest_path).unwrap_or(true)
            });
        let mut ranked: Vec<(Rank, Backup)> =
            entries.map(|entry| placed(&timeline, entry)).collect();
        // The label decides where nothing else does.
        let order = |(rank, it): &(Rank, Backup)| (*rank, it.label.time(), it.label.clone());
        ranked.sort_by_cached_key(|it| std::cmp::Reverse(order(it)));
        Ok(ranked.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The backup of that label; `None` when there is no manifest of it.
    pub fn backup(&self, label: &Label) -> Result<Option<Backup>> {
        let path = self.path(&format!("{label}{}", names::MANIFEST));
        // A label from outside must not lead out of the folder.
        let inside = names::is_plain(&label.to_string());
        Ok((inside && fs::exists(&path)?).then(|| {
            let ledger = self.known();
            let timeline = Timeline::of(&ledger.entries, clock::now());
            placed(&timeline, self.look(&ledger, label.clone(), &path)).1
        }))
    }

    /// The ledger, as far as it can be read. Whatever relies on a backup reads the ledger
    /// for itself, and stops where that is damaged.
    pub(super) fn known(&self) -> Ledger {
        self.read().unwrap_or_default()
    }

    /// Reads a manifest, looks at its data file, and holds both against the ledger and the
    /// keys. Every way to a backup leads through here.
    pub(super) fn look(&self, ledger: &Ledger, label: Label, path: &Path) -> Backup {
        let entry = read_entry(label, path);
        let State::Ok(manifest) = &entry.state else { return entry };
        if let Some(why) = ledger.contradicts(manifest) {
            return Backup { state: State::Replaced(why), ..entry };
        }
        let signed = self.keyring.judge(manifest.signer.as_deref());
        let trust = ledger.origin(manifest, signed);
        Backup { trust, ..entry }
    }

    /// Dumps in the folder that belong to no manifest: made by hand, or by another
    /// tool. They can be restored; what a manifest would prove is unknown.
    pub fn strangers(&self) -> Result<Vec<String>> {
        let names = fs::names(self.dir())?;
        let has = |name: String| names.contains(&name);
        let ours = |name: &str| {
            names::split_label(name).is_some_and(|(label, rest)| {
                names::kind(rest) == names::Kind::Data
                    && (has(format!("{label}{}", names::MANIFEST))
                        || has(format!("{label}{}", names::MARKER)))
            })
        };
        Ok(names.iter().filter(|name| names::is_dump(name) && !ours(name)).cloned().collect())
    }
}

/// Puts it where it belongs among the others.
fn placed(timeline: &Timeline, entry: Backup) -> (Rank, Backup) {
    let ended = entry.manifest().map(Manifest::ended_utc);
    let labelled = clock::utc(entry.label.time());
    let (rank, wrong_clock) = timeline.place(&entry.label, ended, labelled);
    (rank, Backup { wrong_clock, ..entry })
}

/// Reads a manifest and looks at its data file, without reading that.
fn read_entry(label: Label, path: &Path) -> Backup {
    let state = match fs::read_at_most(path, MANIFEST_MAX) {
        Err(error) => State::Damaged(format!("its manifest cannot be read ({error:#})")),
        Ok(bytes) => match parse(&bytes) {
            State::Ok(manifest) => match misfit(&manifest, &label, path) {
                None => State::Ok(manifest),
                Some(reason) => State::Damaged(reason),
            },
            other => other,
        },
    };
    Backup {
        label,
        manifest_path: path.to_owned(),
        state,
        trust: Trust::Unsigned,
        wrong_clock: None,
    }
}

/// What the bytes of a manifest are, not looking at anything beside them.
pub(super) fn parse(bytes: &[u8]) -> State {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let damaged = |what: &str| State::Damaged(format!("its manifest {what}"));
    let Ok(text) = std::str::from_utf8(bytes) else { return damaged("is not UTF-8 text") };
    let head: Head = match serde_json::from_str(text) {
        Ok(head) => head,
        Err(error) => return damaged(&format!("is not valid JSON ({error})")),
    };
    // Before the hash: a newer format may carry it elsewhere.
    if head.version > MANIFEST_VERSION {
        return State::Newer(head.version);
    }
    if head.version == 0 {
        return damaged("has no valid format version");
    }
    if let Err(what) = seal::unseal(text, SEAL) {
        return damaged(what);
    }
    let manifest: Box<Manifest> = match serde_json::from_str(text) {
        Ok(manifest) => manifest,
        Err(error) => return damaged(&format!("is incomplete ({error})")),
    };
    let carried = (manifest.signer.as_deref(), manifest.signature.as_deref());
    match signing::demand_signed(text, FORM, Subject::Manifest(&manifest.label), carried) {
        Ok(()) => State::Ok(manifest),
        Err(what) => damaged(what),
    }
}

/// What does not fit between a manifest and its name.
pub(super) fn misfit_of_text(manifest: &Manifest, label: &Label) -> Option<String> {
    if manifest.label != *label {
        return Some(format!("its manifest belongs to {}", manifest.label));
    }
    // They become part of a statement, and a manifest's hash is not a signature.
    if let Err(stop) = word(&manifest.charset).and_then(|_| word(&manifest.collation)) {
        return Some(format!("its manifest was tampered with: {stop}"));
    }
    let file = &manifest.file;
    // A manifest from elsewhere must not make us read, or delete, other files.
    if !names::is_plain(file) || !file.starts_with(&format!("{label}.sql")) {
        return Some(format!("its manifest names a file that cannot be its own ({file:?})"));
    }
    None
}

/// What does not fit between a manifest, its name and its data file.
fn misfit(manifest: &Manifest, label: &Label, path: &Path) -> Option<String> {
    if let Some(reason) = misfit_of_text(manifest, label) {
        return Some(reason);
    }
    let file = &manifest.file;
    match std::fs::metadata(path.with_file_name(file)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("its data file {file} is missing"))
        }
        Err(error) => Some(format!("its data file {file} cannot be accessed ({error})")),
        Ok(facts) if !facts.is_file() => Some(format!("{file} is not a file")),
        Ok(facts) if facts.len() != manifest.bytes => {
            Some(format!("{file} has {} bytes instead of {}", facts.len(), manifest.bytes))
        }
        Ok(_) => None,
    }
}

/// A manifest as it is stored, with its signature and its hash filled in.
pub(super) fn manifest_text(
    mut manifest: Manifest,
    key: Option<&SigningKey>,
) -> Result<(String, Manifest)> {
    manifest.manifest_sha256 = String::new();
    manifest.signer = key.map(|key| key.public().to_owned());
    manifest.signature = key.map(|_| String::new());
    let mut text = serde_json::to_string_pretty(&manifest).context("write the manifest")?;
    text.push('\n');
    if let Some(key) = key {
        let signed = signing::sign(&text, FORM, Subject::Manifest(&manifest.label), key);
        let signature;
        (text, signature) = signed.context("the manifest has no place for its signature")?;
        manifest.signature = Some(signature);
    }
    let (text, hash) = seal::seal(&text, SEAL).context("the manifest has no place for its hash")?;
    manifest.manifest_sha256 = hash;
    // What cannot be read back must not be written.
    anyhow::ensure!(
        parse(text.as_bytes()) == State::Ok(Box::new(manifest.clone())),
        "the manifest does not read back as it was written"
    );
    Ok((text, manifest))
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
