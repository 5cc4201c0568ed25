//! What others write, by its values and by the ways in which it is written.

use mysql::prelude::Queryable as _;

use super::held::{Held, demand_equal, demand_swapped, world};
use super::writers::TABLES;
use crate::gate::world::World;
use crate::support::{Checkout, Server, own_mysql_with};

/// A column of each type, and others that have none of their own.
const ALL: &str = "
    CREATE TABLE every (
      id INT PRIMARY KEY, i BIGINT, f FLOAT, d DOUBLE, n DECIMAL(30,10), b BIT(9), y YEAR,
      da DATE, t TIME(6), dt DATETIME(6), ts TIMESTAMP(3) NULL,
      e ENUM('a','ü','c'), s SET('x','y','z'), c CHAR(5), l VARCHAR(20) CHARACTER SET latin1,
      u TEXT CHARACTER SET utf16, r BINARY(4), v VARBINARY(20), bl LONGBLOB, j JSON, g GEOMETRY,
      hidden INT DEFAULT 5 INVISIBLE,
      made VARCHAR(60) DEFAULT (UUID()),
      half BIGINT AS (i DIV 2) VIRTUAL, third BIGINT AS (i DIV 3) STORED,
      touched TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
      KEY lower_l ((LOWER(l))), KEY of_half (half)
    );
    INSERT INTO every (id, i) VALUES (1, 1), (2, 2), (3, 3), (4, 4)";

/// Rows with values that are easily changed on their way.
const VALUES: &str = "
    INSERT INTO every (id, i, f, d, n, b, y) VALUES
      (10, -9223372036854775808, 0.1, 0.1, 12345678901234567890.0123456789, b'101010101', 0),
      (11, 0, -0.0, -0.0, -0.0000000001, b'0', 2155),
      (12, 7, 3.4028234e38, 1.7976931348623157e308, 0, b'1', 1901),
      (13, 7, 1.17549435e-38, 2.2250738585072014e-308, 1, NULL, 2026),
      (14, 7, 16777217, 9007199254740993, 1, NULL, 1999);
    INSERT INTO every (id, da, t, dt, ts) VALUES
      (20, '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', '1970-01-01 00:00:01'),
      (21, '2024-02-30', '00:00:00.000001', '2024-02-31 10:00:00.5', '2038-01-19 03:14:07.999'),
      (22, '2024-00-10', '838:59:59', '9999-12-31 23:59:59.999999', '2026-03-29 02:30:00'),
      (23, '0001-01-01', NULL, '0000-00-00 00:00:01', NULL);
    INSERT INTO every (id, e, s, c, l, u, r, v, bl) VALUES
      (30, 'ü', 'x,z', 'a', 'é ', '日本😀', x'00', x'00', x'00ff27225c0a1a'),
      (31, '', '', '  b', '', '', x'ffffffff', '', ''),
      (32, 3, 7, '', 'a\\\\b''c', 'x ', '    ', ' ', REPEAT(x'00', 70000));
    INSERT INTO every (id, j, g) VALUES
      (40, '{\"a\": 1.0, \"b\": [null, true, \"é\\\\n\"], \"c\": 12345678901234567890}', ST_GeomFromText('POINT(1 2)')),
      (41, 'null', ST_GeomFromText('LINESTRING(0 0, 1 1)', 4326)),
      (42, CAST(CAST('2024-01-02 03:04:05.6' AS DATETIME(6)) AS JSON), NULL),
      (43, CAST(1.5 AS JSON), NULL),
      (44, CAST(CAST(1.50 AS DECIMAL(9,4)) AS JSON), NULL),
      (45, JSON_OBJECT('b', x'00ff'), NULL);
    UPDATE every SET hidden = NULL, made = 'mine' WHERE id = 1;
    UPDATE every SET j = JSON_OBJECT('a', 1, 'b', 2) WHERE id IN (2, 40);
    UPDATE every SET j = JSON_REMOVE(JSON_SET(j, '$.a', 2.5), '$.b') WHERE id IN (2, 40);
    UPDATE every SET touched = '2001-01-01 00:00:00.000001' WHERE id = 3;
    DELETE FROM every WHERE id = 4";

/// Zero dates and values that no strict session writes.
const LOOSE: &str = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'";

fn follows(name: &str, before: &str, during: &str) {
    for point in ["gate.rehearsed", "gate.followed"] {
        let Some(world) = world(Server::Mysql, name) else { return };
        follows_in(&world, point, before, during);
    }
}

