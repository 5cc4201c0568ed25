//! Servers whose own settings hide columns, refuse tables or cut what is read.

use mysql::Conn;
use mysql::prelude::Queryable as _;

use super::{backup, capture, demand, on, restore, schema};
use crate::support::{Sandbox, TestServer, own_mariadb, own_mysql};

fn globally(root: &mut Conn, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        let sql = format!("SET GLOBAL {name} = {value}");
        root.query_drop(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

fn as_they_were(root: &mut Conn, settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let values = settings.iter().map(|(name, _)| {
        let sql = format!("SELECT CAST(@@global.{name} AS CHAR)");
        let value: Option<Option<String>> = root.query_first(&sql).unwrap();
        let Some(value) = value.flatten() else { return ((*name).to_owned(), "NULL".to_owned()) };
        let plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = plain && !value.is_empty();
        ((*name).to_owned(), if number { value } else { format!("'{value}'") })
    });
    values.collect()
}

/// Backed up, proven and restored under these settings, by the native engine; what there was
/// is read without them.
fn under(server: &TestServer, sandbox: &Sandbox, settings: &[(&str, &str)]) {
    // They begin without, and keep what they began with.
    let (mut root, mut own) = (server.root(), sandbox.root());
    let before = capture(sandbox);
    let was = as_they_were(&mut root, settings);
    globally(&mut root, settings);
    let label = backup(sandbox, "none");
    demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
    own.query_drop("SET foreign_key_checks = 0").unwrap();
    for damage in ["DELETE FROM many", "DROP VIEW over_rows", "DROP TABLE docs"] {
        own.query_drop(damage).unwrap();
    }
    restore(sandbox, &[&label]);
    own.query_drop("DELETE FROM many WHERE id > 5").unwrap();
    restore(sandbox, &[&label, "--table", "many"]);
    for (name, value) in &was {
        globally(&mut root, &[(name, value)]);
    }
    before.demand_equal(&capture(sandbox), "db-restore");
}

/// Enough rows to be cut, and something of everything that a setting could change.
const CONTENT: &str = "CREATE TABLE many (id INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(90), at TIMESTAMP NOT NULL, f FLOAT, KEY (t))
%%
INSERT INTO many (t, f, at) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT CONCAT('line ', i, ' ', REPEAT('x', 40)), i / 3, '2020-01-01 00:00:00' FROM n
%%
CREATE TABLE docs (id INT PRIMARY KEY, d JSON, e ENUM('a', 'b'), line INT, FOREIGN KEY (line) REFERENCES many (id))
%%
INSERT INTO docs VALUES (1, '{\"a\": [1, 2.5]}', 'a', 7), (2, NULL, 'b', NULL)
%%
CREATE VIEW over_rows AS SELECT l.id, d.e FROM many l JOIN docs d ON d.line = l.id
%%
CREATE TABLE gone (id INT)
%%
CREATE FUNCTION f(a INT) RETURNS VARCHAR(20) DETERMINISTIC RETURN CONCAT('<', a, '>')
%%
CREATE TRIGGER many_before BEFORE INSERT ON many FOR EACH ROW SET NEW.f = COALESCE(NEW.f, 1)
%%
CREATE TABLE words (w TEXT, FULLTEXT KEY (w)) ENGINE=MyISAM
%%
INSERT INTO words VALUES ('one two')";

/// Each at what is worst for a dump; of both servers.
const WORST: [(&str, &str); 30] = [
    ("autocommit", "0"),
    ("completion_type", "'RELEASE'"),
    ("sql_safe_updates", "1"),
    ("sql_auto_is_null", "1"),
    ("sql_big_selects", "0"),
    ("max_join_size", "1"),
    ("sql_select_limit", "1"),
    ("group_concat_max_len", "4"),
    ("sql_quote_show_create", "0"),
    ("sql_buffer_result", "1"),
    ("sql_notes", "0"),
    ("net_write_timeout", "1"),
    ("net_read_timeout", "1"),
    ("lc_messages", "'de_DE'"),
    ("lc_time_names", "'de_DE'"),
    ("character_set_filesystem", "'ucs2'"),
    ("character_set_client", "'latin1'"),
    ("character_set_results", "'latin1'"),
    ("collation_connection", "'latin1_german2_ci'"),
    ("default_storage_engine", "'MyISAM'"),
    ("default_week_format", "3"),
    ("div_precision_increment", "0"),
    ("time_zone", "'+05:00'"),
    ("auto_increment_increment", "10"),
    ("auto_increment_offset", "5"),
    ("max_sort_length", "64"),
    ("big_tables", "1"),
    ("old_alter_table", "1"),
    ("foreign_key_checks", "0"),
    (
        "sql_mode",
        "'ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ZERO_DATE,PAD_CHAR_TO_FULL_LENGTH'",
    ),
];

#[test]
fn the_worst_settings_of_mysql_change_nothing() {
    let Some(own) = own_mysql("worst") else { return };
    let sandbox = on(&own.server, "worst_my", CONTENT);
    let more = [
        ("information_schema_stats_expiry", "86400"),
        ("show_create_table_verbosity", "1"),
        ("show_gipk_in_create_table_and_information_schema", "0"),
        ("explicit_defaults_for_timestamp", "0"),
        ("max_execution_time", "1"),
        ("transaction_isolation", "'READ-UNCOMMITTED'"),
        ("transaction_read_only", "1"),
        ("block_encryption_mode", "'aes-256-cbc'"),
        ("windowing_use_high_precision", "0"),
    ];
    let all: Vec<(&str, &str)> = WORST.into_iter().chain(more).collect();
    under(&own.server, &sandbox, &all);
    let serializable: Vec<(&str, &str)> = all
        .iter()
        .map(|(n, v)| if *n == "transaction_isolation" { (*n, "'SERIALIZABLE'") } else { (*n, *v) })
        .collect();
    under(&own.server, &sandbox, &serializable);
}

#[test]
fn the_worst_settings_of_mariadb_change_nothing() {
    let Some(own) = own_mariadb() else { return };
    let sandbox = on(&own.server, "worst_ma", CONTENT);
    let more = [
        ("explicit_defaults_for_timestamp", "0"),
        ("tx_isolation", "'READ-UNCOMMITTED'"),
        ("tx_read_only", "1"),
        ("max_statement_time", "0.05"),
        ("alter_algorithm", "'INSTANT'"),
        ("sql_if_exists", "1"),
        ("idle_transaction_timeout", "1"),
        ("idle_write_transaction_timeout", "1"),
        ("idle_readonly_transaction_timeout", "1"),
        ("old_mode", "''"),
        ("innodb_compression_default", "1"),
        ("check_constraint_checks", "0"),
        ("default_regex_flags", "'DOTALL'"),
        ("standard_compliant_cte", "0"),
    ];
    let all: Vec<(&str, &str)> = WORST.into_iter().chain(more).collect();
    under(&own.server, &sandbox, &all);
}

/// Keys that the server made, and tables without one.
const KEYS: &str = "SET SESSION sql_generate_invisible_primary_key = ON, sql_require_primary_key = OFF
%%
CREATE TABLE hits (at DATETIME NOT NULL, url VARCHAR(100), KEY (at))
%%
INSERT INTO hits VALUES ('2026-01-01 00:00:00', '/a'), ('2026-01-01 00:00:00', '/a'), ('2026-01-02 00:00:00', NULL)
%%
DELETE FROM hits WHERE my_row_id = 2
%%
CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

const NO_KEY: &str =
    "SET SESSION sql_generate_invisible_primary_key = OFF, sql_require_primary_key = OFF
%%
CREATE TABLE no_key (a INT, b VARCHAR(10))
%%
INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL)
%%
CREATE TABLE by_unique (id INT NOT NULL AUTO_INCREMENT, x INT, KEY (id))
%%
INSERT INTO by_unique VALUES (5, 1), (5, 2)";

const SHOWS: &str = "show_gipk_in_create_table_and_information_schema";

#[test]
fn keys_that_a_server_made_and_hides_come_back() {
    let Some(own) = own_mysql("hidden-keys") else { return };
    let mut root = own.server.root();
    let sandbox = on(&own.server, "hidden_keys", KEYS);
    let before = capture(&sandbox);
    globally(&mut root, &[(SHOWS, "0")]);
    let label = backup(&sandbox, "none");
    demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
    sandbox.sql("DELETE FROM hits");
    restore(&sandbox, &[&label]);
    globally(&mut root, &[(SHOWS, "1")]);
    before.demand_equal(&capture(&sandbox), "db-restore");
    // A dump program's session is its own: it carries the key, or there is no backup.
    globally(&mut root, &[(SHOWS, "0")]);
    let done = sandbox.xtask(&["db-backup", "--engine", "mysqldump"]);
    if done.code == Some(0) {
        demand(&sandbox.xtask(&["db-verify"]), 0, "db-verify");
        sandbox.sql("DELETE FROM hits");
        restore(&sandbox, &["latest"]);
        globally(&mut root, &[(SHOWS, "1")]);
        before.demand_equal(&capture(&sandbox), "the dump program's");
    } else {
        demand(&done, 40, "mysqldump");
        assert!(
            done.stderr.contains("`hits`") && done.stderr.contains("--engine native"),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn a_server_that_wants_keys_gets_tables_back_without() {
    let Some(own) = own_mysql("wants-keys") else { return };
    let mut root = own.server.root();
    for (name, rules) in [
        ("wants_gipk", &[("sql_generate_invisible_primary_key", "1")][..]),
        (
            "wants_pk",
            &[("sql_generate_invisible_primary_key", "0"), ("sql_require_primary_key", "1")],
        ),
        (
            "wants_both",
            &[("sql_generate_invisible_primary_key", "1"), ("sql_require_primary_key", "1")],
        ),
    ] {
        globally(&mut root, rules);
        let sandbox = on(&own.server, name, KEYS);
        // Where each table has its key, no right is missing.
        let done = sandbox.xtask(&["db-backup"]);
        demand(&done, 0, "db-backup");
        assert!(!done.stderr.contains("SESSION_VARIABLES_ADMIN"), "{}", done.stderr);
        demand(&sandbox.xtask(&["db-verify"]), 0, "db-verify");
        restore(&sandbox, &["latest"]);
        // Where one has none, it is said, and asked for.
        schema::run(&sandbox, NO_KEY);
        let done = sandbox.xtask(&["db-backup"]);
        demand(&done, 0, "db-backup");
        for word in ["`by_unique`", "SESSION_VARIABLES_ADMIN", &format!("drill_{name}")] {
            assert!(done.stderr.contains(word), "no `{word}`: {}", done.stderr);
        }
        let done = sandbox.xtask(&["db-verify"]);
        demand(&done, 10, "db-verify");
        assert!(done.stderr.contains("SESSION_VARIABLES_ADMIN"), "{}", done.stderr);
        let looked = sandbox.xtask(&["doctor"]);
        let said = format!("{}{}", looked.stdout, looked.stderr);
        assert!(
            said.contains("SESSION_VARIABLES_ADMIN") && said.contains("primary_key=ON"),
            "{said}"
        );
        sandbox.xtask(&["doctor", "--fix"]);
        let before = capture(&sandbox);
        let label = backup(&sandbox, "none");
        demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
        schema::run(&sandbox, "DELETE FROM no_key\n%%\nDELETE FROM hits");
        restore(&sandbox, &[&label]);
        before.demand_equal(&capture(&sandbox), "db-restore");
        schema::run(&sandbox, "DELETE FROM hits");
        restore(&sandbox, &[&label, "--table", "hits"]);
        schema::run(&sandbox, "DROP TABLE no_key");
        restore(&sandbox, &[&label, "--table", "no_key"]);
        before.demand_equal(&capture(&sandbox), "--table");
        globally(
            &mut root,
            &[("sql_generate_invisible_primary_key", "0"), ("sql_require_primary_key", "0")],
        );
    }
}
