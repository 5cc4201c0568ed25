//! `migrate up`: one pending migration after the other, with a few more tries at locks.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use sqlx::{
    MySqlConnection,
    migrate::{Migrate as _, Migration, Migrator},
};

use super::{
    Done, Match, Pending, Status, Stopped, TABLE,
    apply::{self, Failure},
    locks::{self, Again, Kind},
    name, ups,
};
use crate::gate::MayMigrate;

/// What a run tells while it works.
#[derive(Debug)]
pub enum Progress<'a> {
    Applied(&'a Done),
    /// A statement got no lock, and is tried again.
    Again {
        /// The file name without `.up.sql`.
        name: &'a str,
        reason: &'a str,
        /// How long it pauses before that.
        pause: std::time::Duration,
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
/// A statement that fails at a lock is tried again, up to `retries` times, where nothing is
/// lost by it. A migration whose first statement got no lock leaves no record.
///
/// # Errors
/// [`Stopped`] when a migration fails; otherwise when the database cannot be reached.
pub async fn up(
    allowed: MayMigrate<'_>,
    retries: u32,
    mut each: impl FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    let MayMigrate { mut locked, migrator, pending, allowed } = allowed;
    let wait = locked.wait();
    let conn = locked.conn();
    conn.ensure_migrations_table(TABLE).await.context("cannot create the migrations table")?;
    // All of them are looked at before the first runs.
    let mut wanted = vec![];
    for Pending { version, name, .. } in &pending {
        let migration = ups(migrator)
            .find(|migration| migration.version == *version)
            .context("a permitted migration has disappeared")?;
        let text = migration.sql.as_str();
        let statements = allowed.iter().find(|one| one.name == *name).and_then(|one| one.cut(text));
        let Some(statements) = statements else {
            bail!(
                "the permit's statements do not fit the text of migration {name}; nothing was run"
            )
        };
        wanted.push((migration, statements));
    }
    let mut again = Again::new(retries, wait, &mut each);
    let mut applied = vec![];
    for (migration, statements) in wanted {
        match persist(conn, migration, &statements, &mut again).await {
            Ok(done) => {
                again.tell(Progress::Applied(&done));
                applied.push(done);
            }
            Err(Failure { failed, .. }) => return Err(Stopped { applied, failed }.into()),
        }
    }
    locked.release().await?;
    Ok(applied)
}

// A migration of which nothing was done leaves no record, so that whoever looks does not take
// it for one that stopped half-way.
async fn persist(
    conn: &mut MySqlConnection,
    migration: &Migration,
    statements: &[&str],
    again: &mut Again<'_>,
) -> Result<Done, Failure> {
    let mut tries = again.fresh();
    let first = statements.first().map_or(Kind::Other, |first| Kind::of(first));
    loop {
        let begun = Instant::now();
        let failure = match apply::apply(conn, migration, statements, (&mut *again, tries)).await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        // Without a number the connection is gone, and nobody knows.
        let nothing_done = failure.failed.statement == Some(1)
            && failure.recorded
            && failure.failed.code.is_some()
            && first.undone(locks::is_transactional(conn).await);
        if !nothing_done
            || forget(conn, migration).await.is_err()
            || !locks::is_lock(failure.failed.code)
            || !again.pause(&mut tries, &failure.failed, begun.elapsed()).await
        {
            return Err(failure);
        }
    }
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
