//! Copies in a real folder.

use std::io::Cursor;
use std::path::Path;

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::folder::Folder;
use super::*;
use crate::testing::{backup, label, put, scratch};
use model::manifest::Compression;
use sys::fs;

fn drive() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new("drive", dir.path().join("copies"));
    (dir, folder)
}

fn names_in(dir: &TempDir) -> Vec<String> {
    fs::names(&dir.path().join("copies")).unwrap()
}

/// Sends a backup by hand, as the command does.
fn send(depot: &mut dyn Depot, stamp: &str) -> Label {
    let (_dir, store) = scratch();
    let label = label(stamp);
    let entry = backup(&store, &label, Compression::None).unwrap();
    let manifest = entry.manifest().unwrap();
    let text = fs::read_bytes(&entry.manifest_path).unwrap();
    let data = fs::read_bytes(&entry.data_path().unwrap()).unwrap();
    let note = CopyNote {
        version: NOTE_VERSION,
        label: label.clone(),
        object: manifest.file.clone(),
        bytes: manifest.bytes,
        sha256: manifest.sha256.clone(),
        manifest_sha256: seal::sha256_hex(&text),
        encryption: None,
        copied_utc: DateTime::<Utc>::UNIX_EPOCH,
    };
    let note = serde_json::to_vec_pretty(&note).unwrap();
    for (name, bytes) in
        [(manifest.file.clone(), data), (note_name(&label), note), (manifest_name(&label), text)]
    {
        depot.put(&name, bytes.len() as u64, &mut Cursor::new(bytes)).unwrap();
    }
    label
}

fn only_problem(depot: &mut dyn Depot) -> Option<String> {
    let found = copies(depot).unwrap();
    assert_eq!(found.len(), 1);
    found[0].problem.clone()
}

#[test]
fn a_folder_is_created_only_before_the_first_copy() {
    let (dir, mut folder) = drive();
    let missing = |result: Result<()>| Fault::of(&result.unwrap_err()).kind;
    assert_eq!(missing(folder.prepare(false)), FaultKind::Missing);
    assert_eq!(missing(folder.list().map(drop)), FaultKind::Missing);
    assert_eq!(missing(folder.put("a", 0, &mut Cursor::new([]))), FaultKind::Missing);
    folder.prepare(true).unwrap();
    assert!(folder.list().unwrap().is_empty());
    #[cfg(unix)]
    {
        let mode = sys::disk::mode(&dir.path().join("copies"));
        assert_eq!(mode, Some(0o700));
    }
    // A drive that is not mounted has no folder that one could be created in.
    let mut deep = Folder::new("deep", dir.path().join("not/mounted"));
    assert_eq!(missing(deep.prepare(true)), FaultKind::Missing);
}

#[test]
fn what_is_put_is_whole_or_not_there() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    folder.put("a.sql", 3, &mut Cursor::new(b"abc")).unwrap();
    let listed: Vec<(String, u64)> =
        folder.list().unwrap().into_iter().map(|one| (one.name, one.bytes)).collect();
    assert_eq!(listed, [("a.sql".to_owned(), 3)]);
    // Cut short: the old one stays, and nothing else does.
    assert!(folder.put("a.sql", 9, &mut Cursor::new(b"abcd")).is_err());
    assert_eq!(names_in(&dir), ["a.sql"]);
    put(&dir.path().join("copies/a.sql.partial"), b"of a dead run");
    folder.put("a.sql", 4, &mut Cursor::new(b"abcd")).unwrap();
    assert_eq!(names_in(&dir), ["a.sql"]);
    assert_eq!(whole(folder.get("a.sql").unwrap().unwrap(), SMALL).unwrap(), b"abcd");
    #[cfg(unix)]
    assert_eq!(sys::disk::mode(&dir.path().join("copies/a.sql")), Some(0o600));
    assert!(folder.get("b.sql").unwrap().is_none());
    for bad in ["../a", "/a", "", "a\0"] {
        assert!(folder.put(bad, 0, &mut Cursor::new([])).is_err(), "{bad:?}");
        assert!(folder.get(bad).is_err(), "{bad:?}");
        assert!(folder.remove(bad).is_err(), "{bad:?}");
    }
    folder.remove("a.sql").unwrap();
    folder.remove("a.sql").unwrap();
    assert!(names_in(&dir).is_empty());
}

