//! The lock that keeps migrations and imports of one schema apart.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::MySqlConnection;

use super::locks::limits;

/// A connection that holds the migration lock of its schema, until it is released
/// or the connection closes.
#[derive(Debug)]
pub struct Locked<'c> {
    conn: &'c mut MySqlConnection,
    name: String,
    wait: Duration,
}

impl Locked<'_> {
    pub(crate) fn conn(&mut self) -> &mut MySqlConnection {
        self.conn
    }

    /// How long one try at a table's lock waits.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// Lets go of the lock.
    pub(crate) async fn release(self) -> Result<()> {
        sqlx::query("SELECT RELEASE_LOCK(?)")
            .bind(self.name)
            .execute(self.conn)
            .await
            .context("cannot release the migration lock")?;
        Ok(())
    }
}

/// Takes the migration lock of the schema, with a finite wait that from now on also
/// holds for every table lock of this session. `conn` must serve nothing else.
///
/// The lock is sqlx's own, so that `sqlx migrate run` by hand waits for it. sqlx is not
/// asked to take it, because it waits without end on MySQL, and on MariaDB does not get
/// it at all (a negative timeout returns NULL there, which sqlx does not look at).
pub async fn lock(conn: &mut MySqlConnection, wait: Duration) -> Result<Locked<'_>> {
    set_timeouts(conn, wait).await?;
    let name = lock_name(conn).await?;
    let got: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(?, ?)")
        .bind(&name)
        .bind(wait.as_secs())
        .fetch_one(&mut *conn)
        .await
        .context("cannot take the migration lock")?;
    if got != Some(1) {
        bail!("another migration run or import holds the lock; waited {} s", wait.as_secs());
    }
    Ok(Locked { conn, name, wait })
}

// A migration that waits for ever behind a long query blocks everybody who comes after it.
async fn set_timeouts(conn: &mut MySqlConnection, wait: Duration) -> Result<()> {
    let (tables, rows) = limits(wait, false);
    for (statement, seconds) in [
        ("SET SESSION lock_wait_timeout = ?", tables),
        ("SET SESSION innodb_lock_wait_timeout = ?", rows),
    ] {
        sqlx::query(statement)
            .bind(seconds)
            .execute(&mut *conn)
            .await
            .context("cannot set the lock timeouts")?;
    }
    Ok(())
}

// Computed by the server as sqlx does: 0x3d32ad9e times the CRC-32 of the schema
// name, in hex.
async fn lock_name(conn: &mut MySqlConnection) -> Result<String> {
    sqlx::query_scalar("SELECT LOWER(HEX(0x3d32ad9e * CRC32(DATABASE())))")
        .fetch_one(conn)
        .await
        .context("cannot compute the name of the migration lock")
}
