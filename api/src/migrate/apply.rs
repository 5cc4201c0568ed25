//! Runs one migration as sqlx does, but learns of every statement as it completes.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, MySqlConnection, migrate::Migration, mysql::MySqlDatabaseError};

use super::{Done, Failed, Statement, name};

pub(super) struct Failure {
    pub failed: Failed,
    /// Whether its row in `_sqlx_migrations` was inserted by this try.
    pub recorded: bool,
}

impl Failure {
    fn new(migration: &Migration, error: &sqlx::Error) -> Self {
        let server = error
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
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

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Applies `migration`, with the same statements in the same order as sqlx 0.9, whose
/// `-- no-transaction` means nothing on MySQL either: the record first, marked as
/// failed, then the whole file as one text query, then the mark of success.
///
/// sqlx itself runs the file in one go and cannot tell which statement failed.
pub(super) async fn apply(
    conn: &mut MySqlConnection,
    migration: &Migration,
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
    let (statements, end) = run(&mut tx, migration).await;
    let completed = statements.len();
    if let Err(error) = end {
        let mut failure = fail(error).after(completed);
        failure.failed.statement = Some(completed + 1);
        // The error is what matters; with the connection gone there is nothing to undo.
        let _ = tx.rollback().await;
        return Err(failure);
    }
    let fail = |error: sqlx::Error| Failure::new(migration, &error).after(completed);
    sqlx::query("UPDATE _sqlx_migrations SET success = TRUE WHERE version = ?")
        .bind(migration.version)
        .execute(&mut *tx)
        .await
        .map_err(fail)?;
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
        statements,
    })
}

// The statements that completed, and the error that ended them, if any. The server
// sends the result of each as soon as it is done.
async fn run(
    conn: &mut MySqlConnection,
    migration: &Migration,
) -> (Vec<Statement>, sqlx::Result<()>) {
    let mut done = vec![];
    let mut begun = Instant::now();
    let mut results = sqlx::raw_sql(migration.sql.clone()).execute_many(conn);
    loop {
        match results.try_next().await {
            Ok(Some(result)) => {
                let duration_ms = millis(begun.elapsed());
                begun = Instant::now();
                done.push(Statement { rows_affected: result.rows_affected(), duration_ms });
            }
            Ok(None) => return (done, Ok(())),
            Err(error) => return (done, Err(error)),
        }
    }
}

/// Whether `sql` begins with a statement of which nothing is done when it fails at a
/// lock. A procedure or a compound statement may have committed something before.
pub(super) fn begins_with_one_step(sql: &str) -> bool {
    const ONE_STEP: [&str; 9] =
        ["alter", "create", "delete", "drop", "insert", "rename", "replace", "truncate", "update"];
    let mut rest = sql.trim_start();
    loop {
        let after = if rest.starts_with('#') || rest.starts_with("--") {
            rest.split_once('\n')
        } else if rest.starts_with("/*!") || rest.starts_with("/*M!") {
            // A comment that the server runs.
            return false;
        } else if rest.starts_with("/*") {
            rest.split_once("*/")
        } else {
            break;
        };
        let Some((_, after)) = after else { return false };
        rest = after.trim_start();
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    ONE_STEP.contains(&word.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::begins_with_one_step;

    #[test]
    fn the_first_statement_decides_about_a_retry() {
        for sql in [
            "ALTER TABLE a ADD b INT",
            "-- why\n\n# and how\n/* at\nlength */ Create TABLE a (b INT)",
            "update a set b = 1",
        ] {
            assert!(begins_with_one_step(sql), "{sql}");
        }
        for sql in [
            "CALL fill()",
            "BEGIN NOT ATOMIC DROP TABLE a; END",
            "/*!50000 ALTER TABLE a ADD b INT */",
            "/* open",
            "-- only this",
            "",
        ] {
            assert!(!begins_with_one_step(sql), "{sql}");
        }
    }
}
