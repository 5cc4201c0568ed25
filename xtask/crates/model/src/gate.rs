//! The words of the gate: how a change goes live, what is known about writes since
//! the backup, and what the rehearsal saw.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the pending migrations reach the live schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The rehearsed copy takes the live schema's place, all or nothing.
    Swap,
    /// The migrations run on the live schema, statement by statement.
    InPlace,
}

impl Strategy {
    /// The word that is typed and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Swap => "swap",
            Self::InPlace => "in-place",
        }
    }
}

/// Whether anything wrote to the live schema since the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Proven that nothing did, and how.
    Unchanged(String),
    /// Something did: what is different.
    Changed(String),
    /// It cannot be known, and why.
    Unknown(String),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged(how) => write!(f, "nothing was written since the backup ({how})"),
            Self::Changed(what) => write!(f, "something was written since the backup: {what}"),
            Self::Unknown(why) => {
                write!(f, "whether anything was written since the backup is unknown: {why}")
            }
        }
    }
}

/// What a statement does to its table and to those who use it meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only the definition changes (`ALGORITHM=INSTANT`).
    Instant,
    /// Done in place; others read and write meanwhile (`LOCK=NONE`).
    Online,
    /// Done in place; others can only read meanwhile.
    InPlace,
    /// The table is copied row by row; others can only read meanwhile.
    Copy,
    Rows,
    /// No table that was there before is touched.
    New,
    Unknown,
}

impl Effect {
    /// For people.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Online => "in place, writes continue",
            Self::InPlace => "in place, writes wait",
            Self::Copy => "copies the table, writes wait",
            Self::Rows => "writes rows",
            Self::New => "touches no table",
            Self::Unknown => "unknown",
        }
    }
}

/// One statement of a migration, as the rehearsal saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementReport {
    /// `<version>_<description>` of its migration.
    pub migration: String,
    /// Its number in the migration, from 1.
    pub number: usize,
    /// How many statements the migration has.
    pub of: usize,
    /// Its beginning, on one line.
    pub statement: String,
    /// How long it took on the copy, in milliseconds.
    pub duration_ms: u64,
    /// Rows that the server says it touched; for a copied table the rows copied.
    pub rows: u64,
    pub effect: Effect,
    /// Rows of the table it alters, where it alters one.
    pub table_rows: Option<u64>,
}

/// How long the steps of a gate took, in milliseconds; what the next dry run predicts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateTimes {
    /// Building the API; nothing to speak of where it is current.
    #[serde(default)]
    pub build_ms: u64,
    /// The dump; 0 where an older backup was used again.
    pub backup_ms: u64,
    pub proof_ms: u64,
    /// The pending migrations on the copy.
    pub rehearsal_ms: u64,
    /// The change of the live schema.
    pub live_ms: u64,
    /// How long of that its tables were locked, by a swap.
    #[serde(default)]
    pub locked_ms: u64,
    pub total_ms: u64,
}
