//! The ledger: what was proven, one entry a line, each chained to the one before.
//!
//! `ledger.jsonl` is only ever appended to. A line carries its own hash and that of
//! the line before, so no line can be changed or taken out unnoticed. That lines
//! were cut off at the end cannot be seen in the file itself: `ledger.head`, written
//! after each line, says which is the last.
//!
//! The hashes are not signatures: anyone who can write here can compute them. `store/believed.rs`
//! decides what a line proves, by its signer.
//!
//! A crash can leave two things, and only these are put right by the next append:
//! a last line that is not whole (kept in `ledger.torn`), and a head that is one
//! line behind. Everything else is damage, and is never repaired silently.

use std::io::Write;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::signing::{self, Form, Subject};
use super::{Keyring, Store, StoreLock, names, seal};
use model::check::Check;
use model::entry::{ENTRY_VERSION, Entry, Event};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::trust::Trust;
use sys::{fault::point, fs};

/// Name of the check of the ledger.
pub const CHAIN: &str = "ledger chain";

const SEAL: &str = "\"hash\":\"";
const FORM: Form = Form { signature: "\"signature\":\"", hash: SEAL };
/// `previous` of the first line.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Every entry, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The entries, whose chain was checked.
    pub entries: Vec<Entry>,
    /// Whether a crash left a last line that is not whole; the next append cuts it off.
    pub torn: bool,
}

/// Which line is the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    sequence: u64,
    hash: String,
}

/// The ledger as an append needs it.
#[derive(Debug, Default)]
struct Found {
    ledger: Ledger,
    whole_bytes: u64,
    fragment: Vec<u8>,
    head_is_behind: bool,
}

impl Store {
    /// Adds an entry, durably: when this returns, it will not be lost.
    ///
    /// # Errors
    /// The ledger is damaged ([`ExitCode::Store`]) or cannot be written.
    pub fn append(
        &self,
        lock: &StoreLock,
        server_uuid: &str,
        schema: &str,
        event: Event,
        now: DateTime<Utc>,
    ) -> Result<Entry> {
        self.demand(lock)?;
        let found = self.load()?;
        self.heal(&found)?;
        let last = found.ledger.entries.last();
        let key = self.keyring.signer()?;
        let mut entry = Entry {
            version: ENTRY_VERSION,
            sequence: last.map_or(0, |entry| entry.sequence) + 1,
            at_utc: now,
            server_uuid: server_uuid.to_owned(),
            schema: schema.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            event,
            previous: last.map_or_else(|| NOTHING.to_owned(), |entry| entry.hash.clone()),
            signer: key.map(|key| key.public().to_owned()),
            signature: key.map(|_| String::new()),
            hash: String::new(),
            trust: key.map_or(Trust::Unsigned, |_| Trust::Own),
        };
        let mut text = serde_json::to_string(&entry).context("write the ledger entry")?;
        if let Some(key) = key {
            let signed = signing::sign(&text, FORM, Subject::Line(entry.sequence), key);
            let signature;
            (text, signature) =
                signed.context("the ledger entry has no place for its signature")?;
            entry.signature = Some(signature);
        }
        let (line, hash) =
            seal::seal(&text, SEAL).context("the ledger entry has no place for its hash")?;
        entry.hash = hash;
        self.write_line(&line, found.whole_bytes)?;
        point("ledger.written")?;
        self.write_head(&entry)?;
        point("ledger.headed")?;
        Ok(entry)
    }

    /// Every entry, the chain checked.
    ///
    /// # Errors
    /// The ledger is damaged or of a newer format ([`ExitCode::Store`]), or cannot be read.
    pub fn read(&self) -> Result<Ledger> {
        Ok(self.load()?.ledger)
    }

