//! What is live and in the way of a backup, for both servers.

use crate::support::Server;

/// What is live and is in the way, and what of it is named.
pub(super) struct Obstacle {
    pub(super) name: &'static str,
    /// Statements, separated by lines of two percent signs.
    pub(super) sql: &'static str,
    /// What the plan and the refusal name; empty: a safety backup may hold it.
    pub(super) named: &'static [&'static str],
    /// The table that is only beside afterwards, and its rows.
    pub(super) table: Option<(&'static str, u64)>,
}

const MYSQL: &[Obstacle] = &[
    Obstacle {
        name: "blackhole",
        sql: "CREATE TABLE bh (id INT PRIMARY KEY) ENGINE=BLACKHOLE
%%
CREATE TRIGGER bh_in BEFORE INSERT ON bh FOR EACH ROW SET NEW.id = NEW.id + 1
%%
CREATE VIEW over_bh AS SELECT id FROM bh
%%
CREATE VIEW over_that AS SELECT id FROM over_bh",
        named: &["table `bh`", "BLACKHOLE", "trigger `bh_in`", "view `over_bh`", "`over_that`"],
        table: Some(("bh", 0)),
    },
    Obstacle {
        name: "json_table",
        sql:
            "CREATE FUNCTION doc() RETURNS JSON DETERMINISTIC RETURN JSON_ARRAY(1, 2)
%%
CREATE VIEW docs AS SELECT doc() AS d
%%
CREATE VIEW items AS SELECT j.n FROM docs, JSON_TABLE(docs.d, '$[*]' COLUMNS (n INT PATH '$')) AS j",
        named: &[],
        table: None,
    },
    Obstacle {
        name: "loose_key",
        sql: "SET SESSION restrict_fk_on_non_standard_key = OFF
%%
CREATE TABLE parent (id INT PRIMARY KEY, code INT, KEY (code))
%%
CREATE TABLE child (id INT PRIMARY KEY, code INT, \
CONSTRAINT loose FOREIGN KEY (code) REFERENCES parent (code))
%%
INSERT INTO parent VALUES (1, 7), (2, 7)
%%
INSERT INTO child VALUES (1, 7)",
        named: &[],
        table: Some(("child", 1)),
    },
    Obstacle {
        name: "duality",
        sql: "CREATE JSON RELATIONAL DUALITY VIEW dual_v AS \
SELECT JSON_DUALITY_OBJECT('_id': id, 'name': name) FROM account",
        named: &[],
        table: None,
    },
    Obstacle {
        name: "numbers",
        // Only the server itself writes a DECIMAL into a document.
        sql: "CREATE TABLE j (id INT PRIMARY KEY, d JSON)
%%
INSERT INTO j VALUES (1, JSON_ARRAY(CAST(1.10 AS DECIMAL(10,2)))), (2, '[1.5]')",
        named: &["table `j` (2 rows)", "1 documents in `d`"],
        table: Some(("j", 2)),
    },
    Obstacle {
        name: "secondary",
        sql: "CREATE TABLE se (id INT PRIMARY KEY, n INT NOT SECONDARY) SECONDARY_ENGINE=rapid",
        named: &["table `se`", "SECONDARY_ENGINE"],
        table: None,
    },
    Obstacle {
        name: "no_space",
        sql: "CREATE TABLE gone (id INT PRIMARY KEY)
%%
ALTER TABLE gone DISCARD TABLESPACE",
        named: &["table `gone`", "cannot be read"],
        table: None,
    },
];

const MARIADB: &[Obstacle] = &[
    Obstacle {
        name: "sequence",
        sql: "CREATE SEQUENCE s START WITH 100
%%
CREATE TABLE numbered (id INT PRIMARY KEY DEFAULT nextval(s), note TEXT)
%%
INSERT INTO numbered (note) VALUES ('x')",
        named: &["table `s`", "it is a sequence", "table `numbered` (1 row)"],
        table: Some(("numbered", 1)),
    },
    Obstacle {
        name: "versioned",
        sql: "CREATE TABLE price (id INT PRIMARY KEY, n INT) WITH SYSTEM VERSIONING
%%
INSERT INTO price VALUES (1, 1)
%%
UPDATE price SET n = 2
%%
CREATE TRIGGER price_in BEFORE INSERT ON price FOR EACH ROW SET NEW.n = 1",
        named: &["table `price` (2 rows)", "system-versioned", "trigger `price_in`"],
        table: Some(("price", 1)),
    },
    Obstacle {
        name: "package",
        sql: "SET sql_mode = 'ORACLE'
%%
CREATE PACKAGE pk AS FUNCTION f RETURN INT; END
%%
CREATE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN 1; END; END",
        named: &["package"],
        table: None,
    },
];

const BOTH: &[Obstacle] = &[
    Obstacle {
        name: "foreign",
        sql: "CREATE DATABASE IF NOT EXISTS way_back_elsewhere
%%
CREATE TABLE IF NOT EXISTS way_back_elsewhere.country (code CHAR(2) PRIMARY KEY)
%%
CREATE TABLE city (id INT PRIMARY KEY, c CHAR(2), \
CONSTRAINT there FOREIGN KEY (c) REFERENCES way_back_elsewhere.country (code))
%%
INSERT INTO city VALUES (1, NULL)",
        named: &["table `city` (1 row)", "qualified with a schema, way_back_elsewhere"],
        table: Some(("city", 1)),
    },
    Obstacle {
        name: "merge",
        sql: "CREATE TABLE m_one (id INT) ENGINE=MyISAM
%%
CREATE TABLE m_all (id INT) ENGINE=MERGE UNION=(m_one) INSERT_METHOD=LAST
%%
INSERT INTO m_all VALUES (1), (2)",
        named: &["table `m_all`", "storage engine MRG_"],
        table: Some(("m_one", 2)),
    },
    Obstacle {
        name: "not_text",
        // A client that says its text is binary leaves bytes that are no text.
        sql: "SET NAMES binary
%%
CREATE PROCEDURE odd() SELECT x'636166E9' AS c, 'caf\u{e9}'
%%
CREATE VIEW hidden AS SELECT twice(2) AS four",
        named: &[],
        table: None,
    },
    Obstacle {
        name: "in_the_way",
        // A table of the backup has the name of a view that cannot be read.
        sql: "CREATE TABLE short_lived (id INT)
%%
CREATE VIEW later AS SELECT id FROM short_lived
%%
DROP TABLE short_lived
%%
RENAME TABLE rating TO was_rating
%%
RENAME TABLE later TO rating",
        named: &[],
        table: Some(("was_rating", 3)),
    },
];

pub(super) fn obstacles(kind: Server) -> impl Iterator<Item = &'static Obstacle> {
    let own = if kind == Server::Mysql { MYSQL } else { MARIADB };
    own.iter().chain(BOTH)
}
