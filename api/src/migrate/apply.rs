//! Runs one migration as sqlx does, but learns of every statement as it completes.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, MySqlConnection, migrate::Migration, mysql::MySqlDatabaseError,
};

use super::{
    Done, Failed, Statement,
    locks::{self, Again, Kind, Tries},
    name,
};

pub(super) struct Failure {
    pub failed: Failed,
    /// Whether its row in `_sqlx_migrations` was inserted by this try.
    pub recorded: bool,
}

impl Failure {
    fn new(migration: &Migration, error: &sqlx::Error) -> Self {
        let server = server(error);
        let failed = Failed {
            version: migration.version,
            name: name(migration.version, &migration.description),
            statement: None,
            completed: 0,
            code: server.map(MySqlDatabaseError::number),
            message: server.map_or_else(|| error.to_string(), |e| e.message().to_owned()),
        };
        Self { failed, recorded: false }
    }

    fn after(mut self, completed: usize) -> Self {
        self.failed.completed = completed;
        self.recorded = true;
        self
    }
}

fn server(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
}

fn number(error: &sqlx::Error) -> Option<u16> {
    server(error).map(MySqlDatabaseError::number)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Applies `migration`, with the same records in the same order as sqlx 0.9, whose
/// `-- no-transaction` means nothing on MySQL either: the record first, marked as
/// failed, then the statements of the file, then the mark of success.
///
/// sqlx itself sends the file as one text: it cannot tell which statement failed, and cannot
/// try one again. `again` is asked before that, and pauses; `tries` are those of the first.
pub(super) async fn apply(
    conn: &mut MySqlConnection,
    migration: &Migration,
    statements: &[&str],
    (again, tries): (&mut Again<'_>, Tries),
) -> Result<Done, Failure> {
    let begun = Instant::now();
    let fail = |error: sqlx::Error| Failure::new(migration, &error);
    let mut tx = conn.begin().await.map_err(fail)?;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (?, ?, FALSE, ?, -1)",
    )
    .bind(migration.version)
    .bind(&*migration.description)
    .bind(&*migration.checksum)
    .execute(&mut *tx)
    .await
    .map_err(fail)?;
    let mut done = vec![];
    let end = run(&mut tx, migration, (statements, tries), &mut done, again).await;
    let completed = done.len();
    if let Err(error) = end {
        let mut failure = fail(error).after(completed);
        failure.failed.statement = Some(completed + 1);
        // The error is what matters; with the connection gone there is nothing to undo.
        let _ = tx.rollback().await;
        return Err(failure);
    }
    let fail = |error: sqlx::Error| Failure::new(migration, &error).after(completed);
    let marked = sqlx::query("UPDATE _sqlx_migrations SET success = TRUE WHERE version = ?")
        .bind(migration.version)
        .execute(&mut *tx)
        .await
        .map_err(fail)?;
    if marked.rows_affected() != 1 {
        // Then what it changed since the last commit is gone, too.
        let mut failure = fail(sqlx::Error::RowNotFound);
        failure.failed.message = "its record in _sqlx_migrations is gone: something in it was \
            rolled back"
            .to_owned();
        return Err(failure);
    }
    tx.commit().await.map_err(fail)?;
    let elapsed = begun.elapsed();
    // Only for the curious, as in sqlx: the migration is applied with or without it.
    let timed = sqlx::query("UPDATE _sqlx_migrations SET execution_time = ? WHERE version = ?")
        .bind(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
        .bind(migration.version)
        .execute(conn)
        .await;
    if let Err(error) = timed {
        tracing::warn!(%error, "the execution time could not be recorded");
    }
    Ok(Done {
        version: migration.version,
        name: name(migration.version, &migration.description),
        duration_ms: millis(elapsed),
        statements: done,
    })
}

// Runs the statements; `done` gets each that completed. One behind the first that got no lock
// is tried again by itself, where that cannot lose what came before it. The first is not: the
// whole migration is, because its record may be gone.
async fn run(
    conn: &mut MySqlConnection,
    migration: &Migration,
    (statements, first): (&[&str], Tries),
    done: &mut Vec<Statement>,
    again: &mut Again<'_>,
) -> sqlx::Result<()> {
    let mut before: Option<Kind> = None;
    for statement in statements {
        let kind = Kind::of(statement);
        if kind.commits() && before.is_some_and(|before| !before.commits()) {
            // The definition would do it. But a commit can fail at a lock, too, and takes
            // everything back then: a second try would go on without it.
            sqlx::raw_sql("COMMIT").execute(&mut *conn).await?;
        }
        let completed = done.len();
        let mut tries = before.map_or(first, |_| again.fresh());
        loop {
            again.limit(&tries, conn, statement).await?;
            let begun = Instant::now();
            let Err(error) = one(conn, statement, done).await else { break };
            let alone = before.is_some()
                && done.len() == completed
                && locks::is_lock(number(&error))
                && kind
                    .may_repeat(before.unwrap_or(Kind::Other), locks::is_transactional(conn).await);
            let failed = Failure::new(migration, &error).failed;
            if !alone || !again.pause(&mut tries, &failed, begun.elapsed()).await {
                return Err(error);
            }
        }
        before = Some(kind);
    }
    Ok(())
}

// The server sends the result of each statement as soon as it is done; a text that is not cut
// holds several, and a call may have several results.
async fn one(
    conn: &mut MySqlConnection,
    text: &str,
    done: &mut Vec<Statement>,
) -> sqlx::Result<()> {
    let mut begun = Instant::now();
    let text = AssertSqlSafe(text.to_owned());
    let mut results = sqlx::raw_sql(text).execute_many(conn);
    while let Some(result) = results.try_next().await? {
        let duration_ms = millis(begun.elapsed());
        begun = Instant::now();
        done.push(Statement { rows_affected: result.rows_affected(), duration_ms });
    }
    Ok(())
}
