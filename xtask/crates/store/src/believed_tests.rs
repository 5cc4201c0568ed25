//! Lines that someone added who has no key, and keys that nobody trusts.

use std::time::Duration;

use super::super::testing::{backup, first_key, label, scratch, second_key, stop_of, utc};
use super::super::{Keyring, State, Store, names, seal};
use super::*;
use config::trust::NamedSigner;
use model::manifest::Compression;
use sys::fs;

const STAMP: &str = "20261122_101112";

fn add(store: &Store, event: Event) -> Entry {
    let lock = store.lock_within(Duration::from_secs(5)).unwrap();
    store.append(&lock, "uuid", "mydb", event, utc(STAMP)).unwrap()
}

fn verify(passed: bool, sha256: &str) -> Event {
    Event::Verify {
        subject: label(STAMP).to_string(),
        sha256: sha256.to_owned(),
        level: Level::Restore,
        passed,
        checks: Vec::new(),
        duration_ms: 1,
        own_gtids: None,
        kept: None,
        place: None,
    }
}

fn made(manifest: &Manifest) -> Event {
    Event::Backup {
        label: manifest.label.clone(),
        sha256: manifest.sha256.clone(),
        manifest_sha256: Some(manifest.manifest_sha256.clone()),
        reason: "manual".to_owned(),
        rows: 0,
        duration_ms: 1,
        accepted_loss: None,
    }
}

/// The folder as someone sees it who can write there and has no key, or another one.
fn stranger(store: &Store, keyring: Keyring) -> Store {
    store.clone().with_keyring(keyring)
}

fn other_machine() -> Keyring {
    Keyring::holding(second_key(), Vec::new())
}

#[test]
fn a_forged_line_proves_nothing() {
    for forger in [Keyring::default(), other_machine()] {
        let (_dir, store) = scratch();
        let entry = backup(&store, &label(STAMP), Compression::None).unwrap();
        let manifest = entry.manifest().unwrap();
        add(&store, made(manifest));
        let highest = || {
            let ledger = store.read().unwrap();
            ledger.highest_verification(&label(STAMP), &manifest.sha256)
        };
        add(&stranger(&store, forger.clone()), verify(true, &manifest.sha256));
        assert_eq!(highest(), None);
        let ledger = store.read().unwrap();
        let claimed = ledger.claimed_verification(&label(STAMP), &manifest.sha256);
        assert_eq!(claimed, Some(Level::Restore));
        let signed = ledger.signed();
        assert_eq!((signed.proven, signed.unsigned + signed.unknown), (1, 1));
        assert!(signed.unproven().is_some());
        add(&store, verify(true, &manifest.sha256));
        assert_eq!(highest().map(|(level, _)| level), Some(Level::Restore));
        // What speaks against it counts, whoever says it …
        add(&stranger(&store, forger.clone()), verify(false, &manifest.sha256));
        assert_eq!(highest(), None);
        // … and a forged line does not take back what a proven one says.
        add(&store, verify(false, &manifest.sha256));
        add(&stranger(&store, forger), verify(true, &manifest.sha256));
        assert!(store.read().unwrap().last_failed(&label(STAMP)));
        add(&store, verify(true, &manifest.sha256));
        assert!(!store.read().unwrap().last_failed(&label(STAMP)));
    }
}

#[test]
fn machines_that_trust_each_other_prove_for_each_other() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label(STAMP), Compression::None).unwrap();
    let manifest = entry.manifest().unwrap();
    add(&store, made(manifest));
    add(&store, verify(true, &manifest.sha256));
    let named = NamedSigner { name: "one".to_owned(), key: first_key().public().to_owned() };
    let other = stranger(&store, Keyring::holding(second_key(), vec![named]));
    let seen = other.backup(&label(STAMP)).unwrap().unwrap();
    assert_eq!(seen.trust, Trust::Named("one".to_owned()));
    let ledger = other.read().unwrap();
    assert!(ledger.highest_verification(&label(STAMP), &manifest.sha256).is_some());
    // Without the key it is of unknown origin, and still readable.
    let seen = stranger(&store, other_machine()).backup(&label(STAMP)).unwrap().unwrap();
    assert_eq!(seen.trust.word(), "unknown");
    assert!(seen.manifest().is_some());
}

/// What an attacker does: other content, and both hashes computed again.
fn tamper(store: &Store, keep_signature: bool) {
    let path = store.path(&format!("{}{}", label(STAMP), names::MANIFEST));
    let text = fs::read_text(&path).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let data = store.path(manifest["file"].as_str().unwrap());
    let mut bytes = fs::read_bytes(&data).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write_durably(&data, &bytes).unwrap();
    let old = manifest["sha256"].as_str().unwrap().to_owned();
    let text = text.replacen(&old, &seal::sha256_hex(&bytes), 1);
    let text = if keep_signature {
        text
    } else {
        let map = manifest.as_object_mut().unwrap();
        let lines = |name: &str| format!("  \"{name}\": \"{}\",\n", map[name].as_str().unwrap());
        text.replacen(&lines("signer"), "", 1).replacen(&lines("signature"), "", 1)
    };
    let hash = manifest["manifest_sha256"].as_str().unwrap();
    let open = text.replacen(hash, "", 1);
    let (text, _) = seal::seal(&open, "\"manifest_sha256\": \"").unwrap();
    fs::write_durably(&path, text.as_bytes()).unwrap();
}