fn follows_in(world: &World, point: &str, before: &str, during: &str) {
    let mut root = world.sandbox.root();
    root.query_drop(LOOSE).unwrap();
    let mut run = |text: &str| {
        for sql in text.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
            root.query_drop(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    };
    run(before);
    let held = Held::at(world, point, &["--json"]);
    run(during);
    let document = demand_swapped(&held.go());
    demand_equal(world, document["previous_schema"].as_str().unwrap());
    world.demand_clean();
}

#[test]
fn values_of_every_type_are_followed() {
    follows("live_values", ALL, VALUES);
}

/// Foreign keys that act, in a row and on the table itself; a trigger that writes elsewhere.
const TIED: &str = "
    CREATE TABLE top (a INT, b INT, PRIMARY KEY (a, b));
    CREATE TABLE mid (id INT PRIMARY KEY, a INT, b INT,
      CONSTRAINT mid_top FOREIGN KEY (a, b) REFERENCES top (a, b) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE low (id INT PRIMARY KEY, mid INT, up INT,
      CONSTRAINT low_mid FOREIGN KEY (mid) REFERENCES mid (id) ON DELETE SET NULL ON UPDATE CASCADE,
      CONSTRAINT low_low FOREIGN KEY (up) REFERENCES low (id) ON DELETE CASCADE);
    INSERT INTO top VALUES (1, 1), (2, 2), (3, 3);
    INSERT INTO mid VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO low VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 2), (4, 3, NULL), (5, NULL, 4);
    CREATE TRIGGER gone AFTER DELETE ON mid FOR EACH ROW INSERT INTO word VALUES (CONCAT('gone ', OLD.id), NULL, OLD.id)";
const TIED_WRITES: &str = "
    UPDATE top SET a = 10, b = 11 WHERE a = 1;
    UPDATE mid SET id = 30 WHERE id = 3;
    DELETE FROM top WHERE a = 2;
    DELETE FROM mid WHERE id = 30;
    DELETE FROM low WHERE id = 4;
    INSERT INTO top VALUES (5, 5);
    INSERT INTO mid VALUES (5, 5, 5);
    INSERT INTO low VALUES (9, 5, 1);
    DELETE FROM top WHERE a = 5";

#[test]
fn what_foreign_keys_and_triggers_do_is_followed() {
    follows("live_tied", TIED, TIED_WRITES);
}

/// What a server does otherwise by its own settings: above all, rows that a foreign key changes are
/// not in its log, and are found by their parents.
const OTHERWISE: [&str; 6] = [
    "--innodb-native-foreign-keys=ON",
    "--binlog-row-image=MINIMAL",
    "--binlog-row-value-options=PARTIAL_JSON",
    "--binlog-transaction-compression=ON",
    "--sql-require-primary-key=ON",
    "--max-allowed-packet=1M",
];

#[test]
fn a_server_with_other_defaults_is_followed() {
    let Some(own) = own_mysql_with("otherwise", &OTHERWISE) else { return };
    let from = {
        let mut root = own.server.root();
        root.query_first::<String, _>("SELECT @@innodb_native_foreign_keys").unwrap()
    };
    assert_eq!(from.as_deref(), Some("1"), "the server changes rows without a trace in its log");
    for point in ["gate.rehearsed", "gate.followed"] {
        let world = World::on(&own.server, "live_other", Checkout::Shape);
        world.sandbox.base();
        world.sandbox.with_log();
        world.sandbox.sql(TABLES);
        follows_in(&world, point, TIED, TIED_WRITES);
    }
}

/// Unique values in a ring, many rows at once, tables of a session's own, savepoints.
const MANY: &str = "
    CREATE TABLE many (id INT PRIMARY KEY, u INT UNIQUE, w VARCHAR(20) UNIQUE, note TEXT);
    INSERT INTO many SELECT n, n, n, REPEAT('x', n % 100) FROM (WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s) AS numbers;
    INSERT INTO many SELECT id + 1000, u + 1000, id + 1000, note FROM many;
    INSERT INTO many SELECT id + 2000, u + 2000, id + 2000, note FROM many;
    INSERT INTO many SELECT id + 4000, u + 4000, id + 4000, note FROM many";
const MANY_WRITES: &str = "
    BEGIN;
    UPDATE many SET u = -u, w = CONCAT('a', w);
    UPDATE many SET u = 1 - u WHERE u < -1;
    UPDATE many SET u = 8000 WHERE u = -1;
    UPDATE many SET w = CONCAT('b', id % 7, id);
    COMMIT;
    UPDATE many SET id = -id WHERE id % 3 = 0;
    BEGIN;
    DELETE FROM many WHERE id BETWEEN 1 AND 100;
    SAVEPOINT s;
    DELETE FROM many;
    ROLLBACK TO s;
    COMMIT;
    CREATE TEMPORARY TABLE mine AS SELECT * FROM many LIMIT 3;
    INSERT INTO many SELECT id + 20000, u + 20000, id + 20000, note FROM mine;
    DROP TEMPORARY TABLE mine;
    BEGIN;
    DELETE FROM many;
    ROLLBACK;
    INSERT INTO many (id, u) VALUES (50, 50), (51, 51) ON DUPLICATE KEY UPDATE note = 'again'";

#[test]
fn many_rows_at_once_are_followed() {
    follows("live_many", MANY, MANY_WRITES);
}

#[test]
fn no_number_is_given_twice() {
    for point in ["gate.rehearsed", "gate.followed"] {
        let Some(world) = world(Server::Mysql, "live_numbers") else { return };
        let held = Held::at(&world, point, &["--json"]);
        world.sandbox.sql("INSERT INTO m1 VALUES (500, 500); DELETE FROM m1 WHERE id = 500");
        demand_swapped(&held.go());
        let mut root = world.sandbox.root();
        root.query_drop("INSERT INTO m1 (v) VALUES (501)").unwrap();
        assert_eq!(root.last_insert_id(), 501, "{point}");
    }
}
