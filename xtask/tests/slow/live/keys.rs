//! Rows are told by their keys, whatever the keys are made of.

use mysql::prelude::Queryable as _;

use super::held::{Held, demand_equal, demand_swapped, world};
use crate::support::Server;

/// A table's name, the type of its key, and six values that differ.
const KINDS: [(&str, &str, [&str; 6]); 24] = [
    ("tiny", "TINYINT", ["-128", "0", "127", "-1", "1", "64"]),
    ("small", "SMALLINT UNSIGNED", ["0", "1", "65535", "32768", "32767", "7"]),
    ("medium", "MEDIUMINT", ["-8388608", "8388607", "0", "-1", "1", "255"]),
    ("medium_u", "MEDIUMINT UNSIGNED", ["16777215", "8388608", "0", "1", "2", "3"]),
    ("plain", "INT", ["-2147483648", "2147483647", "0", "-1", "1", "65536"]),
    ("plain_u", "INT UNSIGNED", ["4294967295", "2147483648", "1", "2", "3", "4"]),
    (
        "big",
        "BIGINT",
        ["-9223372036854775808", "9223372036854775807", "0", "-1", "1", "4294967296"],
    ),
    (
        "big_u",
        "BIGINT UNSIGNED",
        ["18446744073709551615", "9223372036854775808", "1", "2", "3", "4"],
    ),
    (
        "general",
        "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        ["'a'", "''", "'straße'", "'日本'", "'😀 x'", "'it''s \\\\'"],
    ),
    (
        "ai",
        "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci",
        ["'é'", "'a '", "'a'", "'ß'", "'😀'", "'%_'"],
    ),
    (
        "bin",
        "VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        ["'a'", "'A'", "'é'", "REPEAT('x', 300)", "''", "'\\n'"],
    ),
    ("latin", "CHAR(8) CHARACTER SET latin1", ["'é'", "'ü1'", "''", "'x'", "'ÿ'", "'a b'"]),
    ("wide_char", "CHAR(30) CHARACTER SET utf8mb4", ["'日'", "'a'", "''", "'éé'", "'😀'", "'zz'"]),
    ("utf16", "VARCHAR(20) CHARACTER SET utf16", ["'a'", "'é'", "'日'", "''", "'😀'", "'b'"]),
    ("fixed", "BINARY(6)", ["x'00'", "x'000000000001'", "x'ff'", "x'20'", "x'2001'", "'abcdef'"]),
    ("varied", "VARBINARY(300)", ["x''", "x'00'", "x'0000'", "REPEAT('x', 300)", "x'ff00'", "' '"]),
    (
        "day",
        "DATE",
        [
            "'1000-01-01'",
            "'9999-12-31'",
            "'2024-02-29'",
            "'1970-01-01'",
            "'2026-11-30'",
            "'2000-01-01'",
        ],
    ),
    (
        "span",
        "TIME(3)",
        [
            "'-838:59:59'",
            "'838:59:59'",
            "'00:00:00'",
            "'-00:00:00.001'",
            "'00:00:00.999'",
            "'12:34:56.7'",
        ],
    ),
    (
        "moment",
        "DATETIME(4)",
        [
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59.9999'",
            "'2026-11-30 20:00:00.0001'",
            "'1970-01-01 00:00:00'",
            "'2024-02-29 12:00:00'",
            "'2000-01-01 00:00:00.5'",
        ],
    ),
    (
        "stamp",
        "TIMESTAMP(6) NOT NULL DEFAULT '2000-01-01 00:00:00'",
        [
            "'1970-01-01 00:00:01'",
            "'2038-01-19 03:14:07.999999'",
            "'2026-03-29 02:30:00'",
            "'2026-10-25 02:30:00.000001'",
            "'2001-09-09 01:46:40'",
            "'2020-02-02 02:02:02.2'",
        ],
    ),
    (
        "price",
        "DECIMAL(12,3)",
        ["-999999999.999", "999999999.999", "0", "-0.001", "0.001", "1234567.89"],
    ),
    (
        "precise",
        "DECIMAL(65,30)",
        [
            "-1",
            "0.000000000000000000000000000001",
            "99999999999999999999999999999999999",
            "0",
            "1",
            "-123456789.123456789",
        ],
    ),
    ("annual", "YEAR", ["1901", "2155", "2000", "1970", "0", "2026"]),
    ("choice", "ENUM('', 'a', 'b', 'ü', 'e', 'f')", ["''", "'a'", "'b'", "'ü'", "'e'", "'f'"]),
];

