//! What the tests of this room share.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, NaiveDateTime, Utc};
use tempfile::TempDir;

use super::age::Sealing;
use super::signing::SigningKey;
use super::{Backup, FileFacts, Keyring, Store};
use model::exit::Stop;
use model::facts::{Flavour, LogPosition, ServerFacts, Version};
use model::label::Label;
use model::manifest::{Compression, MANIFEST_VERSION, Manifest, Reason, SectionKind};
use model::sink::SectionSink;
use sys::proc::{Cmd, Finished};
use sys::{env, fault, fs};

const CHILD_DIR: &str = "XTASK_TEST_STORE";

pub(crate) fn scratch() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap().with_keyring(keyring());
    (dir, store)
}

/// A machine with the first key of the test vectors of RFC 8032, which trusts nobody.
pub(crate) fn keyring() -> Keyring {
    Keyring::holding(first_key(), Vec::new())
}

pub(crate) fn first_key() -> SigningKey {
    SigningKey::from_seed(&[
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ])
}

/// The second one.
pub(crate) fn second_key() -> SigningKey {
    SigningKey::from_seed(&[
        0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e,
        0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8,
        0xa6, 0xfb,
    ])
}

pub(super) fn put(path: &Path, bytes: &[u8]) {
    fs::remove_if_exists(path).unwrap();
    fs::create_private(path).unwrap().write_all(bytes).unwrap();
}

pub(super) fn at(stamp: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(stamp, "%Y%m%d_%H%M%S").unwrap()
}

pub(super) fn utc(stamp: &str) -> DateTime<Utc> {
    at(stamp).and_utc()
}

pub(crate) fn label(stamp: &str) -> Label {
    format!("mydb_backup_{stamp}").parse().unwrap()
}

pub(super) fn stop_of<T>(result: Result<T>) -> Stop {
    result.err().expect("a refusal").downcast().expect("a foreseen one")
}

/// Runs one test of this room in a process of its own, with a fault.
pub(super) fn child(test: &str, dir: &Path, fault: &str) -> Finished {
    let program = std::env::current_exe().unwrap();
    Cmd::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir.to_str().unwrap())
        .env(fault::VARIABLE, fault)
        .arg("--include-ignored")
        .run(Duration::from_secs(60))
        .map(|mut f| {
            f.stdout.push_str(&f.stderr);
            f
        })
        .unwrap()
}

/// The folder to work in, in a process that [`child`] started.
pub(super) fn child_dir() -> Option<PathBuf> {
    env::var_os(CHILD_DIR).map(PathBuf::from)
}

pub(super) fn manifest(facts: &FileFacts) -> Manifest {
    Manifest {
        version: MANIFEST_VERSION,
        tool_version: "0.1.0".to_owned(),
        git_commit: None,
        label: facts.label.clone(),
        created_utc: facts.label.time().and_utc(),
        reason: Reason::Manual,
        note: Some("\"quoted\" \"manifest_sha256\": \"\" ü".to_owned()),
        server: ServerFacts {
            flavour: Flavour::Mysql,
            version: Version(9, 7, 4),
            version_text: "9.7.4".to_owned(),
            uuid: "unknown".to_owned(),
            sql_mode: String::new(),
            time_zone: "+00:00".to_owned(),
            max_allowed_packet: 1,
            lower_case_table_names: 0,
        },
        schema: facts.label.schema().to_owned(),
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_0900_ai_ci".to_owned(),
        log_position: LogPosition::Unknown { reason: "a test".to_owned() },
        migrations: Vec::new(),
        engine: "native".to_owned(),
        engine_version: "0.1.0".to_owned(),
        definer_policy: "current_user".to_owned(),
        compression: facts.compression,
        encryption: facts.encryption.clone(),
        file: facts.file.clone(),
        bytes: facts.bytes,
        text_bytes: facts.text_bytes,
        sha256: facts.sha256.clone(),
        rows: 0,
        tables: Vec::new(),
        programs: Vec::new(),
        broken_views: Vec::new(),
        left_out: Vec::new(),
        schema_fingerprint: String::new(),
        sections: facts.sections.clone(),
        duration_ms: 1,
        signer: None,
        signature: None,
        manifest_sha256: String::new(),
    }
}

pub(super) const TEXT: &str = "-- head\nCREATE TABLE `movie` (id INT);\n-- end\n";

pub(crate) fn backup(store: &Store, label: &Label, compression: Compression) -> Result<Backup> {
    sealed(store, label, compression, None)
}

/// Makes a small backup that is encrypted.
pub(super) fn sealed(
    store: &Store,
    label: &Label,
    compression: Compression,
    sealing: Option<Sealing>,
) -> Result<Backup> {
    let lock = store.lock_within(Duration::from_secs(5))?;
    let mut pending = store.begin(&lock, label, compression, sealing)?;
    for (n, line) in TEXT.split_inclusive('\n').enumerate() {
        let kinds = [SectionKind::Head, SectionKind::Table, SectionKind::Tail];
        pending.section(kinds[n], "movie")?;
        pending.write_all(line.as_bytes())?;
    }
    pending.finish(|facts| Ok(manifest(facts)))
}
