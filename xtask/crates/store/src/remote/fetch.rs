//! A copy on its way back into a backups folder, where it is a backup like any other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};

use super::send::{Phase, Watch};
use super::{Depot, Part, RemoteCopy, manifest_name, part};
use crate::age::{self, Identities, VARIABLE};
use crate::catalogue::Backup;
use crate::commit::Marker;
use crate::latest::until;
use crate::{Store, StoreLock, codec, names, seal, space};
use model::copy::CopyNote;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::loss::Loss;
use model::manifest::{Manifest, Reason};
use model::wrong_clock::WrongClock;
use plan::timeline::{Rank, Timeline};
use plan::which::{self, Candidate};
use sys::fault::point;
use sys::{clock, fs, signal};

const BLOCK: usize = 256 << 10;

/// A copy that was chosen.
#[derive(Debug, Clone)]
pub struct Picked {
    pub copy: RemoteCopy,
    /// What the user should know about the choice.
    pub notes: Vec<String>,
}

/// Where a copy belongs among the others, and what is known where its time is not believed.
pub fn placed(copy: &RemoteCopy, timeline: &Timeline) -> (Rank, Option<WrongClock>) {
    let ended = copy.manifest.as_ref().map(Manifest::ended_utc);
    timeline.place(&copy.label, ended, clock::utc(copy.label.time()))
}

/// The label decides where nothing else does.
fn order(copy: &RemoteCopy, timeline: &Timeline) -> (Rank, NaiveDateTime, Label) {
    (placed(copy, timeline).0, copy.label.time(), copy.label.clone())
}

/// The last that was taken first.
pub fn sort(copies: &mut [RemoteCopy], timeline: &Timeline) {
    copies.sort_by_cached_key(|copy| std::cmp::Reverse(order(copy, timeline)));
}

/// The copy that `text` names: `latest` of a schema and its like, or a label.
///
/// # Errors
/// There is none of that name ([`ExitCode::Usage`]), or it cannot be used ([`ExitCode::Store`]).
pub fn pick(
    copies: &[RemoteCopy],
    text: &str,
    schema: &str,
    from: &str,
    suspects: &BTreeMap<Label, Loss>,
    timeline: &Timeline,
) -> Result<Picked> {
    let listed = format!("`cargo xtask db-list --from {from}` lists the copies there.");
    let stop = |message: String| Stop::new(ExitCode::Store, message).hint(listed.clone());
    if let Some(wanted) = which::parse(text, clock::local(timeline.now()))? {
        let mut own: Vec<&RemoteCopy> =
            copies.iter().filter(|copy| copy.label.schema() == schema).collect();
        own.sort_by_cached_key(|copy| std::cmp::Reverse(order(copy, timeline)));
        let all: Vec<Candidate<'_>> =
            own.iter().map(|copy| candidate(copy, timeline, suspects)).collect();
        let chosen = which::choose(&all, wanted.before.map(until), wanted.back);
        let found = chosen.label.and_then(|label| own.iter().find(|copy| copy.label == label));
        let notes = chosen.notes;
        let missing = || stop(format!("there is no usable copy of `{schema}` at `{from}`"));
        let found = found.ok_or_else(|| notes.iter().cloned().fold(missing(), Stop::hint))?;
        return Ok(Picked { copy: (*found).clone(), notes });
    }
    let labels = || copies.iter().map(|copy| copy.label.clone()).collect::<Vec<Label>>();
    let unknown = |message: String| {
        let near = which::nearest(text, &labels());
        let stop = Stop::new(ExitCode::Usage, message);
        let stop = match near.is_empty() {
            true => stop,
            false => stop.hint(format!("The nearest there are {}.", near.join(", "))),
        };
        stop.hint(listed.clone())
    };
    let label: Label = text.parse().map_err(|_| {
        unknown(format!("`{text}` is not a label; --from takes a label, {}", which::WORDS))
    })?;
    match copies.iter().find(|copy| copy.label == label) {
        None => Err(unknown(format!("there is no copy of {label} at `{from}`")).into()),
        Some(RemoteCopy { problem: Some(problem), .. }) => {
            Err(stop(format!("the copy of {label} at `{from}` cannot be used: {problem}")).into())
        }
        Some(copy) => Ok(Picked { copy: copy.clone(), notes: Vec::new() }),
    }
}

