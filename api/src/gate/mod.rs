//! The gate: nothing changes a schema without a receipt for a backup that was proven
//! by restoring it. The deployment tool issues receipts; this side checks them. The
//! two share no code, only the format, which README.md describes.
//!
//! What passes is a permit, which borrows the locked connection that the check ran on.
//! `migrate::up` and `import::store` take nothing else, so there is no way round.

mod check;
mod fingerprint;
mod receipt;
mod used;

use std::{error::Error, fmt};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::migrate::Migrator;

use crate::migrate::{Locked, Pending};

pub use check::{import, migration};
pub use fingerprint::{Facts, facts};
pub use receipt::read;

/// Why a receipt does not open the gate. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "receipt refused: {}", self.0)
    }
}

impl Error for Refusal {}

/// What a receipt is for: a migration or a file, and its checksum.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subject {
    /// `<version>_<name>` of a migration, or a file name without folders.
    pub name: String,
    /// SHA-384 of the migration, or SHA-256 of the file, in hex.
    pub checksum: String,
}

/// Leave to apply some migrations, once.
#[derive(Debug)]
pub struct MigratePermit<'c> {
    pub(crate) locked: Locked<'c>,
    pub(crate) migrator: &'c Migrator,
    pub(crate) pending: Vec<Pending>,
}

/// Leave to import some files.
#[derive(Debug)]
pub struct ImportPermit<'c> {
    pub(crate) locked: Locked<'c>,
    /// The files, so that nothing else can be stored in their place.
    pub(crate) subject: Vec<Subject>,
}

/// The time by this machine's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the gate that does")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
