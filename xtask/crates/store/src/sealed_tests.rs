//! Encrypted backups: written, found, read, and refused.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::age::{self, Identities, Recipients, Sealing, generate, identity};
use super::testing::{TEXT, label, put, scratch, sealed, stop_of, utc};
use super::{KeyFile, Origin, Source, Store, check};
use model::check::{Outcome, all_passed};
use model::exit::ExitCode;
use model::manifest::{Compression, Manifest};
use sys::fs;

const STAMP: &str = "20261122_101112";

struct Key {
    recipient: String,
    path: PathBuf,
}

/// Keys lie outside of the backups folder.
fn key(dir: &Path, name: &str) -> Key {
    let (recipient, text) = generate(utc(STAMP));
    let path = dir.join(name);
    put(&path, text.reveal().as_bytes());
    Key { recipient, path }
}

impl Key {
    fn identities(&self) -> Identities {
        identity(&self.path).unwrap()
    }

    fn sealing(&self, tested: bool) -> Sealing {
        let recipients = Recipients::parse(std::slice::from_ref(&self.recipient)).unwrap();
        Sealing::new(recipients, tested.then(|| self.identities())).unwrap()
    }

    fn of(&self, store: &Store) -> Store {
        store.clone().with_key(KeyFile::at(&self.path))
    }
}