fn candidate<'a>(
    copy: &'a RemoteCopy,
    timeline: &Timeline,
    suspects: &'a BTreeMap<Label, Loss>,
) -> Candidate<'a> {
    let manifest = copy.manifest.as_ref();
    let wrong = placed(copy, timeline).1;
    let undated = manifest.is_some_and(|it| timeline.is_undated(&copy.label, it.ended_utc()));
    let too_new = undated.then(|| "has a timestamp in the future; is a clock wrong?".to_owned());
    let unusable = copy.problem.as_ref().map(|it| format!("cannot be used: {it}"));
    Candidate {
        label: &copy.label,
        taken_utc: wrong.and_then(|wrong| wrong.until_utc).or(manifest.map(Manifest::ended_utc)),
        problem: unusable.or(too_new),
        undated,
        failed: false,
        partial: manifest.is_some_and(Manifest::is_partial),
        safety: manifest.is_some_and(|it| it.reason == Reason::Safety),
        loss: suspects.get(&copy.label),
    }
}

/// Makes a copy a backup of this folder. `identities` is asked for only where the copy
/// was encrypted on its way.
///
/// # Errors
/// The copy is not what its note and manifest say, no key opens it, or another backup of
/// that name is here ([`ExitCode::Store`]); or the destination fails. The folder is then
/// as it was.
pub fn fetch(
    store: &Store,
    lock: &StoreLock,
    depot: &mut dyn Depot,
    copy: &RemoteCopy,
    identities: &dyn Fn() -> Result<Option<Identities>, Stop>,
    watch: Watch<'_>,
) -> Result<Backup> {
    store.demand(lock)?;
    let (Some(manifest), Some(note)) = (&copy.manifest, &copy.note) else {
        bail!("a copy without manifest or note was chosen");
    };
    let from = depot.name().to_owned();
    let text = depot.get_small(&[manifest_name(&copy.label)])?.pop().flatten();
    let text = text.filter(|text| seal::sha256_hex(text) == note.manifest_sha256);
    let text = text.ok_or_else(|| damaged(copy, &from, "its manifest was altered".to_owned()))?;
    if let Some(entry) = present(store, copy, &text)? {
        return Ok(entry);
    }
    space::require(store.dir(), manifest.bytes)?;
    let mut landing = Landing::start(store, manifest)?;
    let identities = match &note.encryption {
        None => None,
        Some(encryption) => {
            Some((identities()?.ok_or_else(|| no_key(note))?, encryption.recipients.clone()))
        }
    };
    let Some(reader) = depot.get(&note.object)? else {
        return Err(damaged(copy, &from, format!("{} is missing", note.object)).into());
    };
    let stored = Stored { inner: reader, hash: Sha256::new(), bytes: 0, watch };
    landing
        .take(BufReader::with_capacity(BLOCK, stored), identities.as_ref(), note, manifest)
        .map_err(|error| match error.downcast::<Altered>() {
            Ok(Altered(what)) => damaged(copy, &from, what).into(),
            Err(error) => error.context(format!("read {} from `{from}`", note.object)),
        })?;
    landing.commit(&text)?;
    store.backup(&copy.label)?.context("the backup just fetched was not found")
}

fn damaged(copy: &RemoteCopy, from: &str, what: String) -> Stop {
    Stop::new(ExitCode::Store, format!("the copy of {} at `{from}` is damaged: {what}", copy.label))
        .hint("Use another copy, or another backup: `cargo xtask db-list --from NAME` shows them.")
        .hint("Nothing was changed.")
}

fn no_key(note: &CopyNote) -> Stop {
    let recipients = note.encryption.as_ref().map(|it| it.recipients.join(", "));
    let message = format!(
        "{} is encrypted for {}, but {VARIABLE} names no private key",
        note.object,
        recipients.unwrap_or_default()
    );
    Stop::new(ExitCode::Configuration, message)
        .hint(format!("Set {VARIABLE} in .env to the file with the private key (docs/keys.md)."))
}

/// The backup of that name that is here already, when it is this one, and whole.
fn present(store: &Store, copy: &RemoteCopy, text: &[u8]) -> Result<Option<Backup>> {
    let front = format!("{}.", copy.label).to_lowercase();
    let taken = |name: &String| name.to_lowercase().starts_with(&front);
    let Some(name) = fs::names(store.dir())?.into_iter().find(taken) else { return Ok(None) };
    if let Some(entry) = store.backup(&copy.label)?
        && let (Some(manifest), Some(path)) = (entry.manifest(), entry.data_path())
        && fs::read_bytes(&entry.manifest_path)? == text
        && codec::sha256_of(&path)? == manifest.sha256
    {
        return Ok(Some(entry));
    }
    let message = format!(
        "{name} is already in {}, but is not the copied backup, or is damaged",
        store.dir().display()
    );
    Err(Stop::new(ExitCode::Store, message)
        .hint(format!("Move `{}.*` to another folder, then try again.", copy.label))
        .into())
}