/// A key of several columns, in another order than theirs.
const PAIR: &str = "
    CREATE TABLE pair (v INT, s SET('x','y','z'), a SMALLINT, w VARCHAR(9) NOT NULL, note TEXT, PRIMARY KEY (w, a, s));
    INSERT INTO pair VALUES (1, 'x,z', -1, 'é', 'n'), (2, '', -1, 'é', 'n'), (3, 'y', 7, '', 'n')";
const PAIR_WRITES: &str = "
    UPDATE pair SET v = 10 WHERE s = 'x,z';
    UPDATE pair SET a = a + 1;
    DELETE FROM pair WHERE w = '';
    INSERT INTO pair VALUES (4, 'y,z', -32768, 'x', NULL);
    UPDATE pair SET w = 'É' WHERE v = 2";

/// Keys that stay the same by their collation, and are written otherwise.
const SPELT: &str = "
    UPDATE general SET k = 'A' WHERE k = 'a';
    UPDATE general SET k = 'STRAßE' WHERE k = 'straße';
    UPDATE ai SET k = 'E' WHERE k = 'é'";

fn before() -> String {
    let mut sql = String::from(PAIR);
    for (name, kind, [a, b, c, ..]) in KINDS {
        sql += &format!(
            ";\nCREATE TABLE `{name}` (v INT, k {kind}, body BLOB, PRIMARY KEY (k));
             INSERT INTO `{name}` (k, v) VALUES ({a}, 1), ({b}, 2), ({c}, 3)"
        );
    }
    sql
}

/// A row is changed, one goes, one gets another key, one is new, one comes and goes, and two
/// change keys.
fn writes() -> String {
    let mut sql = format!("{SPELT};{PAIR_WRITES}");
    for (name, _, [a, b, c, d, e, f]) in KINDS {
        sql += &format!(
            ";\nUPDATE `{name}` SET k = {d} WHERE v = 3;
             DELETE FROM `{name}` WHERE v = 2;
             UPDATE `{name}` SET v = 10, body = x'00ff' WHERE v = 1;
             INSERT INTO `{name}` (k, v) VALUES ({e}, 5), ({f}, 6);
             DELETE FROM `{name}` WHERE v = 6;
             INSERT INTO `{name}` (k, v) VALUES ({b}, 7), ({c}, 8);
             UPDATE `{name}` SET k = {f} WHERE v = 7;
             UPDATE `{name}` SET k = {b} WHERE v = 8;
             UPDATE `{name}` SET k = {c} WHERE v = 7;
             REPLACE INTO `{name}` (k, v) VALUES ({e}, 50);
             UPDATE `{name}` SET body = 'a' WHERE k = {a}"
        );
    }
    sql
}

fn follows(name: &str, point: &str, settings: &str) {
    let Some(world) = world(Server::Mysql, name) else { return };
    let mut root = world.sandbox.root();
    root.query_drop("SET time_zone = '+00:00', sql_mode = ''").unwrap();
    root.query_drop(settings).unwrap();
    let mut run = |text: &str| {
        for sql in text.split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
            root.query_drop(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    };
    run(&before());
    let held = Held::at(&world, point, &["--json"]);
    run(&writes());
    let document = demand_swapped(&held.go());
    let rows = demand_equal(&world, document["previous_schema"].as_str().unwrap());
    assert!(rows > KINDS.len() * 5, "{rows}");
    world.demand_clean();
}

#[test]
fn keys_of_every_type_are_followed() {
    follows("live_keys", "gate.rehearsed", "SET SESSION binlog_row_image = FULL");
}

#[test]
fn keys_of_every_type_are_followed_by_images_of_what_is_needed() {
    follows("live_keys_late", "gate.caught_up", "SET SESSION binlog_row_image = MINIMAL");
}

#[test]
fn keys_of_every_type_come_under_the_lock() {
    follows("live_keys_lock", "gate.followed", "SET SESSION binlog_row_image = NOBLOB");
}