#[test]
fn copies_are_listed_newest_first_and_deleted_alone() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let old = send(&mut folder, "20261122_101112");
    let new = send(&mut folder, "20261123_101112");
    put(&dir.path().join("copies/holiday.jpg"), b"");
    put(&dir.path().join("copies/mydb_backup_20261123_101112.txt"), b"a person's");
    put(&dir.path().join("copies/mydb_backup_20261124_101112.sql"), b"sent without its manifest");
    let found = copies(&mut folder).unwrap();
    let labels: Vec<&Label> = found.iter().map(|copy| &copy.label).collect();
    assert_eq!(labels, [&new, &old]);
    assert!(found.iter().all(|copy| copy.problem.is_none() && copy.manifest.is_some()));
    assert_eq!(delete(&mut folder, &new).unwrap(), found[0].bytes);
    assert_eq!(delete(&mut folder, &new).unwrap(), 0);
    let left = names_in(&dir);
    assert_eq!(left.len(), 6, "{left:?}");
    assert!(left.iter().any(|name| name == "mydb_backup_20261123_101112.txt"));
    assert_eq!(copies(&mut folder).unwrap().len(), 1);
}

#[test]
fn what_is_wrong_with_a_copy_is_said() {
    let check = |harm: &dyn Fn(&Path, &Label), words: &str| {
        let (dir, mut folder) = drive();
        folder.prepare(true).unwrap();
        let label = send(&mut folder, "20261122_101112");
        assert_eq!(only_problem(&mut folder), None);
        harm(&dir.path().join("copies"), &label);
        let problem = only_problem(&mut folder).expect("a problem");
        assert!(problem.contains(words), "{problem}");
    };
    let edit = |path: &Path, from: &str, to: &str| {
        let text = fs::read_text(path).unwrap();
        assert!(text.contains(from));
        put(path, text.replace(from, to).as_bytes());
    };
    check(&|dir, l| fs::remove_if_exists(&dir.join(format!("{l}.sql"))).unwrap(), "missing");
    check(&|dir, l| put(&dir.join(format!("{l}.sql")), b"short"), "5 bytes instead of");
    check(&|dir, l| fs::remove_if_exists(&dir.join(note_name(l))).unwrap(), "note is missing");
    check(&|dir, l| put(&dir.join(note_name(l)), b"{"), "note is damaged");
    check(&|dir, l| edit(&dir.join(note_name(l)), "\"version\": 1", "\"version\": 9"), "newer");
    check(&|dir, l| edit(&dir.join(note_name(l)), ".sql\"", ".jpg\""), "cannot be its own");
    check(&|dir, l| edit(&dir.join(note_name(l)), "2026", "2025"), "note belongs to");
    check(&|dir, l| edit(&dir.join(manifest_name(l)), "\"rows\": 0", "\"rows\": 1"), "changed");
    check(&|dir, l| put(&dir.join(manifest_name(l)), b""), "not valid JSON");
}

/// A backup in a folder of its own, and what sending it gives.
fn sent_from(
    depot: &mut dyn Depot,
    stamp: &str,
    compression: Compression,
    harm: &dyn Fn(&Path),
) -> Result<send::Sent> {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label(stamp), compression).unwrap();
    harm(&entry.data_path().unwrap());
    let parcel = send::Parcel::new(&entry, None).unwrap();
    send::send(depot, &parcel, DateTime::<Utc>::UNIX_EPOCH, &mut |_, _| {})
}

