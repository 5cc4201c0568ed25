//! What the user types, and what it finds.

use super::super::testing::{backup, label, put, scratch, stop_of};
use super::*;
use model::entry::{Event, Level};
use model::manifest::Compression;

#[test]
fn latest_skips_damaged_ones_and_says_so() {
    let (_dir, store) = scratch();
    let stop = stop_of(store.resolve("latest"));
    assert_eq!(stop.code, ExitCode::Store);
    let old = backup(&store, &label("20261121_101112"), Compression::None).unwrap();
    let new = backup(&store, &label("20261122_101112"), Compression::Zstd).unwrap();
    let source = store.resolve("latest").unwrap();
    assert_eq!((source.name, source.notes), (new.label.to_string(), Vec::new()));
    put(&new.manifest_path, b"{");
    let source = store.resolve("latest").unwrap();
    assert_eq!(source.name, old.label.to_string());
    assert_eq!(source.notes.len(), 1);
    assert!(source.notes[0].contains(&new.label.to_string()), "{:?}", source.notes);
    put(&old.manifest_path, b"{");
    let stop = stop_of(store.resolve("latest"));
    assert_eq!(stop.hints.len(), 3, "{stop:?}");
}

/// Writes down how a verification of a backup ended.
fn verified(store: &Store, entry: &Backup, passed: bool) {
    let lock = store.lock().unwrap();
    let event = Event::Verify {
        subject: entry.label.to_string(),
        sha256: entry.manifest().unwrap().sha256.clone(),
        level: Level::Restore,
        passed,
        checks: Vec::new(),
        duration_ms: 1,
        own_gtids: None,
        kept: None,
        place: None,
    };
    store.append(&lock, "here", "mydb", event, chrono::DateTime::UNIX_EPOCH).unwrap();
}

#[test]
fn latest_passes_over_what_failed_its_verification() {
    let (_dir, store) = scratch();
    let old = backup(&store, &label("20261121_101112"), Compression::None).unwrap();
    let new = backup(&store, &label("20261122_101112"), Compression::None).unwrap();
    verified(&store, &new, false);
    let source = store.resolve("latest").unwrap();
    assert_eq!(source.name, old.label.to_string());
    assert!(source.notes[0].contains("failed its last verification"), "{:?}", source.notes);
    // By its name it is still there.
    assert_eq!(store.resolve(&new.label.to_string()).unwrap().name, new.label.to_string());
    verified(&store, &old, false);
    let source = store.resolve("latest").unwrap();
    assert_eq!(source.name, new.label.to_string(), "there is no other");
    assert!(source.notes[0].contains("there is no other"), "{:?}", source.notes);
    verified(&store, &new, true);
    assert_eq!(store.resolve("latest").unwrap().notes, Vec::<String>::new());
}

#[test]
fn latest_does_not_guess_the_schema() {
    let (_dir, store) = scratch();
    backup(&store, &label("20261121_101112"), Compression::None).unwrap();
    let other = "other_backup_20261122_101112".parse().unwrap();
    backup(&store, &other, Compression::None).unwrap();
    assert!(stop_of(store.resolve("latest")).message.contains("could mean"));
    let source = store.resolve_in("latest", "mydb").unwrap();
    assert_eq!(source.name, "mydb_backup_20261121_101112");
    assert!(stop_of(store.resolve_in("latest", "third")).message.contains("of `third`"));
}

#[test]
fn labels_and_paths_find_the_same() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label("20261122_101112"), Compression::Zstd).unwrap();
    let data = entry.data_path().unwrap();
    for text in [
        entry.label.to_string(),
        data.display().to_string(),
        entry.manifest_path.display().to_string(),
        "mydb_backup_20261122_101112.sql.zst".to_owned(),
        "mydb_backup_20261122_101112.json".to_owned(),
    ] {
        let source = store.resolve(&text).unwrap();
        assert_eq!(source.origin, Origin::Own, "{text}");
        assert_eq!((source.path, source.name), (data.clone(), entry.label.to_string()));
        assert_eq!(source.manifest.as_ref(), entry.manifest());
    }
}

#[test]
fn files_made_by_hand_are_foreign() {
    let (_dir, store) = scratch();
    let names = ["mydb_backup_20261122_101112.sql", "old.sql.gz"];
    for name in names {
        put(&store.path(name), b"SELECT 1;\n");
        let source = store.resolve(name).unwrap();
        assert_eq!((source.origin, source.manifest.as_ref()), (Origin::Foreign, None));
        assert!(source.notes[0].contains("has no manifest"));
    }
    let source = store.resolve("mydb_backup_20261122_101112").unwrap();
    assert_eq!(source.name, names[0]);
    // Beside a manifest that is about another file.
    backup(&store, &label("20261122_101113"), Compression::Zstd).unwrap();
    put(&store.path("mydb_backup_20261122_101113.sql"), b"SELECT 1;\n");
    let source = store.resolve("mydb_backup_20261122_101113.sql").unwrap();
    assert_eq!(source.origin, Origin::Foreign);
}

