//! The manifest: what a backup is, and what it must prove. Without one the
//! backup does not exist.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::copy::Encryption;
use super::facts::{LogPosition, ServerFacts};
use super::inventory::{BrokenView, ObjectKind};
use super::label::Label;
use super::left_out::LeftOut;

/// The newest format version that this tool reads.
pub const MANIFEST_VERSION: u32 = 2;

/// The version that is written. A partial backup has its own: an older tool must not take it
/// for a whole one.
pub fn version_written(partial: bool) -> u32 {
    if partial { MANIFEST_VERSION } else { 1 }
}

/// Why a backup was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    Manual,
    /// In front of a migration.
    Migrate,
    /// In front of an import.
    Import,
    /// In front of a deploy.
    Deploy,
    /// In front of a restore that overwrites something.
    Safety,
    Scheduled,
}

impl Reason {
    /// The word in manifests and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Migrate => "migrate",
            Self::Import => "import",
            Self::Deploy => "deploy",
            Self::Safety => "safety",
            Self::Scheduled => "scheduled",
        }
    }
}

/// How the file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    /// A sequence of independent zstd frames.
    Zstd,
}

/// A stretch of the file that holds one object (or the head or tail of the file).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub kind: SectionKind,
    /// The object's name; empty for head and tail.
    pub name: String,
    /// Offset of the first byte in the file as stored (for zstd: start of a frame).
    pub offset: u64,
    /// Length in bytes in the file as stored.
    pub length: u64,
    /// Length in bytes of the SQL text.
    pub text_length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SectionKind {
    /// Session settings at the top.
    Head,
    /// Definition and rows of one table, with its triggers where the engine puts them there.
    Table,
    /// Views, routines, events, and what belongs to no single table.
    Programs,
    /// Session settings put back, and the end marker.
    Tail,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    pub name: String,
    /// Number of rows in the file.
    pub rows: u64,
    /// Content digest ([`super::digest::ContentDigest`]) as 32 hex digits.
    pub digest: String,
    /// The columns the digest covers, in its order.
    pub columns: Vec<String>,
    /// The next AUTO_INCREMENT value at backup time, as the definition in the file gives it.
    pub auto_increment: Option<u64>,
    /// SHA-256 of the normalised definition.
    pub ddl_sha256: String,
    /// FLOAT columns that the file and the digest hold as DOUBLE, and so exactly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact_floats: Vec<String>,
    /// How many FLOAT values have more digits than the dump program wrote: they
    /// come back rounded, and the digest, which is over the text, cannot see it.
    #[serde(default)]
    pub rounded_floats: u64,
    /// How many texts in a character set of the column come back from utf8mb4 as other
    /// bytes, which the digest cannot see either.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed_texts: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The form that serde asks for.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One view, trigger, routine or event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEntry {
    pub kind: ObjectKind,
    pub name: String,
    /// The definer on the source server; in the file only with the policy `keep`.
    pub definer: String,
    /// SHA-256 of the normalised definition.
    pub ddl_sha256: String,
}

/// One applied migration, from `_sqlx_migrations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedMigration {
    /// The number at the front of its file name.
    pub version: i64,
    /// The rest of its file name.
    pub description: String,
    /// Whether it finished; `false` is the dirty state.
    pub success: bool,
    /// Checksum as hex.
    pub checksum: String,
}

/// What `<label>.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version; a reader refuses one newer than its own.
    pub version: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Commit of the checkout it ran in, with `-dirty` where files were changed.
    pub git_commit: Option<String>,
    pub label: Label,
    /// When its snapshot began, in UTC.
    pub created_utc: DateTime<Utc>,
    pub reason: Reason,
    /// Free text given with `--reason`.
    pub note: Option<String>,
    /// The server it came from.
    pub server: ServerFacts,
    pub schema: String,
    /// The schema's default character set.
    pub charset: String,
    pub collation: String,
    /// The server's log position at the snapshot, or just before it; or why it is unknown.
    pub log_position: LogPosition,
    /// What `_sqlx_migrations` said.
    pub migrations: Vec<AppliedMigration>,
    /// `mysqldump` or `native`.
    pub engine: String,
    /// The dumping program and its version.
    pub engine_version: String,
    /// `current_user` (DEFINER clauses left out of the file) or `keep`.
    pub definer_policy: String,
    /// How the file is compressed.
    pub compression: Compression,
    /// How the file is encrypted; `None`: not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// File name beside the manifest.
    pub file: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Size of the SQL text in bytes.
    pub text_bytes: u64,
    /// SHA-256 of the file as 64 hex digits.
    pub sha256: String,
    /// Sum of the tables' rows.
    pub rows: u64,
    /// Per table: rows and digest.
    pub tables: Vec<TableEntry>,
    /// Everything that is not a table.
    pub programs: Vec<ProgramEntry>,
    /// Views that were broken on the server and so are not in the file.
    #[serde(default)]
    pub broken_views: Vec<BrokenView>,
    /// What else of the schema is not in the file: only a safety backup can be partial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// SHA-256 over all normalised definitions.
    pub schema_fingerprint: String,
    /// Where each object is in the file.
    pub sections: Vec<Section>,
    /// How long the dump took, in milliseconds.
    pub duration_ms: u64,
    /// Public key of who signed it, `ed25519:…`; `None`: it is unsigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The signature over this manifest's JSON with this field and the next one empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// SHA-256 of this manifest's JSON with this field empty.
    pub manifest_sha256: String,
}

impl Manifest {
    /// Whether something of the schema is missing on purpose. Such a backup proves nothing.
    pub fn is_partial(&self) -> bool {
        !self.left_out.is_empty()
    }

    /// When the dump ended, and the latest moment that its rows can be of: it may have waited
    /// for a lock before it read the first.
    pub fn ended_utc(&self) -> DateTime<Utc> {
        // Longer than any dump, and short enough for the calendar.
        let ms = i64::try_from(self.duration_ms.min(1 << 40)).unwrap_or_default();
        self.created_utc + TimeDelta::milliseconds(ms)
    }

    /// How many objects of a kind it lists.
    pub fn count(&self, kind: ObjectKind) -> usize {
        if kind == ObjectKind::Table {
            self.tables.len()
        } else {
            self.programs.iter().filter(|p| p.kind == kind).count()
        }
    }

    /// "19 tables, 2 views, 1 trigger, …": kinds without objects are left out.
    pub fn contents(&self) -> String {
        let parts: Vec<String> = ObjectKind::ALL
            .iter()
            .map(|kind| (*kind, self.count(*kind)))
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| kind.count(n))
            .collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
}
