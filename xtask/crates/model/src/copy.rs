//! Copies of backups at a destination.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::label::Label;

/// The format version of a copy's note that this tool writes, and the newest it reads.
pub const NOTE_VERSION: u32 = 1;

/// What kind of storage a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DestinationKind {
    /// A folder: an external drive, a network mount.
    Folder,
    Object,
}

impl DestinationKind {
    pub fn words(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Object => "object storage",
        }
    }
}

/// What is encrypted for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Always `age`.
    pub method: String,
    /// Fingerprint of each recipient: the first 16 hex digits of the SHA-256 of its
    /// public key (`age1…`).
    pub recipients: Vec<String>,
    /// Whether the identity was at hand and its decrypt test passed.
    pub tested: bool,
}

/// `<label>.copy.json` at a destination: what the object is, so that it can be checked
/// without a key and without the machine it came from. Written after the object and
/// before the manifest: a copy exists when its manifest exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyNote {
    /// Format version; a reader refuses one newer than its own.
    pub version: u32,
    pub label: Label,
    /// The object's name beside the note: `<label>.sql`, `.sql.zst`, either with `.age`.
    pub object: String,
    /// Size of the object in bytes.
    pub bytes: u64,
    /// SHA-256 of the object as 64 hex digits.
    pub sha256: String,
    /// SHA-256 of the manifest's file as 64 hex digits.
    pub manifest_sha256: String,
    /// How the object is encrypted beyond the backup's own file; `None`: not.
    pub encryption: Option<Encryption>,
    pub copied_utc: DateTime<Utc>,
}

/// How an attempt to copy, or to read a copy again, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyOutcome {
    /// The object was written, and read back equal.
    Copied,
    /// A copy that was there was read again, and is what its note says.
    Checked,
    /// It is not there, or is not what it should be; or the destination cannot be used.
    Failed,
}
