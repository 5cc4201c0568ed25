//! The commit protocol, stopped and killed at every point.

use std::time::Duration;

use super::super::testing::{
    TEXT, backup, child, child_dir, label, manifest, put, scratch, stop_of,
};
use super::super::{Origin, check};
use super::*;
use model::check::all_passed;
use sys::fault::{self, POINTS};

const STAMP: &str = "20261122_101112";
const BOTH: [Compression; 2] = [Compression::None, Compression::Zstd];

fn backup_points() -> impl Iterator<Item = &'static str> {
    POINTS.iter().copied().filter(|name| name.starts_with("backup."))
}

/// Whether the manifest is written by the time a run passes this point.
fn exists_at(name: &str) -> bool {
    matches!(name, "backup.manifest_written" | "backup.committed")
}

fn files(store: &Store) -> Vec<String> {
    let mut names = fs::names(store.dir()).unwrap();
    names.retain(|name| name != names::LOCK);
    names
}

/// Cleans after a failed run and demands the state before or the state after.
fn demand_clean(store: &Store, compression: Compression, exists: bool, at: &str) {
    let label = label(STAMP);
    let lock = store.lock_within(Duration::from_secs(5)).unwrap();
    store.clean(&lock).unwrap();
    assert_eq!(store.leftovers().unwrap(), Vec::<String>::new(), "{at}");
    let entries = store.list().unwrap();
    assert_eq!(entries.len(), usize::from(exists), "{at}");
    if exists {
        let source = store.resolve(&label.to_string()).unwrap();
        assert!(all_passed(&check::check_file(&source).unwrap().checks), "{at}");
        assert_eq!(files(store).len(), 2, "{at}");
    } else {
        assert_eq!(files(store), Vec::<String>::new(), "{at}");
        drop(lock);
        // The same label can be used again.
        backup(store, &label, compression).unwrap();
    }
}

#[test]
fn makes_a_backup_that_reads_back() {
    for compression in BOTH {
        let (_dir, store) = scratch();
        let entry = backup(&store, &label(STAMP), compression).unwrap();
        assert_eq!(store.list().unwrap(), vec![entry.clone()]);
        let source = store.resolve("latest").unwrap();
        assert_eq!(source.origin, Origin::Own);
        let checked = check::check_file(&source).unwrap();
        assert!(all_passed(&checked.checks), "{:?}", checked.checks);
        assert_eq!(checked.facts.unwrap().text_bytes, TEXT.len() as u64);
        assert_eq!(store.strangers().unwrap(), Vec::<String>::new());
        assert_eq!(files(&store).len(), 2);
    }
}

#[test]
fn stopped_anywhere_it_is_all_or_nothing() {
    for compression in BOTH {
        for name in backup_points() {
            let (_dir, store) = scratch();
            let armed = fault::arm(format!("stop:{name}"));
            assert!(backup(&store, &label(STAMP), compression).is_err(), "{name}");
            drop(armed);
            if !exists_at(name) {
                // A failure cleans up after itself.
                assert_eq!(files(&store), Vec::<String>::new(), "{name}");
            }
            demand_clean(&store, compression, exists_at(name), name);
        }
    }
}

#[test]
fn killed_anywhere_it_is_all_or_nothing() {
    for name in backup_points() {
        let (dir, store) = scratch();
        let fault = format!("kill:{name}");
        let ended = child("commit::tests::child_makes_a_backup", dir.path(), &fault);
        assert!(!ended.ok() && !ended.stdout.contains("panicked"), "{name}: {ended:?}");
        if name != "backup.committed" {
            assert!(!store.leftovers().unwrap().is_empty(), "{name}");
        }
        demand_clean(&store, Compression::Zstd, exists_at(name), name);
    }
}

#[test]
fn child_makes_a_backup() {
    let Some(dir) = child_dir() else { return };
    let store = Store::open(&dir).unwrap();
    backup(&store, &label(STAMP), Compression::Zstd).unwrap();
}

#[test]
fn dropped_it_leaves_nothing() {
    let (_dir, store) = scratch();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    let mut pending = store.begin(&lock, &label(STAMP), Compression::None, None).unwrap();
    pending.write_all(b"SELECT 1;\n").unwrap();
    assert_eq!(files(&store), ["mydb_backup_20261122_101112.sql.partial"]);
    drop(pending);
    assert_eq!(files(&store), Vec::<String>::new());
}

