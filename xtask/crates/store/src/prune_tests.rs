//! Deletion, stopped and killed at every point: the whole backup, or none of it.

use std::path::Path;
use std::time::Duration;

use super::super::testing::{backup, child, child_dir, keyring, label, put, scratch, stop_of, utc};
use super::super::{Origin, check};
use super::*;
use model::check::all_passed;
use model::manifest::Compression;
use sys::fault::{self, POINTS};

const STAMP: &str = "20261122_101112";

/// The points of a deletion in the folder.
fn points() -> impl Iterator<Item = &'static str> {
    let elsewhere = ["prune.schema_dropped", "prune.copy_deleted"];
    POINTS.iter().copied().filter(move |at| at.starts_with("prune.") && !elsewhere.contains(at))
}

fn delete(store: &Store) -> Result<u64> {
    let lock = store.lock_within(Duration::from_secs(5))?;
    let label = label(STAMP);
    store.delete(&lock, &label, |bytes| {
        let (subject, reason) = (label.to_string(), "no rule keeps it".to_owned());
        let event = Event::Prune { destination: None, subject, reason, bytes };
        store.append(&lock, "unknown", "mydb", event, utc(STAMP)).map(drop)
    })
}

/// Files of the backup that is deleted.
fn files(store: &Store) -> Vec<String> {
    let mut names = fs::names(store.dir()).unwrap();
    names.retain(|name| name.contains(STAMP));
    names
}

/// The next run finds the whole backup, or nothing of it; the other one is as it was.
fn demand_whole_or_none(store: &Store, at: &str) {
    let there = store.backup(&label(STAMP)).unwrap();
    // Never a manifest without its data.
    assert!(there.as_ref().is_none_or(|entry| entry.manifest().is_some()), "{at}");
    assert_eq!(there.is_some(), at == "prune.marked", "{at}");
    let lock = store.lock_within(Duration::from_secs(5)).unwrap();
    store.clean(&lock).unwrap();
    assert_eq!(store.leftovers().unwrap(), Vec::<String>::new(), "{at}");
    if there.is_some() {
        let source = store.resolve(&label(STAMP).to_string()).unwrap();
        assert_eq!(source.origin, Origin::Own);
        assert!(all_passed(&check::check_file(&source).unwrap().checks), "{at}");
        assert_eq!(files(store).len(), 2, "{at}");
        drop(lock);
        delete(store).unwrap();
    }
    assert_eq!(files(store), Vec::<String>::new(), "{at}");
    assert_eq!(store.list().unwrap().len(), 1, "{at}");
    assert_eq!(store.strangers().unwrap(), Vec::<String>::new(), "{at}");
    // The name is not given again.
    let next = store.next_label("mydb", label("20261123_000000").time()).unwrap();
    assert!(next > label("20261123_000000"), "{at}: {next}");
}

fn filled() -> (tempfile::TempDir, Store) {
    let (dir, store) = scratch();
    for stamp in [STAMP, "20261123_000000"] {
        backup(&store, &label(stamp), Compression::Zstd).unwrap();
    }
    (dir, store)
}

#[test]
fn stopped_anywhere_it_is_whole_or_gone() {
    assert_eq!(points().count(), 5);
    for at in points() {
        let (_dir, store) = filled();
        let armed = fault::arm(format!("stop:{at}"));
        assert!(delete(&store).is_err(), "{at}");
        drop(armed);
        demand_whole_or_none(&store, at);
    }
}

#[test]
fn killed_anywhere_it_is_whole_or_gone() {
    for at in points() {
        let (dir, store) = filled();
        let ended = child("prune::tests::child_deletes", dir.path(), &format!("kill:{at}"));
        assert!(!ended.ok(), "{at} was not passed: {}", ended.stdout);
        demand_whole_or_none(&store, at);
        let known = store.read().unwrap().let_go().contains(&label(STAMP));
        assert_eq!(known, at != "prune.manifest_removed", "{at}");
    }
}

#[test]
fn child_deletes() {
    let Some(dir) = child_dir() else { return };
    delete(&Store::open(Path::new(&dir)).unwrap().with_keyring(keyring())).unwrap();
}

#[test]
fn gives_back_what_it_freed_and_says_so() {
    let (_dir, store) = filled();
    let before: u64 = fs::names(store.dir())
        .unwrap()
        .iter()
        .filter(|name| name.contains(STAMP))
        .map(|name| std::fs::metadata(store.dir().join(name)).unwrap().len())
        .sum();
    assert_eq!(delete(&store).unwrap(), before);
    assert_eq!(files(&store), Vec::<String>::new());
    assert_eq!(store.read().unwrap().let_go(), BTreeSet::from([label(STAMP)]));
    assert_eq!(stop_of(delete(&store)).code, ExitCode::Store);
}

#[test]
fn what_is_damaged_or_a_persons_is_not_deleted() {
    let (_dir, store) = filled();
    let entry = store.backup(&label(STAMP)).unwrap().unwrap();
    put(&entry.data_path().unwrap(), b"short");
    assert_eq!(stop_of(delete(&store)).code, ExitCode::Store);
    assert_eq!(files(&store).len(), 2);
    let (_dir, store) = scratch();
    put(&store.dir().join(format!("mydb_backup_{STAMP}.sql")), b"made by hand");
    assert_eq!(stop_of(delete(&store)).code, ExitCode::Store);
    assert_eq!(files(&store).len(), 1);
}

#[test]
fn pins_are_the_last_word() {
    let (_dir, store) = scratch();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    let pin = |pinned: bool, note: &str| {
        let event = Event::Pin { label: label(STAMP), pinned, note: note.to_owned() };
        store.append(&lock, "unknown", "mydb", event, utc(STAMP)).unwrap();
        store.read().unwrap().pins()
    };
    assert_eq!(pin(true, "a"), BTreeMap::from([(label(STAMP), "a".to_owned())]));
    assert_eq!(pin(true, "b"), BTreeMap::from([(label(STAMP), "b".to_owned())]));
    assert_eq!(pin(false, ""), BTreeMap::new());
}

#[test]
fn what_the_ledger_does_not_tell_of_may_have_been_pinned() {
    let (_dir, store) = filled();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    let older = || store.read().unwrap().tells_nothing_of(&label(STAMP));
    assert!(!older(), "there is no ledger");
    let add = |event: Event| {
        store.append(&lock, "unknown", "mydb", event, utc("20261123_000000")).unwrap();
    };
    let pin = |pinned: bool, stamp: &str| {
        add(Event::Pin { label: label(stamp), pinned, note: String::new() });
    };
    pin(true, "20261123_000000");
    assert!(older());
    // The user has decided since.
    pin(false, STAMP);
    assert!(!older());
}
