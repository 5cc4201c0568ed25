//! What a ledger says against a copy, and two machines with one name.

use plan::timeline::Timeline;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use super::super::fault::{Fault, FaultKind};
use super::super::fetch::pick;
use super::super::folder::Folder;
use super::super::send::{Parcel, Phase, Sent, send};
use super::super::{Depot, copies, manifest_name, note_name};
use super::*;
use crate::Backup;
use crate::testing::{backup, first_key, label, put, scratch, second_key, utc};
use model::entry::{ENTRY_VERSION, Entry};
use model::manifest::Compression;
use sys::fs;

const STAMP: &str = "20261122_101112";

/// A machine with a backup of that name.
struct Machine {
    _dir: TempDir,
    entry: Backup,
}

impl Machine {
    fn new(compression: Compression) -> Self {
        let (dir, store) = scratch();
        let entry = backup(&store, &label(STAMP), compression).unwrap();
        Self { _dir: dir, entry }
    }

    fn sha256(&self) -> String {
        self.entry.manifest().unwrap().sha256.clone()
    }

    fn manifest(&self) -> Vec<u8> {
        fs::read_bytes(&self.entry.manifest_path).unwrap()
    }

    fn sends(&self, to: &mut Folder, before: Option<&str>) -> Result<Sent, Fault> {
        self.sends_while(to, before, &mut |_, _| {})
    }

    fn sends_while(
        &self,
        to: &mut Folder,
        before: Option<&str>,
        watch: &mut dyn FnMut(Phase, u64),
    ) -> Result<Sent, Fault> {
        let parcel = Parcel::new(&self.entry, None).unwrap().sent_before(before);
        send(to, &parcel, utc(STAMP), watch).map_err(|error| Fault::of(&error))
    }
}

fn drive() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = Folder::new("drive", dir.path().join("copies"));
    folder.prepare(true).unwrap();
    (dir, folder)
}

fn ledger(events: Vec<Event>) -> Ledger {
    let entries = events.into_iter().map(|event| Entry {
        version: ENTRY_VERSION,
        sequence: 1,
        at_utc: utc(STAMP),
        server_uuid: "here".to_owned(),
        schema: "mydb".to_owned(),
        tool_version: String::new(),
        event,
        previous: String::new(),
        signer: None,
        signature: None,
        hash: String::new(),
        trust: model::trust::Trust::Own,
    });
    Ledger { entries: entries.collect(), torn: false }
}

fn made(sha256: &str) -> Event {
    Event::Backup {
        label: label(STAMP),
        sha256: sha256.to_owned(),
        manifest_sha256: None,
        reason: "manual".to_owned(),
        rows: 0,
        duration_ms: 1,
        accepted_loss: None,
    }
}

fn copied(outcome: CopyOutcome, to: &str, sha256: &str) -> Event {
    Event::Copy {
        label: label(STAMP),
        destination: to.to_owned(),
        outcome,
        bytes: 1,
        sha256: sha256.to_owned(),
        detail: String::new(),
        duration_ms: 1,
    }
}

#[test]
fn what_the_ledger_knows_otherwise_is_not_fetched() {
    let (_dir, mut drive) = drive();
    let machine = Machine::new(Compression::None);
    machine.sends(&mut drive, None).unwrap();
    let copy = copies(&mut drive).unwrap().remove(0);
    let own = machine.sha256();
    let keyring = Keyring::holding(second_key(), Vec::new());
    let judge = |events: Vec<Event>| demand_own(&ledger(events), &keyring, "drive", &copy);
    let stranger = Ok(Trust::Unknown(first_key().fingerprint()));
    let (copy_of, read) = (CopyOutcome::Copied, CopyOutcome::Checked);
    // A line of before signatures does not say which manifest it was.
    assert_eq!(judge(vec![made(&own)]), stranger);
    let mut exact = made(&own);
    if let Event::Backup { manifest_sha256, .. } = &mut exact {
        *manifest_sha256 = copy.manifest.as_ref().map(|it| it.manifest_sha256.clone());
    }
    assert_eq!(judge(vec![exact]), Ok(Trust::Own));
    assert_eq!(judge(vec![copied(copy_of, "drive", &own)]), stranger);
    // The file that comes out is held against the backup, whoever encrypted the object.
    assert_eq!(judge(vec![made(&own), copied(copy_of, "drive", "other")]), stranger);
    for events in [vec![made("other")], vec![copied(copy_of, "drive", "other")]] {
        assert_eq!(judge(events).unwrap_err().code, ExitCode::Store);
    }
    assert!(judge(vec![copied(copy_of, "elsewhere", "other")]).is_ok());
    for events in [vec![], vec![copied(read, "drive", &own)]] {
        assert_eq!(judge(events), stranger);
    }
}

