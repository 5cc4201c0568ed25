//! Applies the embedded migrations and tells what has been applied.

mod apply;
mod lock;
mod locks;
mod up;

use std::{error::Error, fmt};

use serde::Serialize;
use sqlx::{
    MySqlConnection, Row,
    migrate::{Migration, Migrator},
};

pub use lock::{Locked, lock};
pub(crate) use up::validate;
pub use up::{Progress, up};

/// The migrations of `api/migrations`, embedded at build time.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The table in which sqlx records what has been applied.
const TABLE: &str = "_sqlx_migrations";

/// A statement that the server reported as done.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Statement {
    /// Rows it inserted, changed or deleted; 0 for one that returns rows.
    pub rows_affected: u64,
    /// From the previous statement's result (or from sending the file) to this one's.
    pub duration_ms: u64,
}

/// A migration that `up` has just applied.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// Number in the file name.
    pub version: i64,
    /// The file name without `.up.sql`.
    pub name: String,
    pub duration_ms: u64,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
}

/// The migration that stopped a run of `up`.
#[derive(Debug, Clone, Serialize)]
pub struct Failed {
    /// Number in the file name.
    pub version: i64,
    /// The file name without `.up.sql`.
    pub name: String,
    /// The statement of the file that failed, from 1; nothing when it was no statement
    /// of the file but the record in `_sqlx_migrations`, or the commit.
    pub statement: Option<usize>,
    /// Statements of the file that the server had completed.
    pub completed: usize,
    /// The server's error number; nothing when the connection broke.
    pub code: Option<u16>,
    pub message: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "migration {} failed ", self.name)?;
        match self.statement {
            Some(number) => write!(f, "at statement {number}: ")?,
            None => write!(f, "outside its own statements: ")?,
        }
        match self.code {
            Some(code) => write!(f, "{} (error {code})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A run of `up` that stopped at a migration, and what it had applied before.
#[derive(Debug)]
pub struct Stopped {
    /// Complete migrations, in order.
    pub applied: Vec<Done>,
    pub failed: Failed,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failed.fmt(f)
    }
}

impl Error for Stopped {}

/// The JSON document of `migrate up --json`, printed on success and on failure.
#[derive(Debug, Serialize)]
pub struct Report {
    pub version: u32,
    /// What this run applied, in order.
    pub applied: Vec<Done>,
    /// The migration that failed, if one did.
    pub failed: Option<Failed>,
    /// Why the run failed or was refused, in one line; nothing on success.
    pub error: Option<String>,
}

/// How an applied migration compares with the embedded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// Same version, same content.
    Same,
    /// Same version, but the file was edited after it was applied.
    Changed,
    /// This binary does not have it: the database is newer.
    Unknown,
}

/// A migration that the database has.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    /// Number in the file name.
    pub version: i64,
    /// The file name without `.up.sql`.
    pub name: String,
    /// SHA-384 of the file as applied, in hex.
    pub checksum: String,
    /// Compared with the embedded file.
    pub state: Match,
}

/// A migration that the database does not have yet.
#[derive(Debug, Clone, Serialize)]
pub struct Pending {
    /// Number in the file name.
    pub version: i64,
    /// The file name without `.up.sql`.
    pub name: String,
    /// SHA-384 of the file, in hex.
    pub checksum: String,
}

/// Which migrations the database has.
#[derive(Debug, Serialize)]
pub struct Status {
    pub version: u32,
    pub applied: Vec<Applied>,
    /// Migrations still to run; a dirty one is not among them.
    pub pending: Vec<Pending>,
    /// The first migration that failed half-way, if any.
    pub dirty: Option<i64>,
}

impl Status {
    /// Whether the database has every embedded migration, unchanged. Newer
    /// migrations do not matter: during a deployment the schema goes first.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.dirty.is_none()
            && self.pending.is_empty()
            && self.applied.iter().all(|m| m.state != Match::Changed)
    }
}

fn ups(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator.iter().filter(|migration| !migration.migration_type.is_down_migration())
}

// The file name without `.up.sql`; sqlx turned its underscores into spaces.
fn name(version: i64, description: &str) -> String {
    format!("{version}_{}", description.replace(' ', "_"))
}

/// Reads which of `migrator`'s migrations have been applied. Creates nothing: without
/// the migrations table, nothing has been applied.
pub async fn status(conn: &mut MySqlConnection, migrator: &Migrator) -> sqlx::Result<Status> {
    let query =
        "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version";
    let rows = match sqlx::query(query).fetch_all(conn).await {
        Ok(rows) => rows,
        // 42S02: no such table.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42S02") => vec![],
        Err(error) => return Err(error),
    };
    let mut status = Status { version: 1, applied: vec![], pending: vec![], dirty: None };
    let mut seen = vec![];
    for row in rows {
        let version: i64 = row.try_get("version")?;
        seen.push(version);
        if !row.try_get::<bool, _>("success")? {
            status.dirty = status.dirty.or(Some(version));
            continue;
        }
        let checksum: Vec<u8> = row.try_get("checksum")?;
        let state = match ups(migrator).find(|migration| migration.version == version) {
            None => Match::Unknown,
            Some(migration) if *migration.checksum == *checksum => Match::Same,
            Some(_) => Match::Changed,
        };
        let name = name(version, &row.try_get::<String, _>("description")?);
        status.applied.push(Applied { version, name, checksum: crate::hex(&checksum), state });
    }
    status.pending = ups(migrator)
        .filter(|migration| !seen.contains(&migration.version))
        .map(|migration| Pending {
            version: migration.version,
            name: name(migration.version, &migration.description),
            checksum: crate::hex(&migration.checksum),
        })
        .collect();
    Ok(status)
}
