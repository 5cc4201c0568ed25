//! Out with `db-backup`, back with `db-restore` and with the ordinary client.

use mysql::prelude::Queryable as _;

use super::capture::Capture;
use super::{backup, capture, client, demand, restore, root_in, schema};
use crate::support::{Sandbox, Server, TestServer, require};

#[test]
fn a_hostile_schema_survives_on_mysql() {
    let Some(server) = require(Server::Mysql) else { return };
    survives(&server, "hostile_my");
}

#[test]
fn a_hostile_schema_survives_on_mariadb() {
    let Some(server) = require(Server::Mariadb) else { return };
    survives(&server, "hostile_ma");
}

/// Both forms of backup, destroyed and restored, equal in every value.
fn survives(server: &TestServer, name: &str) {
    let sandbox = Sandbox::new(server, name);
    schema::create(&sandbox);
    let before = capture(&sandbox);
    let plain = backup(&sandbox, "none");
    let zstd = backup(&sandbox, "zstd");
    before.demand_equal(&capture(&sandbox), "a backup changed something");
    for label in [&plain, &zstd] {
        for level in ["file", "restore"] {
            let done = sandbox.xtask(&["db-verify", label, "--level", level]);
            demand(&done, 0, &format!("db-verify {label} --level {level}"));
        }
    }
    by_the_ordinary_client(&sandbox, &before, &plain);
    for label in [&plain, &zstd] {
        destroy(&sandbox);
        let destroyed = capture(&sandbox);
        let document = restore(&sandbox, &[label]);
        before.demand_equal(&capture(&sandbox), &format!("db-restore {label}"));
        let old = document["previous_schema"].as_str().unwrap();
        the_old_tables_are_kept(&destroyed, &Capture::of(&mut root_in(&sandbox, old), old));
        assert!(document["safety_backup"].is_string(), "{document}");
    }
}

/// A person without this tool gets the same out of the file.
fn by_the_ordinary_client(sandbox: &Sandbox, before: &Capture, label: &str) {
    let schema = format!("{}__by_hand", sandbox.schema);
    let mut root = sandbox.root();
    let defaults: Option<(String, String)> = root
        .query_first(format!(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
             FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{}'",
            sandbox.schema
        ))
        .unwrap();
    let (charset, collation) = defaults.unwrap();
    root.query_drop(format!(
        "CREATE DATABASE {schema} CHARACTER SET {charset} COLLATE {collation}"
    ))
    .unwrap();
    client::load(sandbox, &schema, &sandbox.backups().join(format!("{label}.sql")));
    before.demand_equal(&Capture::of(&mut root_in(sandbox, &schema), &schema), "mysql < file");
    root.query_drop(format!("DROP DATABASE {schema}")).unwrap();
}

/// What a bad migration could do.
fn destroy(sandbox: &Sandbox) {
    schema::run(sandbox, DESTRUCTION);
}

const DESTRUCTION: &str = "SET foreign_key_checks = 0
%%
DROP TABLE `generated`
%%
DROP TABLE `FILM`
%%
CREATE TABLE `later` (id INT PRIMARY KEY)
%%
INSERT INTO `later` VALUES (1)
%%
CREATE VIEW `later view` AS SELECT * FROM `later`
%%
CREATE PROCEDURE `later proc`() SELECT 1
%%
CREATE FUNCTION `later fn`() RETURNS INT DETERMINISTIC RETURN 1
%%
CREATE EVENT `later event` ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO DELETE FROM `later`
%%
CREATE TRIGGER `later trigger` BEFORE INSERT ON `later` FOR EACH ROW SET @later = 1
%%
CREATE TRIGGER `later too` BEFORE UPDATE ON `film` FOR EACH ROW FOLLOWS `nobs` SET @later = 1
%%
UPDATE `select` SET t1 = 5, d = 1
%%
DELETE FROM `no key` LIMIT 1
%%
UPDATE `big` SET b = concat(b, 'x')
%%
ALTER TABLE `keys` ADD COLUMN `later` INT, DROP KEY `nn`
%%
DROP VIEW `zz base`
%%
CREATE VIEW `zz base` AS SELECT 1 AS `id`, 2 AS `select`, 3 AS `text`
%%
DROP PROCEDURE `proc`
%%
DROP TRIGGER `order 2`
%%
INSERT INTO `empty` (v) VALUES (1)
%%
DELETE FROM `empty`";

/// The before-schema has each table's definition and rows as they were.
fn the_old_tables_are_kept(destroyed: &Capture, old: &Capture) {
    let tables = |all: &Capture| -> Vec<(String, String)> {
        let names: Vec<&str> =
            all.0.keys().filter_map(|key| key.strip_prefix("definition of TABLE ")).collect();
        names
            .iter()
            .map(|name| ((*name).to_owned(), all.0[&format!("rows of {name}")].clone()))
            .collect()
    };
    let (want, have) = (tables(destroyed), tables(old));
    assert!(want == have, "the before-schema does not hold the old tables");
    assert!(want.iter().any(|(name, _)| name == "later"));
}