#[test]
fn a_replaced_object_is_found_and_sent_again() {
    let (dir, mut drive) = drive();
    let machine = Machine::new(Compression::None);
    let sent = machine.sends(&mut drive, None).unwrap();
    assert!(sent.copied);
    let again = machine.sends(&mut drive, Some(&sent.note.sha256)).unwrap();
    assert!(!again.copied && again.replaced.is_none());
    // Whoever writes object and note anew, of one size, makes them agree.
    let object = dir.path().join("copies").join(&sent.note.object);
    let mut bytes = fs::read_bytes(&object).unwrap();
    bytes[0] ^= 1;
    put(&object, &bytes);
    let note_path = dir.path().join("copies").join(note_name(&label(STAMP)));
    let text = fs::read_text(&note_path).unwrap();
    let forged = text.replace(&sent.note.sha256, &crate::seal::sha256_hex(&bytes));
    assert_ne!(text, forged);
    put(&note_path, forged.as_bytes());
    let found = copies(&mut drive).unwrap().remove(0);
    assert!(found.problem.expect("a problem").contains("describe different files"));
    let known = ledger(vec![copied(CopyOutcome::Copied, "drive", &sent.note.sha256)]);
    let forged = found.note.unwrap().sha256;
    assert!(not_what_was_sent(&known, &label(STAMP), "drive", &forged).is_some());
    assert!(not_what_was_sent(&known, &label(STAMP), "drive", &sent.note.sha256).is_none());
    let mended = machine.sends(&mut drive, None).unwrap();
    assert!(mended.copied && mended.replaced.is_some());
    assert_eq!(copies(&mut drive).unwrap()[0].problem, None);
    // An encrypted object shows only by the ledger that it is another one.
    let other = machine.sends(&mut drive, Some("other")).unwrap();
    assert!(other.copied && other.replaced.expect("a reason").contains("the ledger records"));
}

#[test]
fn two_machines_with_one_name_do_not_write_over_each_other() {
    let (ours, theirs) = (Machine::new(Compression::None), Machine::new(Compression::Zstd));
    let (dir, mut drive) = drive();
    let there = |name: String| dir.path().join("copies").join(name);
    let (manifest, note) = (there(manifest_name(&label(STAMP))), there(note_name(&label(STAMP))));
    theirs.sends(&mut drive, None).unwrap();
    let kept = |path: &Path| fs::read_bytes(path).unwrap();
    let before = (kept(&manifest), kept(&note));
    let refused =
        |result: Result<Sent, Fault>| assert_eq!(result.unwrap_err().kind, FaultKind::Conflict);
    refused(ours.sends(&mut drive, None));
    // Their manifest is still on its way.
    fs::remove_if_exists(&manifest).unwrap();
    refused(ours.sends(&mut drive, None));
    assert_eq!(kept(&note), before.1);
    // They come while ours is read back.
    fs::remove_if_exists(&note).unwrap();
    refused(ours.sends_while(&mut drive, None, &mut |phase, _| {
        if phase == Phase::Reading {
            put(&manifest, &before.0);
        }
    }));
    assert_eq!(kept(&manifest), before.0);
    // A note that is damaged beside the right manifest is no other machine's.
    put(&manifest, &ours.manifest());
    put(&note, &before.1);
    assert!(ours.sends(&mut drive, None).unwrap().copied);
    assert_eq!(copies(&mut drive).unwrap()[0].problem, None);
}

#[test]
fn latest_is_none_of_a_time_to_come() {
    let (_dir, mut drive) = drive();
    Machine::new(Compression::None).sends(&mut drive, None).unwrap();
    let mut all = copies(&mut drive).unwrap();
    let mut future = all[0].clone();
    future.label = label("20301122_101112");
    future.manifest.as_mut().unwrap().created_utc = utc("20301122_101112");
    all.insert(0, future);
    let mut wrong_clock = all[1].clone();
    wrong_clock.label = label("20261122_101113");
    wrong_clock.manifest.as_mut().unwrap().created_utc = utc("20261123_101112");
    all.insert(1, wrong_clock);
    let none = std::collections::BTreeMap::new();
    let unknown = |now: DateTime<Utc>| Timeline::of(&[], now);
    let at = |now: DateTime<Utc>| pick(&all, "latest", "mydb", "drive", &none, &unknown(now));
    let now = utc(STAMP) + TimeDelta::minutes(1);
    let picked = at(now).unwrap();
    assert_eq!(picked.copy.label, label(STAMP));
    assert_eq!(picked.notes.len(), 2);
    assert!(picked.notes[0].contains("2030") && picked.notes[0].contains("in the future"));
    assert!(picked.notes[1].contains("its label") && picked.notes[1].contains("20261122_101113"));
    // By its own name it is available.
    let named =
        pick(&all, "mydb_backup_20301122_101112", "mydb", "drive", &none, &unknown(now)).unwrap();
    assert_eq!(named.copy.label, all[0].label);
    assert_eq!(at(utc("20311122_101112")).unwrap().copy.label, all[0].label);
    // Where all are of the future, the refusal says so.
    let error = at(utc("20251122_101112")).unwrap_err();
    let stop = crate::testing::stop_of::<()>(Err(error));
    assert!(stop.hints.iter().any(|hint| hint.contains("in the future")), "{stop:?}");
}