#[test]
fn a_manifest_that_does_not_fit_is_refused() {
    let (_dir, store) = scratch();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    let changes: [fn(&mut Manifest); 7] = [
        |m| m.bytes += 1,
        |m| m.text_bytes += 1,
        |m| m.sha256 = String::new(),
        |m| m.file = "other.sql".to_owned(),
        |m| m.sections.clear(),
        |m| m.label = label("20261122_101113"),
        |m| m.rows = 1,
    ];
    for change in changes {
        let mut pending = store.begin(&lock, &label(STAMP), Compression::None, None).unwrap();
        pending.write_all(b"SELECT 1;\n").unwrap();
        let finished = pending.finish(|facts| {
            let mut manifest = manifest(facts);
            change(&mut manifest);
            Ok(manifest)
        });
        assert!(finished.is_err());
        assert_eq!(files(&store), Vec::<String>::new());
    }
}

#[test]
fn nothing_is_overwritten() {
    let (_dir, store) = scratch();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    for ending in ["sql", "sql.zst", "sql.gz", "json", "pending", "sql.partial", "SQL"] {
        let path = store.path(&format!("{}.{ending}", label(STAMP)));
        put(&path, b"mine");
        for compression in BOTH {
            let stop = stop_of(store.begin(&lock, &label(STAMP), compression, None));
            assert_eq!(stop.code, ExitCode::Store);
        }
        assert_eq!(fs::read_bytes(&path).unwrap(), b"mine");
        fs::remove_if_exists(&path).unwrap();
    }
}

#[test]
fn a_file_that_appears_meanwhile_stays() {
    for ending in ["sql", "json"] {
        let (_dir, store) = scratch();
        let lock = store.lock_within(Duration::ZERO).unwrap();
        let pending = store.begin(&lock, &label(STAMP), Compression::None, None).unwrap();
        let name = format!("{}.{ending}", label(STAMP));
        put(&store.path(&name), b"mine");
        assert!(pending.finish(|facts| Ok(manifest(facts))).is_err());
        assert_eq!(files(&store), [name.as_str()]);
        assert_eq!(fs::read_bytes(&store.path(&name)).unwrap(), b"mine");
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_dir, store) = scratch();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    for schema in ["../mydb", "a/b", "a\\b", ".hidden", "-rf", "a:b"] {
        let label = format!("{schema}_backup_{STAMP}").parse().unwrap();
        let stop = stop_of(store.begin(&lock, &label, Compression::None, None));
        assert_eq!(stop.code, ExitCode::Store, "{schema}");
    }
}

#[test]
fn the_lock_of_another_folder_does_not_do() {
    let (_dir, store) = scratch();
    let (_other, other) = scratch();
    let lock = other.lock_within(Duration::ZERO).unwrap();
    assert!(store.begin(&lock, &label(STAMP), Compression::None, None).is_err());
}

#[test]
fn what_a_person_put_there_is_never_cleaned() {
    let (_dir, store) = scratch();
    let lock = store.lock_within(Duration::ZERO).unwrap();
    let data = format!("{}.sql", label(STAMP));
    let marker = format!("{}.pending", label(STAMP));
    let mine = [data.as_str(), "notes.partial", "mydb.sql.partial", "old.sql"];
    for name in mine {
        put(&store.path(name), b"mine");
    }
    assert_eq!(store.clean(&lock).unwrap(), Vec::<String>::new());
    // A marker of a dead run does not make another file of that name ours.
    for bytes in [4, 5] {
        let text = serde_json::to_vec(&Marker {
            file: data.clone(),
            bytes,
            sha256: super::super::seal::sha256_hex(b"ours"),
        });
        put(&store.path(&marker), &text.unwrap());
        assert_eq!(store.clean(&lock).unwrap(), [marker.as_str()]);
    }
    // Nor one that names someone else's file.
    let text = serde_json::to_vec(&Marker {
        file: "old.sql".to_owned(),
        bytes: 4,
        sha256: super::super::seal::sha256_hex(b"mine"),
    });
    put(&store.path(&marker), &text.unwrap());
    assert_eq!(store.clean(&lock).unwrap(), [marker]);
    for name in mine {
        assert_eq!(fs::read_bytes(&store.path(name)).unwrap(), b"mine");
    }
    let mut strangers = vec![data, "old.sql".to_owned()];
    strangers.sort();
    assert_eq!(store.strangers().unwrap(), strangers);
}

#[test]
fn a_full_disk_is_recognised() {
    let full = anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull)).context("write");
    assert!(is_disk_full(&full));
    assert!(!is_disk_full(&anyhow::anyhow!("storage full")));
}

#[cfg(unix)]
#[test]
fn everything_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    let (_dir, store) = scratch();
    backup(&store, &label(STAMP), Compression::Zstd).unwrap();
    assert_eq!(mode(store.dir()) & 0o777, 0o700);
    for name in fs::names(store.dir()).unwrap() {
        assert_eq!(mode(&store.path(&name)) & 0o777, 0o600, "{name}");
    }
}
