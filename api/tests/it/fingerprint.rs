//! The fingerprint: every definition counts, rows and names of schemas and sessions do not.

use std::collections::HashMap;

use api::{
    Secret,
    config::Database,
    db,
    gate::{self, Facts},
    migrate,
};

use crate::{
    permits::random_hex,
    support::{Schema, WAIT, administrate, with_schema},
};

async fn facts(schema: &Schema) -> Facts {
    gate::facts(&mut schema.connect().await).await.unwrap()
}

#[tokio::test]
async fn every_definition_counts() {
    with_schema(async |schema| {
        let mut seen = HashMap::from([(facts(&schema).await.fingerprint, "nothing")]);
        for (change, tables_too) in [
            ("CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, b INT)", true),
            ("CREATE TABLE c (id INT PRIMARY KEY)", true),
            ("ALTER TABLE a MODIFY b INT NOT NULL", true),
            ("ALTER TABLE a ALTER b SET DEFAULT 7", true),
            ("ALTER TABLE a MODIFY b INT NOT NULL COMMENT 'x'", true),
            ("CREATE INDEX ix ON a (b)", true),
            ("ALTER TABLE a ADD CONSTRAINT fk FOREIGN KEY (b) REFERENCES c (id)", true),
            ("ALTER TABLE a ADD CONSTRAINT ck CHECK (b > 0)", true),
            ("ALTER TABLE c COMMENT ' AUTO_INCREMENT=3'", true),
            ("CREATE VIEW v AS SELECT id FROM a", false),
            ("CREATE OR REPLACE SQL SECURITY INVOKER VIEW v AS SELECT id FROM a", false),
            ("CREATE TRIGGER t1 BEFORE INSERT ON a FOR EACH ROW SET @x = 1", false),
            ("CREATE TRIGGER t2 BEFORE INSERT ON a FOR EACH ROW PRECEDES t1 SET @x = 2", false),
            ("CREATE PROCEDURE p() SELECT 1", false),
            ("CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC NO SQL RETURN x + 1", false),
            ("ALTER PROCEDURE p COMMENT 'x'", false),
            ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DO 1", false),
            ("ALTER EVENT e DISABLE", false),
            ("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN, checksum BLOB)", true),
            ("INSERT INTO _sqlx_migrations VALUES (1, FALSE, 'a')", true),
            ("UPDATE _sqlx_migrations SET success = TRUE", true),
            ("UPDATE _sqlx_migrations SET checksum = 'b'", true),
        ] {
            let before = facts(&schema).await;
            schema.run(change).await;
            let after = facts(&schema).await;
            let same = seen.insert(after.fingerprint.clone(), change);
            assert_eq!(same, None, "after {change}");
            assert_eq!(
                before.import_fingerprint != after.import_fingerprint,
                tables_too,
                "after {change}"
            );
        }
        let before = facts(&schema).await;
        assert_eq!((before.tables, before.fingerprint.len()), (3, 64));
        schema.run("INSERT INTO c VALUES (1), (2); INSERT INTO a (b) VALUES (1), (2)").await;
        assert_eq!(facts(&schema).await.fingerprint, before.fingerprint, "rows do not count");
        let name = &schema.database.name;
        let change = format!("ALTER SCHEMA {name} COLLATE latin1_german1_ci");
        administrate(&schema.database, change).await;
        assert_ne!(facts(&schema).await.fingerprint, before.fingerprint);
    })
    .await;
}

/// MariaDB 10.11 crashes when such a view is shown.
#[tokio::test]
async fn a_view_that_has_lost_its_table_counts_and_crashes_nothing() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE docs (id INT PRIMARY KEY, d JSON)").await;
        schema
            .run(
                "CREATE VIEW items AS SELECT docs.id, j.n FROM docs, \
                 JSON_TABLE(docs.d, '$[*]' COLUMNS (n INT PATH '$')) AS j",
            )
            .await;
        let whole = facts(&schema).await;
        schema.run("DROP TABLE docs").await;
        let broken = facts(&schema).await;
        assert_ne!(whole.fingerprint, broken.fingerprint);
        assert_eq!(broken.fingerprint, facts(&schema).await.fingerprint);
        schema.run("DROP VIEW items").await;
        assert_ne!(broken.fingerprint, facts(&schema).await.fingerprint);
    })
    .await;
}

