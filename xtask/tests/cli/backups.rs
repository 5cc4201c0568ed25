//! Backups as the tool itself writes them, of rows that no server gave.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use model::entry::{Event, Level};
use model::facts::{Flavour, LogPosition, ServerFacts, Version};
use model::label::Label;
use model::manifest::{Compression, MANIFEST_VERSION, Manifest, Reason, SectionKind, TableEntry};
use model::sink::SectionSink as _;
use sql::{Seen, decode, read_dump};
use store::{FileFacts, Store, StoreLock};

use crate::project::Project;

const HEAD: &str = "-- StreamFlix backup\n";
const TABLE: &str = "CREATE TABLE `film` (`id` int NOT NULL, `title` varchar(40));\n";
const ROWS: &str = "INSERT INTO `film` (`id`, `title`) VALUES\n(1,'Alien'),\n(2,'Brazil');\n";

fn seen() -> Seen {
    let text = format!("{HEAD}{TABLE}{ROWS}");
    let text = decode(text.as_bytes()).expect("it is text");
    read_dump(text, &mut |_, _| Ok(())).expect("it is a dump")
}

fn manifest(facts: &FileFacts, seen: &Seen) -> Manifest {
    let tables = seen.tables.iter().map(|(name, table)| TableEntry {
        name: name.clone(),
        rows: table.digest.rows,
        digest: table.digest.hex(),
        columns: table.columns.clone(),
        auto_increment: None,
        ddl_sha256: String::new(),
        exact_floats: Vec::new(),
        rounded_floats: 0,
        changed_texts: 0,
    });
    Manifest {
        version: MANIFEST_VERSION,
        tool_version: "0.1.0".to_owned(),
        git_commit: None,
        label: facts.label.clone(),
        created_utc: facts.label.time().and_utc(),
        reason: Reason::Manual,
        note: Some("before the price change".to_owned()),
        server: ServerFacts {
            flavour: Flavour::Mysql,
            version: Version(9, 7, 4),
            version_text: "9.7.4".to_owned(),
            uuid: "6d3b2a10-0000-0000-0000-000000000000".to_owned(),
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
        encryption: None,
        file: facts.file.clone(),
        bytes: facts.bytes,
        text_bytes: facts.text_bytes,
        sha256: facts.sha256.clone(),
        rows: seen.rows,
        tables: tables.collect(),
        programs: Vec::new(),
        broken_views: Vec::new(),
        left_out: Vec::new(),
        schema_fingerprint: String::new(),
        sections: facts.sections.clone(),
        duration_ms: 1200,
        signer: None,
        signature: None,
        manifest_sha256: String::new(),
    }
}

/// A backup of that moment, with its entry in the ledger.
pub fn backup(project: &Project, stamp: &str) -> Label {
    let store = project.store();
    let label: Label = format!("mydb_backup_{stamp}").parse().expect("a label");
    let seen = seen();
    let lock = store.lock().expect("the lock");
    let mut pending = store.begin(&lock, &label, Compression::None, None).expect("a file");
    for (kind, texts) in [(SectionKind::Head, &[HEAD][..]), (SectionKind::Table, &[TABLE, ROWS])] {
        pending.section(kind, "film").expect("a section");
        for text in texts {
            pending.write_all(text.as_bytes()).expect("its text");
        }
    }
    pending.section(SectionKind::Tail, "").expect("a section");
    sql::write_end_marker(&mut pending, &seen).expect("the last line");
    let entry = pending.finish(|facts| Ok(manifest(facts, &seen))).expect("a backup");
    let manifest = entry.manifest().expect("its manifest");
    let event = Event::Backup {
        label: label.clone(),
        sha256: manifest.sha256.clone(),
        manifest_sha256: Some(manifest.manifest_sha256.clone()),
        reason: manifest.reason.word().to_owned(),
        rows: manifest.rows,
        duration_ms: manifest.duration_ms,
        accepted_loss: None,
    };
    note(&store, &lock, manifest, event);
    label
}

/// A backup of `days` ago, to the minute: its age is told the same whenever this runs.
pub fn backup_of(project: &Project, days: i64) -> Label {
    let at: DateTime<Utc> = sys::clock::now() - chrono::Duration::days(days);
    backup(project, &at.format("%Y%m%d_%H%M00").to_string())
}

/// What a restore of the backup would have written into the ledger.
pub fn proven(project: &Project, label: &Label) {
    let store = project.store();
    let entry = store.backup(label).expect("the folder is read").expect("a backup");
    let manifest = entry.manifest().expect("its manifest");
    let event = Event::Verify {
        subject: label.to_string(),
        sha256: manifest.sha256.clone(),
        level: Level::Restore,
        passed: true,
        checks: Vec::new(),
        duration_ms: 2400,
        own_gtids: None,
        kept: None,
        place: None,
    };
    let lock = store.lock().expect("the lock");
    note(&store, &lock, manifest, event);
}

fn note(store: &Store, lock: &StoreLock, manifest: &Manifest, event: Event) {
    let at = manifest.created_utc + chrono::Duration::seconds(1);
    store
        .append(lock, &manifest.server.uuid, &manifest.schema, event, at)
        .expect("an entry of the ledger");
}