#[test]
fn another_backup_of_that_name_is_never_written_over() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let stamp = "20261122_101112";
    assert!(sent_from(&mut folder, stamp, Compression::None, &|_| ()).unwrap().copied);
    let before = fs::read_bytes(&dir.path().join("copies").join(manifest_name(&label(stamp))));
    let other = sent_from(&mut folder, stamp, Compression::Zstd, &|_| ());
    assert_eq!(Fault::of(&other.unwrap_err()).kind, FaultKind::Conflict);
    let after = fs::read_bytes(&dir.path().join("copies").join(manifest_name(&label(stamp))));
    assert_eq!(before.unwrap(), after.unwrap());
    assert_eq!(only_problem(&mut folder), None);
    // The same one again is only read.
    assert!(!sent_from(&mut folder, stamp, Compression::None, &|_| ()).unwrap().copied);
}

fn alter(path: &Path) {
    let mut bytes = fs::read_bytes(path).unwrap();
    bytes[3] ^= 1;
    put(path, &bytes);
}

#[test]
fn a_backup_that_is_damaged_here_is_not_copied() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let damaged = sent_from(&mut folder, "20261122_101112", Compression::None, &alter);
    let stop = crate::testing::stop_of(damaged);
    assert_eq!(stop.code, model::exit::ExitCode::Store);
    assert!(stop.message.contains("is damaged"), "{stop}");
    assert!(names_in(&dir).is_empty());
}

#[test]
fn what_a_person_put_beside_a_copy_stays() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let label = send(&mut folder, "20261122_101112");
    let beside = format!("{label}.sql.zst");
    put(&dir.path().join("copies").join(&beside), b"a person's");
    assert!(delete(&mut folder, &label).unwrap() > 0);
    assert_eq!(names_in(&dir), [beside.as_str()]);
    // Without a note nobody knows which of them was the object.
    put(&dir.path().join("copies").join(note_name(&label)), b"{");
    assert_eq!(delete(&mut folder, &label).unwrap(), 1);
    assert_eq!(names_in(&dir), [beside.as_str()]);
}

#[test]
fn a_new_copy_removes_the_object_that_the_old_note_names_and_no_other() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let (_store, store) = scratch();
    let label = label("20261122_101112");
    let entry = backup(&store, &label, Compression::None).unwrap();
    let text = fs::read_bytes(&entry.manifest_path).unwrap();
    let old = CopyNote {
        version: NOTE_VERSION,
        label: label.clone(),
        object: format!("{label}.sql.age"),
        bytes: 3,
        sha256: seal::sha256_hex(b"old"),
        manifest_sha256: seal::sha256_hex(&text),
        encryption: None,
        copied_utc: DateTime::<Utc>::UNIX_EPOCH,
    };
    let beside = format!("{label}.sql.zst");
    let copies = dir.path().join("copies");
    put(&copies.join(&old.object), b"cut");
    put(
        &copies.join(note_name(&label)),
        &serde_json::to_vec(&CopyNote { bytes: 4, ..old }).unwrap(),
    );
    put(&copies.join(&beside), b"a person's");
    let parcel = send::Parcel::new(&entry, None).unwrap();
    let now = DateTime::<Utc>::UNIX_EPOCH;
    assert!(send::send(&mut folder, &parcel, now, &mut |_, _| {}).unwrap().copied);
    let object = format!("{label}.sql");
    assert_eq!(names_in(&dir), [note_name(&label), manifest_name(&label), object, beside]);
}

