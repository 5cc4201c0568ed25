//! What no backup can hold is refused when it is taken, with its name and the way out.

use mysql::prelude::Queryable as _;

use super::{demand, on, refused, sandbox, schema};
use crate::support::{Server, own_mysql};

#[test]
fn on_mysql_each_by_its_name() {
    for (name, text, words, way_out) in [
        (
            "secondary_my",
            "CREATE TABLE se (id INT PRIMARY KEY, n INT NOT SECONDARY) SECONDARY_ENGINE=rapid",
            &["`se`", "SECONDARY_ENGINE"][..],
            "ALTER TABLE se SECONDARY_ENGINE = NULL",
        ),
        (
            "numbers_my",
            "CREATE TABLE j (id INT PRIMARY KEY, d JSON)
%%
INSERT INTO j VALUES (1, JSON_ARRAY(CAST(1.10 AS DECIMAL(10,2)))), (2, CAST(123456789012345678901234567890.123 AS JSON)), (3, '[1.5]')",
            &["`d`", "`j`", "2 documents"],
            "UPDATE j SET d = JSON_ARRAY(CAST(d AS CHAR)) WHERE d IS NOT NULL
%%
UPDATE j SET d = CAST(JSON_UNQUOTE(JSON_EXTRACT(d, '$[0]')) AS JSON) WHERE d IS NOT NULL",
        ),
    ] {
        let Some(sandbox) = sandbox(Server::Mysql, name, text) else { return };
        refused(&sandbox, words);
        // A dry run says it, too.
        demand(&sandbox.xtask(&["db-backup", "--dry-run"]), 40, "db-backup --dry-run");
        schema::run(&sandbox, way_out);
        super::out_and_back(&sandbox, "SELECT 1");
    }
}

#[test]
fn a_date_in_a_document_is_said() {
    let text = "CREATE TABLE j (id INT PRIMARY KEY, d JSON)
%%
INSERT INTO j VALUES (1, JSON_OBJECT('d', CAST('2020-01-01' AS DATE))), (2, '{\"d\": \"2020-01-01\"}')";
    let Some(sandbox) = sandbox(Server::Mysql, "dates_my", text) else { return };
    let done = sandbox.xtask(&["db-backup"]);
    demand(&done, 0, "db-backup");
    assert!(done.stderr.contains("1 documents of `j`.`d`"), "{}", done.stderr);
}

#[test]
fn a_foreign_key_to_another_schema() {
    for (kind, name) in [(Server::Mysql, "fk_out_my"), (Server::Mariadb, "fk_out_ma")] {
        let Some(sandbox) = sandbox(kind, name, "SELECT 1") else { continue };
        let other = format!("{}_ref", sandbox.schema);
        schema::run(
            &sandbox,
            &format!(
                "DROP DATABASE IF EXISTS {other}
%%
CREATE DATABASE {other}
%%
CREATE TABLE {other}.country (code CHAR(2) PRIMARY KEY)
%%
INSERT INTO {other}.country VALUES ('at')
%%
CREATE TABLE city (id INT PRIMARY KEY, c CHAR(2), CONSTRAINT fc FOREIGN KEY (c) REFERENCES {other}.country (code))
%%
INSERT INTO city VALUES (1, 'at')"
            ),
        );
        refused(&sandbox, &["`city`", &other]);
        schema::run(
            &sandbox,
            &format!("ALTER TABLE city DROP FOREIGN KEY fc\n%%\nDROP DATABASE {other}"),
        );
        super::out_and_back(&sandbox, "DELETE FROM city");
    }
}

#[test]
fn sequences_and_versioned_tables_of_mariadb() {
    for (name, text, words, way_out) in [
        (
            "sequence_ma",
            "CREATE SEQUENCE s1 START WITH 100\n%%\nCREATE TABLE t (id INT PRIMARY KEY)",
            &["`s1` is a sequence"][..],
            "DROP SEQUENCE s1",
        ),
        (
            "versioned_ma",
            "CREATE TABLE sv (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
            &["`sv` is a system-versioned table"],
            "ALTER TABLE sv DROP SYSTEM VERSIONING",
        ),
    ] {
        let Some(sandbox) = sandbox(Server::Mariadb, name, text) else { return };
        refused(&sandbox, words);
        schema::run(&sandbox, way_out);
        super::out_and_back(&sandbox, "SELECT 1");
    }
}

#[test]
fn a_general_tablespace() {
    let Some(own) = own_mysql("tablespace") else { return };
    own.server.root().query_drop("CREATE TABLESPACE ts1 ADD DATAFILE 'ts1.ibd'").unwrap();
    let text = "CREATE TABLE st (id INT PRIMARY KEY) TABLESPACE ts1\n%%\nINSERT INTO st VALUES (1)";
    let sandbox = on(&own.server, "tablespace_my", text);
    refused(&sandbox, &["`st`", "in the general tablespace ts1"]);
    schema::run(&sandbox, "ALTER TABLE st TABLESPACE innodb_file_per_table");
    super::out_and_back(&sandbox, "DELETE FROM st");
}
