//! Which migrations keep rows as they are, and under which names values are found again.

use super::*;

fn of(text: &str) -> Result<Shape, String> {
    Shape::of(crate::split::split(text))
}

#[track_caller]
fn source(text: &str, column: &str) -> Option<String> {
    of(text).unwrap().source_of("T", column)
}

#[test]
fn keys_columns_and_programs_keep_the_rows() {
    let text = "ALTER TABLE t MODIFY a BIGINT UNSIGNED NOT NULL DEFAULT 0, ADD b INT AFTER a, \
        ADD COLUMN (c INT, d DECIMAL(5,2)), ADD UNIQUE KEY k (a, b), DROP c, \
        ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE, DROP INDEX i, \
        ENGINE = InnoDB, ALGORITHM=COPY;
        CREATE UNIQUE INDEX k ON t (a); DROP INDEX k ON t; DROP TABLE IF EXISTS old, older;
        CREATE TABLE n (id INT PRIMARY KEY, s ENUM('SELECT')); SET foreign_key_checks = 0;
        CREATE VIEW v AS SELECT 1; DROP VIEW v; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW \
        SET NEW.a = 1";
    let shape = of(text).unwrap();
    assert_eq!(shape.source_of("t", "a").as_deref(), Some("a"));
    assert_eq!(shape.source_of("t", "b"), None);
    assert_eq!(shape.source_of("t", "d"), None);
    assert_eq!(shape.source_of("other", "b").as_deref(), Some("b"));
}

#[test]
fn values_are_found_under_their_old_name() {
    assert_eq!(source("ALTER TABLE t CHANGE a b INT", "B").as_deref(), Some("a"));
    let twice = "ALTER TABLE t RENAME COLUMN a TO b; ALTER TABLE t RENAME COLUMN `b` TO C";
    assert_eq!(source(twice, "c").as_deref(), Some("a"));
    let exchanged = "ALTER TABLE T RENAME COLUMN a TO b, RENAME COLUMN b TO a";
    assert_eq!(source(exchanged, "a").as_deref(), Some("b"));
    assert_eq!(source(exchanged, "b").as_deref(), Some("a"));
    // The name is the same, the column is not.
    assert_eq!(source("ALTER TABLE t DROP a; ALTER TABLE t ADD a INT", "a"), None);
    assert_eq!(source("ALTER TABLE t DROP a, ADD a INT", "a"), None);
    assert_eq!(source("ALTER TABLE t ADD a INT, DROP a", "a"), None);
    assert_eq!(source("ALTER TABLE t RENAME COLUMN a TO b, ADD a INT", "a"), None);
    assert_eq!(source("ALTER TABLE t ADD a INT, RENAME COLUMN a TO b", "a"), None);
    assert_eq!(source("ALTER TABLE t CHANGE a b INT; ALTER TABLE t ADD a INT", "a"), None);
    // A name that is given up in the same statement, before or behind it in the text.
    for text in [
        "ALTER TABLE t RENAME COLUMN a TO b, DROP COLUMN b",
        "ALTER TABLE t CHANGE a b INT, DROP b",
        "ALTER TABLE t DROP b, CHANGE a b INT",
        "ALTER TABLE t RENAME COLUMN b TO c, RENAME COLUMN a TO b, DROP c",
    ] {
        assert_eq!(source(text, "b").as_deref(), Some("a"), "{text}");
    }
}

#[test]
fn what_is_gone_has_the_name_that_it_had() {
    let shape = of("ALTER TABLE T RENAME COLUMN a TO b; ALTER TABLE t DROP b, ADD c INT; \
        ALTER TABLE t DROP c; DROP TABLE U")
    .unwrap();
    assert!(shape.is_gone("t", "A") && !shape.is_gone("t", "b") && !shape.is_gone("t", "c"));
    assert!(shape.is_dropped("u") && !shape.is_dropped("t"));
}

#[test]
fn what_is_not_known_to_keep_rows_does_not() {
    for text in [
        "UPDATE t SET a = 1",
        "INSERT INTO t VALUES (1)",
        "DELETE FROM t",
        "TRUNCATE t",
        "CALL p()",
        "SELECT f()",
        "DO f()",
        "SET @x = f()",
        "PREPARE s FROM 'DELETE FROM t'",
        "RENAME TABLE t TO u",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t RENAME u",
        "ALTER TABLE t RENAME AS u",
        "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b)",
        "ALTER TABLE t ADD id INT AUTO_INCREMENT UNIQUE",
        "ALTER TABLE t ADD (id INT, PRIMARY KEY (id))",
        "ALTER TABLE t MODIFY a INT PRIMARY KEY",
        "ALTER TABLE t TRUNCATE PARTITION p",
        "ALTER TABLE t DROP PARTITION p",
        "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
        "ALTER TABLE t DISCARD TABLESPACE",
        "ALTER TABLE t PARTITION BY HASH (id)",
        "ALTER TABLE t ADD SYSTEM VERSIONING",
        "ALTER TABLE other.t ADD a INT",
        "ALTER IGNORE TABLE t ADD UNIQUE (a)",
        "CREATE TABLE n SELECT * FROM t",
        "CREATE TABLE n (a INT) AS SELECT a FROM t",
        "CREATE TABLE n TABLE t",
        "CREATE TABLE n AS (TABLE t)",
        "CREATE TABLE n (TABLE t)",
        "CREATE TABLE n (x INT) (TABLE t)",
        "CREATE TABLE n (VALUES ROW(1))",
        "CREATE TABLE n (x INT) AS (WITH a AS (VALUES ROW(1)) TABLE a)",
        "CREATE OR REPLACE TABLE t (a INT)",
        "CREATE TEMPORARY TABLE n (a INT)",
        "DROP TABLE t; CREATE TABLE t (a INT)",
        "/*!50000 DELETE FROM t */",
        "ALTER TABLE t /*!80000 TRUNCATE PARTITION p */",
        "ALTER DATABASE COLLATE utf8mb4_bin",
        "CREATE SEQUENCE s",
        "LOCK TABLES t WRITE",
    ] {
        assert!(of(text).is_err(), "{text}: {:?}", of(text));
    }
}

#[test]
fn the_refusal_names_what_it_found() {
    assert_eq!(of("UPDATE t SET a = 1").unwrap_err(), "has `UPDATE t …`");
    let why = of("ALTER TABLE t DROP PARTITION p").unwrap_err();
    assert_eq!(why, "has `DROP PARTITION` (table `t`)");
}