#[test]
fn only_what_was_sent_from_here_and_let_go_is_swept() {
    use crate::ledger::Ledger;
    use model::copy::CopyOutcome;
    use model::entry::{ENTRY_VERSION, Entry, Event};
    let sweep_of = |destination: &str, outcome: CopyOutcome, let_go: bool, same: bool| {
        let (dir, mut folder) = drive();
        folder.prepare(true).unwrap();
        let label = send(&mut folder, "20261122_101112");
        folder.remove(&manifest_name(&label)).unwrap();
        let note = note_at(&mut folder, &label).unwrap().unwrap();
        let copy = Event::Copy {
            label: label.clone(),
            destination: destination.to_owned(),
            outcome,
            bytes: 1,
            sha256: if same { note.sha256 } else { "another machine's".to_owned() },
            detail: String::new(),
            duration_ms: 1,
        };
        let (subject, reason) = (label.to_string(), String::new());
        let gone = Event::Prune { destination: None, subject, reason, bytes: 1 };
        let events = [Some(copy), let_go.then_some(gone)];
        let entries = events.into_iter().flatten().map(|event| Entry {
            version: ENTRY_VERSION,
            sequence: 1,
            at_utc: DateTime::<Utc>::UNIX_EPOCH,
            server_uuid: String::new(),
            schema: "mydb".to_owned(),
            tool_version: String::new(),
            event,
            previous: String::new(),
            signer: None,
            signature: None,
            hash: String::new(),
            trust: model::trust::Trust::Own,
        });
        let ledger = Ledger { entries: entries.collect(), torn: false };
        let swept = crate::prune::sweep(&mut folder, &ledger).unwrap();
        assert_eq!(names_in(&dir).len(), if swept.is_empty() { 2 } else { 0 });
        !swept.is_empty()
    };
    let sweep = |destination: &str, outcome, let_go| sweep_of(destination, outcome, let_go, true);
    assert!(sweep("drive", CopyOutcome::Copied, true));
    // Another machine's note of the same name: its manifest may be on its way.
    assert!(!sweep_of("drive", CopyOutcome::Copied, true, false));
    // Another machine is sending one of that name, or someone here is.
    assert!(!sweep("drive", CopyOutcome::Checked, true));
    assert!(!sweep("elsewhere", CopyOutcome::Copied, true));
    assert!(!sweep("drive", CopyOutcome::Copied, false));
}

#[test]
fn a_good_copy_is_not_given_up_for_a_file_that_is_damaged_here() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let stamp = "20261122_101112";
    assert!(sent_from(&mut folder, stamp, Compression::None, &|_| ()).unwrap().copied);
    // Its note is lost: it would be sent anew.
    let label = label(stamp);
    folder.remove(&note_name(&label)).unwrap();
    let before = names_in(&dir);
    let damaged = sent_from(&mut folder, stamp, Compression::None, &alter);
    let stop = crate::testing::stop_of(damaged);
    assert!(stop.message.contains("is damaged"), "{stop}");
    assert_eq!(names_in(&dir), before);
}

#[test]
fn manifests_that_are_too_much_together_are_not_kept() {
    let (_dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let [old, new] = ["20260101_000000", "20260102_000000"].map(|it| send(&mut folder, it));
    let size = |label: &Label, folder: &mut Folder| {
        let listed = folder.list().unwrap();
        listed.iter().find(|one| one.name == manifest_name(label)).unwrap().bytes
    };
    let both = size(&old, &mut folder) + size(&new, &mut folder);
    let problems = |folder: &mut Folder, most| -> Vec<bool> {
        let found = listing::copies_within(folder, most).unwrap();
        found.iter().map(|copy| copy.problem.is_some() || copy.manifest.is_none()).collect()
    };
    assert_eq!(problems(&mut folder, both), [false, false]);
    // The newest is the one that the user needs first.
    assert_eq!(problems(&mut folder, both - 1), [false, true]);
}

#[test]
fn a_file_that_is_no_manifest_is_not_read_whole() {
    let (dir, mut folder) = drive();
    folder.prepare(true).unwrap();
    let label = label("20260101_000000");
    let path = dir.path().join("copies").join(manifest_name(&label));
    fs::create_private(&path).unwrap().set_len(SMALL + 1).unwrap();
    assert_eq!(only_problem(&mut folder).as_deref(), Some("its manifest cannot be read"));
    let read = folder.get_small(&[manifest_name(&label)]);
    assert_eq!(Fault::of(&read.unwrap_err()).kind, FaultKind::Damaged);
}
