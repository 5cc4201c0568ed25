//! Applies the embedded migrations and tells what has been applied.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sqlx::{
    MySqlConnection, Row,
    migrate::{MigrateError, Migration, Migrator},
};

/// The migrations of `api/migrations`, embedded at build time.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// A migration that `up` has just applied.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// Number in the file name.
    pub version: i64,
    /// The rest of the file name.
    pub name: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// The JSON document of `migrate up --json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Format version.
    pub version: u32,
    /// What this run applied, in order.
    pub applied: Vec<Done>,
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
    /// The rest of the file name.
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
    /// The rest of the file name.
    pub name: String,
    /// SHA-384 of the file, in hex.
    pub checksum: String,
}

/// The JSON document of `migrate status --json`.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Format version.
    pub version: u32,
    /// Completely applied migrations.
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

fn ups() -> impl Iterator<Item = &'static Migration> {
    MIGRATOR.iter().filter(|migration| !migration.migration_type.is_down_migration())
}

// sqlx turns the underscores of the file name into spaces.
fn name(description: &str) -> String {
    description.replace(' ', "_")
}

fn label(version: i64) -> String {
    match ups().find(|migration| migration.version == version) {
        Some(migration) => format!("{version}_{}", name(&migration.description)),
        None => version.to_string(),
    }
}

/// Lower-case hexadecimal text of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what has been applied. Creates nothing: without the migrations table,
/// nothing has been applied.
///
/// # Errors
/// When the database cannot be read.
pub async fn status(conn: &mut MySqlConnection) -> sqlx::Result<Status> {
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
        let state = match ups().find(|migration| migration.version == version) {
            None => Match::Unknown,
            Some(migration) if *migration.checksum == *checksum => Match::Same,
            Some(_) => Match::Changed,
        };
        let name = name(&row.try_get::<String, _>("description")?);
        status.applied.push(Applied { version, name, checksum: hex(&checksum), state });
    }
    status.pending = ups()
        .filter(|migration| !seen.contains(&migration.version))
        .map(|migration| Pending {
            version: migration.version,
            name: name(&migration.description),
            checksum: hex(&migration.checksum),
        })
        .collect();
    Ok(status)
}

/// Applies every pending migration over `conn`, which must serve nothing else:
/// its session settings change, and after an error it keeps the lock until closed.
/// `each` is told about every migration as it completes.
///
/// # Errors
/// When another run holds the lock, when the database and the embedded files
/// contradict each other, or when a migration fails; the message names it.
pub async fn up(
    conn: &mut MySqlConnection,
    lock_wait: Duration,
    mut each: impl FnMut(&Done),
) -> Result<Vec<Done>> {
    set_timeouts(conn, lock_wait).await?;
    lock(conn, lock_wait).await?;
    let before = status(conn).await.context("cannot read the migrations table")?;
    if let Some(version) = before.dirty {
        return Err(explain(MigrateError::Dirty(version)));
    }
    let mut applied = vec![];
    for migration in &before.pending {
        let begun = Instant::now();
        MIGRATOR.run_to(migration.version, &mut *conn).await.map_err(explain)?;
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let done = Done { version: migration.version, name: migration.name.clone(), duration_ms };
        each(&done);
        applied.push(done);
    }
    // Also validates, when nothing was pending, that the two sides agree.
    MIGRATOR.run(&mut *conn).await.map_err(explain)?;
    sqlx::query("SELECT RELEASE_LOCK(?)").bind(lock_name(conn).await?).execute(conn).await?;
    Ok(applied)
}

// A migration that waits for ever behind a long query blocks everybody who comes after it.
async fn set_timeouts(conn: &mut MySqlConnection, wait: Duration) -> Result<()> {
    for statement in
        ["SET SESSION lock_wait_timeout = ?", "SET SESSION innodb_lock_wait_timeout = ?"]
    {
        sqlx::query(statement)
            .bind(wait.as_secs())
            .execute(&mut *conn)
            .await
            .context("cannot set the lock timeouts")?;
    }
    Ok(())
}

// sqlx's own lock name, computed by the server: 0x3d32ad9e times the CRC-32 of the
// schema name, in hex.
async fn lock_name(conn: &mut MySqlConnection) -> Result<String> {
    sqlx::query_scalar("SELECT LOWER(HEX(1026731678 * CRC32(DATABASE())))")
        .fetch_one(conn)
        .await
        .context("cannot compute the name of the migration lock")
}

// sqlx waits for its lock without end on MySQL, and on MariaDB does not get it at
// all (a negative timeout returns NULL there, which sqlx does not look at). So the
// lock is taken here first, under the same name and with a finite wait; a session
// may take a lock it holds again, so sqlx's attempt then returns at once.
async fn lock(conn: &mut MySqlConnection, wait: Duration) -> Result<()> {
    let name = lock_name(conn).await?;
    let got: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(?, ?)")
        .bind(name)
        .bind(wait.as_secs())
        .fetch_one(conn)
        .await
        .context("cannot take the migration lock")?;
    if got != Some(1) {
        bail!("another migration run holds the lock; waited {} s", wait.as_secs());
    }
    Ok(())
}

fn explain(error: MigrateError) -> anyhow::Error {
    match error {
        MigrateError::ExecuteMigration(cause, version) => {
            anyhow::anyhow!("migration {} failed: {cause}", label(version))
        }
        MigrateError::Dirty(version) => anyhow::anyhow!(
            "migration {} failed half-way earlier and is marked dirty; \
             restore the state before it, nothing was run",
            label(version)
        ),
        MigrateError::VersionMissing(version) => anyhow::anyhow!(
            "the database has migration {version}, which this binary does not know; \
             use the binary of the newer release"
        ),
        MigrateError::VersionMismatch(version) => anyhow::anyhow!(
            "migration {} was edited after it was applied; add a new migration instead",
            label(version)
        ),
        other => anyhow::Error::new(other).context("migrations could not run"),
    }
}
