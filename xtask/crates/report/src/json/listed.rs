//! What `db-list` and `db-show` found.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::DOCUMENT_VERSION;
use crate::page::plots;
use model::entry::{Entry, Level};
use model::inventory::ObjectKind;
use model::label::Label;
use model::loss::Loss;
use model::manifest::Manifest;
use model::trust::Trust;
use model::wrong_clock::WrongClock;

/// What `db-list` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// The backups that can be used, the newest first.
    pub backups: Vec<ListedBackup>,
    /// Those that cannot; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<Unusable>,
    /// How many older ones `--limit` or `--since` left off.
    pub left_off: u64,
}

/// A backup that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    pub label: Label,
    /// Why, as in "is damaged: …".
    pub problem: String,
}

/// What is known of a backup's copy somewhere, without looking there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceState {
    /// It was sent there, or read there again, and not deleted since.
    There,
    /// The last attempt to send or read it failed.
    Failed,
}

/// A place where a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPlace {
    /// "here", or the destination's name.
    pub name: String,
    pub state: PlaceState,
}

/// One backup in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBackup {
    pub label: Label,
    pub created_utc: DateTime<Utc>,
    /// The same by this machine's clock.
    pub created_local: NaiveDateTime,
    /// Size of the data file.
    pub bytes: u64,
    /// Number of rows in all tables.
    pub rows: u64,
    pub tables: u64,
    /// How many rows more than the whole backup before it; null: there is none.
    pub rows_change: Option<i64>,
    /// The same for tables.
    pub tables_change: Option<i64>,
    /// The backup that this is against.
    pub compared_with: Option<Label>,
    pub reason: String,
    /// What `--reason` said; left out where it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The highest level at which it was proven; null when it never was.
    pub verified: Option<Level>,
    /// When it last was proven at that level.
    pub verified_utc: Option<DateTime<Utc>>,
    /// The note of its pin, which may be empty; left out where it is not pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// Who vouches for it: `own`, `trusted`, `unknown` or `unsigned`.
    pub origin: String,
    /// The name of the trusted signer, or the fingerprint of an unknown one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// How far it was proven by entries that are not proven themselves; it counts nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Level>,
    /// What it lost against the last good backup; left out where it is not suspect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Box<Loss>>,
    /// Why `created_utc` is not believed, and what is known instead; left out where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_clock: Option<WrongClock>,
    /// Whether its last verification failed; left out where it did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Whether it is a safety backup that holds a part of the schema; left out where not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Where it is, as far as the ledger says.
    pub places: Vec<ListedPlace>,
}

impl ListedBackup {
    /// From a manifest, the local time of its moment, and what the ledger says of its proof.
    pub fn new(
        manifest: &Manifest,
        created_local: NaiveDateTime,
        verified: Option<(Level, DateTime<Utc>)>,
    ) -> Self {
        Self {
            label: manifest.label.clone(),
            created_utc: manifest.created_utc,
            created_local,
            bytes: manifest.bytes,
            rows: manifest.rows,
            tables: manifest.tables.len() as u64,
            rows_change: None,
            tables_change: None,
            compared_with: None,
            reason: manifest.reason.word().to_owned(),
            note: manifest.note.clone().filter(|note| !note.trim().is_empty()),
            verified: verified.map(|(level, _)| level),
            verified_utc: verified.map(|(_, at)| at),
            pinned: None,
            origin: Trust::Unsigned.word().to_owned(),
            signer: None,
            claimed: None,
            suspect: None,
            wrong_clock: None,
            failed: false,
            partial: manifest.is_partial(),
            places: Vec::new(),
        }
    }

    /// With what it lost.
    #[must_use]
    pub fn suspect(self, loss: Option<&Loss>) -> Self {
        Self { suspect: loss.cloned().map(Box::new), ..self }
    }

    /// With what is known where its time is not believed.
    #[must_use]
    pub fn misdated(self, wrong_clock: Option<WrongClock>) -> Self {
        Self { wrong_clock, ..self }
    }

    /// With whether its last verification failed.
    #[must_use]
    pub fn judged(self, failed: bool) -> Self {
        Self { failed, ..self }
    }

    /// With who vouches for it, and what unproven entries claim.
    #[must_use]
    pub fn vouched(self, trust: &Trust, claimed: Option<Level>) -> Self {
        let signer = trust.signer().map(str::to_owned);
        let claimed = claimed.filter(|_| self.verified.is_none());
        Self { origin: trust.word().to_owned(), signer, claimed, ..self }
    }

    /// With the mark of retention.
    #[must_use]
    pub fn pinned(self, note: Option<&String>) -> Self {
        Self { pinned: note.cloned(), ..self }
    }

