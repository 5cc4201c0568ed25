//! The JSON documents that `--json` prints: one a command, with a version. Fields
//! can be added within a version; none is renamed, removed or changed in meaning.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use model::change::Changes;
use model::check::{Check, all_passed};
use model::label::Label;
use model::loss::Loss;
use model::manifest::Manifest;
use model::status::State;
use model::trust::Trust;

mod listed;

pub use listed::{ListDocument, ListedBackup, ListedPlace, PlaceState, ShowDocument, Unusable};
pub use listed::{ShownProgram, ShownTable};

/// Version of every document here.
pub const DOCUMENT_VERSION: u32 = 1;

/// A document as one line of JSON.
pub fn render(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(document)
}

/// What `db-report` wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    pub file: String,
    pub bytes: u64,
    /// The state that it shows; `None`: it could not be checked.
    pub state: Option<State>,
    /// How many backups it is about.
    pub backups: u64,
    /// How many of them cannot be used.
    pub unusable: u64,
    /// How many entries it is about; 0 as well where the ledger is damaged.
    #[serde(rename = "receipts")]
    pub entries: u64,
    /// Whether it was handed to the browser.
    pub opened: bool,
}

/// What `db-backup` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    pub label: Label,
    /// Path of the data file.
    pub file: String,
    pub manifest: String,
    /// `mysqldump` or `native`.
    pub engine: String,
    /// Size of the data file.
    pub bytes: u64,
    /// SHA-256 of the data file as 64 hex digits.
    pub sha256: String,
    pub tables: u64,
    /// Number of rows in all tables.
    pub rows: u64,
    /// How long the dump took, in milliseconds.
    pub duration_ms: u64,
    /// What it lost against the last good backup; left out where it is not suspect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Loss>,
}

impl BackupDocument {
    /// With what it lost.
    #[must_use]
    pub fn suspect(self, suspect: Option<Loss>) -> Self {
        Self { suspect, ..self }
    }

    /// From a manifest, and the paths as they are shown.
    pub fn new(made: &Manifest, file: impl Into<String>, manifest: impl Into<String>) -> Self {
        Self {
            version: DOCUMENT_VERSION,
            label: made.label.clone(),
            file: file.into(),
            manifest: manifest.into(),
            engine: made.engine.clone(),
            bytes: made.bytes,
            sha256: made.sha256.clone(),
            tables: made.tables.len() as u64,
            rows: made.rows,
            duration_ms: made.duration_ms,
            suspect: None,
        }
    }
}

/// What `db-verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// The backup's name, or the file's where it has no manifest; the schema for `live`.
    pub label: String,
    /// `file`, `restore` or `live`.
    pub level: String,
    /// Whether a check passed and none failed.
    pub passed: bool,
    pub checks: Vec<Check>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Who vouches for the dump, in words; left out for `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl VerifyDocument {
    /// With who vouches for the dump.
    #[must_use]
    pub fn vouched(self, trust: &Trust) -> Self {
        Self { origin: Some(trust.to_string()), ..self }
    }

    /// From the checks; whether they passed is decided here.
    pub fn new(label: &str, level: &str, checks: Vec<Check>, duration_ms: u64) -> Self {
        Self {
            version: DOCUMENT_VERSION,
            label: label.to_owned(),
            level: level.to_owned(),
            passed: all_passed(&checks),
            checks,
            duration_ms,
            origin: None,
        }
    }
}

/// What `db-restore` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// The backup's name, or the file's where it has no manifest.
    pub label: String,
    /// The schema it was restored into.
    pub target: String,
    /// The backup taken of the target first; null where the target was empty.
    pub safety_backup: Option<Label>,
    /// Where the old tables are; null where there are none.
    pub previous_schema: Option<String>,
    /// What of the state before is in no backup, each with why; left out where all of it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsaved: Vec<String>,
    /// The table with definitions that are in no backup; left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definitions: Option<String>,
    pub tables: u64,
    /// Number of rows in all tables.
    pub rows: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What enables each event that was enabled in the file and is left disabled, because
    /// the file's origin is not known.
    #[serde(default)]
    pub disabled_events: Vec<String>,
}

/// What `db-restore --dry-run` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlanDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    /// Always true: nothing was done.
    pub dry_run: bool,
    /// The plan as text.
    pub plan: String,
    /// The backup's name, or the file's where it has no manifest.
    pub label: String,
    /// When the backup was taken; null where it has no manifest.
    pub taken_utc: Option<DateTime<Utc>>,
    /// How old it is in seconds; null where that is not known.
    pub age_s: Option<i64>,
    /// The schema that would be written.
    pub target: String,
    /// The server, as it was found.
    pub server: String,
    /// Whether a safety backup would be taken first.
    pub safety_backup: bool,
    /// What would change in the target; null where it holds nothing, or is new.
    pub changes: Option<Changes>,
}

/// What `db-seed` added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedDocument {
    /// [`DOCUMENT_VERSION`].
    pub version: u32,
    pub scale: f64,
    pub seed: u64,
    /// Rows added to each table.
    pub rows: BTreeMap<String, u64>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and their order are the contract.
    fn demand(document: &impl Serialize, expected: &str) {
        assert_eq!(serde_json::to_string(document).unwrap(), expected);
    }

    fn label() -> Label {
        "mydb_backup_20261122_101112".parse().unwrap()
    }

    #[test]
    fn documents_are_as_promised() {
        demand(
            &BackupDocument {
                version: DOCUMENT_VERSION,
                label: label(),
                file: "f".to_owned(),
                manifest: "m".to_owned(),
                engine: "native".to_owned(),
                bytes: 1,
                sha256: "s".to_owned(),
                tables: 2,
                rows: 3,
                duration_ms: 4,
                suspect: None,
            },
            r#"{"version":1,"label":"mydb_backup_20261122_101112","file":"f","manifest":"m","engine":"native","bytes":1,"sha256":"s","tables":2,"rows":3,"duration_ms":4}"#,
        );
        let checks = vec![Check::passed("a", "b"), Check::not_run("c", "d")];
        demand(
            &VerifyDocument::new("l", "file", checks, 5),
            r#"{"version":1,"label":"l","level":"file","passed":true,"checks":[{"name":"a","outcome":"passed","detail":"b"},{"name":"c","outcome":"not_run","detail":"d"}],"duration_ms":5}"#,
        );
        demand(
            &RestoreDocument {
                version: DOCUMENT_VERSION,
                label: "l".to_owned(),
                target: "mydb".to_owned(),
                safety_backup: Some(label()),
                previous_schema: None,
                unsaved: Vec::new(),
                definitions: None,
                tables: 1,
                rows: 2,
                duration_ms: 3,
                disabled_events: Vec::new(),
            },
            r#"{"version":1,"label":"l","target":"mydb","safety_backup":"mydb_backup_20261122_101112","previous_schema":null,"tables":1,"rows":2,"duration_ms":3,"disabled_events":[]}"#,
        );
    }

    #[test]
    fn nothing_checked_is_not_passed() {
        let of = |checks| VerifyDocument::new("l", "file", checks, 0).passed;
        assert!(!of(vec![]));
        assert!(!of(vec![Check::not_run("a", "")]));
        assert!(!of(vec![Check::passed("a", ""), Check::failed("b", "")]));
    }
}
