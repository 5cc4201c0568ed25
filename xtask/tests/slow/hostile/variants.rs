//! Schemas that need a server or a session of their own kind: tables without
//! transactions, other default sql_modes, text from clients in latin1, events
//! whose time has passed; and what a dump cannot carry, which is said.

use std::time::Duration;

use mysql::prelude::Queryable as _;
use sys::{clock, fs};

use super::capture::Capture;
use super::{backup, capture, client, demand, restore, schema};
use crate::support::{Sandbox, Server, TestServer, own_mariadb, own_mysql, require};

const DEADLINE: Duration = Duration::from_secs(120);

/// Each server that is there, with a sandbox.
fn each(name: &str, test: impl Fn(&Sandbox)) {
    for (kind, suffix) in [(Server::Mysql, "my"), (Server::Mariadb, "ma")] {
        let Some(server) = require(kind) else { continue };
        test(&Sandbox::new(&server, &format!("{name}_{suffix}")));
    }
}

/// Out, checked, and back after `damage`.
fn out_and_back(sandbox: &Sandbox, damage: &str) {
    // MariaDB shows a trigger with the schema its author wrote; ours have none.
    let bare = |all: Capture| {
        let cut = |text: String| {
            if text.contains(" TRIGGER ") {
                text.replace(&format!("`{}`.", sandbox.schema), "")
            } else {
                text
            }
        };
        Capture(all.0.into_iter().map(|(name, text)| (name, cut(text))).collect())
    };
    let before = bare(capture(sandbox));
    let label = backup(sandbox, "auto");
    demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify");
    sandbox.sql(damage);
    restore(sandbox, &[&label]);
    before.demand_equal(&bare(capture(sandbox)), "db-restore");
}

#[test]
fn tables_without_transactions_are_locked() {
    each("locks", |sandbox| {
        schema::run(
            sandbox,
            "CREATE TABLE `my isam` (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT, FULLTEXT KEY (t)) ENGINE=MyISAM
%%
CREATE TABLE `pair` (a INT, b INT AUTO_INCREMENT, PRIMARY KEY (a, b)) ENGINE=MyISAM
%%
CREATE TABLE `inno` (id INT PRIMARY KEY)
%%
INSERT INTO `my isam` (t) VALUES ('it''s'), (NULL)
%%
INSERT INTO `pair` (a) VALUES (1), (1), (2)
%%
INSERT INTO `inno` VALUES (1)
%%
CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1
%%
CREATE VIEW `v` AS SELECT i.id, f() AS f FROM `inno` i JOIN `my isam` m ON m.id = i.id
%%
CREATE TRIGGER `t` BEFORE INSERT ON `my isam` FOR EACH ROW SET @x = 1",
        );
        let done = sandbox.xtask(&["db-backup", "--dry-run"]);
        demand(&done, 0, "db-backup --dry-run");
        assert!(done.stdout.contains("my isam"), "{}", done.stdout);
        out_and_back(sandbox, "DROP TABLE `my isam`; INSERT INTO `inno` VALUES (2)");
    });
}

/// Statements from a client whose bytes are latin1, as `mysql.exe` may be.
const LATIN1: &[u8] = b"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));\n\
DELIMITER //\n\
CREATE FUNCTION `cafe`() RETURNS VARCHAR(90) DETERMINISTIC RETURN concat('caf\xE9 ', charset('\xE9'))//\n\
CREATE PROCEDURE p() COMMENT 'c' BEGIN\n -- comment\n SELECT '\xE9' AS `\xE9`; END//\n\
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'na\xEFve'//\n\
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO INSERT INTO t VALUES (1, '\xE9')//\n\
CREATE VIEW v AS SELECT '\xE9\xDF' AS `\xE9`, id FROM t//\n";

#[test]
fn programs_from_a_latin1_client_mean_the_same() {
    each("latin", |sandbox| {
        let file = sandbox.path().join("latin1.sql");
        fs::write_durably(&file, LATIN1).unwrap();
        client::load_with(sandbox, &sandbox.schema, &file, "--default-character-set=latin1");
        let before = capture(sandbox);
        let means = |sandbox: &Sandbox| -> Vec<(Option<String>, String)> {
            sandbox
                .root()
                .query("SELECT `é`, `cafe`() FROM (SELECT 1) x LEFT JOIN v ON TRUE")
                .unwrap()
        };
        let meant = means(sandbox);
        let label = backup(sandbox, "none");
        for level in ["file", "restore"] {
            let done = sandbox.xtask(&["db-verify", &label, "--level", level]);
            demand(&done, 0, level);
        }
        sandbox.sql("DROP TRIGGER tr; DROP FUNCTION `cafe`; DROP VIEW v");
        restore(sandbox, &[&label]);
        // The client's character set becomes ours, as the text does; the
        // collation, which decides what a string is, and all text stay.
        let ours = |all: Capture| {
            let same = |text: String| {
                text.replace("CHARACTER_SET_CLIENT=latin1", "CHARACTER_SET_CLIENT=utf8mb4")
                    .replace("character_set_client=latin1", "character_set_client=utf8mb4")
            };
            Capture(all.0.into_iter().map(|(name, text)| (name, same(text))).collect())
        };
        ours(before).demand_equal(&ours(capture(sandbox)), "db-restore");
        assert_eq!(means(sandbox), meant);
    });
}