#[tokio::test]
async fn names_and_sessions_do_not_count() {
    with_schema(async |schema| {
        schema.migrate().await;
        // A view that looks into another schema is printed with the names of both.
        let across = "CREATE VIEW across AS SELECT g.name FROM genre g \
                      JOIN information_schema.schemata s ON s.schema_name = 'mysql'";
        schema.run(across).await;
        let one = facts(&schema).await;
        with_schema(async move |other| {
            other.migrate().await;
            other.run(across).await;
            let two = facts(&other).await;
            assert_ne!(one.schema, two.schema);
            assert_eq!(one.fingerprint, two.fingerprint);
            assert_eq!(one.import_fingerprint, two.import_fingerprint);
            let mut conn = other.connect().await;
            sqlx::raw_sql(
                "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT', \
                 SESSION sql_quote_show_create = 0",
            )
            .execute(&mut conn)
            .await
            .unwrap();
            for _ in 0..2 {
                let odd = gate::facts(&mut conn).await.unwrap();
                assert_eq!(odd.fingerprint, one.fingerprint);
                assert!(odd.session.sql_mode.contains("ANSI_QUOTES"), "{:?}", odd.session);
            }
            let plain = facts(&other).await.session;
            assert_eq!(
                (&*plain.time_zone, &*plain.character_set_client, &*plain.collation_connection),
                ("+00:00", "utf8mb4", "utf8mb4_unicode_ci")
            );
        })
        .await;
    })
    .await;
}

/// An account with the rights of `app_user` or `migrate_user`.
pub(crate) async fn account(schema: &Schema, migrates: bool) -> Database {
    let name = &schema.database.name;
    let user = format!("apitest_{}", random_hex(6));
    let password = random_hex(12);
    let mut statements = format!("CREATE USER {user}@'%' IDENTIFIED BY '{password}';");
    statements += &match migrates {
        true => format!(
            "GRANT ALL ON {name}.* TO {user}@'%'; GRANT ALL ON {name}__gate.* TO {user}@'%'"
        ),
        false => {
            format!("GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON {name}.* TO {user}@'%'")
        }
    };
    administrate(&schema.database, statements).await;
    Database { user, password: Secret::new(password), ..schema.database.clone() }
}

pub(crate) async fn drop_account(account: &Database, schema: &Schema) {
    administrate(&schema.database, format!("DROP USER {}@'%'", account.user)).await;
}

async fn grant(schema: &Schema, right: &str, account: &Database) {
    let statement = format!("GRANT {right} TO {}@'%'", account.user);
    administrate(&schema.database, statement).await;
}

async fn is_mariadb(schema: &Schema) -> bool {
    schema.number("SELECT VERSION() LIKE '%MariaDB%'").await == 1
}

#[tokio::test]
async fn accounts_do_not_count() {
    with_schema(async |schema| {
        schema.migrate().await;
        let wanted = facts(&schema).await;
        let migrator = account(&schema, true).await;
        let mut conn = db::connect(&migrator).await.unwrap();
        let blind = gate::facts(&mut conn).await.unwrap_err().to_string();
        assert!(
            blind.contains("may not read the definition of procedure purge_expired_sessions"),
            "{blind}"
        );
        let right = match is_mariadb(&schema).await {
            true => "SELECT ON mysql.proc",
            false => "SHOW_ROUTINE ON *.*",
        };
        grant(&schema, right, &migrator).await;
        let mut conn = db::connect(&migrator).await.unwrap();
        let seen = gate::facts(&mut conn).await.unwrap();
        assert_eq!(seen.fingerprint, wanted.fingerprint);
        assert_eq!(seen.import_fingerprint, wanted.import_fingerprint);
        drop_account(&migrator, &schema).await;

        // The import's account sees enough to be let in, and that a table changed.
        let app = account(&schema, false).await;
        let permit = schema.import_document(&[]).await;
        let permit = crate::permits::sign(&permit, app.password.expose());
        for (change, fine) in [
            ("DROP VIEW movie_overview", true),
            ("ALTER TABLE movie ADD COLUMN tagline TEXT", false),
        ] {
            schema.run(change).await;
            let mut conn = db::connect(&app).await.unwrap();
            let locked = migrate::lock(&mut conn, WAIT).await.unwrap();
            let text = permit.clone();
            let entered =
                gate::import(locked, vec![], text, &app.password, gate::now()).await.map(drop);
            assert_eq!(entered.is_ok(), fine, "{change}: {entered:?}");
        }
        drop_account(&app, &schema).await;
    })
    .await;
}
