//! Entries: what was proven, about what, when. One line of the ledger each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::choice::Choice;
use super::copy::CopyOutcome;
use super::gate::{GateTimes, StatementReport, Strategy};
use super::label::Label;
use super::left_out::LeftOut;
use super::loss::Loss;
use super::swap::Purpose;
use super::trust::Trust;

/// The format version this tool writes, and the newest it reads.
pub const ENTRY_VERSION: u32 = 3;

/// How far a backup was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The file is what its manifest says.
    File,
    /// It was restored and compared.
    Restore,
}

impl Level {
    /// The word in output and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Restore => "restore",
        }
    }
}

impl Choice for Level {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (
            Self::File,
            "file",
            "Read the file: size, SHA-256, decompression, every statement, row counts and digests",
        ),
        (
            Self::Restore,
            "restore",
            "Restore it into a staging schema and compare rows, digests and every object",
        ),
    ];
}

/// The level of the failure that remains after another verification. Passing lifts failures of its
/// own level and below: a readable file may still not be restorable.
pub fn failure_after(stands: Option<Level>, level: Level, passed: bool) -> Option<Level> {
    match stands {
        Some(failed) if passed && failed > level => Some(failed),
        _ if passed => None,
        failed => failed.max(Some(level)),
    }
}

/// Failed verifications of a backup that still count. Anyone who can write to the ledger can claim
/// that something passed; only a proven line lifts what a proven line records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    proven: Option<Level>,
    claimed: Option<Level>,
}

impl Failures {
    #[must_use]
    pub fn after(self, level: Level, passed: bool, trust: &Trust) -> Self {
        let Self { proven, claimed } = self;
        match (trust.is_proven(), passed) {
            (true, true) => Self {
                proven: failure_after(proven, level, true),
                claimed: failure_after(claimed, level, true),
            },
            (true, false) => Self { proven: failure_after(proven, level, false), claimed },
            (false, _) => Self { proven, claimed: failure_after(claimed, level, passed) },
        }
    }

    /// The level of the remaining failure.
    pub fn standing(self) -> Option<Level> {
        self.proven.max(self.claimed)
    }
}

