//! Exit codes, and the typed refusal that carries one to the door out.

use std::fmt;

/// Why a command ended, as the number that scripts and hooks see.
///
/// The numbers are a contract (docs/exit-codes.md is generated from here).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything that was asked for is done.
    Done = 0,
    Unexpected = 1,
    /// The command line does not make sense.
    Usage = 2,
    /// `.env`, `xtask.toml` or the workspace is not as it must be.
    Configuration = 10,
    /// The server cannot be reached or refuses the login.
    Server = 11,
    /// Another run holds the lock.
    Locked = 12,
    /// The gate refused the change.
    GateRefused = 20,
    /// A verification ran and found a difference.
    VerificationFailed = 21,
    /// A migration failed and the state before it is back.
    MigrationRestored = 30,
    /// A migration failed and the state before it is NOT back.
    MigrationNotRestored = 31,
    /// A deploy failed and was rolled back.
    DeployRolledBack = 32,
    /// A deploy failed and needs manual action.
    DeployNeedsPerson = 33,
    /// The backup store is damaged, or the backup cannot be used.
    Store = 40,
    /// The off-site copy failed; the local backup is good.
    Offsite = 41,
    /// Interrupted by the user or by a signal.
    Interrupted = 130,
}

impl ExitCode {
    /// Every code, in ascending order.
    pub const ALL: [Self; 15] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Configuration,
        Self::Server,
        Self::Locked,
        Self::GateRefused,
        Self::VerificationFailed,
        Self::MigrationRestored,
        Self::MigrationNotRestored,
        Self::DeployRolledBack,
        Self::DeployNeedsPerson,
        Self::Store,
        Self::Offsite,
        Self::Interrupted,
    ];

    /// What the code means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "unexpected failure",
            Self::Usage => "the command line is wrong",
            Self::Configuration => "configuration is missing or wrong",
            Self::Server => "cannot reach the server or log in to it",
            Self::Locked => "another run holds the lock",
            Self::GateRefused => "the gate refused the change; the database was not touched",
            Self::VerificationFailed => "verification failed",
            Self::MigrationRestored => "migration failed, the previous state is restored",
            Self::MigrationNotRestored => "migration failed, the previous state is NOT restored",
            Self::DeployRolledBack => "deploy failed and was rolled back",
            Self::DeployNeedsPerson => "deploy failed and needs manual action",
            Self::Store => "backup store damaged, or this backup is unusable",
            Self::Offsite => "off-site copy failed, the local backup is intact",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A foreseen failure: what failed, the exit code, and what to do next.
///
/// `message` is a lower-case fragment without a final period that fits after
/// "error: "; each hint is a full sentence answering the operator's next
/// question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The exit code the process ends with.
    pub code: ExitCode,
    /// What failed, on what.
    pub message: String,
    pub hints: Vec<String>,
}

impl Stop {
    /// A refusal without a hint; add them with [`Stop::hint`].
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: Vec::new() }
    }

    /// Adds the next thing to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}
/// The outermost [`Stop`] of a chain: the one that knows most about what was being done.
pub fn find_stop(error: &anyhow::Error) -> Option<&Stop> {
    error
        .downcast_ref::<Stop>()
        .or_else(|| error.chain().find_map(|cause| cause.downcast_ref::<Stop>()))
}
