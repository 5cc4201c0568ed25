//! `[backup]` in `xtask.toml`: how backups are made.

use serde::Deserialize;

use model::choice::Choice;
use model::definers::Definers;

/// What reads the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// native if the server answers over TCP or a socket, else mysqldump.
    #[default]
    Auto,
    /// This program itself: several connections, one snapshot, no client program.
    Native,
    /// The server's own dump program.
    Mysqldump,
}

impl Choice for EngineChoice {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Auto, "auto", "native if the server answers over TCP or a socket, else mysqldump"),
        (
            Self::Native,
            "native",
            "This program itself: several connections, one snapshot, no client program",
        ),
        (Self::Mysqldump, "mysqldump", "The server's own dump program"),
    ];
}

/// Whether a backup's file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompressChoice {
    /// zstd above [`BackupPolicy::compress_above_mib`], plain text below.
    #[default]
    Auto,
    /// Plain SQL text.
    None,
    /// zstd.
    Zstd,
}

impl CompressChoice {
    /// Compressed or not; `None` decides by size.
    pub fn decided(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::None => Some(false),
            Self::Zstd => Some(true),
        }
    }
}

impl Choice for CompressChoice {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Auto, "auto", "zstd above the size in xtask.toml (64 MiB), plain text below"),
        (Self::None, "none", "Plain SQL text"),
        (Self::Zstd, "zstd", "zstd"),
    ];
}

/// How backups are made.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupPolicy {
    /// `auto` compresses when the server estimates more data than this, in MiB.
    pub compress_above_mib: u64,
    /// Give up on a dump after this many minutes.
    pub deadline_minutes: u64,
    /// Give up on a dump that sends nothing for this many seconds; most likely it is waiting for a
    /// lock.
    pub stall_s: u64,
    /// What moves the rows.
    pub engine: EngineChoice,
    /// Parallel read connections (native); 0: chosen from the machine's cores and the amount of
    /// data.
    pub threads: usize,
    /// Limit on SQL text per second, in MiB (native); 0: no limit.
    pub max_rate_mib: u64,
    /// Whether the file names definers (`keep`: native only).
    pub definers: Definers,
}

impl Default for BackupPolicy {
    fn default() -> Self {
        Self {
            compress_above_mib: 64,
            deadline_minutes: 240,
            stall_s: 300,
            engine: EngineChoice::Auto,
            threads: 0,
            max_rate_mib: 0,
            definers: Definers::CurrentUser,
        }
    }
}

impl BackupPolicy {
    /// Limit on SQL text per second, in bytes.
    pub fn max_rate(&self) -> Option<u64> {
        (self.max_rate_mib > 0).then_some(self.max_rate_mib << 20)
    }
}