/// What came of a change that stood before the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    Applied,
    /// It was refused; the live schema was not touched.
    Refused,
    /// It failed on the live schema, and the state before it is back.
    Restored,
    /// It failed on the live schema, and the state before it is not back.
    NotRestored,
    /// It failed in the middle; the detail says where.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    Backup {
        label: Label,
        /// SHA-256 of its file.
        sha256: String,
        /// The hash that its manifest carries of itself; `None` in lines of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest_sha256: Option<String>,
        reason: String,
        rows: u64,
        /// How long it took, in milliseconds.
        duration_ms: u64,
        /// What it lost against the last good backup, and was meant to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted_loss: Option<Loss>,
    },
    Verify {
        /// The backup's name, or the file's name where it has no manifest.
        subject: String,
        /// SHA-256 of the file that was read.
        sha256: String,
        level: Level,
        /// Whether every check that ran passed.
        passed: bool,
        checks: Vec<Check>,
        /// How long it took, in milliseconds; for `restore` the measured recovery time.
        duration_ms: u64,
        /// The GTIDs of the drill's own work on the server, so that what others wrote
        /// can be told from it; `None` where the server does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        own_gtids: Option<String>,
        /// The schema with the restored copy, where it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
        /// The destination whose copy was read; `None`: the file in the backups folder,
        /// and only that says anything about the backup here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    /// The running database was checked.
    Live {
        /// Whether every check that ran passed.
        passed: bool,
        checks: Vec<Check>,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    Restore {
        /// The backup's name or the file's.
        subject: String,
        /// SHA-256 of the file that was read.
        sha256: String,
        target: String,
        /// The safety backup taken first; `None` where the target was empty.
        safety_backup: Option<Label>,
        /// Where the old tables are; `None` where there were none or they were dropped.
        previous_schema: Option<String>,
        /// What the safety backup could not hold: it is in `previous_schema` and in no backup.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unsaved: Vec<LeftOut>,
        rows: u64,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A change stood before the gate.
    Gate {
        /// What wanted to pass: `<version>_<description>` of migrations, or file names.
        changes: Vec<String>,
        outcome: GateOutcome,
        /// Why it was refused, or how it failed; empty where it passed.
        detail: String,
        /// The backup in front of it; `None` where the schema held no table.
        backup: Option<Label>,
        /// How it went live; `None` where it did not.
        strategy: Option<Strategy>,
        /// Where the old tables are, after a swap.
        previous_schema: Option<String>,
        statements: Vec<StatementReport>,
        /// How long its steps took.
        times: GateTimes,
        /// The GTIDs of the rehearsal's own work, as in `Verify`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        own_gtids: Option<String>,
    },
    /// A migration by swap was undone.
    Undone {
        /// What is not applied any more.
        changes: Vec<String>,
        /// The backup that had been taken for it.
        backup: Label,
        /// Where the tables are that were live until then.
        previous_schema: String,
        /// What is applied again: an undo was undone, and `changes` is empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
        /// Whether what was written since was taken along: the schema is then not what the backup
        /// holds.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        followed: bool,
    },
    /// An unfinished swap of a dead run was brought to an end.
    Recovered {
        /// `finished`, `undone` or `abandoned`.
        how: String,
        subject: String,
        /// What the swap was for; `None` in entries of before, and where there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<Purpose>,
    },
    /// A release was deployed, or was to be.
    Deploy {
        target: String,
        /// The commit, or "unknown".
        release: String,
        /// The migrations that were applied for it.
        migrations: Vec<String>,
        outcome: DeployOutcome,
        /// The proven backup; `None` if the schema had no tables.
        backup: Option<Label>,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A backup was copied to a destination, or a copy was read again.
    Copy {
        label: Label,
        destination: String,
        outcome: CopyOutcome,
        /// The object's size in bytes; 0 where it failed.
        bytes: u64,
        /// SHA-256 of the object; empty where it failed.
        sha256: String,
        /// Why it failed; else empty.
        detail: String,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// Something was deleted by the rules of retention.
    Prune {
        /// The destination's name; `None`: the backups folder, or the server.
        destination: Option<String>,
        /// The backup's label, or the schema's name.
        subject: String,
        reason: String,
        /// How many bytes became free; 0 where that is not known.
        bytes: u64,
    },
    /// A backup was exempted from retention, or is not any more.
    Pin {
        label: Label,
        /// Whether it is kept from now on.
        pinned: bool,
        /// Why, as given by the user; may be empty.
        note: String,
    },
    Scheduled {
        /// The backup it made; `None` where it made none.
        label: Option<Label>,
        /// Whether all of it succeeded: backup, proof, copies, pruning.
        passed: bool,
        /// How far the proof went; `None` where there was none.
        level: Option<Level>,
        /// What failed; else empty.
        detail: String,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployOutcome {
    /// The new release runs and answers.
    Done,
    /// It failed and was rolled back.
    RolledBack,
    /// It failed and was not fully rolled back.
    NeedsAPerson,
}

impl DeployOutcome {
    /// The word in the ledger and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RolledBack => "rolled_back",
            Self::NeedsAPerson => "needs_a_person",
        }
    }
}

/// One line of the ledger. `previous` chains it to the line before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub version: u32,
    /// Position in the ledger, from 1.
    pub sequence: u64,
    pub at_utc: DateTime<Utc>,
    /// Which server: its uuid, or "unknown".
    pub server_uuid: String,
    pub schema: String,
    pub tool_version: String,
    #[serde(flatten)]
    pub event: Event,
    /// `hash` of the line before; 64 zeros on the first.
    pub previous: String,
    /// Public key of who signed it, `ed25519:…`; `None`: it is unsigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The signature over this line's JSON with this field and the next one empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// SHA-256 of this line's JSON with this field empty.
    pub hash: String,
    /// Who vouches for it: what reading the ledger made of the signature.
    #[serde(skip)]
    pub trust: Trust,
}