    /// Beside the whole backup of its schema before it.
    #[must_use]
    pub fn after(self, before: Option<&Manifest>) -> Self {
        let by = |now: u64, then: u64| {
            let by = i128::from(now) - i128::from(then);
            i64::try_from(by).unwrap_or(if by > 0 { i64::MAX } else { i64::MIN })
        };
        // What is missing in a part says nothing.
        let before = before.filter(|_| !self.partial);
        Self {
            rows_change: before.map(|it| by(self.rows, it.rows)),
            tables_change: before.map(|it| by(self.tables, it.tables.len() as u64)),
            compared_with: before.map(|it| it.label.clone()),
            ..self
        }
    }

    /// With where it is.
    #[must_use]
    pub fn at(self, places: Vec<ListedPlace>) -> Self {
        Self { places, ..self }
    }
}

/// A table of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTable {
    pub name: String,
    pub rows: u64,
    /// How many rows more than in the backup before it; null: it is not in that one.
    pub rows_change: Option<i64>,
    /// Length of its SQL text; null: the manifest does not say.
    pub text_bytes: Option<u64>,
}

/// A view, trigger, routine or event of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownProgram {
    pub kind: ObjectKind,
    pub name: String,
}

/// What `db-show` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    #[serde(flatten)]
    pub backup: ListedBackup,
    pub schema: String,
    /// The server that it was taken from, such as "MySQL 9.7.4".
    pub server: String,
    pub server_uuid: String,
    /// The data file: its path, or its name at a destination.
    pub file: String,
    /// Size of the SQL text.
    pub text_bytes: u64,
    /// `none` or `zstd`.
    pub compression: model::manifest::Compression,
    pub encrypted: bool,
    /// SHA-256 of the data file.
    pub sha256: String,
    /// "19 tables, 2 views, …"
    pub contents: String,
    /// How long the dump took, in milliseconds.
    pub duration_ms: u64,
    pub contains: Vec<ShownTable>,
    pub programs: Vec<ShownProgram>,
    /// Tables of the backup before it that are not in this one.
    pub tables_gone: Vec<String>,
    /// Applied migrations, `<version>_<description>`.
    pub migrations: Vec<String>,
    /// What the ledger says about it, the oldest first.
    pub receipts: Vec<Entry>,
}

impl ShowDocument {
    /// From the list's line, the manifest, the backup before it and the entries about it.
    pub fn new(
        backup: ListedBackup,
        manifest: &Manifest,
        before: Option<&Manifest>,
        receipts: Vec<Entry>,
    ) -> Self {
        let sizes = plots::sizes(manifest);
        let before = before.filter(|_| !backup.partial);
        let earlier = |name: &str| before?.tables.iter().find(|it| it.name == name);
        let by = |now: u64, then: u64| {
            i64::try_from(i128::from(now) - i128::from(then)).unwrap_or_default()
        };
        let contains = manifest.tables.iter().map(|table| ShownTable {
            name: table.name.clone(),
            rows: table.rows,
            rows_change: earlier(&table.name).map(|it| by(table.rows, it.rows)),
            text_bytes: sizes.get(table.name.as_str()).copied(),
        });
        let there = |name: &str| manifest.tables.iter().any(|it| it.name == name);
        let gone = before.iter().flat_map(|it| &it.tables).filter(|it| !there(&it.name));
        let tables_gone = gone.map(|it| it.name.clone()).collect();
        let programs = manifest.programs.iter();
        let programs =
            programs.map(|it| ShownProgram { kind: it.kind, name: it.name.clone() }).collect();
        let migrations = manifest.migrations.iter();
        let migrations =
            migrations.map(|it| format!("{}_{}", it.version, it.description.replace(' ', "_")));
        let server = &manifest.server;
        Self {
            version: DOCUMENT_VERSION,
            backup,
            schema: manifest.schema.clone(),
            server: format!("{} {}", server.flavour, server.version_text),
            server_uuid: server.uuid.clone(),
            file: manifest.file.clone(),
            text_bytes: manifest.text_bytes,
            compression: manifest.compression,
            encrypted: manifest.encryption.is_some(),
            sha256: manifest.sha256.clone(),
            contents: manifest.contents(),
            duration_ms: manifest.duration_ms,
            contains: contains.collect(),
            programs,
            tables_gone,
            migrations: migrations.collect(),
            receipts,
        }
    }

    /// With the file's path.
    #[must_use]
    pub fn lies_at(self, file: String) -> Self {
        Self { file, ..self }
    }
}

#[cfg(test)]
#[path = "listed_tests.rs"]
mod tests;