    /// Whether the ledger is what was written, as a check; damage is a failed check.
    pub fn verify_chain(&self) -> Result<Check> {
        let ledger = match self.read() {
            Ok(ledger) => ledger,
            Err(error) => {
                let stop = error.downcast::<Stop>()?;
                return Ok(Check::failed(CHAIN, stop.message));
            }
        };
        let torn = if ledger.torn { ", plus a final line truncated by a crash" } else { "" };
        Ok(match ledger.entries.len() {
            0 => Check::not_run(CHAIN, format!("there are no entries yet{torn}")),
            1 => Check::passed(CHAIN, format!("1 entry{torn}")),
            n => Check::passed(CHAIN, format!("{n} entries{torn}")),
        })
    }

    /// Labels that the ledger knows, also where its chain is broken: this is only
    /// about not using a name twice.
    pub(super) fn labels_in_ledger(&self) -> Result<Vec<Label>> {
        let path = self.path(names::LEDGER);
        if !fs::exists(&path)? {
            return Ok(Vec::new());
        }
        let bytes = fs::read_bytes(&path)?;
        let entries = bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        Ok(entries
            .filter_map(|entry| match entry.event {
                Event::Backup { label, .. } | Event::Copy { label, .. } => Some(label),
                Event::Prune { subject, .. } => subject.parse().ok(),
                Event::Restore { safety_backup, .. } => safety_backup,
                _ => None,
            })
            .collect())
    }

    fn heal(&self, found: &Found) -> Result<()> {
        if !found.fragment.is_empty() {
            let mut torn = fs::append_private(&self.path(names::LEDGER_TORN))?;
            torn.write_all(&found.fragment)
                .and_then(|()| torn.write_all(b"\n"))
                .and_then(|()| torn.sync_all())
                .context("keep the ledger's torn line")?;
            fs::sync_dir(self.dir())?;
            point("ledger.torn_kept")?;
            fs::truncate_durably(&self.path(names::LEDGER), found.whole_bytes)?;
        }
        match found.ledger.entries.last() {
            Some(last) if found.head_is_behind => self.write_head(last),
            _ => Ok(()),
        }
    }

    fn write_line(&self, line: &str, whole_bytes: u64) -> Result<()> {
        let path = self.path(names::LEDGER);
        let mut file = fs::append_private(&path)?;
        let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            drop(file);
            // A part of a line would be recognised as torn, too.
            fs::truncate_durably(&path, whole_bytes).ok();
            return Err(error).with_context(|| format!("append to {}", path.display()));
        }
        if whole_bytes == 0 { fs::sync_dir(self.dir()) } else { Ok(()) }
    }

    fn write_head(&self, last: &Entry) -> Result<()> {
        let head = Head { sequence: last.sequence, hash: last.hash.clone() };
        let text = serde_json::to_vec(&head).context("write the head of the ledger")?;
        fs::write_durably(&self.path(names::LEDGER_HEAD), &text)
    }

    fn load(&self) -> Result<Found> {
        let optional = |name: &str| -> Result<Option<Vec<u8>>> {
            let path = self.path(name);
            if fs::exists(&path)? { fs::read_bytes(&path).map(Some) } else { Ok(None) }
        };
        let mut head = optional(names::LEDGER_HEAD)?;
        let mut bytes = optional(names::LEDGER)?.unwrap_or_default();
        // Readers take no lock: when another run appended meanwhile, look again.
        for _ in 0..10 {
            let again = optional(names::LEDGER_HEAD)?;
            if again == head {
                break;
            }
            head = again;
            bytes = optional(names::LEDGER)?.unwrap_or_default();
        }
        examine(&bytes, head.as_deref(), &self.keyring).map_err(|flaw| self.refusal(flaw).into())
    }

    fn refusal(&self, flaw: Flaw) -> Stop {
        let path = self.path(names::LEDGER);
        match flaw {
            Flaw::Newer(version) => Stop::new(
                ExitCode::Store,
                format!(
                    "the ledger {} was written by a newer version of this tool (format {version})",
                    path.display()
                ),
            )
            .hint("Update this checkout, then try again."),
            Flaw::Damage(what) => Stop::new(
                ExitCode::Store,
                format!("the ledger {} is damaged: {what}", path.display()),
            )
            .hint("The backups are not affected, but their proofs and pins are.")
            .hint(
                "Put back a copy of `ledger.jsonl` and `ledger.head`; or move both away to start \
                a new ledger, verify the backups again, and renew the pins.",
            ),
        }
    }
}