fn text_of(source: &Source) -> String {
    let mut reader = check::open_checked(source).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

fn manifest_of(store: &Store) -> Manifest {
    store.resolve("latest").unwrap().manifest.unwrap()
}

#[test]
fn a_backup_comes_back_and_age_alone_is_enough_to_read_it() {
    for (compression, ending) in
        [(Compression::None, ".sql.age"), (Compression::Zstd, ".sql.zst.age")]
    {
        let (_dir, store) = scratch();
        let keys = tempfile::tempdir().unwrap();
        let key = key(keys.path(), "key");
        let store = key.of(&store);
        for (stamp, tested) in [(STAMP, true), ("20261122_101113", false)] {
            sealed(&store, &label(stamp), compression, Some(key.sealing(tested))).unwrap();
            let source = store.resolve("latest").unwrap();
            let manifest = source.manifest.clone().unwrap();
            assert_eq!(manifest.file, format!("{}{ending}", manifest.label));
            let encryption = manifest.encryption.clone().unwrap();
            assert_eq!(encryption.method, "age");
            assert_eq!(encryption.recipients, [age::fingerprint(&key.recipient)]);
            assert_eq!(encryption.tested, tested);
            assert_eq!(text_of(&source), TEXT);
            let checked = check::check_file(&source).unwrap();
            assert!(all_passed(&checked.checks), "{:?}", checked.checks);
            assert!(checked.checks.iter().all(|check| check.outcome == Outcome::Passed));
            // The stored bytes do not hold the text, and age gives what the index counts.
            let stored = fs::read_bytes(&source.path).unwrap();
            assert!(stored.starts_with(age::MAGIC));
            assert!(!stored.windows(5).any(|part| part == b"movie"));
            let mut stream = Vec::new();
            age::open(&stored[..], &key.identities(), &[])
                .unwrap()
                .read_to_end(&mut stream)
                .unwrap();
            assert_eq!(stream.len() as u64, checked.facts.unwrap().stream_bytes);
            let text = match compression {
                Compression::None => stream,
                Compression::Zstd => zstd::decode_all(&stream[..]).unwrap(),
            };
            assert_eq!(text, TEXT.as_bytes());
        }
        assert_eq!(store.list().unwrap().len(), 2);
        assert_eq!(store.strangers().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn the_index_counts_decrypted_bytes() {
    for compression in [Compression::None, Compression::Zstd] {
        let (_dir, store) = scratch();
        let keys = tempfile::tempdir().unwrap();
        let key = key(keys.path(), "key");
        let lock = store.lock_within(Duration::from_secs(5)).unwrap();
        let mut pending =
            store.begin(&lock, &label(STAMP), compression, Some(key.sealing(true))).unwrap();
        // Sections on both sides of age's blocks, in random text that does not shrink.
        let parts: Vec<Vec<u8>> = [10, 70_000, 0, 131_072, 5]
            .iter()
            .enumerate()
            .map(|(n, size)| noise(n, *size))
            .collect();
        for part in &parts {
            use model::sink::SectionSink;
            pending.section(model::manifest::SectionKind::Table, "movie").unwrap();
            pending.write_all(part).unwrap();
        }
        let entry = pending.finish(|facts| Ok(super::testing::manifest(facts))).unwrap();
        let manifest = entry.manifest().unwrap();
        let path = entry.data_path().unwrap();
        let file = KeyFile::at(&key.path);
        assert_eq!(manifest.sections.len(), parts.len());
        let stored = std::io::BufReader::new(fs::open(&path).unwrap());
        let mut clear = Vec::new();
        file.open(stored, &path, &[]).unwrap().read_to_end(&mut clear).unwrap();
        for (section, part) in manifest.sections.iter().zip(&parts) {
            let (from, length) = (section.offset as usize, section.length as usize);
            let alone = &clear[from..from + length];
            let text = match compression {
                Compression::None => alone.to_owned(),
                Compression::Zstd => zstd::decode_all(alone).unwrap(),
            };
            assert!(text == *part, "{section:?}");
        }
    }
}

fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn damage_fails_a_check_wherever_it_is() {
    let (_dir, store) = scratch();
    let keys = tempfile::tempdir().unwrap();
    let key = key(keys.path(), "key");
    let store = key.of(&store);
    for (stamp, compression) in [(STAMP, Compression::None), ("20261122_101113", Compression::Zstd)]
    {
        sealed(&store, &label(stamp), compression, Some(key.sealing(true))).unwrap();
        let source = store.resolve("latest").unwrap();
        let whole = fs::read_bytes(&source.path).unwrap();
        let own = |bytes: &[u8]| {
            put(&source.path, bytes);
            check::check_file(&source).unwrap().checks
        };
        // The first bytes say that it is encrypted; without them it is text, and not this one.
        for at in (0..whole.len()).step_by(3) {
            let mut altered = whole.clone();
            altered[at] ^= 2;
            let checks = own(&altered);
            let failed =
                |name| checks.iter().any(|c| c.name == name && c.outcome == Outcome::Failed);
            assert!(failed(check::HASH) && failed(check::TEXT), "byte {at}: {checks:?}");
        }
        for cut in (1..whole.len()).step_by(3) {
            let checks = own(&whole[..cut]);
            assert!(!all_passed(&checks), "cut at {cut}");
            let unread =
                |c: &model::check::Check| c.name == check::TEXT && c.outcome == Outcome::Failed;
            assert!(checks.iter().any(unread), "cut at {cut}: {checks:?}");
        }
        assert!(all_passed(&own(&whole)));
    }
}

#[test]
fn without_the_key_nothing_is_read_and_the_message_names_it() {
    let (_dir, store) = scratch();
    let keys = tempfile::tempdir().unwrap();
    let (key, other) = (key(keys.path(), "key"), key(keys.path(), "other"));
    sealed(&store, &label(STAMP), Compression::Zstd, Some(key.sealing(false))).unwrap();
    let fingerprint = age::fingerprint(&key.recipient);
    let open = |store: &Store| stop_of(check::open_checked(&store.resolve("latest").unwrap()));

    let stop = open(&store);
    assert_eq!(stop.code, ExitCode::Configuration);
    assert!(stop.message.contains(&fingerprint) && stop.message.contains(age::VARIABLE), "{stop}");

    let stop = open(&other.of(&store));
    assert_eq!(stop.code, ExitCode::Configuration);
    assert!(stop.message.contains(&fingerprint), "{stop}");
    assert!(stop.message.contains(".sql.zst.age"), "{stop}");

    fs::remove_if_exists(&other.path).unwrap();
    let stop = open(&other.of(&store));
    assert_eq!(stop.code, ExitCode::Configuration);
    assert!(stop.message.contains("other"), "{stop}");

    // What is not encrypted needs no key, not even one that can be read.
    super::testing::backup(&store, &label("20261122_101113"), Compression::None).unwrap();
    assert_eq!(text_of(&other.of(&store).resolve("latest").unwrap()), TEXT);
    assert!(manifest_of(&store).encryption.is_none());
}

#[test]
fn a_key_that_does_not_fit_stops_before_a_file_is_made() {
    let keys = tempfile::tempdir().unwrap();
    let (key, other) = (key(keys.path(), "key"), key(keys.path(), "other"));
    let recipients = Recipients::parse(&[key.recipient]).unwrap();
    let stop = stop_of(Sealing::new(recipients, Some(other.identities())));
    assert_eq!(stop.code, ExitCode::Configuration);
}

#[test]
fn what_a_person_encrypted_can_be_restored() {
    let (_dir, store) = scratch();
    let keys = tempfile::tempdir().unwrap();
    let key = key(keys.path(), "key");
    let store = key.of(&store);
    let seal = |bytes: &[u8]| {
        let mut sealer = key.sealing(false).recipients().sealer(Vec::new()).unwrap();
        sealer.write_all(bytes).unwrap();
        sealer.finish().unwrap()
    };
    let text = TEXT.as_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    let files = [
        ("mydb_backup_20261122_101112.sql.age", seal(text)),
        ("by-hand.sql.gz.age", seal(&gzip.finish().unwrap())),
        ("by-hand.sql.zst.age", seal(&zstd::encode_all(text, 1).unwrap())),
        // What a file is, its bytes say.
        ("misnamed.sql", seal(text)),
    ];
    for (name, bytes) in &files {
        put(&store.path(name), bytes);
        let source = store.resolve(name).unwrap();
        assert_eq!(source.origin, Origin::Foreign);
        assert_eq!(text_of(&source), TEXT, "{name}");
    }
    assert_eq!(store.strangers().unwrap().len(), files.len());
    assert_eq!(text_of(&store.resolve("mydb_backup_20261122_101112").unwrap()), TEXT);

    put(&store.path("twice.sql.age"), &seal(&seal(text)));
    let stop = stop_of(check::open_checked(&store.resolve("twice.sql.age").unwrap()));
    assert!(stop.message.contains("encrypted twice"), "{stop}");
    put(&store.path("zip.sql.age"), &seal(b"PK\x03\x04..."));
    let stop = stop_of(check::open_checked(&store.resolve("zip.sql.age").unwrap()));
    assert!(stop.message.contains("ZIP"), "{stop}");
}

#[test]
fn leftovers_of_encrypted_backups_are_known() {
    let (_dir, store) = scratch();
    let keys = tempfile::tempdir().unwrap();
    let key = key(keys.path(), "key");
    let entry = sealed(&store, &label(STAMP), Compression::Zstd, Some(key.sealing(true))).unwrap();
    let manifest = entry.manifest().unwrap();
    // As a crash between the marker and the manifest leaves it.
    let marker = format!(
        r#"{{"file":"{}","bytes":{},"sha256":"{}"}}"#,
        manifest.file, manifest.bytes, manifest.sha256
    );
    put(&store.path(&format!("{}.pending", manifest.label)), marker.as_bytes());
    fs::remove_if_exists(&entry.manifest_path).unwrap();
    put(&store.path("mydb_backup_20261122_101113.sql.age.partial"), b"");
    // The user's, because no marker names it.
    put(&store.path("mydb_backup_20261122_101114.sql.zst.age"), b"");
    let mut cleaned = store.clean(&store.lock_within(Duration::from_secs(5)).unwrap()).unwrap();
    cleaned.sort();
    assert_eq!(
        cleaned,
        [
            "mydb_backup_20261122_101112.pending",
            "mydb_backup_20261122_101112.sql.zst.age",
            "mydb_backup_20261122_101113.sql.age.partial",
        ]
    );
    // Dropped unfinished, it leaves nothing.
    let lock = store.lock_within(Duration::from_secs(5)).unwrap();
    let later = label("20261122_101115");
    drop(store.begin(&lock, &later, Compression::None, Some(key.sealing(true))).unwrap());
    assert!(!fs::names(store.dir()).unwrap().iter().any(|name| name.contains("101115")));
}