#[test]
fn a_damaged_backup_is_not_taken_for_a_foreign_file() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label("20261122_101112"), Compression::None).unwrap();
    let data = entry.data_path().unwrap();
    put(&data, b"short");
    for text in [entry.label.to_string(), data.display().to_string()] {
        let stop = stop_of(store.resolve(&text));
        assert_eq!(stop.code, ExitCode::Store);
        assert!(stop.message.contains("is damaged"), "{stop}");
    }
}

#[test]
fn what_is_unknown_names_the_nearest() {
    let (_dir, store) = scratch();
    let stop = stop_of(store.resolve("mydb_backup_20261122_101112"));
    assert!(stop.hints[0].contains("no backups"), "{stop:?}");
    for day in 10..20 {
        backup(&store, &label(&format!("202611{day}_101112")), Compression::None).unwrap();
    }
    let stop = stop_of(store.resolve("mydb_backup_20261113_101113"));
    assert_eq!(stop.code, ExitCode::Usage);
    assert!(stop.hints[0].starts_with("The nearest are `mydb_backup_20261113_101112`"), "{stop:?}");
    let stop = stop_of(store.resolve("mydb_backup_20261117"));
    assert!(stop.hints[0].contains("20261117_101112"), "{stop:?}");
    for text in ["nothing/here.sql", "../../etc_backup_20261122_101112"] {
        assert_eq!(stop_of(store.resolve(text)).code, ExitCode::Usage, "{text}");
    }
    for folder in ["", ".."] {
        assert_eq!(stop_of(store.resolve(folder)).code, ExitCode::Store, "{folder}");
    }
    let stop = stop_of(store.resolve("lates"));
    assert!(stop.hints[0].contains("`latest`, `mydb_backup_2026"), "{stop:?}");
    // What was there is another matter than what never was.
    let gone = label("20261119_101112");
    let lock = store.lock().unwrap();
    let event = Event::Prune {
        destination: None,
        subject: gone.to_string(),
        reason: "a test".to_owned(),
        bytes: 0,
    };
    store.append(&lock, "here", "mydb", event, chrono::DateTime::UNIX_EPOCH).unwrap();
    store.delete(&lock, &gone, |_| Ok(())).unwrap();
    let stop = stop_of(store.resolve(&gone.to_string()));
    assert_eq!(stop.code, ExitCode::Store);
    assert!(stop.message.contains("was deleted here on 1970-01-01"), "{stop:?}");
    put(&store.path("mydb_backup_20261122_101112.sql.partial"), b"");
    let stop = stop_of(store.resolve("mydb_backup_20261122_101112.sql.partial"));
    assert!(stop.message.contains("never finished"));
}

#[test]
fn a_backup_of_another_folder_proves_nothing_about_this_one() {
    let (_dir, store) = scratch();
    let (_other_dir, other) = scratch();
    let entry = backup(&other, &label("20261122_101112"), Compression::None).unwrap();
    let path = entry.manifest_path.display().to_string();
    assert!(store.resolve(&path).unwrap().place.is_some());
    assert_eq!(other.resolve(&path).unwrap().place, None);
    assert_eq!(other.resolve("latest").unwrap().place, None);
}

#[test]
fn every_word_leads_to_a_label() {
    let (_dir, store) = scratch();
    for day in 10..13 {
        backup(&store, &label(&format!("202611{day}_101112")), Compression::None).unwrap();
    }
    // Each says that it was taken at the same moment, so only the order of labels counts.
    for (text, expected) in [
        ("latest", "20261112_101112"),
        ("latest~2", "20261110_101112"),
        ("mydb_backup_20261111_101112", "20261111_101112"),
        ("mydb_backup_20300101_000000", "20300101_000000"),
    ] {
        assert_eq!(store.label_of(text, "mydb").unwrap().0, label(expected), "{text}");
    }
    assert_eq!(
        store.resolve_in("latest~1", "mydb").unwrap().name,
        label("20261111_101112").to_string()
    );
    let stop = stop_of(store.label_of("latest~3", "mydb"));
    assert_eq!(stop.code, ExitCode::Store);
    assert!(stop.message.contains("for `latest~3`"), "{stop:?}");
    for text in ["latest~x", "before:noon", "mydb_backup_2026111_101112"] {
        assert_eq!(stop_of(store.label_of(text, "mydb")).code, ExitCode::Usage, "{text}");
    }
}