/// The bytes that came are not those that were sent.
#[derive(Debug)]
struct Altered(String);

impl std::fmt::Display for Altered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Altered {}

/// What comes from the destination, hashed as it lies there.
struct Stored<'a> {
    inner: Box<dyn Read>,
    hash: Sha256,
    bytes: u64,
    watch: Watch<'a>,
}

impl Read for Stored<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buf)?;
        self.hash.update(&buf[..length]);
        self.bytes += length as u64;
        (self.watch)(Phase::Reading, self.bytes);
        Ok(length)
    }
}

/// A backup made from a copy, by the steps of `store::commit`. Dropped
/// before its end, it leaves nothing behind.
struct Landing {
    store: Store,
    label: Label,
    data: PathBuf,
    file: File,
    marker: Marker,
    undo: Vec<PathBuf>,
}

impl Landing {
    fn start(store: &Store, manifest: &Manifest) -> Result<Self> {
        let own = part(&manifest.file) == Some((manifest.label.clone(), Part::Object));
        anyhow::ensure!(own, "the manifest names {:?}, which is not a backup file", manifest.file);
        let data = store.path(&manifest.file);
        let partial = fs::partial_of(&data);
        let file = fs::create_private(&partial)?;
        Ok(Self {
            store: store.clone(),
            label: manifest.label.clone(),
            data,
            file,
            marker: Marker {
                file: manifest.file.clone(),
                bytes: manifest.bytes,
                sha256: manifest.sha256.clone(),
            },
            undo: vec![partial],
        })
    }

    fn take(
        &mut self,
        mut reader: BufReader<Stored<'_>>,
        identities: Option<&(Identities, Vec<String>)>,
        note: &CopyNote,
        manifest: &Manifest,
    ) -> Result<()> {
        let opened = match identities {
            None => write(&mut reader, &mut self.file),
            Some((identities, recipients)) => {
                let mut opened = age::open(&mut reader, identities, recipients)?;
                write(&mut opened, &mut self.file)
            }
        };
        // What an object has too much, or what is wrong with it, shows in its own hash:
        // that says more than why it could not be decrypted.
        let drained = io::copy(&mut reader, &mut io::sink());
        let stored = reader.into_inner();
        if drained.is_ok()
            && (stored.bytes != note.bytes || seal::hex(&stored.hash.finalize()) != note.sha256)
        {
            let what = format!("{} is not what was sent", note.object);
            return Err(Altered(what).into());
        }
        let (bytes, hash) = opened?;
        drained?;
        if bytes != manifest.bytes || hash != manifest.sha256 {
            return Err(Altered("it is not the file that its manifest describes".into()).into());
        }
        self.file.sync_all().context("sync what was fetched")?;
        point("fetch.written")
    }

    fn commit(mut self, manifest: &[u8]) -> Result<()> {
        let path = |ending: &str| self.store.path(&format!("{}{ending}", self.label));
        let (marker, manifest_path) = (path(names::MARKER), path(names::MANIFEST));
        self.undo.push(marker.clone());
        fs::write_durably(&marker, &serde_json::to_vec(&self.marker)?)?;
        if fs::exists(&self.data)? || fs::exists(&manifest_path)? {
            bail!("a file named {} appeared meanwhile", self.label);
        }
        self.undo.insert(0, self.data.clone());
        fs::rename_durably(&fs::partial_of(&self.data), &self.data)?;
        point("fetch.renamed")?;
        self.undo.insert(0, manifest_path.clone());
        fs::write_durably(&manifest_path, manifest)?;
        // The backup exists: nothing may take it away again.
        self.undo.clear();
        fs::remove_if_exists(&marker)?;
        fs::sync_dir(self.store.dir())
    }
}

fn write(reader: &mut dyn Read, file: &mut File) -> Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut block = vec![0; BLOCK];
    loop {
        signal::check()?;
        let length = match reader.read(&mut block) {
            Ok(0) => return Ok((bytes, seal::hex(&hash.finalize()))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        hash.update(&block[..length]);
        file.write_all(&block[..length])?;
        bytes += length as u64;
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        for path in std::mem::take(&mut self.undo) {
            if fs::remove_if_exists(&path).is_err() {
                break;
            }
        }
    }
}