#[test]
fn an_event_whose_time_has_passed_does_not_spoil_a_backup() {
    each("event", |sandbox| {
        schema::run(
            sandbox,
            "CREATE TABLE t (id INT PRIMARY KEY)
%%
CREATE EVENT `soon` ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 6 SECOND DISABLE DO DELETE FROM t
%%
CREATE EVENT `ends` ON SCHEDULE EVERY 1 DAY ENDS CURRENT_TIMESTAMP + INTERVAL 6 SECOND DISABLE DO DELETE FROM t
%%
CREATE EVENT `kept` ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 6 SECOND ON COMPLETION PRESERVE DISABLE DO DELETE FROM t
%%
INSERT INTO t VALUES (1)",
        );
        let label = backup(sandbox, "none");
        let start = std::time::Instant::now();
        let later: anyhow::Result<_> =
            clock::poll(DEADLINE, || Ok((start.elapsed() > Duration::from_secs(8)).then_some(())));
        later.unwrap();
        demand(&sandbox.xtask(&["db-verify", &label]), 0, "db-verify after the time has passed");
        sandbox.sql("DELETE FROM t");
        restore(sandbox, &[&label]);
        let rows: Option<u32> = sandbox.root().query_first("SELECT COUNT(*) FROM t").unwrap();
        assert_eq!(rows, Some(1));
    });
}

#[test]
fn a_trigger_written_with_its_schema_is_restored() {
    each("named", |sandbox| {
        let s = &sandbox.schema;
        schema::run(
            sandbox,
            &format!(
                "CREATE TABLE t (id INT PRIMARY KEY)
%%
CREATE TRIGGER `{s}`.`t_BEFORE_INSERT` BEFORE INSERT ON `{s}`.`t` FOR EACH ROW BEGIN SET @x = 1; END
%%
CREATE PROCEDURE `{s}`.`p`() SELECT * FROM `{s}`.`t`
%%
CREATE VIEW `{s}`.`v` AS SELECT * FROM `{s}`.`t`
%%
INSERT INTO t VALUES (1)"
            ),
        );
        out_and_back(sandbox, "DELETE FROM t; DROP TRIGGER `t_BEFORE_INSERT`");
    });
}

#[test]
fn a_view_that_lost_its_table_does_not_stop_the_restore() {
    each("broken", |sandbox| {
        sandbox.sql(
            "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);\
             CREATE VIEW v AS SELECT id FROM t; CREATE VIEW `a view` AS SELECT id FROM v",
        );
        let label = backup(sandbox, "none");
        let before = capture(sandbox);
        sandbox.sql("DROP TABLE t");
        let done = sandbox.xtask(&["db-backup"]);
        demand(&done, 0, "a backup with broken views");
        assert!(done.stderr.contains("`a view`") && done.stderr.contains("`v`"), "{}", done.stderr);
        restore(sandbox, &[&label]);
        before.demand_equal(&capture(sandbox), "db-restore");
    });
}

#[test]
fn a_body_that_ends_with_a_comment_is_restored_or_refused() {
    each("comment", |sandbox| {
        schema::run(
            sandbox,
            "CREATE TABLE t (id INT PRIMARY KEY)
%%
CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET @x = 1 -- one; two
%%
CREATE TRIGGER b BEFORE UPDATE ON t FOR EACH ROW SET @x = 1 # three
%%
CREATE TRIGGER c BEFORE DELETE ON t FOR EACH ROW SET @x = 1 /* four; */
%%
CREATE PROCEDURE p() SELECT 1 -- five
%%
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO SELECT 1 -- six
%%
INSERT INTO t VALUES (1)",
        );
        let before = capture(sandbox);
        let done = sandbox.xtask(&["db-backup", "--json"]);
        if done.code != Some(0) {
            // The dump program cannot write it: then there is no backup, and it is said.
            assert!(!done.stderr.is_empty());
            assert_eq!(done.stdout, "");
            return;
        }
        demand(&sandbox.xtask(&["db-verify", "latest"]), 0, "db-verify");
        sandbox.sql("DELETE FROM t; DROP TRIGGER a");
        restore(sandbox, &["latest"]);
        before.demand_equal(&capture(sandbox), "db-restore");
    });
}

#[test]
fn a_table_of_generated_columns_only_needs_the_native_engine() {
    each("computed", |sandbox| {
        schema::run(
            sandbox,
            "CREATE TABLE `all computed` (g INT GENERATED ALWAYS AS (1 + 1) STORED)
%%
CREATE TABLE t (id INT PRIMARY KEY)",
        );
        out_and_back(sandbox, "DROP TABLE `all computed`");
        sandbox.sql("INSERT INTO `all computed` () VALUES (), ()");
        let done = sandbox.xtask(&["db-backup", "--engine", "mysqldump"]);
        assert_ne!(done.code, Some(0), "{}", done.stdout);
        assert!(done.stderr.contains("`all computed`"), "{}", done.stderr);
        assert!(done.stderr.contains("generated columns"), "{}", done.stderr);
        // The native engine has words for rows without values.
        out_and_back(sandbox, "DROP TABLE `all computed`");
    });
}

