//! `migrate up`: one pending migration after the other, with a few more tries at locks.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::{
    MySqlConnection,
    migrate::{Migrate as _, Migration, Migrator},
};

use super::{
    Done, Failed, Match, Pending, Status, Stopped, TABLE,
    apply::{self, Failure},
    name, ups,
};
use crate::gate::MayMigrate;

/// What a run tells while it works.
#[derive(Debug)]
pub enum Progress<'a> {
    Applied(&'a Done),
    /// A migration got no lock for its first statement, and is tried again.
    Again {
        /// The file name without `.up.sql`.
        name: &'a str,
        reason: &'a str,
        /// How long it pauses before that.
        pause: Duration,
    },
}

/// Checks that the database and the migrations do not contradict each other.
pub(crate) fn validate(status: &Status, migrator: &Migrator) -> Result<()> {
    if let Some(version) = status.dirty {
        let label = match ups(migrator).find(|migration| migration.version == version) {
            Some(migration) => name(version, &migration.description),
            None => version.to_string(),
        };
        bail!(
            "migration {label} failed half-way earlier and is marked dirty; restore the previous \
            state; nothing was run"
        );
    }
    for applied in &status.applied {
        let version = applied.version;
        match applied.state {
            Match::Same => {}
            Match::Unknown => bail!(
                "the database has migration {version}, which this binary does not know; \
                 use the binary of the newer release"
            ),
            Match::Changed => bail!(
                "migration {} was edited after it was applied; add a new migration instead",
                applied.name
            ),
        }
    }
    Ok(())
}

/// Applies the migrations that were allowed. Nothing else makes a [`MayMigrate`] than
/// the check of a permit, on the same connection and under its lock. `each` is told
/// about every migration as it completes. After an error the connection keeps the lock
/// until it is closed.
///
/// A migration whose first statement fails at a lock is tried again, up to `retries`
/// times: nothing of it was done.
///
/// # Errors
/// [`Stopped`] when a migration fails; otherwise when the database cannot be reached.
pub async fn up(
    allowed: MayMigrate<'_>,
    retries: u32,
    mut each: impl FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    let MayMigrate { mut locked, migrator, pending } = allowed;
    let conn = locked.conn();
    conn.ensure_migrations_table(TABLE).await.context("cannot create the migrations table")?;
    let mut applied = vec![];
    for Pending { version, .. } in &pending {
        let migration = ups(migrator)
            .find(|migration| migration.version == *version)
            .context("a permitted migration has disappeared")?;
        match persist(conn, migration, retries, &mut each).await {
            Ok(done) => {
                each(Progress::Applied(&done));
                applied.push(done);
            }
            Err(Failure { failed, .. }) => return Err(Stopped { applied, failed }.into()),
        }
    }
    locked.release().await?;
    Ok(applied)
}

// ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK.
const LOCKED: [u16; 2] = [1205, 1213];

async fn persist(
    conn: &mut MySqlConnection,
    migration: &Migration,
    retries: u32,
    each: &mut impl FnMut(Progress<'_>),
) -> Result<Done, Failure> {
    let mut pause = Duration::from_millis(500);
    for _ in 0..retries {
        let failure = match apply::apply(conn, migration).await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        let lock = failure.failed.code.is_some_and(|code| LOCKED.contains(&code));
        let nothing_done = failure.failed.statement == Some(1)
            && failure.recorded
            && apply::begins_with_one_step(migration.sql.as_str());
        if !lock || !nothing_done || forget(conn, migration).await.is_err() {
            return Err(failure);
        }
        let Failed { name, message, .. } = &failure.failed;
        each(Progress::Again { name, reason: message, pause });
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(Duration::from_secs(2));
    }
    apply::apply(conn, migration).await
}

// The record of a try of this run. A data definition commits it before it fails;
// otherwise the rollback took it away already.
async fn forget(conn: &mut MySqlConnection, migration: &Migration) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ? AND success = FALSE")
        .bind(migration.version)
        .execute(conn)
        .await?;
    Ok(())
}