/// Why a ledger is not accepted.
enum Flaw {
    Newer(u32),
    Damage(String),
}

fn examine(bytes: &[u8], head: Option<&[u8]>, keyring: &Keyring) -> Result<Found, Flaw> {
    let head: Option<Head> = head.map(serde_json::from_slice).transpose().map_err(|error| {
        Flaw::Damage(format!("`{}` cannot be read ({error})", names::LEDGER_HEAD))
    })?;
    let confirmed = head.as_ref().map_or(0, |head| head.sequence);
    let mut found = Found::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let sequence = found.ledger.entries.len() as u64 + 1;
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            found.fragment = rest.to_vec();
            break;
        };
        let previous = found.ledger.entries.last().map_or(NOTHING, |entry| &entry.hash);
        match line(&rest[..end], sequence, previous, keyring) {
            Ok(entry) => found.ledger.entries.push(entry),
            // A crash can also leave a line whose end came to the disk before its
            // middle. It is the last one, and no head ever confirmed it.
            Err(Flaw::Damage(_)) if end + 1 == rest.len() && confirmed + 1 == sequence => {
                found.fragment = rest.to_vec();
                break;
            }
            Err(flaw) => return Err(flaw),
        }
        found.whole_bytes += end as u64 + 1;
        rest = &rest[end + 1..];
    }
    found.ledger.torn = !found.fragment.is_empty();
    found.head_is_behind = behind(&found.ledger.entries, head.as_ref())?;
    Ok(found)
}

/// One line without its end.
fn line(bytes: &[u8], sequence: u64, previous: &str, keyring: &Keyring) -> Result<Entry, Flaw> {
    #[derive(Deserialize)]
    struct Front {
        version: u32,
    }
    let damage = |what: &str| Flaw::Damage(format!("line {sequence} {what}"));
    let text = std::str::from_utf8(bytes).map_err(|_| damage("is not UTF-8 text"))?;
    let front: Front = serde_json::from_str(text).map_err(|_| damage("is not a ledger entry"))?;
    if front.version > ENTRY_VERSION {
        return Err(Flaw::Newer(front.version));
    }
    seal::unseal(text, SEAL).map_err(damage)?;
    let mut entry: Entry =
        serde_json::from_str(text).map_err(|_| damage("is not a ledger entry"))?;
    if entry.sequence != sequence {
        return Err(damage(&format!("has number {}", entry.sequence)));
    }
    if entry.previous != previous {
        return Err(damage("does not follow the line before it"));
    }
    if !keyring.remembers(&entry.hash) {
        let carried = (entry.signer.as_deref(), entry.signature.as_deref());
        signing::demand_signed(text, FORM, Subject::Line(sequence), carried).map_err(damage)?;
        keyring.remember(&entry.hash);
    }
    entry.trust = keyring.judge(entry.signer.as_deref());
    Ok(entry)
}

/// Whether the head is one line behind; an error when it fits in no way.
fn behind(entries: &[Entry], head: Option<&Head>) -> Result<bool, Flaw> {
    let lines = entries.len() as u64;
    let Some(head) = head else {
        return if lines <= 1 {
            Ok(lines == 1)
        } else {
            Err(Flaw::Damage(format!("`{}` is missing", names::LEDGER_HEAD)))
        };
    };
    if head.sequence > lines {
        return Err(Flaw::Damage(format!(
            "it ends at entry {lines}, but entry {} was written",
            head.sequence
        )));
    }
    let confirmed = head.sequence.checked_sub(1).and_then(|at| entries.get(at as usize));
    if confirmed.is_none_or(|entry| entry.hash != head.hash) {
        return Err(Flaw::Damage(format!(
            "entry {} is not the one that was written",
            head.sequence
        )));
    }
    match lines - head.sequence {
        0 => Ok(false),
        1 => Ok(true),
        more => Err(Flaw::Damage(format!("its last {more} entries were never confirmed"))),
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
