//! How safe the data is now: what was checked, what was seen, and what follows from it.
//! The document of `db-status --json`, and what the report draws.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::entry::Level;
use super::label::Label;
use super::loss::Loss;
use super::trust::Unproven;
use super::wrong_clock::{Misdated, WrongClock};

/// Version of the document. Fields can be added within a version.
pub const STATUS_VERSION: u32 = 1;

/// What was asked, or why there is no answer. "Unknown" is never a good answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    Known(T),
    /// It could not be checked, or was not; the reason, as a fragment.
    Unknown(String),
}

impl<T> Answer<T> {
    /// No answer, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// The answer, where there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

/// "40 seconds", "3 hours", "2 days", in the natural unit.
pub fn span(seconds: u64) -> String {
    let (n, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every rule of `[monitor]` was checked and holds.
    Safe,
    /// A rule does not hold.
    AtRisk,
    /// No rule is known to be broken, but not every one could be checked.
    Unknown,
}

impl State {
    /// The word for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::AtRisk => "at risk",
            Self::Unknown => "unknown",
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A rule is broken: `--check` fails.
    Broken,
    /// A rule could not be checked: the state is unknown at best.
    NotLookedAt,
    /// Worth knowing; breaks no rule.
    Warning,
}

/// Something that the user should know, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable from run to run while the matter is the same: `backup_age`,
    /// `copy_missing:nas`.
    pub id: String,
    pub severity: Severity,
    /// What is the matter, as a fragment.
    pub message: String,
    /// What to do, as a sentence.
    pub todo: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFacts {
    pub label: Label,
    /// The moment whose rows it holds.
    pub created_utc: DateTime<Utc>,
    pub reason: String,
    pub bytes: u64,
    pub rows: u64,
    pub duration_ms: u64,
    /// How far it was proven; `None`: not at all, or a later proof failed.
    pub verified: Option<Level>,
    /// When it was proven so far.
    pub verified_utc: Option<DateTime<Utc>>,
    /// Why `created_utc` is not believed; left out where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_clock: Option<WrongClock>,
}

/// A drill: a backup that was restored to prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The backup, or the file's name where it has no manifest.
    pub subject: String,
    pub at_utc: DateTime<Utc>,
    /// Whether what was restored was what had been saved.
    pub passed: bool,
    /// How long the restore took.
    pub duration_ms: u64,
}

/// What was written on the server since a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Transactions in the server's log that are neither in the backup nor this tool's
    /// drills; those of other schemas count, because the log does not tell them apart.
    pub transactions: u64,
}

/// What would be lost if the database were gone now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rpo {
    /// The newest backup that was proven, at any level; safety backups do not count.
    pub newest_verified: Option<BackupFacts>,
    /// How old the state is that it holds, in seconds.
    pub age_s: Answer<u64>,
    /// `monitor.max_age_hours` in seconds.
    pub objective_s: u64,
    /// How much was written since.
    pub written: Answer<Written>,
}

/// How long a restore takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rto {
    /// What the last drill that passed took, in milliseconds.
    pub measured_ms: Answer<u64>,
    /// `monitor.rto_minutes` in milliseconds.
    pub objective_ms: u64,
    /// Every drill in the ledger, the oldest first.
    pub drills: Vec<Drill>,
}

impl Rto {
    /// The last drill, passed or not.
    pub fn last_drill(&self) -> Option<&Drill> {
        self.drills.last()
    }

    /// The last drill that passed.
    pub fn last_passed(&self) -> Option<&Drill> {
        self.drills.iter().rev().find(|drill| drill.passed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// The disk that holds the backups folder, whatever the folder.
    ThisDisk,
    /// A folder on another disk: an external drive, a network mount.
    OtherDisk,
    ObjectStore,
}

impl Storage {
    pub fn words(self) -> &'static str {
        match self {
            Self::ThisDisk => "this disk",
            Self::OtherDisk => "another disk",
            Self::ObjectStore => "object storage",
        }
    }
}

/// A backup or a copy that cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    pub label: Label,
    /// Why, as a fragment.
    pub problem: String,
}

/// The name of the backups folder among the places.
pub const LOCAL: &str = "local";

/// A place where backups are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The destination's name; [`LOCAL`] is the backups folder.
    pub name: String,
    /// What it is on; unknown where the folder is not there.
    pub storage: Answer<Storage>,
    /// Whether it survives the loss of this machine and its room, by configuration.
    pub off_site: bool,
    /// How many usable backups are there; unknown where nobody looked or it cannot be
    /// used, and then nothing below is said of now.
    pub usable: Answer<u64>,
    /// How many bytes they take.
    pub bytes: Option<u64>,
    /// The newest usable one.
    pub newest: Option<Label>,
    /// Whether the newest verified backup is there and usable.
    pub has_newest_verified: Answer<bool>,
    /// When a backup there was last read to its end and was what it should be, and which.
    pub read_back: Option<ReadBack>,
    /// What cannot be relied on there.
    pub flaws: Vec<Flaw>,
    /// What of its options takes away the protection on the way there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insecure: Vec<String>,
}

