//! The gate: nothing changes a schema without a permit, which says that a backup of it
//! was proven by restoring it. The deployment tool signs permits; this side checks them.
//! The two share the crate `permit`, which is the format that README.md describes.
//!
//! What passes borrows the locked connection that the check ran on. `migrate::up` and
//! `import::store` take nothing else, so there is no way round.

mod check;
mod fingerprint;
mod permit;
mod used;

use std::{error::Error, fmt};

use chrono::{DateTime, Utc};
use sqlx::migrate::Migrator;

use crate::migrate::{Locked, Pending};

pub use ::permit::Subject;
pub use check::{import, migration};
pub use fingerprint::{Facts, facts};
pub use permit::read;

/// Why a permit does not open the gate. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "permit refused: {}", self.0)
    }
}

impl Error for Refusal {}

/// The schema under its lock, and the migrations that a permit was found to be for.
#[derive(Debug)]
pub struct MayMigrate<'c> {
    pub(crate) locked: Locked<'c>,
    pub(crate) migrator: &'c Migrator,
    pub(crate) pending: Vec<Pending>,
    /// The same, with where their statements begin and end.
    pub(crate) allowed: Vec<Subject>,
}

/// The schema under its lock, and the files that a permit was found to be for.
#[derive(Debug)]
pub struct MayImport<'c> {
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
