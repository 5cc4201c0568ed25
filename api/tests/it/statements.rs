//! `migrate up`, statement by statement: what failed, how long each took, further tries.

use std::time::Duration;

use api::migrate::{self, Progress, Stopped};
use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
    query_as,
};

use crate::support::{Schema, WAIT, with_schema};

const SECOND: Duration = Duration::from_secs(1);

fn migrator(files: &[&str]) -> Migrator {
    let migrations = (1..).zip(files).map(|(version, text)| {
        let sql = AssertSqlSafe((*text).to_owned()).into_sql_str();
        let no_tx = text.starts_with("-- no-transaction");
        Migration::new(version, "some thing".into(), MigrationType::ReversibleUp, sql, no_tx)
    });
    Migrator::with_migrations(migrations.collect())
}

async fn stopped(schema: &Schema, migrator: &Migrator, wait: Duration, retries: u32) -> Stopped {
    let permit = schema.sign(&schema.migrate_document(migrator).await);
    let error = schema.up_with(migrator, permit, wait, retries, |_| ()).await.unwrap_err();
    error.downcast().unwrap()
}

#[tokio::test]
async fn the_failing_statement_is_counted() {
    for failing in 1..=5 {
        with_schema(async move |schema| {
            let statements: Vec<String> = (1..=5)
                .map(|number| match number == failing {
                    true => format!("-- of {number};\nINSERT INTO no_such VALUES ('a;b')"),
                    false => format!("CREATE TABLE t{number} (a INT)"),
                })
                .collect();
            let text = format!("{};\n", statements.join(";\n"));
            let migrator = migrator(&["CREATE TABLE fine (a INT)", &text, "SELECT 1"]);
            let Stopped { applied, failed } = stopped(&schema, &migrator, WAIT, 3).await;
            assert_eq!(applied.len(), 1);
            assert_eq!((failed.version, &*failed.name), (2, "2_some_thing"));
            assert_eq!((failed.statement, failed.completed), (Some(failing), failing - 1));
            assert_eq!(failed.code, Some(1146));
            let said = failed.to_string();
            let wanted = format!("migration 2_some_thing failed at statement {failing}: ");
            assert!(said.starts_with(&wanted) && said.contains("no_such"), "{said}");
            let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
            // As with sqlx: a record that no data definition committed is rolled back.
            assert_eq!(status.dirty, (failing > 1).then_some(2));
            assert_eq!(status.applied.len(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn statements_are_timed_and_rows_counted() {
    with_schema(async |schema| {
        let migrator = migrator(&[
            "CREATE TABLE a (b INT); DO SLEEP(0.3); INSERT INTO a VALUES (1), (2), (3);\n\
             SELECT * FROM a; UPDATE a SET b = 0 WHERE b > 1; DO SLEEP(0.2) -- the end",
        ]);
        let applied = schema.up(&migrator, WAIT).await.unwrap();
        let rows: Vec<u64> = applied[0].statements.iter().map(|s| s.rows_affected).collect();
        assert_eq!(rows, [0, 0, 3, 0, 2, 0]);
        let times: Vec<u64> = applied[0].statements.iter().map(|s| s.duration_ms).collect();
        // Each result came when its statement was done, not all of them at the end.
        assert!(times[1] >= 290 && times[5] >= 190, "{times:?}");
        assert!(applied[0].duration_ms >= times.iter().sum(), "{times:?}");
    })
    .await;
}

#[tokio::test]
async fn the_record_is_the_one_that_sqlx_makes() {
    type Record = (i64, String, bool, Vec<u8>);
    async fn records(schema: &Schema) -> (Vec<Record>, String) {
        let rows = query_as(
            "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version",
        );
        let table: (String, String) =
            query_as("SHOW CREATE TABLE _sqlx_migrations").fetch_one(&schema.pool).await.unwrap();
        (rows.fetch_all(&schema.pool).await.unwrap(), table.1)
    }
    with_schema(async |schema| {
        let files = ["CREATE TABLE a (b INT)", "-- no-transaction\nINSERT INTO a VALUES (1)"];
        migrator(&files).run(&mut schema.connect().await).await.unwrap();
        let theirs = records(&schema).await;
        with_schema(async move |schema| {
            let migrator = migrator(&files);
            assert_eq!(schema.up(&migrator, WAIT).await.unwrap().len(), 2);
            assert_eq!(records(&schema).await, theirs);
            let timed = "SELECT COUNT(*) FROM _sqlx_migrations WHERE execution_time > 0";
            assert_eq!(schema.number(timed).await, 2);
            // sqlx finds every one of them applied and unchanged.
            migrator.run(&mut schema.connect().await).await.unwrap();
            assert_eq!(schema.number("SELECT COUNT(*) FROM a").await, 1);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_lock_at_the_first_statement_is_waited_for() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE a (b INT)").await;
        let migrator = migrator(&["ALTER TABLE a ADD c INT; INSERT INTO a VALUES (1, 2)"]);
        let permit = schema.sign(&schema.migrate_document(&migrator).await);
        let mut reader = schema.connect().await;
        sqlx::raw_sql("LOCK TABLES a READ").execute(&mut reader).await.unwrap();
        let mut reader = Some(reader);
        let mut said = vec![];
        let applied = schema
            .up_with(&migrator, permit, SECOND, 3, |progress| {
                if let Progress::Again { name, reason, pause } = progress {
                    said.push((name.to_owned(), reason.to_owned(), pause.as_millis()));
                    // It goes after the second try.
                    if said.len() == 2 {
                        drop(reader.take());
                    }
                }
            })
            .await
            .unwrap();
        assert_eq!(applied[0].statements.len(), 2);
        let pauses: Vec<u128> = said.iter().map(|(.., pause)| *pause).collect();
        assert_eq!(pauses, [250, 500]);
        let (name, reason, _) = &said[0];
        assert!(name == "1_some_thing" && reason.contains("Lock wait timeout"), "{said:?}");
        assert_eq!(schema.number("SELECT COUNT(*) FROM a").await, 1);
        let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
        assert!(status.complete());
    })
    .await;
}

#[tokio::test]
async fn tries_are_bounded() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE a (b INT)").await;
        let migrator = migrator(&["ALTER TABLE a ADD c INT"]);
        let mut reader = schema.connect().await;
        sqlx::raw_sql("LOCK TABLES a READ").execute(&mut reader).await.unwrap();
        let permit = schema.sign(&schema.migrate_document(&migrator).await);
        let mut tries = 0;
        let ended = schema.up_with(&migrator, permit, SECOND, 1, |_| tries += 1).await;
        let Stopped { failed, .. } = ended.unwrap_err().downcast().unwrap();
        assert_eq!((tries, failed.code, failed.statement), (1, Some(1205), Some(1)));
        let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
        // Nothing of it was done, so nothing says that it stopped half-way.
        assert_eq!((status.dirty, status.pending.len()), (None, 1));
    })
    .await;
}

#[tokio::test]
async fn a_definition_that_is_refused_leaves_no_record() {
    for (file, dirty) in [
        ("ALTER TABLE a ADD UNIQUE (b)", None),
        ("CREATE TABLE z (a INT); ALTER TABLE a ADD UNIQUE (b)", Some(1)),
        ("DROP TABLE z, a", Some(1)),
    ] {
        with_schema(async move |schema| {
            schema.run("CREATE TABLE a (b INT); INSERT INTO a VALUES (1), (1)").await;
            let migrator = migrator(&[file]);
            stopped(&schema, &migrator, WAIT, 0).await;
            let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
            assert_eq!(status.dirty, dirty, "{file}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_migration_that_takes_its_record_back_is_not_applied() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE a (b INT)").await;
        let migrator = migrator(&["INSERT INTO a VALUES (1); ROLLBACK"]);
        let Stopped { failed, .. } = stopped(&schema, &migrator, WAIT, 0).await;
        assert!(failed.statement.is_none() && failed.message.contains("is gone"), "{failed:?}");
        let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
        assert_eq!((status.dirty, status.pending.len()), (None, 1));
    })
    .await;
}

/// A permit that cuts the only migration at its `; `.
async fn cut(schema: &Schema, migrator: &Migrator) -> String {
    let text = migrator.iter().next().unwrap().sql.as_str().to_owned();
    let begins = text.match_indices("; ").map(|(at, found)| at + found.len());
    let ends = text.match_indices("; ").map(|(at, _)| at).chain([text.len()]);
    let statements: Vec<_> = [0].into_iter().chain(begins).zip(ends).collect();
    let mut document = schema.migrate_document(migrator).await;
    document["subject"][0]["statements"] = serde_json::json!(statements);
    schema.sign(&document)
}

#[tokio::test]
async fn a_lock_behind_the_first_statement_is_waited_for() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE a (b INT); CREATE TABLE z (b INT)").await;
        let migrator = migrator(&[
            "INSERT INTO a VALUES (1); ALTER TABLE z ADD c INT; INSERT INTO a VALUES (2)",
        ]);
        let permit = cut(&schema, &migrator).await;
        let mut reader = schema.connect().await;
        sqlx::raw_sql("LOCK TABLES z READ").execute(&mut reader).await.unwrap();
        let mut reader = Some(reader);
        let mut tries = 0;
        let applied = schema
            .up_with(&migrator, permit, SECOND, 3, |progress| {
                if matches!(progress, Progress::Again { .. }) {
                    tries += 1;
                    drop(reader.take());
                }
            })
            .await
            .unwrap();
        assert_eq!((tries, applied[0].statements.len()), (1, 3));
        // Each of them ran once.
        assert_eq!(schema.number("SELECT COUNT(*) FROM a").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_permit_that_cuts_elsewhere_runs_nothing() {
    with_schema(async |schema| {
        let migrator = migrator(&["CREATE TABLE a (b INT)"]);
        let mut document = schema.migrate_document(&migrator).await;
        document["subject"][0]["statements"] = serde_json::json!([[0, 99]]);
        let permit = schema.sign(&document);
        let error = schema.up_with(&migrator, permit, WAIT, 0, |_| ()).await.unwrap_err();
        assert!(error.to_string().contains("do not fit the text"), "{error}");
        let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
        assert_eq!((status.dirty, status.pending.len()), (None, 1));
    })
    .await;
}

#[tokio::test]
async fn a_deadlock_that_no_server_sees_leaves_nothing_behind() {
    with_schema(async |schema| {
        schema
            .run(
                "CREATE TABLE parent (id INT PRIMARY KEY, n INT NOT NULL);
                 CREATE TABLE child (id INT PRIMARY KEY, parent_id INT NOT NULL, seconds INT,
                     FOREIGN KEY (parent_id) REFERENCES parent (id));
                 INSERT INTO parent VALUES (1, 0); INSERT INTO child VALUES (1, 1, 0)",
            )
            .await;
        // MySQL 9.7: the copy holds rows of the parent and waits for the child's table, which
        // an UPDATE of the parent holds while it waits for the row.
        let migrator = migrator(&["ALTER TABLE child MODIFY seconds BIGINT UNSIGNED NOT NULL"]);
        let permit = cut(&schema, &migrator).await;
        let mut writer = schema.connect().await;
        let mut written = 0;
        let ended = {
            let up = schema.up_with(&migrator, permit, SECOND, 2, |_| ());
            tokio::pin!(up);
            loop {
                tokio::select! {
                    ended = &mut up => break ended,
                    () = write(&mut writer) => written += 1,
                }
            }
        };
        drop(writer);
        if let Err(error) = &ended {
            let Stopped { failed, .. } = error.downcast_ref().unwrap();
            assert_eq!((failed.code, failed.statement), (Some(1205), Some(1)), "{failed:?}");
        }
        let status = migrate::status(&mut schema.connect().await, &migrator).await.unwrap();
        assert_eq!((status.dirty, status.applied.len()), (None, usize::from(ended.is_ok())));
        let kept = schema.number("SELECT n FROM parent").await;
        // One that was cut off by the end of the migration may count or not.
        assert!(written > 0 && (written..=written + 1).contains(&kept), "{kept} of {written}");
    })
    .await;
}

async fn write(writer: &mut sqlx::MySqlConnection) {
    sqlx::raw_sql("UPDATE parent SET n = n + 1 WHERE id = 1").execute(writer).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
}

// The trigger fails like a deadlock as often as it is told to.
const DEADLOCKS: &str = "CREATE TABLE a (b INT);
    CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW
    BEGIN
        SET @tries = COALESCE(@tries, 0) + 1;
        IF @tries < 3 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF;
    END";

#[tokio::test]
async fn a_deadlock_at_the_first_statement_is_tried_again() {
    with_schema(async |schema| {
        schema.run(DEADLOCKS).await;
        let migrator = migrator(&["INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)"]);
        let permit = schema.sign(&schema.migrate_document(&migrator).await);
        let mut tries = 0;
        schema
            .up_with(&migrator, permit, WAIT, 3, |progress| {
                tries += usize::from(matches!(progress, Progress::Again { .. }));
            })
            .await
            .unwrap();
        assert_eq!(tries, 2);
        assert_eq!(schema.number("SELECT COUNT(*) FROM a").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_deadlock_later_on_is_tried_again_where_no_row_goes_with_it() {
    for (file, tries) in [
        ("CREATE TABLE z (a INT); INSERT INTO a VALUES (1)", 2),
        ("INSERT INTO w VALUES (1); INSERT INTO a VALUES (1)", 0),
        // MyISAM would keep the rows that it has by then.
        ("CREATE TABLE z (a INT) ENGINE = MyISAM; INSERT INTO a VALUES (1)", 0),
        ("INSERT INTO w VALUES (1); CREATE TEMPORARY TABLE z (a INT); INSERT INTO a VALUES (1)", 0),
    ] {
        with_schema(async move |schema| {
            schema.run(DEADLOCKS).await;
            schema.run("CREATE TABLE w (a INT)").await;
            let migrator = migrator(&[file]);
            let permit = cut(&schema, &migrator).await;
            let mut seen = 0;
            let ended = schema
                .up_with(&migrator, permit, WAIT, 3, |progress| {
                    seen += usize::from(matches!(progress, Progress::Again { .. }));
                })
                .await;
            assert_eq!((seen, ended.is_ok()), (tries, tries > 0), "{file}: {ended:?}");
            assert_eq!(schema.number("SELECT COUNT(*) FROM w").await, 0, "{file}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_deadlock_later_on_or_in_a_procedure_is_final() {
    for file in ["CREATE TABLE z (a INT); INSERT INTO a VALUES (1)", "CALL fill()"] {
        with_schema(async move |schema| {
            schema.run(DEADLOCKS).await;
            schema.run("CREATE PROCEDURE fill() INSERT INTO a VALUES (1)").await;
            let migrator = migrator(&[file]);
            let Stopped { failed, .. } = stopped(&schema, &migrator, WAIT, 3).await;
            assert_eq!(failed.code, Some(1213), "{failed:?}");
            assert_eq!(failed.statement, Some(failed.completed + 1));
        })
        .await;
    }
}
