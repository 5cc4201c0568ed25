//! What the report is made from: every backup and every entry, and the status now.

use chrono::{DateTime, Utc};

use super::check::Check;
use super::entry::{Entry, Level};
use super::label::Label;
use super::loss::Loss;
use super::manifest::Manifest;
use super::status::{Answer, Status};
use super::trust::Trust;
use super::wrong_clock::WrongClock;

/// Everything that the page tells.
#[derive(Debug, Clone)]
pub struct History {
    /// The schema that is kept safe.
    pub schema: String,
    /// When the page is made.
    pub made_utc: DateTime<Utc>,
    /// Version of the tool that makes it.
    pub tool_version: String,
    /// How safe the data is; unknown where that could not be checked.
    pub status: Answer<Status>,
    /// What the page holds up to what it measures.
    pub objectives: Objectives,
    /// Every backup in the folder, the newest first.
    pub backups: Vec<HeldBackup>,
    /// Dumps in the folder that have no manifest.
    pub strangers: Vec<String>,
    /// Every entry, the oldest first; none where the ledger cannot be relied on.
    pub entries: Vec<Entry>,
    /// Whether the ledger's chain holds.
    pub ledger: Check,
}

/// A backup in the folder.
#[derive(Debug, Clone)]
pub struct HeldBackup {
    pub label: Label,
    /// What it holds, or why it cannot be used.
    pub content: Result<Box<Manifest>, String>,
    /// How far it was proven, and when; `None`: not at all, or a later proof failed.
    pub verified: Option<(Level, DateTime<Utc>)>,
    pub trust: Trust,
    /// What it lost against the last good backup; `None`: it is not suspect.
    pub suspect: Option<Loss>,
    /// What is known of when it was taken, where its time is not believed; its manifest has its
    /// place on a time axis then.
    pub wrong_clock: Option<WrongClock>,
}

impl HeldBackup {
    /// The manifest of a backup that can be used.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.content.as_deref().ok()
    }
}

/// The rules of `[monitor]` that are drawn into the plots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objectives {
    /// How old the newest verified backup may be, in seconds.
    pub rpo_s: u64,
    /// How long a restore may take, in milliseconds.
    pub rto_ms: u64,
}