#[test]
fn a_backup_that_is_not_the_one_that_was_made_is_refused() {
    for keep_signature in [true, false] {
        let (_dir, store) = scratch();
        let entry = backup(&store, &label(STAMP), Compression::None).unwrap();
        add(&store, made(entry.manifest().unwrap()));
        tamper(&store, keep_signature);
        let path = store.path(&format!("{}.sql", label(STAMP))).display().to_string();
        for name in [label(STAMP).to_string(), path] {
            let stop = stop_of(store.resolve(&name));
            let expected = if keep_signature { "tampered with" } else { "the ledger records" };
            assert!(stop.message.contains(expected), "{name}: {stop}");
        }
        assert!(store.list().unwrap()[0].manifest().is_none());
        let latest = stop_of(store.resolve("latest"));
        assert!(latest.message.contains("no usable backup"), "{latest}");
        // A forged line that agrees with it changes nothing.
        if !keep_signature {
            let mut forged = made(entry.manifest().unwrap());
            let path = store.path(&format!("{}{}", label(STAMP), names::MANIFEST));
            let now: Manifest = serde_json::from_slice(&fs::read_bytes(&path).unwrap()).unwrap();
            if let Event::Backup { sha256, manifest_sha256, .. } = &mut forged {
                *sha256 = now.sha256;
                *manifest_sha256 = Some(now.manifest_sha256);
            }
            add(&stranger(&store, other_machine()), forged);
            assert!(matches!(store.list().unwrap()[0].state, State::Replaced(_)));
        }
    }
}

#[test]
fn a_changed_manifest_of_the_same_file_is_found() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label(STAMP), Compression::None).unwrap();
    add(&store, made(entry.manifest().unwrap()));
    let path = entry.manifest_path;
    let text = fs::read_text(&path).unwrap();
    let old: Manifest = serde_json::from_str(&text).unwrap();
    let unsigned = Manifest { note: None, ..old };
    let (text, _) = super::super::catalogue::manifest_text(unsigned, None).unwrap();
    fs::write_durably(&path, text.as_bytes()).unwrap();
    let stop = stop_of(store.resolve(&label(STAMP).to_string()));
    assert!(stop.message.contains("this is a different manifest"), "{stop}");
}

#[test]
fn a_file_that_lost_its_manifest_is_no_strangers() {
    let (_dir, store) = scratch();
    let entry = backup(&store, &label(STAMP), Compression::None).unwrap();
    let data = entry.data_path().unwrap().display().to_string();
    add(&store, made(entry.manifest().unwrap()));
    fs::remove_if_exists(&entry.manifest_path).unwrap();
    for name in [label(STAMP).to_string(), data] {
        let stop = stop_of(store.resolve(&name));
        assert!(stop.message.contains("lost its manifest"), "{stop}");
    }
}

#[test]
fn an_older_folder_stays_usable() {
    let (_dir, store) = scratch();
    let old = stranger(&store, Keyring::default());
    let entry = backup(&old, &label(STAMP), Compression::None).unwrap();
    let manifest = entry.manifest().unwrap().clone();
    add(&old, made(&manifest));
    add(&old, verify(true, &manifest.sha256));
    let source = store.resolve(&label(STAMP).to_string()).unwrap();
    assert_eq!(source.trust, Trust::Unsigned);
    assert!(source.notes[0].contains("is unsigned"), "{:?}", source.notes);
    let ledger = store.read().unwrap();
    assert_eq!(ledger.highest_verification(&label(STAMP), &manifest.sha256), None);
    assert_eq!(ledger.signed().unproven(), None, "older lines are nobody's fault");
    // What is signed now counts, and the file's origin stays what it is.
    add(&store, verify(true, &manifest.sha256));
    let ledger = store.read().unwrap();
    assert!(ledger.highest_verification(&label(STAMP), &manifest.sha256).is_some());
    assert_eq!(store.backup(&label(STAMP)).unwrap().unwrap().trust, Trust::Unsigned);
}

#[test]
fn pins_and_deletions_are_not_forged() {
    let (_dir, store) = scratch();
    let pin = |pinned| Event::Pin { label: label(STAMP), pinned, note: String::new() };
    let old = stranger(&store, Keyring::default());
    add(&old, pin(true));
    add(&old, pin(false));
    assert!(store.read().unwrap().pins().is_empty(), "as it was before signatures");
    add(&store, pin(true));
    add(&old, pin(false));
    let subject = label(STAMP).to_string();
    add(&old, Event::Prune { destination: None, subject, reason: String::new(), bytes: 1 });
    let ledger = store.read().unwrap();
    assert_eq!(ledger.pins().len(), 1);
    assert!(ledger.let_go().is_empty());
    add(&store, pin(false));
    assert!(store.read().unwrap().pins().is_empty());
}
