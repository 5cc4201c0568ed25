//! Damage to manifests and data, at every byte.

use super::super::testing::{backup, label, put, scratch};
use super::super::{Source, check};
use super::*;
use model::check::{Check, Outcome, all_passed};
use model::manifest::Compression;

const BOTH: [Compression; 2] = [Compression::None, Compression::Zstd];

fn checks(source: &Source) -> Vec<Check> {
    check::check_file(source).unwrap().checks
}

fn damage(entry: &Backup) -> &str {
    match &entry.state {
        State::Damaged(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn newest_first() {
    let (_dir, store) = scratch();
    for stamp in ["20251122_101112", "20251121_235959", "20260101_000000"] {
        backup(&store, &label(stamp), Compression::None).unwrap();
    }
    let labels: Vec<String> = store.list().unwrap().iter().map(|e| e.label.to_string()).collect();
    assert_eq!(
        labels,
        [
            "mydb_backup_20260101_000000",
            "mydb_backup_20251122_101112",
            "mydb_backup_20251121_235959"
        ]
    );
    // One that cannot have been taken yet is of an unknown time: it is no newer than the others.
    backup(&store, &label("20991231_000000"), Compression::None).unwrap();
    let listed = store.list().unwrap();
    assert_eq!(listed[3].label, label("20991231_000000"));
    assert!(listed[3].wrong_clock.is_some() && listed[0].wrong_clock.is_none());
    let source = store.resolve("latest").unwrap();
    assert_eq!(source.name, "mydb_backup_20260101_000000");
    assert!(source.notes[0].contains("2099") && source.notes[0].contains("unknown"));
}

#[test]
fn every_flipped_bit_of_a_manifest_is_noticed() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label("20261122_101112"), Compression::Zstd).unwrap();
    let good = fs::read_bytes(&entry.manifest_path).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            assert!(!matches!(parse(&bytes), State::Ok(_)), "bit {bit} of byte {at}");
        }
        assert!(!matches!(parse(&good[..at]), State::Ok(_)), "cut at {at}");
    }
    assert!(matches!(parse(&good), State::Ok(_)));
    // Through the folder, too.
    let mut bytes = good.clone();
    bytes[good.len() / 2] ^= 1;
    put(&entry.manifest_path, &bytes);
    assert!(store.list().unwrap()[0].manifest().is_none());
    assert!(store.resolve(&entry.label.to_string()).is_err());
}

#[test]
fn every_flipped_byte_and_every_cut_of_the_data_is_noticed() {
    for compression in BOTH {
        let (_dir, store) = scratch();
        let entry = backup(&store, &label("20261122_101112"), compression).unwrap();
        let source = store.resolve("latest").unwrap();
        let good = fs::read_bytes(&source.path).unwrap();
        assert!(all_passed(&checks(&source)));
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            put(&source.path, &bytes);
            // The size is right, so only reading it can tell.
            let source = store.resolve("latest").unwrap();
            match check::check_file(&source) {
                Ok(checked) => assert!(!all_passed(&checked.checks), "byte {at}"),
                Err(error) => assert!(error.is::<Stop>(), "byte {at}: {error:#}"),
            }
            put(&source.path, &good[..at]);
            assert!(damage(&store.list().unwrap()[0]).contains("bytes instead of"));
            // Cut between the look at the folder and the reading.
            assert!(!all_passed(&checks(&source)), "cut at {at}");
        }
        fs::remove_if_exists(&entry.data_path().unwrap()).unwrap();
        assert!(damage(&store.list().unwrap()[0]).contains("is missing"));
        assert!(store.resolve("latest").is_err());
    }
}

#[test]
fn swapped_manifests_are_noticed() {
    let (_dir, store) = scratch();
    let one = backup(&store, &label("20261122_101112"), Compression::None).unwrap();
    let two = backup(&store, &label("20261122_101113"), Compression::None).unwrap();
    let texts = [&one, &two].map(|entry| fs::read_bytes(&entry.manifest_path).unwrap());
    put(&one.manifest_path, &texts[1]);
    put(&two.manifest_path, &texts[0]);
    for entry in store.list().unwrap() {
        assert!(damage(&entry).contains("belongs to"), "{entry:?}");
    }
}

#[test]
fn swapped_data_is_noticed() {
    let (_dir, store) = scratch();
    let one = backup(&store, &label("20261122_101112"), Compression::None).unwrap();
    let mut other = fs::read_bytes(&one.data_path().unwrap()).unwrap();
    other.reverse();
    put(&one.data_path().unwrap(), &other);
    let checks = checks(&store.resolve("latest").unwrap());
    let outcomes: Vec<Outcome> = checks.iter().map(|check| check.outcome).collect();
    use Outcome::{Failed, Passed};
    assert_eq!(outcomes, [Passed, Failed, Passed, Passed]);
}

#[test]
fn a_newer_format_is_refused_and_not_called_damaged() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label("20261122_101112"), Compression::None).unwrap();
    put(&entry.manifest_path, b"{\"version\": 3, \"seal\": \"something new\"}");
    let entry = &store.list().unwrap()[0];
    assert_eq!(entry.state, State::Newer(3));
    let stop = entry.refusal().unwrap();
    assert_eq!(stop.code, ExitCode::Store);
    assert!(stop.hints[0].contains("Update"), "{stop:?}");
}

#[test]
fn a_sealed_manifest_cannot_name_another_file() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label("20261122_101112"), Compression::None).unwrap();
    for file in ["../mydb_backup_20261122_101112.sql", "/etc/passwd", "other.sql", "", ".."] {
        let mut manifest = entry.manifest().unwrap().clone();
        manifest.file = file.to_owned();
        let (text, _) = manifest_text(manifest, None).unwrap();
        put(&entry.manifest_path, text.as_bytes());
        assert!(damage(&store.list().unwrap()[0]).contains("cannot be its own"), "{file}");
    }
}

#[test]
fn rubbish_is_damaged() {
    let (_dir, store) = scratch();
    for rubbish in [&b""[..], b"null", b"{}", b"{\"version\":0}", b"\xff", b"{\"version\":-1}"] {
        put(&store.path("mydb_backup_20261122_101112.json"), rubbish);
        damage(&store.list().unwrap()[0]);
    }
    // Other JSON files are nobody's business.
    put(&store.path("notes.json"), b"");
    assert_eq!(store.list().unwrap().len(), 1);
}