/// When a copy was last read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    pub label: Label,
    pub at_utc: DateTime<Utc>,
}

/// 3-2-1, as far as it was checked: three copies with the database, on two kinds of
/// storage, one of them elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// The backups folder first, then each destination.
    pub places: Vec<Place>,
    /// Where the newest verified backup was seen: how many places.
    pub copies: u64,
    /// … on how many kinds of storage.
    pub kinds: u64,
    /// … and whether one of them is off-site.
    pub off_site: bool,
    /// Whether every place was checked: else the three above are "at least".
    pub complete: bool,
    /// How many copies of a backup are asked for, the backups folder counted.
    pub wanted: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Bytes that can still be written to the disk of the backups folder.
    pub free_bytes: Answer<u64>,
    /// What the usable backups there take.
    pub used_bytes: u64,
    /// What the newest backup takes.
    pub newest_bytes: Option<u64>,
    /// When it will be full.
    pub forecast: Answer<Forecast>,
}

/// A forecast from the last 30 days: what was written less what was pruned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// How much the folder grows in a day; negative: it shrinks.
    pub bytes_per_day: i64,
    /// In how many days the disk is full; `None`: never at this pace.
    pub days_until_full: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerFacts {
    /// How many entries it has; unknown where it is damaged.
    #[serde(rename = "receipts")]
    pub entries: Answer<u64>,
    /// Why it cannot be relied on; `None`: the chain was checked and holds, or there is
    /// no entry yet.
    pub problem: Option<String>,
    /// What of it proves nothing, in words; `None`: every entry since the first signed
    /// one carries a trusted signature.
    #[serde(default)]
    pub unproven: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledRun {
    pub at_utc: DateTime<Utc>,
    pub label: Option<Label>,
    /// Whether all of it succeeded.
    pub passed: bool,
    /// How far the proof went.
    pub level: Option<Level>,
    /// What failed; else empty.
    pub detail: String,
    pub duration_ms: u64,
}

/// What happens without being asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleFacts {
    /// What calls it, in words; `Known(None)`: it is not installed.
    pub installed: Answer<Option<String>>,
    /// When it is to run: that of the installed schedule, else of `xtask.toml`.
    pub every: String,
    pub last: Option<ScheduledRun>,
    /// When the next one is due; `None`: nothing is installed, or `every` cannot be read.
    pub next_due_utc: Option<DateTime<Utc>>,
    /// Whether old backups are deleted by the rules of retention after a scheduled run.
    pub prunes: bool,
    /// When retention last deleted something.
    pub pruned_utc: Option<DateTime<Utc>>,
}

/// Everything that was checked, without a judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub schema: String,
    /// When this was checked.
    pub at_utc: DateTime<Utc>,
    /// Whether neither the server nor the destinations were to be asked.
    pub offline: bool,
    /// The newest backup that can be used, safety backups included.
    pub last_backup: Option<BackupFacts>,
    /// How the live definitions differ from those of that backup, a line each.
    #[serde(default = "not_asked")]
    pub definitions: Answer<Vec<String>>,
    /// What would be lost now.
    pub rpo: Rpo,
    /// How long a restore takes.
    pub rto: Rto,
    pub copies: Copies,
    pub disk: Disk,
    pub ledger: LedgerFacts,
    /// Usable backups in the folder whose origin is not proven, and what is known of it.
    #[serde(default)]
    pub unproven: Vec<Unproven>,
    /// Backups that lost something that nothing explains, the newest first.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// Backups whose time is not believed, the newest first; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong_clocks: Vec<Misdated>,
    pub schedule: ScheduleFacts,
}

impl Facts {
    /// Whether this machine's clock may be the one that is wrong: then no age is known.
    pub fn is_clock_doubted(&self) -> bool {
        self.wrong_clocks.iter().any(|it| it.clock.may_be_this_clock())
    }
}

/// A suspect backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    pub label: Label,
    pub loss: Loss,
}

fn not_asked() -> Answer<Vec<String>> {
    Answer::unknown("it was not asked")
}

/// Facts, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// [`STATUS_VERSION`].
    pub version: u32,
    pub state: State,
    /// The verdict in one sentence.
    pub summary: String,
    /// What the user should know, the most severe first.
    pub findings: Vec<Finding>,
    /// What it is made from.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Status {
    /// The findings that break a rule.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Broken)
    }
}
