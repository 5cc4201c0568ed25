//! One thing looked at, and what was seen.

use serde::{Deserialize, Serialize};

/// The result of a check. "Not run" is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was checked and holds.
    Passed,
    /// It was checked and does not hold.
    Failed,
    /// It could not be checked; the detail says why.
    NotRun,
}

/// A named check with its outcome; the shape `db-verify --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked, as a stable lower-case phrase.
    pub name: String,
    pub outcome: Outcome,
    /// The evidence: figures for a pass, the difference for a failure, the reason otherwise.
    pub detail: String,
}

impl Check {
    pub fn passed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Passed, detail: detail.into() }
    }

    /// A check that does not hold.
    pub fn failed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Failed, detail: detail.into() }
    }

    /// A check that could not be made.
    pub fn not_run(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::NotRun, detail: detail.into() }
    }

    /// Passed when `ok`, failed otherwise, with the same evidence.
    pub fn of(ok: bool, name: impl Into<String>, detail: impl Into<String>) -> Self {
        if ok { Self::passed(name, detail) } else { Self::failed(name, detail) }
    }
}

/// Whether nothing failed and at least one check was made.
pub fn all_passed(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.outcome == Outcome::Passed)
        && checks.iter().all(|check| check.outcome != Outcome::Failed)
}