#[test]
fn what_a_dump_cannot_carry_is_never_called_proven() {
    each("lossy", |sandbox| {
        // FLOAT: said, because a drill on the same text cannot see it.
        sandbox.sql(
            "CREATE TABLE t (f FLOAT); INSERT INTO t VALUES (16777217), (0.1), (-0.0), (1e-45)",
        );
        let done = sandbox.xtask(&["db-backup", "--engine", "mysqldump"]);
        demand(&done, 0, "db-backup");
        assert!(done.stderr.contains("FLOAT") && done.stderr.contains("`t`"), "{}", done.stderr);
        // The native engine writes every digit, with and without its manifest.
        let done = sandbox.xtask(&["db-backup", "--json", "--compress", "none"]);
        demand(&done, 0, "db-backup");
        assert!(!done.stderr.contains("FLOAT"), "{}", done.stderr);
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let file = json["file"].as_str().unwrap();
        let before: Vec<f64> = sandbox.root().query("SELECT CAST(f AS DOUBLE) FROM t").unwrap();
        sandbox.sql("UPDATE t SET f = f / 3");
        restore(sandbox, &[json["label"].as_str().unwrap()]);
        let after: Vec<f64> = sandbox.root().query("SELECT CAST(f AS DOUBLE) FROM t").unwrap();
        assert_eq!(
            before.iter().map(|f| f.to_bits()).collect::<Vec<_>>(),
            after.iter().map(|f| f.to_bits()).collect::<Vec<_>>()
        );
        let copy = sandbox.path().join("copy.sql");
        fs::write_durably(&copy, &std::fs::read(file).unwrap()).unwrap();
        demand(&sandbox.xtask(&["db-verify", copy.to_str().unwrap()]), 0, "without a manifest");
        // A date that does not exist loads as a zero date, but for the native engine's
        // file, which allows it.
        schema::run(
            sandbox,
            "SET sql_mode = 'ALLOW_INVALID_DATES'
%%
CREATE TABLE dates (d DATE)
%%
INSERT INTO dates VALUES ('2026-02-31')",
        );
        backup(sandbox, "none");
        demand(&sandbox.xtask(&["db-verify"]), 0, "a date that does not exist");
        demand(&sandbox.xtask(&["db-backup", "--engine", "mysqldump"]), 0, "db-backup");
        demand(&sandbox.xtask(&["db-verify"]), 21, "a date that does not exist");
        // As hexadecimal, a blob needs twice its size in one packet.
        sandbox.sql("DROP TABLE dates; CREATE TABLE big (b LONGBLOB)");
        let mut root = sandbox.root();
        let packet: Option<u64> = root.query_first("SELECT @@global.max_allowed_packet").unwrap();
        let size = packet.unwrap() / 2 + 1;
        root.query_drop(format!("INSERT INTO big VALUES (repeat('x', {size}))")).unwrap();
        let label = backup(sandbox, "zstd");
        let done = sandbox.xtask(&["db-verify", &label]);
        demand(&done, 21, "a row that no packet holds");
        assert!(done.stdout.contains("max_allowed_packet"), "{}", done.stdout);
    });
}

const MODES: [&str; 3] = [
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES",
    "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO",
    "ANSI,TRADITIONAL,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,HIGH_NOT_PRECEDENCE",
];

/// The whole hostile schema, on a server whose sessions all begin like this.
fn under_every_mode(server: &TestServer, name: &str) {
    for (at, mode) in MODES.iter().enumerate() {
        // The server is our own: nobody else sees this.
        server.root().query_drop(format!("SET GLOBAL sql_mode = '{mode}'")).unwrap();
        let sandbox = Sandbox::new(server, &format!("{name}_{at}"));
        schema::create(&sandbox);
        let before = capture(&sandbox);
        let label = backup(&sandbox, "none");
        demand(&sandbox.xtask(&["db-verify", &label]), 0, mode);
        let mut root = sandbox.root();
        root.query_drop("SET sql_mode = ''").unwrap();
        root.query_drop("DROP TABLE `generated`").unwrap();
        root.query_drop("DELETE FROM `no key`").unwrap();
        restore(&sandbox, &[&label]);
        before.demand_equal(&capture(&sandbox), mode);
    }
}

#[test]
fn every_default_sql_mode_on_mariadb() {
    let Some(own) = own_mariadb() else { return };
    let server = &own.server;
    under_every_mode(server, "modes_ma");
}

#[test]
fn every_default_sql_mode_on_mysql() {
    let Some(own) = own_mysql("modes") else { return };
    under_every_mode(&own.server, "modes_my");
}
